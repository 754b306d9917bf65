//! What a bridge does about commands: tells sound ones from others, obeys each once, and answers.
use super::*;

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
        // Sequences begin anew with every connection.
        let name = format!("{:08x}/{}/{seq}", self.cync.bridge.id, self.place);
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

    pub(super) fn obey(&mut self, now: Time, asked: &Asked) {
        let mode = self.strike(Moment::Command, Some(asked.ticket));
        let before = self.known.iter_mut().find(|(seq, _)| *seq == asked.seq);
        let arrivals = before.map(|(_, arrivals)| {
            *arrivals += 1;
            *arrivals
        });
        let lamps = match (arrivals, asked.to) {
            (Some(arrivals), to) => {
                self.cync.memory().repeat();
                self.tell(Fact::Duplicate { ticket: asked.ticket, arrivals });
                to.map_or_else(Vec::new, |(to, _)| self.cync.memory().meant(to))
            }
            (None, Some((to, command))) if mode.applies() => self.apply(asked, to, &command),
            (None, _) => Vec::new(),
        };
        self.answer(now, mode, asked, &lamps);
    }

    fn apply(&mut self, asked: &Asked, to: Target, command: &Command) -> Vec<u16> {
        if self.known.len() == MAX_KNOWN {
            self.known.pop_front();
        }
        self.known.push_back((asked.seq, 1));
        let lamps = self.cync.memory().apply(to, command);
        let (ticket, device_id): (_, Arc<str>) = (asked.ticket, to.to_string().into());
        match lamps.is_empty() {
            true => self.odd("no_such_lamp", format!("nobody here is called {to}")),
            false => {
                let state = command.in_words().into();
                self.tell(Fact::Applied { ticket, device_id, state });
            }
        }
        lamps
    }
}
