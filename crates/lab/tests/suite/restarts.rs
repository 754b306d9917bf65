//! Every way a server can go and come back, told by what each of its lives read. States are numbered
//! (`shift | subshift << 8`), so that what is lost, late or twice shows.
use std::{sync::Arc, time::Duration};

use lab::{World, on_both};
use net::{Asked, Client, Dir, Event, Order};
use proto::{
    CloseReason, Delivery, Protocol, RawPolicy, Span, Stage,
    resilience::{Connection, Queueing, RawReconnect},
    vkb::{Bitmaps, Replied, Vkb},
};

use crate::{
    raw::{End, Incarnation},
    support::{count, quick},
};

/// Keeps the latest state asserted, with the delays a client has if nobody sets any.
fn latest() -> RawPolicy {
    RawPolicy {
        connection: Connection::Kept,
        reconnect: Some(RawReconnect::default()),
        survive: Span::millis(50),
        max_attempts: u32::MAX,
        queueing: Queueing::Latest,
        ..quick()
    }
}

/// Sends every state, in order, and believes in it only after a second: long enough that the test is
/// through with the server by then.
fn ordered() -> RawPolicy {
    RawPolicy { queueing: Queueing::Ordered, survive: Span::millis(1000), ..latest() }
}

/// State number `n` of a sender that counts.
fn counted(n: u16) -> Bitmaps {
    let [shift, subshift] = n.to_le_bytes();
    Bitmaps { shift, subshift }
}

/// On real sockets; what hangs there fails.
fn on_tcp(body: impl AsyncFnOnce(World)) {
    World::tcp(1, async |w| {
        let ended = tokio::time::timeout(Duration::from_secs(30), body(w)).await;
        ended.expect("it comes to an end");
    });
}

async fn submit(client: &Client<Vkb>, states: std::ops::Range<u16>) -> Vec<Asked<Replied>> {
    let mut asked = Vec::new();
    for n in states {
        asked.push(client.submit(counted(n)).await);
    }
    asked
}

async fn all_survive(asked: Vec<Asked<Replied>>) {
    for asked in asked {
        assert_eq!(asked.outcome().await.unwrap().delivery, Delivery::Survived);
    }
}

async fn until(w: &World, is: impl Fn(&Event) -> bool) {
    w.recorder().until(|r| (&*r.node == "client" && is(&r.event)).then_some(())).await;
}

fn lost(event: &Event) -> bool {
    matches!(event, Event::Lost { .. })
}

/// Waits until the client's kernel has taken this many bytes.
async fn sent(w: &World, wanted: usize) {
    let mut sent = 0;
    let take = |r: &net::Record| {
        if let Event::Sent { bytes, .. } = &r.event {
            sent += bytes.len();
        }
        (sent >= wanted).then_some(())
    };
    w.recorder().until(take).await;
}

/// Waits until the devices have read this many frames.
async fn nth_frame(w: &World, n: usize) {
    let mut left = n;
    let read = |r: &net::Record| {
        left -= usize::from(matches!(r.event, Event::Frame { dir: Dir::In, .. }));
        (left == 0).then_some(())
    };
    w.recorder().until(read).await;
}

on_both! {
    async fn a_moved_link_gets_the_whole_state_first_and_the_old_one_no_more(w: World) {
        let (old, new) = (Arc::new(Vkb::default()), Arc::new(Vkb::default()));
        let first = w.device_at(World::any_port(), old.clone());
        let second = w.device_at(World::any_port(), new.clone());
        let client = w.client(first.addr(), Vkb::default(), latest());
        for n in [0x101, 0x102, 0x203] {
            client.request(counted(n)).await.unwrap();
        }
        client.tell(Order::Move(vec![second.addr()])).await;
        nth_frame(&w, 4).await;
        assert_eq!(new.snapshot().state, counted(0x203), "nobody asked, and it knows");
        client.request(counted(0x304)).await.unwrap();
        let bytes = |vkb: &Vkb| vkb.snapshot().connections.iter().map(|c| c.bytes.to_vec()).collect::<Vec<_>>();
        let frame = |low, high| [0xa5, 0x0d, 0, 4, low, high, 0, 0];
        assert_eq!(bytes(&old), [[frame(1, 1), frame(2, 1), frame(3, 2)].concat()]);
        assert_eq!(bytes(&new), [[frame(3, 2), frame(4, 3)].concat()]);
    }
}

