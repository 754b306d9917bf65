//! A scenario's own expectations, held against the record. One function each.
mod quality;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use net::{
    Dir, Event, Record, Sink,
    record::{End, Metrics},
};
use proto::{Fact, Span, Ticket, Time, session::hex};

use super::Finding;
use crate::run::TARGET;
use crate::{
    scenario::{
        Applied, Bytes, Closed, Connections, Duplicates, Elapsed, Ending, Expect, Frames, Gaps,
        Metric, Noted, Outcome, Packet, SameBytes, Scenario, Struck,
    },
    words,
};

/// What an expectation is held against.
struct Evidence<'a> {
    records: &'a [Record],
    /// How far beyond an upper bound a time may lie.
    slack: Duration,
}

/// What was wanted and seen, and the records that show it.
type Judged = Result<(), (String, Vec<u64>)>;

/// Every expectation that the record does not meet.
pub(super) fn unmet(scenario: &Scenario, world: &str, records: &[Record]) -> Vec<Finding> {
    let evidence = Evidence { records, slack: slack(world) };
    let mut found = Vec::new();
    for (n, expect) in scenario.expects.iter().enumerate() {
        if world == TARGET && scenario.asks_the_device(expect.get_ref()) {
            continue;
        }
        if let Err((text, records)) = evidence.judge(expect.get_ref()) {
            let rule = format!("expect[{n}] {}", expect.get_ref().word());
            found.push(Finding::fail(rule, text, records));
        }
    }
    found
}

/// A real machine may be busy elsewhere; virtual time only rounds up.
fn slack(world: &str) -> Duration {
    Duration::from_millis(if matches!(world, "tcp" | TARGET) { 1000 } else { 2 })
}

impl<'a> Evidence<'a> {
    fn judge(&self, expect: &Expect) -> Judged {
        match expect {
            Expect::Outcome(e) => self.outcome(e),
            Expect::Connections(e) => self.connections(e),
            Expect::Frames(e) => self.frames(e),
            Expect::Packet(e) => self.packet(e),
            Expect::Bytes(e) => self.bytes(e),
            Expect::SameBytes(e) => self.same_bytes(e),
            Expect::Applied(e) => self.applied(e),
            Expect::Duplicates(e) => self.duplicates(e),
            Expect::Gaps(e) => self.gaps(e),
            Expect::Elapsed(e) => self.elapsed(e),
            Expect::Quality(e) => self.quality(e),
            Expect::Closed(e) => self.closed(e),
            Expect::Fact(e) => self.noted(e),
            Expect::Struck(e) => self.struck(e),
            Expect::Metric(e) => metric(e, &|series| self.metric(series)),
        }
    }

