//! Faults at a place in the stream: finds the place, and changes what is there.
use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use proto::{Time, rng::Rng};

use super::{End, Lane, What, Who, ms};
use crate::proxy::{
    armed::{Armed, Meter},
    fault::{Class, Fault},
    rule::Place,
};

/// A rule at work on this lane.
pub(super) struct Work {
    pub(super) armed: Arc<Armed>,
    /// When it began to count time.
    from: Time,
    /// And where it began to count bytes.
    base: u64,
    /// Frames it waits for that have come.
    frames: u64,
    /// Times it might have struck.
    events: u64,
    /// Its one place is behind us.
    done: bool,
    /// The frame it waits for before it begins has passed.
    begun: bool,
    /// It has been told of.
    pub(super) noted: bool,
    /// Its own schedule of a rate, where connections do not share it.
    pub(super) meter: Meter,
    pieces: u64,
    least: Duration,
    most: Duration,
}

/// A stretch of the stream that is being changed.
pub(super) struct Span {
    pub(super) by: Arc<Armed>,
    /// Bytes before it begins.
    spare: u64,
    left: u64,
    /// Where it was made.
    from: u64,
    does: Does,
}

enum Does {
    Flip(u8),
    Lose,
    Copy(BytesMut),
}

/// A piece of the stream as it comes to the rules: a frame, or just bytes.
#[derive(Clone, Copy)]
struct Unit {
    start: u64,
    len: usize,
    kind: Option<&'static str>,
}

impl Work {
    pub(super) fn new(armed: Arc<Armed>, from: Time, base: u64) -> Self {
        let begun = armed.rule.place.since.is_none();
        Self {
            armed,
            from,
            base,
            frames: 0,
            events: 0,
            done: false,
            begun,
            noted: false,
            meter: Meter::default(),
            pieces: 0,
            least: Duration::MAX,
            most: Duration::ZERO,
        }
    }
    /// A frame passed, on whichever lane.
    pub(super) fn saw(&mut self, kind: &str) {
        self.begun |= self.armed.rule.place.since.as_deref() == Some(kind);
    }
    /// A piece it had a hand in left so late.
    pub(super) fn delayed(&mut self, by: Duration) {
        if self.noted {
            self.pieces += 1;
            (self.least, self.most) = (self.least.min(by), self.most.max(by));
        }
    }
    /// What it did to all pieces, if there were several.
    pub(super) fn sum(&self) -> Option<String> {
        (self.pieces > 1).then(|| {
            let Self { pieces, least, most, .. } = self;
            format!("in all {pieces} pieces, {} to {} ms late", ms(*least), ms(*most))
        })
    }
    /// Whether it is in force now, for faults that are about all bytes.
    pub(super) fn flows(&mut self, now: Time, opened: Time, who: Who) -> bool {
        let place = &self.armed.rule.place;
        self.armed.rule.fault.about().class == Class::Flow
            && self.begun
            && self.ripe(now, opened)
            && {
                let chance = place.chance;
                self.lucky(chance, who)
            }
    }
    /// The connection, and the rule on it, are old enough.
    fn ripe(&self, now: Time, opened: Time) -> bool {
        let Place { after, later, .. } = &self.armed.rule.place;
        after.is_none_or(|after| now >= opened + after.0)
            && later.is_none_or(|later| now >= self.from + later.0)
    }
    fn lucky(&mut self, chance: Option<f64>, who: Who) -> bool {
        let Some(chance) = chance else { return true };
        self.draw(who).fraction() < chance
    }
    /// The chance of its next event: nobody else's, on any connection.
    pub(super) fn draw(&mut self, who: Who) -> Rng {
        self.events += 1;
        Rng::new(who.seed, &[who.nth, who.flow as u64, self.armed.id, self.events])
    }
    /// When it strikes whatever comes, if it is such a one and still to come.
    fn due(&self, opened: Time) -> Option<Time> {
        let place = &self.armed.rule.place;
        let ends = self.armed.rule.fault.about().class == Class::End && !place.is_spot();
        let by_time = ends || self.armed.rule.comes_by_itself();
        let after = place.after.map(|after| opened + after.0);
        let later = place.later.map(|later| self.from + later.0);
        (by_time && self.begun && !self.done)
            .then(|| after.into_iter().chain(later).max().unwrap_or(self.from))
    }
    /// Where in `unit` it strikes, if it does.
    fn place(&mut self, unit: Unit, now: Time, opened: Time, who: Who) -> Option<usize> {
        let place = self.armed.rule.place.clone();
        let class = self.armed.rule.fault.about().class;
        if self.done || !matches!(class, Class::Spot | Class::End) {
            return None;
        }
        let byte = place.byte.or(place.more.map(|more| self.base.saturating_add(more)));
        let mut at = if let Some(byte) = byte {
            // An end after N bytes strikes when they are there; a change needs the next one.
            let last = unit.start + unit.len as u64 - u64::from(class == Class::Spot);
            if byte < unit.start || byte > last {
                return None;
            }
            usize::try_from(byte - unit.start).ok()?
        } else if place.frame.is_some() || place.nth.is_some() {
            let kind = unit.kind?;
            if place.frame.as_deref().is_some_and(|wanted| wanted != kind) {
                return None;
            }
            self.frames += 1;
            if place.nth.is_some_and(|nth| nth != self.frames) {
                return None;
            }
            let whole = if class == Class::End { unit.len } else { 0 };
            place.offset.map_or(whole, |at| usize::try_from(at).unwrap_or(usize::MAX))
        } else {
            place.chance?;
            0
        };
        if !self.begun || !self.ripe(now, opened) {
            return None;
        }
        if let Some(chance) = place.chance {
            let mut draw = self.draw(who);
            if draw.fraction() >= chance {
                return None;
            }
            if byte.is_none() && place.frame.is_none() && place.nth.is_none() {
                at = usize::try_from(draw.below(unit.len as u64)).ok()?;
            }
        }
        if at > unit.len || (at == unit.len && class == Class::Spot) || !self.armed.strike() {
            return None;
        }
        self.done = byte.is_some() || place.nth.is_some();
        Some(at)
    }
}

