use super::*;
use crate::probe::{Case, setup::RawSetup, setup::Setup};

fn cases() -> impl Iterator<Item = (&'static Suite, &'static Case)> {
    [&DEVICE, &CLIENT].into_iter().flat_map(|suite| suite.cases().map(move |case| (suite, case)))
}

#[test]
fn the_list_of_cases_is_stable() {
    let line = |(_, case): (_, &Case)| format!("{:<10} {}\n", case.id, case.title);
    insta::assert_snapshot!(cases().map(line).collect::<String>());
}

#[test]
fn no_id_is_given_twice() {
    let mut ids: Vec<_> = cases().map(|(_, case)| case.id).collect();
    assert!(ids.iter().all(|id| id.starts_with("hsms/")));
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

/// What is sent can be told from wildcards, and the lengths written down are those of what follows.
#[test]
fn what_is_sent_is_bytes_and_long_ones_are_as_long_as_they_say() {
    let vars = Setup::new(&DEVICE, RawSetup::default()).unwrap().vars("");
    let vars = vars.with('x', "ffff").with('y', "00000001").with('z', "00000001");
    for (_, case) in cases() {
        for step in case.steps {
            let bytes = match step {
                Step::Send(bytes) | Step::SendSlowly(bytes, _) | Step::Ping(bytes, _) => bytes,
                _ => continue,
            };
            let sent = bytes.render(&vars).unwrap_or_else(|e| panic!("{}: {e}", case.id));
            if let Bytes::Filled { .. } = bytes {
                assert_eq!(cut(&sent), Cut::Frame(sent.len()), "{}", case.id);
            }
        }
    }
}

#[test]
fn frames_are_cut_and_named() {
    let select = SELECT.render(&crate::probe::bytes::Vars::default()).unwrap();
    assert_eq!((cut(&select[..13]), cut(&select)), (Cut::More, Cut::Frame(14)));
    assert_eq!(cut(&[0, 0, 0, 9, 1]), Cut::Never);
    assert_eq!(cut(&[0xff; 4]), Cut::Never);
    assert_eq!(name(&select), "Select.req");
    let named = |hex: &str| name(&proto::session::hex::decode(hex).unwrap());
    assert_eq!(named("0000000a ffff 0801 0007 0000002a"), "Reject 1");
    assert_eq!(named("0000000a 0000 8101 0000 00000001"), "S1F1");
    assert_eq!(named("0000000a 0000 0000 0100 00003039"), "PType 1 SType 0");
    assert_eq!(named("0000000a ffff 0003 0002 0000002a"), "Select.rsp 3");
    assert_eq!(named("0102"), "2 bytes that are no message");
}

#[test]
fn what_comes_unasked_is_answered_in_kind_or_passed_over() {
    let of =
        |reflex: fn(&[u8]) -> Reflex, hex: &str| reflex(&proto::session::hex::decode(hex).unwrap());
    let answer = |hex: &str| Reflex::Answer(proto::session::hex::decode(hex).unwrap().to_vec());
    let linktest = "0000000a ffff 0000 0005 0000002a";
    assert_eq!(of(of_a_host, linktest), answer("0000000a ffff 0000 0006 0000002a"));
    assert_eq!(of(of_equipment, linktest), answer("0000000a ffff 0000 0006 0000002a"));
    let s1f13 = "0000000c 0007 810d 0000 0000002a 0100";
    assert_eq!(of(of_a_host, s1f13), answer("00000011 0007 010e 0000 0000002a 0102 210100 0100"));
    assert_eq!(of(of_equipment, s1f13), Reflex::Drop);
    assert_eq!(of(of_a_host, "0000000a 0007 0905 0000 0000002a"), Reflex::Keep);
    assert_eq!(of(of_a_host, "0000000a 0007 860b 0000 0000002a"), Reflex::Drop);
    assert_eq!(of(of_a_host, "0000000a 0007 0102 0000 0000002a"), Reflex::Keep);
}
