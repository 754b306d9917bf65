use super::*;
use crate::{Span, tazcom::LEGACY_HOPS};

const EPOCH: u64 = 1_767_225_600_000;

fn identity(n: u8) -> Arc<Identity> {
    Arc::new(Identity::from_seed([n; 32]))
}

fn id(n: u8) -> NodeId {
    identity(n).id()
}

/// Node 1, with some peers, of which a test plays all parts.
struct Told {
    gossip: Gossip,
    now: Time,
    wait: Option<Time>,
}

fn told_with(raw: RawGossip, peers: &[u8]) -> Told {
    let gossip = Gossip::new(identity(1), Settings::new(raw).unwrap(), 7, EPOCH);
    let mut told = Told { gossip, now: Time::default(), wait: None };
    for peer in peers {
        told.hears(Input::Up(id(*peer)));
    }
    told
}

fn told(peers: &[u8]) -> Told {
    told_with(RawGossip::default(), peers)
}

impl Told {
    /// What it does; what it sends is taken by its links at once.
    fn hears(&mut self, input: Input) -> Vec<Output> {
        self.gossip.handle_input(self.now, input);
        let mut said = Vec::new();
        loop {
            match self.gossip.poll_output() {
                Output::Wait(at) => {
                    self.wait = at;
                    return said;
                }
                Output::Send(to, message) => {
                    self.gossip.handle_input(self.now, Input::Sent(to));
                    said.push(Output::Send(to, message));
                }
                output => said.push(output),
            }
        }
    }
    fn takes(&mut self, from: u8, hops: u8, parcel: &Parcel) -> Vec<Output> {
        let message = Message::Signed { hops, parcel: parcel.clone() };
        self.hears(Input::Heard(id(from), message))
    }
    fn goes_on(&mut self) -> Vec<Output> {
        self.now = self.wait.expect("something is due");
        self.hears(Input::Timeout)
    }
}

fn chat(author: u8, text: &str) -> Payload {
    Payload {
        author: id(author),
        channel: MAIN_CHANNEL.into(),
        created: EPOCH,
        expires: EPOCH + 600_000,
        body: Body::Chat { text: text.into() },
    }
}

fn packed(author: u8, payload: &Payload) -> Parcel {
    Parcel::pack(&identity(author), payload)
}

fn draft(words: Words) -> Input {
    let lifetime = Duration::from_secs(600);
    Input::Say(Draft { channel: MAIN_CHANNEL.into(), lifetime, words })
}

fn shown(said: &[Output]) -> Vec<&Shown> {
    said.iter()
        .filter_map(|o| if let Output::Show(shown) = o { Some(shown) } else { None })
        .collect()
}

fn refused(said: &[Output]) -> Vec<Why> {
    said.iter()
        .filter_map(|o| if let Output::Refused(r) = o { Some(r.why) } else { None })
        .collect()
}

fn copies(said: &[Output]) -> usize {
    said.iter().filter(|o| matches!(o, Output::Send(_, Message::Signed { .. }))).count()
}

#[test]
fn a_message_is_shown_once_and_goes_on_to_a_few() {
    let mut told = told(&[2, 3, 4, 5, 6, 7, 8, 9]);
    let parcel = packed(20, &chat(20, "ciao"));
    let said = told.takes(2, 4, &parcel);
    let [it] = shown(&said)[..] else { panic!("{said:?}") };
    assert_eq!((it.author, it.hops, it.verified), (id(20), 5, true));
    assert_eq!(copies(&said), 3);
    for output in &said {
        let Output::Send(to, Message::Signed { hops, .. }) = output else { continue };
        assert!(*to != id(2) && *hops == 5);
    }
    let again = told.takes(3, 0, &parcel);
    assert!(shown(&again).is_empty() && copies(&again) == 0);
}

