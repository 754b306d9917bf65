//! `bench cync`: many bridges on one controller over loopback, commands by a schedule that waits for nobody,
//! and every confirmation held against what the bridges say of themselves.
mod audit;
mod bridges;
mod hall;
mod process;
mod report;

use std::time::Duration;

use net::{Answer, Env, Reached, Role};
use proto::{
    Delivery, Span, Time,
    cync::{Reply, Request, Rgb, Target},
    resilience::Demand,
    rng::Rng,
};
use tokio::task::JoinSet;

use super::ours;
use audit::{Applied, Claim, audit};
use bridges::{Bridges, id};
use hall::Hall;
use report::Cost;
pub(super) use report::Report;

/// For one command, all attempts included; as `wirelab cync` has it.
const DEADLINE: Duration = Duration::from_secs(15);
/// What the first few bridges take is the program's, not theirs.
const FEW: u32 = 10;
/// Colours are what tells commands apart, and black is never asked for.
pub(super) const MOST_COMMANDS: u64 = (1 << 24) - 2;

/// What `progress` will hear of.
pub(super) const STEPS: usize = 3;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Bridges, with a lamp each.
    pub(super) devices: u32,
    /// Commands a second, to all of them together.
    pub(super) rate: u32,
    /// For how long.
    pub(super) length: Span,
    /// Decides who is told when, and the bridges' chance.
    pub(super) seed: u64,
}

impl Plan {
    /// Commands in all.
    pub(super) fn commands(&self) -> u64 {
        (self.length.0.as_secs_f64() * f64::from(self.rate)).round() as u64
    }
}

/// Measures it.
///
/// # Errors
/// The bridges cannot be started, or do not come.
pub(super) fn measure(plan: &Plan, progress: &mut dyn FnMut(&str)) -> anyhow::Result<Report> {
    ours::runtime()?.block_on(async {
        let env = ours::env(plan.seed).node("controller", Role::Client);
        let mut hall = Hall::open(&env)?;
        progress("the first bridges come");
        let few = FEW.min(plan.devices);
        let first = Bridges::start(hall.addr(), few, plan.seed)?;
        hall.until(few as usize).await?;
        let before = [std::process::id(), first.pid()].map(process::resident);
        first.end()?;
        hall.until(0).await?;
        progress("all bridges come");
        let mut bridges = Bridges::start(hall.addr(), plan.devices, plan.seed)?;
        hall.until(plan.devices as usize).await?;
        let pids = [std::process::id(), bridges.pid()];
        let after = pids.map(process::resident);
        progress("commands go out");
        let (began, cpu_before) = (env.now(), pids.map(process::cpu));
        let fared = play(plan, &env, &mut hall).await?;
        let (took, cpu_after) = (env.now() - began, pids.map(process::cpu));
        let lamps = bridges.lamps()?;
        let journal = bridges.end()?;
        let claims: Vec<_> = fared.iter().map(Fared::claim).collect();
        let cost = |at: usize| {
            let cpu = cpu_after[at]?.saturating_sub(cpu_before[at]?);
            let more = after[at]?.saturating_sub(before[at]?) as f64 / 1024.0;
            let bridges = plan.devices - few;
            let memory_kib_each = (bridges >= FEW).then(|| more / f64::from(bridges));
            let cpu_percent = cpu.as_secs_f64() / took.as_secs_f64() * 100.0;
            Some(Cost { memory_kib_each, cpu_percent })
        };
        let costs = [cost(0), cost(1)];
        Ok(Report::of(plan, &fared, &audit(&claims, &journal, &lamps), costs))
    })
}

/// What became of one command.
struct Fared {
    command: Applied,
    due: Time,
    handed_over: Time,
    /// None if its bridge was not there.
    answer: Option<Answer<Reply>>,
}

