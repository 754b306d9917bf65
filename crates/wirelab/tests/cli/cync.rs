//! A controller, its bridges and those who tell it what to do, each a program of its own. What became of
//! a command is asked of the bridge's memory.
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::Command,
};

use serde_json::Value;

use crate::support::*;

/// A controller that runs, and where it hears orders.
pub(crate) struct Controller {
    pub(crate) running: Running,
    pub(crate) addr: String,
    dir: tempfile::TempDir,
}

impl Controller {
    pub(crate) fn start(flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("cync.sock");
        let mut command = wirelab();
        command.args(["cync", "serve", "--listen", "127.0.0.1:0", "--socket"]).arg(&socket);
        let running = Running::start(command.args(flags));
        let first: Value = serde_json::from_str(&running.out.next()).expect("a line of JSON");
        assert_eq!(first["event"], "listening");
        let addr = first["addr"].as_str().unwrap().to_owned();
        Self { running, addr, dir }
    }
    fn socket(&self) -> PathBuf {
        self.dir.path().join("cync.sock")
    }
    /// A command to it, not started yet.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = wirelab();
        command.arg("cync").args(words).arg("--socket").arg(self.socket());
        command
    }
    pub(crate) fn tell(&self, words: &[&str]) -> Ran {
        finish(&mut self.command(words))
    }
    /// Bridges that dial it, and have told it of their lamps.
    fn bridges(&self, count: usize, flags: &[&str]) -> Device {
        let mut command = wirelab();
        command.args(["device", "cync", "--to", &self.addr, "--devices", &count.to_string()]);
        let addr = self.addr.parse().unwrap();
        let device = Device { running: Running::start(command.args(flags)), addr };
        for _ in 0..count {
            self.running.out.until("\"event\":\"state\"");
        }
        device
    }
}

/// What the nth of several devices says of its one lamp.
fn lamp(memory: &Value, n: usize) -> &Value {
    &memory["devices"][format!("device-{n}")]["lamps"][n.to_string()]
}

#[test]
fn a_lamp_that_is_told_to_be_on_is_on_and_no_other_is() {
    let controller = Controller::start(&[]);
    let mut bridges = controller.bridges(5, &["--set", "latency=10ms"]);
    let told = controller.tell(&["on", "3", "--confirm", "observed", "--json"]).ok();
    let lines = told.lines();
    assert_eq!((&lines[0]["to"], &lines[0]["delivery"]), (&"3".into(), &"observed".into()));
    assert_eq!(lines[0]["bridge"], "00000003");
    assert!(lines[0]["elapsed_ms"].as_f64().unwrap() >= 30.0, "{told:?}");
    let levels = lines[0]["levels"].as_array().unwrap();
    let names: Vec<_> = levels.iter().map(|level| level[0].as_str().unwrap()).collect();
    for name in ["written", "replied", "applied", "observed"] {
        assert!(names.contains(&name), "{name}: {levels:?}");
    }
    let times: Vec<_> = levels.iter().map(|level| level[1].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "{levels:?}");
    assert_eq!((&lines[1]["event"], &lines[1]["ok"]), (&"done".into(), &1.into()));
    let (memory, _) = bridges.show();
    for n in 1..=5 {
        assert_eq!(lamp(&memory, n)["on"], n == 3, "{memory}");
    }
    assert_eq!(memory["devices"]["device-3"]["applied"], 1);
    controller.tell(&["off", "all"]).ok();
    let set = controller.tell(&["set", "2", "4", "--on", "--brightness", "40"]).ok();
    assert!(set.out.contains("2 of 2 reached, within"), "{set:?}");
    let (memory, _) = bridges.show();
    for n in 1..=5 {
        let (on, bright) = if n % 2 == 0 { (true, 40) } else { (false, 100) };
        assert_eq!(
            (&lamp(&memory, n)["on"], &lamp(&memory, n)["brightness"]),
            (&on.into(), &bright.into())
        );
    }
}

