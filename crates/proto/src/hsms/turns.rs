//! Which messages answer which: by their system bytes.
use std::ops::Range;

use super::message::{HEADER, LENGTH, SType};
use crate::turn::Turn;

const SYSTEM: Range<usize> = LENGTH + 6..LENGTH + HEADER;
/// Wants an answer: the upper bit of the byte that names the stream.
const W_BIT: u8 = 0x80;

/// The part this message has in an exchange.
pub(super) fn turns(bytes: &[u8]) -> Vec<Turn> {
    let Some(&[.., byte2, function, _, stype, _, _, _, _]) = bytes.get(..LENGTH + HEADER) else {
        return Vec::new();
    };
    let turn = match SType::of(stype) {
        SType::Data if byte2 & W_BIT != 0 => Turn::asks("data", SYSTEM),
        // Primary messages have odd functions.
        SType::Data if function.is_multiple_of(2) => Turn::answers("data", SYSTEM),
        SType::SelectReq => Turn::asks("select", SYSTEM),
        SType::SelectRsp => Turn::answers("select", SYSTEM),
        SType::DeselectReq => Turn::asks("deselect", SYSTEM),
        SType::DeselectRsp => Turn::answers("deselect", SYSTEM),
        SType::LinktestReq => Turn::asks("linktest", SYSTEM),
        SType::LinktestRsp => Turn::answers("linktest", SYSTEM),
        SType::Data | SType::RejectReq | SType::SeparateReq | SType::Other(_) => return Vec::new(),
    };
    vec![turn]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_system_bytes_of_what_it_answers() {
        let message = |byte2: u8, byte3: u8, stype: u8| {
            [0, 0, 0, 10, 0, 0, byte2, byte3, 0, stype, 0, 0, 0, 7]
        };
        assert_eq!(turns(&message(0x81, 1, 0)), [Turn::asks("data", 10..14)]);
        assert_eq!(turns(&message(1, 2, 0)), [Turn::answers("data", 10..14)]);
        assert_eq!(turns(&message(1, 1, 0)), [], "nobody waits for it");
        assert_eq!(turns(&message(0, 0, 5)), [Turn::asks("linktest", 10..14)]);
        assert_eq!(turns(&message(0, 0, 6)), [Turn::answers("linktest", 10..14)]);
        assert_eq!(turns(&message(0, 0, 9)), []);
        assert_eq!(turns(&[0; 13]), []);
    }
}
