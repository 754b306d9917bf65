//! `wirelab cync serve`: the controller as a program. It listens, hears orders, and ends when told to.
use std::time::Duration;

use jiff::tz::TimeZone;
use net::{Env, Lobby, Net, Recorder, Role, TcpOptions, lobby::News, record::Metrics};
use proto::{
    Policy, Protocol, RawPolicy, Span, Stage, Supervisor,
    cync::{Cync, Settings},
};

use super::{floor::Floor, pulse::Pulse, tell::Line};
use crate::{
    args::{ServeArgs, SocketArg},
    cmd::proxy::write_down,
    config, descriptors,
    exit::{Exit, Failure},
    http::Exporter,
    local::{self, Ear},
    signals::Signals,
    text,
};

/// How long a bridge may take to begin encrypting.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// # Errors
/// A setting makes no sense, a port or the socket is taken, or an output is not writable.
pub(super) async fn serve(args: ServeArgs) -> Result<Exit, Failure> {
    let ServeArgs {
        listen,
        socket: SocketArg { socket },
        recv_timeout,
        timeout,
        max_attempts,
        utc_offset,
        tls,
        cert,
        key,
        cert_out,
        escape,
        metrics_port,
        evidence,
        show_secrets,
    } = args;
    let socket = socket.map_or_else(|| local::default_path("cync"), Ok)?;
    descriptors::make_all_room();
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let net = Net::Tcp(TcpOptions::default());
    let env = Env::new(net, Recorder::new(0), config::entropy()?);
    let mut env = if show_secrets { env.showing_secrets() } else { env };
    env.tls.listening = match (tls, cert.zip(key)) {
        (false, _) => None,
        (true, Some((cert, key))) => Some(config::tls::read(&cert, &key)?),
        // With the name that a cloud's has.
        (true, None) => Some(config::tls::made(&["*.xlink.cn"], cert_out.as_deref())?),
    };
    let settings = Settings {
        started: Some(env.started().as_second()),
        utc_offset: utc_offset.unwrap_or_else(|| here(&env)),
        escape,
        ..Settings::default()
    };
    let cync = Cync::new(settings.clone())?;
    // A connection that is lost does not come back to this client: its bridge dials anew. So what is still
    // to come before the login is TLS.
    let policy = Policy::new::<Cync>(RawPolicy {
        connect_timeout: Span(HANDSHAKE),
        recv_timeout,
        timeout: timeout.into(),
        max_attempts,
        retry_on: vec![Stage::ReceiveTimeout],
        ..cync.policy()
    })?;
    let written =
        evidence.map(|path| write_down(&path, &env).map(|written| (written, path))).transpose()?;
    let _exporter = metrics_port.map(|port| export(port, &env.recorder)).transpose()?;
    let env = env.node("controller", Role::Client);
    let (pulse, mut logged_in) = Pulse::listen(&env.recorder);
    let mut ear = Ear::open(&socket).map_err(|e| {
        let at = socket.display();
        Failure::environment(format!("cannot hear orders at {at}: {e}; choose another --socket"))
    })?;
    // A controller of its own for each bridge: their sequences have nothing to do with each other.
    let make = move |env: &Env| {
        let cync = Cync::new(settings.clone()).expect("it was checked");
        Supervisor::new(cync, policy.clone(), env.seed)
    };
    let mut lobby = Lobby::open(&env, listen, make).map_err(|e| {
        Failure::environment(format!(
            "cannot listen on {listen}: {e}; see who does (ss -ltnp), or choose another --listen (port 0 is any)"
        ))
    })?;
    let (mut floor, mut heard) = Floor::new(env.clone(), pulse);
    let socket = socket.display().to_string();
    let mut ended = floor.tell(&Line::Listening { addr: lobby.addr(), socket });
    while ended.is_ok() {
        ended = tokio::select! {
            biased;
            () = signals.stop() => break,
            Some(login) = logged_in.recv() => floor.join(&login),
            Some(heard) = heard.recv() => floor.hear(heard),
            news = lobby.next() => match news {
                News::Came(guest) => {
                    floor.admit(guest).await;
                    Ok(())
                }
                News::Left { name, reason } => floor.leave(&name, &reason),
            },
            call = ear.next() => {
                floor.obey(call);
                Ok(())
            }
        };
    }
    drop(lobby);
    floor.close().await;
    ear.close().await;
    env.record(net::Event::Ended { tasks_left: 0 });
    if let Some((written, path)) = written {
        let name = path.display().to_string();
        written.check().map_err(|e| text::unwritable(&name, &e))?;
    }
    ended.map(|()| Exit::Done)
}

fn export(port: u16, recorder: &Recorder) -> Result<Exporter, Failure> {
    let metrics = Metrics::new();
    recorder.attach(metrics.clone());
    Exporter::told(port, metrics)
}

/// Minutes that the time here is ahead of UTC.
fn here(env: &Env) -> i16 {
    let seconds = TimeZone::system().to_offset(env.started()).seconds();
    i16::try_from(seconds / 60).unwrap_or(0)
}
