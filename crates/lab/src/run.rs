//! Plays a scenario: puts its cast into a world, takes it through its steps, and hands back the
//! record. Whether that was right is not decided here.
use std::{
    collections::BTreeMap,
    future::{Future, pending},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use net::{Event, Record, Role, bare};
use tokio::task::JoinHandle;

use crate::{
    Kind, World,
    registry::{AnyClient, AnyDevice, AnyHost, AnyProtocol},
    scenario::{Await, Raw, Request, Scenario, ScenarioError, Step},
    words,
};

/// How long a step may wait for something. The world's time: no real time in a simulated one.
const PATIENCE: Duration = Duration::from_secs(10);

/// What evidence and reports call the world in which the device is somebody else's.
pub const TARGET: &str = "target";

/// What a run leaves behind.
#[derive(Clone, Debug)]
pub struct Played {
    /// Everything that happened.
    pub records: Vec<Record>,
    /// When it began, by the calendar.
    pub started: Timestamp,
    /// How long it took, in the world's own time.
    pub took: Duration,
}

impl Played {
    /// Nobody was there, as far as any connection tells: the operating system's words.
    pub fn nobody(&self) -> Option<&str> {
        let mut events = self.records.iter().map(|r| &r.event);
        if events.any(|event| matches!(event, Event::Opened { .. })) {
            return None;
        }
        self.records.iter().find_map(|r| {
            let Event::ConnectFailed { detail, .. } = &r.event else { return None };
            Some(detail.as_str())
        })
    }
}

/// Plays `scenario` in a new world.
///
/// # Errors
/// Settings, quirks, requests or policies that the protocol does not take: each with its line.
pub fn play(scenario: &Scenario, kind: Kind, seed: u64) -> Result<Played, Vec<ScenarioError>> {
    let played = play_until(scenario, kind, seed, pending())?;
    Ok(played.expect("nothing cuts it short"))
}

/// The same, unless `stop` comes first: then it is dropped where it stands, and there is nothing to
/// judge.
///
/// # Errors
/// As for [`play`].
pub fn play_until(
    scenario: &Scenario,
    kind: Kind,
    seed: u64,
    stop: impl Future<Output = ()>,
) -> Result<Option<Played>, Vec<ScenarioError>> {
    let protocol = scenario.check_spoken()?;
    kind.run(seed, async |world| {
        let mut stage = Stage::empty(&world, scenario);
        stage.add_devices(protocol)?;
        stage.set(protocol)?;
        Ok(to_its_end(stage, &world, stop).await)
    })
}

/// Plays `scenario` against the device at `target`, which is not ours: over real sockets, and without
/// what [`Scenario::unseen_of_foreign`] names.
///
/// # Errors
/// As for [`play`]; nobody checks here that it can be played so, see [`Scenario::needs_our_device`].
pub fn play_against(
    scenario: &Scenario,
    target: SocketAddr,
    seed: u64,
    stop: impl Future<Output = ()>,
) -> Result<Option<Played>, Vec<ScenarioError>> {
    let protocol = scenario.check_spoken()?;
    Kind::Tcp.run(seed, async |world| {
        let mut stage = Stage::empty(&world, scenario);
        stage.add_target(target);
        stage.set(protocol)?;
        Ok(to_its_end(stage, &world, stop).await)
    })
}

async fn to_its_end(
    mut stage: Stage<'_>,
    world: &World,
    stop: impl Future<Output = ()>,
) -> Option<Played> {
    let playing = async move {
        stage.play().await;
        stage.clear().await;
    };
    tokio::select! {
        biased;
        () = stop => return None,
        () = playing => {}
    }
    let env = world.env();
    let took = env.now().since_start();
    Some(Played { records: env.recorder.records(), started: env.started(), took })
}

/// The cast in its world.
struct Stage<'a> {
    world: &'a World,
    scenario: &'a Scenario,
    devices: BTreeMap<&'a str, Seat>,
    clients: BTreeMap<&'a str, Arc<dyn AnyClient>>,
    background: BTreeMap<&'a str, Vec<JoinHandle<()>>>,
}

/// A device's place: its memory outlives its being plugged in.
struct Seat {
    /// None if it is somebody else's.
    device: Option<Box<dyn AnyDevice>>,
    addr: SocketAddr,
    host: Option<Box<dyn AnyHost>>,
}

impl Seat {
    fn dials(&self) -> bool {
        self.device.as_ref().is_some_and(|device| device.dials())
    }
}

impl<'a> Stage<'a> {
    fn empty(world: &'a World, scenario: &'a Scenario) -> Self {
        Self {
            world,
            scenario,
            devices: BTreeMap::new(),
            clients: BTreeMap::new(),
            background: BTreeMap::new(),
        }
    }

