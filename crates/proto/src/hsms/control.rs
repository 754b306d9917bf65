//! Control messages: select, deselect, linktest, reject, separate (SEMI E37 §7.2 to §7.8).
use super::{
    conduct::Reaction,
    endpoint::{Answered, Control, Endpoint, Said, State},
    message::{Header, Message, NO_SESSION, SType, deselect_status, reject_reason, select_status},
    timers::Cause,
};
use crate::{CloseReason, Ticket, Time};

impl Endpoint {
    /// Sends Select.req.
    pub(super) fn select(&mut self, now: Time) {
        let system = self.ask_control(now, SType::SelectReq, None);
        self.state = State::NotSelected { asked: Some(system) };
    }

    /// Sends Linktest.req for whoever asked.
    pub(super) fn test_link(&mut self, now: Time, ticket: Ticket) {
        self.ask_control(now, SType::LinktestReq, Some(ticket));
    }

    /// Sends Deselect.req for whoever asked.
    pub(super) fn deselect(&mut self, now: Time, ticket: Ticket) {
        self.ask_control(now, SType::DeselectReq, Some(ticket));
    }

    /// Sends Separate.req for whoever asked, once nothing of ours is open any more.
    pub(super) fn separate(&mut self, now: Time, ticket: Ticket) {
        self.leaving = Some(ticket);
        self.leave_if_done(now);
    }

    /// Says goodbye without waiting for anything, and finishes. The peer is to close then; if it does
    /// not, T7 will.
    pub(super) fn separate_now(&mut self, now: Time) {
        if self.is_selected() && !self.is_closed() {
            let system = self.fresh_system();
            let header = Header::control(SType::SeparateReq, NO_SESSION, 0, 0, system);
            let ticket = self.leaving.take();
            self.say(Said::Transmit(Message::bare(header), ticket));
            self.say(Said::Finish);
            self.deselected(now, Cause::Sent(header));
        }
    }

    pub(super) fn leave_if_done(&mut self, now: Time) {
        if self.leaving.is_some() && self.open.is_empty() {
            self.separate_now(now);
        }
    }

    pub(super) fn control_message(&mut self, now: Time, message: Message) {
        match message.header.stype {
            SType::SelectReq => self.select_req(now, message),
            SType::DeselectReq => self.deselect_req(now, message),
            SType::LinktestReq => {
                let early = self.config.conduct.early_linktest;
                if !self.is_selected() && self.config.conduct.linktest_holds_t7 {
                    self.not_selected(now, Cause::Got(message.header));
                }
                if self.is_selected() || early == Reaction::Accept {
                    self.respond(&message.header, SType::LinktestRsp, 0);
                } else {
                    self.react(early, &message, 4, "not SELECTED");
                }
            }
            SType::SelectRsp | SType::DeselectRsp | SType::LinktestRsp => {
                self.response(now, message);
            }
            SType::RejectReq => self.rejected(now, &message),
            SType::SeparateReq => self.separate_req(&message),
            SType::Data | SType::Other(_) => {}
        }
    }

    fn select_req(&mut self, now: Time, message: Message) {
        let conduct = self.config.conduct;
        let header = message.header;
        match self.state {
            State::Selected => match conduct.select_again {
                Reaction::Status(status) => self.respond(&header, SType::SelectRsp, status),
                other => self.react(other, &message, 1, "SELECTED already"),
            },
            State::NotSelected { asked: Some(_) }
                if conduct.crossing_select != Reaction::Accept =>
            {
                self.react(conduct.crossing_select, &message, 1, "our own Select.req is open");
            }
            State::NotSelected { .. } if self.config.exhausted => {
                self.respond(&header, SType::SelectRsp, 3);
                self.close(CloseReason::Local);
            }
            State::NotSelected { .. } => {
                if header.session != NO_SESSION && conduct.select_session != Reaction::Accept {
                    let why = "its session is not FFFF";
                    return self.react(conduct.select_session, &message, 1, why);
                }
                // SELECTED before the answer is out: data may follow right behind it.
                self.selected(now);
                self.respond(&header, SType::SelectRsp, 0);
                self.release(now);
            }
        }
    }

    fn deselect_req(&mut self, now: Time, message: Message) {
        let conduct = self.config.conduct;
        let header = message.header;
        let reaction = match self.state {
            State::Selected => conduct.deselect,
            State::NotSelected { .. } => conduct.early_deselect,
        };
        match reaction {
            Reaction::Accept => {
                self.respond(&header, SType::DeselectRsp, 0);
                self.deselected(now, Cause::Got(header));
            }
            Reaction::Status(status) => self.respond(&header, SType::DeselectRsp, status),
            other => self.react(other, &message, 1, "Deselect is not used here"),
        }
    }