#[test]
fn what_is_forged_is_refused_and_who_passes_it_on_is_dropped() {
    let mut told = told(&[2, 3]);
    let parcel = |text: &str| Parcel {
        // Signed by 2, in the name of 9.
        text: packed(2, &chat(2, text)).text.replace(&id(2).to_string(), &id(9).to_string()).into(),
        ..packed(2, &chat(2, text))
    };
    for text in ["a", "b"] {
        assert_eq!(
            told.takes(2, 0, &parcel(text)),
            [Output::Refused(Refused {
                from: Some(id(2)),
                why: Why::Forged,
                detail: format!("{} did not sign this", id(9)),
            })]
        );
    }
    assert!(told.takes(2, 0, &parcel("c")).contains(&Output::Distrust(id(2))));
    assert_eq!(refused(&told.takes(2, 0, &packed(2, &chat(2, "d")))), [Why::Stranger]);
    assert_eq!(told.hears(Input::Up(id(2))), [Output::Distrust(id(2))]);
    told.now = Time::from_millis(600_001);
    assert!(!told.hears(Input::Up(id(2))).contains(&Output::Distrust(id(2))));
}

#[test]
fn a_forged_hop_count_gets_a_message_nowhere() {
    let mut told = told(&[2, 3]);
    let parcel = packed(2, &chat(2, "ciao"));
    assert_eq!(refused(&told.takes(2, 65, &parcel)), [Why::Hops]);
    // The last hop there can be is shown, and goes no further.
    let said = told.takes(2, 64, &parcel);
    assert_eq!((shown(&said).len(), copies(&said)), (1, 0));
}

#[test]
fn a_replay_is_told_and_never_shown_again() {
    let mut told = told(&[2, 3]);
    let parcel = packed(2, &chat(2, "ciao"));
    told.takes(2, 0, &parcel);
    assert_eq!(refused(&told.takes(2, 0, &parcel)), [Why::Replay]);
    // Another peer's first copy is how gossip is.
    assert_eq!(refused(&told.takes(3, 0, &parcel)), []);
    // When it is forgotten, it is over.
    told.now = Time::from_millis(700_000);
    told.hears(Input::Timeout);
    let said = told.takes(2, 0, &parcel);
    assert_eq!((refused(&said), shown(&said).len()), (vec![Why::Expired], 0));
}

#[test]
fn what_is_over_too_early_or_too_long_is_refused() {
    let mut told = told(&[2]);
    let why = |told: &mut Told, created: u64, expires: u64| {
        let payload = Payload { created, expires, ..chat(2, "ciao") };
        refused(&told.takes(2, 0, &packed(2, &payload)))
    };
    assert_eq!(why(&mut told, EPOCH - 10, EPOCH - 1), [Why::Expired]);
    assert_eq!(why(&mut told, EPOCH + 60_001, EPOCH + 70_000), [Why::Future]);
    assert_eq!(why(&mut told, EPOCH, EPOCH + 86_400_001), [Why::Lifetime]);
    assert_eq!(why(&mut told, EPOCH + 60_000, EPOCH + 86_400_000), []);
    assert_eq!(why(&mut told, u64::MAX, u64::MAX), [Why::Future]);
    assert_eq!(why(&mut told, 0, u64::MAX), [Why::Lifetime]);
}

#[test]
fn nobody_says_too_much() {
    let flood = |raw: RawGossip, authors: u8| {
        let mut told = told_with(raw, &[2]);
        let said = (0..60).map(|n: u16| {
            let author = 30 + (n % u16::from(authors)) as u8;
            told.takes(2, 0, &packed(author, &chat(author, &n.to_string())))
        });
        said.filter(|said| refused(said) == [Why::Rate]).count()
    };
    let raw = || RawGossip { peer_burst: 30, author_rate: 10, ..RawGossip::default() };
    assert_eq!(flood(raw(), 1), 50);
    assert_eq!(flood(raw(), 60), 30);
    assert_eq!(flood(RawGossip { peer_burst: 60, author_rate: 100, ..raw() }, 1), 0);
}

