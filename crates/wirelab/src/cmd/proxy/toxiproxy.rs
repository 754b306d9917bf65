//! The requests of toxiproxy's HTTP API (2.x), so that its client libraries work with our proxies.
//!
//! On purpose not the same: `reset_peer` resets, also a connection that is open already, and does not
//! wait for bytes; `bandwidth` keeps an absolute schedule; `timeout`, when it is removed, closes those
//! connections only that lost something; a proxy whose target refuses refuses.
use std::{io, net::SocketAddr};

use axum::http::{Method, StatusCode};
use net::Tls;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    house::{House, Kept, Refusal},
    toxic::Toxic,
    web::Reply,
};

/// The version whose requests these are.
const VERSION: &str = "2.12.0";

/// A proxy as toxiproxy shows it.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    listen: String,
    upstream: &'a str,
    enabled: bool,
    toxics: Vec<Toxic>,
}

/// The answer, if it is one of those requests.
pub(super) async fn answer(
    house: &mut House,
    method: &Method,
    path: &[&str],
    body: &[u8],
) -> Option<Result<Reply, Refusal>> {
    Some(match (method.as_str(), path) {
        ("GET", ["version"]) => {
            let version = json!({"version": VERSION, "wirelab": env!("CARGO_PKG_VERSION")});
            Ok(Reply::json(StatusCode::OK, &version))
        }
        ("POST", ["reset"]) => reset(house),
        ("POST", ["populate"]) => populate(house, body).await,
        ("GET", ["proxies"]) => Ok(Reply::json(StatusCode::OK, &all(house))),
        ("POST", ["proxies"]) => create(house, body).await,
        ("GET", ["proxies", name]) => found(house, name).map(|kept| shown(name, kept).reply()),
        ("POST" | "PATCH", ["proxies", name]) => update(house, name, body).await,
        ("DELETE", ["proxies", name]) => {
            house.remove(name).await.map(|()| Reply::nothing()).ok_or_else(no_proxy)
        }
        ("GET", ["proxies", name, "toxics"]) => {
            found(house, name).map(|kept| Reply::json(StatusCode::OK, &toxics(kept)))
        }
        ("POST", ["proxies", name, "toxics"]) => add(house, name, body),
        ("GET", ["proxies", name, "toxics", toxic]) => found(house, name)
            .and_then(|kept| toxic_of(kept, toxic))
            .map(|toxic| Reply::json(StatusCode::OK, &toxic)),
        ("POST" | "PATCH", ["proxies", name, "toxics", toxic]) => change(house, name, toxic, body),
        ("DELETE", ["proxies", name, "toxics", toxic]) => found(house, name).and_then(|kept| {
            toxic_of(kept, toxic)?;
            kept.lift(toxic).map(|()| Reply::nothing())
        }),
        _ => return None,
    })
}

/// What went wrong, as toxiproxy says it.
pub(super) fn refused(Refusal { status, problem }: &Refusal) -> Reply {
    let title = problem.split(':').next().unwrap_or_default();
    Reply::json(*status, &json!({"error": problem, "title": title, "status": status.as_u16()}))
}

fn no_proxy() -> Refusal {
    Refusal::unknown("proxy not found")
}

fn found<'a>(house: &'a mut House, name: &str) -> Result<&'a mut Kept, Refusal> {
    house.pick(Some(name)).map_err(|_| no_proxy())
}

fn shown<'a>(name: &'a str, kept: &'a Kept) -> Shown<'a> {
    let (listen, upstream) = (kept.listen.to_string(), &*kept.upstream);
    Shown { name, listen, upstream, enabled: kept.is_on(), toxics: toxics(kept) }
}

impl Shown<'_> {
    fn reply(&self) -> Reply {
        Reply::json(StatusCode::OK, self)
    }
}

fn all(house: &House) -> Map<String, Value> {
    house.all().map(|(name, kept)| (name.clone(), json!(shown(name, kept)))).collect()
}

fn toxics(kept: &Kept) -> Vec<Toxic> {
    kept.faults().iter().filter_map(Toxic::of).collect()
}

fn toxic_of(kept: &Kept, name: &str) -> Result<Toxic, Refusal> {
    let toxic = kept.fault(name).as_ref().and_then(Toxic::of);
    toxic.ok_or_else(|| Refusal::unknown("toxic not found"))
}

/// Everything listens again, and nothing is harmed.
fn reset(house: &mut House) -> Result<Reply, Refusal> {
    for kept in house.all_mut() {
        kept.heal();
        kept.switch_on()?;
    }
    Ok(Reply::nothing())
}

fn table(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(body).map_err(|e| Refusal::wrong(format!("bad request body: {e}")))
}

/// What is said of a proxy; nothing said is nothing changed.
struct Said {
    listen: Option<String>,
    upstream: Option<String>,
    enabled: Option<bool>,
}

impl Said {
    fn read(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let text = |key: &str| match body.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Refusal::wrong(format!("bad request body: `{key}` is no text"))),
        };
        let enabled = match body.get("enabled") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(enabled)) => Some(*enabled),
            Some(_) => {
                return Err(Refusal::wrong("bad request body: `enabled` is true or false"));
            }
        };
        Ok(Self { listen: text("listen")?, upstream: text("upstream")?, enabled })
    }
}

async fn create(house: &mut House, body: &[u8]) -> Result<Reply, Refusal> {
    let name = made(house, &table(body)?).await?;
    let kept = found(house, &name)?;
    Ok(Reply::json(StatusCode::CREATED, &shown(&name, kept)))
}

