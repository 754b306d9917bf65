//! `wirelab judge device` and `wirelab judge client`: somebody else's device or client, by probes.
use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
};

use lab::probe::{
    Case, CaseResult, Setup, Side, Suite, Verdict,
    clients::{Command, judge_client},
    devices::judge_device,
    find,
    pick::pick,
    report,
    setup::RawSetup,
};
use net::{TcpOptions, env::today, files, net::Net};

use crate::{
    args::{JudgeClientArgs, JudgeDeviceArgs, ProbeArgs},
    block_on,
    cmd::run::say,
    config::entropy,
    exit::{Exit, Failure},
    signals, text,
};

/// # Errors
/// What was typed makes no sense, or a report cannot be written.
pub(crate) fn device(args: JudgeDeviceArgs) -> Result<Exit, Failure> {
    let JudgeDeviceArgs { target, settle, establish, probe } = args;
    let suite = find(&probe.protocol, Side::Device)?;
    let cases = chosen(suite, &probe)?;
    if probe.list {
        return list(suite, &cases);
    }
    let target = target.unwrap_or_default();
    let how = RawSetup { settle: settle.0, greet: establish, ..how(suite, &probe)? };
    let setup = Setup::new(suite, how)?;
    let desk = Desk::new(suite, &probe, target.clone());
    let told = signals::listen();
    block_on(async move {
        let addr = lookup(&target, suite.port).await?;
        let net = Net::Tcp(TcpOptions::default());
        let mut so_far = Vec::new();
        let judging = judge_device(suite, &cases, addr, net, setup, probe.jobs.into(), |result| {
            desk.tell(result);
            so_far.push(result.clone());
        });
        let results = tokio::select! {
            biased;
            () = told.set() => None,
            results = judging => Some(results),
        };
        desk.close(results, so_far, cases.len())
    })
}

/// # Errors
/// What was typed makes no sense, or a report cannot be written.
pub(crate) fn client(args: JudgeClientArgs) -> Result<Exit, Failure> {
    let JudgeClientArgs { command: words, host, start, attempts, probe } = args;
    let suite = find(&probe.protocol, Side::Client)?;
    let cases = chosen(suite, &probe)?;
    if probe.list {
        return list(suite, &cases);
    }
    let how = RawSetup { start: start.0, attempts: attempts.into(), ..how(suite, &probe)? };
    let setup = Setup::new(suite, how)?;
    let desk = Desk::new(suite, &probe, words.join(" "));
    let command = Command { words, host, jobs: probe.jobs.into() };
    let told = signals::listen();
    block_on(async move {
        let net = Net::Tcp(TcpOptions::default());
        let mut so_far = Vec::new();
        let judging = judge_client(suite, &cases, &command, net, &setup, |result| {
            desk.tell(result);
            so_far.push(result.clone());
        });
        let results = tokio::select! {
            biased;
            () = told.set() => None,
            results = judging => Some(results),
        };
        desk.close(results, so_far, cases.len())
    })
}

fn chosen(suite: &Suite, probe: &ProbeArgs) -> Result<Vec<&'static Case>, Failure> {
    pick(suite, &probe.suites, &probe.cases, &probe.exclude).map_err(Failure::usage)
}

fn list(suite: &Suite, cases: &[&Case]) -> Result<Exit, Failure> {
    let line = |case: &&Case| format!("{:<12} {:<9} {}\n", case.id, suite.group(case), case.title);
    let lines = cases.iter().map(line);
    say(&lines.collect::<String>())?;
    Ok(Exit::Done)
}

fn how(suite: &Suite, probe: &ProbeArgs) -> Result<RawSetup, Failure> {
    let ProbeArgs { session, level, t3, t5, t6, t7, t8, linktest, patience, case_timeout, .. } =
        probe;
    let given =
        [("t3", t3), ("t5", t5), ("t6", t6), ("t7", t7), ("t8", t8), ("linktest", linktest)];
    let given = given.iter().filter_map(|(name, span)| Some((*name, span.as_ref()?.0)));
    let mut raw = RawSetup {
        timers: given.collect(),
        session: *session,
        level: level.clone(),
        patience: patience.0,
        limit: case_timeout.0,
        device_id: probe.device_id.clone(),
        salt: entropy()?,
        ..RawSetup::default()
    };
    for (name, span) in &probe.timers {
        let known = suite.timers.iter().find(|(known, _)| known == name);
        let Some((known, _)) = known else {
            let all: Vec<_> = suite.timers.iter().map(|(name, _)| *name).collect();
            let problem = format!("no timer `{name}`; {} has {}", suite.protocol, all.join(", "));
            return Err(Failure::usage(format!("--timer: {problem}")));
        };
        raw.timers.insert(*known, span.0);
    }
    Ok(raw)
}

/// The address of HOST[:PORT].
pub(crate) async fn lookup(target: &str, port: u16) -> Result<SocketAddr, Failure> {
    let whole = match target.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) if target.contains(':') => target.to_owned(),
        Err(_) => format!("{target}:{port}"),
    };
    let unknown = |why: String| Failure::environment(format!("{target} is not known here: {why}"));
    let mut addrs = tokio::net::lookup_host(whole).await.map_err(|e| unknown(e.to_string()))?;
    addrs.next().ok_or_else(|| unknown("it has no address".into()))
}

/// Where the results go.
struct Desk<'a> {
    suite: &'static Suite,
    judged: String,
    level: &'a str,
    json: bool,
    bytes: bool,
    junit: Option<&'a Path>,
}

impl<'a> Desk<'a> {
    fn new(suite: &'static Suite, probe: &'a ProbeArgs, judged: String) -> Self {
        let ProbeArgs { level, json, bytes, junit, .. } = probe;
        let level = level.as_deref().unwrap_or(suite.levels[0]);
        Self { suite, judged, level, json: *json, bytes: *bytes, junit: junit.as_deref() }
    }
    /// Of one case, as soon as it is known.
    fn tell(&self, result: &CaseResult) {
        if !self.json {
            // Whoever does not listen now may still want the reports.
            let _ = text::print(&report::line(result, self.bytes));
        }
    }
    /// Of all; `None` is what an interrupted run has instead of results.
    fn close(
        &self,
        results: Option<Vec<CaseResult>>,
        so_far: Vec<CaseResult>,
        meant: usize,
    ) -> Result<Exit, Failure> {
        let interrupted = results.is_none();
        let results = results.unwrap_or(so_far);
        let side = match self.suite.side {
            Side::Device => "device",
            Side::Client => "client",
        };
        if self.json {
            let all = report::json(self.suite.protocol, &self.judged, self.level, &results);
            say(&text::json_line(&all))?;
        } else {
            say(&report::summary(&results))?;
        }
        if let Some(path) = self.junit {
            let xml = report::junit(self.suite.protocol, side, &results, today());
            files::replace(path, &xml)
                .map_err(|e| text::unwritable(&path.display().to_string(), &e))?;
        }
        if interrupted {
            let left = meant - results.len();
            text::talk(&format!("warning: interrupted; {left} of {meant} were not played"));
            return Ok(Exit::Interrupted);
        }
        Ok(exit(&results))
    }
}

/// A fail is worse than knowing too little, and that is worse than a pass.
fn exit(results: &[CaseResult]) -> Exit {
    let any = |verdict| results.iter().any(|result| result.verdict == verdict);
    if any(Verdict::Fail) {
        Exit::Failed
    } else if any(Verdict::Inconclusive) {
        Exit::Environment
    } else {
        Exit::Done
    }
}
