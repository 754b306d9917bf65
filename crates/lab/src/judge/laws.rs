//! What holds for every run, whatever the scenario. One function each.
use std::time::Duration;

use net::record::Role;
use proto::Delivery;

use super::{
    Finding,
    index::{Done, Index, Request, Sent},
};

const ONE_ANSWER: &str = "law 1: one answer";
const OK_MEANS_SEEN: &str = "law 2: ok means seen";
const NO_WORDS_BEFORE_READY: &str = "law 3: no words before the handshake";
const VERIFIED_MEANS_ANSWERED: &str = "law 4: verified means answered";
const ONCE_IS_ONCE: &str = "law 5: once is once";
pub(super) const THE_FAULT_FIRED: &str = "law 6: the fault fired";
const CLEAN_END: &str = "law 7: clean end";

/// Whoever claims that something survived has watched it for longer than this.
const WAITED: Duration = Duration::from_millis(1);
/// So many requests are named one by one.
const NOTES: usize = 10;

/// Every way in which the record breaks a law, or cannot show that it does not.
pub(super) fn broken(index: &Index) -> Vec<Finding> {
    let laws = [
        one_answer,
        ok_means_seen,
        no_words_before_the_handshake,
        verified_means_answered,
        once_is_once,
        the_fault_fired,
        clean_end,
    ];
    laws.iter().flat_map(|law| law(index)).collect()
}

/// What the record cannot show, though nothing is wrong with it.
pub(super) fn notes(index: &Index) -> Vec<String> {
    let mut verified = index.requests.values().flat_map(|r| &r.done);
    let unseen = !index.has_device && verified.any(|d| d.ok >= Some(Delivery::Survived));
    if unseen {
        return vec!["client-side evidence only: no device wrote a record".into()];
    }
    let unsure = [Some(Delivery::Survived), Some(Delivery::Replied)];
    let lost = index.requests.iter().filter_map(|(ticket, request)| {
        let read = request.sent.iter().any(|sent| index.read_at(sent).is_some());
        let done = request.done.iter().find(|done| unsure.contains(&done.ok))?;
        let fault = lost_on_the_wire(index, request, done).filter(|_| !read)?;
        request.arrived.is_empty().then(|| {
            format!(
                "request {ticket} ended well and was lost on the wire by `{fault}`: without an \
                 answer that names it nobody can tell"
            )
        })
    });
    lost.take(NOTES).collect()
}

/// The fault that took this request from the wire, after its sender's peer had it. That is no excuse
/// for who claims a success at once, without having waited for anything.
fn lost_on_the_wire<'a>(
    index: &Index<'a>,
    request: &Request<'_>,
    done: &Done<'_>,
) -> Option<&'a str> {
    let waited = |sent: &&Sent<'_>| done.at - sent.at >= WAITED;
    request.sent.iter().filter(waited).find_map(|sent| index.taken_by(sent))
}

/// Every request has exactly one outcome.
fn one_answer(index: &Index) -> Vec<Finding> {
    let mut found = Vec::new();
    for (ticket, request) in &index.requests {
        let done: Vec<u64> = request.done.iter().map(|d| d.seq).collect();
        let text = match (request.submitted.len(), done.len()) {
            (0, 0) | (1, 1) => continue,
            // A run cut short may still have had it coming; the last law says so.
            (1, 0) if index.ended.is_none() => continue,
            (1, 0) => format!("request {ticket} never ended"),
            (0, _) => format!("request {ticket} ended without being submitted"),
            (1, n) => format!("request {ticket} ended {n} times"),
            (n, _) => format!("request {ticket} was submitted {n} times"),
        };
        found.push(Finding::fail(ONE_ANSWER, text, request.submitted.iter().copied().chain(done)));
    }
    found
}

