//! What can be asked of a mesh, and the body that says it: a Telink mesh packet, which has serial,
//! source, destination, operation, vendor and parameters.
use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::lamp::{Lamp, SHOWS_RGB};
use crate::ConfigError;

/// Commands, as they are on the wire.
pub(super) mod code {
    pub(in crate::cync) const POWER: u8 = 0xd0;
    pub(in crate::cync) const BRIGHTNESS: u8 = 0xd2;
    pub(in crate::cync) const COLOUR: u8 = 0xe2;
    pub(in crate::cync) const COMBO: u8 = 0xf0;
    pub(in crate::cync) const QUERY: u8 = 0x52;
    pub(in crate::cync) const PAGES_END: u8 = 0xaf;
    pub(in crate::cync) const MODE: u8 = 0x8e;
    pub(in crate::cync) const STATUS: u8 = 0xdb;
    pub(in crate::cync) const MOTION: u8 = 0x54;
}

const VENDOR: [u8; 2] = [0x11, 0x02];
const GROUP: u16 = 0x8000;
const TEMPERATURE: u8 = 0x05;
const RGB: u8 = 0x04;
const UNCHANGED: u8 = 0xff;
/// Serial, source, destination, operation, vendor.
const HEAD: usize = 10;
/// Ask for all lamps there are: none, ffff of them, from the first.
const ALL_LAMPS: &[u8] = &[0, 0, 0xff, 0xff, 0, 0];

/// Who is meant: a lamp or a group, by its id in the mesh. People write `206` and `group 18`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "String")]
pub enum Target {
    /// One lamp.
    Lamp(u16),
    /// All lamps of a group.
    Group(u16),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u16),
    Text(String),
}

impl Target {
    fn of_wire(dst: u16) -> Self {
        if dst & GROUP == 0 { Self::Lamp(dst) } else { Self::Group(dst & !GROUP) }
    }
    fn wire(self) -> u16 {
        match self {
            Self::Lamp(id) => id,
            Self::Group(id) => id | GROUP,
        }
    }
}

impl FromStr for Target {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let (group, number) = match text.strip_prefix("group ") {
            Some(number) => (true, number),
            None => (false, text),
        };
        match number.trim().parse::<u16>() {
            Ok(id) if id < GROUP => Ok(if group { Self::Group(id) } else { Self::Lamp(id) }),
            _ => {
                let problem = format!("`{text}` is no lamp like 206 and no group like `group 18`");
                Err(ConfigError::new("to", format!("{problem}; ids are below 32768")))
            }
        }
    }
}

impl TryFrom<Written> for Target {
    type Error = ConfigError;
    fn try_from(written: Written) -> Result<Self, ConfigError> {
        match written {
            Written::Number(id) => id.to_string().parse(),
            Written::Text(text) => text.parse(),
        }
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lamp(id) => write!(f, "{id}"),
            Self::Group(id) => write!(f, "group {id}"),
        }
    }
}

/// What a lamp or a group is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Be on or off.
    Power(bool),
    /// Be so bright, 0 to 100.
    Brightness(u8),
    /// Have this colour temperature, 0 to 100.
    Temperature(u8),
    /// Show this colour.
    Rgb([u8; 3]),
    /// Several of these at once; what is none stays as it is.
    Combo {
        /// On or off.
        on: Option<bool>,
        /// 0 to 100.
        brightness: Option<u8>,
        /// 0 to 100, or 254 to show the colour.
        temperature: Option<u8>,
        /// Red, green, blue.
        rgb: Option<[u8; 3]>,
    },
    /// Be a relay (`01`) or dim (`02`).
    Mode(u8),
}

/// Why the body of a request asks nothing known, with the byte to blame.
pub(super) type NoCommand = (usize, String);

impl Command {
    /// The command's byte.
    pub fn code(&self) -> u8 {
        match self {
            Self::Power(_) => code::POWER,
            Self::Brightness(_) => code::BRIGHTNESS,
            Self::Temperature(_) | Self::Rgb(_) => code::COLOUR,
            Self::Combo { .. } => code::COMBO,
            Self::Mode(_) => code::MODE,
        }
    }

