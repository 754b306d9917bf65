//! What came of a case, and what may come of one.
use std::{fmt, time::Duration};

use super::{
    Setup,
    bytes::{Pattern, Vars},
    steps::Length,
    story::{Story, Told},
};

/// What came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Frames while we watched, in their order.
    pub frames: Vec<Vec<u8>>,
    /// What had become of the connection in the end.
    pub end: Ended,
    /// After how long a client came again, each time.
    pub gaps: Vec<Duration>,
    /// What letters had come to stand for.
    pub vars: Vars,
    /// What a client's program claims and what the device knows, if the case is about that.
    pub story: Option<Story>,
}

/// What had become of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ended {
    /// Open, and somebody answered on it if somebody was asked.
    #[default]
    Open,
    /// Open, and nobody answered any more.
    Deaf,
    /// Closed by the peer.
    Closed {
        /// In what way.
        how: How,
        /// How long after the last thing we did.
        after: Duration,
        /// The time that was due, if it was about that.
        due: Option<Length>,
    },
}

/// How a peer closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It finished (FIN).
    Fin,
    /// It reset (RST).
    Rst,
    /// It did not even take the connection.
    Refused,
}

/// One thing that may come of a case.
#[derive(Clone, Copy, Debug)]
pub struct Want {
    /// These frames, and no others.
    pub frames: &'static [Pattern],
    /// Then this of the connection.
    pub end: End,
    /// A client comes again, but not before this.
    pub again: Option<Length>,
    /// What the client's program claims, and what the device knows.
    pub story: Option<Told>,
}

/// What may become of a connection.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// It stays, and somebody answers on it.
    Stays,
    /// The peer closes it, at any time while we watch.
    Closes,
    /// The peer closes it when this has passed.
    ClosesAt(Length),
    /// The peer closes it, but not before this has passed.
    ClosesAfter(Length),
    /// Either, unless nobody answers.
    Any,
}

/// These frames, and the connection stays.
pub const fn stays(frames: &'static [Pattern]) -> Want {
    Want { frames, end: End::Stays, again: None, story: None }
}

/// These frames, then the peer closes.
pub const fn closes(frames: &'static [Pattern]) -> Want {
    Want { frames, end: End::Closes, again: None, story: None }
}

/// These frames, then the peer closes when this has passed.
pub const fn closes_at(frames: &'static [Pattern], when: Length) -> Want {
    Want { frames, end: End::ClosesAt(when), again: None, story: None }
}

/// The client comes again each time, and not before this.
pub const fn again(not_before: Length) -> Want {
    Want { frames: &[], end: End::Any, again: Some(not_before), story: None }
}

/// It is as told, and nothing was said that is no command.
pub const fn told(story: Told) -> Want {
    Want { frames: &[], end: End::Any, again: None, story: Some(story) }
}

impl Want {
    /// The same, and the end of the connection does not matter.
    pub const fn then_anything(self) -> Self {
        Self { end: End::Any, ..self }
    }
    /// Whether this is what came.
    pub fn is(&self, seen: &Observed, setup: &Setup) -> bool {
        let mut vars = seen.vars.clone();
        let mut rest = seen.frames.as_slice();
        for pattern in self.frames {
            let Some(covered) = pattern.bytes.covers(rest, &mut vars) else { return false };
            rest = &rest[covered..];
        }
        rest.is_empty()
            && self.end.is(seen.end, setup)
            && self.came_again(seen, setup)
            && self.is_told(seen, setup)
    }
    fn is_told(&self, seen: &Observed, setup: &Setup) -> bool {
        let Some(told) = &self.story else { return true };
        seen.story.as_ref().is_some_and(|story| told.is(story, setup))
    }
    fn came_again(&self, seen: &Observed, setup: &Setup) -> bool {
        let Some(length) = self.again else { return true };
        let wanted = length.of(setup);
        let least = wanted.saturating_sub(setup.tolerance(wanted)).max(wanted / 2);
        !seen.gaps.is_empty() && seen.gaps.iter().all(|gap| *gap >= least)
    }
}

impl End {
    fn is(self, seen: Ended, setup: &Setup) -> bool {
        match (self, seen) {
            (_, Ended::Deaf) => false,
            (Self::Any, Ended::Open | Ended::Closed { .. })
            | (Self::Stays, Ended::Open)
            | (Self::Closes, Ended::Closed { .. }) => true,
            (Self::ClosesAt(when), Ended::Closed { after, .. }) => in_time(after, when, setup),
            (Self::ClosesAfter(when), Ended::Closed { after, .. }) => {
                let when = when.of(setup);
                after + setup.tolerance(when) >= when
            }
            (Self::Stays, Ended::Closed { .. })
            | (Self::Closes | Self::ClosesAt(_) | Self::ClosesAfter(_), Ended::Open) => false,
        }
    }
}

/// Whether something that took `after` may be called to have happened at `when`.
pub(super) fn in_time(after: Duration, when: Length, setup: &Setup) -> bool {
    let when = when.of(setup);
    let tolerance = setup.tolerance(when);
    after + tolerance >= when && after <= when + tolerance
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(length) = self.again {
            return write!(f, "comes again, not before {length}");
        }
        if let Some(told) = self.story {
            let names: Vec<_> = self.frames.iter().map(|pattern| pattern.name).collect();
            let said = if names.is_empty() { String::new() } else { names.join(", ") + ", " };
            return write!(f, "{said}{told}");
        }
        match self.frames {
            [] => f.write_str("says nothing")?,
            frames => {
                let names: Vec<_> = frames.iter().map(|pattern| pattern.name).collect();
                write!(f, "says {}", names.join(", "))?;
            }
        }
        match self.end {
            End::Stays => f.write_str(" and stays"),
            End::Closes => f.write_str(" and closes"),
            End::ClosesAt(when) => write!(f, " and closes at {when}"),
            End::ClosesAfter(when) => write!(f, " and closes, not before {when}"),
            End::Any => Ok(()),
        }
    }
}

