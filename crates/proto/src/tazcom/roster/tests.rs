use super::*;
use crate::{Span, resilience::RawBackoff};

/// A roster, and what it wants.
struct Told {
    roster: Roster,
    now: Time,
    wait: Option<Time>,
}

fn id(n: u8) -> NodeId {
    NodeId::from_bytes([n; 32])
}

fn told_as(me: u8) -> Told {
    let settings = Settings::new(RawRoster { name: Some("Me".into()), ..RawRoster::default() });
    Told { roster: Roster::new(id(me), settings.unwrap(), 7), now: Time::default(), wait: None }
}

fn told() -> Told {
    told_as(1)
}

fn announced(name: &str, who: u8, at: &str) -> Announcement {
    let addrs = at.split_whitespace().map(|at| at.parse().unwrap()).collect();
    Announcement { name: name.into(), id: Some(id(who).to_string()), version: None, addrs }
}

fn proven(who: u8) -> Peer {
    Peer { id: Some(id(who)), verified: true }
}

const OLD: Peer = Peer { id: None, verified: false };

impl Told {
    fn hears(&mut self, input: Input) -> Vec<Output> {
        self.roster.handle_input(self.now, input);
        let mut said = Vec::new();
        loop {
            match self.roster.poll_output() {
                Output::Wait(at) => {
                    self.wait = at;
                    return said;
                }
                output => said.push(output),
            }
        }
    }
    fn finds(&mut self, name: &str, who: u8, at: &str) -> Vec<Output> {
        self.hears(Input::Discovered(announced(name, who, at)))
    }
    /// Goes on to the next instant at which something is due.
    fn goes_on(&mut self) -> Vec<Output> {
        self.now = self.wait.expect("something is due");
        self.hears(Input::Timeout)
    }
    fn fails(&mut self, attempt: u64) -> Vec<Output> {
        self.hears(Input::Ended(attempt, "refused".into()))
    }
}

fn dial(attempt: u64, at: &str) -> Output {
    Output::Dial(attempt, at.parse().unwrap())
}

#[test]
fn who_is_found_is_greeted_at_once_and_is_there_when_it_answers() {
    let mut told = told();
    assert_eq!(told.finds("B", 2, "10.0.0.2:5000"), [dial(1, "10.0.0.2:5000")]);
    assert_eq!(told.hears(Input::Greeted(1, proven(2))), [Output::Joined(id(2), true)]);
    let entry = &told.roster.snapshot()[0];
    assert!(entry.verified && entry.there && entry.linked);
    assert_eq!(told.wait, None);
    // Announced again as it is, there is nothing to do.
    assert_eq!(told.finds("b", 2, "10.0.0.2:5000"), []);
}

#[test]
fn a_peer_that_restarts_on_a_new_port_is_greeted_there_at_once() {
    for (answer, old_link) in [(proven(2), vec![Output::HangUp(1)]), (OLD, vec![])] {
        let mut told = told();
        told.finds("B", 2, "10.0.0.2:5000");
        told.hears(Input::Greeted(1, answer));
        let said = told.finds("B", 2, "10.0.0.2:5001");
        assert_eq!(said.last(), Some(&dial(2, "10.0.0.2:5001")), "{said:?}");
        assert_eq!(told.hears(Input::Greeted(2, answer)), old_link);
    }
}

#[test]
fn refused_at_first_it_is_tried_again_with_growing_delays_until_it_opens() {
    let mut told = told();
    told.finds("B", 2, "10.0.0.2:5000");
    assert_eq!(told.fails(1), [Output::Reverify("B".into())]);
    let mut at = vec![];
    while at.len() < 5 {
        if let Some(Output::Dial(next, _)) = told.goes_on().first() {
            let next = *next;
            at.push(told.now.since_start().as_millis());
            told.fails(next);
        }
    }
    assert!((250..350).contains(&at[0]) && (750..950).contains(&at[1]), "{at:?}");
    assert!(at[4] - at[3] <= 5100 && at[2] < 3000, "{at:?}");
    let Output::Dial(attempt, _) = told.goes_on()[0] else { panic!() };
    assert_eq!(told.hears(Input::Greeted(attempt, OLD)), [Output::Joined(id(2), false)]);
}

