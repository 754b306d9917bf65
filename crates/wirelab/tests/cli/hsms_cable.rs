//! A host and an equipment in network namespaces of their own, joined by a cable that is cut, closed
//! by a firewall, and mended.
use crate::{netns::Cable, support::*};

struct Pair {
    device: Device,
    host: Running,
    cable: Cable,
}

impl Pair {
    /// An equipment at the far end, and a host at the near one that is SELECTED.
    fn start(name: &str, flags: &[&str]) -> Option<Self> {
        let cable = Cable::lay(name)?;
        let far = cable.far.addr.to_string();
        let mut device = wirelab();
        device.args(["device", "hsms", "--port", "0", "--host", &far]);
        let device = Device::start(&mut cable.far.inside(&device));
        let mut host = wirelab();
        host.args(["hsms", "monitor", &device.addr.to_string(), "--t5", "300ms"]).args(flags);
        let host = Running::start(&mut cable.near.inside(&host));
        host.err.until("SELECTED");
        Some(Self { device, host, cable })
    }
    /// It is SELECTED again, and the equipment answers.
    fn is_mended(&mut self) {
        self.host.err.until("SELECTED");
        self.host.say("S1F1 W");
        self.host.out.until("S1F2");
        assert!(self.device.show().0["selected"].as_u64() >= Some(2));
    }
}

/// Nothing is told to either end. The linktest asks, T6 gives up.
#[test]
fn a_drop_is_noticed_by_linktest_and_t6() {
    let flags = ["--linktest", "500ms", "--t6", "500ms"];
    let Some(mut pair) = Pair::start("hsms-drop", &flags) else { return };
    pair.cable.swallow();
    let line = pair.host.err.until("next try");
    assert!(line.contains("no Linktest.rsp") && line.contains("T6 of 500ms"), "{line}");
    pair.cable.heal();
    pair.is_mended();
}

/// A firewall that says no is told as what it is.
#[test]
fn a_firewalls_reject_is_reported_and_mended() {
    let Some(mut pair) = Pair::start("hsms-reject", &[]) else { return };
    pair.cable.refuse();
    pair.host.say("linktest");
    let line = pair.host.err.until("next try");
    assert!(line.contains("reset") || line.contains("refused"), "{line}");
    let line = pair.host.err.until("next try");
    assert!(line.contains("refused"), "{line}");
    pair.cable.heal();
    pair.is_mended();
}
