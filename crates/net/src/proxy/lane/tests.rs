use proto::rng::Rng;

use super::*;
use crate::{Flow, proxy::Rule};

/// A lane, a clock, and all that came out of it.
struct Bench {
    lane: Lane,
    now: Time,
    rules: Vec<Arc<Armed>>,
    next: u64,
    out: Vec<(u64, Vec<u8>)>,
    struck: Vec<String>,
    ends: Vec<&'static str>,
    /// The receiver reads at once, or never.
    reads: bool,
    /// It is not even known whether it reads.
    silent: bool,
    over: bool,
}

/// Frames of a length and so many bytes.
const FRAMES: Speech = Speech {
    name: "counted",
    extent: |bytes| bytes.first().map(|n| 1 + u64::from(*n)),
    kind: |frame| if frame.len() > 3 { "long" } else { "short" },
    cover: None,
};

impl Bench {
    fn new(rules: &[&str]) -> Self {
        let who = Who { seed: 7, nth: 1, flow: Flow::Up };
        let mut bench = Self {
            lane: Lane::new(who, Time::default(), &[], Some(FRAMES)),
            now: Time::default(),
            rules: Vec::new(),
            next: 0,
            out: Vec::new(),
            struck: Vec::new(),
            ends: Vec::new(),
            reads: true,
            silent: false,
            over: false,
        };
        for rule in rules {
            bench.add(rule);
        }
        bench
    }
    fn add(&mut self, rule: &str) {
        self.next += 1;
        let rule: Rule = rule.parse().unwrap();
        self.rules.push(Arc::new(Armed::new(self.next, &format!("f{}", self.next), rule)));
        self.lane.arm(self.now, &self.rules);
        self.run();
    }
    fn lift(&mut self, at: usize) {
        self.rules.remove(at);
        self.lane.arm(self.now, &self.rules);
        self.run();
    }
    fn take(&mut self, bytes: &[u8]) {
        self.lane.take(self.now, Bytes::copy_from_slice(bytes));
        self.run();
    }
    /// Does what the lane wants, now; when it wants to be asked again.
    fn run(&mut self) -> Option<Time> {
        if self.over {
            return None;
        }
        loop {
            match self.lane.poll_output(self.now) {
                Output::Write(bytes) => {
                    self.out.push((self.now.as_micros() / 1000, bytes.to_vec()));
                    self.lane.wrote(self.now, bytes.len());
                }
                Output::Drain if self.silent => return None,
                Output::Drain if self.reads => self.lane.drained(Ok(())),
                Output::Drain => self.lane.drained(Err("nobody knows")),
                Output::Finish => self.ends.push("FIN"),
                Output::End(end) => {
                    self.ends.push(match end {
                        End::Close => "close",
                        End::Reset => "reset",
                        End::Mirror => "mirror",
                    });
                    self.over = true;
                    return None;
                }
                Output::Struck(strike) => {
                    self.struck.push(format!("{} at {}: {}", strike.fault, strike.at, strike.did));
                }
                Output::Wait(until) => return until,
            }
        }
    }
    /// Lets time pass, to the instant wherever the lane wants to be asked.
    fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(at) = self.run().filter(|at| *at <= end) {
            assert!(at > self.now, "a lane that waits for the past spins");
            self.now = at;
        }
        self.now = end;
        self.run();
    }
    fn bytes(&self) -> Vec<u8> {
        self.out.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
    }
    fn pieces(&self) -> Vec<&[u8]> {
        self.out.iter().map(|(_, bytes)| &bytes[..]).collect()
    }
    fn struck(&self, text: &str) -> bool {
        self.struck.iter().any(|struck| struck.contains(text))
    }
}

/// What goes in at once comes out like this.
fn whole(rule: &str, bytes: &[u8]) -> Bench {
    let mut bench = Bench::new(&[rule]);
    bench.take(bytes);
    bench.pass(10_000);
    bench
}

#[test]
fn without_rules_nothing_is_changed_or_late() {
    let mut bench = Bench::new(&[]);
    assert!(bench.lane.is_clear());
    bench.take(b"as it is");
    bench.lane.finish(bench.now);
    bench.run();
    assert_eq!(bench.out, [(0, b"as it is".to_vec())]);
    assert_eq!(bench.ends, ["FIN"]);
}

