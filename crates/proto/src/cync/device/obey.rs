//! What a bridge does about commands: tells sound ones from others, obeys each once, and answers.
use super::*;
use crate::cync::settings::KnowsAgain;

impl Device {
    /// A sound command; or none.
    pub(super) fn asked(&self, message: &Message) -> Option<Asked> {
        let Message::Pipe { report: false, device, id, inner: Ok(inner), .. } = message else {
            return None;
        };
        let Inner { seq, kind: Kind::Request, command, ref body, .. } = *inner else { return None };
        let to = match command {
            code::QUERY => None,
            _ => Some(Command::decode(command, body).ok()?),
        };
        let name = format!("{:08x}/{}/{seq}", self.cync.bridge.id, self.era());
        let ticket = Ticket::from_wire(&name);
        let asked = Asked { device: *device, id: *id, seq, code: command, to, ticket };
        inner.is_right().then_some(asked)
    }

    /// What is no command is acknowledged all the same, as real bridges do, and that is all.
    pub(super) fn cannot(
        &mut self,
        now: Time,
        device: u32,
        id: u16,
        inner: &Result<Inner, InnerError>,
        bytes: &[u8],
    ) {
        let at = now + self.pause();
        self.hold(at, Message::PipeAck { of_device: true, device, id, code: 0 }.encode());
        let (reason, detail) = match inner {
            Err(wrong) => {
                let at = 12 + wrong.offset(bytes.len().saturating_sub(12));
                ("inner", format!("byte {at}: the inner frame {wrong}"))
            }
            Ok(inner) if !inner.is_right() => (
                "checksum",
                format!("carries {:02x}, computed {:02x}", inner.checksum, inner.sum()),
            ),
            Ok(inner) => match Command::decode(inner.command, &inner.body) {
                Err((at, why)) => ("command", format!("byte {at} of the body: {why}")),
                Ok(_) => ("command", format!("{:02x} is no request", inner.kind.byte())),
            },
        };
        self.tell(Fact::malformed(reason, detail, bytes));
    }

    /// What a sequence must share with another to be the same: nothing, or the connection.
    fn era(&self) -> u64 {
        match self.cync.bridge.knows_again {
            KnowsAgain::Always => 0,
            KnowsAgain::Connection => self.place,
        }
    }

    pub(super) fn obey(&mut self, now: Time, asked: &Asked) {
        let mode = self.strike(Moment::Command, Some(asked.ticket));
        let known = self.cync.memory().knows(now, (self.era(), asked.seq));
        let lamps = match asked.to {
            Some((to, command)) if known || mode.applies() => self.apply(now, asked, to, &command),
            Some(_) | None => Vec::new(),
        };
        self.answer(now, mode, asked, &lamps);
    }

    /// Does it to whom it is for, unless that was done before.
    fn apply(&mut self, now: Time, asked: &Asked, to: Target, command: &Command) -> Vec<u16> {
        let ticket = asked.ticket;
        let lamps = self.cync.memory().meant(to);
        if lamps.is_empty() {
            self.odd("no_such_lamp", format!("nobody here is called {to}"));
            return lamps;
        }
        let arrival = self.cync.memory().arrive(now, (self.era(), asked.seq));
        if arrival.forgot > 0 {
            self.tell(Fact::Forgot { ids: arrival.forgot });
        }
        if arrival.is_new() {
            self.cync.memory().apply(&lamps, command);
            let (device_id, state) = (to.to_string().into(), command.in_words().into());
            self.tell(Fact::Applied { ticket, device_id, state });
        } else {
            self.tell(Fact::Duplicate { ticket, arrivals: arrival.times });
        }
        lamps
    }
}