/// From `survived` up, a device received the request; from `replied` up, the client its answer.
/// Requests without a name on the wire are followed by their bytes.
fn ok_means_seen(index: &Index) -> Vec<Finding> {
    let mut found = Vec::new();
    for (ticket, request) in &index.requests {
        for done in &request.done {
            let Some(delivery) = done.ok else { continue };
            let read = request.sent.iter().filter_map(|sent| index.read_at(sent));
            // That it was not lost may show later; that it was answered may not.
            let arrived = request
                .arrived
                .iter()
                .copied()
                .chain(read)
                .any(|seq| seq < done.seq || delivery == Delivery::Survived);
            // An answer that names nothing may answer what a fault made of the request.
            let lost =
                delivery <= Delivery::Replied && lost_on_the_wire(index, request, done).is_some();
            if index.has_device && delivery >= Delivery::Survived && !arrived && !lost {
                let text =
                    format!("request {ticket} ended `{delivery}`, but no device received it");
                found.push(Finding::fail(OK_MEANS_SEEN, text, [done.seq]));
            }
            let mut answers = request.answered.iter();
            let answered = answers.any(|(node, seq)| *node == done.client && *seq < done.seq);
            if delivery >= Delivery::Replied && !answered {
                let text = format!("request {ticket} ended `{delivery}` without an answer to it");
                found.push(Finding::fail(OK_MEANS_SEEN, text, [done.seq]));
            }
        }
    }
    found
}

/// No request's frame leaves on a connection that is not ready.
fn no_words_before_the_handshake(index: &Index) -> Vec<Finding> {
    let clients = index.conns.iter().filter(|c| c.role == Role::Client);
    let early = clients.filter_map(|c| {
        let spoke = c.spoke.filter(|spoke| c.ready.is_none_or(|ready| ready > *spoke))?;
        let text = format!("{} sent a request before connection {} was ready", c.node, c.number);
        Some(Finding::fail(NO_WORDS_BEFORE_READY, text, [spoke].into_iter().chain(c.ready)))
    });
    early.collect()
}

/// `replied` and above only after bytes came in on a connection that had carried the request.
fn verified_means_answered(index: &Index) -> Vec<Finding> {
    let mut found = Vec::new();
    for (ticket, request) in &index.requests {
        for done in request.done.iter().filter(|d| d.ok >= Some(Delivery::Replied)) {
            let heard = request.sent.iter().any(|sent| {
                let conn = &index.conns[sent.conn];
                let next = conn.received.partition_point(|(seq, _)| *seq < sent.seq);
                let next = conn.received.get(next);
                conn.node == done.client && next.is_some_and(|(seq, _)| *seq < done.seq)
            });
            if !heard {
                let text =
                    format!("request {ticket} ended well, but nothing came in after it left");
                let sent = request.sent.iter().map(|sent| sent.seq);
                found.push(Finding::fail(VERIFIED_MEANS_ANSWERED, text, sent.chain([done.seq])));
            }
        }
    }
    found
}

/// A device does one request at most once, however often it arrives.
fn once_is_once(index: &Index) -> Vec<Finding> {
    let mut found = Vec::new();
    for (ticket, request) in &index.requests {
        let mut applied = request.applied.clone();
        applied.sort_unstable();
        for same in applied.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
            let text = format!("{} did request {ticket} {} times", same[0].0, same.len());
            found.push(Finding::fail(ONCE_IS_ONCE, text, same.iter().map(|(_, seq)| *seq)));
        }
    }
    found
}

/// Every quirk that was armed showed afterwards. If not, the run tested something else.
fn the_fault_fired(index: &Index) -> Vec<Finding> {
    let armed = index.armed.iter().filter(|armed| armed.mode() != "success");
    let silent = armed.filter(|armed| index.showed(armed).is_none());
    let armed = silent.map(|armed| {
        let text = format!("`{}` was armed at {} and never showed", armed.quirk, armed.device);
        Finding::inconclusive(THE_FAULT_FIRED, text, [armed.seq])
    });
    armed.collect()
}

/// Every connection opened is closed; no task outlives the run.
fn clean_end(index: &Index) -> Vec<Finding> {
    let Some((ended, tasks_left)) = index.ended else {
        return vec![Finding::inconclusive(CLEAN_END, "the run was cut short", [])];
    };
    let left = index.conns.iter().filter(|c| c.closed.is_none()).filter_map(|c| {
        let text = format!("{} never closed its connection {}", c.node, c.number);
        Some(Finding::fail(CLEAN_END, text, [c.opened?]))
    });
    let mut found: Vec<Finding> = left.collect();
    if tasks_left > 0 {
        let text = format!("{tasks_left} tasks outlived the run");
        found.push(Finding::fail(CLEAN_END, text, [ended]));
    }
    found
}

#[cfg(test)]
mod tests;
