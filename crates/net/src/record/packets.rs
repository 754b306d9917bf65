//! Which records are packets, and how each fared. The packet log and the metrics both ask here, so
//! they cannot disagree. It writes nothing.
use std::{borrow::Cow, num::NonZeroUsize, sync::Arc, time::Duration};

use lru::LruCache;
use proto::{Fact, Stage, Ticket, Time};

use super::{
    Dir, Event, Record, Role,
    packet::{About, Level, Outcome, Packet},
};

/// Requests remembered at once; a device never learns that one is over, so the oldest must go.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4096).expect("4096 is not 0");
/// Ids from the wire longer than this are not remembered.
const LONGEST_ID: usize = 256;

/// The fold. It remembers a bounded number of requests; one it forgot merely has fewer particulars.
#[derive(Debug)]
pub struct Packets {
    requests: LruCache<(Arc<str>, Ticket), Request>,
    dials: LruCache<Arc<str>, Dial>,
}

#[derive(Debug, Default)]
struct Request {
    device_id: Option<Arc<str>>,
    msg_id: Option<Arc<str>>,
    attempt: Option<u32>,
    began: Option<Time>,
    sent: Option<Time>,
    waiting_on: Option<u32>,
    failed: Option<Stage>,
}

/// Whom a node dials, and for the sake of which device.
#[derive(Debug, Default)]
struct Dial {
    wanted: Option<Arc<str>>,
    open: Option<(u32, Option<Arc<str>>)>,
}

impl Default for Packets {
    fn default() -> Self {
        Self { requests: LruCache::new(REMEMBERED), dials: LruCache::new(REMEMBERED) }
    }
}

