//! Every protocol, by name: the only list of protocols in the workspace, and the one place where
//! types become JSON.
use std::{future::Future, io, marker::PhantomData, net::SocketAddr, pin::Pin, sync::Arc};

use net::{Client, Door, Env, Failure, Host, Receipt, Way, careless::Careless, proxy::Speech};
use proto::{
    ConfigError, Policy, PolicyPatch, Protocol, Supervisor, cover::NewCover, cync::Cync,
    explain::Explanation, hsms::Hsms, tazcom::Tazcom, toggle::Lamp, vkb::Vkb,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Every protocol there is.
pub const PROTOCOLS: &[&dyn AnyProtocol] = &[
    &Entry::<Lamp>::NEW,
    &Entry::<Vkb>::NEW,
    &Entry::<Hsms>::NEW,
    &Entry::<Cync>::NEW,
    &Entry::<Tazcom>::NEW,
];

/// The protocol called `name`.
///
/// # Errors
/// There is none; the message says which there are.
pub fn find(name: &str) -> Result<&'static dyn AnyProtocol, ConfigError> {
    PROTOCOLS.iter().copied().find(|p| p.name() == name).ok_or_else(|| {
        let all: Vec<_> = PROTOCOLS.iter().map(|p| p.name()).collect();
        ConfigError::new("protocol", format!("no protocol `{name}`; there is {}", all.join(", ")))
    })
}

/// A future that may live in a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A protocol with its types erased, for scenario files and the command line.
pub trait AnyProtocol: Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// The port its devices usually listen on.
    fn port(&self) -> u16;
    /// A client of the device at `addrs`; one that listens does so at the first of them.
    ///
    /// # Errors
    /// The settings or the policy make no sense, or it cannot listen there.
    fn client(
        &self,
        env: Env,
        addrs: Vec<SocketAddr>,
        settings: Value,
        policy: PolicyPatch,
    ) -> Result<Arc<dyn AnyClient>, ConfigError>;
    /// A client with a planted bug, see [`net::careless`].
    ///
    /// # Errors
    /// The settings make no sense.
    fn careless(
        &self,
        env: Env,
        addrs: Vec<SocketAddr>,
        settings: Value,
    ) -> Result<Arc<dyn AnyClient>, ConfigError>;
    /// A device, not plugged in yet.
    ///
    /// # Errors
    /// The settings make no sense.
    fn device(&self, settings: Value) -> Result<Box<dyn AnyDevice>, ConfigError>;
    /// So many devices that are alike, not plugged in yet.
    ///
    /// # Errors
    /// The settings make no sense, or several would be one and the same.
    fn devices(&self, settings: Value, count: u32) -> Result<Vec<Box<dyn AnyDevice>>, ConfigError>;
    /// Checks a request without sending it.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check_request(&self, request: &Value) -> Result<(), ConfigError>;
    /// Checks a quirk without arming it.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check_quirk(&self, quirk: &str) -> Result<(), ConfigError>;
    /// Names every byte.
    fn explain(&self, bytes: &[u8]) -> Explanation;
    /// How many bytes the first message of this stream has, see [`Protocol::extent`].
    fn extent(&self, bytes: &[u8]) -> Option<u64>;
    /// What keeps its secrets out of whatever is shown, see [`Protocol::COVER`].
    fn cover(&self) -> NewCover;
    /// What a proxy must know of it to strike at frames.
    fn speech(&self) -> Speech;
    /// What evidence calls its messages, see [`Protocol::kinds`].
    fn kinds(&self) -> Vec<&'static str>;
    /// A message on one line.
    fn in_words(&self, message: &[u8]) -> String;
    /// What a message asks or answers, see [`Protocol::turns`].
    fn turns(&self, message: &[u8]) -> Vec<proto::turn::Turn>;
}

/// A client that speaks JSON.
pub trait AnyClient: Send + Sync {
    /// Asks, and waits for the one outcome.
    fn request(&self, request: Value) -> BoxFuture<'_, Result<AnyAnswer, ConfigError>>;
    /// Where it listens, if it does not dial.
    fn addr(&self) -> Option<SocketAddr>;
    /// Ends it and waits until its connection is closed.
    fn close(self: Arc<Self>) -> BoxFuture<'static, ()>;
}

