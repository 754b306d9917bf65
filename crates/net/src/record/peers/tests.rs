use std::net::SocketAddr;

use bytes::Bytes;
use proto::Proof;

use super::*;
use crate::record::{Metrics, Role, Sink, exposition, told::*};

fn connecting(conn: u32) -> Event {
    Event::Connecting { conn, addr: addr() }
}
fn opened(conn: u32, peer: &str) -> Event {
    Event::Opened { conn, local: addr(), peer: peer.parse::<SocketAddr>().unwrap() }
}
fn said(conn: u32, dir: Dir, kind: &'static str, id: Option<&str>) -> Event {
    let (ticket, msg_id, device_id) = (None, None, id.map(Into::into));
    let bytes = Bytes::new();
    Event::Frame { conn, dir, kind: kind.into(), ticket, msg_id, device_id, bytes, took_us: 0 }
}
fn ready(conn: u32) -> [Event; 2] {
    let proof = Proof::RoundTrip;
    [Event::Ready { conn, proof }, Event::Proved { conn, proof }]
}
fn closed(conn: u32, reason: CloseReason) -> Event {
    Event::Closed { conn, reason }
}
fn lost(conn: u32) -> Event {
    Event::Lost { conn, reason: "gone".into(), redial_in_us: 50_000 }
}
fn timer(text: &str) -> CloseReason {
    CloseReason::Timer(text.into())
}

/// A bridge that dials a lobby from there, and is let in.
fn guest(peer: &str, id: &str) -> Vec<Event> {
    let words = [said(1, Dir::In, "login", Some(id)), said(1, Dir::Out, "login_ack", None)];
    [opened(1, peer)].into_iter().chain(words).chain(ready(1)).collect()
}

