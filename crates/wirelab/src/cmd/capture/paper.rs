//! Where imported evidence goes: into a file that appears when it is whole, or to stdout.
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use lab::{
    capture::{
        Said,
        carried::{Account, Carried},
    },
    registry::AnyProtocol,
};
use net::{
    files,
    record::{Evidence, Header, Written},
};

use crate::{exit::Failure, text};

/// Things that happened before the first that has a time, which is when the run began.
const MOST_WAITING: usize = 256;

type Out = BufWriter<Box<dyn Write + Send>>;

/// Takes what was found in a capture.
pub(super) struct Paper {
    path: PathBuf,
    file: Option<tempfile::NamedTempFile>,
    out: Option<Out>,
    protocol: &'static dyn AnyProtocol,
    covers: bool,
    waiting: Vec<Said>,
    carried: Option<(Carried<Evidence<Out>>, Written)>,
}

impl Paper {
    /// # Errors
    /// Nothing can be written there.
    pub(super) fn new(
        path: &Path,
        protocol: &'static dyn AnyProtocol,
        covers: bool,
    ) -> Result<Self, Failure> {
        let (file, out) = if path.as_os_str() == "-" {
            (None, Box::new(io::stdout()) as Box<dyn Write + Send>)
        } else {
            let (file, out) = open(path).map_err(|e| unwritable(path, &e))?;
            (Some(file), Box::new(out) as Box<dyn Write + Send>)
        };
        let (path, out) = (path.to_owned(), Some(BufWriter::new(out)));
        Ok(Self { path, file, out, protocol, covers, waiting: Vec::new(), carried: None })
    }
    /// A connection began, between these.
    pub(super) fn open(
        &mut self,
        at: Option<Timestamp>,
        conn: u64,
        ends: (SocketAddr, SocketAddr),
    ) {
        self.begin(at).open(at, conn, Some(ends));
    }
    /// Something happened.
    pub(super) fn take(&mut self, said: Said) {
        if self.carried.is_none() && said.at.is_none() && self.waiting.len() < MOST_WAITING {
            return self.waiting.push(said);
        }
        self.begin(said.at).take(said);
    }
    /// Puts the file into its place; none, if nothing was taken.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn finish(mut self) -> Result<Option<Account>, Failure> {
        if !self.waiting.is_empty() {
            self.begin(None);
        }
        let Some((carried, written)) = self.carried else { return Ok(None) };
        let (evidence, account) = carried.end();
        drop(evidence);
        written.check().map_err(|e| unwritable(&self.path, &e))?;
        if let Some(file) = self.file {
            files::place(file, &self.path).map_err(|e| unwritable(&self.path, &e))?;
        }
        Ok(Some(account))
    }

    /// The run, which begins now if it has not.
    fn begin(&mut self, at: Option<Timestamp>) -> &mut Carried<Evidence<Out>> {
        if self.carried.is_none() {
            let started = at.unwrap_or_default();
            let out = self.out.take().expect("it is taken once");
            let evidence = Evidence::new(out, &header(self.protocol, started));
            let written = evidence.written();
            let mut carried = Carried::new(evidence, started, self.protocol, self.covers);
            self.waiting.drain(..).for_each(|said| carried.take(said));
            self.carried = Some((carried, written));
        }
        &mut self.carried.as_mut().expect("it was made above").0
    }
}

fn header(protocol: &dyn AnyProtocol, started: Timestamp) -> Header {
    Header {
        wirelab_evidence: Header::FORMAT,
        scenario: Some(format!("{}/capture", protocol.name())),
        seed: 0,
        world: "capture".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        commit: option_env!("WIRELAB_COMMIT").map(Into::into),
        started,
    }
}

fn open(path: &Path) -> io::Result<(tempfile::NamedTempFile, File)> {
    let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let file = files::temporary(folder.unwrap_or(Path::new(".")))?;
    let out = file.reopen()?;
    Ok((file, out))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    text::unwritable(&path.display().to_string(), error)
}
