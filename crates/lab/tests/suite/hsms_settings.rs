//! Every setting of HSMS through sockets: two values, two outcomes.
use std::time::Duration;

use lab::{World, on_both};
use net::{Event, Order, bare};
use proto::{
    Protocol, RawPolicy, Span, Stage,
    hsms::{Answering, Conformance, Hsms, Personality, Settings},
    resilience::Intake,
    session::hex,
};

use crate::{
    hsms::{ask, hsms, mark, quick},
    support::count,
};

/// How a host with these settings fares with a tool like that, and how long it took.
async fn fares(
    w: &World,
    host: Settings,
    tool: Settings,
    quirk: &str,
    sml: &str,
) -> (String, Duration) {
    let device = w.device(hsms(tool));
    device.misbehave(quirk.parse().unwrap()).await.unwrap();
    let protocol = hsms(host);
    let policy = protocol.policy();
    let client = w.client(device.addr(), protocol, policy);
    let before = w.env().now();
    let fared = match client.request(ask(sml)).await {
        Ok(receipt) => receipt.delivery.to_string(),
        Err(failure) => failure.error.stage.to_string(),
    };
    let took = w.env().now() - before;
    client.close().await;
    device.stop().await;
    (fared, took)
}

/// What a tool with these settings answers to raw bytes, and how long until it closed.
async fn answers(w: &World, tool: Settings, bytes: &str) -> (String, Duration) {
    let device = w.device(hsms(tool));
    let before = w.env().now();
    let bytes = hex::decode(bytes).unwrap();
    let env = w.node("raw", net::Role::Lab);
    let patience = Duration::from_secs(2);
    let heard = bare::exchange(&env, device.addr(), bytes, false, patience, None).await;
    let took = w.env().now() - before;
    device.stop().await;
    (hex::encode(&heard.unwrap()), took)
}

const MS: Duration = Duration::from_millis(1);

