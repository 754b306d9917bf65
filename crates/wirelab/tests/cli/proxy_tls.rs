//! `wirelab proxy` that ends TLS: between a bridge and a controller, and between programs of others.
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use net::TlsServer;
use serde_json::Value;

use crate::{
    cync::Controller,
    proxy::ask,
    support::{self, *},
};

const KEY: &str = "c0ffee5ec4e7b105";
const BRIDGE: &str = "6457e7f2";

/// A proxy, where it listens and where it takes orders.
struct Middle {
    running: Running,
    addr: String,
    http: String,
}

impl Middle {
    fn start(to: &str, flags: &[&str]) -> Self {
        let mut command = wirelab();
        command.args(["proxy", "--listen", "127.0.0.1:0", "--to", to, "--http-port", "0"]);
        let running = Running::start(command.args(flags));
        let http = running.err.until("control on");
        let http = support::url(&http).strip_prefix("http://").unwrap().to_owned();
        let first: Value = serde_json::from_str(&running.out.until("\"listening\"")).unwrap();
        let addr = first["addr"].as_str().unwrap().to_owned();
        Self { running, addr, http }
    }
    /// All it has written down so far.
    fn record(&self) -> String {
        ask(&self.http, "GET /record?from=0", "").1
    }
    fn quit(mut self) {
        self.running.say("quit");
        assert_eq!(self.running.wait().code(), Some(0));
    }
}

/// A home: a controller, a proxy that ends TLS on both sides, and a bridge that trusts nobody else.
struct Home {
    controller: Controller,
    middle: Middle,
    bridge: Device,
    dir: tempfile::TempDir,
}

impl Home {
    fn new(flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let (theirs, ours) = (path("controller.pem"), path("proxy.pem"));
        let patience = ["--timeout", "fixed", "--recv-timeout", "500ms"];
        let controller =
            Controller::start(&[&["--tls", "--cert-out", &theirs][..], &patience].concat());
        let ends = ["--tls", "--cert-out", &ours, "--to-tls", "--ca", &theirs];
        let middle =
            Middle::start(&controller.addr, &[&ends[..], &["--protocol", "cync"], flags].concat());
        let mut command = wirelab();
        command.args(["device", "cync", "--to", &middle.addr, "--tls", "--ca", &ours]);
        let (id, key) = (format!("id={BRIDGE}"), format!("key={KEY}"));
        command.args(["--set", &id, "--set", &key, "--set", "lamps=[206]", "--set", "latency=1ms"]);
        let running = Running::start(&mut command);
        controller.running.out.until("\"event\":\"state\"");
        let bridge = Device { running, addr: middle.addr.parse().unwrap() };
        Self { controller, middle, bridge, dir }
    }
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    /// Asked of the bridge.
    fn is_on(&mut self) -> bool {
        let (memory, _) = self.bridge.show();
        memory["lamps"]["206"]["on"].as_bool().unwrap_or_else(|| panic!("{memory}"))
    }
}

fn hex(bytes: &[u8], between: &str) -> String {
    let all: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    all.join(between)
}

#[test]
fn a_lamp_is_switched_through_tls_and_what_was_said_is_in_the_record() {
    let mut home = Home::new(&[]);
    home.controller.tell(&["on", "206", "--confirm", "observed"]).ok();
    assert!(home.is_on());
    let record = home.middle.record();
    // The command as it came and as it went: request, power, so many bytes.
    let command = |event: &str| {
        let is = |line: &&str| line.contains(event) && line.contains("f8 d0 0d 00");
        record.lines().filter(is).count()
    };
    assert_eq!((command("\"received\""), command("\"sent\"")), (1, 1), "{record}");
    assert!(record.contains(&hex(b"**", " ")), "the key is covered");
    assert!(!record.contains(&hex(KEY.as_bytes(), " ")), "{record}");
    let (_, metrics) = ask(&home.middle.http, "GET /metrics", "");
    assert!(metrics.contains(r#"tcp_comm_proxy_connections_total{node="proxy"} 1"#), "{metrics}");
}

#[test]
fn evidence_and_captures_are_of_what_was_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.jsonl");
    for (flags, shown) in [(&[][..], false), (&["--show-secrets"], true)] {
        let evidence = ["--evidence", path.to_str().unwrap()];
        let mut home = Home::new(&[&evidence[..], flags].concat());
        home.controller.tell(&["on", "206", "--confirm", "observed"]).ok();
        assert!(home.is_on());
        let capture = home.path("run.pcapng");
        let Home { middle, .. } = home;
        middle.quit();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.contains(&hex(KEY.as_bytes(), " ")), shown);
        let mut command = wirelab();
        finish(command.arg("report").arg(&path).arg("--pcapng").arg(&capture)).ok();
        let capture = std::fs::read(capture).unwrap();
        let holds = |bytes: &[u8]| capture.windows(bytes.len()).any(|part| part == bytes);
        assert!(holds(b"\xf8\xd0\x0d\0"), "the command");
        assert_eq!(holds(KEY.as_bytes()), shown);
    }
}