#[test]
fn every_fault_reads_back_as_it_is_written_and_has_its_place_in_the_list() {
    for about in crate::proxy::fault::ABOUT {
        let place = match about.class {
            crate::proxy::fault::Class::Spot => " byte=3",
            _ => "",
        };
        let rule: Rule = format!("{}{place}", about.example).parse().unwrap();
        assert_eq!(rule.fault.about().example, about.example);
        assert_eq!(rule.to_string().parse::<Rule>().unwrap(), rule, "{rule}");
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule, "{json}");
    }
}

#[test]
fn rules_that_make_no_sense_say_why() {
    for (rule, why) in [
        ("wobble", "no fault `wobble`"),
        ("latency delay=soon", "not a length of time"),
        ("latency", "missing field `delay`"),
        ("latency delay=1ms colour=red", "unknown field `colour`"),
        ("latency delay=1ms byte=4", "about all bytes"),
        ("bandwidth rate=-1", "invalid value"),
        ("split", "says where"),
        ("split byte=1 frame=ack", "say one of them"),
        ("reset conn=1 every=2", "say one of them"),
        ("reset conn=0", "counts from 1"),
        ("corrupt chance=2 ", "at most 1"),
        ("corrupt mask=00 byte=1", "flips no bit"),
        ("refuse lane=up", "about connecting"),
        ("schedule up=1s down=1s conn=2", "about whoever comes"),
        ("schedule up=1s down=1s times=2", "about whoever comes"),
        ("drop bytes=0 byte=1", "more than 0"),
        ("slice size=4 vary=4", "less than `size`"),
        ("split offset=3 byte=1", "start of a frame"),
        ("reset now", "should be like"),
        ("reset after=1s after=2s", "twice"),
        ("reset byte=1 more=1", "say one of them"),
        ("latency delay=1ms more=1", "about all bytes"),
        ("refuse in=1s", "about connecting"),
        ("reset share=1.5", "from 0 to 1"),
        ("reset name=a/b", "without blanks"),
    ] {
        let error = rule.parse::<Rule>().unwrap_err().to_string();
        assert!(error.contains(why), "{rule}: {error}");
    }
}

#[test]
fn latency_delays_and_keeps_the_order_whatever_the_jitter() {
    for shape in ["uniform", "normal"] {
        let rule = format!("latency delay=20ms jitter=15ms shape={shape}");
        let mut bench = Bench::new(&[&rule]);
        for n in 0..100_u8 {
            bench.take(&[n]);
            bench.pass(1);
        }
        bench.pass(1000);
        assert_eq!(bench.bytes(), (0..100).collect::<Vec<u8>>(), "{shape}");
        let late = bench.out.iter().zip(0..).map(|((at, _), sent)| at - sent).max().unwrap();
        assert!((20..=90).contains(&late), "{shape}: {late}");
        assert!(bench.struck("delayed; came"), "{:?}", bench.struck);
    }
    let exact = whole("latency delay=20ms", b"x");
    assert_eq!(exact.out, [(20, b"x".to_vec())]);
}

#[test]
fn bandwidth_keeps_an_absolute_schedule() {
    let mut bench = Bench::new(&["bandwidth rate=1000000"]);
    let mut sent = 0;
    while sent < 1_000_000 {
        if bench.lane.reads() {
            bench.take(&[0; 10_000]);
            sent += 10_000;
        } else {
            bench.pass(1);
        }
    }
    bench.pass(100);
    let (last, _) = bench.out.last().unwrap();
    assert_eq!(bench.bytes().len(), sent);
    assert!((999..=1000).contains(last), "{last} ms for a second's bytes");
}

#[test]
fn a_rate_of_nothing_is_a_black_hole_and_says_so() {
    let mut bench = whole("bandwidth rate=0", b"abc");
    assert!(bench.out.is_empty());
    assert!(bench.struck("nothing passes"), "{:?}", bench.struck);
    bench.lift(0);
    assert_eq!(bench.bytes(), b"abc");
}