on_both! {
    async fn t3_is_how_long_a_reply_may_take(w: World) {
        let with = async |t3| {
            let host = Settings { t3: Span::millis(t3), ..quick() };
            fares(&w, host, quick(), "silent", "S1F1 W").await
        };
        let ((short, fast), (long, slow)) = (with(100).await, with(400).await);
        assert_eq!((short.as_str(), long.as_str()), ("receive_timeout", "receive_timeout"));
        assert!(fast >= 100 * MS && fast < 400 * MS && slow >= 400 * MS, "{fast:?} {slow:?}");
    }

    async fn t5_is_the_pause_between_two_connections(w: World) {
        for (t5, least) in [(20, 20), (250, 250)] {
            let device = w.device(hsms(quick()));
            device.misbehave("reject".parse().unwrap()).await.unwrap();
            let protocol = hsms(Settings { t5: Span::millis(t5), ..quick() });
            let policy = RawPolicy { breaker: None, ..protocol.policy() };
            let since = mark(&w);
            let client = w.client(device.addr(), protocol, policy);
            client.tell(Order::Start).await;
            let mut dials = Vec::new();
            w.recorder().until(|r| {
                if r.seq < since {
                    return None;
                }
                if let Event::Connecting { .. } = r.event {
                    dials.push(r.at);
                }
                (dials.len() == 3).then_some(())
            }).await;
            for two in dials.windows(2) {
                let gap = two[1] - two[0];
                assert!(gap >= least * MS && gap < least * MS + 200 * MS, "{gap:?}");
            }
            client.close().await;
            device.stop().await;
        }
    }

    async fn t6_is_how_long_a_select_may_take(w: World) {
        for (t6, fared) in [(50, "receive_timeout"), (350, "applied")] {
            let host = Settings { t6: Span::millis(t6), ..quick() };
            assert_eq!(fares(&w, host, quick(), "late_select 150ms", "S1F1 W").await.0, fared);
        }
    }

    async fn t7_is_how_long_a_connection_may_stay_unselected(w: World) {
        for (t7, least) in [(100, 100), (400, 400)] {
            let (_, took) = answers(&w, Settings { t7: Span::millis(t7), ..quick() }, "").await;
            assert!(took >= least * MS && took < least * MS + 250 * MS, "{took:?}");
        }
    }

    async fn t8_is_how_long_a_message_may_pause(w: World) {
        for (t8, least) in [(50, 50), (300, 300)] {
            let tool = Settings { t8: Span::millis(t8), t7: Span::millis(1500), ..quick() };
            let (_, took) = answers(&w, tool, "00 00 00 0a ff").await;
            assert!(took >= least * MS && took < least * MS + 250 * MS, "{took:?}");
        }
    }

    async fn linktest_and_its_threshold_notice_a_silent_peer(w: World) {
        for (linktest, threshold, tests) in [(None, 1, 0), (Some(50), 1, 1), (Some(50), 2, 2)] {
            let device = w.device(hsms(quick()));
            device.misbehave("mute_linktest".parse().unwrap()).await.unwrap();
            let protocol = hsms(Settings {
                linktest: linktest.map(Span::millis),
                linktest_threshold: threshold,
                t6: Span::millis(60),
                ..quick()
            });
            let policy = protocol.policy();
            let client = w.client(device.addr(), protocol, policy);
            let since = mark(&w);
            client.request(ask("S1F1 W")).await.unwrap();
            let lost = w.recorder().until(|r| {
                (r.seq >= since && matches!(r.event, Event::Lost { .. })).then_some(())
            });
            let lost = tokio::select! {
                biased;
                () = lost => true,
                () = w.env().sleep_until(w.env().now() + 600 * MS) => false,
            };
            let sent = count(&w.recorder().records()[since as usize..], "device", |e| {
                matches!(e, Event::Frame { kind, .. } if kind == "Linktest.req")
            });
            assert_eq!((lost, sent), (linktest.is_some(), tests), "{linktest:?} {threshold}");
            client.close().await;
            device.stop().await;
        }
    }

    async fn session_is_the_device_id_and_may_be_checked(w: World) {
        for (check_session, fared) in [(false, "applied"), (true, "nack")] {
            let host = Settings { session: 5, ..quick() };
            let tool = Settings { session: 7, check_session, ..quick() };
            assert_eq!(fares(&w, host.clone(), tool.clone(), "success", "S1F1 W").await.0, fared);
            let same = Settings { session: 5, ..tool };
            assert_eq!(fares(&w, host, same, "success", "S1F1 W").await.0, "applied");
        }
    }

    async fn conformance_decides_about_a_bad_header(w: World) {
        for (conformance, fared) in [(Conformance::Lenient, "receive_timeout"), (Conformance::E37_1, "malformed")] {
            let t = Span::millis(1000);
            let host = Settings { conformance, t3: t, t5: t, t6: t, t7: t, t8: t, ..quick() };
            assert_eq!(fares(&w, host, quick(), "stype 8", "S1F1 W").await.0, fared);
        }
    }

    async fn max_message_is_the_longest_taken(w: World) {
        for (max_message, fared) in [(1000, "malformed"), (10_000, "nack")] {
            let host = Settings { max_message, ..quick() };
            assert_eq!(fares(&w, host, quick(), "oversized 5000", "S1F1 W").await.0, fared);
        }
    }

    async fn max_open_bounds_what_is_open(w: World) {
        for (max_open, refused) in [(1, 2), (3, 0)] {
            let device = w.device(hsms(quick()));
            device.misbehave("delay 50ms".parse().unwrap()).await.unwrap();
            let protocol = hsms(Settings { max_open, ..quick() });
            let policy = protocol.policy();
            let client = w.client(device.addr(), protocol, policy);
            let mut asked = Vec::new();
            for _ in 0..3 {
                asked.push(client.submit(ask("S1F1 W")).await);
            }
            let mut nacks = 0;
            for asked in asked {
                nacks += u32::from(asked.outcome().await.is_err_and(|f| f.error.stage == Stage::Nack));
            }
            assert_eq!(nacks, refused);
            client.close().await;
            device.stop().await;
        }
    }

    async fn answers_are_the_hosts_own_or_somebody_elses(w: World) {
        for (answers, replied) in [(Answering::Auto, 1), (Answering::Manual, 0)] {
            let device = w.device(hsms(quick()));
            device.misbehave("interleave 1 x1".parse().unwrap()).await.unwrap();
            let protocol = hsms(Settings { answers, ..quick() });
            let policy = protocol.policy();
            let client = w.client(device.addr(), protocol, policy);
            let since = mark(&w) as usize;
            let mut said = client.listen(Intake::default());
            client.request(ask("S1F1 W")).await.unwrap();
            let theirs = said.next().await;
            client.request(ask("linktest")).await.unwrap();
            let replies = || count(&w.recorder().records()[since..], "device", |e| {
                matches!(e, Event::Frame { kind, dir: net::Dir::In, .. } if kind == "S1F2")
            });
            assert_eq!(replies(), replied);
            if answers == Answering::Manual {
                let json = serde_json::to_value(&theirs).unwrap();
                let answer = serde_json::json!({ "to": json["system"], "send": "S1F2 <L>." });
                client.request(serde_json::from_value(answer).unwrap()).await.unwrap();
                assert_eq!(replies(), 1);
            }
            client.close().await;
            device.stop().await;
        }
    }

    async fn as_is_whose_ways_a_tool_has(w: World) {
        let linktest = "0000000a ffff 0000 0005 00000001";
        let with = async |personality| {
            answers(&w, Settings { r#as: Some(personality), ..quick() }, linktest).await.0
        };
        assert_eq!(with(Personality::GoSecs).await, "00 00 00 0a ff ff 00 00 00 06 00 00 00 01");
        assert_eq!(with(Personality::Secs4java8).await, "");
    }
}

/// What a tool is, it says.
#[test]
fn tool_is_what_the_equipment_says_of_itself() {
    World::sim(1, async |w: World| {
        for name in ["ETCHER", "LITHO"] {
            let tool = serde_json::json!({ "mdln": name, "initiates": false });
            let tool = Some(serde_json::from_value(tool).unwrap());
            let device = w.device(hsms(Settings { tool, ..quick() }));
            let policy = Hsms::default().policy();
            let client = w.client(device.addr(), Hsms::default(), policy);
            let reply = client.request(ask("S1F1 W")).await.unwrap().reply.unwrap();
            assert!(format!("{reply:?}").contains(name), "{reply:?}");
            client.close().await;
            device.stop().await;
        }
    });
}
