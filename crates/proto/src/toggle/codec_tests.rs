//! Golden bytes here come from the reference program's documentation and from Python's `json.dumps`.
use proptest::prelude::*;

use super::*;
use crate::session::hex;

/// The 91 bytes the reference sends for D1.
const D1: &str = "f0 0d 01 00 00 00 54 7b 22 6f 70 63 6f 64 65 22 3a 20 22 74 6f 67 67 6c 65 22 2c 20 \
    22 64 65 76 69 63 65 5f 69 64 22 3a 20 22 44 31 22 2c 20 22 6d 73 67 5f 69 64 22 3a 20 22 33 \
    66 65 31 36 62 36 31 34 33 33 34 34 61 66 62 22 2c 20 22 73 74 61 74 65 22 3a 20 74 72 75 65 7d";

fn toggle(id: &str, state: bool) -> Toggle {
    Toggle::new(id, state).unwrap()
}

fn decode_all(bytes: &[u8]) -> Result<Vec<Message>, DecodeError> {
    let mut inbox = Inbox::default();
    inbox.push(bytes);
    let mut all = Vec::new();
    while let Some((message, _)) = decode(&mut inbox)? {
        all.push(message);
    }
    Ok(all)
}

#[test]
fn a_command_has_the_bytes_of_the_reference() {
    let frame = encode_toggle(Ticket::from_wire("3fe16b6143344afb"), &toggle("D1", true));
    assert_eq!(hex::encode(&frame), hex::encode(&hex::decode(D1).unwrap()));
    assert_eq!(frame.len(), 91);
    assert_eq!(encode_toggle(Ticket(0), &toggle("DEVICE123", true)).len(), 98);
}

#[test]
fn non_ascii_ids_are_escaped_as_python_does() {
    // json.dumps({"device_id": "Küche 💡\n\x7f"}) gives "K\u00fcche \ud83d\udca1\n\x7f"
    let frame = encode_toggle(Ticket(1), &toggle("Küche 💡\n\u{7f}", false));
    let text = String::from_utf8_lossy(&frame[HEADER..]);
    assert!(text.contains("\"K\\u00fcche \\ud83d\\udca1\\n\u{7f}\""), "{text}");
}

#[test]
fn any_valid_json_is_accepted() {
    let json =
        r#" {"state":true , "extra":[1], "msg_id":"x","opcode":"toggle","device_id":"K\u00fc"} "#;
    let mut frame = vec![0xf0, 0x0d, 1];
    frame.extend_from_slice(&(json.len() as u32).to_be_bytes());
    frame.extend_from_slice(json.as_bytes());
    let wanted = Message::Toggle { device_id: "Kü".into(), msg_id: "x".into(), state: true };
    assert_eq!(decode_all(&frame), Ok(vec![wanted]));
}

#[test]
fn a_list_of_values_is_no_message() {
    let json = br#" ["toggle", "D1", "x", true]"#;
    let frame = [&[0xf0, 0x0d, 1, 0, 0, 0, json.len() as u8][..], json].concat();
    assert_eq!(decode_all(&frame), Err(DecodeError::Json("it is no object".into())));
}

#[test]
fn the_longest_payload_is_accepted_and_one_byte_more_is_not() {
    let head = |len: usize| [&[0xf0, 0x0d, 1][..], &(len as u32).to_be_bytes()].concat();
    assert_eq!(decode_all(&head(MAX_PAYLOAD)), Ok(vec![]), "it may still come");
    assert_eq!(decode_all(&head(MAX_PAYLOAD + 1)), Err(DecodeError::TooLong(0x1_0001)));
    let json = br#"{"opcode": "ack", "msg_id": "x"}"#;
    let padded = [&json[..], &vec![b' '; MAX_PAYLOAD - json.len()]].concat();
    let wanted = Message::Ack { msg_id: "x".into() };
    assert_eq!(decode_all(&[head(MAX_PAYLOAD), padded].concat()), Ok(vec![wanted]));
}