#[test]
fn what_does_not_reach_its_level_says_how_it_ended() {
    let controller = Controller::start(&[
        "--timeout",
        "fixed",
        "--recv-timeout",
        "300ms",
        "--max-attempts",
        "1",
    ]);
    let nobody = controller.tell(&["on", "1"]);
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.out.contains("no bridge is here"), "{nobody:?}");
    let mut bridges = controller.bridges(1, &["--set", "latency=1ms"]);
    let ending = |words: &[&str]| {
        let told = controller.tell(&[words, &["--json"]].concat());
        (told.code, told.lines()[0]["ending"].as_str().unwrap().to_owned())
    };
    for (mode, code, how) in
        [("nack", 1, "refused"), ("fail", 1, "refused"), ("mute", 1, "not_reached")]
    {
        bridges.running.say(&format!("next 1 {mode}"));
        bridges.running.err.until("ok: ");
        assert_eq!(ending(&["on", "1"]), (Some(code), how.into()), "{mode}");
    }
    bridges.running.say("mode no_report");
    bridges.running.err.until("ok: ");
    assert_eq!(ending(&["on", "1", "--confirm", "observed"]), (Some(1), "not_reached".into()));
    // An answer may be here before anybody has asked the kernel what is acknowledged.
    let levels = ["written", "tcp_acked", "replied", "applied"];
    for (n, level) in levels.iter().enumerate() {
        let told = controller.tell(&["off", "1", "--confirm", level, "--json"]).ok();
        let reached = told.lines()[0]["delivery"].clone();
        assert!(levels[n..].iter().any(|level| reached == *level), "{level}: {told:?}");
    }
    bridges.running.say("mode mute");
    bridges.running.err.until("ok: ");
    let late = ["on", "1", "--deadline", "100ms"];
    assert_eq!(ending(&late), (Some(124), "deadline".into()));
    let group = controller.tell(&["on", "group:7", "--confirm", "survived"]);
    assert!(group.failed(2).contains("--confirm"), "{group:?}");
}

#[test]
fn those_that_obeyed_are_taken_back_where_another_did_not() {
    let controller = Controller::start(&["--timeout", "fixed"]);
    let mut bridges = controller.bridges(2, &["--set", "latency=1ms"]);
    // The lamp 9 is nobody's, and the bridge says so of none; only whoever looks knows.
    let all = ["on", "1", "2", "--confirm", "observed", "--json"];
    controller.tell(&all).ok();
    let words = ["off", "1", "9", "--bridge", "00000001", "--confirm", "observed"];
    let more = ["--deadline", "1s", "--rollback", "--json"];
    let told = controller.tell(&[&words[..], &more].concat());
    assert_eq!(told.code, Some(124), "{told:?}");
    let lines = told.lines();
    assert_eq!((&lines[0]["ending"], &lines[0]["undone"]), (&"ok".into(), &true.into()));
    assert_eq!(
        (&lines[1]["ending"], &lines[1]["delivery"]),
        (&"deadline".into(), &"applied".into())
    );
    let (memory, _) = bridges.show();
    assert_eq!(lamp(&memory, 1)["on"], true, "{memory}");
    assert_eq!(memory["devices"]["device-1"]["applied"], 3, "on, off and on again");
}

