//! What holds of any capture of others, whatever its format: what is in it is carried whole, in order and
//! within the laws, and what was carried can be taken apart again.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use net::{Event, Flow, Record};

use crate::{
    capture::{
        Reading, Said, What,
        carried::{Account, Carried},
        latency,
        packets::{self, Unreadable},
        pcap::{Pcap, Told},
        socat::Socat,
        talk::{self, moments},
        text::{Reader, Text},
    },
    judge::{Outcome, judge_by_laws},
    registry::{AnyProtocol, find},
};

/// Bytes of a piece, of those that come as they are.
const PIECE: usize = 7;

/// Any lines are taken for socat's, or refused one by one.
///
/// # Panics
/// When it does not hold.
pub fn any_socat(bytes: &[u8]) {
    any_lines(&mut Socat::default(), bytes);
}

/// Any lines are taken for captured text, or refused one by one, whoever dials.
///
/// # Panics
/// When it does not hold.
pub fn any_text(bytes: &[u8]) {
    for (device_dials, way) in [(true, Flow::Up), (false, Flow::Down)] {
        any_lines(&mut Text::new(Reader { device_dials, way }), bytes);
    }
}

/// Any bytes of one direction are carried as they are.
///
/// # Panics
/// When it does not hold.
pub fn any_raw(bytes: &[u8]) {
    let said = |piece: &[u8]| {
        let what = What::Bytes(piece.to_vec().into());
        Told::Said(Said { at: None, conn: 0, flow: Flow::Down, what })
    };
    let tells: Vec<_> = bytes.chunks(PIECE).map(said).collect();
    let (records, _) = carry(&tells, spoken("cync"), false);
    let received = records.iter().filter_map(|record| match &record.event {
        Event::Received { bytes, .. } => Some(&bytes[..]),
        _ => None,
    });
    assert_eq!(received.collect::<Vec<_>>().concat(), bytes);
    holds(&tells);
}

/// Any bytes are a capture of packets, or none; each byte of it is told once at most, on a connection
/// that has begun.
///
/// # Panics
/// When it does not hold.
pub fn any_pcap(bytes: &[u8]) {
    let tells = in_packets(bytes);
    let mut begun = 0;
    for told in &tells {
        match told {
            Told::Opened { conn, .. } => {
                begun += 1;
                assert_eq!(*conn, begun);
            }
            Told::Said(Said { conn, .. }) => assert!((1..=begun).contains(conn), "{told:?}"),
            Told::Missing { conn, bytes } => {
                assert!((1..=begun).contains(conn) && *bytes > 0, "{told:?}");
            }
        }
    }
    assert!(told_bytes(&tells) <= bytes.len());
    holds(&tells);
}

fn any_lines(reading: &mut dyn Reading, bytes: &[u8]) {
    let tells = in_lines(reading, bytes);
    assert!(2 * told_bytes(&tells) <= bytes.len(), "a byte takes two digits");
    holds(&tells);
}

fn in_packets(bytes: &[u8]) -> Vec<Told> {
    let (mut pcap, mut tells) = (Pcap::new(spoken("cync").port(), None), Vec::new());
    let read = packets::each(Vec::new(), bytes, &mut |packet| {
        pcap.packet(&packet, &mut tells);
        Ok::<_, Unreadable>(())
    });
    pcap.end(&mut tells);
    assert!(read.is_ok() || tells.is_empty(), "{read:?}");
    tells
}

fn in_lines(reading: &mut dyn Reading, bytes: &[u8]) -> Vec<Told> {
    let mut saids = Vec::new();
    for line in String::from_utf8_lossy(bytes).lines() {
        // That a line is refused is as good an answer as any.
        let _ = reading.line(line, &mut saids);
    }
    let _ = reading.end(&mut saids);
    saids.into_iter().map(Told::Said).collect()
}

fn told_bytes(tells: &[Told]) -> usize {
    let bytes = tells.iter().map(|told| match told {
        Told::Said(Said { what: What::Bytes(bytes), .. }) => bytes.len(),
        Told::Said(_) | Told::Opened { .. } | Told::Missing { .. } => 0,
    });
    bytes.sum()
}

/// Whatever a capture tells, its records are those of a proxy that did nothing wrong.
fn holds(tells: &[Told]) {
    for protocol in ["cync", "hsms", "toggle"] {
        let protocol = spoken(protocol);
        let (records, account) = carry(tells, protocol, true);
        in_order(&records);
        let (mut received, mut sent) = (0, 0);
        for record in &records {
            match &record.event {
                Event::Received { bytes, .. } => received += bytes.len() as u64,
                Event::Sent { bytes, .. } => sent += bytes.len() as u64,
                _ => {}
            }
        }
        assert_eq!((received, sent), (account.bytes, account.bytes));
        assert_eq!(judge_by_laws(&records).outcome, Outcome::Pass, "{records:?}");
        let moments = moments(&records, protocol);
        assert_eq!(in_place(&moments), account.bytes, "{records:?}");
        latency::rows(&moments, protocol, Duration::from_secs(10));
    }
}

