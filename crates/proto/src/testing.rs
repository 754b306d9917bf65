//! Two sessions, a wire between them, virtual time and a transcript. And the checks every protocol owes.
use std::{collections::VecDeque, fmt::Write, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    Answer, CloseReason, ConfigError, Delivery, Fact, Frame, Input, Output, Protocol, RawPolicy,
    Session, Ticket, Time, explain::Explanation, rng::Rng, session::Answers,
};

pub mod cync;
pub mod hsms;
pub mod quirks;
pub mod secs2;
pub mod tazcom;

/// A client and a device of one protocol, joined by a perfect wire that delivers `piece` bytes at a time.
pub struct Pair<P: Protocol> {
    /// The client's end.
    pub client: P::Client,
    /// The device's end.
    pub device: P::Device,
    /// Virtual time.
    pub now: Time,
    /// What happened, a line each.
    pub transcript: String,
    /// Answers the client got.
    pub replies: Vec<(Ticket, P::Reply)>,
    /// What the client was told unasked.
    pub pushes: Vec<P::Reply>,
    /// What each frame sent is called: by the session that sent it, and by its bytes.
    pub kinds: Vec<[&'static str; 2]>,
    /// Facts either end told.
    pub facts: Vec<Fact>,
    /// Why either end closed; the client's first.
    pub closed: [Option<CloseReason>; 2],
    /// Bytes per delivery.
    pub piece: usize,
    wire: [VecDeque<Bytes>; 2],
    alarm: [Option<Time>; 2],
}

impl<P: Protocol> Pair<P> {
    /// Opens a connection between a client and a device configured by `protocol`.
    pub fn new(protocol: &P) -> Self {
        let now = Time::default();
        Self {
            client: protocol.client(now),
            device: protocol.device(now),
            now,
            transcript: String::new(),
            replies: Vec::new(),
            pushes: Vec::new(),
            kinds: Vec::new(),
            facts: Vec::new(),
            closed: [None, None],
            piece: usize::MAX,
            wire: [VecDeque::new(), VecDeque::new()],
            alarm: [None, None],
        }
    }
    /// The client asks, and everything runs until nothing more would happen.
    pub fn ask(&mut self, ticket: Ticket, request: P::Request) {
        self.client.handle_input(self.now, Input::Request(ticket, request));
        self.run();
    }
    /// Runs until both ends wait for something that will not come by itself.
    pub fn run(&mut self) {
        for _ in 0..100_000 {
            let spoke = self.drain_client() | self.drain_device();
            if spoke | self.deliver(0) | self.deliver(1) {
                continue;
            }
            let Some(at) = self.alarm.iter().flatten().min().copied() else { return };
            self.now = self.now.max(at);
            self.client.handle_input(self.now, Input::Timeout);
            self.device.handle_input(self.now, Input::Timeout);
        }
        panic!("the two never came to rest:\n{}", self.transcript);
    }
    fn drain_client(&mut self) -> bool {
        let mut spoke = false;
        loop {
            match self.client.poll_output() {
                Output::Reply(ticket, reply) => self.replies.push((ticket, reply)),
                other => match self.common(0, other) {
                    true => return spoke,
                    false => spoke = true,
                },
            }
        }
    }
    fn drain_device(&mut self) -> bool {
        let mut spoke = false;
        loop {
            let output = self.device.poll_output();
            match self.common(1, output) {
                true => return spoke,
                false => spoke = true,
            }
        }
    }
    /// Does what both ends ask for alike. Says whether the end is waiting now.
    fn common(&mut self, end: usize, output: Output<P::Reply>) -> bool {
        let who = ["client", "device"][end];
        let at = self.now.since_start().as_millis();
        match output {
            Output::Transmit(Frame { bytes, kind, .. }) => {
                let _ =
                    writeln!(self.transcript, "{at:>5} ms  {who} sends {kind}, {} B", bytes.len());
                self.kinds.push([kind, P::kind(&bytes)]);
                if self.closed[end].is_none() {
                    self.wire[end].push_back(bytes);
                }
            }
            Output::Received(Frame { kind, .. }) => {
                let _ = writeln!(self.transcript, "{at:>5} ms  {who} understands {kind}");
            }
            Output::Fact(fact) => {
                let _ = writeln!(self.transcript, "{at:>5} ms  {who}: {fact:?}");
                self.facts.push(fact);
            }
            Output::Close(reason) => {
                let _ = writeln!(self.transcript, "{at:>5} ms  {who} closes: {reason}");
                self.closed[end].get_or_insert(reason);
            }
            Output::Push(said) if end == 0 => self.pushes.push(said),
            Output::Ready(_) | Output::Push(_) | Output::Finish | Output::Reply(..) => {}
            Output::Wait(at) => {
                self.alarm[end] = at;
                return true;
            }
        }
        false
    }
    fn deliver(&mut self, from: usize) -> bool {
        if from == 0 && !self.device.reading() {
            return false;
        }
        let Some(mut bytes) = self.wire[from].pop_front() else { return false };
        let piece = bytes.split_to(self.piece.clamp(1, bytes.len()));
        if !bytes.is_empty() {
            self.wire[from].push_front(bytes);
        }
        match from {
            0 if self.closed[1].is_none() => {
                self.device.handle_input(self.now, Input::Received(&piece));
            }
            1 if self.closed[0].is_none() => {
                self.client.handle_input(self.now, Input::Received(&piece));
            }
            _ => {}
        }
        true
    }
}

/// Another protocol, with its answers trusted to name their requests.
pub struct Named<P>(pub P);

impl<P: Protocol> Protocol for Named<P> {
    const NAME: &'static str = P::NAME;
    const PORT: u16 = P::PORT;
    const ANSWERS: Answers = Answers::Named;
    const CONFIRM: Delivery = P::CONFIRM;
    const HIGHEST: Delivery = P::HIGHEST;
    type Settings = P::Settings;
    type Request = P::Request;
    type Reply = P::Reply;
    type Prompt = P::Prompt;
    type Quirk = P::Quirk;
    type Snapshot = P::Snapshot;
    type Client = P::Client;
    type Device = P::Device;
    fn new(settings: P::Settings) -> Result<Self, ConfigError> {
        P::new(settings).map(Self)
    }
    fn client(&self, now: Time) -> P::Client {
        self.0.client(now)
    }
    fn device(&self, now: Time) -> P::Device {
        self.0.device(now)
    }
    fn answer(reply: &P::Reply) -> Answer {
        P::answer(reply)
    }
    fn highest(request: &P::Request) -> Delivery {
        P::highest(request)
    }
    fn policy(&self) -> RawPolicy {
        self.0.policy()
    }
    fn listens(&self) -> bool {
        self.0.listens()
    }
    fn dials(&self) -> Option<Duration> {
        self.0.dials()
    }
    fn device_id(request: &P::Request) -> Option<Arc<str>> {
        P::device_id(request)
    }
    fn misbehave(&self, quirk: P::Quirk) {
        self.0.misbehave(quirk);
    }
    fn prompt(&self, now: Time, prompt: P::Prompt) -> Result<(), ConfigError> {
        self.0.prompt(now, prompt)
    }
    fn snapshot(&self) -> P::Snapshot {
        self.0.snapshot()
    }
    fn explain(bytes: &[u8]) -> Explanation {
        P::explain(bytes)
    }
    fn extent(bytes: &[u8]) -> Option<u64> {
        P::extent(bytes)
    }
    fn kind(message: &[u8]) -> &'static str {
        P::kind(message)
    }
    fn kinds() -> Vec<&'static str> {
        P::kinds()
    }
}