#[test]
fn a_target_nobody_can_tell_and_a_group_nobody_sees_take_the_others_back() {
    let controller = Controller::start(&[]);
    let mut bridges = controller.bridges(2, &["--set", "latency=1ms"]);
    controller.tell(&["on", "1", "--confirm", "observed"]).ok();
    let observed = ["--confirm", "observed", "--rollback", "--json"];
    let unknown = controller.tell(&[&["off", "1", "9"][..], &observed].concat());
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    let lines = unknown.lines();
    assert_eq!((&lines[0]["to"], &lines[0]["ending"]), (&"9".into(), &"nobody".into()));
    assert_eq!((&lines[1]["to"], &lines[1]["undone"]), (&"1".into(), &true.into()));
    assert_eq!(lamp(&bridges.show().0, 1)["on"], true);
    let through = ["off", "1", "group:7", "--bridge", "00000001"];
    let unseen = controller.tell(&[&through[..], &observed].concat());
    assert_eq!(unseen.code, Some(1), "{unseen:?}");
    let lines = unseen.lines();
    assert_eq!((&lines[0]["ending"], &lines[0]["undone"]), (&"ok".into(), &true.into()));
    assert_eq!(
        (&lines[1]["ending"], &lines[1]["stage"]),
        (&"not_reached".into(), &"not_confirmed".into())
    );
    let (memory, _) = bridges.show();
    assert_eq!(lamp(&memory, 1)["on"], true, "{memory}");
}

#[test]
fn bridges_speak_tls_where_both_ends_are_told_to() {
    let mut controller = Controller::start(&["--tls"]);
    let mut bridges = controller.bridges(1, &["--set", "latency=1ms", "--tls"]);
    controller.tell(&["on", "1", "--confirm", "observed"]).ok();
    let (memory, _) = bridges.show();
    assert_eq!(memory["lamps"]["1"]["on"], true, "{memory}");
    let mut plain = wirelab();
    plain.args(["device", "cync", "--to", &controller.addr, "--set", "id=000000aa"]);
    let plain = Running::start(&mut plain);
    let refused = controller.running.out.until("\"event\":\"refused\"");
    assert!(refused.contains("TLS"), "{refused}");
    drop(plain);
    controller.running.signal("TERM");
    assert!(controller.running.wait().success());
}

#[test]
fn who_is_there_is_listed_and_watched() {
    let controller = Controller::start(&[]);
    let watch = Running::start(&mut controller.command(&["watch", "--json"]));
    let mut bridges = controller.bridges(2, &["--set", "latency=1ms"]);
    // Whoever watches began before; the first thing it can have missed is a login.
    watch.out.until("\"event\":\"state\"");
    controller.tell(&["on", "2", "--confirm", "observed"]).ok();
    let on = watch.out.until("\"on\":true");
    assert!(on.contains("\"lamp\":2"), "{on}");
    let listed = controller.tell(&["list", "--query", "--json"]).ok().lines();
    let ids: Vec<_> = listed.iter().map(|bridge| bridge["bridge"].clone()).collect();
    assert_eq!(ids, ["00000001", "00000002"]);
    assert_eq!((&listed[1]["online"], &listed[1]["lamps"][0]["on"]), (&true.into(), &true.into()));
    assert!(listed[1]["rtt_ms"].as_f64().is_some_and(|ms| ms >= 1.0), "{listed:?}");
    assert!(listed[1]["last_seen"].is_string());
    let table = controller.tell(&["list"]).ok();
    assert!(table.out.contains("00000002  here") && table.out.contains("on"), "{table:?}");
    bridges.running.say("quit");
    assert!(bridges.running.wait().success());
    for _ in 0..2 {
        watch.out.until("\"event\":\"left\"");
    }
    let listed = controller.tell(&["list", "--json"]).ok().lines();
    assert!(listed.iter().all(|bridge| bridge["online"] == false), "{listed:?}");
}

#[test]
fn a_list_is_what_was_told_unless_bridges_are_asked() {
    let controller = Controller::start(&[]);
    let bridges = controller.bridges(1, &["--set", "latency=1ms"]);
    let mut bridges = bridges.running;
    // Asked later, it says what it is like.
    bridges.say("next 1 no_report");
    bridges.err.until("ok: ");
    controller.tell(&["on", "1"]).ok();
    let is_on = |words: &[&str]| {
        let listed = controller.tell(&[words, &["--json"]].concat()).ok().result();
        listed["lamps"][0]["on"].clone()
    };
    assert_eq!((is_on(&["list"]), is_on(&["list", "--query"])), (false.into(), true.into()));
}

