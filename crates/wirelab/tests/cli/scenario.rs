//! Scenario files in a directory of their own, and what playing them leaves there.
use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::support::*;

/// One command.
pub(crate) const ASK: &str =
    "[[step]]\nrequest = { client = \"toggler\", send = { device_id = \"D1\", state = true } }\n";
/// Every command went well.
pub(crate) const IS_OK: &str = "[[expect]]\noutcome = { client = \"toggler\", is = \"ok\" }\n";
/// The lamp did it, once.
pub(crate) const APPLIED: &str =
    "[[expect]]\napplied = { device = \"lamp\", device_id = \"D1\", times = 1 }\n";

/// A scenario of one toggler and one lamp, which is told this besides its name.
pub(crate) fn scenario(name: &str, lamp: &str, steps: &str, expects: &str) -> String {
    format!(
        "name = \"{name}\"\ntitle = \"A test\"\nprotocol = \"toggle\"\n\
         [[device]]\nname = \"lamp\"\n{lamp}\n[[client]]\nname = \"toggler\"\ndevice = \"lamp\"\n\
         {steps}{expects}[[expect]]\nduplicates = {{ device = \"lamp\", count = 0 }}\n"
    )
}

/// A directory with scenario files, and reports in `out`.
pub(crate) struct Dir(tempfile::TempDir);

impl Dir {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
    /// Writes the scenario `name`, and returns the file's name.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let file = format!("{name}.toml");
        std::fs::write(self.0.path().join(&file), text).unwrap();
        file
    }
    /// `wirelab run` in this directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = wirelab();
        command.current_dir(&self.0).args(["run", "--out", "out"]).args(args);
        command
    }
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        finish(&mut self.command(args))
    }
    /// Judges what the last run left, or another file here.
    pub(crate) fn judge(&self, scenario: &str, evidence: &str) -> Ran {
        let mut command = wirelab();
        finish(command.current_dir(&self.0).args(["judge", "run", scenario, evidence, "--json"]))
    }
    pub(crate) fn report(&self, name: &str) -> PathBuf {
        self.0.path().join("out").join(name)
    }
    /// The names of everything in `out`, hidden files too.
    pub(crate) fn reports(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.0.path().join("out")) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A file of JSON lines.
pub(crate) fn json_lines(path: &Path) -> Vec<Value> {
    read(path).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}