    /// The body that says it to a target. It takes the low bytes of the sequence for its serial.
    pub fn body(&self, seq: u32, to: Target) -> Body {
        let [s0, s1, s2, _] = seq.to_le_bytes();
        let [d0, d1] = to.wire().to_le_bytes();
        // The mode is switched by an operation that is not called as its command.
        let op = if let Self::Mode(_) = self { 0xf7 } else { self.code() };
        let mut body = Body { bytes: [0; 16], len: 0 };
        body.add(&[s0, s1, s2, 0, 0, d0, d1, op, VENDOR[0], VENDOR[1]]);
        match *self {
            Self::Power(on) => body.add(&[on.into(), 0, 0]),
            Self::Brightness(percent) => body.add(&[percent]),
            Self::Temperature(percent) => body.add(&[TEMPERATURE, percent]),
            Self::Rgb([r, g, b]) => body.add(&[RGB, r, g, b]),
            Self::Combo { on, brightness, temperature, rgb } => {
                let or_not = |byte: Option<u8>| byte.unwrap_or(UNCHANGED);
                // Beside a temperature senders write 0 for the colour.
                let white = temperature.is_some_and(|t| t != SHOWS_RGB);
                let [r, g, b] = rgb.unwrap_or(if white { [0; 3] } else { [UNCHANGED; 3] });
                let (on, brightness) = (or_not(on.map(u8::from)), or_not(brightness));
                body.add(&[on, brightness, or_not(temperature), r, g, b]);
            }
            Self::Mode(mode) => body.add(&[0x01, mode]),
        }
        body
    }

    /// What the body of a request asks of whom.
    pub(super) fn decode(command: u8, body: &[u8]) -> Result<(Target, Self), NoCommand> {
        let Some((&[_, _, _, _, _, d0, d1, op, v0, v1], rest)) = body.split_first_chunk::<HEAD>()
        else {
            return Err((0, format!("{} bytes; a mesh packet has at least {HEAD}", body.len())));
        };
        if [v0, v1] != VENDOR {
            return Err((8, format!("vendor {v0:02x} {v1:02x} is not 11 02")));
        }
        let known = match (command, op, rest) {
            (code::POWER, code::POWER, [on, ..]) => Self::Power(*on != 0),
            (code::BRIGHTNESS, code::BRIGHTNESS, [percent, ..]) => Self::Brightness(*percent),
            (code::COLOUR, code::COLOUR, [TEMPERATURE, percent, ..]) => Self::Temperature(*percent),
            (code::COLOUR, code::COLOUR, [RGB, r, g, b, ..]) => Self::Rgb([*r, *g, *b]),
            (code::COMBO, code::COMBO, [on, brightness, temperature, r, g, b, ..]) => {
                let given = |byte: u8| (byte != UNCHANGED).then_some(byte);
                let (temperature, rgb) = (given(*temperature), [*r, *g, *b]);
                let white = temperature.is_some_and(|t| t != SHOWS_RGB);
                let none = if white { [0; 3] } else { [UNCHANGED; 3] };
                let rgb = (rgb != none).then_some(rgb);
                let (on, brightness) = (given(*on).map(|on| on != 0), given(*brightness));
                Self::Combo { on, brightness, temperature, rgb }
            }
            (code::MODE, 0xf7, [_, mode, ..]) => Self::Mode(*mode),
            _ => {
                return Err((
                    7,
                    format!("command {command:02x} with operation {op:02x} is unknown"),
                ));
            }
        };
        Ok((Target::of_wire(u16::from_le_bytes([d0, d1])), known))
    }