impl Lane {
    /// Bytes that a frame longer than all room may not fill.
    pub(super) fn spanned(&self) -> usize {
        let copied = self.spans.iter().map(|span| match &span.does {
            Does::Copy(kept) => kept.len(),
            Does::Flip(_) | Does::Lose => 0,
        });
        copied.sum::<usize>() + self.cutter.as_ref().map_or(0, super::Cutter::len)
    }

    /// Applies what strikes in these bytes, and passes them on.
    pub(super) fn edit(&mut self, now: Time, bytes: Bytes, kind: Option<&'static str>) {
        if bytes.is_empty() || self.ended {
            return;
        }
        let unit = Unit { start: self.taken, len: bytes.len(), kind };
        let mut spots: Vec<(usize, usize)> = Vec::new();
        for (n, work) in self.rules.iter_mut().enumerate() {
            if let Some(at) = work.place(unit, now, self.opened, self.who) {
                spots.push((at, n));
            }
        }
        spots.sort_by_key(|(at, _)| *at);
        let mut rest = bytes;
        for (at, n) in spots {
            let gone = (self.taken - unit.start) as usize;
            let before = rest.split_to((at - gone).min(rest.len()));
            self.emit(now, before);
            let left_of_unit = unit.len as u64 - (self.taken - unit.start);
            self.apply(now, n, left_of_unit);
        }
        self.emit(now, rest);
        if let Some(kind) = kind {
            self.rules.iter_mut().for_each(|work| work.saw(kind));
            if self.watched {
                self.seen.push(kind);
            }
        }
    }

    /// Strikes here with what needs no bytes to come, if its time has come; when the next one's does.
    pub(super) fn strike_by_time(&mut self, now: Time) -> Option<Time> {
        if self.ended {
            return None;
        }
        let amid = self.cutter.as_ref().is_some_and(super::Cutter::is_amid);
        // What brings bytes does not come into the middle of a frame.
        let may = |work: &Work| !(amid && work.armed.rule.comes_by_itself());
        for n in 0..self.rules.len() {
            let work = &mut self.rules[n];
            if may(work) && work.due(self.opened).is_some_and(|at| at <= now) {
                work.done = true;
                if work.armed.strike() {
                    self.apply(now, n, 0);
                }
            }
        }
        self.rules.iter().filter(|work| may(work)).filter_map(|work| work.due(self.opened)).min()
    }

