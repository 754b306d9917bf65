//! `wirelab capture`: captures of others become evidence, and what is in evidence is told.
use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

use crate::{pcap::*, support::*};

const KEY: &str = "c0ffee5ec4e7b105";
const PING: &[u8] = b"\xd3\0\0\0\0";
const PONG: &[u8] = b"\xd8\0\0\0\0";

fn login() -> Vec<u8> {
    [b"\x23\0\0\0\x1a\x03\x64\x57\xe7\xf2\0\x10", KEY.as_bytes(), b"\0\0\x3c"].concat()
}

/// A bridge logs in, is switched on and pings, two of its packets in one piece: milliseconds, who, what.
fn talk() -> Vec<(u32, char, Vec<u8>)> {
    let command = b"\x73\0\0\0\x1f\x64\x57\xe7\xf2\0\x05\0\x7e\x04\0\0\0\xf8\xd0\x0d\0\
        \x04\0\0\0\0\xce\0\xd0\x11\x02\x01\0\0\x93\x7e";
    let took = b"\x7b\0\0\0\x07\x64\x57\xe7\xf2\0\x05\0";
    let done = b"\x73\0\0\0\x13\x64\x57\xe7\xf2\0\x09\0\x7e\x04\0\0\0\xf9\xd0\x01\0\0\xd1\x7e";
    vec![
        (0, '>', login()),
        (20, '<', b"\x28\0\0\0\x02\0\0".to_vec()),
        (100, '<', command.to_vec()),
        (186, '>', [&took[..], done].concat()),
        (900, '>', PING.to_vec()),
        (943, '<', PONG.to_vec()),
    ]
}

/// As `socat -x -v` writes it.
fn socat(talk: &[(u32, char, Vec<u8>)]) -> String {
    let (mut text, mut places) = (String::new(), [0, 0]);
    for (ms, who, bytes) in talk {
        let place = &mut places[usize::from(*who == '<')];
        let (len, to) = (bytes.len(), *place + bytes.len() - 1);
        writeln!(text, "{who} 2025/11/06 12:34:56.{ms:03}000  length={len} from={place} to={to}")
            .unwrap();
        *place += len;
        for line in bytes.chunks(16) {
            let hex: String = line.iter().map(|byte| format!(" {byte:02x}")).collect();
            let shown = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
            let shown: String = line.iter().map(shown).collect();
            writeln!(text, "{hex:<48}  {shown}").unwrap();
        }
        text.push_str("--\n");
    }
    text
}

/// As somebody else's proxy writes it.
fn text(talk: &[(u32, char, Vec<u8>)]) -> String {
    let line = |(ms, who, bytes): &(u32, char, Vec<u8>)| {
        let way = if *who == '>' { "DEV→CLOUD" } else { "CLOUD→DEV" };
        let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (len, hex) = (bytes.len(), hex.join(" "));
        format!(
            "2025-11-06T12:34:56.{ms:03}+00:00 {way} [a note] [conn:14] ({len} bytes)\n{hex}\n\n"
        )
    };
    talk.iter().map(line).collect()
}

fn import(dir: &Path, name: &str, capture: &[u8], flags: &[&str]) -> (Ran, String) {
    let file = dir.join(name);
    std::fs::write(&file, capture).unwrap();
    let out = dir.join(format!("{name}.jsonl")).display().to_string();
    let ran =
        finish(wirelab().args(["capture", "import"]).arg(file).args(["-o", &out]).args(flags));
    (ran, out)
}

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_capture_of_socat_and_one_in_text_tell_the_same() {
    let dir = dir();
    let (ran, one) = import(dir.path(), "a.log", socat(&talk()).as_bytes(), &[]);
    ran.ok();
    let (ran, other) = import(dir.path(), "b.txt", text(&talk()).as_bytes(), &[]);
    ran.ok();
    let told = run(["capture", "show", &one]).ok().out;
    let expected = "\
2025-11-06T12:34:56.000000Z  #1    -- opened
2025-11-06T12:34:56.000000Z  #1 >  login of device 6457e7f2, keep-alive 60 s
2025-11-06T12:34:56.020000Z  #1 <  welcome
2025-11-06T12:34:56.100000Z  #1 <  power 206: on (device 6457e7f2, id 5, seq 4)
2025-11-06T12:34:56.186000Z  #1 >  taken (device 6457e7f2, id 5)
2025-11-06T12:34:56.186000Z  #1 >+ result of power: 0: done (device 6457e7f2, id 9, seq 4)
2025-11-06T12:34:56.900000Z  #1 >  ping
2025-11-06T12:34:56.943000Z  #1 <  pong
2025-11-06T12:34:56.943000Z  #1    -- closed
";
    assert_eq!(told, expected);
    assert_eq!(run(["capture", "show", &other]).ok().out, expected);
    run(["diff", &one, &other]).ok();
    assert!(run(["capture", "check", &one]).ok().err.contains("7 packets, none contradicts"));
    run(["report", &one]).ok();
    let mut changed = talk();
    changed[5].2[0] = 0xd3;
    let (_, changed) = import(dir.path(), "c.log", socat(&changed).as_bytes(), &[]);
    assert_eq!(run(["diff", &one, &changed]).code, Some(1));
}

