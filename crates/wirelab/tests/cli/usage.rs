//! What makes no sense is refused with code 2, in one line, before anything is sent.
use proto::{hsms, quirk::Mode, toggle, vkb};

use crate::support::*;

fn refused(args: &[&str]) -> String {
    run(args).failed(2).to_owned()
}

fn toggle_refused(flags: &[&str]) -> String {
    refused(&[&["toggle", "--device-id", "D1", "--device-host", "127.0.0.1"], flags].concat())
}

#[test]
fn values_that_are_none_are_named() {
    assert!(toggle_refused(&["--state", "banana"]).contains("banana"));
    assert!(toggle_refused(&["--device-port", "70000"]).contains("70000 is not in 1..=65535"));
    assert!(toggle_refused(&["--max-attempts", "0"]).contains("--max-attempts"));
    assert!(toggle_refused(&["--recv-timeout", "soon"]).contains("250ms"));
    assert!(toggle_refused(&["--recv-timeout", "0"]).contains("--recv-timeout"));
    assert!(toggle_refused(&["--confirm", "observed"]).contains("applied"));
    assert!(toggle_refused(&["--retry-on", "banana"]).contains("malformed"));
    assert!(toggle_refused(&["--linger", "soon"]).contains("scraped"));
    assert!(toggle_refused(&["--log-level", "loud"]).contains("WARNING"));
}

#[test]
fn a_bad_value_from_the_environment_says_so() {
    let mut command = wirelab();
    command.args(["toggle", "--device-id", "D1", "--device-host", "127.0.0.1"]);
    let ran = finish(command.env("STATE", "banana"));
    assert!(ran.failed(2).contains("environment's STATE"), "{ran:?}");
}

#[test]
fn ids_and_hosts_are_looked_at() {
    let toggle =
        |id: &str, host: &str| refused(&["toggle", "--device-id", id, "--device-host", host]);
    assert!(toggle("", "127.0.0.1").contains("--device-id"));
    assert!(toggle(&"x".repeat(1025), "127.0.0.1").contains("1024"));
    assert!(toggle("D1", "lamp:9000").contains("--device-port"));
    assert!(toggle("D1", "").contains("--device-host"));
    assert!(refused(&["toggle"]).contains("--device-id"));
}

#[test]
fn settings_without_effect_are_refused() {
    assert!(toggle_refused(&["--from", "x"]).contains("--device-id"));
    assert!(toggle_refused(&["--no-metrics", "--metrics-port", "1"]).contains("--metrics-port"));
    assert!(toggle_refused(&["--no-metrics", "--linger", "1s"]).contains("--linger"));
    assert!(toggle_refused(&["--linger", "1s", "--linger-limit", "1s"]).contains("--linger-limit"));
    assert!(refused(&["device", "toggle", "--delay", "2"]).contains("--delay"));
    assert!(refused(&["decode", "toggle", "--binary", "41"]).contains("--binary"));
}

#[test]
fn what_does_not_exist_is_met_with_what_does() {
    assert!(refused(&["togle"]).contains("toggle"));
    assert!(refused(&["device", "banana"]).contains("toggle"));
    assert!(refused(&["device", "toggle", "--mode", "banana"]).contains("half_close"));
    for limit in ["0", "18446744073709551615"] {
        assert!(refused(&["device", "toggle", "--applied-limit", limit]).contains("1 to 1000000"));
    }
    assert!(refused(&[]).contains("--help"));
}

fn names<M: Mode>() -> Vec<&'static str> {
    M::MODES.iter().map(|(name, _)| *name).collect()
}

#[test]
fn help_lists_the_exit_codes_and_every_mode() {
    let help = run(["--help"]).ok();
    for code in ["0 ", "1 ", "2 ", "3 ", "124 ", "130 "] {
        assert!(help.out.contains(&format!("\n  {code}")), "{code}");
    }
    let device = run(["device", "--help"]).ok();
    let names = [names::<toggle::Mode>(), names::<vkb::Mode>(), names::<hsms::Mode>()].concat();
    for mode in names {
        assert!(device.out.contains(mode), "{mode}");
    }
    assert!(run(["--version"]).ok().out.starts_with("wirelab "));
}

#[test]
fn help_does_not_tell_what_the_environment_holds() {
    let ran = finish(wirelab().args(["toggle", "--help"]).env("DEVICE_ID", "SECRET"));
    assert!(ran.out.contains("DEVICE_ID") && !ran.out.contains("SECRET"));
}