#[test]
fn a_ghost_is_gone_within_seconds_and_still_greeted() {
    let mut told = told();
    told.finds("B", 2, "10.0.0.2:5000");
    told.hears(Input::Greeted(1, proven(2)));
    assert_eq!(told.hears(Input::Ended(1, "reset".into())), [dial(2, "10.0.0.2:5000")]);
    told.fails(2);
    loop {
        let said = told.goes_on();
        if let Some(Output::Dial(attempt, _)) = said.first() {
            told.fails(*attempt);
        }
        if said.contains(&Output::Left(id(2), Gone::Ghost)) {
            break;
        }
    }
    assert!(told.now <= Time::from_millis(5000), "{:?}", told.now);
    assert!(told.wait.is_some());
}

#[test]
fn an_announcement_found_to_be_false_is_gone_at_once() {
    let mut told = told();
    told.finds("B", 2, "10.0.0.2:5000");
    told.hears(Input::Greeted(1, OLD));
    assert_eq!(told.hears(Input::Gone("b".into())), [Output::Left(id(2), Gone::Goodbye)]);
    assert_eq!(told.roster.snapshot(), []);
}

/// Multicast may cease where everything else goes on.
#[test]
fn a_link_that_works_needs_no_announcement() {
    let mut told = told();
    told.finds("B", 2, "10.0.0.2:5000");
    told.hears(Input::Greeted(1, proven(2)));
    assert_eq!(told.hears(Input::Gone("B".into())), []);
    assert!(told.roster.snapshot()[0].linked);
    // And when it ends, it is greeted again.
    assert_eq!(told.hears(Input::Ended(1, "reset".into())), [dial(2, "10.0.0.2:5000")]);
}

/// As when a plug is pulled: the announcement goes first, and then the link.
#[test]
fn one_whose_link_ends_after_its_announcement_leaves_as_well() {
    let mut told = told();
    told.finds("B", 2, "10.0.0.2:5000");
    told.hears(Input::Greeted(1, proven(2)));
    told.hears(Input::Gone("B".into()));
    told.hears(Input::Ended(1, "no word".into()));
    told.fails(2);
    loop {
        let said = told.goes_on();
        if let Some(Output::Dial(attempt, _)) = said.first() {
            told.fails(*attempt);
        }
        if said.contains(&Output::Left(id(2), Gone::Ghost)) {
            break;
        }
    }
    assert!(told.now <= Time::from_millis(5000), "{:?}", told.now);
}

/// As after a partition, of which nobody says when it is over.
#[test]
fn one_that_has_proven_itself_is_looked_for_a_while_after_its_announcement_is_gone() {
    for (missed, found) in [(60_000, true), (1_000, false)] {
        let mut told = told();
        let raw = RawRoster { missed: Span::millis(missed), ..RawRoster::default() };
        told.roster = Roster::new(id(1), Settings::new(raw).unwrap(), 7);
        told.finds("B", 2, "10.0.0.2:5000");
        told.hears(Input::Greeted(1, proven(2)));
        told.hears(Input::Ended(1, "no word".into()));
        told.fails(2);
        assert_eq!(told.hears(Input::Gone("B".into())), [Output::Left(id(2), Gone::Goodbye)]);
        let mut again = 0;
        while again < 5 && told.wait.is_some() {
            if let Some(Output::Dial(attempt, _)) = told.goes_on().first() {
                again += 1;
                told.fails(*attempt);
            }
        }
        assert_eq!(told.wait.is_some(), found, "after {missed} ms");
        if found {
            let Output::Dial(attempt, _) = told.goes_on()[0] else { panic!() };
            assert_eq!(
                told.hears(Input::Greeted(attempt, proven(2))),
                [Output::Joined(id(2), true)]
            );
        }
    }
}

