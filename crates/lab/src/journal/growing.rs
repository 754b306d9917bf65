//! One journal, cut into lines as it grows.
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::Arc,
};

use proto::vkb::rules::Source;

use super::{Line, MAX_LINE};

/// One journal, as far as it was read.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) file: Arc<Path>,
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
    pub(super) fn new(file: &Path, past: bool) -> Self {
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
    pub(super) fn read(&mut self, most: u64, lines: &mut Vec<Line>) -> u64 {
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
    pub(super) fn end(&mut self, lines: &mut Vec<Line>) {
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
