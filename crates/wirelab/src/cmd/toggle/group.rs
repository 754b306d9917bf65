//! One command to several devices at once: a row each, how far apart they were, and who took it back
//! because another did not obey.
use std::collections::BTreeMap;

use net::{
    Client, Env,
    group::{self, Lost, Member, Table},
};
use proto::{
    Delivery, Stage, Supervisor, Ticket,
    resilience::Demand,
    toggle::{Lamp, Reply, Toggle},
};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{outcome::state, resolve};
use crate::{
    config::{Group, Report, Way},
    exit::{Exit, Failure},
    fared::{self, Ending, Fared, Summary},
    signals::Signals,
    text,
};

/// Why a device that obeyed may not have got as far as was asked.
const NO_MORE: &str = "its answer does not say so";

/// What `--json` prints of one device. Keys come in this order.
#[derive(Serialize)]
struct Told<'a> {
    device_id: &'a str,
    device: String,
    state: &'static str,
    outcome: &'static str,
    stage: Option<Stage>,
    delivery: Option<Delivery>,
    levels: &'a [(Delivery, f64)],
    /// It was told the other state; whether it took it.
    undone: Option<bool>,
    attempts: u32,
    elapsed_ms: f64,
    msg_id: Option<Ticket>,
    detail: Option<&'a str>,
    schema: u32,
}

/// And of all of them, in the end.
#[derive(Serialize)]
struct All {
    outcome: &'static str,
    devices: usize,
    ok: usize,
    undone: usize,
    spread_ms: Option<f64>,
    schema: u32,
}

/// A device, and who asks it, or why nobody can.
type Asked = (Toggle, Way, Result<Client<Lamp>, Lost>);

/// Tells all of them, and what became of each.
///
/// # Errors
/// The output is not writable. That a device failed is no error here: it was told, and is the exit.
pub(super) async fn command(
    Group { members, rollback }: Group,
    report: &Report,
    env: &Env,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let asked = found(members, env, signals).await;
    let table = ask(&asked, rollback, signals).await;
    let mut devices = Vec::with_capacity(asked.len());
    for (command, way, client) in asked {
        if let Ok(client) = client {
            // Whatever is still open ends with it.
            client.close().await;
        }
        devices.push((command, way));
    }
    let (rows, summary) = fared::fared(table, NO_MORE).await;
    let exit = fared::exit(rows.iter(), report.stage_exit_codes);
    let rows: Vec<_> = devices.iter().zip(&rows).collect();
    if report.json {
        let lines: String =
            rows.iter().map(|((command, way), row)| line(command, way, row)).collect();
        let heard = text::print(&(lines + &last_line(&rows, &summary)));
        heard.or_else(|e| if e == Failure::Unheard { Ok(()) } else { Err(e) })?;
    }
    let named = rows
        .iter()
        .map(|((command, way), row)| ([command.device_id().to_string(), way.place()], *row));
    for line in fared::table(["device", "at"], named, &summary).lines() {
        text::talk(line);
    }
    Ok(exit)
}

/// Finds the way to each, all at once.
async fn found(members: Vec<(Toggle, Way)>, env: &Env, signals: &mut Signals) -> Vec<Asked> {
    let began = env.now();
    let mut finding = JoinSet::new();
    for (n, (command, way)) in members.iter().enumerate() {
        let (env, way) = (super::surroundings_of(env, &way.name(command)), way.clone());
        finding.spawn(async move { (n, resolve::resolve(&way, &env).await) });
    }
    let mut addrs = BTreeMap::new();
    while addrs.len() < members.len() {
        tokio::select! {
            biased;
            Some(one) = finding.join_next() => {
                addrs.extend([one.expect("finding an address does not panic")]);
            }
            () = signals.stop() => {
                // Nobody is asked then, whoever was found.
                addrs.clear();
                break;
            }
        }
    }
    let all = members.into_iter().enumerate().map(|(n, (command, way))| {
        let env = super::surroundings_of(env, &way.name(&command));
        let client = match addrs.remove(&n) {
            Some(Ok(addrs)) => {
                let policy = way.policy_after(env.now() - began);
                let supervisor = Supervisor::new(Lamp::default(), policy, env.seed);
                Ok(Client::spawn(env, addrs, supervisor))
            }
            Some(Err(lost)) => {
                resolve::record(&env, &command, &lost, began);
                Err(lost)
            }
            None => {
                let detail = "before it was sent".into();
                Err(Lost { stage: Stage::Cancelled, detail })
            }
        };
        (command, way, client)
    });
    all.collect()
}

async fn ask(asked: &[Asked], rollback: bool, signals: &mut Signals) -> Table<Reply> {
    let members = asked.iter().map(|(command, way, client)| Member {
        name: way.name(command).into(),
        client: client.as_ref().map_err(Clone::clone),
        request: command.clone(),
        undo: rollback.then(|| command.opposite()),
    });
    group::ask(members.collect(), Demand::default(), signals.stop()).await
}

fn line(command: &Toggle, way: &Way, row: &Fared) -> String {
    let Fared { ending, stage, delivery, levels, undone, elapsed_ms, attempts, msg_id, detail } =
        row;
    text::json_line(&Told {
        device_id: command.device_id(),
        device: way.place(),
        state: state(command.state()),
        outcome: word(*ending),
        stage: *stage,
        delivery: *delivery,
        levels,
        undone: *undone,
        attempts: attempts.unwrap_or(0),
        elapsed_ms: *elapsed_ms,
        msg_id: *msg_id,
        detail: detail.as_deref(),
        schema: 1,
    })
}

fn last_line(rows: &[(&(Toggle, Way), &Fared)], summary: &Summary) -> String {
    let any = |is: Ending| rows.iter().any(|(_, row)| row.ending == is);
    let Summary { targets: devices, ok, spread_ms } = *summary;
    let outcome = match (any(Ending::Interrupted), ok == devices) {
        (true, _) => "interrupted",
        (false, true) => "ok",
        (false, false) => "failed",
    };
    let undone = rows.iter().filter(|(_, row)| row.undone == Some(true)).count();
    text::json_line(&All { outcome, devices, ok, undone, spread_ms, schema: 1 })
}

/// As `--json` calls how a single command ended.
fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Ok => "ok",
        Ending::NotReached | Ending::Refused | Ending::Nobody | Ending::Deadline => "failed",
        Ending::Interrupted => "interrupted",
    }
}