/// What every protocol owes: the same answer however the bytes are cut, and no harm from noise.
///
/// # Panics
/// When it does not hold, with the transcript.
pub fn check<P: Protocol>(fresh: impl Fn() -> P, request: P::Request) {
    for piece in [usize::MAX, 1, 2, 3, 7, 64] {
        let mut pair = Pair::new(&fresh());
        pair.piece = piece;
        pair.ask(Ticket(1), request.clone());
        let ends = |(_, reply): &&(_, P::Reply)| !matches!(P::answer(reply), Answer::SoFar(_));
        let last: Vec<_> = pair.replies.iter().filter(ends).map(|(ticket, _)| *ticket).collect();
        let answered = last == [Ticket(1)] && pair.replies.iter().all(|(t, _)| *t == Ticket(1));
        assert!(pair.kinds.iter().all(|[told, read]| told == read), "{:?}", pair.kinds);
        assert!(answered, "{} in pieces of {piece}:\n{}", P::NAME, pair.transcript);
    }
    for seed in 0..500 {
        noise_does_no_harm(&fresh(), seed);
    }
}

fn noise_does_no_harm<P: Protocol>(protocol: &P, seed: u64) {
    let mut rng = Rng::new(seed, &[]);
    let (mut client, mut device) =
        (protocol.client(Time::default()), protocol.device(Time::default()));
    for step in 0..20 {
        let now = Time::default() + Duration::from_secs(step);
        let noise: Vec<u8> = (0..rng.below(50)).map(|_| rng.next_u64() as u8).collect();
        client.handle_input(now, Input::Received(&noise));
        device.handle_input(now, Input::Received(&noise));
        for _ in 0..10_000 {
            match client.poll_output() {
                Output::Reply(..) => panic!("{}: noise was taken for an answer", P::NAME),
                Output::Close(_) | Output::Wait(_) => break,
                _ => {}
            }
        }
        while !matches!(device.poll_output(), Output::Close(_) | Output::Wait(_)) {}
    }
}

