//! The one-word names that scenario files use for facts: the same words evidence files use.
use net::Event;
use proto::{CloseReason, Fact};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An event's name.
pub fn event(event: &Event) -> &'static str {
    match event {
        Event::Listening { .. } => "listening",
        Event::Deaf => "deaf",
        Event::ListenFailed { .. } => "listen_failed",
        Event::Submitted { .. } => "submitted",
        Event::Attempt { .. } => "attempt",
        Event::Connecting { .. } => "connecting",
        Event::ConnectFailed { .. } => "connect_failed",
        Event::Opened { .. } => "opened",
        Event::Sent { .. } => "sent",
        Event::Received { .. } => "received",
        Event::Frame { .. } => "frame",
        Event::Ready { .. } => "ready",
        Event::Fact { .. } => "fact",
        Event::Push { .. } => "push",
        Event::Eof { .. } => "eof",
        Event::Closed { .. } => "closed",
        Event::AttemptFailed { .. } => "attempt_failed",
        Event::Proved { .. } => "proved",
        Event::Lost { .. } => "lost",
        Event::Reached { .. } => "reached",
        Event::Pulse { .. } => "pulse",
        Event::Intake { .. } => "intake",
        Event::Resent { .. } => "resent",
        Event::Breaker { .. } => "breaker",
        Event::Told { .. } => "told",
        Event::Done { .. } => "done",
        Event::Step { .. } => "step",
        Event::StepFailed { .. } => "step_failed",
        Event::Armed { .. } => "armed",
        Event::Joined { .. } => "joined",
        Event::Struck { .. } => "struck",
        Event::Lifted { .. } => "lifted",
        Event::Ended { .. } => "ended",
    }
}

/// A fact's name.
pub fn fact(fact: &Fact) -> &'static str {
    match fact {
        Fact::Applied { .. } => "applied",
        Fact::Duplicate { .. } => "duplicate",
        Fact::Forgot { .. } => "forgot",
        Fact::Quirk { .. } => "quirk",
        Fact::Malformed { .. } => "malformed",
        Fact::Orphan { .. } => "orphan",
        Fact::Odd { .. } => "odd",
    }
}

/// The name of a connection's end.
pub fn close(reason: &CloseReason) -> &'static str {
    match reason {
        CloseReason::Peer => "peer",
        CloseReason::Reset => "reset",
        CloseReason::TimedOut(_) => "timed_out",
        CloseReason::Misbehaved(_) => "misbehaved",
        CloseReason::Timer(_) => "timer",
        CloseReason::Refused(_) => "refused",
        CloseReason::Left(_) => "left",
        CloseReason::Failed(_) => "failed",
        CloseReason::Local => "local",
        CloseReason::Abort => "abort",
    }
}

/// What is wrong with `word` as the name of an event, and which names there are.
pub fn not_an_event(word: &str) -> Option<String> {
    unknown_variant::<Event>(serde_json::json!({ "event": word }))
}

/// What is wrong with `word` as the name of a fact, and which names there are.
pub fn not_a_fact(word: &str) -> Option<String> {
    unknown_variant::<Fact>(serde_json::json!({ "fact": word }))
}

/// What is wrong with `word` as the name of a connection's end, and which names there are.
pub fn not_a_close(word: &str) -> Option<String> {
    unknown_variant::<CloseReason>(word.into())
}

/// Evidence files are read by serde, so serde knows every name there is.
fn unknown_variant<T: DeserializeOwned>(value: Value) -> Option<String> {
    let problem = serde_json::from_value::<T>(value).err()?.to_string();
    problem.starts_with("unknown variant").then_some(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_evidence_files() {
        let ended = Event::Ended { tasks_left: 0 };
        assert_eq!(serde_json::to_value(&ended).unwrap()["event"], event(&ended));
        let orphan = Fact::Orphan { ticket: proto::Ticket(1) };
        assert_eq!(serde_json::to_value(&orphan).unwrap()["fact"], fact(&orphan));
        assert_eq!(serde_json::to_value(CloseReason::Abort).unwrap(), close(&CloseReason::Abort));
        assert_eq!(not_an_event("attempt_failed"), None);
        assert_eq!(not_an_event("frame"), None, "a known name with fields missing is known");
        assert_eq!(not_a_fact("malformed"), None);
        assert_eq!(not_a_close("timed_out"), None);
    }

    #[test]
    fn an_unknown_word_comes_with_the_known_ones() {
        assert!(not_an_event("banana").unwrap().contains("attempt_failed"));
        assert!(not_a_fact("banana").unwrap().contains("malformed"));
        assert!(not_a_close("banana").unwrap().contains("timed_out"));
    }
}
