//! The one stream of facts. Logs, metrics, reports and verdicts are folds over it.
mod counts;
pub mod event;
pub mod evidence;
pub mod exposition;
pub mod jsonl;
mod lines;
mod links;
pub mod metrics;
pub mod openmetrics;
pub mod packet;
pub mod packets;
mod peers;
mod proxies;
mod reliable;
pub mod textfile;
#[cfg(test)]
mod told;
pub(crate) mod veil;

use std::{
    collections::VecDeque,
    panic::Location,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use proto::Time;
use tokio::sync::watch;

pub use event::{Dir, End, Event, Flow, Record, Role};
pub use evidence::{Evidence, EvidenceError, Header, Run, Sound, read_evidence, read_sound};
pub use exposition::Sample;
pub use jsonl::PacketLog;
pub use lines::Written;
pub use metrics::Metrics;
pub use openmetrics::{Format, negotiate};
pub use packet::Level;

/// A fold over the stream: told every record once, in order, as it happens.
pub trait Sink: Send {
    /// Takes one record in. Called with the recorder locked: be quick, and record nothing.
    fn take(&mut self, record: &Record);
    /// Whether it wants what was sent and received, byte for byte. That costs a copy of every byte, so
    /// it is left out where nobody does.
    fn hears_bytes(&self) -> bool {
        true
    }
}

impl<F: FnMut(&Record) + Send> Sink for F {
    fn take(&mut self, record: &Record) {
        self(record);
    }
}

/// Where facts go. Cheap to clone; each node has one that speaks in its name.
#[derive(Clone)]
pub struct Recorder {
    node: Arc<str>,
    role: Role,
    /// Somebody remembers or listens.
    heard: Arc<AtomicBool>,
    /// And wants bytes.
    bytes_heard: Arc<AtomicBool>,
    log: Arc<Mutex<Log>>,
    grown: Arc<watch::Sender<u64>>,
}

struct Log {
    next: u64,
    kept: VecDeque<Record>,
    kept_bytes: usize,
    limit_bytes: usize,
    sinks: Vec<Box<dyn Sink>>,
}

impl Recorder {
    /// Enough for long scenarios: 256 MiB of records.
    pub const DEFAULT_LIMIT: usize = 256 << 20;

    /// A stream that remembers about `limit_bytes` of its newest records; 0 remembers none and only
    /// feeds the sinks.
    pub fn new(limit_bytes: usize) -> Self {
        let log =
            Log { next: 0, kept: VecDeque::new(), kept_bytes: 0, limit_bytes, sinks: Vec::new() };
        Self {
            node: "lab".into(),
            role: Role::Lab,
            heard: Arc::new(AtomicBool::new(limit_bytes > 0)),
            bytes_heard: Arc::new(AtomicBool::new(limit_bytes > 0)),
            log: Arc::new(Mutex::new(log)),
            grown: Arc::new(watch::Sender::new(0)),
        }
    }
    /// The same stream, spoken to in the name of `node`.
    pub fn named(&self, node: &str, role: Role) -> Self {
        Self { node: node.into(), role, ..self.clone() }
    }
    /// In whose name it speaks.
    pub fn name(&self) -> Arc<str> {
        self.node.clone()
    }
    /// Feeds `sink` every record from now on.
    pub fn attach(&self, sink: impl Sink + 'static) {
        self.bytes_heard.fetch_or(sink.hears_bytes(), Ordering::AcqRel);
        self.lock().sinks.push(Box::new(sink));
        self.heard.store(true, Ordering::Release);
    }
    /// Whether anybody remembers or hears what is written down. What costs much to put into words
    /// need not be, if not.
    pub fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Acquire)
    }
    /// Whether anybody wants what is sent and received, byte for byte; else it need not be copied.
    pub fn hears_bytes(&self) -> bool {
        self.bytes_heard.load(Ordering::Acquire)
    }
    /// Writes a fact down; it has a number if anybody hears it.
    #[track_caller]
    pub fn record(&self, at: Time, event: Event) {
        if !self.is_heard() {
            return;
        }
        let line = Location::caller().line();
        let mut log = self.lock();
        let seq = log.next;
        log.next += 1;
        let record = Record { seq, at, node: self.node.clone(), role: self.role, line, event };
        for sink in &mut log.sinks {
            sink.take(&record);
        }
        log.keep(record);
        drop(log);
        if self.grown.receiver_count() > 0 {
            self.grown.send_replace(seq + 1);
        }
    }
    /// What is remembered, oldest first. The first `seq` is above 0 if older records were let go.
    pub fn records(&self) -> Vec<Record> {
        self.lock().kept.iter().cloned().collect()
    }
    /// What is remembered from `seq` on, up to about so many bytes.
    pub fn since(&self, seq: u64, bytes: usize) -> Vec<Record> {
        let mut left = bytes;
        let fits = |record: &&Record| {
            let fits = left > 0;
            left = left.saturating_sub(weight(record));
            fits
        };
        self.lock().from(seq).take_while(fits).cloned().collect()
    }
    /// The first record, past or future, of which `pick` makes something.
    pub async fn until<T>(&self, mut pick: impl FnMut(&Record) -> Option<T>) -> T {
        let mut grown = self.grown.subscribe();
        let mut seen = 0;
        loop {
            grown.borrow_and_update();
            {
                let log = self.lock();
                for record in log.from(seen) {
                    if let Some(found) = pick(record) {
                        return found;
                    }
                }
                seen = log.next;
            }
            grown.changed().await.expect("the sender lives in self");
        }
    }
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no sink panics")
    }
}

