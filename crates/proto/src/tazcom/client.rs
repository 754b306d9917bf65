//! The client's end for one request: one connection, one greeting or line, one answer.
use std::{collections::VecDeque, sync::Arc};

use super::{Chat, Identity, Link, Message, News, Opening, Reply, Request, Terms};
use crate::{CloseReason, Fact, Frame, Input, Output, Proof, Session, Ticket, Time};

/// The client's end. Nothing is said before something is asked.
#[derive(Debug)]
pub struct Client {
    me: Arc<Identity>,
    terms: Terms,
    nonce: [u8; 32],
    asked: Option<(Ticket, Link)>,
    out: VecDeque<Output<Reply>>,
}

impl Client {
    pub(super) fn new(me: Arc<Identity>, terms: Terms, nonce: [u8; 32]) -> Self {
        let out = VecDeque::from([Output::Ready(Proof::Connected)]);
        Self { me, terms, nonce, asked: None, out }
    }

    fn ask(&mut self, now: Time, ticket: Ticket, request: Request) {
        if self.asked.is_some() {
            let reason = CloseReason::Misbehaved("one request a connection".into());
            return self.out.push_back(Output::Close(reason));
        }
        let opening = match request {
            Request::Hello {} => Opening::Greet(self.nonce),
            Request::Chat { content, timestamp } => {
                Opening::Say(Message::Chat(Chat::new(self.me.id(), timestamp, content)))
            }
            Request::Line(text) => Opening::Line([text.as_bytes(), b"\n"].concat().into()),
        };
        let link = Link::dial(self.me.clone(), self.terms.clone(), opening, now);
        self.asked = Some((ticket, link));
    }

    fn hear(&mut self) {
        let Some((ticket, link)) = &mut self.asked else { return };
        let ticket = *ticket;
        let named = |frame: Frame| Frame { ticket: Some(ticket), ..frame };
        loop {
            let output = match link.poll_output() {
                Output::Transmit(frame) => Output::Transmit(named(frame)),
                Output::Received(frame) => Output::Received(named(frame)),
                Output::Push(News::Greeted(peer)) => {
                    let reply = Reply { id: peer.id, verified: peer.verified };
                    self.out.push_back(Output::Reply(ticket, reply));
                    if !peer.verified {
                        continue;
                    }
                    // A link that carries on is for nodes; this was one request.
                    Output::Close(CloseReason::Local)
                }
                Output::Push(News::Heard(_)) => {
                    Output::Reply(ticket, Reply { id: None, verified: false })
                }
                Output::Push(News::Impostor { claimed }) => Output::Fact(Fact::Odd {
                    what: "impostor".into(),
                    detail: format!("it claims to be {claimed} and cannot prove it"),
                }),
                Output::Fact(fact) => Output::Fact(fact),
                Output::Finish => Output::Finish,
                Output::Close(reason) => Output::Close(reason),
                // Its terms ask for no encryption, so it is never told to begin it.
                Output::Push(News::Proven(_)) | Output::Ready(_) | Output::Reply(..) => continue,
                Output::Wait(_) => return,
            };
            self.out.push_back(output);
        }
    }

    fn unasked(&mut self, bytes: &[u8]) {
        let detail = "a line where nothing was asked";
        self.out.push_back(Output::Fact(Fact::malformed("unsolicited", detail, bytes)));
        self.out.push_back(Output::Close(CloseReason::Misbehaved(detail.into())));
    }
}

impl Session for Client {
    type Request = Request;
    type Reply = Reply;

    fn handle_input(&mut self, now: Time, input: Input<'_, Request>) {
        match (input, &mut self.asked) {
            (Input::Request(ticket, request), _) => self.ask(now, ticket, request),
            (Input::Received(bytes), Some((_, link))) => {
                link.handle_input(now, Input::Received(bytes));
            }
            (Input::Received(bytes), None) => self.unasked(bytes),
            (Input::Eof, Some((_, link))) => {
                link.handle_input(now, Input::Eof);
            }
            (Input::Eof, None) => self.out.push_back(Output::Close(CloseReason::Peer)),
            (Input::Timeout, Some((_, link))) => link.handle_input(now, Input::Timeout),
            (Input::Timeout | Input::Forget(_) | Input::Prompted | Input::Leave, _) => {}
        }
        self.hear();
    }
    fn poll_output(&mut self) -> Output<Reply> {
        if let Some(output) = self.out.pop_front() {
            return output;
        }
        match &mut self.asked {
            // It was heard out, so all that is left is when it wants to be woken.
            Some((_, link)) => Output::Wait(link.alarm()),
            None => Output::Wait(None),
        }
    }
}

/// What evidence calls these bytes.
pub(super) fn kind(message: &[u8]) -> &'static str {
    Message::decode(message).map_or("junk", |message| message.kind())
}
