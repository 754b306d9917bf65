//! Data messages: which answers which, and what to do with one that answers nothing (SEMI E37 §8,
//! E5 §9).
use bytes::Bytes;

use super::{
    conduct::Reaction,
    endpoint::{Answered, Endpoint, Open, Said, State},
    message::{HEADER, Header, Message, SType},
};
use crate::{Ticket, Time};

/// A data message to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Primary {
    /// Stream, 0 to 127.
    pub stream: u8,
    /// Function; odd.
    pub function: u8,
    /// A reply is expected.
    pub wait: bool,
    /// Its SECS-II, as bytes.
    pub text: Bytes,
}

impl Endpoint {
    /// Says this. With the W-bit it opens a transaction under this ticket; without, nothing comes.
    ///
    /// # Errors
    /// Why it cannot be said now.
    pub(super) fn primary(
        &mut self,
        now: Time,
        ticket: Ticket,
        primary: Primary,
    ) -> Result<(), String> {
        let Primary { stream, function, wait, text } = primary;
        if !self.is_selected() {
            return Err("NOT SELECTED".into());
        }
        if self.leaving.is_some() {
            return Err("the session is being separated".into());
        }
        if self.open.len() >= self.config.max_open {
            return Err(format!("{} transactions are open already", self.open.len()));
        }
        let asked = ticket.0 as u32;
        let system = if self.is_free(asked) { asked } else { self.fresh_system() };
        let header = Header::data(self.config.session, stream, function, wait, system);
        if wait {
            self.opened(now, ticket, header);
        }
        self.say(Said::Transmit(Message { header, text }, Some(ticket)));
        Ok(())
    }

    /// Answers a primary of the peer's; function 0 aborts it.
    pub(super) fn reply(&mut self, to: &Header, function: u8, text: Bytes, ticket: Option<Ticket>) {
        let header = Header::data(to.session, to.stream(), function, false, to.system);
        self.say(Said::Transmit(Message { header, text }, ticket));
    }

    /// Whoever waited for this does not any more: what still comes for it is late.
    pub(super) fn forget(&mut self, now: Time, ticket: Ticket) {
        self.open.retain(|_, open| open.ticket != ticket);
        self.leave_if_done(now);
    }

    /// The request that this message belongs to.
    pub(super) fn ticket_of(&self, header: &Header) -> Option<Ticket> {
        match header.stype {
            SType::Data if header.is_primary() => None,
            SType::Data => self.open.get(&header.system).map(|open| open.ticket),
            SType::SelectRsp | SType::DeselectRsp | SType::LinktestRsp => {
                self.control.get(&header.system)?.ticket
            }
            SType::RejectReq => match self.open.get(&header.system) {
                Some(open) => Some(open.ticket),
                None => self.control.get(&header.system)?.ticket,
            },
            SType::SelectReq
            | SType::DeselectReq
            | SType::LinktestReq
            | SType::SeparateReq
            | SType::Other(_) => None,
        }
    }

    pub(super) fn data(&mut self, now: Time, message: Message) {
        let conduct = self.config.conduct;
        match self.state {
            State::Selected if message.header.is_primary() => self.primary_came(now, message),
            State::Selected => self.reply_came(now, message),
            State::NotSelected { asked: Some(_) } => {
                self.react(conduct.hasty_data, &message, 4, "not SELECTED");
            }
            State::NotSelected { asked: None } => match conduct.early_data {
                Reaction::Accept => self.primary_came(now, message),
                other => self.react(other, &message, 4, "not SELECTED"),
            },
        }
    }

    fn primary_came(&mut self, now: Time, message: Message) {
        if message.header.stream() == 9 {
            self.fail_the_blamed(now, &message);
        }
        self.say(Said::Primary(message));
    }

    /// Stream 9 names the message it complains of by its header: no need to wait for T3.
    fn fail_the_blamed(&mut self, now: Time, message: &Message) {
        let Some(blamed) = blamed(&message.text) else { return };
        let open = self.open.get(&blamed.system).copied();
        if let Some(Open { ticket, header, .. }) = open.filter(|open| open.header == blamed) {
            self.open.remove(&blamed.system);
            let function = message.header.function();
            let name = super::names::of(9, function).map_or("an error", |known| known.name);
            let why = format!("{header} was answered S9F{function}: {name}");
            self.say(Said::Answered(ticket, Answered::Failed(why)));
            self.leave_if_done(now);
        }
    }

    fn reply_came(&mut self, now: Time, message: Message) {
        let header = message.header;
        match self.open.get(&header.system).copied() {
            Some(open) if answers(&open.header, &header) => {
                self.open.remove(&header.system);
                let answered = match header.function() {
                    0 => Answered::Failed(format!("{} was aborted by {header}", open.header)),
                    _ => Answered::Message(message),
                };
                self.say(Said::Answered(open.ticket, answered));
                self.leave_if_done(now);
            }
            Some(open) => {
                let (session, stream) = (open.header.session, open.header.stream());
                let why = format!(
                    "{header} of session {} has the system bytes of {}, which wants S{stream}F{} of session {session}",
                    header.session,
                    open.header,
                    open.header.function().wrapping_add(1),
                );
                self.odd("orphan_reply", why);
            }
            None => {
                let why = format!("{header} ({:08x}) answers nothing that is open", header.system);
                self.odd("orphan_reply", why);
            }
        }
    }
}

/// Same session, same stream, and the next function or 0.
fn answers(primary: &Header, reply: &Header) -> bool {
    reply.session == primary.session
        && reply.stream() == primary.stream()
        && (reply.function() == primary.function().wrapping_add(1) || reply.function() == 0)
}

/// The header that a stream 9 message complains of: its text is `B[10]`.
fn blamed(text: &[u8]) -> Option<Header> {
    let header: &[u8; HEADER] = text.strip_prefix(&[0x21, HEADER as u8])?.try_into().ok()?;
    Some(Header::read(header))
}
