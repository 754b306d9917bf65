//! A tool as a file describes it, unchecked.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Id, Value};
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

/// A status or data variable. It has a value, or shows something the equipment knows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawVariable {
    /// SVID or VID; no two variables or constants have the same.
    pub id: Id,
    /// What it is called.
    pub name: String,
    /// Its units.
    #[serde(default)]
    pub units: String,
    /// Its first value.
    pub value: Option<Value>,
    /// What it shows instead.
    pub shows: Option<Shows>,
}

/// What the equipment knows of itself that a variable can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shows {
    /// The time, as TimeFormat has it.
    Clock,
    /// The control state, 1 to 5.
    ControlState,
    /// A list of the alarms that are set.
    AlarmsSet,
    /// A list of the alarms the host wants to hear of.
    AlarmsEnabled,
    /// A list of the events the host wants to hear of.
    EventsEnabled,
    /// Messages in the spool.
    SpoolCountActual,
    /// Messages put there since it became active, those thrown away included.
    SpoolCountTotal,
    /// When it last became active.
    SpoolStartTime,
    /// When it last became full.
    SpoolFullTime,
}

/// An equipment constant. It has a default, or governs a setting.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConstant {
    /// ECID; no two variables or constants have the same.
    pub id: Id,
    /// What it is called.
    pub name: String,
    /// Its units.
    #[serde(default)]
    pub units: String,
    /// The least it can be.
    pub min: Option<Value>,
    /// The most it can be.
    pub max: Option<Value>,
    /// Its default and first value.
    pub default: Option<Value>,
    /// The setting that it shows and changes instead.
    pub governs: Option<Governs>,
}

/// A setting that a constant can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Governs {
    /// `establish`, in seconds.
    Establish,
    /// `time_format`, 0 to 2.
    TimeFormat,
    /// `spool.transmit`.
    SpoolTransmit,
    /// `spool.overwrite`.
    SpoolOverwrite,
}

/// A collection event.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawEvent {
    /// CEID.
    pub id: Id,
    /// What it is called.
    #[serde(default)]
    pub name: String,
    /// Whether the host hears of it without having asked.
    #[serde(default)]
    pub enabled: bool,
    /// The reports it comes with until the host links others.
    #[serde(default)]
    pub reports: Vec<Id>,
    /// The data variables that mean something with it.
    #[serde(default)]
    pub data: Vec<Id>,
    /// What raises it, besides prompts, alarms and commands.
    pub on: Option<Occasion>,
}

/// What happens to every tool and can raise an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// It went offline.
    Offline,
    /// It is online, and the operator commands.
    Local,
    /// It is online, and the host commands.
    Remote,
    /// It has begun to spool.
    SpoolingActivated,
    /// The spool is empty again.
    SpoolingDeactivated,
    /// What was spooled could not be told.
    SpoolTransmitFailure,
    /// A recipe came, changed or was deleted.
    RecipeChanged,
}

/// A report.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawReport {
    /// RPTID.
    pub id: Id,
    /// The variables and constants it tells.
    pub vids: Vec<Id>,
}

/// An alarm.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAlarm {
    /// ALID.
    pub id: Id,
    /// ALTX, at most 120 characters.
    pub text: String,
    /// ALCD without its highest bit: what kind of alarm, 0 to 127.
    #[serde(default = "one")]
    pub category: u8,
    /// Whether the host hears of it without having asked.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether it is set when the tool is switched on.
    #[serde(default)]
    pub set: bool,
    /// The event of its being set.
    pub set_event: Option<Id>,
    /// The event of its being cleared.
    pub clear_event: Option<Id>,
}

fn one() -> u8 {
    1
}

fn yes() -> bool {
    true
}

/// A remote command.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCommand {
    /// RCMD.
    pub name: Id,
    /// The parameters it takes.
    #[serde(default)]
    pub params: Vec<RawParam>,
    /// Refused with HCACK 5 if all of this is so already.
    #[serde(default)]
    pub unless: Vec<RawSet>,
    /// What it changes.
    #[serde(default)]
    pub sets: Vec<RawSet>,
    /// The events it raises.
    #[serde(default)]
    pub raises: Vec<Id>,
    /// It takes this long, so it is answered with HCACK 4.
    pub after: Option<Span>,
    /// HCACK 1 to 6 that it is always refused with.
    pub refused: Option<u8>,
}

/// A parameter of a remote command.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawParam {
    /// CPNAME.
    pub name: Id,
    /// The format of its value, as `A` or `U4`; any, if left out.
    pub format: Option<String>,
    /// The values it can have; any, if empty.
    #[serde(default)]
    pub one_of: Vec<Value>,
    /// Whether the command cannot do without.
    #[serde(default)]
    pub required: bool,
    /// Whether it names a recipe; HCACK 6 if there is none of that name.
    #[serde(default)]
    pub recipe: bool,
}

/// A variable, with a value or with a parameter that has its value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSet {
    /// Which variable.
    pub id: Id,
    /// The value.
    pub value: Option<Value>,
    /// The parameter; without it in the command, nothing is set.
    pub param: Option<Id>,
}

/// A process program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRecipe {
    /// PPID.
    pub id: Id,
    /// PPBODY.
    pub body: Value,
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
