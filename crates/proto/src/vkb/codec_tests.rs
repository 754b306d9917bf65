//! Golden bytes here are those VKB-Link is known to take.
use proptest::prelude::*;

use super::*;

fn bitmaps(shift: u8, subshift: u8) -> Bitmaps {
    Bitmaps { shift, subshift }
}

/// What a reader makes of bytes that come in these pieces: the frames, and all it skipped.
fn read(codec: Codec, pieces: &[&[u8]]) -> (Vec<Bitmaps>, Vec<u8>) {
    let mut inbox = Inbox::default();
    let (mut frames, mut junk) = (Vec::new(), Vec::new());
    for piece in pieces {
        inbox.push(piece);
        while let Some(found) = codec.decode(&mut inbox) {
            match found {
                Found::Frame(frame, bytes) => {
                    assert_eq!(codec.encode(frame), bytes);
                    frames.push(frame);
                }
                Found::Junk(bytes) => junk.extend(bytes),
            }
        }
        assert!(inbox.peek().len() < FRAME, "it holds what may become a frame and no more");
    }
    (frames, junk)
}

fn read_whole(bytes: &[u8]) -> (Vec<Bitmaps>, Vec<u8>) {
    read(Codec::default(), &[bytes])
}

#[test]
fn frames_have_the_known_bytes() {
    let wire = |shift, subshift| hex::encode(&Codec::default().encode(bitmaps(shift, subshift)));
    assert_eq!(wire(1, 0), "a5 0d 00 04 01 00 00 00");
    assert_eq!(wire(2, 1), "a5 0d 00 04 02 01 00 00");
    assert_eq!(wire(0, 0), "a5 0d 00 04 00 00 00 00");
    assert_eq!(wire(255, 255), "a5 0d 00 04 ff ff 00 00");
}

#[test]
fn the_bytes_that_may_be_set_are() {
    let codec = Codec { header: 0x5a, command: 7 };
    let frame = codec.encode(bitmaps(3, 4));
    assert_eq!(hex::encode(&frame), "5a 07 00 04 03 04 00 00");
    assert_eq!(read(codec, &[&frame]).0, [bitmaps(3, 4)]);
    assert_eq!(read_whole(&frame).0, []);
}

#[test]
fn junk_before_between_and_after_frames_is_skipped() {
    let frame = Codec::default().encode(bitmaps(1, 2));
    let wire = [b"FSDJump\n", &frame[..], b"\xa5\x0d\x00", &frame, b"Music\n"].concat();
    let (frames, junk) = read_whole(&wire);
    assert_eq!(frames, [bitmaps(1, 2); 2]);
    assert_eq!(junk, b"FSDJump\n\xa5\x0d\x00Music\n");
}

/// Bitmaps may look like a header; no pair of them makes a frame begin where none does.
#[test]
fn a_reader_that_starts_anywhere_finds_the_next_frame() {
    for n in 0..=u16::MAX {
        let [shift, subshift] = n.to_le_bytes();
        let frame = Codec::default().encode(bitmaps(shift, subshift));
        let wire = [&frame[..], &frame, &frame].concat();
        for from in 1..FRAME {
            let (frames, junk) = read_whole(&wire[from..]);
            assert_eq!((frames.len(), junk.len()), (2, FRAME - from), "{n:04x} from {from}");
        }
    }
}

#[test]
fn every_byte_is_explained_and_the_wrong_one_named() {
    let problem = |text: &str| {
        let bytes = hex::decode(text).unwrap();
        let said = explain(&bytes);
        assert_eq!(said.parts.iter().map(|p| p.len).sum::<usize>(), bytes.len());
        said.parts.into_iter().find_map(|p| p.problem.map(|why| (p.field, why)))
    };
    let sound = explain(&hex::decode("a50d000405000000 0001 a50d0004a5ff0000").unwrap());
    assert!(sound.is_sound(), "{sound:?}");
    assert_eq!(sound.parts[4].value, "0x05: bits 0, 2");
    assert_eq!(problem("a5 0e 00 04 00 00 00 00"), Some(("command", "must be 0d".into())));
    assert_eq!(problem("a5 0d 00 08 00 00 00 00").unwrap().0, "length");
    assert_eq!(problem("a5 0d 00 04 00 00 00 01"), Some(("reserved", "must be 00 00".into())));
    assert_eq!(problem("46 53 44 a5 0d 00 04 00 00 00 00").unwrap().0, "junk");
    let short = explain(&hex::decode("a5 0d 00").unwrap());
    assert_eq!(short.problem.as_deref(), Some("3 of 8 bytes"));
    assert!(!explain(b"").is_sound());
}

/// Frames and junk in any order.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let frame =
        any::<(u8, u8)>().prop_map(|(a, b)| Codec::default().encode(bitmaps(a, b)).to_vec());
    let likely = prop::sample::select(vec![0xa5, 0x0d, 0, 4, 0xff]);
    let junk = prop::collection::vec(likely, 0..10);
    prop::collection::vec(prop_oneof![frame, junk], 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn decode_after_encode_is_identity(header: u8, command: u8, all in prop::collection::vec(any::<(u8, u8)>(), 0..20)) {
        let codec = Codec { header, command };
        let sent: Vec<_> = all.into_iter().map(|(a, b)| bitmaps(a, b)).collect();
        let wire: Vec<u8> = sent.iter().flat_map(|frame| codec.encode(*frame)).collect();
        prop_assert_eq!(read(codec, &[&wire]), (sent, vec![]));
    }

    #[test]
    fn any_split_of_the_bytes_decodes_alike(wire in streams(), cuts in prop::collection::vec(0usize..100, 0..12)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(wire.len())).collect();
        cuts.extend([0, wire.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|pair| &wire[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(Codec::default(), &pieces), read_whole(&wire));
    }

    #[test]
    fn no_byte_is_lost_and_none_panics(wire in prop_oneof![streams(), prop::collection::vec(any::<u8>(), 0..300)]) {
        let (frames, junk) = read_whole(&wire);
        prop_assert!(wire.len() - frames.len() * FRAME - junk.len() < FRAME);
        let said = explain(&wire);
        prop_assert_eq!(said.parts.iter().map(|p| p.len).sum::<usize>(), wire.len());
    }
}
