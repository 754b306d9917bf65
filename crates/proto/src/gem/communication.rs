//! Whether communications are established (SEMI E30): the two ends have to say S1F13 to each other
//! before anything else.
//!
//! ```text
//! DISABLED ◀──▶ NOT CONNECTED ──selected──▶ WAIT CRA ◀─────────────▶ WAIT DELAY
//!                 ▲                           │  S1F13 sent   refused,  │  timer, or
//!                 │                           │               no answer │  any message
//!                 │                  S1F14, COMMACK 0                   │
//!                 │                  or S1F13 of the host               │
//!                 │                           ▼                         │
//!                 └──────── lost ─────── COMMUNICATING ◀── S1F13 ───────┘
//! ```
//!
//! Equipment that does not say S1F13 itself waits in WAIT CR FROM HOST instead of WAIT CRA.
use std::time::Duration;

use serde::Serialize;

use super::{
    Control, Ended,
    equipment::Gem,
    outbox::{Message, Purpose},
    text::{self, Read},
};
use crate::{Time, secs2::Item};

/// How far communications are. All but the first and the last are NOT COMMUNICATING.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Switched off.
    Disabled,
    /// There is nobody to talk to.
    NotConnected,
    /// It is the host's turn to begin.
    WaitCrFromHost,
    /// S1F13 was sent.
    WaitCra,
    /// S1F13 was in vain.
    WaitDelay {
        /// When it is sent again.
        until: Time,
    },
    /// Established.
    Communicating,
}

/// What can happen to communications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stimulus {
    Selected,
    Lost,
    Enable,
    Disable,
    /// The host said S1F13, and we accept.
    Asked,
    /// The host said anything else.
    Spoken,
    /// COMMACK 0 for our S1F13.
    Accepted,
    /// Another answer for it, or none.
    Refused,
    /// WAIT DELAY is over.
    Timer,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    /// Send S1F13.
    Ask,
    /// What waited for communications can begin.
    Established,
    /// What was not answered never will be.
    Ended,
}

#[derive(Clone, Debug)]
pub(super) struct Communication {
    pub(super) link: Link,
    /// Whether there is a host to talk to.
    selected: bool,
    pub(super) establish: Duration,
    initiates: bool,
    pub(super) lenient: bool,
}

impl Communication {
    pub(super) fn new(establish: Duration, initiates: bool, lenient: bool) -> Self {
        Self { link: Link::NotConnected, selected: false, establish, initiates, lenient }
    }

    /// Whether they are established.
    pub(super) fn up(&self) -> bool {
        self.link == Link::Communicating
    }

    pub(super) fn wake_at(&self) -> Option<Time> {
        match self.link {
            Link::WaitDelay { until } => Some(until),
            Link::Disabled | Link::NotConnected | Link::WaitCrFromHost => None,
            Link::WaitCra | Link::Communicating => None,
        }
    }

    pub(super) fn take(&mut self, now: Time, stimulus: Stimulus) -> Effect {
        let (link, effect) = self.next(now, stimulus);
        self.link = link;
        match stimulus {
            Stimulus::Selected => self.selected = true,
            Stimulus::Lost => self.selected = false,
            Stimulus::Enable | Stimulus::Disable | Stimulus::Asked | Stimulus::Spoken => {}
            Stimulus::Accepted | Stimulus::Refused | Stimulus::Timer => {}
        }
        effect
    }

    fn next(&self, now: Time, stimulus: Stimulus) -> (Link, Effect) {
        use Stimulus::{Accepted, Asked, Disable, Enable, Lost, Refused, Selected, Spoken, Timer};
        let stay = (self.link, Effect::None);
        match (self.link, stimulus) {
            (_, Disable) => (Link::Disabled, Effect::Ended),
            (Link::Disabled, Enable) if self.selected => self.begin(),
            (Link::Disabled, Enable) => (Link::NotConnected, Effect::None),
            (Link::Disabled, Selected | Lost | Asked | Spoken) => stay,
            (_, Lost) => (Link::NotConnected, Effect::Ended),
            (Link::NotConnected, Selected) => self.begin(),
            (Link::WaitCra | Link::WaitDelay { .. } | Link::WaitCrFromHost, Asked) => {
                (Link::Communicating, Effect::Established)
            }
            (Link::WaitCra, Accepted) => (Link::Communicating, Effect::Established),
            (Link::WaitCra, Refused) => {
                (Link::WaitDelay { until: now + self.establish }, Effect::None)
            }
            (Link::WaitDelay { .. }, Spoken | Timer) => (Link::WaitCra, Effect::Ask),
            // Both began at once: what comes of ours makes no difference any more.
            (Link::Communicating, Accepted | Refused | Asked | Spoken) => stay,
            (Link::WaitCra | Link::WaitCrFromHost | Link::NotConnected, Spoken) => stay,
            (_, Enable | Selected | Asked | Accepted | Refused | Timer) => stay,
        }
    }

