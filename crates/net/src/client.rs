//! A handle to a supervised connection: asks, tells and listens. The task behind it does the rest.
mod driver;
mod listener;
mod notes;

use std::{net::SocketAddr, time::Duration};

use proto::{
    Delivery, Protocol, RequestError, Supervisor, Ticket, Time,
    resilience::{BreakerConfig, Demand, Intake},
    rng::Rng,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{Env, door::Way};
use driver::Driver;
use listener::Ear;
pub use listener::Listener;

/// Requests on their way to the task; beyond them, callers wait.
const INBOX: usize = 64;

/// A request got so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// How far.
    pub level: Delivery,
    /// How long after it was submitted.
    pub after: Duration,
}

/// What a request got, and what it took.
#[derive(Clone, Debug)]
pub struct Receipt<R> {
    /// The request.
    pub ticket: Ticket,
    /// Attempts made.
    pub attempts: u32,
    /// When it was submitted.
    pub since: Time,
    /// From submission to outcome.
    pub elapsed: Duration,
    /// How far it provably got.
    pub delivery: Delivery,
    /// Each level it was seen to reach, the lowest first. One that a higher one overtook is left out.
    pub levels: Vec<Reached>,
    /// The answer, where one was waited for.
    pub reply: Option<R>,
}

/// How a request failed, and what it took.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// The request.
    pub ticket: Ticket,
    /// When it was submitted.
    pub since: Time,
    /// From submission to outcome.
    pub elapsed: Duration,
    /// Each level it was seen to reach all the same, in whichever attempt.
    pub levels: Vec<Reached>,
    /// Where and why.
    pub error: RequestError,
}

/// The one end of a request.
pub type Answer<R> = Result<Receipt<R>, Failure>;

/// Whoever waits for the outcome.
type Asker<P> = oneshot::Sender<Answer<<P as Protocol>::Reply>>;

/// What a client may be told besides requests.
#[derive(Clone, Debug)]
pub enum Order {
    /// Keep the connection up from now on, if the policy wants one kept.
    Start,
    /// Hang up, and dial no more. Requests wait.
    Pause,
    /// Dial again.
    Resume,
    /// The device lives elsewhere now.
    Move(Vec<SocketAddr>),
    /// Open the breaker by hand.
    Isolate,
    /// Close the breaker by hand.
    Reset,
    /// Put other breaker settings in force.
    Reconfigure(BreakerConfig),
}

/// A request on its way.
#[derive(Debug)]
pub struct Asked<R>(oneshot::Receiver<Answer<R>>);

impl<R> Asked<R> {
    /// Waits for the one outcome.
    pub async fn outcome(mut self) -> Answer<R> {
        self.ended().await
    }
    /// The same, for whoever may have to wait for it later on. It comes once. Cancel safe.
    pub(crate) async fn ended(&mut self) -> Answer<R> {
        (&mut self.0).await.expect("every request is answered")
    }
}

/// What goes to the task. In boxes, since a channel has room for many at once that are few most of
/// the time.
enum Mail<P: Protocol> {
    Ask(P::Request, Demand, Asker<P>),
    Tell(Order),
}

/// Requests that were never sent.
pub type Unsent<P> = Vec<(Ticket, <P as Protocol>::Request)>;

/// A handle to a supervised connection. Dropping it ends the task; `close` also waits for that.
pub struct Client<P: Protocol> {
    submit: mpsc::Sender<Box<Mail<P>>>,
    ear: Ear<P::Reply>,
    addr: Option<SocketAddr>,
    task: JoinHandle<Unsent<P>>,
}

impl<P: Protocol> Client<P> {
    /// Starts the task. It connects to the first of `addrs` that takes it, when there is a request.
    pub fn spawn(env: Env, addrs: Vec<SocketAddr>, supervisor: Supervisor<P>) -> Self {
        Self::by(env, Way::Dial(addrs), supervisor)
    }
    /// Starts the task, which comes by its connection in this way.
    pub fn by(env: Env, way: Way, supervisor: Supervisor<P>) -> Self {
        let (submit, inbox) = mpsc::channel(INBOX);
        let ear = Ear::new(env.clone());
        let addr = match &way {
            Way::Dial(_) => None,
            Way::Wait(door) => door.addr(),
        };
        let task = tokio::spawn(Driver::new(env, way, supervisor, ear.clone()).run(inbox));
        Self { submit, ear, addr, task }
    }
    /// Where it listens, if it does not dial.
    pub fn addr(&self) -> Option<SocketAddr> {
        self.addr
    }
    /// What the peer says unasked from now on. `intake` says how much may wait to be read, and what
    /// becomes of more; under `block`, the connection waits for whoever does not read. There is one
    /// listener at a time: a later one takes the place of an earlier one.
    pub fn listen(&self, intake: Intake) -> Listener<P::Reply> {
        self.ear.listen(intake)
    }
    /// Asks, and waits for the one outcome.
    pub async fn request(&self, request: P::Request) -> Answer<P::Reply> {
        self.submit(request).await.outcome().await
    }
    /// Asks, and goes on; the outcome is waited for later. Requests are taken on in this order.
    pub async fn submit(&self, request: P::Request) -> Asked<P::Reply> {
        self.demand(request, Demand::default()).await
    }
    /// The same for a request with demands of its own.
    pub async fn demand(&self, request: P::Request, demand: Demand) -> Asked<P::Reply> {
        let (tx, rx) = oneshot::channel();
        let sent = self.submit.send(Box::new(Mail::Ask(request, demand, tx))).await;
        sent.unwrap_or_else(|_| panic!("the client's task ends only after its handles"));
        Asked(rx)
    }
    /// Tells it something; it is done in order with the requests.
    pub async fn tell(&self, order: Order) {
        let told = self.submit.send(Box::new(Mail::Tell(order))).await;
        told.unwrap_or_else(|_| panic!("the client's task ends only after its handles"));
    }
    /// Ends the task, its connection and what was still open, waits until that is done, and hands
    /// back the requests that were never sent.
    pub async fn close(self) -> Unsent<P> {
        drop(self.submit);
        self.task.await.expect("the client's task does not panic")
    }
}

/// The tickets a client gives its requests, in order: the same for the same seed and name.
#[derive(Clone, Debug)]
pub struct Tickets(Rng);

impl Tickets {
    /// Those of the client that runs in `env`.
    pub fn of(env: &Env) -> Self {
        let name: Vec<u64> = env.recorder.name().bytes().map(u64::from).collect();
        Self(Rng::new(env.seed, &name))
    }
    /// The next one.
    pub fn draw(&mut self) -> Ticket {
        Ticket(self.0.next_u64())
    }
}