#[test]
fn somebody_else_at_the_address_of_one_that_is_missed_is_no_impostor() {
    for answer in [proven(9), OLD] {
        let mut told = told();
        told.finds("B", 2, "10.0.0.2:5000");
        told.hears(Input::Greeted(1, proven(2)));
        told.hears(Input::Ended(1, "closed".into()));
        told.fails(2);
        told.hears(Input::Gone("B".into()));
        let Output::Dial(attempt, _) = told.goes_on()[0] else { panic!() };
        assert_eq!(told.hears(Input::Greeted(attempt, answer)), [Output::HangUp(attempt)]);
        assert_eq!(told.roster.snapshot(), []);
    }
}

#[test]
fn an_impostor_takes_nothing_from_whom_it_claims_to_be() {
    let mut told = told();
    told.finds("B", 2, "10.0.0.2:5000");
    told.hears(Input::Greeted(1, proven(2)));
    told.finds("Eve", 2, "10.0.0.9:5000");
    let said = told.hears(Input::Greeted(2, OLD));
    let at = "10.0.0.9:5000 (Eve)".to_owned();
    assert_eq!(said, [Output::Impostor { claimed: id(2), at: at.clone() }, Output::HangUp(2)]);
    assert_eq!(told.hears(Input::Gone("Eve".into())), []);
    assert!(told.roster.snapshot()[0].linked);
    // Nor does one that cannot prove it, or proves to be somebody else.
    told.finds("Eve", 2, "10.0.0.9:5000");
    assert!(told.hears(Input::Impostor(3, id(2))).contains(&Output::HangUp(3)));
    told.hears(Input::Gone("Eve".into()));
    told.finds("Eve", 2, "10.0.0.9:5000");
    let said = told.hears(Input::Greeted(4, proven(9)));
    assert_eq!(said[0], Output::Impostor { claimed: id(2), at });
}

#[test]
fn one_that_has_proven_itself_is_never_believed_without_proof_again() {
    let mut told = told();
    let from: IpAddr = "10.0.0.9".parse().unwrap();
    let word = Input::Called(1, Peer { id: Some(id(2)), verified: false }, from);
    assert_eq!(told.hears(word.clone()), []);
    told.hears(Input::Called(2, proven(2), "10.0.0.2".parse().unwrap()));
    let at = "10.0.0.9".into();
    assert_eq!(told.hears(word), [Output::Impostor { claimed: id(2), at }]);
}

/// Multicast DNS is anybody's: who announces a name anew need not be who announced it first.
#[test]
fn a_link_that_works_is_kept_until_whoever_is_elsewhere_proves_to_be_the_same() {
    let linked = || {
        let mut told = told();
        told.finds("B", 2, "10.0.0.2:5000");
        told.hears(Input::Greeted(1, proven(2)));
        assert_eq!(told.finds("B", 2, "10.0.0.9:5000"), [dial(2, "10.0.0.9:5000")]);
        assert_eq!(told.finds("B", 2, "10.0.0.9:5000"), []);
        told
    };
    let mut it_moved = linked();
    assert_eq!(it_moved.hears(Input::Greeted(2, proven(2))), [Output::HangUp(1)]);
    let [entry] = &it_moved.roster.snapshot()[..] else { panic!("it is there once") };
    assert!(entry.linked && entry.addr == "10.0.0.9:5000".parse().unwrap());
    for answer in [OLD, proven(9)] {
        let mut false_one = linked();
        let said = false_one.hears(Input::Greeted(2, answer));
        let at = "10.0.0.9:5000 (B)".into();
        assert_eq!(said, [Output::Impostor { claimed: id(2), at }, Output::HangUp(2)]);
        assert!(false_one.roster.snapshot()[0].linked);
        let said = false_one.hears(Input::Ended(1, "reset".into()));
        assert_eq!(said, [dial(3, "10.0.0.2:5000")], "the liar is not asked");
    }
    let mut late = linked();
    late.fails(2);
    let said = late.hears(Input::Ended(1, "no word".into()));
    assert_eq!(said, [dial(3, "10.0.0.9:5000")], "what was announced last goes first");
    assert_eq!(late.fails(3), [dial(4, "10.0.0.2:5000")]);
}

