//! The cast of a scenario in its world: put there, and taken away again.
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use net::{Event, Record, Role, proxy::Proxy};
use tokio::task::JoinHandle;

use super::{DRAIN, steps::join_all};
use crate::{
    World,
    registry::{AnyClient, AnyDevice, AnyHost, AnyProtocol},
    scenario::{Make, Scenario, ScenarioError},
};

/// The cast in its world.
pub(super) struct Stage<'a> {
    pub(super) world: &'a World,
    pub(super) scenario: &'a Scenario,
    devices: BTreeMap<&'a str, Seat>,
    proxies: BTreeMap<&'a str, Proxy>,
    pub(super) clients: BTreeMap<&'a str, Arc<dyn AnyClient>>,
    pub(super) background: BTreeMap<&'a str, Vec<JoinHandle<()>>>,
}

/// A device's place: its memory outlives its being plugged in.
pub(super) struct Seat {
    /// None if it is somebody else's.
    device: Option<Box<dyn AnyDevice>>,
    pub(super) addr: SocketAddr,
    pub(super) host: Option<Box<dyn AnyHost>>,
}

impl Seat {
    fn dials(&self) -> bool {
        self.device.as_ref().is_some_and(|device| device.dials())
    }
}

impl<'a> Stage<'a> {
    pub(super) fn empty(world: &'a World, scenario: &'a Scenario) -> Self {
        Self {
            world,
            scenario,
            devices: BTreeMap::new(),
            proxies: BTreeMap::new(),
            clients: BTreeMap::new(),
            background: BTreeMap::new(),
        }
    }

    pub(super) fn add_target(&mut self, addr: SocketAddr) {
        for cast in &self.scenario.devices {
            let seat = Seat { device: None, addr, host: None };
            self.devices.insert(cast.name.get_ref(), seat);
        }
    }

