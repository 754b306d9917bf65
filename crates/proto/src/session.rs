//! The one interface every protocol implements, on the client and on the device side.
use std::{borrow::Cow, fmt, fmt::Debug, str::FromStr, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{RawPolicy, Time, cover::NewCover, explain::Explanation, resilience::Delivery};

/// A configured node of one kind: its vocabulary, and how to open either end of a connection.
pub trait Protocol: Sized + Send + Sync + 'static {
    /// The name in scenario files and on the command line.
    const NAME: &'static str;
    /// The port a device of this kind usually listens on.
    const PORT: u16;
    /// How answers find their requests.
    const ANSWERS: Answers;
    /// How far a request must get to count as done, unless the caller asks for another level.
    const CONFIRM: Delivery;
    /// The highest level this protocol can ever prove.
    const HIGHEST: Delivery;
    /// What keeps its secrets out of whatever is written down, if it says any.
    const COVER: NewCover = None;
    /// What a file or flag may set, unchecked.
    type Settings: DeserializeOwned + Default;
    /// What a client asks of a device.
    type Request: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What a device answers.
    type Reply: Clone + Debug + Serialize + Send + 'static;
    /// What a device can be told to say unasked; `Never` if it only answers.
    type Prompt: Clone + Debug + DeserializeOwned + Send + Sync + 'static;
    /// What a device can be told to do wrong.
    type Quirk: Clone + Debug + fmt::Display + FromStr<Err = ConfigError> + Send + Sync + 'static;
    /// What the device would say of itself when asked.
    type Snapshot: Serialize + Send;
    /// The client's end of one connection.
    type Client: Session<Request = Self::Request, Reply = Self::Reply> + Send;
    /// The device's end of one connection.
    type Device: Session<Request = Never, Reply = Self::Reply> + Send;

    /// The one door for settings: everything is checked here, nothing changes later.
    fn new(settings: Self::Settings) -> Result<Self, ConfigError>;
    /// The settings of the nth of several devices that are alike, the first being 0; none, if several
    /// would be one and the same.
    fn nth(settings: Self::Settings, n: u32) -> Option<Self::Settings> {
        (n == 0).then_some(settings)
    }
    /// Starts the client end on a connection that has just opened.
    fn client(&self, now: Time) -> Self::Client;
    /// Starts the device end. All ends share the device's memory, which lives in `self`.
    fn device(&self, now: Time) -> Self::Device;
    /// What this answer proves about its request.
    fn answer(reply: &Self::Reply) -> Answer;
    /// The highest level this very request can prove.
    fn highest(request: &Self::Request) -> Delivery {
        let _ = request;
        Self::HIGHEST
    }
    /// The policy its clients have unless told otherwise.
    fn policy(&self) -> RawPolicy {
        RawPolicy::default()
    }
    /// Its client listens, and the device dials.
    fn listens(&self) -> bool {
        false
    }
    /// The device dials, with at least this between the end of one connection and the next.
    fn dials(&self) -> Option<Duration> {
        None
    }
    /// The device a request is meant for, where requests say so.
    fn device_id(request: &Self::Request) -> Option<Arc<str>>;
    /// From now on the device behaves like this.
    fn misbehave(&self, quirk: Self::Quirk);
    /// The device is told to say something, whether or not anybody is connected. Its sessions hear
    /// [`Input::Prompted`] afterwards.
    ///
    /// # Errors
    /// It knows nothing of the kind.
    fn prompt(&self, now: Time, prompt: Self::Prompt) -> Result<(), ConfigError>;
    /// Whether the device wants a listening socket at all; without one, connects are refused.
    fn listening(&self) -> bool {
        true
    }
    /// Whether the device was told to leave its port for another one. Asking forgets it.
    fn leaves(&self) -> bool {
        false
    }
    /// A look at what the device remembers, asked of the device itself.
    fn snapshot(&self) -> Self::Snapshot;
    /// Every byte named, and what is wrong with it.
    fn explain(bytes: &[u8]) -> Explanation;
    /// How many bytes the first message of this stream has, sound or not, which may be more than are
    /// there; none while that cannot be said. At least one.
    fn extent(bytes: &[u8]) -> Option<u64>;
    /// What evidence calls a whole message, sound or not: the `kind` of its frame.
    fn kind(message: &[u8]) -> &'static str;
    /// Every answer that [`Self::kind`] can give; none if it cannot say.
    fn kinds() -> Vec<&'static str> {
        Vec::new()
    }
    /// A message on one line, for reading.
    fn in_words(message: &[u8]) -> String {
        Self::explain(message).in_words()
    }
    /// What a whole message asks or answers; none if the protocol does not say.
    fn turns(message: &[u8]) -> Vec<crate::turn::Turn> {
        let _ = message;
        Vec::new()
    }
}

