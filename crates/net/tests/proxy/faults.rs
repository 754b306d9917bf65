//! Every fault over real sockets, asked at the far side.
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use net::{Event, Stopwatch};

use crate::road::{PATIENCE, Road, all, fill, heard, named};

/// The sizes of what single reads return, until so many bytes have come.
fn reads(stream: &mut TcpStream, bytes: usize) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut room = vec![0; 64 * 1024];
    while sizes.iter().sum::<usize>() < bytes {
        match stream.read(&mut room).expect("it comes") {
            0 => break,
            n => sizes.push(n),
        }
    }
    sizes
}

fn did(road: &Road, what: &str) -> usize {
    road.struck().iter().filter(|line| line.contains(what)).count()
}

/// Nothing comes for now.
fn nothing_comes(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let came = stream.read(&mut [0; 16]);
    assert_eq!(came.map_err(|e| named(&e)), Err("hangs".into()));
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
}

#[test]
fn what_is_split_arrives_split() {
    let road = Road::with(&["split byte=3 lane=up"]);
    for _ in 0..100 {
        let (mut client, mut device) = road.pair();
        client.write_all(b"split me").unwrap();
        assert_eq!(reads(&mut device, 8), [3, 5]);
    }
    assert_eq!(did(&road, "cut here, proved"), 100, "{:?}", road.struck());
    road.stop();
}

#[test]
fn what_is_dribbled_arrives_byte_by_byte() {
    let road = Road::with(&["dribble lane=up"]);
    let (mut client, mut device) = road.pair();
    client.write_all(&[7; 50]).unwrap();
    assert_eq!(reads(&mut device, 50), [1; 50]);
    road.stop();
}

#[test]
fn what_is_coalesced_arrives_in_one_read() {
    let road = Road::with(&["coalesce bytes=40 wait=5s lane=up"]);
    let (mut client, mut device) = road.pair();
    for n in 1..=4 {
        client.write_all(&[n; 10]).unwrap();
        let so_far = usize::from(n) * 10;
        let proxied = |record: &net::Record| match &record.event {
            Event::Received { bytes, .. } => bytes.len(),
            _ => 0,
        };
        let mut came = 0;
        road.until(|record| {
            came += proxied(record);
            came >= so_far
        });
    }
    assert_eq!(reads(&mut device, 40), [40]);
    road.stop();
}

#[test]
fn a_reset_after_n_bytes_resets_both_and_no_byte_less_arrives() {
    let road = Road::with(&["reset byte=5 lane=up"]);
    for _ in 0..20 {
        let (mut client, mut device) = road.pair();
        client.write_all(b"reset me").unwrap();
        assert_eq!(heard(&mut device), "5 B, ECONNRESET");
        assert_eq!(heard(&mut client), "ECONNRESET");
    }
    assert_eq!(did(&road, "RST to both"), 20);
    road.stop();
}

#[test]
fn a_close_after_n_bytes_is_a_fin_to_both() {
    let road = Road::with(&["close byte=5 lane=up"]);
    for _ in 0..20 {
        let (mut client, mut device) = road.pair();
        client.write_all(b"close me").unwrap();
        assert_eq!(heard(&mut device), "5 B, EOF");
        assert_eq!(heard(&mut client), "EOF");
    }
    road.stop();
}

#[test]
fn a_half_close_after_n_bytes_leaves_the_other_way_open() {
    let road = Road::with(&["half_close byte=5 lane=up"]);
    let (mut client, mut device) = road.pair();
    client.write_all(b"half of it").unwrap();
    assert_eq!(heard(&mut device), "5 B, EOF");
    device.write_all(b"answer").unwrap();
    drop(device);
    assert_eq!(heard(&mut client), "6 B, EOF");
    road.stop();
}

