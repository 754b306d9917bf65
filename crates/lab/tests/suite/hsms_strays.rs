//! Bare peers of HSMS: messages that do not belong, and what is said before a connection ends. The test
//! has the other end of the connection, and knows nothing of our codec.
use std::{future::poll_fn, io::IoSlice, net::SocketAddr, time::Duration};

use lab::{World, on_both};
use net::{Client, Door, Event, Order, Role, Way, net::Stream};
use proto::{
    CloseReason, Policy, Protocol, Span, Supervisor,
    hsms::{Connect, Hsms, Settings},
};

use crate::hsms::{hsms, quick};

/// As many rejects as an end gives in a row.
const MOST: usize = 100;

const SELECT: u8 = 1;
const SELECTED: u8 = 2;
const LINKTEST: u8 = 5;
const LINKTESTED: u8 = 6;
const REJECT: u8 = 7;
const SEPARATE: u8 = 9;
const UNHEARD_OF: u8 = 11;

/// One end of a connection, byte by byte.
struct Bare {
    stream: Stream,
    read: Vec<u8>,
}

impl Bare {
    async fn dial(w: &World, addr: SocketAddr) -> Self {
        Self::of(w.env().net.connect(&[addr]).await.unwrap())
    }
    fn of(stream: Stream) -> Self {
        Self { stream, read: Vec::new() }
    }
    /// Dials until it is SELECTED. Whoever dials while nobody waits is turned away.
    async fn select(w: &World, addr: SocketAddr) -> Self {
        loop {
            let mut bare = Self::dial(w, addr).await;
            bare.say(&[SELECT]).await;
            match bare.heard().await {
                Some(stype) => assert_eq!(stype, SELECTED),
                None => continue,
            }
            return bare;
        }
    }
    /// Says control messages of these types in one go, to whoever has hung up as well.
    async fn say(&mut self, types: &[u8]) {
        let message = |stype: &u8| [0, 0, 0, 10, 0xff, 0xff, 0, 0, 0, *stype, 0, 0, 0, 42];
        let bytes: Vec<u8> = types.iter().flat_map(message).collect();
        self.send(&bytes).await;
    }
    async fn send(&mut self, mut rest: &[u8]) {
        while !rest.is_empty() {
            let slices = [IoSlice::new(rest)];
            let wrote = poll_fn(|cx| self.stream.poll_write(cx, &slices)).await;
            rest = &rest[wrote.unwrap_or(rest.len())..];
        }
    }
    /// The type of the next message; none at the end.
    async fn heard(&mut self) -> Option<u8> {
        while self.read.len() < 14 {
            let mut buf = [0; 4096];
            let read = poll_fn(|cx| self.stream.poll_read(cx, &mut buf)).await.unwrap_or(0);
            if read == 0 {
                return None;
            }
            self.read.extend(&buf[..read]);
        }
        let message: Vec<u8> = self.read.drain(..14).collect();
        assert_eq!(message[..4], [0, 0, 0, 10], "nothing but control messages comes");
        Some(message[9])
    }
    /// The types of all that comes until the end.
    async fn rest(&mut self) -> Vec<u8> {
        let mut types = Vec::new();
        while let Some(stype) = self.heard().await {
            types.push(stype);
        }
        types
    }
}

fn misbehaved(w: &World, node: &str) -> String {
    let records = w.recorder().records();
    let reason = records.iter().find_map(|r| match &r.event {
        Event::Closed { reason: CloseReason::Misbehaved(why), .. } if &*r.node == node => Some(why),
        _ => None,
    });
    reason.expect("it closed for that").clone()
}

/// Waits for the nth such record of a node.
async fn nth(w: &World, node: &str, nth: usize, is: fn(&Event) -> bool) {
    let mut left = nth;
    let found = w.recorder().until(|r| {
        left -= usize::from(&*r.node == node && is(&r.event));
        (left == 0).then_some(())
    });
    found.await;
}

/// A host that waits to be dialled, and where.
fn passive(w: &World, settings: Settings) -> (Client<Hsms>, SocketAddr) {
    let env = w.node("client", Role::Client);
    let door = Door::open(&env, World::any_port()).unwrap();
    let addr = door.addr().unwrap();
    let host = hsms(Settings { connect: Some(Connect::Passive), ..settings });
    let policy = Policy::new::<Hsms>(host.policy()).unwrap();
    let supervisor = Supervisor::new(host, policy, env.seed);
    (Client::by(env, Way::Wait(door), supervisor), addr)
}

