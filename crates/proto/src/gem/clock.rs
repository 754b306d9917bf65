//! The equipment's clock: the time it was given and what has passed since, in the three formats of
//! SEMI E5, always UTC.
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use super::{
    Shows, TimeFormat,
    equipment::Gem,
    text::{self, Read},
};
use crate::{Time, secs2::Item};

/// A clock that is wound by the host and driven by whoever tells us the time.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// What it showed …
    shown: Timestamp,
    /// … at this instant.
    at: Time,
    pub(super) format: TimeFormat,
}

impl Clock {
    pub(super) fn new(start: Option<Timestamp>, format: TimeFormat) -> Self {
        // Seconds until the start of 2026.
        let start =
            start.unwrap_or_else(|| Timestamp::from_second(1_767_225_600).expect("in range"));
        Self { shown: start, at: Time::default(), format }
    }

    /// What it shows.
    pub(super) fn read(&self, now: Time) -> Timestamp {
        // One of the two is zero.
        let (since, before) = (signed(now - self.at), signed(self.at - now));
        let read = self.shown.checked_add(since).and_then(|shown| shown.checked_sub(before));
        read.unwrap_or(Timestamp::MAX)
    }

    /// The same as messages have it.
    pub(super) fn text(&self, now: Time) -> Item {
        self.render(self.read(now))
    }

    pub(super) fn render(&self, instant: Timestamp) -> Item {
        let utc = instant.to_zoned(TimeZone::UTC).datetime();
        Item::ascii(match self.format {
            TimeFormat::Twelve => utc.strftime("%y%m%d%H%M%S").to_string(),
            TimeFormat::Sixteen => {
                let hundredths = utc.subsec_nanosecond() / 10_000_000;
                format!("{}{hundredths:02}", utc.strftime("%Y%m%d%H%M%S"))
            }
            TimeFormat::Iso => format!("{instant:.2}"),
        })
    }

    fn set(&mut self, now: Time, shown: Timestamp) {
        (self.shown, self.at) = (shown, now);
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

impl TimeFormat {
    /// Its number in the constant TimeFormat.
    pub(super) fn code(self) -> u8 {
        self as u8
    }

    pub(super) fn from_code(code: u64) -> Option<Self> {
        [Self::Twelve, Self::Sixteen, Self::Iso].into_iter().find(|f| u64::from(f.code()) == code)
    }
}

/// A time in any of the three formats. Two digits are a year of this century.
fn parse(text: &str) -> Option<Timestamp> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let civil = match (digits, text.len()) {
        (true, 12) => civil(&format!("20{text}00"))?,
        (true, 16) => civil(text)?,
        _ => return text.parse().ok().or_else(|| utc(text.parse().ok()?)),
    };
    utc(civil)
}

fn utc(civil: DateTime) -> Option<Timestamp> {
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// `YYYYMMDDhhmmsscc`, all digits.
fn civil(text: &str) -> Option<DateTime> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let small = |from: usize| part(from, from + 2).map(|n| n as i8);
    let (date, time) = ((part(0, 4)?, small(4)?, small(6)?), (small(8)?, small(10)?, small(12)?));
    let nanoseconds = i32::from(part(14, 16)?) * 10_000_000;
    DateTime::new(date.0, date.1, date.2, time.0, time.1, time.2, nanoseconds).ok()
}

impl Gem {
    /// S2F17, date and time.
    pub(super) fn tell_time(&self, now: Time, item: Option<&Item>) -> Read<Item> {
        text::nothing(item)?;
        Ok(self.shown(now, Shows::Clock))
    }

    /// S2F31, date and time set.
    pub(super) fn set_time(&mut self, now: Time, item: Option<&Item>) -> Read<Item> {
        let Some(instant) = parse(text::text(text::some(item)?)?) else { return Ok(text::code(1)) };
        self.clock.set(now, instant);
        Ok(text::code(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(format: TimeFormat) -> Clock {
        let start = "2026-11-20T23:15:30.25Z".parse().unwrap();
        Clock::new(Some(start), format)
    }

    #[test]
    fn the_time_is_told_in_three_formats() {
        let told = |format| clock(format).text(Time::from_millis(90_500));
        assert_eq!(told(TimeFormat::Twelve), Item::ascii("261120231700"));
        assert_eq!(told(TimeFormat::Sixteen), Item::ascii("2026112023170075"));
        assert_eq!(told(TimeFormat::Iso), Item::ascii("2026-11-20T23:17:00.75Z"));
    }

    #[test]
    fn what_is_told_can_be_set() {
        for format in [TimeFormat::Sixteen, TimeFormat::Iso] {
            let told = clock(format).text(Time::default());
            assert_eq!(parse(told.as_str().unwrap()), Some(clock(format).shown));
        }
        assert_eq!(parse("261120231530"), "2026-11-20T23:15:30Z".parse().ok());
        assert_eq!(parse("2026-11-20T23:15:30"), "2026-11-20T23:15:30Z".parse().ok());
        assert_eq!(parse("2026-11-20T23:15:30+01:00"), "2026-11-20T22:15:30Z".parse().ok());
        for wrong in ["", "2026", "261320231530", "2026112023153x00", "20261120231530", "now"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_clock_that_was_set_tells_earlier_times_as_it_would_have_shown_them() {
        let mut clock = clock(TimeFormat::Iso);
        clock.set(Time::from_millis(5000), "2030-01-01T00:00:05Z".parse().unwrap());
        let told = |ms| clock.text(Time::from_millis(ms)).to_string();
        assert_eq!(told(5000), r#"<A "2030-01-01T00:00:05.00Z">"#);
        assert_eq!(told(1000), r#"<A "2030-01-01T00:00:01.00Z">"#);
        assert_eq!(told(6000), r#"<A "2030-01-01T00:00:06.00Z">"#);
    }

    #[test]
    fn no_clock_runs_past_the_end_of_time() {
        assert_eq!(clock(TimeFormat::Iso).read(Time::from_micros(u64::MAX)), Timestamp::MAX);
    }
}