/// Makes a proxy and starts it, unless it is to be off; its name.
async fn made(house: &mut House, body: &Map<String, Value>) -> Result<String, Refusal> {
    let Said { listen, upstream, enabled } = Said::read(body)?;
    let missing = |key: &str| Refusal::wrong(format!("missing required field: {key}"));
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err(missing("name"));
    }
    let upstream = upstream.filter(|to| !to.is_empty()).ok_or_else(|| missing("upstream"))?;
    let listen = listening(&listen.unwrap_or_default()).await?;
    let target = addresses("upstream", &upstream).await?;
    house.add(name, listen, &upstream, target, None, Tls::default())?;
    if enabled.unwrap_or(true)
        && let Err(refusal) = found(house, name)?.switch_on()
    {
        house.remove(name).await;
        return Err(refusal);
    }
    Ok(name.to_owned())
}

async fn update(house: &mut House, name: &str, body: &[u8]) -> Result<Reply, Refusal> {
    let kept = found(house, name)?;
    let Said { listen, upstream, enabled } = Said::read(&table(body)?)?;
    let to = upstream.unwrap_or_else(|| kept.upstream.clone());
    let at = match listen {
        Some(listen) => listening(&listen).await?,
        None => kept.listen,
    };
    if at != kept.listen || to != kept.upstream {
        let target = addresses("upstream", &to).await?;
        kept.move_to(at, &to, target).await?;
    }
    match enabled {
        Some(true) => kept.switch_on()?,
        Some(false) => kept.switch_off().await,
        None => {}
    }
    Ok(shown(name, kept).reply())
}

/// Those that are there as wanted stay; the others are made anew.
async fn populate(house: &mut House, body: &[u8]) -> Result<Reply, Refusal> {
    let wanted: Vec<Map<String, Value>> = serde_json::from_slice(body)
        .map_err(|e| Refusal::wrong(format!("bad request body: {e}")))?;
    for (n, body) in wanted.iter().enumerate() {
        let Said { upstream, .. } = Said::read(body)?;
        let missing =
            |key: &str| Refusal::wrong(format!("missing required field: {key} at proxy {}", n + 1));
        if body.get("name").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(missing("name"));
        }
        if upstream.is_none_or(|to| to.is_empty()) {
            return Err(missing("upstream"));
        }
    }
    let mut there = Vec::new();
    let mut failed = None;
    for body in &wanted {
        match settle(house, body).await {
            Ok(name) => there.push(name),
            Err(refusal) => {
                failed = Some(refusal);
                break;
            }
        }
    }
    let mut proxies = Vec::new();
    for name in &there {
        proxies.push(json!(shown(name, found(house, name)?)));
    }
    let mut answer = json!({"proxies": proxies});
    let Some(Refusal { status, problem }) = failed else {
        return Ok(Reply::json(StatusCode::CREATED, &answer));
    };
    (answer["error"], answer["title"]) = (problem.clone().into(), problem.into());
    answer["status"] = status.as_u16().into();
    Ok(Reply::json(status, &answer))
}

async fn settle(house: &mut House, body: &Map<String, Value>) -> Result<String, Refusal> {
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    if let Ok(kept) = found(house, name) {
        let Said { listen, upstream, enabled } = Said::read(body)?;
        let listen = listening(&listen.unwrap_or_default()).await?;
        let same = listen == kept.listen || (listen.port() == 0 && listen.ip() == kept.listen.ip());
        if same && upstream.as_deref() == Some(&kept.upstream) {
            match enabled.unwrap_or(true) {
                true => kept.switch_on()?,
                false => kept.switch_off().await,
            }
            return Ok(name.to_owned());
        }
        house.remove(name).await;
    }
    made(house, body).await
}

fn add(house: &mut House, name: &str, body: &[u8]) -> Result<Reply, Refusal> {
    let kept = found(house, name)?;
    let toxic = Toxic::read(&table(body)?)?;
    if kept.fault(&toxic.name).is_some() {
        return Err(Refusal::taken("toxic already exists"));
    }
    kept.arm(toxic.rule()?)?;
    Ok(Reply::json(StatusCode::OK, &toxic))
}

fn change(house: &mut House, name: &str, toxic: &str, body: &[u8]) -> Result<Reply, Refusal> {
    let kept = found(house, name)?;
    let toxic = toxic_of(kept, toxic)?.with(&table(body)?)?;
    kept.arm(toxic.rule()?)?;
    Ok(Reply::json(StatusCode::OK, &toxic))
}

/// Where to listen: `:PORT` is at every address, and nothing is any port of this host.
async fn listening(text: &str) -> Result<SocketAddr, Refusal> {
    let text = match text.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None if text.is_empty() => "127.0.0.1:0".into(),
        None => text.to_owned(),
    };
    addresses("listen", &text).await.map(|addrs| addrs[0])
}

/// At least one.
async fn addresses(key: &str, text: &str) -> Result<Vec<SocketAddr>, Refusal> {
    let found = tokio::net::lookup_host(text).await.map(Iterator::collect::<Vec<_>>);
    let found = found.and_then(|addrs| match addrs.is_empty() {
        true => Err(io::Error::other("it has no address")),
        false => Ok(addrs),
    });
    found.map_err(|e| Refusal::wrong(format!("bad request body: {key} `{text}`: {e}")))
}
