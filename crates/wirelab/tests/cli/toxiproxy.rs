//! The requests of toxiproxy's API, asked byte for byte. `.ci/toxiproxy.sh` has a client library of
//! others ask them.
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
};

use serde_json::{Value, json};

use crate::{proxy::ask, proxy::read, support::*};

struct Api {
    running: Running,
    at: String,
}

fn api() -> Api {
    let running = Running::start(wirelab().args(["proxy", "--api", "127.0.0.1:0"]));
    let at = url(&running.err.until("control on")).strip_prefix("http://").unwrap().to_owned();
    Api { running, at }
}

impl Api {
    fn ask(&self, start: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = ask(&self.at, start, &body);
        (status, serde_json::from_str(&answer).unwrap_or(Value::Null))
    }
    /// A proxy of this name in front of a listener of ours.
    fn proxy(&self, name: &str) -> (TcpListener, SocketAddr) {
        let target = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = target.local_addr().unwrap().to_string();
        let body = json!({"name": name, "listen": "127.0.0.1:0", "upstream": upstream});
        let (status, proxy) = self.ask("POST /proxies", body);
        assert_eq!((status, &proxy["enabled"], &proxy["toxics"]), (201, &json!(true), &json!([])));
        (target, proxy["listen"].as_str().unwrap().parse().unwrap())
    }
}

fn joined(target: &TcpListener, addr: SocketAddr) -> (TcpStream, TcpStream) {
    let near = TcpStream::connect(addr).unwrap();
    let (far, _) = target.accept().unwrap();
    for end in [&near, &far] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    (near, far)
}

