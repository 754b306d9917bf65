//! What comes of commands: which answer is whose, and what it proves.
use super::*;
use crate::cync::explain;

impl Client {
    /// A frame arrived, or was refused: which, its message id says.
    pub(super) fn acknowledged(
        &mut self,
        bytes: &Bytes,
        device: u32,
        id: u16,
        code: u8,
        of_device: bool,
    ) {
        // Ids wrap sooner than sequences, but so many are never open.
        let Some((seq, open)) = self.open.iter_mut().find(|(seq, _)| id_of(**seq) == id) else {
            let ended = self.ended.iter().find(|(seq, _)| id_of(*seq) == id).copied();
            self.received(bytes, "pipe_ack", ended);
            match ended {
                Some((_, ticket)) => self.out.push_back(Output::Fact(Fact::Orphan { ticket })),
                None => {
                    self.odd(
                        "nobody_asked",
                        format!("an acknowledgement of {id}, never sent here"),
                    );
                    if of_device {
                        let no = Message::PipeAck { of_device: false, device, id, code: 5 };
                        self.answer(&no);
                    }
                }
            }
            return;
        };
        let (seq, ticket) = (*seq, open.ticket);
        let before = std::mem::replace(&mut open.arrived, true);
        self.late(seq);
        self.received(bytes, "pipe_ack", Some((seq, ticket)));
        match code {
            0 | 0x0a if before => self.out.push_back(Output::Fact(Fact::Orphan { ticket })),
            0 | 0x0a => self.out.push_back(Output::Reply(ticket, Reply::Arrived)),
            code => self.end(seq, Reply::Refused(code)),
        }
    }

    /// An inner frame came, or what should have been one.
    pub(super) fn pipe(
        &mut self,
        bytes: &Bytes,
        kind: &'static str,
        report: bool,
        inner: Result<Inner, InnerError>,
    ) {
        let inner = match inner {
            Ok(inner) => inner,
            // Some firmware reports without the opening mark.
            Err(InnerError::Opening(_)) if report => return self.received(bytes, kind, None),
            Err(wrong) => {
                let raw = bytes.get(12..).unwrap_or_default();
                let at = 12 + wrong.offset(raw.len());
                let detail = format!("byte {at}: the inner frame {wrong}");
                return self.out.push_back(Output::Fact(Fact::malformed("inner", detail, bytes)));
            }
        };
        if !inner.is_right() {
            let Inner { seq, checksum, .. } = inner;
            let detail =
                format!("sequence {seq} carries {checksum:02x}, computed {:02x}", inner.sum());
            if !explain::is_stale(&inner) {
                return self
                    .out
                    .push_back(Output::Fact(Fact::malformed("checksum", detail, bytes)));
            }
            self.odd("stale_checksum", detail);
        }
        match inner.kind {
            Kind::Response => self.result(bytes, kind, &inner),
            Kind::Event => self.event(bytes, kind, &inner),
            Kind::Request => {
                self.received(bytes, kind, None);
                self.odd("not_for_us", "a bridge does not command");
            }
        }
    }

    /// The bridge says what became of a command: which, its sequence says.
    fn result(&mut self, bytes: &Bytes, kind: &'static str, inner: &Inner) {
        let seq = inner.seq;
        let page = lamp::page(&inner.body).filter(|_| kind == "page");
        let lamps = page.map(|lamps| {
            lamps.into_iter().map(|(lamp, state)| Seen { lamp, state }).collect::<Vec<_>>()
        });
        let ended = self.ended.iter().find(|(ended, _)| *ended == seq).copied();
        let Some(open) = self.open.get(&seq) else {
            self.received(bytes, kind, ended);
            return self.out.push_back(match (lamps, ended) {
                (Some(lamps), _) => Output::Push(Reply::Lamps(lamps)),
                (None, Some((_, ticket))) => Output::Fact(Fact::Orphan { ticket }),
                (None, None) => Output::Fact(Fact::Odd {
                    what: "nobody_asked".into(),
                    detail: format!("a result of sequence {seq}, never sent here"),
                }),
            });
        };
        let asked = open.asks.map_or(code::QUERY, |(_, command)| command.code());
        if asked != inner.command {
            self.received(bytes, kind, None);
            let names = (command::name(inner.command), command::name(asked));
            let detail = format!("a result of {} for {seq}, which is {}", names.0, names.1);
            return self.odd("wrong_command", detail);
        }
        let (ticket, done, seen, to) = (open.ticket, open.done, open.seen, open.asks.map(|a| a.0));
        self.late(seq);
        self.received(bytes, kind, Some((seq, ticket)));
        match (&inner.body[..], lamps, to) {
            (_, Some(lamps), None) => self.end(seq, Reply::Lamps(lamps)),
            // That a query is taken is nothing yet: its answer follows.
            ([0], _, None) => self.out.push_back(Output::Reply(ticket, Reply::Arrived)),
            ([0], ..) if done => self.out.push_back(Output::Fact(Fact::Orphan { ticket })),
            ([0], _, Some(Target::Group(_))) => self.end(seq, Reply::Done),
            ([0], _, Some(Target::Lamp(_))) => {
                self.out.push_back(Output::Reply(ticket, Reply::Done));
                match (seen, self.open.get_mut(&seq)) {
                    (Some(seen), _) => self.end(seq, Reply::Seen(seen)),
                    (None, Some(open)) => open.done = true,
                    (None, None) => {}
                }
            }
            (result, ..) => {
                let result = result.iter().copied().take(16).collect();
                self.end(seq, Reply::Failed(result));
            }
        }
    }

    /// Something happened in the mesh; perhaps what was asked for.
    fn event(&mut self, bytes: &Bytes, kind: &'static str, inner: &Inner) {
        let Some((lamp, state)) = Lamp::of_report(&inner.body).filter(|_| kind == "status") else {
            return self.received(bytes, kind, None);
        };
        let seen = Seen { lamp, state };
        let asked = |open: &Open| match open.asks {
            Some((Target::Lamp(to), command)) => to == lamp && command.shows(&state),
            Some((Target::Group(_), _)) | None => false,
        };
        let shown: Vec<u32> =
            self.open.iter().filter(|(_, open)| asked(open)).map(|(seq, _)| *seq).collect();
        let first = shown.first().and_then(|seq| Some((*seq, self.open.get(seq)?.ticket)));
        self.received(bytes, kind, first);
        self.out.push_back(Output::Push(Reply::Seen(seen)));
        for seq in shown {
            match self.open.get_mut(&seq) {
                Some(open) if !open.done => open.seen = Some(seen),
                Some(_) => self.end(seq, Reply::Seen(seen)),
                None => {}
            }
        }
    }

    fn late(&mut self, seq: u32) {
        if self.open.get(&seq).is_some_and(|open| open.forgotten) {
            self.odd(
                "late",
                format!("an answer to sequence {seq}, for which nobody waits any more"),
            );
        }
    }

    /// Nothing more is to come for this command.
    fn end(&mut self, seq: u32, reply: Reply) {
        let Some(open) = self.open.remove(&seq) else { return };
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back((seq, open.ticket));
        self.out.push_back(Output::Reply(open.ticket, reply));
    }
}
