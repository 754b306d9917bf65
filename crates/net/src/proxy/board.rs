//! What is in force, where all who carry can see it. They hear of a change in the order in which they
//! began to listen: the runtime's own `watch` wakes them in an order of chance, and equal seeds would
//! give unequal records.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::armed::Rules;

pub(super) struct Board {
    rules: Mutex<Rules>,
    changed: broadcast::Sender<()>,
}

/// Somebody who listens for changes.
pub(super) struct Ear {
    board: Arc<Board>,
    changed: broadcast::Receiver<()>,
}

impl Board {
    /// One with nothing in force.
    pub(super) fn new() -> Arc<Self> {
        let (changed, _) = broadcast::channel(1);
        Arc::new(Self { rules: Mutex::new(Rules::from([])), changed })
    }
    /// What is in force.
    pub(super) fn rules(&self) -> Rules {
        self.lock().clone()
    }
    /// Changes it, and tells everybody.
    pub(super) fn change(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.lock());
        // Nobody there is nobody to tell.
        let _ = self.changed.send(());
    }
    /// Listens from now on.
    pub(super) fn listen(self: &Arc<Self>) -> Ear {
        Ear { board: self.clone(), changed: self.changed.subscribe() }
    }
    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ear {
    /// What is in force.
    pub(super) fn rules(&self) -> Rules {
        self.board.rules()
    }
    /// Returns once there was a change since it began to listen, or last returned. Cancel safe.
    pub(super) async fn changed(&mut self) {
        // Having missed some is having heard of them; the board stays as long as its ears.
        let _ = self.changed.recv().await;
    }
}

impl Clone for Ear {
    fn clone(&self) -> Self {
        self.board.listen()
    }
}
