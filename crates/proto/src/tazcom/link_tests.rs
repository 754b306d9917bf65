use super::*;
use crate::tazcom::{Chat, RawTerms};

/// Two ends on a perfect wire; what each had to tell.
struct Pair {
    ends: [Link; 2],
    news: [Vec<News>; 2],
    facts: Vec<String>,
    sent: [Vec<String>; 2],
    closed: [Option<CloseReason>; 2],
    secure: [Option<Secure>; 2],
}

fn anna() -> Arc<Identity> {
    Arc::new(Identity::from_seed([1; 32]))
}

fn ben() -> Arc<Identity> {
    Arc::new(Identity::from_seed([2; 32]))
}

fn plain() -> RawTerms {
    RawTerms { encrypt: false, ..RawTerms::default() }
}

fn terms(version: Version) -> Terms {
    Terms::new(RawTerms { version, ..plain() }).unwrap()
}

fn listener(version: Version) -> Link {
    Link::listen(ben(), terms(version), [8; 32], Time::default())
}

fn meet(dialer: Version, listening: Version) -> Pair {
    let opening = Opening::Greet([7; 32]);
    join(Link::dial(anna(), terms(dialer), opening, Time::default()), listener(listening))
}

fn join(dialer: Link, listener: Link) -> Pair {
    let mut pair = Pair {
        ends: [dialer, listener],
        news: Default::default(),
        facts: Vec::new(),
        sent: Default::default(),
        closed: Default::default(),
        secure: Default::default(),
    };
    pair.run();
    pair
}

impl Pair {
    fn run(&mut self) {
        let mut rested = 0;
        let mut end = 0;
        while rested < 2 {
            rested += 1;
            loop {
                match self.ends[end].poll_output() {
                    Output::Transmit(frame) => {
                        rested = 0;
                        self.sent[end].push(String::from_utf8(frame.bytes.to_vec()).unwrap());
                        let other = &mut self.ends[1 - end];
                        other.handle_input(Time::default(), Input::Received(&frame.bytes));
                    }
                    Output::Push(News::Proven(secure)) => {
                        if let Some(last) = &secure.last {
                            rested = 0;
                            let other = &mut self.ends[1 - end];
                            other.handle_input(Time::default(), Input::Received(&last.bytes));
                        }
                        self.secure[end] = Some(secure);
                    }
                    Output::Push(news) => self.news[end].push(news),
                    Output::Fact(Fact::Malformed { reason, .. }) => self.facts.push(reason.into()),
                    Output::Close(reason) => self.closed[end] = Some(reason),
                    Output::Wait(_) => break,
                    _ => {}
                }
            }
            end = 1 - end;
        }
    }
}

fn greeted(id: Option<&Identity>, verified: bool) -> Vec<News> {
    vec![News::Greeted(Peer { id: id.map(Identity::id), verified })]
}

#[test]
fn nodes_of_0_3_prove_themselves_to_each_other_and_stay() {
    let pair = meet(Version::V03, Version::V03);
    assert_eq!(pair.news, [greeted(Some(&ben()), true), greeted(Some(&anna()), true)]);
    assert_eq!(pair.closed, [None, None]);
    assert!(pair.ends.iter().all(Link::is_open));
    assert!(pair.sent.iter().flatten().all(|line| line.len() <= 256), "{:?}", pair.sent);
}

#[test]
fn with_an_old_peer_it_is_hello_and_ack_and_nothing_is_proven() {
    for (dialer, listening) in [(Version::V01, Version::V03), (Version::V03, Version::V01)] {
        let pair = meet(dialer, listening);
        assert_eq!(pair.news, [greeted(None, false), greeted(Some(&anna()), false)]);
        assert_eq!(pair.sent[1], ["ACK\n"]);
        assert_eq!(pair.closed, [Some(CloseReason::Local), Some(CloseReason::Local)]);
    }
    assert_eq!(meet(Version::V01, Version::V01).sent[0][0].len(), 73);
}

#[test]
fn an_impostor_is_unmasked_at_either_end() {
    let eve = Arc::new(Identity::from_seed([3; 32]).claiming(ben().id()));
    let false_ben = Link::listen(eve.clone(), terms(Version::V03), [8; 32], Time::default());
    let opening = Opening::Greet([7; 32]);
    let dialer = Link::dial(anna(), terms(Version::V03), opening.clone(), Time::default());
    let pair = join(dialer, false_ben);
    assert_eq!(pair.news[0], [News::Impostor { claimed: ben().id() }]);
    assert!(matches!(pair.closed[0], Some(CloseReason::Misbehaved(_))));

    let dialer = Link::dial(eve, terms(Version::V03), opening, Time::default());
    let carl = Arc::new(Identity::from_seed([4; 32]));
    let pair = join(dialer, Link::listen(carl, terms(Version::V03), [8; 32], Time::default()));
    assert_eq!(pair.news[1], [News::Impostor { claimed: ben().id() }]);
}

