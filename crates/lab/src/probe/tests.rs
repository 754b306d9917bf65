//! The suite of HSMS, and one made for these tests, against peers that behave in one known way.
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use ::net::{TcpOptions, net::Net};

use super::{
    bytes::{Bytes::Hex, Pattern, pattern},
    devices::judge_device,
    outcome::{closes, closes_at, stays},
    setup::RawSetup,
    steps::{Length, Step, Until},
    *,
};

/// A protocol of single bytes: `50` is answered by `51`.
const TOY: Suite = Suite {
    protocol: "toy",
    side: Side::Device,
    port: 0,
    timers: &[("t1", 500), ("off", 0)],
    levels: ["strict", "lax"],
    cut: |bytes| if bytes.is_empty() { Cut::More } else { Cut::Frame(1) },
    name: |frame| format!("{:02x}", frame[0]),
    command: |_| None,
    reflex: |frame| match frame[0] {
        0x60 => Reflex::Drop,
        0x61 => Reflex::Answer(vec![0x62]),
        _ => Reflex::Keep,
    },
    health: &[Step::Connect, ASK, Step::Expect(ANSWER), Step::Close],
    groups: &[],
};

const ANSWER: Pattern = pattern("51", "51");
const ASK: Step = Step::Send(Hex("50"));
const ALIVE: Step = Step::Ping(Hex("50"), ANSWER);
const T1: Length = Length::Timer("t1");

const ASKED: Case =
    Case::new("toy/1", "asked", "51", &[Step::Connect, ASK, Step::Watch(Until::Frames(1))])
        .first(&[stays(&[ANSWER])])
        .second(&[stays(&[pattern("52", "52")])])
        .acceptable(&[closes(&[])]);
const CURIOUS: Case =
    Case::new("toy/2", "curious", "-", &[Step::Connect, ASK, Step::Watch(Until::Frames(1)), ALIVE]);
const LEFT_ALONE: Case =
    Case::new("toy/3", "left alone", "t1", &[Step::Connect, Step::Watch(Until::Past(T1))])
        .both(&[closes_at(&[], T1)]);
const IMPOSSIBLE: Case = Case::new(
    "toy/4",
    "waits for 77",
    "-",
    &[Step::Connect, ASK, Step::Expect(pattern("77", "77")), Step::Watch(Until::Frames(1))],
)
.both(&[stays(&[])]);
const NEEDY: Case = Case::new("toy/5", "needs", "-", &[Step::Connect]).needs("off");
const HOPEFUL: Case = Case::new(
    "toy/6",
    "hopes for 77",
    "-",
    &[Step::Connect, ASK, Step::Hope(pattern("77", "77"), "77 is optional")],
)
.both(&[stays(&[])]);
const DEADLY: Case = Case::new("toy/7", "sends dd", "-", &[Step::Connect, Step::Send(Hex("dd"))])
    .both(&[stays(&[])]);

/// A server that does as `on` says with each byte of each connection, one connection at a time; it
/// ends when `on` says so. It ends with the tests in any case.
fn server(on: impl Fn(&mut TcpStream, u8) -> bool + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut byte = [0];
            while let Ok(1) = stream.read(&mut byte) {
                if byte[0] == 0xdd {
                    return;
                }
                if !on(&mut stream, byte[0]) {
                    break;
                }
            }
        }
    });
    addr
}

/// Answers every byte with the same.
fn says(what: &'static [u8]) -> SocketAddr {
    server(move |stream, _| stream.write_all(what).is_ok())
}

fn setup(level: &str) -> Setup {
    let patience = Duration::from_millis(300);
    let level = Some(level.into());
    Setup::new(&TOY, RawSetup { patience, level, ..RawSetup::default() }).unwrap()
}

