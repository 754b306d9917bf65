//! Messages that only ask whether somebody is there, and what only answers them. It says nothing of when
//! they are due: that is each protocol's own.
use crate::{CloseReason, cync, hsms::SType};

/// The part a message has in a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// It asks.
    Asks,
    /// It answers.
    Answers,
}

impl Beat {
    /// That of a message of this kind, as evidence calls it; none if it is about something else.
    ///
    /// A `ping` of Cync is answered by a `pong`; one of TAZCOM by nothing, so that there is no pair.
    pub fn of(kind: &str) -> Option<Self> {
        match kind {
            "ping" => Some(Self::Asks),
            "pong" => Some(Self::Answers),
            _ if kind == SType::LinktestReq.name() => Some(Self::Asks),
            _ if kind == SType::LinktestRsp.name() => Some(Self::Answers),
            _ => None,
        }
    }
}

/// Whether a connection ended since the peer did not say in time that it is there, unasked.
pub fn is_missed(reason: &CloseReason) -> bool {
    matches!(reason, CloseReason::Timer(why) if why.starts_with(cync::KEEP_ALIVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_are_those_and_no_others() {
        let kinds =
            ["ping", "Linktest.req", "pong", "Linktest.rsp", "probe", "Select.req", "hello"];
        let beats = kinds.map(Beat::of);
        let (asks, answers) = (Some(Beat::Asks), Some(Beat::Answers));
        assert_eq!(beats, [asks, asks, answers, answers, None, None, None]);
    }
}