    fn add_target(&mut self, addr: SocketAddr) {
        for cast in &self.scenario.devices {
            let seat = Seat { device: None, addr, host: None };
            self.devices.insert(cast.name.get_ref(), seat);
        }
    }

    fn add_devices(&mut self, protocol: &dyn AnyProtocol) -> Result<(), Vec<ScenarioError>> {
        let scenario = self.scenario;
        for (n, cast) in scenario.devices.iter().enumerate() {
            let wrong = |e: proto::ConfigError| {
                let key = format!("device[{n}].{}", e.key);
                vec![scenario.error_at(cast.settings.span(), key, e.problem)]
            };
            let device = protocol.device(cast.settings.get_ref().clone()).map_err(wrong)?;
            let seat = Seat { device: Some(device), addr: World::any_port(), host: None };
            self.devices.insert(cast.name.get_ref(), seat);
        }
        Ok(())
    }

    /// Plugs the devices in and makes the clients, who listens before who dials.
    fn set(&mut self, protocol: &dyn AnyProtocol) -> Result<(), Vec<ScenarioError>> {
        let scenario = self.scenario;
        self.plug_in_all(|seat| !seat.dials())?;
        for (n, cast) in scenario.clients.iter().enumerate() {
            let name = cast.name.get_ref();
            let addr = self.devices[cast.device.get_ref().as_str()].addr;
            let client = protocol.client(
                self.world.node(name, Role::Client),
                vec![addr],
                cast.settings.get_ref().clone(),
                cast.policy.get_ref().clone(),
            );
            let client = client.map_err(|e| {
                let key = format!("client[{n}].{}", e.key);
                vec![scenario.error_at(cast.policy.span(), key, e.problem)]
            })?;
            let seat = self.seat(cast.device.get_ref());
            match (seat.dials(), client.addr()) {
                (true, Some(addr)) => seat.addr = addr,
                (false, None) => {}
                (dials, _) => {
                    let both = if dials { "both dial" } else { "both listen" };
                    let problem = format!("{name} and {}: {both}", cast.device.get_ref());
                    let key = format!("client[{n}].settings");
                    return Err(vec![scenario.error_at(cast.settings.span(), key, problem)]);
                }
            }
            self.clients.insert(name, client);
        }
        self.plug_in_all(Seat::dials)
    }

    fn plug_in_all(&mut self, which: impl Fn(&Seat) -> bool) -> Result<(), Vec<ScenarioError>> {
        for (n, cast) in self.scenario.devices.iter().enumerate() {
            let name = cast.name.get_ref();
            let seat = self.seat(name);
            if seat.device.is_some()
                && which(seat)
                && let Err(problem) = self.plug_in(name)
            {
                let key = format!("device[{n}]");
                return Err(vec![self.scenario.error_at(cast.name.span(), key, problem)]);
            }
        }
        Ok(())
    }

    async fn play(&mut self) {
        let scenario = self.scenario;
        for cast in &scenario.devices {
            if self.has_target() {
                break;
            }
            for quirk in &cast.quirks {
                if let Err(problem) = self.misbehave(cast.name.get_ref(), quirk.get_ref()).await {
                    return self.fail(0, problem);
                }
            }
        }
        for (n, step) in scenario.steps.iter().enumerate() {
            let step = step.get_ref();
            if self.has_target() && scenario.waits_for_the_device(step) {
                continue;
            }
            self.world.env().record(Event::Step { step: n + 1, text: in_words(step) });
            if let Err(problem) = self.take(step).await {
                return self.fail(n + 1, problem);
            }
        }
    }

    /// The device is somebody else's, who writes no record here.
    fn has_target(&self) -> bool {
        self.devices.values().any(|seat| seat.device.is_none())
    }

    fn fail(&self, step: usize, problem: String) {
        self.world.env().record(Event::StepFailed { step, problem });
    }

    async fn take(&mut self, step: &'a Step) -> Result<(), String> {
        match step {
            Step::Request(request) => self.request(request).await,
            Step::Quirk(q) => self.misbehave(q.device.get_ref(), q.quirk.get_ref()).await,
            Step::Stop(stop) => match self.seat(stop.device.get_ref()).host.take() {
                Some(host) => {
                    host.stop().await;
                    Ok(())
                }
                None => Err(format!("{} is not running", stop.device.get_ref())),
            },
            Step::Start(start) => self.plug_in(start.device.get_ref()),
            Step::Await(wanted) => self.wait_for(wanted).await,
            Step::Join(join) => {
                let asked = self.background.remove(join.client.get_ref().as_str());
                join_all(asked.unwrap_or_default()).await;
                Ok(())
            }
            Step::Raw(raw) => self.raw(raw).await,
        }
    }

