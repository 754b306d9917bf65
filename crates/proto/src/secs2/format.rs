//! The sixteen kinds of item, and what the standard calls each.

/// What an item holds. As a number it is the format code of SEMI E5 §9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Format {
    /// Other items.
    List = 0o00,
    /// Bytes without a meaning of their own.
    Binary = 0o10,
    /// Bytes that are false when zero and true otherwise.
    Boolean = 0o11,
    /// Text of seven bits a character.
    Ascii = 0o20,
    /// Text in JIS-8.
    Jis8 = 0o21,
    /// Text after two bytes that say how it is encoded.
    Localized = 0o22,
    /// Signed integers of 8 bytes.
    I8 = 0o30,
    /// Signed integers of one byte.
    I1 = 0o31,
    /// Signed integers of 2 bytes.
    I2 = 0o32,
    /// Signed integers of 4 bytes.
    I4 = 0o34,
    /// IEEE 754 numbers of 8 bytes.
    F8 = 0o40,
    /// IEEE 754 numbers of 4 bytes.
    F4 = 0o44,
    /// Unsigned integers of 8 bytes.
    U8 = 0o50,
    /// Unsigned integers of one byte.
    U1 = 0o51,
    /// Unsigned integers of 2 bytes.
    U2 = 0o52,
    /// Unsigned integers of 4 bytes.
    U4 = 0o54,
}

impl Format {
    /// Every format, in the order of their codes.
    pub const ALL: [Self; 16] = [
        Self::List,
        Self::Binary,
        Self::Boolean,
        Self::Ascii,
        Self::Jis8,
        Self::Localized,
        Self::I8,
        Self::I1,
        Self::I2,
        Self::I4,
        Self::F8,
        Self::F4,
        Self::U8,
        Self::U1,
        Self::U2,
        Self::U4,
    ];

    /// The six bits that stand for it on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The format a code stands for, if it stands for any.
    pub const fn from_code(code: u8) -> Option<Self> {
        const BY_CODE: [Option<Format>; 64] = by_code();
        if code < 64 { BY_CODE[code as usize] } else { None }
    }

    /// Its name in SML.
    pub const fn sml(self) -> &'static str {
        match self {
            Self::List => "L",
            Self::Binary => "B",
            Self::Boolean => "BOOLEAN",
            Self::Ascii => "A",
            Self::Jis8 => "J",
            Self::Localized => "C2",
            Self::I8 => "I8",
            Self::I1 => "I1",
            Self::I2 => "I2",
            Self::I4 => "I4",
            Self::F8 => "F8",
            Self::F4 => "F4",
            Self::U8 => "U8",
            Self::U1 => "U1",
            Self::U2 => "U2",
            Self::U4 => "U4",
        }
    }

    /// The bytes of one value. A list counts its items instead, one by one.
    pub const fn unit(self) -> usize {
        match self {
            Self::List
            | Self::Binary
            | Self::Boolean
            | Self::Ascii
            | Self::Jis8
            | Self::Localized
            | Self::I1
            | Self::U1 => 1,
            Self::I2 | Self::U2 => 2,
            Self::I4 | Self::U4 | Self::F4 => 4,
            Self::I8 | Self::U8 | Self::F8 => 8,
        }
    }

    /// Whether a payload of this many bytes can be one of these.
    pub(super) const fn fits(self, len: usize) -> bool {
        // Units are powers of two. A localized text has room for its encoding, or is empty.
        let whole = len & (self.unit() - 1) == 0;
        whole && !(matches!(self, Self::Localized) && len == 1)
    }
}

const fn by_code() -> [Option<Format>; 64] {
    let mut table = [None; 64];
    let mut i = 0;
    while i < Format::ALL.len() {
        table[Format::ALL[i].code() as usize] = Some(Format::ALL[i]);
        i += 1;
    }
    table
}
