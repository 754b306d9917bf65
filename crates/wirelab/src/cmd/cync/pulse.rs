//! When each connection was heard last, who logged in on it, and how soon a bridge acknowledged what it
//! was sent last: read off the record.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use net::{Dir, Event, Record, Recorder, Sink};
use proto::{Ticket, Time};
use tokio::sync::mpsc;

/// Of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Beat {
    /// When something was heard.
    pub(super) last: Option<Time>,
    /// From a command's bytes being written to its acknowledgement.
    pub(super) rtt: Option<Duration>,
    asked: Option<(Ticket, Time)>,
    logged_in: bool,
}

/// Somebody has said who he is.
pub(super) struct Login {
    /// The connection's name.
    pub(super) name: Arc<str>,
    /// What he calls himself.
    pub(super) bridge: Arc<str>,
    pub(super) at: Time,
}

/// All of them, by name.
#[derive(Clone, Default)]
pub(super) struct Pulse(Arc<Mutex<BTreeMap<Arc<str>, Beat>>>);

/// What listens.
struct Stethoscope {
    pulse: Pulse,
    logins: mpsc::UnboundedSender<Login>,
}

impl Pulse {
    /// Listens to the record from now on. Every connection's first login comes out of the channel; no
    /// more of them wait than there are connections.
    pub(super) fn listen(recorder: &Recorder) -> (Self, mpsc::UnboundedReceiver<Login>) {
        let (logins, logged_in) = mpsc::unbounded_channel();
        let pulse = Self::default();
        recorder.attach(Stethoscope { pulse: pulse.clone(), logins });
        (pulse, logged_in)
    }
    /// That of one connection.
    pub(super) fn of(&self, name: &str) -> Beat {
        self.beats().get(name).copied().unwrap_or_default()
    }
    fn beats(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Beat>> {
        self.0.lock().expect("held for a few lines that do not panic")
    }
}

impl Sink for Stethoscope {
    fn take(&mut self, Record { at, node, event, .. }: &Record) {
        let mut beats = self.pulse.beats();
        match event {
            Event::Opened { .. } => _ = beats.insert(node.clone(), Beat::default()),
            Event::Closed { .. } => _ = beats.remove(node),
            Event::Frame { dir: Dir::Out, ticket: Some(ticket), .. } => {
                let Some(beat) = beats.get_mut(node) else { return };
                beat.asked = Some((*ticket, *at));
            }
            Event::Frame { dir: Dir::In, kind, ticket, device_id, .. } => {
                let Some(beat) = beats.get_mut(node) else { return };
                beat.last = Some(*at);
                if kind == "pipe_ack"
                    && let Some((_, asked)) =
                        beat.asked.take_if(|(known, _)| Some(*known) == *ticket)
                {
                    beat.rtt = Some(*at - asked);
                }
                if kind == "login"
                    && let Some(bridge) = device_id.clone().filter(|_| !beat.logged_in)
                {
                    beat.logged_in = true;
                    // Nobody listening is the end of the program.
                    let _ = self.logins.send(Login { name: node.clone(), bridge, at: *at });
                }
            }
            _ => {}
        }
    }
    fn hears_bytes(&self) -> bool {
        false
    }
}
