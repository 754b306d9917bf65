//! Where a scenario is played: in a world of ours, or against a device that somebody else runs.
use std::{collections::BTreeSet, net::SocketAddr};

use lab::{Kind, registry, run::TARGET, scenario::Scenario};

use crate::{args::HsmsServer, cmd::probe::lookup, config::Server, exit::Failure, text};

/// Where a scenario is played.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// Device and client are ours.
    World(Kind),
    /// The device is not.
    Target(SocketAddr),
}

impl Place {
    /// What reports and evidence call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::World(kind) => kind.name(),
            Self::Target(_) => TARGET,
        }
    }
    /// How to have it again.
    pub(super) fn flag(self) -> String {
        match self {
            Self::World(kind) => format!("--{}", kind.name()),
            Self::Target(addr) => format!("--target {addr}"),
        }
    }
}

/// A device that somebody else runs.
pub(super) struct Target {
    protocol: String,
    pub(super) addr: SocketAddr,
}

impl Target {
    /// The one that was named, or the one the environment names for HSMS.
    ///
    /// # Errors
    /// It is not clear which protocol it speaks, or it is not known here.
    pub(super) fn of(
        named: Option<String>,
        hsms: HsmsServer,
        scenarios: &[(String, Scenario)],
    ) -> Result<Option<Self>, Failure> {
        let spoken: BTreeSet<_> = scenarios.iter().map(|(_, s)| s.protocol.get_ref()).collect();
        let speaks_hsms = spoken.iter().any(|protocol| *protocol == "hsms");
        let spoken: Vec<_> = spoken.into_iter().collect();
        let (protocol, target) = match (named.filter(|target| !target.is_empty()), &spoken[..]) {
            (Some(target), [protocol]) => ((*protocol).clone(), target),
            (Some(target), _) => {
                return Err(Failure::usage(format!(
                    "{target} speaks one protocol; name scenarios of that one, as scenarios/hsms/*.toml"
                )));
            }
            (None, _) if speaks_hsms => match Server::of(hsms)?.named() {
                Some(target) => ("hsms".to_owned(), target),
                None => return Ok(None),
            },
            (None, _) => return Ok(None),
        };
        let port = registry::find(&protocol)?.port();
        let addr = crate::block_on(lookup(&target, port))?;
        text::talk(&format!("{protocol} is played against {addr}, which is not ours"));
        Ok(Some(Self { protocol, addr }))
    }

    /// It is what the scenario is about.
    pub(super) fn speaks(&self, scenario: &Scenario) -> bool {
        self.protocol == *scenario.protocol.get_ref()
    }
}

/// The worlds asked for.
pub(super) struct Kinds {
    pub(super) sim: bool,
    pub(super) tcp: bool,
}

impl Kinds {
    pub(super) fn of(&self, scenario: &Scenario) -> Option<Kind> {
        let wanted = match (self.sim, self.tcp) {
            (true, _) => Kind::Sim,
            (false, true) => Kind::Tcp,
            (false, false) if scenario.worlds.contains(&Kind::Tcp) => Kind::Tcp,
            (false, false) => Kind::Sim,
        };
        scenario.worlds.contains(&wanted).then_some(wanted)
    }
}
