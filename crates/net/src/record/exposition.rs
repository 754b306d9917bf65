//! Prometheus text format 0.0.4: written, and read back as strictly as we write it.
//!
//! Own code because prometheus-client writes OpenMetrics only, where a counter's HELP and TYPE lack the
//! `_total` that users of the classic format look for.
use std::{collections::BTreeMap, fmt::Write};

/// The `device_id` of every device past the limit.
pub(super) const OTHER: &str = "__other__";
/// An id longer than this counts as past the limit: it comes from the wire.
pub(super) const LONGEST_ID: usize = 256;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It is what it is.
    Gauge,
    /// Counts by size: `_bucket`, `_sum` and `_count`.
    Histogram,
}

/// One metric and all its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its name, with `_total` where it is a counter's.
    pub name: String,
    /// What it says, for people.
    pub help: String,
    /// What it is.
    pub kind: Kind,
    /// Its values; those of one histogram series stand together, buckets first and ascending.
    pub samples: Vec<Sample>,
}

/// One value of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The series' name, `_bucket`, `_sum` or `_count` included.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Counter, Self::Gauge, Self::Histogram];

    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Family {
    fn owns(&self, series: &str) -> bool {
        match self.kind {
            Kind::Counter | Kind::Gauge => series == self.name,
            Kind::Histogram => series
                .strip_prefix(&self.name)
                .is_some_and(|end| matches!(end, "_bucket" | "_sum" | "_count")),
        }
    }
}

/// Writes `families` out.
pub fn write(families: &[Family]) -> String {
    let mut text = String::new();
    for Family { name, help, kind, samples } in families {
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        let kind = kind.as_str();
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a String takes all");
        for Sample { name, labels, value } in samples {
            text.push_str(name);
            write_labels(&mut text, labels);
            writeln!(text, " {value:?}").expect("a String takes all");
        }
    }
    text
}

fn write_labels(text: &mut String, labels: &BTreeMap<String, String>) {
    let mut before = '{';
    for (key, value) in labels {
        let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        write!(text, "{before}{key}=\"{value}\"").expect("a String takes all");
        before = ',';
    }
    if !labels.is_empty() {
        text.push('}');
    }
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// The number of the first line that `write` would not have written, and what is wrong with it.
pub fn read(text: &str) -> Result<Vec<Family>, (usize, String)> {
    let mut families: Vec<Family> = Vec::new();
    let mut help = None;
    let mut count = 0;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        count = at + 1;
        read_line(line, &mut help, &mut families).map_err(|why| (count, why))?;
    }
    match help {
        Some(_) => Err((count, "HELP without TYPE".into())),
        None => Ok(families),
    }
}

fn read_line(
    line: &str,
    help: &mut Option<(String, String)>,
    families: &mut Vec<Family>,
) -> Result<(), String> {
    let line = line.strip_suffix('\n').ok_or("cut short")?;
    if let Some(rest) = line.strip_prefix("# HELP ") {
        let (name, text) = rest.split_once(' ').ok_or("HELP without text")?;
        if help.is_some() || families.iter().any(|f| f.name == name) {
            return Err(format!("a second HELP, or one where none belongs: {name}"));
        }
        *help = Some((name.into(), unescape(text)?));
        return Ok(());
    }
    if let Some(rest) = line.strip_prefix("# TYPE ") {
        let (name, kind) = rest.split_once(' ').ok_or("TYPE without a type")?;
        let known = Kind::ALL.into_iter().find(|k| k.as_str() == kind);
        let kind = known.ok_or_else(|| format!("`{kind}` is no type we write"))?;
        let (_, help) = help.take().filter(|(n, _)| n == name).ok_or("TYPE without its HELP")?;
        families.push(Family { name: name.into(), help, kind, samples: Vec::new() });
        return Ok(());
    }
    let sample = read_sample(line)?;
    match families.last_mut().filter(|family| help.is_none() && family.owns(&sample.name)) {
        Some(family) => family.samples.push(sample),
        None => return Err(format!("`{}` stands under no HELP and TYPE of its own", sample.name)),
    }
    Ok(())
}

