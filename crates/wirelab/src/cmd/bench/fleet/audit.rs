//! Holds what the controller claims against what the bridges say of themselves. It believes the bridges.
use std::collections::{BTreeMap, BTreeSet};

/// What a bridge says that it did to its lamp, in the order in which it did.
pub(super) type Journal = Vec<Applied>;

/// One thing that a bridge did.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Applied {
    pub(super) bridge: String,
    /// What it did, in words. No two commands of a run are the same.
    pub(super) what: String,
}

/// What the controller says of one command.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) command: Applied,
    /// That it was done, or seen to be.
    pub(super) done: bool,
}

/// What came of holding one against the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Audit {
    /// Claimed to be done, and not known to the bridge; or known, and its lamp is not like that although
    /// nothing came after.
    pub(super) false_confirmations: usize,
    /// Done more than once.
    pub(super) repeated: usize,
    /// Done, and nobody claims it.
    pub(super) unconfirmed: usize,
}

/// Compares them. `lamps` is what each bridge says its lamp is like in the end, in the journal's words.
pub(super) fn audit(
    claims: &[Claim],
    journal: &Journal,
    lamps: &BTreeMap<String, String>,
) -> Audit {
    let mut times = BTreeMap::<&Applied, usize>::new();
    let mut last = BTreeMap::new();
    for applied in journal {
        *times.entry(applied).or_default() += 1;
        last.insert(&applied.bridge, &applied.what);
    }
    let claimed: BTreeSet<_> = claims.iter().filter(|c| c.done).map(|c| &c.command).collect();
    let is_so = |command: &Applied| {
        let is_last = last.get(&command.bridge) == Some(&&command.what);
        let shows = lamps.get(&command.bridge) == Some(&command.what);
        times.contains_key(command) && (shows || !is_last)
    };
    Audit {
        false_confirmations: claimed.iter().filter(|command| !is_so(command)).count(),
        repeated: times.values().filter(|times| **times > 1).count(),
        unconfirmed: times.keys().filter(|applied| !claimed.contains(*applied)).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn did(bridge: &str, what: &str) -> Applied {
        Applied { bridge: bridge.into(), what: what.into() }
    }
    fn claim(bridge: &str, what: &str, done: bool) -> Claim {
        Claim { command: did(bridge, what), done }
    }
    fn lamps(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(bridge, what)| ((*bridge).into(), (*what).into())).collect()
    }
    /// False confirmations, repeated, unconfirmed.
    fn found(claims: &[Claim], journal: &Journal, lamps: &BTreeMap<String, String>) -> [usize; 3] {
        let Audit { false_confirmations, repeated, unconfirmed } = audit(claims, journal, lamps);
        [false_confirmations, repeated, unconfirmed]
    }

    #[test]
    fn what_the_bridge_did_and_shows_is_true() {
        let claims = [claim("a", "1", true), claim("b", "2", true), claim("a", "3", true)];
        let journal = vec![did("a", "1"), did("b", "2"), did("a", "3")];
        assert_eq!(found(&claims, &journal, &lamps(&[("a", "3"), ("b", "2")])), [0; 3]);
    }

    #[test]
    fn what_no_bridge_knows_of_is_a_false_confirmation() {
        let claims = [claim("a", "1", true), claim("a", "2", false)];
        assert_eq!(found(&claims, &vec![], &lamps(&[("a", "0")])), [1, 0, 0]);
        let elsewhere = vec![did("b", "1")];
        assert_eq!(found(&claims, &elsewhere, &lamps(&[("b", "1")])), [1, 0, 1]);
    }

    #[test]
    fn what_was_done_and_is_not_to_be_seen_is_one_too() {
        let claims = [claim("a", "1", true)];
        assert_eq!(found(&claims, &vec![did("a", "1")], &lamps(&[("a", "0")])), [1, 0, 0]);
        assert_eq!(found(&claims, &vec![did("a", "1")], &lamps(&[])), [1, 0, 0]);
    }

    #[test]
    fn what_was_done_twice_or_in_silence_is_told() {
        let claims = [claim("a", "1", true), claim("a", "2", false)];
        let journal = vec![did("a", "1"), did("a", "2"), did("a", "1")];
        assert_eq!(found(&claims, &journal, &lamps(&[("a", "1")])), [0, 1, 1]);
    }
}
