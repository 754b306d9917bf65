//! Several devices that are told things as one.
use std::{io, net::SocketAddr};

use lab::registry::{AnyDevice, AnyHost, BoxFuture};
use net::{Env, Role};
use proto::ConfigError;
use serde_json::{Map, Value, json};

/// Devices that are plugged in, each with the name it has in the record.
pub(super) struct Fleet {
    addr: SocketAddr,
    hosts: Vec<(String, Box<dyn AnyHost>)>,
}

impl Fleet {
    /// Starts them all, to dial `addr`: `device-1`, `device-2` and so on.
    ///
    /// # Errors
    /// The operating system's.
    pub(super) fn plug_in(
        env: &Env,
        devices: &[Box<dyn AnyDevice>],
        addr: SocketAddr,
    ) -> io::Result<Self> {
        let mut hosts = Vec::with_capacity(devices.len());
        for (n, device) in devices.iter().enumerate() {
            let name = format!("device-{}", n + 1);
            let host = device.plug_in(env.node(&name, Role::Device), addr)?;
            hosts.push((name, host));
        }
        Ok(Self { addr, hosts })
    }
}

impl AnyHost for Fleet {
    fn addr(&self) -> SocketAddr {
        self.addr
    }
    fn misbehave(&self, quirk: &str) -> BoxFuture<'_, Result<(), ConfigError>> {
        let quirk = quirk.to_owned();
        Box::pin(async move {
            for (_, host) in &self.hosts {
                host.misbehave(&quirk).await?;
            }
            Ok(())
        })
    }
    fn prompt(&self, prompt: Value) -> Result<(), ConfigError> {
        self.hosts.iter().try_for_each(|(_, host)| host.prompt(prompt.clone()))
    }
    /// What each remembers, by its name.
    fn snapshot(&self) -> Value {
        let all = self.hosts.iter().map(|(name, host)| (name.clone(), host.snapshot()));
        json!({ "devices": all.collect::<Map<_, _>>() })
    }
    fn stop(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            for (_, host) in self.hosts {
                host.stop().await;
            }
        })
    }
}