/// As when an interface comes up.
#[test]
fn another_address_more_is_no_reason_to_hang_up() {
    let mut told = told();
    told.finds("B", 2, "10.0.0.2:5000");
    told.hears(Input::Greeted(1, proven(2)));
    assert_eq!(told.finds("B", 2, "10.0.0.1:5000 10.0.0.2:5000"), []);
    assert_eq!(told.roster.snapshot()[0].addr, "10.0.0.2:5000".parse().unwrap());
    assert_eq!(told.hears(Input::Ended(1, "reset".into())), [dial(2, "10.0.0.2:5000")]);
}

#[test]
fn a_key_in_use_twice_is_told() {
    let mut told = told();
    told.finds("B", 2, "10.0.0.2:5000");
    told.hears(Input::Greeted(1, proven(2)));
    told.finds("B (2)", 2, "10.0.0.3:5000");
    let said = told.hears(Input::Greeted(2, proven(2)));
    assert_eq!(said[0], Output::Clone { id: id(2), at: "10.0.0.3:5000".into() });
    // And when the key is ours; but our own announcement is not somebody else's.
    assert_eq!(told.finds("me", 1, "10.0.0.1:5000"), []);
    let clone = Output::Clone { id: id(1), at: "Me (2)".into() };
    assert_eq!(told.finds("Me (2)", 1, "10.0.0.4:5000"), [clone]);
}

#[test]
fn of_two_links_both_ends_keep_the_one_the_lower_id_has_opened() {
    let both = |me: u8, other: u8| {
        let mut told = told_as(me);
        told.finds("B", other, "10.0.0.2:5000");
        told.hears(Input::Greeted(1, proven(other)));
        told.hears(Input::Called(9, proven(other), "10.0.0.2".parse().unwrap()))
    };
    assert_eq!(both(1, 2), [Output::HangUpCall(9)]);
    assert_eq!(both(2, 1), [Output::HangUp(1)]);
}

#[test]
fn a_link_that_was_opened_to_us_is_used_and_its_end_is_noticed() {
    let mut told = told_as(2);
    let from = "10.0.0.2".parse().unwrap();
    told.roster.admit(told.now, from).unwrap();
    assert_eq!(told.hears(Input::Called(9, proven(1), from)), [Output::Joined(id(1), true)]);
    assert_eq!(told.roster.live_calls(), 1);
    let gone = Output::Left(id(1), Gone::Ghost);
    assert_eq!(told.hears(Input::CallEnded(9, from)), [gone]);
    assert_eq!(told.roster.live_calls(), 0);
}

#[test]
fn who_has_only_called_is_known_as_long_as_its_link() {
    let mut told = told_as(2);
    let from = "10.0.0.2".parse().unwrap();
    told.hears(Input::Called(9, proven(1), from));
    let [known] = &told.roster.snapshot()[..] else { panic!("one is known") };
    assert_eq!((known.id, known.addr), (Some(id(1)), SocketAddr::new(from, 0)));
    assert!(known.verified && known.there && known.linked);
    told.hears(Input::CallEnded(9, from));
    assert_eq!(told.roster.snapshot(), []);
    told.hears(Input::Called(10, proven(1), from));
    told.finds("A", 1, "10.0.0.2:5000");
    assert_eq!(told.roster.snapshot().len(), 1, "it is still the same");
}

#[test]
fn who_has_called_from_where_it_is_announced_is_not_dialled_until_its_link_ends() {
    let mut told = told_as(2);
    let from = "10.0.0.2".parse().unwrap();
    told.hears(Input::Called(9, proven(1), from));
    assert_eq!(told.finds("A", 1, "10.0.0.2:5000"), []);
    assert!(told.roster.snapshot()[0].linked);
    // Elsewhere it may be anybody.
    assert_eq!(told.finds("Eve", 1, "10.0.0.9:5000"), [dial(1, "10.0.0.9:5000")]);
    assert_eq!(told.hears(Input::CallEnded(9, from)), [dial(2, "10.0.0.2:5000")]);
}

