use std::sync::Arc;

use proto::tazcom::{Identity, NodeId, Role};
use rustls::version::{TLS12, TLS13};

use super::*;

/// What both ends had to tell, in words, once neither has more to say; every piece of so many bytes.
fn talk(ends: &mut [Layer; 2], piece: usize) -> [Vec<String>; 2] {
    let mut told: [Vec<String>; 2] = Default::default();
    let mut rested = 0;
    let mut at = 0;
    while rested < 2 {
        rested += 1;
        while !ends[at].out().is_empty() {
            rested = 0;
            let out: Vec<_> = ends[at].out().iter().copied().take(piece).collect();
            ends[at].took(out.len());
            ends[1 - at].hear(&out);
            while let Some(news) = ends[1 - at].news() {
                told[1 - at].push(match news {
                    News::Secured => "secured".into(),
                    News::Plain(bytes) => String::from_utf8_lossy(&bytes).into(),
                    News::End => "end".into(),
                    News::Failed(reason) => reason.to_string(),
                });
            }
        }
        at = 1 - at;
    }
    told
}

fn identity(n: u8) -> Arc<Identity> {
    Arc::new(Identity::from_seed([n; 32]))
}

fn id(n: u8) -> NodeId {
    identity(n).id()
}

/// A dialer and a listener: who each is, and whom it expects.
fn nodes(dialer: (u8, u8), listener: (u8, u8)) -> [Layer; 2] {
    let end = |(me, peer), role| Layer::new(between(&identity(me), role, id(peer)).unwrap());
    [end(dialer, Role::Dialer), end(listener, Role::Listener)]
}

fn say(layer: &mut Layer, words: &'static [u8]) {
    layer.seal([words].into_iter());
}

#[test]
fn nodes_that_hold_the_keys_they_have_proven_talk() {
    for piece in [1, 7, 16_384] {
        let mut ends = nodes((1, 2), (2, 1));
        assert_eq!(talk(&mut ends, piece), [["secured"], ["secured"]]);
        say(&mut ends[0], b"between us");
        assert!(!ends[0].out().windows(7).any(|seen| seen == b"between"));
        assert_eq!(talk(&mut ends, piece).map(|told| told.concat()), ["", "between us"]);
        ends[1].end();
        assert_eq!(talk(&mut ends, piece).map(|told| told.concat()), ["end", ""]);
    }
}

#[test]
fn a_listener_with_another_key_is_refused() {
    let [dialer, listener] = talk(&mut nodes((1, 2), (3, 1)), 16_384);
    assert!(
        dialer.concat().ends_with("another key than the one it has proven to have"),
        "{dialer:?}"
    );
    assert!(dialer.concat().starts_with("peer broke the protocol"), "{dialer:?}");
    assert!(listener.concat().contains("refused the TLS handshake"), "{listener:?}");
}

/// In TLS 1.3 the dialer is through before the listener has seen its key; so being through says little.
#[test]
fn a_dialer_with_another_key_is_refused_and_learns_it_late() {
    let [dialer, listener] = talk(&mut nodes((3, 2), (2, 1)), 16_384);
    assert!(
        listener.concat().ends_with("another key than the one it has proven to have"),
        "{listener:?}"
    );
    assert_eq!(dialer[0], "secured");
    assert!(dialer[1].contains("the peer ended it"), "{dialer:?}");
}

#[test]
fn a_key_that_is_shown_and_not_held_is_refused() {
    // It shows the key of 2, and signs with that of 3.
    for role in [Role::Dialer, Role::Listener] {
        let false_end = Layer::new(raw_key::showing(&identity(3), id(2), role, id(1)).unwrap());
        let (other, at) = match role {
            Role::Dialer => (Role::Listener, 1),
            Role::Listener => (Role::Dialer, 0),
        };
        let true_end = Layer::new(between(&identity(1), other, id(2)).unwrap());
        let mut ends = if at == 0 { [true_end, false_end] } else { [false_end, true_end] };
        let told = talk(&mut ends, 16_384);
        assert!(told[at].concat().contains("BadSignature"), "{told:?}");
    }
}

#[test]
fn what_is_no_tls_is_told_as_such() {
    for (role, other) in [
        (Role::Dialer, &b"{\"type\": \"PING\"}\n"[..]),
        (Role::Listener, &b"GET / HTTP/1.1\r\n"[..]),
    ] {
        let mut layer = Layer::new(between(&identity(1), role, id(2)).unwrap());
        layer.hear(other);
        let Some(News::Failed(reason)) = layer.news() else { panic!("it took it") };
        assert!(reason.to_string().ends_with("it speaks no TLS where TLS must begin"), "{reason}");
        assert!(layer.news().is_none());
    }
}

/// Whoever it is: no first flight that is changed in one byte is taken, and none does harm.
#[test]
fn a_spoilt_greeting_is_refused_or_waited_on() {
    let hello = nodes((1, 2), (2, 1))[0].out().to_vec();
    for at in 0..hello.len() {
        for bit in [1, 0x80] {
            let mut spoilt = hello.clone();
            spoilt[at] ^= bit;
            let [_, mut listener] = nodes((1, 2), (2, 1));
            listener.hear(&spoilt);
            assert!(!matches!(listener.news(), Some(News::Secured | News::Plain(_))), "{at}");
            assert!(!listener.is_open());
        }
    }
}

