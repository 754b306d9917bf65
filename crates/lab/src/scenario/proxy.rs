//! What a scenario file says of proxies: where they stand, and what they do wrong and when.
use net::proxy::{CUT, Rule};
use serde::Deserialize;
use toml::Spanned;

use super::{Client, Name, Scenario, Step};

/// What a proxy is called that nobody put there.
pub const WIRE: &str = "wire";

/// A proxy of the cast: it carries between a device and the clients that go through it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// What clients, steps and expectations call it.
    pub name: Name,
    /// The device it stands before.
    pub device: Name,
    /// What it does wrong from the start.
    #[serde(default)]
    pub faults: Vec<Spanned<Rule>>,
}

/// Make a proxy do harm.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Harm {
    /// The proxy.
    pub proxy: Name,
    /// The fault and its place.
    pub fault: Spanned<Rule>,
}

/// Take one fault off a proxy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lift {
    /// The proxy.
    pub proxy: Name,
    /// What the fault is called.
    pub name: Name,
}

/// Let nothing more through a proxy, without a word to either end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// The proxy.
    pub proxy: Name,
}

/// Take every fault off a proxy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heal {
    /// The proxy.
    pub proxy: Name,
}

impl Scenario {
    /// The proxy called so.
    pub fn proxy(&self, name: &str) -> Option<&Proxy> {
        self.proxies.iter().find(|p| p.name.get_ref() == name)
    }

    /// The same, with its first client behind a proxy if nobody is.
    #[must_use]
    pub fn through_a_proxy(mut self) -> Self {
        if !self.proxies.is_empty() {
            return self;
        }
        let Some(device) = self.clients.first().map(|client| client.device.clone()) else {
            return self;
        };
        let taken = |name: &str| self.device(name).is_some() || self.client(name).is_some();
        let mut name = WIRE.to_owned();
        while taken(&name) {
            name.push('_');
        }
        let name = Spanned::new(0..0, name);
        if let Some(client) = self.clients.first_mut() {
            client.via = Some(name.clone());
        }
        self.proxies.push(Proxy { name, device, faults: Vec::new() });
        self
    }

    /// The same, with one more fault from the start.
    ///
    /// # Errors
    /// There is no such proxy, or the fault waits for a frame that does not exist.
    pub fn with_fault(mut self, proxy: &str, rule: Rule) -> Result<Self, proto::ConfigError> {
        let wrong = |problem| proto::ConfigError::new("fault", problem);
        let protocol = crate::registry::find(self.protocol.get_ref())?;
        not_a_frame(&rule, &protocol.kinds()).map_or(Ok(()), |problem| Err(wrong(problem)))?;
        let all: Vec<_> = self.proxies.iter().map(|p| p.name.get_ref().clone()).collect();
        let Some(its) = self.proxies.iter_mut().find(|p| p.name.get_ref() == proxy) else {
            return Err(wrong(format!("no proxy `{proxy}`; there is {}", all.join(", "))));
        };
        its.faults.push(Spanned::new(0..0, rule));
        Ok(self)
    }

    /// What can be lifted from this proxy: the names its faults were given.
    pub(super) fn fault_names(&self, proxy: &str) -> Vec<&str> {
        let first = self.proxy(proxy).into_iter().flat_map(|p| &p.faults);
        let later = self.steps.iter().filter_map(|step| match step.get_ref() {
            Step::Fault(harm) if harm.proxy.get_ref() == proxy => Some(&harm.fault),
            _ => None,
        });
        let named = first.chain(later).filter_map(|rule| rule.get_ref().place.name.as_deref());
        named.chain([CUT]).collect()
    }

    /// The clients that go through this proxy.
    pub(super) fn behind<'a>(&'a self, proxy: &'a str) -> impl Iterator<Item = &'a Client> {
        let via =
            move |client: &&Client| client.via.as_ref().is_some_and(|via| via.get_ref() == proxy);
        self.clients.iter().filter(via)
    }
}

/// What is wrong with the frames a rule waits for, if evidence only ever uses these names.
pub(super) fn not_a_frame(rule: &Rule, kinds: &[&str]) -> Option<String> {
    let place = &rule.place;
    let mut wanted = [&place.frame, &place.since].into_iter().flatten();
    let unknown = wanted.find(|kind| !kinds.is_empty() && !kinds.contains(&kind.as_str()))?;
    Some(format!("no frame is called `{unknown}`; there is {}", kinds.join(", ")))
}
