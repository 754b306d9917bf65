//! What the packet log calls each record, and how much it matters.
use std::borrow::Cow;

use proto::{
    CloseReason, Fact,
    resilience::{BreakerEvent, QueueEvent},
};

use crate::record::{End, Event, Level, packet::About};

/// What a line says: how much it matters, `event` and `message`.
pub(super) struct Words {
    pub(super) level: Level,
    pub(super) event: &'static str,
    pub(super) message: Cow<'static, str>,
}

/// The words for a record; none if an earlier line said it already.
pub(super) fn words(about: &About<'_>, event: &Event) -> Option<Words> {
    if let Some(packet) = &about.packet {
        let (direction, outcome) = (super::direction(packet.direction), packet.outcome.as_str());
        let message = format!("Packet tcp_packet {direction} {outcome}").into();
        return Some(Words { level: packet.level, event: "tcp_packet", message });
    }
    use Level::*;
    let (level, event, message) = match event {
        Event::Listening { .. } => (Info, "listening", "Taking connections"),
        Event::Deaf => (Info, "deaf", "Taking no more connections"),
        Event::ListenFailed { .. } => (Error, "listen_failed", "Cannot take connections again"),
        Event::Submitted { .. } => (Debug, "submitted", "Command submitted"),
        Event::Attempt { .. } => (Debug, "attempt", "Attempt begun"),
        Event::Connecting { .. } => (Debug, "connecting", "Connecting"),
        Event::ConnectFailed { .. } => (Warning, "connect_failed", "Connection failed"),
        Event::Opened { .. } => (Info, "opened", "Connection opened"),
        Event::Sent { .. } => (Debug, "sent", "Bytes sent"),
        Event::Received { .. } => (Debug, "received", "Bytes received"),
        Event::Frame { .. } => (Debug, "frame", "Frame passed"),
        Event::Ready { .. } => (Info, "ready", "Peer takes requests"),
        Event::Fact { fact, .. } => match fact {
            Fact::Applied { .. } => (Info, "fact", "Command applied"),
            Fact::Duplicate { .. } => (Info, "fact", "Repeated command not applied again"),
            Fact::Forgot { .. } => (Debug, "fact", "Commands of old forgotten"),
            Fact::Quirk { .. } => (Info, "fact", "Did wrong on purpose"),
            Fact::Malformed { .. } => (Warning, "fact", "Bytes that are no frame"),
            Fact::Orphan { .. } => (Warning, "fact", "Answer repeated"),
            Fact::Odd { .. } => (Warning, "fact", "Message out of place"),
        },
        Event::Push { .. } => (Info, "push", "Peer spoke unasked"),
        Event::Eof { .. } => (Debug, "eof", "Peer finished sending"),
        Event::Closed { reason, .. } => match reason {
            CloseReason::Peer | CloseReason::Left(_) | CloseReason::Local | CloseReason::Abort => {
                (Info, "closed", "Connection closed")
            }
            CloseReason::Reset
            | CloseReason::TimedOut(_)
            | CloseReason::Timer(_)
            | CloseReason::Refused(_)
            | CloseReason::Misbehaved(_)
            | CloseReason::Failed(_) => (Warning, "closed", "Connection lost"),
        },
        Event::AttemptFailed { stage, retry_in_us, .. } => match (stage, retry_in_us) {
            (proto::Stage::Nack | proto::Stage::Malformed, _) => return None,
            (_, Some(_)) => (Warning, "attempt_failed", "Attempt failed"),
            (_, None) => (Error, "attempt_failed", "Attempt failed"),
        },
        Event::Done { end: End::Ok { .. }, .. } => (Info, "done", "Command done"),
        Event::Done { end: End::Failed { .. }, .. } => (Error, "done", "Command failed"),
        Event::Proved { .. } => (Info, "proved", "Peer is really there"),
        Event::Lost { .. } => (Warning, "lost", "Kept connection lost"),
        Event::Reached { .. } => (Debug, "reached", "Command got further"),
        Event::Pulse { .. } => (Debug, "pulse", "Patience adapted"),
        Event::Intake { what, .. } => match what {
            QueueEvent::Put | QueueEvent::Taken => (Debug, "intake", "Somebody listens"),
            QueueEvent::Full => (Warning, "intake", "Nobody reads what came unasked"),
            QueueEvent::Dropped { .. } => (Warning, "intake", "What came unasked was dropped"),
            QueueEvent::Changed { .. } => (Warning, "intake", "Other rule for what nobody reads"),
        },
        Event::Resent { .. } => (Info, "resent", "Last state sent again"),
        Event::Breaker { what: BreakerEvent::Counted { .. } } => {
            (Warning, "breaker", "Failure counted")
        }
        Event::Breaker { what: BreakerEvent::Changed { .. } } => {
            (Warning, "breaker", "Circuit breaker changed")
        }
        Event::Told { .. } => (Info, "told", "Client told"),
        Event::Step { .. } => (Info, "step", "Scenario step"),
        Event::StepFailed { .. } => (Error, "step_failed", "Scenario step failed"),
        Event::Armed { .. } => (Info, "armed", "Device told to do wrong"),
        Event::Joined { .. } => (Info, "joined", "Connections joined"),
        Event::Struck { .. } => (Warning, "struck", "Fault struck"),
        Event::Lifted { .. } => (Info, "lifted", "Fault lifted"),
        Event::Ended { .. } => (Info, "ended", "Run over"),
    };
    Some(Words { level, event, message: message.into() })
}
