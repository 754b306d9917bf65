//! Announcements by somebody who is no node of ours, written by hand after RFC 1035 and RFC 6763, and ours
//! as they are on the wire.
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use net::discovery::Seen;
use proto::tazcom::roster::Announcement;
use socket2::{Domain, Protocol, Socket, Type};

use super::support::{ALONE, PATIENCE, Peer, id, inside};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// Speaks and hears multicast DNS, and knows nothing of it.
fn bare() -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_reuse_port(true).unwrap();
    let anywhere: SocketAddr = (Ipv4Addr::UNSPECIFIED, 5353).into();
    socket.bind(&anywhere.into()).unwrap();
    socket.join_multicast_v4(&GROUP, &Ipv4Addr::LOCALHOST).unwrap();
    socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

fn name(labels: &[&str]) -> Vec<u8> {
    let label = |label: &&str| [&[label.len() as u8], label.as_bytes()].concat();
    let mut bytes: Vec<u8> = labels.iter().flat_map(label).collect();
    bytes.push(0);
    bytes
}

fn record(owner: &[&str], kind: u16, class: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = name(owner);
    for field in [kind, class, 0, 120, data.len() as u16] {
        bytes.extend(field.to_be_bytes());
    }
    bytes.extend(data);
    bytes
}

/// What a node called `node` at 127.0.0.9:7009 says, with these strings in its TXT record.
fn announce(node: &str, said: &[&[u8]]) {
    announce_at(7009, node, said);
}

fn announce_at(port: u16, node: &str, said: &[&[u8]]) {
    let (service, host) = (["_tazcom", "_tcp", "local"], [node, "local"]);
    let instance = [&[node], &service[..]].concat();
    let txt: Vec<u8> = said.iter().flat_map(|s| [&[s.len() as u8], *s].concat()).collect();
    let srv = [&[0, 0, 0, 0], &port.to_be_bytes()[..], &name(&host)].concat();
    let (shared, flush) = (1, 0x8001);
    // An answer with authority: no questions, four answers.
    let mut packet = vec![0, 0, 0x84, 0, 0, 0, 0, 4, 0, 0, 0, 0];
    packet.extend(record(&service, 12, shared, &name(&instance)));
    packet.extend(record(&instance, 33, flush, &srv));
    packet.extend(record(&instance, 16, flush, &txt));
    packet.extend(record(&host, 1, flush, &[127, 0, 0, 9]));
    bare().send_to(&packet, (GROUP, 5353)).unwrap();
}

/// Says it once the other listens, which shows in that it has found somebody.
async fn heard(a: &mut Peer, node: &str, said: &[&[u8]]) -> Announcement {
    a.finds(2, 7002).await;
    announce(node, said);
    a.sees(|seen| named(seen, node)).await
}

#[test]
fn what_others_announce_is_passed_on_as_they_wrote_it() {
    inside("foreign::what_others_announce_is_passed_on_as_they_wrote_it", ALONE, async {
        let (mut a, b) = (Peer::start(1, 7001), Peer::start(2, 7002));
        let text = [b"p=1".as_slice(), b"version=0.1", b"id=-abc"];
        let found = heard(&mut a, "foreign", &text).await;
        let addrs = vec![SocketAddr::from(([127, 0, 0, 9], 7009))];
        let (id, version) = (Some("-abc".into()), Some("0.1".into()));
        assert_eq!(found, Announcement { name: "foreign".into(), id, version, addrs });
        b.discovery.stop().await;
        a.discovery.stop().await;
    });
}

#[test]
fn what_is_missing_too_long_or_no_text_does_no_harm() {
    inside("foreign::what_is_missing_too_long_or_no_text_does_no_harm", ALONE, async {
        let (mut a, b) = (Peer::start(1, 7001), Peer::start(2, 7002));
        let found = heard(&mut a, "mute", &[b"p=7009"]).await;
        assert_eq!((found.id, found.version), (None, None));
        let long = ["id=", &"x".repeat(200)].concat();
        let endless = ["version=", &"9".repeat(200)].concat();
        announce("long", &[long.as_bytes(), endless.as_bytes()]);
        announce("noise", &[b"id=\xff\xfe"]);
        let found = a.sees(|seen| named(seen, "long")).await;
        assert_eq!([found.id.unwrap().len(), found.version.unwrap().len()], [64, 16]);
        let found = a.sees(|seen| named(seen, "noise")).await;
        assert_eq!(found.id.as_deref(), Some(""), "something was said, and it is no id");
        b.discovery.stop().await;
        a.discovery.stop().await;
    });
}

/// Published nodes miss this, and keep the dead port for as long as the announcement lives.
#[test]
fn one_that_died_without_a_word_is_there_again_at_its_new_port() {
    inside("foreign::one_that_died_without_a_word_is_there_again_at_its_new_port", ALONE, async {
        let (mut a, b) = (Peer::start(1, 7001), Peer::start(2, 7002));
        let before = heard(&mut a, "Restless", &[b"id=restless"]).await;
        announce_at(7010, "Restless", &[b"id=restless"]);
        let after = a.sees(|seen| named(seen, "Restless").filter(|now| *now != before)).await;
        assert_eq!(after.addrs, [SocketAddr::from(([127, 0, 0, 9], 7010))]);
        b.discovery.stop().await;
        a.discovery.stop().await;
    });
}

#[test]
fn a_doubt_clears_away_who_does_not_answer_and_nobody_else() {
    inside("foreign::a_doubt_clears_away_who_does_not_answer_and_nobody_else", ALONE, async {
        let (mut a, b) = (Peer::start(1, 7001), Peer::start(2, 7002));
        let ghost = heard(&mut a, "Ghost", &[b"id=ghost"]).await.name;
        let there = format!("TAZCOM Node {}", &id(2).to_string()[..8]);
        a.discovery.reverify(&there);
        a.discovery.reverify(&ghost);
        a.loses("Ghost").await;
        assert!(!a.all.contains(&Seen::Gone(there)), "{:?}", a.all);
        b.discovery.stop().await;
        a.discovery.stop().await;
    });
}

#[test]
fn our_text_is_on_the_wire_as_published_nodes_write_it() {
    inside("foreign::our_text_is_on_the_wire_as_published_nodes_write_it", ALONE, async {
        let ear = bare();
        let a = Peer::start(1, 7001);
        let id = id(1).to_string();
        let text = format!("\x2eid={id}\x0bversion=0.3\x06p=7001");
        // Whatever follows the first label may be a pointer to where it was written before.
        let host = format!("\x0ftazcom-{}", &id[..8]);
        let instance = format!("\x14TAZCOM Node {}", &id[..8]);
        let said = tokio::task::spawn_blocking(move || {
            let mut packet = [0; 9000];
            loop {
                let len = ear.recv(&mut packet).expect("it announces itself");
                let packet = String::from_utf8_lossy(&packet[..len]).into_owned();
                if packet.contains(&text) {
                    return packet;
                }
            }
        });
        let said = said.await.unwrap();
        assert!(said.contains(&host), "{said:?}");
        assert!(said.contains(&instance), "{said:?}");
        a.discovery.stop().await;
    });
}

fn named(seen: &Seen, name: &str) -> Option<Announcement> {
    match seen {
        Seen::Here(a) => (a.name == name).then(|| a.clone()),
        Seen::Gone(_) | Seen::NetworkChanged | Seen::Ours(_) => None,
    }
}
