//! A whole conversation in the bytes of other stacks, both ways.
use std::{collections::BTreeMap, env, fs};

use bytes::Bytes;
use proto::{
    gem::{Answer, Ended, Said},
    secs2::{Item, Limits},
    session::hex,
};
use serde_json::Value;

use crate::support::{Bench, b, name};

/// Messages by name, without their headers; none without the file.
fn vectors() -> Option<BTreeMap<String, Bytes>> {
    let Ok(folder) = env::var("WIRELAB_VECTORS") else {
        assert!(env::var_os("WIRELAB_REQUIRE_TOOLS").is_none(), "WIRELAB_VECTORS is not set");
        eprintln!("SKIPPED: needs WIRELAB_VECTORS (a folder with hsms.json)");
        return None;
    };
    let text = fs::read_to_string(format!("{folder}/hsms.json")).expect("hsms.json");
    let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let text = |row: &Value, key: &str| row[key].as_str().expect("text").to_owned();
    let frame = |row| hex::decode(&text(row, "frame")).expect("hex");
    Some(rows.iter().map(|row| (text(row, "name"), frame(row).slice(14..))).collect())
}

fn decode(text: &Bytes) -> Option<Item> {
    Item::decode(text, &Limits::default()).expect("sound")
}

#[test]
fn equipment_and_other_stacks_mean_the_same_bytes() {
    let Some(vectors) = vectors() else { return };
    let mut bench = Bench::new();
    bench.prompt("set 1002 RUN");
    let conversation = [
        ("S1F1", Some("S1F2")),
        ("S1F3", Some("S1F4")),
        ("S1F13", Some("S1F14")),
        ("S2F13", None),
        ("S2F15", Some("S2F16")),
        ("S2F31", None),
        ("S2F17", Some("S2F18")),
        ("S2F25", None),
        ("S2F33", None),
        ("S2F35", None),
        ("S2F37", None),
        ("S10F3", None),
    ];
    for (asked, answered) in conversation {
        let item = decode(&vectors[&format!("{asked} W")]);
        let (stream, function) = name(asked);
        let said = Said { stream, function, wait: true, item: Ok(item.as_ref()) };
        let Answer::Reply { item: Some(item), .. } = bench.gem.primary(bench.now, &said) else {
            panic!("{asked} is refused")
        };
        match answered {
            Some(answered) => assert_eq!(Some(item), decode(&vectors[answered]), "{answered}"),
            None if asked == "S2F13" || asked == "S2F25" => {}
            None => assert_eq!(item, b(0), "{asked}"),
        }
    }
    bench.prompt("event 50");
    bench.prompt("alarm 3001 set");
    for (primary, named) in bench.primaries().into_iter().zip(["S6F11 W", "S5F1 W"]) {
        assert_eq!(primary.item, decode(&vectors[named]), "{named}");
        let ended = Ended::Reply { function: primary.function + 1, item: Some(b(0)) };
        bench.gem.replied(bench.now, primary.id, ended);
    }
}
