//! What may follow a mode's name: a length of time, a number, or a word.
use std::time::Duration;

use crate::Span;

/// Something that people write after the name of a mode.
pub trait Argument: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// It is none; the message says what is.
    fn read(word: &str) -> Result<Self, String>;
    /// As people write it; nothing if it was left out.
    fn written(&self) -> Option<String>;
}

/// A number from `LEAST` to `MOST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number<const LEAST: u32, const MOST: u32>(pub u32);

/// What becomes of the other connection where a device has room for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum One {
    /// The newer one takes its place: the older one is closed at its next word, which has no effect.
    Kick,
    /// The newer one is accepted and closed.
    Close,
    /// There is no listener while there is a connection.
    Refuse,
}

impl Argument for Duration {
    fn read(word: &str) -> Result<Self, String> {
        word.parse::<Span>().map(|span| span.0)
    }
    fn written(&self) -> Option<String> {
        Some(Span(*self).to_string())
    }
}

impl Argument for Option<Duration> {
    fn read(word: &str) -> Result<Self, String> {
        Duration::read(word).map(Some)
    }
    fn written(&self) -> Option<String> {
        self.as_ref().and_then(Argument::written)
    }
}

impl<const LEAST: u32, const MOST: u32> Argument for Number<LEAST, MOST> {
    fn read(word: &str) -> Result<Self, String> {
        let fits = word.parse().ok().filter(|n| (LEAST..=MOST).contains(n));
        fits.map(Self).ok_or_else(|| format!("`{word}` is no number from {LEAST} to {MOST}"))
    }
    fn written(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

impl Argument for u8 {
    fn read(word: &str) -> Result<Self, String> {
        word.parse().map_err(|_| format!("`{word}` is no number from 0 to 255"))
    }
    fn written(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// Implements [`Argument`] for an enum: its words, each with its variant.
macro_rules! words {
    ($type:ident, $what:literal: $($word:literal => $variant:ident),*) => {
        impl $crate::quirk::Argument for $type {
            fn read(word: &str) -> Result<Self, String> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!(
                        "`{word}` is no {}; there are {}",
                        $what,
                        [$($word),*].join(", ")
                    )),
                }
            }
            fn written(&self) -> Option<String> {
                Some(match self { $(Self::$variant => $word.to_owned(),)* })
            }
        }
    };
}
pub(crate) use words;

words!(One, "way to have one connection": "kick" => Kick, "close" => Close, "refuse" => Refuse);