impl Observed {
    /// It in few words that are the same every time: `Reject 4, stays`, `closes at T7`.
    pub fn brief(&self, name: fn(&[u8]) -> String, setup: &Setup) -> String {
        let mut parts = names(&self.frames, name);
        if let Some(story) = &self.story {
            parts.push(story.brief());
            return parts.join(", ");
        }
        match self.end {
            Ended::Open => parts.push("stays".into()),
            Ended::Deaf => parts.push("is deaf".into()),
            Ended::Closed { after, due, .. } => parts.push(match due {
                Some(due) if in_time(after, due, setup) => format!("closes at {due}"),
                Some(_) | None => "closes".into(),
            }),
        }
        parts.join(", ")
    }
    /// It with times, and with the way it closed.
    pub fn full(&self, name: fn(&[u8]) -> String) -> String {
        let said = match names(&self.frames, name).join(", ") {
            said if said.is_empty() => "said nothing".into(),
            said => format!("said {said}"),
        };
        if let Some(story) = &self.story {
            let said = if self.frames.is_empty() { String::new() } else { said + "; " };
            return format!("{said}{}", story.full());
        }
        let end = match self.end {
            Ended::Open => "stayed".into(),
            Ended::Deaf => "kept the connection, and answered on it no more".into(),
            Ended::Closed { how: How::Refused, .. } => "refused the connection".into(),
            Ended::Closed { how, after, .. } => {
                let how = if how == How::Fin { "FIN" } else { "RST" };
                format!("closed with {how} after {:.2} s", after.as_secs_f64())
            }
        };
        let gaps: Vec<_> = self.gaps.iter().map(|g| format!("{:.2} s", g.as_secs_f64())).collect();
        match gaps.as_slice() {
            [] => format!("{said} and {end}"),
            gaps => format!("came again after {}", gaps.join(", ")),
        }
    }
}

/// What the frames are called, equal neighbours together.
fn names(frames: &[Vec<u8>], name: fn(&[u8]) -> String) -> Vec<String> {
    let mut runs: Vec<(String, usize)> = Vec::new();
    for name in frames.iter().map(|frame| name(frame)) {
        match runs.last_mut() {
            Some((last, count)) if *last == name => *count += 1,
            Some(_) | None => runs.push((name, 1)),
        }
    }
    let text = |(name, count)| if count == 1 { name } else { format!("{count} x {name}") };
    runs.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{bytes::pattern, hsms::DEVICE, setup::RawSetup},
        *,
    };

    const T7: Length = Length::Timer("t7");

    fn setup() -> Setup {
        Setup::new(&DEVICE, RawSetup::default()).unwrap()
    }
    fn closed(seconds: u64) -> Observed {
        let after = Duration::from_secs(seconds);
        let end = Ended::Closed { how: How::Fin, after, due: Some(T7) };
        Observed { end, ..Observed::default() }
    }

    #[test]
    fn a_close_is_neither_early_nor_late_within_three_tenths() {
        let is = |want: Want, seconds| want.is(&closed(seconds), &setup());
        let at = |seconds| is(closes_at(&[], T7), seconds);
        assert_eq!([6, 7, 10, 13, 14].map(at), [false, true, true, true, false]);
        let end = End::ClosesAfter(T7);
        let not_before = |seconds| is(Want { end, ..closes(&[]) }, seconds);
        assert_eq!([6, 7, 99].map(not_before), [false, true, true]);
        assert!(is(closes(&[]), 1) && !is(stays(&[]), 1));
    }

    #[test]
    fn the_brief_text_does_not_depend_on_the_clock_and_the_full_one_does() {
        let brief = |seconds| closed(seconds).brief(DEVICE.name, &setup());
        assert_eq!((&*brief(9), &*brief(11)), ("closes at T7", "closes at T7"));
        assert_eq!((&*brief(1), &*brief(2)), ("closes", "closes"));
        assert_eq!(closed(9).full(DEVICE.name), "said nothing and closed with FIN after 9.00 s");
    }

    #[test]
    fn frames_are_those_wanted_and_no_others() {
        const ONE: Pattern = pattern("one", "01");
        let seen = |frames: &[u8]| Observed {
            frames: frames.iter().map(|byte| vec![*byte]).collect(),
            ..Observed::default()
        };
        let is = |frames: &[u8]| stays(&[ONE, ONE]).is(&seen(frames), &setup());
        assert_eq!(
            [is(&[1]), is(&[1, 1]), is(&[1, 1, 1]), is(&[1, 2])],
            [false, true, false, false]
        );
        assert!(!stays(&[]).is(&seen(&[1]), &setup()));
    }

    #[test]
    fn nobody_wants_a_deaf_peer() {
        let deaf = Observed { end: Ended::Deaf, ..Observed::default() };
        let any = Want { end: End::Any, ..stays(&[]) };
        assert!([any, stays(&[]), closes(&[])].iter().all(|want| !want.is(&deaf, &setup())));
    }

    #[test]
    fn a_client_comes_again_each_time_in_due_time() {
        let t5 = Length::Timer("t5");
        let gaps = |gaps: &[u64]| {
            let gaps = gaps.iter().map(|s| Duration::from_secs(*s)).collect();
            again(t5).is(&Observed { gaps, ..Observed::default() }, &setup())
        };
        assert_eq!([gaps(&[10, 7, 99]), gaps(&[10, 6]), gaps(&[])], [true, false, false]);
    }
}
