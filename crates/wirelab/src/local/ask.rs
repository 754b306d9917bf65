//! The end that asks: a program of one's own says what to do, and reads what comes of it. It blocks.
use std::{
    fs,
    io::{
        self, BufRead as _, BufReader,
        ErrorKind::{BrokenPipe, ConnectionReset},
        Read as _, Write as _,
    },
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{MAX_ORDER, Refusal};
use crate::exit::{Exit, Failure};

/// A longer line is no answer.
const MAX_LINE: u64 = 16 << 20;
/// How long a program may take for a line, unless it may take as long as it likes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Gives the program that listens at `path` an order, which is one line.
///
/// # Errors
/// Nobody listens there, or it may be somebody else.
pub(crate) fn ask(path: &Path, order: &str) -> Result<Lines, Failure> {
    let at = path.display();
    if order.contains('\n') || order.len() >= MAX_ORDER {
        let problem = format!("an order is one line of less than {MAX_ORDER} bytes");
        return Err(Failure::usage(format!("{problem}; say it in fewer words")));
    }
    let nobody = |e: &io::Error| {
        let start =
            "start it (wirelab node, wirelab cync serve), or say with --socket where it listens";
        Failure::environment(format!("nobody listens at {at} ({e}); {start}"))
    };
    let about = fs::metadata(path).map_err(|e| nobody(&e))?;
    // Only its owner can open one that is closed to others, so whoever listens is our own.
    if about.permissions().mode() & 0o077 != 0 {
        let problem = "is open to others, and may be another's; choose another --socket";
        return Err(Failure::usage(format!("{at} {problem}")));
    }
    let mut stream = UnixStream::connect(path).map_err(|e| nobody(&e))?;
    let lines =
        |stream| Lines { read: BufReader::new(stream), path: path.to_owned(), ended: false };
    let said = stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
        .and_then(|()| stream.write_all(format!("{order}\n").as_bytes()));
    match said {
        // Whoever does not listen to the end may have said why.
        Ok(()) => Ok(lines(stream)),
        Err(e) if matches!(e.kind(), BrokenPipe | ConnectionReset) => Ok(lines(stream)),
        Err(e) => Err(Failure::environment(format!("{at} takes no orders: {e}"))),
    }
}

/// The lines of an answer, as they come.
pub(crate) struct Lines {
    read: BufReader<UnixStream>,
    path: PathBuf,
    ended: bool,
}

impl Lines {
    /// The same, with so much time for each line; none is all the time there is.
    pub(crate) fn within(self, time: Option<Duration>) -> Self {
        // No time at all is not to be had from a socket.
        let time = time.map(|time| time.max(Duration::from_millis(1)));
        self.read.get_ref().set_read_timeout(time).expect("it is a socket, and not zero");
        self
    }
    /// The only line.
    ///
    /// # Errors
    /// The order was refused, or there is no answer.
    pub(crate) fn one(mut self) -> Result<String, Failure> {
        let at = self.path.display().to_string();
        let none = || Failure::environment(format!("{at} closed without an answer; does it end?"));
        self.next().unwrap_or_else(|| Err(none()))
    }

    fn line(&mut self) -> Result<Option<String>, Failure> {
        let at = self.path.display();
        let mut line = Vec::new();
        let read = (&mut self.read).take(MAX_LINE).read_until(b'\n', &mut line);
        match read {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                let problem = format!("no answer from {at} in time");
                return Err(Failure::Told { exit: Exit::Deadline, problem });
            }
            Err(e) => return Err(Failure::environment(format!("{at}: {e}"))),
        }
        if line.pop() != Some(b'\n') {
            return Err(Failure::environment(format!("{at} closed within its answer")));
        }
        let line = String::from_utf8(line);
        let line = line.map_err(|_| Failure::environment(format!("{at} answers no text")))?;
        match serde_json::from_str(&line) {
            Ok(Refusal { error }) => Err(Failure::Told { exit: Exit::Failed, problem: error }),
            Err(_) => Ok(Some(line)),
        }
    }
}

impl Iterator for Lines {
    type Item = Result<String, Failure>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.line();
        self.ended = !matches!(line, Ok(Some(_)));
        line.transpose()
    }
}
