//! TLS with somebody else's: the program `openssl` dials our device, and is dialled by our client.
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use net::{Client, Env, Event, Host, Net, Recorder, Role, TcpOptions, TlsClient, TlsServer, Trust};
use proto::{
    Delivery, Policy, Protocol, RawPolicy, Span, Supervisor, Ticket,
    toggle::{Lamp, Toggle, encode_toggle},
};

const NAME: &str = "lamp.example";

/// Whether the program is missing. Then the test is skipped; where all tools are required it fails.
fn lacks_openssl() -> bool {
    if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok() {
        return false;
    }
    let required = std::env::var("WIRELAB_REQUIRE_TOOLS").is_ok_and(|v| v == "1");
    assert!(!required, "needs openssl (Debian: openssl)");
    eprintln!("SKIPPED: needs openssl (Debian: openssl)");
    true
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

fn env() -> Env {
    Env::new(Net::Tcp(TcpOptions::default()), Recorder::new(1 << 24), 1)
}

/// A device that shows this certificate.
fn lamp(env: &Env, server: TlsServer) -> Host<Lamp> {
    let mut env = env.node("device", Role::Device);
    env.tls.listening = Some(server);
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    Host::start(env, anywhere, Arc::new(Lamp::default())).unwrap()
}

/// A certificate that signs itself, and its key, in files.
fn files(dir: &Path) -> (String, String) {
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| dir.join(name));
    let [certificate, key] = [certificate, key].map(|path| path.to_str().unwrap().to_owned());
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"])
        .args([&format!("/CN={NAME}"), "-keyout", &key, "-out", &certificate])
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    (certificate, key)
}

fn toggle() -> Vec<u8> {
    encode_toggle(Ticket(7), &Toggle::new("D1", true).unwrap()).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_dials_our_device_in_either_version() {
    if lacks_openssl() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let trusted = dir.path().join("trusted.pem");
    let trusted = trusted.to_str().unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let server = TlsServer::self_signed(&[NAME]).unwrap();
        std::fs::write(trusted, server.certificates()).unwrap();
        let host = lamp(&env(), server);
        let addr = host.addr().to_string();
        let words = ["s_client", "-connect", &addr, version, "-quiet", "-CAfile", trusted];
        let strict = ["-verify_return_error", "-verify_hostname", NAME, "-servername", NAME];
        let mut theirs = Theirs::start(&[&words[..], &strict].concat());
        let answer = tokio::task::spawn_blocking(move || {
            theirs.says(&toggle());
            let mut answer = [0; 3];
            theirs.0.stdout.as_mut().unwrap().read_exact(&mut answer).map(|()| answer)
        });
        assert_eq!(answer.await.unwrap().unwrap(), *b"ACK", "{version}");
        assert_eq!(host.device().snapshot().devices["D1"].applied, 1);
        host.stop().await;
    }
}

/// As old bridges of Cync would have it.
#[tokio::test(flavor = "multi_thread")]
async fn ciphers_that_are_not_offered_any_more_are_refused_with_a_reason() {
    if lacks_openssl() {
        return;
    }
    let env = env();
    let host = lamp(&env, TlsServer::self_signed(&[NAME]).unwrap());
    let addr = host.addr().to_string();
    let old = ["-tls1_2", "-cipher", "AES256-SHA256:@SECLEVEL=0", "-quiet"];
    let _theirs = Theirs::start(&[&["s_client", "-connect", &addr][..], &old].concat());
    let closed = env.recorder.until(|record| match &record.event {
        Event::Closed { reason, .. } => Some(reason.to_string()),
        _ => None,
    });
    let why = closed.await;
    assert!(why.contains("in the TLS handshake: peer is incompatible"), "{why}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_dials_openssl_in_either_version() {
    if lacks_openssl() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = files(dir.path());
    let trusted = std::fs::read_to_string(&certificate).unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let words = ["s_server", "-accept", "127.0.0.1:0", version, "-cert", &certificate];
        let mut theirs = Theirs::start(&[&words[..], &["-key", &key, "-naccept", "1"]].concat());
        let mut out = BufReader::new(theirs.0.stdout.take().unwrap());
        let mut line = String::new();
        let addr: SocketAddr = loop {
            line.clear();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "it says where it listens");
            if let Some(addr) = line.trim_end().strip_prefix("ACCEPT ") {
                break addr.parse().unwrap();
            }
        };
        let plays = tokio::task::spawn_blocking(move || {
            let (mut seen, mut buf) = (Vec::new(), [0; 4096]);
            while !seen.windows(4).any(|four| four == b"\"D1\"") {
                let n = out.read(&mut buf).unwrap();
                assert_ne!(n, 0, "it hears the command: {}", String::from_utf8_lossy(&seen));
                seen.extend(&buf[..n]);
            }
            theirs.says(b"ACK");
            theirs
        });
        let mut env = env().node("client", Role::Client);
        let trust = Trust::Certificates(trusted.clone());
        env.tls.dialling = Some(TlsClient::new(trust, NAME).unwrap());
        let raw = RawPolicy {
            recv_timeout: Span::millis(20_000),
            max_attempts: 1,
            ..RawPolicy::default()
        };
        let supervisor = Supervisor::new(Lamp::default(), Policy::new::<Lamp>(raw).unwrap(), 1);
        let client = Client::spawn(env, vec![addr], supervisor);
        let receipt = client.request(Toggle::new("D1", true).unwrap()).await.unwrap();
        assert_eq!(receipt.delivery, Delivery::Replied);
        client.close().await;
        drop(plays.await.unwrap());
    }
}
