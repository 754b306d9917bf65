//! Judges a client: starts it once a case, and lets it dial into the case.
use std::net::{IpAddr, SocketAddr};

use net::{Env, Recorder, Stopwatch, net::Net};

use super::{
    Case, Setup, Suite,
    outcome::Observed,
    play::{Peer, Player},
    program::Program,
    verdict::{CaseResult, Trouble, judge},
};

/// Judges `command` by these cases, and tells of each as soon as it is known.
pub async fn judge_client(
    suite: &'static Suite,
    cases: &[&'static Case],
    command: &[String],
    host: IpAddr,
    net: Net,
    setup: &Setup,
    mut tell: impl FnMut(&CaseResult),
) -> Vec<CaseResult> {
    let mut results = Vec::new();
    for case in cases {
        let result = one(suite, case, command, host, &net, setup).await;
        tell(&result);
        results.push(result);
    }
    results
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
    let mut listener = env
        .net
        .listen(SocketAddr::new(host, 0))
        .map_err(|e| ours(format!("cannot listen on {host}: {e}")))?;
    let addr = listener.local_addr().map_err(|e| ours(e.to_string()))?;
    let mut program = Program::start(command, &host.to_string(), addr.port(), case.id)
        .map_err(|e| ours(format!("could not start `{}`: {e}", command.join(" "))))?;
    let player = Player::new(suite, setup, env, Peer::Client(&mut listener, &mut program));
    let seen = tokio::select! {
        biased;
        seen = player.case(case) => seen,
        () = env.sleep_until(env.now() + setup.limit()) => Err(super::devices::too_long(setup)),
    };
    faults.extend(program.end(env).await);
    seen
}
