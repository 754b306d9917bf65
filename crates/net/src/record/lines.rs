//! Whole lines to a writer. After the first failure nothing more is written, so that what is there is
//! the beginning of the truth and never has holes.
use std::{
    io,
    io::Write,
    sync::{Arc, OnceLock},
};

/// Whether everything got out. Outlives the sink, which the recorder keeps to itself.
#[derive(Clone, Debug, Default)]
pub struct Written(Arc<OnceLock<io::Error>>);

impl Written {
    /// Whether everything has got out so far.
    ///
    /// # Errors
    /// The writer's first failure; nothing was written after it.
    pub fn check(&self) -> io::Result<()> {
        self.0.get().map_or(Ok(()), |e| Err(io::Error::new(e.kind(), e.to_string())))
    }
}

pub(super) struct Lines<W> {
    out: W,
    written: Written,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, written: Written::default() }
    }
    pub(super) fn written(&self) -> Written {
        self.written.clone()
    }
    /// Writes a line, its end included, in one piece.
    pub(super) fn put(&mut self, line: &[u8]) {
        self.attempt(|out| out.write_all(line));
    }
    pub(super) fn flush(&mut self) {
        self.attempt(Write::flush);
    }
    fn attempt(&mut self, write: impl FnOnce(&mut W) -> io::Result<()>) {
        if self.written.0.get().is_none()
            && let Err(error) = write(&mut self.out)
        {
            self.written.0.get_or_init(|| error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_failure_nothing_more_is_written() {
        let mut room = [0; 6];
        let mut lines = Lines::new(&mut room[..]);
        let written = lines.written();
        lines.put(b"abc\n");
        assert!(written.check().is_ok());
        lines.put(b"too long\n");
        lines.put(b"\n");
        assert_eq!(written.check().unwrap_err().kind(), io::ErrorKind::WriteZero);
        assert_eq!(&room, b"abc\nto");
    }
}
