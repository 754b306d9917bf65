//! Where the user's programs keep their files, as the environment has it.
use std::path::PathBuf;

/// Where the user's programs keep what is to outlive them; none if that cannot be known.
pub(crate) fn state_dir() -> Option<PathBuf> {
    if cfg!(windows) {
        return absolute("LOCALAPPDATA").map(|dir| dir.join("wirelab"));
    }
    let home = || std::env::home_dir().map(|home| home.join(".local/state"));
    absolute("XDG_STATE_HOME").or_else(home).map(|dir| dir.join("wirelab"))
}

/// Where they keep what goes with the session, such as sockets; none if the system has no such place.
pub(crate) fn runtime_dir() -> Option<PathBuf> {
    absolute("XDG_RUNTIME_DIR").map(|dir| dir.join("wirelab"))
}

/// A path that is not absolute is to be ignored, says the XDG Base Directory Specification.
fn absolute(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}
