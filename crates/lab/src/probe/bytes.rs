//! Bytes as a case writes them down: hex digits, with letters where something is filled in. As a
//! pattern, a dot is any digit, and a letter not known yet learns what stands in its place.
use std::collections::BTreeMap;

/// What the letters `g` to `z` stand for, in hex digits, and by which reading bytes are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vars {
    known: BTreeMap<char, Vec<u8>>,
    level: usize,
}

impl Vars {
    /// The same, with `letter` known.
    pub fn with(mut self, letter: char, hex: &str) -> Self {
        self.known.insert(letter, hex.chars().filter_map(digit).collect());
        self
    }
    /// The same, by the reading of this number.
    pub fn by(self, level: usize) -> Self {
        Self { level, ..self }
    }
    /// From now on `letter` stands for these bytes.
    pub fn learn(&mut self, letter: char, bytes: &[u8]) {
        self.known.insert(letter, bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect());
    }
    /// The bytes that `letter` stands for, if it is known.
    pub fn bytes(&self, letter: char) -> Option<Vec<u8>> {
        let digits = self.known.get(&letter).filter(|digits| !digits.is_empty())?;
        Some(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, d| byte << 4 | d)).collect())
    }
    /// Forgets a letter, so that it can learn anew.
    pub fn forget(&mut self, letter: char) {
        self.known.remove(&letter);
    }
}

