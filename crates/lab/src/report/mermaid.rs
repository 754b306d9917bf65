//! A run as a Mermaid sequence diagram: text that GitHub, GitLab and many editors draw.
use std::fmt::Write;

use net::Record;

use super::{
    sequence::{Arrow, ArrowKind, Moment, Sequence, What, ms},
    shown,
};

/// Moments in one diagram. Mermaid draws no more than a few hundred well.
const MOST: usize = 300;

/// The run under this title: who listens, who connects, what went over the wire, how it closed.
pub fn diagram(title: &str, records: &[Record]) -> String {
    let sequence = Sequence::of(records);
    let mut out = String::new();
    draw(&mut out, title, &sequence).expect("writing to a string");
    out
}

fn draw(out: &mut String, title: &str, sequence: &Sequence) -> std::fmt::Result {
    writeln!(out, "sequenceDiagram\n    title {}", plain(title))?;
    for (n, lane) in sequence.lanes.iter().enumerate() {
        writeln!(out, "    participant n{n} as {}", plain(&lane.name))?;
    }
    let all = match sequence.lanes.len() {
        0 => return Ok(()),
        1 => "n0".to_owned(),
        lanes => format!("n0,n{}", lanes - 1),
    };
    let mut phase = None;
    for Moment { stamp, phase: now, what, .. } in sequence.moments.iter().take(MOST) {
        if phase.replace(*now) != Some(*now) {
            writeln!(out, "    Note over {all}: [{}] at {} ms", now.name(), ms(stamp.at))?;
        }
        match what {
            What::Arrow(Arrow { from, to, kind, text, came: _, lost, bytes: _ }) => {
                let line = match kind {
                    _ if *lost => "-x",
                    ArrowKind::Dial => "->>",
                    ArrowKind::Bytes if from < to => "->>",
                    ArrowKind::Bytes => "-->>",
                    ArrowKind::Fin => "-)",
                    ArrowKind::Reset => "-x",
                };
                writeln!(out, "    n{from}{line}n{to}: {}", plain(text))?;
            }
            What::Mark { lane: Some(lane), mark } => {
                writeln!(out, "    Note over n{lane}: {}", plain(&mark.text))?;
            }
            What::Mark { lane: None, mark } => {
                writeln!(out, "    Note over {all}: {}", plain(&mark.text))?;
            }
        }
    }
    if let Some(more) = sequence.moments.len().checked_sub(MOST).filter(|n| *n > 0) {
        writeln!(out, "    Note over {all}: and {more} more")?;
    }
    Ok(())
}

/// On one line, without anything that Mermaid or HTML would take for more than text.
fn plain(text: &str) -> String {
    let mut safe = String::new();
    for c in shown(text, 120).chars() {
        match c {
            '#' | ';' | '<' | '>' | '&' | '"' | '`' | '%' | '{' | '}' | '\\' => {
                let _ = write!(safe, "#{};", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{late, played};

    #[test]
    fn a_run_reads_as_a_sequence_with_its_phases() {
        insta::assert_snapshot!(diagram("toggle/late-answer", &late()));
    }

    #[test]
    fn text_of_a_peer_is_only_text() {
        assert_eq!(plain("a\n%%{init}; <b>#"), "a#92;n#37;#37;#123;init#125;#59; #60;b#62;#35;");
    }

    #[test]
    fn a_long_run_is_cut_and_says_so() {
        let text = diagram("x", &played("many-commands"));
        assert!(text.lines().last().unwrap().contains(" more"), "{text}");
        assert!(text.lines().count() < 3 * MOST);
    }

    #[test]
    fn no_record_is_a_diagram_of_nothing() {
        assert_eq!(diagram("x", &[]), "sequenceDiagram\n    title x\n");
    }
}
