//! `wirelab vkb check-rules`: what is wrong with rules, and what they make of events.
use std::{
    fmt::Write,
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use lab::journal::Watched;
use proto::vkb::rules::{
    Asked, Effect, Engine, JournalEvent, Outcome, Parsed, Reader, RuleProblem, Source, parse,
};
use serde::Serialize;

use crate::{
    args::CheckRulesArgs,
    exit::{Exit, Failure},
    lines, text,
};

/// # Errors
/// The rules or the events cannot be read, or the output is not writable.
pub(crate) fn run(args: CheckRulesArgs) -> Result<Exit, Failure> {
    let CheckRulesArgs { rules, explain, numbering, json } = args;
    let file = rules.display();
    let unusable = |problem: String| Failure::usage(format!("{file}: {problem}"));
    let read = Watched::new(&rules).poll();
    let read = read.unwrap_or_else(|| Err("there is no such file".to_owned())).map_err(unusable)?;
    let parsed = parse(&read, numbering).map_err(|problem| unusable(problem.to_string()))?;
    text::print(&match json {
        true => text::json_line(&Checked::of(&parsed)),
        false => summary(&parsed),
    })?;
    for problem in &parsed.problems {
        text::talk(&format!("error: {file}: {problem}"));
    }
    let sound = parsed.problems.is_empty();
    let understood = match explain {
        Some(events) => Explainer::new(parsed, json).explain(&events)?,
        None => true,
    };
    Ok(if sound && understood { Exit::Done } else { Exit::Usage })
}

/// What `--json` prints of the file.
#[derive(Serialize)]
struct Checked<'a> {
    format: String,
    rules: usize,
    disabled: usize,
    problems: &'a [RuleProblem],
    schema: u32,
}

impl<'a> Checked<'a> {
    fn of(Parsed { format, rules, problems }: &'a Parsed) -> Self {
        let (rules, disabled) = rules.count();
        Self { format: format.to_string(), rules, disabled, problems, schema: 1 }
    }
}

fn summary(parsed: &Parsed) -> String {
    let Checked { format, rules, disabled, problems, .. } = Checked::of(parsed);
    let wrong = problems.len();
    format!("{format} format; rules: {rules} sound ({disabled} disabled), {wrong} wrong\n")
}

/// What `--json` prints of an event.
#[derive(Serialize)]
struct Explained<'a> {
    event: &'a str,
    commander: Option<&'a str>,
    #[serde(flatten)]
    effect: &'a Effect,
    schema: u32,
}

struct Explainer {
    engine: Engine,
    reader: Reader,
    json: bool,
}

impl Explainer {
    fn new(Parsed { rules, .. }: Parsed, json: bool) -> Self {
        Self { engine: Engine::new(rules), reader: Reader::default(), json }
    }
    /// Was every line an event?
    fn explain(&mut self, events: &Path) -> Result<bool, Failure> {
        let unreadable =
            |e: io::Error| Failure::usage(format!("cannot read {}: {e}", events.display()));
        let from: &mut dyn BufRead = match events.as_os_str() == "-" {
            true => &mut io::stdin().lock(),
            false => &mut BufReader::new(File::open(events).map_err(unreadable)?),
        };
        self.lines(from, unreadable, events)
    }
    fn lines(
        &mut self,
        mut from: &mut dyn BufRead,
        unreadable: impl Fn(io::Error) -> Failure,
        events: &Path,
    ) -> Result<bool, Failure> {
        let mut understood = true;
        let mut number = 0;
        while let Some(line) = lines::next_line(&mut from).map_err(&unreadable)? {
            number += 1;
            if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
                continue;
            }
            match line.and_then(|line| self.reader.read(Source::Journal, &line)) {
                Ok(event) => self.show(event)?,
                Err(problem) => {
                    let file = events.display();
                    text::talk(&format!("error: {file}: line {number}: {problem}"));
                    understood = false;
                }
            }
        }
        Ok(understood)
    }
    fn show(&mut self, mut event: JournalEvent) -> Result<(), Failure> {
        if event.name == "Status" {
            event.source = Source::Dashboard;
        }
        let effect = self.engine.handle(&event);
        text::print(&match self.json {
            true => text::json_line(&Explained {
                event: &event.name,
                commander: event.commander.as_deref(),
                effect: &effect,
                schema: 1,
            }),
            false => told(&event.name, &effect),
        })
    }
}

fn told(event: &str, Effect { bits, changed, forced, asked, log: _ }: &Effect) -> String {
    let why = match (changed, forced) {
        (_, true) => " (sent: a session begins or ends)",
        (true, false) => " (changed)",
        (false, false) => "",
    };
    let mut said = format!("{}: {bits}{why}\n", text::plain(event));
    for Asked { rule, outcome, did } in asked {
        let outcome = match outcome {
            Outcome::Match => "match".to_owned(),
            Outcome::NoMatch => "no match".to_owned(),
            Outcome::Indeterminate { missing } => format!("indeterminate, {missing} is unknown"),
        };
        let did: String = did.iter().map(|action| format!(", {action}")).collect();
        let line = text::plain(&format!("{rule}: {outcome}{did}"));
        writeln!(said, "  {line}").expect("it has room");
    }
    said
}