fn judged_by(level: &str, addr: SocketAddr, cases: &[&'static Case]) -> Vec<CaseResult> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let net = Net::Tcp(TcpOptions::default());
    runtime.block_on(judge_device(&TOY, cases, addr, net, setup(level), 1, |_| {}))
}

fn verdict_on(addr: SocketAddr, case: &'static Case) -> Verdict {
    judged_by("strict", addr, &[case])[0].verdict
}

#[test]
fn what_the_reading_demands_passes_and_what_the_other_does_is_non_strict() {
    let by = |level, what| judged_by(level, says(what), &[&ASKED])[0].verdict;
    assert_eq!(by("strict", b"\x51"), Verdict::Pass);
    assert_eq!(by("lax", b"\x51"), Verdict::NonStrict);
    assert_eq!(by("strict", b"\x52"), Verdict::NonStrict);
    assert_eq!(by("lax", b"\x52"), Verdict::Pass);
    assert_eq!(by("strict", b"\x53"), Verdict::Fail);
    let closes = server(|_, _| false);
    assert_eq!(verdict_on(closes, &ASKED), Verdict::NonStrict, "acceptable");
}

#[test]
fn a_fail_says_what_was_expected_and_seen_and_shows_the_bytes() {
    let [result] = &judged_by("strict", says(b"\x53"), &[&ASKED])[..] else { panic!("one") };
    assert_eq!((&*result.expected, &*result.brief), ("says 51 and stays", "53, stays"));
    assert!(result.actual.contains("said 53"), "{result:?}");
    let bytes: Vec<_> = result.evidence.iter().map(|m| (m.what, &*m.detail)).collect();
    assert!(bytes.contains(&("sent", "50")) && bytes.contains(&("received", "53")), "{bytes:?}");
    let (sent, came) = (&result.evidence[1], &result.evidence[2]);
    assert!(sent.at_us <= came.at_us && came.conn == 1, "{bytes:?}");
}

#[test]
fn where_no_standard_speaks_only_deafness_is_a_fault() {
    let good = server(|stream, _| stream.write_all(b"\x51").is_ok());
    assert_eq!(verdict_on(good, &CURIOUS), Verdict::Info);
    let once = server({
        let asked = std::cell::Cell::new(0);
        move |stream, _| {
            asked.set(asked.get() + 1);
            // The first is the health check's, the second the case's question.
            asked.get() > 2 && asked.get() < 4 || stream.write_all(b"\x51").is_ok()
        }
    });
    let [result] = &judged_by("strict", once, &[&CURIOUS])[..] else { panic!("one") };
    assert_eq!((result.verdict, &*result.brief), (Verdict::Fail, "51, is deaf"));
}

#[test]
fn a_timer_is_kept_or_not() {
    let [never] = &judged_by("strict", says(b"\x51"), &[&LEFT_ALONE])[..] else { panic!("one") };
    assert_eq!((never.verdict, &*never.brief), (Verdict::Fail, "stays"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            while let Ok(1) = stream.read(&mut [0]) {
                stream.write_all(b"\x51").unwrap();
            }
        }
    });
    let [result] = &judged_by("strict", addr, &[&LEFT_ALONE])[..] else { panic!("one") };
    assert_eq!((result.verdict, &*result.brief), (Verdict::Pass, "closes at T1"), "{result:?}");
}

#[test]
fn what_cannot_be_seen_is_inconclusive_and_what_does_not_apply_is_skipped() {
    let addr = says(b"\x51");
    let results = judged_by("strict", addr, &[&IMPOSSIBLE, &NEEDY, &HOPEFUL]);
    let [impossible, needy, hopeful] = &results[..] else { panic!("three") };
    assert_eq!(impossible.verdict, Verdict::Inconclusive);
    assert!(impossible.actual.contains("waited for 77, and it said 51"), "{impossible:?}");
    assert_eq!(needy.verdict, Verdict::Skipped);
    assert!(needy.actual.contains("--off"), "{needy:?}");
    assert_eq!(hopeful.verdict, Verdict::Skipped);
    assert!(hopeful.actual.starts_with("77 is optional"), "{hopeful:?}");
}

#[test]
fn the_case_that_kills_a_device_is_named_and_the_rest_is_inconclusive() {
    let results = judged_by("strict", says(b"\x51"), &[&ASKED, &DEADLY, &ASKED]);
    let [before, deadly, after] = &results[..] else { panic!("three") };
    assert_eq!(before.verdict, Verdict::Pass);
    assert_eq!(deadly.verdict, Verdict::Fail);
    assert!(deadly.notes[0].contains("no new connection"), "{deadly:?}");
    assert_eq!(after.verdict, Verdict::Inconclusive);
    assert!(after.actual.contains("toy/7"), "{after:?}");
}

