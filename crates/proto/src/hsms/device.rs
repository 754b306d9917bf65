//! A fake equipment's end of one connection: joins the connection to the equipment behind it, and
//! does wrong what it was told to.
use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    Hsms,
    conduct::Reaction,
    data::Primary,
    endpoint::{Answered, Endpoint, Said},
    message::{Header, Message, SType},
    quirk::{Mode, Moment, Second},
    request::Reply,
    wrong,
};
use crate::{
    CloseReason, Fact, Frame, Input, Never, Output, Proof, Session, Ticket, Time, gem,
    quirk::{Mode as _, Number},
    secs2::{DecodeError, Item, Limits, Problem, encode},
};

/// Frames held back at most.
const MAX_HELD: usize = 1024;

/// The equipment's end.
pub struct Device {
    hsms: Hsms,
    pub(super) endpoint: Endpoint,
    pub(super) out: VecDeque<Output<Reply>>,
    held: VecDeque<(Time, Frame)>,
    /// This connection, among all it ever had.
    number: u64,
    /// The last reply of an earlier connection.
    before: Option<Message>,
    /// Replies that wait for later ones, to go out after them.
    pub(super) kept: Vec<Message>,
    /// System bytes of the last reply.
    pub(super) stale: u32,
    /// It is this connection that the equipment speaks on.
    speaks: bool,
    now: Time,
}

impl Device {
    pub(super) fn new(hsms: Hsms, now: Time) -> Self {
        let mut config = hsms.checked.equipment();
        let (number, before, second) = {
            let mut memory = hsms.memory();
            memory.opened += 1;
            memory.live += 1;
            let second = (memory.live > 1).then(|| memory.second());
            (memory.opened, memory.replied.clone(), second)
        };
        config.exhausted = matches!(second, Some(Reaction::Status(_)));
        let mut device = Self {
            endpoint: Endpoint::new(config, now),
            hsms,
            out: VecDeque::new(),
            held: VecDeque::new(),
            number,
            before,
            kept: Vec::new(),
            stale: 0,
            speaks: second.is_none() || second == Some(Reaction::Ignore),
            now,
        };
        device.open(second);
        device.hear(now);
        device
    }

    fn open(&mut self, second: Option<Reaction>) {
        match self.strike(Moment::Open, None) {
            Mode::Reject => self.close(CloseReason::Local),
            Mode::ResetBefore => self.close(CloseReason::Abort),
            _ => match second {
                Some(Reaction::Close) => self.close(CloseReason::Local),
                Some(Reaction::Reset) => self.close(CloseReason::Abort),
                _ => {}
            },
        }
        // Not listening any more is the whole of it; there will be no second connection to show it.
        let deaf = !self.hsms.memory().listening();
        if second.is_some() || deaf {
            self.strike(Moment::Second, None);
        }
    }

    /// The wrong that is to be done at this moment, told as a fact if there is one.
    fn strike(&mut self, moment: Moment, about: Option<u32>) -> Mode {
        let mode = self.hsms.memory().strike(moment);
        self.note_quirk(mode, about);
        mode
    }

    fn note_quirk(&mut self, mode: Mode, about: Option<u32>) {
        if mode != Mode::Success {
            let ticket = about.map(|system| Ticket(u64::from(system)));
            self.out.push_back(Output::Fact(Fact::Quirk { name: mode.name().into(), ticket }));
        }
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        self.endpoint.close(reason);
    }

    /// Hears the endpoint out, and lets the equipment say what it wants to.
    fn hear(&mut self, now: Time) {
        self.now = now;
        loop {
            while let Some(said) = self.endpoint.poll() {
                self.take(now, said);
            }
            if !self.speak(now) {
                return;
            }
        }
    }

    fn take(&mut self, now: Time, said: Said) {
        match said {
            Said::Transmit(message, _) => self.transmit(now, message),
            // Tickets are the host's; those of our own primaries would be taken for its.
            Said::Received(frame) => {
                self.out.push_back(Output::Received(Frame { ticket: None, ..frame }));
            }
            Said::Selected => self.selected(now),
            Said::Deselected => self.hsms.memory().gem.lost(now),
            Said::Finish => self.out.push_back(Output::Finish),
            Said::Primary(message) => self.primary(now, &message),
            Said::Answered(ticket, answered) => self.answered(now, ticket, answered),
            Said::Fact(fact) => self.out.push_back(Output::Fact(fact)),
            Said::Close(reason) => self.out.push_back(Output::Close(reason)),
        }
    }