#[test]
fn old_messages_are_shown_as_unverified_and_go_a_little_way() {
    let mut told = told(&[2, 3]);
    (40..60).for_each(|old| drop(told.hears(Input::OldUp(id(old)))));
    let forged = Chat { ttl: 999, ..Chat::new(id(40), "then", "ciao") };
    let said = told.hears(Input::HeardOld(forged.clone()));
    assert_eq!(refused(&said), [Why::Hops]);
    assert!(!shown(&said)[0].verified && shown(&said)[0].created.is_none());
    let passed: Vec<_> = said
        .iter()
        .filter_map(|o| if let Output::Tell(to, c) = o { Some((to, c.ttl)) } else { None })
        .collect();
    assert_eq!(passed.len(), 6);
    assert!(passed.iter().all(|(to, ttl)| **to != id(40) && *ttl == 2), "{passed:?}");
    // Nothing of it reaches those who want signatures, and it is shown once, whatever its ttl.
    assert_eq!(copies(&said), 0);
    assert_eq!(told.hears(Input::HeardOld(Chat { ttl: 1, ..forged })), []);
    let last = Chat { ttl: 0, ..Chat::new(id(40), "then", "ciao ciao") };
    let said = told.hears(Input::HeardOld(last));
    assert!(matches!(said[..], [Output::Show(_)]), "{said:?}");
}

#[test]
fn old_peers_hear_what_is_said_on_the_main_channel_and_their_echo_is_known() {
    let mut told = told(&[2]);
    told.hears(Input::OldUp(id(40)));
    let said = told.takes(2, 0, &packed(2, &chat(2, "ciao")));
    let echo =
        said.iter().find_map(|o| if let Output::Tell(_, c) = o { Some(c.clone()) } else { None });
    let echo = echo.expect("it is told");
    assert_eq!((echo.from, &*echo.timestamp), (id(2), "2026-01-01T00:00:00.000000"));
    assert_eq!(echo.ttl, i64::from(LEGACY_HOPS));
    assert_eq!(told.hears(Input::HeardOld(Chat { ttl: 2, ..echo })), []);
    let aside = Payload { channel: "#aside".into(), ..chat(2, "ciao") };
    let said = told.takes(2, 0, &packed(2, &aside));
    assert!(!said.iter().any(|output| matches!(output, Output::Tell(..))));
}

#[test]
fn an_alert_goes_ahead_of_all_chat() {
    let mut told = told(&[2]);
    let say = |told: &mut Told, words| told.gossip.handle_input(told.now, draft(words));
    for n in 0..100 {
        say(&mut told, Words::Chat(n.to_string().into()));
    }
    say(&mut told, Words::Alert(Need::Water, "well is dry".into()));
    let mut sent = Vec::new();
    loop {
        match told.gossip.poll_output() {
            Output::Send(_, Message::Signed { parcel, .. }) => sent.push(parcel),
            Output::Wait(_) => break,
            _ => {}
        }
    }
    assert_eq!(sent.len(), 32);
    assert!(sent[0].text.contains("well is dry"));
}

#[test]
fn an_alert_goes_on_from_open_to_resolved_and_counts_who_has_seen_it() {
    let mut told = told(&[2, 3]);
    let said = told.hears(draft(Words::Alert(Need::Medical, "by the stage".into())));
    let alert =
        said.iter().find_map(|o| if let Output::Alert(id, _) = o { Some(*id) } else { None });
    let alert = alert.expect("it is told");
    let says = |author, body| packed(author, &Payload { body, ..chat(author, "") });
    let state = |told: &Told| {
        let (_, alert) = told.gossip.snapshot().alerts[0].clone();
        (alert.state, alert.by, alert.seen.len())
    };
    assert_eq!(state(&told), (AlertState::Open, None, 0));
    told.takes(2, 0, &says(2, Body::Seen { alert }));
    told.takes(2, 0, &says(3, Body::Seen { alert }));
    told.takes(2, 0, &says(2, Body::Progress { alert, state: AlertState::Resolved }));
    told.takes(3, 0, &says(3, Body::Progress { alert, state: AlertState::Taken }));
    assert_eq!(state(&told), (AlertState::Resolved, Some(id(2)), 2));
}

