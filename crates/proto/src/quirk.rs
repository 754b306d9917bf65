//! What fake devices can be told to do wrong, as every protocol spells it: `MODE [ARGUMENT] [xN]`.
mod argument;

use std::{collections::VecDeque, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ConfigError;
pub use argument::{Argument, Number, One};

/// Implements [`Mode`] for an enum from one list: each name, its variant, and the argument it has unless
/// another is given.
macro_rules! modes {
    ($modes:ident { $($name:literal => $variant:ident $(($argument:expr))?,)* } $(refuses $refuses:pat)?) => {
        impl $crate::quirk::Mode for $modes {
            const MODES: &'static [(&'static str, Self)] =
                &[$(($name, Self::$variant $(($argument))?),)*];

            fn with(self, word: &str) -> Result<Option<Self>, String> {
                match self {
                    $(Self::$variant { .. } => modes!(@with word, $variant $($argument)?),)*
                }
            }
            fn argument(self) -> Option<String> {
                match self {
                    $(modes!(@is given, $variant $($argument)?) => modes!(@said given $($argument)?),)*
                }
            }
            fn refuses(self) -> bool {
                false $(|| matches!(self, $refuses))?
            }
        }
    };
    (@with $word:ident, $variant:ident) => { Ok(None) };
    (@with $word:ident, $variant:ident $argument:expr) => {
        $crate::quirk::Argument::read($word).map(|given| Some(Self::$variant(given)))
    };
    (@is $given:ident, $variant:ident) => { Self::$variant };
    (@is $given:ident, $variant:ident $argument:expr) => { Self::$variant($given) };
    (@said $given:ident) => { None };
    (@said $given:ident $argument:expr) => { $crate::quirk::Argument::written(&$given) };
}
pub(crate) use argument::words;
pub(crate) use modes;

/// The ways of one kind of device. The default is the right one, called `success`.
pub trait Mode: Clone + Copy + fmt::Debug + Default + PartialEq + Send + Sync + 'static {
    /// Every mode by its name, with the argument it has unless another is given.
    const MODES: &'static [(&'static str, Self)];

    /// The same mode with this for its argument; none if it takes no argument.
    ///
    /// # Errors
    /// It takes one, and this is none.
    fn with(self, word: &str) -> Result<Option<Self>, String>;
    /// Its argument, as people write it.
    fn argument(self) -> Option<String>;
    /// It closes the listener, so it lasts until the next mode: nobody can count what never comes.
    fn refuses(self) -> bool;

    /// The name in scenario files and on the command line.
    fn name(self) -> &'static str {
        let same = |other: &Self| std::mem::discriminant(other) == std::mem::discriminant(&self);
        Self::MODES.iter().find(|(_, mode)| same(mode)).map_or("success", |(name, _)| name)
    }
}

/// A mode, from now on or for the next few times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String", bound = "M: Mode")]
pub struct Quirk<M> {
    /// What to do.
    pub mode: M,
    /// How often, if not from now on.
    pub times: Option<u32>,
}

impl<M: Mode> FromStr for Quirk<M> {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong = |problem: String| ConfigError::new("quirk", problem);
        let mut words = text.split_whitespace();
        let name = words.next().unwrap_or_default();
        let Some((_, mut mode)) = M::MODES.iter().copied().find(|(known, _)| *known == name) else {
            let all: Vec<_> = M::MODES.iter().map(|(name, _)| *name).collect();
            return Err(wrong(format!("no mode `{name}`; there are {}", all.join(", "))));
        };
        let mut times = None;
        for word in words {
            if let Some(count) = word.strip_prefix('x') {
                let count = count.parse().ok().filter(|n| *n > 0);
                times = Some(count.ok_or_else(|| wrong(format!("`{word}` should be like x3")))?);
            } else {
                let superfluous =
                    || wrong(format!("`{name}` takes no `{word}`; only xN may follow"));
                mode = mode.with(word).map_err(wrong)?.ok_or_else(superfluous)?;
            }
        }
        if mode.refuses() && times.is_some() {
            let problem = format!("`{name}` lasts until the next mode; a closed port cannot count");
            return Err(wrong(problem));
        }
        Ok(Self { mode, times })
    }
}

impl<M: Mode> fmt::Display for Quirk<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mode.name())?;
        if let Some(argument) = self.mode.argument() {
            write!(f, " {argument}")?;
        }
        self.times.map_or(Ok(()), |n| write!(f, " x{n}"))
    }
}

impl<M: Mode> TryFrom<String> for Quirk<M> {
    type Error = ConfigError;
    fn try_from(text: String) -> Result<Self, ConfigError> {
        text.parse()
    }
}

impl<M: Mode> From<Quirk<M>> for String {
    fn from(quirk: Quirk<M>) -> Self {
        quirk.to_string()
    }
}

/// The modes a device is in: one that stands, and before it those for a few times.
#[derive(Clone, Debug, Default)]
pub struct Modes<M> {
    standing: M,
    next: VecDeque<(M, u32)>,
}

impl<M: Mode> Modes<M> {
    /// From now on like this.
    pub fn misbehave(&mut self, Quirk { mode, times }: Quirk<M>) {
        match times {
            Some(times) => self.next.push_back((mode, times)),
            None => (self.standing, self.next) = (mode, VecDeque::new()),
        }
    }
    /// The mode for what happens now, used up if it was for a few times only. `now` says which modes
    /// can show in it; one for a few times that cannot keeps those after it waiting.
    pub fn strike(&mut self, now: impl Fn(M) -> bool) -> M {
        match self.next.front_mut() {
            Some((mode, _)) if !now(*mode) => M::default(),
            Some((mode, times)) => {
                let mode = *mode;
                *times -= 1;
                if *times == 0 {
                    self.next.pop_front();
                }
                mode
            }
            None if now(self.standing) => self.standing,
            None => M::default(),
        }
    }
    /// The one that stands.
    pub fn standing(&self) -> M {
        self.standing
    }
    /// Those for a few times, as people write them, in the order in which they come before it.
    pub fn next(&self) -> Vec<String> {
        let text =
            |(mode, times): &(M, u32)| Quirk { mode: *mode, times: Some(*times) }.to_string();
        self.next.iter().map(text).collect()
    }
    /// Some for a few times are waiting.
    pub fn has_next(&self) -> bool {
        !self.next.is_empty()
    }
}

/// What reads back as it is written, for every mode there is. Tests call this.
///
/// # Panics
/// When one does not.
pub fn check<M: Mode>() {
    for &(name, mode) in M::MODES {
        assert_eq!(mode.name(), name);
        let quirk = Quirk { mode, times: None };
        assert_eq!(quirk.to_string().parse(), Ok(quirk));
        let few = Quirk { mode, times: Some(3) };
        assert_eq!(few.to_string().parse::<Quirk<M>>().is_ok(), !mode.refuses(), "{name}");
    }
    assert!(M::default().name() == "success");
}
