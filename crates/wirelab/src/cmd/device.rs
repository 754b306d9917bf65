//! `wirelab device`: a device as a process. Stdout tells what it saw, stdin tells it what to do.
use std::{io, io::Write, sync::Arc};

use lab::registry::{AnyHost, AnyProtocol};
use net::{Env, Event, Net, Record, Recorder, Role, Sink, TcpOptions, record::Metrics};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Notify;

use crate::{
    args::DeviceArgs,
    config::{self, Playing},
    exit::{Exit, Failure},
    http::Exporter,
    lines,
    signals::Signals,
    text,
};

const HELP: &str =
    "mode MODE [TIME] | next N MODE [TIME] | reject-next N | tell WORDS | show | help | quit";

/// # Errors
/// The settings make no sense, a port is taken, or the output is not writable.
pub(crate) fn run(args: DeviceArgs) -> Result<Exit, Failure> {
    crate::block_on(play(config::playing(args)?))
}

async fn play(playing: Playing) -> Result<Exit, Failure> {
    let Playing { protocol, device, addr, quirks, metrics_port, raw } = playing;
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let recorder = Recorder::new(0);
    let lost = Arc::new(Lost::default());
    recorder.attach(Told { out: io::stdout(), raw, lost: lost.clone() });
    let _exporter = metrics_port.map(|port| export(port, &recorder)).transpose()?;
    for quirk in quirks {
        device.misbehave(&quirk)?;
    }
    let env = Env::new(Net::Tcp(TcpOptions::default()), recorder, 0);
    let host = device.plug_in(env.node("device", Role::Device), addr).map_err(|e| {
        Failure::environment(format!(
            "cannot listen on {addr}: {e}; see who does (ss -ltnp), or choose another --port (0 is any)"
        ))
    })?;
    let ended = tokio::select! {
        biased;
        () = signals.stop() => Ok(Exit::Done),
        () = lost.noticed.notified() => Err(lost.failure()),
        ended = obey(protocol, &*host) => ended,
    };
    host.stop().await;
    ended
}

fn export(port: u16, recorder: &Recorder) -> Result<Exporter, Failure> {
    let metrics = Metrics::for_device();
    recorder.attach(metrics.clone());
    Exporter::told(port, metrics)
}

/// Does what stdin says, until it says `quit`. At its end the device goes on.
async fn obey(protocol: &dyn AnyProtocol, host: &dyn AnyHost) -> Result<Exit, Failure> {
    let mut lines = lines::read(io::stdin());
    while let Some(line) = lines.recv().await {
        let told = match line.and_then(|line| Order::read(&line)) {
            Ok(Order::Nothing) => continue,
            Ok(Order::Quit) => return Ok(Exit::Done),
            Ok(Order::Help) => Ok(HELP.to_owned()),
            Ok(Order::Show) => {
                text::print(&text::json_line(&Shown {
                    event: "snapshot",
                    memory: host.snapshot(),
                }))?;
                continue;
            }
            Ok(Order::Tell(words)) => match host.prompt(Value::String(words.clone())) {
                Ok(()) => Ok(format!("ok: {words}")),
                Err(e) => Err(e.problem),
            },
            Ok(Order::Misbehave(quirk)) => match protocol.check_quirk(&quirk) {
                Ok(()) => host.misbehave(&quirk).await.map(|()| format!("ok: {quirk}")),
                Err(e) => Err(e),
            }
            .map_err(|e| e.problem),
            Err(problem) => Err(problem),
        };
        text::talk(&told.unwrap_or_else(|problem| format!("error: {problem}")));
    }
    std::future::pending().await
}

/// A line on stdin.
#[derive(Debug, PartialEq)]
enum Order {
    Nothing,
    Misbehave(String),
    Tell(String),
    Show,
    Help,
    Quit,
}

impl Order {
    fn read(line: &str) -> Result<Self, String> {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [] => Ok(Self::Nothing),
            ["mode", ref mode @ ..] if !mode.is_empty() => Ok(Self::Misbehave(mode.join(" "))),
            ["next", times, ref mode @ ..] if !mode.is_empty() => few(times, &mode.join(" ")),
            ["reject-next", times] => few(times, "reject"),
            ["tell", ref words @ ..] if !words.is_empty() => Ok(Self::Tell(words.join(" "))),
            ["show"] => Ok(Self::Show),
            ["help"] => Ok(Self::Help),
            ["quit"] => Ok(Self::Quit),
            _ => Err(format!("`{line}` is no order; there are: {HELP}")),
        }
    }
}

fn few(times: &str, mode: &str) -> Result<Order, String> {
    match times.parse::<u32>() {
        Ok(times) if times > 0 => Ok(Order::Misbehave(format!("{mode} x{times}"))),
        _ => Err(format!("`{times}` is no number of times; write for instance next 3 {mode}")),
    }
}

/// What it remembers.
#[derive(Serialize)]
struct Shown {
    event: &'static str,
    #[serde(flatten)]
    memory: Value,
}

/// Prints the records that tell what the device saw.
struct Told<W> {
    out: W,
    raw: bool,
    lost: Arc<Lost>,
}

/// The output, when nothing can be written to it any more.
#[derive(Default)]
struct Lost {
    why: std::sync::OnceLock<io::Error>,
    noticed: Notify,
}

impl Lost {
    fn failure(&self) -> Failure {
        self.why.get().map_or(Failure::Unheard, |e| text::unwritable("to stdout", e))
    }
}

impl<W: Write + Send> Sink for Told<W> {
    fn take(&mut self, record: &Record) {
        if self.lost.why.get().is_some() || !is_told(&record.event, self.raw) {
            return;
        }
        let line = text::json_line(record);
        if let Err(e) = self.out.write_all(line.as_bytes()).and_then(|()| self.out.flush()) {
            self.lost.why.get_or_init(|| e);
            self.lost.noticed.notify_one();
        }
    }
}

fn is_told(event: &Event, raw: bool) -> bool {
    match event {
        Event::Listening { .. }
        | Event::Deaf
        | Event::Opened { .. }
        | Event::Frame { .. }
        | Event::Fact { .. }
        | Event::Closed { .. } => true,
        Event::Sent { .. } | Event::Received { .. } => raw,
        Event::Submitted { .. }
        | Event::Attempt { .. }
        | Event::Connecting { .. }
        | Event::ConnectFailed { .. }
        | Event::Ready { .. }
        | Event::Push { .. }
        | Event::Eof { .. }
        | Event::AttemptFailed { .. }
        | Event::Done { .. }
        | Event::Proved { .. }
        | Event::Lost { .. }
        | Event::Resent { .. }
        | Event::Breaker { .. }
        | Event::Told { .. }
        | Event::Step { .. }
        | Event::StepFailed { .. }
        | Event::Armed { .. }
        | Event::Ended { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_read_as_people_type_them() {
        let quirk = |text: &str| Ok(Order::Misbehave(text.into()));
        assert_eq!(Order::read(" mode  delay 2 "), quirk("delay 2"));
        assert_eq!(Order::read("next 3 timeout"), quirk("timeout x3"));
        assert_eq!(Order::read("next 1 delay 200ms"), quirk("delay 200ms x1"));
        assert_eq!(Order::read("reject-next 2"), quirk("reject x2"));
        assert_eq!(Order::read(""), Ok(Order::Nothing));
        for wrong in ["mode", "next", "next 3", "next x reject", "reject-next 0", "show me", "off"]
        {
            assert!(Order::read(wrong).is_err(), "{wrong}");
        }
    }
}
