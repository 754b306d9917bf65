//! Carries connections and does them harm on purpose, on any network. Without faults it is as
//! transparent as a program can be: refused stays refused, a reset a reset, a half-close a half-close.
//! Where its [`Env`] says so it ends TLS on either side, and then it harms and records what is said.
pub mod armed;
mod board;
pub mod fault;
pub mod frames;
mod gate;
pub mod lane;
mod leg;
mod link;
pub mod rule;
mod side;
mod target;
#[cfg(test)]
mod tls_tests;
mod visit;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use proto::ConfigError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Env, Event};
pub use armed::{Armed, Rules};
use board::Board;
pub use fault::Fault;
pub use frames::Speech;
pub use rule::{Lanes, Place, Rule};

/// What a proxy is called that is cut off: the name of its fault.
pub const CUT: &str = "cut";
/// Faults in force at once.
const MOST: usize = 256;

/// A running proxy. Dropping it ends it and all it carries; `stop` also waits until that is done.
pub struct Proxy {
    addr: SocketAddr,
    target: Vec<SocketAddr>,
    env: Env,
    speech: Option<Speech>,
    rules: Arc<Board>,
    next: AtomicU64,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Carries what connects to `listen` on to the first of `target` that takes it. `speech` lets
    /// faults know frames.
    ///
    /// # Errors
    /// The operating system's: most often, the port is taken.
    pub fn start(
        env: Env,
        listen: SocketAddr,
        target: Vec<SocketAddr>,
        speech: Option<Speech>,
    ) -> io::Result<Self> {
        // Patience is a matter between the two whom it carries.
        let mut env = env;
        env.net = env.net.patient();
        let listener = env.net.listen(listen)?;
        let addr = listener.local_addr()?;
        env.record(Event::Listening { addr });
        let rules = Board::new();
        let stop = CancellationToken::new();
        let gate = gate::Gate::new(
            env.clone(),
            (addr, listener),
            target.clone(),
            speech,
            rules.listen(),
            stop.clone(),
        );
        let task = tokio::spawn(gate.run());
        Ok(Self { addr, target, env, speech, rules, next: AtomicU64::new(1), stop, task })
    }
    /// Where it listens, or would.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
    /// Where it carries to.
    pub fn target(&self) -> &[SocketAddr] {
        &self.target
    }
    /// What is in force.
    pub fn rules(&self) -> Rules {
        self.rules.rules()
    }
    /// Puts a rule in force, on open connections too. One of the same name is replaced.
    ///
    /// # Errors
    /// It asks for frames and nobody said of which protocol; or there are too many.
    pub fn add(&self, rule: Rule) -> Result<Arc<Armed>, ConfigError> {
        if rule.needs_frames() && self.speech.is_none() {
            let problem = "which frames? say which protocol is spoken";
            return Err(ConfigError::new("frame", problem));
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let name = rule.place.name.clone().unwrap_or_else(|| format!("fault{id}"));
        let armed = Arc::new(Armed::new(id, &name, rule).sown(self.env.seed));
        let mut full = false;
        let mut gone = None;
        self.rules.change(|rules| {
            let mut all = rules.to_vec();
            match all.iter().position(|old| *old.name == *name) {
                Some(at) => gone = Some(std::mem::replace(&mut all[at], armed.clone())),
                None if all.len() >= MOST => full = true,
                None => all.push(armed.clone()),
            }
            // Recorded before anybody can act on it.
            if !full {
                self.told(gone.as_deref(), Some(&armed));
            }
            *rules = all.into();
        });
        if full {
            return Err(ConfigError::new("fault", format!("there are {MOST} already")));
        }
        Ok(armed)
    }
    /// Takes the rule of this name out of force. What waited for it waits no longer.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn remove(&self, name: &str) -> Result<(), ConfigError> {
        let mut gone = None;
        self.rules.change(|rules| {
            let mut all = rules.to_vec();
            if let Some(at) = all.iter().position(|old| *old.name == *name) {
                let old = all.remove(at);
                self.told(Some(&old), None);
                gone = Some(old);
                *rules = all.into();
            }
        });
        let missing = || ConfigError::new("name", format!("no fault is called `{name}`"));
        gone.map(drop).ok_or_else(missing)
    }
    /// Cuts every connection, without a word to either end, until it is healed.
    ///
    /// # Errors
    /// There are too many faults already.
    pub fn cut(&self) -> Result<(), ConfigError> {
        let place = Place { name: Some(CUT.into()), ..Place::default() };
        self.add(Rule::new(Fault::BlackHole { lose: false }, place)?).map(drop)
    }
    /// Takes everything out of force.
    pub fn heal(&self) {
        self.rules.change(|rules| {
            rules.iter().for_each(|old| self.told(Some(old), None));
            *rules = Rules::from([]);
        });
    }
    /// Closes the listener and every connection, and waits until they are closed.
    pub async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.expect("the proxy's task does not panic");
    }

    fn told(&self, gone: Option<&Armed>, new: Option<&Armed>) {
        let device = self.env.recorder.name();
        if let Some(gone) = gone {
            let fault = gone.text.clone();
            self.env.record(Event::Lifted { device: device.clone(), fault });
        }
        if let Some(new) = new {
            let quirk = new.text.to_string().into();
            self.env.record(Event::Armed { device, quirk });
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
