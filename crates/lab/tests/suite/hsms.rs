//! HSMS: what the published tests of the reference claimed, against equipment that really speaks the
//! standard. A connection counts when it is SELECTED, and the equipment is the judge.
use std::time::Duration;

use lab::{World, on_both};
use net::{Client, Door, Event, Order, Role, Way};
use proto::{
    Delivery, Policy, Protocol, RawPolicy, Span, Stage, Supervisor, Time,
    hsms::{Connect, Hsms, Request, Settings},
    resilience::{BreakerEvent, BreakerState, RawBreaker},
};

use crate::support::count;

pub(crate) fn ask(text: &str) -> Request {
    text.parse().unwrap()
}

pub(crate) fn hsms(settings: Settings) -> Hsms {
    Hsms::new(settings).unwrap()
}

/// Timers for tests; the tool does not speak first unless a test wants it to.
pub(crate) fn quick() -> Settings {
    let quiet = serde_json::from_str(r#"{ "initiates": false }"#).unwrap();
    Settings {
        t3: Span::millis(300),
        t5: Span::millis(20),
        t6: Span::millis(200),
        t7: Span::millis(400),
        t8: Span::millis(200),
        tool: Some(quiet),
        ..Settings::default()
    }
}

fn host_policy(threshold: u32) -> RawPolicy {
    let breaker = RawBreaker { threshold, open_for: Span::millis(60_000), ..RawBreaker::default() };
    RawPolicy { breaker: Some(breaker), ..hsms(quick()).policy() }
}

/// The number the next record will have: what comes after is from there on.
pub(crate) fn mark(w: &World) -> u64 {
    w.recorder().records().last().map_or(0, |r| r.seq + 1)
}

/// Waits for a breaker to open.
async fn opened(w: &World, since: u64) {
    let is_it = |event: &Event| {
        let Event::Breaker { what: BreakerEvent::Changed { to, .. } } = event else { return false };
        *to == BreakerState::Open
    };
    w.recorder().until(|r| (r.seq >= since && is_it(&r.event)).then_some(())).await;
}

fn counted(w: &World) -> Vec<(u32, u32)> {
    let counted = |event: &Event| match event {
        Event::Breaker { what: BreakerEvent::Counted { failures, threshold, .. } } => {
            Some((*failures, *threshold))
        }
        _ => None,
    };
    w.recorder().records().iter().filter_map(|r| counted(&r.event)).collect()
}

on_both! {
    async fn connects_successfully_with_a_real_equipment(w: World) {
        let host = w.device(hsms(quick()));
        let client = w.client(host.addr(), hsms(quick()), hsms(quick()).policy());
        let receipt = client.request(ask("S1F1 W")).await.unwrap();
        assert_eq!(receipt.delivery, Delivery::Applied);
        assert_eq!(host.device().snapshot().selected, 1);
        client.close().await;
        host.stop().await;
        let separated = count(&w.recorder().records(), "device", |e| {
            matches!(e, Event::Frame { kind, .. } if kind == "Separate.req")
        });
        assert!(separated <= 1);
    }

    /// The case by name: a threshold of 3 opens after exactly 3 failed cycles, one of 2 after 2. TCP
    /// was up every time.
    async fn the_circuit_breaker_opens_after_its_threshold(w: World) {
        for threshold in [2, 3] {
            let host = w.device(hsms(quick()));
            host.misbehave("mute_select".parse().unwrap()).await.unwrap();
            let before = counted(&w).len();
            let since = mark(&w);
            let connections = host.device().snapshot().connections;
            let client = w.client(host.addr(), hsms(quick()), host_policy(threshold));
            client.tell(Order::Start).await;
            opened(&w, since).await;
            let refused = client.request(ask("S1F1 W")).await.unwrap_err();
            assert_eq!(refused.error.stage, Stage::BreakerOpen);
            let wanted: Vec<_> = (1..=threshold).map(|n| (n, threshold)).collect();
            assert_eq!(counted(&w)[before..], wanted);
            let made = host.device().snapshot().connections - connections;
            assert_eq!(made, u64::from(threshold), "the equipment's own count");
            client.close().await;
            host.stop().await;
        }
    }

    async fn a_cycle_succeeds_at_selected_and_nowhere_before(w: World) {
        let host = w.device(hsms(quick()));
        host.misbehave("mute_select x2".parse().unwrap()).await.unwrap();
        let client = w.client(host.addr(), hsms(quick()), host_policy(3));
        client.tell(Order::Start).await;
        w.recorder().until(|r| matches!(r.event, Event::Proved { .. }).then_some(())).await;
        assert_eq!(counted(&w), [(1, 3), (2, 3)]);
        client.request(ask("S1F1 W")).await.unwrap();
        // Two more in a row are two, not four.
        host.misbehave("mute_select x2".parse().unwrap()).await.unwrap();
        client.request(ask("separate")).await.unwrap();
        let mut left = 2;
        w.recorder().until(|r| {
            left -= usize::from(matches!(r.event, Event::Proved { .. }));
            (left == 0).then_some(())
        }).await;
        assert_eq!(counted(&w).iter().map(|(n, _)| *n).max(), Some(2));
    }

    async fn t3_never_counts(w: World) {
        let host = w.device(hsms(quick()));
        host.misbehave("silent".parse().unwrap()).await.unwrap();
        let client = w.client(host.addr(), hsms(quick()), host_policy(2));
        for _ in 0..4 {
            let failure = client.request(ask("S1F1 W")).await.unwrap_err();
            assert_eq!(failure.error.stage, Stage::ReceiveTimeout);
        }
        assert_eq!(counted(&w), []);
        assert_eq!(host.device().snapshot().connections, 1);
    }

    async fn several_who_connect_agree(w: World) {
        let host = w.device(hsms(quick()));
        let client = w.client(host.addr(), hsms(quick()), hsms(quick()).policy());
        let mut asked = Vec::new();
        for _ in 0..10 {
            asked.push(client.submit(ask("S1F1 W")).await);
        }
        for asked in asked {
            asked.outcome().await.unwrap();
        }
        let snapshot = host.device().snapshot();
        assert_eq!((snapshot.connections, snapshot.selected), (1, 1));
    }

    async fn cancelling_while_it_selects_leaves_nothing_behind(w: World) {
        let host = w.device(hsms(quick()));
        host.misbehave("mute_select".parse().unwrap()).await.unwrap();
        let client = w.client(host.addr(), hsms(quick()), hsms(quick()).policy());
        let asked = client.submit(ask("S1F1 W")).await;
        w.recorder().until(|r| {
            let asked = matches!(&r.event, Event::Frame { kind, .. } if kind == "Select.req");
            (asked && r.role == Role::Device).then_some(())
        }).await;
        client.close().await;
        assert_eq!(asked.outcome().await.unwrap_err().error.stage, Stage::Cancelled);
        w.recorder().until(|r| {
            (matches!(r.event, Event::Closed { .. }) && r.role == Role::Device).then_some(())
        }).await;
        host.stop().await;
    }

    /// `selection timeout: no response received`, with the timer and the frame.
    async fn a_failed_select_says_which_timer_and_which_frame(w: World) {
        let host = w.device(hsms(quick()));
        host.misbehave("mute_select".parse().unwrap()).await.unwrap();
        let client = w.client(host.addr(), hsms(quick()), hsms(quick()).policy());
        let failure = client.request(ask("S1F1 W")).await.unwrap_err();
        let detail = failure.error.detail;
        for words in ["selection timeout: no response received", "T6 of 200ms", "Select.req (00000001)"] {
            assert!(detail.contains(words), "{detail}");
        }
    }

    /// It serves one at a time and gives its port up meanwhile, so somebody else may take it.
    async fn equipment_whose_port_was_taken_meanwhile_says_so(w: World) {
        let host = w.device(hsms(quick()));
        host.misbehave("second refuse".parse().unwrap()).await.unwrap();
        let client = w.client(host.addr(), hsms(quick()), hsms(quick()).policy());
        client.request(ask("linktest")).await.unwrap();
        w.recorder().until(|r| matches!(r.event, Event::Deaf).then_some(())).await;
        let _thief = w.env().net.listen(host.addr()).unwrap();
        client.close().await;
        let (addr, detail) = w.recorder().until(|r| match &r.event {
            Event::ListenFailed { addr, detail } => Some((*addr, detail.clone())),
            _ => None,
        }).await;
        assert_eq!(addr, host.addr());
        assert!(detail.to_lowercase().contains("in use"), "{detail}");
    }

    async fn equipment_that_dials_is_commanded_all_the_same(w: World) {
        let env = w.node("client", Role::Client);
        let door = Door::open(&env, World::any_port()).unwrap();
        let addr = door.addr().unwrap();
        let passive = hsms(Settings { connect: Some(Connect::Passive), ..quick() });
        let policy = Policy::new::<Hsms>(passive.policy()).unwrap();
        let client =
            Client::by(env.clone(), Way::Wait(door), Supervisor::new(passive, policy, env.seed));
        let active = Settings { connect: Some(Connect::Active), session: 7, ..quick() };
        let host = w.device_at(addr, hsms(active.clone()).into());
        client.request(ask("linktest")).await.unwrap();
        assert_eq!(host.device().snapshot().selected, 1);
        host.stop().await;
        // Another one dials, and is commanded in its turn.
        w.recorder().until(|r| matches!(r.event, Event::Lost { .. }).then_some(())).await;
        let second = w.device_at(addr, hsms(active).into());
        client.request(ask("linktest")).await.unwrap();
        assert_eq!(second.device().snapshot().selected, 1);
        client.close().await;
        second.stop().await;
    }
}

/// A year of a tool that is switched off, in seconds: the breaker grows to five minutes and stays
/// there, and on the day it comes back it is SELECTED.
/// A month of it where code is not optimised.
const DAYS: u64 = if cfg!(debug_assertions) { 30 } else { 365 };

#[test]
fn a_year_of_reconnects() {
    World::sim(1, async |w: World| {
        let host = w.device(hsms(Settings::default()));
        host.misbehave("mute_select".parse().unwrap()).await.unwrap();
        let policy = hsms(Settings::default()).policy();
        let client = w.client(host.addr(), hsms(Settings::default()), policy);
        client.tell(Order::Start).await;
        let year = Time::default() + Duration::from_secs(DAYS * 24 * 3600);
        w.env().sleep_until(year).await;
        let before = host.device().snapshot();
        let tried = before.connections;
        // Every 270 to 300 s of an open breaker, and 5 s of T6.
        assert!((DAYS * 280..DAYS * 340).contains(&tried), "{tried}");
        host.misbehave("success".parse().unwrap()).await.unwrap();
        w.recorder().until(|r| matches!(r.event, Event::Proved { .. }).then_some(())).await;
        client.request(ask("S1F1 W")).await.unwrap();
        assert_eq!(host.device().snapshot().selected, before.selected + 1);
    });
}
