use super::*;

const GOOD: &str = r#"
name = "good"
title = "All is well"
protocol = "toggle"
[[device]]
name = "lamp"
settings = { answer = "framed" }
quirks = ["reject x1"]
[[client]]
name = "toggler"
device = "lamp"
policy = { recv_timeout = "200ms", backoff = { base = 0.01 } }
[[step]]
request = { client = "toggler", send = { device_id = "D1", state = true } }
[[step]]
await = { node = "toggler", event = "attempt_failed" }
[[step]]
raw = { device = "lamp", hex = "f0 0d 02" }
[[expect]]
outcome = { client = "toggler", is = "receive_timeout", times = 1 }
[[expect]]
closed = { node = "toggler", reason = "peer" }
[[expect]]
gaps = { client = "toggler", between = [["250ms", "350ms"]] }
"#;

/// The errors after replacing `from` with `to` in a good file.
fn errors(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    match Scenario::parse("scenarios/good.toml", &GOOD.replacen(from, to, 1)) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_good_file_is_read_whole() {
    let scenario = Scenario::parse("good.toml", GOOD).unwrap();
    assert_eq!(scenario.worlds.len(), 2);
    assert_eq!(scenario.device("lamp").unwrap().settings.get_ref()["answer"], "framed");
    let policy = scenario.client("toggler").unwrap().policy.get_ref();
    assert_eq!(policy.recv_timeout, Some(proto::Span::millis(200)));
    assert_eq!(policy.backoff.as_ref().unwrap().base, proto::Span::millis(10));
    let Step::Request(request) = scenario.steps[0].get_ref() else { panic!() };
    assert_eq!((request.times, request.background), (1, false));
    assert_eq!(request.send.get_ref()["state"], true);
    let Step::Raw(raw) = scenario.steps[2].get_ref() else { panic!() };
    assert_eq!(raw.hex.0, [0xf0, 0x0d, 2]);
}

#[test]
fn every_mistake_says_where_it_is_and_what_to_do() {
    let cases = [
        ("title = ", "title : ", "good.toml:3: the file: "),
        ("\"toggle\"", "7", "good.toml:4: protocol: invalid type"),
        ("title =", "tilte =", "good.toml:3: tilte: unknown field"),
        ("recv_timeout", "recv_timeuot", "good.toml:12: client[0].policy.recv_timeuot: unknown"),
        ("200ms", "5 apples", "good.toml:12: client[0].policy.recv_timeout: `5 apples` is not"),
        ("request = {", "reqest = {", "good.toml:14: step[0]"),
        ("hex = \"f", "hex = \"g", "good.toml:18: step[2].raw.hex: `g` is not a hex digit"),
        ("receive_timeout", "late", "good.toml:20: expect[0].outcome.is: `late` is none of"),
        ("name = \"good\"", "name = \"bad\"", "good.toml:2: name: must be the file's name, `good`"),
        ("send = {", "sned = {", "good.toml:14: step[0].request.sned: unknown field"),
        (
            "device = \"lamp\"",
            "device = \"lump\"",
            "good.toml:11: client[0].device: no device `lump`",
        ),
        ("name = \"toggler\"", "name = \"lamp\"", "good.toml:10: client[0].name: `lamp` is taken"),
        ("\"attempt_failed\"", "\"failed\"", "good.toml:16: step[1].await.event: unknown variant"),
        ("\"peer\"", "\"pear\"", "good.toml:22: expect[1].closed.reason: unknown variant"),
        (
            "{ device = \"lamp\", hex",
            "{ device = \"toggler\", hex",
            "step[2].raw.device: no device",
        ),
        (
            "state = true }",
            "state = true }, times = 0",
            "good.toml:13: step[0].request.times: must",
        ),
    ];
    for (from, to, want) in cases {
        let found = errors(from, to);
        assert!(found.iter().any(|e| e.contains(want)), "{to}: {found:#?}");
    }
}

#[test]
fn all_mistakes_in_meaning_come_at_once() {
    let found = errors("name = \"toggler\"", "name = \"taggler\"");
    assert_eq!(found.len(), 5, "{found:#?}");
}

#[test]
fn a_scenario_needs_a_cast_and_an_expectation() {
    let text = "name = \"x\"\ntitle = \"\"\nprotocol = \"toggle\"\nworlds = []";
    let keys: Vec<_> = Scenario::parse("x.toml", text).unwrap_err();
    let keys: Vec<_> = keys.iter().map(|e| e.key.as_str()).collect();
    assert_eq!(keys, ["worlds", "device", "client", "expect"]);
}

/// The errors that only the protocol sees, after replacing `from` with `to` in a good file.
fn spoken(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    let scenario = Scenario::parse("good.toml", &GOOD.replacen(from, to, 1)).unwrap();
    let errors = scenario.check_spoken().map(|p| p.name()).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn what_only_the_protocol_knows_is_placed_too() {
    assert_eq!(spoken("good", "good"), [""; 0]);
    let cases = [
        (
            "\"toggle\"",
            "\"tuggle\"",
            "good.toml:4: protocol: no protocol `tuggle`; there is toggle",
        ),
        ("\"framed\"", "\"fried\"", "good.toml:7: device[0].settings: unknown variant `fried`"),
        ("reject x1", "explode", "good.toml:8: device[0].quirks: no mode `explode`"),
        ("device_id = \"D1\", ", "", "good.toml:14: step[0].request.send: missing field"),
    ];
    for (from, to, want) in cases {
        let found = spoken(from, to);
        assert!(found.len() == 1 && found[0].starts_with(want), "{to}: {found:#?}");
    }
}

const WIRED: &str = r#"
name = "wired"
title = "Through a proxy"
protocol = "toggle"
[[device]]
name = "lamp"
[[proxy]]
name = "wire"
device = "lamp"
faults = ["latency delay=20ms name=slow", { fault = "corrupt", byte = 3 }]
[[client]]
name = "toggler"
device = "lamp"
via = "wire"
[[step]]
fault = { proxy = "wire", fault = "drop frame=ack" }
[[step]]
lift = { proxy = "wire", name = "slow" }
[[step]]
cut = { proxy = "wire" }
[[step]]
lift = { proxy = "wire", name = "cut" }
[[step]]
heal = { proxy = "wire" }
[[step]]
await = { node = "wire", event = "struck" }
[[expect]]
struck = { proxy = "wire", fault = "latency" }
[[expect]]
closed = { node = "wire", reason = "peer" }
[[expect]]
connections = { device = "wire", count = 1 }
"#;

#[test]
fn proxies_are_read_and_their_mistakes_placed() {
    let good = Scenario::parse("wired.toml", WIRED).unwrap();
    assert_eq!(good.check_spoken().map(|_| ()), Ok(()));
    assert_eq!(good.proxies[0].faults.len(), 2);
    let cases = [
        ("via = \"wire\"", "via = \"wife\"", "14: client[0].via: no proxy `wife`; there is wire"),
        ("via = \"wire\"", "", "8: proxy[0].name: nobody goes through it"),
        ("name = \"wire\"", "name = \"lamp\"", "8: proxy[0].name: `lamp` is taken"),
        ("delay=20ms", "delay=soon", "10: proxy[0].faults[0]: "),
        ("latency", "latent", "10: proxy[0].faults[0]: fault: no fault `latent`; there are"),
        ("byte = 3", "bite = 3", "10: proxy[0].faults[1]: "),
        ("\"drop frame=ack\"", "\"drop\"", "16: step[0].fault.fault: byte: says where"),
        (
            "name = \"slow\"",
            "name = \"fast\"",
            "18: step[1].lift.name: no fault has the name `fast`",
        ),
        (
            "cut = { proxy = \"wire\"",
            "cut = { proxy = \"w\"",
            "20: step[2].cut.proxy: no proxy `w`",
        ),
        (
            "heal = { proxy = \"wire\"",
            "heal = { proxy = \"lamp\"",
            "24: step[4].heal.proxy: no proxy",
        ),
        (
            "struck = { proxy = \"wire\"",
            "struck = { proxy = \"x\"",
            "28: expect[0].struck.proxy: no",
        ),
        (
            "device = \"wire\"",
            "device = \"toggler\"",
            "32: expect[2].connections.device: no device or",
        ),
    ];
    for (from, to, want) in cases {
        assert!(WIRED.contains(from), "{from}");
        let found = Scenario::parse("wired.toml", &WIRED.replacen(from, to, 1)).unwrap_err();
        let want = format!("wired.toml:{want}");
        assert!(found.iter().any(|e| e.to_string().starts_with(&want)), "{want}: {found:#?}");
    }
    let unknown = WIRED.replace("frame=ack", "frame=ackk");
    let found = Scenario::parse("wired.toml", &unknown).unwrap().check_spoken().err().unwrap();
    let want =
        "wired.toml:16: step[0].fault.fault: no frame is called `ackk`; there is toggle, ack";
    assert!(found[0].to_string().starts_with(want), "{found:#?}");
}