    fn at<'b>(&'b self, node: &'b str) -> impl Iterator<Item = &'a Record> + 'b {
        self.records.iter().filter(move |r| &*r.node == node)
    }

    fn outcome(&self, Outcome { client, is, delivery, attempts, times }: &Outcome) -> Judged {
        let (mut like, mut unlike) = (Vec::new(), Vec::new());
        let mut seen = Vec::new();
        for record in self.at(client.get_ref()) {
            let Event::Done { end, attempts: made, .. } = &record.event else { continue };
            let (ending, reached) = match end {
                End::Ok { delivery, .. } => (Ending::Ok, Some(*delivery)),
                End::Failed { stage, .. } => (Ending::Failed(*stage), None),
            };
            let fits = ending == *is
                && (delivery.is_none() || *delivery == reached)
                && attempts.is_none_or(|wanted| wanted == *made);
            if fits { &mut like } else { &mut unlike }.push(record.seq);
            seen.push(match end {
                End::Ok { delivery, .. } => format!("ok ({delivery}) in {made}"),
                End::Failed { stage, detail } => format!("{stage} in {made} ({detail})"),
            });
        }
        let met = match times {
            Some(times) => like.len() == *times,
            None => !like.is_empty() && unlike.is_empty(),
        };
        let wanted = [
            times.map(|n| format!("{n} times")),
            Some(is.to_string()),
            delivery.map(|d| format!("({d})")),
            attempts.map(|n| format!("in {n} attempts")),
        ];
        let wanted: Vec<String> = wanted.into_iter().flatten().collect();
        let text = format!("wanted {}; {client} had {}", wanted.join(" "), tally(&seen));
        unless(met, text, if times.is_some() { like } else { unlike })
    }

    fn connections(&self, Connections { device, count }: &Connections) -> Judged {
        // What a proxy dialled itself, it did not accept.
        let mut dialled = BTreeSet::new();
        let opened = self.seqs(device.get_ref(), |e| match e {
            Event::Connecting { conn, .. } => {
                dialled.insert(*conn);
                false
            }
            Event::Opened { conn, .. } => !dialled.contains(conn),
            _ => false,
        });
        let text = format!("wanted {count} connections at {device}, saw {}", opened.len());
        unless(opened.len() == *count, text, opened)
    }

    fn frames(&self, Frames { node, dir, kind, count }: &Frames) -> Judged {
        let seen = self.seqs(node.get_ref(), |e| match e {
            Event::Frame { dir: went, kind: is, .. } => {
                went == dir && kind.as_ref().is_none_or(|kind| kind == is)
            }
            _ => false,
        });
        let what = kind.as_deref().unwrap_or("any");
        let way = if *dir == Dir::In { "received" } else { "sent" };
        let text = format!("wanted {count} frames ({what}) {way} by {node}, saw {}", seen.len());
        unless(seen.len() == *count, text, seen)
    }

    fn packet(&self, Packet { node, nth, len, prefix, payload }: &Packet) -> Judged {
        let mut frames = self.at(node.get_ref()).filter_map(inbound);
        let Some(frame) = frames.nth(*nth as usize - 1) else {
            return Err((format!("{node} received no frame {nth}"), vec![]));
        };
        let mut wrong = Vec::new();
        if let Some(len) = len.filter(|len| *len != frame.bytes.len()) {
            wrong.push(format!("wanted {len} bytes, saw {}", frame.bytes.len()));
        }
        let (start, end) = match (prefix, payload) {
            (Some(prefix), Some(_)) => frame.bytes.split_at(prefix.0.len().min(frame.bytes.len())),
            _ => (frame.bytes, frame.bytes),
        };
        if let Some(prefix) = prefix.as_ref().filter(|prefix| !start.starts_with(&prefix.0)) {
            let start = hex::encode(&start[..start.len().min(prefix.0.len())]);
            wrong.push(format!("wanted it to begin {prefix:?}, saw {start}"));
        }
        let payload = payload.as_ref().map(|p| p.replace("{msg_id}", &frame.msg_id));
        if let Some(payload) = payload.filter(|payload| match prefix {
            Some(_) => end != payload.as_bytes(),
            None => !end.ends_with(payload.as_bytes()),
        }) {
            let end = String::from_utf8_lossy(end);
            wrong.push(format!("wanted `{payload}`, saw `{}`", end.escape_debug()));
        }
        unless(
            wrong.is_empty(),
            format!("frame {nth} at {node}: {}", wrong.join("; ")),
            [frame.seq],
        )
    }

    fn bytes(&self, Bytes { device, conn, hex: wanted }: &Bytes) -> Judged {
        let (mut opened, mut read, mut seqs) = (None, Vec::new(), Vec::new());
        for record in self.at(device.get_ref()) {
            match &record.event {
                Event::Opened { conn: number, .. } if number == conn => opened = Some(record.seq),
                Event::Received { conn: number, bytes } if number == conn => {
                    read.extend_from_slice(bytes);
                    seqs.push(record.seq);
                }
                _ => {}
            }
        }
        let Some(opened) = opened else {
            return Err((format!("{device} accepted no connection {conn}"), vec![]));
        };
        let alike = read.iter().zip(&wanted.0).take_while(|(is, must)| is == must).count();
        let shown = |bytes: &[u8]| hex::encode(&bytes[alike..bytes.len().min(alike + 16)]);
        let text = format!(
            "wanted {} bytes on connection {conn} of {device}, saw {}; after the first {alike}, \
             wanted [{}], saw [{}]",
            wanted.0.len(),
            read.len(),
            shown(&wanted.0),
            shown(&read),
        );
        unless(read == wanted.0, text, [opened].into_iter().chain(seqs))
    }

    fn same_bytes(&self, SameBytes { node, kind, count }: &SameBytes) -> Judged {
        let frames = self.at(node.get_ref()).filter_map(inbound).filter(|f| f.kind == kind);
        let frames: Vec<_> = frames.collect();
        let differing = frames.iter().filter(|f| f.bytes != frames[0].bytes).count();
        let text = format!(
            "wanted {count} identical frames ({kind}) at {node}, saw {}, {differing} of them unlike the first",
            frames.len(),
        );
        let met = frames.len() == *count && differing == 0;
        unless(met, text, frames.iter().map(|f| f.seq))
    }

    fn applied(&self, Applied { device, device_id, times, state }: &Applied) -> Judged {
        let (mut done, mut last) = (Vec::new(), None);
        for record in self.at(device.get_ref()) {
            if let Event::Fact { fact: Fact::Applied { device_id: id, state, .. }, .. } =
                &record.event
                && **id == **device_id
            {
                done.push(record.seq);
                last = Some(state.as_ref());
            }
        }
        if done.len() != *times {
            let text =
                format!("wanted {device_id} set {times} times at {device}, saw {}", done.len());
            return Err((text, done));
        }
        let wanted = state.as_deref();
        let text = format!(
            "wanted {device_id} to end `{}` at {device}, saw `{}`",
            wanted.unwrap_or_default(),
            last.unwrap_or("never set")
        );
        unless(wanted.is_none() || wanted == last, text, done.last().copied())
    }

    fn duplicates(&self, Duplicates { device, count }: &Duplicates) -> Judged {
        let seen = self.seqs(device.get_ref(), |e| {
            matches!(e, Event::Fact { fact: Fact::Duplicate { .. }, .. })
        });
        let text = format!("wanted {count} duplicates at {device}, saw {}", seen.len());
        unless(seen.len() == *count, text, seen)
    }

    fn gaps(&self, Gaps { client, between }: &Gaps) -> Judged {
        let mut failed: BTreeMap<Ticket, (Time, u64)> = BTreeMap::new();
        let mut gaps: Vec<(Duration, u64, u64)> = Vec::new();
        for record in self.at(client.get_ref()) {
            match &record.event {
                Event::AttemptFailed { ticket, .. } => {
                    failed.insert(*ticket, (record.at, record.seq));
                }
                Event::Attempt { ticket, .. } => {
                    let gap =
                        failed.remove(ticket).map(|(at, seq)| (record.at - at, seq, record.seq));
                    gaps.extend(gap);
                }
                _ => {}
            }
        }
        let fits = |((gap, ..), (min, max)): (&(Duration, u64, u64), &(Span, Span))| {
            min.0 <= *gap && *gap <= max.0 + self.slack
        };
        let met = gaps.len() == between.len() && gaps.iter().zip(between).all(fits);
        let wanted: Vec<_> = between.iter().map(|(min, max)| format!("{min} to {max}")).collect();
        let seen: Vec<_> = gaps.iter().map(|(gap, ..)| format!("{gap:?}")).collect();
        let text = format!("wanted gaps of [{}], saw [{}]", wanted.join(", "), seen.join(", "));
        unless(met, text, gaps.into_iter().flat_map(|(_, from, to)| [from, to]))
    }

    fn elapsed(&self, Elapsed { client, min, max }: &Elapsed) -> Judged {
        let mut any = false;
        for record in self.at(client.get_ref()) {
            let Event::Done { elapsed_us, .. } = record.event else { continue };
            any = true;
            let took = Duration::from_micros(elapsed_us);
            if let Some(min) = min.filter(|min| took < min.0) {
                return Err((format!("wanted at least {min}, took {took:?}"), vec![record.seq]));
            }
            if let Some(max) = max.filter(|max| took > max.0 + self.slack) {
                return Err((format!("wanted at most {max}, took {took:?}"), vec![record.seq]));
            }
        }
        unless(any, format!("{client} finished no request"), [])
    }

    fn closed(&self, Closed { node, reason }: &Closed) -> Judged {
        let ends = self.at(node.get_ref()).filter_map(|r| match &r.event {
            Event::Closed { reason, .. } => Some((words::close(reason), r.seq)),
            _ => None,
        });
        let (ends, seqs): (Vec<_>, Vec<_>) = ends.unzip();
        let text = format!("wanted a connection to end `{reason}` at {node}, saw {}", tally(&ends));
        unless(ends.contains(&reason.get_ref().as_str()), text, seqs)
    }

    fn noted(&self, Noted { node, fact, reason, name, count }: &Noted) -> Judged {
        let seen = self.seqs(node.get_ref(), |e| {
            let Event::Fact { fact: is, .. } = e else { return false };
            let (why, which) = match is {
                Fact::Malformed { reason, .. } => (Some(&**reason), None),
                Fact::Quirk { name, .. } => (None, Some(&**name)),
                Fact::Odd { what, .. } => (Some(&**what), None),
                Fact::Applied { .. }
                | Fact::Duplicate { .. }
                | Fact::Forgot { .. }
                | Fact::Orphan { .. } => (None, None),
            };
            words::fact(is) == fact.get_ref()
                && (reason.is_none() || reason.as_deref() == why)
                && (name.is_none() || name.as_deref() == which)
        });
        let wanted = count.map_or("any".into(), |n| n.to_string());
        let which = reason.as_deref().or(name.as_deref()).unwrap_or_default();
        let text = format!("wanted {wanted} `{fact} {which}` noted at {node}, saw {}", seen.len());
        unless(count.map_or(!seen.is_empty(), |n| n == seen.len()), text, seen)
    }

    /// What the metrics say at the end of the run.
    fn metric(&self, series: &str) -> Option<f64> {
        let mut metrics = Metrics::new();
        for record in self.records {
            metrics.take(record);
        }
        metrics.value(series)
    }

    fn struck(&self, Struck { proxy, fault, at_least }: &Struck) -> Judged {
        let seen = self.seqs(proxy.get_ref(), |e| {
            let Event::Struck { fault: is, .. } = e else { return false };
            let named = |wanted: &String| is.split(' ').next() == Some(wanted) || **is == **wanted;
            fault.as_ref().is_none_or(named)
        });
        let what = fault.as_deref().unwrap_or("any fault");
        let text =
            format!("wanted {what} to strike {at_least} times at {proxy}, saw {}", seen.len());
        unless(seen.len() >= *at_least, text, seen)
    }

    fn seqs(&self, node: &str, mut wanted: impl FnMut(&Event) -> bool) -> Vec<u64> {
        self.at(node).filter(|r| wanted(&r.event)).map(|r| r.seq).collect()
    }
}