#[test]
fn wrong_bytes_are_named_as_early_as_possible() {
    let reason = |hex_text: &str| decode_all(&hex::decode(hex_text).unwrap()).unwrap_err().reason();
    assert_eq!(reason("47"), "magic");
    assert_eq!(reason("f0 0e"), "magic");
    assert_eq!(reason("f0 0d 02"), "version");
    assert_eq!(reason("f0 0d 01 ff ff ff ff"), "too_long");
    assert_eq!(reason("f0 0d 01 00 00 00 02 7b 7d"), "json");
    assert_eq!(reason("f0 0d 01 00 00 00 00"), "json");
    let framed = |json: &str| {
        let mut frame = vec![0xf0, 0x0d, 1, 0, 0, 0, json.len() as u8];
        frame.extend_from_slice(json.as_bytes());
        decode_all(&frame).unwrap_err().reason()
    };
    assert_eq!(framed(r#"{"opcode":"reboot","msg_id":"1"}"#), "opcode");
    assert_eq!(framed(r#"{"opcode":"toggle","msg_id":"1"}"#), "field");
    assert_eq!(framed(r#"{"opcode":"toggle","msg_id":"1","device_id":"D","state":"on"}"#), "json");
    assert_eq!(framed(r#"{"opcode":"ack","msg_id":""}"#), "field");
}

#[test]
fn every_byte_is_explained_and_the_wrong_one_named() {
    let sound = explain(&hex::decode(D1).unwrap());
    assert!(sound.is_sound(), "{sound:?}");
    let problem = |bytes: &[u8]| {
        let said = explain(bytes);
        assert_eq!(said.parts.iter().map(|p| p.len).sum::<usize>(), bytes.len());
        said.parts.into_iter().find_map(|p| p.problem.map(|why| (p.field, why)))
    };
    assert_eq!(problem(b"ACKACK"), None);
    assert_eq!(problem(b"AC").unwrap().0, "answer");
    assert_eq!(problem(b"HTTP/1.1").unwrap().0, "magic");
    assert_eq!(problem(&[0xf0, 0x0d, 9, 0, 0, 0, 0]).unwrap().0, "version");
    assert_eq!(problem(&[0xf0, 0x0d, 1, 255, 0, 0, 0]).unwrap().0, "length");
    assert_eq!(problem(&[0xf0, 0x0d, 1, 0, 0, 0, 9, b'{']).unwrap().0, "payload");
}

proptest! {
    #[test]
    fn decode_after_encode_is_identity(id in ".{1,60}", ticket: u64, state: bool) {
        let frame = encode_toggle(Ticket(ticket), &toggle(&id, state));
        let wanted = Message::Toggle { device_id: id, msg_id: Ticket(ticket).to_string(), state };
        prop_assert_eq!(decode_all(&frame), Ok(vec![wanted]));
    }

    #[test]
    fn any_split_of_the_bytes_decodes_alike(cuts in prop::collection::vec(0usize..240, 0..12)) {
        let mut bytes = encode_toggle(Ticket(1), &toggle("D1", true)).to_vec();
        bytes.extend_from_slice(&encode_ack("x"));
        bytes.extend_from_slice(&encode_nack("y", "busy"));
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut inbox = Inbox::default();
        let mut got = Vec::new();
        for pair in cuts.windows(2) {
            inbox.push(&bytes[pair[0]..pair[1]]);
            while let Some((message, _)) = decode(&mut inbox).unwrap() {
                got.push(message);
            }
        }
        prop_assert_eq!(got, decode_all(&bytes).unwrap());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), frame: bool) {
        let mut wire = if frame { vec![0xf0, 0x0d, 1, 0, 0, 0, 9] } else { vec![] };
        wire.extend_from_slice(&bytes);
        let _ = decode_all(&wire);
        let said = explain(&wire);
        prop_assert_eq!(said.parts.iter().map(|p| p.len).sum::<usize>(), wire.len());
    }
}
