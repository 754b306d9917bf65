//! Mistakes in the description of a tool, and where they are.
use proto::gem::{RawTool, Tool};

fn wrong(json: &str) -> String {
    let raw: RawTool = serde_json::from_str(json).expect("a description");
    Tool::new(raw).expect_err("a mistake").to_string()
}

#[test]
fn the_tool_of_nobody_in_particular_is_sound() {
    Tool::new(RawTool::default()).unwrap();
    Tool::new(serde_json::from_str("{}").unwrap()).unwrap();
}

#[test]
fn a_mistake_is_named_by_its_place() {
    for (json, key) in [
        (r#"{"mdln": "A MODEL OF TOO MANY WORDS"}"#, "mdln: "),
        (r#"{"softrev": "ü"}"#, "softrev: "),
        (r#"{"attempt_failed": "local"}"#, "attempt_failed: "),
        (
            r#"{"status": [{"id": 1, "name": "A", "value": 1}, {"id": 1, "name": "B", "value": 1}]}"#,
            "status[1].id: ",
        ),
        (r#"{"status": [{"id": 1, "name": "A"}]}"#, "status[0]: needs either"),
        (
            r#"{"status": [{"id": 1, "name": "A", "value": 1, "shows": "clock"}]}"#,
            "status[0]: needs either",
        ),
        (r#"{"data": [{"id": 1001, "name": "A", "value": 1}]}"#, "data[0].id: "),
        (r#"{"constants": [{"id": 1, "name": "A"}]}"#, "constants[0]: needs either"),
        (r#"{"constants": [{"id": 1001, "name": "A", "default": 1}]}"#, "constants[0].id: "),
        (
            r#"{"constants": [{"id": 1, "name": "A", "governs": "establish", "max": 3}]}"#,
            "constants[0]: with",
        ),
        (
            r#"{"constants": [{"id": 1, "name": "A", "default": 1, "min": 2}]}"#,
            "constants[0].default: ",
        ),
        (
            r#"{"constants": [{"id": 1, "name": "A", "default": 1, "min": "a"}]}"#,
            "constants[0].min: ",
        ),
        (r#"{"reports": [{"id": 1, "vids": [9]}]}"#, "reports[0].vids[0]: "),
        (r#"{"reports": [{"id": 1, "vids": []}]}"#, "reports[0].vids: "),
        (
            r#"{"reports": [{"id": 1, "vids": [1001]}, {"id": "1", "vids": [1001]}]}"#,
            "reports[1].id: ",
        ),
        (r#"{"events": [{"id": 1, "reports": [9]}]}"#, "events[0].reports[0]: "),
        (r#"{"events": [{"id": 1, "data": [9]}]}"#, "events[0].data[0]: "),
        (r#"{"events": [{"id": 1}, {"id": 1}]}"#, "events[1].id: "),
        (r#"{"alarms": [{"id": 1, "text": "A", "category": 128}]}"#, "alarms[0].category: "),
        (r#"{"alarms": [{"id": 1, "text": "A", "set_event": 9}]}"#, "alarms[0].set_event: "),
        (r#"{"commands": [{"name": "A", "raises": [9]}]}"#, "commands[0].raises[0]: "),
        (r#"{"commands": [{"name": "A", "refused": 4}]}"#, "commands[0].refused: "),
        (r#"{"commands": [{"name": "A", "sets": [{"id": 1001}]}]}"#, "commands[0].sets[0]: needs"),
        (
            r#"{"commands": [{"name": "A", "sets": [{"id": 2001, "value": 1}]}]}"#,
            "commands[0].sets[0].id: ",
        ),
        (
            r#"{"commands": [{"name": "A", "sets": [{"id": 1001, "param": "B"}]}]}"#,
            "commands[0].sets[0].param: ",
        ),
        (
            r#"{"commands": [{"name": "A", "params": [{"name": "B", "format": "X"}]}]}"#,
            "commands[0].params[0].format: ",
        ),
        (
            r#"{"commands": [{"name": "A", "params": [{"name": "B"}, {"name": "B"}]}]}"#,
            "commands[0].params[1].name: ",
        ),
        (r#"{"commands": [{"name": "A"}, {"name": "A"}]}"#, "commands[1].name: "),
        (r#"{"recipes": [{"id": "A", "body": 1}, {"id": "A", "body": 1}]}"#, "recipes[1].id: "),
        (r#"{"bounds": {"recipes": 1}}"#, "recipes[1]: "),
        (r#"{"spool": {"streams": [5, 2]}}"#, "spool.streams[1]: "),
        (r#"{"spool": {"messages": 0}}"#, "spool.messages: "),
    ] {
        let told = wrong(json);
        assert!(told.starts_with(key), "{json}\n{told}");
    }
    let long = "x".repeat(65_536);
    let long = format!(r#"{{"status": [{{"id": 1, "name": "A", "value": "{long}"}}]}}"#);
    assert!(wrong(&long).starts_with("status[0].value: is too long"));
    let deep = "<L ".repeat(95) + &">".repeat(95);
    let deep = format!(r#"{{"recipes": [{{"id": "A", "body": "{deep}"}}]}}"#);
    assert!(wrong(&deep).starts_with("recipes[0].body: is too long or too deep"));
    let text = "x".repeat(121);
    let long = format!(r#"{{"alarms": [{{"id": 1, "text": "{text}"}}]}}"#);
    assert!(wrong(&long).starts_with("alarms[0].text: has 121"));
}

#[test]
fn what_nobody_knows_is_refused() {
    for json in [r#"{"color": "red"}"#, r#"{"status": [{"id": 1, "name": "A", "colour": 1}]}"#] {
        assert!(serde_json::from_str::<RawTool>(json).is_err());
    }
}
