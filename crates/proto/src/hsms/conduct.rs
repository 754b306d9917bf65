//! How an endpoint takes what it gets: one table, a column for each way of reading the standard and
//! for each stack that was observed.
//!
//! E37 (generic) and E37.1 (single session) disagree on what to do with a bad message, and real
//! stacks disagree with both. So every such decision is a value here and nowhere else.
use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ConfigError;

/// What to do about something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// Take it as if it were right.
    Accept,
    /// Answer with this status; a bad text with this function of stream 9.
    Status(u8),
    /// Answer Reject.req and stay.
    Reject,
    /// Answer Reject.req and close.
    RejectClose,
    /// Do nothing about it.
    Ignore,
    /// Keep it until SELECTED, then take it.
    Hold,
    /// Close (FIN).
    Close,
    /// Reset (RST).
    Reset,
    /// Stay open and never answer anything again.
    Wedge,
}

/// What to do about each thing that may come, or not come.
#[derive(Clone, Copy, Debug)]
pub struct Conduct {
    /// The message type is read and written in the PType byte.
    pub type_in_ptype: bool,
    /// Select.rsp carries the session of its request, not `FFFF`.
    pub echo_session: bool,
    /// Our own Select.req carries the device id, not `FFFF`.
    pub select_by_id: bool,
    /// A Select.req whose session is not `FFFF`.
    pub select_session: Reaction,
    /// A Select.req when SELECTED.
    pub select_again: Reaction,
    /// Their Select.req while ours is open.
    pub crossing_select: Reaction,
    /// A Linktest.req when NOT SELECTED.
    pub early_linktest: Reaction,
    /// A data message when NOT SELECTED.
    pub early_data: Reaction,
    /// A data message while our Select.req is open.
    pub hasty_data: Reaction,
    /// A reserved SType below 128.
    pub odd_stype: Reaction,
    /// An SType from 128 up.
    pub wild_stype: Reaction,
    /// A PType other than 0.
    pub odd_ptype: Reaction,
    /// A control message with a text.
    pub control_text: Reaction,
    /// A length below 10.
    pub short_length: Reaction,
    /// A length over the limit. `Ignore` waits for all those bytes, and so for T8.
    pub long_length: Reaction,
    /// A Deselect.req when SELECTED.
    pub deselect: Reaction,
    /// A Deselect.req when NOT SELECTED.
    pub early_deselect: Reaction,
    /// A Separate.req when SELECTED.
    pub separate: Reaction,
    /// A Separate.req when NOT SELECTED.
    pub early_separate: Reaction,
    /// A control response to nothing we asked.
    pub orphan_response: Reaction,
    /// A Select.rsp to nothing we asked, while our Select.req is open.
    pub foreign_select_rsp: Reaction,
    /// A Reject.req of nothing we sent.
    pub orphan_reject: Reaction,
    /// No Select.rsp within T6.
    pub no_select_rsp: Reaction,
    /// Select.rsp status 1.
    pub already_active: Reaction,
    /// Any other Select.rsp status but 0.
    pub select_refused: Reaction,
    /// Our Select.req was rejected.
    pub select_rejected: Reaction,
    /// T7 is kept.
    pub t7: bool,
    /// A linktest starts T7 anew.
    pub linktest_holds_t7: bool,
    /// Separate.req goes out when the peer has finished.
    pub separate_on_eof: bool,
    /// T8 is kept.
    pub t8: bool,
    /// A second connection: `Status` answers its Select.req and closes, `Ignore` lets it in.
    pub second_connection: Reaction,
    /// A primary that nobody knows: `Accept` answers stream 9, as equipment should.
    pub unknown_primary: Reaction,
    /// A text that is no SECS-II: `Accept` answers stream 9.
    pub bad_text: Reaction,
    /// A text nested deeper than the limit: `Accept` answers stream 9.
    pub deep_text: Reaction,
}

use Reaction::{Accept, Close, Hold, Ignore, Reject, RejectClose, Reset, Status, Wedge};

/// Reject and stay for header faults, close for faults of framing, take whatever else can be taken.
const LENIENT: Conduct = Conduct {
    type_in_ptype: false,
    echo_session: true,
    select_by_id: false,
    select_session: Accept,
    select_again: Status(1),
    crossing_select: Accept,
    early_linktest: Accept,
    early_data: Reject,
    hasty_data: Reject,
    odd_stype: Reject,
    wild_stype: Reject,
    odd_ptype: Reject,
    control_text: Reject,
    short_length: Close,
    long_length: Close,
    deselect: Accept,
    early_deselect: Status(1),
    separate: Close,
    early_separate: Ignore,
    orphan_response: Reject,
    foreign_select_rsp: Reject,
    orphan_reject: Ignore,
    no_select_rsp: Close,
    already_active: Close,
    select_refused: Close,
    select_rejected: Close,
    t7: true,
    linktest_holds_t7: false,
    separate_on_eof: false,
    t8: true,
    second_connection: Status(3),
    unknown_primary: Accept,
    bad_text: Accept,
    deep_text: Accept,
};

/// Generic services: as lenient, but a control message has exactly ten bytes.
const E37: Conduct = Conduct { control_text: Close, ..LENIENT };

