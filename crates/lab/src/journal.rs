//! Reads what Elite Dangerous writes while it writes it: the lines of its newest journal, and its
//! status. It looks when asked to, and never waits.
use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use proto::vkb::rules::Source;
use serde::de::IgnoredAny;

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
            file: self.status.path.clone(),
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

/// One journal, as far as it was read.
#[derive(Debug)]
struct Journal {
    file: Arc<Path>,
    past: bool,
    offset: u64,
    /// Lines that were whole.
    number: usize,
    /// The beginning of a line whose end is not written yet.
    begun: Vec<u8>,
    too_long: bool,
    /// What was told last of a file that cannot be read.
    trouble: Option<String>,
}

impl Journal {
    fn new(file: &Path, past: bool) -> Self {
        Self {
            file: file.into(),
            past,
            offset: 0,
            number: 0,
            begun: Vec::new(),
            too_long: false,
            trouble: None,
        }
    }
    /// Reads at most this many bytes on, and says how many there were.
    fn read(&mut self, most: u64, lines: &mut Vec<Line>) -> u64 {
        match self.bytes(most) {
            Ok(bytes) => {
                self.trouble = None;
                self.take(&bytes, lines);
                bytes.len() as u64
            }
            Err(e) => {
                let trouble = Some(format!("cannot be read: {e}"));
                if self.trouble != trouble {
                    self.trouble.clone_from(&trouble);
                    lines.extend(trouble.map(|trouble| self.line(Err(trouble))));
                }
                0
            }
        }
    }
    fn bytes(&mut self, most: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.file)?;
        if file.metadata()?.len() < self.offset {
            // It was written anew.
            *self = Self::new(&self.file.clone(), self.past);
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        self.offset += bytes.len() as u64;
        Ok(bytes)
    }
    fn take(&mut self, bytes: &[u8], lines: &mut Vec<Line>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.begun.len() + piece.len() > MAX_LINE {
                self.too_long = true;
                self.begun.clear();
            }
            if !self.too_long {
                self.begun.extend(piece);
            }
            if piece.ends_with(b"\n") {
                self.end(lines);
            }
        }
    }
    /// The line ends here.
    fn end(&mut self, lines: &mut Vec<Line>) {
        let bytes = std::mem::take(&mut self.begun);
        let text = if std::mem::take(&mut self.too_long) {
            Err(format!("longer than {MAX_LINE} bytes"))
        } else {
            String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
        };
        self.number += 1;
        let text = text.map(|text| text.trim_end().to_owned());
        if !text.as_ref().is_ok_and(String::is_empty) {
            lines.push(self.line(text));
        }
    }
    fn line(&self, text: Result<String, String>) -> Line {
        let Self { file, number, past, .. } = self;
        let (file, number, past) = (file.clone(), *number, *past);
        Line { source: Source::Journal, file, number, past, text }
    }
}

/// A small file that is read whole whenever it says something else.
#[derive(Debug)]
pub struct Watched {
    path: Arc<Path>,
    last: Option<Result<String, String>>,
}

impl Watched {
    /// Nothing is read yet.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().into(), last: None }
    }
    /// Where it is.
    pub fn path(&self) -> &Arc<Path> {
        &self.path
    }
    /// What it says, or why that cannot be known; none if that is the same as the last time. A file
    /// that was never there says nothing.
    pub fn poll(&mut self) -> Option<Result<String, String>> {
        let now = match whole(&self.path) {
            Ok(text) => Ok(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound && self.last.is_none() => return None,
            Err(e) => Err(format!("cannot be read: {e}")),
        };
        if self.last.as_ref() == Some(&now) {
            return None;
        }
        self.last = Some(now.clone());
        Some(now)
    }
}

fn whole(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_LINE as u64 + 1).read_to_string(&mut text)?;
    if text.len() > MAX_LINE {
        return Err(io::Error::other(format!("longer than {MAX_LINE} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

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
