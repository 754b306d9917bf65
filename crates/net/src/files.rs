//! Files that appear whole, under their names, or not at all.
use std::{
    io::{self, Write},
    path::Path,
};

use tempfile::NamedTempFile;

/// A file in `dir` that vanishes unless it is put in its place.
///
/// # Errors
/// The operating system's.
pub fn temporary(dir: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wirelab-").suffix(".tmp");
    // What we write is for others too (node_exporter runs as another user), but for the umask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    builder.tempfile_in(dir)
}

/// Puts `content` at `path`, in one step.
///
/// # Errors
/// The operating system's; what was there is still there then.
pub fn replace(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let mut file = temporary(folder(path))?;
    file.write_all(content.as_ref())?;
    place(file, path)
}

/// Puts `content` at `path`, in one step, for its owner's eyes only.
///
/// # Errors
/// The operating system's; `AlreadyExists` if there is something at `path`, which stays as it is.
pub fn create_private(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wirelab-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    let mut file = builder.tempfile_in(folder(path))?;
    file.write_all(content.as_ref())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map(drop).map_err(|e| e.error)
}

/// Gives a temporary file its name.
///
/// # Errors
/// The operating system's; what was there is still there then.
pub fn place(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|e| e.error)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
