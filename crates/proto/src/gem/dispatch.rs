//! Which primary is answered by what: the one list of messages the equipment knows.
use super::{
    Answer, Said,
    communication::{Link, Stimulus},
    equipment::Gem,
    text::{self, LONGEST, Read, Refusal},
};
use crate::{Time, secs2::Item};

/// Streams of which any primary of a host is known.
const STREAMS: [u8; 6] = [1, 2, 5, 6, 7, 10];

impl Gem {
    /// What to answer to a primary of the host.
    pub(super) fn answer(&mut self, now: Time, said: &Said<'_>) -> Answer {
        let Said { stream, function, wait, item } = *said;
        self.counts.heard(stream, function);
        // Replies are not answered, and a host has no business in stream 9.
        if function.is_multiple_of(2) || stream == 9 || !self.listens(now, stream, function) {
            return Answer::Nothing;
        }
        if !self.control.state.online() && !matches!((stream, function), (1, 13 | 17)) {
            return if wait { Answer::Abort } else { Answer::Nothing };
        }
        let answer = match item {
            Err(_) if !STREAMS.contains(&stream) => Err(Refusal::Stream),
            Err(wrong) => return self.refused(wrong.answer().function()),
            Ok(item) => self.reply(now, (stream, function), item),
        };
        match answer.and_then(short) {
            Ok(item) if wait => Answer::Reply { function: function + 1, item: Some(item) },
            Ok(_) => Answer::Nothing,
            Err(Refusal::Stream) => self.refused(3),
            Err(Refusal::Function) => self.refused(5),
            Err(Refusal::Data) => self.refused(7),
            Err(Refusal::Long) if wait => Answer::Abort,
            Err(Refusal::Long) => Answer::Nothing,
        }
    }

    fn refused(&mut self, function: u8) -> Answer {
        self.counts.said(9, function);
        Answer::Stream9(function)
    }

    /// Whether communications are far enough for this.
    fn listens(&mut self, now: Time, stream: u8, function: u8) -> bool {
        let establishes = (stream, function) == (1, 13);
        let before = self.communication.link;
        if !establishes {
            self.communicate(now, Stimulus::Spoken);
        }
        match before {
            Link::Disabled => false,
            Link::Communicating => true,
            Link::NotConnected | Link::WaitCrFromHost => establishes || self.communication.lenient,
            Link::WaitCra | Link::WaitDelay { .. } => establishes || self.communication.lenient,
        }
    }

    fn reply(&mut self, now: Time, name: (u8, u8), item: Option<&Item>) -> Read<Item> {
        match name {
            (1, 1) => text::nothing(item).map(|()| self.identity.clone()),
            (1, 3) => self.tell_status(now, item),
            (1, 11) => self.name_status(item),
            (1, 13) => self.establish(now, item),
            (1, 15) => self.go_offline(now, item),
            (1, 17) => self.go_online(now, item),
            (1, 21) => self.name_data(item),
            (1, 23) => self.name_events(item),
            (2, 13) => self.tell_constants(item),
            (2, 15) => self.set_constants(item),
            (2, 17) => self.tell_time(now, item),
            (2, 23) => self.trace(now, item),
            (2, 25) => loopback(item),
            (2, 29) => self.name_constants(item),
            (2, 31) => self.set_time(now, item),
            (2, 33) => self.define_reports(item),
            (2, 35) => self.link_reports(item),
            (2, 37) => self.enable_events(item),
            (2, 39) => grant_multiblock(item),
            (2, 41) => self.command(now, item),
            (2, 43) => self.choose_spooled(item),
            (5, 3) => self.enable_alarm(item),
            (5, 5) => self.list_alarms(item),
            (5, 7) => self.list_enabled_alarms(item),
            (6, 15) => self.tell_event(now, item),
            (6, 19) => self.tell_report(now, item),
            (6, 23) => self.request_spooled(now, item),
            (7, 1) => self.grant_recipe(item),
            (7, 3) => self.store_recipe(now, item),
            (7, 5) => self.tell_recipe(item),
            (7, 17) => self.delete_recipes(now, item),
            (7, 19) => self.list_recipes(item),
            (10, 3) => self.display(item),
            (10, 5) => self.display_lines(item),
            (stream, _) if STREAMS.contains(&stream) => Err(Refusal::Function),
            _ => Err(Refusal::Stream),
        }
    }
}

/// S2F25, loopback diagnostic.
fn loopback(item: Option<&Item>) -> Read<Item> {
    let item = text::some(item)?;
    match item.format() {
        crate::secs2::Format::Binary => Ok(item.clone()),
        _ => Err(Refusal::Data),
    }
}

/// S2F39, multi-block inquire: of no use on HSMS, where every message is one block.
fn grant_multiblock(item: Option<&Item>) -> Read<Item> {
    let [_, length] = text::fields(text::some(item)?)?;
    text::number(length).map(|_| text::code(0))
}

fn short(item: Item) -> Read<Item> {
    if item.encoded_len() > LONGEST { Err(Refusal::Long) } else { Ok(item) }
}
