//! Peers that never stop: what they can cost, and that everybody else is served all the same.
use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use socket2::{Domain, SockRef, Socket, Type};

use crate::support::*;

/// A command for the device `id`, as some other program might send it.
fn command(id: &str, msg_id: &str) -> Vec<u8> {
    let json = format!(
        r#"{{"opcode": "toggle", "device_id": "{id}", "msg_id": "{msg_id}", "state": true}}"#
    );
    let head = [&[0xf0, 0x0d, 1][..], &(json.len() as u32).to_be_bytes()].concat();
    [head, json.into_bytes()].concat()
}

/// A connection that takes in next to nothing, and gives up writing when nobody reads.
fn deaf(device: &Device) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    socket.connect(&device.addr.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    stream
}

/// Writes until the other side takes no more, or has hung up; at most 64 MiB. Says which it was.
fn flood(stream: &mut TcpStream, mut chunk: impl FnMut(usize) -> Vec<u8>) -> ErrorKind {
    let mut written = 0;
    for n in 0.. {
        match stream.write(&chunk(n)) {
            Ok(n) => written += n,
            Err(e) => return e.kind(),
        }
        assert!(written < 64 << 20, "it takes everything");
    }
    unreachable!("it returns or panics")
}

/// It is not much larger than it was, and serves whoever behaves.
fn is_well(device: &Device) {
    device.toggle(&[]).ok();
    #[cfg(target_os = "linux")]
    {
        let peak = device.running.peak_kib();
        assert!(peak < 48 * 1024, "{peak} KiB");
    }
}

fn hung_up(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

#[test]
fn a_client_that_never_reads_is_not_read_any_more() {
    let device = device(&["--answer", "framed"]);
    let mut stream = deaf(&device);
    // Long ids make long answers.
    let kind = flood(&mut stream, |n| command("D1", &format!("{n:0128}")));
    // On a slow machine filling all buffers takes longer than the device waits for a reader.
    let unread = matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(unread || hung_up(kind), "{kind:?}");
    is_well(&device);
}

#[test]
fn endless_noise_is_hung_up_on() {
    let mut device = device(&[]);
    let noise = vec![b'x'; 64 * 1024];
    let mut stream = TcpStream::connect(device.addr).unwrap();
    let kind = flood(&mut stream, |_| noise.clone());
    assert!(hung_up(kind), "{kind:?}");
    is_well(&device);
    assert_eq!(malformed(&mut device), ["magic"]);
}

/// What the device called what it did not understand.
fn malformed(device: &mut Device) -> Vec<String> {
    let (_, records) = device.show();
    let wrong = records.iter().filter(|record| record["fact"] == "malformed");
    wrong.map(|record| record["reason"].as_str().unwrap().to_owned()).collect()
}

/// It talks without end and does not listen, so the last answers it was owed never leave.
#[test]
fn whoever_is_hung_up_on_cannot_hold_the_line() {
    let device = device(&["--answer", "framed"]);
    let mut stream = deaf(&device);
    let talking = stream.try_clone().unwrap();
    let noise = vec![b'x'; 64 * 1024];
    // Enough commands that their answers wait at the device, and then nonsense.
    let commands: Vec<u8> = (0..3000).flat_map(|n| command("D1", &n.to_string())).collect();
    stream.write_all(&commands).unwrap();
    let kind = flood_forever(talking, &noise);
    assert!(hung_up(kind), "{kind:?}");
    is_well(&device);
}

fn flood_forever(mut stream: TcpStream, noise: &[u8]) -> ErrorKind {
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    loop {
        if let Err(e) = stream.write(noise) {
            return e.kind();
        }
    }
}

#[test]
fn a_length_beyond_reason_is_refused_before_it_comes() {
    let mut device = device(&[]);
    for length in [u32::MAX, 64 * 1024 + 1] {
        let mut stream = TcpStream::connect(device.addr).unwrap();
        stream.write_all(&[&[0xf0, 0x0d, 1][..], &length.to_be_bytes()].concat()).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "closed at once");
    }
    is_well(&device);
    assert_eq!(malformed(&mut device), ["too_long", "too_long"]);
}

#[test]
fn a_command_byte_by_byte_costs_no_more_than_a_command() {
    let mut device = device(&["--raw"]);
    let mut stream = TcpStream::connect(device.addr).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&[0xf0, 0x0d, 1, 0, 1, 0, 0]).unwrap();
    for _ in 0..64 * 1024 - 1 {
        stream.write_all(b" ").unwrap();
    }
    is_well(&device);
    // The last byte makes it a frame, of nothing.
    stream.write_all(b" ").unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert_eq!(malformed(&mut device), ["json"]);
}

/// An urgent byte ends a read where it stands. What comes after it is there already, so nobody will
/// say that it came.
#[test]
fn an_urgent_byte_stalls_neither_end() {
    let device = device(&["--answer", "framed"]);
    let mut stream = TcpStream::connect(device.addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for n in 0..3 {
        let asked = command("D1", &n.to_string());
        urgently(&mut stream, &device.running, asked.split_at(40));
        let mut head = [0; 7];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(head[..3], [0xf0, 0x0d, 1]);
        stream.read_exact(&mut vec![0; head[6].into()]).unwrap();
    }

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let flags = ["--max-attempts", "1"];
    let mut toggle = toggle_at(listener.local_addr().unwrap(), &flags);
    let mut toggle = Running::start(&mut toggle);
    let (mut stream, _) = listener.accept().unwrap();
    stream.read_exact(&mut [0; 91]).unwrap();
    urgently(&mut stream, &toggle, (b"A", b"CK"));
    assert_eq!(toggle.wait().code(), Some(0));
}

/// Has these bytes arrive with an urgent one between them, before the program can look.
fn urgently(stream: &mut TcpStream, program: &Running, (before, after): (&[u8], &[u8])) {
    program.signal("STOP");
    stream.write_all(before).unwrap();
    SockRef::from(&*stream).send_out_of_band(b"!").unwrap();
    stream.write_all(after).unwrap();
    program.signal("CONT");
}

/// A device that answers every command with endless bytes like these. Says how its talk ended.
fn babbling(chunk: &'static [u8]) -> (std::net::SocketAddr, std::thread::JoinHandle<ErrorKind>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let talking = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 91]).unwrap();
        flood(&mut stream, |_| chunk.repeat(1024))
    });
    (addr, talking)
}

#[test]
fn a_device_that_floods_is_cut_off() {
    for (chunk, reason) in [
        (&b"spam and eggs"[..], "magic"),
        (b"\xf0\x0d\x01\xff\xff\xff\xff", "too_long"),
        (b"\xf0\x0d\x01\0\0\xff\xff    ", "json"),
    ] {
        let (addr, talking) = babbling(chunk);
        let ran = finish(&mut toggle_at(addr, &["--stage-exit-codes"]));
        assert_eq!(ran.code, Some(18), "{ran:?}");
        let packets = ran.packets();
        let last = packets.last().unwrap();
        assert_eq!((&last["outcome"], &last["reason"]), (&"malformed".into(), &reason.into()));
        assert!(last["raw_packet_hex"].as_str().unwrap().len() < 200, "an excerpt");
        let kind = talking.join().unwrap();
        assert!(hung_up(kind), "{kind:?}");
    }
}
