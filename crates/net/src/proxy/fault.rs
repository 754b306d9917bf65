//! What a link can be made to do wrong, a variant each. The command line, scenario files, the HTTP
//! interface and the README's table all follow from this file.
use std::fmt;

use proto::{ConfigError, Span, session::hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A way to harm a link. It knows bytes; what a frame is, its [`Place`](super::Place) may ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Every byte comes later, and none before one sent earlier.
    Latency {
        /// So much.
        delay: Span,
        /// More or less by up to this; its standard deviation if the shape is normal.
        #[serde(default)]
        jitter: Span,
        /// How the delays are spread.
        #[serde(default)]
        shape: Shape,
    },
    /// Only so many bytes a second.
    Bandwidth {
        /// Bytes a second; 0 lets nothing through.
        rate: u64,
        /// All connections share it.
        #[serde(default)]
        shared: bool,
    },
    /// Nothing passes for a while; then all that waited.
    Stall {
        /// How long; without it, until the fault is lifted.
        #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
        time: Option<Span>,
    },
    /// Nothing passes until the fault is lifted, ends included; who sends sees nothing of it.
    BlackHole {
        /// What was sent is lost for good, instead of coming when the fault is lifted.
        #[serde(default)]
        lose: bool,
    },
    /// Everything is lost, and then both sides are closed (FIN). When it is lifted, connections that
    /// lost something are closed too.
    Timeout {
        /// After so long; without it, only when the fault is lifted.
        #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
        time: Option<Span>,
    },
    /// Written in pieces.
    Slice {
        /// Bytes a piece.
        size: u32,
        /// More or less by up to this.
        #[serde(default)]
        vary: u32,
        /// Time between two.
        #[serde(default)]
        gap: Span,
    },
    /// Cut in two here: the rest is written when the receiver has read all before it.
    Split {},
    /// Byte by byte, each written when the receiver has read the one before.
    Dribble {
        /// And not before this.
        #[serde(default)]
        gap: Span,
    },
    /// Bytes are gathered and written in one go.
    Coalesce {
        /// So many.
        bytes: u32,
        /// Or what there is after this.
        #[serde(default = "second")]
        wait: Span,
    },
    /// Bits flip.
    Corrupt {
        /// Which, in every byte struck.
        #[serde(default)]
        mask: Mask,
        /// How many bytes.
        #[serde(default = "one")]
        bytes: u64,
    },
    /// Bytes that nobody sent.
    Insert {
        /// The bytes.
        hex: Hex,
    },
    /// Bytes vanish.
    Drop {
        /// How many.
        #[serde(default = "one")]
        bytes: u64,
    },
    /// Bytes come twice.
    Duplicate {
        /// How many; without it, the frame.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// A frame ends early; without a frame, the stream does.
    Truncate {
        /// Bytes of it that come.
        #[serde(default)]
        keep: u64,
    },
    /// Both sides are closed (FIN).
    Close {},
    /// The receiver is told that nothing more comes (FIN), and the sender nothing.
    HalfClose {},
    /// Both sides are reset (RST).
    Reset {},
    /// The end of the stream comes later.
    DelayFin {
        /// So much.
        delay: Span,
    },
    /// Connects are refused.
    Refuse {},
    /// Connects find a full backlog: nothing answers them.
    BacklogFull {},
    /// Connects succeed, and nobody accepts.
    AcceptNever {},
    /// Accepted later.
    DelayAccept {
        /// So much.
        delay: Span,
    },
    /// Accepted and closed (FIN).
    AcceptThenClose {},
    /// Accepted and reset (RST).
    AcceptThenReset {},
    /// Closed with the first bytes unread, which resets (RST).
    CloseUnread {},
    /// Comes and goes: while it is down connects are refused, and open connections closed.
    Schedule {
        /// How long it is up.
        up: Span,
        /// How long it is down.
        down: Span,
    },
    /// The kernel's receive buffer is this small.
    ReceiveBuffer {
        /// Bytes asked for; Linux takes twice as many.
        bytes: u32,
    },
}

/// How delays are spread around their middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Evenly.
    #[default]
    Uniform,
    /// As a bell.
    Normal,
}

/// What a fault is about, which says where it can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// All bytes of a lane, from when it is there.
    Flow,
    /// One place in a stream, which must be named.
    Spot,
    /// A place, or else at once.
    End,
    /// Whoever wants to connect.
    Door,
}

/// A fault as people are told of it.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// As it is spelled, with everything it takes.
    pub example: &'static str,
    /// What it is about.
    pub class: Class,
    /// What it does.
    pub does: &'static str,
}

macro_rules! about {
    ($($class:ident $example:literal $does:literal)*) => {
        &[$(About { example: $example, class: Class::$class, does: $does }),*]
    };
}

