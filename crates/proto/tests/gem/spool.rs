//! What is kept while nobody listens, and how it comes out again.
use proto::{
    gem::{Ended, RawSpool, RawTool},
    secs2::Item,
};

use crate::support::{Bench, l, spelt, u4};

fn keeping(spool: RawSpool) -> Bench {
    let spool = RawSpool { streams: vec![5, 6], ..spool };
    let mut bench = Bench::with(RawTool { spool, ..RawTool::default() });
    bench.ask("S2F37", l([Item::boolean(true), l([u4(50), u4(51)])]));
    bench
}

fn tell(bench: &mut Bench) -> String {
    bench.ask("S6F23", Item::u1(0))
}

/// The events among messages.
fn events(heard: &[String]) -> Vec<u32> {
    let event = |text: &String| text.split("<U4 ").nth(2)?.split('>').next()?.parse().ok();
    heard.iter().filter_map(event).collect()
}

#[test]
fn what_happens_while_the_host_is_away_is_told_when_it_asks() {
    let mut bench = keeping(RawSpool::default());
    bench.gem.lost(bench.now);
    bench.prompt("event 50");
    bench.prompt("alarm 3001 set");
    bench.prompt("event 51");
    bench.connect();
    assert_eq!(bench.hear(), [""; 0], "it waits to be asked");
    assert_eq!(bench.snapshot().spool.held, 3);
    assert_eq!(tell(&mut bench), "S6F24 <B 0x00>");
    assert_eq!(bench.primaries().len(), 1, "one at a time");
    assert_eq!(tell(&mut bench), "S6F24 <B 0x01>", "it is at it already");
    bench.gem.lost(bench.now);
    bench.connect();
    assert_eq!(tell(&mut bench), "S6F24 <B 0x00>");
    let heard = bench.hear();
    assert_eq!(heard.len(), 3);
    assert!(heard[0].starts_with("S6F11 W <L [3] <U4 1> <U4 50>"));
    assert!(heard[1].starts_with("S5F1 W <L [3] <B 0x81>"));
    assert!(heard[2].starts_with("S6F11 W <L [3] <U4 2> <U4 51>"));
    let snapshot = bench.snapshot();
    assert_eq!((snapshot.spool.held, snapshot.lost), (0, 0));
}

#[test]
fn what_was_not_answered_is_told_again() {
    let mut bench = keeping(RawSpool::default());
    bench.prompt("event 50");
    bench.prompt("event 51");
    let first = bench.gem.poll(bench.now).unwrap();
    bench.gem.lost(bench.now);
    bench.gem.replied(bench.now, first.id, Ended::Failed);
    bench.connect();
    tell(&mut bench);
    let again = bench.hear();
    assert_eq!(again[0], spelt(&first));
    assert_eq!(events(&again), [50, 51]);
}

#[test]
fn what_could_not_be_sent_is_kept_as_well() {
    let mut bench = keeping(RawSpool::default());
    bench.prompt("event 50");
    let first = bench.gem.poll(bench.now).unwrap();
    bench.gem.replied(bench.now, first.id, Ended::Failed);
    assert_eq!(bench.snapshot().spool.held, 1);
}