/// A metric stands where it should, as `value` reads it.
fn metric(
    Metric { series, value: wanted }: &Metric,
    value: &dyn Fn(&str) -> Option<f64>,
) -> Judged {
    match value(series) {
        Some(seen) if (seen - wanted).abs() < 1e-9 => Ok(()),
        Some(seen) => Err((format!("wanted {series} at {wanted}, it is {seen}"), vec![])),
        None => Err((format!("wanted {series} at {wanted}, there is no such series"), vec![])),
    }
}

/// A frame a node received.
struct Inbound<'a> {
    seq: u64,
    kind: &'a str,
    /// Its id as the wire spells it.
    msg_id: String,
    bytes: &'a [u8],
}

fn inbound(record: &Record) -> Option<Inbound<'_>> {
    let Event::Frame { dir: Dir::In, kind, ticket, msg_id, bytes, .. } = &record.event else {
        return None;
    };
    let wire = msg_id.as_deref().map(str::to_owned);
    let msg_id = wire.or_else(|| ticket.map(|t| t.to_string())).unwrap_or_default();
    Some(Inbound { seq: record.seq, kind, msg_id, bytes })
}

/// Met, or the reason why not with at most ten records that show it.
fn unless(met: bool, text: String, shown_by: impl IntoIterator<Item = u64>) -> Judged {
    if met { Ok(()) } else { Err((text, shown_by.into_iter().take(10).collect())) }
}

/// `2 x peer, 1 x reset`, or `none`.
fn tally<T: AsRef<str>>(seen: &[T]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in seen {
        *counts.entry(one.as_ref()).or_default() += 1;
    }
    let parts: Vec<_> = counts.iter().map(|(what, n)| format!("{n} x {what}")).collect();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests;
