//! The parts of a tool as a file describes them, unchecked.
use serde::Deserialize;

use super::{Id, Value};
use crate::Span;

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
