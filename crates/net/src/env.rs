//! What a running node needs from outside: a network, a clock, a place for facts, a seed.
//! The only file that reads a clock.
mod clock;

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, ready},
};

use jiff::Timestamp;
use proto::Time;
use tokio::time::{Instant, Sleep};

use crate::{
    Event, Net, Recorder, Tls,
    record::{Role, veil::Secrets},
};

/// A node's surroundings. Cheap to clone.
#[derive(Clone)]
pub struct Env {
    /// Where its bytes travel.
    pub net: Net,
    /// Which connections are encrypted from their first byte. Those that a proxy carries are two, each with
    /// its own encryption; links between TAZCOM nodes are encrypted in their own way.
    pub tls: Tls,
    /// Where its facts go.
    pub recorder: Recorder,
    /// Where its chance comes from.
    pub seed: u64,
    /// What must not be written down; none, if everything may be.
    pub(crate) secrets: Option<Arc<Secrets>>,
    start: Instant,
    conns: Arc<AtomicU32>,
}

impl Env {
    /// Surroundings whose clock starts now.
    #[allow(clippy::disallowed_methods)]
    pub fn new(net: Net, recorder: Recorder, seed: u64) -> Self {
        let (tls, secrets, conns) = (Tls::default(), Some(Arc::default()), Arc::default());
        Self { net, tls, recorder, seed, secrets, start: Instant::now(), conns }
    }
    /// The same surroundings, where secrets are written down like anything else.
    pub fn showing_secrets(self) -> Self {
        Self { secrets: None, ..self }
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
    /// A clock to be woken by, to the millisecond.
    pub fn alarm(&self) -> Alarm {
        Alarm { start: self.start, sharp: false, at: None, timer: None }
    }
    /// One that over real sockets is late by a fraction of that, and costs a word with another thread
    /// each time. In simulation it is an alarm like any other.
    pub fn sharp_alarm(&self) -> Alarm {
        Alarm { sharp: matches!(self.net, Net::Tcp(_)), ..self.alarm() }
    }
    /// The number of the node's next connection, from 1.
    pub(crate) fn next_conn(&self) -> u32 {
        self.conns.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Wakes its owner at a time that may be moved, never before it. Everything in this crate waits
/// through here.
pub struct Alarm {
    start: Instant,
    sharp: bool,
    at: Option<Time>,
    timer: Option<Timer>,
}

enum Timer {
    /// The runtime's, which rounds up to whole milliseconds. Virtual when its time is paused.
    Runtime(Pin<Box<Sleep>>),
    /// The clock thread's.
    Sharp(clock::Sleep),
}

impl Alarm {
    /// Moves the time to wake at; `None` is never.
    pub fn set(&mut self, at: Option<Time>) {
        if self.at == at {
            return;
        }
        self.at = at;
        let instant = at.map(|at| self.start + at.since_start());
        match (&mut self.timer, instant) {
            (Some(Timer::Runtime(sleep)), Some(instant)) => sleep.as_mut().reset(instant),
            (Some(Timer::Sharp(sleep)), Some(instant)) => sleep.reset(instant.into_std()),
            (Some(Timer::Sharp(sleep)), None) => sleep.cancel(),
            (None, Some(instant)) => self.timer = Some(Timer::until(instant, self.sharp)),
            (Some(Timer::Runtime(_)) | None, None) => {}
        }
    }
    /// Ready once, when the time has come.
    pub fn poll_ring(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.at.is_none() {
            return Poll::Pending;
        }
        ready!(match &mut self.timer {
            Some(Timer::Runtime(sleep)) => sleep.as_mut().poll(cx),
            Some(Timer::Sharp(sleep)) => sleep.poll(cx),
            None => Poll::Pending,
        });
        self.at = None;
        Poll::Ready(())
    }
    /// Returns once the time has come. Cancel safe.
    pub async fn ring(&mut self) {
        poll_fn(|cx| self.poll_ring(cx)).await;
    }
}

impl Timer {
    /// Without a clock thread, the runtime's has to do.
    fn until(at: Instant, sharp: bool) -> Self {
        match sharp.then(|| clock::Sleep::until(at.into_std())).flatten() {
            Some(sleep) => Self::Sharp(sleep),
            None => Self::Runtime(Box::pin(tokio::time::sleep_until(at))),
        }
    }
}

/// Real, also where the runtime's time is not.
#[allow(clippy::disallowed_methods)]
fn real_now() -> std::time::Instant {
    std::time::Instant::now()
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
    pub fn start() -> Self {
        Self(real_now())
    }
    /// The time since then.
    pub fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::{task::Waker, time::Duration};

    use super::*;
    use crate::{Sim, TcpOptions};

    fn env(net: Net) -> Env {
        Env::new(net, Recorder::new(Recorder::DEFAULT_LIMIT), 1)
    }

    /// Odd microseconds, since rounding is where an alarm would be early.
    #[tokio::test]
    async fn an_alarm_never_rings_early() {
        let env = env(Net::Tcp(TcpOptions::default()));
        for mut alarm in [env.alarm(), env.sharp_alarm()] {
            for micros in [1, 200, 999, 1001, 2503] {
                let at = Time::from_micros(env.now().as_micros() + micros);
                alarm.set(Some(at));
                alarm.ring().await;
                assert!(env.now() >= at, "rang before {at:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_sharp_alarm_can_be_moved_and_switched_off() {
        let env = env(Net::Tcp(TcpOptions::default()));
        let mut alarm = env.sharp_alarm();
        let soon = |millis: u64| Some(Time::from_micros(env.now().as_micros() + millis * 1000));
        let rung = |alarm: &mut Alarm| alarm.poll_ring(&mut Context::from_waker(Waker::noop()));
        alarm.set(soon(3_600_000));
        assert!(rung(&mut alarm).is_pending());
        alarm.set(soon(2));
        alarm.ring().await;
        assert!(rung(&mut alarm).is_pending(), "it rings once");
        alarm.set(soon(2));
        assert!(rung(&mut alarm).is_pending());
        alarm.set(None);
        let mut other = env.sharp_alarm();
        other.set(soon(4));
        other.ring().await;
        assert!(rung(&mut alarm).is_pending(), "it was switched off before its time came");
    }

    #[tokio::test(start_paused = true)]
    async fn in_simulation_a_sharp_alarm_keeps_virtual_time() {
        let env = env(Net::Sim(Sim::new(Duration::from_millis(1))));
        let hours = Time::from_micros(7_200_000_000);
        let (watch, mut alarm) = (Stopwatch::start(), env.sharp_alarm());
        alarm.set(Some(hours));
        alarm.ring().await;
        assert!(env.now() >= hours);
        assert!(watch.elapsed() < Duration::from_secs(60), "nobody waited for two hours");
    }

    /// `cargo test -p wirelab-net --lib how_late -- --ignored --nocapture`
    #[tokio::test]
    #[ignore = "says how late alarms ring here and now, and claims nothing"]
    async fn how_late_alarms_ring() {
        let env = env(Net::Tcp(TcpOptions::default()));
        for (name, mut alarm) in [("alarm", env.alarm()), ("sharp alarm", env.sharp_alarm())] {
            let mut late = Vec::new();
            for _ in 0..300 {
                let at = Time::from_micros(env.now().as_micros() + 20_000);
                alarm.set(Some(at));
                alarm.ring().await;
                late.push(env.now().as_micros() - at.as_micros());
            }
            late.sort_unstable();
            println!("{name}: late by {} µs (p50), {} µs (p99)", late[150], late[297]);
        }
    }
}
