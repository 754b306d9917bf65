//! A thread that wakes tasks at real instants, as sharply as the kernel wakes it; the runtime rounds
//! up to milliseconds. One for the whole process, started when first wanted; it sleeps while nobody
//! waits.
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Condvar, Mutex, MutexGuard, OnceLock},
    task::{Context, Poll, Waker},
    thread,
    time::Instant,
};

/// Who is woken when. The number tells apart those who share an instant.
type Deadline = (Instant, u64);

struct Clock {
    due: Mutex<Due>,
    /// There is a first deadline now, or an earlier one.
    sooner: Condvar,
}

#[derive(Default)]
struct Due {
    wakers: BTreeMap<Deadline, Waker>,
    next: u64,
}

/// The clock, unless the system has no thread left for it.
fn shared() -> Option<&'static Clock> {
    static CLOCK: Clock =
        Clock { due: Mutex::new(Due { wakers: BTreeMap::new(), next: 0 }), sooner: Condvar::new() };
    static RUNS: OnceLock<bool> = OnceLock::new();
    let runs = RUNS.get_or_init(|| {
        let thread = thread::Builder::new().name("wirelab-clock".into());
        thread.spawn(|| CLOCK.run()).is_ok()
    });
    runs.then_some(&CLOCK)
}

impl Clock {
    fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().expect("held for a few lines that do not panic")
    }
    fn run(&self) {
        no_slack();
        let mut due = self.due();
        loop {
            let now = super::real_now();
            let first = due.wakers.first_entry();
            due = match first {
                Some(first) if first.key().0 <= now => {
                    let waker = first.remove();
                    // A waker is somebody else's code, and may well ask for the next deadline.
                    drop(due);
                    waker.wake();
                    self.due()
                }
                Some(first) => {
                    let left = first.key().0 - now;
                    self.sooner.wait_timeout(due, left).expect("nobody panics with it").0
                }
                None => self.sooner.wait(due).expect("nobody panics with it"),
            };
        }
    }
}

/// Linux lets a sleeping thread oversleep by 50 µs, to wake several at once.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn no_slack() {
    let (nanosecond, unused): (libc::c_ulong, libc::c_ulong) = (1, 0);
    // SAFETY: concerns the calling thread alone, and takes no pointers. If it fails, the slack stays.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, nanosecond, unused, unused, unused) };
}

#[cfg(not(target_os = "linux"))]
fn no_slack() {}

/// One wait until an instant. Dropping it gives it up, and leaves nothing behind.
pub(super) struct Sleep {
    clock: &'static Clock,
    at: Instant,
    waits: Option<Deadline>,
}

impl Sleep {
    /// `None` if there is no clock thread, and cannot be one.
    pub(super) fn until(at: Instant) -> Option<Self> {
        Some(Self { clock: shared()?, at, waits: None })
    }
    pub(super) fn reset(&mut self, at: Instant) {
        self.cancel();
        self.at = at;
    }
    /// Nobody is woken any more, until it is polled again.
    pub(super) fn cancel(&mut self) {
        if let Some(deadline) = self.waits.take() {
            self.clock.due().wakers.remove(&deadline);
        }
    }
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if super::real_now() >= self.at {
            self.cancel();
            return Poll::Ready(());
        }
        let mut due = self.clock.due();
        let deadline = *self.waits.get_or_insert_with(|| {
            due.next += 1;
            (self.at, due.next)
        });
        match due.wakers.entry(deadline) {
            // Another task may poll it by now.
            Entry::Occupied(mut waits) => waits.get_mut().clone_from(cx.waker()),
            Entry::Vacant(new) => {
                new.insert(cx.waker().clone());
                if due.wakers.first_key_value().is_some_and(|(first, _)| *first == deadline) {
                    self.clock.sooner.notify_one();
                }
            }
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin, time::Duration};

    use super::*;

    fn after(wait: Duration) -> Sleep {
        Sleep::until(super::super::real_now() + wait).unwrap()
    }

    fn waits(sleep: &Sleep) -> bool {
        let deadline = sleep.waits.expect("it was polled");
        sleep.clock.due().wakers.contains_key(&deadline)
    }

    async fn poll_once(sleep: &mut Sleep) -> Poll<()> {
        poll_fn(|cx| Poll::Ready(sleep.poll(cx))).await
    }

    #[tokio::test]
    async fn nobody_who_gave_up_stays_on_the_list() {
        let mut sleep = after(Duration::from_secs(3600));
        assert!(poll_once(&mut sleep).await.is_pending());
        assert!(waits(&sleep));
        let (clock, deadline) = (sleep.clock, sleep.waits.unwrap());
        drop(sleep);
        assert!(!clock.due().wakers.contains_key(&deadline));
    }

    #[tokio::test]
    async fn whoever_is_polled_often_is_on_the_list_once() {
        let mut sleep = after(Duration::from_secs(3600));
        assert!(poll_once(&mut sleep).await.is_pending());
        let first = sleep.waits;
        for _ in 0..10 {
            assert!(poll_once(&mut sleep).await.is_pending());
        }
        assert_eq!(sleep.waits, first);
    }

    #[tokio::test]
    async fn an_earlier_deadline_does_not_wait_for_a_later_one() {
        let start = super::super::real_now();
        let mut late = after(Duration::from_secs(3600));
        assert!(poll_once(&mut late).await.is_pending());
        let mut early = after(Duration::from_millis(5));
        poll_fn(|cx| early.poll(cx)).await;
        assert!(start.elapsed() >= Duration::from_millis(5));
        assert!(waits(&late), "and the later one still waits");
    }

    /// The last task that polled is the one that is woken, as of any future.
    #[tokio::test]
    async fn a_sleep_may_move_to_another_task() {
        let mut sleep = after(Duration::from_millis(5));
        assert!(pin!(poll_once(&mut sleep)).await.is_pending());
        tokio::spawn(async move { poll_fn(|cx| sleep.poll(cx)).await }).await.unwrap();
    }
}