#[test]
fn receipts_are_given_once_and_only_so_many_are_passed_on() {
    let seen_by = |receipts| {
        let mut told = told_with(RawGossip { receipts, ..RawGossip::default() }, &[2, 3]);
        let body = Body::Alert { need: Need::Water, text: "dry".into() };
        let parcel = packed(2, &Payload { body, ..chat(2, "") });
        let said = told.takes(2, 0, &parcel);
        let own = copies(&said);
        let passed: usize = (50..60)
            .map(|author| {
                let body = Body::Seen { alert: parcel.id() };
                let said = told.takes(2, 0, &packed(author, &Payload { body, ..chat(author, "") }));
                assert!(shown(&said).is_empty());
                copies(&said)
            })
            .sum();
        (own, passed)
    };
    // The alert itself goes on to one, our receipt to both.
    assert_eq!(seen_by(0), (1, 0));
    assert_eq!(seen_by(5), (3, 4));
    assert_eq!(seen_by(32), (3, 10));
}

#[test]
fn private_words_are_opened_by_one_and_carried_by_all() {
    let mut author = told(&[2]);
    let (to, text) = (id(3), "by the fountain".into());
    let said = author.hears(draft(Words::Private { to, text, random: [9; 32] }));
    let parcel = said.iter().find_map(|output| match output {
        Output::Send(_, Message::Signed { parcel, .. }) => Some(parcel.clone()),
        _ => None,
    });
    let parcel = parcel.expect("it is sent");
    let carrier = |n: u8| {
        let gossip = Gossip::new(identity(n), Settings::default(), 7, EPOCH);
        let mut told = Told { gossip, now: Time::default(), wait: None };
        told.hears(Input::Up(id(8)));
        told.hears(Input::Up(id(9)));
        told.takes(8, 0, &parcel)
    };
    let said = carrier(2);
    assert!(shown(&said).is_empty() && copies(&said) == 1);
    assert_eq!(shown(&carrier(3))[0].opened.as_deref(), Some("by the fountain"));
    let weak = NodeId::from_bytes([0; 32]);
    let said = author.hears(draft(Words::Private { to: weak, text: "x".into(), random: [9; 32] }));
    assert!(matches!(said[..], [Output::Unsaid(_)]), "{said:?}");
}

#[test]
fn what_was_announced_and_did_not_come_is_asked_for_here_and_there() {
    let mut told = told(&[2, 3]);
    let parcel = packed(9, &chat(9, "ciao"));
    let has = Message::IHave(vec![parcel.id()]);
    told.hears(Input::Heard(id(2), has.clone()));
    told.hears(Input::Heard(id(3), has));
    let want = |peer| Output::Send(id(peer), Message::IWant(vec![parcel.id()]));
    assert_eq!(told.goes_on(), [want(2)]);
    assert_eq!(told.goes_on(), [want(3)]);
    assert_eq!(told.goes_on(), [want(2)]);
    assert_eq!(shown(&told.takes(2, 0, &parcel)).len(), 1);
    let said = (0..40).map_while(|_| told.wait.map(|_| told.goes_on())).flatten();
    assert!(!said.collect::<Vec<_>>().contains(&want(3)));
}

#[test]
fn what_is_known_is_not_asked_for() {
    let mut told = told(&[2, 3]);
    let parcel = packed(9, &chat(9, "ciao"));
    told.takes(2, 0, &parcel);
    let has = Input::Heard(id(3), Message::IHave(vec![parcel.id()]));
    let said = [told.hears(has)].into_iter();
    let said: Vec<_> =
        said.chain((0..40).map_while(|_| told.wait.map(|_| told.goes_on()))).collect();
    let asked = |output: &Output| matches!(output, Output::Send(_, Message::IWant(_)));
    assert!(!said.iter().flatten().any(asked), "{said:?}");
}

