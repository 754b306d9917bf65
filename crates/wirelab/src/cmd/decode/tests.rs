//! Frames as they are typed, and captures that nobody would record.
use proptest::prelude::*;

use super::*;

#[path = "../../../tests/cli/pcap.rs"]
mod pcap;

#[test]
fn a_frame_is_hex_or_a_log_line() {
    assert_eq!(frame("41:43 4b"), Ok(Some(b"ACK".to_vec())));
    assert_eq!(frame(r#"{"raw_packet_hex": "41 43 4b"}"#), Ok(Some(b"ACK".to_vec())));
    assert_eq!(frame(r#"{"event": "opened"}"#), Ok(None));
    assert!(frame("xyz").is_err());
    assert!(frame("{").is_err());
}

#[test]
fn long_runs_lose_their_middle_and_short_ones_nothing() {
    assert_eq!(shortened(&[1, 2, 3, 4, 5, 6, 7, 8]), "01 02 03 04 05 06 07 08");
    assert_eq!(shortened(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), "01 02 03 04 … 07 08 09");
}

/// Takes it apart in every protocol.
fn takes(file: &[u8]) {
    for protocol in lab::registry::PROTOCOLS {
        let mut told = 0;
        let count = |line: &str| {
            assert!(line.ends_with('\n'));
            told += 1;
            Ok(())
        };
        let mut teller = Teller::new(*protocol, true, false, Box::new(count));
        // That it is no capture is a good answer to noise; that it ends is what counts.
        let _ = capture::decode(Vec::new(), file, None, &mut teller);
        drop(teller);
        assert!(told <= file.len() + 4096, "{told} lines of {} bytes", file.len());
    }
}

fn sound() -> Vec<Vec<u8>> {
    let flags = |n| match n {
        0 => pcap::SYN,
        18 => pcap::FIN,
        19 => pcap::RST,
        _ => pcap::ACK,
    };
    let segment = |n: u32| pcap::tcp((1, 1), (2, 2), n * 7, flags(n), &[n as u8; 30]);
    let packets: Vec<_> = (0..20).map(|n| (n, segment(n))).collect();
    [pcap::ETHERNET, pcap::NULL, pcap::RAW, pcap::SLL, pcap::SLL2]
        .into_iter()
        .flat_map(|link| [pcap::classic(link, &packets), pcap::next_generation(link, &packets)])
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn noise_does_no_harm(magic in 0usize..4, noise in prop::collection::vec(any::<u8>(), 0..2000)) {
        let magics = [&[0x0a, 0x0d, 0x0d, 0x0a][..], &[0xd4, 0xc3, 0xb2, 0xa1], &[0xa1, 0xb2, 0x3c, 0x4d], &[]];
        takes(&[magics[magic], &noise].concat());
    }

    #[test]
    fn a_capture_cut_anywhere_and_with_any_bytes_changed_does_no_harm(
        which in any::<prop::sample::Index>(),
        end in any::<prop::sample::Index>(),
        changed in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let all = sound();
        let mut file = all[which.index(all.len())].clone();
        for (at, byte) in changed {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let end = end.index(file.len() + 1);
        takes(&file[..end]);
    }
}