#[test]
fn nothing_overtakes_what_is_kept() {
    let mut bench = keeping(RawSpool::default());
    bench.gem.lost(bench.now);
    bench.prompt("event 50");
    bench.connect();
    bench.prompt("event 51");
    bench.prompt("terminal not kept");
    assert_eq!(bench.hear(), [r#"S10F1 W <L [2] <B 0x00> <A "not kept">>"#]);
    tell(&mut bench);
    assert_eq!(events(&bench.hear()), [50, 51]);
    bench.prompt("event 50");
    assert_eq!(events(&bench.hear()), [50]);
}

#[test]
fn the_total_begins_anew_with_each_time_it_becomes_active() {
    let mut bench = keeping(RawSpool::default());
    for _ in 0..2 {
        bench.gem.lost(bench.now);
        bench.prompt("event 50");
        bench.connect();
        assert_eq!(bench.snapshot().spool.total, 1);
        tell(&mut bench);
        bench.hear();
    }
}

#[test]
fn messages_that_want_no_answer_are_told_one_after_the_other() {
    let mut bench = keeping(RawSpool::default());
    bench.gem.lost(bench.now);
    bench.prompt("send S6F1 <L>");
    bench.prompt("send S6F1 <U4 2>");
    bench.connect();
    tell(&mut bench);
    assert_eq!(bench.hear(), ["S6F1 <L [0]>", "S6F1 <U4 2>"]);
    assert_eq!(bench.snapshot().spool.held, 0);
}

#[test]
fn a_purge_throws_all_of_it_away() {
    let mut bench = keeping(RawSpool::default());
    bench.gem.lost(bench.now);
    bench.prompt("event 50");
    bench.connect();
    assert_eq!(bench.ask("S6F23", Item::u1(1)), "S6F24 <B 0x00>");
    assert_eq!(bench.hear(), [""; 0]);
    assert_eq!(tell(&mut bench), "S6F24 <B 0x02>");
}

#[test]
fn a_full_spool_lets_the_oldest_or_the_newest_go() {
    for (overwrite, kept) in [(true, [51, 50]), (false, [50, 51])] {
        let mut bench = keeping(RawSpool { messages: 2, overwrite, ..RawSpool::default() });
        bench.gem.lost(bench.now);
        for event in [50, 51, 50] {
            bench.prompt(&format!("event {event}"));
        }
        let spool = bench.snapshot().spool;
        assert_eq!((spool.held, spool.total, spool.overwritten), (2, 3, 1));
        bench.connect();
        assert_eq!(bench.ask("S1F3", l([u4(1008), u4(1009)])), "S1F4 <L [2] <U4 2> <U4 3>>");
        assert!(bench.ask("S1F3", l([u4(1010), u4(1011)])).contains("2026010100000000"));
        tell(&mut bench);
        assert_eq!(events(&bench.hear()), kept);
    }
}

#[test]
fn max_spool_transmit_limits_what_one_request_brings() {
    let mut bench = keeping(RawSpool { transmit: 2, ..RawSpool::default() });
    bench.gem.lost(bench.now);
    for _ in 0..3 {
        bench.prompt("event 50");
    }
    bench.connect();
    for (told, left) in [(2, 1), (1, 0)] {
        assert_eq!(tell(&mut bench), "S6F24 <B 0x00>");
        assert_eq!(bench.hear().len(), told);
        assert_eq!(bench.snapshot().spool.held, left);
    }
}

#[test]
fn what_the_host_does_not_answer_stays() {
    let mut bench = keeping(RawSpool::default());
    bench.ask("S2F37", l([Item::boolean(true), l([u4(65)])]));
    bench.gem.lost(bench.now);
    bench.prompt("event 50");
    bench.connect();
    tell(&mut bench);
    let told = bench.primaries().remove(0);
    bench.gem.replied(bench.now, told.id, Ended::TimedOut);
    // The failure is told behind it.
    assert_eq!(bench.snapshot().spool.held, 2);
    tell(&mut bench);
    assert_eq!(events(&bench.hear()), [50, 65]);
}

#[test]
fn the_spool_tells_of_itself() {
    let mut bench = keeping(RawSpool::default());
    bench.ask("S2F37", l([Item::boolean(true), l([u4(63), u4(64)])]));
    bench.gem.lost(bench.now);
    bench.prompt("event 50");
    bench.connect();
    tell(&mut bench);
    assert_eq!(events(&bench.hear()), [50, 63, 64]);
}

#[test]
fn what_is_overwritten_on_its_way_out_is_not_taken_twice() {
    let mut bench = keeping(RawSpool { messages: 2, ..RawSpool::default() });
    bench.gem.lost(bench.now);
    bench.prompt("event 50");
    bench.prompt("event 50");
    bench.connect();
    tell(&mut bench);
    let told = bench.primaries().remove(0);
    bench.prompt("event 51");
    bench.gem.replied(bench.now, told.id, Ended::Reply { function: 12, item: None });
    assert_eq!(events(&bench.hear()), [50, 51]);
}

#[test]
fn what_is_not_kept_is_lost_and_counted() {
    let mut bench = Bench::new();
    bench.gem.lost(bench.now);
    bench.prompt("alarm 3001 set");
    let snapshot = bench.snapshot();
    assert_eq!((snapshot.spool.held, snapshot.lost), (0, 1));
}