#[test]
fn a_node_that_comes_late_is_told_what_there_is_and_gets_it() {
    let mut told = told(&[2]);
    told.hears(draft(Words::Chat("ciao".into())));
    let mut late = told_with(RawGossip::default(), &[]);
    late.gossip = Gossip::new(identity(5), Settings::default(), 8, EPOCH + 400_000);
    told.now = Time::from_millis(400_000);
    let asks = late.hears(Input::Up(id(1)));
    let [Output::Send(_, since @ Message::Since(_))] = &asks[..] else { panic!("{asks:?}") };
    assert_eq!(*since, Message::Since(EPOCH + 400_000 - 600_000));
    told.hears(Input::Up(id(5)));
    let has = told.hears(Input::Heard(id(5), since.clone()));
    let [Output::Send(_, has @ Message::IHave(_))] = &has[..] else { panic!("{has:?}") };
    late.hears(Input::Heard(id(1), has.clone()));
    let wants = late.goes_on();
    let [Output::Send(_, wants)] = &wants[..] else { panic!("{wants:?}") };
    let gets = told.hears(Input::Heard(id(5), wants.clone()));
    let [Output::Send(_, it)] = &gets[..] else { panic!("{gets:?}") };
    assert_eq!(shown(&late.hears(Input::Heard(id(1), it.clone()))).len(), 1);
    // What is over is not told any more.
    told.now = Time::from_millis(600_001);
    told.hears(Input::Timeout);
    assert_eq!(told.hears(Input::Heard(id(5), since.clone())), []);
}

#[test]
fn no_more_copies_are_given_than_were_set_while_it_spreads() {
    let given = |copies, eager| {
        let peers: Vec<u8> = (2..30).collect();
        let mut told = told_with(RawGossip { copies, eager, ..RawGossip::default() }, &peers);
        let said = told.hears(draft(Words::Chat("ciao".into())));
        let at_once = self::copies(&said);
        let parcel = said.iter().find_map(|output| match output {
            Output::Send(_, Message::Signed { parcel, .. }) => Some(parcel.id()),
            _ => None,
        });
        let wants = Message::IWant(vec![parcel.expect("it is sent")]);
        let mut ask = |peer| self::copies(&told.hears(Input::Heard(id(peer), wants.clone())));
        (at_once, at_once + (2..30).map(&mut ask).sum::<usize>())
    };
    assert_eq!(given(6, 3), (3, 6));
    assert_eq!(given(4, 4), (4, 4));
    assert_eq!(given(8, 1), (1, 8));
}

#[test]
fn what_is_kept_and_remembered_is_bounded_as_set() {
    let fills = |raw: RawGossip, len: usize| {
        let mut told = told_with(raw, &[2]);
        for n in 0..30 {
            told.takes(2, 0, &packed(2, &chat(2, &format!("{n}{}", "x".repeat(len)))));
        }
        let snapshot = told.gossip.snapshot();
        (snapshot.kept, snapshot.remembered)
    };
    let raw = RawGossip::default;
    assert_eq!(fills(raw(), 1), (30, 30));
    assert_eq!(fills(RawGossip { kept: 10, remembered: 20, ..raw() }, 1), (10, 20));
    assert_eq!(fills(RawGossip { kept_bytes: 1 << 16, ..raw() }, 8000), (8, 30));
    let key = |raw| Settings::new(raw).unwrap_err().key;
    assert_eq!(key(RawGossip { eager: 7, ..raw() }), "eager");
    assert_eq!(key(RawGossip { remembered: 1, ..raw() }), "remembered");
}