/// Numbered without a gap, never back in time, and the same when they are read back.
fn in_order(records: &[Record]) {
    assert!(records.iter().map(|record| record.seq).eq(0..records.len() as u64));
    assert!(records.is_sorted_by_key(|record| record.at));
    for record in records {
        let text = serde_json::to_string(record).expect("records are text and numbers");
        assert_eq!(&serde_json::from_str::<Record>(&text).expect("they read back"), record);
    }
}

/// Of each direction, each packet begins where the one before it ended. Bytes of all of them.
fn in_place(moments: &[talk::Moment]) -> u64 {
    let mut ends: BTreeMap<(usize, bool), u64> = BTreeMap::new();
    for moment in moments {
        if let talk::What::Packet(packet) = &moment.what {
            let end = ends.entry((moment.conn, packet.flow == Flow::Up)).or_default();
            assert_eq!(packet.offset, *end, "{moment:?}");
            *end += packet.bytes.len() as u64;
        }
    }
    ends.into_values().sum()
}

fn carry(
    tells: &[Told],
    protocol: &'static dyn AnyProtocol,
    covers: bool,
) -> (Vec<Record>, Account) {
    let records = Arc::new(Mutex::new(Vec::new()));
    let kept = records.clone();
    let sink = move |record: &Record| kept.lock().expect("no panic before").push(record.clone());
    let mut carried = Carried::new(sink, Timestamp::UNIX_EPOCH, protocol, covers);
    for told in tells {
        match told {
            Told::Opened { at, conn, ends } => carried.open(*at, *conn, Some(*ends)),
            Told::Said(said) => carried.take(said.clone()),
            Told::Missing { .. } => {}
        }
    }
    let (sink, account) = carried.end();
    drop(sink);
    let records = Arc::into_inner(records).expect("the sink is gone");
    (records.into_inner().expect("no panic before"), account)
}

fn spoken(protocol: &str) -> &'static dyn AnyProtocol {
    find(protocol).expect("it is one of ours")
}

#[cfg(test)]
mod tests {
    use super::{super::tests::spoilt, *};

    const SOCAT: &[u8] = include_bytes!("../../../../fuzz/seeds/socat/two-connections");
    const TEXT: &[u8] = include_bytes!("../../../../fuzz/seeds/text/every-form");
    const RAW: &[u8] = include_bytes!("../../../../fuzz/seeds/raw/bridge");
    const CLASSIC: &[u8] = include_bytes!("../../../../fuzz/seeds/pcap/classic");
    const NEXT: &[u8] = include_bytes!("../../../../fuzz/seeds/pcap/next-generation");

    fn any_spoilt(check: fn(&[u8]), runs: u64, seeds: &[&[u8]]) {
        for seed in seeds {
            check(seed);
            (0..runs).for_each(|chance| check(&spoilt(seed, chance)));
        }
    }

    #[test]
    fn what_is_to_be_spoilt_is_read_whole_at_first() {
        let text = Reader { device_dials: true, way: Flow::Up };
        assert_eq!(told_bytes(&in_lines(&mut Socat::default(), SOCAT)), 53);
        assert_eq!(told_bytes(&in_lines(&mut Text::new(text), TEXT)), 42);
        for (packets, bytes, missing) in [(CLASSIC, 96, 2), (NEXT, 96, 2)] {
            let tells = in_packets(packets);
            assert_eq!(told_bytes(&tells), bytes, "{tells:?}");
            let gap = |told: &&Told| matches!(told, Told::Missing { .. });
            assert_eq!(tells.iter().filter(gap).count(), missing, "{tells:?}");
        }
    }

    #[test]
    fn spoilt_captures_of_socat_do_no_harm() {
        any_spoilt(any_socat, 300, &[SOCAT]);
    }

    #[test]
    fn spoilt_captures_in_text_do_no_harm() {
        any_spoilt(any_text, 300, &[TEXT]);
    }

    #[test]
    fn any_bytes_of_one_direction_do_no_harm() {
        any_spoilt(any_raw, 300, &[RAW, b""]);
    }

    #[test]
    fn spoilt_captures_of_packets_do_no_harm() {
        any_spoilt(any_pcap, 100, &[CLASSIC, NEXT]);
    }
}
