//! `wirelab vkb hold`: a state that stays asserted, whatever becomes of the connection.
use std::time::Duration;

use net::{Client, Env};
use proto::{
    Span,
    resilience::Queueing,
    vkb::{Bitmaps, Vkb},
};
use tokio::task::JoinSet;

use super::{connect, kept, surroundings, watching::Watching};
use crate::{
    args::HoldArgs,
    exit::{Exit, Failure},
    lines,
    signals::Signals,
    text,
};

/// When told to stop, what is on its way may take this much longer than it takes to be believed.
const FAREWELL: Duration = Duration::from_secs(1);

pub(super) async fn hold(args: HoldArgs) -> Result<Exit, Failure> {
    let HoldArgs { state, ordered, report, way, link, watch } = args;
    let queueing = if ordered { Queueing::Ordered } else { Queueing::Latest };
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let env = surroundings()?;
    let watching = Watching::start(&env, way.json, watch)?;
    let client = connect(&env, &way, kept(link, queueing), &mut signals).await?;
    let mut asked = Asked::default();
    asked.ask(&client, state.into()).await;
    let mut typed = lines::read(std::io::stdin());
    let mut listening = true;
    loop {
        tokio::select! {
            biased;
            () = signals.stop() => break,
            Some(_) = asked.0.join_next() => {}
            line = typed.recv(), if listening => match line {
                None => listening = false,
                Some(line) => match line.and_then(|line| read(&line)) {
                    Ok(state) => asked.ask(&client, state).await,
                    Err(why) => text::talk(&format!("error: {why}")),
                },
            },
        }
    }
    asked.farewell(&env, way.survive, &mut signals).await;
    // What has not ended by now was never confirmed, and is counted as that.
    client.close().await;
    watching.settle(report)
}

/// States on their way. How each ends is in the account.
#[derive(Default)]
pub(super) struct Asked(JoinSet<()>);

impl Asked {
    /// One more, after those before it.
    pub(super) async fn ask(&mut self, client: &Client<Vkb>, state: Bitmaps) {
        let asking = client.submit(state).await;
        self.0.spawn(async move { drop(asking.outcome().await) });
        while self.0.try_join_next().is_some() {}
    }
    /// Waits until none is left, but not for long, and not when told to stop once more.
    pub(super) async fn farewell(&mut self, env: &Env, survive: Span, signals: &mut Signals) {
        let ended = async { while self.0.join_next().await.is_some() {} };
        tokio::select! {
            biased;
            () = ended => {}
            () = signals.stop() => {}
            () = env.sleep_until(env.now() + survive.0 + FAREWELL) => {}
        }
    }
}

/// `SHIFT SUBSHIFT`.
fn read(line: &str) -> Result<Bitmaps, String> {
    let wrong = || format!("`{line}` is no state; write SHIFT SUBSHIFT, each 0 to 255, as `1 0`");
    let numbers: Vec<u8> = line
        .split_whitespace()
        .map(str::parse::<u8>)
        .collect::<Result<_, _>>()
        .map_err(|_| wrong())?;
    match numbers[..] {
        [shift, subshift] => Ok(Bitmaps { shift, subshift }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_two_numbers() {
        assert_eq!(read("255 7"), Ok(Bitmaps { shift: 255, subshift: 7 }));
        for wrong in ["", "1", "1 2 3", "256 0", "-1 0", "Shift1 0"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
