//! Devices in any modes, whatever they are sent.
use proptest::prelude::*;
use proto::{
    Protocol, Ticket, cync,
    cync::Cync,
    hsms,
    hsms::Hsms,
    quirk::{Mode, Quirk},
    session::hex,
    tazcom,
    tazcom::{Message, Tazcom},
    testing::quirks::{Event, obeys},
    toggle,
    toggle::{Lamp, Toggle, encode_toggle},
    vkb,
    vkb::Vkb,
};

/// Something that may follow a mode's name. Nothing big: a megabyte made up a thousand times proves
/// nothing more.
const ARGUMENTS: &[&str] = &[
    "", "0", "1", "2", "7", "13", "40", "255", "300", "50ms", "kick", "close", "refuse", "accept",
    "bom", "pretty", "upper",
];

fn quirk<M: Mode>() -> impl Strategy<Value = Event> {
    let mode = prop::sample::select(M::MODES).prop_map(|(name, _)| name);
    let argument = prop::sample::select(ARGUMENTS);
    let times = prop::sample::select(&["", "x1", "x3"][..]);
    (mode, argument, times).prop_map(|(mode, argument, times)| {
        let all = format!("{mode} {argument} {times}");
        let plain = format!("{mode} {times}");
        Event::Quirk(if all.parse::<Quirk<M>>().is_ok() { all } else { plain })
    })
}

fn history<M: Mode>(sound: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<Event>> {
    let bytes = prop_oneof![
        4 => prop::sample::select(sound),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    let event = prop_oneof![
        3 => quirk::<M>(),
        2 => Just(Event::Open),
        6 => (prop::bool::weighted(0.8), bytes).prop_map(|(newest, bytes)| Event::Bytes(newest, bytes)),
        1 => Just(Event::Eof),
        1 => (0_u64..3000).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 1..40)
}

fn words(hexes: &[&str]) -> Vec<Vec<u8>> {
    hexes.iter().map(|text| hex::decode(text).unwrap().to_vec()).collect()
}

fn commands() -> Vec<Vec<u8>> {
    let command = |n: u64| encode_toggle(Ticket(n), &Toggle::new("D1", n == 2).unwrap());
    let whole: Vec<Vec<u8>> = (1..4).map(|n| command(n).to_vec()).collect();
    let cut = whole[0][..30].to_vec();
    whole.into_iter().chain([cut]).collect()
}

fn messages() -> Vec<Vec<u8>> {
    words(&[
        "0000000a ffff 0000 0001 0000002a",
        "0000000a ffff 0000 0005 00000007",
        "0000000a 0000 8101 0000 00000007",
        "0000000a 0000 8111 0000 00000008",
        "0000000d 0000 8219 0000 00000009 2101ff",
        "00000015 0000 8229 0000 0000000a 0102 4105 5354415254 0100",
        "0000000a ffff 0000 0009 00000003",
        "0000000a 0000 81",
    ])
}

fn lines() -> Vec<Vec<u8>> {
    let from = peer().snapshot().id;
    let chat = tazcom::Chat::new(from, "then", "ciao");
    let messages = [
        Message::Hello { from, nonce: None },
        Message::Hello { from, nonce: Some([1; 32]) },
        Message::Proof([0; 64]),
        Message::Chat(chat),
    ];
    messages.map(|message| message.encode().to_vec()).into()
}

fn peer() -> Tazcom {
    let version = tazcom::Version::V03;
    Tazcom::new(tazcom::Settings { version, ..tazcom::Settings::default() }).unwrap()
}

fn packets() -> Vec<Vec<u8>> {
    words(&[
        "28 00000002 0000",
        "a3 00000007 00000001 0000 00",
        "c8 0000000b 0d 07e9 0b 06 05 02 14 28 fda8",
        "73 0000001f 00000001 0001 00 7e 01000000 f8 d0 0d00 01000000000100d01102010000 c3 7e",
        "73 00000018 00000001 0002 00 7e 02000000 f8 52 0600 0000ffff0000 56 7e",
        "78 00000007 00000001 0000 0a",
        "88 00000003 0000",
    ])
}

fn device<P: Protocol>() -> P {
    P::new(P::Settings::default()).unwrap()
}

fn joystick(replies: bool) -> Vkb {
    Vkb::new(vkb::Settings { replies, ..vkb::Settings::default() }).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_toggle_device_keeps_its_feet_in_any_modes(events in history::<toggle::Mode>(commands())) {
        obeys(&device::<Lamp>(), &events);
    }

    #[test]
    fn a_vkb_device_keeps_its_feet_in_any_modes(
        events in history::<vkb::Mode>(words(&["a50d000401000000", "a50d000402010000", "a50d00"])),
        replies in any::<bool>(),
    ) {
        obeys(&joystick(replies), &events);
    }

    #[test]
    fn a_tazcom_peer_keeps_its_feet_in_any_modes(events in history::<tazcom::Mode>(lines())) {
        obeys(&peer(), &events);
    }

    #[test]
    fn equipment_keeps_its_feet_in_any_modes(events in history::<hsms::Mode>(messages())) {
        obeys(&device::<Hsms>(), &events);
    }

    #[test]
    fn a_bridge_keeps_its_feet_in_any_modes(events in history::<cync::Mode>(packets())) {
        obeys(&device::<Cync>(), &events);
    }
}

/// Or the histories above would show nothing.
#[test]
fn every_mode_can_strike_in_them() {
    strikes::<Lamp, toggle::Mode>(&commands()[..3], &[device]);
    let frames = words(&["a50d000401000000", "a50d000402010000"]);
    strikes::<Vkb, vkb::Mode>(&frames, &[|| joystick(false), || joystick(true)]);
    strikes::<Hsms, hsms::Mode>(&messages(), &[device]);
    strikes::<Tazcom, tazcom::Mode>(&lines(), &[peer]);
    strikes::<Cync, cync::Mode>(&packets(), &[device]);
}

fn strikes<P: Protocol, M: Mode>(sound: &[Vec<u8>], devices: &[fn() -> P]) {
    for (name, _) in M::MODES.iter().filter(|(name, _)| !matches!(*name, "success" | "refuse")) {
        let quirks = ["", " 0"].map(|argument| Event::Quirk(format!("{name}{argument}")));
        // Each of them first: some end a connection.
        let mut histories = (0..sound.len()).flat_map(|first| {
            let sound = move || sound[first..].iter().chain(&sound[..first]).cloned();
            let bytes = move |newest| sound().map(move |b| Event::Bytes(newest, b));
            // On the second connection, the first being over or not.
            quirks.iter().flat_map(move |quirk| {
                let told = [quirk.clone(), Event::Open];
                let after = told.into_iter().chain(bytes(true)).chain(bytes(false));
                let after: Vec<_> = after.chain([Event::Pass(25_000)]).collect();
                [bytes(true).chain(after.clone()).collect(), after]
            })
        });
        let struck =
            |events: &Vec<Event>| devices.iter().any(|device| obeys(&device(), events) > 0);
        assert!(histories.any(|events| struck(&events)), "{} {name}", P::NAME);
    }
}