/// Single session: what does not belong is communication failure.
const E37_1: Conduct = Conduct {
    select_session: Close,
    crossing_select: Close,
    early_linktest: Close,
    early_data: Close,
    hasty_data: Close,
    odd_stype: Close,
    wild_stype: Close,
    odd_ptype: Close,
    control_text: Close,
    deselect: Close,
    early_deselect: Close,
    early_separate: Close,
    orphan_response: Close,
    foreign_select_rsp: Close,
    ..LENIENT
};

const GO_SECS: Conduct = Conduct {
    select_by_id: true,
    short_length: Reset,
    long_length: Reset,
    already_active: Ignore,
    second_connection: Close,
    unknown_primary: Ignore,
    bad_text: Ignore,
    deep_text: Ignore,
    ..LENIENT
};

const SECS4JAVA8: Conduct = Conduct {
    crossing_select: Hold,
    early_linktest: Close,
    early_data: Close,
    hasty_data: Hold,
    odd_stype: RejectClose,
    wild_stype: RejectClose,
    odd_ptype: RejectClose,
    control_text: Close,
    long_length: Ignore,
    deselect: Reject,
    early_deselect: Close,
    early_separate: Close,
    orphan_response: RejectClose,
    foreign_select_rsp: Ignore,
    orphan_reject: Close,
    already_active: Accept,
    unknown_primary: Ignore,
    bad_text: Close,
    deep_text: Wedge,
    ..LENIENT
};

const SECS4JS: Conduct = Conduct {
    linktest_holds_t7: true,
    echo_session: false,
    crossing_select: Reject,
    wild_stype: Reset,
    odd_ptype: Accept,
    control_text: Accept,
    long_length: Ignore,
    early_deselect: Reject,
    early_separate: Close,
    already_active: Accept,
    select_refused: Ignore,
    select_rejected: Ignore,
    unknown_primary: Ignore,
    bad_text: Ignore,
    deep_text: Ignore,
    ..LENIENT
};

const SECSGEM: Conduct = Conduct {
    separate_on_eof: true,
    bad_text: Status(5),
    echo_session: false,
    select_again: Status(0),
    odd_stype: Wedge,
    wild_stype: Wedge,
    odd_ptype: Accept,
    control_text: Accept,
    short_length: Ignore,
    long_length: Ignore,
    early_deselect: Status(0),
    separate: Ignore,
    orphan_response: Ignore,
    foreign_select_rsp: Accept,
    no_select_rsp: Ignore,
    already_active: Accept,
    select_refused: Accept,
    select_rejected: Ignore,
    t7: false,
    t8: false,
    second_connection: Reset,
    unknown_primary: Ignore,
    deep_text: Ignore,
    ..LENIENT
};

/// It writes the message type into the PType byte, never sets the W-bit and takes any Select status.
const XSTATENET: Conduct = Conduct { type_in_ptype: true, ..SECSGEM };

macro_rules! named {
    ($(#[$doc:meta])* $type:ident, $key:literal;
     $($(#[$line:meta])* $variant:ident $name:literal $conduct:ident,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $type { $($(#[$line])* $variant),* }

        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
            /// The name in files and on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
            /// Its column of the table.
            pub fn conduct(self) -> &'static Conduct {
                match self { $(Self::$variant => &$conduct),* }
            }
        }
        impl FromStr for $type {
            type Err = ConfigError;
            fn from_str(name: &str) -> Result<Self, ConfigError> {
                Self::ALL.iter().copied().find(|known| known.name() == name).ok_or_else(|| {
                    let all: Vec<_> = Self::ALL.iter().map(|known| known.name()).collect();
                    ConfigError::new($key, format!("`{name}` is none of {}", all.join(", ")))
                })
            }
        }
        impl TryFrom<String> for $type {
            type Error = String;
            fn try_from(name: String) -> Result<Self, String> {
                name.parse().map_err(|e: ConfigError| e.problem)
            }
        }
        impl From<$type> for &'static str {
            fn from(named: $type) -> Self {
                named.name()
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named! {
    /// How strictly an endpoint reads the standard.
    Conformance, "conformance";
    /// Reject and stay for header faults, close for faults of framing.
    #[default]
    Lenient "lenient" LENIENT,
    /// Generic services (E37).
    E37 "e37" E37,
    /// Single session (E37.1): what does not belong is communication failure.
    E37_1 "e37.1" E37_1,
}

named! {
    /// Whose ways a fake equipment has.
    Personality, "as";
    /// Ours: lenient.
    #[default]
    Wirelab "wirelab" LENIENT,
    /// Generic services (E37), to the letter.
    E37 "e37" E37,
    /// Single session (E37.1), to the letter.
    E37_1 "e37.1" E37_1,
    /// go-secs 2.1.
    GoSecs "go-secs" GO_SECS,
    /// secs4java8.
    Secs4java8 "secs4java8" SECS4JAVA8,
    /// secs4js 0.4.7.
    Secs4js "secs4js" SECS4JS,
    /// secsgem 0.3.0.
    Secsgem "secsgem" SECSGEM,
    /// XStateNet, which puts the message type into the PType byte.
    Xstatenet "xstatenet" XSTATENET,
}