/// Every fault there is, in the order of the enum.
pub const ABOUT: &[About] = about! {
    Flow "latency delay=20ms jitter=5ms shape=normal" "every byte comes later, in order"
    Flow "bandwidth rate=1000000 shared=true" "so many bytes a second; 0 is a black hole"
    End "stall for=500ms" "nothing passes for a while, then all that waited"
    End "black_hole lose=true" "nothing passes until it is lifted; then all that waited, or nothing if lost"
    End "timeout for=1s" "everything is lost; then, or when it is lifted, both sides are closed (FIN)"
    Flow "slice size=16 vary=4 gap=1ms" "written in pieces"
    Spot "split" "cut in two, and proved: the rest is written when all before it was read"
    Flow "dribble gap=1ms" "byte by byte, each when the one before was read"
    Flow "coalesce bytes=64 wait=50ms" "gathered, and written in one go"
    Spot "corrupt mask=ff bytes=1" "bits flip"
    Spot "insert hex=0a0b0c" "bytes that nobody sent; without a place at once, between two frames"
    Spot "drop bytes=1" "bytes vanish"
    Spot "duplicate bytes=4" "bytes come twice; the whole frame, where one is named"
    Spot "truncate keep=3" "a frame ends early, or the stream"
    End "close" "both sides are closed (FIN)"
    End "half_close" "the receiver is told nothing more comes (FIN)"
    End "reset" "both sides are reset (RST)"
    Flow "delay_fin delay=1s" "the end of the stream comes later"
    Door "refuse" "connects are refused"
    Door "backlog_full" "connects find a full backlog, and get no answer"
    Door "accept_never" "connects succeed, and nobody accepts"
    Door "delay_accept delay=1s" "accepted later"
    Door "accept_then_close" "accepted and closed (FIN)"
    Door "accept_then_reset" "accepted and reset (RST)"
    Door "close_unread" "closed with the first bytes unread, which resets (RST)"
    Door "schedule up=5s down=2s" "comes and goes, connections with it"
    Door "receive_buffer bytes=4096" "a small receive buffer: backpressure comes early"
};

impl Fault {
    /// Its place in [`ABOUT`].
    pub fn about(&self) -> &'static About {
        let name = self.name();
        let named = |about: &&About| about.example.split(' ').next() == Some(name);
        ABOUT.iter().find(named).expect("a test holds the list against the enum")
    }
    /// Its name, as people write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Bandwidth { .. } => "bandwidth",
            Self::Stall { .. } => "stall",
            Self::BlackHole { .. } => "black_hole",
            Self::Timeout { .. } => "timeout",
            Self::Slice { .. } => "slice",
            Self::Split {} => "split",
            Self::Dribble { .. } => "dribble",
            Self::Coalesce { .. } => "coalesce",
            Self::Corrupt { .. } => "corrupt",
            Self::Insert { .. } => "insert",
            Self::Drop { .. } => "drop",
            Self::Duplicate { .. } => "duplicate",
            Self::Truncate { .. } => "truncate",
            Self::Close {} => "close",
            Self::HalfClose {} => "half_close",
            Self::Reset {} => "reset",
            Self::DelayFin { .. } => "delay_fin",
            Self::Refuse {} => "refuse",
            Self::BacklogFull {} => "backlog_full",
            Self::AcceptNever {} => "accept_never",
            Self::DelayAccept { .. } => "delay_accept",
            Self::AcceptThenClose {} => "accept_then_close",
            Self::AcceptThenReset {} => "accept_then_reset",
            Self::CloseUnread {} => "close_unread",
            Self::Schedule { .. } => "schedule",
            Self::ReceiveBuffer { .. } => "receive_buffer",
        }
    }
    /// It needs no bytes of others to strike at, and so no place: without one it strikes at once.
    pub fn brings_bytes(&self) -> bool {
        matches!(self, Self::Insert { .. })
    }
    /// What whoever asked for it should know.
    pub fn note(&self) -> Option<&'static str> {
        matches!(self, Self::Bandwidth { rate: 0, .. }).then_some("rate 0 lets nothing through")
    }
    /// Checks its numbers.
    ///
    /// # Errors
    /// Which of them makes no sense.
    pub fn check(&self) -> Result<(), ConfigError> {
        let zero = |key: &str| Err(ConfigError::new(key, "must be more than 0"));
        match self {
            Self::Slice { size: 0, .. } => zero("size"),
            Self::Slice { size, vary, .. } if vary >= size => {
                Err(ConfigError::new("vary", "must be less than `size`, or a piece has no bytes"))
            }
            Self::Coalesce { bytes: 0, .. } | Self::ReceiveBuffer { bytes: 0 } => zero("bytes"),
            Self::Corrupt { bytes: 0, .. }
            | Self::Drop { bytes: 0 }
            | Self::Duplicate { bytes: Some(0) } => zero("bytes"),
            Self::Duplicate { bytes: Some(bytes) } if *bytes > MAX_COPY => {
                Err(ConfigError::new("bytes", format!("must be at most {MAX_COPY}")))
            }
            Self::Corrupt { mask: Mask(0), .. } => {
                Err(ConfigError::new("mask", "00 flips no bit; ff flips all of them"))
            }
            Self::Insert { hex } if hex.0.is_empty() => {
                Err(ConfigError::new("hex", "names no bytes"))
            }
            Self::Schedule { up, down } if up.0.is_zero() || down.0.is_zero() => zero("up, down"),
            _ => Ok(()),
        }
    }
}

/// Bytes that `duplicate` keeps at most.
pub const MAX_COPY: u64 = 1 << 20;

/// Bytes, written as hex digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Hex(pub bytes::Bytes);

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex::encode(&self.0).replace(' ', ""))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        hex::decode(&String::deserialize(d)?).map(Self).map_err(D::Error::custom)
    }
}

/// Bits of a byte, written as two hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask(pub u8);

impl Default for Mask {
    fn default() -> Self {
        Self(0xff)
    }
}

impl Serialize for Mask {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{:02x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        u8::from_str_radix(digits, 16)
            .map(Self)
            .map_err(|_| D::Error::custom(format!("`{text}` is no mask; write two hex digits")))
    }
}

const fn one() -> u64 {
    1
}

const fn second() -> Span {
    Span::millis(1000)
}
