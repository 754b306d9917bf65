//! A command to many targets at once: each is told through its bridge, and how each fared is known when
//! it is, or when the deadline passes.
use std::{sync::Arc, time::Duration};

use net::{Answer, Client, Env};
use proto::{
    Delivery, Stage, Time,
    cync::{Cync, Reply, Request, Target},
};
use tokio::{sync::mpsc, task::JoinSet};

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
}

/// Does them all, and says how each fared as it does.
pub(super) async fn run(
    env: Env,
    jobs: Vec<Job>,
    lost: Vec<Lost>,
    (confirm, deadline): (Delivery, Duration),
    fared: mpsc::Sender<Fared>,
) -> Summary {
    let began = env.now();
    let until = began + deadline;
    let targets = jobs.len() + lost.len();
    for (to, why) in lost {
        // Nobody waiting is nobody to tell.
        let _ = fared.send(nobody(to, why)).await;
    }
    let mut doing = JoinSet::new();
    for job in jobs {
        let env = env.clone();
        doing.spawn(async move { one(&env, job, confirm, (began, until)).await });
    }
    let (mut first, mut last, mut ok) = (None, None, 0);
    while let Some(done) = doing.join_next().await {
        let done = done.expect("asking does not panic");
        if done.ending == Ending::Ok {
            ok += 1;
            first.get_or_insert(done.elapsed_ms);
            last = Some(done.elapsed_ms);
        }
        let _ = fared.send(done).await;
    }
    let spread_ms = first.zip(last).map(|(first, last)| last - first).filter(|_| ok > 1);
    Summary { targets, ok, spread_ms }
}

async fn one(
    env: &Env,
    Job { to, bridge, client, request }: Job,
    confirm: Delivery,
    (began, until): (Time, Time),
) -> Fared {
    let answer = tokio::select! {
        biased;
        answer = async { client.demand(request, confirm).await.outcome().await } => Some(answer),
        () = env.sleep_until(until) => None,
    };
    let bridge = Some(bridge.to_string());
    let elapsed_ms = (env.now() - began).as_micros() as f64 / 1000.0;
    let (ending, delivery, attempts, detail) = ended(answer, confirm);
    Fared { to, bridge, ending, delivery, elapsed_ms, attempts, detail }
}

type Ended = (Ending, Option<Delivery>, Option<u32>, Option<String>);

fn ended(answer: Option<Answer<Reply>>, confirm: Delivery) -> Ended {
    match answer {
        None => (Ending::Deadline, None, None, Some("the deadline passed".into())),
        Some(Ok(receipt)) if receipt.delivery < confirm => {
            let why = "who is in a group is known to the mesh alone, so nobody can see its lamps";
            let detail = format!("no more than {} can be proved: {why}", receipt.delivery);
            let (delivery, attempts) = (Some(receipt.delivery), Some(receipt.attempts));
            (Ending::NotReached, delivery, attempts, Some(detail))
        }
        Some(Ok(receipt)) => (Ending::Ok, Some(receipt.delivery), Some(receipt.attempts), None),
        Some(Err(failure)) => {
            let ending = match failure.error.stage {
                Stage::Nack => Ending::Refused,
                Stage::Deadline => Ending::Deadline,
                _ => Ending::NotReached,
            };
            let detail = format!("{}: {}", failure.error.stage, failure.error.detail);
            (ending, None, Some(failure.error.attempts), Some(detail))
        }
    }
}

fn nobody(to: Target, why: String) -> Fared {
    let (bridge, delivery, attempts) = (None, None, None);
    let (ending, detail) = (Ending::Nobody, Some(why));
    Fared { to, bridge, ending, delivery, elapsed_ms: 0.0, attempts, detail }
}
