//! A device in any modes, one after the other, whatever it is sent. Tests call this.
use std::time::Duration;

use crate::{Fact, Input, Output, Protocol, Session, Time};

/// What happens to a device.
#[derive(Clone, Debug)]
pub enum Event {
    /// It is told to misbehave; what is no quirk is passed over.
    Quirk(String),
    /// Another connection opens, and those that are closed go; of three, the oldest goes too.
    Open,
    /// The newest connection, or the one before it, brings these bytes.
    Bytes(bool, Vec<u8>),
    /// The newest connection's peer has finished.
    Eof,
    /// So many milliseconds pass.
    Pass(u64),
}

/// Whatever it is told and sent: it does not panic, and comes to rest each time. How often its quirks
/// struck.
///
/// # Panics
/// When it does not hold.
pub fn obeys<P: Protocol>(device: &P, events: &[Event]) -> usize {
    let mut now = Time::default();
    let mut ends: Vec<End<P::Device>> = vec![End::new(device.device(now))];
    let mut struck = 0;
    for event in events {
        match event {
            Event::Quirk(text) => {
                if let Ok(quirk) = text.parse() {
                    device.misbehave(quirk);
                    ends.iter_mut().for_each(|end| end.happens(now, Input::Prompted));
                }
            }
            Event::Open => {
                ends.retain(|end| !end.closed);
                if ends.len() == 3 {
                    ends.remove(0);
                }
                ends.push(End::new(device.device(now)));
            }
            Event::Bytes(newest, bytes) => {
                let at = ends.len() - if *newest { 1 } else { ends.len().min(2) };
                ends[at].happens(now, Input::Received(bytes));
            }
            Event::Eof => {
                if let Some(end) = ends.last_mut() {
                    end.happens(now, Input::Eof);
                }
            }
            Event::Pass(ms) => {
                now = now + Duration::from_millis(*ms);
                ends.iter_mut().for_each(|end| end.happens(now, Input::Timeout));
            }
        }
        struck += ends.iter_mut().map(End::rest).sum::<usize>();
        // It can be asked at any time.
        let _ = (device.listening(), device.leaves());
    }
    let _ = device.snapshot();
    struck
}

/// One connection.
struct End<S> {
    session: S,
    closed: bool,
}

impl<S: Session> End<S> {
    fn new(session: S) -> Self {
        Self { session, closed: false }
    }

    fn happens(&mut self, now: Time, input: Input<'_, S::Request>) {
        if !self.closed {
            self.session.handle_input(now, input);
        }
    }

    /// Hears it out. How many quirks struck?
    fn rest(&mut self) -> usize {
        let mut struck = 0;
        if self.closed {
            return 0;
        }
        for _ in 0..1_000_000 {
            match self.session.poll_output() {
                Output::Wait(_) => return struck,
                Output::Close(_) => {
                    self.closed = true;
                    return struck;
                }
                Output::Fact(Fact::Quirk { .. }) => struck += 1,
                Output::Transmit(_)
                | Output::Received(_)
                | Output::Ready(_)
                | Output::Reply(..)
                | Output::Push(_)
                | Output::Fact(_)
                | Output::Finish => {}
            }
        }
        panic!("it never came to rest");
    }
}
