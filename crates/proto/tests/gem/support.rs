//! A host that asks, reads answers as SML, and hears what the equipment says.
use bytes::Bytes;
use proto::{
    Time,
    gem::{Answer, Ended, Gem, Primary, RawTool, Said, Snapshot, Tool},
    secs2::{Item, Limits},
    session::hex,
};

/// The item these bytes are.
pub(crate) fn item(bytes: &str) -> Item {
    let bytes: Bytes = hex::decode(bytes).expect("hex");
    Item::decode(&bytes, &Limits::default()).expect("sound").expect("an item")
}

/// A list.
pub(crate) fn l<const N: usize>(items: [Item; N]) -> Item {
    Item::list(items)
}

pub(crate) fn a(text: &str) -> Item {
    Item::ascii(text)
}

pub(crate) fn u4(n: u32) -> Item {
    Item::u4(n)
}

pub(crate) fn b(byte: u8) -> Item {
    Item::binary([byte])
}

/// `S2F41` as numbers.
pub(crate) fn name(text: &str) -> (u8, u8) {
    let (stream, function) = text[1..].split_once('F').expect("SxFy");
    (stream.parse().expect("a stream"), function.parse().expect("a function"))
}

/// The equipment and its host, who lets time pass.
pub(crate) struct Bench {
    pub(crate) gem: Gem,
    pub(crate) now: Time,
}

impl Bench {
    /// Equipment that nobody is connected to.
    pub(crate) fn alone(raw: RawTool) -> Self {
        Self { gem: Gem::new(Tool::new(raw).expect("a sound tool")), now: Time::default() }
    }

    /// Equipment that has established communications with its host.
    pub(crate) fn with(raw: RawTool) -> Self {
        let mut bench = Self::alone(raw);
        bench.connect();
        bench
    }

    pub(crate) fn new() -> Self {
        Self::with(RawTool::default())
    }

    /// Becomes SELECTED, and the host says S1F13.
    pub(crate) fn connect(&mut self) {
        self.gem.selected(self.now);
        let answer = self.ask("S1F13", l([]));
        assert!(answer.starts_with("S1F14 <L [2] <B 0x00>"), "{answer}");
        let _our_own_s1f13 = self.hear();
    }

    /// What the answer to a primary with W is, as SML.
    pub(crate) fn ask(&mut self, named: &str, item: impl Into<Option<Item>>) -> String {
        self.say(named, true, item.into().as_ref())
    }

    pub(crate) fn say(&mut self, named: &str, wait: bool, item: Option<&Item>) -> String {
        let (stream, function) = name(named);
        let said = Said { stream, function, wait, item: Ok(item) };
        match self.gem.primary(self.now, &said) {
            Answer::Reply { function, item: Some(item) } => format!("S{stream}F{function} {item}"),
            Answer::Reply { function, item: None } => format!("S{stream}F{function}"),
            Answer::Abort => format!("S{stream}F0"),
            Answer::Stream9(function) => format!("S9F{function}"),
            Answer::Nothing => "-".into(),
        }
    }

    pub(crate) fn prompt(&mut self, text: &str) {
        self.gem.prompt(self.now, text.parse().expect("a prompt")).expect("possible");
    }

    /// What the equipment says, unanswered.
    pub(crate) fn primaries(&mut self) -> Vec<Primary> {
        std::iter::from_fn(|| self.gem.poll(self.now)).collect()
    }

    /// What the equipment says; all of it is answered, also what it says thereupon.
    pub(crate) fn hear(&mut self) -> Vec<String> {
        let mut heard = Vec::new();
        while let Some(primary) = self.gem.poll(self.now) {
            heard.push(spelt(&primary));
            let function = primary.function + 1;
            let item = Some(match (primary.stream, primary.function) {
                (1, 13) => l([b(0), l([])]),
                (1, 1) => l([]),
                _ => b(0),
            });
            if primary.wait {
                self.gem.replied(self.now, primary.id, Ended::Reply { function, item });
            }
        }
        heard
    }

    /// Lets time pass until this many milliseconds since the start, and whatever is due happen.
    pub(crate) fn at(&mut self, ms: u64) {
        let until = Time::from_millis(ms);
        while let Some(due) = self.gem.wake_at().filter(|due| *due <= until) {
            self.now = due;
            self.gem.timeout(due);
        }
        self.now = until;
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.gem.snapshot()
    }
}

pub(crate) fn spelt(Primary { stream, function, wait, item, .. }: &Primary) -> String {
    let wait = if *wait { " W" } else { "" };
    let item = item.as_ref().map_or(String::new(), |item| format!(" {item}"));
    format!("S{stream}F{function}{wait}{item}")
}
