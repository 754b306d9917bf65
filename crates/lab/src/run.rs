//! Plays a scenario: puts its cast into a world, takes it through its steps, and hands back the
//! record. Whether that was right is not decided here.
mod stage;
mod steps;

use std::{
    future::{Future, pending},
    net::SocketAddr,
    time::Duration,
};

use jiff::Timestamp;
use net::{Event, Record};

use crate::{
    Kind, World,
    scenario::{Scenario, ScenarioError},
};
use stage::Stage;

/// How long a step may wait for something. The world's time: no real time in a simulated one.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long what a proxy still carries has to arrive, once all clients are gone.
const DRAIN: Duration = Duration::from_secs(1);

/// What evidence and reports call the world in which the device is somebody else's.
pub const TARGET: &str = "target";

/// What a run leaves behind.
#[derive(Clone, Debug)]
pub struct Played {
    /// Everything that happened.
    pub records: Vec<Record>,
    /// When it began, by the calendar.
    pub started: Timestamp,
    /// How long it took, in the world's own time.
    pub took: Duration,
}

impl Played {
    /// Nobody was there, as far as any connection tells: the operating system's words.
    pub fn nobody(&self) -> Option<&str> {
        let mut events = self.records.iter().map(|r| &r.event);
        if events.any(|event| matches!(event, Event::Opened { .. })) {
            return None;
        }
        self.records.iter().find_map(|r| {
            let Event::ConnectFailed { detail, .. } = &r.event else { return None };
            Some(detail.as_str())
        })
    }
}

/// Plays `scenario` in a new world.
///
/// # Errors
/// Settings, quirks, requests or policies that the protocol does not take: each with its line.
pub fn play(scenario: &Scenario, kind: Kind, seed: u64) -> Result<Played, Vec<ScenarioError>> {
    let played = play_until(scenario, kind, seed, pending())?;
    Ok(played.expect("nothing cuts it short"))
}

/// The same, unless `stop` comes first: then it is dropped where it stands, and there is nothing to
/// judge.
///
/// # Errors
/// As for [`play`].
pub fn play_until(
    scenario: &Scenario,
    kind: Kind,
    seed: u64,
    stop: impl Future<Output = ()>,
) -> Result<Option<Played>, Vec<ScenarioError>> {
    let protocol = scenario.check_spoken()?;
    kind.run(seed, async |world| {
        let mut stage = Stage::empty(&world, scenario);
        stage.add_devices(protocol)?;
        stage.set(protocol)?;
        Ok(to_its_end(stage, &world, stop).await)
    })
}

/// Plays `scenario` against the device at `target`, which is not ours: over real sockets, and without
/// what [`Scenario::unseen_of_foreign`] names.
///
/// # Errors
/// As for [`play`]; nobody checks here that it can be played so, see [`Scenario::needs_our_device`].
pub fn play_against(
    scenario: &Scenario,
    target: SocketAddr,
    seed: u64,
    stop: impl Future<Output = ()>,
) -> Result<Option<Played>, Vec<ScenarioError>> {
    let protocol = scenario.check_spoken()?;
    Kind::Tcp.run(seed, async |world| {
        let mut stage = Stage::empty(&world, scenario);
        stage.add_target(target);
        stage.set(protocol)?;
        Ok(to_its_end(stage, &world, stop).await)
    })
}

async fn to_its_end(
    mut stage: Stage<'_>,
    world: &World,
    stop: impl Future<Output = ()>,
) -> Option<Played> {
    let playing = async move {
        stage.play().await;
        stage.clear().await;
    };
    tokio::select! {
        biased;
        () = stop => return None,
        () = playing => {}
    }
    let env = world.env();
    let took = env.now().since_start();
    Some(Played { records: env.recorder.records(), started: env.started(), took })
}