#[test]
fn answers_are_measured_by_their_ids() {
    let dir = dir();
    let (_, path) = import(dir.path(), "a.log", socat(&talk()).as_bytes(), &[]);
    let measured = run(["capture", "latency", &path, "--json"]).ok().result();
    let rows = measured["rows"].as_array().unwrap();
    let of = |exchange: &str| {
        let row = rows.iter().find(|row| row["exchange"] == exchange && row["connection"] == 1);
        let row = row.unwrap_or_else(|| panic!("{exchange} in {rows:#?}"));
        (row["count"].as_u64().unwrap(), row["p99_ms"].as_f64().unwrap_or(-1.0))
    };
    assert_eq!(of("23 -> 28"), (1, 20.0));
    assert_eq!(of("73 -> 7b"), (1, 86.0));
    assert_eq!(of("73 -> f9"), (1, 86.0));
    assert_eq!(of("d3 -> d8"), (1, 43.0));
    assert_eq!(of("73 -> 78"), (0, -1.0));
    let table = run(["capture", "latency", &path]).ok().out;
    assert!(table.lines().any(|line| line.starts_with("73 -> 7b   all  1  86.0")), "{table}");
    let patience = run(["capture", "latency", &path, "--patience", "50ms"]).ok().out;
    assert!(patience.lines().any(|line| line.starts_with("73 -> 7b   all  0     -")), "{patience}");
}

#[test]
fn a_login_key_is_in_no_output_unless_it_is_asked_for() {
    let dir = dir();
    let hex: String = KEY.bytes().map(|byte| format!("{byte:02x} ")).collect();
    let (ran, path) = import(dir.path(), "a.log", socat(&talk()).as_bytes(), &[]);
    assert!(ran.ok().err.contains("16 bytes of login keys are covered"));
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(!kept.contains(hex.trim()) && kept.contains("2a 2a 2a 2a"));
    let (_, path) = import(dir.path(), "b.log", socat(&talk()).as_bytes(), &["--show-secrets"]);
    assert!(std::fs::read_to_string(&path).unwrap().contains(hex.trim()));
    assert!(!run(["capture", "show", &path]).ok().out.contains(KEY));
}

#[test]
fn what_cannot_be_read_is_told_with_its_line_and_the_rest_is_imported() {
    let dir = dir();
    let (ran, path) =
        import(dir.path(), "a.txt", b"> d3 00 00 00 00\n> d8 zz\n< d8 0\n< d8 00 00 00 00\n", &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("line 2: `zz` is not hex digits in pairs (and 1 more)"), "{ran:?}");
    assert!(run(["capture", "show", &path]).ok().out.contains("pong"));
    let (ran, path) = import(dir.path(), "b.txt", b"nothing here\n", &[]);
    assert!(ran.failed(2).contains("no bytes in it"), "{ran:?}");
    assert!(!Path::new(&path).exists(), "nothing is written of nothing");
    let (_, path) = import(dir.path(), "c.log", socat(&talk()).as_bytes(), &[]);
    let ran = run(["capture", "import", &path, "-o", "-"]);
    assert!(ran.failed(2).contains("evidence already"), "{ran:?}");
}