/// Real sockets alone have three ways to end, and a kernel that goes on taking bytes after them.
#[test]
fn states_on_their_way_when_a_server_goes_all_reach_the_next() {
    for how in End::ALL {
        on_tcp(async |w| {
            let server = Incarnation::at(World::any_port());
            let addr = server.addr();
            let client = w.client(addr, Vkb::default(), ordered());
            let mut asked = submit(&client, 0..50).await;
            let mut first = server.accept().await;
            let read = first.until(29).await.to_vec();
            drop(server);
            let open = first.end(how).await;
            asked.extend(submit(&client, 50..100).await);
            until(&w, lost).await;
            let mut second = Incarnation::at(addr).accept().await;
            all_survive(asked).await;
            assert_eq!(second.until(99).await, (0..100).collect::<Vec<_>>(), "{how:?}");
            let read = match open {
                Some(mut open) => open.rest().await.to_vec(),
                None => read,
            };
            assert!(read.iter().copied().eq(0..read.len() as u16), "{how:?}: {read:?}");
        });
    }
}

/// Only the outstanding read can tell: nothing is being sent.
#[test]
fn an_idle_client_notices_every_way_to_go_and_is_there_when_the_server_is() {
    for (how, reason) in
        End::ALL.into_iter().zip([CloseReason::Peer, CloseReason::Reset, CloseReason::Peer])
    {
        on_tcp(async |w| {
            let server = Incarnation::at(World::any_port());
            let addr = server.addr();
            let client = w.client(addr, Vkb::default(), latest());
            client.request(counted(258)).await.unwrap();
            let mut first = server.accept().await;
            first.until(258).await;
            drop(server);
            let open = first.end(how).await;
            until(&w, |e| matches!(e, Event::Closed { conn: 1, reason: r } if *r == reason)).await;
            if let Some(mut open) = open {
                assert_eq!(open.rest().await, [258], "it sent something to be noticed by");
            }
            let mut second = Incarnation::at(addr).accept().await;
            assert_eq!(second.until(258).await, [258], "{how:?}");
        });
    }
}

/// Real sockets alone have a backlog: the kernel opens connections, takes bytes and acknowledges them
/// for a server that never will accept.
#[test]
fn what_died_in_a_backlog_was_never_believed() {
    on_tcp(async |w| {
        let dying = Incarnation::at(World::any_port());
        let addr = dying.addr();
        let client = w.client(addr, Vkb::default(), ordered());
        let asked = submit(&client, 0..10).await;
        sent(&w, 80).await;
        drop(dying);
        until(&w, lost).await;
        let believed = |e: &Event| matches!(e, Event::Done { .. } | Event::Proved { .. });
        assert_eq!(count(&w.recorder().records(), "client", believed), 0);
        let mut second = Incarnation::at(addr).accept().await;
        all_survive(asked).await;
        assert_eq!(second.until(9).await, (0..10).collect::<Vec<_>>());
    });
}

/// The same backlog, and a client content with the kernel's word.
#[cfg(target_os = "linux")]
#[test]
fn what_a_kernel_acknowledged_may_be_lost() {
    on_tcp(async |w| {
        let dying = Incarnation::at(World::any_port());
        let addr = dying.addr();
        let policy = RawPolicy { confirm: Some(Delivery::TcpAcked), ..ordered() };
        let client = w.client(addr, Vkb::default(), policy);
        assert_eq!(client.request(counted(1)).await.unwrap().delivery, Delivery::TcpAcked);
        drop(dying);
        until(&w, lost).await;
        let mut second = Incarnation::at(addr).accept().await;
        client.request(counted(2)).await.unwrap();
        assert_eq!(second.until(2).await, [2], "1 was acknowledged and is nowhere");
    });
}