#[test]
fn what_cannot_be_said_is_told() {
    let mut told = told(&[2]);
    let mut unsaid = |input| matches!(told.hears(input)[..], [Output::Unsaid(_)]);
    assert!(unsaid(draft(Words::Chat("".into()))));
    assert!(unsaid(draft(Words::Chat("x".repeat(8193).into()))));
    let lifetime = Duration::from_secs(1);
    let words = Words::Chat("ciao".into());
    assert!(unsaid(Input::Say(Draft { channel: "x".repeat(65).into(), lifetime, words })));
    // The longest text, all of it outside ASCII, fits in a line.
    let said = told.hears(draft(Words::Chat("é".repeat(4096).into())));
    let line = said.iter().find_map(|output| match output {
        Output::Send(_, message @ Message::Signed { .. }) => Some(message.encode()),
        _ => None,
    });
    assert!(line.expect("it is sent").len() < 64 * 1024);
}

#[test]
fn times_are_what_was_set() {
    let since = |catch_up| {
        let raw = RawGossip { catch_up: Span::millis(catch_up), ..RawGossip::default() };
        told_with(raw, &[]).hears(Input::Up(id(2)))
    };
    assert_eq!(since(1000), [Output::Send(id(2), Message::Since(EPOCH - 1000))]);
    assert_eq!(since(0), [Output::Send(id(2), Message::Since(EPOCH))]);
    let takes = |raw: RawGossip, created: u64, expires: u64| {
        let payload = Payload { created, expires, ..chat(2, "ciao") };
        shown(&told_with(raw, &[2]).takes(2, 0, &packed(2, &payload))).len()
    };
    let raw = RawGossip::default;
    let short = || RawGossip { lifetime: Span::millis(5000), skew: Span::millis(10), ..raw() };
    assert_eq!(takes(raw(), EPOCH, EPOCH + 5001), 1);
    assert_eq!(takes(short(), EPOCH, EPOCH + 5001), 0);
    assert_eq!(takes(raw(), EPOCH + 11, EPOCH + 100), 1);
    assert_eq!(takes(short(), EPOCH + 11, EPOCH + 100), 0);
    let hops = |max_hops| {
        shown(&told_with(RawGossip { max_hops, ..raw() }, &[2]).takes(
            2,
            9,
            &packed(2, &chat(2, "x")),
        ))
        .len()
    };
    assert_eq!([hops(8), hops(9)], [0, 1]);
    let dropped = |forgeries| {
        let mut told = told_with(RawGossip { forgeries, ..raw() }, &[2]);
        let forged = Parcel { signature: [0; 64], ..packed(2, &chat(2, "x")) };
        told.takes(2, 0, &forged).contains(&Output::Distrust(id(2)))
    };
    assert_eq!([dropped(1), dropped(2)], [true, false]);
}

#[test]
fn how_far_a_message_of_ours_has_come_is_known() {
    let mut told = told(&[2, 3]);
    let say = |told: &mut Told, words| {
        let draft = Draft { channel: "#water".into(), lifetime: Duration::from_secs(60), words };
        told.gossip.say(told.now, draft).unwrap()
    };
    let random = [9; 32];
    let private = Words::Private { to: id(2), text: "for your eyes".into(), random };
    assert_eq!(say(&mut told, private).opened.as_deref(), Some("for your eyes"));
    let said = say(&mut told, Words::Alert(Need::Water, "none left".into()));
    assert_eq!((said.author, said.hops, &*said.channel), (id(1), 0, "#water"));
    let spread = |told: &Told| told.gossip.spread_of(&said.id).unwrap();
    let sent = spread(&told);
    assert_eq!((sent.given, sent.held), (2, 0));
    told.hears(Input::Heard(id(3), Message::IHave(vec![said.id])));
    let seen = Payload { body: Body::Seen { alert: said.id }, ..chat(2, "") };
    told.takes(2, 0, &packed(2, &seen));
    let held = spread(&told);
    assert_eq!((held.given, held.held), (2, 1));
    assert!(held.alert.unwrap().seen.contains(&id(2)));
    assert_eq!(told.gossip.spread_of(&MessageId::of("never said")), None);
}