#[test]
fn a_stall_holds_from_its_byte_and_lets_all_go() {
    let mut bench = Bench::new(&["stall for=500ms byte=3"]);
    bench.take(b"abcdef");
    assert_eq!(bench.bytes(), b"abc");
    bench.pass(499);
    assert_eq!(bench.bytes(), b"abc");
    bench.pass(1);
    assert_eq!(bench.bytes(), b"abcdef");
    assert!(bench.struck("at 3: nothing passed for 500.00 ms"), "{:?}", bench.struck);
}

#[test]
fn a_black_hole_swallows_ends_too_and_gives_all_back_when_lifted() {
    let mut bench = whole("black_hole", b"abc");
    bench.lane.finish(bench.now);
    bench.pass(60_000);
    assert!(bench.out.is_empty() && bench.ends.is_empty());
    bench.lift(0);
    assert_eq!((bench.bytes(), bench.ends), (b"abc".to_vec(), vec!["FIN"]));
    let mut lossy = whole("black_hole lose=true", b"abc");
    lossy.lift(0);
    lossy.take(b"def");
    assert_eq!(lossy.bytes(), b"def");
}

#[test]
fn pieces_have_their_sizes() {
    assert_eq!(whole("slice size=2", b"abcde").pieces(), [&b"ab"[..], b"cd", b"e"]);
    assert_eq!(whole("dribble", b"abc").pieces(), [&b"a"[..], b"b", b"c"]);
    assert_eq!(whole("slice size=2 gap=10ms", b"abcde").out.last().unwrap().0, 20);
    let varied = whole("slice size=4 vary=3", &[0; 300]);
    assert!(varied.pieces().iter().all(|piece| (1..=7).contains(&piece.len())));
}

#[test]
fn a_split_waits_for_the_reader_and_says_whether_it_is_proved() {
    let proved = whole("split byte=2", b"abcd");
    assert_eq!(proved.pieces(), [&b"ab"[..], b"cd"]);
    assert!(proved.struck("split byte=2 at 2: cut here, proved"), "{:?}", proved.struck);
    let mut unproved = Bench::new(&["split byte=2"]);
    unproved.reads = false;
    unproved.take(b"abcd");
    assert!(unproved.struck("unproved: nobody knows"));
    let framed = whole("split nth=2 offset=1", b"\x01a\x02bc\x01d");
    assert_eq!(framed.pieces(), [&b"\x01a"[..], b"\x02", b"bc", b"\x01d"]);
}

#[test]
fn gathered_bytes_come_in_one_piece() {
    let mut bench = Bench::new(&["coalesce bytes=4 wait=50ms"]);
    bench.take(b"a");
    bench.take(b"bc");
    assert!(bench.out.is_empty());
    bench.take(b"d");
    bench.take(b"e");
    bench.pass(50);
    assert_eq!(bench.out, [(0, b"abcd".to_vec()), (50, b"e".to_vec())]);
}

#[test]
fn content_is_changed_where_it_says_and_nowhere_else() {
    for (rule, out) in [
        ("corrupt mask=20 byte=1", &b"aBcdef"[..]),
        ("corrupt mask=20 bytes=2 byte=1", b"aBCdef"),
        ("insert hex=2121 byte=2", b"ab!!cdef"),
        ("drop bytes=2 byte=1", b"adef"),
        ("duplicate bytes=2 byte=1", b"abcbcdef"),
        ("truncate byte=2", b"ab"),
        ("truncate keep=1 byte=2", b"abc"),
    ] {
        assert_eq!(whole(rule, b"abcdef").bytes(), out, "{rule}");
        // However the bytes come.
        let mut bench = Bench::new(&[rule]);
        b"abcdef".iter().for_each(|byte| bench.take(&[*byte]));
        assert_eq!(bench.bytes(), out, "{rule}, byte by byte");
        assert_eq!(bench.struck.len(), 1, "{:?}", bench.struck);
    }
}