    fn apply(&mut self, now: Time, n: usize, left_of_unit: u64) {
        let by = self.rules[n].armed.clone();
        let (at, text) = (self.taken, by.text.clone());
        let span = |left, does| Span { by: by.clone(), spare: 0, left, from: at, does };
        let at_frame = by.rule.place.frame.is_some() || by.rule.place.nth.is_some();
        match &by.rule.fault {
            Fault::Corrupt { mask, bytes } => {
                self.spans.push(span(*bytes, Does::Flip(mask.0)));
                self.strike(&text, at, format!("flipped {:02x} in {bytes} bytes", mask.0));
            }
            Fault::Drop { bytes } => {
                self.spans.push(span(*bytes, Does::Lose));
                self.strike(&text, at, format!("lost {bytes} bytes"));
            }
            Fault::Truncate { keep } => {
                let lost = if at_frame { left_of_unit.saturating_sub(*keep) } else { u64::MAX };
                self.spans.push(Span { spare: *keep, ..span(lost, Does::Lose) });
                let lost = if at_frame { lost.to_string() } else { "all further".into() };
                self.strike(&text, at, format!("kept {keep} bytes and lost {lost}"));
            }
            Fault::Duplicate { bytes } => {
                let copied = bytes.unwrap_or(left_of_unit.max(1));
                self.spans.push(span(copied, Does::Copy(BytesMut::new())));
                self.strike(&text, at, format!("{copied} bytes come twice"));
            }
            Fault::Insert { hex } => {
                self.pace(now, hex.0.clone());
                self.strike(&text, at, format!("inserted {} bytes", hex.0.len()));
            }
            Fault::Split {} => {
                self.flush_pool(now);
                let last = self.last.max(now);
                self.push(now, last, What::Drain { by, note: true });
            }
            Fault::Stall { time } => {
                let time = time.map(|span| span.0);
                self.hold(now, by, time);
            }
            Fault::BlackHole { lose: false } => self.hold(now, by, None),
            Fault::BlackHole { lose: true } => {
                self.spans.push(span(u64::MAX, Does::Lose));
                self.strike(&text, at, "everything from here on is lost".into());
            }
            Fault::Timeout { time } => {
                let time = time.map(|span| span.0);
                self.spans.push(span(u64::MAX, Does::Lose));
                self.strike(&text, at, "everything from here on is lost".into());
                if let Some(time) = time {
                    self.flush_pool(now);
                    let end = What::End { end: End::Close, by: Some(by) };
                    self.push(now, self.last.max(now + time), end);
                }
            }
            Fault::Close {} => self.cut_off(now, What::End { end: End::Close, by: Some(by) }),
            Fault::Reset {} => self.cut_off(now, What::End { end: End::Reset, by: Some(by) }),
            Fault::HalfClose {} => self.cut_off(now, What::HalfClose { by }),
            Fault::Latency { .. }
            | Fault::Bandwidth { .. }
            | Fault::Slice { .. }
            | Fault::Dribble { .. }
            | Fault::Coalesce { .. }
            | Fault::DelayFin { .. }
            | Fault::Refuse {}
            | Fault::BacklogFull {}
            | Fault::AcceptNever {}
            | Fault::DelayAccept { .. }
            | Fault::AcceptThenClose {}
            | Fault::AcceptThenReset {}
            | Fault::CloseUnread {}
            | Fault::Schedule { .. }
            | Fault::ReceiveBuffer { .. } => {}
        }
    }

    /// Its end does not come any more; but what lost bytes on the way cannot go on as if it had not.
    pub(super) fn lift_timeout(&mut self, now: Time, gone: &Arc<Armed>, changed: bool) {
        let is_its =
            |what: &What| matches!(what, What::End { by: Some(by), .. } if by.id == gone.id);
        if let Some(place) = self.line.iter().position(|piece| is_its(&piece.what)) {
            self.line.remove(place);
            // What came after it waited for it.
            let before = place.checked_sub(1).map_or(now, |n| self.line[n].at.max(now));
            self.line.range_mut(place..).for_each(|piece| piece.at = piece.at.min(before));
            self.last = before;
        }
        let lost = self.spans.iter().any(|span| span.by.id == gone.id && span.from < self.taken);
        if lost && !changed {
            self.cut_off(now, What::End { end: End::Close, by: Some(gone.clone()) });
        }
    }

    fn hold(&mut self, now: Time, by: Arc<Armed>, time: Option<Duration>) {
        self.flush_pool(now);
        let last = self.last.max(now);
        self.push(now, last, What::Hold { by, time, since: None });
    }

    fn cut_off(&mut self, now: Time, what: What) {
        self.flush_pool(now);
        let last = self.last.max(now);
        self.push(now, last, what);
    }

    /// Passes bytes through the stretches that are being changed.
    fn emit(&mut self, now: Time, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let next = |span: &Span| if span.spare > 0 { span.spare } else { span.left };
            let shortest = self.spans.iter().map(next).min().unwrap_or(u64::MAX);
            let n = shortest.min(bytes.len() as u64);
            let mut part = Some(bytes.split_to(n as usize));
            self.taken += n;
            let mut copies = Vec::new();
            self.spans.retain_mut(|span| {
                if span.spare > 0 {
                    span.spare -= n;
                    return true;
                }
                span.left -= n;
                match (&mut span.does, part.take()) {
                    (Does::Flip(mask), Some(plain)) => {
                        part = Some(plain.iter().map(|byte| byte ^ *mask).collect());
                    }
                    (Does::Lose, _) => {}
                    (Does::Copy(kept), Some(plain)) => {
                        kept.extend_from_slice(&plain);
                        part = Some(plain);
                    }
                    (Does::Flip(_) | Does::Copy(_), None) => {}
                }
                if span.left == 0
                    && let Does::Copy(kept) = &mut span.does
                {
                    copies.push(kept.split().freeze());
                }
                span.left > 0
            });
            for part in part.into_iter().chain(copies) {
                self.pace(now, part);
            }
        }
    }
}
