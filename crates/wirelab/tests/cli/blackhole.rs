//! A network that swallows packets and says nothing: no FIN, no RST, an open connection and no peer.
//! The two programs are in namespaces of their own. Three seconds is what a person would wait.
use std::time::{Duration, Instant};

use crate::{
    links::{numbers, vkb},
    netns::Cable,
    support::*,
};

const PATIENCE: Duration = Duration::from_secs(3);

/// A device at the far end, and a state held at it from the near end.
struct Held {
    device: Device,
    hold: Running,
    cable: Cable,
}

impl Held {
    fn start(name: &str, flags: &[&str]) -> Option<Self> {
        let cable = Cable::lay(name)?;
        let far = cable.far.addr.to_string();
        let mut device = wirelab();
        device.args(["device", "vkb", "--port", "0", "--host", &far]);
        let device = Device::start(&mut cable.far.inside(&device));
        let mut hold = vkb(&["hold"], device.addr.port(), &["--host", &far, "--report"]);
        let hold = Running::start(&mut cable.near.inside(hold.args(flags)));
        hold.err.until("connected");
        let held = Self { device, hold, cable };
        assert_eq!(held.read(), 0, "the state it begins with");
        Some(held)
    }
    /// The number of the next frame the device reads.
    fn read(&self) -> u16 {
        let [number] = numbers(&[self.device.running.out.until("\"frame\"")])[..] else {
            panic!("a frame has a number")
        };
        number
    }
    fn assert(&mut self, n: u16) {
        let [shift, subshift] = n.to_le_bytes();
        self.hold.say(&format!("{shift} {subshift}"));
    }
    /// Cuts the two off while states are sent, ten a second. Says which was the last, and when the
    /// loss was noticed.
    fn lose_while_sending(&mut self) -> (u16, Duration) {
        self.assert(1);
        assert_eq!(self.read(), 1);
        self.cable.swallow();
        let since = Instant::now();
        for n in 2.. {
            self.assert(n);
            // The load's own pace.
            let line = self.hold.err.within(Duration::from_millis(100));
            if line.is_some_and(|line| line.contains("connection lost")) {
                return (n, since.elapsed());
            }
            assert!(since.elapsed() < 4 * PATIENCE, "it does not notice");
        }
        unreachable!("states are many more than {PATIENCE:?} of them")
    }
}

fn in_time(how: &str, noticed: Duration) {
    eprintln!("black hole noticed, {how}: {} ms", noticed.as_millis());
    assert!(noticed < PATIENCE, "{how}: {noticed:?}");
}

/// Nothing is unacknowledged, so keepalive alone can tell.
#[test]
fn an_idle_link_into_a_black_hole_is_noticed_and_mended() {
    let Some(held) = Held::start("idle", &[]) else { return };
    held.cable.swallow();
    let since = Instant::now();
    let line = held.hold.err.within(4 * PATIENCE).expect("it notices");
    assert!(line.contains("connection lost"), "{line}");
    in_time("idle", since.elapsed());
    held.cable.heal();
    held.hold.err.until("connected");
    assert_eq!(held.read(), 0, "the state is there again");
}

/// Bytes are unacknowledged, which suspends keepalive: only TCP_USER_TIMEOUT is left.
#[test]
fn a_link_that_sends_into_a_black_hole_is_noticed_and_mended() {
    let Some(mut held) = Held::start("sending", &["--confirm", "written"]) else { return };
    let (last, noticed) = held.lose_while_sending();
    in_time("sending", noticed);
    held.cable.heal();
    while held.read() != last {}
}

/// Neither keepalive nor a timeout of the kernel's has spoken when a state would have survived.
#[test]
fn no_state_sent_into_a_black_hole_is_believed_before_it_arrived() {
    let Some(mut held) = Held::start("believing", &["--ordered"]) else { return };
    let (last, noticed) = held.lose_while_sending();
    in_time("sending, waiting for survival", noticed);
    held.cable.heal();
    // 1 had arrived, and may not have survived yet.
    let mut next = held.read();
    assert!(next <= 2, "{next}");
    while next < last {
        next += 1;
        assert_eq!(held.read(), next, "every state, in order");
    }
    held.hold.signal("INT");
    let report = held.hold.out.until("submitted");
    assert!(report.contains(&format!("{} submitted", last + 1)), "{report}");
}