#[test]
fn frames_are_counted_and_known_by_kind() {
    let stream = b"\x01a\x03bcd\x01e\x03fgh";
    for (rule, out) in [
        ("drop bytes=4 frame=long nth=2", &b"\x01a\x03bcd\x01e"[..]),
        ("drop bytes=2 frame=short", b"\x03bcd\x03fgh"),
        ("duplicate nth=1", b"\x01a\x01a\x03bcd\x01e\x03fgh"),
        ("truncate keep=2 frame=long nth=1", b"\x01a\x03b\x01e\x03fgh"),
        ("corrupt mask=20 frame=long nth=1 offset=1", b"\x01a\x03Bcd\x01e\x03fgh"),
        ("drop bytes=2 frame=short times=1", b"\x03bcd\x01e\x03fgh"),
    ] {
        assert_eq!(whole(rule, stream).bytes(), out, "{rule}");
        let mut bench = Bench::new(&[rule]);
        stream.iter().for_each(|byte| bench.take(&[*byte]));
        bench.lane.finish(bench.now);
        bench.run();
        assert_eq!(bench.bytes(), out, "{rule}, byte by byte");
    }
    let after = whole("reset nth=2", stream);
    assert_eq!((after.bytes(), after.ends), (b"\x01a\x03bcd".to_vec(), vec!["reset"]));
}

#[test]
fn bytes_that_nobody_sent_come_at_once_and_between_frames() {
    let mut bench = Bench::new(&[]);
    bench.take(b"\x01a");
    bench.add("insert hex=0178 times=1");
    assert_eq!(bench.bytes(), b"\x01a\x01x", "though nothing else comes");
    bench.take(b"\x01b");
    assert_eq!(bench.bytes(), b"\x01a\x01x\x01b", "and it comes once");
    let mut within = Bench::new(&["insert hex=0178 in=1s"]);
    within.take(b"\x01a\x03bc");
    within.pass(1000);
    within.take(b"d");
    assert_eq!(within.bytes(), b"\x01a\x01x\x03bcd");
    let mut later = Bench::new(&["insert hex=0178 since=long"]);
    later.take(b"\x01a\x03bcd");
    later.take(b"\x01e");
    assert_eq!(later.bytes(), b"\x01a\x03bcd\x01x\x01e");
}

#[test]
fn since_waits_for_a_frame_on_either_lane() {
    let mut bench = Bench::new(&["drop bytes=2 frame=short since=long"]);
    bench.take(b"\x01a\x03bcd\x01e");
    assert_eq!(bench.bytes(), b"\x01a\x03bcd");
    let mut other = Bench::new(&["black_hole since=hello"]);
    other.take(b"\x01a");
    other.lane.saw("hello");
    other.take(b"\x01b");
    assert_eq!(other.bytes(), b"\x01a");
}

#[test]
fn a_lane_tells_of_frames_that_only_the_other_lane_waits_for() {
    let mut bench = Bench::new(&["drop bytes=2 frame=short since=long lane=down"]);
    bench.take(b"\x01a\x03bcd\x01e");
    assert_eq!(bench.bytes(), b"\x01a\x03bcd\x01e", "it is not about this lane");
    assert_eq!(bench.lane.take_seen(), ["short", "long", "short"]);
}

#[test]
fn ends_come_after_their_bytes_or_their_time() {
    for (rule, end) in [("close", "close"), ("reset", "reset"), ("half_close", "FIN")] {
        let by_bytes = whole(&format!("{rule} byte=3"), b"abcdef");
        assert_eq!((by_bytes.bytes(), by_bytes.ends), (b"abc".to_vec(), vec![end]), "{rule}");
        let mut by_time = Bench::new(&[&format!("{rule} after=1s")]);
        by_time.take(b"abc");
        by_time.pass(999);
        assert!(by_time.ends.is_empty());
        by_time.pass(1);
        assert_eq!((by_time.bytes(), by_time.ends), (b"abc".to_vec(), vec![end]), "{rule}");
    }
    let mut late = Bench::new(&["delay_fin delay=1s"]);
    late.take(b"abc");
    late.lane.finish(late.now);
    late.pass(999);
    assert!(late.ends.is_empty() && late.bytes() == b"abc");
    late.pass(1);
    assert_eq!(late.ends, ["FIN"]);
}

#[test]
fn a_half_closed_sender_may_go_on_into_nothing() {
    let mut bench = whole("half_close byte=3", b"abcdef");
    assert!(bench.lane.reads());
    bench.take(b"ghi");
    bench.lane.finish(bench.now);
    bench.run();
    assert_eq!((bench.bytes(), bench.ends), (b"abc".to_vec(), vec!["FIN"]));
}