#[test]
fn one_that_has_called_and_is_announced_elsewhere_is_greeted_there() {
    let mut told = told_as(2);
    let from = "10.0.0.2".parse().unwrap();
    told.hears(Input::Called(9, proven(1), from));
    assert_eq!(told.finds("A", 1, "10.0.0.2:5000"), []);
    assert_eq!(told.finds("A", 1, "10.0.0.2:5000 10.0.0.3:5000"), [], "it is where it was, too");
    // The port of somebody else, at the addresses of both.
    assert_eq!(told.finds("A", 1, "10.0.0.2:6000 10.0.0.9:6000"), [dial(1, "10.0.0.2:6000")]);
    assert_eq!(told.fails(1), [dial(2, "10.0.0.9:6000")]);
    let said = told.hears(Input::Greeted(2, OLD));
    let at = "10.0.0.9:6000 (A)".into();
    assert_eq!(said, [Output::Impostor { claimed: id(1), at }, Output::HangUp(2)]);
    assert!(told.roster.snapshot()[0].linked);
    assert_eq!(told.hears(Input::CallEnded(9, from)), [dial(3, "10.0.0.2:5000")]);
}

/// As with one that calls from an address it does not announce.
#[test]
fn one_that_was_greeted_beside_a_better_link_is_not_greeted_over_and_over() {
    let mut told = told_as(2);
    let from = "10.0.0.7".parse().unwrap();
    told.hears(Input::Called(9, proven(1), from));
    assert_eq!(told.finds("A", 1, "10.0.0.2:5000"), [dial(1, "10.0.0.2:5000")]);
    assert_eq!(told.hears(Input::Greeted(1, proven(1))), [Output::HangUp(1)]);
    assert_eq!(told.fails(1), []);
    assert!(told.roster.snapshot()[0].linked);
    assert_eq!(told.hears(Input::CallEnded(9, from)), [dial(2, "10.0.0.2:5000")]);
}

#[test]
fn all_addresses_are_tried_and_none_that_means_something_else_here() {
    let mut told = told();
    let addrs =
        "127.0.0.1:5000 0.0.0.0:1 224.0.0.1:1 10.0.0.2:0 10.0.0.2:5000 [fd00::2]:5000 [::1]:5000";
    assert_eq!(told.finds("B", 2, addrs), [dial(1, "10.0.0.2:5000")]);
    assert_eq!(told.fails(1), [dial(2, "[fd00::2]:5000")]);
    assert_eq!(told.fails(2), [Output::Reverify("B".into())]);
    let refused = told.finds("C", 3, "127.0.0.1:5000");
    assert!(matches!(refused[..], [Output::Refused(Why::Address, _)]));
    let settings = Settings::new(RawRoster { loopback: true, ..RawRoster::default() }).unwrap();
    told.roster = Roster::new(id(1), settings, 7);
    assert_eq!(told.finds("C", 3, "127.0.0.1:5000"), [dial(1, "127.0.0.1:5000")]);
}

#[test]
fn an_announcement_without_an_id_is_refused_and_one_that_begins_with_a_dash_is_not() {
    let mut told = told();
    for wrong in [None, Some(String::new()), Some("x".repeat(43) + "="), Some("é".repeat(22))] {
        let found = Announcement { id: wrong, ..announced("B", 2, "10.0.0.2:5000") };
        let said = told.hears(Input::Discovered(found));
        assert!(matches!(said[..], [Output::Refused(Why::Id, _)]), "{said:?}");
    }
    assert!(id(0xfb).to_string().starts_with('-'));
    assert_eq!(told.finds("B", 0xfb, "10.0.0.2:5000"), [dial(1, "10.0.0.2:5000")]);
}

#[test]
fn names_that_differ_only_in_case_are_one_announcement_and_ids_are_not() {
    let mut told = told();
    told.finds("Node x", 2, "10.0.0.2:5000");
    let lower = id(2).to_string().to_lowercase();
    // The last character must have its unused bits zero.
    let other = format!("{}I", &lower[..42]);
    assert_ne!(other.parse::<NodeId>().unwrap(), id(2));
    let found = Announcement { id: Some(other), ..announced("NODE X", 2, "10.0.0.2:5000") };
    assert_eq!(told.hears(Input::Discovered(found)), [Output::HangUp(1), dial(2, "10.0.0.2:5000")]);
    assert_eq!(told.roster.snapshot().len(), 1);
}

