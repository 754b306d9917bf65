//! Who is there: bridges by their ids, the lamps they told of, and which of them a command goes to.
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use proto::{
    Time,
    cync::{Lamp, Seen, Target},
};

/// Bridges remembered at most; a stranger may call himself anything.
const MOST_BRIDGES: usize = 4096;
/// Lamps remembered of one bridge.
const MOST_LAMPS: usize = 1024;

/// A bridge that has logged in at least once.
#[derive(Debug)]
pub(super) struct Bridge {
    /// The connection it has, by its name, and where that comes from.
    pub(super) on: Option<(Arc<str>, SocketAddr)>,
    /// Since when it is there, or is not.
    pub(super) since: Time,
    pub(super) logins: u64,
    pub(super) lamps: BTreeMap<u16, Lamp>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Roster {
    bridges: BTreeMap<Arc<str>, Bridge>,
    /// Whose connection it is.
    names: BTreeMap<Arc<str>, Arc<str>>,
}

/// A command's way to one target.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) to: Target,
    pub(super) bridge: Arc<str>,
    /// The connection's name.
    pub(super) name: Arc<str>,
}

/// A target to which there is none, and why.
pub(super) type Lost = (Target, String);

impl Roster {
    /// A bridge has logged in on a connection. The connection that it had before, if it is still open.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn join(
        &mut self,
        id: &Arc<str>,
        name: &Arc<str>,
        peer: SocketAddr,
        now: Time,
    ) -> Result<Option<Arc<str>>, String> {
        if !self.bridges.contains_key(id) && self.bridges.len() >= MOST_BRIDGES {
            let gone = self.bridges.iter().filter(|(_, bridge)| bridge.on.is_none());
            let oldest = gone.min_by_key(|(_, bridge)| bridge.since).map(|(id, _)| id.clone());
            let Some(oldest) = oldest else {
                return Err(format!("there are {MOST_BRIDGES} bridges already"));
            };
            self.bridges.remove(&oldest);
        }
        let bridge = self.bridges.entry(id.clone()).or_insert_with(|| Bridge {
            on: None,
            since: now,
            logins: 0,
            lamps: BTreeMap::new(),
        });
        let before = bridge.on.replace((name.clone(), peer)).map(|(name, _)| name);
        (bridge.since, bridge.logins) = (now, bridge.logins + 1);
        if let Some(before) = &before {
            self.names.remove(before);
        }
        self.names.insert(name.clone(), id.clone());
        Ok(before)
    }
    /// A connection has ended. The bridge that is gone with it; none if it has another, or never
    /// said who it is.
    pub(super) fn leave(&mut self, name: &str, now: Time) -> Option<Arc<str>> {
        let id = self.names.remove(name)?;
        let bridge = self.bridges.get_mut(&id)?;
        (bridge.on, bridge.since) = (None, now);
        Some(id)
    }
    /// A lamp was told of on a connection. The bridge that told.
    pub(super) fn seen(&mut self, name: &str, Seen { lamp, state }: Seen) -> Option<Arc<str>> {
        let id = self.names.get(name)?;
        let lamps = &mut self.bridges.get_mut(id)?.lamps;
        if lamps.len() < MOST_LAMPS || lamps.contains_key(&lamp) {
            lamps.insert(lamp, state);
        }
        Some(id.clone())
    }
    /// What a lamp was like when its bridge told of it last.
    pub(super) fn lamp(&self, bridge: &str, lamp: u16) -> Option<&Lamp> {
        self.bridges.get(bridge)?.lamps.get(&lamp)
    }
    /// All bridges, by their ids.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Arc<str>, &Bridge)> {
        self.bridges.iter()
    }
    /// Those that are there, with their connections; only one of them, if it is named.
    pub(super) fn here(&self, only: Option<&str>) -> Vec<(Arc<str>, Arc<str>)> {
        let all = self.bridges.iter().filter(|(id, _)| only.is_none_or(|only| ***id == *only));
        all.filter_map(|(id, bridge)| Some((id.clone(), bridge.on.as_ref()?.0.clone()))).collect()
    }
    /// Which way each target is reached, as far as it is.
    pub(super) fn ways(
        &self,
        whom: &[Target],
        all: bool,
        only: Option<&str>,
    ) -> (Vec<Way>, Vec<Lost>) {
        let here = self.here(only);
        let (mut ways, mut lost) = (Vec::new(), Vec::new());
        for to in whom {
            let through: Vec<_> = match to {
                Target::Group(_) => here.clone(),
                Target::Lamp(lamp) => self.knows(&here, *lamp, only).into_iter().collect(),
            };
            if through.is_empty() {
                lost.push((*to, self.why_not(*to, only)));
            }
            let way = |(bridge, name)| Way { to: *to, bridge, name };
            ways.extend(through.into_iter().map(way));
        }
        for (id, name) in here.iter().filter(|_| all) {
            let lamps = self.bridges.get(id).into_iter().flat_map(|bridge| bridge.lamps.keys());
            ways.extend(lamps.map(|lamp| {
                let (to, bridge, name) = (Target::Lamp(*lamp), id.clone(), name.clone());
                Way { to, bridge, name }
            }));
        }
        (ways, lost)
    }

    /// A bridge that has told of the lamp; or the only one there is, or was named.
    fn knows(
        &self,
        here: &[(Arc<str>, Arc<str>)],
        lamp: u16,
        only: Option<&str>,
    ) -> Option<(Arc<str>, Arc<str>)> {
        let told = |(id, _): &&(Arc<str>, Arc<str>)| {
            self.bridges.get(id).is_some_and(|bridge| bridge.lamps.contains_key(&lamp))
        };
        let alone = || if here.len() == 1 || only.is_some() { here.first() } else { None };
        here.iter().find(told).or_else(alone).cloned()
    }

    fn why_not(&self, to: Target, only: Option<&str>) -> String {
        match (only, self.bridges.values().filter(|bridge| bridge.on.is_some()).count()) {
            (Some(id), _) if self.bridges.contains_key(id) => {
                format!("bridge {id} is not here now")
            }
            (Some(id), _) => format!("no bridge {id} was ever here; wirelab cync list shows them"),
            (None, 0) => "no bridge is here; do they dial this controller?".into(),
            (None, _) => format!("no bridge here has told of {to}; name one with --bridge"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(bridges: &[(&str, &[u16])]) -> Roster {
        let mut roster = Roster::default();
        for (n, (id, lamps)) in bridges.iter().enumerate() {
            let name: Arc<str> = format!("10.0.0.{n}:1").into();
            let peer = name.parse().unwrap();
            assert_eq!(roster.join(&(*id).into(), &name, peer, Time::default()), Ok(None));
            for lamp in *lamps {
                roster.seen(&name, Seen { lamp: *lamp, state: Lamp::default() });
            }
        }
        roster
    }

    fn bridges(roster: &Roster, whom: &[Target], all: bool, only: Option<&str>) -> Vec<String> {
        let (ways, lost) = roster.ways(whom, all, only);
        let ways = ways.iter().map(|way| format!("{} by {}", way.to, way.bridge));
        ways.chain(lost.iter().map(|(to, why)| format!("{to}: {why}"))).collect()
    }

    #[test]
    fn a_command_goes_to_the_bridge_that_told_of_the_lamp_and_to_groups_through_all() {
        let two = roster(&[("a", &[1, 2]), ("b", &[3])]);
        let lamp = |id| Target::Lamp(id);
        assert_eq!(bridges(&two, &[lamp(3), lamp(1)], false, None), ["3 by b", "1 by a"]);
        let group = [Target::Group(7)];
        assert_eq!(bridges(&two, &group, false, None), ["group 7 by a", "group 7 by b"]);
        assert_eq!(bridges(&two, &group, false, Some("b")), ["group 7 by b"]);
        assert_eq!(bridges(&two, &[], true, None), ["1 by a", "2 by a", "3 by b"]);
        let unknown = &bridges(&two, &[lamp(9)], false, None)[0];
        assert!(unknown.contains("no bridge here has told of 9"), "{unknown}");
        assert_eq!(bridges(&two, &[lamp(9)], false, Some("b")), ["9 by b"], "if it says so");
        let one = roster(&[("a", &[])]);
        assert_eq!(bridges(&one, &[lamp(9)], false, None), ["9 by a"], "there is nobody else");
        let none = &bridges(&Roster::default(), &group, false, None)[0];
        assert!(none.contains("no bridge is here"), "{none}");
    }

    #[test]
    fn a_bridge_that_logs_in_again_has_the_new_connection() {
        let mut roster = roster(&[("a", &[1])]);
        let (old, new): (Arc<str>, Arc<str>) = ("10.0.0.0:1".into(), "10.0.0.9:2".into());
        let peer = "10.0.0.9:2".parse().unwrap();
        assert_eq!(roster.join(&"a".into(), &new, peer, Time::default()), Ok(Some(old.clone())));
        assert_eq!(roster.leave(&old, Time::default()), None, "it is no longer there by that");
        assert_eq!(bridges(&roster, &[], true, None), ["1 by a"]);
        assert_eq!(roster.leave(&new, Time::default()), Some("a".into()));
        assert_eq!(roster.leave(&new, Time::default()), None, "nobody is remembered who is gone");
        assert!(bridges(&roster, &[Target::Lamp(1)], false, None)[0].contains("no bridge is here"));
        assert!(bridges(&roster, &[Target::Lamp(1)], false, Some("a"))[0].contains("not here now"));
    }

    #[test]
    fn strangers_with_many_names_do_not_fill_the_roster() {
        let mut roster = Roster::default();
        let peer = "10.0.0.1:1".parse().unwrap();
        for n in 0..MOST_BRIDGES + 10 {
            let (id, name): (Arc<str>, Arc<str>) = (n.to_string().into(), format!("n{n}").into());
            roster.join(&id, &name, peer, Time::from_micros(n as u64)).unwrap();
            roster.leave(&name, Time::from_micros(n as u64));
        }
        assert_eq!(roster.all().count(), MOST_BRIDGES);
    }
}
