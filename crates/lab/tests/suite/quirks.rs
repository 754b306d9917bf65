//! What the pages say of quirks, against the modes there are.
use std::collections::BTreeSet;

use proto::{cync, hsms, quirk::Mode, tazcom, toggle, vkb};

fn page(path: &str) -> String {
    let path = format!("{}/../../docs/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every protocol and the modes of its device, in the order of the table's columns.
fn protocols() -> [(&'static str, Vec<&'static str>); 5] {
    fn names<M: Mode>() -> Vec<&'static str> {
        M::MODES.iter().map(|(name, _)| *name).collect()
    }
    [
        ("toggle", names::<toggle::Mode>()),
        ("vkb", names::<vkb::Mode>()),
        ("hsms", names::<hsms::Mode>()),
        ("cync", names::<cync::Mode>()),
        ("tazcom", names::<tazcom::Mode>()),
    ]
}

/// The first word of everything in backticks.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter_map(|code| code.split_whitespace().next())
}

/// The cells of a table's row, without its first and last bar.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

#[test]
fn every_fault_has_a_mode_of_every_device_or_a_reason() {
    let page = page("quirks.md");
    let rows: Vec<_> = page.lines().filter_map(cells).filter(|r| r[0].starts_with("A-")).collect();
    let numbers: Vec<_> = rows.iter().map(|row| row[0].to_owned()).collect();
    let all: Vec<_> = (1..=20).map(|n| format!("A-{n:02}")).collect();
    assert_eq!(numbers, all);
    for row in rows {
        for ((protocol, modes), cell) in protocols().iter().zip(&row[2..]) {
            let known = named(cell).filter(|word| modes.contains(word)).count();
            assert_eq!(
                known,
                named(cell).count(),
                "{}: no such mode of {protocol}: {cell}",
                row[0]
            );
            let reason = cell.strip_prefix('—').is_some_and(|why| why.len() > 10);
            assert!(known > 0 || reason, "{} says nothing of {protocol}", row[0]);
        }
        assert_eq!(row.len(), 7, "{row:?}");
    }
}

#[test]
fn every_mode_of_every_device_is_in_the_list() {
    let page = page("quirks.md");
    for (column, (protocol, modes)) in protocols().into_iter().enumerate() {
        let rows = page.lines().filter_map(cells);
        let column = rows.filter_map(|row| row.get(row.len().checked_sub(5)? + column).copied());
        let column: Vec<_> = column.collect();
        let listed: BTreeSet<_> = column.iter().flat_map(|cell| named(cell)).collect();
        for mode in modes.iter().filter(|mode| **mode != "success") {
            assert!(listed.contains(mode), "{mode} of {protocol} is not in docs/quirks.md");
        }
    }
}

#[test]
fn every_mode_is_on_the_page_of_its_protocol() {
    for (protocol, modes) in protocols() {
        let page = page(&format!("protocols/{protocol}.md"));
        let rows = page.lines().filter_map(cells).map(|row| row[0].to_owned());
        let rows: Vec<_> = rows.collect();
        let listed: BTreeSet<_> = rows.iter().flat_map(|cell| named(cell)).collect();
        for mode in modes {
            assert!(listed.contains(mode), "{mode} is not in docs/protocols/{protocol}.md");
        }
    }
}
