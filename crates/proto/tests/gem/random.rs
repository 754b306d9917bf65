//! Nothing a host can say, in whatever order, brings the equipment down.
use proptest::prelude::*;
use proto::{
    gem::{Answer, Ended, Prompt, RawTool, Said},
    secs2::{Format, Item, MAX_DEPTH},
};

use crate::support::{Bench, l, u4};

const KNOWN: [(u8, u8); 34] = [
    (1, 1),
    (1, 3),
    (1, 11),
    (1, 13),
    (1, 15),
    (1, 17),
    (1, 21),
    (1, 23),
    (2, 13),
    (2, 15),
    (2, 17),
    (2, 23),
    (2, 25),
    (2, 29),
    (2, 31),
    (2, 33),
    (2, 35),
    (2, 37),
    (2, 39),
    (2, 41),
    (2, 43),
    (5, 3),
    (5, 5),
    (5, 7),
    (6, 15),
    (6, 19),
    (6, 23),
    (7, 1),
    (7, 3),
    (7, 5),
    (7, 17),
    (7, 19),
    (10, 3),
    (10, 5),
];

/// Any leaf, mostly one that names something.
fn leaf() -> impl Strategy<Value = Item> {
    let known = [50, 51, 60, 100, 200, 1001, 1002, 1005, 1501, 2001, 2003, 3001, 0, 1, 2, 5];
    let word = ["START", "STOP", "PPID", "RECIPE-A", "000001", "2026112023153000", "X", ""];
    let bytes = (
        proptest::sample::select(&Format::ALL[1..]),
        proptest::collection::vec(any::<u8>(), 0..40),
    );
    prop_oneof![
        4 => proptest::sample::select(known.to_vec()).prop_map(u4),
        2 => proptest::sample::select(word.to_vec()).prop_map(Item::ascii),
        1 => any::<u8>().prop_map(|byte| Item::binary([byte])),
        1 => any::<bool>().prop_map(Item::boolean),
        2 => bytes.prop_map(|(format, mut bytes)| {
            bytes.truncate(bytes.len() / format.unit() * format.unit());
            Item::new(format, bytes).unwrap_or_else(|_| Item::list([]))
        }),
    ]
}

fn tree() -> impl Strategy<Value = Item> {
    leaf().prop_recursive(5, 40, 5, |inner| {
        proptest::collection::vec(inner, 0..5).prop_map(Item::list)
    })
}

#[derive(Clone, Debug)]
enum Step {
    Say((u8, u8), bool, Option<Item>),
    Selected,
    Lost,
    Prompt(&'static str),
    Reply(u8, Option<Item>),
    Fail,
    TimeOut,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let prompts = [
        "event 50",
        "alarm 3001 set",
        "alarm 3001 clear",
        "set 1001 1",
        "set 2004 1",
        "online",
        "offline",
        "local",
        "remote",
        "busy",
        "idle",
        "enable",
        "disable",
        "terminal hi",
        "send S6F1",
    ];
    let named =
        prop_oneof![9 => proptest::sample::select(&KNOWN[..]), 1 => (0u8..128, any::<u8>())];
    prop_oneof![
        12 => (named, any::<bool>(), proptest::option::weighted(0.9, tree()))
            .prop_map(|(named, wait, item)| Step::Say(named, wait, item)),
        1 => Just(Step::Selected),
        1 => Just(Step::Lost),
        4 => proptest::sample::select(prompts.to_vec()).prop_map(Step::Prompt),
        4 => (prop_oneof![Just(0u8), Just(2), Just(12), Just(14)], proptest::option::of(tree()))
            .prop_map(|(function, item)| Step::Reply(function, item)),
        1 => Just(Step::Fail),
        1 => Just(Step::TimeOut),
        2 => (0u64..20_000).prop_map(Step::Pass),
    ]
}

fn play(bench: &mut Bench, open: &mut Vec<u64>, step: Step) {
    let now = bench.now;
    let mut end = |bench: &mut Bench, ended| {
        if let Some(id) = open.pop() {
            bench.gem.replied(now, id, ended);
        }
    };
    match step {
        Step::Say((stream, function), wait, item) => {
            let said = Said { stream, function, wait, item: Ok(item.as_ref()) };
            match bench.gem.primary(now, &said) {
                Answer::Reply { function: reply, item } => {
                    assert!(wait && function % 2 == 1 && reply == function + 1);
                    assert!(item.is_none_or(|item| item.depth() <= MAX_DEPTH));
                }
                Answer::Abort => assert!(wait),
                Answer::Stream9(function) => assert!(matches!(function, 3 | 5 | 7)),
                Answer::Nothing => {}
            }
        }
        Step::Selected => bench.gem.selected(now),
        Step::Lost => bench.gem.lost(now),
        Step::Prompt(text) => {
            let prompt: Prompt = text.parse().unwrap();
            let _refused = bench.gem.prompt(now, prompt);
        }
        Step::Reply(function, item) => end(bench, Ended::Reply { function, item }),
        Step::Fail => end(bench, Ended::Failed),
        Step::TimeOut => end(bench, Ended::TimedOut),
        Step::Pass(ms) => bench.at(now.as_micros() / 1000 + ms),
    }
    open.extend(bench.primaries().iter().filter(|p| p.wait).map(|p| p.id));
}

/// Lists within lists.
fn deep(depth: usize) -> Item {
    (1..depth).fold(l([]), |item, _| l([item]))
}

#[test]
fn the_deepest_question_gets_no_answer_that_is_deeper() {
    let inner = || deep(MAX_DEPTH - 1);
    let questions = [
        deep(MAX_DEPTH),
        l([inner()]),
        l([u4(1), inner()]),
        l([inner(), u4(1)]),
        l([l([u4(2001), deep(MAX_DEPTH - 2)])]),
        l([l([deep(MAX_DEPTH - 2), u4(1)])]),
        l([u4(1), l([l([u4(50), deep(MAX_DEPTH - 3)])])]),
        l([Item::ascii("START"), l([l([Item::ascii("PPID"), deep(MAX_DEPTH - 3)])])]),
        l([Item::ascii("START"), l([l([deep(MAX_DEPTH - 3), u4(1)])])]),
    ];
    for (stream, function) in KNOWN {
        for question in &questions {
            let mut bench = Bench::new();
            let answer = bench.ask(&format!("S{stream}F{function}"), question.clone());
            assert_ne!(answer, "-");
            bench.ask("S7F5", u4(1));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_history_whatever_brings_it_down(steps in proptest::collection::vec(step(), 1..60)) {
        let mut bench = Bench::new();
        bench.ask("S2F43", l([l([Item::u1(6), l([])]), l([Item::u1(5), l([])])]));
        let mut open = Vec::new();
        for step in steps {
            play(&mut bench, &mut open, step);
        }
        serde_json::to_string(&bench.snapshot()).unwrap();
    }

    #[test]
    fn a_known_message_is_answered_by_its_reply_or_by_s9f7(
        named in proptest::sample::select(&KNOWN[..]),
        item in proptest::option::weighted(0.95, tree()),
    ) {
        let mut bench = Bench::with(RawTool::default());
        let said = Said { stream: named.0, function: named.1, wait: true, item: Ok(item.as_ref()) };
        let answer = bench.gem.primary(bench.now, &said);
        let replied = matches!(answer, Answer::Reply { function, item: Some(_) } if function == named.1 + 1);
        prop_assert!(replied || answer == Answer::Stream9(7), "{answer:?}");
    }
}
