//! What reliable delivery rests on: ids that stay, devices that know them again, levels with their times,
//! answers that teach patience, bounded queues, and many devices asked at once.
use std::{sync::Arc, time::Duration};

use lab::{
    Kind, World,
    judge::{Outcome, judge},
    on_both,
    run::play,
    scenario::Scenario,
};
use net::{
    Client, Dir, Door, Event, Host, Role, Way,
    group::{self, End, Lost, Member, Row, Table},
};
use proto::{
    Delivery, Policy, PolicyPatch, Protocol, Span, Stage, Supervisor,
    cync::{Cync, Request, Settings},
    resilience::{Demand, Dropped, Intake, QueueEvent, RawIntake, WhenFull},
    toggle::{Lamp, Toggle},
};

use crate::support::{count, quick};

/// A controller and the bridge that has dialled it.
struct Home {
    controller: Client<Cync>,
    bridge: Host<Cync>,
}

impl Home {
    fn new(w: &World, settings: Settings, patch: PolicyPatch) -> Self {
        let ms = Span::millis;
        let settings = Settings { redial: ms(50), latency: ms(5), greeting: ms(10), ..settings };
        let cync = Cync::new(settings.clone()).unwrap();
        let policy = Policy::new::<Cync>(patch.over(cync.policy())).unwrap();
        let env = w.node("controller", Role::Client);
        let door = Door::open(&env, World::any_port()).unwrap();
        let supervisor = Supervisor::new(cync, policy, env.seed);
        let controller = Client::by(env, Way::Wait(door), supervisor);
        let bridge = Arc::new(Cync::new(settings).unwrap());
        let at = controller.addr().unwrap();
        let bridge = Host::start(w.node("bridge", Role::Device), at, bridge).unwrap();
        Self { controller, bridge }
    }
    async fn end(self) {
        self.controller.close().await;
        self.bridge.stop().await;
    }
}

fn power(on: bool) -> Request {
    serde_json::from_value(serde_json::json!({ "power": { "to": 1, "on": on } })).unwrap()
}

fn toggle(device: &str, on: bool) -> Toggle {
    Toggle::new(device, on).unwrap()
}

/// Asks them all for it, however long that takes.
async fn ask<P: Protocol>(members: Vec<Member<'_, P>>) -> Table<P::Reply> {
    group::ask(members, Demand::default(), std::future::pending()).await
}

fn elapsed<R>(row: &Row<R>) -> Duration {
    match &row.end {
        End::Answered(Ok(receipt)) => receipt.elapsed,
        End::Answered(Err(_)) | End::Lost(_) | End::Open(_) => panic!("{} did not", row.name),
    }
}

/// A toggle device and its client, by this name.
fn lamp(w: &World, name: &str) -> (Host<Lamp>, Client<Lamp>) {
    let device = w.node(&format!("{name}-device"), Role::Device);
    let host = Host::start(device, World::any_port(), Arc::new(Lamp::default())).unwrap();
    let policy = Policy::new::<Lamp>(quick()).unwrap();
    let env = w.node(name, Role::Client);
    let supervisor = Supervisor::new(Lamp::default(), policy, env.seed);
    let client = Client::spawn(env, vec![host.addr()], supervisor);
    (host, client)
}

fn is_on(host: &Host<Lamp>, id: &str) -> Option<bool> {
    host.device().snapshot().devices.get(id).map(|device| device.state)
}

