//! PLANTED BUG. A small toggle client as many are written, and wrong: it takes a write that returned
//! for a command that arrived, never reads, and so never learns that its connection has ended.
//!
//! ```console
//! $ wirelab device toggle --port 9000        # in another terminal
//! $ cargo run --example believes_its_send -- 127.0.0.1:9000
//! ```
//!
//! Press Enter for each command; stop the device and start it again in between. The next command is
//! "delivered", and the device knows nothing of it. `wirelab run a-planted-bug-is-convicted` plays the
//! same story and convicts it from what was on the wire.
use std::{
    error::Error,
    io::{Write, stdin},
    net::TcpStream,
};

fn main() -> Result<(), Box<dyn Error>> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9000".into());
    let mut device = TcpStream::connect(&addr)?;
    for (n, line) in stdin().lines().enumerate() {
        line?;
        // The bug: the kernel took the bytes. Whether anybody read them, nobody asked.
        match device.write_all(&toggle(n, n % 2 == 0)) {
            Ok(()) => println!("command {n} delivered"),
            // The other bug: the same dead socket is written to for ever.
            Err(e) => println!("command {n} failed: {e}"),
        }
    }
    Ok(())
}

fn toggle(n: usize, state: bool) -> Vec<u8> {
    let payload = format!(
        r#"{{"opcode": "toggle", "device_id": "D1", "msg_id": "{n:016x}", "state": {state}}}"#
    );
    let length = (payload.len() as u32).to_be_bytes();
    [&[0xf0, 0x0d, 1], &length[..], payload.as_bytes()].concat()
}
