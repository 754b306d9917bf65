//! Orders over HTTP. Requests are taken here and answered, one at a time, by whoever owns the proxies.
use std::net::{Ipv4Addr, SocketAddr};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware,
    response::{IntoResponse, Response},
};
use net::{
    Recorder,
    proxy::Rule,
    record::{Metrics, negotiate},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};

use super::{
    house::{House, Refusal, Shown},
    toxiproxy,
};
use crate::{
    exit::Failure,
    http::{self, MAX_BODY, Serving, by_its_head, decoded, failed, page, query},
    text,
};

/// Requests that wait; whoever sends more waits too.
const WAITING: usize = 16;

const WHAT: &str = "GET and POST /faults, PUT, PATCH and DELETE /faults/NAME, POST /cut, POST /heal, \
    GET /record?from=SEQ, GET /metrics, GET /healthz and what toxiproxy has";

/// A request, and where its answer is awaited.
pub(super) struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    pub(super) answer: oneshot::Sender<Reply>,
}

/// An answer.
pub(super) struct Reply {
    status: StatusCode,
    content: &'static str,
    body: String,
}

impl Reply {
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        Self { status, content: "application/json", body: text::json_line(body) }
    }
    pub(super) fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, content: "", body: String::new() }
    }
    fn ok(what: impl Into<String>) -> Result<Self, Refusal> {
        Ok(Self::json(StatusCode::OK, &json!({"ok": what.into()})))
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let Self { status, content, body } = self;
        match content {
            "" => status.into_response(),
            content => (status, [(header::CONTENT_TYPE, content)], body).into_response(),
        }
    }
}

/// Running endpoints. Dropping it ends them.
pub(super) struct Web {
    _serving: Vec<Serving>,
    requests: mpsc::Receiver<Asked>,
}

/// What answers are made of, besides the proxies.
pub(super) struct Seen {
    pub(super) recorder: Recorder,
    pub(super) metrics: Metrics,
}

impl Web {
    /// Takes requests on this port of 127.0.0.1 and at this address, and says where.
    ///
    /// # Errors
    /// What to do about a port that is taken.
    pub(super) fn start(port: Option<u16>, api: Option<SocketAddr>) -> Result<Self, Failure> {
        let (sender, requests) = mpsc::channel(WAITING);
        let app = Router::new()
            .fallback(take)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(middleware::from_fn(by_its_head))
            .with_state(sender);
        let mut serving = Vec::new();
        let port = port.map(|port| (SocketAddr::from((Ipv4Addr::LOCALHOST, port)), "--http-port"));
        for (addr, flag) in port.into_iter().chain(api.map(|addr| (addr, "--api"))) {
            let listener = http::listen_at(addr);
            let started = listener.and_then(|listener| Serving::start(listener, app.clone()));
            let (one, addr) = started.map_err(|e| {
                Failure::environment(format!(
                    "cannot take orders on {addr}: {e}; choose another {flag} (port 0 is any)"
                ))
            })?;
            if !addr.ip().is_loopback() {
                text::talk("warning: whoever reaches this address can give orders");
            }
            text::talk(&format!("control on http://{addr}"));
            serving.push(one);
        }
        Ok(Self { _serving: serving, requests })
    }
    /// The next request. None ever comes where none are taken.
    pub(super) async fn asked(&mut self) -> Asked {
        match self.requests.recv().await {
            Some(asked) => asked,
            None => std::future::pending().await,
        }
    }
}

async fn take(
    State(requests): State<mpsc::Sender<Asked>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(e) => return failed(e.status(), &format!("the body is lost: {}", e.body_text())),
    };
    let (answer, answered) = oneshot::channel();
    let told = requests.send(Asked { method, uri, headers, body, answer }).await.is_ok();
    match if told { answered.await.ok() } else { None } {
        Some(reply) => reply.into_response(),
        None => failed(StatusCode::SERVICE_UNAVAILABLE, "the proxy is ending"),
    }
}

/// Does what is asked.
pub(super) async fn answer(house: &mut House, seen: &Seen, asked: &Asked) -> Reply {
    let Asked { method, uri, body, .. } = asked;
    let path: Vec<String> = uri.path().trim_matches('/').split('/').map(decoded).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if let Some(done) = toxiproxy::answer(house, method, &path, body).await {
        return done.unwrap_or_else(|refusal| toxiproxy::refused(&refusal));
    }
    own(house, seen, asked, &path).unwrap_or_else(|Refusal { status, problem }| {
        Reply::json(status, &json!({"error": problem}))
    })
}

