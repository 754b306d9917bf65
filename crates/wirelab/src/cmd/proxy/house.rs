//! The proxies of one process, by name: each running or switched off, with its faults.
use std::{collections::BTreeMap, net::SocketAddr};

use axum::http::StatusCode;
use net::{
    Env, Role, Tls,
    proxy::{Proxy, Rule, Speech},
};
use proto::ConfigError;
use serde::Serialize;

use crate::text;

/// Proxies in one process.
const MOST: usize = 256;

/// All of them.
pub(super) struct House {
    env: Env,
    proxies: BTreeMap<String, Kept>,
}

/// One of them.
pub(super) struct Kept {
    env: Env,
    pub(super) listen: SocketAddr,
    /// Where it carries to, as it was said.
    pub(super) upstream: String,
    target: Vec<SocketAddr>,
    speech: Option<Speech>,
    running: Option<Proxy>,
    /// The faults while it is switched off.
    resting: Vec<Rule>,
}

/// A fault in force, as it is shown.
#[derive(Serialize)]
pub(super) struct Shown {
    pub(super) name: String,
    /// On one line.
    pub(super) rule: String,
    /// As a table.
    pub(super) table: Rule,
    pub(super) struck: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl Shown {
    /// A rule that has not struck.
    pub(super) fn of(name: &str, rule: &Rule) -> Self {
        let (table, note) = (named(rule, name), rule.fault.note());
        Self { name: name.to_owned(), rule: rule.to_string(), table, struck: 0, note }
    }
}

/// Why something is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) problem: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, problem: impl Into<String>) -> Self {
        Self { status, problem: problem.into() }
    }
    pub(super) fn wrong(problem: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, problem)
    }
    pub(super) fn unknown(problem: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, problem)
    }
    pub(super) fn taken(problem: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, problem)
    }
}

impl From<ConfigError> for Refusal {
    fn from(e: ConfigError) -> Self {
        Self::wrong(e.to_string())
    }
}

impl House {
    pub(super) fn new(env: Env) -> Self {
        Self { env, proxies: BTreeMap::new() }
    }
    /// All, by name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &Kept)> {
        self.proxies.iter()
    }
    /// All, by name.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Kept> {
        self.proxies.values_mut()
    }
    /// The one of this name; without a name the one called `proxy`, or the only one.
    ///
    /// # Errors
    /// There is none, or it is not clear which.
    pub(super) fn pick(&mut self, name: Option<&str>) -> Result<&mut Kept, Refusal> {
        let first = super::FIRST;
        let name = match name {
            Some(name) => name.to_owned(),
            None if self.proxies.contains_key(first) => first.to_owned(),
            None => match &self.proxies.keys().collect::<Vec<_>>()[..] {
                [] => return Err(Refusal::unknown("there is no proxy yet; POST /proxies")),
                [only] => (*only).clone(),
                _ => return Err(Refusal::wrong("which proxy? say ?proxy=NAME")),
            },
        };
        let missing = || Refusal::unknown(format!("no proxy is called `{name}`"));
        self.proxies.get_mut(&name).ok_or_else(missing)
    }
    /// Adds one, switched off.
    ///
    /// # Errors
    /// The name is taken or makes no sense, or there are too many.
    pub(super) fn add(
        &mut self,
        name: &str,
        listen: SocketAddr,
        upstream: &str,
        target: Vec<SocketAddr>,
        speech: Option<Speech>,
        tls: Tls,
    ) -> Result<&mut Kept, Refusal> {
        if self.proxies.contains_key(name) {
            return Err(Refusal::taken("proxy already exists"));
        }
        if name.len() > 256 || name.contains('/') {
            return Err(Refusal::wrong("a name has 1 to 256 bytes, and no `/`"));
        }
        if self.proxies.len() >= MOST {
            return Err(Refusal::wrong(format!("there are {MOST} proxies already")));
        }
        let mut env = self.env.node(name, Role::Proxy);
        env.tls = tls;
        let upstream = upstream.to_owned();
        let kept =
            Kept { env, listen, upstream, target, speech, running: None, resting: Vec::new() };
        Ok(self.proxies.entry(name.to_owned()).or_insert(kept))
    }
    /// Closes one and forgets it.
    pub(super) async fn remove(&mut self, name: &str) -> Option<()> {
        self.proxies.remove(name)?.switch_off().await;
        Some(())
    }
    /// Closes all.
    pub(super) async fn stop(mut self) {
        for kept in self.proxies.values_mut() {
            kept.switch_off().await;
        }
    }
}

