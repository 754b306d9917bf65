//! Starts the program, reads what it says, and ends it.
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread::JoinHandle,
    time::Duration,
};

use serde_json::Value;

/// A line that has not come by then does not come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program, with none of the settings of whoever runs the tests.
pub(crate) fn wirelab() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("wirelab"));
    for name in [
        "DEVICE_ID",
        "DEVICE_HOST",
        "DEVICE_PORT",
        "STATE",
        "LOG_LEVEL",
        "METRICS_PORT",
        "WIRELAB_TARGET",
        "HSMS_SERVER_HOST",
        "HSMS_SERVER_PORT",
    ] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// What a finished program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs it to its end.
pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    finish(wirelab().args(args))
}

pub(crate) fn finish(command: &mut Command) -> Ran {
    let output = command.output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("it speaks UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Ran {
    /// Stdout, a JSON object a line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
    /// The packet lines of the log.
    pub(crate) fn packets(&self) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["event"] == "tcp_packet").collect()
    }
    /// The one object on stdout.
    pub(crate) fn result(&self) -> Value {
        let [ref result] = self.lines()[..] else { panic!("one result: {self:?}") };
        result.clone()
    }
    /// It failed with this code, and said why in one line.
    pub(crate) fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        let [line] = self.err.lines().collect::<Vec<_>>()[..] else { panic!("one line: {self:?}") };
        assert!(line.starts_with("error: "), "{self:?}");
        line
    }
    /// It did what was asked.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

/// A program that goes on running, until it is dropped.
pub(crate) struct Running {
    child: Ends,
    stdin: Option<ChildStdin>,
    pub(crate) out: Lines,
    pub(crate) err: Lines,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        Self {
            stdin: child.stdin.take(),
            out: Lines::of(child.stdout.take().expect("it is piped")),
            err: Lines::of(child.stderr.take().expect("it is piped")),
            child: Ends(child),
        }
    }
    pub(crate) fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("it is open");
        writeln!(stdin, "{line}").expect("it listens");
    }
    pub(crate) fn end_stdin(&mut self) {
        self.stdin = None;
    }
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.0.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("there is a sh").success());
    }
    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }
    /// The most memory it has held so far.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.0.id());
        let status = std::fs::read_to_string(path).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        peak.trim().trim_end_matches(" kB").parse().expect("a number")
    }
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.0.wait().expect("it is ours")
    }
}

/// A process that does not outlive its owner.
pub(crate) struct Ends(pub(crate) Child);

impl Drop for Ends {
    fn drop(&mut self) {
        // It has ended already, or it ends now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines of a pipe as they come.
pub(crate) struct Lines {
    lines: mpsc::Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (tx, lines) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            let lines = BufReader::new(pipe).lines().map_while(Result::ok);
            // Dropping the pipe tells the program that nobody reads any more.
            let _ = lines.map(|line| tx.send(line)).find(Result::is_err);
        });
        Self { lines, reader: Some(reader) }
    }
    pub(crate) fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("another line comes")
    }
    /// The next line, if it comes within this time.
    pub(crate) fn within(&self, time: Duration) -> Option<String> {
        self.lines.recv_timeout(time).ok()
    }
    /// The next line that holds this; those before it are passed over.
    pub(crate) fn until(&self, text: &str) -> String {
        loop {
            let line = self.next();
            if line.contains(text) {
                return line;
            }
        }
    }
    /// All that is still to come, until the program ends.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        let rest = self.lines.iter().collect();
        if let Some(reader) = self.reader.take() {
            reader.join().expect("reading does not panic");
        }
        rest
    }
}

/// A running device.
pub(crate) struct Device {
    pub(crate) running: Running,
    pub(crate) addr: SocketAddr,
}

/// Starts a toggle device on a free port.
pub(crate) fn device(flags: &[&str]) -> Device {
    device_of("toggle", flags)
}

/// Starts a device of this protocol on a free port.
pub(crate) fn device_of(protocol: &str, flags: &[&str]) -> Device {
    let mut command = wirelab();
    command.args(["device", protocol, "--port", "0"]).args(flags);
    Device::start(&mut command)
}

impl Device {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(command: &mut Command) -> Self {
        let running = Running::start(command);
        let first: Value = serde_json::from_str(&running.out.next()).expect("a record");
        assert_eq!((&first["seq"], &first["event"]), (&0.into(), &"listening".into()));
        let addr = first["addr"].as_str().and_then(|addr| addr.parse().ok()).expect("an address");
        Self { running, addr }
    }
    /// A command to this device, not started yet.
    pub(crate) fn command(&self, flags: &[&str]) -> Command {
        toggle_at(self.addr, flags)
    }
    /// Toggles this device.
    pub(crate) fn toggle(&self, flags: &[&str]) -> Ran {
        finish(&mut self.command(flags))
    }
    /// What it remembers. Whatever it was told before is in force.
    pub(crate) fn show(&mut self) -> (Value, Vec<Value>) {
        self.running.say("show");
        let mut before = Vec::new();
        loop {
            let line: Value = serde_json::from_str(&self.running.out.next()).expect("a record");
            if line["event"] == "snapshot" {
                return (line, before);
            }
            before.push(line);
        }
    }
    /// How often this event is among the records.
    pub(crate) fn count(records: &[Value], event: &str) -> usize {
        records.iter().filter(|record| record["event"] == event).count()
    }
}

pub(crate) fn toggle_at(addr: SocketAddr, flags: &[&str]) -> Command {
    let (host, port) = (addr.ip().to_string(), addr.port().to_string());
    let mut command = wirelab();
    command.args(["toggle", "--device-host", &host, "--device-port", &port]).args(flags);
    if !flags.contains(&"--from") {
        command.args(["--device-id", "D1"]);
    }
    if !flags.contains(&"--metrics-port") {
        command.arg("--no-metrics");
    }
    command
}

/// Head and body of the answer to a GET.
pub(crate) fn get(url: &str, accept: Option<&str>) -> (String, String) {
    let (addr, path) = url.strip_prefix("http://").and_then(|u| u.split_once('/')).expect("a URL");
    let accept = accept.map(|accept| format!("Accept: {accept}\r\n")).unwrap_or_default();
    let request =
        format!("GET /{path} HTTP/1.1\r\nHost: {addr}\r\n{accept}Connection: close\r\n\r\n");
    http(addr, request.as_bytes())
}

/// The URL in a line that names one.
pub(crate) fn url(line: &str) -> &str {
    line.split(' ').find(|word| word.starts_with("http://")).expect(line)
}

/// Sends these bytes, which are an HTTP request to be answered last; head and body of the answer.
pub(crate) fn http(addr: &str, request: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(addr).expect("it is served");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    stream.write_all(request).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_lowercase(), body.to_owned())
}