#[test]
fn a_frame_is_struck_by_its_kind_through_tls() {
    let mut home = Home::new(&["--fault", "drop frame=power bytes=36 lane=down times=1"]);
    let told = home.controller.tell(&["on", "206", "--confirm", "observed", "--json"]).ok();
    assert_eq!(told.lines()[0]["attempts"], 2, "{told:?}");
    home.middle.running.out.until("\"struck\"");
    assert!(home.is_on());
}

/// The command is one that was captured from a real home, and so is the report, but for who says it.
#[test]
fn frames_are_injected_into_a_live_connection_either_way() {
    let mut home = Home::new(&[]);
    assert!(!home.is_on());
    let on = "730000001f6457e7f20000007e04000000f8d00d000400000000ce00d01102010000937e";
    let rule = format!("insert hex={on} lane=down conn=1 times=1 name=on");
    assert_eq!(ask(&home.middle.http, "POST /faults", &rule).0, 201);
    // Its answer, which the controller never asked for.
    home.bridge.running.out.until("\"kind\":\"result\"");
    assert!(home.is_on());
    let dim =
        "83000000256457e7f20009007e1f000000fadb130072251150005000db110201010a0affffff0000377e";
    let rule = format!("insert hex={dim} lane=up conn=1 times=1 name=dim");
    assert_eq!(ask(&home.middle.http, "POST /faults", &rule).0, 201);
    let state = home.controller.running.out.until("\"lamp\":80");
    assert!(state.contains("\"brightness\":10"), "{state}");
    // Nothing was broken by it.
    home.controller.tell(&["off", "206", "--confirm", "observed"]).ok();
    assert!(!home.is_on());
    let record = home.middle.record();
    assert!(record.contains("inserted 36 bytes") && record.contains("inserted 42 bytes"));
    assert!(!record.contains(&hex(KEY.as_bytes(), " ")), "{record}");
}