#[test]
fn what_contradicts_the_protocol_is_told_with_its_byte_and_the_stream_is_in_step_again() {
    let dir = dir();
    let mut harmed = talk();
    // A wrong checksum, and bytes that are none between two pings.
    harmed[2].2[34] = 0;
    harmed[4].2 = [PING, b"\xff\xff\xff", PING].concat();
    let (_, path) = import(dir.path(), "a.log", socat(&harmed).as_bytes(), &[]);
    let ran = run(["capture", "check", &path]);
    assert_eq!(ran.code, Some(1));
    let lines: Vec<_> = ran.out.lines().collect();
    assert_eq!(lines.len(), 2, "{ran:?}");
    assert!(lines[0].contains("WRONG: at byte 41: checksum: not the sum"), "{ran:?}");
    assert!(
        lines[1].contains("WRONG: at byte 72: junk: byte 0 of it: no packet begins"),
        "{ran:?}"
    );
    assert!(ran.err.contains("2 of 9 packets contradict"), "{ran:?}");
    let told = run(["capture", "show", &path]).ok().out;
    assert!(told.contains(">+ ping  (in step again after 3 bytes)"), "{told}");
}

/// As bridges sent them: two with a stale checksum, one with its own.
const REPORTS: &str = "\
> 83 00 00 00 25 64 57 e7 f2 02 ff 00 7e 65 65 22 11 fa db 13 00 11 11 11 0b 00 0b 00 db 11 02 01 00 0d 0a 00 00 00 00 00 29 7e
> 83 00 00 00 25 64 57 e7 f2 03 00 00 7e 66 65 22 11 fa db 13 00 11 11 11 66 00 66 00 db 11 02 00 01 3c 0a 00 00 00 00 00 29 7e
> 83 00 00 00 25 45 88 0f 3a 00 09 00 7e 1f 00 00 00 fa db 13 00 72 25 11 50 00 50 00 db 11 02 01 01 0a 0a ff ff ff 00 00 37 7e
";

#[test]
fn stale_checksums_of_reports_are_counted_and_no_findings() {
    let dir = dir();
    let (_, path) = import(dir.path(), "a.txt", REPORTS.as_bytes(), &[]);
    let ran = run(["capture", "check", &path]).ok();
    assert_eq!(ran.out, "");
    let verdict = "ok: 3 packets, none contradicts the protocol; 2 stale_checksum tolerated";
    assert_eq!(ran.err.trim_end(), verdict);
    let told = run(["capture", "check", &path, "--json"]).ok().result();
    let counts = (&told["packets"], &told["wrong"], &told["tolerated"]["stale_checksum"]);
    assert_eq!(counts, (&3.into(), &0.into(), &2.into()));
    let sound = REPORTS.lines().last().unwrap();
    let (_, path) = import(dir.path(), "b.txt", sound.as_bytes(), &[]);
    let ran = run(["capture", "check", &path]).ok();
    assert_eq!(ran.err.trim_end(), "ok: 1 packets, none contradicts the protocol");
}

#[test]
fn captured_packets_keep_their_ends() {
    const BRIDGE: End = (1, 40000);
    const CLOUD: End = (2, 23778);
    let packets = vec![
        (1, tcp(BRIDGE, CLOUD, 99, SYN, b"")),
        (2, tcp(CLOUD, BRIDGE, 499, SYN | ACK, b"")),
        (3, tcp(BRIDGE, CLOUD, 105, ACK, PING)),
        (4, tcp(BRIDGE, CLOUD, 100, ACK, PING)),
        (5, tcp(CLOUD, BRIDGE, 500, ACK, PONG)),
        (6, tcp(BRIDGE, CLOUD, 110, FIN | ACK, b"")),
        (7, tcp(CLOUD, BRIDGE, 505, RST, b"")),
    ];
    let dir = dir();
    for (name, capture) in
        [("a", classic(RAW, &packets)), ("b", next_generation(ETHERNET, &packets))]
    {
        let (ran, path) = import(dir.path(), name, &capture, &[]);
        ran.ok();
        let told = run(["capture", "show", &path]).ok().out;
        let said: Vec<_> = told.lines().map(|line| line.split_once("  ").unwrap().1).collect();
        let expected = [
            "#1    -- opened",
            "#1 >  ping",
            "#1 >  ping",
            "#1 <  pong",
            "#1 >  -- fin",
            "#1 <  -- reset",
            "#1    -- closed",
        ];
        assert_eq!(said, expected, "{name}");
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept.contains("10.0.0.1:40000") && kept.contains("10.0.0.2:23778"));
        let none = import(dir.path(), name, &capture, &["--port", "9"]).0;
        assert_eq!(none.code, Some(2), "{none:?}");
    }
}

