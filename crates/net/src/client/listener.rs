//! What the peer says unasked, on its way from the task to whoever listens. Nothing is kept where nobody
//! does, and never more than a queue allows.
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use proto::{
    Time,
    resilience::{Intake, Queue},
};
use tokio::sync::Notify;

use crate::{Env, Event};

/// The task's end, and what makes listeners.
pub(super) struct Ear<R> {
    env: Env,
    ears: Arc<Mutex<Weak<Shared<R>>>>,
    /// A listener read, came or went: there may be room.
    changed: Arc<Notify>,
}

/// Reads what the peer says unasked. Who drops it listens no more.
pub struct Listener<R> {
    shared: Arc<Shared<R>>,
}

struct Shared<R> {
    env: Env,
    queue: Mutex<Queue<R>>,
    came: Notify,
    changed: Arc<Notify>,
}

impl<R> Clone for Ear<R> {
    fn clone(&self) -> Self {
        let Self { env, ears, changed } = self;
        Self { env: env.clone(), ears: ears.clone(), changed: changed.clone() }
    }
}

impl<R> Ear<R> {
    pub(super) fn new(env: Env) -> Self {
        Self { env, ears: Arc::default(), changed: Arc::default() }
    }

    pub(super) fn listen(&self, intake: Intake) -> Listener<R> {
        let shared = Arc::new(Shared {
            env: self.env.clone(),
            queue: Mutex::new(Queue::new(intake)),
            came: Notify::new(),
            changed: self.changed.clone(),
        });
        *self.listening() = Arc::downgrade(&shared);
        self.changed.notify_one();
        Listener { shared }
    }

    /// The peer said this. It is given back if nothing more may come now.
    pub(super) fn hear(&self, said: R) -> Option<R> {
        // Where nobody listens there is nothing to give back either.
        let shared = self.shared()?;
        let mut queue = shared.queue();
        if queue.is_blocked() {
            return Some(said);
        }
        queue.put(self.env.now(), said);
        shared.tell(&mut queue);
        drop(queue);
        shared.came.notify_one();
        None
    }

    /// Something waits for room: nothing more shall come.
    pub(super) fn is_blocked(&self) -> bool {
        self.shared().is_some_and(|shared| shared.queue().is_blocked())
    }

    /// When to let time pass here.
    pub(super) fn wake_at(&self) -> Option<Time> {
        self.shared()?.queue().wake_at()
    }

    pub(super) fn pass_time(&self) {
        let Some(shared) = self.shared() else { return };
        let mut queue = shared.queue();
        queue.pass_time(self.env.now());
        shared.tell(&mut queue);
    }

    /// Returns when there may be room again. Cancel safe.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn shared(&self) -> Option<Arc<Shared<R>>> {
        self.listening().upgrade()
    }

    fn listening(&self) -> MutexGuard<'_, Weak<Shared<R>>> {
        self.ears.lock().expect("held for a line that does not panic")
    }
}

impl<R> Shared<R> {
    fn queue(&self) -> MutexGuard<'_, Queue<R>> {
        self.queue.lock().expect("held for a few lines that do not panic")
    }

    fn tell(&self, queue: &mut Queue<R>) {
        while let Some(what) = queue.poll_event() {
            self.env.record(Event::Intake { what, depth: queue.depth() });
        }
    }
}

impl<R> Listener<R> {
    /// Waits for what the peer says next. Cancel safe.
    pub async fn next(&mut self) -> R {
        loop {
            if let Some(said) = self.try_next() {
                return said;
            }
            self.shared.came.notified().await;
        }
    }

    /// What the peer has said already.
    pub fn try_next(&mut self) -> Option<R> {
        let mut queue = self.shared.queue();
        let said = queue.take(self.shared.env.now())?;
        self.shared.tell(&mut queue);
        drop(queue);
        self.shared.changed.notify_one();
        Some(said)
    }
}

impl<R> Drop for Shared<R> {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}
