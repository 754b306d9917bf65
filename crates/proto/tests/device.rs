//! What the device says of what it heard: the facts and frames that become evidence.
use proto::{
    CloseReason, Fact, Frame, Input, Output, Protocol, Session, Ticket, Time,
    toggle::{Device, Lamp, Reply, Toggle, encode_toggle},
};

fn hears(device: &mut Device, input: Input<'_, proto::Never>) -> Vec<Output<Reply>> {
    device.handle_input(Time::default(), input);
    let next = || match device.poll_output() {
        Output::Wait(_) => None,
        said => Some(said),
    };
    std::iter::from_fn(next).collect()
}

fn command(ticket: u64) -> Vec<u8> {
    encode_toggle(Ticket(ticket), &Toggle::new("D1", true).unwrap()).to_vec()
}

#[test]
fn the_first_arrival_is_applied_and_the_others_are_counted() {
    let lamp = Lamp::default();
    let facts: Vec<Fact> = (0..3)
        .flat_map(|_| {
            let mut device = lamp.device(Time::default());
            hears(&mut device, Input::Received(&command(7)))
        })
        .filter_map(|said| if let Output::Fact(fact) = said { Some(fact) } else { None })
        .collect();
    let ticket = Ticket(7);
    let applied = Fact::Applied { ticket, device_id: "D1".into(), state: "on".into() };
    let again = |arrivals| Fact::Duplicate { ticket, arrivals };
    assert_eq!(facts, [applied, again(2), again(3)]);
}

#[test]
fn an_id_is_told_as_the_wire_spells_it_unless_that_is_ours() {
    let told = |bytes: &[u8]| {
        let mut device = Lamp::default().device(Time::default());
        match hears(&mut device, Input::Received(bytes)).swap_remove(0) {
            Output::Received(Frame { ticket, msg_id, .. }) => (ticket.unwrap(), msg_id),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told(&command(7)), (Ticket(7), None));
    let foreign =
        String::from_utf8_lossy(&command(7)[7..]).replace("0000000000000007", "seven-7-sevens-ok");
    let head = [0xf0, 0x0d, 1, 0, 0, 0, foreign.len() as u8];
    let (_, msg_id) = told(&[&head, foreign.as_bytes()].concat());
    assert_eq!(msg_id.as_deref(), Some("seven-7-sevens-ok"));
}

#[test]
fn half_a_command_before_the_end_is_told() {
    for (part, told) in [(&b""[..], 0), (b"\xf0", 1), (&command(7)[..90], 1), (&command(7), 0)] {
        let mut device = Lamp::default().device(Time::default());
        hears(&mut device, Input::Received(part));
        let said = hears(&mut device, Input::Eof);
        let truncated = |said: &&Output<Reply>| matches!(said, Output::Fact(Fact::Malformed { reason, .. }) if reason == "truncated");
        assert_eq!(said.iter().filter(truncated).count(), told, "{said:?}");
        assert!(matches!(said.last(), Some(Output::Close(CloseReason::Peer))), "{said:?}");
    }
}

#[test]
fn an_answer_held_back_outlives_the_end_of_the_commands() {
    let lamp = Lamp::default();
    lamp.misbehave("delay 1s".parse().unwrap());
    let mut device = lamp.device(Time::default());
    hears(&mut device, Input::Received(&command(7)));
    assert!(hears(&mut device, Input::Eof).is_empty(), "it still owes an answer");
    device.handle_input(Time::from_millis(1000), Input::Timeout);
    assert!(matches!(device.poll_output(), Output::Transmit(_)));
    assert!(matches!(device.poll_output(), Output::Close(CloseReason::Peer)));
}