/// What is not zero, as `series value`, of clients that tell these stories one after the other.
fn told(stories: &[(&str, Vec<Event>)]) -> Vec<String> {
    let mut metrics = Metrics::new();
    for (node, events) in stories {
        events.iter().for_each(|e| metrics.take(&by(node, Role::Client, 0, e.clone())));
    }
    assert_eq!(exposition::read(&metrics.text()), Ok(metrics.families()));
    let text = metrics.text();
    let ours = ["connection_state", "handshake", "heartbeat", "reconnection_total"];
    let lines = text.lines().filter_map(|line| line.strip_prefix("tcp_comm_"));
    let mine = lines.filter(|line| ours.iter().any(|name| line.starts_with(name)));
    mine.filter(|line| !line.ends_with(" 0.0")).map(str::to_owned).collect()
}
fn state(id: &str, state: &str) -> String {
    format!(r#"connection_state{{device_id="{id}",state="{state}"}} 1.0"#)
}

const HERE: &str = "127.0.0.1:50000";
const THERE: &str = "127.0.0.1:50001";

#[test]
fn a_guest_is_called_what_it_calls_itself_and_comes_back_as_another_client() {
    let shakes = r#"handshake_total{device_id="0000002a",outcome="success"}"#;
    let first = guest(HERE, "0000002a");
    assert_eq!(told(&[(HERE, first[..2].to_vec())]), [state("0000002a", "connecting")]);
    let up = [state("0000002a", "connected"), format!("{shakes} 1.0")];
    assert_eq!(told(&[(HERE, first.clone())]), up);
    let gone = [first, vec![closed(1, CloseReason::Reset), lost(1)]].concat();
    let down = [state("0000002a", "disconnected"), format!("{shakes} 1.0")];
    assert_eq!(told(&[(HERE, gone.clone())]), down, "who dials is not dialled again");
    let back = told(&[(HERE, gone), (THERE, guest(THERE, "0000002a"))]);
    let returns = r#"reconnection_total{device_id="0000002a",reason="reset"} 1.0"#.to_owned();
    assert_eq!(back, [state("0000002a", "connected"), format!("{shakes} 2.0"), returns]);
}

#[test]
fn who_dials_anew_supersedes_what_seemed_to_be_open() {
    let stale = vec![closed(1, CloseReason::Local)];
    let told = told(&[(HERE, guest(HERE, "a")), (THERE, guest(THERE, "a")), (HERE, stale)]);
    let returns = r#"reconnection_total{device_id="a",reason="superseded"} 1.0"#;
    assert!(told.contains(&returns.to_owned()), "{told:?}");
    assert!(told.contains(&state("a", "connected")), "the end of the old one is not its own");
}

#[test]
fn whoever_never_says_who_he_is_is_nobody() {
    let reason = CloseReason::TimedOut("login".into());
    let silent = vec![opened(1, HERE), closed(1, reason)];
    let shakes = r#"handshake_total{device_id="",outcome="timeout"} 1.0"#;
    assert_eq!(told(&[(HERE, silent)]), [shakes]);
}

#[test]
fn a_client_that_dials_again_is_reconnecting_until_it_is_there() {
    let mut story = vec![connecting(1), opened(1, HERE)];
    let now = |story: &[Event]| told(&[("toggler", story.to_vec())]);
    assert_eq!(now(&story), [state("toggler", "connecting")]);
    story.extend(ready(1));
    assert_eq!(now(&story), [state("toggler", "connected")], "nothing had to be agreed on");
    story.push(closed(1, CloseReason::Peer));
    assert_eq!(now(&story), [state("toggler", "disconnected")]);
    story.extend([lost(1)]);
    assert_eq!(now(&story), [state("toggler", "reconnecting")]);
    story.extend([connecting(2), opened(2, HERE)]);
    assert_eq!(now(&story), [state("toggler", "reconnecting")]);
    story.extend(ready(2));
    let returns = r#"reconnection_total{device_id="toggler",reason="closed"} 1.0"#;
    assert_eq!(now(&story), [state("toggler", "connected"), returns.to_owned()]);
    let anew = [connecting(1), opened(1, HERE)].into_iter().chain(ready(1));
    let anew = anew.chain([closed(1, CloseReason::Local), connecting(2), opened(2, HERE)]);
    let anew: Vec<_> = anew.chain(ready(2)).collect();
    assert_eq!(now(&anew), [state("toggler", "connected")], "we closed it ourselves");
}

#[test]
fn a_connection_is_counted_for_the_device_it_was_dialled_for() {
    let mut metrics = Metrics::new();
    happy().iter().for_each(|record| metrics.take(record));
    let series = r#"tcp_comm_connection_state{device_id="D1",state="connecting"}"#;
    assert_eq!(metrics.value(series), Some(1.0));
}

#[test]
fn heartbeats_count_when_they_are_answered_or_missed() {
    let beats = |events: Vec<Event>| {
        let story = [guest(HERE, "a"), events].concat();
        let told = told(&[(HERE, story)]).into_iter();
        let beats = told.filter_map(|line| {
            let rest = line.strip_prefix(r#"heartbeat_total{device_id="a",outcome=""#)?;
            Some(rest.replace("\"}", ""))
        });
        beats.collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    let ping = || said(1, Dir::In, "ping", None);
    let pong = || said(1, Dir::Out, "pong", None);
    assert_eq!(beats(vec![ping()]), none);
    assert_eq!(beats(vec![ping(), pong()]), ["success 1.0"]);
    assert_eq!(beats(vec![pong(), ping(), said(1, Dir::In, "pong", None)]), none, "nobody asked");
    let silence = timer("keep-alive: not a word from the bridge for 90s");
    assert_eq!(beats(vec![ping(), pong(), closed(1, silence)]), ["success 1.0", "timeout 1.0"]);
    assert_eq!(beats(vec![ping(), closed(1, CloseReason::Peer)]), none, "nobody knows");
    let test = || said(1, Dir::Out, "Linktest.req", None);
    let answer = || said(1, Dir::In, "Linktest.rsp", None);
    let (what, detail) = ("linktest_unanswered".into(), "T6".into());
    let late = Event::Fact { conn: 1, fact: Fact::Odd { what, detail } };
    assert_eq!(beats(vec![test(), answer(), test(), late]), ["success 1.0", "timeout 1.0"]);
    assert_eq!(beats(vec![test(), closed(1, timer("no Linktest.rsp: T6"))]), ["timeout 1.0"]);
    assert_eq!(beats(vec![closed(1, timer("T8"))]), none, "another timer");
}

#[test]
fn names_from_the_wire_are_told_apart_up_to_a_limit() {
    let mut metrics = Metrics::limited(Role::Client, 2);
    for n in 0..5 {
        let node = format!("127.0.0.1:{}", 50_000 + n);
        let story = guest(&node, &format!("b{n}"));
        story.into_iter().for_each(|e| metrics.take(&by(&node, Role::Client, 0, e)));
    }
    let shakes = |id: &str| {
        let labels = format!(r#"device_id="{id}",outcome="success""#);
        metrics.value(&format!("tcp_comm_handshake_total{{{labels}}}"))
    };
    assert_eq!(["b0", "b1", "b2", OTHER].map(shakes), [Some(1.0), Some(1.0), None, Some(3.0)]);
    let series = format!(r#"tcp_comm_connection_state{{device_id="{OTHER}",state="connected"}}"#);
    assert_eq!(metrics.value(&series), None, "it is many");
}

#[test]
fn no_history_breaks_the_count() {
    for seed in 0..20 {
        let mut metrics = Metrics::new();
        anything(seed, 1000).iter().for_each(|record| metrics.take(record));
        let samples = metrics.samples();
        let in_force = |node: &str| {
            let mine = samples.iter().filter(|s| s.name == "tcp_comm_connection_state");
            let mine = mine.filter(|s| s.labels["device_id"] == node);
            mine.map(|s| s.value).sum::<f64>()
        };
        let known = samples.iter().filter(|s| s.name == "tcp_comm_connection_state");
        let known: Vec<_> = known.map(|s| s.labels["device_id"].clone()).collect();
        assert!(!known.is_empty(), "nothing was counted");
        assert!(known.iter().all(|node| in_force(node) == 1.0), "seed {seed}");
    }
}