fn own(
    house: &mut House,
    seen: &Seen,
    Asked { method, uri, headers, body, .. }: &Asked,
    path: &[&str],
) -> Result<Reply, Refusal> {
    let proxy = query(uri, "proxy");
    let which = proxy.as_deref();
    match (method.as_str(), path) {
        ("GET", ["healthz"]) => Ok(text("text/plain; charset=utf-8", "ok\n".into())),
        ("GET", ["metrics"]) => {
            let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
            let format = negotiate(accept);
            Ok(text(format.content_type(), seen.metrics.render(format)))
        }
        ("GET", ["record"]) => {
            let page = page(&seen.recorder, uri).map_err(Refusal::wrong)?;
            Ok(text("application/jsonl", page))
        }
        ("GET", ["faults"]) => {
            Ok(Reply::json(StatusCode::OK, &json!({"faults": house.pick(which)?.faults()})))
        }
        ("POST", ["faults"]) => {
            let (kept, rule) = (house.pick(which)?, rule(body, None)?);
            if let Some(name) = rule.place.name.as_deref().filter(|name| kept.fault(name).is_some())
            {
                return Err(Refusal::taken(format!("a fault is called `{name}`; PUT changes it")));
            }
            let name = kept.arm(rule)?;
            Ok(Reply::json(StatusCode::CREATED, &kept.fault(&name)))
        }
        ("GET", ["faults", name]) => found(house.pick(which)?.fault(name), name),
        ("PUT", ["faults", name]) => {
            let kept = house.pick(which)?;
            kept.arm(rule(body, Some(name))?)?;
            found(kept.fault(name), name)
        }
        ("PATCH", ["faults", name]) => {
            let kept = house.pick(which)?;
            let old = kept.fault(name).ok_or_else(|| nobody(name))?;
            kept.arm(patched(&old, body, name)?)?;
            found(kept.fault(name), name)
        }
        ("DELETE", ["faults", name]) => {
            house.pick(which)?.lift(name)?;
            Reply::ok(format!("{name} is lifted"))
        }
        ("POST", ["cut"]) => {
            house.pick(which)?.cut()?;
            Reply::ok("cut")
        }
        ("POST", ["heal"]) => {
            house.pick(which)?.heal();
            Reply::ok("healed")
        }
        _ => {
            let problem = format!("there is no {method} {}; there are {WHAT}", uri.path());
            Err(Refusal::unknown(problem))
        }
    }
}

fn text(content: &'static str, body: String) -> Reply {
    Reply { status: StatusCode::OK, content, body }
}

fn found(fault: Option<Shown>, name: &str) -> Result<Reply, Refusal> {
    fault.map(|fault| Reply::json(StatusCode::OK, &fault)).ok_or_else(|| nobody(name))
}

fn nobody(name: &str) -> Refusal {
    Refusal::unknown(format!("no fault is called `{name}`"))
}

/// A rule: a table, a line in quotes, or just the line.
fn rule(body: &[u8], name: Option<&str>) -> Result<Rule, Refusal> {
    let body = std::str::from_utf8(body).map_err(|_| Refusal::wrong("the body is not UTF-8"))?;
    let read: Result<Rule, String> = match body.trim_start().starts_with(['{', '"']) {
        true => serde_json::from_str(body).map_err(|e| e.to_string()),
        false => body.trim().parse().map_err(|e: proto::ConfigError| e.to_string()),
    };
    let mut rule = read.map_err(Refusal::wrong)?;
    if name.is_some() {
        rule.place.name = name.map(Into::into);
    }
    // The name in the path has not been checked.
    Ok(Rule::new(rule.fault, rule.place)?)
}

/// The same rule with some keys changed, or gone where they are null.
fn patched(old: &Shown, body: &[u8], name: &str) -> Result<Rule, Refusal> {
    let wrong = |e: serde_json::Error| Refusal::wrong(e.to_string());
    let change: Map<String, Value> = serde_json::from_slice(body).map_err(wrong)?;
    let Value::Object(mut table) = serde_json::to_value(&old.table).map_err(wrong)? else {
        return Err(Refusal::wrong("a fault is a table"));
    };
    for (key, value) in change {
        match value {
            Value::Null => drop(table.remove(&key)),
            value => drop(table.insert(key, value)),
        }
    }
    rule(Value::Object(table).to_string().as_bytes(), Some(name))
}