/// Bytes to send, or to wait for.
#[derive(Clone, Copy, Debug)]
pub enum Bytes {
    /// One frame, or part of one. A `*` at the end of a pattern is any further bytes.
    Hex(&'static str),
    /// One frame that is too long to be written out.
    Filled {
        /// How it begins.
        head: &'static str,
        /// What follows, again and again.
        unit: &'static str,
        /// So many times.
        times: usize,
        /// How it ends.
        tail: &'static str,
    },
    /// Many frames, the letter `n` in them counting from 0.
    Many {
        /// One of them.
        each: &'static str,
        /// How many.
        times: u32,
    },
    /// A text as it stands, but for `<m>`, which is what the letter `m` stands for.
    Words(&'static str),
    /// One frame: how it begins in hex, the length of what follows as u32 big-endian, what follows.
    Framed(&'static str, &'static Bytes),
    /// One after the other.
    Joined(&'static [Bytes]),
    /// The first so many of these; if negative, all but the last so many.
    Head(&'static Bytes, isize),
    /// What such a head leaves.
    Tail(&'static Bytes, isize),
    /// By the first reading of the standard, and by the second.
    Reading(&'static Bytes, &'static Bytes),
    /// Any frame of which this is true; it may learn letters. It cannot be sent.
    Like(fn(&[u8], &mut Vars) -> bool),
}

/// Bytes to wait for, and what they are called.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// Their name.
    pub name: &'static str,
    /// What they look like.
    pub bytes: Bytes,
}

/// A frame to wait for, of which this is true.
pub const fn like(name: &'static str, is: fn(&[u8], &mut Vars) -> bool) -> Pattern {
    Pattern { name, bytes: Bytes::Like(is) }
}

/// A frame to wait for.
pub const fn pattern(name: &'static str, hex: &'static str) -> Pattern {
    Pattern { name, bytes: Bytes::Hex(hex) }
}

impl Bytes {
    /// The bytes, every letter filled in.
    ///
    /// # Errors
    /// A letter is not known, or it is no hex.
    pub fn render(&self, vars: &Vars) -> Result<Vec<u8>, String> {
        match self {
            Self::Hex(text) => render(text, vars),
            Self::Filled { head, unit, times, tail } => {
                let mut bytes = render(head, vars)?;
                bytes.extend(render(unit, vars)?.repeat(*times));
                bytes.extend(render(tail, vars)?);
                Ok(bytes)
            }
            Self::Many { each, times } => {
                let numbered = (0..*times).map(|n| render(each, &numbered(vars, n)));
                Ok(numbered.collect::<Result<Vec<_>, _>>()?.concat())
            }
            Self::Words(text) => words(text, vars),
            Self::Framed(head, body) => {
                let (mut bytes, body) = (render(head, vars)?, body.render(vars)?);
                let len = u32::try_from(body.len()).map_err(|e| e.to_string())?;
                bytes.extend(len.to_be_bytes());
                bytes.extend(body);
                Ok(bytes)
            }
            Self::Joined(parts) => {
                let parts = parts.iter().map(|part| part.render(vars));
                Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
            }
            Self::Head(whole, count) => {
                let mut bytes = whole.render(vars)?;
                bytes.truncate(place(bytes.len(), *count));
                Ok(bytes)
            }
            Self::Tail(whole, count) => {
                let bytes = whole.render(vars)?;
                Ok(bytes[place(bytes.len(), *count)..].to_vec())
            }
            Self::Reading(first, second) => {
                if vars.level == 0 {
                    first.render(vars)
                } else {
                    second.render(vars)
                }
            }
            Self::Like(_) => Err("a pattern cannot be sent".into()),
        }
    }
    /// How many of `frames` it covers, from the first; none if they do not look like it.
    pub fn covers(&self, frames: &[impl AsRef<[u8]>], vars: &mut Vars) -> Option<usize> {
        match self {
            Self::Hex(text) => looks_like(text, frames.first()?.as_ref(), vars).then_some(1),
            Self::Filled { head, unit, times, tail } => {
                let mut known = vars.clone();
                let frame = frames.first()?.as_ref();
                let (begin, rest) = frame.split_at_checked(render_len(head))?;
                let unit = render(unit, vars).ok()?;
                let (middle, end) = rest.split_at_checked(unit.len() * times)?;
                let same = looks_like(head, begin, &mut known)
                    && middle.chunks(unit.len().max(1)).all(|chunk| chunk == unit)
                    && looks_like(tail, end, &mut known);
                same.then(|| *vars = known)?;
                Some(1)
            }
            Self::Many { each, times } => {
                let count = usize::try_from(*times).ok()?;
                let mut pairs = (0..*times).zip(frames.get(..count)?);
                let same = pairs
                    .all(|(n, frame)| looks_like(each, frame.as_ref(), &mut numbered(vars, n)));
                same.then_some(count)
            }
            Self::Like(is) => is(frames.first()?.as_ref(), vars).then_some(1),
            Self::Reading(first, second) => {
                let bytes = if vars.level == 0 { first } else { second };
                bytes.covers(frames, vars)
            }
            Self::Words(_)
            | Self::Framed(..)
            | Self::Joined(_)
            | Self::Head(..)
            | Self::Tail(..) => {
                let frame = frames.first()?.as_ref();
                self.render(vars).is_ok_and(|bytes| bytes == frame).then_some(1)
            }
        }
    }
}

/// The place of a cut: so far from the front, or from the back.
fn place(len: usize, count: isize) -> usize {
    let distance = count.unsigned_abs().min(len);
    if count < 0 { len - distance } else { distance }
}

/// The text, every `<letter>` of it filled in.
fn words(text: &str, vars: &Vars) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match rest {
            [b'<', letter @ b'g'..=b'z', b'>', after @ ..] => {
                let letter = char::from(*letter);
                let known = vars.bytes(letter);
                bytes.extend(known.ok_or_else(|| format!("nothing is known of `{letter}` yet"))?);
                after
            }
            _ => {
                bytes.push(*first);
                after
            }
        };
    }
    Ok(bytes)
}

fn numbered(vars: &Vars, n: u32) -> Vars {
    vars.clone().with('n', &format!("{n:08x}"))
}

fn render_len(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count() / 2
}

/// A hex digit, but not one of the letters that are filled in.
fn digit(c: char) -> Option<u8> {
    c.to_digit(16).and_then(|d| u8::try_from(d).ok())
}

fn render(text: &str, vars: &Vars) -> Result<Vec<u8>, String> {
    let mut used = BTreeMap::new();
    let mut digits = Vec::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        let value = match digit(c) {
            Some(value) => value,
            None => {
                let known = vars.known.get(&c).filter(|v| !v.is_empty());
                let known = known.ok_or_else(|| format!("nothing is known of `{c}` yet"))?;
                known[next(&mut used, c) % known.len()]
            }
        };
        digits.push(value);
    }
    Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, d| byte << 4 | d)).collect())
}

/// The place of this occurrence of `c`, from 0.
fn next(used: &mut BTreeMap<char, usize>, c: char) -> usize {
    let count = used.entry(c).or_insert(0);
    *count += 1;
    *count - 1
}