on_both! {
    /// Of equipment: whatever they are, a hundred are rejected and the next one is the last.
    async fn a_storm_of_strays_ends_after_a_hundred_rejects(w: World) {
        for stray in [UNHEARD_OF, LINKTESTED] {
            let host = w.device(hsms(quick()));
            let mut storm = Bare::select(&w, host.addr()).await;
            storm.say(&[stray; MOST + 50]).await;
            assert_eq!(storm.rest().await, [REJECT; MOST], "{stray}");
            host.stop().await;
            let why = misbehaved(&w, "device");
            assert!(why.contains("100 messages in a row"), "{why}");
        }
    }

    /// Of a host as well, which here did not even dial.
    async fn a_host_stands_no_longer_storm_than_equipment(w: World) {
        let (client, addr) = passive(&w, quick());
        client.tell(Order::Start).await;
        let mut storm = Bare::select(&w, addr).await;
        storm.say(&[UNHEARD_OF; MOST + 50]).await;
        assert_eq!(storm.rest().await, [REJECT; MOST]);
        client.close().await;
        assert!(misbehaved(&w, "client").contains("100 messages in a row"));
    }

    /// A peer that sends again whatever is rejected, after rejecting the reject, has no other effect.
    async fn rejected_rejects_do_not_make_a_storm_anew(w: World) {
        let host = w.device(hsms(quick()));
        let mut storm = Bare::select(&w, host.addr()).await;
        for _ in 0..MOST + 1 {
            storm.say(&[UNHEARD_OF, REJECT]).await;
        }
        assert_eq!(storm.rest().await, [REJECT; MOST]);
    }

    /// One that belongs in between, and the count begins anew.
    async fn what_belongs_is_no_part_of_a_storm(w: World) {
        let host = w.device(hsms(quick()));
        let mut peer = Bare::select(&w, host.addr()).await;
        for _ in 0..3 {
            peer.say(&[UNHEARD_OF; MOST]).await;
            peer.say(&[LINKTEST]).await;
            for _ in 0..MOST {
                assert_eq!(peer.heard().await, Some(REJECT));
            }
            assert_eq!(peer.heard().await, Some(LINKTESTED));
        }
        host.stop().await;
    }

    /// Whatever is wrong with it: here nothing, or that it has a text.
    async fn a_reject_is_never_rejected(w: World) {
        let host = w.device(hsms(quick()));
        let mut peer = Bare::select(&w, host.addr()).await;
        let wordy = [0, 0, 0, 12, 0xff, 0xff, 0, 1, 0, REJECT, 0, 0, 0, 42, 0x21, 0];
        peer.say(&[REJECT; 3 * MOST]).await;
        peer.send(&wordy.repeat(3 * MOST)).await;
        peer.say(&[LINKTEST]).await;
        assert_eq!(peer.heard().await, Some(LINKTESTED), "and nothing before it");
        let (client, addr) = passive(&w, quick());
        client.tell(Order::Start).await;
        let mut peer = Bare::select(&w, addr).await;
        peer.say(&[REJECT; 3 * MOST]).await;
        peer.send(&wordy.repeat(3 * MOST)).await;
        peer.say(&[LINKTEST]).await;
        assert_eq!(peer.heard().await, Some(LINKTESTED), "and nothing before it");
    }

    /// T5 binds the end that dials. However long it is, one that waits is there again at once.
    async fn a_host_that_waits_makes_nobody_wait_for_t5(w: World) {
        let (client, addr) = passive(&w, Settings { t5: Span::millis(240_000), ..quick() });
        client.tell(Order::Start).await;
        let began = w.env().now();
        for n in 1..=5 {
            let mut tool = Bare::select(&w, addr).await;
            tool.say(&[SEPARATE]).await;
            assert!(tool.rest().await.is_empty());
            nth(&w, "client", n, |e| matches!(e, Event::Lost { .. })).await;
        }
        assert!(w.env().now() - began < Duration::from_secs(10));
        client.close().await;
    }

    /// Pulled out, equipment says so; on real sockets before its FIN.
    async fn equipment_that_is_pulled_out_says_separate(w: World) {
        let host = w.device(hsms(quick()));
        let mut first = Bare::select(&w, host.addr()).await;
        host.stop().await;
        assert_eq!(first.rest().await, [SEPARATE]);
        // It was never SELECTED here, so there is nothing to separate from.
        let host = w.device(hsms(quick()));
        let mut second = Bare::dial(&w, host.addr()).await;
        nth(&w, "device", 2, |e| matches!(e, Event::Opened { .. })).await;
        host.stop().await;
        assert!(second.rest().await.is_empty());
    }
}
