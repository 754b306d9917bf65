//! The host's end of one connection: asks the equipment, answers it, and knows when it is SELECTED.
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::{
    endpoint::{Answered, Config, Endpoint, Said},
    message::{Header, Message, SType},
    request::{Reply, Request},
    settings::Answering,
};
use crate::Fact;
use crate::{
    Input, Output, Proof, Session, Ticket, Time,
    secs2::{Item, Limits, Reader, encode},
};

/// Primaries of the equipment that wait for an answer at most.
const MAX_UNANSWERED: usize = 256;

/// The host's end.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    answering: Answering,
    /// Primaries of the equipment that nobody has answered yet.
    unanswered: BTreeMap<u32, Header>,
    /// What could not even be said.
    refused: VecDeque<(Ticket, String)>,
}

impl Client {
    pub(super) fn new(config: Config, answering: Answering, now: Time) -> Self {
        Self {
            endpoint: Endpoint::new(config, now),
            answering,
            unanswered: BTreeMap::new(),
            refused: VecDeque::new(),
        }
    }

    fn request(&mut self, now: Time, ticket: Ticket, request: Request) {
        let said = match request {
            Request::Send(primary) => self.endpoint.primary(now, ticket, primary),
            Request::Answer { to, function, text } => match self.unanswered.remove(&to) {
                Some(header) => {
                    self.endpoint.reply(&header, function, text, Some(ticket));
                    Ok(())
                }
                None => Err(format!("no primary {to:08x} waits for an answer")),
            },
            Request::Linktest => {
                self.endpoint.test_link(now, ticket);
                Ok(())
            }
            Request::Deselect => {
                self.endpoint.deselect(now, ticket);
                Ok(())
            }
            Request::Separate => {
                self.endpoint.separate(now, ticket);
                Ok(())
            }
        };
        if let Err(why) = said {
            self.refused.push_back((ticket, why));
        }
    }

    /// A reply that is no SECS-II answers nothing.
    fn readable(&mut self, reply: Reply) -> Reply {
        let Reply::Message(message) = &reply else { return reply };
        let limits = Limits::default();
        match Reader::new(&message.text, &limits).find_map(Result::err) {
            None => reply,
            Some(e) => {
                let why = format!("{} is no SECS-II: {e}", message.header);
                self.endpoint.tell(Fact::malformed("text", why.clone(), &message.text));
                Reply::Failed(why)
            }
        }
    }

    /// The equipment asks or tells something.
    fn primary_came(&mut self, message: &Message) {
        let header = message.header;
        if !header.wait() {
            return;
        }
        match self.answering {
            Answering::Manual if self.unanswered.len() < MAX_UNANSWERED => {
                self.unanswered.insert(header.system, header);
            }
            Answering::Manual => self.endpoint.reply(&header, 0, Bytes::new(), None),
            Answering::Auto => {
                let (function, text) = usual_answer(&header, &message.text);
                self.endpoint.reply(&header, function, text, None);
            }
        }
    }
}

/// What a host says when nobody tells it what to: the acknowledge that means "fine".
fn usual_answer(header: &Header, text: &Bytes) -> (u8, Bytes) {
    // Nothing comes after 255: such a primary cannot be answered but with SxF0.
    let next = header.function().wrapping_add(1);
    let item = match (header.stream(), header.function()) {
        (1, 1) => Item::list([]),
        (1, 13) => Item::list([Item::binary([0]), Item::list([])]),
        (2, 25) => return (next, text.clone()),
        (5, 1) | (6, 1) | (6, 11) | (10, 1) => Item::binary([0]),
        _ => return (0, Bytes::new()),
    };
    (next, encode(&item))
}

impl Session for Client {
    type Request = Request;
    type Reply = Reply;

    fn handle_input(&mut self, now: Time, input: Input<'_, Request>) {
        match input {
            Input::Received(bytes) => self.endpoint.received(now, bytes),
            Input::Eof => self.endpoint.eof(now),
            Input::Request(ticket, request) => self.request(now, ticket, request),
            Input::Forget(ticket) => self.endpoint.forget(now, ticket),
            Input::Prompted => {}
            Input::Leave => self.endpoint.separate_now(now),
            Input::Timeout => self.endpoint.timeout(now),
        }
    }

    fn poll_output(&mut self) -> Output<Reply> {
        if let Some((ticket, why)) = self.refused.pop_front() {
            return Output::Reply(ticket, Reply::Failed(why));
        }
        loop {
            let Some(said) = self.endpoint.poll() else {
                return Output::Wait(self.endpoint.wake_at());
            };
            return match said {
                Said::Transmit(message, ticket) => Output::Transmit(message.into_frame(ticket)),
                Said::Received(frame) => Output::Received(frame),
                Said::Selected => Output::Ready(Proof::RoundTrip),
                Said::Deselected => continue,
                Said::Primary(message) => {
                    self.primary_came(&message);
                    Output::Push(Reply::Message(message))
                }
                Said::Answered(ticket, answered) => {
                    Output::Reply(ticket, self.readable(answered.into()))
                }
                Said::Fact(fact) => Output::Fact(fact),
                Said::Finish => Output::Finish,
                Said::Close(reason) => Output::Close(reason),
            };
        }
    }
}

impl From<Answered> for Reply {
    fn from(answered: Answered) -> Self {
        match answered {
            Answered::Message(message) => match message.header.stype {
                SType::Data => Self::Message(message),
                stype => Self::Control(stype.name()),
            },
            Answered::Failed(why) => Self::Failed(why),
            Answered::TimedOut(why, _) => Self::TimedOut(why),
        }
    }
}
