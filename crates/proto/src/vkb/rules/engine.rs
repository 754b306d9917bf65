//! Rules at work: events in, bitmaps out. What is remembered of one commander is kept from another, and
//! a beta apart from the game.
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::Arc,
};

use lru::LruCache;
use serde::Serialize;
use serde_json::Value;

use super::{
    compare::{Missing, Truth},
    event::{JournalEvent, Source},
    first::Scene,
    rule::{Action, Rule, Rules, When},
    status::{Known, Status, at},
    tokens::Bits,
};

/// Commanders remembered; the one not heard of for longest is forgotten.
pub const MAX_COMMANDERS: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not 0");

/// What came of asking a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Match,
    /// It does not hold.
    NoMatch,
    /// It cannot be told; the rule does nothing, and what it was before it still is.
    Indeterminate {
        /// What would have to be known: a field, a signal, a word of flags.
        missing: String,
    },
}

impl From<Truth> for Outcome {
    fn from(truth: Truth) -> Self {
        match truth {
            Ok(true) => Self::Match,
            Ok(false) => Self::NoMatch,
            Err(Missing(missing)) => Self::Indeterminate { missing },
        }
    }
}

/// A rule that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Its id.
    pub rule: Arc<str>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What it did.
    pub did: Arc<[Action]>,
}

/// What came of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// The bitmaps from now on.
    #[serde(flatten)]
    pub bits: Bits,
    /// They were others before.
    pub changed: bool,
    /// A session began or ended: the bitmaps must be sent even if they are the same.
    pub forced: bool,
    /// What rules have to say.
    pub log: Vec<String>,
    /// The rules that are meant for such events, in the order of the file.
    pub asked: Vec<Asked>,
}

/// What is remembered of one commander.
#[derive(Debug, Default)]
struct Pilot {
    status: Status,
    /// Of the later format's rules: what they were last.
    held: BTreeMap<Arc<str>, bool>,
    /// Of the first format's rules: the fields they watch.
    fields: BTreeMap<Arc<str>, BTreeMap<String, Value>>,
}

/// Rules, the bitmaps they made, and what they remember.
#[derive(Debug)]
pub struct Engine {
    rules: Rules,
    bits: Bits,
    pilots: LruCache<(Option<String>, bool), Pilot>,
}

impl Engine {
    /// All shifts off, nothing remembered.
    pub fn new(rules: Rules) -> Self {
        Self { rules, bits: Bits::default(), pilots: LruCache::new(MAX_COMMANDERS) }
    }
    /// The bitmaps as they are.
    pub fn bits(&self) -> Bits {
        self.bits
    }
    /// Lets the rules see an event.
    pub fn handle(&mut self, event: &JournalEvent) -> Effect {
        let was = self.bits;
        let forced = event.is_session();
        if forced {
            self.reset();
        }
        let key = (event.commander.clone(), event.beta);
        if forced && event.name == "Shutdown" {
            // The game is gone, and its last status with it.
            self.pilots.pop(&key);
        }
        let pilot = self.pilots.get_or_insert_mut(key, Pilot::default);
        let before = pilot.status.known;
        pilot.learn(event);
        let mut effect = Effect { forced, ..Effect::default() };
        for rule in self.rules.enabled().filter(|rule| rule.is_for(event)) {
            let asked = pilot.ask(rule, event, before);
            for action in &*asked.did {
                match action {
                    Action::Set(bits) => self.bits = self.bits | *bits,
                    Action::Clear(bits) => self.bits = self.bits.without(*bits),
                    Action::Log(text) => effect.log.push(text.clone()),
                }
            }
            effect.asked.push(asked);
        }
        Effect { bits: self.bits, changed: self.bits != was, ..effect }
    }
    /// Puts other rules in force. Rules that stay as they are keep what they remember; shifts that no
    /// rule sets or clears any more go off.
    pub fn reload(&mut self, rules: Rules) -> Effect {
        let old: BTreeMap<_, _> = self.rules.enabled().map(|rule| (&*rule.id, rule)).collect();
        let same = rules.enabled().filter(|rule| old.get(&*rule.id) == Some(rule));
        let kept: BTreeSet<_> = same.map(|rule| rule.id.clone()).collect();
        for (_, pilot) in &mut self.pilots {
            pilot.held.retain(|id, _| kept.contains(id));
            pilot.fields.retain(|id, _| kept.contains(id));
        }
        let actions = rules.enabled().flat_map(|rule| rule.then.iter().chain(&*rule.otherwise));
        let in_use = actions.fold(Bits::default(), |sum, action| sum | action.bits());
        let was = self.bits;
        self.rules = rules;
        self.bits = self.bits & in_use;
        Effect { bits: self.bits, changed: self.bits != was, ..Effect::default() }
    }
    /// Takes all shifts back. Rules that hold will say so again.
    fn reset(&mut self) {
        self.bits = Bits::default();
        for (_, pilot) in &mut self.pilots {
            pilot.held.clear();
        }
    }
}

impl Rule {
    /// An event that starts or ends a session is for rules that name it; the others would only see a
    /// status from before.
    fn is_for(&self, event: &JournalEvent) -> bool {
        match &self.when {
            When::First(when) => when.is_for(event) && (when.names_events() || !event.is_session()),
            When::Third(_) => !event.is_session(),
        }
    }
}

impl Pilot {
    /// A status says everything anew. Other events may say a part, and rarely do.
    fn learn(&mut self, event: &JournalEvent) {
        let known = Known::of(&event.data);
        if event.source == Source::Dashboard {
            self.status = Status { known, entry: event.data.clone() };
        } else {
            self.status.known = known.or(self.status.known);
        }
    }
    fn ask(&mut self, rule: &Rule, event: &JournalEvent, before: Known) -> Asked {
        let id = &rule.id;
        let (truth, acts) = match &rule.when {
            When::First(when) => {
                let now = self.status.known;
                let truth = when.ask(&Scene { event, before, now, last: self.fields.get(id) });
                for path in when.watched() {
                    if let Some(value) = at(&event.data, path) {
                        let fields = self.fields.entry(id.clone()).or_default();
                        fields.insert(path.to_owned(), value.clone());
                    }
                }
                (truth, true)
            }
            When::Third(when) => {
                let truth = when.ask(&self.status);
                let turned = truth
                    .as_ref()
                    .is_ok_and(|holds| self.held.insert(id.clone(), *holds) != Some(*holds));
                (truth, turned)
            }
        };
        let did = match truth {
            Ok(true) if acts => rule.then.clone(),
            Ok(false) if acts => rule.otherwise.clone(),
            Ok(_) | Err(_) => [].into(),
        };
        Asked { rule: id.clone(), outcome: truth.into(), did }
    }
}
