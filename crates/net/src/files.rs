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
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = temporary(dir)?;
    file.write_all(content.as_ref())?;
    place(file, path)
}

/// Gives a temporary file its name.
///
/// # Errors
/// The operating system's; what was there is still there then.
pub fn place(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|e| e.error)
}