    pub(super) fn add_devices(
        &mut self,
        protocol: &dyn AnyProtocol,
    ) -> Result<(), Vec<ScenarioError>> {
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
    pub(super) fn set(&mut self, protocol: &dyn AnyProtocol) -> Result<(), Vec<ScenarioError>> {
        let scenario = self.scenario;
        self.plug_in_all(|seat| !seat.dials())?;
        self.add_proxies(protocol)?;
        for (n, cast) in scenario.clients.iter().enumerate() {
            let name = cast.name.get_ref();
            let seat = &self.devices[cast.device.get_ref().as_str()];
            let via = cast.via.as_ref().map(|via| via.get_ref().as_str());
            let proxy = via.and_then(|via| self.proxies.get(via));
            let addr = proxy.map_or(seat.addr, Proxy::addr);
            let (env, settings) =
                (self.world.node(name, Role::Client), cast.settings.get_ref().clone());
            let client = match cast.kind {
                Make::Ours => {
                    protocol.client(env, vec![addr], settings, cast.policy.get_ref().clone())
                }
                Make::Careless => protocol.careless(env, vec![addr], settings),
            };
            let client = client.map_err(|e| {
                let key = format!("client[{n}].{}", e.key);
                vec![scenario.error_at(cast.policy.span(), key, e.problem)]
            })?;
            let seat = self.seat(cast.device.get_ref());
            match (seat.dials(), client.addr()) {
                (true, Some(addr)) => {
                    seat.addr = addr;
                    if let Some(via) = via {
                        let proxy = self.stand_between(via, addr, protocol)?;
                        self.seat(cast.device.get_ref()).addr = proxy;
                    }
                }
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

    /// Proxies before devices that listen. One before a device that dials waits for the client.
    fn add_proxies(&mut self, protocol: &dyn AnyProtocol) -> Result<(), Vec<ScenarioError>> {
        for cast in &self.scenario.proxies {
            let seat = &self.devices[cast.device.get_ref().as_str()];
            if !seat.dials() {
                self.stand_between(cast.name.get_ref(), seat.addr, protocol)?;
            }
        }
        Ok(())
    }

    /// Puts a proxy before whoever listens at `target`, with its faults in force; where it listens.
    fn stand_between(
        &mut self,
        name: &'a str,
        target: SocketAddr,
        protocol: &dyn AnyProtocol,
    ) -> Result<SocketAddr, Vec<ScenarioError>> {
        let casts = self.scenario.proxies.iter().enumerate();
        let mut casts = casts.filter(|(_, cast)| cast.name.get_ref() == name);
        let (n, cast) = casts.next().expect("the scenario was checked");
        let wrong = |span, key: &str, problem: String| {
            vec![self.scenario.error_at(span, format!("proxy[{n}]{key}"), problem)]
        };
        if self.proxies.contains_key(name) {
            let problem = "several clients that listen go through it; give each its own";
            return Err(wrong(cast.name.span(), ".name", problem.into()));
        }
        let env = self.world.node(name, Role::Proxy);
        let proxy = Proxy::start(env, World::any_port(), vec![target], Some(protocol.speech()))
            .map_err(|e| wrong(cast.name.span(), "", format!("cannot listen: {e}")))?;
        for fault in &cast.faults {
            proxy
                .add(fault.get_ref().clone())
                .map_err(|e| wrong(fault.span(), ".faults", e.problem))?;
        }
        let addr = proxy.addr();
        self.proxies.insert(name, proxy);
        Ok(addr)
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

    pub(super) fn plug_in(&mut self, device: &str) -> Result<(), String> {
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

    /// The device is somebody else's, who writes no record here.
    pub(super) fn has_target(&self) -> bool {
        self.devices.values().any(|seat| seat.device.is_none())
    }

    /// Ends everything in order, so that whatever is left over is a finding.
    pub(super) async fn clear(mut self) {
        for asked in std::mem::take(&mut self.background).into_values() {
            join_all(asked).await;
        }
        for client in std::mem::take(&mut self.clients).into_values() {
            client.close().await;
        }
        if !self.proxies.is_empty() {
            let env = self.world.env();
            tokio::select! {
                biased;
                () = self.carried() => {}
                () = env.sleep_until(env.now() + DRAIN) => {}
            }
        }
        for proxy in self.proxies.into_values() {
            proxy.stop().await;
        }
        for seat in self.devices.into_values() {
            if let Some(host) = seat.host {
                host.stop().await;
            }
        }
        self.world.end().await;
    }

    /// Returns when every connection to a proxy was accepted and is closed.
    async fn carried(&self) {
        let doors: Vec<SocketAddr> = self.proxies.values().map(Proxy::addr).collect();
        let moved = |r: &Record| {
            let event = matches!(r.event, Event::Opened { .. } | Event::Closed { .. });
            r.role == Role::Proxy && event
        };
        loop {
            let (mut waiting, mut open, mut seen) = (0_i64, 0_i64, 1);
            for record in self.world.recorder().records() {
                seen += usize::from(moved(&record));
                match (record.role, &record.event) {
                    (Role::Proxy, Event::Opened { local, .. }) => {
                        open += 1;
                        waiting -= i64::from(doors.contains(local));
                    }
                    (Role::Proxy, Event::Closed { .. }) => open -= 1,
                    (_, Event::Opened { peer, .. }) => waiting += i64::from(doors.contains(peer)),
                    _ => {}
                }
            }
            if waiting <= 0 && open <= 0 {
                return;
            }
            let next = self.world.recorder().until(|r| {
                seen -= usize::from(seen > 0 && moved(r));
                (seen == 0).then_some(())
            });
            next.await;
        }
    }

    pub(super) fn proxy(&self, name: &str) -> &Proxy {
        self.proxies.get(name).expect("the scenario was checked")
    }

    pub(super) fn seat(&mut self, device: &str) -> &mut Seat {
        self.devices.get_mut(device).expect("the scenario was checked")
    }
}