#[test]
fn a_proof_from_another_connection_is_none_here() {
    let first = meet(Version::V03, Version::V03);
    let mut ben = Link::listen(ben(), terms(Version::V03), [9; 32], Time::default());
    for line in &first.sent[0] {
        ben.handle_input(Time::default(), Input::Received(line.as_bytes()));
    }
    assert!(!ben.is_open());
}

#[test]
fn what_both_ends_share_of_the_connection_must_be_the_same() {
    let dial = || {
        let opening = Opening::Greet([7; 32]);
        Link::dial(anna(), terms(Version::V03), opening, Time::default()).bound_to([1; 32])
    };
    let open = |pair: Pair| pair.ends.iter().all(Link::is_open);
    assert!(open(join(dial(), listener(Version::V03).bound_to([1; 32]))));
    assert!(!open(join(dial(), listener(Version::V03).bound_to([2; 32]))));
}

/// What a listener answers to these bytes, what it notes, and whether it hung up.
fn hears(version: Version, bytes: &[u8]) -> (Vec<String>, Vec<String>, bool) {
    let mut link = listener(version);
    link.handle_input(Time::default(), Input::Received(bytes));
    let (mut said, mut noted, mut closed) = (Vec::new(), Vec::new(), false);
    loop {
        match link.poll_output() {
            Output::Transmit(frame) => said.push(String::from_utf8_lossy(&frame.bytes).into()),
            Output::Fact(Fact::Malformed { reason, .. }) => noted.push(reason.into()),
            Output::Close(_) => closed = true,
            Output::Wait(_) => return (said, noted, closed),
            _ => {}
        }
    }
}

#[test]
fn what_is_no_greeting_is_refused_as_the_reference_does() {
    let said = |version, bytes: &[u8]| {
        let (said, noted, closed) = hears(version, bytes);
        assert!(closed);
        (said.concat(), noted.concat())
    };
    let refused = |answer: &str, reason: &str| (answer.to_owned(), reason.to_owned());
    assert_eq!(said(Version::V01, b"garbage\n"), refused("ERROR\n", "json"));
    assert_eq!(said(Version::V01, b"{\"type\": \"WELCOME\"}\n"), refused("", "type"));
    assert_eq!(said(Version::V01, b"[1]\n"), refused("", "object"));
    assert_eq!(said(Version::V01, b"\xff\xfe\n"), refused("", "not_text"));
    assert_eq!(said(Version::V01, b"ACK\n"), refused("", "out_of_place"));
    assert_eq!(said(Version::V03, &[b'x'; 65_536]), refused("", "too_long"));
    let hello = String::from_utf8(meet(Version::V01, Version::V01).sent[0][0].clone().into());
    let twice = hello.unwrap().repeat(2);
    assert_eq!(said(Version::V01, twice.as_bytes()), refused("ACK\n", ""));
}

#[test]
fn a_chat_may_be_long_where_chat_is_spoken() {
    let chat = |len| Message::Chat(Chat::new(anna().id(), "t", "x".repeat(len))).encode();
    assert_eq!(hears(Version::V02, &chat(60_000)).0, ["ACK\n"]);
    assert_eq!(hears(Version::V03, &chat(60_000)).0, ["ACK\n"]);
    assert_eq!(hears(Version::V02, &chat(66_000)).1, ["too_long"]);
    assert_eq!(hears(Version::V01, &chat(60_000)).1, ["too_long"]);
    assert_eq!(hears(Version::V01, &chat(6)).1, ["out_of_place"]);
}

#[test]
fn only_who_has_proven_itself_is_listened_to() {
    let wish = Message::Since(0);
    assert_eq!(hears(Version::V03, &wish.encode()).1, ["out_of_place"]);
    let mut pair = meet(Version::V03, Version::V03);
    pair.ends[0].handle_input(Time::default(), Input::Request(crate::Ticket(1), wish.clone()));
    pair.run();
    assert_eq!(pair.news[1].last(), Some(&News::Heard(wish)));
}

#[test]
fn a_greeting_has_its_time_as_a_whole() {
    let mut link = listener(Version::V01);
    link.handle_input(Time::from_millis(4999), Input::Received(b"{"));
    assert!(matches!(link.poll_output(), Output::Wait(Some(at)) if at == Time::from_millis(5000)));
    link.handle_input(Time::from_millis(5000), Input::Timeout);
    assert!(matches!(link.poll_output(), Output::Close(CloseReason::TimedOut(_))));
}