#[test]
fn changed_bytes_are_noticed_after_what_came_sound() {
    let mut ends = nodes((1, 2), (2, 1));
    talk(&mut ends, 16_384);
    say(&mut ends[0], b"sound");
    let sound = ends[0].out().to_vec();
    ends[0].took(sound.len());
    say(&mut ends[0], b"spoilt");
    let mut spoilt = ends[0].out().to_vec();
    *spoilt.last_mut().unwrap() ^= 1;
    ends[1].hear(&[sound, spoilt].concat());
    assert!(matches!(ends[1].news(), Some(News::Plain(bytes)) if bytes == "sound"));
    assert!(matches!(ends[1].news(), Some(News::Failed(CloseReason::Misbehaved(_)))));
}

#[test]
fn plaintext_counts_as_out_with_the_last_byte_of_its_record() {
    let mut ends = nodes((1, 2), (2, 1));
    talk(&mut ends, 16_384);
    let end = &mut ends[0];
    end.seal([&b"one"[..], &[b'x'; 20_000]].into_iter());
    assert_eq!(end.sealed(), 20_003);
    let first = 3 + 22;
    assert_eq!([end.took(first - 1), end.took(1)], [0, 3]);
    assert_eq!(end.took(16_384 + 22), 16_384);
    assert_eq!(end.took(end.out().len()), 20_000 - 16_384);
    assert_eq!(end.sealed(), 0);
}

#[test]
fn no_more_is_encrypted_than_one_batch() {
    let mut ends = nodes((1, 2), (2, 1));
    talk(&mut ends, 16_384);
    ends[0].seal([&vec![0; 1 << 20][..]].into_iter());
    assert!(ends[0].out().len() < 5 * 16_500, "{}", ends[0].out().len());
}

fn certified(server: &TlsServer, trust: Trust, name: &str) -> [Vec<String>; 2] {
    let client = TlsClient::new(trust, name).unwrap();
    talk(&mut [Layer::new(client.begin().unwrap()), Layer::new(server.begin().unwrap())], 16_384)
}

#[test]
fn who_is_trusted_is_what_was_set() {
    let given = |server: &TlsServer| Trust::Certificates(server.certificates().to_owned());
    let (ours, other) = (["bridge.example"], ["bridge.example"]);
    let [ours, other] = [ours, other].map(|names| TlsServer::self_signed(&names).unwrap());
    let secured = [["secured"], ["secured"]];
    assert_eq!(certified(&ours, given(&ours), "bridge.example"), secured);
    assert_eq!(certified(&ours, Trust::Anybody, "elsewhere.example"), secured);
    let [client, server] = certified(&ours, given(&other), "bridge.example");
    assert!(client.concat().contains("its certificate is not taken"), "{client:?}");
    assert!(server.concat().contains("refused the TLS handshake"), "{server:?}");
}

/// A certificate of an authority, and one for `names` that it has signed with its key: PEM.
fn authority(names: &[&str]) -> (String, String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let leaf = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    (authority.pem(), leaf.pem(), key.serialize_pem())
}

#[test]
fn what_an_authority_signed_counts_for_the_name_it_says() {
    let (trusted, certificate, key) = authority(&["bridge.example", "127.0.0.1"]);
    let server = TlsServer::new(&certificate, &key).unwrap();
    let ask = |name| certified(&server, Trust::Certificates(trusted.clone()), name);
    for name in ["bridge.example", "127.0.0.1"] {
        assert_eq!(ask(name), [["secured"], ["secured"]]);
    }
    let [client, _] = ask("elsewhere.example");
    assert!(client.concat().contains("its certificate is not taken"), "{client:?}");
    let [client, _] = certified(&server, Trust::Certificates(authority(&[]).0), "bridge.example");
    assert!(client.concat().contains("its certificate is not taken"), "{client:?}");
}

/// As `openssl req -x509` makes them.
#[test]
fn a_certificate_that_signs_itself_and_others_counts_if_it_was_given() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    let server = TlsServer::new(&pem, &key.serialize_pem()).unwrap();
    let secured = [["secured"], ["secured"]];
    assert_eq!(certified(&server, Trust::Certificates(pem), "any.example"), secured);
}

#[test]
fn either_version_will_do() {
    let server = TlsServer::self_signed(&["a.example"]).unwrap();
    for version in [&TLS12, &TLS13] {
        let client = TlsClient::in_versions(&[version], Trust::Anybody, "a.example").unwrap();
        let mut ends = [client.begin(), server.begin()].map(|end| Layer::new(end.unwrap()));
        assert_eq!(talk(&mut ends, 16_384), [["secured"], ["secured"]]);
        say(&mut ends[1], b"word");
        assert_eq!(talk(&mut ends, 16_384)[0], ["word"]);
    }
    let old = TlsServer::in_versions(
        &[&TLS12],
        server.certificates(),
        &rcgen::KeyPair::generate().unwrap().serialize_pem(),
    );
    assert_eq!(old.err().map(|e| e.key), Some("tls.key".into()), "the key is another's");
}

#[test]
fn what_is_no_certificate_key_or_name_is_named() {
    let (_, certificate, key) = authority(&["a.example"]);
    let server = |certificate: &str, key: &str| TlsServer::new(certificate, key).err().unwrap().key;
    assert_eq!(server("", &key), "tls.certificate");
    assert_eq!(server(&key, &key), "tls.certificate");
    assert_eq!(server(&certificate, &certificate), "tls.key");
    let client = |pem: &str, name: &str| {
        TlsClient::new(Trust::Certificates(pem.to_owned()), name).err().unwrap().key
    };
    assert_eq!(client("-----BEGIN CERTIFICATE-----\n!\n", "a.example"), "tls.trust");
    assert_eq!(client(&certificate, "not a name"), "tls.name");
    assert_eq!(TlsServer::self_signed(&["näme"]).err().unwrap().key, "tls.names");
}
