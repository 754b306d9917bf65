use super::*;
use crate::probe::{Case, setup::RawSetup, setup::Setup};

fn cases() -> impl Iterator<Item = (&'static Suite, &'static Case)> {
    [&DEVICE, &CLIENT].into_iter().flat_map(|suite| suite.cases().map(move |case| (suite, case)))
}

#[test]
fn the_list_of_cases_is_stable() {
    let line = |(suite, case): (&Suite, &Case)| {
        format!("{:<12} {:<9} {}\n", case.id, suite.group(case), case.title)
    };
    insta::assert_snapshot!(cases().map(line).collect::<String>());
}

#[test]
fn there_are_enough_cases_and_no_id_is_given_twice() {
    assert!(DEVICE.cases().count() >= 30 && CLIENT.cases().count() >= 40);
    let mut ids: Vec<_> = cases().map(|(_, case)| case.id).collect();
    assert!(ids.iter().all(|id| id.starts_with("toggle/")));
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

fn sent(steps: &'static [Step], vars: &Vars, see: &mut impl FnMut(Result<Vec<u8>, String>)) {
    for step in steps {
        match step {
            Step::Send(bytes) | Step::SendSlowly(bytes, _) | Step::Ping(bytes, _) => {
                see(bytes.render(vars));
            }
            Step::Serve(treatments) => treatments.iter().for_each(|steps| sent(steps, vars, see)),
            _ => {}
        }
    }
}

#[test]
fn all_that_is_sent_can_be_written_by_both_readings() {
    for level in LEVELS {
        for (suite, case) in cases() {
            let raw = RawSetup { level: Some(level.into()), ..RawSetup::default() };
            let mut vars = Setup::new(suite, raw).unwrap().vars(case.id);
            vars.learn('m', b"3fe16b6143344afb");
            vars.learn('k', b"3fe16b6143344afa");
            sent(case.steps, &vars, &mut |sent| {
                assert!(sent.as_ref().is_ok_and(|sent| !sent.is_empty()), "{}: {sent:?}", case.id);
            });
        }
    }
}

/// The reference's own bytes, as a capture of it has them.
const GOLDEN: &[u8] = b"\xf0\x0d\x01\0\0\0\x54{\"opcode\": \"toggle\", \"device_id\": \"D1\", \
                        \"msg_id\": \"3fe16b6143344afb\", \"state\": true}";

#[test]
fn our_command_is_the_references_byte_for_byte() {
    let mut vars = Setup::new(&DEVICE, RawSetup::default()).unwrap().vars("");
    vars.learn('u', b"3fe16b6143344afb");
    assert_eq!(COMMAND.render(&vars).unwrap(), GOLDEN);
    vars.learn('m', b"3fe16b6143344afb");
    assert_eq!(FRAMED_ACK.render(&vars).unwrap().len(), 54);
}

#[test]
fn frames_are_cut_and_named() {
    assert_eq!((cut(GOLDEN), cut(&GOLDEN[..40])), (Cut::Frame(91), Cut::More));
    assert_eq!((cut(b"ACKACK"), cut(b"AC"), cut(b"")), (Cut::Frame(3), Cut::More, Cut::More));
    assert_eq!((cut(b"\xf0"), cut(b"\xf0\x0e"), cut(b"NAK")), (Cut::More, Cut::Never, Cut::Never));
    assert_eq!(cut(b"\xf0\x0d\x01\xff\xff\xff\xff"), Cut::Never);
    assert_eq!((&*name(b"ACK"), &*name(GOLDEN)), ("ACK", "toggle"));
    let framed = |text: &str| {
        let mut frame = vec![0xf0, 0x0d, 1, 0, 0, 0, u8::try_from(text.len()).unwrap()];
        frame.extend_from_slice(text.as_bytes());
        frame
    };
    assert_eq!(name(&framed(r#"{"opcode": "ack", "msg_id": "x"}"#)), "ack");
    assert_eq!(name(&framed(r#"{"opcode": "toggle"}"#)), "a toggle with wrong fields");
    assert_eq!(name(&framed(r#"{"opcode": "dance"}"#)), "opcode dance");
    assert_eq!(name(&framed("[]")), "a frame that is no message");
    assert_eq!(name(b"<html>"), "6 bytes that are no frame");
}

#[test]
fn a_command_lacks_nothing() {
    assert_eq!(command(GOLDEN).as_deref(), Some("3fe16b6143344afb"));
    let without = |what: &str, instead: &str| {
        let text = String::from_utf8_lossy(&GOLDEN[7..]).replace(what, instead);
        let mut frame = vec![0xf0, 0x0d, 1, 0, 0, 0, u8::try_from(text.len()).unwrap()];
        frame.extend_from_slice(text.as_bytes());
        command(&frame)
    };
    assert_eq!(without("toggle", "ack"), None);
    assert_eq!(without("true", "1"), None);
    assert_eq!(without("\"D1\"", "1"), None);
    assert_eq!(without("msg_id", "id"), None);
    assert!(without(", ", ",").is_some(), "any JSON will do");
    assert_eq!(command(&GOLDEN[..90]), None);
}
