//! Instants as captures write them. What names no zone is taken for UTC, what names no date for the
//! first day there is; only differences count then.
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

const FIRST_DAY: Date = Date::constant(1970, 1, 1);
/// A clock that goes back by more than this has passed midnight.
const HALF_A_DAY: SignedDuration = SignedDuration::from_hours(12);

/// An instant at the front of some words: how many of them it takes, and whether it names no date.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) at: Timestamp,
    pub(super) words: usize,
    timeless: bool,
}

/// The instant these words begin with, if they do.
pub(super) fn find(words: &[&str]) -> Option<Found> {
    let first = *words.first()?;
    let found = |at, words, timeless| Some(Found { at, words, timeless });
    if let Some(at) = instant(first) {
        return found(at, 1, false);
    }
    if let (Some(date), Some(time)) = (date(first), words.get(1).and_then(|word| clock(word))) {
        return found(at(date.to_datetime(time))?, 2, false);
    }
    if let Some(time) = clock(first) {
        return found(at(FIRST_DAY.to_datetime(time))?, 1, true);
    }
    found(epoch(first, words.len() > 1)?, 1, false)
}

/// One word with date, time and perhaps a zone.
fn instant(word: &str) -> Option<Timestamp> {
    if let Ok(at) = word.parse::<Timestamp>() {
        return Some(at);
    }
    let (date, time) = word.split_once(['T', '_'])?;
    at(self::date(date)?.to_datetime(clock(time)?))
}

fn date(word: &str) -> Option<Date> {
    let is_date =
        word.len() == 10 && word.bytes().all(|b| b.is_ascii_digit() || b"-/".contains(&b));
    is_date.then(|| word.replace('/', "-").parse().ok())?
}

/// `12:34:56`, with or without a fraction, after a point or a comma.
fn clock(word: &str) -> Option<Time> {
    let is_clock = word.len() >= 8 && word.as_bytes()[2] == b':' && word.as_bytes()[5] == b':';
    let word = word.strip_suffix('Z').unwrap_or(word);
    is_clock.then(|| word.replace(',', ".").parse().ok())?
}

/// Seconds since 1970 with a fraction, or milliseconds; a bare number only where more follows.
fn epoch(word: &str, more: bool) -> Option<Timestamp> {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    match (whole.len(), fraction) {
        (9 | 10, fraction) if !fraction.is_empty() || word.ends_with('.') => {
            let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
            Timestamp::new(number, nanos).ok()
        }
        (13, "") if more => Timestamp::from_millisecond(number).ok(),
        _ => None,
    }
}

fn at(civil: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// Goes on counting days where times of day begin anew.
#[derive(Debug, Default)]
pub(super) struct Days {
    last: Option<Timestamp>,
    passed: i64,
}

impl Days {
    /// The instant, on the day it must be.
    pub(super) fn place(&mut self, found: &Found) -> Timestamp {
        if !found.timeless {
            return found.at;
        }
        let on = |passed: i64| found.at.checked_add(SignedDuration::from_hours(24 * passed));
        let mut at = on(self.passed).unwrap_or(found.at);
        if self.last.is_some_and(|last| last.duration_since(at) > HALF_A_DAY) {
            self.passed += 1;
            at = on(self.passed).unwrap_or(at);
        }
        self.last = Some(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, usize)> {
        let words: Vec<_> = line.split(' ').collect();
        find(&words).map(|found| (found.at.to_string(), found.words))
    }

    #[test]
    fn instants_are_known_in_every_usual_spelling() {
        for (line, at, words) in [
            ("2025-11-06T08:20:40.581234+00:00 x", "2025-11-06T08:20:40.581234Z", 1),
            ("2025-11-06T08:20:40.581Z", "2025-11-06T08:20:40.581Z", 1),
            ("2025-11-06T10:20:40+02:00", "2025-11-06T08:20:40Z", 1),
            ("2025-11-06T08:20:40.5 >", "2025-11-06T08:20:40.5Z", 1),
            ("2025-11-06 08:20:40,581 >", "2025-11-06T08:20:40.581Z", 2),
            ("2025/11/06 08:20:40.000123456 >", "2025-11-06T08:20:40.000123456Z", 2),
            ("1762417240.581 >", "2025-11-06T08:20:40.581Z", 1),
            ("1762417240581 > d3", "2025-11-06T08:20:40.581Z", 1),
            ("08:20:40.581 >", "1970-01-01T08:20:40.581Z", 1),
        ] {
            assert_eq!(read(line), Some((at.to_owned(), words)), "{line}");
        }
        for line in ["d3 00", "7300000019", "23:00:00:00", "12:99:00", "2025-13-01 00:00:00", "é"]
        {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn a_clock_that_passes_midnight_goes_on() {
        let mut days = Days::default();
        let mut place = |text| days.place(&find(&[text]).unwrap()).as_millisecond();
        let before = place("23:59:59.900");
        assert_eq!(place("00:00:00.100") - before, 200);
        assert_eq!(place("00:00:00.050") - before, 150, "a little late is not a day early");
    }
}
