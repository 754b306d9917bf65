//! The end that listens. It reads one order from each connection, and hands on the lines of its answer.
use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Notify, mpsc},
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::{Answer, Call, MAX_ORDER, lock, refusal};

/// Connections at a time.
pub(super) const MOST: usize = 64;
/// Orders that wait to be obeyed.
const WAITING: usize = 16;
/// How long an order may take to come, and a line of its answer to be read.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long answers may take to be read once the program ends.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long nobody is let in after that failed, say for want of a file descriptor.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket that hears orders. It is removed when this is dropped.
pub(crate) struct Ear {
    calls: mpsc::Receiver<Call>,
    finish: Arc<Notify>,
    listening: JoinHandle<()>,
    path: PathBuf,
    _lock: File,
}

impl Ear {
    /// Makes the socket, which nobody but the user can open; and its directory, if there is none. What a
    /// program left there that has ended is replaced.
    ///
    /// # Errors
    /// A program that runs listens there, and which; what lies there is no socket; the operating system's.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let lock = lock::take(path)?;
        let bound = bind(path);
        let (listener, owner) = bound.inspect_err(|_| lock::give_back(path))?;
        let (heard, calls) = mpsc::channel(WAITING);
        let finish = Arc::new(Notify::new());
        let listening = tokio::spawn(listen(listener, owner, heard, finish.clone()));
        Ok(Self { calls, finish, listening, path: path.to_owned(), _lock: lock })
    }
    /// The next order. Cancel safe.
    pub(crate) async fn next(&mut self) -> Call {
        match self.calls.recv().await {
            Some(call) => call,
            None => std::future::pending().await,
        }
    }
    /// Hears no more orders, and waits a little until the answers there are have been read. Whoever
    /// holds one of them drops it before.
    pub(crate) async fn close(mut self) {
        self.calls.close();
        while self.calls.try_recv().is_ok() {}
        self.finish.notify_one();
        // Who does not read by then has been waited for.
        let _ = timeout(LAST_WORDS, &mut self.listening).await;
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.listening.abort();
        // Whatever is left is replaced by the next that listens here.
        let _ = fs::remove_file(&self.path);
        lock::give_back(&self.path);
    }
}

/// The socket, and who owns it. Whoever calls this holds its name.
fn bind(path: &Path) -> io::Result<(UnixListener, u32)> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => {
            let problem = "there is something that is no socket";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, problem));
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    let listener = UnixListener::bind(path)?;
    // Whoever was quicker than this is asked for its user all the same.
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok((listener, fs::symlink_metadata(path)?.uid()))
}

async fn listen(
    listener: UnixListener,
    owner: u32,
    heard: mpsc::Sender<Call>,
    finish: Arc<Notify>,
) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = finish.notified() => break,
            Some(_) = open.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if open.len() >= MOST => refuse(stream),
                Ok((stream, _)) => _ = open.spawn(serve(stream, owner, heard.clone())),
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
        }
    }
    drop((listener, heard));
    while open.join_next().await.is_some() {}
}

fn refuse(stream: UnixStream) {
    let line = refusal(format!("{MOST} programs ask already; ask again when one has left"));
    // There is room for a line in a new socket, and if not, the end of it says as much.
    let _ = stream.into_std().and_then(|mut stream| stream.write_all(line.as_bytes()));
}

/// Hears one order, and hands over its answer until that ends or nobody wants it.
async fn serve(stream: UnixStream, owner: u32, heard: mpsc::Sender<Call>) {
    // Somebody else who got here is told nothing.
    if !stream.peer_cred().is_ok_and(|peer| peer.uid() == owner) {
        return;
    }
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let heard_in_time = tokio::select! {
        biased;
        () = heard.closed() => return,
        order = timeout(PATIENCE, hear(&mut read)) => order,
    };
    let order = heard_in_time.unwrap_or_else(|_| Err(format!("no order within {PATIENCE:?}")));
    let order = match order {
        Ok(Some(order)) => order,
        Ok(None) => return,
        Err(problem) => return last_line(&mut write, problem).await,
    };
    let (answer, mut lines, short) = Answer::new();
    if heard.send(Call { order, answer }).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            biased;
            line = lines.recv() => match line {
                Some(line) if hand_over(&mut write, &line).await.is_err() => return,
                Some(_) => {}
                None => break,
            },
            // A connection has one order; whatever comes now, and be it the end, ends it.
            _ = read.read_u8() => return,
        }
    }
    if short.load(Ordering::Relaxed) {
        last_line(&mut write, "read too slowly; the rest of the answer was left out").await;
    }
}

/// The order; none if whoever is there leaves without one.
///
/// # Errors
/// It is none.
async fn hear(read: &mut BufReader<OwnedReadHalf>) -> Result<Option<String>, String> {
    let mut order = Vec::new();
    let read = read.take(MAX_ORDER as u64).read_until(b'\n', &mut order).await;
    if read.is_err() || order.last() != Some(&b'\n') && order.len() < MAX_ORDER {
        return Ok(None);
    }
    if order.pop() != Some(b'\n') {
        return Err(format!("an order has at most {MAX_ORDER} bytes"));
    }
    String::from_utf8(order).map(Some).map_err(|_| "an order is UTF-8".to_owned())
}

/// What is wrong, for whoever is still there.
async fn last_line(write: &mut OwnedWriteHalf, problem: impl Into<String>) {
    // Who has left is told nothing.
    let _ = hand_over(write, &refusal(problem)).await;
}

async fn hand_over(write: &mut OwnedWriteHalf, line: &str) -> io::Result<()> {
    let line = format!("{}\n", line.trim_end_matches('\n'));
    timeout(PATIENCE, write.write_all(line.as_bytes())).await?
}