impl Log {
    fn keep(&mut self, record: Record) {
        if self.limit_bytes == 0 {
            return;
        }
        self.kept_bytes += weight(&record);
        self.kept.push_back(record);
        while self.kept_bytes > self.limit_bytes
            && let Some(oldest) = self.kept.pop_front()
        {
            self.kept_bytes -= weight(&oldest);
        }
    }
    fn from(&self, seq: u64) -> impl Iterator<Item = &Record> {
        let first = self.next - self.kept.len() as u64;
        self.kept.range(seq.saturating_sub(first).min(self.kept.len() as u64) as usize..)
    }
}

/// Roughly what a record costs in memory.
fn weight(record: &Record) -> usize {
    let payload = match &record.event {
        Event::Sent { bytes, .. } | Event::Received { bytes, .. } | Event::Frame { bytes, .. } => {
            bytes.len()
        }
        _ => 0,
    };
    size_of::<Record>() + payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Ticket;

    fn attempt(n: u32) -> Event {
        Event::Attempt { ticket: Ticket(1), attempt: n }
    }

    #[test]
    fn a_full_recorder_lets_the_oldest_go_and_shows_it() {
        let limit = 3 * size_of::<Record>();
        let recorder = Recorder::new(limit);
        for n in 0..10 {
            recorder.record(Time::default(), attempt(n));
        }
        let seqs: Vec<u64> = recorder.records().iter().map(|r| r.seq).collect();
        assert_eq!(seqs, [7, 8, 9]);
        assert_eq!(Recorder::new(0).records(), []);
    }

    #[test]
    fn a_sink_sees_every_record_even_those_not_kept() {
        let recorder = Recorder::new(0);
        let (tx, rx) = std::sync::mpsc::channel();
        recorder.attach(move |r: &Record| tx.send(r.seq).unwrap());
        recorder.record(Time::default(), attempt(1));
        recorder.named("toggler", Role::Client).record(Time::default(), attempt(2));
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn what_is_remembered_can_be_read_on_from_where_one_was() {
        let recorder = Recorder::new(8 * size_of::<Record>());
        (0..10).for_each(|n| recorder.record(Time::default(), attempt(n)));
        let since =
            |seq, bytes| recorder.since(seq, bytes).iter().map(|r| r.seq).collect::<Vec<_>>();
        assert_eq!(since(7, usize::MAX), [7, 8, 9]);
        assert_eq!(since(0, usize::MAX).first(), Some(&2));
        assert_eq!(since(4, 2 * size_of::<Record>()), [4, 5]);
        assert!(since(10, usize::MAX).is_empty() && since(99, usize::MAX).is_empty());
    }

    #[test]
    fn bytes_are_written_down_only_for_those_who_want_them() {
        struct Deaf;
        impl Sink for Deaf {
            fn take(&mut self, _: &Record) {}
            fn hears_bytes(&self) -> bool {
                false
            }
        }
        let recorder = Recorder::new(0);
        recorder.attach(Deaf);
        assert!(recorder.is_heard() && !recorder.hears_bytes());
        recorder.attach(|_: &Record| {});
        assert!(recorder.hears_bytes());
        assert!(Recorder::new(1).hears_bytes());
    }

    #[tokio::test]
    async fn until_finds_past_and_future_records() {
        let recorder = Recorder::new(Recorder::DEFAULT_LIMIT);
        let nth = |want| move |r: &Record| (r.event == attempt(want)).then_some(r.seq);
        recorder.record(Time::default(), attempt(1));
        assert_eq!(recorder.until(nth(1)).await, 0);
        let (found, ()) = tokio::join!(recorder.until(nth(2)), async {
            recorder.record(Time::default(), attempt(2));
        });
        assert_eq!(found, 1);
    }

    #[test]
    fn records_read_back_as_they_were_written() {
        let recorder = Recorder::new(Recorder::DEFAULT_LIMIT).named("d", Role::Device);
        let bytes = bytes::Bytes::from_static(&[0xf0, 0x0d]);
        recorder.record(Time::from_micros(7), Event::Received { conn: 1, bytes });
        let end = End::Failed { stage: proto::Stage::Refused, detail: "no".into() };
        let done = Event::Done { ticket: Ticket(9), end, attempts: 1, elapsed_us: 2 };
        recorder.record(Time::from_micros(8), done);
        for record in recorder.records() {
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record, "{text}");
        }
    }
}
