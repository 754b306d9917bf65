//! What time it is, as a controller tells its devices: their local time, and how far it is from UTC.
use std::fmt;

use jiff::{Timestamp, tz::Offset};

use super::message::Wrong;

/// Bytes of a time after its first.
const SIZE: usize = 10;

/// A local time with its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Year.
    pub year: u16,
    /// Month, from 1.
    pub month: u8,
    /// Day, from 1.
    pub day: u8,
    /// Day of the week; 1 is Sunday.
    pub weekday: u8,
    /// Hour.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second.
    pub second: u8,
    /// From UTC, as hhmm: -600 is six hours behind.
    pub offset: i16,
}

impl Clock {
    /// The time `unix` seconds after 1970 where clocks are so many minutes ahead of UTC. None for
    /// years and offsets that nobody has.
    pub fn at(unix: i64, offset_minutes: i16) -> Option<Self> {
        let offset = Offset::from_seconds(i32::from(offset_minutes) * 60).ok()?;
        let local = offset.to_datetime(Timestamp::from_second(unix).ok()?);
        Some(Self {
            year: u16::try_from(local.year()).ok()?,
            month: local.month().unsigned_abs(),
            day: local.day().unsigned_abs(),
            weekday: local.weekday().to_sunday_one_offset().unsigned_abs(),
            hour: local.hour().unsigned_abs(),
            minute: local.minute().unsigned_abs(),
            second: local.second().unsigned_abs(),
            offset: offset_minutes / 60 * 100 + offset_minutes % 60,
        })
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, Wrong> {
        let &[_, y0, y1, month, day, weekday, hour, minute, second, o0, o1] = body else {
            return Err(Wrong::short(body.len(), 1 + SIZE));
        };
        let (year, offset) = (u16::from_be_bytes([y0, y1]), i16::from_be_bytes([o0, o1]));
        Ok(Self { year, month, day, weekday, hour, minute, second, offset })
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let Self { year, month, day, weekday, hour, minute, second, offset } = self;
        to.extend_from_slice(&year.to_be_bytes());
        to.extend_from_slice(&[*month, *day, *weekday, *hour, *minute, *second]);
        to.extend_from_slice(&offset.to_be_bytes());
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, weekday, hour, minute, second, offset } = self;
        let names = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        let name = names.get(usize::from(*weekday).wrapping_sub(1)).unwrap_or(&"no day");
        write!(
            f,
            "{year}-{month:02}-{day:02} {name} {hour:02}:{minute:02}:{second:02} {offset:+05}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read off captures of the real cloud and of a local server, with the time they were made.
    #[test]
    fn the_calendar_is_that_of_the_captures() {
        let cloud = Clock::at(1_762_417_240, -360).unwrap();
        assert_eq!(cloud.to_string(), "2025-11-06 Thu 02:20:40 -0600");
        let canned = Clock::at(1_710_090_271, -300).unwrap();
        assert_eq!(canned.to_string(), "2024-03-10 Sun 12:04:31 -0500");
        assert_eq!(Clock::at(0, 330).unwrap().offset, 530);
        assert_eq!(Clock::at(i64::MAX, 0), None);
    }
}
