//! A host and an equipment as programs of their own: what was asked is told, and the equipment's own
//! records and memory say whether it was so.
use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

use serde_json::Value;

use crate::support::*;

fn hsms(device: &Device, words: &[&str]) -> Command {
    at(&device.addr.to_string(), words)
}

fn at(addr: &str, words: &[&str]) -> Command {
    let (what, rest) = words.split_first().expect("what to do");
    let mut command = wirelab();
    for name in ["HSMS_SERVER_HOST", "HSMS_SERVER_PORT", "HSMS_T3", "HSMS_T6", "HSMS_SESSION"] {
        command.env_remove(name);
    }
    command.args(["hsms", what, addr]).args(rest);
    command
}

fn frames(records: &[Value], dir: &str) -> Vec<String> {
    let is_it = |r: &&Value| r["event"] == "frame" && r["dir"] == dir;
    records.iter().filter(is_it).map(|r| r["kind"].as_str().unwrap().to_owned()).collect()
}

/// A file of this text, for as long as the test runs.
fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn messages_go_out_as_sml_and_replies_come_back_as_sml_or_json() {
    let mut device = device_of("hsms", &[]);
    let sent = finish(&mut hsms(&device, &["send", "S1F13 W <L>.", "S2F25 W <B 0x01 0x02>"])).ok();
    assert!(sent.out.contains("S1F14\n<L [2]\n  <B 0x00>"), "{sent:?}");
    assert!(sent.out.contains("S2F26\n<B 0x01 0x02>."), "{sent:?}");
    let mut command = hsms(&device, &["send", "S1F11 W <L <U8 18446744073709551615>>.", "--json"]);
    let sent = finish(&mut command).ok().result();
    assert_eq!((&sent["outcome"], &sent["delivery"]), (&"ok".into(), &"applied".into()));
    assert!(sent["reply"]["sml"].as_str().unwrap().contains("18446744073709551615"), "{sent}");
    let (memory, seen) = device.show();
    assert_eq!(memory["selected"], 2);
    let asked = frames(&seen, "in");
    for kind in ["Select.req", "S1F13", "S2F25", "Separate.req"] {
        assert!(asked.iter().any(|k| k == kind), "{kind}: {asked:?}");
    }
}

#[test]
fn several_messages_come_from_stdin() {
    let device = device_of("hsms", &[]);
    let mut command = hsms(&device, &["send", "-", "--json"]);
    let mut running = Running::start(&mut command);
    running.say("S1F1 W .");
    running.say("/* and */ 'S2F17' W");
    running.end_stdin();
    let replies: Vec<Value> =
        running.out.rest().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(running.wait().success());
    assert_eq!(replies.len(), 2);
    assert!(replies[1]["reply"]["sml"].as_str().unwrap().starts_with("S2F18"), "{replies:?}");
}

#[test]
fn the_link_is_tested_and_selected() {
    let device = device_of("hsms", &[]);
    let tested = finish(&mut hsms(&device, &["linktest", "--count", "3", "--json"])).ok();
    assert_eq!(tested.lines().len(), 3);
    assert!(tested.lines().iter().all(|line| line["reply"] == "Linktest.rsp"));
    finish(&mut hsms(&device, &["select"])).ok();
    let kinds = ["Select.req", "Linktest.req", "Separate.req"];
    for kind in kinds {
        device.running.out.until(&format!("\"kind\":\"{kind}\""));
    }
}

#[test]
fn a_select_that_nobody_answers_says_which_timer_and_which_frame() {
    let device = device_of("hsms", &["--mode", "mute_select"]);
    let ran = finish(&mut hsms(&device, &["select", "--t6", "200ms"]));
    assert_eq!(ran.code, Some(1));
    let line = ran.err.lines().last().unwrap();
    for words in ["selection timeout: no response received", "T6 of 200ms", "Select.req (00000001)"]
    {
        assert!(line.contains(words), "{line}");
    }
}

#[test]
fn where_and_how_come_from_flags_environment_and_file_in_this_order() {
    let device = device_of("hsms", &["--mode", "silent", "--session", "7"]);
    let said = |command: &mut Command| {
        let (addr, port) = (device.addr.ip().to_string(), device.addr.port().to_string());
        let ran = finish(command.env("HSMS_SERVER_HOST", addr).env("HSMS_SERVER_PORT", port));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        ran.err.lines().last().unwrap().to_owned()
    };
    let config = file("t3 = \"110ms\"\nsession = 7\n");
    let path = config.path().to_str().unwrap();
    let send = |more: &[&str]| {
        let mut command = wirelab();
        command.args(["hsms", "send", "S1F1 W", "--config", path]).args(more);
        command
    };
    assert!(
        said(&mut send(&[])).contains("110ms") || said(&mut send(&[])).contains("receive_timeout")
    );
    let ms = |line: Value| line["elapsed_ms"].as_f64().unwrap();
    let took = |command: &mut Command| {
        let (addr, port) = (device.addr.ip().to_string(), device.addr.port().to_string());
        let ran = finish(command.env("HSMS_SERVER_HOST", addr).env("HSMS_SERVER_PORT", port));
        ms(ran.result())
    };
    let from_file = took(&mut send(&["--json"]));
    let from_env = took(send(&["--json"]).env("HSMS_T3", "400ms"));
    let from_flag = took(send(&["--json", "--t3", "800ms"]).env("HSMS_T3", "400ms"));
    assert!((110.0..400.0).contains(&from_file), "{from_file}");
    assert!((400.0..800.0).contains(&from_env), "{from_env}");
    assert!(from_flag >= 800.0, "{from_flag}");
}