    fn selected(&mut self, now: Time) {
        let mut memory = self.hsms.memory();
        memory.selected += 1;
        memory.gem.selected(now);
        drop(memory);
        self.out.push_back(Output::Ready(Proof::RoundTrip));
        match self.strike(Moment::Selected, None) {
            Mode::SpoolFlood(Number(count)) => self.flood(now, count),
            Mode::Unasked => self.answer_nothing(),
            _ => {}
        }
        if let Some(reply) = self.before.take()
            && self.strike(Moment::Again, None) == Mode::Stale
        {
            self.endpoint.say(Said::Transmit(reply, None));
        }
    }

    /// The next thing the equipment itself wants to say. Was there one?
    fn speak(&mut self, now: Time) -> bool {
        if !self.speaks || !self.endpoint.is_selected() || self.endpoint.is_closed() {
            return false;
        }
        let Some(primary) = self.hsms.memory().gem.poll(now) else { return false };
        let gem::Primary { id, stream, function, wait, item } = primary;
        let text = item.as_ref().map(encode).unwrap_or_default();
        if !self.say(now, Ticket(id), stream, function, wait, text) {
            self.hsms.memory().gem.replied(now, id, gem::Ended::Failed);
        }
        true
    }

    pub(super) fn say(
        &mut self,
        now: Time,
        ticket: Ticket,
        stream: u8,
        function: u8,
        wait: bool,
        text: Bytes,
    ) -> bool {
        let wait = wait && !self.hsms.checked.conduct().type_in_ptype;
        let primary = Primary { stream, function, wait, text };
        match self.endpoint.primary(now, ticket, primary) {
            Ok(()) => true,
            Err(why) => {
                self.endpoint.odd("unsaid", format!("S{stream}F{function}: {why}"));
                false
            }
        }
    }

    fn primary(&mut self, now: Time, message: &Message) {
        let Header { session, .. } = message.header;
        let header = message.header;
        let ours = self.hsms.checked.session();
        let excused = header.stream() == 9;
        if self.hsms.checked.check_session && session != ours && !excused {
            return self.complain(now, 1, &header);
        }
        let decoded = Item::decode(&message.text, &Limits::default());
        if let Err(e) = &decoded {
            let conduct = self.hsms.checked.conduct();
            let deep = matches!(e.problem, Problem::Depth { .. });
            let reaction = if deep { conduct.deep_text } else { conduct.bad_text };
            let why = format!("its text is no SECS-II: {e}");
            self.endpoint.tell(Fact::malformed("text", why.clone(), &message.text));
            match reaction {
                Reaction::Accept => {}
                Reaction::Status(function) => return self.complain(now, function, &header),
                other => return self.endpoint.react(other, message, 0, &why),
            }
        }
        if header.wait()
            && let Some(lie) = wrong::lie(&header)
            && self.strike(Moment::Done, Some(header.system)) == Mode::Lie
        {
            return self.answer(now, &header, lie, Mode::Success);
        }
        let mode = match header.wait() {
            true => self.strike(Moment::Reply, Some(header.system)),
            false => Mode::Success,
        };
        let answer = self.ask_equipment(now, &header, &decoded);
        self.answer(now, &header, answer, mode);
    }

    fn ask_equipment(
        &mut self,
        now: Time,
        header: &Header,
        decoded: &Result<Option<Item>, DecodeError>,
    ) -> gem::Answer {
        let said = gem::Said {
            stream: header.stream(),
            function: header.function(),
            wait: header.wait(),
            item: decoded.as_ref().map(Option::as_ref),
        };
        self.hsms.memory().gem.primary(now, &said)
    }

    fn answer(&mut self, now: Time, to: &Header, answer: gem::Answer, mode: Mode) {
        let conduct = self.hsms.checked.conduct();
        let (function, text) = match answer {
            gem::Answer::Reply { function, item } => {
                (function, item.as_ref().map(encode).unwrap_or_default())
            }
            gem::Answer::Abort => (0, Bytes::new()),
            gem::Answer::Stream9(function) => {
                let unknown = matches!(function, 3 | 5);
                if !unknown || conduct.unknown_primary == Reaction::Accept {
                    self.complain(now, function, to);
                }
                return;
            }
            gem::Answer::Nothing => return,
        };
        if to.wait() {
            let header = Header::data(to.session, to.stream(), function, false, to.system);
            self.reply(now, to, Message { header, text }, mode);
        }
    }

    /// Keeps a reply for a connection to come.
    pub(super) fn remember(&self, reply: &Message) {
        self.hsms.memory().replied = Some(reply.clone());
    }

