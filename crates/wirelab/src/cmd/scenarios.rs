//! Scenario files, the user's and those that come with the program.
use lab::{
    scenario::{Scenario, ScenarioError},
    shipped::shipped,
};

use crate::exit::Failure;

/// The named scenarios with their paths, or all that come with the program if none is named.
///
/// # Errors
/// A file cannot be read, or makes no sense.
pub(crate) fn load(files: &[String]) -> Result<Vec<(String, Scenario)>, Failure> {
    if files.is_empty() {
        return shipped().into_iter().map(|(path, text)| parse(path, &text)).collect();
    }
    files.iter().map(|file| load_one(file)).collect()
}

/// One scenario: a file, or by its name or path one that comes with the program.
///
/// # Errors
/// It cannot be read, or makes no sense.
pub(crate) fn load_one(file: &str) -> Result<(String, Scenario), Failure> {
    let error = match std::fs::read_to_string(file) {
        Ok(text) => return parse(file.to_owned(), &text),
        Err(error) => error,
    };
    let wanted = format!("/{}.toml", file.trim_end_matches(".toml").trim_start_matches("./"));
    let known = shipped().into_iter().find(|(path, _)| format!("/{path}").ends_with(&wanted));
    match known {
        Some((path, text)) => parse(path, &text),
        None => Err(Failure::usage(format!(
            "cannot read {file}: {error}; name a scenario file, or one that comes with the program \
             (wirelab run plays them all)"
        ))),
    }
}

/// What evidence files call it.
pub(crate) fn name(scenario: &Scenario) -> String {
    format!("{}/{}", scenario.protocol.get_ref(), scenario.name.get_ref())
}

fn parse(path: String, text: &str) -> Result<(String, Scenario), Failure> {
    let scenario = Scenario::parse(&path, text).map_err(|e| mistakes(&e))?;
    Ok((path, scenario))
}

/// All mistakes, the first as the error and the others after it.
pub(crate) fn mistakes(errors: &[ScenarioError]) -> Failure {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Failure::usage(lines.join("; and "))
}
