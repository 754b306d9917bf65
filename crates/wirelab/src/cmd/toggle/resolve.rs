//! From a name to addresses. A name that leads nowhere is a command that failed, and is recorded as one.
use std::net::SocketAddr;

use net::{Env, Event, Tickets, group::Lost, record::End};
use proto::{Stage, Time, toggle::Toggle};

use crate::config::Way;

/// The addresses of the host, unless the deadline passes first.
pub(crate) async fn resolve(way: &Way, env: &Env) -> Result<Vec<SocketAddr>, Lost> {
    let host = way.host.as_str();
    let too_late = async {
        match way.deadline() {
            Some(deadline) => env.sleep_until(env.now() + deadline).await,
            None => std::future::pending().await,
        }
    };
    let found = tokio::select! {
        biased;
        found = tokio::net::lookup_host((host, way.port)) => found,
        () = too_late => {
            let detail = format!("the deadline passed before the name {host} was resolved");
            return Err(Lost { stage: Stage::Deadline, detail });
        }
    };
    let why = match found.map(Vec::from_iter) {
        Ok(addrs) if !addrs.is_empty() => return Ok(addrs),
        Ok(_) => "it has no address".to_owned(),
        Err(e) => e.to_string(),
    };
    let detail = format!("cannot resolve the name {host}: {why}");
    Err(Lost { stage: Stage::Unreachable, detail })
}

/// Writes it down as the client would have done.
pub(crate) fn record(env: &Env, command: &Toggle, lost: &Lost, began: Time) {
    let Lost { stage, detail } = lost;
    let (stage, detail) = (*stage, detail.clone());
    let ticket = Tickets::of(env).draw();
    let device_id = Some(command.device_id().clone());
    env.record(Event::Submitted { ticket, device_id });
    env.record(Event::Attempt { ticket, attempt: 1 });
    let retry_in_us = None;
    let failed = detail.clone();
    env.record(Event::AttemptFailed { ticket, attempt: 1, stage, detail: failed, retry_in_us });
    let elapsed_us = (env.now() - began).as_micros() as u64;
    let end = End::Failed { stage, detail };
    env.record(Event::Done { ticket, end, attempts: 1, elapsed_us });
}