#[test]
fn a_cut_lets_nothing_through_and_acknowledges_all_until_it_is_healed() {
    let road = Road::proxied();
    let (mut client, mut device) = road.pair();
    client.write_all(b"before").unwrap();
    assert_eq!(reads(&mut device, 6), [6]);
    road.proxy().cut().unwrap();
    road.until_nth(2, |event| matches!(event, Event::Struck { .. }));
    client.write_all(b"during").unwrap();
    nothing_comes(&mut device);
    device.write_all(b"back").unwrap();
    nothing_comes(&mut client);
    assert_eq!(unacked(&client), 0, "the kernel took it");
    drop(client);
    nothing_comes(&mut device);
    road.proxy().heal();
    assert_eq!(all(&mut device), (b"during".to_vec(), "EOF".into()));
    road.stop();
}

fn unacked(stream: &TcpStream) -> usize {
    use std::os::fd::AsFd;
    let stream = stream.as_fd().try_clone_to_owned().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let stream = TcpStream::from(stream);
    stream.set_nonblocking(true).unwrap();
    let tokio = tokio::net::TcpStream::from_std(stream).unwrap();
    net::net::Stream::Tcp(tokio).unacked().unwrap()
}

#[test]
fn what_is_lost_in_a_black_hole_stays_lost() {
    let road = Road::with(&["black_hole lose=true byte=2 lane=up"]);
    let (mut client, mut device) = road.pair();
    client.write_all(b"a lot").unwrap();
    assert_eq!(reads(&mut device, 2), [2]);
    nothing_comes(&mut device);
    road.proxy().heal();
    client.write_all(b"more").unwrap();
    assert_eq!(reads(&mut device, 4), [4]);
    road.stop();
}

#[test]
fn bytes_are_changed_as_told() {
    let table = [
        ("corrupt byte=1 mask=ff lane=up", &b"a\x9dc"[..]),
        ("insert byte=1 hex=2121 lane=up", b"a!!bc"),
        ("drop byte=1 lane=up", b"ac"),
        ("duplicate byte=1 bytes=2 lane=up", b"abcbc"),
        ("truncate byte=0 keep=2 lane=up", b"ab"),
        ("slice size=1 lane=up", b"abc"),
        ("latency delay=5ms lane=up", b"abc"),
        ("bandwidth rate=1000 lane=up", b"abc"),
        ("stall byte=1 for=20ms lane=up", b"abc"),
        ("delay_fin delay=20ms lane=up", b"abc"),
    ];
    for (rule, wanted) in table {
        let road = Road::with(&[rule]);
        let (mut client, mut device) = road.pair();
        client.write_all(b"abc").unwrap();
        drop(client);
        assert_eq!(all(&mut device), (wanted.to_vec(), "EOF".into()), "{rule}");
        drop(device);
        let closed = |event: &Event| matches!(event, Event::Closed { .. });
        road.until_nth(2, closed);
        let fault = rule.split(' ').next().unwrap();
        assert!(did(&road, fault) > 0, "{rule} did not strike: {:?}", road.struck());
        road.stop();
    }
}

#[test]
fn whoever_is_refused_is_refused_until_it_is_lifted() {
    let mut road = Road::with(&["refuse name=no"]);
    road.until(|record| record.event == Event::Deaf);
    assert_eq!(road.dial().map(drop).map_err(|e| named(&e)), Err("ECONNREFUSED".into()));
    assert_eq!(did(&road, "not listening"), 1);
    reopened(&mut road, "no");
    road.stop();
}

/// Lifts it, and connects through the same port.
fn reopened(road: &mut Road, name: &str) {
    let open = |event: &Event| matches!(event, Event::Listening { .. });
    let before = road.count(open);
    road.proxy().remove(name).unwrap();
    road.until_nth(before + 1, open);
    let (mut client, mut device) = road.pair();
    client.write_all(b"hello").unwrap();
    assert_eq!(reads(&mut device, 5), [5]);
}

#[test]
fn a_full_backlog_answers_nobody() {
    let mut road = Road::with(&["backlog_full name=full"]);
    road.until_nth(2, |event| matches!(event, Event::Listening { .. }));
    assert_eq!(did(&road, "full backlog"), 1);
    let dialled = TcpStream::connect_timeout(&road.addr, Duration::from_millis(300));
    assert_eq!(dialled.map(drop).map_err(|e| named(&e)), Err("connect times out".into()));
    reopened(&mut road, "full");
    road.stop();
}