#[test]
fn chance_is_the_rules_own_and_the_same_each_time() {
    let stream: Vec<u8> = (0..100).flat_map(|n| [1, n]).collect();
    let run = |rules: &[&str]| {
        let mut bench = Bench::new(rules);
        bench.take(&stream);
        bench.bytes()
    };
    let alone = run(&["drop bytes=2 nth=1", "drop bytes=2 frame=short chance=0.3"]);
    assert_eq!(alone, run(&["drop bytes=2 nth=1", "drop bytes=2 frame=short chance=0.3"]));
    assert!((100..180).contains(&alone.len()), "{}", alone.len());
}

/// Nothing of it can be written, and the reset does not wait for that.
#[test]
fn a_reset_overtakes_what_a_stuck_receiver_does_not_take() {
    let mut bench = Bench::new(&["reset after=1s"]);
    let taken = Bytes::from_static(b"abc");
    bench.lane.take(bench.now, taken.clone());
    assert_eq!(bench.lane.poll_output(bench.now), Output::Write(taken));
    let due = Time::from_millis(1000);
    assert_eq!(bench.lane.stuck(Time::from_millis(999)), Err(Some(due)));
    let strike = bench.lane.stuck(due).unwrap();
    assert_eq!(strike.did, "RST to both here; 3 bytes were not taken");
    let mut patient = Bench::new(&["close after=1s"]);
    patient.lane.take(patient.now, Bytes::from_static(b"abc"));
    assert_eq!(patient.lane.stuck(due), Err(None), "a FIN comes after its bytes");
}

#[test]
fn a_lane_reads_no_more_than_it_may_hold() {
    let mut bench = Bench::new(&["black_hole"]);
    let mut taken = 0;
    while bench.lane.reads() {
        bench.take(&[0; 1000]);
        taken += 1000;
        assert!(taken <= ROOM + 1000);
    }
}

/// Faults about time and pieces come, change and go while bytes flow; the bytes stay what they were.
#[test]
fn not_a_byte_is_lost_when_faults_come_and_go() {
    const SHAPES: [&str; 9] = [
        "latency delay=20ms jitter=10ms",
        "latency delay=3ms chance=0.5",
        "bandwidth rate=5000",
        "bandwidth rate=0",
        "slice size=3 vary=2 gap=1ms",
        "dribble",
        "coalesce bytes=50 wait=30ms",
        "stall for=40ms",
        "black_hole",
    ];
    for seed in 0..200 {
        let mut rng = Rng::new(seed, &[]);
        let mut bench = Bench::new(&[]);
        let mut sent = Vec::new();
        for _ in 0..40 {
            match rng.below(5) {
                0 => bench.add(SHAPES[rng.below(SHAPES.len() as u64) as usize]),
                1 if !bench.rules.is_empty() => {
                    bench.lift(rng.below(bench.rules.len() as u64) as usize);
                }
                2 => bench.add(&format!("split byte={}", sent.len() as u64 + rng.below(20))),
                3 => bench.add("split nth=1 offset=1"),
                _ => {
                    let bytes: Vec<u8> = (0..rng.below(60)).map(|n| n as u8).collect();
                    if bench.lane.reads() {
                        bench.take(&bytes);
                        sent.extend(bytes);
                    }
                }
            }
            bench.pass(rng.below(30));
            assert!(sent.starts_with(&bench.bytes()), "seed {seed}");
        }
        bench.lane.finish(bench.now);
        while !bench.rules.is_empty() {
            bench.lift(0);
        }
        bench.pass(1);
        assert_eq!(bench.bytes(), sent, "seed {seed}");
        assert_eq!(bench.ends, ["FIN"], "seed {seed}");
    }
}

/// The receiver does not read, and what was to wait for that is lifted.
#[test]
fn what_was_cut_by_a_rule_that_is_lifted_does_not_wait_to_be_read() {
    for rule in ["dribble", "split byte=1"] {
        let mut bench = Bench::new(&[]);
        bench.silent = true;
        bench.add(rule);
        bench.take(b"abc");
        assert_eq!(bench.bytes(), b"a", "{rule}");
        bench.lift(0);
        assert_eq!(bench.bytes(), b"abc", "{rule}");
    }
}