/// Whoever closes first keeps the port for a minute (TIME_WAIT), and a listener without SO_REUSEADDR is
/// kept out. The test does not wait for that: once the port was seen to be blocked, the server comes
/// back with the option, as if the minute were over. That works because its first life had the option
/// too; Linux asks both.
#[cfg(target_os = "linux")]
#[test]
fn a_server_that_hung_up_first_is_blocked_and_found_once_it_listens() {
    on_tcp(async |w| {
        let server = Incarnation::at(World::any_port());
        let addr = server.addr();
        let client = w.client(addr, Vkb::default(), latest());
        client.request(counted(7)).await.unwrap();
        let mut first = server.accept().await;
        first.until(7).await;
        drop(server);
        first.end(End::Fin).await;
        until(&w, lost).await;
        let blocked = Incarnation::without_reuse(addr).err().map(|e| e.kind());
        assert_eq!(blocked, Some(std::io::ErrorKind::AddrInUse));
        until(&w, |e| matches!(e, Event::ConnectFailed { stage: Stage::Refused, .. })).await;
        let mut second = Incarnation::at(addr).accept().await;
        assert_eq!(second.until(7).await, [7]);
    });
}

/// The client closes first, so the minute is on its side and the server's port is free.
#[cfg(target_os = "linux")]
#[test]
fn a_server_hung_up_on_takes_its_port_again_at_once() {
    on_tcp(async |w| {
        let server = Incarnation::without_reuse(World::any_port()).unwrap();
        let addr = server.addr();
        let client = w.client(addr, Vkb::default(), latest());
        client.request(counted(7)).await.unwrap();
        let mut first = server.accept().await;
        client.tell(Order::Pause).await;
        assert_eq!(first.rest().await, [7]);
        drop((server, first));
        let server = Incarnation::without_reuse(addr).expect("nothing of it lingers");
        client.tell(Order::Resume).await;
        assert_eq!(server.accept().await.until(7).await, [7]);
    });
}

/// The server's own times of accepting. That no delay is too long is for virtual time to say.
#[test]
fn a_server_that_takes_and_drops_is_not_dialled_in_haste() {
    on_tcp(async |w| {
        let server = Incarnation::at(World::any_port());
        let client = w.client(server.addr(), Vkb::default(), latest());
        client.tell(Order::Start).await;
        let mut accepted = Vec::new();
        for _ in 0..6 {
            let taken = server.accept().await;
            accepted.push(w.env().now());
            taken.end(End::Rst).await;
        }
        let gaps = accepted.windows(2).map(|at| at[1] - at[0]).collect::<Vec<_>>();
        assert!(gaps.iter().all(|gap| *gap >= Duration::from_millis(50)), "{gaps:?}");
        let proved = |e: &Event| matches!(e, Event::Proved { .. });
        assert_eq!(count(&w.recorder().records(), "client", proved), 0, "it was never there");
    });
}

/// In virtual time alone, where a minute takes none: the first phase is counted from the loss and not
/// from the connect, so an old link is dialled as eagerly as a young one.
#[test]
fn a_link_older_than_a_minute_is_dialled_as_eagerly_as_a_young_one() {
    for seed in 1..=20 {
        World::sim(seed, async |w| {
            let vkb = Arc::new(Vkb::default());
            let host = w.device_at(World::any_port(), vkb.clone());
            let addr = host.addr();
            let client = w.client(addr, Vkb::default(), latest());
            client.request(counted(7)).await.unwrap();
            let old = w.env().now() + Duration::from_secs(61);
            w.env().sleep_until(old).await;
            assert_eq!(vkb.snapshot().opened, 1, "it is still the first connection");
            host.stop().await;
            vkb.misbehave("reject x6".parse().unwrap());
            let _host = w.device_at(addr, vkb.clone());
            let stopped = w.env().now();
            nth_frame(&w, 2).await;
            let records = w.recorder().records();
            let opened = |r: &&net::Record| {
                &*r.node == "device" && r.at > stopped && matches!(r.event, Event::Opened { .. })
            };
            let accepted = records.iter().filter(opened).map(|r| r.at);
            let accepted = [stopped].into_iter().chain(accepted).collect::<Vec<_>>();
            let gaps: Vec<_> = accepted.windows(2).map(|at| (at[1] - at[0]).as_millis()).collect();
            // One way takes a millisecond: to see the end, and to be there again.
            assert!(gaps.len() == 7 && gaps.iter().all(|ms| (50..=103).contains(ms)), "{gaps:?}");
        });
    }
}
