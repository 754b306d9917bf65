//! What is served over HTTP, on loopback only: here the metrics for Prometheus, `/metrics` in the format
//! it asks for, and `/healthz`.
use std::{
    future::IntoFuture,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use net::{
    Recorder,
    record::{Metrics, negotiate},
};
use serde::Serialize;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use crate::{exit::Failure, text};

/// Longer bodies are refused.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// Of the record, so much is kept for those who ask for it.
pub(crate) const KEPT: usize = 16 << 20;
/// And about so much goes into one answer.
const PAGE: usize = 1 << 20;

/// A port of 127.0.0.1; 0 is any free one.
///
/// # Errors
/// The operating system's: most often, the port is taken.
pub(crate) fn listen(port: u16) -> io::Result<TcpListener> {
    listen_at((Ipv4Addr::LOCALHOST, port).into())
}

/// The same at any address.
///
/// # Errors
/// The operating system's: most often, the port is taken.
pub(crate) fn listen_at(addr: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(addr)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Routes that are being served. Dropping it ends that.
pub(crate) struct Serving {
    finish: Arc<Notify>,
    task: JoinHandle<io::Result<()>>,
}

impl Serving {
    /// Serves `app`, and says where.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn start(listener: TcpListener, app: Router) -> io::Result<(Self, SocketAddr)> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let addr = listener.local_addr()?;
        let finish = Arc::new(Notify::new());
        let told = finish.clone();
        let serving =
            axum::serve(listener, app).with_graceful_shutdown(async move { told.notified().await });
        Ok((Self { finish, task: tokio::spawn(serving.into_future()) }, addr))
    }
    /// Takes no more requests and waits until those it has are answered.
    async fn finish(mut self) {
        self.finish.notify_one();
        // It ends well or it does not; either way it was served.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A running endpoint. Dropping it ends it.
pub(crate) struct Exporter {
    addr: SocketAddr,
    scrapes: watch::Receiver<u64>,
    serving: Serving,
}

#[derive(Clone)]
struct Served {
    metrics: Metrics,
    scrapes: Arc<watch::Sender<u64>>,
}

impl Exporter {
    /// Serves `metrics` on this port of 127.0.0.1; 0 is any free one.
    ///
    /// # Errors
    /// The operating system's: most often, the port is taken.
    pub(crate) fn start(port: u16, metrics: Metrics) -> io::Result<Self> {
        let (counted, scrapes) = watch::channel(0);
        let app = Router::new()
            .route("/metrics", get(serve_metrics))
            .route("/healthz", get(async || "ok\n"))
            .with_state(Served { metrics, scrapes: Arc::new(counted) });
        let (serving, addr) = Serving::start(listen(port)?, app)?;
        Ok(Self { addr, scrapes, serving })
    }
    /// The same for somebody who asked for it, and is told where.
    ///
    /// # Errors
    /// What to do about a port that is taken.
    pub(crate) fn told(port: u16, metrics: Metrics) -> Result<Self, Failure> {
        let exporter = Self::start(port, metrics).map_err(|e| {
            Failure::environment(format!(
                "cannot serve metrics on 127.0.0.1:{port}: {e}; choose another --metrics-port (0 is any)"
            ))
        })?;
        text::talk(&format!("metrics on {}", exporter.url()));
        Ok(exporter)
    }
    /// Where to read the metrics.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/metrics", self.addr)
    }
    /// Waits for a scrape that begins from now on.
    pub(crate) async fn scraped(&self) {
        let mut scrapes = self.scrapes.clone();
        scrapes.mark_unchanged();
        // An error would mean that the server is gone: then nobody scrapes any more either.
        if scrapes.changed().await.is_err() {
            std::future::pending().await
        }
    }
    /// Takes no more requests and waits until those it has are answered.
    pub(crate) async fn finish(self) {
        self.serving.finish().await;
    }
}

async fn serve_metrics(
    State(served): State<Served>,
    method: Method,
    headers: HeaderMap,
) -> impl IntoResponse {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let format = negotiate(accept);
    let body = served.metrics.render(format);
    if method == Method::GET {
        served.scrapes.send_modify(|scrapes| *scrapes += 1);
    }
    ([(header::CONTENT_TYPE, format.content_type())], body)
}

/// What is refused before its body comes.
pub(crate) async fn by_its_head(headers: HeaderMap, request: Request, next: Next) -> Response {
    // A page that somebody has open in a browser may post to loopback without being asked.
    if headers.contains_key(header::ORIGIN) {
        return failed(StatusCode::FORBIDDEN, "no orders from pages of a browser");
    }
    let len = headers.get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
    if len.is_some_and(|len: u64| len > MAX_BODY as u64) {
        let problem = format!("longer than {MAX_BODY} bytes");
        return failed(StatusCode::PAYLOAD_TOO_LARGE, &problem);
    }
    next.run(request).await
}

/// An answer that says what is wrong.
pub(crate) fn failed(status: StatusCode, error: &str) -> Response {
    #[derive(Serialize)]
    struct Failed<'a> {
        error: &'a str,
    }
    json(status, &Failed { error })
}

/// JSON on one line.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], text::json_line(body)).into_response()
}

/// A page of the record, from the number that the query says on. The next begins after its last line.
///
/// # Errors
/// What it says is no number.
pub(crate) fn page(recorder: &Recorder, uri: &Uri) -> Result<String, String> {
    let from = match query(uri, "from") {
        None => 0,
        Some(from) => {
            from.parse().map_err(|_| format!("from: `{from}` is no number of a record"))?
        }
    };
    Ok(recorder.since(from, PAGE).iter().map(text::json_line).collect())
}

/// The value of a key behind the question mark.
pub(crate) fn query(uri: &Uri, wanted: &str) -> Option<String> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == wanted).map(|(_, value)| decoded(value))
}

/// `%41` is A.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let hex = more.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_paths_may_be_written_in_hex() {
        for (text, is) in [("a%20b", "a b"), ("%41", "A"), ("100%", "100%"), ("%zz", "%zz")] {
            assert_eq!(decoded(text), is);
        }
        let uri: Uri = "/record?from=7&proxy=a%2fb".parse().unwrap();
        assert_eq!(query(&uri, "proxy").as_deref(), Some("a/b"));
        assert_eq!(query(&uri, "to"), None);
    }
}
