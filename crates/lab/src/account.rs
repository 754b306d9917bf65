//! What became of a client's requests, counted from its record: confirmed, lost, and what may have
//! arrived twice. A request is called by its number in the order of submission, from 1.
use std::{collections::BTreeMap, fmt};

use net::{Dir, Event, Record, Role, Sink, record::End};
use proto::{Delivery, Stage, Ticket};
use serde::Serialize;

/// The account of one client. A fold: feed it the record, or attach it.
#[derive(Clone, Debug, Default)]
pub struct Account {
    submitted: u64,
    entries: BTreeMap<Ticket, Entry>,
    statement: Statement,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    number: u64,
    sent: u32,
    ambiguous: bool,
}

/// The figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Requests taken on.
    pub submitted: u64,
    /// How many got how far.
    pub confirmed: BTreeMap<Delivery, u64>,
    /// Replaced by a newer state before they were sent, which is what was asked for.
    pub superseded: u64,
    /// Never confirmed, by number. They may have arrived all the same.
    pub lost: Vec<Range>,
    /// Sent, and nobody knows what became of that sending, by number; then sent again.
    pub ambiguous: Vec<Range>,
    /// Sendings beyond the first: so many duplicates the device may have seen.
    pub resent: u64,
    /// Not at their end yet.
    pub open: u64,
}

/// Numbers without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
}

impl Account {
    /// The account of the clients in this record.
    pub fn of(records: &[Record]) -> Self {
        let mut account = Self::default();
        records.iter().for_each(|record| account.take(record));
        account
    }
    /// The figures so far.
    pub fn statement(&self) -> Statement {
        let open = self.entries.len() as u64;
        Statement { submitted: self.submitted, open, ..self.statement.clone() }
    }
    fn end(&mut self, ticket: Ticket, end: &End) {
        let Some(entry) = self.entries.remove(&ticket) else { return };
        let Entry { number, sent, ambiguous } = entry;
        let figures = &mut self.statement;
        if ambiguous && sent > 1 {
            note(&mut figures.ambiguous, number);
        }
        match end {
            End::Ok { delivery, .. } => *figures.confirmed.entry(*delivery).or_default() += 1,
            End::Failed { stage: Stage::Superseded, .. } => figures.superseded += 1,
            End::Failed { .. } => note(&mut figures.lost, number),
        }
    }
}

impl Sink for Account {
    fn take(&mut self, record: &Record) {
        if record.role != Role::Client {
            return;
        }
        match &record.event {
            Event::Submitted { ticket, .. } => {
                self.submitted += 1;
                let entry = Entry { number: self.submitted, ..Entry::default() };
                self.entries.insert(*ticket, entry);
            }
            Event::Frame { dir: Dir::Out, ticket: Some(ticket), .. } => {
                let first = self.entries.get_mut(ticket).is_some_and(|entry| {
                    entry.sent += 1;
                    entry.sent == 1
                });
                self.statement.resent += u64::from(!first);
            }
            Event::AttemptFailed { ticket, .. } => {
                if let Some(entry) = self.entries.get_mut(ticket) {
                    entry.ambiguous |= entry.sent > 0;
                }
            }
            Event::Done { ticket, end, .. } => self.end(*ticket, end),
            Event::Frame { .. }
            | Event::Listening { .. }
            | Event::Deaf
            | Event::ListenFailed { .. }
            | Event::Attempt { .. }
            | Event::Connecting { .. }
            | Event::ConnectFailed { .. }
            | Event::Opened { .. }
            | Event::Sent { .. }
            | Event::Received { .. }
            | Event::Ready { .. }
            | Event::Fact { .. }
            | Event::Push { .. }
            | Event::Eof { .. }
            | Event::Closed { .. }
            | Event::Proved { .. }
            | Event::Lost { .. }
            | Event::Reached { .. }
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
            | Event::Ended { .. } => {}
        }
    }
}

/// Adds a number; most come in order.
fn note(ranges: &mut Vec<Range>, number: u64) {
    match ranges.last_mut() {
        Some(last) if last.to + 1 == number => last.to = number,
        _ => ranges.push(Range { from: number, to: number }),
    }
}