fn read_sample(line: &str) -> Result<Sample, String> {
    let (series, value) = line.rsplit_once(' ').ok_or("neither comment nor sample")?;
    let (name, labels) = read_series(series)?;
    let value: f64 = value.parse().map_err(|_| format!("`{value}` is no number"))?;
    // All we count are events and seconds.
    if !value.is_finite() || value < 0.0 {
        return Err(format!("{value} is no count"));
    }
    Ok(Sample { name, labels, value })
}

/// Reads a series as written in a sample: `name` or `name{key="value",…}`, labels in any order.
///
/// # Errors
/// What is wrong with it.
pub fn read_series(text: &str) -> Result<(String, BTreeMap<String, String>), String> {
    let word = |word: &str| {
        let first = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        first && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let (name, mut rest) = match text.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}').ok_or("labels without end")?),
        None => (text, ""),
    };
    if !word(name) {
        return Err(format!("`{name}` is no metric's name"));
    }
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (key, quoted) = rest.split_once("=\"").ok_or("a label without value")?;
        let end = closing_quote(quoted).ok_or("a label's value without end")?;
        let value = unescape(&quoted[..end])?;
        if !word(key) || labels.insert(key.to_owned(), value).is_some() {
            return Err(format!("`{key}` is no label's name, or there twice"));
        }
        rest = &quoted[end + 1..];
        if !rest.is_empty() {
            rest = rest.strip_prefix(',').ok_or("no comma between labels")?;
        }
    }
    Ok((name.to_owned(), labels))
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                _ => return Err("a backslash before nothing it can escape".into()),
            },
            c => c,
        });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str, labels: &[(&str, &str)], value: f64) -> Sample {
        let labels = labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        Sample { name: name.into(), labels, value }
    }

    #[test]
    fn any_text_in_a_label_comes_back() {
        for device in ["D1", "", "a\"b\\n\\", "two\nlines", "} 1.0", "x=\"y\",z", "ü\u{202e}"] {
            let samples = vec![sample("a_total", &[("device_id", device), ("outcome", "ok")], 2.0)];
            let help = "Back\\slash\nand line".to_owned();
            let family = Family { name: "a_total".into(), help, kind: Kind::Counter, samples };
            let text = write(std::slice::from_ref(&family));
            assert_eq!(read(&text), Ok(vec![family]), "{text}");
        }
    }

    #[test]
    fn numbers_look_as_they_always_did() {
        let samples = [1.0, 0.0001, 12.5].map(|n| sample("g", &[], n)).to_vec();
        let family = Family { name: "g".into(), help: "G".into(), kind: Kind::Gauge, samples };
        let text = write(&[family]);
        assert_eq!(text, "# HELP g G\n# TYPE g gauge\ng 1.0\ng 0.0001\ng 12.5\n");
    }

    #[test]
    fn what_we_would_not_write_is_named_by_line() {
        let head = "# HELP a A\n# TYPE a counter\n";
        for (line, text) in [
            (3, "a{x=\"1\"} 1.0"),
            (3, "b 1.0\n"),
            (3, "a NaN\n"),
            (3, "a -1.0\n"),
            (3, "a{x=1} 1.0\n"),
            (3, "a{x=\"1\"y=\"2\"} 1.0\n"),
            (3, "a{x=\"1\",x=\"2\"} 1.0\n"),
            (3, "a{x=\"\\q\"} 1.0\n"),
            (3, "\n"),
            (4, "a 1.0\n# TYPE b counter\n"),
            (3, "# HELP b B\n"),
            (4, "# HELP b B\n# TYPE b summary\n"),
        ] {
            let (at, why) = read(&format!("{head}{text}")).expect_err(text);
            assert_eq!(at, line, "{text:?}: {why}");
        }
    }
}