    pub(super) fn session(&self) -> u16 {
        self.hsms.checked.session()
    }

    /// Stream 9: complains of the message with this header.
    pub(super) fn complain(&mut self, now: Time, function: u8, about: &Header) {
        let text = encode(&Item::binary(about.bytes()));
        self.say(now, Ticket(u64::from(about.system)), 9, function, false, text);
    }

    fn answered(&mut self, now: Time, ticket: Ticket, answered: Answered) {
        let ended = match answered {
            Answered::Message(message) if message.header.stype == SType::Data => {
                let item = Item::decode(&message.text, &Limits::default()).ok().flatten();
                gem::Ended::Reply { function: message.header.function(), item }
            }
            Answered::Message(_) | Answered::Failed(_) => gem::Ended::Failed,
            Answered::TimedOut(why, header) => {
                self.endpoint.odd("t3", why);
                self.complain(now, 9, &header);
                gem::Ended::TimedOut
            }
        };
        self.hsms.memory().gem.replied(now, ticket.0, ended);
    }

    /// Sends what the endpoint wants sent, unless it is to be wrong.
    fn transmit(&mut self, now: Time, mut message: Message) {
        let header = &mut message.header;
        let moment = match header.stype {
            SType::SelectRsp if header.byte3 == 0 => Some(Moment::Select),
            SType::LinktestRsp => Some(Moment::Linktest),
            _ => None,
        };
        let mode = moment.map_or(Mode::Success, |m| self.strike(m, Some(header.system)));
        match mode {
            Mode::MuteSelect | Mode::MuteLinktest => return,
            Mode::SelectStatus(status) => header.byte3 = status,
            Mode::WrongSelect => header.system = header.system.wrapping_add(1),
            Mode::RejectSelect => {
                *header = Header {
                    byte2: SType::SelectReq.number(),
                    byte3: 1,
                    stype: SType::RejectReq,
                    ..*header
                };
            }
            Mode::DuplicateSelect => {
                let frame = self.frame(message.clone());
                self.out.push_back(Output::Transmit(frame));
            }
            Mode::LateSelect(late) => return self.hold(now + late, self.frame(message)),
            _ => {}
        }
        let frame = self.frame(message);
        self.out.push_back(Output::Transmit(frame));
    }

    /// A message's frame, in the byte order of its personality.
    pub(super) fn frame(&self, mut message: Message) -> Frame {
        let mut frame = message.clone().into_frame(None);
        if self.hsms.checked.conduct().type_in_ptype {
            message.header.ptype = message.header.stype.number();
            message.header.stype = SType::Data;
            frame.bytes = message.encode();
        }
        frame
    }

    pub(super) fn hold(&mut self, until: Time, frame: Frame) {
        if self.held.len() < MAX_HELD {
            self.held.push_back((until, frame));
        } else {
            self.close(CloseReason::Misbehaved("more replies asked for than I can hold".into()));
        }
    }

    fn release(&mut self, now: Time) {
        while let Some(due) = self.held.iter().position(|(at, _)| *at <= now) {
            if let Some((_, frame)) = self.held.remove(due) {
                self.out.push_back(Output::Transmit(frame));
            }
        }
    }
}

impl Session for Device {
    type Request = Never;
    type Reply = Reply;

    fn handle_input(&mut self, now: Time, input: Input<'_, Never>) {
        match input {
            Input::Received(_) if self.hsms.memory().is_kicked(self.number) => {
                self.note_quirk(Mode::Second(Second::Kick), None);
                self.close(CloseReason::Local);
            }
            Input::Received(bytes) => self.endpoint.received(now, bytes),
            Input::Eof => self.endpoint.eof(now),
            Input::Request(_, never) => match never {},
            Input::Timeout => {
                self.endpoint.timeout(now);
                if self.speaks {
                    self.hsms.memory().gem.timeout(now);
                }
                self.release(now);
            }
            Input::Leave => self.endpoint.separate_now(now),
            Input::Forget(_) | Input::Prompted => {}
        }
        self.hear(now);
    }

    fn poll_output(&mut self) -> Output<Reply> {
        if let Some(output) = self.out.pop_front() {
            return output;
        }
        let held = self.held.iter().map(|(at, _)| *at).min();
        let speaks = self.speaks && self.endpoint.is_selected();
        let gem = if speaks { self.hsms.memory().gem.wake_at() } else { None };
        Output::Wait([self.endpoint.wake_at(), held, gem].into_iter().flatten().min())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let mut memory = self.hsms.memory();
        memory.live -= 1;
        if self.speaks {
            memory.gem.lost(self.now);
        }
    }
}
