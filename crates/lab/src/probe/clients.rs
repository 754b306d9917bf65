//! Judges a client: starts it once a case, and lets it dial into the case.
use std::net::IpAddr;

use futures_util::{StreamExt, stream};
use net::{Env, Recorder, Stopwatch, net::Net};

use super::{
    Case, Port, Setup, Suite,
    gate::Gate,
    outcome::Observed,
    play::{Peer, Player},
    program::Program,
    verdict::{CaseResult, Trouble, judge},
};

/// A client's program, and how many of it run at a time.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program and its words.
    pub words: Vec<String>,
    /// The address to wait at.
    pub host: IpAddr,
    /// Cases played at a time.
    pub jobs: usize,
}

/// Judges `command` by these cases, and tells of each as soon as it is known. The results come in the
/// order of the cases.
pub async fn judge_client(
    suite: &'static Suite,
    cases: &[&'static Case],
    command: &Command,
    net: Net,
    setup: &Setup,
    mut tell: impl FnMut(&CaseResult),
) -> Vec<CaseResult> {
    let Command { words, host, jobs } = command;
    let net = &net;
    let played = stream::iter(cases.iter().copied().enumerate())
        .map(|(n, case)| async move { (n, one(suite, case, words, *host, net, setup).await) });
    let mut played = std::pin::pin!(played.buffer_unordered((*jobs).max(1)));
    let mut results = Vec::new();
    while let Some((n, result)) = played.next().await {
        tell(&result);
        results.push((n, result));
    }
    results.sort_by_key(|(n, _)| *n);
    results.into_iter().map(|(_, result)| result).collect()
}

async fn one(
    suite: &'static Suite,
    case: &'static Case,
    command: &[String],
    host: IpAddr,
    net: &Net,
    setup: &Setup,
) -> CaseResult {
    let recorder = Recorder::new(super::devices::EVIDENCE);
    let env = Env::new(net.clone(), recorder.clone(), 0);
    let watch = Stopwatch::start();
    let mut faults = Vec::new();
    let seen = match super::devices::unmet(case, setup) {
        Some(why) => Err(Trouble::Skipped(why)),
        None => play(suite, case, command, host, &env, setup, &mut faults).await,
    };
    let mut result =
        judge(suite, case, setup, &seen).shown_by(&recorder.records(), watch.elapsed());
    faults.into_iter().for_each(|fault| result.also(fault));
    result
}

async fn play(
    suite: &'static Suite,
    case: &'static Case,
    command: &[String],
    host: IpAddr,
    env: &Env,
    setup: &Setup,
    faults: &mut Vec<String>,
) -> Result<Observed, Trouble> {
    let ours = |problem: String| Trouble::Inconclusive(problem);
    let gate = Gate::open(&env.net, host);
    let mut gate = gate.map_err(|e| ours(format!("cannot listen on {host}: {e}")))?;
    let port = gate.addr().port();
    match case.port {
        Port::Open => {}
        Port::Shut => gate.shut(None),
        Port::Full => gate.fill().map_err(|e| ours(format!("cannot fill a backlog: {e}")))?,
    }
    let mut program = Program::start(command, &host.to_string(), port, case.id)
        .map_err(|e| ours(format!("could not start `{}`: {e}", command.join(" "))))?;
    let player = Player::new(suite, setup, env, Peer::Client(&mut gate, &mut program));
    let seen = tokio::select! {
        biased;
        seen = player.case(case) => seen,
        () = env.sleep_until(env.now() + setup.limit()) => Err(super::devices::too_long(setup)),
    };
    faults.extend(program.end(env).await);
    seen
}