#[test]
fn who_is_never_accepted_connects_and_hears_nothing_until_it_is_lifted() {
    let mut road = Road::with(&["accept_never name=never"]);
    road.until_nth(2, |event| matches!(event, Event::Listening { .. }));
    let mut client = road.dial().unwrap();
    client.write_all(b"anybody?").unwrap();
    nothing_comes(&mut client);
    reopened(&mut road, "never");
    assert_eq!(heard(&mut client), "ECONNRESET");
    road.stop();
}

#[test]
fn only_the_named_connection_is_turned_away() {
    let table = [
        ("accept_then_close conn=1", "EOF"),
        ("accept_then_reset conn=1", "ECONNRESET"),
        ("refuse conn=1", "ECONNRESET"),
        ("close_unread conn=1", "ECONNRESET"),
        ("accept_then_close times=1", "EOF"),
        ("refuse times=1", "ECONNRESET"),
    ];
    for (rule, wanted) in table {
        let road = Road::with(&[rule]);
        let mut first = road.dial().unwrap();
        // A reset may be there before these bytes are.
        let _ = first.write_all(b"hello");
        assert_eq!(heard(&mut first), wanted, "{rule}");
        let (mut client, mut device) = road.pair();
        client.write_all(b"hello").unwrap();
        assert_eq!(reads(&mut device, 5), [5]);
        assert_eq!(road.struck().len(), 1, "{rule}");
        road.stop();
    }
}

#[test]
fn who_is_accepted_later_is_served_later_or_when_it_is_lifted() {
    let road = Road::with(&["delay_accept delay=100ms name=late"]);
    let watch = Stopwatch::start();
    let (mut client, mut device) = road.pair();
    assert!(watch.elapsed() >= Duration::from_millis(100));
    client.write_all(b"hello").unwrap();
    assert_eq!(reads(&mut device, 5), [5]);
    road.proxy().remove("late").unwrap();
    road.add("delay_accept delay=1h name=never");
    let mut client = road.dial().unwrap();
    client.write_all(b"hello").unwrap();
    let opened = |event: &Event| matches!(event, Event::Opened { .. });
    road.until_nth(3, opened);
    road.proxy().remove("never").unwrap();
    assert_eq!(reads(&mut road.accept(), 5), [5]);
    road.stop();
}

#[test]
fn a_schedule_takes_open_connections_with_it() {
    let mut road = Road::with(&["schedule up=200ms down=200ms name=tide"]);
    let (mut client, mut device) = road.pair();
    client.write_all(b"hello").unwrap();
    assert_eq!(reads(&mut device, 5), [5]);
    assert_eq!(heard(&mut client), "EOF");
    assert_eq!(heard(&mut device), "EOF");
    road.until(|record| record.event == Event::Deaf);
    assert_eq!(road.dial().map(drop).map_err(|e| named(&e)), Err("ECONNREFUSED".into()));
    reopened(&mut road, "tide");
    road.stop();
}

/// The device is shut too, so the port stays as it is; the connection must not.
#[test]
fn a_schedule_ends_connections_also_while_the_target_refuses() {
    let mut road = Road::with(&["schedule up=300ms down=10s"]);
    let (mut client, mut device) = road.pair();
    road.down();
    road.until(|record| record.event == Event::Deaf);
    assert_eq!(heard(&mut client), "EOF");
    assert_eq!(heard(&mut device), "EOF");
    road.stop();
}

#[test]
fn a_small_receive_buffer_is_felt_by_the_sender() {
    let mut road = Road::proxied();
    let (mut client, _device) = road.pair();
    let before = fill(&mut client);
    let opens = |event: &Event| matches!(event, Event::Listening { .. });
    let was = road.count(opens);
    road.add("receive_buffer bytes=4096");
    road.until_nth(was + 1, opens);
    let (mut client, _device) = road.pair();
    let with = fill(&mut client);
    println!("swallowed {before} B without, {with} B with a small receive buffer");
    assert!(with < before, "{with} {before}");
    assert_eq!(did(&road, "a small receive buffer"), 1);
    road.down();
    road.stop();
}