/// Commands by the schedule, whatever became of those before.
async fn play(plan: &Plan, env: &Env, hall: &mut Hall) -> anyhow::Result<Vec<Fared>> {
    let mut order = Order::new(plan);
    let mut under_way = JoinSet::new();
    let mut alarm = env.sharp_alarm();
    let began = env.now();
    for number in 1..=plan.commands() {
        let due = began + Duration::from_secs_f64((number - 1) as f64 / f64::from(plan.rate));
        alarm.set(Some(due));
        loop {
            tokio::select! {
                biased;
                () = alarm.ring() => break,
                () = hall.turn() => {}
            }
        }
        let n = order.next();
        let (request, what) = command(number, lamp(n));
        let client = hall.bridge(&id(n));
        let handed_over = env.now();
        let command = Applied { bridge: id(n), what };
        under_way.spawn(async move {
            let demand = Demand { level: Some(Delivery::Observed), deadline: Some(DEADLINE) };
            let answer = match client {
                Some(client) => Some(client.demand(request, demand).await.outcome().await),
                None => None,
            };
            Fared { command, due, handed_over, answer }
        });
    }
    Ok(under_way.join_all().await)
}

/// The lamp of the nth bridge, from 1: their ids fit one byte, so after 254 they begin again.
fn lamp(n: u32) -> Target {
    Target::Lamp(((n - 1) % 254 + 1) as u16)
}

/// A command like no other, and how a bridge's journal says it.
fn command(number: u64, to: Target) -> (Request, String) {
    let [.., r, g, b] = number.to_be_bytes();
    (Request::Rgb(Rgb { to, rgb: [r, g, b] }), format!("#{r:02x}{g:02x}{b:02x}"))
}

/// Whose turn it is: everybody's once, as chance has it, and then everybody's again.
struct Order {
    chance: Rng,
    bridges: Vec<u32>,
    at: usize,
}

impl Order {
    fn new(plan: &Plan) -> Self {
        let bridges: Vec<_> = (1..=plan.devices).collect();
        let at = bridges.len();
        Self { chance: Rng::new(plan.seed, &[]), bridges, at }
    }
    fn next(&mut self) -> u32 {
        if self.at == self.bridges.len() {
            self.at = 0;
            for last in (1..self.bridges.len()).rev() {
                self.bridges.swap(last, self.chance.below(last as u64 + 1) as usize);
            }
        }
        self.at += 1;
        self.bridges[self.at - 1]
    }
}

impl Fared {
    /// Each level that was reached, also on the way to a failure; and since when that is counted.
    fn levels(&self) -> (Time, &[Reached]) {
        match &self.answer {
            Some(Ok(receipt)) => (receipt.since, &receipt.levels),
            Some(Err(failure)) => (failure.since, &failure.levels),
            None => (self.due, &[]),
        }
    }
    fn claim(&self) -> Claim {
        let done = self.levels().1.iter().any(|reached| reached.level >= Delivery::Applied);
        Claim { command: self.command.clone(), done }
    }
    /// How it failed, if it did.
    fn failed(&self) -> Option<String> {
        match &self.answer {
            Some(Ok(receipt)) if receipt.delivery >= Delivery::Observed => None,
            Some(Ok(receipt)) => Some(receipt.delivery.to_string()),
            Some(Err(failure)) => Some(failure.error.stage.to_string()),
            None => Some("nobody".into()),
        }
    }
    fn attempts(&self) -> u32 {
        match &self.answer {
            Some(Ok(receipt)) => receipt.attempts,
            Some(Err(failure)) => failure.error.attempts,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everybody_has_a_turn_before_anybody_has_another() {
        let plan = Plan { devices: 7, rate: 1, length: Span::millis(1000), seed: 3 };
        let turns = |seed| {
            let mut order = Order::new(&Plan { seed, ..plan });
            (0..21).map(|_| order.next()).collect::<Vec<_>>()
        };
        for round in turns(3).chunks(7) {
            assert_eq!(round.iter().copied().collect::<BTreeSet<_>>(), (1..=7).collect());
        }
        assert_eq!(turns(3), turns(3));
        assert_ne!(turns(3), turns(4));
    }

    #[test]
    fn no_two_commands_are_the_same_and_none_is_what_lamps_begin_with() {
        let words: BTreeSet<_> = (1..1000).map(|n| command(n, lamp(1)).1).collect();
        assert_eq!((words.len(), words.contains("#ffffff")), (999, false));
        assert_ne!(command(MOST_COMMANDS, lamp(1)).1, "#ffffff");
        let to = |n| lamp(n).to_string();
        assert_eq!(["1", "254", "1", "238"], [1, 254, 255, 1000].map(to).each_ref().map(|s| &**s));
    }
}
