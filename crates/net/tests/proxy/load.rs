//! Faults that come and go under load, and many connections of every kind: nothing is lost, nothing is
//! left.
use std::{
    fs,
    hash::{DefaultHasher, Hasher},
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use net::{Event, Stopwatch};

use crate::road::{PATIENCE, Road, heard, reset};

const LOAD: usize = 10 << 20;
/// A dribble alone makes tens of thousands of writes of what it caught.
const CHANGES: usize = 48;

/// None of these takes a byte away.
const HARMLESS: &[&str] = &[
    "latency name=a delay=3ms jitter=2ms",
    "slice name=b size=1000 vary=500",
    "coalesce name=c bytes=5000 wait=5ms",
    "bandwidth name=d rate=50000000",
    "stall name=e for=5ms",
    "black_hole name=f",
    "dribble name=g",
    "split name=h chance=0.2",
];

fn noise(seed: u32, n: usize) -> u8 {
    (n as u32).wrapping_mul(2_654_435_761).wrapping_add(seed).to_be_bytes()[0]
}

/// Sends its own, and takes the other's; a digest of that.
fn exchange(stream: &TcpStream, seed: u32) -> (usize, u64) {
    thread::scope(|scope| {
        scope.spawn(|| {
            let bytes: Vec<u8> = (0..LOAD).map(|n| noise(seed, n)).collect();
            (&*stream).write_all(&bytes).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let (mut all, mut digest, mut room) = (0, DefaultHasher::new(), vec![0; 1 << 16]);
        loop {
            match (&*stream).read(&mut room).unwrap() {
                0 => return (all, digest.finish()),
                n => {
                    room[..n].iter().for_each(|byte| digest.write_u8(*byte));
                    all += n;
                }
            }
        }
    })
}

fn wanted(seed: u32) -> (usize, u64) {
    let mut digest = DefaultHasher::new();
    (0..LOAD).for_each(|n| digest.write_u8(noise(seed, n)));
    (LOAD, digest.finish())
}

#[test]
fn no_byte_is_lost_while_faults_come_and_go() {
    let road = Road::proxied();
    let (client, device) = road.pair();
    let ends = [client.try_clone().unwrap(), device.try_clone().unwrap()];
    let done = std::sync::atomic::AtomicBool::new(false);
    let (at_device, at_client, changes) = thread::scope(|scope| {
        let changes = scope.spawn(|| {
            let mut changes = 0;
            while changes < CHANGES && !done.load(std::sync::atomic::Ordering::Relaxed) {
                let rule = HARMLESS[changes % HARMLESS.len()];
                road.add(rule);
                changes += 1;
                // Each is in force for a moment, some together.
                road.pass(Duration::from_millis(2));
                if changes % 3 == 0 {
                    road.proxy().heal();
                }
            }
            road.proxy().heal();
            changes
        });
        let [near, far] = &ends;
        let device = scope.spawn(|| exchange(far, 2));
        let at_client = exchange(near, 1);
        let at_device = device.join().unwrap();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        (at_device, at_client, changes.join().unwrap())
    });
    assert_eq!(at_device, wanted(1));
    assert_eq!(at_client, wanted(2));
    let struck = road.struck().len();
    println!("{changes} changes, {struck} strikes");
    assert!(changes > 20 && struck > 20, "{changes} changes, {struck} strikes");
    road.stop();
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Runs in a process of its own: other tests open files too.
#[test]
fn nothing_is_left_of_two_hundred_connections() {
    const ALONE: &str = "WIRELAB_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let me = std::env::current_exe().unwrap();
        let name = "load::nothing_is_left_of_two_hundred_connections";
        let ran = std::process::Command::new(me).args(["--exact", name]).env(ALONE, "1").output();
        let ran = ran.unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
        return;
    }
    let road = Road::proxied();
    mixed(&road, 8);
    let before = descriptors();
    mixed(&road, 200);
    let watch = Stopwatch::start();
    while descriptors() > before && watch.elapsed() < PATIENCE {
        thread::yield_now();
    }
    assert_eq!(descriptors(), before);
    let opened = road.count(|event| matches!(event, Event::Opened { .. }));
    road.until_nth(opened, |event| matches!(event, Event::Closed { .. }));
    road.stop();
}

fn mixed(road: &Road, count: usize) {
    for n in 0..count {
        let (mut client, mut device) = road.pair();
        client.write_all(b"hello").unwrap();
        match n % 4 {
            0 => {
                client.shutdown(Shutdown::Write).unwrap();
                assert_eq!(heard(&mut device), "5 B, EOF");
            }
            1 => {
                reset(client);
                let _ = heard(&mut device);
            }
            2 => {
                reset(device);
                let _ = heard(&mut client);
            }
            _ => drop(device),
        }
    }
}
