//! Which scenarios can be played against a device that is not ours, and what of them cannot be seen
//! then: it obeys nobody here, and writes no record.
use super::{Await, Expect, Name, Scenario, Step};

impl Scenario {
    /// Why it needs a device of ours; nothing if it does not.
    pub fn needs_our_device(&self) -> Option<String> {
        let [device] = &self.devices[..] else {
            return Some(format!("it has {} devices, the target is one", self.devices.len()));
        };
        if device.settings.get_ref().as_object().is_none_or(|settings| !settings.is_empty()) {
            return Some("its device has settings".into());
        }
        if let Some(quirk) = device.quirks.iter().find(|quirk| *quirk.get_ref() != "success") {
            return Some(format!("its device misbehaves: {quirk}"));
        }
        if let Some(n) = self.steps.iter().position(|step| step.get_ref().controls_the_device()) {
            return Some(format!("step[{n}] controls the device"));
        }
        if !self.worlds.contains(&crate::Kind::Tcp) {
            return Some("it is for the simulated world only".into());
        }
        let mut seen = self.expects.iter().filter(|expect| !self.asks_the_device(expect.get_ref()));
        seen.next().is_none().then(|| "only the device's own record would tell".into())
    }

    /// What of it is passed over for want of the device's record, by place and word.
    pub fn unseen_of_foreign(&self) -> Vec<String> {
        let expects = self.expects.iter().enumerate().map(|(n, e)| (n, e.get_ref()));
        let expects = expects.filter(|(_, expect)| self.asks_the_device(expect));
        let expects = expects.map(|(n, expect)| format!("expect[{n}] {}", expect.word()));
        let steps = self.steps.iter().enumerate();
        let steps = steps.filter(|(_, step)| self.waits_for_the_device(step.get_ref()));
        steps.map(|(n, _)| format!("step[{n}] await")).chain(expects).collect()
    }

    /// The expectation is about what a device wrote down.
    pub(crate) fn asks_the_device(&self, expect: &Expect) -> bool {
        expect.node().is_some_and(|node| self.is_device(node))
    }

    /// The step waits for what a device writes down.
    pub(crate) fn waits_for_the_device(&self, step: &Step) -> bool {
        match step {
            Step::Await(Await { node, .. }) => self.is_device(node),
            Step::Request(_)
            | Step::Quirk(_)
            | Step::Stop(_)
            | Step::Start(_)
            | Step::Join(_)
            | Step::Raw(_)
            | Step::Fault(_)
            | Step::Lift(_)
            | Step::Cut(_)
            | Step::Heal(_) => false,
        }
    }

    fn is_device(&self, node: &Name) -> bool {
        self.device(node.get_ref()).is_some()
    }
}

impl Step {
    fn controls_the_device(&self) -> bool {
        match self {
            Self::Quirk(_) | Self::Stop(_) | Self::Start(_) => true,
            Self::Request(_)
            | Self::Await(_)
            | Self::Join(_)
            | Self::Raw(_)
            | Self::Fault(_)
            | Self::Lift(_)
            | Self::Cut(_)
            | Self::Heal(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(device: &str, more: &str) -> Scenario {
        let text = format!(
            "name = \"x\"\ntitle = \"x\"\nprotocol = \"hsms\"\n{more}\n[[device]]\nname = \"tool\"\n\
             {device}\n[[client]]\nname = \"host\"\ndevice = \"tool\"\n[[expect]]\n\
             outcome = {{ client = \"host\", is = \"ok\" }}\n[[expect]]\n\
             closed = {{ node = \"tool\", reason = \"peer\" }}\n[[step]]\n\
             await = {{ node = \"tool\", event = \"closed\" }}\n"
        );
        Scenario::parse("x.toml", &text).unwrap()
    }

    #[test]
    fn a_device_that_is_not_ours_has_no_settings_and_obeys_nobody() {
        let why = |device: &str, more: &str| scenario(device, more).needs_our_device();
        assert_eq!(why("", ""), None);
        assert_eq!(why("quirks = [\"success\"]", ""), None);
        let ours = [
            ("settings = { t3 = \"1s\" }", "", "settings"),
            ("quirks = [\"silent\"]", "", "misbehaves: silent"),
            ("[[step]]\nquirk = { device = \"tool\", quirk = \"silent\" }", "", "step[0]"),
            ("[[step]]\nstop = { device = \"tool\" }", "", "step[0]"),
            ("[[device]]\nname = \"other\"", "", "2 devices"),
            ("", "worlds = [\"sim\"]", "simulated"),
        ];
        for (device, more, says) in ours {
            let why = why(device, more).unwrap_or_default();
            assert!(why.contains(says), "{why}, not {says}");
        }
    }

    #[test]
    fn what_only_the_device_could_tell_is_named() {
        assert_eq!(scenario("", "").unseen_of_foreign(), ["step[0] await", "expect[1] closed"]);
        let text = "name = \"x\"\ntitle = \"x\"\nprotocol = \"hsms\"\n[[device]]\nname = \"tool\"\n\
             [[client]]\nname = \"host\"\ndevice = \"tool\"\n[[expect]]\n\
             connections = { device = \"tool\", count = 1 }\n";
        let blind = Scenario::parse("x.toml", text).unwrap().needs_our_device();
        assert!(blind.is_some_and(|why| why.contains("own record")));
    }
}
