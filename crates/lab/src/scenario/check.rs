//! Mistakes in a scenario file: where each one is, and what to do about it.
use std::{collections::BTreeSet, ops::Range, path::Path};

use proto::ConfigError;
use serde::Deserialize;
use serde_path_to_error::Segment;
use toml::Spanned;

use net::proxy::Rule;

use super::{Expect, Name, Quirk, Request, Scenario, Source, Step, proxy::not_a_frame};
use crate::{
    registry::{self, AnyProtocol},
    words,
};

/// A mistake in a scenario file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {key}: {problem}")]
pub struct ScenarioError {
    /// The file, as it was named to us.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// Path of the setting, as `step[2].request.client`.
    pub key: String,
    /// What is wrong and how to mend it.
    pub problem: String,
}

impl Source {
    pub(super) fn new(file: &str, text: &str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { file: file.into(), lines: std::iter::once(0).chain(starts).collect() }
    }
    pub(super) fn error(
        &self,
        span: Range<usize>,
        key: impl Into<String>,
        problem: impl Into<String>,
    ) -> ScenarioError {
        ScenarioError {
            file: self.file.clone(),
            line: self.lines.partition_point(|start| *start <= span.start),
            key: key.into(),
            problem: problem.into(),
        }
    }
}

impl Scenario {
    /// Checks the file's shape.
    pub(super) fn read(source: &Source, text: &str) -> Result<Self, ScenarioError> {
        let failed = |key: String, error: &toml::de::Error| {
            let problem = error.message().replace('\n', "; ");
            source.error(error.span().unwrap_or(0..0), key, problem)
        };
        let document =
            toml::Deserializer::parse(text).map_err(|error| failed("the file".into(), &error))?;
        let mut track = serde_path_to_error::Track::new();
        let document = serde_path_to_error::Deserializer::new(document, &mut track);
        Self::deserialize(document).map_err(|error| failed(key(&track.path()), &error))
    }

    /// Checks what only its protocol can judge: that it exists, and takes these settings, quirks
    /// and requests, and knows the frames that faults wait for. Policies are checked where clients are made.
    ///
    /// # Errors
    /// Every mistake.
    pub fn check_spoken(&self) -> Result<&'static dyn AnyProtocol, Vec<ScenarioError>> {
        let wrong = |span, e: ConfigError| self.error_at(span, e.key, e.problem);
        let protocol = registry::find(self.protocol.get_ref())
            .map_err(|e| vec![wrong(self.protocol.span(), e)])?;
        let mut found = Vec::new();
        let mut check = |span, key: String, result: Result<(), ConfigError>| {
            found.extend(result.err().map(|e| wrong(span, ConfigError { key, ..e })));
        };
        for (n, device) in self.devices.iter().enumerate() {
            let settings = protocol.device(device.settings.get_ref().clone()).map(drop);
            check(device.settings.span(), format!("device[{n}].settings"), settings);
            for quirk in &device.quirks {
                let result = protocol.check_quirk(quirk.get_ref());
                check(quirk.span(), format!("device[{n}].quirks"), result);
            }
        }
        let kinds = protocol.kinds();
        let heard = |rule: &Rule| match not_a_frame(rule, &kinds) {
            Some(problem) => Err(ConfigError::new("fault", problem)),
            None => Ok(()),
        };
        for (n, proxy) in self.proxies.iter().enumerate() {
            for fault in &proxy.faults {
                check(fault.span(), format!("proxy[{n}].faults"), heard(fault.get_ref()));
            }
        }
        for (n, step) in self.steps.iter().enumerate() {
            match step.get_ref() {
                Step::Request(Request { send, .. }) => {
                    let result = protocol.check_request(send.get_ref());
                    check(send.span(), format!("step[{n}].request.send"), result);
                }
                Step::Quirk(Quirk { quirk, .. }) => {
                    let result = protocol.check_quirk(quirk.get_ref());
                    check(quirk.span(), format!("step[{n}].quirk.quirk"), result);
                }
                Step::Fault(harm) => {
                    let fault = &harm.fault;
                    check(fault.span(), format!("step[{n}].fault.fault"), heard(fault.get_ref()));
                }
                Step::Stop(_)
                | Step::Start(_)
                | Step::Await(_)
                | Step::Join(_)
                | Step::Raw(_)
                | Step::Lift(_)
                | Step::Cut(_)
                | Step::Heal(_) => {}
            }
        }
        if found.is_empty() { Ok(protocol) } else { Err(found) }
    }

    /// Checks what the file means: all its mistakes.
    pub(super) fn mistakes(&self) -> Vec<ScenarioError> {
        let mut found = Mistakes { scenario: self, found: Vec::new() };
        found.header();
        found.cast();
        for (n, step) in self.steps.iter().enumerate() {
            found.step(&format!("step[{n}]"), step);
        }
        for (n, expect) in self.expects.iter().enumerate() {
            let key = format!("expect[{n}].{}", expect.get_ref().word());
            found.expect(&key, expect);
        }
        found.found
    }
}