#[test]
fn proxies_come_go_move_and_are_switched_off() {
    let api = api();
    assert_eq!(api.ask("GET /version", Value::Null).1["version"], "2.12.0");
    let (target, addr) = api.proxy("redis");
    let (mut near, mut far) = joined(&target, addr);
    near.write_all(b"ping").unwrap();
    assert_eq!(read(&mut far, 4), b"ping");
    assert_eq!(api.ask("PATCH /proxies/redis", json!({"enabled": false})).1["enabled"], false);
    assert_eq!(near.read(&mut [0]).unwrap_or(0), 0);
    assert!(TcpStream::connect(addr).is_err());
    let (status, proxy) = api.ask("POST /proxies/redis", json!({"enabled": true}));
    assert_eq!((status, &proxy["listen"]), (200, &json!(addr.to_string())));
    drop(joined(&target, addr));
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = other.local_addr().unwrap().to_string();
    assert_eq!(api.ask("PATCH /proxies/redis", json!({"upstream": upstream})).0, 200);
    drop(joined(&other, addr));
    let all = api.ask("GET /proxies", Value::Null).1;
    assert_eq!(all["redis"]["upstream"], upstream);
    assert_eq!(api.ask("DELETE /proxies/redis", Value::Null).0, 204);
    assert_eq!(api.ask("GET /proxies", Value::Null), (200, json!({})));
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn toxics_are_put_changed_and_taken_as_they_were_said() {
    let api = api();
    let (target, addr) = api.proxy("redis");
    let (mut near, mut far) = joined(&target, addr);
    let toxic = json!({"type": "limit_data", "stream": "upstream", "attributes": {"bytes": 3}});
    let (status, put) = api.ask("POST /proxies/redis/toxics", toxic);
    let wanted = json!({"name": "limit_data_upstream", "type": "limit_data", "stream": "upstream",
        "toxicity": 1.0, "attributes": {"bytes": 3}});
    assert_eq!((status, &put), (200, &wanted));
    let path = "/proxies/redis/toxics/limit_data_upstream";
    assert_eq!(api.ask(&format!("GET {path}"), Value::Null), (200, wanted.clone()));
    assert_eq!(api.ask("GET /proxies/redis/toxics", Value::Null).1, json!([wanted]));
    assert_eq!(api.ask("GET /proxies/redis", Value::Null).1["toxics"], json!([wanted]));
    let (_, changed) = api.ask(&format!("POST {path}"), json!({"attributes": {"bytes": 5}}));
    assert_eq!(changed["attributes"]["bytes"], 5);
    near.write_all(b"abcdefgh").unwrap();
    let mut came = Vec::new();
    let _ = far.read_to_end(&mut came);
    assert_eq!(came, b"abcde");
    assert_eq!(api.ask(&format!("DELETE {path}"), Value::Null).0, 204);
    assert_eq!(api.ask(&format!("DELETE {path}"), Value::Null).0, 404);
    let (mut near, mut far) = joined(&target, addr);
    near.write_all(b"abcdefgh").unwrap();
    assert_eq!(read(&mut far, 8), b"abcdefgh");
}

#[test]
fn a_toxic_outlives_being_switched_off_and_reset_takes_all() {
    let api = api();
    let (target, addr) = api.proxy("redis");
    let toxic = json!({"type": "latency", "attributes": {"latency": 5}});
    assert_eq!(api.ask("POST /proxies/redis/toxics", toxic.clone()).0, 200);
    api.ask("POST /proxies/redis", json!({"enabled": false}));
    let more = json!({"type": "slicer", "attributes": {"average_size": 2}});
    assert_eq!(api.ask("POST /proxies/redis/toxics", more).0, 200);
    assert_eq!(api.ask("POST /proxies/redis/toxics", toxic).0, 409);
    let toxics = api.ask("POST /proxies/redis", json!({"enabled": true})).1["toxics"].clone();
    assert_eq!(toxics.as_array().map(Vec::len), Some(2), "{toxics}");
    api.ask("POST /proxies/redis", json!({"enabled": false}));
    assert_eq!(api.ask("POST /reset", Value::Null).0, 204);
    let (_, proxy) = api.ask("GET /proxies/redis", Value::Null);
    assert_eq!((&proxy["enabled"], &proxy["toxics"]), (&json!(true), &json!([])));
    drop(joined(&target, addr));
}

#[test]
fn populate_keeps_what_is_as_wanted() {
    let mut api = api();
    let (target, addr) = api.proxy("redis");
    let (mut near, mut far) = joined(&target, addr);
    let upstream = api.ask("GET /proxies/redis", Value::Null).1["upstream"].clone();
    let wanted = json!([
        {"name": "redis", "listen": addr.to_string(), "upstream": upstream},
        {"name": "mysql", "listen": "127.0.0.1:0", "upstream": upstream, "enabled": false},
    ]);
    let (status, made) = api.ask("POST /populate", wanted);
    assert_eq!((status, made["proxies"].as_array().map(Vec::len)), (201, Some(2)), "{made}");
    assert_eq!(made["proxies"][1]["enabled"], false);
    near.write_all(b"still here").unwrap();
    assert_eq!(read(&mut far, 10), b"still here");
    let (status, wrong) = api.ask("POST /populate", json!([{"name": "x"}]));
    assert_eq!(
        (status, &wrong["error"]),
        (400, &json!("missing required field: upstream at proxy 1"))
    );
    api.running.say("quit");
    assert_eq!(api.running.wait().code(), Some(0));
}

#[test]
fn what_is_wrong_is_said_as_toxiproxy_says_it() {
    let api = api();
    let (_target, addr) = api.proxy("redis");
    for (start, body, status, error) in [
        ("GET /proxies/x", Value::Null, 404, "proxy not found"),
        ("DELETE /proxies/x", Value::Null, 404, "proxy not found"),
        ("GET /proxies/redis/toxics/x", Value::Null, 404, "toxic not found"),
        ("POST /proxies", json!({"upstream": "127.0.0.1:9"}), 400, "missing required field: name"),
        ("POST /proxies", json!({"name": "x"}), 400, "missing required field: upstream"),
        ("POST /proxies", json!([]), 400, "bad request body: "),
        (
            "POST /proxies",
            json!({"name": "redis", "upstream": "127.0.0.1:9"}),
            409,
            "proxy already exists",
        ),
        (
            "POST /proxies",
            json!({"name": "x", "upstream": "127.0.0.1:9", "listen": addr.to_string()}),
            500,
            "cannot listen on",
        ),
        ("POST /proxies/redis/toxics", json!({"type": "x"}), 400, "invalid toxic type"),
        (
            "POST /proxies/redis/toxics",
            json!({"type": "latency", "stream": "x"}),
            400,
            "stream was invalid, can be either upstream or downstream",
        ),
    ] {
        let (got, answer) = api.ask(start, body);
        let said = answer["error"].as_str().unwrap_or_default();
        assert!(got == status && said.starts_with(error), "{start}: {got} {answer}");
        assert_eq!(answer["status"], status, "{answer}");
        assert!(answer["title"].is_string(), "{answer}");
    }
    // What failed to listen is not kept.
    assert_eq!(api.ask("GET /proxies/x", Value::Null).0, 404);
}
