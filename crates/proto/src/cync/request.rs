//! What can be asked of a bridge, how people write it, and what comes back.
use serde::{Deserialize, Serialize};

use super::{
    command::{Command, Target},
    lamp::{Lamp, SHOWS_RGB},
};
use crate::{Answer, ConfigError, Delivery};

/// Something to ask: `{ power = { to = 206, on = true } }`, `{ query = {} }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Be on or off.
    Power(Power),
    /// Be so bright.
    Brightness(Percent),
    /// Have this colour temperature.
    Temperature(Percent),
    /// Show this colour.
    Rgb(Rgb),
    /// Several of these at once.
    Combo(Combo),
    /// What are all your lamps like?
    Query(Query),
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// Whom.
    pub to: Target,
    /// On.
    pub on: bool,
}

/// So much, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Percent {
    /// Whom.
    pub to: Target,
    /// How much.
    pub percent: Hundred,
}

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rgb {
    /// Whom.
    pub to: Target,
    /// Red, green, blue.
    pub rgb: [u8; 3],
}

/// Several at once; what is left out stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Combo {
    /// Whom.
    pub to: Target,
    /// On or off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
    /// How bright.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brightness: Option<Hundred>,
    /// Which colour temperature. A colour takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Hundred>,
    /// Red, green, blue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rgb: Option<[u8; 3]>,
}

/// All lamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {}

/// 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8")]
pub struct Hundred(u8);

impl TryFrom<u8> for Hundred {
    type Error = ConfigError;
    fn try_from(n: u8) -> Result<Self, ConfigError> {
        let problem = || ConfigError::new("percent", format!("{n} is not from 0 to 100"));
        (n <= 100).then_some(Self(n)).ok_or_else(problem)
    }
}

impl Combo {
    /// The plainest request that says this: a command of its own for one thing, a combo for several.
    ///
    /// # Errors
    /// It says nothing.
    pub fn request(self) -> Result<Request, ConfigError> {
        let Self { to, on, brightness, temperature, rgb } = self;
        Ok(match (on, brightness, temperature, rgb) {
            (None, None, None, None) => {
                let problem = "nothing to be; say on, brightness, temperature or rgb";
                return Err(ConfigError::new("combo", problem));
            }
            (Some(on), None, None, None) => Request::Power(Power { to, on }),
            (None, Some(percent), None, None) => Request::Brightness(Percent { to, percent }),
            (None, None, Some(percent), None) => Request::Temperature(Percent { to, percent }),
            (None, None, None, Some(rgb)) => Request::Rgb(Rgb { to, rgb }),
            (..) => Request::Combo(self),
        })
    }
}

impl Request {
    /// Who is told what; nobody is, if it only asks.
    pub(super) fn command(&self) -> Option<(Target, Command)> {
        Some(match *self {
            Self::Power(Power { to, on }) => (to, Command::Power(on)),
            Self::Brightness(Percent { to, percent }) => (to, Command::Brightness(percent.0)),
            Self::Temperature(Percent { to, percent }) => (to, Command::Temperature(percent.0)),
            Self::Rgb(Rgb { to, rgb }) => (to, Command::Rgb(rgb)),
            Self::Combo(Combo { to, on, brightness, temperature, rgb }) => {
                let white = temperature.map(|percent| percent.0);
                let temperature = rgb.map(|_| SHOWS_RGB).or(white);
                let brightness = brightness.map(|percent| percent.0);
                (to, Command::Combo { on, brightness, temperature, rgb })
            }
            Self::Query(Query {}) => return None,
        })
    }

    /// What takes it back, for whoever knows what the lamp was like before: the same of it as it was
    /// then. A group has no one state, and asking changes nothing.
    pub fn undo(&self, was: &Lamp) -> Option<Self> {
        let (to @ Target::Lamp(_), command) = self.command()? else { return None };
        let white = Hundred::try_from(was.temperature).ok();
        let brightness = Hundred::try_from(was.brightness).ok();
        Some(match command {
            Command::Power(_) => Self::Power(Power { to, on: was.on }),
            Command::Brightness(_) => Self::Brightness(Percent { to, percent: brightness? }),
            Command::Temperature(_) | Command::Rgb(_) => match white {
                Some(percent) => Self::Temperature(Percent { to, percent }),
                None => Self::Rgb(Rgb { to, rgb: was.rgb }),
            },
            Command::Combo { .. } => {
                let rgb = white.is_none().then_some(was.rgb);
                Self::Combo(Combo { to, on: Some(was.on), brightness, temperature: white, rgb })
            }
            Command::Mode(_) => return None,
        })
    }

    /// How far it can be followed. A lamp is reported; who is in a group is known to the mesh alone.
    pub(super) fn highest(&self) -> Delivery {
        match self.command() {
            Some((Target::Lamp(_), _)) => Delivery::Observed,
            Some((Target::Group(_), _)) | None => Delivery::Applied,
        }
    }
}

/// A lamp and what it is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Its id in the mesh.
    pub lamp: u16,
    /// What it is like.
    #[serde(flatten)]
    pub state: Lamp,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The frame arrived (`7b`). A malformed one would have got the same.
    Arrived,
    /// The bridge took this very command (`f9`, result 0).
    Done,
    /// A lamp is reported like this: as was asked, or unasked.
    Seen(Seen),
    /// What the lamps are like.
    Lamps(Vec<Seen>),
    /// Refused, with this code.
    Refused(u8),
    /// Not done, with this result.
    Failed(Vec<u8>),
}

impl Reply {
    /// What it proves. Only the last of them ends a request for which more was demanded.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::Arrived => Answer::SoFar(Delivery::Replied),
            Self::Done => Answer::SoFar(Delivery::Applied),
            Self::Seen(_) => Answer::Accepted(Delivery::Observed),
            Self::Lamps(_) => Answer::Accepted(Delivery::Applied),
            Self::Refused(code) => Answer::Rejected(format!("refused with code {code}")),
            Self::Failed(result) => {
                Answer::Rejected(format!("the bridge says no: result {result:02x?}"))
            }
        }
    }
}