/// The one end of a request, its reply as JSON.
pub type AnyAnswer = Result<Receipt<Value>, Failure>;

/// A device that can be plugged in, pulled out and plugged in again with its memory intact.
pub trait AnyDevice: Send {
    /// From the start it behaves like this.
    ///
    /// # Errors
    /// What is wrong with the quirk.
    fn misbehave(&self, quirk: &str) -> Result<(), ConfigError>;
    /// It dials; its clients listen.
    fn dials(&self) -> bool;
    /// Starts it at `addr`, where it listens or dials.
    ///
    /// # Errors
    /// The operating system's: most often, the port is taken.
    fn plug_in(&self, env: Env, addr: SocketAddr) -> io::Result<Box<dyn AnyHost>>;
}

/// A running device.
pub trait AnyHost: Send + Sync {
    /// Where it listens by now.
    fn addr(&self) -> SocketAddr;
    /// From now on it behaves like this.
    fn misbehave(&self, quirk: &str) -> BoxFuture<'_, Result<(), ConfigError>>;
    /// Has it say something unasked.
    ///
    /// # Errors
    /// What is wrong with the prompt.
    fn prompt(&self, prompt: Value) -> Result<(), ConfigError>;
    /// What it remembers.
    fn snapshot(&self) -> Value;
    /// Pulls the plug and waits until it is dark.
    fn stop(self: Box<Self>) -> BoxFuture<'static, ()>;
}

struct Entry<P>(PhantomData<fn() -> P>);

impl<P> Entry<P> {
    const NEW: Self = Self(PhantomData);
}

/// Reads JSON, naming the path of what is wrong in it.
fn read<T: DeserializeOwned>(key: &str, json: Value) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(json).map_err(|e| {
        let path = e.path().to_string();
        let key = if path == "." { key.to_owned() } else { format!("{key}.{path}") };
        ConfigError::new(key, e.into_inner().to_string())
    })
}

fn configure<P: Protocol>(settings: Value) -> Result<P, ConfigError> {
    checked(settings_of::<P>(settings)?)
}

fn settings_of<P: Protocol>(settings: Value) -> Result<P::Settings, ConfigError> {
    match settings {
        Value::Null => Ok(P::Settings::default()),
        given => read("settings", given),
    }
}

fn checked<P: Protocol>(settings: P::Settings) -> Result<P, ConfigError> {
    P::new(settings).map_err(|e| ConfigError::new(format!("settings.{}", e.key), e.problem))
}

impl<P: Protocol> AnyProtocol for Entry<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }
    fn port(&self) -> u16 {
        P::PORT
    }
    fn client(
        &self,
        env: Env,
        addrs: Vec<SocketAddr>,
        settings: Value,
        policy: PolicyPatch,
    ) -> Result<Arc<dyn AnyClient>, ConfigError> {
        let protocol = configure::<P>(settings)?;
        let policy = Policy::new::<P>(policy.over(protocol.policy()))
            .map_err(|e| ConfigError::new(format!("policy.{}", e.key), e.problem))?;
        let way = match (protocol.listens(), addrs.first()) {
            (true, Some(addr)) => Way::Wait(Door::open(&env, *addr).map_err(|e| {
                ConfigError::new("settings", format!("cannot listen at {addr}: {e}"))
            })?),
            (true, None) | (false, _) => Way::Dial(addrs),
        };
        let supervisor = Supervisor::new(protocol, policy, env.seed);
        Ok(Arc::new(Client::by(env, way, supervisor)))
    }
    fn careless(
        &self,
        env: Env,
        addrs: Vec<SocketAddr>,
        settings: Value,
    ) -> Result<Arc<dyn AnyClient>, ConfigError> {
        let client = Careless::new(env, addrs, configure::<P>(settings)?);
        Ok(Arc::new(tokio::sync::Mutex::new(client)))
    }
    fn device(&self, settings: Value) -> Result<Box<dyn AnyDevice>, ConfigError> {
        Ok(Box::new(Arc::new(configure::<P>(settings)?)))
    }
    fn devices(&self, settings: Value, count: u32) -> Result<Vec<Box<dyn AnyDevice>>, ConfigError> {
        let device = |n| {
            let same =
                || ConfigError::new("devices", format!("{} has one device at a time", P::NAME));
            let settings = P::nth(settings_of::<P>(settings.clone())?, n).ok_or_else(same)?;
            Ok(Box::new(Arc::new(checked::<P>(settings)?)) as Box<dyn AnyDevice>)
        };
        (0..count).map(device).collect()
    }
    fn check_request(&self, request: &Value) -> Result<(), ConfigError> {
        read::<P::Request>("request", request.clone()).map(drop)
    }
    fn check_quirk(&self, quirk: &str) -> Result<(), ConfigError> {
        quirk.parse::<P::Quirk>().map(drop)
    }
    fn explain(&self, bytes: &[u8]) -> Explanation {
        P::explain(bytes)
    }
    fn extent(&self, bytes: &[u8]) -> Option<u64> {
        P::extent(bytes)
    }
    fn cover(&self) -> NewCover {
        P::COVER
    }
    fn speech(&self) -> Speech {
        Speech::of::<P>()
    }
    fn kinds(&self) -> Vec<&'static str> {
        P::kinds()
    }
    fn in_words(&self, message: &[u8]) -> String {
        P::in_words(message)
    }
    fn turns(&self, message: &[u8]) -> Vec<proto::turn::Turn> {
        P::turns(message)
    }
}

