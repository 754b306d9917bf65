//! Network namespaces joined by cables that can be made to swallow everything. For programs that must
//! find each other, or lose each other without a word: loopback cannot do that, and nobody else's network
//! may.
use std::{net::Ipv4Addr, process::Command};

/// The two ends of the cable. Both namespaces go when it is dropped.
pub(crate) struct Cable {
    pub(crate) near: Namespace,
    pub(crate) far: Namespace,
}

/// One of them, with its first address.
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
/// Nothing arrives, of either family.
const DEAFEN: &str = "add table inet deaf; \
    add chain inet deaf arriving { type filter hook prerouting priority -300; policy drop; }";
const HEAR: &str = "delete table inet deaf";

/// A line of namespaces, each joined to the next by a cable of its own and a network of its own, of both
/// families, without any route but to that. The first network is 192.0.2.0/28, the next 192.0.2.16/28;
/// in each the one before is 1 and the one behind is 2, at their eth1 and eth0.
pub(crate) fn line(name: &str, count: u8) -> Option<Vec<Namespace>> {
    try_line(name, count).map_err(|why| missing(&why)).ok()
}

fn try_line(name: &str, count: u8) -> Result<Vec<Namespace>, String> {
    let mut line: Vec<Namespace> = Vec::new();
    for n in 0..count {
        let addr = Ipv4Addr::new(192, 0, 2, if n == 0 { 1 } else { n * 16 - 14 });
        let next = Namespace::add(format!("{name}-{n}"), addr)?;
        next.ip(&["link", "set", "lo", "up"])?;
        // Nobody else has its addresses, and asking takes a second.
        next.sh("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad")?;
        if let Some(before) = line.last() {
            let veth = ["link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns"];
            run(Command::new("ip").args(["-n", &before.name]).args(veth).arg(&next.name))?;
            before.plug("eth1", Ipv4Addr::new(192, 0, 2, n * 16 - 15))?;
            next.plug("eth0", addr)?;
            before.is_up("eth1")?;
            next.is_up("eth0")?;
        }
        line.push(next);
    }
    if let Some(first) = line.first() {
        // Whatever this kernel cannot do shows now.
        first.filter(DEAFEN)?;
        first.filter(HEAR)?;
    }
    Ok(line)
}

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
        [&self.near, &self.far].into_iter().try_for_each(|end| end.filter(rules))
    }
}

impl Namespace {
    fn add(name: String, addr: Ipv4Addr) -> Result<Self, String> {
        let name = format!("wirelab-{}-{name}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &name]))?;
        Ok(Self { name, addr })
    }
    fn up(&self) -> Result<(), String> {
        self.ip(&["address", "add", &format!("{}/24", self.addr), "dev", "eth0"])?;
        self.ip(&["link", "set", "lo", "up"])?;
        self.ip(&["link", "set", "eth0", "up"])
    }
    fn ip(&self, args: &[&str]) -> Result<(), String> {
        run(Command::new("ip").args(["-n", &self.name]).args(args))
    }
    fn sh(&self, script: &str) -> Result<(), String> {
        run(&mut self.inside(Command::new("sh").args(["-c", script])))
    }
    fn filter(&self, rules: &str) -> Result<(), String> {
        run(&mut self.inside(Command::new("nft").arg(rules)))
    }
    fn plug(&self, interface: &str, addr: Ipv4Addr) -> Result<(), String> {
        self.ip(&["address", "add", &format!("{addr}/28"), "dev", interface])?;
        self.ip(&["link", "set", interface, "up"])
    }
    /// Waits until the other end is plugged in as well, which the kernel takes its time to tell.
    fn is_up(&self, interface: &str) -> Result<(), String> {
        let script = format!(
            "for n in $(seq 200); do ip link show {interface} | grep -q 'state UP' && exit; \
             sleep 0.02; done; exit 1"
        );
        self.sh(&script)
    }
    /// From now on it hears nothing, and nobody is told.
    pub(crate) fn deafen(&self) {
        self.filter(DEAFEN).expect("it could be filtered before");
    }
    /// From now on it hears everything again.
    pub(crate) fn hear(&self) {
        self.filter(HEAR).expect("it was filtered");
    }
    /// Pulls the plug of this interface, or puts it back.
    pub(crate) fn set_link(&self, interface: &str, state: &str) {
        self.ip(&["link", "set", interface, state]).expect("it has that interface");
    }
    /// Drops what arrives on this UDP port, from here as well.
    pub(crate) fn close_udp(&self, port: u16) {
        let rules = format!(
            "add table inet wall; \
             add chain inet wall arriving {{ type filter hook input priority 0; }}; \
             add rule inet wall arriving udp dport {port} drop"
        );
        self.filter(&rules).expect("it can be filtered");
    }
    /// Routes that lead anywhere but next door.
    pub(crate) fn default_routes(&self) -> String {
        let mut show = Command::new("ip");
        let show = show.args(["-n", &self.name, "route", "show", "default"]);
        String::from_utf8(show.output().expect("there is an ip").stdout).expect("text")
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