#[test]
fn bad_input_gets_one_clear_line() {
    let wrong = |words: &[&str]| {
        let mut command = wirelab();
        finish(command.arg("hsms").args(words)).failed(2).to_owned()
    };
    let line = wrong(&["send", "127.0.0.1", "S1F1 W <L <U4 1> <A \"x>."]);
    assert!(line.contains("line 1") && line.contains("column"), "{line}");
    assert!(wrong(&["send", "127.0.0.1:1", "S1F1 W", "--t3", "3m"]).contains("T3"));
    assert!(wrong(&["send", "127.0.0.1:1", "S1F1 W", "--session", "40000"]).contains("32767"));
    assert!(wrong(&["send", "127.0.0.1:1", "S1F2"]).contains("even function"));
    assert!(wrong(&["select", "--conformance", "loose"]).contains("e37.1"));
    assert!(wrong(&["select", "--t7", "500ms", "--conformance", "e37"]).contains("from 1 s"));
    assert!(wrong(&["listen", "--tool", "etcher"]).contains("NAME=IP"));
    let missing = wrong(&["select", "--config", "/nowhere.toml"]);
    assert!(missing.contains("/nowhere.toml"), "{missing}");
    let strange = file("t9 = 3\n");
    assert!(wrong(&["select", "--config", strange.path().to_str().unwrap()]).contains("t9"));
}

/// What the equipment is told to say, a monitor hears, and answers.
#[test]
fn a_monitor_hears_what_the_equipment_says_across_its_restart() {
    let mut device = device_of("hsms", &[]);
    let addr = device.addr.to_string();
    let mut monitor =
        Running::start(&mut at(&addr, &["monitor", "--establish", "--t5", "100ms", "--json"]));
    monitor.out.until("S1F14");
    device.running.say("tell terminal hello");
    assert!(monitor.out.until("S10F1").contains("hello"));
    device.running.out.until("\"kind\":\"S10F2\"");
    monitor.say("S1F1 W");
    assert!(monitor.out.until("\"request\":\"S1F1 W\"").contains("S1F2"));
    device.running.signal("KILL");
    let port = device.addr.port().to_string();
    drop(device);
    let mut again = Device::start(wirelab().args(["device", "hsms", "--port", &port]));
    monitor.out.until("S1F14");
    assert_eq!(again.show().0["selected"], 1);
    monitor.signal("TERM");
    assert_eq!(monitor.wait().code(), Some(0));
    again.running.out.until("\"kind\":\"Separate.req\"");
}

/// However it is told to end, whoever is connected learns it from the equipment and not from a FIN.
#[test]
fn equipment_that_ends_says_separate_first() {
    for end in ["quit", "INT", "TERM"] {
        let mut device = device_of("hsms", &[]);
        let mut host = TcpStream::connect(device.addr).unwrap();
        host.set_read_timeout(Some(PATIENCE)).unwrap();
        host.write_all(&[0, 0, 0, 10, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 1]).unwrap();
        device.running.out.until("\"kind\":\"Select.rsp\"");
        match end {
            "quit" => device.running.say(end),
            signal => device.running.signal(signal),
        }
        let mut said = Vec::new();
        host.read_to_end(&mut said).unwrap();
        // Select.rsp, perhaps a greeting, Separate.req.
        assert_eq!(said[said.len() - 14..][..10], [0, 0, 0, 10, 0xff, 0xff, 0, 0, 0, 9], "{end}");
        device.running.wait();
    }
}

/// Two tools that dial one port are told apart, and each gets what is meant for it.
#[test]
fn many_tools_dial_one_host() {
    let mut host = wirelab();
    host.args(["hsms", "listen", "127.0.0.1:0", "--tool", "etcher=#3", "--tool", "litho=#4"]);
    let mut host = Running::start(&mut host);
    let line = host.err.until("listening on");
    let port = line.rsplit(':').next().unwrap().trim().to_owned();
    let dial = |session: &str, mdln: &str| {
        let tool = file(&format!("mdln = \"{mdln}\"\n"));
        let path = tool.path().to_str().unwrap().to_owned();
        let mut command = wirelab();
        command.args(["device", "hsms", "--active", "--port", &port, "--session", session]);
        (Running::start(command.args(["--tool", &path])), tool)
    };
    let (etcher, _file) = dial("3", "ETCH");
    assert!(host.out.until("S1F13").starts_with("etcher"));
    let (litho, _file) = dial("4", "LITHO");
    assert!(host.out.until("S1F13").starts_with("litho"));
    host.say("litho S1F1 W");
    assert!(host.out.until("S1F2").starts_with("litho"));
    host.out.until("LITHO");
    litho.out.until("\"kind\":\"S1F1\"");
    host.say("#3 S2F17 W");
    etcher.out.until("\"kind\":\"S2F17\"");
    host.say("plasma S1F1 W");
    assert!(host.err.until("no tool").contains("plasma"));
    host.signal("INT");
    assert_eq!(host.wait().code(), Some(0));
    etcher.out.until("\"kind\":\"Separate.req\"");
}

/// Every byte is named, a lie is found out.
#[test]
fn messages_are_taken_apart() {
    let decoded = run(["decode", "hsms", "00000010 0000 8103 0000 00000003 0101 b1020000"]);
    assert!(decoded.out.contains("stream 1, reply expected (W)"), "{decoded:?}");
    assert!(decoded.out.contains("no whole number of U4"), "{decoded:?}");
    assert_eq!(decoded.code, Some(1));
    let sound = run(["decode", "hsms", "0000000affff0003000200000 02a"]).ok();
    assert!(sound.out.contains("status 3: connect exhausted"), "{sound:?}");
}
