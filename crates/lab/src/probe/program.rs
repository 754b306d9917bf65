//! A client that is somebody else's program: started, listened to within limits, and ended together
//! with whatever it started itself.
use std::{
    io,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use net::Env;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    task::JoinHandle,
};

use super::story::Claim;

/// A program that prints more than this in one case floods.
pub const FLOOD: usize = 1 << 20;
/// What is kept of what it printed, from the end.
const KEPT: usize = 2048;
/// What is kept of its stdout apart, for its last line.
const LINE: usize = 16 << 10;
/// Outcomes that are a success.
const GOOD: [&str; 3] = ["ok", "success", "done"];
/// Between its end and the end of its pipes.
const DRAIN: Duration = Duration::from_millis(200);
/// How long it may take to end when asked to.
const GRACE: Duration = Duration::from_secs(1);

/// A running program.
pub struct Program {
    child: Child,
    group: Option<i32>,
    status: Option<io::Result<ExitStatus>>,
    said: Arc<Mutex<Said>>,
    readers: Vec<JoinHandle<()>>,
}

/// What a program printed.
#[derive(Default)]
struct Said {
    tail: Vec<u8>,
    /// The end of its stdout.
    out: Vec<u8>,
    total: usize,
}

impl Program {
    /// Starts `command`, with `{host}`, `{port}` and `{case}` in its words replaced, and the same in
    /// its environment as `WIRELAB_HOST`, `WIRELAB_PORT` and `WIRELAB_CASE`.
    ///
    /// # Errors
    /// There is no such program, or it may not be run.
    pub fn start(command: &[String], host: &str, port: u16, case: &str) -> io::Result<Self> {
        let port = port.to_string();
        let fill = |word: &String| {
            word.replace("{host}", host).replace("{port}", &port).replace("{case}", case)
        };
        let mut words = command.iter().map(fill);
        let name = words.next().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut command = Command::new(name);
        command
            .args(words)
            .env("WIRELAB_HOST", host)
            .env("WIRELAB_PORT", &port)
            .env("WIRELAB_CASE", case)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        let said = Arc::<Mutex<Said>>::default();
        let mut readers = Vec::new();
        if let Some(out) = child.stdout.take() {
            readers.push(tokio::spawn(listen(out, true, said.clone())));
        }
        if let Some(err) = child.stderr.take() {
            readers.push(tokio::spawn(listen(err, false, said.clone())));
        }
        Ok(Self { child, group, status: None, said, readers })
    }
    /// Returns once it has ended. Cancel safe.
    pub async fn ended(&mut self) {
        if self.status.is_none() {
            self.status = Some(self.child.wait().await);
        }
    }
    /// How it ended by itself, in words.
    pub fn how_it_ended(&self) -> String {
        let tail = self.tail();
        let last = tail.lines().rev().find(|line| !line.trim().is_empty());
        let last = last.map(|line| format!(" (last words: {})", line.trim())).unwrap_or_default();
        match &self.status {
            None => "it is still running".into(),
            Some(Err(e)) => format!("nobody knows how it ended: {e}"),
            Some(Ok(status)) => match (status.code(), signal(*status)) {
                (Some(code), _) => format!("it ended with code {code}{last}"),
                (None, Some(signal)) => format!("it died of signal {signal}{last}"),
                (None, None) => format!("it ended{last}"),
            },
        }
    }
    /// What it says of itself; nothing if it did not end by itself.
    pub async fn claim(&mut self, env: &Env) -> Option<Claim> {
        let code = self.status.as_ref()?.as_ref().ok()?.code()?;
        // What it printed last may still be in the pipe. A child of its may hold the pipe open.
        let until = env.now() + DRAIN;
        for reader in &mut self.readers {
            tokio::select! {
                biased;
                _ = reader => {}
                () = env.sleep_until(until) => break,
            }
        }
        self.readers.retain(|reader| !reader.is_finished());
        let outcome = outcome(&self.said().out);
        let success = match &outcome {
            Some(outcome) => GOOD.contains(&outcome.as_str()),
            None => code == 0,
        };
        Some(Claim { success, code, outcome })
    }
    /// Ends it, and what it started. Says what it did wrong by itself: it died, or it flooded.
    pub async fn end(mut self, env: &Env) -> Vec<String> {
        // Whether it had ended by itself shows without waiting.
        if let Ok(Some(status)) = self.child.try_wait() {
            self.status = Some(Ok(status));
        }
        let mut faults = Vec::new();
        if let Some(Ok(status)) = &self.status
            && signal(*status).is_some()
        {
            faults.push(self.how_it_ended());
        }
        if self.said().total > FLOOD {
            faults.push(format!("it printed more than {} KiB", FLOOD / 1024));
        }
        if self.status.is_none() {
            self.signal(Stop::Please);
            tokio::select! {
                biased;
                () = self.ended() => {}
                () = env.sleep_until(env.now() + GRACE) => {}
            }
        }
        self.signal(Stop::Now);
        self.ended().await;
        self.group = None;
        faults
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn tail(&self) -> String {
        String::from_utf8_lossy(&self.said().tail).into_owned()
    }
    /// Tells the program and all of its group.
    #[cfg(unix)]
    #[allow(unsafe_code)]
    fn signal(&self, stop: Stop) {
        let Some(group) = self.group.filter(|group| *group > 1) else { return };
        let signal = match stop {
            Stop::Please => libc::SIGTERM,
            Stop::Now => libc::SIGKILL,
        };
        // SAFETY: kill takes two numbers and touches no memory; the group is one we made ourselves.
        unsafe { libc::kill(-group, signal) };
    }
    #[cfg(not(unix))]
    fn signal(&mut self, _: Stop) {
        // It has ended already, or it ends now.
        let _ = self.child.start_kill();
    }
}

#[derive(Clone, Copy)]
enum Stop {
    Please,
    Now,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal(Stop::Now);
        self.readers.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// Stops listening to one that floods; its pipe fills, and it waits until it is ended.
async fn listen(mut pipe: impl AsyncRead + Unpin, is_out: bool, said: Arc<Mutex<Said>>) {
    let mut buf = vec![0; 8192];
    while let Ok(n @ 1..) = pipe.read(&mut buf).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.total += n;
        keep(&mut said.tail, &buf[..n], KEPT);
        if is_out {
            keep(&mut said.out, &buf[..n], LINE);
        }
        if said.total > FLOOD {
            return;
        }
    }
}

fn keep(tail: &mut Vec<u8>, bytes: &[u8], most: usize) {
    tail.extend_from_slice(bytes);
    tail.drain(..tail.len().saturating_sub(most));
}

/// The outcome in the last line of an output: a JSON object with `outcome`. With `event` as well it
/// is a line of a log.
fn outcome(out: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(out);
    let last = text.lines().rev().find(|line| !line.trim().is_empty())?;
    let Ok(Value::Object(line)) = serde_json::from_str(last) else { return None };
    let outcome = line.get("outcome").filter(|_| !line.contains_key("event"))?;
    Some(outcome.as_str()?.chars().take(40).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_a_claim_if_it_is_an_object_with_an_outcome() {
        let of = |text: &str| outcome(text.as_bytes());
        assert_eq!(of("talk\n{\"outcome\": \"ok\"}\n\n").as_deref(), Some("ok"));
        assert_eq!(of("{\"outcome\": \"ok\"}\nbye\n"), None);
        assert_eq!(of("{\"event\":\"tcp_packet\",\"outcome\":\"success\"}\n"), None);
        assert_eq!(of("{\"outcome\": 1}"), None);
        assert_eq!(of(""), None);
    }
}