#[test]
fn raw_bytes_go_the_way_that_is_said() {
    let dir = dir();
    let (ran, path) = import(dir.path(), "a.bin", &[PONG, PONG].concat(), &["--way", "down"]);
    ran.ok();
    let told = run(["capture", "show", &path]).ok().out;
    assert_eq!(told.matches("#1 <").count(), 2, "{told}");
    let ran = run(["capture", "latency", &path]);
    assert!(ran.failed(2).contains("no times to measure by"), "{ran:?}");
    let swapped = import(dir.path(), "b.txt", b"> d8 00 00 00 00\n", &["--swap"]).1;
    assert!(run(["capture", "show", &swapped]).ok().out.contains("#1 <  pong"));
}

/// The controller's side of a capture, for a bridge whose ids are others.
#[test]
fn an_imported_capture_is_played() {
    let dir = dir();
    let report = |id: u8| [&b"\x83\0\0\0\x08\x64\x57\xe7\xf2\0"[..], &[id, 0, 0x7e]].concat();
    let heard = |id: u8| [&b"\x88\0\0\0\x03\0"[..], &[id, 0]].concat();
    let mut played = talk()[..2].to_vec();
    played.extend([(50, '>', report(9)), (60, '<', heard(9))]);
    let (_, path) = import(dir.path(), "a.log", socat(&played).as_bytes(), &[]);
    let mut command = wirelab();
    command.args([
        "replay",
        &path,
        "--as",
        "device",
        "--listen",
        "127.0.0.1:0",
        "--protocol",
        "cync",
    ]);
    let mut controller = Running::start(&mut command);
    let addr =
        controller.err.until("listening on").strip_prefix("listening on ").unwrap().to_owned();
    let mut bridge = TcpStream::connect(addr).unwrap();
    bridge.set_read_timeout(Some(PATIENCE)).unwrap();
    let read = |bridge: &mut TcpStream, len: usize| {
        let mut bytes = vec![0; len];
        bridge.read_exact(&mut bytes).unwrap();
        bytes
    };
    bridge.write_all(&login()).unwrap();
    assert_eq!(read(&mut bridge, 7), b"\x28\0\0\0\x02\0\0");
    bridge.write_all(&report(77)).unwrap();
    assert_eq!(read(&mut bridge, 8), heard(77), "the id that came, not the one recorded");
    drop(bridge);
    assert_eq!(controller.wait().code(), Some(0), "{:?}", controller.out.rest());
}

/// Packets of real devices and of other programs. Two reports about firmware have no frame in them, and one
/// sender was wrong about where its own begins.
#[test]
fn of_the_vectors_only_frames_without_their_mark_contradict_the_protocol() {
    let Some(folder) = std::env::var_os("WIRELAB_VECTORS") else {
        let skipped = "SKIPPED: needs WIRELAB_VECTORS (a folder with cync.json)";
        assert!(std::env::var_os("WIRELAB_REQUIRE_TOOLS").is_none(), "{skipped}");
        eprintln!("{skipped}");
        return;
    };
    let vectors = std::fs::read_to_string(Path::new(&folder).join("cync.json")).unwrap();
    let vectors: Vec<serde_json::Value> = serde_json::from_str(&vectors).unwrap();
    let line = |vector: &serde_json::Value| {
        let way = if vector["dir"] == "D>C" { '>' } else { '<' };
        format!("{way} {}\n", vector["hex"].as_str().unwrap())
    };
    let lines: String = vectors.iter().map(line).collect();
    let dir = dir();
    let (ran, path) = import(dir.path(), "vectors.txt", lines.as_bytes(), &[]);
    ran.ok();
    let ran = run(["capture", "check", &path]);
    let told: Vec<_> = ran.out.lines().collect();
    let unmarked = |line: &&str| line.contains("inner: begins with 00, not with 7e");
    assert!(told.len() == 3 && told.iter().all(unmarked), "{ran:?}");
    assert!(ran.err.contains("3 of 41 packets contradict"), "{ran:?}");
}