impl Kept {
    /// It listens, or would if the target or a fault let it.
    pub(super) fn is_on(&self) -> bool {
        self.running.is_some()
    }
    /// Starts it with its faults, if it is off.
    ///
    /// # Errors
    /// Most often, the port is taken.
    pub(super) fn switch_on(&mut self) -> Result<(), Refusal> {
        if self.running.is_some() {
            return Ok(());
        }
        let Self { env, listen, target, speech, .. } = self;
        let proxy = Proxy::start(env.clone(), *listen, target.clone(), *speech).map_err(|e| {
            let problem = format!("cannot listen on {listen}: {e}; see who does (ss -ltnp)");
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, problem)
        })?;
        // It comes back where it was.
        self.listen = proxy.addr();
        for rule in self.resting.drain(..) {
            proxy.add(rule)?;
        }
        self.running = Some(proxy);
        Ok(())
    }
    /// Closes its listener and its connections; its faults are kept.
    pub(super) async fn switch_off(&mut self) {
        if let Some(proxy) = self.running.take() {
            self.resting = proxy.rules().iter().map(|a| named(&a.rule, &a.name)).collect();
            proxy.stop().await;
        }
    }
    /// From now on it is between these.
    ///
    /// # Errors
    /// It cannot listen there.
    pub(super) async fn move_to(
        &mut self,
        listen: SocketAddr,
        upstream: &str,
        target: Vec<SocketAddr>,
    ) -> Result<(), Refusal> {
        let on = self.is_on();
        self.switch_off().await;
        (self.listen, self.upstream, self.target) = (listen, upstream.to_owned(), target);
        if on { self.switch_on() } else { Ok(()) }
    }
    /// The faults in force, in order.
    pub(super) fn faults(&self) -> Vec<Shown> {
        let shown = |name: &str, rule: &Rule, struck| Shown { struck, ..Shown::of(name, rule) };
        match &self.running {
            Some(proxy) => {
                proxy.rules().iter().map(|a| shown(&a.name, &a.rule, a.struck())).collect()
            }
            None => {
                let name = |rule: &Rule| rule.place.name.clone().unwrap_or_default();
                self.resting.iter().map(|rule| shown(&name(rule), rule, 0)).collect()
            }
        }
    }
    /// The one of this name.
    pub(super) fn fault(&self, name: &str) -> Option<Shown> {
        self.faults().into_iter().find(|shown| shown.name == name)
    }
    /// Puts a rule in force; one of the same name is replaced. Its name.
    ///
    /// # Errors
    /// It asks for frames of nobody knows what, or there are too many.
    pub(super) fn arm(&mut self, rule: Rule) -> Result<String, Refusal> {
        if let Some(note) = rule.fault.note() {
            text::talk(&format!("warning: {note}: {rule}"));
        }
        if let Some(proxy) = &self.running {
            return Ok(proxy.add(rule)?.name.to_string());
        }
        let used: Vec<_> = self.faults().into_iter().map(|shown| shown.name).collect();
        let free = || (1..).map(|n| format!("fault{n}")).find(|name| !used.contains(name));
        let name = rule.place.name.clone().or_else(free).expect("numbers do not end");
        let rule = named(&rule, &name);
        match used.iter().position(|other| *other == name) {
            Some(at) => self.resting[at] = rule,
            None if used.len() >= MOST => return Err(Refusal::wrong("there are too many faults")),
            None => self.resting.push(rule),
        }
        Ok(name)
    }
    /// Takes the rule of this name out of force.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn lift(&mut self, name: &str) -> Result<(), Refusal> {
        let Some(proxy) = &self.running else {
            let before = self.resting.len();
            self.resting.retain(|rule| rule.place.name.as_deref() != Some(name));
            let gone = self.resting.len() < before;
            return gone.then_some(()).ok_or_else(|| Refusal::unknown(nobody(name)));
        };
        proxy.remove(name).map_err(|e| Refusal::unknown(e.problem))
    }
    /// Nothing passes any more.
    ///
    /// # Errors
    /// It is switched off, or there are too many faults.
    pub(super) fn cut(&mut self) -> Result<(), Refusal> {
        match &self.running {
            Some(proxy) => Ok(proxy.cut()?),
            None => Err(Refusal::wrong("it is switched off, which is as cut as can be")),
        }
    }
    /// Takes everything out of force.
    pub(super) fn heal(&mut self) {
        self.resting.clear();
        if let Some(proxy) = &self.running {
            proxy.heal();
        }
    }
}

fn named(rule: &Rule, name: &str) -> Rule {
    let mut rule = rule.clone();
    rule.place.name = Some(name.to_owned());
    rule
}

fn nobody(name: &str) -> String {
    format!("no fault is called `{name}`")
}
