//! The client's end of one connection: writes commands, takes answers, refuses anything else.
use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::{
    Reply, Toggle,
    codec::{self, BARE_ACK, DecodeError, Message},
};
use crate::{CloseReason, Fact, Frame, Input, Output, Proof, Session, Ticket, Time, inbox::Inbox};

/// Commands answered lately, so that a repeated answer is known for what it is.
const REMEMBERED: usize = 8;
/// Commands whose answers are still open. More only pile up where answers are not asked for.
const MAX_OPEN: usize = 4096;

/// The client's end.
#[derive(Debug)]
pub struct Client {
    inbox: Inbox,
    out: VecDeque<Output<Reply>>,
    open: VecDeque<(Ticket, Arc<str>)>,
    answered: VecDeque<Ticket>,
}

impl Client {
    pub(super) fn new() -> Self {
        Self {
            inbox: Inbox::default(),
            out: VecDeque::from([Output::Ready(Proof::Connected)]),
            open: VecDeque::new(),
            answered: VecDeque::new(),
        }
    }

    fn ask(&mut self, ticket: Ticket, toggle: &Toggle) {
        if self.open.len() == MAX_OPEN {
            self.open.pop_front();
        }
        self.open.push_back((ticket, toggle.device_id().clone()));
        self.out.push_back(Output::Transmit(Frame {
            bytes: codec::encode_toggle(ticket, toggle),
            kind: "toggle",
            ticket: Some(ticket),
            msg_id: None,
            device_id: Some(toggle.device_id().clone()),
        }));
    }

    fn read_answers(&mut self) {
        while !self.inbox.is_empty() {
            let front = self.inbox.peek();
            if front.starts_with(BARE_ACK) {
                let bytes = self.inbox.take(BARE_ACK.len());
                let Some((ticket, device_id)) = self.open.pop_front() else {
                    return self.refuse("unsolicited", "an ACK that nobody waits for", bytes);
                };
                self.settle("ack", bytes, ticket, device_id, Reply::Ack);
            } else if BARE_ACK.starts_with(front) {
                return;
            } else {
                match codec::decode(&mut self.inbox) {
                    Ok(None) => return,
                    Ok(Some((message, bytes))) => self.read_frame(message, bytes),
                    Err(wrong) => {
                        let bytes = self.inbox.take_all();
                        return self.refuse(wrong.reason(), &wrong.to_string(), bytes);
                    }
                }
            }
        }
    }

    fn read_frame(&mut self, message: Message, bytes: Bytes) {
        let (kind, msg_id, reply) = match message {
            Message::Ack { msg_id } => ("ack", msg_id, Reply::Applied),
            Message::Nack { msg_id, reason } => ("nack", msg_id, Reply::Nack { reason }),
            Message::Toggle { .. } => {
                let wrong = DecodeError::Opcode("toggle".into());
                return self.refuse(wrong.reason(), &wrong.to_string(), bytes);
            }
        };
        let ticket = Ticket::from_wire(&msg_id);
        if let Some(i) = self.open.iter().position(|(open, _)| *open == ticket) {
            let (_, device_id) = self.open.remove(i).expect("just found");
            self.settle(kind, bytes, ticket, device_id, reply);
        } else if self.answered.contains(&ticket) {
            self.out.push_back(Output::Fact(Fact::Orphan { ticket }));
        } else {
            self.refuse("wrong_id", "an answer to a command that was never sent here", bytes);
        }
    }

    fn settle(
        &mut self,
        kind: &'static str,
        bytes: Bytes,
        ticket: Ticket,
        device_id: Arc<str>,
        reply: Reply,
    ) {
        if self.answered.len() == REMEMBERED {
            self.answered.pop_front();
        }
        self.answered.push_back(ticket);
        self.out.push_back(Output::Received(Frame {
            bytes,
            kind,
            ticket: Some(ticket),
            msg_id: None,
            device_id: Some(device_id),
        }));
        self.out.push_back(Output::Reply(ticket, reply));
    }

    fn refuse(&mut self, reason: &'static str, detail: &str, bytes: Bytes) {
        self.inbox.take_all();
        self.out.push_back(Output::Fact(Fact::malformed(reason, detail, &bytes)));
        let close = CloseReason::Misbehaved(detail.to_owned());
        self.out.push_back(Output::Close(close));
    }
}

impl Session for Client {
    type Request = Toggle;
    type Reply = Reply;

    fn handle_input(&mut self, _: Time, input: Input<'_, Toggle>) {
        match input {
            Input::Request(ticket, toggle) => self.ask(ticket, &toggle),
            Input::Received(bytes) => {
                self.inbox.push(bytes);
                self.read_answers();
            }
            Input::Eof => {
                if !self.inbox.is_empty() {
                    let part = self.inbox.take_all();
                    let detail =
                        format!("the connection closed {} bytes into an answer", part.len());
                    self.out.push_back(Output::Fact(Fact::malformed("truncated", detail, &part)));
                }
                self.out.push_back(Output::Close(CloseReason::Peer));
            }
            Input::Forget(_) | Input::Prompted | Input::Leave | Input::Timeout => {}
        }
    }
    fn poll_output(&mut self) -> Output<Reply> {
        self.out.pop_front().unwrap_or(Output::Wait(None))
    }
}
