//! `wirelab replay`: one side of a recorded session, played to a real other side.
mod pairs;
mod play;
mod score;
mod tape;

use std::{
    collections::BTreeSet, fs::File, io::BufReader, net::SocketAddr, path::Path, sync::Arc,
    time::Duration,
};

use net::record::read_evidence;
use serde::Serialize;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

use crate::{
    args::{ReplayArgs, Side},
    config::proxy::{Replaying, replaying},
    exit::{Exit, Failure},
    signals::Signals,
    text,
};
use score::Difference;
use tape::{Scene, scenes};

/// What `--json` prints.
#[derive(Serialize)]
struct Replayed {
    schema: u32,
    connections: usize,
    /// Of those, the ones that came about.
    played: usize,
    same: bool,
    differences: Vec<Difference>,
}

/// # Errors
/// What was typed makes no sense, the file is no recording, or a port is taken.
pub(crate) fn run(args: ReplayArgs) -> Result<Exit, Failure> {
    let what = replaying(args)?;
    let scenes = read(&what.file, what.side)?;
    crate::block_on(replay(what, scenes))
}

fn read(path: &Path, side: Side) -> Result<Vec<Arc<Scene>>, Failure> {
    let name = path.display();
    let unreadable = |why: String| Failure::environment(format!("cannot replay {name}: {why}"));
    let file = File::open(path).map_err(|e| unreadable(e.to_string()))?;
    let runs = read_evidence(BufReader::new(file)).map_err(|e| unreadable(e.to_string()))?;
    let all: Vec<_> =
        runs.iter().flat_map(|(_, records)| scenes(records, side)).map(Arc::new).collect();
    if all.is_empty() {
        let problem =
            format!("{name} holds no connection that a proxy carried; see wirelab record");
        return Err(Failure::usage(problem));
    }
    Ok(all)
}

async fn replay(what: Replaying, scenes: Vec<Arc<Scene>>) -> Result<Exit, Failure> {
    let json = what.json;
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let (played, differences) = tokio::select! {
        biased;
        () = signals.stop() => return Ok(Exit::Interrupted),
        played = all(&what, &scenes) => played?,
    };
    let same = differences.is_empty();
    let result = Replayed { schema: 1, connections: scenes.len(), played, same, differences };
    text::print(&if json { text::json_line(&result) } else { result.lines() })?;
    Ok(if same { Exit::Done } else { Exit::Failed })
}

impl Replayed {
    fn lines(&self) -> String {
        let line = |d: &Difference| {
            let Difference { connection, message, offset, what, expected, got } = d;
            let message = message.map(|n| format!(", message {n}")).unwrap_or_default();
            let nothing =
                |text: &str| if text.is_empty() { "nothing".into() } else { text.to_owned() };
            let (expected, got) = (nothing(expected), nothing(got));
            format!(
                "connection {connection}{message}, offset {offset}: {what} differ: expected {expected}; got {got}\n"
            )
        };
        let Self { connections, played, same, differences, .. } = self;
        let verdict = match same {
            true => "as recorded".to_owned(),
            false if differences.len() == 1 => "1 difference".to_owned(),
            false => format!("{} differences", differences.len()),
        };
        let lines = differences.iter().map(line).collect::<String>();
        format!("{lines}{verdict}: {played} of {connections} connections played\n")
    }
}

/// Plays all connections, each beside those it was beside; how many came about, and what differed.
async fn all(what: &Replaying, scenes: &[Arc<Scene>]) -> Result<(usize, Vec<Difference>), Failure> {
    let Replaying { file: _, side, addrs, protocol, cover, patience, json: _ } = what;
    let mut place = Place::new(*side, addrs, *patience).await?;
    let mut playing = JoinSet::new();
    let mut open = BTreeSet::new();
    let mut found: Vec<(usize, Vec<Difference>)> = Vec::new();
    let mut played = 0;
    for (n, scene) in scenes.iter().enumerate() {
        while open.iter().any(|other| !scene.beside.contains(other)) {
            over(&mut playing, &mut open, &mut found).await;
        }
        let Some(stream) = place.next().await else {
            found.push((n, vec![nobody(n + 1)]));
            break;
        };
        played += 1;
        open.insert(n);
        let (scene, patience) = (scene.clone(), *patience);
        let (protocol, cover) = (*protocol, *cover);
        playing.spawn(async move {
            (n, play::play(n + 1, &scene, stream, (protocol, cover), patience).await)
        });
    }
    while !open.is_empty() {
        over(&mut playing, &mut open, &mut found).await;
    }
    found.sort_by_key(|(n, _)| *n);
    Ok((played, found.into_iter().flat_map(|(_, differences)| differences).collect()))
}

async fn over(
    playing: &mut JoinSet<(usize, Vec<Difference>)>,
    open: &mut BTreeSet<usize>,
    found: &mut Vec<(usize, Vec<Difference>)>,
) {
    if let Some(ended) = playing.join_next().await {
        let (n, differences) = ended.expect("playing does not panic");
        open.remove(&n);
        found.push((n, differences));
    }
}

fn nobody(connection: usize) -> Difference {
    let (expected, got) = ("a connection".into(), String::new());
    Difference { connection, message: None, offset: 0, what: "end", expected, got }
}

/// Where connections come from.
enum Place {
    Listening(TcpListener, Duration),
    Dialling(Vec<SocketAddr>, Duration),
}

impl Place {
    async fn new(side: Side, addrs: &[SocketAddr], patience: Duration) -> Result<Self, Failure> {
        if side == Side::Client {
            return Ok(Self::Dialling(addrs.to_vec(), patience));
        }
        let taken = |e: std::io::Error| {
            Failure::environment(format!("cannot listen: {e}; choose another --listen"))
        };
        let listener = TcpListener::bind(addrs).await.map_err(taken)?;
        let addr = listener.local_addr().map_err(taken)?;
        text::talk(&format!("listening on {addr}"));
        Ok(Self::Listening(listener, patience))
    }
    /// The next connection, if it comes about in time.
    async fn next(&mut self) -> Option<TcpStream> {
        match self {
            Self::Listening(listener, patience) => {
                timeout(*patience, listener.accept()).await.ok()?.ok().map(|(stream, _)| stream)
            }
            Self::Dialling(addrs, patience) => {
                timeout(*patience, TcpStream::connect(&addrs[..])).await.ok()?.ok()
            }
        }
    }
}