    /// Does it to a lamp.
    pub(super) fn apply(&self, lamp: &mut Lamp) {
        match *self {
            Self::Power(on) => lamp.on = on,
            Self::Brightness(percent) => lamp.brightness = percent,
            Self::Temperature(percent) => lamp.temperature = percent,
            Self::Rgb(rgb) => (lamp.temperature, lamp.rgb) = (SHOWS_RGB, rgb),
            Self::Combo { on, brightness, temperature, rgb } => {
                lamp.on = on.unwrap_or(lamp.on);
                lamp.brightness = brightness.unwrap_or(lamp.brightness);
                lamp.temperature = temperature.unwrap_or(lamp.temperature);
                lamp.rgb = rgb.unwrap_or(lamp.rgb);
            }
            Self::Mode(_) => {}
        }
    }

    /// Whether a lamp like this does what it says. Of a mode nothing is to be seen.
    pub(super) fn shows(&self, lamp: &Lamp) -> bool {
        let mut obeyed = *lamp;
        self.apply(&mut obeyed);
        lamp.online && obeyed == *lamp && !matches!(self, Self::Mode(_))
    }

    /// On one line, for reading.
    pub fn in_words(&self) -> String {
        let colour = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
        let power = |on: bool| if on { "on" } else { "off" }.to_owned();
        match *self {
            Self::Power(on) => power(on),
            Self::Brightness(percent) => format!("brightness {percent} %"),
            Self::Temperature(percent) => format!("temperature {percent}"),
            Self::Rgb(rgb) => colour(rgb),
            Self::Combo { on, brightness, temperature, rgb } => {
                let parts = [
                    on.map(power),
                    brightness.map(|percent| format!("brightness {percent} %")),
                    temperature.map(|t| format!("temperature {t}")),
                    rgb.map(colour),
                ];
                parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
            }
            Self::Mode(mode) => format!("mode {mode:02x}"),
        }
    }
}

/// The body of a request, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    bytes: [u8; 16],
    len: usize,
}

impl Body {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

impl<'a> From<&'a Body> for Cow<'a, [u8]> {
    fn from(body: &'a Body) -> Self {
        Cow::Borrowed(&body.bytes[..body.len])
    }
}

/// The body of a request for all lamps there are.
pub(super) fn all_lamps() -> &'static [u8] {
    ALL_LAMPS
}

/// What a command is called, in evidence and for people.
pub(super) fn name(command: u8) -> &'static str {
    match command {
        code::POWER => "power",
        code::BRIGHTNESS => "brightness",
        code::COLOUR => "colour",
        code::COMBO => "combo",
        code::QUERY => "query",
        code::PAGES_END => "pages_end",
        code::MODE => "mode",
        code::STATUS => "status",
        code::MOTION => "motion",
        _ => "command",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_comes_back_from_its_body() {
        let combo =
            |on, brightness, temperature, rgb| Command::Combo { on, brightness, temperature, rgb };
        for command in [
            Command::Power(true),
            Command::Power(false),
            Command::Brightness(100),
            Command::Temperature(58),
            Command::Rgb([1, 2, 3]),
            combo(Some(true), Some(100), None, None),
            combo(None, None, Some(58), None),
            combo(Some(false), None, None, Some([9, 8, 7])),
            Command::Mode(1),
        ] {
            for to in [Target::Lamp(206), Target::Group(18)] {
                let body = command.body(7, to);
                let bytes = Cow::from(&body);
                assert_eq!(Command::decode(command.code(), &bytes), Ok((to, command)));
                for end in 0..bytes.len() {
                    let _ = Command::decode(command.code(), &bytes[..end]);
                }
            }
        }
    }

    #[test]
    fn targets_read_as_people_write_them() {
        assert_eq!("206".parse(), Ok(Target::Lamp(206)));
        assert_eq!("group 18".parse(), Ok(Target::Group(18)));
        for wrong in ["32768", "group", "lamp 3", "-1"] {
            assert!(wrong.parse::<Target>().unwrap_err().problem.contains("group 18"), "{wrong}");
        }
        assert_eq!(Target::of_wire(0x8012), Target::Group(18));
    }
}
