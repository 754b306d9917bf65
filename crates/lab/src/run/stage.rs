//! The cast of a scenario in its world: put there, and taken away again.
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use net::Role;
use tokio::task::JoinHandle;

use super::steps::join_all;
use crate::{
    World,
    registry::{AnyClient, AnyDevice, AnyHost, AnyProtocol},
    scenario::{Scenario, ScenarioError},
};

/// The cast in its world.
pub(super) struct Stage<'a> {
    pub(super) world: &'a World,
    pub(super) scenario: &'a Scenario,
    devices: BTreeMap<&'a str, Seat>,
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
    pub(super) async fn clear(self) {
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

    pub(super) fn seat(&mut self, device: &str) -> &mut Seat {
        self.devices.get_mut(device).expect("the scenario was checked")
    }
}
