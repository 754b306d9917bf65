//! What all of `wirelab hsms` needs: where, with which settings, and what is worth telling.
use std::{fs, net::SocketAddr};

use net::{Client, Door, Env, Event, Net, Record, Recorder, Role, TcpOptions, Way};
use proto::{
    Fact, Policy, Protocol, RawPolicy, Supervisor,
    hsms::{Connect, Hsms, Settings},
    resilience::BreakerEvent,
};

use crate::{args::HostArgs, config, exit::Failure, text};

/// Where, and how.
pub(super) struct Link {
    pub(super) addr: String,
    pub(super) hsms: Hsms,
    pub(super) policy: RawPolicy,
    pub(super) json: bool,
    pub(super) establish: bool,
}

impl Link {
    /// # Errors
    /// A setting that cannot be, or a file that cannot be read.
    pub(super) fn new(addr: Option<String>, args: HostArgs) -> Result<Self, Failure> {
        let HostArgs { json, establish, deadline, breaker_threshold, breaker_open, .. } = args;
        let hsms = Hsms::new(settings(args)?)?;
        let mut policy = RawPolicy { deadline, ..hsms.policy() };
        if let Some(breaker) = &mut policy.breaker {
            breaker.threshold = breaker_threshold.unwrap_or(breaker.threshold);
            breaker.open_for = breaker_open.unwrap_or(breaker.open_for);
            breaker.max_open = breaker.max_open.max(breaker.open_for);
        }
        Policy::new::<Hsms>(policy.clone())?;
        Ok(Self { addr: whole(addr)?, hsms, policy, json, establish })
    }

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

fn settings(args: HostArgs) -> Result<Settings, Failure> {
    let HostArgs {
        active,
        passive,
        session,
        t3,
        t5,
        t6,
        t7,
        t8,
        linktest,
        linktest_threshold,
        conformance,
        max_message,
        config,
        breaker_threshold: _,
        breaker_open: _,
        establish: _,
        deadline: _,
        json: _,
    } = args;
    let mut settings = match config {
        Some(file) => {
            let wrong = |e: String| Failure::usage(format!("{}: {e}", file.display()));
            let text = fs::read_to_string(&file).map_err(|e| wrong(e.to_string()))?;
            toml::from_str(&text).map_err(|e| wrong(e.to_string().replace('\n', " ")))?
        }
        None => Settings::default(),
    };
    let d = &mut settings;
    d.connect = match (active, passive) {
        (true, _) => Some(Connect::Active),
        (_, true) => Some(Connect::Passive),
        (false, false) => d.connect,
    };
    d.session = session.unwrap_or(d.session);
    d.t3 = t3.unwrap_or(d.t3);
    d.t5 = t5.unwrap_or(d.t5);
    d.t6 = t6.unwrap_or(d.t6);
    d.t7 = t7.unwrap_or(d.t7);
    d.t8 = t8.unwrap_or(d.t8);
    d.linktest = linktest.or(d.linktest);
    d.linktest_threshold = linktest_threshold.unwrap_or(d.linktest_threshold);
    d.conformance = conformance.unwrap_or(d.conformance);
    d.max_message = max_message.unwrap_or(d.max_message);
    Ok(settings)
}

/// HOST:PORT, from what was typed, the environment, or the usual.
fn whole(addr: Option<String>) -> Result<String, Failure> {
    let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let port = match var("HSMS_SERVER_PORT") {
        Some(text) => text
            .parse::<u16>()
            .map_err(|_| Failure::usage(format!("HSMS_SERVER_PORT: `{text}` is no port")))?,
        None => Hsms::PORT,
    };
    let addr = addr.or_else(|| var("HSMS_SERVER_HOST")).unwrap_or_else(|| "127.0.0.1".into());
    let has_port = addr.parse::<SocketAddr>().is_ok()
        || (addr.matches(':').count() == 1 && !addr.ends_with(':'));
    if has_port {
        return Ok(addr);
    }
    let bare = addr.trim_start_matches('[').trim_end_matches(']');
    Ok(if bare.contains(':') { format!("[{bare}]:{port}") } else { format!("{bare}:{port}") })
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
        Event::Breaker { what: BreakerEvent::Changed { from, to, cause, .. } } => {
            text::talk(&format!("warning: {at}: breaker {from:?} -> {to:?}: {cause:?}"));
        }
        _ => {}
    }
}
