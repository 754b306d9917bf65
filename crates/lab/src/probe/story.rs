//! What a client's program says of itself, held against what the device knows of it.
use std::{fmt, time::Duration};

use serde::Serialize;

use super::{
    Setup,
    backoff::{self, Pause},
};

/// How much earlier than the rule an attempt may come: clocks are not that good.
const EARLY: Duration = Duration::from_millis(20);

/// One connection that a client opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// The port it came from, which tells it from others.
    pub port: u16,
    /// Microseconds from the program's start until it was taken.
    pub at_us: u64,
    /// The same until it was over.
    pub over_us: Option<u64>,
    /// The ids of the commands that arrived whole.
    pub asked: Vec<String>,
    /// The ids of those that were done, repeats included.
    pub done: Vec<String>,
    /// Whether something was answered.
    pub answered: bool,
    /// The commands as they came.
    #[serde(skip)]
    pub said: Vec<Vec<u8>>,
}

/// What a program said of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// Whether it says that it worked.
    pub success: bool,
    /// The code it ended with.
    pub code: i32,
    /// The outcome in its last line.
    pub outcome: Option<String>,
}

/// A claim, and what the device knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// Every connection that was taken.
    pub attempts: Vec<Attempt>,
    /// Connections that waited and were not taken.
    pub untaken: usize,
    /// What the program said; nothing if it did not end by itself.
    pub claim: Option<Claim>,
    /// Different commands that were done.
    pub done: usize,
    /// Why it was not waited for any longer, if it did not end by itself.
    pub endless: Option<String>,
}

/// What a story may be.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Whether it claims success; either, if left open.
    claims: Option<bool>,
    done: Times,
    tries: Tries,
    same: bool,
    paced: bool,
}

/// How many commands were done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Any number.
    Any,
    /// None.
    Never,
    /// One, however often it arrived.
    Once,
    /// One or more.
    Some,
}

/// How often it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// Any number of times.
    Any,
    /// Once.
    One,
    /// More than once.
    More,
    /// As often as it is set to.
    All,
}

/// It claims success.
pub const fn succeeds() -> Told {
    Told { claims: Some(true), ..ends() }
}

/// It claims failure.
pub const fn fails() -> Told {
    Told { claims: Some(false), ..ends() }
}

/// It claims something.
pub const fn ends() -> Told {
    Told { claims: None, done: Times::Any, tries: Tries::Any, same: false, paced: false }
}

impl Told {
    /// And the device did so much.
    pub const fn done(self, done: Times) -> Self {
        Self { done, ..self }
    }
    /// In so many attempts.
    pub const fn tries(self, tries: Tries) -> Self {
        Self { tries, ..self }
    }
    /// With the same command each time.
    pub const fn same(self) -> Self {
        Self { same: true, ..self }
    }
    /// With the pauses of the rule in between.
    pub const fn paced(self) -> Self {
        Self { paced: true, ..self }
    }
    /// Whether the story is like this.
    pub fn is(&self, story: &Story, setup: &Setup) -> bool {
        let Self { claims, done, tries, same, paced } = *self;
        let Some(claim) = &story.claim else { return false };
        claims.is_none_or(|success| success == claim.success)
            && match done {
                Times::Any => true,
                Times::Never => story.done == 0,
                Times::Once => story.done == 1,
                Times::Some => story.done > 0,
            }
            && match (tries, story.count()) {
                (Tries::Any, _) => true,
                (Tries::One, n) => n == 1,
                (Tries::More, n) => n > 1,
                (Tries::All, n) => n == setup.attempts(),
            }
            && (!same || story.asks_the_same())
            && (!paced || story.keeps_pace(setup))
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { claims, done, tries, same, paced } = self;
        f.write_str(match claims {
            Some(true) => "claims success",
            Some(false) => "claims failure",
            None => "claims one or the other",
        })?;
        f.write_str(match done {
            Times::Any => "",
            Times::Never => ", nothing done",
            Times::Once => ", done once",
            Times::Some => ", done",
        })?;
        f.write_str(match tries {
            Tries::Any => "",
            Tries::One => ", in one attempt",
            Tries::More => ", in several attempts",
            Tries::All => ", in all its attempts",
        })?;
        f.write_str(if *same { ", with the same bytes each time" } else { "" })?;
        f.write_str(if *paced { ", with the pauses of the rule" } else { "" })
    }
}

