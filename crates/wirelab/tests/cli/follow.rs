//! `wirelab vkb follow`: rules, a game's journal and a device, each of which may fail.
use std::{fs, io::Write, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    links::{device_at, numbers, vkb},
    support::*,
};

const GEAR: &str = r#"[
  {"title": "Gear", "when": {"all": [{"signal": "gear_down", "op": "eq", "value": true}]},
   "then": [{"vkb_set_shift": ["Shift1"]}], "else": [{"vkb_clear_shift": ["Shift1"]}]},
  {"title": "Odd", "when": {"all": [{"signal": "geer_down", "op": "eq", "value": true}]}, "then": []}
]"#;
const DOWN: u32 = 4;

/// A directory a game writes to, with rules in it.
struct Game(TempDir);

impl Game {
    fn new(rules: &str) -> Self {
        let game = Self(tempfile::tempdir().unwrap());
        fs::write(game.path("rules.json"), rules).unwrap();
        game
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn flags(&self, flags: u32) {
        let event = format!(r#"{{"event":"Status","Flags":{flags}}}"#);
        fs::write(self.path("Status.json"), event).unwrap();
    }
    fn journal(&self, text: &str) {
        let file = self.path("Journal.2025-01-02T030405.01.log");
        let mut file = fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
    fn command(&self, port: u16, flags: &[&str]) -> std::process::Command {
        let (journal, rules) = (self.0.path(), self.path("rules.json"));
        let mut command = vkb(&["follow"], port, &["--interval", "10ms", "--survive", "50ms"]);
        command.arg("--journal").arg(journal).arg("--rules").arg(rules).args(flags);
        command
    }
    fn follow(&self, port: u16, flags: &[&str]) -> Running {
        Running::start(&mut self.command(port, flags))
    }
}

fn frame(device: &Running) -> u16 {
    numbers(&[device.out.until("\"frame\"")])[0]
}

#[test]
fn what_rules_make_of_the_game_is_asserted() {
    let (game, device) = (Game::new(GEAR), device_of("vkb", &[]));
    let mut follow = game.follow(device.addr.port(), &[]);
    for (flags, number) in [(DOWN, 1), (0, 0), (DOWN, 1)] {
        game.flags(flags);
        assert_eq!(frame(&device.running), number);
    }
    follow.signal("INT");
    assert_eq!(frame(&device.running), 0, "cleared at the end");
    assert!(follow.out.next().starts_with("4 submitted: 4 survived"));
    assert_eq!(follow.wait().code(), Some(0));
}

#[test]
fn a_wrong_rule_is_named_and_the_others_go_on() {
    let (game, device) = (Game::new(GEAR), device_of("vkb", &[]));
    let follow = game.follow(device.addr.port(), &[]);
    let warning = follow.err.until("warning");
    let place =
        format!("{}: line 4: rule `Odd`: when.all[0].signal: ", game.path("rules.json").display());
    assert!(warning.contains(&place) && warning.contains("geer_down"), "{warning}");
    assert!(follow.err.next().contains("1 rules in force"));
    game.flags(DOWN);
    assert_eq!(frame(&device.running), 1);
}

#[test]
fn rules_that_change_are_in_force_at_once() {
    let (game, device) = (Game::new(GEAR), device_of("vkb", &[]));
    let follow = game.follow(device.addr.port(), &[]);
    game.flags(DOWN);
    assert_eq!(frame(&device.running), 1);
    fs::write(game.path("rules.json"), "[{").unwrap();
    assert!(follow.err.until("warning: ").contains("rules.json"));
    fs::write(game.path("rules.json"), GEAR.replace("Shift1", "Shift2")).unwrap();
    follow.err.until("rules in force, 0");
    game.flags(DOWN | 1);
    while frame(&device.running) != 2 {}
}

#[test]
fn a_restarted_device_is_told_the_state_of_the_game() {
    let (game, first) = (Game::new(GEAR), device_of("vkb", &[]));
    let port = first.addr.port();
    let mut follow = game.follow(port, &["--json"]);
    game.flags(DOWN);
    assert_eq!(frame(&first.running), 1);
    first.running.signal("KILL");
    drop(first);
    let second = device_at(port);
    assert_eq!(frame(&second), 1, "nobody asked, and it knows");
    game.flags(0);
    assert_eq!(frame(&second), 0);
    follow.signal("TERM");
    let said: Value = serde_json::from_str(&follow.out.next()).unwrap();
    assert_eq!((&said["lost"], &said["open"]), (&json!([]), &0.into()), "{said}");
    assert!(said["resent"].as_u64() >= Some(1), "{said}");
    assert_eq!(follow.wait().code(), Some(0));
}

#[test]
fn a_line_cut_short_is_told_with_its_place_and_the_next_counts() {
    let (game, device) = (Game::new(GEAR), device_of("vkb", &[]));
    game.journal("{\"event\":\"Music\"}\n{\"event\":\"LoadG\n");
    let follow = game.follow(device.addr.port(), &[]);
    let warning = follow.err.until("T030405");
    assert!(warning.contains("Journal.2025-01-02T030405.01.log: line 2: "), "{warning}");
    // Half a line may be all that is written so far.
    game.journal("{\"event\":\"Load");
    game.flags(DOWN);
    assert_eq!(frame(&device.running), 1);
    game.journal("Game\",\"Commander\":\"Ada\"}\n");
    assert_eq!(frame(&device.running), 0, "a session begins with nothing set");
}

#[test]
fn a_journal_that_cannot_be_read_is_told_and_the_status_goes_on() {
    let (game, device) = (Game::new(GEAR), device_of("vkb", &[]));
    // Unreadable for everybody, also for root.
    fs::create_dir(game.path("Journal.2025-01-02T030405.01.log")).unwrap();
    let follow = game.follow(device.addr.port(), &[]);
    assert!(follow.err.until("T030405").contains("cannot be read"));
    game.flags(DOWN);
    assert_eq!(frame(&device.running), 1);
}

#[test]
fn without_a_journal_or_rules_there_is_nothing_to_follow() {
    let game = Game::new(GEAR);
    fs::remove_file(game.path("rules.json")).unwrap();
    let ran = finish(&mut game.command(1, &[]));
    assert!(ran.failed(2).contains("rules.json: there is no such file"), "{ran:?}");
    let flags = ["--journal", "/no/such/place", "--rules", "rules.json"];
    let ran = finish(&mut vkb(&["follow"], 1, &flags));
    assert!(ran.failed(3).contains("/no/such/place"), "{ran:?}");
}

#[test]
fn a_state_that_nobody_confirmed_is_no_success() {
    let game = Game::new(GEAR);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for signal in ["INT", "TERM"] {
        let mut follow = game.follow(nobody, &[]);
        game.flags(DOWN);
        follow.err.until("connection lost");
        follow.signal(signal);
        assert!(follow.out.next().contains("; 1 lost (#2)"));
        assert_eq!(follow.wait().code(), Some(1), "{signal}");
        game.flags(0);
    }
}
