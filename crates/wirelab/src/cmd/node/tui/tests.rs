//! What a person sees on a screen of 80 by 24, and of any other size.
use std::{collections::BTreeSet, sync::Arc};

use jiff::tz::TimeZone;
use proto::tazcom::{
    AlertState, Body, MessageId, Need, NodeId,
    gossip::{Alert, MAIN_CHANNEL, Shown, Spread},
    roster::Gone,
};
use ratatui::{Terminal, backend::TestBackend};

use super::{draw, keys::Key, state::State};
use crate::cmd::node::{
    order::{Order, Say, What},
    tell::Line,
};

/// 12:34 on some day, in milliseconds since 1970.
const AT: u64 = 1_767_270_840_000;

fn id(n: u8) -> NodeId {
    NodeId::from_bytes([n.wrapping_mul(37); 32])
}

fn message(n: u8, author: u8, channel: &str, body: Body) -> Shown {
    Shown {
        id: MessageId::of(&n.to_string()),
        author: id(author),
        channel: channel.into(),
        created: Some(AT),
        body,
        opened: None,
        hops: 1,
        verified: true,
    }
}

fn chat(text: &str) -> Body {
    Body::Chat { text: text.into() }
}

fn joined(n: u8, verified: bool) -> Line {
    Line::Joined { id: id(n), verified }
}

fn stands(n: u8, state: AlertState, seen: &[u8]) -> Line {
    let seen: BTreeSet<_> = seen.iter().map(|n| id(*n)).collect();
    let stands = Alert { state, by: Some(id(2)), seen };
    Line::Alert { alert: MessageId::of(&n.to_string()), stands }
}

/// A screen after all that can happen has happened.
fn busy() -> State {
    let mut state = State::new(id(1));
    let listen = "127.0.0.1:5252".parse().unwrap();
    state.hear(Line::Started { id: id(1), listen, key: "node.key".into() });
    for (n, verified) in [(2, true), (3, false), (4, true)] {
        state.hear(joined(n, verified));
    }
    state.hear(Line::Left { id: id(4), how: Gone::Ghost });
    state.hear(Line::Message(message(1, 2, MAIN_CHANNEL, chat("hi, all"))));
    let unsigned = Shown {
        created: None,
        verified: false,
        ..message(2, 3, MAIN_CHANNEL, chat("I am old, and anybody could have said this"))
    };
    state.hear(Line::Message(unsigned));
    state.hear(Line::Said { message: message(3, 1, MAIN_CHANNEL, chat("hi yourself")), given: 1 });
    let spread = Spread { given: 2, held: 1, alert: None };
    state.hear(Line::Spread { message: MessageId::of("3"), spread });
    state.hear(Line::Message(message(4, 2, "#water", chat("the north door"))));
    let sealed = Body::Private { to: id(1), sealed: "".into() };
    let private = Shown { opened: Some("for your eyes".into()), ..message(5, 2, "#x", sealed) };
    state.hear(Line::Message(private));
    let burn = Body::Alert { need: Need::Medical, text: "a burn at the stage".into() };
    state.hear(Line::Message(message(6, 2, MAIN_CHANNEL, burn)));
    let dry = Body::Alert { need: Need::Water, text: "none left; ".repeat(20).into() };
    state.hear(Line::Message(message(7, 3, MAIN_CHANNEL, dry)));
    state.hear(stands(6, AlertState::Open, &[1, 2, 3]));
    state.hear(stands(7, AlertState::Taken, &[1]));
    state.hear(stands(8, AlertState::Resolved, &[]));
    state.hear(Line::Impostor { claimed: id(2), at: "192.0.2.66:1".into() });
    typed(&mut state, "I will be there in a min");
    state
}

fn typed(state: &mut State, text: &str) {
    state.press(Key::Text(text.into()));
}

/// Types a line; what is wanted of the node.
fn entered(state: &mut State, text: &str) -> Option<Order> {
    typed(state, text);
    state.press(Key::Enter)
}

