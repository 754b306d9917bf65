//! Items from values.
use super::{Format, Item, item::SHORT};

impl Item {
    /// A list.
    ///
    /// # Panics
    /// With more than [`MAX_LEN`](super::MAX_LEN) items, or deeper than
    /// [`MAX_DEPTH`](super::MAX_DEPTH). For items of unknown origin there is [`Item::try_list`].
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::try_list(items).expect("a list within the bounds of SECS-II")
    }

    /// Text. The standard means seven bits a character; anything else is sent as UTF-8.
    ///
    /// # Panics
    /// Over [`MAX_LEN`](super::MAX_LEN) bytes. For text of unknown length there is [`Item::new`].
    pub fn ascii(text: impl AsRef<str>) -> Self {
        Self::of(Format::Ascii, text.as_ref().as_bytes())
    }

    /// Text that is in JIS-8 already.
    ///
    /// # Panics
    /// Over [`MAX_LEN`](super::MAX_LEN) bytes.
    pub fn jis8(text: impl AsRef<[u8]>) -> Self {
        Self::of(Format::Jis8, text.as_ref())
    }

    /// Text in the encoding that has this number in SEMI E5; 2 is UTF-8.
    ///
    /// # Panics
    /// Over [`MAX_LEN`](super::MAX_LEN) bytes with the two of the encoding.
    pub fn localized(encoding: u16, text: impl AsRef<[u8]>) -> Self {
        Self::of(Format::Localized, &[&encoding.to_be_bytes(), text.as_ref()].concat())
    }

    /// Bytes.
    ///
    /// # Panics
    /// Over [`MAX_LEN`](super::MAX_LEN) bytes. For bytes of unknown number there is [`Item::new`].
    pub fn binary(bytes: impl AsRef<[u8]>) -> Self {
        Self::of(Format::Binary, bytes.as_ref())
    }

    /// True as `01`, false as `00`.
    pub fn boolean(value: bool) -> Self {
        Self::short(Format::Boolean, &[u8::from(value)])
    }

    /// Any number of booleans.
    ///
    /// # Panics
    /// Over [`MAX_LEN`](super::MAX_LEN) bytes.
    pub fn booleans(values: impl IntoIterator<Item = bool>) -> Self {
        Self::of(Format::Boolean, &values.into_iter().map(u8::from).collect::<Vec<_>>())
    }

    fn of(format: Format, payload: &[u8]) -> Self {
        if payload.len() <= SHORT {
            return Self::short(format, payload);
        }
        Self::new(format, payload.to_vec()).expect("a payload within the bounds of SECS-II")
    }
}

macro_rules! numbers {
    ($($one:ident $many:ident $number:ty, $format:ident;)*) => {
        impl Item {
            $(
                #[doc = concat!("One number as ", stringify!($format), ".")]
                pub fn $one(value: $number) -> Self {
                    Self::short(Format::$format, &value.to_be_bytes())
                }

                #[doc = concat!("Any number of numbers as ", stringify!($format), ".")]
                ///
                /// # Panics
                /// Over [`MAX_LEN`](super::MAX_LEN) bytes.
                pub fn $many(values: impl IntoIterator<Item = $number>) -> Self {
                    let bytes: Vec<u8> =
                        values.into_iter().flat_map(<$number>::to_be_bytes).collect();
                    Self::of(Format::$format, &bytes)
                }
            )*
        }
    };
}

numbers! {
    i1 i1s i8, I1;
    i2 i2s i16, I2;
    i4 i4s i32, I4;
    i8 i8s i64, I8;
    u1 u1s u8, U1;
    u2 u2s u16, U2;
    u4 u4s u32, U4;
    u8 u8s u64, U8;
    f4 f4s f32, F4;
    f8 f8s f64, F8;
}
