//! Which packets answer which. Where a packet carries an id, its answer does; logins, pings and
//! questions about the time carry none.
use std::ops::Range;

use super::{
    inner::{Inner, Kind},
    login::Login,
    message::Message,
    packet::HEADER,
};
use crate::turn::Turn;

/// The message id of a packet that begins with the id of a device, and of one that does not.
const ADDRESSED: Range<usize> = HEADER + 4..HEADER + 6;
const BARE: Range<usize> = HEADER..HEADER + 2;
/// The sequence of an inner frame, which begins after device, id and flag with a mark.
const SEQUENCE: Range<usize> = HEADER + 8..HEADER + 12;

const TOOK: &str = "73 -> 7b";
const DONE: &str = "73 -> f9";
const HEARD: &str = "73 -> 78";
const REPORT: &str = "83 -> 88";
const SYNC: &str = "43 -> 48";
const PROBE: &str = "a3 -> ab";
const LOGIN: &str = "23 -> 28";
const APP_LOGIN: &str = "13 -> 18";
const PING: &str = "d3 -> d8";
const TIME: &str = "c3 -> c8";

/// The part this packet has in exchanges; none, if it is no sound packet.
pub(super) fn turns(bytes: &[u8]) -> Vec<Turn> {
    let login = |app| if app { APP_LOGIN } else { LOGIN };
    let Ok(message) = Message::decode(bytes) else { return Vec::new() };
    let turn = match message {
        Message::Pipe { report: false, inner, .. } => return of_pipe(inner.as_ref().ok()),
        Message::Pipe { report: true, .. } => Turn::asks(REPORT, ADDRESSED),
        Message::ReportAck { .. } => Turn::answers(REPORT, BARE),
        Message::PipeAck { of_device, .. } => {
            Turn::answers(if of_device { TOOK } else { HEARD }, ADDRESSED)
        }
        Message::Sync { .. } => Turn::asks(SYNC, ADDRESSED),
        Message::SyncAck { .. } => Turn::answers(SYNC, BARE),
        Message::Probe { .. } => Turn::asks(PROBE, ADDRESSED),
        Message::ProbeAck { .. } => Turn::answers(PROBE, ADDRESSED),
        Message::Login(Login { app, .. }) => Turn::asks(login(app), None),
        Message::LoginAck { app, .. } => Turn::answers(login(app), None),
        Message::Ping => Turn::asks(PING, None),
        Message::Pong => Turn::answers(PING, None),
        Message::TimeAsked => Turn::asks(TIME, None),
        Message::Time(_) => Turn::answers(TIME, None),
        Message::Disconnect { .. } => return Vec::new(),
    };
    vec![turn]
}

/// Requests are a controller's, all else in a pipe is a bridge's. Who sent a pipe that cannot be read is
/// unknown; bridges were seen to take such ones.
fn of_pipe(inner: Option<&Inner>) -> Vec<Turn> {
    // Escapes move the sequence about.
    let sequence = inner.filter(|inner| !inner.escaped).map(|_| SEQUENCE);
    let done = |turn: fn(_, Range<usize>) -> Turn| sequence.map(|at| turn(DONE, at));
    match inner.map(|inner| inner.kind) {
        Some(Kind::Request) => {
            [Turn::asks(TOOK, ADDRESSED)].into_iter().chain(done(Turn::asks)).collect()
        }
        Some(Kind::Response) => {
            [Turn::asks(HEARD, ADDRESSED)].into_iter().chain(done(Turn::answers)).collect()
        }
        Some(Kind::Event) => vec![Turn::asks(HEARD, ADDRESSED)],
        None => vec![Turn::asks(TOOK, ADDRESSED)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::hex;

    /// What a packet is a part of, with its id as bytes.
    fn parts(text: &str) -> Vec<(&'static str, bool, String)> {
        let bytes = hex::decode(text).unwrap();
        let part = |turn: Turn| {
            let id = turn.id.map(|at| hex::encode(&bytes[at])).unwrap_or_default();
            (turn.exchange, turn.answers, id)
        };
        turns(&bytes).into_iter().map(part).collect()
    }

    #[test]
    fn a_command_has_two_answers_and_each_has_its_id() {
        let command = parts(
            "73 00 00 00 1f 64 57 e7 f2 00 09 00 7e 04 00 00 00 f8 d0 0d 00 \
             03 00 00 00 00 ce 00 d0 11 02 01 00 00 92 7e",
        );
        assert_eq!(
            command,
            [(TOOK, false, "00 09".to_owned()), (DONE, false, "04 00 00 00".to_owned())]
        );
        let took = parts("7b 00 00 00 07 64 57 e7 f2 00 09 00");
        assert_eq!(took, [(TOOK, true, "00 09".to_owned())]);
        let done = parts("73 00 00 00 13 64 57 e7 f2 00 4f 00 7e 04 00 00 00 f9 d0 01 00 00 d1 7e");
        assert_eq!(
            done,
            [(HEARD, false, "00 4f".to_owned()), (DONE, true, "04 00 00 00".to_owned())]
        );
        assert_eq!(
            parts("78 00 00 00 07 64 57 e7 f2 00 4f 0a"),
            [(HEARD, true, "00 4f".to_owned())]
        );
    }

    #[test]
    fn what_carries_no_id_goes_by_its_order() {
        assert_eq!(parts("d3 00 00 00 00"), [(PING, false, String::new())]);
        assert_eq!(parts("d8 00 00 00 00"), [(PING, true, String::new())]);
        assert_eq!(parts("88 00 00 00 03 02 ff 00"), [(REPORT, true, "02 ff".to_owned())]);
        assert_eq!(parts("d3 00 00"), []);
    }
}