fn screen(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::draw(frame, state, &TimeZone::UTC)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn all_there_is_to_see_fits_on_a_small_terminal() {
    insta::assert_snapshot!(screen(&busy(), 80, 24));
}

#[test]
fn a_narrow_terminal_shows_the_talk_alone() {
    insta::assert_snapshot!(screen(&busy(), 50, 16));
}

#[test]
fn help_says_what_can_be_typed() {
    let mut state = State::new(id(1));
    assert_eq!(entered(&mut state, "/help"), None);
    insta::assert_snapshot!(screen(&state, 80, 24));
}

#[test]
fn no_size_is_too_small() {
    let mut state = busy();
    for (width, height) in [(1, 1), (1, 30), (80, 1), (2, 2), (3, 5), (59, 3), (200, 60)] {
        screen(&state, width, height);
        state.press(Key::PageUp);
        state.press(Key::NextRoom);
    }
}

#[test]
fn nothing_a_peer_says_is_a_command_to_the_terminal() {
    let bad = "\x1b[2J\u{9b}31m\u{202e}\r\n\t";
    let mut state = State::new(id(1));
    state.hear(Line::Message(message(1, 2, bad, chat(bad))));
    state.hear(Line::Message(message(2, 2, MAIN_CHANNEL, chat(bad))));
    let alert = Body::Alert { need: Need::Other, text: bad.into() };
    state.hear(Line::Message(message(3, 2, MAIN_CHANNEL, alert)));
    let sealed = Body::Private { to: id(1), sealed: bad.into() };
    state.hear(Line::Message(Shown { opened: Some(bad.into()), ..message(4, 2, "#x", sealed) }));
    state.hear(Line::Impostor { claimed: id(2), at: bad.into() });
    state.hear(Line::Announced { name: bad.into() });
    state.hear(Line::Unsaid { problem: bad.into() });
    for _ in 0..4 {
        let screen = screen(&state, 200, 40);
        let bad = screen
            .chars()
            .find(|c| *c != '\n' && c.is_control() || bad[4..].contains(*c) && !c.is_ascii());
        assert_eq!(bad, None, "{screen}");
        state.press(Key::NextRoom);
    }
}

fn order(channel: &str, what: What) -> Option<Order> {
    Some(Order::Say(Say { channel: channel.into(), what }))
}

#[test]
fn words_go_where_one_is() {
    let mut state = busy();
    state.press(Key::EraseAll);
    let hi = || Arc::<str>::from("hi");
    assert_eq!(entered(&mut state, "hi"), order(MAIN_CHANNEL, What::Chat(hi())));
    assert_eq!(entered(&mut state, "/join #fire"), None);
    assert_eq!(entered(&mut state, "hi"), order("#fire", What::Chat(hi())));
    let to = format!("/to {}", &id(2).to_string()[..4]);
    assert_eq!(entered(&mut state, &to), None);
    assert_eq!(entered(&mut state, "hi"), order(MAIN_CHANNEL, What::Private(id(2), hi())));
    let at_once = format!("/to {} hi", id(9));
    assert_eq!(entered(&mut state, &at_once), order(MAIN_CHANNEL, What::Private(id(9), hi())));
    state.press(Key::Older);
    assert_eq!(state.input.sides().0, at_once);
}

#[test]
fn commands_are_orders_to_the_node() {
    let mut state = busy();
    state.press(Key::EraseAll);
    let alert = |n: &str| MessageId::of(n);
    let burn = What::Alert(Need::Medical, "a burn".into());
    assert_eq!(entered(&mut state, "/alert medical a burn"), order(MAIN_CHANNEL, burn));
    let take = format!("/take {}", &alert("6").to_string()[..6]);
    let taken = What::Progress(alert("6"), AlertState::Taken);
    assert_eq!(entered(&mut state, &take), order(MAIN_CHANNEL, taken));
    assert_eq!(entered(&mut state, "/resolve"), None);
    assert!(state.notice.as_deref().unwrap().contains("say which"), "{:?}", state.notice);
    assert_eq!(entered(&mut state, "/peers"), Some(Order::Peers));
    assert_eq!(state.press(Key::QuitIfEmpty), Some(Order::Quit));
    typed(&mut state, "h");
    assert_eq!(state.press(Key::QuitIfEmpty), None);
    assert_eq!(state.press(Key::Quit), Some(Order::Quit));
}

#[test]
fn what_is_wrong_is_said_below() {
    let mut state = busy();
    state.press(Key::EraseAll);
    for (line, named) in
        [("/shout", "no /shout"), ("/to !", "nobody's id"), ("/take !", "no alert's")]
    {
        assert_eq!(entered(&mut state, line), None);
        assert!(screen(&state, 80, 24).contains(named), "{line}");
    }
}

#[test]
fn peers_are_not_remembered_without_end() {
    let mut state = State::new(id(1));
    for n in 0..3000_u16 {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        let id = NodeId::from_bytes(bytes);
        state.hear(Line::Joined { id, verified: true });
        if n % 2 == 0 {
            state.hear(Line::Left { id, how: Gone::Goodbye });
        }
    }
    assert_eq!(state.peers.len(), 1024);
    screen(&state, 80, 24);
}