impl<P: Protocol> AnyClient for Client<P> {
    fn request(&self, request: Value) -> BoxFuture<'_, Result<AnyAnswer, ConfigError>> {
        Box::pin(async move {
            let request: P::Request = read("request", request)?;
            Ok(Client::request(self, request).await.map(|receipt| {
                let Receipt { ticket, attempts, since, elapsed, delivery, levels, reply } = receipt;
                let reply = reply.map(|r| serde_json::to_value(r).expect("replies are plain data"));
                Receipt { ticket, attempts, since, elapsed, delivery, levels, reply }
            }))
        })
    }
    fn addr(&self) -> Option<SocketAddr> {
        Client::addr(self)
    }
    fn close(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Some(client) = Arc::into_inner(self) {
                Client::close(client).await;
            }
        })
    }
}

impl<P: Protocol> AnyClient for tokio::sync::Mutex<Careless<P>> {
    fn request(&self, request: Value) -> BoxFuture<'_, Result<AnyAnswer, ConfigError>> {
        Box::pin(async move {
            let request: P::Request = read("request", request)?;
            let mut client = self.lock().await;
            Ok(client.request(request).await.map(|receipt| {
                let Receipt { ticket, attempts, since, elapsed, delivery, levels, reply: _ } =
                    receipt;
                Receipt { ticket, attempts, since, elapsed, delivery, levels, reply: None }
            }))
        })
    }
    fn addr(&self) -> Option<SocketAddr> {
        None
    }
    fn close(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Some(client) = Arc::into_inner(self) {
                client.into_inner().close();
            }
        })
    }
}

impl<P: Protocol> AnyDevice for Arc<P> {
    fn misbehave(&self, quirk: &str) -> Result<(), ConfigError> {
        P::misbehave(self, quirk.parse()?);
        Ok(())
    }
    fn dials(&self) -> bool {
        P::dials(self).is_some()
    }
    fn plug_in(&self, env: Env, addr: SocketAddr) -> io::Result<Box<dyn AnyHost>> {
        Ok(Box::new(Host::start(env, addr, self.clone())?))
    }
}

impl<P: Protocol> AnyHost for Host<P> {
    fn addr(&self) -> SocketAddr {
        Host::addr(self)
    }
    fn misbehave(&self, quirk: &str) -> BoxFuture<'_, Result<(), ConfigError>> {
        let quirk = quirk.parse::<P::Quirk>();
        Box::pin(async move {
            Host::misbehave(self, quirk?)
                .await
                .map_err(|e| ConfigError::new("quirk", format!("cannot listen again: {e}")))
        })
    }
    fn prompt(&self, prompt: Value) -> Result<(), ConfigError> {
        Host::prompt(self, read("prompt", prompt)?)
    }
    fn snapshot(&self) -> Value {
        let snapshot = self.device().snapshot();
        serde_json::to_value(snapshot).expect("snapshots are plain data")
    }
    fn stop(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { Host::stop(*self).await })
    }
}
