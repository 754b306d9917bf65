//! Programs of others that a test needs.
use std::process::{Command, Stdio};

/// Whether one of these programs is missing. Then the test is skipped and says so; where all tools
/// are required it fails.
pub(crate) fn lacks(programs: &[&str], packages: &str) -> bool {
    let is_missing = |program: &&&str| {
        let mut command = Command::new(program);
        let command = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_err()
    };
    let Some(missing) = programs.iter().find(is_missing) else { return false };
    let needs = format!("needs {missing} (Debian: {packages})");
    let required = std::env::var("WIRELAB_REQUIRE_TOOLS").is_ok_and(|v| v == "1");
    assert!(!required, "{needs}");
    eprintln!("SKIPPED: {needs}");
    true
}
