//! A tool as a file describes it, unchecked.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{RawAlarm, RawCommand, RawConstant, RawEvent, RawRecipe, RawReport, RawVariable};
use crate::Span;

/// What a file may say of a tool. Without a word of it there is a small one with a bit of everything.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawTool {
    /// MDLN, its model; at most 20 characters.
    pub mdln: String,
    /// SOFTREV, the revision of its software; at most 20 characters.
    pub softrev: String,
    /// What its clock shows when it is switched on; the start of 2026 if left out.
    pub clock: Option<Timestamp>,
    /// How it writes the time.
    pub time_format: TimeFormat,
    /// EstablishCommunicationsTimeout: from one S1F13 that was in vain to the next.
    pub establish: Span,
    /// Whether it sends S1F13 itself.
    pub initiates: bool,
    /// Whether it answers before communications are established. One that does not keeps silent.
    pub lenient: bool,
    /// The control state it is switched on in.
    pub control: Control,
    /// Where an attempt to go online ends that fails: `host_offline` or `equipment_offline`.
    pub attempt_failed: Control,
    /// Its status variables.
    pub status: Vec<RawVariable>,
    /// Its data variables, which mean something with some events only.
    pub data: Vec<RawVariable>,
    /// Its equipment constants.
    pub constants: Vec<RawConstant>,
    /// Its collection events.
    pub events: Vec<RawEvent>,
    /// The reports it has before the host defines any.
    pub reports: Vec<RawReport>,
    /// Its alarms.
    pub alarms: Vec<RawAlarm>,
    /// The remote commands it obeys.
    pub commands: Vec<RawCommand>,
    /// The process programs it has.
    pub recipes: Vec<RawRecipe>,
    /// The numbers of its terminals.
    pub terminals: Vec<u8>,
    /// What it keeps while nobody listens.
    pub spool: RawSpool,
    /// How much it can hold.
    pub bounds: RawBounds,
}

/// How a time is written; in the constant TimeFormat 0, 1 and 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeFormat {
    /// `YYMMDDhhmmss`.
    #[serde(rename = "12")]
    Twelve,
    /// `YYYYMMDDhhmmsscc`.
    #[default]
    #[serde(rename = "16")]
    Sixteen,
    /// ISO 8601.
    #[serde(rename = "iso")]
    Iso,
}

/// A state of the control model; as a value of the status variable 1 to 5, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// The operator keeps the host out.
    EquipmentOffline,
    /// It asks the host whether it is there.
    AttemptOnline,
    /// The host has taken it offline, or was not there.
    HostOffline,
    /// The operator commands, the host may look.
    Local,
    /// The host commands.
    Remote,
}

/// What is kept while nobody listens.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawSpool {
    /// The streams it keeps until the host chooses others with S2F43: of 5, 6 and 10.
    pub streams: Vec<u8>,
    /// The most messages it holds.
    pub messages: usize,
    /// MaxSpoolTransmit: the most it tells for one S6F23, 0 for all.
    pub transmit: u32,
    /// OverWriteSpool: when it is full the oldest goes, instead of the newest.
    pub overwrite: bool,
}

/// How much the tool can hold. What is more is refused, with the code the standard has for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawBounds {
    /// Reports the host defines.
    pub reports: usize,
    /// Variables in all reports together.
    pub report_values: usize,
    /// Links of events to reports.
    pub links: usize,
    /// Traces at a time.
    pub traces: usize,
    /// Variables of one trace.
    pub trace_variables: usize,
    /// Recipes.
    pub recipes: usize,
    /// Bytes of one recipe.
    pub recipe_bytes: usize,
    /// Characters of a text for a terminal.
    pub terminal_text: usize,
}

impl Default for RawSpool {
    fn default() -> Self {
        Self { streams: Vec::new(), messages: 1000, transmit: 0, overwrite: true }
    }
}

impl Default for RawBounds {
    fn default() -> Self {
        Self {
            reports: 1000,
            report_values: 10_000,
            links: 10_000,
            traces: 8,
            trace_variables: 100,
            recipes: 100,
            recipe_bytes: 1_048_576,
            terminal_text: 240,
        }
    }
}
