//! What a running node needs from outside: a network, a clock, a place for facts, a seed.
//! The only file that reads a clock.
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
};

use jiff::Timestamp;
use proto::Time;
use tokio::time::{Instant, Sleep};

use crate::{Event, Net, Recorder, record::Role};

/// A node's surroundings. Cheap to clone.
#[derive(Clone)]
pub struct Env {
    /// Where its bytes travel.
    pub net: Net,
    /// Where its facts go.
    pub recorder: Recorder,
    /// Where its chance comes from.
    pub seed: u64,
    start: Instant,
    conns: Arc<AtomicU32>,
}

impl Env {
    /// Surroundings whose clock starts now.
    #[allow(clippy::disallowed_methods)]
    pub fn new(net: Net, recorder: Recorder, seed: u64) -> Self {
        Self { net, recorder, seed, start: Instant::now(), conns: Arc::default() }
    }
    /// The same surroundings for the node called `name`: its own voice in the record, its own
    /// count of connections.
    pub fn node(&self, name: &str, role: Role) -> Self {
        Self { recorder: self.recorder.named(name, role), conns: Arc::default(), ..self.clone() }
    }
    /// Now. Virtual when the runtime's time is paused.
    pub fn now(&self) -> Time {
        Time::from_micros(self.start.elapsed().as_micros() as u64)
    }
    /// The date and time of day when its clock started, for headers and log lines.
    pub fn started(&self) -> Timestamp {
        Timestamp::now() - self.start.elapsed()
    }
    /// Writes a fact down, now.
    #[track_caller]
    pub fn record(&self, event: Event) {
        self.record_with(|| event);
    }
    /// The same for a fact that costs something to make: it is made if anybody hears it.
    #[track_caller]
    pub fn record_with(&self, event: impl FnOnce() -> Event) {
        if self.recorder.is_heard() {
            self.recorder.record(self.now(), event());
        }
    }
    /// Waits until the clock says `at`.
    pub async fn sleep_until(&self, at: Time) {
        let mut alarm = self.alarm();
        alarm.set(Some(at));
        alarm.ring().await;
    }
    /// A clock to be woken by.
    pub fn alarm(&self) -> Alarm {
        Alarm { start: self.start, at: None, sleep: None }
    }
    /// The number of the node's next connection, from 1.
    pub(crate) fn next_conn(&self) -> u32 {
        self.conns.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Wakes its owner at a time that may be moved. The seam for a timer sharper than the runtime's,
/// which rounds up to whole milliseconds: everything in this crate waits through here.
pub struct Alarm {
    start: Instant,
    at: Option<Time>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Moves the time to wake at; `None` is never.
    pub fn set(&mut self, at: Option<Time>) {
        if self.at == at {
            return;
        }
        self.at = at;
        let Some(at) = at else { return };
        let instant = self.start + at.since_start();
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(instant),
            None => self.sleep = Some(Box::pin(tokio::time::sleep_until(instant))),
        }
    }
    /// Returns once the time has come. Cancel safe.
    pub async fn ring(&mut self) {
        poll_fn(|cx| match (&self.at, &mut self.sleep) {
            (Some(_), Some(sleep)) => sleep.as_mut().poll(cx),
            _ => Poll::Pending,
        })
        .await;
        self.at = None;
    }
}

/// The date and time of day, for reports.
#[allow(clippy::disallowed_methods)]
pub fn today() -> Timestamp {
    Timestamp::now()
}

/// Measures how long something takes, for benchmarks: finer than [`Time`], and never virtual.
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[allow(clippy::disallowed_methods)]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }
    /// The time since then.
    pub fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }
}
