//! `wirelab proxy`: proxies as a process. Stdout tells what happened; stdin, and HTTP if wanted, say
//! what harm to do.
mod house;
mod order;
mod toxic;
mod toxiproxy;
mod web;

use std::{fs::File, io, path::Path, sync::Arc};

use net::{
    Env, Event, Net, Recorder, TcpOptions,
    proxy::fault::ABOUT,
    record::{Evidence, Header, Metrics, Written},
};

use crate::{
    args::ProxyArgs,
    config::proxy::{Carrying, First, carrying},
    exit::{Exit, Failure},
    http::KEPT,
    lines,
    signals::Signals,
    text,
    told::{Lost, Told},
};
use house::House;
use order::{Next, Order};
use web::{Seen, Web};

/// What the proxy is called that the command line describes.
const FIRST: &str = "proxy";

/// # Errors
/// The settings make no sense, a port is taken, or an output is not writable.
pub(crate) fn run(args: ProxyArgs) -> Result<Exit, Failure> {
    if args.list_faults {
        let list = ABOUT.iter().map(|about| format!("{:<46} {}\n", about.example, about.does));
        return text::print(&list.collect::<String>()).map(|()| Exit::Done);
    }
    crate::block_on(carry(carrying(args)?))
}

/// Carries until told to stop.
///
/// # Errors
/// A port is taken, or an output is not writable.
pub(crate) async fn carry(what: Carrying) -> Result<Exit, Failure> {
    let Carrying { first, seed, http_port, api, evidence, raw, show_secrets } = what;
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let asked_for = http_port.is_some() || api.is_some();
    let recorder = Recorder::new(if asked_for { KEPT } else { 0 });
    let env = Env::new(Net::Tcp(TcpOptions::default()), recorder.clone(), seed);
    let env = if show_secrets { env.showing_secrets() } else { env };
    let written =
        evidence.map(|path| write_down(&path, &env).map(|written| (written, path))).transpose()?;
    let lost = Arc::new(Lost::default());
    recorder.attach(Told { out: io::stdout(), raw, is_told, lost: lost.clone() });
    let metrics = Metrics::for_proxy();
    recorder.attach(metrics.clone());
    let web = Web::start(http_port, api)?;
    let mut house = House::new(env.clone());
    if let Some(first) = first {
        open(&mut house, first)?;
    }
    let seen = Seen { recorder, metrics };
    let ended = tokio::select! {
        biased;
        () = signals.stop() => Ok(()),
        () = lost.noticed.notified() => Err(lost.failure()),
        ended = obey(&mut house, web, &seen) => ended,
    };
    house.stop().await;
    env.record(Event::Ended { tasks_left: 0 });
    if let Some((written, path)) = written {
        let name = path.display().to_string();
        written.check().map_err(|e| text::unwritable(&name, &e))?;
    }
    ended.map(|()| Exit::Done)
}

fn open(house: &mut House, first: First) -> Result<(), Failure> {
    let First { listen, to, target, speech, tls, faults } = first;
    if speech.is_none() && (tls.listening.is_some() || tls.dialling.is_some()) {
        text::talk(
            "warning: what was encrypted is written down as it is; --protocol covers its secrets",
        );
    }
    let unable = |refusal: house::Refusal| {
        Failure::environment(format!("{}, or choose another --listen", refusal.problem))
    };
    let kept = house.add(FIRST, listen, &to, target, speech, tls).map_err(unable)?;
    for rule in faults {
        let text = rule.to_string();
        kept.arm(rule).map_err(|e| Failure::usage(format!("--fault {text}: {}", e.problem)))?;
    }
    kept.switch_on().map_err(unable)
}

/// Begins an evidence file.
///
/// # Errors
/// It is not writable.
pub(crate) fn write_down(path: &Path, env: &Env) -> Result<Written, Failure> {
    let file = File::create(path);
    let file = file.map_err(|e| text::unwritable(&path.display().to_string(), &e))?;
    let header = Header {
        wirelab_evidence: Header::FORMAT,
        scenario: None,
        seed: env.seed,
        world: "tcp".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        commit: option_env!("WIRELAB_COMMIT").map(Into::into),
        started: env.started(),
    };
    // Line by line, so that whatever ends us, what happened before is there.
    let evidence = Evidence::new(file, &header);
    let written = evidence.written();
    env.recorder.attach(evidence);
    Ok(written)
}

/// Does what stdin and HTTP say, one thing at a time, until stdin says `quit`. At the end of stdin the
/// proxies go on.
async fn obey(house: &mut House, mut web: Web, seen: &Seen) -> Result<(), Failure> {
    let mut lines = lines::read(io::stdin());
    let mut typing = true;
    loop {
        tokio::select! {
            biased;
            line = lines.recv(), if typing => match line {
                None => typing = false,
                Some(line) => match line.and_then(|line| Order::read(&line)) {
                    Ok(order) => if order.obey(house)? == Next::Quit { return Ok(()) },
                    Err(problem) => text::talk(&format!("error: {problem}")),
                },
            },
            asked = web.asked() => {
                let reply = web::answer(house, seen, &asked).await;
                // Whoever asked may not wait for the answer any more.
                let _ = asked.answer.send(reply);
            }
        }
    }
}

fn is_told(event: &Event, raw: bool) -> bool {
    match event {
        Event::Listening { .. }
        | Event::Deaf
        | Event::ListenFailed { .. }
        | Event::Connecting { .. }
        | Event::ConnectFailed { .. }
        | Event::Opened { .. }
        | Event::Joined { .. }
        | Event::Fact { .. }
        | Event::Eof { .. }
        | Event::Closed { .. }
        | Event::Armed { .. }
        | Event::Struck { .. }
        | Event::Lifted { .. } => true,
        Event::Sent { .. } | Event::Received { .. } => raw,
        Event::Submitted { .. }
        | Event::Attempt { .. }
        | Event::Frame { .. }
        | Event::Ready { .. }
        | Event::Push { .. }
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
        | Event::Ended { .. } => false,
    }
}
