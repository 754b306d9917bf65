//! Who listens under a name: a file beside the socket, locked by the program that does. A lock goes with
//! its program, however that ends; so who holds it may replace the socket.
use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// How often another program may be quicker before we give up.
const ATTEMPTS: u32 = 16;
/// Digits of a process id are fewer.
const MAX_ID: u64 = 32;

/// Takes the name of this socket, until the file is dropped.
///
/// # Errors
/// A program that runs has it, and which; the operating system's.
pub(super) fn take(socket: &Path) -> io::Result<File> {
    let beside = beside(socket);
    for _ in 0..ATTEMPTS {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&beside)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(&mut file)),
            Err(TryLockError::Error(e)) => return Err(e),
        }
        // If its holder has just given it back, others will lock another.
        let (ours, about) = (file.metadata()?, fs::metadata(&beside));
        if about.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            file.set_len(0)?;
            write!(file, "{}", std::process::id())?;
            return Ok(file);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "other programs come and go there"))
}

/// Removes the file. Whoever calls this still holds the lock.
pub(super) fn give_back(socket: &Path) {
    // If it stays, it is a lock that nobody holds.
    let _ = fs::remove_file(beside(socket));
}

fn in_use(file: &mut File) -> io::Error {
    let mut id = String::new();
    // Who has only just begun has not written it yet.
    let named = file.take(MAX_ID).read_to_string(&mut id).is_ok() && !id.is_empty();
    let who = if named { format!("process {}", id.escape_debug()) } else { "another".into() };
    io::Error::new(io::ErrorKind::AddrInUse, format!("{who} listens there"))
}

fn beside(socket: &Path) -> PathBuf {
    let mut name = socket.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
