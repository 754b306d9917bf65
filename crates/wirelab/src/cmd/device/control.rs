//! Orders over HTTP, on loopback, for programs that drive a device: the same orders as on stdin, and
//! obeyed by the same loop, one at a time.
use axum::{
    Router,
    extract::{DefaultBodyLimit, State, rejection::StringRejection},
    http::{Method, StatusCode, Uri, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use net::Recorder;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::order::{Done, Order};
use crate::{
    exit::Failure,
    http::{self, MAX_BODY, Serving, by_its_head, failed, json, page},
    text,
};

/// Orders that wait; whoever sends more waits too.
const WAITING: usize = 16;

const WHAT: &str =
    "POST /tell, POST and GET /mode, POST /heal, GET /snapshot and GET /record?from=SEQ";

/// An order, and where its outcome is awaited.
pub(super) struct Asked {
    pub(super) order: Order,
    pub(super) answer: oneshot::Sender<Result<Done, String>>,
}

/// A running endpoint. Dropping it ends it.
pub(super) struct Control {
    _serving: Serving,
    orders: mpsc::Receiver<Asked>,
}

impl Control {
    /// Takes orders on this port of 127.0.0.1, 0 being any free one, and says where.
    ///
    /// # Errors
    /// What to do about a port that is taken.
    pub(super) fn start(port: u16, recorder: Recorder) -> Result<Self, Failure> {
        let (sender, orders) = mpsc::channel(WAITING);
        let app = Router::new()
            .route("/tell", post(tell))
            .route("/mode", post(mode).get(modes))
            .route("/heal", post(heal))
            .route("/record", get(async move |uri: Uri| record(&recorder, &uri)))
            .route("/snapshot", get(snapshot))
            .fallback(nowhere)
            .method_not_allowed_fallback(nowhere)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(middleware::from_fn(by_its_head))
            .with_state(sender);
        let serving = http::listen(port).map(|listener| Serving::start(listener, app));
        let (serving, addr) = serving.and_then(|serving| serving).map_err(|e| {
            Failure::environment(format!(
                "cannot take orders on 127.0.0.1:{port}: {e}; choose another --http-port (0 is any)"
            ))
        })?;
        text::talk(&format!("control on http://{addr}"));
        Ok(Self { _serving: serving, orders })
    }
    /// The next order.
    pub(super) async fn asked(&mut self) -> Option<Asked> {
        self.orders.recv().await
    }
}

type Orders = State<mpsc::Sender<Asked>>;
type Body = Result<String, StringRejection>;

async fn tell(State(orders): Orders, body: Body) -> Response {
    with_line(&orders, body, |words| match words {
        "" => Err("nothing to tell; write for instance event 50".into()),
        words => Order::read(&format!("tell {words}")),
    })
    .await
}

async fn mode(State(orders): Orders, body: Body) -> Response {
    with_line(&orders, body, |line| match Order::read(line)? {
        order @ Order::Misbehave(_) => Ok(order),
        Order::Nothing
        | Order::Tell(_)
        | Order::Show
        | Order::Modes
        | Order::Help
        | Order::Quit => {
            Err(format!("`{line}` is no mode; write mode MODE, next N MODE or reject-next N"))
        }
    })
    .await
}

async fn modes(State(orders): Orders) -> Response {
    ask(&orders, Order::Modes).await
}

async fn heal(State(orders): Orders) -> Response {
    ask(&orders, Order::Misbehave("success".into())).await
}

fn record(recorder: &Recorder, uri: &Uri) -> Response {
    match page(recorder, uri) {
        Ok(lines) => ([(header::CONTENT_TYPE, "application/jsonl")], lines).into_response(),
        Err(problem) => failed(StatusCode::BAD_REQUEST, &problem),
    }
}

async fn snapshot(State(orders): Orders) -> Response {
    ask(&orders, Order::Show).await
}

async fn nowhere(method: Method, uri: Uri) -> Response {
    let problem = format!("there is no {method} {}; there are {WHAT}", uri.path());
    failed(StatusCode::NOT_FOUND, &problem)
}

async fn with_line(
    orders: &mpsc::Sender<Asked>,
    body: Body,
    read: impl FnOnce(&str) -> Result<Order, String>,
) -> Response {
    let line = match body {
        Ok(body) => body,
        Err(e) => return failed(e.status(), &format!("the body is no line: {}", e.body_text())),
    };
    let line = line.trim();
    if line.contains(['\n', '\r']) {
        return failed(StatusCode::BAD_REQUEST, "one line at a time");
    }
    match read(line) {
        Ok(order) => ask(orders, order).await,
        Err(problem) => failed(StatusCode::BAD_REQUEST, &problem),
    }
}

async fn ask(orders: &mpsc::Sender<Asked>, order: Order) -> Response {
    let (answer, answered) = oneshot::channel();
    let told = orders.send(Asked { order, answer }).await.is_ok();
    match if told { answered.await.ok() } else { None } {
        Some(Ok(done)) => well(done),
        Some(Err(problem)) => failed(StatusCode::BAD_REQUEST, &problem),
        None => failed(StatusCode::SERVICE_UNAVAILABLE, "the device is ending"),
    }
}

fn well(done: Done) -> Response {
    #[derive(Serialize)]
    struct Well {
        ok: String,
    }
    match done {
        Done::Memory(memory) => json(StatusCode::OK, &memory),
        Done::Modes(modes) => json(StatusCode::OK, &modes),
        Done::Did(ok) => json(StatusCode::OK, &Well { ok }),
        Done::Nothing | Done::Help(_) | Done::Quit => json(StatusCode::OK, &Well { ok: "".into() }),
    }
}