    fn begin(&self) -> (Link, Effect) {
        match self.initiates {
            true => (Link::WaitCra, Effect::Ask),
            false => (Link::WaitCrFromHost, Effect::None),
        }
    }
}

impl Gem {
    /// Something happened to communications, with all that follows from it.
    pub(super) fn communicate(&mut self, now: Time, stimulus: Stimulus) {
        match self.communication.take(now, stimulus) {
            Effect::None => {}
            Effect::Ask => {
                let message = Message::new(1, 13, self.identity.clone());
                let _room = self.outbox.push(Purpose::Establish, message);
            }
            Effect::Established => self.ask_online(),
            Effect::Ended => self.keep_unanswered(now),
        }
    }

    /// The connection is gone, and with it what was on its way.
    fn keep_unanswered(&mut self, now: Time) {
        for (purpose, message) in self.outbox.drain() {
            match purpose {
                Purpose::Tell => self.keep(now, message),
                Purpose::Spooled => self.unspooled(now, false),
                Purpose::Online => self.attempt_ended(now, false),
                Purpose::Establish => {}
            }
        }
    }

    /// S1F13, establish communications request.
    pub(super) fn establish(&mut self, now: Time, item: Option<&Item>) -> Read<Item> {
        // Nothing of a host, or two names of one that speaks as equipment does.
        match text::list(text::some(item)?)?.len() {
            0 | 2 => {}
            _ => return Err(text::Refusal::Data),
        }
        if !self.busy {
            self.communicate(now, Stimulus::Asked);
        }
        Ok(Item::list([text::code(self.busy.into()), self.identity.clone()]))
    }

    /// What came of our S1F13.
    pub(super) fn establishing_ended(&mut self, now: Time, ended: &Ended) {
        let accepted = match ended {
            Ended::Reply { function: 14, item: Some(item) } => commack(item) == Ok(0),
            Ended::Reply { .. } | Ended::Failed | Ended::TimedOut => false,
        };
        self.communicate(now, if accepted { Stimulus::Accepted } else { Stimulus::Refused });
    }

    /// S1F1, are you there: equipment that wants to go online asks the host once it can.
    pub(super) fn ask_online(&mut self) {
        if self.control.state == Control::AttemptOnline && self.communication.up() {
            let message = Message { stream: 1, function: 1, wait: true, item: None };
            let _room = self.outbox.push(Purpose::Online, message);
        }
    }
}

fn commack(item: &Item) -> Read<u8> {
    let [code, _] = text::fields(item)?;
    text::byte(code)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn walk(initiates: bool) -> String {
        use Stimulus::{Accepted, Asked, Disable, Enable, Lost, Refused, Selected, Spoken, Timer};
        let until = Time::from_millis(15_000);
        let links = [
            Link::Disabled,
            Link::NotConnected,
            Link::WaitCrFromHost,
            Link::WaitCra,
            Link::WaitDelay { until },
            Link::Communicating,
        ];
        let mut table = String::new();
        for link in links {
            for stimulus in
                [Selected, Lost, Enable, Disable, Asked, Spoken, Accepted, Refused, Timer]
            {
                let mut machine = Communication::new(Duration::from_secs(10), initiates, true);
                (machine.link, machine.selected) = (link, link != Link::NotConnected);
                let effect = machine.take(Time::from_millis(1000), stimulus);
                let effect = if effect == Effect::None { "" } else { &format!(" + {effect:?}") };
                let then =
                    if machine.link == link { "-".into() } else { format!("{:?}", machine.link) };
                writeln!(table, "{link:?} x {stimulus:?}: {then}{effect}").unwrap();
            }
        }
        table
    }

    #[test]
    fn every_state_meets_every_stimulus() {
        insta::assert_snapshot!("communication", walk(true));
    }

    #[test]
    fn equipment_that_does_not_begin_waits_for_the_host() {
        let begun: Vec<_> = walk(false)
            .lines()
            .filter(|line| line.contains("WaitCrFromHost"))
            .map(String::from)
            .collect();
        insta::assert_snapshot!("communication_by_the_host", begun.join("\n"));
    }
}