#[test]
fn a_bridge_that_dials_anew_has_its_new_connection_and_the_old_is_over() {
    let controller = Controller::start(&[]);
    let login = b"\x23\0\0\0\x1a\x03\0\0\0\xaa\0\x10c0ffee5ec4e7b105\0\0\x3c";
    let dial = || {
        let mut bridge = TcpStream::connect(&controller.addr).unwrap();
        bridge.set_read_timeout(Some(PATIENCE)).unwrap();
        bridge.write_all(login).unwrap();
        bridge
    };
    let mut old = dial();
    controller.running.out.until("\"event\":\"joined\"");
    let new = dial();
    let left = controller.running.out.until("\"event\":\"left\"");
    assert!(left.contains("000000aa") && left.contains("dialled anew"), "{left}");
    controller.running.out.until("\"event\":\"joined\"");
    let ended = old.read_to_end(&mut Vec::new()).map_err(|e| e.kind());
    assert!(!matches!(ended, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "{ended:?}");
    let listed = controller.tell(&["list", "--json"]).ok().result();
    assert_eq!((&listed["online"], &listed["logins"]), (&true.into(), &2.into()), "{listed}");
    drop(new);
    controller.running.out.until("\"event\":\"left\"");
    assert_eq!(controller.tell(&["list", "--json"]).ok().result()["online"], false);
}

#[test]
fn bridges_are_told_the_time_that_it_is() {
    let controller = Controller::start(&["--utc-offset", "0"]);
    let before = jiff::Timestamp::now();
    let mut bridges = controller.bridges(1, &["--set", "latency=1ms"]);
    let (memory, _) = bridges.show();
    let told = memory["clock"].as_str().expect("it was told").to_owned();
    let (date, time) = (&told[..10], &told[15..23]);
    let told: jiff::Timestamp = format!("{date}T{time}Z").parse().unwrap();
    let off = told.duration_since(before).as_secs().abs();
    assert!(off < 30, "{told} where it is {before}");
}

#[test]
fn a_login_key_is_written_down_only_where_that_is_wanted() {
    const KEY: &str = "c0ffee5ec4e7b105";
    let hex: Vec<String> = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.join(" ");
    for (flags, shown) in [(&[][..], false), (&["--show-secrets"], true)] {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let mut controller = Controller::start(&[&["--evidence", path], flags].concat());
        let set = format!("key={KEY}");
        let mut bridges = controller
            .bridges(1, &[&["--raw", "--set", "latency=1ms", "--set", &set], flags].concat());
        let (_, mut said) = bridges.show();
        controller.running.signal("TERM");
        assert!(controller.running.wait().success());
        bridges.running.say("quit");
        let rest = bridges.running.out.rest();
        said.extend(rest.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        let said: String = said.iter().map(Value::to_string).collect();
        let evidence = std::fs::read_to_string(path).unwrap();
        for text in [&said, &evidence] {
            assert!(text.contains("\"kind\":\"login\""), "{text}");
            assert_eq!(text.contains(&hex), shown, "{text}");
            assert!(!text.contains(KEY), "{text}");
        }
    }
}

#[test]
fn nobody_to_tell_and_a_taken_socket_are_said_to_be_so() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("none.sock");
    let mut command = wirelab();
    let told = finish(command.args(["cync", "on", "1", "--socket"]).arg(&nowhere));
    assert!(told.failed(3).contains("wirelab cync serve"), "{told:?}");
    let controller = Controller::start(&[]);
    let mut command = wirelab();
    command.args(["cync", "serve", "--listen", "127.0.0.1:0", "--socket"]);
    let second = finish(command.arg(controller.socket()));
    assert!(second.failed(3).contains("--socket"), "{second:?}");
    let nothing = controller.tell(&["set", "1"]);
    assert!(nothing.failed(2).contains("nothing to set"), "{nothing:?}");
}

#[test]
fn several_devices_need_to_be_ones_that_dial() {
    let ran = run(["device", "toggle", "--devices", "2"]);
    assert!(ran.failed(2).contains("--devices"), "{ran:?}");
    let ran = run(["device", "toggle", "--to", "127.0.0.1:1"]);
    assert!(ran.failed(2).contains("--to"), "{ran:?}");
}

#[test]
fn decode_covers_a_key_however_it_is_read_and_shows_it_where_that_is_wanted() {
    let login = "230000001a036457e7f20010633066666565356563346537623130350000 3c";
    let whole = finish(wirelab().args(["decode", "cync", login])).ok();
    assert!(whole.out.contains("16 bytes, not shown"), "{whole:?}");
    let shown = finish(wirelab().args(["decode", "cync", login, "--show-secrets"])).ok();
    assert!(shown.out.contains("63 30 66 66 65 65 35 65"), "{shown:?}");
    // In two reads, the second of which begins within the key.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{}\n{}\nd300000000\n", &login[..34], &login[34..]))
        .unwrap();
    let mut command = wirelab();
    let cut = finish(command.args(["decode", "cync"]).arg(file.path()));
    for leak in ["63 30 66 66", "65 63 34 65", "34 65 37 62", "31 30 35 00"] {
        assert!(!cut.out.contains(leak), "{leak}: {cut:?}");
    }
    assert!(cut.out.contains("ping"), "what follows is read as it is: {cut:?}");
}

#[test]
fn who_was_let_in_and_came_back_is_counted_by_its_id() {
    let controller = Controller::start(&["--metrics-port", "0"]);
    let url = url(controller.running.err.until("http://").as_str()).to_owned();
    let mut bridges = controller.bridges(3, &["--set", "latency=1ms", "--set", "redial=50ms"]);
    bridges.running.say("next 1 disconnect");
    bridges.running.err.until("ok: ");
    controller.tell(&["on", "2"]);
    controller.running.out.until("\"event\":\"joined\",\"bridge\":\"00000002\"");
    controller.running.out.until("\"event\":\"state\",\"bridge\":\"00000002\"");
    let (_, text) = get(&url, None);
    let (memory, _) = bridges.show();
    for n in 1..=3 {
        let logins = &memory["devices"][format!("device-{n}")]["logins"];
        assert_eq!(logins, if n == 2 { 2 } else { 1 }, "{memory}");
        let id = format!("device_id=\"0000000{n}\"");
        let shakes = format!("tcp_comm_handshake_total{{{id},outcome=\"success\"}} {logins}.0\n");
        assert!(text.contains(&shakes), "{text}");
        let state = format!("tcp_comm_connection_state{{{id},state=\"connected\"}} 1.0\n");
        assert!(text.contains(&state), "{text}");
        let back = format!("tcp_comm_reconnection_total{{{id},reason=\"closed\"}} 1.0\n");
        assert_eq!(text.contains(&back), n == 2, "{text}");
    }
}

#[test]
fn of_more_bridges_than_there_are_ids_for_lamps_each_has_a_lamp_of_its_own() {
    const BRIDGES: usize = 300;
    let controller = Controller::start(&[]);
    let mut bridges = controller.bridges(BRIDGES, &["--set", "latency=1ms"]);
    let told = controller.tell(&["on", "all", "--confirm", "observed", "--json"]).ok().lines();
    assert_eq!(told.last().unwrap()["ok"], BRIDGES, "{told:?}");
    controller.tell(&["off", "1", "--bridge", "000000ff", "--confirm", "observed"]).ok();
    let (memory, _) = bridges.show();
    for n in 1..=BRIDGES {
        let device = &memory["devices"][format!("device-{n}")];
        let lamps = device["lamps"].as_object().unwrap();
        let ids: Vec<_> = lamps.keys().collect();
        assert_eq!(ids, [&((n - 1) % 254 + 1).to_string()], "{device}");
        assert_eq!(lamps.values().next().unwrap()["on"], n != 255, "{n}: {device}");
        assert_eq!(device["applied"], if n == 255 { 2 } else { 1 });
    }
}