/// Whether it does; if so, new letters are known from now on.
fn looks_like(text: &str, frame: &[u8], vars: &mut Vars) -> bool {
    let mut digits = frame.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let mut used = BTreeMap::new();
    let mut learned: BTreeMap<char, Vec<u8>> = BTreeMap::new();
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        if c == '*' {
            vars.known.extend(learned);
            return true;
        }
        let Some(seen) = digits.next() else { return false };
        let same = match (c, digit(c), vars.known.get(&c)) {
            ('.', _, _) => true,
            (_, Some(wanted), _) => wanted == seen,
            (_, None, Some(known)) if !known.is_empty() => {
                known[next(&mut used, c) % known.len()] == seen
            }
            (_, None, _) => {
                learned.entry(c).or_default().push(seen);
                true
            }
        };
        if !same {
            return false;
        }
    }
    let whole = digits.next().is_none();
    if whole {
        vars.known.extend(learned);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars() -> Vars {
        Vars::default().with('s', "0007")
    }

    #[test]
    fn letters_are_filled_in() {
        let hex = |text| Bytes::Hex(text).render(&vars());
        assert_eq!(hex("0a ssss ff"), Ok(vec![0x0a, 0x00, 0x07, 0xff]));
        assert_eq!(hex("yyyy"), Err("nothing is known of `y` yet".into()));
        let filled = Bytes::Filled { head: "01", unit: "0203", times: 2, tail: "04" };
        assert_eq!(filled.render(&vars()), Ok(vec![1, 2, 3, 2, 3, 4]));
        let many = Bytes::Many { each: "nnnnnnnn", times: 3 };
        assert_eq!(many.render(&vars()), Ok(vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]));
    }

    #[test]
    fn a_pattern_covers_what_it_says_and_nothing_else() {
        let covers = |text: &'static str, frame: &[u8]| {
            Bytes::Hex(text).covers(&[frame], &mut vars()).is_some()
        };
        assert!(covers("ssss ..", &[0, 7, 9]) && covers("ssss*", &[0, 7, 9, 9]));
        assert!(covers("ssss*", &[0, 7]));
        assert!(!covers("ssss ..", &[0, 7]) && !covers("ssss", &[0, 7, 9]));
        assert!(!covers("ssss", &[0, 8]) && !covers("0.", &[0x10]));
    }

    #[test]
    fn an_unknown_letter_learns_and_then_insists() {
        let mut known = vars();
        assert!(Bytes::Hex("01yyyy").covers(&[[1, 0xab, 0xcd]], &mut known).is_some());
        assert_eq!(Bytes::Hex("yyyy").render(&known), Ok(vec![0xab, 0xcd]));
        assert!(Bytes::Hex("02yyyy").covers(&[[2, 0xab, 0xce]], &mut known).is_none());
        let before = known.clone();
        assert!(Bytes::Hex("zz 03").covers(&[[1, 2]], &mut known).is_none());
        assert_eq!(known, before, "a pattern that does not fit teaches nothing");
    }

    #[test]
    fn words_are_framed_cut_and_joined() {
        let mut vars = vars();
        vars.learn('m', b"id7");
        const WORDS: Bytes = Bytes::Words("<m><html>");
        const FRAME: Bytes = Bytes::Framed("f00d01", &WORDS);
        let bytes = |bytes: Bytes| bytes.render(&vars).unwrap();
        assert_eq!(bytes(WORDS), b"id7<html>");
        assert_eq!(bytes(FRAME), b"\xf0\x0d\x01\0\0\0\x09id7<html>");
        assert_eq!(bytes(Bytes::Head(&FRAME, 2)), b"\xf0\x0d");
        assert_eq!(bytes(Bytes::Tail(&FRAME, -1)), b">");
        assert_eq!(bytes(Bytes::Head(&WORDS, 99)), b"id7<html>");
        const BOTH: Bytes = Bytes::Joined(&[Bytes::Head(&FRAME, 5), Bytes::Tail(&FRAME, 5)]);
        assert_eq!(bytes(BOTH), bytes(FRAME));
        assert!(BOTH.covers(&[bytes(FRAME)], &mut vars.clone()).is_some());
        assert!(BOTH.covers(&[bytes(WORDS)], &mut vars.clone()).is_none());
        assert!(Bytes::Words("<z>").render(&vars).is_err());
    }

    #[test]
    fn a_reading_writes_its_own_bytes_and_a_likeness_teaches() {
        let bytes = Bytes::Reading(&Bytes::Words("one"), &Bytes::Words("two"));
        assert_eq!(bytes.render(&vars()).unwrap(), b"one");
        assert_eq!(bytes.render(&vars().by(1)).unwrap(), b"two");
        let like = like("three bytes", |frame, vars| {
            vars.learn('m', frame);
            frame.len() == 3
        });
        let mut vars = vars();
        assert!(like.bytes.covers(&[b"two"], &mut vars).is_some());
        assert_eq!(vars.bytes('m').unwrap(), b"two");
        assert!(like.bytes.render(&vars).is_err());
    }

    #[test]
    fn many_are_covered_in_their_order_only() {
        let many = Bytes::Many { each: "01nnnnnnnn", times: 2 };
        let (a, b) = ([1, 0, 0, 0, 0], [1, 0, 0, 0, 1]);
        assert_eq!(many.covers(&[a, b, a], &mut vars()), Some(2));
        assert_eq!(many.covers(&[b, a], &mut vars()), None);
        assert_eq!(many.covers(&[a], &mut vars()), None);
        let filled = Bytes::Filled { head: "..", unit: "0203", times: 2, tail: "04" };
        assert_eq!(filled.covers(&[[9, 2, 3, 2, 3, 4]], &mut vars()), Some(1));
        assert_eq!(filled.covers(&[[9, 2, 3, 2, 9, 4]], &mut vars()), None);
        assert_eq!(filled.covers(&[[9, 2, 3, 2, 3, 5]], &mut vars()), None);
    }
}
