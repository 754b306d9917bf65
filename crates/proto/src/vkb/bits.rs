//! What rules call a bit, and which bit that is. Raw bitmaps are not checked against this.
use serde::{Deserialize, Serialize};

use super::Bitmaps;

/// Which bit a token's number means; published versions of the rules differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbering {
    /// From 1: `Shift1` and `Shift2`, `Subshift1` to `Subshift7`. `Shift1` is bit 0.
    #[default]
    Current,
    /// From 0: `Shift0` to `Shift7`, `Subshift0` to `Subshift7`. `Shift1` is bit 1.
    First,
}

/// A token that names no bit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no bit is called `{token}`; {} numbering has {}", .numbering.name(), .numbering.tokens())]
pub struct TokenError {
    /// The token.
    pub token: String,
    /// Where it was looked for.
    pub numbering: Numbering,
}

/// Some bits of both bitmaps, to be set or cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    shift: u8,
    subshift: u8,
}

impl Bits {
    /// The bits these tokens name, say `Shift1` and `Subshift3`.
    ///
    /// # Errors
    /// The first token that names none.
    pub fn from_tokens(
        tokens: &[impl AsRef<str>],
        numbering: Numbering,
    ) -> Result<Self, TokenError> {
        let mut bits = Self::default();
        for token in tokens.iter().map(AsRef::as_ref) {
            let unknown = || TokenError { token: token.to_owned(), numbering };
            let Self { shift, subshift } = numbering.bit(token).ok_or_else(unknown)?;
            bits.shift |= shift;
            bits.subshift |= subshift;
        }
        Ok(bits)
    }
    /// `state` with these bits set.
    pub fn set(self, state: Bitmaps) -> Bitmaps {
        let Self { shift, subshift } = self;
        Bitmaps { shift: state.shift | shift, subshift: state.subshift | subshift }
    }
    /// `state` with these bits cleared.
    pub fn clear(self, state: Bitmaps) -> Bitmaps {
        let Self { shift, subshift } = self;
        Bitmaps { shift: state.shift & !shift, subshift: state.subshift & !subshift }
    }
}

impl Numbering {
    fn bit(self, token: &str) -> Option<Bits> {
        let (of_shift, number) = match token.strip_prefix("Shift") {
            Some(number) => (true, number),
            None => (false, token.strip_prefix("Subshift")?),
        };
        // One digit, so that `Shift01` and `Shift+1` are not other names for `Shift1`.
        let &[digit @ b'0'..=b'9'] = number.as_bytes() else { return None };
        let bit = match (self, of_shift, digit - b'0') {
            (Self::Current, true, n @ 1..=2) | (Self::Current, false, n @ 1..=7) => 1 << (n - 1),
            (Self::First, _, n @ 0..=7) => 1 << n,
            (Self::Current | Self::First, _, _) => return None,
        };
        let bits = Bits::default();
        Some(if of_shift { Bits { shift: bit, ..bits } } else { Bits { subshift: bit, ..bits } })
    }
    fn name(self) -> &'static str {
        match self {
            Self::Current => "the current",
            Self::First => "the first",
        }
    }
    fn tokens(self) -> &'static str {
        match self {
            Self::Current => "Shift1, Shift2 and Subshift1 to Subshift7",
            Self::First => "Shift0 to Shift7 and Subshift0 to Subshift7",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(tokens: &[&str], numbering: Numbering) -> (u8, u8) {
        let bits = Bits::from_tokens(tokens, numbering).unwrap();
        let Bitmaps { shift, subshift } = bits.set(Bitmaps::default());
        (shift, subshift)
    }

    #[test]
    fn the_same_token_is_another_bit_in_the_other_numbering() {
        assert_eq!(state(&["Shift1", "Subshift3"], Numbering::Current), (0x01, 0x04));
        assert_eq!(state(&["Shift1", "Subshift3"], Numbering::First), (0x02, 0x08));
    }

    #[test]
    fn each_numbering_reaches_as_far_as_it_says() {
        let all = |prefix: &str, from: u8, to: u8| -> Vec<String> {
            (from..=to).map(|n| format!("{prefix}{n}")).collect()
        };
        let mask = |tokens: &[String], numbering| {
            let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
            state(&tokens, numbering)
        };
        assert_eq!(mask(&all("Shift", 1, 2), Numbering::Current), (0x03, 0));
        assert_eq!(mask(&all("Subshift", 1, 7), Numbering::Current), (0, 0x7f));
        assert_eq!(mask(&all("Shift", 0, 7), Numbering::First), (0xff, 0));
        assert_eq!(mask(&all("Subshift", 0, 7), Numbering::First), (0, 0xff));
    }

    #[test]
    fn an_unknown_token_says_what_there_is() {
        let problem = |token: &str, numbering| {
            Bits::from_tokens(&["Subshift1", token], numbering).unwrap_err().to_string()
        };
        assert_eq!(
            problem("Shift3", Numbering::Current),
            "no bit is called `Shift3`; the current numbering has Shift1, Shift2 and Subshift1 to Subshift7"
        );
        assert!(problem("Subshift8", Numbering::First).contains("Subshift0 to Subshift7"));
        for wrong in
            ["Shift0", "Subshift0", "Subshift8", "shift1", "Shift01", "Shift", "Shift1 ", ""]
        {
            problem(wrong, Numbering::Current);
        }
    }

    #[test]
    fn bits_are_set_and_cleared_without_touching_others() {
        let bits = Bits::from_tokens(&["Shift2", "Subshift1"], Numbering::Current).unwrap();
        let before = Bitmaps { shift: 0b101, subshift: 0b11 };
        assert_eq!(bits.set(before), Bitmaps { shift: 0b111, subshift: 0b11 });
        assert_eq!(bits.clear(before), Bitmaps { shift: 0b101, subshift: 0b10 });
    }
}
