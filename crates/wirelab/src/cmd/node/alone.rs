//! Nobody is there: since when, and what may be wrong.
use std::{collections::BTreeSet, fmt::Write as _, net::SocketAddr, time::Duration};

use net::{
    Env,
    discovery::{Interface, Lack, Reach},
    env::Alarm,
    node::Told,
};
use proto::{
    Span,
    tazcom::{
        NodeId,
        roster::{self, Entry},
    },
};
use serde::Serialize;

/// Rings when nobody was there for some time.
pub(super) struct Alone {
    env: Env,
    after: Option<Duration>,
    there: BTreeSet<NodeId>,
    alarm: Alarm,
}

impl Alone {
    /// Nobody is there yet. With no time it never rings.
    pub(super) fn new(env: Env, after: Option<Duration>) -> Self {
        let mut alone = Self { alarm: env.alarm(), env, after, there: BTreeSet::new() };
        alone.wait();
        alone
    }
    /// Somebody may have come or gone.
    pub(super) fn heed(&mut self, told: &Told) {
        match told {
            Told::Roster(roster::Output::Joined(id, _)) => {
                self.there.insert(*id);
                self.alarm.set(None);
            }
            Told::Roster(roster::Output::Left(id, _)) => {
                if self.there.remove(id) && self.there.is_empty() {
                    self.wait();
                }
            }
            Told::Roster(_) | Told::Show(_) | Told::Gossip(_) => {}
        }
    }
    /// Returns once nobody was there for the time; how long that is. Cancel safe.
    pub(super) async fn ring(&mut self) -> Span {
        self.alarm.ring().await;
        Span(self.after.unwrap_or_default())
    }

    fn wait(&mut self) {
        self.alarm.set(self.after.map(|after| self.env.now() + after));
    }
}

/// What is known when nobody is there.
#[derive(Debug, Serialize)]
pub(super) struct Diagnosis {
    pub(super) after: Span,
    /// Where others are looked for; none if they are not.
    pub(super) discovery: Option<Reach>,
    /// Whether our own announcement came back; none if there is none.
    pub(super) own_announcement: Option<bool>,
    /// Who is known of and cannot be greeted.
    pub(super) unreached: Vec<Unreached>,
}

/// Somebody who cannot be greeted.
#[derive(Debug, Serialize)]
pub(super) struct Unreached {
    name: Option<String>,
    addr: SocketAddr,
    problem: Option<String>,
}

impl From<Entry> for Unreached {
    fn from(Entry { name, addr, problem, .. }: Entry) -> Self {
        Self { name, addr, problem }
    }
}

impl Diagnosis {
    /// The same in a line for people, and what to try.
    pub(super) fn text(&self) -> String {
        let mut text = format!("nobody is there after {}", self.after);
        for Unreached { name, addr, problem } in self.unreached.iter().take(3) {
            let name = name.as_ref().map(|name| format!("{name} at ")).unwrap_or_default();
            let problem = problem.as_deref().unwrap_or("it does not answer");
            write!(text, "; {name}{addr} cannot be greeted: {problem}").expect("it has room");
        }
        let (found, remedy) = self.multicast();
        let firewall = "see that a firewall lets TCP through to its port";
        let remedy = if self.unreached.is_empty() { remedy } else { firewall.into() };
        format!("{text}; {found}; {remedy}")
    }

    /// How it stands with multicast DNS, and what to try.
    fn multicast(&self) -> (String, String) {
        let name_them = "say who is there with --peer HOST:PORT".to_owned();
        let Some(Reach { interfaces, lacks }) = &self.discovery else {
            return ("multicast DNS is off (--no-mdns)".into(), name_them);
        };
        let ports = |lack: &Lack| matches!(lack, Lack::Port { .. });
        if lacks.contains(&Lack::Interface) {
            return (
                "no network interface is up".into(),
                "plug in a cable or join a network".into(),
            );
        }
        if lacks.iter().any(ports) {
            let found = "UDP port 5353 is not to be had, which multicast DNS needs".into();
            return (found, format!("free it (ss -ulnp) and start again, or {name_them}"));
        }
        let where_to = interfaces.iter().map(shown).collect::<Vec<_>>().join(", ");
        let looked = format!("looked on {where_to}");
        if interfaces.iter().all(|interface| !interface.multicast) {
            return (format!("{looked}, where multicast is not possible"), name_them);
        }
        match self.own_announcement {
            Some(true) => (
                format!(
                    "{looked}, where our own announcement came back, so multicast works on this machine"
                ),
                format!(
                    "others may not run, or a network between that keeps multicast to itself (guest Wi-Fi, VLAN): {name_them}"
                ),
            ),
            Some(false) => (
                format!("{looked}, where not even our own announcement came back"),
                format!("see that a firewall here lets UDP port 5353 through, or {name_them}"),
            ),
            None => (
                format!("{looked} without being announced (--listen-only)"),
                format!("see that a firewall lets UDP port 5353 through, or {name_them}"),
            ),
        }
    }
}

fn shown(Interface { name, addrs, .. }: &Interface) -> String {
    let addrs: Vec<_> = addrs.iter().map(ToString::to_string).collect();
    format!("{name} ({})", addrs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(discovery: Option<Reach>, own_announcement: Option<bool>) -> Diagnosis {
        let after = Span::millis(5000);
        Diagnosis { after, discovery, own_announcement, unreached: Vec::new() }
    }

    fn reach(multicast: bool) -> Reach {
        let addrs = vec!["192.0.2.1".parse().unwrap()];
        Reach {
            interfaces: vec![Interface { name: "eth0".into(), addrs, multicast }],
            lacks: vec![],
        }
    }

    #[test]
    fn what_is_found_decides_what_is_advised() {
        let lacking = |lack| Some(Reach { lacks: vec![lack], ..Reach::default() });
        let port = Lack::Port { detail: "in use".into() };
        for (diagnosis, found, advised) in [
            (alone(None, None), "is off (--no-mdns)", "--peer"),
            (alone(lacking(Lack::Interface), Some(false)), "no network interface", "cable"),
            (alone(lacking(port), Some(false)), "UDP port 5353 is not to be had", "ss -ulnp"),
            (alone(Some(reach(false)), Some(false)), "multicast is not possible", "--peer"),
            (alone(Some(reach(true)), Some(true)), "eth0 (192.0.2.1)", "keeps multicast to itself"),
            (alone(Some(reach(true)), Some(false)), "not even our own", "firewall here"),
            (alone(Some(reach(true)), None), "without being announced", "5353"),
        ] {
            let text = diagnosis.text();
            assert!(text.starts_with("nobody is there after 5s; "), "{text}");
            assert!(text.contains(found) && text.contains(advised), "{text}");
        }
    }

    #[test]
    fn who_is_known_and_cannot_be_greeted_is_named_with_the_reason() {
        let addr = "192.0.2.7:5252".parse().unwrap();
        let problem = Some("connection refused".into());
        let unreached = vec![Unreached { name: None, addr, problem }];
        let text = Diagnosis { unreached, ..alone(None, None) }.text();
        assert!(text.contains("192.0.2.7:5252 cannot be greeted: connection refused"), "{text}");
        assert!(text.ends_with("a firewall lets TCP through to its port"), "{text}");
    }
}
