//! `wirelab vkb hold`: a state that stays asserted, whatever becomes of the connection.
use std::sync::{Arc, Mutex};

use lab::account::Account;
use net::{Env, Event, Record, Sink};
use proto::{resilience::Queueing, vkb::Bitmaps};
use tokio::task::JoinSet;

use super::{connect, surroundings};
use crate::{
    args::WayArgs,
    exit::{Exit, Failure},
    lines,
    signals::Signals,
    text,
};

pub(super) async fn hold(
    state: Bitmaps,
    way: WayArgs,
    queueing: Queueing,
    report: bool,
) -> Result<Exit, Failure> {
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let env = surroundings()?;
    let json = way.json;
    let account = watch(&env, json);
    let client = Arc::new(connect(&env, &way, queueing, u32::MAX).await?);
    let mut asking = JoinSet::new();
    let ask = |asking: &mut JoinSet<()>, state: Bitmaps| {
        let client = client.clone();
        // How it ends is in the account.
        asking.spawn(async move { drop(client.request(state).await) });
    };
    ask(&mut asking, state);
    let mut typed = lines::read(std::io::stdin());
    let mut listening = true;
    loop {
        tokio::select! {
            biased;
            () = signals.stop() => break,
            Some(_) = asking.join_next() => {}
            line = typed.recv(), if listening => match line {
                None => listening = false,
                Some(line) => match line.and_then(|line| read(&line)) {
                    Ok(state) => ask(&mut asking, state),
                    Err(why) => text::talk(&format!("error: {why}")),
                },
            },
        }
    }
    // What has not ended by now was never confirmed, and is counted as that.
    asking.shutdown().await;
    if let Some(client) = Arc::into_inner(client) {
        client.close().await;
    }
    settle(&account, json, report)
}

/// Has the record counted, and told to whoever waits at the terminal.
pub(super) fn watch(env: &Env, json: bool) -> Arc<Mutex<Account>> {
    let account = Arc::new(Mutex::new(Account::default()));
    env.recorder.attach(Counting(account.clone()));
    env.recorder.attach(move |record: &Record| tell(record, json));
    account
}

/// What became of everything, and how to end.
pub(super) fn settle(account: &Mutex<Account>, json: bool, report: bool) -> Result<Exit, Failure> {
    let statement = account.lock().expect("no fold panics").statement();
    if json {
        text::print(&text::json_line(&statement))?;
    } else if report {
        text::print(&format!("{statement}\n"))?;
    }
    Ok(if statement.is_whole() { Exit::Done } else { Exit::Failed })
}

struct Counting(Arc<Mutex<Account>>);

impl Sink for Counting {
    fn take(&mut self, record: &Record) {
        self.0.lock().expect("no fold panics").take(record);
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

/// What a person waiting at the terminal wants to know.
fn tell(record: &Record, json: bool) {
    if json {
        return;
    }
    match &record.event {
        Event::Proved { proof, .. } => text::talk(&format!("ok: connected ({proof:?})")),
        Event::Lost { reason, redial_in_us, .. } => {
            let ms = redial_in_us / 1000;
            text::talk(&format!("warning: connection lost: {reason}; next try in {ms} ms"));
        }
        Event::Resent { .. } => text::talk("ok: state sent again"),
        _ => {}
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