#[test]
fn nobody_at_the_address_is_inconclusive() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let results = judged_by("strict", free, &[&ASKED]);
    assert_eq!(results[0].verdict, Verdict::Inconclusive);
    assert!(results[0].actual.contains("cannot be reached"), "{results:?}");
}

#[test]
fn a_device_that_never_stops_talking_fails_and_is_not_listened_to_for_ever() {
    let asked = std::cell::Cell::new(0);
    let floods = server(move |stream, _| {
        asked.set(asked.get() + 1);
        // The first is the health check's.
        while asked.get() == 2 && stream.write_all(&[0x53; 4096]).is_ok() {}
        stream.write_all(b"\x51").is_ok()
    });
    let [result] = &judged_by("strict", floods, &[&ASKED])[..] else { panic!("one") };
    assert_eq!(result.verdict, Verdict::Fail);
    assert!(result.actual.contains("more than 10000 messages"), "{}", result.actual);
    assert!(result.evidence.len() <= 1000 && result.notes.is_empty(), "{:?}", result.notes);
}

#[test]
fn what_comes_unasked_is_passed_over_and_answered() {
    let chatty = server(|stream, byte| {
        // It says so only once its own question was answered.
        let mut answer = [0];
        stream.write_all(b"\x60\x61").unwrap();
        byte == 0x50 && stream.read(&mut answer).is_ok() && answer == [0x62] && {
            stream.write_all(b"\x51").is_ok()
        }
    });
    assert_eq!(verdict_on(chatty, &ASKED), Verdict::Pass);
}

#[test]
fn several_at_a_time_come_back_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                while let Ok(1) = stream.read(&mut [0]) {
                    stream.write_all(b"\x51").unwrap();
                }
            });
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = [&LEFT_ALONE, &ASKED, &LEFT_ALONE, &CURIOUS];
    let net = Net::Tcp(TcpOptions::default());
    let mut told = Vec::new();
    let results =
        runtime.block_on(judge_device(&TOY, &cases, addr, net, setup("strict"), 4, |r| {
            told.push(r.id);
        }));
    let ids: Vec<_> = results.iter().map(|r| r.id).collect();
    assert_eq!(ids, ["toy/3", "toy/1", "toy/3", "toy/2"]);
    told[..2].sort_unstable();
    assert_eq!(told[..2], ["toy/1", "toy/2"], "told of as soon as known, before the slow ones");
}

#[test]
fn suites_are_found_by_protocol_and_side() {
    assert_eq!(find("hsms", Side::Client).unwrap().side, Side::Client);
    let error = find("vkb", Side::Device).unwrap_err();
    assert!(error.problem.contains("there are some for hsms"), "{error:?}");
}

#[test]
fn a_reflex_does_not_fall_into_the_middle_of_a_frame() {
    static PAIRS: Suite = Suite {
        cut: |bytes| if bytes.len() < 2 { Cut::More } else { Cut::Frame(2) },
        name: |frame| format!("{:02x}", frame[1]),
        reflex: |frame| match frame[1] {
            0x61 => Reflex::Answer(vec![0x62, 0x62]),
            _ => Reflex::Keep,
        },
        health: &[Step::Connect],
        ..TOY
    };
    static SPLIT: Case = Case::new(
        "toy/8",
        "split",
        "-",
        &[
            Step::Connect,
            Step::Send(Hex("50")),
            Step::Wait(Length::Millis(50)),
            Step::Watch(Until::Past(Length::Millis(50))),
            Step::Send(Hex("50")),
            Step::Watch(Until::Frames(1)),
        ],
    )
    .both(&[stays(&[pattern("5050", "5050")])]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut pair) = (stream.unwrap(), [0; 2]);
            stream.write_all(&[0x61, 0x61]).unwrap();
            while stream.read_exact(&mut pair).is_ok() && stream.write_all(&pair).is_ok() {}
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let net = Net::Tcp(TcpOptions::default());
    let cases = [&SPLIT];
    let judging = judge_device(&PAIRS, &cases, addr, net, setup("strict"), 1, |_| {});
    let results = runtime.block_on(judging);
    assert_eq!(results[0].verdict, Verdict::Pass, "{results:?}");
}