impl Story {
    /// The pauses between attempts: from the end of one to the beginning of the next.
    pub fn pauses(&self) -> Vec<Pause> {
        let pause = |pair: &[Attempt]| {
            // One that was still open when the next began was not the reason for it.
            let over = pair[0].over_us.filter(|over| *over <= pair[1].at_us);
            let from = over.unwrap_or(pair[0].at_us).min(pair[1].at_us);
            let length = Duration::from_micros(pair[1].at_us - from);
            Pause { length, after_success: pair[0].answered }
        };
        self.attempts.windows(2).map(pause).collect()
    }
    /// How often it came.
    pub fn count(&self) -> usize {
        self.attempts.len() + self.untaken
    }
    /// What is wrong whatever the case is about.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<_> = self.endless.clone().into_iter().collect();
        if self.done == 0 && self.claim.as_ref().is_some_and(|claim| claim.success) {
            faults.push(self.believed());
        }
        if let Some(Claim { success, code, outcome: Some(outcome) }) = &self.claim
            && *success != (*code == 0)
        {
            faults.push(format!("contradicts itself: outcome {outcome}, and exit code {code}"));
        }
        let hot = self.pauses().iter().filter(|pause| pause.length < backoff::HOT).count();
        if hot > 0 {
            faults.push(format!("hot loop: it came again within 10 ms {hot} times"));
        }
        faults
    }
    fn believed(&self) -> String {
        let whole = self.attempts.iter().filter(|attempt| !attempt.asked.is_empty()).count();
        match (self.attempts.len(), whole) {
            (2.., 1..) if self.attempts.last().is_some_and(|last| last.asked.is_empty()) => {
                "lost after reconnect: it claims success, and the device read no command on the \
                 last connection and has done none"
                    .into()
            }
            (_, 0) => {
                "believed: it claims success, and the device never got a whole command".into()
            }
            (_, _) => "believed: it claims success, and the device has done nothing".into(),
        }
    }
    fn asks_the_same(&self) -> bool {
        let mut said = self.attempts.iter().flat_map(|attempt| &attempt.said);
        let first = said.next();
        said.all(|bytes| Some(bytes) == first)
    }
    fn keeps_pace(&self, setup: &Setup) -> bool {
        let base = setup.timer("backoff").unwrap_or_default();
        let jitter = setup.timer("jitter").unwrap_or_default();
        self.pauses().iter().zip(0..16).all(|(pause, n)| {
            let least = base * (1 << n);
            let most = least + jitter + setup.tolerance(least);
            (least.saturating_sub(EARLY)..=most).contains(&pause.length)
        })
    }
    /// It in few words that are the same every time.
    pub fn brief(&self) -> String {
        let claim = match &self.claim {
            Some(claim) if claim.success => "claims success",
            Some(_) => "claims failure",
            None => "claims nothing",
        };
        let tries = match self.count() {
            1 => "1 attempt".into(),
            n => format!("{n} attempts"),
        };
        let asked: usize = self.attempts.iter().map(|attempt| attempt.asked.len()).sum();
        format!("{claim}, {tries}, {asked} read, {} done", self.done)
    }
    /// It with the code it ended with, and when it came.
    pub fn full(&self) -> String {
        let how = match &self.claim {
            Some(Claim { code, outcome: Some(outcome), .. }) => {
                format!(" (exit code {code}, outcome {outcome})")
            }
            Some(Claim { code, outcome: None, .. }) => format!(" (exit code {code})"),
            None => String::new(),
        };
        let at = |attempt: &Attempt| format!("{:.3} s", attempt.at_us as f64 / 1e6);
        let at: Vec<_> = self.attempts.iter().take(8).map(at).collect();
        let more = if self.attempts.len() > 8 { ", …" } else { "" };
        let at =
            if at.is_empty() { String::new() } else { format!("; at {}{more}", at.join(", ")) };
        format!("{}{how}{at}", self.brief())
    }
}

#[cfg(test)]
#[path = "story_tests.rs"]
mod tests;
