//! Faults about all bytes: when they leave, and in which pieces.
use std::{f64::consts::TAU, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use proto::{Time, rng::Rng};

use super::{Lane, Piece, What};
use crate::proxy::{
    armed::Armed,
    fault::{Fault, Shape},
};

/// Under a limit of the rate, a millisecond's bytes leave at one instant, but no fewer and no more than
/// these: few enough for a steady flow, enough to be worth a write.
const AT_ONCE: (u64, u64) = (256, 64 * 1024);

/// Bytes gathered to be written in one go.
pub(super) struct Pool {
    by: Arc<Armed>,
    bytes: BytesMut,
    enough: usize,
    until: Time,
    since: Time,
}

impl Pool {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// How the bytes that come now are cut and when they leave.
#[derive(Default)]
struct Manner {
    delay: Duration,
    rates: Vec<(Arc<Armed>, u64, bool)>,
    slice: Option<(Arc<Armed>, u32, u32, Duration, bool)>,
    notes: Vec<(Arc<str>, &'static str)>,
}

impl Lane {
    /// Sends bytes on their way.
    pub(super) fn pace(&mut self, now: Time, bytes: Bytes) {
        if let Some(pool) = &mut self.pool {
            pool.bytes.extend_from_slice(&bytes);
            if pool.bytes.len() >= pool.enough {
                self.flush_pool(now);
            }
            return;
        }
        let gathers = self.rules.iter_mut().find_map(|work| {
            let Fault::Coalesce { bytes, wait } = work.armed.rule.fault else { return None };
            work.flows(now, self.opened, self.who).then(|| (work.armed.clone(), bytes, wait.0))
        });
        match gathers {
            Some((by, enough, wait)) if bytes.len() < enough as usize => {
                let bytes = BytesMut::from(&bytes[..]);
                let (enough, until) = (enough as usize, now + wait);
                self.pool = Some(Pool { by, bytes, enough, until, since: now });
            }
            Some(_) | None => self.leave(now, bytes),
        }
    }

    /// Lets go of what was gathered, if its time has come; else, when it does.
    pub(super) fn flush_pool_if_due(&mut self, now: Time) -> Option<Time> {
        let until = self.pool.as_ref()?.until;
        if until > now {
            return Some(until);
        }
        self.flush_pool(now);
        None
    }

    /// Lets go of what was gathered.
    pub(super) fn flush_pool(&mut self, now: Time) {
        let Some(pool) = self.pool.take() else { return };
        let (n, waited) = (pool.bytes.len(), super::ms(now - pool.since));
        let did = format!("{n} bytes in one write, the first of them {waited} ms late");
        self.strike(&pool.by.text, self.taken, did);
        self.leave(now, pool.bytes.freeze());
    }

    fn leave(&mut self, now: Time, bytes: Bytes) {
        let mut manner = self.manner(now);
        if let Some((by, size, vary, gap, proved)) = manner.slice.take() {
            let draw =
                Rng::new(self.who.seed, &[self.who.nth, self.who.flow as u64, by.id, self.taken]);
            return self.slice(now, bytes, manner, &by, (size, vary, gap, proved), draw);
        }
        self.time(now, bytes, &mut manner);
    }

    fn manner(&mut self, now: Time) -> Manner {
        let mut manner = Manner::default();
        let (opened, who) = (self.opened, self.who);
        for work in &mut self.rules {
            if !work.flows(now, opened, who) {
                continue;
            }
            let by = work.armed.clone();
            let did = match work.armed.rule.fault {
                Fault::Latency { delay, jitter, shape } => {
                    let mut draw = work.draw(who);
                    manner.delay += late(delay.0, jitter.0, shape, &mut draw);
                    "delayed"
                }
                Fault::Bandwidth { rate, shared } => {
                    manner.rates.push((by, rate, shared));
                    if rate == 0 { "rate 0 lets nothing through" } else { "rated" }
                }
                Fault::Slice { size, vary, gap } => {
                    manner.slice = Some((by, size, vary, gap.0, false));
                    "written in pieces"
                }
                Fault::Dribble { gap } => {
                    manner.slice = Some((by, 1, 0, gap.0, true));
                    "written byte by byte"
                }
                _ => continue,
            };
            if !std::mem::replace(&mut work.noted, true) {
                work.armed.strike();
                manner.notes.push((work.armed.text.clone(), did));
            }
        }
        manner
    }

    fn slice(
        &mut self,
        now: Time,
        mut bytes: Bytes,
        mut manner: Manner,
        by: &Arc<Armed>,
        (size, vary, gap, proved): (u32, u32, Duration, bool),
        mut draw: Rng,
    ) {
        let mut first = true;
        while !bytes.is_empty() {
            let vary = draw.below(u64::from(vary) * 2 + 1) as i64 - i64::from(vary);
            let n = usize::try_from(i64::from(size) + vary).unwrap_or(1).clamp(1, bytes.len());
            let at = if first { now } else { self.last.max(now) + gap };
            if proved && !first {
                self.push(now, at, What::Drain { by: by.clone(), note: false });
            }
            self.last = self.last.max(at);
            self.time(now, bytes.split_to(n), &mut manner);
            first = false;
        }
    }

    /// Sets the time at which these bytes leave.
    fn time(&mut self, now: Time, mut bytes: Bytes, manner: &mut Manner) {
        let slowest = manner.rates.iter().map(|(_, rate, _)| *rate).min();
        let at_once = slowest.map(|rate| (rate / 1000).clamp(AT_ONCE.0, AT_ONCE.1) as usize);
        while !bytes.is_empty() {
            let n = at_once.unwrap_or(usize::MAX).min(bytes.len());
            let mut at = (now + manner.delay).max(self.last);
            let mut hole = None;
            for (by, rate, shared) in &manner.rates {
                if *rate == 0 {
                    hole = Some(by.clone());
                    continue;
                }
                let work = self.rules.iter_mut().find(|work| work.armed.id == by.id);
                let meter = work.map(|work| &mut work.meter);
                at = at.max(match meter {
                    Some(meter) if !shared => meter.book(now, n, *rate),
                    _ => by.share(now, n, *rate),
                });
            }
            if let Some(by) = hole {
                self.push(now, at, What::Hold { by, time: None, since: None });
            }
            self.push(now, at, What::Data(bytes.split_to(n)));
            if let Some(Piece { notes, .. }) = self.line.back_mut() {
                notes.append(&mut manner.notes);
            }
        }
    }
}

/// A delay, drawn.
fn late(delay: Duration, jitter: Duration, shape: Shape, draw: &mut Rng) -> Duration {
    if jitter.is_zero() {
        return delay;
    }
    let off = match shape {
        Shape::Uniform => draw.fraction() * 2.0 - 1.0,
        // Box and Muller, 1958.
        Shape::Normal => {
            let radius: f64 = (-2.0_f64 * (1.0_f64 - draw.fraction()).ln()).sqrt();
            radius * (TAU * draw.fraction()).cos()
        }
    };
    let secs = (delay.as_secs_f64() + off * jitter.as_secs_f64()).max(0.0);
    Duration::try_from_secs_f64(secs).unwrap_or(delay)
}