/// Whatever a device sends, and however it is cut: a client makes the same of it, settles its one
/// request at most once, and comes to rest. Fuzzers call this.
///
/// # Panics
/// When it does not hold.
pub fn client_takes<P: Protocol>(protocol: &P, request: &P::Request, bytes: &[u8]) {
    let words = any_cut_is_alike::<P, _>(bytes, || {
        let mut client = protocol.client(Time::default());
        client.handle_input(Time::default(), Input::Request(Ticket(1), request.clone()));
        client
    });
    let settled = words.iter().filter(|word| word.starts_with("reply")).count();
    assert!(settled <= 1, "settled {settled} times: {words:?}");
}

/// Whatever a client sends, and however it is cut: a device makes the same of it, and comes to rest.
/// Fuzzers call this.
///
/// # Panics
/// When it does not hold.
pub fn device_takes<P: Protocol>(fresh: impl Fn() -> P, bytes: &[u8]) {
    any_cut_is_alike::<P, _>(bytes, || fresh().device(Time::default()));
}

/// Whatever the bytes, each of them is explained, and none twice. Fuzzers call this.
///
/// # Panics
/// When it does not hold.
pub fn explains<P: Protocol>(bytes: &[u8]) {
    let parts = P::explain(bytes).parts;
    let end = parts.iter().fold(0, |end, part| {
        assert_eq!(part.offset, end, "a gap or an overlap: {parts:?}");
        end + part.len
    });
    assert_eq!(end, bytes.len(), "{parts:?}");
    // Taking messages off a stream comes to an end.
    let mut rest = bytes;
    while let Some(extent) = P::extent(rest) {
        assert!(extent > 0, "{rest:02x?}");
        rest = &rest[rest.len().min(usize::try_from(extent).unwrap_or(usize::MAX))..];
    }
}

fn any_cut_is_alike<P, S>(bytes: &[u8], fresh: impl Fn() -> S) -> Vec<String>
where
    P: Protocol,
    S: Session<Reply = P::Reply>,
{
    let whole = understood::<P, _>(fresh(), bytes, usize::MAX);
    for piece in [1, 2, 7] {
        assert_eq!(understood::<P, _>(fresh(), bytes, piece), whole, "in pieces of {piece}");
    }
    whole
}

/// What a session says to these bytes, so delivered, and to the end that follows.
fn understood<P, S>(mut session: S, bytes: &[u8], piece: usize) -> Vec<String>
where
    P: Protocol,
    S: Session<Reply = P::Reply>,
{
    let now = Time::default();
    let mut words = Vec::new();
    let mut closed = rests::<P, _>(&mut session, &mut words);
    for piece in bytes.chunks(piece) {
        if closed {
            return words;
        }
        session.handle_input(now, Input::Received(piece));
        closed = rests::<P, _>(&mut session, &mut words);
    }
    session.handle_input(now, Input::Eof);
    rests::<P, _>(&mut session, &mut words);
    words
}

/// Hears a session out. Says whether it closed; words that depend on where bytes were cut are left out.
fn rests<P, S>(session: &mut S, words: &mut Vec<String>) -> bool
where
    P: Protocol,
    S: Session<Reply = P::Reply>,
{
    for _ in 0..1_000_000 {
        words.push(match session.poll_output() {
            Output::Transmit(Frame { kind, ticket, .. }) => format!("sends {kind} {ticket:?}"),
            Output::Received(Frame { kind, ticket, .. }) => format!("takes {kind} {ticket:?}"),
            Output::Reply(ticket, reply) => match P::answer(&reply) {
                Answer::SoFar(level) => format!("so far {level} {ticket:?}"),
                Answer::Accepted(_) | Answer::Rejected(_) | Answer::TimedOut(_) => {
                    format!("reply {ticket:?}")
                }
            },
            Output::Fact(Fact::Malformed { reason, .. }) => format!("malformed {reason}"),
            Output::Fact(Fact::Odd { what, .. }) => format!("odd {what}"),
            Output::Fact(fact) => format!("{fact:?}"),
            Output::Ready(_) | Output::Push(_) | Output::Finish => continue,
            Output::Close(_) => return true,
            Output::Wait(_) => return false,
        });
    }
    panic!("it never came to rest: {:?}", &words[..10]);
}