on_both! {
    async fn a_command_whose_answer_was_lost_with_the_connection_is_done_once(w: World) {
        let home = Home::new(&w, Settings::default(), PolicyPatch::default());
        home.bridge.misbehave("half_close x1".parse().unwrap()).await.unwrap();
        let receipt = home.controller.request(power(true)).await.unwrap();
        assert_eq!(receipt.attempts, 2);
        let memory = home.bridge.device().snapshot();
        assert_eq!((memory.applied, memory.repeated, memory.logins), (1, 1, 2));
        home.end().await;
    }

    async fn every_level_comes_with_its_time(w: World) {
        let patch = PolicyPatch { confirm: Some(Delivery::Observed), ..PolicyPatch::default() };
        let home = Home::new(&w, Settings::default(), patch);
        let receipt = home.controller.request(power(true)).await.unwrap();
        let levels: Vec<_> = receipt.levels.iter().map(|reached| reached.level).collect();
        use Delivery::*;
        let wanted = match cfg!(target_os = "linux") {
            true => vec![Written, TcpAcked, Replied, Applied, Observed],
            false => vec![Written, Replied, Applied, Observed],
        };
        assert_eq!(levels, wanted);
        assert!(receipt.levels.is_sorted_by_key(|reached| reached.after));
        let [.., replied, applied, observed] = receipt.levels[..] else { panic!() };
        assert!(replied.after < applied.after && applied.after < observed.after);
        assert_eq!(observed.after, receipt.elapsed);
        let records = w.recorder().records();
        let reached = |level| {
            count(&records, "controller", |e| matches!(e, Event::Reached { level: l, .. } if *l == level))
        };
        assert_eq!([reached(Replied), reached(Applied), reached(Observed)], [1, 1, 0]);
        home.end().await;
    }

    async fn a_failure_says_how_far_it_got_and_when(w: World) {
        let patch = PolicyPatch {
            confirm: Some(Delivery::Observed),
            recv_timeout: Some(Span::millis(200)),
            max_attempts: Some(1),
            ..PolicyPatch::default()
        };
        let home = Home::new(&w, Settings::default(), patch);
        home.bridge.misbehave("no_report".parse().unwrap()).await.unwrap();
        let failure = home.controller.request(power(true)).await.unwrap_err();
        let last = failure.levels.last().unwrap();
        assert_eq!(last.level, Delivery::Applied);
        assert!(last.after < failure.elapsed);
        home.end().await;
    }

    async fn what_nobody_reads_is_bounded_as_was_set(w: World) {
        for (when_full, kept, lost) in [
            (WhenFull::Reject, 5, Some(Dropped::QueueFull)),
            (WhenFull::DropOldest, 5, Some(Dropped::QueueFullAfterDrop)),
            (WhenFull::Block, 22, None),
        ] {
            let home = Home::new(&w, Settings::default(), PolicyPatch::default());
            let raw = RawIntake { size: 5, when_full, ..RawIntake::default() };
            let mut listener = home.controller.listen(Intake::new(raw).unwrap());
            home.bridge.misbehave("flood 20 x1".parse().unwrap()).await.unwrap();
            let since = w.recorder().records().last().map_or(0, |r| r.seq);
            home.controller.request(power(true)).await.unwrap();
            if lost.is_some() {
                // One of them is what the command did.
                let mut left = 21;
                w.recorder().until(|r| {
                    let report = r.seq > since && matches!(
                        &r.event, Event::Frame { dir: Dir::In, kind, .. } if kind == "status"
                    );
                    left -= i32::from(report && &*r.node == "controller");
                    (left == 0).then_some(())
                }).await;
            }
            let mut heard = 0;
            while heard < kept {
                listener.next().await;
                heard += 1;
            }
            assert!(listener.try_next().is_none(), "{when_full}: there is more");
            let records = w.recorder().records();
            let dropped = |e: &Event| match e {
                Event::Intake { what: QueueEvent::Dropped { why }, .. } => Some(*why) == lost,
                _ => false,
            };
            let here: Vec<_> = records.into_iter().filter(|r| r.seq > since).collect();
            assert_eq!(count(&here, "controller", dropped) > 0, lost.is_some(), "{when_full}");
            let deepest = here.iter().filter_map(|r| match r.event {
                Event::Intake { depth, .. } => Some(depth),
                _ => None,
            });
            assert_eq!(deepest.max(), Some(5));
            home.end().await;
        }
    }

    async fn who_stops_listening_holds_up_nobody(w: World) {
        let home = Home::new(&w, Settings::default(), PolicyPatch::default());
        let raw = RawIntake { size: 1, ..RawIntake::default() };
        let listener = home.controller.listen(Intake::new(raw).unwrap());
        home.bridge.misbehave("flood 20 x1".parse().unwrap()).await.unwrap();
        let full = |r: &net::Record| matches!(r.event, Event::Intake { what: QueueEvent::Full, .. });
        let asked = home.controller.submit(power(true)).await;
        w.recorder().until(|r| full(r).then_some(())).await;
        drop(listener);
        asked.outcome().await.unwrap();
        home.controller.request(power(false)).await.unwrap();
        home.end().await;
    }

    async fn many_devices_are_asked_at_once_and_each_has_its_row(w: World) {
        let names = ["a", "b", "c"];
        let lamps = names.map(|name| lamp(&w, name));
        lamps[1].0.misbehave("delay 50ms x1".parse().unwrap()).await.unwrap();
        let members = names.iter().zip(&lamps).map(|(name, (_, client))| Member {
            name: (*name).into(),
            client: Ok(client),
            request: toggle(name, true),
            undo: Some(toggle(name, false)),
        });
        let table = ask(members.collect()).await;
        assert!(table.all_obeyed());
        let rows: Vec<_> = table.rows.iter().map(|row| (&*row.name, row.undone.is_none())).collect();
        assert_eq!(rows, [("a", true), ("b", true), ("c", true)]);
        for (name, (host, _)) in names.iter().zip(&lamps) {
            assert_eq!(is_on(host, name), Some(true));
        }
        let spread = table.spread().unwrap();
        let slowest = elapsed(&table.rows[1]);
        assert!(spread >= Duration::from_millis(40) && spread <= slowest, "{spread:?}");
    }

    async fn if_one_fails_those_that_obeyed_take_it_back(w: World) {
        for roll_back in [true, false] {
            let names = ["a", "b", "c"].map(|name| format!("{name}{roll_back}"));
            let lamps = names.clone().map(|name| lamp(&w, &name));
            lamps[2].0.misbehave("nack".parse().unwrap()).await.unwrap();
            let members = names.iter().zip(&lamps).map(|(name, (_, client))| Member {
                name: name.as_str().into(),
                client: Ok(client),
                request: toggle(name, true),
                undo: roll_back.then(|| toggle(name, false)),
            });
            let table = ask(members.collect()).await;
            assert!(!table.all_obeyed());
            let undone: Vec<_> = table.rows.iter().map(|row| row.undone.is_some()).collect();
            assert_eq!(undone, [roll_back, roll_back, false], "who failed has nothing to take back");
            for at in [0, 1] {
                assert_eq!(is_on(&lamps[at].0, &names[at]), Some(!roll_back), "{}", names[at]);
            }
            assert_eq!(is_on(&lamps[2].0, &names[2]), None);
        }
    }

    async fn one_that_cannot_be_asked_has_failed(w: World) {
        let (host, client) = lamp(&w, "here");
        let lost = Lost { stage: Stage::Unreachable, detail: "no such name".into() };
        let member = |name: &str, client| Member {
            name: name.into(),
            client,
            request: toggle(name, true),
            undo: Some(toggle(name, false)),
        };
        let table = ask(vec![member("gone", Err(lost)), member("here", Ok(&client))]).await;
        assert!(matches!(&table.rows[0].end, End::Lost(lost) if lost.detail == "no such name"));
        assert!(!table.rows[0].obeyed && table.rows[0].undone.is_none());
        assert!(table.rows[1].obeyed && table.rows[1].undone.is_some());
        assert_eq!(is_on(&host, "here"), Some(false));
        assert_eq!(table.spread(), None, "one alone is not apart from anybody");
    }

    async fn told_to_stop_nobody_waits_and_nobody_takes_anything_back(w: World) {
        let lamps = ["a", "b"].map(|name| lamp(&w, name));
        lamps[1].0.misbehave("timeout".parse().unwrap()).await.unwrap();
        let members = ["a", "b"].iter().zip(&lamps).map(|(name, (_, client))| Member {
            name: (*name).into(),
            client: Ok(client),
            request: toggle(name, true),
            undo: Some(toggle(name, false)),
        });
        let recorder = w.recorder().clone();
        let a_is_on = recorder.until(|r| {
            let done = matches!(r.event, Event::Done { .. });
            (done && &*r.node == "a").then_some(())
        });
        let mut table = group::ask(members.collect(), Demand::default(), a_is_on).await;
        let [b, a] = [table.rows.pop().unwrap(), table.rows.pop().unwrap()];
        assert!(a.obeyed && a.undone.is_none() && b.undone.is_none());
        assert_eq!(is_on(&lamps[0].0, "a"), Some(true));
        let End::Open(asked) = b.end else { panic!("it answered: {:?}", b.end) };
        let [_, (_, client)] = lamps;
        client.close().await;
        assert_eq!(asked.outcome().await.unwrap_err().error.stage, Stage::Cancelled);
    }
}

/// A bridge that forgets at once does the same command twice, and the judge sees it.
#[test]
fn a_device_that_does_one_command_twice_breaks_law_5() {
    let path = "../../scenarios/cync/once-over-two-connections.toml";
    let text = std::fs::read_to_string(path).unwrap();
    let verdict = |text: &str| {
        let scenario = Scenario::parse("once-over-two-connections.toml", text).unwrap();
        judge(&scenario, "sim", &play(&scenario, Kind::Sim, 1).unwrap().records)
    };
    assert_eq!(verdict(&text).outcome, Outcome::Pass);
    let forgetful = text.replace("redial = \"50ms\"", "redial = \"50ms\", applied_ttl = \"0s\"");
    assert_ne!(forgetful, text);
    let convicted = verdict(&forgetful);
    assert!(convicted.findings.iter().any(|f| f.rule.contains("law 5")), "{convicted:?}");
}
