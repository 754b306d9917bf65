//! Reads what Elite Dangerous writes while it writes it: the lines of its newest journal, and its
//! status. It looks when asked to, and never waits.
mod growing;
mod watched;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use proto::vkb::rules::Source;
use serde::de::IgnoredAny;

use growing::Journal;
pub use watched::Watched;

/// A longer line is refused, and so is a longer file that is read whole.
pub const MAX_LINE: usize = 1 << 20;
/// More is not read of journals in one go; the rest comes with the next.
const MAX_READ: u64 = 4 << 20;

/// Why a journal cannot be followed.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot read the journal directory {}: {source}; the game's is \
     `Saved Games/Frontier Developments/Elite Dangerous`", .dir.display()
)]
pub struct JournalError {
    dir: PathBuf,
    source: io::Error,
}

/// A line, or a whole status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it was read from.
    pub source: Source,
    /// The file.
    pub file: Arc<Path>,
    /// The line in it, from 1.
    pub number: usize,
    /// It was there before we looked for the first time.
    pub past: bool,
    /// Its text, or why there is none.
    pub text: Result<String, String>,
}

/// Follows a journal directory.
#[derive(Debug)]
pub struct Tail {
    dir: PathBuf,
    current: Option<Journal>,
    status: Watched,
    /// A status that may still be being written.
    half: Option<String>,
    caught_up: bool,
}

impl Tail {
    /// Starts with the newest journal in `dir`, from its first line: it says whose it is.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn new(dir: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let dir = dir.into();
        journals(&dir)?;
        let status = Watched::new(dir.join("Status.json"));
        Ok(Self { dir, current: None, status, half: None, caught_up: false })
    }
    /// What has been written since the last time, at most a few megabytes of it.
    ///
    /// # Errors
    /// The directory cannot be read any more; it may be again.
    pub fn poll(&mut self) -> Result<Vec<Line>, JournalError> {
        // Listed before anything is read: if there is a newer journal now, the current one is complete.
        let journals = journals(&self.dir)?;
        let mut lines = Vec::new();
        if self.journals(&journals, &mut lines) {
            self.status(&mut lines);
            self.caught_up = true;
        }
        Ok(lines)
    }
    /// Reads on, from journal to journal. Was that all?
    fn journals(&mut self, journals: &[PathBuf], lines: &mut Vec<Line>) -> bool {
        let Some(newest) = journals.last() else { return true };
        let past = !self.caught_up;
        let current = self.current.get_or_insert_with(|| Journal::new(newest, past));
        let mut left = MAX_READ;
        loop {
            left -= current.read(left, lines);
            if left == 0 {
                return false;
            }
            let Some(next) = journals.iter().find(|path| ***path > *current.file) else {
                return true;
            };
            current.end(lines);
            *current = Journal::new(next, past);
        }
    }
    /// A status that is no JSON is believed only when it stays so: the game may not be done with it.
    fn status(&mut self, lines: &mut Vec<Line>) {
        let text = match self.status.poll() {
            Some(Ok(text)) if serde_json::from_str::<IgnoredAny>(&text).is_err() => {
                self.half = Some(text);
                return;
            }
            Some(text) => {
                self.half = None;
                text
            }
            None => match self.half.take() {
                Some(text) => Ok(text),
                None => return,
            },
        };
        lines.push(Line {
            source: Source::Dashboard,
            file: self.status.path().clone(),
            number: 1,
            past: !self.caught_up,
            text,
        });
    }
}

