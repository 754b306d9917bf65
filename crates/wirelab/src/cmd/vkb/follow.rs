//! `wirelab vkb follow`: the state that rules make of a running game, asserted and kept asserted.
use lab::follow::{Follow, FollowError, Following, Heard};
use proto::{
    resilience::Queueing,
    vkb::{Bitmaps, rules::Effect},
};

use super::{connect, hold::Asked, kept, surroundings, watching::Watching};
use crate::{
    args::FollowArgs,
    exit::{Exit, Failure},
    signals::Signals,
    text,
};

pub(super) async fn follow(args: FollowArgs) -> Result<Exit, Failure> {
    let FollowArgs { journal, rules, numbering, interval, way, link, watch } = args;
    if interval.0.is_zero() {
        return Err(Failure::usage("--interval: must be longer than 0"));
    }
    let mut follow = Follow::new(Following { journal, rules, numbering }).map_err(|e| match e {
        FollowError::Journal(_) => Failure::environment(e.to_string()),
        FollowError::Rules { .. } => Failure::usage(e.to_string()),
    })?;
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let env = surroundings()?;
    let json = way.json;
    let watching = Watching::start(&env, json, watch)?;
    let client = connect(&env, &way, kept(link, Queueing::Latest), &mut signals).await?;
    let mut asked = Asked::default();
    loop {
        if let Some(state) = wanted(follow.step(), json) {
            asked.ask(&client, state).await;
        }
        let next = env.now() + interval.0;
        tokio::select! {
            biased;
            () = signals.stop() => break,
            () = env.sleep_until(next) => {}
        }
    }
    asked.ask(&client, Bitmaps::default()).await;
    asked.farewell(&env, way.survive, &mut signals).await;
    client.close().await;
    watching.settle(true)
}

/// The state to assert after all this, if it is another one than before.
fn wanted(heard: Vec<Heard>, json: bool) -> Option<Bitmaps> {
    let mut state = None;
    let mut take = |effect: &Effect| {
        if effect.changed || effect.forced {
            let bits = effect.bits;
            state = Some(Bitmaps { shift: bits.shift, subshift: bits.subshift });
        }
    };
    for heard in heard {
        match heard {
            Heard::Event { name, past, effect } => {
                take(&effect);
                if !past && !json {
                    effect.log.iter().for_each(|line| text::talk(&format!("{name}: {line}")));
                }
            }
            Heard::Rules { count: (all, off), effect } => {
                take(&effect);
                text::talk(&format!("ok: {all} rules in force, {off} of them switched off"));
            }
            Heard::Trouble(problem) => text::talk(&format!("warning: {problem}")),
        }
    }
    state
}
