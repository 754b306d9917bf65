//! The bridges, as a program of their own: started, asked and ended. What they did, their own records say.
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context;
use serde_json::Value;

use super::{
    Plan,
    audit::{Applied, Journal},
};
use crate::args::Pace;

/// How long they may take to say what they are like.
const PATIENCE: Duration = Duration::from_secs(60);

/// `wirelab device cync --devices N`. Killed when it is dropped.
pub(super) struct Bridges {
    child: Child,
    orders: ChildStdin,
    snapshots: Receiver<Value>,
    reader: Option<JoinHandle<Journal>>,
}

/// The id of the nth bridge, from 1: the first one's, and those that follow.
pub(super) fn id(n: u32) -> String {
    format!("{n:08x}")
}

impl Bridges {
    /// Starts so many, to dial `addr`.
    pub(super) fn start(addr: SocketAddr, count: u32, plan: &Plan) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["device", "cync", "--to", &addr.to_string()]);
        command.args(["--devices", &count.to_string(), "--set", &format!("seed={}", plan.seed)]);
        command.args(match plan.pace {
            Pace::Steady => ["--set", "pace=steady", "--set", "latency=30ms"],
            Pace::Home => ["--set", "pace=home", "--set", "latency=86ms"],
        });
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("this program cannot be started again")?;
        let orders = child.stdin.take().expect("it is piped");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (tell, snapshots) = mpsc::channel();
        let reader = Some(thread::spawn(move || read(out, &tell)));
        Ok(Self { child, orders, snapshots, reader })
    }
    /// The number of the process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
    /// What each says its lamp is like, in the journal's words.
    pub(super) fn lamps(&mut self) -> anyhow::Result<BTreeMap<String, String>> {
        writeln!(self.orders, "show")?;
        let all = self.snapshots.recv_timeout(PATIENCE).context("the bridges do not answer")?;
        // One alone is not called anything.
        let (one, none) = (all.get("lamps").is_some(), serde_json::Map::new());
        let devices = all.get("devices").and_then(Value::as_object).unwrap_or(&none);
        let each = devices.iter().map(|(name, memory)| (bridge(name), memory));
        let each = each.chain(one.then(|| (id(1), &all)));
        each.map(|(bridge, memory)| Ok((bridge, colour(memory).context("a bridge has a lamp")?)))
            .collect()
    }
    /// Ends them. What they did.
    pub(super) fn end(mut self) -> anyhow::Result<Journal> {
        writeln!(self.orders, "quit")?;
        let ended = self.child.wait()?;
        anyhow::ensure!(ended.success(), "the bridges ended with {ended}");
        let reader = self.reader.take().expect("it is joined once");
        Ok(reader.join().expect("reading does not panic"))
    }
}

impl Drop for Bridges {
    fn drop(&mut self) {
        // It has ended already, or it ends now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads all they say, to the end, and keeps what they did.
fn read(out: impl BufRead, snapshots: &Sender<Value>) -> Journal {
    let mut journal = Journal::new();
    for line in out.lines().map_while(Result::ok) {
        // There are thousands of lines that are about neither.
        if !line.contains("\"applied\"") {
            continue;
        }
        let Ok(told) = serde_json::from_str::<Value>(&line) else { continue };
        if told["event"] == "snapshot" {
            // Nobody waiting is the end of the program.
            let _ = snapshots.send(told);
        } else if told["fact"] == "applied" {
            let word = |key: &str| told[key].as_str().unwrap_or_default();
            journal.push(Applied { bridge: bridge(word("node")), what: word("state").to_owned() });
        }
    }
    journal
}

/// The id of the bridge that the record calls so: `device-3`; or `device`, if it is alone.
fn bridge(name: &str) -> String {
    let number = name.strip_prefix("device-").and_then(|n| n.parse().ok());
    id(number.unwrap_or(1))
}

/// The colour of the one lamp of a bridge.
fn colour(memory: &Value) -> Option<String> {
    let lamp = memory.get("lamps")?.as_object()?.values().next()?;
    let [r, g, b]: [u8; 3] = serde_json::from_value(lamp.get("rgb")?.clone()).ok()?;
    Some(format!("#{r:02x}{g:02x}{b:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_that_bridges_say_what_they_did_is_kept() {
        let said = concat!(
            r##"{"event":"fact","node":"device-254","fact":"applied","device_id":"254","state":"#000007"}"##,
            "\n",
            r##"{"event":"frame","node":"device-254","kind":"colour"}"##,
            "\n",
            r##"{"event":"snapshot","devices":{"device-1":{"applied":1,"lamps":{"1":{"rgb":[0,1,255]}}}}}"##,
            "\nno JSON: \"applied\"\n",
        );
        let (tell, told) = mpsc::channel();
        let journal = read(said.as_bytes(), &tell);
        assert_eq!(journal, [Applied { bridge: "000000fe".into(), what: "#000007".into() }]);
        let memory = &told.try_recv().unwrap()["devices"]["device-1"];
        assert_eq!(colour(memory).as_deref(), Some("#0001ff"));
        assert_eq!((bridge("device"), bridge("device-1000")), (id(1), "000003e8".into()));
    }
}