impl Packets {
    /// Takes one record in and says what it is about.
    pub fn read<'r>(&mut self, record: &'r Record) -> About<'r> {
        match (record.role, &record.event) {
            (Role::Proxy | Role::Lab, _) => About::default(),
            (Role::Client | Role::Device, event) => self.read_event(record, event),
        }
    }

    fn read_event<'r>(&mut self, record: &'r Record, event: &'r Event) -> About<'r> {
        match event {
            Event::Submitted { ticket, device_id } => {
                self.request(record, *ticket).device_id = device_id.clone();
                self.about(record, *ticket)
            }
            Event::Reached { ticket, .. } => self.since_sent(record, *ticket),
            Event::Attempt { ticket, attempt } => self.attempt(record, *ticket, *attempt),
            Event::Frame { .. } => self.frame(record, event),
            Event::Fact { conn, fact } => self.fact(record, *conn, fact),
            Event::AttemptFailed { .. } => self.attempt_failed(record, event),
            Event::Done { ticket, elapsed_us, .. } => {
                let about = self.about(record, *ticket);
                self.requests.pop(&(record.node.clone(), *ticket));
                About { elapsed: Some(Duration::from_micros(*elapsed_us)), ..about }
            }
            Event::Connecting { conn, .. } => {
                let dial = self.dials.get_or_insert_mut(record.node.clone(), Dial::default);
                dial.open = Some((*conn, dial.wanted.clone()));
                About { device_id: dial.wanted.clone(), ..About::default() }
            }
            Event::Opened { conn, .. } | Event::ConnectFailed { conn, .. } => {
                self.dialled(record, *conn)
            }
            Event::Listening { .. }
            | Event::Deaf
            | Event::ListenFailed { .. }
            | Event::Sent { .. }
            | Event::Received { .. }
            | Event::Ready { .. }
            | Event::Push { .. }
            | Event::Eof { .. }
            | Event::Closed { .. }
            | Event::Proved { .. }
            | Event::Lost { .. }
            | Event::Pulse { .. }
            | Event::Intake { .. }
            | Event::Resent { .. }
            | Event::Breaker { .. }
            | Event::Told { .. }
            | Event::Step { .. }
            | Event::StepFailed { .. }
            | Event::Armed { .. }
            | Event::Joined { .. }
            | Event::Struck { .. }
            | Event::Lifted { .. }
            | Event::Ended { .. } => About::default(),
        }
    }

    fn attempt<'r>(&mut self, record: &Record, ticket: Ticket, attempt: u32) -> About<'r> {
        let request = self.request(record, ticket);
        request.attempt = Some(attempt);
        request.began = Some(record.at);
        request.sent = None;
        request.waiting_on = None;
        let after = request.failed.take();
        let about = self.about(record, ticket);
        let dial = self.dials.get_or_insert_mut(record.node.clone(), Dial::default);
        dial.wanted = about.device_id.clone();
        About { after, ..about }
    }

    fn frame<'r>(&mut self, record: &'r Record, event: &'r Event) -> About<'r> {
        let Event::Frame { conn, dir, kind, ticket, msg_id, device_id, bytes, took_us } = event
        else {
            return About::default();
        };
        let (outcome, level) = match (dir, kind.as_ref()) {
            (Dir::In, "nack") => (Outcome::Nack, Level::Warning),
            _ => (Outcome::Success, Level::Info),
        };
        let packet = Packet { direction: *dir, outcome, level, bytes: Some(bytes), reason: None };
        let mut about = About::default();
        if let Some(ticket) = *ticket {
            self.learn(record, ticket, msg_id.as_ref(), device_id.as_ref());
            match dir {
                Dir::Out => {
                    let took = Duration::from_micros(*took_us);
                    let request = self.request(record, ticket);
                    let began = record.at.as_micros().saturating_sub(*took_us);
                    request.sent = Some(Time::from_micros(began));
                    request.waiting_on = Some(*conn);
                    about = About { elapsed: Some(took), ..self.about(record, ticket) };
                }
                Dir::In => {
                    about = self.since_sent(record, ticket);
                    if let Some(request) = self.requests.get_mut(&(record.node.clone(), ticket)) {
                        request.waiting_on = None;
                    }
                }
            }
        }
        About {
            msg_id: msg_id.clone().or(about.msg_id),
            device_id: device_id.clone().or(about.device_id),
            packet: Some(packet),
            ..about
        }
    }

    fn fact<'r>(&mut self, record: &'r Record, conn: u32, fact: &'r Fact) -> About<'r> {
        match fact {
            Fact::Malformed { reason, bytes, .. } => {
                let about = match self.waiting_on(record, conn) {
                    Some(ticket) => self.since_sent(record, ticket),
                    None => About::default(),
                };
                let packet = Packet {
                    direction: Dir::In,
                    outcome: Outcome::Malformed,
                    level: Level::Warning,
                    bytes: Some(bytes),
                    reason: Some(Cow::Borrowed(reason)),
                };
                About { packet: Some(packet), ..about }
            }
            Fact::Applied { ticket, device_id, .. } => {
                About { device_id: Some(device_id.clone()), ..self.about(record, *ticket) }
            }
            Fact::Duplicate { ticket, .. } | Fact::Orphan { ticket } => self.about(record, *ticket),
            Fact::Quirk { ticket, .. } => {
                ticket.map_or_else(About::default, |ticket| self.about(record, ticket))
            }
            Fact::Odd { .. } | Fact::Forgot { .. } => About::default(),
        }
    }

    fn attempt_failed<'r>(&mut self, record: &Record, event: &Event) -> About<'r> {
        let Event::AttemptFailed { ticket, attempt, stage, retry_in_us, .. } = event else {
            return About::default();
        };
        let level = if retry_in_us.is_some() { Level::Warning } else { Level::Error };
        let packet = |direction, outcome, reason| {
            Some(Packet { direction, outcome, level, bytes: None, reason })
        };
        let never_sent = || packet(Dir::Out, Outcome::Error, Some(stage.to_string().into()));
        let packet = match stage {
            Stage::Refused | Stage::Unreachable | Stage::ConnectTimeout | Stage::SendFailed => {
                never_sent()
            }
            Stage::ReceiveTimeout => packet(Dir::In, Outcome::Timeout, None),
            Stage::Closed => packet(Dir::In, Outcome::Closed, None),
            Stage::Reset => packet(Dir::In, Outcome::Reset, None),
            // These two arrived as packets and were counted then.
            Stage::Nack | Stage::Malformed => None,
            Stage::NotConfirmed
            | Stage::Deadline
            | Stage::QueueFull
            | Stage::Cancelled
            | Stage::BreakerOpen
            | Stage::Superseded
            | Stage::Expired => None,
        };
        let about = self.since_sent(record, *ticket);
        let request = self.request(record, *ticket);
        request.failed = Some(*stage);
        request.waiting_on = None;
        let trying = request.began.map(|began| record.at - began);
        let sent = packet.as_ref().is_some_and(|p| p.direction == Dir::Out);
        let elapsed = if sent { trying } else { about.elapsed };
        About { attempt: Some(*attempt), elapsed, packet, ..about }
    }

    fn dialled<'r>(&mut self, record: &Record, conn: u32) -> About<'r> {
        let open = self
            .dials
            .get_mut(&record.node)
            .and_then(|dial| dial.open.take_if(|(c, _)| *c == conn));
        match open {
            Some((_, device_id)) => About { device_id, dialled: true, ..About::default() },
            None => About::default(),
        }
    }

    fn learn(
        &mut self,
        record: &Record,
        ticket: Ticket,
        msg_id: Option<&Arc<str>>,
        device_id: Option<&Arc<str>>,
    ) {
        // A client has submitted what it asks; what else comes in is not worth a place in memory.
        let key = (record.node.clone(), ticket);
        let request = match record.role {
            Role::Device => Some(self.requests.get_or_insert_mut(key, Request::default)),
            Role::Client | Role::Proxy | Role::Lab => self.requests.get_mut(&key),
        };
        let Some(request) = request else { return };
        let short = |id: Option<&Arc<str>>| id.filter(|id| id.len() <= LONGEST_ID).cloned();
        request.msg_id = short(msg_id).or(request.msg_id.take());
        request.device_id = short(device_id).or(request.device_id.take());
    }

    /// The one request that waits for an answer on `conn`; none if that is not certain.
    fn waiting_on(&self, record: &Record, conn: u32) -> Option<Ticket> {
        let here = |(key, request): (&(Arc<str>, Ticket), &Request)| {
            (key.0 == record.node && request.waiting_on == Some(conn)).then_some(key.1)
        };
        let mut waiting = self.requests.iter().filter_map(here);
        waiting.next().filter(|_| waiting.next().is_none())
    }

    fn request(&mut self, record: &Record, ticket: Ticket) -> &mut Request {
        self.requests.get_or_insert_mut((record.node.clone(), ticket), Request::default)
    }

    fn since_sent<'r>(&mut self, record: &Record, ticket: Ticket) -> About<'r> {
        // A device's own frame is the answer, not the question: nothing is timed from it.
        let sent = self.requests.get(&(record.node.clone(), ticket)).and_then(|r| r.sent);
        let elapsed = sent.filter(|_| record.role == Role::Client).map(|sent| record.at - sent);
        About { elapsed, ..self.about(record, ticket) }
    }

    fn about<'r>(&mut self, record: &Record, ticket: Ticket) -> About<'r> {
        let request = self.requests.get(&(record.node.clone(), ticket));
        About {
            ticket: Some(ticket),
            msg_id: request.and_then(|r| r.msg_id.clone()),
            device_id: request.and_then(|r| r.device_id.clone()),
            attempt: request.and_then(|r| r.attempt),
            ..About::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::told::*;

    fn about_last(records: &[Record]) -> About<'_> {
        let mut packets = Packets::default();
        records.iter().map(|r| packets.read(r)).last().unwrap()
    }
    fn fate(records: &[Record]) -> Option<(Dir, Outcome, Level)> {
        about_last(records).packet.map(|p| (p.direction, p.outcome, p.level))
    }

    #[test]
    fn an_answer_is_timed_from_before_the_send() {
        let story = happy();
        let about = about_last(&story[..6]);
        assert_eq!(about.elapsed, Some(Duration::from_micros(2500)));
        assert_eq!(about.device_id.as_deref(), Some("D1"));
        assert_eq!(about.ticket, Some(T1));
    }

    #[test]
    fn every_stage_has_its_packet_or_none() {
        let of = |stage| fate(&[client(0, failed(T1, 1, stage, false))]).map(|(d, o, _)| (d, o));
        use Stage::*;
        for stage in [Refused, Unreachable, ConnectTimeout, SendFailed] {
            assert_eq!(of(stage), Some((Dir::Out, Outcome::Error)), "{stage}");
        }
        assert_eq!(of(ReceiveTimeout), Some((Dir::In, Outcome::Timeout)));
        assert_eq!(of(Closed), Some((Dir::In, Outcome::Closed)));
        assert_eq!(of(Reset), Some((Dir::In, Outcome::Reset)));
        for stage in [Nack, Malformed, NotConfirmed, Deadline, QueueFull, Cancelled] {
            assert_eq!(of(stage), None, "{stage}");
        }
    }

    #[test]
    fn a_failure_is_a_warning_until_it_is_the_last() {
        let level = |again| fate(&[client(0, failed(T1, 1, Stage::Reset, again))]).unwrap().2;
        assert_eq!(level(true), Level::Warning);
        assert_eq!(level(false), Level::Error);
    }

    #[test]
    fn a_no_and_noise_are_warnings() {
        let nack = fate(&[client(0, frame(Dir::In, "nack", T1, 0))]);
        assert_eq!(nack, Some((Dir::In, Outcome::Nack, Level::Warning)));
        let noise = fate(&[client(0, malformed())]);
        assert_eq!(noise, Some((Dir::In, Outcome::Malformed, Level::Warning)));
    }

    #[test]
    fn noise_is_put_down_to_the_only_request_waiting_there() {
        let mut story = happy()[..5].to_vec();
        story.push(client(2000, malformed()));
        let about = about_last(&story);
        assert_eq!((about.ticket, about.device_id.as_deref()), (Some(T1), Some("D1")));
        assert_eq!(about.elapsed, Some(Duration::from_micros(1400)));
        story.insert(5, client(1500, frame(Dir::Out, "toggle", Ticket(2), 0)));
        assert_eq!(about_last(&story).ticket, None, "it could be either's");
    }

    #[test]
    fn a_second_attempt_is_not_timed_from_the_first_send() {
        let mut story = happy()[..5].to_vec();
        story.push(client(2000, failed(T1, 1, Stage::ReceiveTimeout, true)));
        story.push(client(3000, attempt(T1, 2)));
        assert_eq!(about_last(&story).after, Some(Stage::ReceiveTimeout));
        story.push(client(4000, failed(T1, 2, Stage::Closed, false)));
        assert_eq!(about_last(&story).elapsed, None);
    }

    #[test]
    fn the_device_side_of_the_same_request_is_kept_apart() {
        let device = |at, event| by("device", Role::Device, at, event);
        let mut story = happy()[..5].to_vec();
        story.push(device(1100, frame(Dir::In, "toggle", T1, 0)));
        assert_eq!(about_last(&story).elapsed, None);
        story.push(device(1200, frame(Dir::Out, "ack", T1, 7)));
        story.push(device(9000, frame(Dir::In, "toggle", T1, 0)));
        assert_eq!(about_last(&story).elapsed, None);
        story.push(client(3100, frame(Dir::In, "ack", T1, 0)));
        assert_eq!(about_last(&story).elapsed, Some(Duration::from_micros(2500)));
    }

    #[test]
    fn a_device_remembers_whom_a_request_named() {
        let mut asked = frame(Dir::In, "toggle", T1, 0);
        if let Event::Frame { device_id, .. } = &mut asked {
            *device_id = Some("D1".into());
        }
        let answered = by("device", Role::Device, 2, frame(Dir::Out, "ack", T1, 0));
        let story = [by("device", Role::Device, 1, asked), answered];
        assert_eq!(about_last(&story).device_id.as_deref(), Some("D1"));
    }

    #[test]
    fn memory_is_bounded_and_a_request_done_is_forgotten() {
        let mut packets = Packets::default();
        for n in 0..10_000 {
            packets.read(&client(0, submitted(Ticket(n), "D1")));
        }
        assert_eq!(packets.requests.len(), REMEMBERED.get());
        packets.read(&client(0, done(Ticket(9_999), None)));
        assert_eq!(packets.requests.len(), REMEMBERED.get() - 1);
    }
}
