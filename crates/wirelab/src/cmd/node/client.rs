//! `wirelab node peers`, `send` and `alert`: orders to a node that runs.
use std::path::PathBuf;

use net::env::Stopwatch;
use proto::{Span, tazcom::MessageId};
use serde::Deserialize;
use serde_json::json;

use super::{desk, key};
use crate::{
    args::{AlertArgs, OutcomeArgs, PeersArgs, SendArgs, WhereArgs},
    exit::{Exit, Failure},
    local::ask,
    text,
};

/// # Errors
/// No node runs there, or the output is not writable.
pub(super) fn peers(args: PeersArgs) -> Result<Exit, Failure> {
    let PeersArgs { at, json } = args;
    let line = ask(&socket(at)?, "peers")?.one()?;
    match json {
        true => text::print(&format!("{line}\n"))?,
        false => text::print(&table(&understood::<Peers>(&line)?))?,
    }
    Ok(Exit::Done)
}

/// # Errors
/// No node runs there, it refuses, nobody has it in time, or the output is not writable.
pub(super) fn send(args: SendArgs) -> Result<Exit, Failure> {
    let SendArgs { text, channel, to, outcome } = args;
    let order = match to {
        Some(to) => json!({ "say": text, "channel": channel, "to": to }),
        None => json!({ "say": text, "channel": channel }),
    };
    say(&order, outcome, |spread| spread.given > 0)
}

/// # Errors
/// No node runs there, it refuses, nobody has it in time, or the output is not writable.
pub(super) fn alert(args: AlertArgs) -> Result<Exit, Failure> {
    let AlertArgs { text, need, progress, state, outcome } = args;
    match (text, progress, state) {
        (Some(text), None, None) => {
            let order = json!({ "alert": text, "need": need });
            say(&order, outcome, |spread| spread.seen() > 0)
        }
        (None, Some(alert), Some(state)) => {
            let order = json!({ "progress": alert, "state": state });
            say(&order, outcome, |spread| spread.given > 0)
        }
        (..) => Err(Failure::usage("alert: give a text, or --progress with --state")),
    }
}

/// Has the node say something, and waits until that is enough, if that is wanted.
fn say(
    order: &serde_json::Value,
    outcome: OutcomeArgs,
    is_enough: fn(&Spread) -> bool,
) -> Result<Exit, Failure> {
    let OutcomeArgs { at, wait, json } = outcome;
    let path = socket(at)?;
    let since = Stopwatch::start();
    let line = ask(&path, &order.to_string())?.one()?;
    let Said { id, given } = understood(&line)?;
    match json {
        true => text::print(&format!("{line}\n"))?,
        false => text::print(&format!("said as {id}; {}\n", sent(given)))?,
    }
    let Some(Span(wait)) = wait else { return Ok(Exit::Done) };
    let mut lines = ask(&path, &json!({ "follow": id }).to_string())?;
    loop {
        let left = wait.saturating_sub(since.elapsed());
        lines = lines.within(Some(left));
        let Some(line) = lines.next() else {
            let problem = "the node forgot it, or ended";
            return Err(Failure::Told { exit: Exit::Failed, problem: problem.into() });
        };
        let line = match line {
            Err(Failure::Told { exit: Exit::Deadline, .. }) => return Err(in_vain(wait)),
            line => line?,
        };
        let spread: Spread = understood(&line)?;
        if is_enough(&spread) {
            match json {
                true => text::print(&format!("{line}\n"))?,
                false => text::print(&format!("{}\n", spread.words()))?,
            }
            return Ok(Exit::Done);
        }
        if since.elapsed() >= wait {
            return Err(in_vain(wait));
        }
    }
}

fn in_vain(wait: std::time::Duration) -> Failure {
    let problem = format!("nobody had it within {}; the node goes on trying", Span(wait));
    Failure::Told { exit: Exit::Deadline, problem }
}

/// Where the node listens.
fn socket(WhereArgs { key, socket }: WhereArgs) -> Result<PathBuf, Failure> {
    match socket {
        Some(socket) => Ok(socket),
        None => key::main_path(key).map(|key| desk::beside(&key)),
    }
}

fn understood<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, Failure> {
    serde_json::from_str(line).map_err(|e| {
        let problem = format!("the answer is none ({e}); is the node of another version?");
        Failure::environment(problem)
    })
}

#[derive(Deserialize)]
struct Said {
    id: MessageId,
    given: usize,
}

#[derive(Deserialize)]
struct Spread {
    given: usize,
    alert: Option<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    state: String,
    seen: Vec<String>,
}

impl Spread {
    fn seen(&self) -> usize {
        self.alert.as_ref().map_or(0, |alert| alert.seen.len())
    }
    fn words(&self) -> String {
        match &self.alert {
            Some(alert) => format!("{}, seen by {}", text::plain(&alert.state), self.seen()),
            None => sent(self.given),
        }
    }
}

fn sent(given: usize) -> String {
    match given {
        0 => "sent to nobody yet".into(),
        1 => "sent to 1 peer".into(),
        more => format!("sent to {more} peers"),
    }
}

#[derive(Deserialize)]
struct Peers {
    peers: Vec<Peer>,
}

#[derive(Deserialize)]
struct Peer {
    id: Option<String>,
    name: Option<String>,
    version: Option<String>,
    addr: String,
    verified: bool,
    there: bool,
    linked: bool,
}

fn table(Peers { peers }: &Peers) -> String {
    let mut rows = vec![["PROOF", "STATE", "VERSION", "ID", "ADDRESS", "NAME"].map(str::to_owned)];
    rows.extend(peers.iter().map(|peer| {
        let proof = if peer.verified { "verified" } else { "unverified" };
        let state = match (peer.linked, peer.there) {
            (true, _) => "linked",
            (false, true) => "there",
            (false, false) => "offline",
        };
        let or_none = |text: &Option<String>| text.as_deref().map_or("-".into(), text::plain);
        let (proof, state) = (proof.to_owned(), state.to_owned());
        // It called us from there, and nobody said where it listens.
        let addr = match peer.addr.strip_suffix(":0") {
            Some(from) => format!("from {}", text::plain(from)),
            None => text::plain(&peer.addr),
        };
        [proof, state, or_none(&peer.version), or_none(&peer.id), addr, or_none(&peer.name)]
    }));
    let widths: [usize; 6] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_a_table_in_which_names_are_text() {
        let peer = |id: Option<&str>, name: Option<&str>, linked, there, verified| Peer {
            id: id.map(Into::into),
            name: name.map(Into::into),
            version: None,
            addr: "127.0.0.1:1".into(),
            verified,
            there,
            linked,
        };
        let peers = Peers {
            peers: vec![
                peer(Some("kV9b"), Some("a\x1b[2J"), true, true, true),
                peer(None, None, false, false, false),
                peer(Some("mlc3"), None, false, true, false),
            ],
        };
        assert_eq!(
            table(&peers),
            "PROOF       STATE    VERSION  ID    ADDRESS      NAME\n\
             verified    linked   -        kV9b  127.0.0.1:1  a\\u{1b}[2J\n\
             unverified  offline  -        -     127.0.0.1:1  -\n\
             unverified  there    -        mlc3  127.0.0.1:1  -\n"
        );
    }
}
