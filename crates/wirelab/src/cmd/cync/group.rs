//! A command to many targets at once: what each is told through its bridge, and how each fared.
use std::{sync::Arc, time::Duration};

use net::{
    Answer, Client, Reached,
    group::{self, Member, Row},
};
use proto::{
    Delivery, Stage,
    cync::{Cync, Reply, Request, Target},
    resilience::Demand,
};

use super::{
    order::{Ending, Fared, Summary},
    roster::Lost,
};

/// One target, and who tells it what.
pub(super) struct Job {
    pub(super) to: Target,
    pub(super) bridge: Arc<str>,
    pub(super) client: Arc<Client<Cync>>,
    pub(super) request: Request,
    /// What makes it as it was, if it is to be when another one fails.
    pub(super) undo: Option<Request>,
}

/// Does them all, and says how each fared.
pub(super) async fn run(jobs: Vec<Job>, lost: Vec<Lost>, demand: Demand) -> (Vec<Fared>, Summary) {
    let members = jobs.iter().map(|Job { bridge, client, request, undo, .. }| {
        let (name, client) = (bridge.clone(), &**client);
        Member { name, client, request: *request, undo: *undo }
    });
    let table = group::demand(members.collect(), demand).await;
    let spread = table.spread();
    let wanted = demand.level.unwrap_or(Delivery::Applied);
    let rows = jobs.iter().zip(table.rows).map(|(job, row)| fared(job.to, row, wanted));
    let fared: Vec<_> = lost.into_iter().map(|(to, why)| nobody(to, why)).chain(rows).collect();
    let ok = fared.iter().filter(|fared| fared.ending == Ending::Ok).count();
    let spread_ms = spread.map(ms).filter(|_| ok > 1);
    let summary = Summary { targets: fared.len(), ok, spread_ms };
    (fared, summary)
}

fn fared(to: Target, Row { name, answer, undone }: Row<Reply>, wanted: Delivery) -> Fared {
    let bridge = Some(name.to_string());
    let undone = undone.map(|undone| undone.is_ok());
    let (elapsed, attempts, reached, ending, detail) = ended(answer, wanted);
    let levels: Vec<_> = reached.into_iter().map(|r| (r.level, ms(r.after))).collect();
    let delivery = levels.iter().map(|(level, _)| *level).max();
    let (elapsed_ms, attempts) = (ms(elapsed), Some(attempts));
    Fared { to, bridge, ending, delivery, levels, undone, elapsed_ms, attempts, detail }
}

type Ended = (Duration, u32, Vec<Reached>, Ending, Option<String>);

fn ended(answer: Answer<Reply>, wanted: Delivery) -> Ended {
    match answer {
        Ok(receipt) => {
            let short = receipt.delivery < wanted;
            let detail = short.then(|| {
                let why = "who is in a group is known to the mesh alone, so nobody sees its lamps";
                format!("no more than {} can be proved: {why}", receipt.delivery)
            });
            let ending = if short { Ending::NotReached } else { Ending::Ok };
            (receipt.elapsed, receipt.attempts, receipt.levels, ending, detail)
        }
        Err(failure) => {
            let error = failure.error;
            let ending = match error.stage {
                Stage::Nack => Ending::Refused,
                Stage::Deadline => Ending::Deadline,
                _ => Ending::NotReached,
            };
            let detail = Some(format!("{}: {}", error.stage, error.detail));
            (failure.elapsed, error.attempts, failure.levels, ending, detail)
        }
    }
}

fn nobody(to: Target, why: String) -> Fared {
    let (bridge, delivery, levels, undone, attempts) = (None, None, Vec::new(), None, None);
    let (ending, elapsed_ms, detail) = (Ending::Nobody, 0.0, Some(why));
    Fared { to, bridge, ending, delivery, levels, undone, elapsed_ms, attempts, detail }
}

fn ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}
