//! What one end does, and what the other sees of it, without a proxy and with one. The README's table
//! is made here, and held against what is measured.
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use net::{Event, Stopwatch};
use socket2::SockRef;

use crate::road::{PATIENCE, Road, fill, heard, named, reset};

type Row = (&'static str, fn(&mut Road) -> String);

/// What happens, as the README calls it, and how to make it happen.
const ROWS: &[Row] = &[
    ("device down", device_down),
    ("device's backlog full", backlog_full),
    ("device resets", |road| {
        let (mut client, device) = road.pair();
        reset(device);
        heard(&mut client)
    }),
    ("4 bytes, then device resets", |road| {
        same_each_time(|| {
            let (mut client, mut device) = road.pair();
            device.write_all(b"four").unwrap();
            reset(device);
            heard(&mut client)
        })
    }),
    ("client half-closes, then answer", |road| {
        let (mut client, mut device) = road.pair();
        client.write_all(b"ask").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(heard(&mut device), "3 B, EOF");
        device.write_all(b"answer").unwrap();
        drop(device);
        match heard(&mut client).as_str() {
            "6 B, EOF" => "answer".into(),
            other => other.into(),
        }
    }),
    ("device half-closes, client goes on", |road| {
        let (mut client, mut device) = road.pair();
        device.shutdown(Shutdown::Write).unwrap();
        assert_eq!(heard(&mut client), "EOF");
        client.write_all(&[7; 128]).unwrap();
        drop(client);
        match heard(&mut device).as_str() {
            "128 B, EOF" => "arrives".into(),
            other => other.into(),
        }
    }),
    ("device closes, client goes on", closed_and_written_to),
    ("client resets", |road| {
        let (client, mut device) = road.pair();
        reset(client);
        heard(&mut device)
    }),
    ("4 bytes, then client resets", |road| {
        same_each_time(|| {
            let mut client = road.dial().unwrap();
            client.write_all(b"four").unwrap();
            reset(client);
            heard(&mut road.accept())
        })
    }),
    ("client resets, device never reads", reset_under_pressure),
    ("device never reads: bytes it seems to take", |road| {
        let (mut client, _device) = road.pair();
        format!("{:.1} MB", fill(&mut client) as f64 / 1e6)
    }),
    ("urgent byte in the stream", urgent),
    ("4 MB, then close", |road| {
        let (mut client, mut device) = road.pair();
        let writer = thread::spawn(move || device.write_all(&vec![7; 4 << 20]));
        let came = heard(&mut client);
        writer.join().unwrap().unwrap();
        if came == format!("{} B, EOF", 4 << 20) { "all".into() } else { came }
    }),
    ("data with the FIN", |road| {
        let (client, mut device) = road.pair();
        // Linux keeps it back for what follows, which is the FIN.
        const MSG_MORE: i32 = 0x8000;
        SockRef::from(&client).send_with_flags(b"last", MSG_MORE).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        heard(&mut device)
    }),
    ("both close at once", |road| {
        let (mut client, mut device) = road.pair();
        for end in [&mut client, &mut device] {
            end.write_all(b"bye").unwrap();
            end.shutdown(Shutdown::Write).unwrap();
        }
        let (at_client, at_device) = (heard(&mut client), heard(&mut device));
        if at_client == at_device { at_client } else { format!("{at_client} and {at_device}") }
    }),
    ("device restarts", restarts),
];

/// A race would show.
fn same_each_time(mut happens: impl FnMut() -> String) -> String {
    let mut words: Vec<_> = (0..100).map(|_| happens()).collect();
    words.sort();
    words.dedup();
    words.join(" or ")
}

fn device_down(road: &mut Road) -> String {
    road.down();
    road.until(|record| record.event == Event::Deaf);
    road.dial().map_or_else(|e| named(&e), |_| "connected".into())
}

fn backlog_full(road: &mut Road) -> String {
    let addr = road.addr;
    let _jam = road.jam();
    if let Some(proxied) = &road.proxied {
        // Open, shut while the device changed, full; or open, full.
        let (mut full, env) = (false, &proxied.env);
        let watch = Stopwatch::start();
        while !full && watch.elapsed() < PATIENCE {
            full = env.net.listens(addr) == Some(net::Listens::Full);
            thread::yield_now();
        }
    }
    let dialled = TcpStream::connect_timeout(&addr, Duration::from_millis(300));
    dialled.map_or_else(|e| named(&e), |_| "connected".into())
}

/// The second write, at the latest, tells the client that nobody reads.
fn closed_and_written_to(road: &mut Road) -> String {
    let (mut client, device) = road.pair();
    drop(device);
    assert_eq!(heard(&mut client), "EOF");
    client.write_all(b"lost").expect("the first write after a FIN is taken");
    let watch = Stopwatch::start();
    while watch.elapsed() < PATIENCE {
        if let Err(e) = client.write_all(b"more") {
            return named(&e);
        }
        thread::yield_now();
    }
    "never told".into()
}

fn reset_under_pressure(road: &mut Road) -> String {
    let (mut client, device) = road.pair();
    fill(&mut client);
    reset(client);
    let watch = Stopwatch::start();
    while watch.elapsed() < PATIENCE {
        if let Some(e) = device.take_error().unwrap() {
            return named(&e);
        }
        thread::yield_now();
    }
    "never told".into()
}

fn urgent(road: &mut Road) -> String {
    let (mut client, mut device) = road.pair();
    for _ in 0..50 {
        client.write_all(b"abc").unwrap();
        SockRef::from(&client).send_out_of_band(b"!").unwrap();
        client.write_all(b"def").unwrap();
        let mut came = [0; 6];
        if let Err(e) = device.read_exact(&mut came) {
            return named(&e);
        }
        if &came != b"abcdef" {
            return String::from_utf8_lossy(&came).into();
        }
    }
    drop(client);
    assert_eq!(heard(&mut device), "EOF");
    "abcdef".into()
}

fn restarts(road: &mut Road) -> String {
    let (mut old, mut old_device) = road.pair();
    road.down();
    road.until(|record| record.event == Event::Deaf);
    assert_eq!(road.dial().map(drop).map_err(|e| named(&e)), Err("ECONNREFUSED".into()));
    road.up();
    let mut was_shut = false;
    road.until(|record| {
        was_shut |= record.event == Event::Deaf;
        was_shut && matches!(record.event, Event::Listening { .. })
    });
    let (mut client, mut device) = road.pair();
    for (near, far) in [(&mut client, &mut device), (&mut old, &mut old_device)] {
        near.write_all(b"here").unwrap();
        let mut came = [0; 4];
        far.read_exact(&mut came).unwrap();
        assert_eq!(&came, b"here");
    }
    "refused, then served; old connections live".into()
}

/// `cargo test -p wirelab-net --test proxy each_end -- --nocapture` prints the table's rows.
#[test]
fn a_proxy_without_faults_shows_each_end_what_the_other_does() {
    for (event, happens) in ROWS {
        let [direct, ours] = [Road::direct(), Road::proxied()].map(|mut road| {
            let word = happens(&mut road);
            road.stop();
            word
        });
        println!("| {event} | {direct} | {ours} |");
        if let [Some(direct), Some(ours)] = [&direct, &ours].map(|word| megabytes(word)) {
            // How much a kernel takes is its own affair, and grows with what was read before.
            assert!(ours < direct + 2.0, "{event}: {direct} MB, and {ours} MB through the proxy");
            continue;
        }
        assert_eq!(ours, direct, "{event}");
        assert!(
            in_readme(event).starts_with(&[direct, ours]),
            "{event}: the README says otherwise"
        );
    }
}

fn megabytes(word: &str) -> Option<f64> {
    word.strip_suffix(" MB")?.parse().ok()
}

/// What the README's row about this says.
fn in_readme(event: &str) -> Vec<String> {
    let readme = include_str!("../../../../README.md");
    let row = readme.lines().find_map(|line| line.strip_prefix(&format!("| {event} |")));
    row.unwrap_or_default().split('|').map(|cell| cell.trim().to_owned()).collect()
}