#[test]
fn every_limit_holds() {
    let from: IpAddr = "10.0.0.2".parse().unwrap();
    let admitted = |raw: RawRoster| {
        let mut roster = Roster::new(id(1), Settings::new(raw).unwrap(), 7);
        (0..500).filter(|_| roster.admit(Time::default(), from).is_ok()).count()
    };
    let raw = RawRoster::default;
    assert_eq!(admitted(raw()), 16);
    assert_eq!(admitted(RawRoster { calls_each: 256, ..raw() }), 40);
    assert_eq!(admitted(RawRoster { calls_each: 256, call_burst: 400, ..raw() }), 256);
    assert_eq!(admitted(RawRoster { calls: 9, calls_each: 9, ..raw() }), 9);
    let mut told = told();
    let settings = Settings::new(RawRoster { records: 40, ..raw() }).unwrap();
    told.roster = Roster::new(id(1), settings, 7);
    let mut said = Vec::new();
    for n in 2..100 {
        said.extend(told.finds(&format!("{n}"), n, "10.0.0.2:5000"));
    }
    let count = |of: fn(&Output) -> bool| said.iter().filter(|output| of(output)).count();
    assert_eq!(count(|output| matches!(output, Output::Dial(..))), MAX_DIALING);
    assert_eq!(count(|output| matches!(output, Output::Refused(Why::TooMany, _))), 98 - 40);
    // When one greeting ends, another begins.
    assert!(told.fails(1).iter().any(|output| matches!(output, Output::Dial(33, _))));
}

#[test]
fn times_are_what_was_set() {
    let when = |raw: RawRoster, peer: Peer| {
        let mut told = told();
        told.roster = Roster::new(id(1), Settings::new(raw).unwrap(), 7);
        told.finds("B", 2, "10.0.0.2:5000");
        told.hears(Input::Greeted(1, peer));
        told.wait.map(Time::since_start).map(|at| at.as_millis())
    };
    let raw = RawRoster::default;
    assert_eq!(when(raw(), OLD), Some(60_000));
    assert_eq!(when(RawRoster { recheck: Span::millis(5000), ..raw() }, OLD), Some(5000));
    let forgotten = |forget| {
        let mut told = told();
        let settings = Settings::new(RawRoster { forget, ..raw() }).unwrap();
        told.roster = Roster::new(id(1), settings, 7);
        told.finds("B", 2, "10.0.0.2:5000");
        told.fails(1);
        told.now = Time::from_millis(100_000);
        told.hears(Input::Timeout);
        told.roster.snapshot().is_empty()
    };
    assert!(forgotten(Span::millis(100_000)) && !forgotten(Span::millis(100_001)));
}

#[test]
fn two_ways_to_the_same_node_are_one_link_and_no_clone() {
    let mut told = told();
    told.finds("B", 2, "10.0.0.2:5000");
    told.hears(Input::Greeted(1, proven(2)));
    told.hears(Input::Given("10.1.0.2:5000".parse().unwrap()));
    assert_eq!(told.hears(Input::Greeted(2, proven(2))), [Output::HangUp(2)]);
}

#[test]
fn delays_are_what_was_set() {
    let raw = RawRoster::default;
    let after_failing = |raw: RawRoster| {
        let mut told = told();
        told.roster = Roster::new(id(1), Settings::new(raw).unwrap(), 7);
        told.finds("B", 2, "10.0.0.2:5000");
        told.fails(1);
        told.wait.map(Time::since_start).map(|at| at.as_millis()).expect("it is tried again")
    };
    let late = RawBackoff { base: Span::millis(3000), ..raw().backoff };
    assert!((250..350).contains(&after_failing(raw())));
    assert!((3000..3100).contains(&after_failing(RawRoster { backoff: late.clone(), ..raw() })));
    let ghost = Span::millis(1000);
    assert_eq!(after_failing(RawRoster { ghost, backoff: late, ..raw() }), 1000);
}

#[test]
fn when_the_network_changes_everybody_is_greeted_again() {
    let mut told = told();
    told.hears(Input::Given("10.0.0.2:5000".parse().unwrap()));
    told.fails(1);
    let said = told.hears(Input::NetworkChanged);
    assert_eq!(said, [dial(2, "10.0.0.2:5000")]);
}
