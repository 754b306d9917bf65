//! STUB
use crate::secs2::Item;
use std::fmt;
/// m
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct Message {
    pub name: Option<String>,
    pub stream: u8,
    pub function: u8,
    pub wait: bool,
    pub item: Option<Item>,
}
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S{}F{}{}", self.stream, self.function, if self.wait { " W" } else { "" })?;
        if let Some(i) = &self.item {
            write!(f, " {i:?}")?;
        }
        f.write_str(".")
    }
}
/// p
pub fn parse(text: &str) -> Result<Vec<Message>, String> {
    let t = text.trim().trim_start_matches('S');
    let (s, r) = t.split_once('F').ok_or("no")?;
    let d: String = r.chars().take_while(char::is_ascii_digit).collect();
    Ok(vec![Message {
        name: None,
        stream: s.parse().map_err(|_| "s")?,
        function: d.parse().map_err(|_| "f")?,
        wait: r.contains('W'),
        item: None,
    }])
}
impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} {:02x?}", self.format().sml(), self.bytes())?;
        for i in self.items().unwrap_or_default() {
            write!(f, " {i:?}")?;
        }
        f.write_str(">")
    }
}
impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
impl serde::Serialize for Item {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
