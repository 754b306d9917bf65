//! Two network namespaces joined by a cable that can be made to swallow everything. For programs that
//! must lose each other without a word: loopback cannot do that, and nobody else's network may.
use std::{net::Ipv4Addr, process::Command};

/// The two ends of the cable. Both namespaces go when it is dropped.
pub(crate) struct Cable {
    pub(crate) near: Namespace,
    pub(crate) far: Namespace,
}

/// One of them, with one address.
pub(crate) struct Namespace {
    name: String,
    pub(crate) addr: Ipv4Addr,
}

/// What arrives is dropped before anything sees it. What leaves is let go: a sender whose own packets
/// are refused by its own host hears of it.
const SWALLOW: &str = "add table ip hole; \
    add chain ip hole arriving { type filter hook prerouting priority -300; policy drop; }";
/// The far end answers whatever arrives with a reset, as a firewall does that rejects.
const REFUSE: &str = "add table ip hole; \
    add chain ip hole arriving { type filter hook input priority 0; }; \
    add rule ip hole arriving ip daddr 192.0.2.2 meta l4proto tcp reject with tcp reset";
const HEAL: &str = "delete table ip hole";

impl Cable {
    /// Lays it, or says what is missing for that. The name is one of its own for every test.
    pub(crate) fn lay(name: &str) -> Option<Self> {
        Self::try_lay(name).map_err(|why| missing(&why)).ok()
    }
    fn try_lay(name: &str) -> Result<Self, String> {
        let near = Namespace::add(format!("{name}-near"), Ipv4Addr::new(192, 0, 2, 1))?;
        let far = Namespace::add(format!("{name}-far"), Ipv4Addr::new(192, 0, 2, 2))?;
        let veth = ["link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns"];
        run(Command::new("ip").args(["-n", &near.name]).args(veth).arg(&far.name))?;
        near.up()?;
        far.up()?;
        let cable = Self { near, far };
        // Whatever this kernel cannot do shows now.
        for rules in [SWALLOW, REFUSE] {
            cable.filter(rules)?;
            cable.filter(HEAL)?;
        }
        Ok(cable)
    }
    /// From now on nothing arrives at either end, and neither is told.
    pub(crate) fn swallow(&self) {
        self.filter(SWALLOW).expect("it could be filtered before");
    }
    /// From now on the far end answers every packet with a reset.
    pub(crate) fn refuse(&self) {
        self.filter(REFUSE).expect("it could be filtered before");
    }
    /// From now on everything does again.
    pub(crate) fn heal(&self) {
        self.filter(HEAL).expect("it was filtered");
    }
    fn filter(&self, rules: &str) -> Result<(), String> {
        let both = [&self.near, &self.far];
        both.into_iter().try_for_each(|end| run(&mut end.inside(Command::new("nft").arg(rules))))
    }
}

impl Namespace {
    fn add(name: String, addr: Ipv4Addr) -> Result<Self, String> {
        let name = format!("wirelab-{}-{name}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &name]))?;
        Ok(Self { name, addr })
    }
    fn up(&self) -> Result<(), String> {
        let ip = |args: &[&str]| run(Command::new("ip").args(["-n", &self.name]).args(args));
        ip(&["address", "add", &format!("{}/24", self.addr), "dev", "eth0"])?;
        ip(&["link", "set", "lo", "up"])?;
        ip(&["link", "set", "eth0", "up"])
    }
    /// The same command, run in here. The process is the command's own, also for signals.
    pub(crate) fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.name]).arg(command.get_program());
        inside.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(why) = run(Command::new("ip").args(["netns", "delete", &self.name])) {
            eprintln!("a namespace is left: {why}");
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().display().to_string();
    let output = command.output().map_err(|e| format!("{program}: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{program}: {}", said.trim())) }
}

fn missing(why: &str) {
    let needs = "needs root, ip and nft (Debian: iproute2, nftables)";
    let required = std::env::var("WIRELAB_REQUIRE_TOOLS").is_ok_and(|v| v == "1");
    assert!(!required, "{needs}: {why}");
    eprintln!("SKIPPED: {needs}: {why}");
}