/// A path without the segments by which values get their place in the file.
fn key(path: &serde_path_to_error::Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Map { key } if key.starts_with("$__serde_spanned") => {}
            Segment::Seq { .. } => text += &segment.to_string(),
            Segment::Map { .. } | Segment::Enum { .. } | Segment::Unknown => {
                if !text.is_empty() {
                    text.push('.');
                }
                text += &segment.to_string();
            }
        }
    }
    if text.is_empty() { "the file".into() } else { text }
}

struct Mistakes<'a> {
    scenario: &'a Scenario,
    found: Vec<ScenarioError>,
}

impl Mistakes<'_> {
    fn add(&mut self, span: Range<usize>, key: impl Into<String>, problem: impl Into<String>) {
        self.found.push(self.scenario.error_at(span, key, problem));
    }

    fn header(&mut self) {
        let Scenario { name, source, worlds, devices, clients, expects, .. } = self.scenario;
        let stem = Path::new(&source.file).file_stem().map(|s| s.to_string_lossy());
        if stem.as_deref() != Some(name.get_ref()) {
            let problem = format!("must be the file's name, `{}`", stem.unwrap_or_default());
            self.add(name.span(), "name", problem);
        }
        if worlds.is_empty() {
            self.add(0..0, "worlds", "name `sim`, `tcp` or both");
        }
        if devices.is_empty() {
            self.add(0..0, "device", "the cast is empty; add a [[device]] with a name");
        }
        if clients.is_empty() && !self.scenario.steps.iter().any(|s| is_raw(s.get_ref())) {
            self.add(0..0, "client", "nobody talks; add a [[client]] or a `raw` step");
        }
        if expects.is_empty() {
            self.add(0..0, "expect", "nothing is expected; add an [[expect]]");
        }
    }

    fn cast(&mut self) {
        let Scenario { devices, proxies, clients, .. } = self.scenario;
        let mut taken = BTreeSet::from(["lab"]);
        let devices =
            devices.iter().enumerate().map(|(n, d)| (format!("device[{n}].name"), &d.name));
        let names = clients.iter().enumerate().map(|(n, c)| (format!("client[{n}].name"), &c.name));
        let wires = proxies.iter().enumerate().map(|(n, p)| (format!("proxy[{n}].name"), &p.name));
        for (key, name) in devices.chain(wires).chain(names) {
            if name.get_ref().is_empty() {
                self.add(name.span(), key, "is empty; give it a name");
            } else if !taken.insert(name.get_ref()) {
                self.add(name.span(), key, format!("`{name}` is taken; every node needs its own"));
            }
        }
        for (n, client) in clients.iter().enumerate() {
            self.device(&format!("client[{n}].device"), &client.device);
            if let Some(via) = &client.via {
                let key = format!("client[{n}].via");
                self.proxy(&key, via);
                let stands_before = self.scenario.proxy(via.get_ref()).map(|p| &p.device);
                if let Some(other) = stands_before.filter(|device| **device != client.device) {
                    let problem = format!("{via} stands before {other}, not {}", client.device);
                    self.add(via.span(), key, problem);
                }
            }
        }
        if let Some(convicts) = &self.scenario.convicts {
            self.client("convicts.client", &convicts.client);
            if !(1..=7).contains(&convicts.law) {
                self.add(convicts.client.span(), "convicts.law", "there are laws 1 to 7");
            }
        }
        for (n, proxy) in proxies.iter().enumerate() {
            self.device(&format!("proxy[{n}].device"), &proxy.device);
            if self.scenario.behind(proxy.name.get_ref()).next().is_none() {
                let problem = "nobody goes through it; say `via` at a [[client]]";
                self.add(proxy.name.span(), format!("proxy[{n}].name"), problem);
            }
        }
    }

    fn step(&mut self, key: &str, step: &Spanned<Step>) {
        match step.get_ref() {
            Step::Request(r) => {
                self.client(&format!("{key}.request.client"), &r.client);
                if r.times == 0 {
                    self.add(step.span(), format!("{key}.request.times"), "must be at least 1");
                }
            }
            Step::Quirk(q) => self.device(&format!("{key}.quirk.device"), &q.device),
            Step::Stop(s) => self.device(&format!("{key}.stop.device"), &s.device),
            Step::Start(s) => self.device(&format!("{key}.start.device"), &s.device),
            Step::Await(a) => {
                self.anyone(&format!("{key}.await.node"), &a.node);
                self.word(&format!("{key}.await.event"), &a.event, words::not_an_event);
                if a.nth == 0 {
                    self.add(step.span(), format!("{key}.await.nth"), "counts from 1");
                }
            }
            Step::Join(j) => self.client(&format!("{key}.join.client"), &j.client),
            Step::Raw(r) => self.device(&format!("{key}.raw.device"), &r.device),
            Step::Fault(f) => self.proxy(&format!("{key}.fault.proxy"), &f.proxy),
            Step::Lift(l) => {
                self.proxy(&format!("{key}.lift.proxy"), &l.proxy);
                let known = self.scenario.fault_names(l.proxy.get_ref());
                if !known.contains(&l.name.get_ref().as_str()) {
                    let problem = format!(
                        "no fault has the name `{}`; there is {}",
                        l.name,
                        known.join(", ")
                    );
                    self.add(l.name.span(), format!("{key}.lift.name"), problem);
                }
            }
            Step::Cut(c) => self.proxy(&format!("{key}.cut.proxy"), &c.proxy),
            Step::Heal(h) => self.proxy(&format!("{key}.heal.proxy"), &h.proxy),
        }
    }

    fn expect(&mut self, key: &str, expect: &Spanned<Expect>) {
        match expect.get_ref() {
            Expect::Outcome(e) => self.client(&format!("{key}.client"), &e.client),
            Expect::Connections(e) => self.accepts(&format!("{key}.device"), &e.device),
            Expect::Frames(e) => self.node(&format!("{key}.node"), &e.node),
            Expect::Packet(e) => {
                self.node(&format!("{key}.node"), &e.node);
                if e.nth == 0 {
                    self.add(expect.span(), format!("{key}.nth"), "counts from 1");
                }
                if e.len.is_none() && e.prefix.is_none() && e.payload.is_none() {
                    self.add(expect.span(), key, "says nothing; add len, prefix or payload");
                }
            }
            Expect::Bytes(e) => {
                self.device(&format!("{key}.device"), &e.device);
                if e.conn == 0 {
                    self.add(expect.span(), format!("{key}.conn"), "counts from 1");
                }
            }
            Expect::SameBytes(e) => self.node(&format!("{key}.node"), &e.node),
            Expect::Applied(e) => self.device(&format!("{key}.device"), &e.device),
            Expect::Duplicates(e) => self.device(&format!("{key}.device"), &e.device),
            Expect::Gaps(e) => self.client(&format!("{key}.client"), &e.client),
            Expect::Elapsed(e) => {
                self.client(&format!("{key}.client"), &e.client);
                if e.min.is_none() && e.max.is_none() {
                    self.add(expect.span(), key, "says nothing; add min or max");
                }
            }
            Expect::Quality(e) => {
                self.client(&format!("{key}.client"), &e.client);
                if !(0.0..=1.0).contains(&e.ok) {
                    self.add(expect.span(), format!("{key}.ok"), "is a share from 0 to 1");
                }
            }
            Expect::Closed(e) => {
                self.anyone(&format!("{key}.node"), &e.node);
                self.word(&format!("{key}.reason"), &e.reason, words::not_a_close);
            }
            Expect::Fact(e) => {
                self.node(&format!("{key}.node"), &e.node);
                self.word(&format!("{key}.fact"), &e.fact, words::not_a_fact);
            }
            Expect::Metric(e) if e.series.is_empty() => {
                self.add(expect.span(), format!("{key}.series"), "is empty; name a series");
            }
            Expect::Metric(_) => {}
            Expect::Struck(e) => {
                self.proxy(&format!("{key}.proxy"), &e.proxy);
                if e.at_least == 0 {
                    self.add(expect.span(), format!("{key}.at_least"), "must be at least 1");
                }
            }
        }
    }

    fn device(&mut self, key: &str, name: &Name) {
        let known: Vec<&Name> = self.scenario.devices.iter().map(|d| &d.name).collect();
        self.one_of(key, name, "device", &known);
    }

    fn client(&mut self, key: &str, name: &Name) {
        let known: Vec<&Name> = self.scenario.clients.iter().map(|c| &c.name).collect();
        self.one_of(key, name, "client", &known);
    }

    fn node(&mut self, key: &str, name: &Name) {
        let Scenario { devices, clients, .. } = self.scenario;
        let clients = clients.iter().map(|c| &c.name);
        let known: Vec<&Name> = devices.iter().map(|d| &d.name).chain(clients).collect();
        self.one_of(key, name, "device or client", &known);
    }

    fn proxy(&mut self, key: &str, name: &Name) {
        let known: Vec<&Name> = self.scenario.proxies.iter().map(|p| &p.name).collect();
        self.one_of(key, name, "proxy", &known);
    }

    fn accepts(&mut self, key: &str, name: &Name) {
        let Scenario { devices, proxies, .. } = self.scenario;
        let proxies = proxies.iter().map(|p| &p.name);
        let known: Vec<&Name> = devices.iter().map(|d| &d.name).chain(proxies).collect();
        self.one_of(key, name, "device or proxy", &known);
    }

    fn anyone(&mut self, key: &str, name: &Name) {
        let Scenario { devices, proxies, clients, .. } = self.scenario;
        let others = proxies.iter().map(|p| &p.name).chain(clients.iter().map(|c| &c.name));
        let known: Vec<&Name> = devices.iter().map(|d| &d.name).chain(others).collect();
        self.one_of(key, name, "device, client or proxy", &known);
    }

    fn one_of(&mut self, key: &str, name: &Name, part: &str, known: &[&Name]) {
        if known.contains(&name) {
            return;
        }
        let known: Vec<&str> = known.iter().map(|n| n.get_ref().as_str()).collect();
        let problem = match known.as_slice() {
            [] => format!("no {part} `{name}`: there is none"),
            known => format!("no {part} `{name}`; there is {}", known.join(", ")),
        };
        self.add(name.span(), key, problem);
    }

    fn word(&mut self, key: &str, word: &Name, wrong: fn(&str) -> Option<String>) {
        if let Some(problem) = wrong(word.get_ref()) {
            self.add(word.span(), key, problem);
        }
    }
}

fn is_raw(step: &Step) -> bool {
    matches!(step, Step::Raw(_))
}

#[cfg(test)]
mod tests;