/// One end of one connection. It is dropped with the connection, so nothing stale outlives it.
///
/// Call [`handle_input`](Session::handle_input) with whatever happened, then
/// [`poll_output`](Session::poll_output) until it says [`Output::Wait`].
pub trait Session {
    /// What this end can be asked to say.
    type Request;
    /// What comes back for it.
    type Reply;
    /// Something happened at `now`.
    fn handle_input(&mut self, now: Time, input: Input<'_, Self::Request>);
    /// What to do next.
    fn poll_output(&mut self) -> Output<Self::Reply>;
    /// Whether it takes bytes. While it does not, a device's driver leaves them in the kernel, and
    /// notices neither FIN nor RST.
    fn reading(&self) -> bool {
        true
    }
}

/// What can happen to a session.
#[derive(Debug)]
pub enum Input<'a, R> {
    /// Bytes arrived.
    Received(&'a [u8]),
    /// The peer finished sending (FIN). It may still read.
    Eof,
    /// Say this, under this ticket.
    Request(Ticket, R),
    /// Nobody waits for this request any more: an answer that still comes is late.
    Forget(Ticket),
    /// The device was prompted, or told to behave otherwise: there may be something to say or to do.
    Prompted,
    /// We are about to hang up: say what the protocol wants said first.
    Leave,
    /// The instant asked for by [`Output::Wait`] has passed.
    Timeout,
}

/// What a session wants done, or has to tell.
#[derive(Debug)]
pub enum Output<R> {
    /// Write these bytes.
    Transmit(Frame),
    /// A whole inbound frame was understood. Nothing to do; it is evidence.
    Received(Frame),
    /// The peer will now take requests.
    Ready(Proof),
    /// The answer to a request.
    Reply(Ticket, R),
    /// Something the peer said unasked.
    Push(R),
    /// Something worth writing down.
    Fact(Fact),
    /// Finish sending (FIN) and go on reading.
    Finish,
    /// End the connection, once everything before this was written.
    Close(CloseReason),
    /// Nothing more until input arrives or this instant passes.
    Wait(Option<Time>),
}

/// How answers find their requests, and so how many requests may be in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// They name them: any number in flight, in any order.
    Named,
    /// They do not: one in flight, and a timeout ends the connection, or a late answer would be
    /// taken for the next request's.
    Unnamed,
    /// There are none to speak of: any number in flight, in order.
    None,
}

/// What an answer proves about its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It got this far, and nothing more will come.
    Accepted(Delivery),
    /// It got this far, and may get further: enough for whoever wants no more.
    SoFar(Delivery),
    /// The device says no, and why.
    Rejected(String),
    /// The protocol itself gave up waiting for one, and why.
    TimedOut(String),
}

/// Names one request across retries, reconnects, logs and both ends' evidence. Written as 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

impl Ticket {
    /// The ticket a wire id stands for: its value if it is 16 hex digits as we write them, else a
    /// stable hash (FNV-1a), so that foreign ids can be followed through the evidence as well.
    pub fn from_wire(id: &str) -> Self {
        let ours = id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match u64::from_str_radix(id, 16) {
            Ok(n) if ours => Self(n),
            _ => Self(id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            })),
        }
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{self}")
    }
}

impl Serialize for Ticket {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ticket {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(d).map(|id| Self::from_wire(&id))
    }
}

/// How we know the peer is really there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The socket opened. Nobody has answered yet.
    Connected,
    /// The connection stayed healthy for a while; all that a mute protocol can give.
    Survived,
    /// The peer answered something we sent on this very connection.
    RoundTrip,
}

/// One protocol message on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The whole frame as it is on the wire.
    pub bytes: Bytes,
    /// What the protocol calls it.
    pub kind: &'static str,
    /// The request it belongs to.
    pub ticket: Option<Ticket>,
    /// The id as the wire spells it, where that is not simply the ticket.
    pub msg_id: Option<Arc<str>>,
    /// The device it names.
    pub device_id: Option<Arc<str>>,
}

