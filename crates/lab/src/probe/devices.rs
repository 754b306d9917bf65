//! Judges a device: plays the cases, and after each sees whether it still serves.
use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use net::{Env, Recorder, Stopwatch, net::Net};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    Case, Setup, Suite,
    outcome::Observed,
    play::{Peer, Player},
    verdict::{CaseResult, Trouble, judge},
};

/// Bytes of records kept of one case while it is played.
pub(super) const EVIDENCE: usize = 32 << 20;
/// How long a device that takes connections may be busy with a case after it.
const RECOVERY: Duration = Duration::from_secs(10);
/// Attempts at a case that could not be prepared: a device may still be busy with the last one.
const ATTEMPTS: usize = 3;

/// How well a device serves, the better the greater.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Health {
    /// It takes no connection.
    Gone(String),
    /// It takes one, and does not do on it what it should.
    Connects(String),
    /// As it should.
    Serves,
}

/// What all cases share.
struct Bench {
    suite: &'static Suite,
    target: SocketAddr,
    net: Net,
    setup: Setup,
    /// How well it served before anything was tried.
    before: Health,
    left: Mutex<VecDeque<(usize, &'static Case)>>,
    /// The case after which it served no more, and how.
    killed: Mutex<Option<(&'static str, String)>>,
}

/// Judges the device at `target` by these cases, `jobs` of them at a time, and tells of each as soon
/// as it is known. The results come in the order of the cases.
pub async fn judge_device(
    suite: &'static Suite,
    cases: &[&'static Case],
    target: SocketAddr,
    net: Net,
    setup: Setup,
    jobs: usize,
    mut tell: impl FnMut(&CaseResult),
) -> Vec<CaseResult> {
    let left = cases.iter().copied().enumerate().collect();
    let (before, killed) = (Health::Serves, Mutex::default());
    let mut bench = Bench { suite, target, net, setup, before, left: Mutex::new(left), killed };
    bench.before = bench.health().await;
    if let Health::Gone(why) = &bench.before {
        *lock(&bench.killed) = Some(("", why.clone()));
    }
    let bench = Arc::new(bench);
    let (done, mut results) = mpsc::channel(1);
    let mut workers = JoinSet::new();
    for _ in 0..jobs.max(1) {
        workers.spawn(work(bench.clone(), done.clone()));
    }
    drop(done);
    let mut all = Vec::new();
    while let Some((n, result)) = results.recv().await {
        tell(&result);
        all.push((n, result));
    }
    all.sort_by_key(|(n, _)| *n);
    all.into_iter().map(|(_, result)| result).collect()
}

async fn work(bench: Arc<Bench>, done: mpsc::Sender<(usize, CaseResult)>) {
    loop {
        let next = lock(&bench.left).pop_front();
        let Some((n, case)) = next else { return };
        let result = bench.one(case).await;
        if done.send((n, result)).await.is_err() {
            return;
        }
    }
}

impl Bench {
    async fn one(&self, case: &'static Case) -> CaseResult {
        let watch = Stopwatch::start();
        if let Some(why) = unmet(case, &self.setup) {
            return judge(self.suite, case, &self.setup, &Err(Trouble::Skipped(why)));
        }
        if let Some(why) = self.dead() {
            return judge(self.suite, case, &self.setup, &Err(Trouble::Inconclusive(why)));
        }
        let recorder = Recorder::new(EVIDENCE);
        let env = Env::new(self.net.clone(), recorder.clone(), 0);
        let mut seen = self.play(case, &env).await;
        for _ in 1..ATTEMPTS {
            if !matches!(seen, Err(Trouble::Inconclusive(_))) {
                break;
            }
            env.sleep_until(env.now() + self.setup.quiet()).await;
            seen = self.play(case, &env).await;
        }
        let mut result = judge(self.suite, case, &self.setup, &seen)
            .shown_by(&recorder.records(), watch.elapsed());
        if let Some(how) = self.harmed().await {
            result.also(format!("it serves no new connection afterwards: {how}"));
            *lock(&self.killed) = Some((case.id, how));
        }
        result
    }
    async fn play(&self, case: &'static Case, env: &Env) -> Result<Observed, Trouble> {
        let player = Player::new(self.suite, &self.setup, env, Peer::Device(self.target));
        tokio::select! {
            biased;
            seen = player.case(case) => seen,
            () = env.sleep_until(env.now() + self.setup.limit()) => Err(too_long(&self.setup)),
        }
    }
    /// Why there is no sense in trying anything more.
    fn dead(&self) -> Option<String> {
        let killed = lock(&self.killed);
        let (case, how) = killed.as_ref()?;
        Some(match *case {
            "" => format!("it cannot be reached: {how}"),
            case => format!("it has served no new connection since {case}: {how}"),
        })
    }
    /// How it serves worse than before, if it does and goes on doing so.
    async fn harmed(&self) -> Option<String> {
        let env = Env::new(self.net.clone(), Recorder::new(0), 0);
        let since = env.now();
        loop {
            let (worse, patience) = match (&self.before, self.health().await) {
                (_, Health::Serves) | (Health::Connects(_), Health::Connects(_)) => return None,
                (_, Health::Connects(why)) => (why, RECOVERY),
                (_, Health::Gone(why)) => (why, self.setup.patience() * 3),
            };
            if env.now() >= since + patience {
                return Some(worse);
            }
            env.sleep_until(env.now() + Duration::from_millis(50)).await;
        }
    }
    async fn health(&self) -> Health {
        let env = Env::new(self.net.clone(), Recorder::new(0), 0);
        let mut player = Player::new(self.suite, &self.setup, &env, Peer::Device(self.target));
        let [first, rest @ ..] = self.suite.health else { return Health::Serves };
        match player.steps(std::slice::from_ref(first)).await {
            Ok(()) => match player.steps(rest).await {
                Ok(()) => Health::Serves,
                Err(trouble) => Health::Connects(trouble.text()),
            },
            Err(trouble) => Health::Gone(trouble.text()),
        }
    }
}

impl Trouble {
    fn text(self) -> String {
        match self {
            Self::Skipped(text) | Self::Inconclusive(text) | Self::Fault(text) => text,
        }
    }
}

/// Why this case cannot be played with this setup.
pub(super) fn unmet(case: &Case, setup: &Setup) -> Option<String> {
    let timer = case.needs.filter(|timer| setup.timer(timer).is_none())?;
    Some(format!("needs to know what the peer's {timer} time is; give --{timer}"))
}

pub(super) fn too_long(setup: &Setup) -> Trouble {
    let problem = format!("it took longer than {:?}; raise --case-timeout", setup.limit());
    Trouble::Inconclusive(problem)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
