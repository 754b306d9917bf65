//! Bytes as a case writes them down: hex digits, with letters where something is filled in. As a
//! pattern, a dot is any digit, and a letter not known yet learns what stands in its place.
use std::collections::BTreeMap;

/// What the letters `g` to `z` stand for, in hex digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vars(BTreeMap<char, Vec<u8>>);

impl Vars {
    /// The same, with `letter` known.
    pub fn with(mut self, letter: char, hex: &str) -> Self {
        self.0.insert(letter, hex.chars().filter_map(digit).collect());
        self
    }
    /// Forgets a letter, so that it can learn anew.
    pub fn forget(&mut self, letter: char) {
        self.0.remove(&letter);
    }
}

/// Bytes to send, or to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// Bytes to wait for, and what they are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Their name.
    pub name: &'static str,
    /// What they look like.
    pub bytes: Bytes,
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
        }
    }
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
                let known = vars.0.get(&c).filter(|v| !v.is_empty());
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
            vars.0.extend(learned);
            return true;
        }
        let Some(seen) = digits.next() else { return false };
        let same = match (c, digit(c), vars.0.get(&c)) {
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
        vars.0.extend(learned);
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
