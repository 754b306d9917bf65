//! How long a device waits for its last answers to leave, when nobody takes them.
use std::{future::poll_fn, io::IoSlice, net::SocketAddr, sync::Arc, time::Duration};

use net::{Env, Event, Host, Net, Recorder, Role, Sim, net::Stream};
use proto::{
    Fact, Protocol, Ticket,
    toggle::{AnswerForm, Lamp, Settings, Toggle, encode_toggle},
};

async fn say(stream: &mut Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let wrote = poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(bytes)])).await.unwrap();
        bytes = &bytes[wrote..];
    }
}

#[tokio::test(start_paused = true)]
async fn last_answers_that_nobody_takes_are_dropped_after_two_seconds() {
    let net = Net::Sim(Sim::new(Duration::from_millis(1)));
    let env = Env::new(net.clone(), Recorder::new(Recorder::DEFAULT_LIMIT), 1);
    let framed = Settings { answer: AnswerForm::Framed, ..Settings::default() };
    let lamp = Arc::new(Lamp::new(framed).unwrap());
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let host = Host::start(env.node("device", Role::Device), any_port, lamp).unwrap();
    let mut deaf = net.connect(&[host.addr()]).await.unwrap();
    // The network holds 256 KiB of answers; some more wait at the device.
    let toggle = Toggle::new("D1", true).unwrap();
    let commands: Vec<u8> = (0..5200).flat_map(|n| encode_toggle(Ticket(n), &toggle)).collect();
    say(&mut deaf, &commands).await;
    say(&mut deaf, b"nonsense").await;
    let at = |is: fn(&Event) -> bool| env.recorder.until(move |r| is(&r.event).then_some(r.at));
    let hung_up = at(|e| matches!(e, Event::Fact { fact: Fact::Malformed { .. }, .. })).await;
    let closed = at(|e| matches!(e, Event::Closed { .. }));
    let closed = tokio::time::timeout(Duration::from_secs(60), closed).await.expect("it closes");
    let waited = closed - hung_up;
    assert!((Duration::from_secs(2)..Duration::from_millis(2010)).contains(&waited), "{waited:?}");
    host.stop().await;
}
