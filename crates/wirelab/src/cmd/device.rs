//! `wirelab device`: a device as a process. Stdout tells what it saw; stdin, and HTTP if wanted, tell
//! it what to do.
mod announce;
mod control;
mod fleet;
mod order;

use std::{io, net::SocketAddr, sync::Arc};

use lab::registry::{AnyDevice, AnyHost, AnyProtocol};
use net::{Env, Event, Net, Recorder, Role, TcpOptions, record::Metrics};

use crate::{
    args::DeviceArgs,
    config::{self, Playing},
    exit::{Exit, Failure},
    http::{Exporter, KEPT},
    lines,
    signals::Signals,
    text,
    told::{Lost, Told},
};
use announce::Announcer;
use control::{Asked, Control};
use fleet::Fleet;
use order::{Done, Order};

/// # Errors
/// The settings make no sense, a port is taken, or the output is not writable.
pub(crate) fn run(args: DeviceArgs) -> Result<Exit, Failure> {
    crate::block_on(play(config::playing(args)?))
}

async fn play(playing: Playing) -> Result<Exit, Failure> {
    let Playing {
        protocol,
        devices,
        addr,
        quirks,
        metrics_port,
        http_port,
        announce,
        raw,
        show_secrets,
        tls,
    } = playing;
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let recorder = Recorder::new(if http_port.is_some() { KEPT } else { 0 });
    let lost = Arc::new(Lost::default());
    recorder.attach(Told { out: io::stdout(), raw, is_told, lost: lost.clone() });
    let _exporter = metrics_port.map(|port| export(port, &recorder)).transpose()?;
    for quirk in quirks {
        devices.iter().try_for_each(|device| device.misbehave(&quirk))?;
    }
    let env = Env::new(Net::Tcp(TcpOptions::default()), recorder.clone(), 0);
    let mut env = if show_secrets { env.showing_secrets() } else { env };
    env.tls.dialling = tls;
    let host = plug_in(&env, devices, addr).map_err(|e| {
        Failure::environment(format!(
            "cannot listen on {addr}: {e}; see who does (ss -ltnp), or choose another --port (0 is any)"
        ))
    })?;
    let mut announcer = match announce {
        true => Some(Announcer::start(env.node("device", Role::Device), &*host)?),
        false => None,
    };
    let control = http_port.map(|port| Control::start(port, recorder)).transpose()?;
    let ended = tokio::select! {
        biased;
        () = signals.stop() => Ok(Exit::Done),
        () = lost.noticed.notified() => Err(lost.failure()),
        ended = obey(protocol, &*host, control, &mut announcer) => ended,
    };
    host.stop().await;
    if let Some(announcer) = announcer {
        announcer.stop().await;
    }
    ended
}

/// One device as itself, several as a fleet.
fn plug_in(
    env: &Env,
    devices: Vec<Box<dyn AnyDevice>>,
    addr: SocketAddr,
) -> io::Result<Box<dyn AnyHost>> {
    match &devices[..] {
        [only] => only.plug_in(env.node("device", Role::Device), addr),
        _ => Ok(Box::new(Fleet::plug_in(env, &devices, addr)?)),
    }
}

fn export(port: u16, recorder: &Recorder) -> Result<Exporter, Failure> {
    let metrics = Metrics::for_device();
    recorder.attach(metrics.clone());
    Exporter::told(port, metrics)
}

/// Does what stdin and HTTP say, one order at a time, until stdin says `quit`. At the end of stdin the
/// device goes on.
async fn obey(
    protocol: &dyn AnyProtocol,
    host: &dyn AnyHost,
    mut control: Option<Control>,
    announcer: &mut Option<Announcer>,
) -> Result<Exit, Failure> {
    let mut lines = lines::read(io::stdin());
    let mut typing = true;
    loop {
        tokio::select! {
            biased;
            line = lines.recv(), if typing => {
                let Some(line) = line else {
                    typing = false;
                    continue;
                };
                let done = match line.and_then(|line| Order::read(&line)) {
                    Ok(order) => order.obey(protocol, host).await,
                    Err(problem) => Err(problem),
                };
                if let Some(announcer) = announcer {
                    announcer.follow(host)?;
                }
                if let Some(exit) = told(done)? {
                    return Ok(exit);
                }
            }
            Some(Asked { order, answer }) = asked(&mut control) => {
                let done = order.obey(protocol, host).await;
                if let Some(announcer) = announcer {
                    announcer.follow(host)?;
                }
                // Whoever asked may not wait for the answer any more.
                let _ = answer.send(done);
            }
        }
    }
}

async fn asked(control: &mut Option<Control>) -> Option<Asked> {
    match control {
        Some(control) => control.asked().await,
        None => std::future::pending().await,
    }
}

/// Says what came of a line of stdin, and whether that was the end.
fn told(done: Result<Done, String>) -> Result<Option<Exit>, Failure> {
    match done {
        Ok(Done::Nothing) => {}
        Ok(Done::Did(what)) => text::talk(&format!("ok: {what}")),
        Ok(Done::Memory(memory)) => text::print(&text::json_line(&memory))?,
        Ok(Done::Modes(modes)) => text::print(&text::json_line(&modes))?,
        Ok(Done::Help(help)) => text::talk(help),
        Ok(Done::Quit) => return Ok(Some(Exit::Done)),
        Err(problem) => text::talk(&format!("error: {problem}")),
    }
    Ok(None)
}

fn is_told(event: &Event, raw: bool) -> bool {
    match event {
        Event::Listening { .. }
        | Event::Deaf
        | Event::ListenFailed { .. }
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
        | Event::Reached { .. }
        | Event::Pulse { .. }
        | Event::Intake { .. }
        | Event::Resent { .. }
        | Event::Breaker { .. }
        | Event::Told { .. }
        | Event::Step { .. }
        | Event::StepFailed { .. }
        | Event::Armed { .. }
        | Event::Joined { .. }
        | Event::Struck { .. }
        | Event::Lifted { .. }
        | Event::Ended { .. } => false,
    }
}
