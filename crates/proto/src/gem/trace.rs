//! Traces: variables told again and again, S6F1, until there were as many samples as the host wanted.
use std::{collections::BTreeMap, time::Duration};

use super::{
    Id,
    equipment::Gem,
    outbox::Message,
    text::{self, Read},
    variables::Vid,
};
use crate::{
    Time,
    secs2::{Format, Item},
};

/// The most values gathered for one S6F1.
const MAX_GROUP: usize = 10_000;

/// TIAACK, why there is no trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Tiaack {
    Variables = 1,
    Traces = 2,
    Period = 3,
    Unknown = 4,
    Group = 5,
}

#[derive(Clone, Debug)]
pub(super) struct Traces {
    pub(super) all: BTreeMap<Id, Trace>,
    most: usize,
    most_variables: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Trace {
    period: Duration,
    due: Time,
    pub(super) taken: u64,
    pub(super) total: u64,
    group: u64,
    vids: Vec<Vid>,
    gathered: Vec<Item>,
}

impl Trace {
    /// Whether it is time for an S6F1.
    fn full(&self) -> bool {
        self.taken.is_multiple_of(self.group) || self.over()
    }

    fn over(&self) -> bool {
        self.taken >= self.total
    }

    /// Samples that were missed are not made up for: their values are gone.
    fn advance(&mut self, now: Time) {
        let period = self.period.as_micros() as u64;
        let missed = (now - self.due).as_micros() as u64 / period;
        self.due = self.due + Duration::from_micros(period.saturating_mul(missed + 1));
    }
}

impl Traces {
    pub(super) fn new((most, most_variables): (usize, usize)) -> Self {
        Self { all: BTreeMap::new(), most, most_variables }
    }

    pub(super) fn wake_at(&self) -> Option<Time> {
        self.all.values().map(|trace| trace.due).min()
    }
}

/// DSPER, `hhmmss` or `hhmmsscc`.
fn period(item: &Item) -> Option<Duration> {
    let text = item.as_str().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    let part = |i: usize| text.get(i..i + 2)?.parse::<u64>().ok();
    let hundredths = match text.len() {
        6 => 0,
        8 => part(6)?,
        _ => return None,
    };
    let (hours, minutes, seconds) = (part(0)?, part(2)?, part(4)?);
    if minutes > 59 || seconds > 59 {
        return None;
    }
    let all = (hours * 3600 + minutes * 60 + seconds) * 100 + hundredths;
    (all > 0).then(|| Duration::from_millis(all * 10))
}

impl Gem {
    /// S2F23, trace initialize send. No samples wanted means that the trace ends.
    pub(super) fn trace(&mut self, now: Time, item: Option<&Item>) -> Read<Item> {
        let [id, dsper, total, group, vids] = text::fields(text::some(item)?)?;
        let id = Id::read(id).ok_or(text::Refusal::Data)?;
        let (total, group, vids) = (count(total)?, count(group)?, text::list(vids)?);
        if total == 0 {
            self.traces.all.remove(&id);
            return Ok(text::code(0));
        }
        let trace = self.new_trace(now, dsper, (total, group), vids);
        let traces = &mut self.traces;
        let room = traces.all.len() < traces.most || traces.all.contains_key(&id);
        let begun = trace.and_then(|trace| if room { Ok(trace) } else { Err(Tiaack::Traces) });
        Ok(text::code(match begun {
            Err(tiaack) => tiaack as u8,
            Ok(trace) => {
                traces.all.insert(id, trace);
                0
            }
        }))
    }

    fn new_trace(
        &self,
        now: Time,
        dsper: &Item,
        (total, group): (u64, u64),
        vids: &[Item],
    ) -> Result<Trace, Tiaack> {
        if vids.len() > self.traces.most_variables {
            return Err(Tiaack::Variables);
        }
        let status = |item| match self.variables.find(item) {
            Some(vid @ Vid::Status(_)) => Ok(vid),
            Some(Vid::Data(_) | Vid::Constant(_)) | None => Err(Tiaack::Unknown),
        };
        let vids: Vec<Vid> = vids.iter().map(status).collect::<Result<_, _>>()?;
        let period = period(dsper).ok_or(Tiaack::Period)?;
        let values = (vids.len() as u64).saturating_mul(group);
        if group == 0 || group > total || values > MAX_GROUP as u64 {
            return Err(Tiaack::Group);
        }
        Ok(Trace { period, due: now + period, taken: 0, total, group, vids, gathered: Vec::new() })
    }

    /// Takes the samples that are due.
    pub(super) fn sample(&mut self, now: Time) {
        let due: Vec<Id> = self
            .traces
            .all
            .iter()
            .filter(|(_, trace)| trace.due <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            let Some(mut trace) = self.traces.all.remove(&id) else { continue };
            trace.taken += 1;
            trace.advance(now);
            trace.gathered.extend(trace.vids.iter().map(|vid| self.value(now, *vid)));
            if trace.full() {
                let gathered = std::mem::take(&mut trace.gathered);
                self.tell_samples(now, &id, trace.taken, gathered);
            }
            if !trace.over() {
                self.traces.all.insert(id, trace);
            }
        }
    }

    /// S6F1, trace data send.
    fn tell_samples(&mut self, now: Time, id: &Id, taken: u64, gathered: Vec<Item>) {
        let number = u32::try_from(taken).map_or_else(|_| Item::u8(taken), Item::u4);
        match text::gather(gathered) {
            Ok(values) => {
                let item = Item::list([id.item(), number, self.clock.text(now), values]);
                self.say(now, Message::new(6, 1, item));
            }
            Err(_) => self.outbox.count_lost(),
        }
    }
}

/// A number, which some hosts send as text.
fn count(item: &Item) -> Read<u64> {
    match item.format() {
        Format::Ascii => text::text(item)?.trim().parse().map_err(|_| text::Refusal::Data),
        _ => text::number(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_six_or_eight_digits() {
        let of = |text: &str| period(&Item::ascii(text)).map(|p| p.as_millis());
        assert_eq!(of("000001"), Some(1000));
        assert_eq!(of("010203"), Some(3_723_000));
        assert_eq!(of("00000005"), Some(50));
        for wrong in ["", "000000", "00000000", "006000", "000060", "0001", "00000x", "+00001"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