/// A certificate of nobody who is here.
fn stranger(dir: &Path) -> String {
    let path = dir.join("stranger.pem");
    std::fs::write(&path, TlsServer::self_signed(&["a.example"]).unwrap().certificates()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn who_did_not_trust_whom_is_said_on_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = stranger(dir.path());
    let controller = Controller::start(&["--tls"]);
    let bridge = |middle: &Middle, flags: &[&str]| {
        let mut command = wirelab();
        command.args(["device", "cync", "--to", &middle.addr, "--tls"]).args(flags);
        Running::start(&mut command)
    };
    let ends = ["--protocol", "cync", "--tls", "--to-tls"];
    let middle = Middle::start(&controller.addr, &[&ends[..], &["--ca", &wrong]].concat());
    let _bridge = bridge(&middle, &[]);
    let line = middle.running.out.until("connect_failed");
    assert!(line.contains("its certificate is not taken"), "{line}");
    let closed = middle.running.out.until("\"closed\"");
    assert!(closed.contains("\"conn\":1") && closed.contains("abort"), "{closed}");
    assert!(middle.record().contains("its certificate is not taken"));
    middle.quit();
    let middle = Middle::start(&controller.addr, &ends);
    let _bridge = bridge(&middle, &["--ca", &wrong]);
    let closed = middle.running.out.until("\"closed\"");
    assert!(closed.contains("the peer refused the TLS handshake"), "{closed}");
    let closed = middle.running.out.until("\"closed\"");
    assert!(closed.contains("\"conn\":2"), "the controller is left: {closed}");
    middle.quit();
}

/// `openssl` with these words. It ends with the test.
struct Theirs(Child);

impl Theirs {
    fn start(words: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
    fn says(&mut self, bytes: &[u8]) {
        let stdin = self.0.stdin.as_mut().unwrap();
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// TLS ends here: what comes out is for a device that has none.
#[test]
fn openssl_talks_to_a_device_without_tls() {
    if crate::tools::lacks(&["openssl"], "openssl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let ours = dir.path().join("proxy.pem");
    let ours = ours.to_str().unwrap();
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = target.local_addr().unwrap().to_string();
    let middle = Middle::start(&to, &["--tls", "--cert-out", ours]);
    for version in ["-tls1_2", "-tls1_3"] {
        let words = ["s_client", "-connect", &middle.addr, version, "-quiet", "-CAfile", ours];
        let mut theirs = Theirs::start(&[&words[..], &["-verify_return_error"]].concat());
        let mut far = patient(target.accept().unwrap().0);
        theirs.says(b"up\n");
        assert_eq!(crate::proxy::read(&mut far, 3), b"up\n", "{version}");
        far.write_all(b"down").unwrap();
        let mut said = [0; 4];
        theirs.0.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
        assert_eq!(&said, b"down");
        drop(far);
        let mut rest = Vec::new();
        theirs.0.stdout.as_mut().unwrap().read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"", "it hears of the end");
    }
}

/// TLS begins here: what goes in is from a client that has none.
#[test]
fn a_client_without_tls_talks_to_openssl() {
    if crate::tools::lacks(&["openssl"], "openssl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| dir.path().join(name));
    let [cert, key] = [cert.to_str().unwrap(), key.to_str().unwrap()];
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"])
        .args(["/CN=lamp.example", "-keyout", key, "-out", cert])
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let words = ["s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key];
    let mut theirs = Theirs::start(&[&words[..], &["-naccept", "1"]].concat());
    let mut out = BufReader::new(theirs.0.stdout.take().unwrap());
    let mut until = |wanted: &str| {
        let mut line = String::new();
        while !line.contains(wanted) {
            line.clear();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "{wanted} comes");
        }
        line
    };
    let at = until("ACCEPT ").trim_end().trim_start_matches("ACCEPT ").to_owned();
    let flags = ["--to-tls", "--ca", cert, "--server-name", "lamp.example"];
    let middle = Middle::start(&at, &flags);
    let mut near = patient(TcpStream::connect(&middle.addr).unwrap());
    near.write_all(b"up it goes\n").unwrap();
    until("up it goes");
    theirs.says(b"down");
    assert_eq!(crate::proxy::read(&mut near, 4), b"down");
}

#[test]
fn what_is_recorded_of_tls_can_be_played_without() {
    let dir = tempfile::tempdir().unwrap();
    let [file, theirs] = ["run.jsonl", "theirs.pem"].map(|name| dir.path().join(name));
    let [file, theirs] = [file.to_str().unwrap(), theirs.to_str().unwrap()];
    let controller = Controller::start(&["--tls", "--cert-out", theirs]);
    let mut command = wirelab();
    command.args(["record", "--listen", "127.0.0.1:0", "--to", &controller.addr, "--out", file]);
    command.args(["--tls", "--to-tls", "--ca", theirs, "--protocol", "cync"]);
    let mut recording = Running::start(&mut command);
    let first: Value = serde_json::from_str(&recording.out.until("\"listening\"")).unwrap();
    let mut command = wirelab();
    let to = first["addr"].as_str().unwrap();
    command.args(["device", "cync", "--to", to, "--tls", "--set", "latency=1ms"]);
    let mut bridge = Running::start(&mut command);
    controller.running.out.until("\"event\":\"state\"");
    bridge.say("quit");
    assert!(bridge.wait().success());
    recording.out.until("\"closed\"");
    recording.say("quit");
    assert!(recording.wait().success());
    let shown = run(["capture", "show", file, "--protocol", "cync"]).ok();
    assert!(shown.out.contains("login"), "{shown:?}");
}

#[test]
fn flags_of_tls_that_make_no_sense_are_said_to_be_so() {
    let dir = tempfile::tempdir().unwrap();
    let none = dir.path().join("none.pem");
    let none = none.to_str().unwrap();
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let empty = empty.to_str().unwrap();
    let ends = ["proxy", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"];
    for (flags, why) in [
        (&["--tls", "--cert", none][..], "--key"),
        (&["--cert", none, "--key", none], "--tls"),
        (&["--cert-out", none], "--tls"),
        (&["--ca", none], "--to-tls"),
        (&["--server-name", "a.example"], "--to-tls"),
        (&["--tls", "--cert", none, "--key", none], "--cert: "),
        (&["--tls", "--cert", empty, "--key", empty], "holds no certificate"),
        (&["--to-tls", "--ca", none], "--ca: "),
        (&["--to-tls", "--ca", empty], "holds no certificate"),
        (&["--to-tls", "--server-name", "not a name"], "neither a host name nor an address"),
    ] {
        let ran = run([&ends[..], flags].concat());
        assert!(ran.failed(2).contains(why), "{flags:?}: {ran:?}");
    }
    let nowhere = dir.path().join("no/such/folder.pem");
    let ran = run([&ends[..], &["--tls", "--cert-out", nowhere.to_str().unwrap()]].concat());
    assert!(ran.failed(3).contains("cannot write"), "{ran:?}");
    assert!(run(["proxy", "--tls", "--api"]).failed(2).contains("--listen"));
}