/// All journals of a directory, the oldest first: their names say when they were begun.
fn journals(dir: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let unreadable = |source| JournalError { dir: dir.to_owned(), source };
    let mut journals = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("Journal.") && name.ends_with(".log") {
            journals.push(path);
        }
    }
    journals.sort();
    Ok(journals)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write};

    use tempfile::TempDir;

    use super::*;

    const FIRST: &str = "Journal.2025-01-02T030405.01.log";
    const SECOND: &str = "Journal.2025-01-02T040000.01.log";

    struct Game(TempDir);

    impl Game {
        fn new() -> (Self, Tail) {
            let dir = tempfile::tempdir().unwrap();
            let tail = Tail::new(dir.path()).unwrap();
            (Self(dir), tail)
        }
        fn writes(&self, name: &str, text: impl AsRef<[u8]>) {
            let path = self.0.path().join(name);
            let file = File::options().create(true).append(true).open(path);
            file.unwrap().write_all(text.as_ref()).unwrap();
        }
        fn replaces(&self, name: &str, text: &str) {
            fs::write(self.0.path().join(name), text).unwrap();
        }
    }

    /// Number and text of the lines, or what is wrong with them.
    fn read(tail: &mut Tail) -> Vec<(usize, String)> {
        let lines = tail.poll().unwrap().into_iter();
        lines.map(|line| (line.number, line.text.unwrap_or_else(|e| format!("! {e}")))).collect()
    }

    fn one(number: usize, text: &str) -> Vec<(usize, String)> {
        vec![(number, text.to_owned())]
    }

    #[test]
    fn lines_come_once_and_in_order() {
        let (game, mut tail) = Game::new();
        assert_eq!(read(&mut tail), []);
        game.writes(FIRST, "a\r\nb\n");
        assert_eq!(read(&mut tail), [(1, "a".to_owned()), (2, "b".to_owned())]);
        assert_eq!(read(&mut tail), []);
        game.writes(FIRST, "\nc\n");
        assert_eq!(read(&mut tail), one(4, "c"));
    }

    #[test]
    fn a_line_without_its_end_waits_for_it() {
        let (game, mut tail) = Game::new();
        game.writes(FIRST, "{\"event\":\"Mü".as_bytes().split_last().unwrap().1);
        assert_eq!(read(&mut tail), []);
        game.writes(FIRST, b"\xbcsic\"}");
        assert_eq!(read(&mut tail), []);
        game.writes(FIRST, "\n");
        assert_eq!(read(&mut tail), one(1, "{\"event\":\"Müsic\"}"));
    }

    #[test]
    fn it_starts_with_the_newest_and_goes_on_to_newer_ones() {
        let (game, mut tail) = Game::new();
        game.writes("Journal.170102030405.01.log", "old\n");
        game.writes(FIRST, "a\n");
        game.writes("JournalOther.log", "no\n");
        game.writes("Journal.2026.txt", "no\n");
        assert_eq!(read(&mut tail), one(1, "a"));
        game.writes(FIRST, "b");
        game.writes(SECOND, "c\n");
        game.writes("Journal.2025-01-02T050000.01.log", "d\n");
        let expected = [(2, "b"), (1, "c"), (1, "d")].map(|(n, text)| (n, text.to_owned()));
        assert_eq!(read(&mut tail), expected, "none is passed over");
    }

    #[test]
    fn what_was_there_before_is_marked() {
        let (game, mut tail) = Game::new();
        game.writes(FIRST, "a\n");
        game.replaces("Status.json", "{}");
        let past =
            |tail: &mut Tail| tail.poll().unwrap().iter().map(|line| line.past).collect::<Vec<_>>();
        assert_eq!(past(&mut tail), [true, true]);
        game.writes(SECOND, "b\n");
        game.replaces("Status.json", "{ }");
        assert_eq!(past(&mut tail), [false, false]);
    }

    #[test]
    fn a_bad_line_does_not_stop_the_next() {
        let (game, mut tail) = Game::new();
        game.writes(FIRST, b"\xff\n");
        game.writes(FIRST, vec![b'x'; MAX_LINE + 1]);
        game.writes(FIRST, "\nlast\n");
        let expected = [(1, "! not UTF-8"), (2, "! longer than 1048576 bytes"), (3, "last")];
        assert_eq!(read(&mut tail), expected.map(|(n, text)| (n, text.to_owned())));
    }

    #[test]
    fn a_long_journal_comes_in_several_goes_and_the_status_after_it() {
        let (game, mut tail) = Game::new();
        let line = format!("{}\n", "x".repeat(999_999));
        game.writes(FIRST, line.repeat(5));
        game.replaces("Status.json", "{}");
        assert_eq!(read(&mut tail).len(), 4);
        let rest = read(&mut tail);
        assert_eq!(rest.len(), 2);
        assert_eq!(rest[1], (1, "{}".to_owned()));
    }

    #[test]
    fn a_journal_written_anew_is_read_anew() {
        let (game, mut tail) = Game::new();
        game.writes(FIRST, "one\ntwo\n");
        read(&mut tail);
        game.replaces(FIRST, "new\n");
        assert_eq!(read(&mut tail), one(1, "new"));
    }

    #[test]
    fn the_status_comes_whole_and_when_it_changes() {
        let (game, mut tail) = Game::new();
        game.replaces("Status.json", "{\"Flags\":\n1}");
        assert_eq!(read(&mut tail), one(1, "{\"Flags\":\n1}"));
        game.replaces("Status.json", "{\"Flags\":\n1}");
        assert_eq!(read(&mut tail), []);
        game.replaces("Status.json", "{\"Flags\":\n2}");
        assert_eq!(read(&mut tail), one(1, "{\"Flags\":\n2}"));
    }

    #[test]
    fn a_status_that_is_being_written_is_waited_for() {
        let (game, mut tail) = Game::new();
        game.replaces("Status.json", "{\"Fla");
        assert_eq!(read(&mut tail), []);
        game.replaces("Status.json", "{\"Flags\":1}");
        assert_eq!(read(&mut tail), one(1, "{\"Flags\":1}"));
        game.replaces("Status.json", "");
        assert_eq!(read(&mut tail), []);
        assert_eq!(read(&mut tail), one(1, ""), "it stays so: that is for the reader to tell");
        assert_eq!(read(&mut tail), []);
    }

    #[test]
    fn a_directory_that_cannot_be_read_is_told() {
        let gone = Tail::new("/no/such/place").unwrap_err().to_string();
        assert!(gone.contains("/no/such/place") && gone.contains("Saved Games"), "{gone}");
        let (game, mut tail) = Game::new();
        drop(game);
        assert!(tail.poll().is_err());
    }

    #[test]
    fn a_file_in_the_way_is_told_once() {
        let (game, mut tail) = Game::new();
        fs::create_dir(game.0.path().join(FIRST)).unwrap();
        let first = read(&mut tail);
        assert!(first[0].1.starts_with("! cannot be read"), "{first:?}");
        assert_eq!(read(&mut tail), []);
    }

    #[test]
    fn a_watched_file_tells_each_change_and_each_trouble_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rules.json");
        let mut watched = Watched::new(&path);
        assert_eq!(watched.poll(), None, "it was never there");
        fs::write(&path, "a").unwrap();
        assert_eq!(watched.poll(), Some(Ok("a".into())));
        assert_eq!(watched.poll(), None);
        fs::write(&path, "b").unwrap();
        assert_eq!(watched.poll(), Some(Ok("b".into())), "of the same size, perhaps the same time");
        fs::remove_file(&path).unwrap();
        assert!(watched.poll().is_some_and(|told| told.is_err()));
        assert_eq!(watched.poll(), None);
        fs::write(&path, "x".repeat(MAX_LINE + 1)).unwrap();
        assert!(watched.poll().is_some_and(|told| told.unwrap_err().contains("longer")));
    }
}
