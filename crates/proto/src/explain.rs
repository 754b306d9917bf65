//! What a codec can tell a person about bytes: each one named, and what is wrong with it.
use serde::Serialize;

use crate::session::hex;

/// Bytes taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The parts, in order and without gaps: they cover every byte given.
    pub parts: Vec<Part>,
    /// What is missing or wrong with the whole, where no single part is to blame.
    pub problem: Option<String>,
    /// What is wrong and believed all the same, since devices are known to do it: what the record calls it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerated: Vec<&'static str>,
}

/// A run of bytes that means one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Where it starts.
    pub offset: usize,
    /// How many bytes it has.
    pub len: usize,
    /// The field's name.
    pub field: &'static str,
    /// Its value, for reading.
    pub value: String,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// Its bytes are a secret, and not to be shown.
    #[serde(skip)]
    pub hidden: bool,
}

impl Explanation {
    /// Names the next `len` bytes.
    pub fn part(&mut self, len: usize, field: &'static str, value: impl Into<String>) -> &mut Self {
        let offset = self.parts.last().map_or(0, |p| p.offset + p.len);
        self.parts.push(Part {
            offset,
            len,
            field,
            value: value.into(),
            problem: None,
            hidden: false,
        });
        self
    }
    /// Says what is wrong with the part named last.
    pub fn wrong(&mut self, problem: impl Into<String>) -> &mut Self {
        if let Some(part) = self.parts.last_mut() {
            part.problem = Some(problem.into());
        }
        self
    }
    /// Says that something is wrong and believed all the same.
    pub fn tolerate(&mut self, what: &'static str) -> &mut Self {
        self.tolerated.push(what);
        self
    }
    /// Says that the bytes of the part named last are a secret.
    pub fn hide(&mut self) -> &mut Self {
        if let Some(part) = self.parts.last_mut() {
            part.hidden = true;
        }
        self
    }
    /// The same with the secrets in it, which `bytes` has as they were.
    pub fn reveal(&mut self, bytes: &[u8]) {
        for part in self.parts.iter_mut().filter(|part| part.hidden) {
            let its = bytes.get(part.offset..part.offset + part.len).unwrap_or_default();
            (part.value, part.hidden) = (hex::encode(its), false);
        }
    }
    /// All parts on one line.
    pub fn in_words(&self) -> String {
        let parts: Vec<_> =
            self.parts.iter().map(|p| format!("{}: {}", p.field, p.value)).collect();
        parts.join(", ")
    }
    /// What is wrong, each with its place where it has one.
    pub fn problems(&self) -> Vec<(Option<usize>, String)> {
        let of_part = |part: &Part| {
            let problem = part.problem.as_ref()?;
            Some((Some(part.offset), format!("{}: {problem}", part.field)))
        };
        let whole = self.problem.clone().map(|problem| (None, problem));
        self.parts.iter().filter_map(of_part).chain(whole).collect()
    }
    /// Every part is as it should be.
    pub fn is_sound(&self) -> bool {
        self.problem.is_none() && self.parts.iter().all(|p| p.problem.is_none())
    }
}
