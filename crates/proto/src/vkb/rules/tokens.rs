//! The names rules have for the bits of the two bitmaps. Which bit a name stands for has changed once.
use std::{
    fmt,
    ops::{BitAnd, BitOr},
    str::FromStr,
};

use serde::Serialize;

/// Both bitmaps of VKB-Link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bits {
    /// The SHIFT bitmap.
    pub shift: u8,
    /// The SUBSHIFT bitmap.
    pub subshift: u8,
}

impl Bits {
    /// These bits without those.
    pub fn without(self, Self { shift, subshift }: Self) -> Self {
        Self { shift: self.shift & !shift, subshift: self.subshift & !subshift }
    }
    /// No bit is set.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl BitOr for Bits {
    type Output = Self;
    fn bitor(self, Self { shift, subshift }: Self) -> Self {
        Self { shift: self.shift | shift, subshift: self.subshift | subshift }
    }
}

impl BitAnd for Bits {
    type Output = Self;
    fn bitand(self, Self { shift, subshift }: Self) -> Self {
        Self { shift: self.shift & shift, subshift: self.subshift & subshift }
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shift 0x{:02x} subshift 0x{:02x}", self.shift, self.subshift)
    }
}

/// Which bit a token stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbering {
    /// `Shift1` and `Shift2` are bits 0 and 1, `Subshift1` to `Subshift7` bits 0 to 6.
    #[default]
    Current,
    /// `Shift0` to `Shift7` and `Subshift0` to `Subshift7` are the bits of their number.
    First,
}

impl Numbering {
    /// Both by their names.
    pub const ALL: [(&'static str, Self); 2] = [("current", Self::Current), ("first", Self::First)];

    /// The bit a token stands for.
    ///
    /// # Errors
    /// There is no such token; says which there are.
    pub fn bits(self, token: &str) -> Result<Bits, String> {
        if let Some(bits) = self.find(token) {
            return Ok(bits);
        }
        let other = Self::ALL.into_iter().find(|(_, n)| *n != self && n.find(token).is_some());
        let hint = other.map(|(name, _)| format!("; the {name} numbering has it"));
        let there_are = match self {
            Self::Current => "Shift1, Shift2 and Subshift1 to Subshift7",
            Self::First => "Shift0 to Shift7 and Subshift0 to Subshift7",
        };
        Err(format!("no token `{token}`; there are {there_are}{}", hint.unwrap_or_default()))
    }
    fn find(self, token: &str) -> Option<Bits> {
        let (number, sub) = match token.strip_prefix("Subshift") {
            Some(number) => (number, true),
            None => (token.strip_prefix("Shift")?, false),
        };
        let &[digit @ b'0'..=b'9'] = number.as_bytes() else { return None };
        let bit = match (self, digit - b'0', sub) {
            (Self::Current, n @ 1..=2, false) | (Self::Current, n @ 1..=7, true) => n - 1,
            (Self::First, n @ 0..=7, _) => n,
            (Self::Current | Self::First, ..) => return None,
        };
        let mask = 1 << bit;
        Some(if sub {
            Bits { shift: 0, subshift: mask }
        } else {
            Bits { shift: mask, subshift: 0 }
        })
    }
}

impl FromStr for Numbering {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text);
        let found = found.map(|(_, numbering)| numbering);
        found.ok_or_else(|| format!("no numbering `{text}`; there are current and first"))
    }
}

impl fmt::Display for Numbering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "current",
            Self::First => "first",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift(mask: u8) -> Result<Bits, String> {
        Ok(Bits { shift: mask, subshift: 0 })
    }

    fn subshift(mask: u8) -> Result<Bits, String> {
        Ok(Bits { shift: 0, subshift: mask })
    }

    #[test]
    fn the_same_token_is_another_bit_in_each_numbering() {
        assert_eq!(Numbering::Current.bits("Shift1"), shift(0x01));
        assert_eq!(Numbering::First.bits("Shift1"), shift(0x02));
        assert_eq!(Numbering::Current.bits("Subshift7"), subshift(0x40));
        assert_eq!(Numbering::First.bits("Subshift7"), subshift(0x80));
    }

    #[test]
    fn the_tokens_fill_their_masks_and_no_more() {
        let all = |numbering: Numbering| {
            let names = ["Shift", "Subshift"].into_iter();
            let tokens = names.flat_map(|name| (0..10).map(move |n| format!("{name}{n}")));
            let bits = tokens.filter_map(|token| numbering.bits(&token).ok());
            bits.fold((0, Bits::default()), |(count, all), bits| (count + 1, all | bits))
        };
        assert_eq!(all(Numbering::Current), (9, Bits { shift: 0x03, subshift: 0x7f }));
        assert_eq!(all(Numbering::First), (16, Bits { shift: 0xff, subshift: 0xff }));
    }

    #[test]
    fn an_unknown_token_comes_with_the_known_ones() {
        let problem = Numbering::Current.bits("Shift0").unwrap_err();
        assert!(problem.contains("Shift1, Shift2") && problem.contains("first numbering has it"));
        for token in ["", "Shift", "Shift+1", "Shift01", "shift1", "Shift10", "Subshift8", "Shiftß"]
        {
            assert!(Numbering::Current.bits(token).is_err(), "{token}");
        }
    }

    #[test]
    fn numberings_read_back_as_they_are_written() {
        for (name, numbering) in Numbering::ALL {
            assert_eq!((numbering.to_string().as_str(), name.parse()), (name, Ok(numbering)));
        }
        assert!("second".parse::<Numbering>().unwrap_err().contains("current"));
    }
}