impl Statement {
    /// Nothing is missing, and nothing still open.
    pub fn is_whole(&self) -> bool {
        self.lost.is_empty() && self.open == 0
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |ranges: &[Range]| ranges.iter().map(|r| r.to - r.from + 1).sum::<u64>();
        write!(f, "{} submitted:", self.submitted)?;
        for (level, n) in &self.confirmed {
            write!(f, " {n} {level},")?;
        }
        write!(f, " {} superseded, {} open", self.superseded, self.open)?;
        if !self.ambiguous.is_empty() {
            write!(f, "; {} ambiguous, re-sent", Ranges(&self.ambiguous))?;
        }
        let lost = count(&self.lost);
        write!(f, "; {lost} lost")?;
        if lost > 0 {
            write!(f, " ({})", Ranges(&self.lost))?;
        }
        let s = if self.resent == 1 { "" } else { "s" };
        write!(f, ", {} duplicate{s} at most", self.resent)
    }
}

struct Ranges<'a>(&'a [Range]);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Range { from, to }) in self.0.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            if from == to {
                write!(f, "{comma}#{from}")?
            } else {
                write!(f, "{comma}#{from}-{to}")?
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn play(events: Vec<Event>) -> Statement {
        let record = |event| Record {
            seq: 0,
            at: proto::Time::default(),
            node: "c".into(),
            role: Role::Client,
            line: 0,
            event,
        };
        Account::of(&events.into_iter().map(record).collect::<Vec<_>>()).statement()
    }
    fn submitted(n: u64) -> Event {
        Event::Submitted { ticket: Ticket(n), device_id: None }
    }
    fn sent(n: u64) -> Event {
        Event::Frame {
            conn: 1,
            dir: Dir::Out,
            kind: "bitmaps".into(),
            ticket: Some(Ticket(n)),
            msg_id: None,
            device_id: None,
            bytes: Bytes::new(),
            took_us: 0,
        }
    }
    fn failed(n: u64) -> Event {
        let (ticket, stage, detail) = (Ticket(n), Stage::Closed, String::new());
        Event::AttemptFailed { ticket, attempt: 1, stage, detail, retry_in_us: Some(1) }
    }
    fn done(n: u64, end: End) -> Event {
        Event::Done { ticket: Ticket(n), end, attempts: 1, elapsed_us: 1 }
    }
    fn survived(n: u64) -> Event {
        done(n, End::Ok { delivery: Delivery::Survived, reply: None })
    }
    fn lost(n: u64, stage: Stage) -> Event {
        done(n, End::Failed { stage, detail: String::new() })
    }

    #[test]
    fn ambiguous_requests_and_their_duplicates_are_named() {
        let events = vec![
            submitted(1),
            sent(1),
            survived(1),
            submitted(2),
            sent(2),
            submitted(3),
            sent(3),
            failed(2),
            failed(3),
            sent(2),
            sent(3),
            survived(2),
            survived(3),
        ];
        let said = play(events).to_string();
        let wanted = "3 submitted: 3 survived, 0 superseded, 0 open; #2-3 ambiguous, re-sent; \
                      0 lost, 2 duplicates at most";
        assert_eq!(said, wanted);
    }

    #[test]
    fn a_loss_is_a_loss_and_a_superseded_state_is_none() {
        let events = vec![
            submitted(1),
            lost(1, Stage::Superseded),
            submitted(2),
            sent(2),
            lost(2, Stage::Reset),
            submitted(3),
        ];
        let statement = play(events);
        assert!(!statement.is_whole());
        assert!(statement.to_string().contains("1 superseded, 1 open; 1 lost (#2)"), "{statement}");
    }

    #[test]
    fn what_was_not_sent_again_is_not_called_so() {
        let given_up = vec![submitted(1), sent(1), failed(1), lost(1, Stage::Deadline)];
        let statement = play(given_up);
        assert!(statement.ambiguous.is_empty() && !statement.is_whole(), "{statement}");
    }

    #[test]
    fn a_state_sent_again_on_a_new_connection_may_be_a_duplicate() {
        assert_eq!(play(vec![submitted(1), sent(1), survived(1), sent(1)]).resent, 1);
    }
}
