//! How long answers took, by what was asked and by connection. Where both packets carry an id it finds
//! the answer, of several that carry the same the oldest; where none does, their order tells.
use std::collections::{BTreeMap, VecDeque};

use net::Flow;
use proto::Time;
use serde::Serialize;

use super::talk::{Moment, Packet, What};
use crate::{registry::AnyProtocol, report::stats::nearest_rank};

/// Questions of one kind that wait on a connection; older ones count as unanswered.
const MOST_WAITING: usize = 1024;

/// How long the answers of one kind took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Question and answer, such as `73 -> 7b`.
    pub exchange: &'static str,
    /// The connection, from 1; none for all of them together.
    pub connection: Option<usize>,
    /// Answers that came in time.
    pub count: usize,
    /// Questions without one.
    pub unanswered: usize,
    /// Answers without a question that waits for one.
    pub unasked: usize,
    /// How long they took.
    #[serde(flatten)]
    pub took: Option<Took>,
}

/// How long answers took, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Took {
    /// Half took no longer.
    pub p50_ms: f64,
    /// 90 of 100.
    pub p90_ms: f64,
    /// 95 of 100.
    pub p95_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// All.
    pub max_ms: f64,
}

impl Took {
    fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let max_ms = *sorted.last()?;
        let [p50_ms, p90_ms, p95_ms, p99_ms] =
            [500, 900, 950, 990].map(|p| nearest_rank(&sorted, p));
        Some(Self { p50_ms, p90_ms, p95_ms, p99_ms, max_ms })
    }
}

/// What exchanges of one kind came to on one connection.
#[derive(Default)]
struct Kind {
    /// Questions that wait, with their ids: who asked, and when.
    waiting: BTreeMap<(bool, Vec<u8>), VecDeque<Time>>,
    took_ms: Vec<f64>,
    unanswered: usize,
    unasked: usize,
}

/// How long answers took that came within `patience`: a row for each kind of exchange and one for each
/// connection it came about on.
pub fn rows(
    moments: &[Moment],
    protocol: &dyn AnyProtocol,
    patience: std::time::Duration,
) -> Vec<Row> {
    let mut kinds: BTreeMap<&'static str, BTreeMap<usize, Kind>> = BTreeMap::new();
    for Moment { at, conn, what, .. } in moments {
        let What::Packet(Packet { flow, bytes, cut: false, .. }) = what else { continue };
        for turn in protocol.turns(bytes) {
            let kind = kinds.entry(turn.exchange).or_default().entry(*conn).or_default();
            let id = turn.id.and_then(|at| bytes.get(at)).unwrap_or_default().to_vec();
            let up = *flow == Flow::Up;
            match turn.answers {
                false => kind.asked((up, id), *at),
                true => kind.answered((!up, id), *at, patience),
            }
        }
    }
    let mut rows = Vec::new();
    for (exchange, connections) in kinds {
        let mut all = Kind::default();
        let mut each = Vec::new();
        for (connection, mut kind) in connections {
            kind.give_up();
            all.took_ms.extend(&kind.took_ms);
            all.unanswered += kind.unanswered;
            all.unasked += kind.unasked;
            each.push(kind.row(exchange, Some(connection)));
        }
        rows.push(all.row(exchange, None));
        rows.extend(each);
    }
    rows
}

impl Kind {
    fn asked(&mut self, id: (bool, Vec<u8>), at: Time) {
        let waiting = self.waiting.entry(id).or_default();
        waiting.push_back(at);
        if waiting.len() > MOST_WAITING {
            waiting.pop_front();
            self.unanswered += 1;
        }
    }
    fn answered(&mut self, id: (bool, Vec<u8>), at: Time, patience: std::time::Duration) {
        let waiting = self.waiting.entry(id).or_default();
        while let Some(asked) = waiting.pop_front() {
            let took = at - asked;
            if took <= patience {
                self.took_ms.push(took.as_secs_f64() * 1000.0);
                return;
            }
            self.unanswered += 1;
        }
        self.unasked += 1;
    }
    fn give_up(&mut self) {
        self.unanswered += self.waiting.values().map(VecDeque::len).sum::<usize>();
        self.waiting.clear();
    }
    fn row(&self, exchange: &'static str, connection: Option<usize>) -> Row {
        let Self { waiting: _, took_ms, unanswered, unasked } = self;
        let (count, unanswered, unasked) = (took_ms.len(), *unanswered, *unasked);
        Row { exchange, connection, count, unanswered, unasked, took: Took::of(took_ms) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::registry::find;

    fn packet(at_ms: u64, conn: usize, flow: Flow, bytes: &[u8]) -> Moment {
        let bytes = Bytes::copy_from_slice(bytes);
        let packet = Packet { flow, offset: 0, bytes, coalesced: false, cut: false };
        Moment { at: Time::from_millis(at_ms), record: 0, conn, what: What::Packet(packet) }
    }
    fn report(at_ms: u64, conn: usize, id: u8) -> Moment {
        packet(at_ms, conn, Flow::Up, &[0x83, 0, 0, 0, 8, 1, 2, 3, 4, 0, id, 0, 0x7e])
    }
    fn heard(at_ms: u64, conn: usize, id: u8) -> Moment {
        packet(at_ms, conn, Flow::Down, &[0x88, 0, 0, 0, 3, 0, id, 0])
    }
    fn measured(moments: &[Moment]) -> Vec<Row> {
        rows(moments, find("cync").unwrap(), Duration::from_secs(10))
    }

    #[test]
    fn an_answer_is_found_by_its_id_whatever_the_order() {
        let rows = measured(&[
            report(0, 1, 1),
            report(10, 1, 2),
            heard(40, 1, 2),
            heard(100, 1, 1),
            // The same id on another connection, an answer to nothing, and a question without one.
            report(200, 2, 1),
            heard(205, 2, 1),
            heard(206, 2, 1),
            report(300, 2, 9),
        ]);
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                (row.connection, row.count, row.unanswered, row.unasked, row.took.unwrap().max_ms)
            })
            .collect();
        assert_eq!(
            told,
            [(None, 3, 1, 1, 100.0), (Some(1), 2, 0, 0, 100.0), (Some(2), 1, 1, 1, 5.0)]
        );
        let took = rows[0].took.unwrap();
        assert_eq!((took.p50_ms, took.p90_ms, took.p99_ms), (30.0, 100.0, 100.0));
    }

    #[test]
    fn where_the_id_is_the_same_or_there_is_none_the_order_tells() {
        let rows = measured(&[report(0, 1, 0), report(5, 1, 0), heard(20, 1, 0), heard(50, 1, 0)]);
        assert_eq!((rows[0].took.unwrap().p50_ms, rows[0].took.unwrap().max_ms), (20.0, 45.0));
        let ping = |at, flow, byte| packet(at, 1, flow, &[byte, 0, 0, 0, 0]);
        // The first was lost: what comes too late for it is the second's.
        let rows = measured(&[
            ping(0, Flow::Up, 0xd3),
            ping(21_000, Flow::Up, 0xd3),
            ping(21_040, Flow::Down, 0xd8),
        ]);
        assert_eq!((rows[0].count, rows[0].unanswered), (1, 1));
        assert_eq!(rows[0].took.unwrap().max_ms, 40.0);
    }

    #[test]
    fn what_one_asks_the_other_must_answer() {
        let rows =
            measured(&[report(0, 1, 1), packet(1, 1, Flow::Up, &[0x88, 0, 0, 0, 3, 0, 1, 0])]);
        assert_eq!((rows[0].count, rows[0].unanswered, rows[0].unasked), (0, 1, 1));
    }
}