/// Something a session knows and evidence should hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The device did what the request asked.
    Applied {
        /// The request.
        ticket: Ticket,
        /// The device it changed.
        device_id: Arc<str>,
        /// What it is now.
        state: Cow<'static, str>,
    },
    /// A request came again and was not done again.
    Duplicate {
        /// The request.
        ticket: Ticket,
        /// How often it has arrived, this time included.
        arrivals: u32,
    },
    /// The device let go of ids of requests it remembered, for want of room or since they were old.
    Forgot {
        /// How many.
        ids: u32,
    },
    /// The device did something wrong on purpose.
    Quirk {
        /// Which quirk, as scenario files spell it.
        name: Cow<'static, str>,
        /// The request it hit, if it hit one.
        ticket: Option<Ticket>,
    },
    /// Bytes that are no frame.
    Malformed {
        /// What kind of wrong; a closed, short list, fit for a metric label.
        reason: Cow<'static, str>,
        /// The particulars.
        detail: String,
        /// The bytes in question, at most the first 64.
        #[serde(with = "hex")]
        bytes: Bytes,
    },
    /// An answer that repeats one already taken.
    Orphan {
        /// The request it was for.
        ticket: Ticket,
    },
    /// A sound message that has no place here, and what became of it.
    Odd {
        /// What became of it; a closed, short list, fit for a metric label.
        what: Cow<'static, str>,
        /// The particulars.
        detail: String,
    },
}

impl Fact {
    /// Bytes that are no frame, with no more of them than a person would read.
    pub(crate) fn malformed(reason: &'static str, detail: impl Into<String>, bytes: &[u8]) -> Self {
        let bytes = Bytes::copy_from_slice(&bytes[..bytes.len().min(64)]);
        Self::Malformed { reason: reason.into(), detail: detail.into(), bytes }
    }
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The peer finished (FIN).
    #[error("peer closed the connection")]
    Peer,
    /// The peer, or the path, reset it (RST).
    #[error("connection reset")]
    Reset,
    /// We waited in vain for this.
    #[error("no {0} in time")]
    TimedOut(Cow<'static, str>),
    /// The peer broke the protocol.
    #[error("peer broke the protocol: {0}")]
    Misbehaved(String),
    /// A timer of the protocol ran out: which, since when, started by what.
    #[error("{0}")]
    Timer(String),
    /// The peer would not have us.
    #[error("{0}")]
    Refused(String),
    /// The peer took its leave, with this.
    #[error("peer left with {0}")]
    Left(String),
    /// The operating system gave up on it.
    #[error("connection failed: {0}")]
    Failed(String),
    /// We were done.
    #[error("closed by us")]
    Local,
    /// We reset it, on purpose.
    #[error("reset by us")]
    Abort,
}

/// A setting that cannot be used: where it is and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct ConfigError {
    /// Path of the setting, as a file spells it.
    pub key: String,
    /// What is wrong and how to mend it.
    pub problem: String,
}

impl ConfigError {
    /// Says what is wrong with the setting at `key`.
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }
}

/// Has no values: the prompt of a device that never speaks first.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Never {}

/// Bytes as `f0 0d 01`: lower case, space separated.
pub mod hex {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes bytes as `f0 0d 01`.
    pub fn encode(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(bytes.len() * 3);
        for (i, byte) in bytes.iter().enumerate() {
            if i > 0 {
                text.push(' ');
            }
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text
    }
    /// Reads hex digits in pairs; spaces, colons, commas and `0x` between them are skipped.
    pub fn decode(text: &str) -> Result<Bytes, String> {
        let mut nibbles = Vec::with_capacity(text.len());
        for word in text.split(|c: char| c.is_whitespace() || matches!(c, ':' | ',')) {
            for c in word.strip_prefix("0x").unwrap_or(word).chars() {
                let digit = c.to_digit(16).ok_or_else(|| format!("`{c}` is not a hex digit"))?;
                nibbles.push(digit as u8);
            }
        }
        if !nibbles.len().is_multiple_of(2) {
            return Err("an odd number of hex digits; a byte has two".into());
        }
        Ok(nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
    }
    /// For `#[serde(with = "hex")]`.
    pub fn serialize<S: Serializer>(bytes: &Bytes, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&encode(bytes))
    }
    /// For `#[serde(with = "hex")]`.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Bytes, D::Error> {
        decode(&String::deserialize(d)?).map_err(D::Error::custom)
    }
}