#[test]
fn how_soon_is_what_was_set() {
    let alarm = |raw: RawTerms| {
        let terms =
            || Terms::new(RawTerms { version: Version::V03, ..raw.clone() }).expect("it is valid");
        let dialer = Link::dial(anna(), terms(), Opening::Greet([7; 32]), Time::default());
        let mut pair = join(dialer, Link::listen(ben(), terms(), [8; 32], Time::default()));
        let first = pair.ends[0].alarm();
        pair.ends[0].handle_input(Time::from_millis(6000), Input::Timeout);
        let last = std::iter::from_fn(|| match pair.ends[0].poll_output() {
            Output::Wait(_) => None,
            output => Some(matches!(output, Output::Close(_))),
        });
        (first.map(|at| at.since_start().as_millis()), last.last())
    };
    let raw = plain;
    let (heartbeat, idle) = (crate::Span::millis(2000), crate::Span::millis(6000));
    assert_eq!(alarm(raw()), (Some(30_000), None));
    assert_eq!(alarm(RawTerms { heartbeat, ..raw() }), (Some(2000), Some(false)));
    assert_eq!(alarm(RawTerms { heartbeat, idle, ..raw() }), (Some(2000), Some(true)));
}

#[test]
fn a_silent_link_says_that_it_is_there_and_a_deaf_one_is_closed() {
    let mut pair = meet(Version::V03, Version::V03);
    let [ref mut anna, _] = pair.ends;
    anna.handle_input(Time::from_millis(30_000), Input::Timeout);
    assert!(matches!(anna.poll_output(), Output::Transmit(frame) if frame.kind == "ping"));
    anna.handle_input(Time::from_millis(90_000), Input::Timeout);
    assert!(matches!(anna.poll_output(), Output::Close(CloseReason::TimedOut(_))));
}

/// Both ends have proven themselves, and are to be encrypted.
fn proven() -> Pair {
    let terms =
        || Terms::new(RawTerms { encrypt: true, version: Version::V03, ..plain() }).unwrap();
    let dialer = Link::dial(anna(), terms(), Opening::Greet([7; 32]), Time::default());
    join(dialer, Link::listen(ben(), terms(), [8; 32], Time::default()))
}

#[test]
fn an_encrypted_link_is_open_once_the_listener_has_said_so_under_it() {
    let mut pair = proven();
    let ack = Some(frame("ack", Message::Ack.encode()));
    let secure = |role, peer: &Identity, last| {
        let (peer, first) = (peer.id(), Bytes::new());
        Some(Secure { role, peer, last, first })
    };
    let wanted = [secure(Role::Dialer, &ben(), None), secure(Role::Listener, &anna(), ack)];
    assert_eq!(pair.secure, wanted);
    pair.ends[0].secured(Time::default());
    pair.run();
    // The dialer is through. Whether the listener takes its key, nobody has said.
    assert_eq!(pair.news, [vec![], vec![]]);
    assert!(!pair.ends.iter().any(Link::is_open));
    pair.ends[1].secured(Time::default());
    pair.run();
    assert_eq!(pair.news, [greeted(Some(&ben()), true), greeted(Some(&anna()), true)]);
    assert!(pair.ends.iter().all(Link::is_open));
    assert_eq!(pair.sent[1].last().unwrap(), "ACK\n");
}

#[test]
fn nothing_but_that_word_opens_it() {
    for line in [Message::Ping.encode(), Message::Since(0).encode(), Message::Error.encode()] {
        let mut dialer = proven().ends.into_iter().next().unwrap();
        dialer.secured(Time::default());
        dialer.handle_input(Time::default(), Input::Received(&line));
        assert!(!dialer.is_open());
        let outputs = std::iter::from_fn(|| match dialer.poll_output() {
            Output::Wait(_) => None,
            output => Some(matches!(output, Output::Close(CloseReason::Misbehaved(_)))),
        });
        assert_eq!(outputs.last(), Some(true), "{line:?}");
    }
}

#[test]
fn what_came_behind_the_last_plain_line_belongs_to_the_encryption() {
    let terms = Terms::new(RawTerms { version: Version::V03, ..RawTerms::default() }).unwrap();
    let mut listener = Link::listen(ben(), terms, [8; 32], Time::default());
    // Equal keys and nonces give equal proofs.
    let mut said: Vec<_> = proven().sent[0].iter().map(|line| line.clone().into_bytes()).collect();
    said[1].extend(b"\x16\x03\x01");
    for bytes in &said {
        listener.handle_input(Time::default(), Input::Received(bytes));
    }
    let first = std::iter::from_fn(|| match listener.poll_output() {
        Output::Wait(_) => None,
        Output::Push(News::Proven(secure)) => Some(secure.first),
        _ => Some(Bytes::new()),
    });
    assert_eq!(first.last().unwrap(), &b"\x16\x03\x01"[..]);
}

#[test]
fn encrypting_is_part_of_the_greeting_and_of_its_time() {
    for secured in [false, true] {
        let mut dialer = proven().ends.into_iter().next().unwrap();
        if secured {
            dialer.secured(Time::from_millis(4999));
        }
        assert_eq!(dialer.alarm(), Some(Time::from_millis(5000)));
        dialer.handle_input(Time::from_millis(5000), Input::Timeout);
        let closed = CloseReason::TimedOut("encryption".into());
        assert!(matches!(dialer.poll_output(), Output::Close(reason) if reason == closed));
    }
}