#[test]
fn a_line_of_single_bytes_is_full_before_its_bytes_are_many() {
    let mut bench = Bench::new(&["latency delay=1h", "slice size=1"]);
    let mut taken = 0;
    while bench.lane.reads() {
        bench.take(&[7; 64 * 1024]);
        taken += 64 * 1024;
    }
    assert!(taken < LONG_ROOM / 64, "{taken} pieces are on the line");
}

#[test]
fn a_rule_may_count_bytes_and_time_from_when_it_came() {
    let mut bench = Bench::new(&[]);
    bench.take(b"abcd");
    bench.pass(5000);
    bench.add("corrupt mask=20 more=1");
    bench.add("close more=3");
    bench.take(b"efgh");
    assert_eq!((bench.bytes(), bench.ends), (b"abcdeFg".to_vec(), vec!["close"]));
    let mut timed = Bench::new(&[]);
    timed.pass(5000);
    timed.add("reset in=1s");
    timed.take(b"abc");
    timed.pass(999);
    assert!(timed.ends.is_empty());
    timed.pass(1);
    assert_eq!((timed.bytes(), timed.ends), (b"abc".to_vec(), vec!["reset"]));
    let mut both = Bench::new(&["latency delay=20ms in=1s after=2s"]);
    both.pass(1500);
    both.take(b"a");
    both.pass(500);
    both.take(b"b");
    both.pass(100);
    assert_eq!(both.out, [(1500, b"a".to_vec()), (2020, b"b".to_vec())]);
}

#[test]
fn a_timeout_loses_all_and_closes_in_the_end() {
    let mut bench = Bench::new(&[]);
    bench.take(b"ab");
    bench.add("timeout for=1s");
    bench.take(b"cd");
    bench.pass(999);
    assert!(bench.ends.is_empty());
    bench.pass(1);
    assert_eq!((bench.bytes(), bench.ends), (b"ab".to_vec(), vec!["close"]));
    // Until it is lifted.
    let mut open = whole("timeout", b"abc");
    assert!(open.bytes().is_empty() && open.ends.is_empty());
    open.lift(0);
    assert_eq!(open.ends, ["close"]);
    // Where nothing was lost, nothing is closed.
    let mut idle = Bench::new(&["timeout for=1s"]);
    idle.lift(0);
    idle.take(b"abc");
    assert_eq!(idle.out, [(0, b"abc".to_vec())]);
    idle.pass(2000);
    assert!(idle.ends.is_empty());
    // An end that waited for it waits no longer.
    let mut ending = Bench::new(&["timeout for=60s"]);
    ending.take(b"abc");
    ending.lane.finish(ending.now);
    ending.lift(0);
    assert_eq!(ending.ends, ["FIN", "close"]);
}

#[test]
fn a_timeout_that_is_changed_has_its_new_time() {
    let mut bench = whole("timeout for=60s", b"abc");
    bench.next += 1;
    let rule: Rule = "timeout for=1s".parse().unwrap();
    bench.rules[0] = Arc::new(Armed::new(bench.next, "f1", rule));
    bench.lane.arm(bench.now, &bench.rules);
    bench.pass(999);
    assert!(bench.ends.is_empty());
    bench.pass(1);
    assert_eq!(bench.ends, ["close"]);
}

#[test]
fn a_share_is_drawn_once_for_each_connection_and_by_name() {
    let met = |rule: &str, name: &str, seed: u64| -> Vec<u64> {
        let armed = Armed::new(seed, name, rule.parse().unwrap()).sown(seed);
        (1..=1000).filter(|nth| armed.meets(*nth, [127, 0, 0, 1].into())).collect()
    };
    let some = met("reset share=0.3", "a", 7);
    assert!((250..350).contains(&some.len()), "{}", some.len());
    assert_eq!(met("latency delay=1ms share=0.3", "a", 7), some);
    assert_ne!(met("reset share=0.3", "b", 7), some);
    assert_ne!(met("reset share=0.3", "a", 8), some);
    let more = met("reset share=0.6", "a", 7);
    assert!(some.iter().all(|nth| more.contains(nth)));
    assert!(met("reset share=0", "a", 7).is_empty());
    assert_eq!(met("reset share=1", "a", 7).len(), 1000);
}
