//! What all of `wirelab hsms` does with where and how: looks it up, dials or listens, and says what is
//! worth telling.
use std::net::SocketAddr;

use net::{Client, Door, Env, Event, Net, Record, Recorder, Role, TcpOptions, Way};
use proto::{
    Fact, Policy, Protocol, Supervisor, hsms::Hsms, resilience::BreakerEvent,
    resilience::QueueEvent,
};

use crate::{
    config::{self, Hosting},
    exit::Failure,
    text,
};

impl Hosting {
    /// Surroundings with real sockets; a person at the terminal is told what becomes of the link.
    pub(super) fn surroundings(&self) -> Result<Env, Failure> {
        let env = Env::new(Net::Tcp(TcpOptions::default()), Recorder::new(0), config::entropy()?);
        let json = self.json;
        env.recorder.attach(move |record: &Record| {
            match &record.event {
                // A program that waits for a port to be chosen reads it here.
                Event::Listening { addr } if json => {
                    let line = serde_json::json!({ "listening": addr, "schema": 1 });
                    // If nobody reads, what is printed next says so.
                    let _ = text::print(&text::json_line(&line));
                }
                _ if !json => tell(record),
                _ => {}
            }
        });
        Ok(env.node("host", Role::Client))
    }

    pub(super) fn supervisor(&self, env: &Env) -> Supervisor<Hsms> {
        let policy = Policy::new::<Hsms>(self.policy.clone()).expect("it was checked");
        Supervisor::new(self.hsms.clone(), policy, env.seed)
    }

    /// A host that dials, or listens.
    pub(super) async fn client(&self, env: &Env) -> Result<Client<Hsms>, Failure> {
        let addrs = self.lookup().await?;
        let way = match (self.hsms.listens(), addrs.first()) {
            (true, Some(addr)) => Way::Wait(Door::open(env, *addr).map_err(|e| {
                Failure::environment(format!("cannot listen at {addr}: {e}; choose another"))
            })?),
            _ => Way::Dial(addrs),
        };
        Ok(Client::by(env.clone(), way, self.supervisor(env)))
    }

    pub(super) async fn lookup(&self) -> Result<Vec<SocketAddr>, Failure> {
        let unknown = |why: &str| {
            Failure::environment(format!("cannot resolve {}: {why}; use an address", self.addr))
        };
        let found = tokio::net::lookup_host(&self.addr).await;
        let found: Vec<_> = found.map_err(|e| unknown(&e.to_string()))?.collect();
        if found.is_empty() { Err(unknown("it has no address")) } else { Ok(found) }
    }
}

/// What a person waiting at the terminal wants to know.
fn tell(record: &Record) {
    let at = &record.node;
    match &record.event {
        Event::Listening { addr } => text::talk(&format!("ok: listening on {addr}")),
        Event::Ready { .. } => text::talk(&format!("ok: {at}: SELECTED")),
        Event::Lost { reason, redial_in_us, .. } => {
            let ms = redial_in_us / 1000;
            text::talk(&format!("warning: {at}: {reason}; next try in {ms} ms"));
        }
        Event::Fact { fact: Fact::Odd { what, detail }, .. } => {
            text::talk(&format!("warning: {at}: {what}: {detail}"));
        }
        Event::Fact { fact: Fact::Malformed { detail, .. }, .. } => {
            text::talk(&format!("warning: {at}: {detail}"));
        }
        Event::Intake { what: QueueEvent::Dropped { .. }, .. } => {
            text::talk(&format!("warning: {at}: a message came too fast to be told"));
        }
        Event::Breaker { what: BreakerEvent::Changed { from, to, cause, .. } } => {
            text::talk(&format!("warning: {at}: breaker {from:?} -> {to:?}: {cause:?}"));
        }
        _ => {}
    }
}
