//! One direction of a proxied connection: takes what one end sent, and says what to write to the
//! other, and when. A pure machine; the only place that harms bytes. Without rules it changes nothing.
//!
//! ```text
//!   take ──▶ cut into frames ──▶ edit ──▶ pace ──▶ line ──▶ poll_output
//!            if a rule asks      spots    flow     in order, each piece with its time
//! ```
mod edit;
mod pace;
mod piece;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use proto::Time;

use super::{
    armed::{Armed, Rules},
    fault::{Class, Fault},
    frames::{Cutter, Speech},
};
use edit::{Span, Work};
use pace::Pool;
pub use piece::{End, Output, Strike, Who};
use piece::{Piece, What, ms};

/// Bytes a lane holds before it stops reading, so that backpressure is felt.
const ROOM: usize = 64 * 1024;
/// The same while bytes are late on purpose: a long line has more of them on it.
const LONG_ROOM: usize = 16 << 20;

/// One direction of a connection.
pub struct Lane {
    who: Who,
    opened: Time,
    rules: Vec<Work>,
    /// Knows where frames begin, if anybody does.
    cutter: Option<Cutter>,
    /// And cuts there, since a rule asks for frames.
    cutting: bool,
    /// Bytes taken so far, as their sender counts them.
    taken: u64,
    spans: Vec<Span>,
    pool: Option<Pool>,
    line: VecDeque<Piece>,
    held: usize,
    last: Time,
    ended: bool,
    /// A fault has finished it (FIN): what still comes is dropped.
    muted: bool,
    struck: VecDeque<Strike>,
    seen: Vec<&'static str>,
    /// A rule, of whichever lane, waits for a frame to pass.
    watched: bool,
}

