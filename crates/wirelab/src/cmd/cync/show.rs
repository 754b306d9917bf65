//! What the controller says, for people: tables, and a line for each thing that happens.
use std::fmt::Write;

use serde_json::Value;

use super::order::Told;
use crate::{
    fared::{self, Summary, columns},
    text,
};

/// How a command fared, a row a target.
pub(super) fn told(told: &[Told], summary: &Summary) -> String {
    let rows = told.iter().map(|Told { to, bridge, fared }| {
        ([to.to_string(), bridge.clone().unwrap_or_else(|| "-".into())], fared)
    });
    fared::table(["lamp", "bridge"], rows, summary)
}

/// Bridges and their lamps, a row a lamp.
pub(super) fn bridges(bridges: &[Value]) -> String {
    if bridges.is_empty() {
        return "no bridge was ever here\n".into();
    }
    let head = ["bridge", "state", "since", "rtt ms", "lamp", "is", "bright", "white", "colour"];
    let mut rows = vec![head.map(str::to_owned)];
    for bridge in bridges {
        let online = if bridge["online"] == true { "here" } else { "gone" };
        let first = [word(&bridge["bridge"]), online.into(), word(&bridge["since"])];
        let rtt = bridge["rtt_ms"].as_f64().map_or_else(|| "-".into(), |ms| format!("{ms:.1}"));
        let lamps = bridge["lamps"].as_array().map_or(&[][..], Vec::as_slice);
        let [id, state, since] = first;
        if lamps.is_empty() {
            let none = || "-".to_owned();
            rows.push([id, state, since, rtt, none(), none(), none(), none(), none()]);
            continue;
        }
        for lamp in lamps {
            let [is, bright, white, colour] = looks(lamp);
            let (id, state, since, rtt) = (id.clone(), state.clone(), since.clone(), rtt.clone());
            rows.push([id, state, since, rtt, word(&lamp["lamp"]), is, bright, white, colour]);
        }
    }
    columns(&rows)
}

/// A line for one thing that happened.
pub(super) fn event(line: &Value) -> String {
    let (bridge, peer) = (word(&line["bridge"]), word(&line["peer"]));
    let said = match line["event"].as_str() {
        Some("joined") => format!("{bridge} joined from {peer}"),
        Some("left") => format!("{bridge} left: {}", word(&line["reason"])),
        Some("refused") => format!("{peer} was turned away: {}", word(&line["reason"])),
        Some("state") => {
            let [is, bright, white, colour] = looks(line);
            let lamp = word(&line["lamp"]);
            format!("{bridge} lamp {lamp}: {is}, bright {bright}, white {white}, {colour}")
        }
        Some("command") => {
            let (to, ending) = (word(&line["to"]), word(&line["ending"]));
            format!("{bridge} was told about {to}: {ending}")
        }
        _ => text::plain(&line.to_string()),
    };
    said + "\n"
}

/// On or off, how bright, which white, which colour.
fn looks(lamp: &Value) -> [String; 4] {
    let is = match (lamp["online"] == true, lamp["on"] == true) {
        (false, _) => "out of reach",
        (true, true) => "on",
        (true, false) => "off",
    };
    let mut colour = String::from("#");
    for part in lamp["rgb"].as_array().into_iter().flatten() {
        write!(colour, "{:02x}", part.as_u64().unwrap_or(0)).expect("it has room");
    }
    let white = match lamp["temperature"].as_u64() {
        Some(254) => "-".into(),
        _ => word(&lamp["temperature"]),
    };
    [is.into(), word(&lamp["brightness"]), white, colour]
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text::plain(text),
        Value::Null => "-".into(),
        other => text::plain(&other.to_string()),
    }
}