    fn deselected(&mut self, now: Time, cause: Cause) {
        self.not_selected(now, cause);
        for (_, open) in std::mem::take(&mut self.open) {
            let why = format!("{} was open when the session was deselected", open.header);
            self.say(Said::Answered(open.ticket, Answered::Failed(why)));
        }
        self.say(Said::Deselected);
    }

    fn response(&mut self, now: Time, message: Message) {
        let header = message.header;
        let asked = self.control.get(&header.system).copied();
        let asked = asked.filter(|asked| asked.stype.number() + 1 == header.stype.number());
        let conduct = self.config.conduct;
        let selecting = matches!(self.state, State::NotSelected { asked: Some(_) });
        match asked {
            Some(asked) => {
                self.control.remove(&header.system);
                self.answered(now, asked, message);
            }
            None if header.stype == SType::SelectRsp && selecting => {
                match conduct.foreign_select_rsp {
                    Reaction::Accept => self.selected_by(now, &header),
                    other => self.react(other, &message, 3, "its system bytes are not ours"),
                }
            }
            None => self.react(conduct.orphan_response, &message, 3, "nothing of the kind is open"),
        }
    }

    fn answered(&mut self, now: Time, asked: Control, message: Message) {
        let header = message.header;
        match header.stype {
            SType::SelectRsp => self.selected_by(now, &header),
            SType::DeselectRsp if header.byte3 == 0 => self.deselected(now, Cause::Got(header)),
            SType::DeselectRsp => {
                let why = format!("{header}: {}", deselect_status(header.byte3));
                if let Some(ticket) = asked.ticket {
                    return self.say(Said::Answered(ticket, Answered::Failed(why)));
                }
            }
            _ => {
                self.unanswered = 0;
                self.watch_idle(now);
            }
        }
        if let Some(ticket) = asked.ticket {
            self.say(Said::Answered(ticket, Answered::Message(message)));
        }
    }

    /// A Select.rsp to our Select.req.
    fn selected_by(&mut self, now: Time, header: &Header) {
        let conduct = self.config.conduct;
        let reaction = match header.byte3 {
            0 => Reaction::Accept,
            1 => conduct.already_active,
            _ => conduct.select_refused,
        };
        let why = format!("select refused: {header}, {}", select_status(header.byte3));
        match reaction {
            Reaction::Accept => {
                self.selected(now);
                self.release(now);
            }
            // A crossing Select.req of theirs has selected us meanwhile.
            _ if self.is_selected() => self.odd("ignored", why),
            Reaction::Close => self.close(CloseReason::Refused(why)),
            _ => {
                self.state = State::NotSelected { asked: None };
                self.odd("ignored", why);
            }
        }
    }

    /// Takes what was kept until SELECTED.
    fn release(&mut self, now: Time) {
        for message in std::mem::take(&mut self.held) {
            match message.header.stype {
                SType::SelectReq => self.react(Reaction::Reject, &message, 1, "SELECTED already"),
                _ => self.take(now, message),
            }
        }
    }

    fn rejected(&mut self, now: Time, message: &Message) {
        let header = message.header;
        let why = format!("{header}: {}", reject_reason(header.byte3));
        if let Some(asked) = self.control.remove(&header.system) {
            return match (asked.stype, asked.ticket) {
                (SType::SelectReq, _) => match self.config.conduct.select_rejected {
                    Reaction::Close => self.close(CloseReason::Refused(why)),
                    _ => {
                        // T6 still runs for it.
                        self.control.insert(header.system, asked);
                        self.odd("ignored", why);
                    }
                },
                (_, Some(ticket)) => self.say(Said::Answered(ticket, Answered::Failed(why))),
                // Whoever rejects a linktest is there.
                (_, None) => {
                    self.unanswered = 0;
                    self.odd("ignored", why);
                }
            };
        }
        match self.open.remove(&header.system) {
            Some(open) => {
                self.say(Said::Answered(open.ticket, Answered::Failed(why)));
                self.leave_if_done(now);
            }
            None => match self.config.conduct.orphan_reject {
                Reaction::Close => self.close(CloseReason::Misbehaved(why)),
                _ => self.odd("ignored", why),
            },
        }
    }

    fn separate_req(&mut self, message: &Message) {
        let conduct = self.config.conduct;
        let reaction = match self.state {
            State::Selected => conduct.separate,
            State::NotSelected { .. } => conduct.early_separate,
        };
        match reaction {
            Reaction::Close => self.close(CloseReason::Left(message.header.to_string())),
            other => self.react(other, message, 0, "taken for nothing"),
        }
    }

    fn respond(&mut self, to: &Header, stype: SType, status: u8) {
        let echo = self.config.conduct.echo_session;
        let session = if echo { to.session } else { NO_SESSION };
        let header = Header::control(stype, session, 0, status, to.system);
        self.say(Said::Transmit(Message::bare(header), None));
    }
}