    async fn request(&mut self, request: &'a Request) -> Result<(), String> {
        let name = request.client.get_ref().as_str();
        let client = self.clients[name].clone();
        let Request { send, times, background, .. } = request;
        let (send, times) = (send.get_ref().clone(), *times);
        let asking = async move {
            for _ in 0..times {
                // How it ended is in the record; that it can be asked at all was checked before.
                let _ = client.request(send.clone()).await;
            }
        };
        if !*background {
            asking.await;
            return Ok(());
        }
        let before = self.submissions(name);
        self.background.entry(name).or_default().push(tokio::spawn(asking));
        // The next step comes after this one, so it must have begun.
        let mut left = before + 1;
        let begun = self.world.recorder().until(|r| {
            left -= usize::from(is_submission(r, name));
            (left == 0).then_some(())
        });
        self.at_most(begun, || format!("{name} never took the request on")).await
    }

    fn submissions(&self, client: &str) -> usize {
        self.world.recorder().records().iter().filter(|r| is_submission(r, client)).count()
    }

    async fn misbehave(&mut self, device: &str, quirk: &str) -> Result<(), String> {
        match &self.seat(device).host {
            Some(host) => host.misbehave(quirk).await.map_err(|e| e.to_string()),
            None => Err(format!("{device} is not running, so it cannot misbehave")),
        }
    }

    fn plug_in(&mut self, device: &str) -> Result<(), String> {
        let env = self.world.node(device, Role::Device);
        let seat = self.seat(device);
        if seat.host.is_some() {
            return Err(format!("{device} is running already"));
        }
        let Some(its) = &seat.device else {
            return Err(format!("{device} is not ours to plug in"));
        };
        let host = its.plug_in(env, seat.addr);
        let host = host.map_err(|e| format!("{device} cannot listen at {}: {e}", seat.addr))?;
        seat.addr = host.addr();
        seat.host = Some(host);
        Ok(())
    }

    async fn wait_for(&self, wanted: &Await) -> Result<(), String> {
        let Await { node, event, nth } = wanted;
        let (node, event, mut left) = (node.get_ref().as_str(), event.get_ref().as_str(), *nth);
        let happened = self.world.recorder().until(|r| {
            let fits = &*r.node == node && words::event(&r.event) == event;
            left -= u32::from(fits && left > 0);
            (left == 0).then_some(())
        });
        self.at_most(happened, || format!("waited in vain for {event} at {node}")).await
    }

    async fn raw(&mut self, raw: &Raw) -> Result<(), String> {
        let addr = self.seat(raw.device.get_ref()).addr;
        let env = self.world.node("raw", Role::Lab);
        let bytes = raw.hex.0.clone().into();
        match bare::exchange(&env, addr, bytes, raw.eof, PATIENCE).await {
            Ok(_) => Ok(()),
            Err(e) => Err(format!("cannot connect to {addr}: {e}")),
        }
    }

    async fn at_most<T>(
        &self,
        wanted: impl Future<Output = T>,
        problem: impl FnOnce() -> String,
    ) -> Result<T, String> {
        let env = self.world.env();
        tokio::select! {
            biased;
            got = wanted => Ok(got),
            () = env.sleep_until(env.now() + PATIENCE) => Err(problem()),
        }
    }

    /// Ends everything in order, so that whatever is left over is a finding.
    async fn clear(self) {
        for asked in self.background.into_values() {
            join_all(asked).await;
        }
        for client in self.clients.into_values() {
            client.close().await;
        }
        for seat in self.devices.into_values() {
            if let Some(host) = seat.host {
                host.stop().await;
            }
        }
        self.world.end().await;
    }

    fn seat(&mut self, device: &str) -> &mut Seat {
        self.devices.get_mut(device).expect("the scenario was checked")
    }
}

fn is_submission(record: &Record, client: &str) -> bool {
    &*record.node == client && matches!(record.event, Event::Submitted { .. })
}

async fn join_all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.expect("asking does not panic");
    }
}

fn in_words(step: &Step) -> String {
    match step {
        Step::Request(Request { client, send, times, background }) => {
            let often = if *times == 1 { String::new() } else { format!(" {times} times") };
            let meanwhile = if *background { ", in the background" } else { "" };
            format!("{} asks{often}: {}{meanwhile}", client.get_ref(), send.get_ref())
        }
        Step::Quirk(q) => format!("{} is told: {}", q.device.get_ref(), q.quirk.get_ref()),
        Step::Stop(s) => format!("{} is pulled out", s.device.get_ref()),
        Step::Start(s) => format!("{} is plugged in", s.device.get_ref()),
        Step::Await(Await { node, event, nth }) => {
            format!("wait for {} at {}, number {nth}", event.get_ref(), node.get_ref())
        }
        Step::Join(join) => format!("wait for the requests of {}", join.client.get_ref()),
        Step::Raw(Raw { device, hex, eof }) => {
            let fin = if *eof { " and FIN" } else { "" };
            format!("somebody sends {hex:?}{fin} to {}", device.get_ref())
        }
    }
}
