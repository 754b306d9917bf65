//! The file that holds a node's key: its owner's alone, whole or not there, and of one node at a time.
use std::{
    fs::{File, TryLockError},
    io::{self, Read},
    path::{Path, PathBuf},
};

use proto::tazcom::Identity;

use crate::{args, exit::Failure};

/// No key file is longer.
const LONGEST: u64 = 4096;
/// Nodes of one user that share a state directory, at most.
const MOST: u32 = 1000;

/// A key, and the lock that keeps it from others until it is dropped.
pub(super) struct Held {
    pub(super) identity: Identity,
    pub(super) path: PathBuf,
    /// There was none before.
    pub(super) made: bool,
    _lock: File,
}

/// The key at `path`, or the first in the user's state directory that no other node uses. It is made if
/// it is not there.
///
/// # Errors
/// The file is no key of ours alone, or another node uses the one that was asked for.
pub(super) fn hold(path: Option<PathBuf>) -> Result<Held, Failure> {
    if let Some(path) = path {
        let in_use = || {
            let problem =
                "is in use by another node, and an id is one node's; choose another --key";
            Failure::environment(format!("{} {problem}", path.display()))
        };
        return take(&path)?.ok_or_else(in_use);
    }
    let first = main_path(None)?;
    for number in 1..=MOST {
        let path = match number {
            1 => first.clone(),
            more => first.with_file_name(format!("node-{more}.key")),
        };
        if let Some(held) = take(&path)? {
            return Ok(held);
        }
    }
    Err(Failure::environment(format!(
        "{MOST} nodes use the keys beside {}; give this one a --key",
        first.display()
    )))
}

/// The key file that is meant if nobody uses it.
///
/// # Errors
/// Nobody said which, and the user has no state directory.
pub(super) fn main_path(path: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let default = || args::state_dir().map(|dir| dir.join("node.key"));
    path.or_else(default).ok_or_else(|| {
        Failure::usage(
            "--key: neither XDG_STATE_HOME nor HOME says where keys are kept; give a path",
        )
    })
}

/// The key at `path`, whoever uses it.
///
/// # Errors
/// There is none, or it is not ours alone.
pub(super) fn read(path: &Path) -> Result<Identity, Failure> {
    match open(path)? {
        Some(mut file) => understand(&mut file, path),
        None => {
            let problem = "no such key; --create makes one, and so does a first `wirelab node`";
            Err(Failure::usage(format!("{}: {problem}", path.display())))
        }
    }
}

/// The key at `path`, made now if there is none.
///
/// # Errors
/// It is not ours alone, or cannot be made.
pub(super) fn read_or_make(path: &Path) -> Result<Identity, Failure> {
    match open(path)? {
        Some(mut file) => understand(&mut file, path),
        // If another was faster, it is that one's key.
        None => make(path).and_then(|_| read(path)),
    }
}

/// The key at `path`, locked; none if another node uses it.
fn take(path: &Path) -> Result<Option<Held>, Failure> {
    let (mut file, made) = match open(path)? {
        Some(file) => (file, false),
        None => match make(path)? {
            Some(file) => (file, true),
            // Another node was faster; then it is that one's.
            None => return Ok(None),
        },
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(e)) => return Err(unusable(path, "cannot be locked", &e)),
    }
    let identity = understand(&mut file, path)?;
    Ok(Some(Held { identity, path: path.to_owned(), made, _lock: file }))
}

/// The file, if there is one.
fn open(path: &Path) -> Result<Option<File>, Failure> {
    // What is no file may never end, or never begin.
    match std::fs::metadata(path) {
        Ok(about) if about.is_file() => {}
        Ok(_) => {
            return Err(Failure::usage(format!(
                "{} is no file; choose another --key",
                path.display()
            )));
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unusable(path, "cannot be read", &e)),
    }
    File::open(path).map(Some).map_err(|e| unusable(path, "cannot be read", &e))
}

fn understand(file: &mut File, path: &Path) -> Result<Identity, Failure> {
    let at = path.display();
    ours_alone(file, path)?;
    let mut text = String::new();
    let read = file.take(LONGEST + 1).read_to_string(&mut text);
    match read {
        Ok(_) if text.len() as u64 <= LONGEST => {}
        Ok(_) => return Err(no_key(path, &format!("it is longer than {LONGEST} bytes"))),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => {
            return Err(no_key(path, "it is no text"));
        }
        Err(e) => return Err(Failure::environment(format!("{at} cannot be read: {e}"))),
    }
    let (identity, _) = Identity::from_key_file(&text).map_err(|e| no_key(path, &e.problem))?;
    Ok(identity)
}

fn no_key(path: &Path, problem: &str) -> Failure {
    Failure::usage(format!(
        "{} is no node.key: {problem}; put the right one back, or move it away and get a new id",
        path.display()
    ))
}

/// Whoever can read a key is its node.
#[cfg(unix)]
fn ours_alone(file: &File, path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let about = file.metadata().map_err(|e| unusable(path, "cannot be read", &e))?;
    let mode = about.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let at = path.display();
    Err(Failure::usage(format!(
        "{at} is open to others (mode {mode:04o}), who may have its key; chmod 600 {at}, or move it away and get a new id"
    )))
}

#[cfg(not(unix))]
fn ours_alone(_: &File, _: &Path) -> Result<(), Failure> {
    Ok(())
}

/// Makes a key, and a file for it that nobody else can read; none if there is a file by now.
fn make(path: &Path) -> Result<Option<File>, Failure> {
    let cannot = |e: io::Error| unusable(path, "cannot be made", &e);
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir).map_err(cannot)?;
    }
    let created = net::env::today().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let text = Identity::from_seed(super::live::random()?).to_key_file(&created);
    match net::files::create_private(path, text) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        Err(e) => return Err(cannot(e)),
    }
    open(path)
}

fn unusable(path: &Path, what: &str, error: &io::Error) -> Failure {
    Failure::environment(format!("{} {what}: {error}; choose another --key", path.display()))
}