impl Lane {
    /// A lane of a connection that opened now.
    pub fn new(who: Who, now: Time, rules: &[Arc<Armed>], speech: Option<Speech>) -> Self {
        let mut lane = Self {
            who,
            opened: now,
            rules: Vec::new(),
            cutter: speech.map(Cutter::new),
            cutting: false,
            taken: 0,
            spans: Vec::new(),
            pool: None,
            line: VecDeque::new(),
            held: 0,
            last: now,
            ended: false,
            muted: false,
            struck: VecDeque::new(),
            seen: Vec::new(),
            watched: false,
        };
        lane.arm(now, rules);
        lane
    }
    /// From now on these rules are in force. What waits for one that is gone waits no longer, and
    /// nothing is lost.
    pub fn arm(&mut self, now: Time, rules: &[Arc<Armed>]) {
        let flow = self.who.flow;
        let mut old = std::mem::take(&mut self.rules);
        for armed in rules.iter().filter(|armed| armed.rule.goes(flow)) {
            let known = old.iter().position(|work| work.armed.id == armed.id);
            self.rules.push(match known {
                Some(at) => old.swap_remove(at),
                None => Work::new(armed.clone(), now.max(self.opened), self.taken),
            });
        }
        for gone in &old {
            let changed = rules.iter().any(|armed| armed.name == gone.armed.name);
            self.lift(now, gone, changed);
        }
        self.watched = rules.iter().any(|armed| armed.rule.place.since.is_some());
        let frames = |work: &Work| {
            let rule = &work.armed.rule;
            (rule.needs_frames() || rule.comes_by_itself()) && !work.armed.is_spent()
        };
        let cutting = self.watched || self.rules.iter().any(frames);
        self.cutting = cutting && self.cutter.is_some();
        if let Some(cutter) = self.cutter.as_mut().filter(|_| !cutting) {
            let rest = cutter.rest();
            self.edit(now, rest, None);
        }
    }
    /// Nothing is in force and nothing waits: bytes may go straight through. Say which did with
    /// [`Self::passed`].
    pub fn is_clear(&self) -> bool {
        self.rules.is_empty()
            && self.line.is_empty()
            && !self.cutting
            && self.struck.is_empty()
            && !self.muted
    }
    /// These went straight through.
    pub fn passed(&mut self, bytes: &[u8]) {
        self.taken += bytes.len() as u64;
        if let Some(cutter) = &mut self.cutter {
            cutter.follow(bytes);
        }
    }
    /// Whether there is room for more.
    pub fn reads(&self) -> bool {
        let late = |work: &Work| matches!(work.armed.rule.fault, Fault::Latency { .. });
        let room = if self.rules.iter().any(late) { LONG_ROOM } else { ROOM };
        let pooled = self.pool.as_ref().map_or(0, Pool::len);
        // A byte alone in its piece takes up more than a byte.
        let pieces = self.line.len() * size_of::<Piece>();
        !self.ended && self.held + pieces + pooled + self.spanned() < room
    }
    /// Takes what the sender sent.
    pub fn take(&mut self, now: Time, bytes: Bytes) {
        if self.muted {
            return self.passed(&bytes);
        }
        // What strikes by time strikes before bytes that come at that time.
        self.strike_by_time(now);
        let Some(cutter) = &mut self.cutter else { return self.edit(now, bytes, None) };
        if !self.cutting {
            cutter.follow(&bytes);
            return self.edit(now, bytes, None);
        }
        let mut amid = cutter.is_amid();
        for (frame, kind) in cutter.push(bytes) {
            self.edit(now, frame, kind);
            // What waited for this frame to end.
            if std::mem::take(&mut amid) {
                self.strike_by_time(now);
            }
        }
    }
    /// The sender finished (FIN).
    pub fn finish(&mut self, now: Time) {
        self.flush(now);
        if !self.muted {
            self.end(now, What::Fin);
        }
    }
    /// The sender reset the connection.
    pub fn broke(&mut self, now: Time) {
        self.flush(now);
        self.end(now, What::End { end: End::Mirror, by: None });
    }
    /// The network took so many of the bytes that were to be written.
    pub fn wrote(&mut self, now: Time, n: usize) {
        let Some(piece) = self.line.front_mut() else { return };
        if let What::Data(bytes) = &mut piece.what {
            let _ = bytes.split_to(n.min(bytes.len()));
            self.held -= n;
            if bytes.is_empty() {
                self.left(now);
            }
        }
    }
    /// What the receiver has read: all of it, or nobody knows and here is why.
    pub fn drained(&mut self, known: Result<(), &'static str>) {
        let Some(Piece { what: What::Drain { .. }, .. }) = self.line.front() else { return };
        let Some(Piece { what: What::Drain { by, note }, offset, .. }) = self.line.pop_front()
        else {
            return;
        };
        let proved = match known {
            Ok(()) => "proved: the receiver had read all before it".to_owned(),
            Err(why) => format!("unproved: {why}"),
        };
        if note || known.is_err() {
            self.strike(&by.text, offset, format!("cut here, {proved}"));
        }
    }
    /// Kinds of frames seen since last asked, if a rule waits for one.
    pub fn take_seen(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.seen)
    }
    /// A frame of this kind passed on the other lane.
    pub fn saw(&mut self, kind: &str) {
        for work in &mut self.rules {
            work.saw(kind);
        }
    }
    /// What the faults did in all, once the lane is at its end.
    pub fn sum_up(&mut self) -> Vec<Strike> {
        let taken = self.taken;
        let sums = self.rules.iter().filter_map(|work| {
            let did = work.sum()?;
            Some(Strike { fault: work.armed.text.clone(), at: taken, did })
        });
        self.struck.drain(..).chain(sums).collect()
    }

    /// The receiver takes nothing. Whether a fault resets the connection all the same, which needs
    /// nobody to read; if not yet, when one may.
    pub fn stuck(&mut self, now: Time) -> Result<Strike, Option<Time>> {
        let timer = self.strike_by_time(now);
        let resets = |piece: &Piece| match &piece.what {
            What::End { end: End::Reset, by: Some(by) } if piece.at <= now => Some(by.text.clone()),
            _ => None,
        };
        let at = self.line.front().map_or(self.taken, |piece| piece.offset);
        match self.line.iter().find_map(resets) {
            Some(fault) => {
                let did = format!("RST to both here; {} bytes were not taken", self.held);
                Ok(Strike { fault, at, did })
            }
            None => Err(timer),
        }
    }

    /// What to do next.
    pub fn poll_output(&mut self, now: Time) -> Output {
        let timer = self.strike_by_time(now);
        let pooled = self.flush_pool_if_due(now);
        loop {
            if let Some(strike) = self.struck.pop_front() {
                return Output::Struck(strike);
            }
            let Some(front) = self.line.front_mut() else { break };
            if front.at > now {
                let at = [Some(front.at), timer, pooled].into_iter().flatten().min();
                return Output::Wait(at);
            }
            match &mut front.what {
                What::Data(bytes) => return Output::Write(bytes.clone()),
                What::Drain { .. } => return Output::Drain,
                What::Hold { by, time, since } => {
                    let from = *since.get_or_insert(now);
                    let until = time.map(|time| from + time);
                    if until.is_none_or(|until| now < until) {
                        if front.notes.is_empty() && time.is_none() {
                            front.notes.push((by.text.clone(), ""));
                            let did = "nothing passes from here on".into();
                            let (fault, at) = (by.text.clone(), front.offset);
                            return Output::Struck(Strike { fault, at, did });
                        }
                        let at = [until, timer, pooled].into_iter().flatten().min();
                        return Output::Wait(at);
                    }
                    self.release(now);
                }
                What::Fin => {
                    self.line.pop_front();
                    return Output::Finish;
                }
                What::HalfClose { by } => {
                    let (fault, at) = (by.text.clone(), front.offset);
                    self.strike(&fault, at, "FIN here; the sender was told nothing".into());
                    self.line.pop_front();
                    self.line.clear();
                    (self.held, self.muted) = (0, true);
                    return Output::Finish;
                }
                What::End { end, by } => {
                    let (end, by, at) = (*end, by.take(), front.offset);
                    let Some(by) = by else { return Output::End(end) };
                    let did = match end {
                        End::Close => "FIN to both here",
                        End::Reset | End::Mirror => "RST to both here",
                    };
                    self.strike(&by.text, at, did.into());
                }
            }
        }
        Output::Wait([timer, pooled].into_iter().flatten().min())
    }

    fn strike(&mut self, fault: &Arc<str>, at: u64, did: String) {
        self.struck.push_back(Strike { fault: fault.clone(), at, did });
    }

    /// The piece in front is written to its last byte.
    fn left(&mut self, now: Time) {
        let Some(piece) = self.line.pop_front() else { return };
        let waited = now - piece.stamp;
        for work in &mut self.rules {
            work.delayed(waited);
        }
        for (fault, did) in piece.notes {
            let did = format!("{did}; came {} ms late", ms(waited));
            self.strike(&fault, piece.offset, did);
        }
    }

    /// A hold that is over, and how long it was.
    fn release(&mut self, now: Time) {
        let Some(Piece { what: What::Hold { by, since, .. }, offset, .. }) = self.line.pop_front()
        else {
            return;
        };
        let held = now - since.unwrap_or(now);
        self.strike(&by.text, offset, format!("nothing passed for {} ms", ms(held)));
    }

    /// What waits for a rule that is gone waits no longer; or it is there again, changed.
    fn lift(&mut self, now: Time, gone: &Work, changed: bool) {
        let id = gone.armed.id;
        if matches!(gone.armed.rule.fault, Fault::Timeout { .. }) {
            self.lift_timeout(now, &gone.armed, changed);
        }
        let flow = gone.armed.rule.fault.about().class == Class::Flow;
        let waits_for_it = |what: &What| matches!(what, What::Drain { by, .. } if by.id == id);
        self.line.retain(|piece| !waits_for_it(&piece.what));
        for piece in &mut self.line {
            if flow {
                piece.at = piece.at.min(now);
            }
            match &mut piece.what {
                What::Hold { by, time, .. } if by.id == id => *time = Some(Duration::ZERO),
                _ => {}
            }
        }
        if flow {
            self.last = self.last.min(now);
        }
        self.spans.retain(|span| span.by.id != id);
        if matches!(gone.armed.rule.fault, Fault::Coalesce { .. }) {
            self.flush_pool(now);
        }
        if let Some(did) = gone.sum() {
            self.strike(&gone.armed.text, self.taken, did);
        }
    }

    /// What is kept back to be gathered, or to become a whole frame, comes now.
    fn flush(&mut self, now: Time) {
        if let Some(mut cutter) = self.cutter.take() {
            let rest = cutter.rest();
            self.edit(now, rest, None);
        }
        self.flush_pool(now);
    }

    /// The stream ends like this, after all that is in the line.
    fn end(&mut self, now: Time, what: What) {
        if self.ended {
            return;
        }
        self.ended = true;
        let mut at = self.last.max(now);
        let mut later = Vec::new();
        for work in self.rules.iter().filter(|_| matches!(what, What::Fin)) {
            if let Fault::DelayFin { delay } = work.armed.rule.fault
                && work.armed.strike()
            {
                at = at.max(now + delay.0);
                later.push((work.armed.text.clone(), delay.0));
            }
        }
        for (fault, delay) in later {
            self.strike(&fault, self.taken, format!("FIN comes {} ms later", ms(delay)));
        }
        self.push(now, at, what);
    }

    fn push(&mut self, now: Time, at: Time, what: What) {
        if let What::Data(bytes) = &what {
            self.held += bytes.len();
        }
        self.last = at.max(self.last);
        let offset = self.taken;
        self.line.push_back(Piece { at, stamp: now, offset, what, notes: Vec::new() });
    }
}

/// Which of `rules` are about this connection.
pub fn about(rules: &Rules, nth: u64, client: std::net::IpAddr) -> Vec<Arc<Armed>> {
    rules.iter().filter(|armed| armed.meets(nth, client)).cloned().collect()
}
