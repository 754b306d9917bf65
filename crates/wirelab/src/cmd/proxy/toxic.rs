//! Toxics, as toxiproxy has them, to rules and back: a toxic is a rule of a certain shape, so that both
//! kinds of clients see the same faults.
use std::collections::BTreeMap;

use net::proxy::{Fault, Lanes, Place, Rule};
use proto::Span;
use serde::Serialize;
use serde_json::{Map, Value};

use super::house::{Refusal, Shown};

/// A toxic's attributes: whole numbers, all of them. What is not given is 0.
pub(super) type Attributes = BTreeMap<String, u64>;

/// Every type, and its attributes.
const TYPES: &[(&str, &[&str])] = &[
    ("latency", &["latency", "jitter"]),
    ("bandwidth", &["rate"]),
    ("slow_close", &["delay"]),
    ("timeout", &["timeout"]),
    ("reset_peer", &["timeout"]),
    ("slicer", &["average_size", "size_variation", "delay"]),
    ("limit_data", &["bytes"]),
];
/// No attribute is larger: of milliseconds, that is some thirty years.
const MOST: u64 = 1_000_000_000_000;

/// A toxic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Toxic {
    pub(super) name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    stream: &'static str,
    pub(super) toxicity: f64,
    attributes: Attributes,
}

impl Toxic {
    /// Reads a request for a new one.
    ///
    /// # Errors
    /// What makes no sense, in toxiproxy's words where it has any.
    pub(super) fn read(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let word = |key: &str| match body.get(key) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(&**text),
            Some(_) => Err(Refusal::wrong(format!("bad request body: `{key}` is no text"))),
        };
        let stream = match word("stream")?.to_lowercase().as_str() {
            "" | "downstream" => "downstream",
            "upstream" => "upstream",
            _ => {
                let problem = "stream was invalid, can be either upstream or downstream";
                return Err(Refusal::wrong(problem));
            }
        };
        let asked = word("type")?;
        let Some((kind, keys)) = TYPES.iter().find(|(kind, _)| *kind == asked) else {
            let all: Vec<_> = TYPES.iter().map(|(kind, _)| *kind).collect();
            let problem = format!("invalid toxic type: no `{asked}`; there are {}", all.join(", "));
            return Err(Refusal::wrong(problem));
        };
        let name = match word("name")? {
            "" => format!("{kind}_{stream}"),
            name => name.to_owned(),
        };
        let attributes = keys.iter().map(|key| ((*key).to_owned(), 0)).collect();
        Self { name, kind, stream, toxicity: 1.0, attributes }.with(body)
    }
    /// The same with what this request says of attributes and toxicity.
    ///
    /// # Errors
    /// What makes no sense.
    pub(super) fn with(mut self, body: &Map<String, Value>) -> Result<Self, Refusal> {
        match body.get("toxicity") {
            None | Some(Value::Null) => {}
            Some(given) => {
                let share = given.as_f64().filter(|share| (0.0..=1.0).contains(share));
                let wrong = || Refusal::wrong("bad request body: toxicity must be from 0 to 1");
                self.toxicity = share.ok_or_else(wrong)?;
            }
        }
        let given = match body.get("attributes") {
            None | Some(Value::Null) => return Ok(self),
            Some(Value::Object(given)) => given,
            Some(_) => return Err(Refusal::wrong("bad request body: attributes are a table")),
        };
        for (key, value) in given {
            let Some(slot) = self.attributes.get_mut(key) else {
                let all: Vec<_> = self.attributes.keys().cloned().collect();
                let problem = format!(
                    "bad request body: {} has no attribute `{key}`; there is {}",
                    self.kind,
                    all.join(", ")
                );
                return Err(Refusal::wrong(problem));
            };
            // A whole number may be written 5.0 by those who know no others.
            let whole =
                |v: f64| (v >= 0.0 && v.fract() == 0.0 && v <= MOST as f64).then_some(v as u64);
            let value = value.as_u64().or_else(|| value.as_f64().and_then(whole));
            *slot = value.filter(|value| *value <= MOST).ok_or_else(|| {
                let problem = format!("must be a whole number from 0 to {MOST}");
                Refusal::wrong(format!("bad request body: {key} {problem}"))
            })?;
        }
        Ok(self)
    }
    /// The rule that does what it does.
    ///
    /// # Errors
    /// Its numbers do not fit together.
    pub(super) fn rule(&self) -> Result<Rule, Refusal> {
        let of = |key: &str| self.attributes.get(key).copied().unwrap_or_default();
        let ms = |key: &str| Span::millis(of(key));
        let size = |key: &str| u32::try_from(of(key)).unwrap_or(u32::MAX);
        let mut place = Place {
            name: Some(self.name.clone()),
            lane: Some(if self.stream == "upstream" { Lanes::Up } else { Lanes::Down }),
            share: (self.toxicity < 1.0).then_some(self.toxicity),
            ..Place::default()
        };
        let fault = match self.kind {
            "latency" => Fault::Latency {
                delay: ms("latency"),
                jitter: ms("jitter"),
                shape: Default::default(),
            },
            // Of a thousand bytes, as toxiproxy counts them.
            "bandwidth" => Fault::Bandwidth { rate: of("rate") * 1000, shared: false },
            "slow_close" => Fault::DelayFin { delay: ms("delay") },
            "timeout" => Fault::Timeout { time: Some(ms("timeout")).filter(|t| !t.0.is_zero()) },
            "reset_peer" => {
                place.later = Some(ms("timeout"));
                Fault::Reset {}
            }
            "slicer" => Fault::Slice {
                size: size("average_size"),
                vary: size("size_variation"),
                gap: Span(std::time::Duration::from_micros(of("delay"))),
            },
            _ => {
                place.more = Some(of("bytes"));
                Fault::Close {}
            }
        };
        Rule::new(fault, place).map_err(|e| {
            let (key, problem) = match e.key.as_str() {
                "size" => ("average_size", e.problem),
                "vary" => ("size_variation", "must be less than average_size".to_owned()),
                key => (key, e.problem),
            };
            Refusal::wrong(format!("bad request body: {key} {problem}"))
        })
    }
    /// The toxic this fault is, if it is one.
    pub(super) fn of(shown: &Shown) -> Option<Self> {
        let Rule { fault, place } = &shown.table;
        let ms = |span: Span| u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX);
        let (kind, values) = match fault {
            Fault::Latency { delay, jitter, .. } => ("latency", vec![ms(*delay), ms(*jitter)]),
            Fault::Bandwidth { rate, .. } => ("bandwidth", vec![rate / 1000]),
            Fault::DelayFin { delay } => ("slow_close", vec![ms(*delay)]),
            Fault::Timeout { time } => ("timeout", vec![time.map_or(0, ms)]),
            Fault::Reset {} => ("reset_peer", vec![ms(place.later?)]),
            Fault::Slice { size, vary, gap } => {
                let us = u64::try_from(gap.0.as_micros()).ok()?;
                ("slicer", vec![u64::from(*size), u64::from(*vary), us])
            }
            Fault::Close {} => ("limit_data", vec![place.more?]),
            _ => return None,
        };
        let (kind, keys) = TYPES.iter().find(|(name, _)| *name == kind)?;
        let stream = match place.lane? {
            Lanes::Up => "upstream",
            Lanes::Down => "downstream",
            Lanes::Both => return None,
        };
        let attributes = keys.iter().map(|key| (*key).to_owned()).zip(values).collect();
        let toxicity = place.share.unwrap_or(1.0);
        let toxic = Self { name: shown.name.clone(), kind, stream, toxicity, attributes };
        // A rule that says more than a toxic can is none.
        toxic.rule().is_ok_and(|rule| rule == shown.table).then_some(toxic)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<Toxic, String> {
        let Value::Object(body) = body else { panic!("a table") };
        let toxic = Toxic::read(&body).and_then(|toxic| toxic.rule().map(|_| toxic));
        toxic.map_err(|refusal| refusal.problem)
    }

    #[test]
    fn every_toxic_is_a_rule_and_comes_back_as_it_was_put() {
        for (kind, attributes, line) in [
            ("latency", json!({"latency": 100, "jitter": 7}), "latency delay=100ms jitter=7ms"),
            ("bandwidth", json!({"rate": 50}), "bandwidth rate=50000"),
            ("slow_close", json!({"delay": 90}), "delay_fin delay=90ms"),
            ("timeout", json!({"timeout": 0}), "timeout"),
            ("timeout", json!({"timeout": 1500}), "timeout for=1.5s"),
            ("reset_peer", json!({"timeout": 20}), "reset in=20ms"),
            (
                "slicer",
                json!({"average_size": 64, "size_variation": 32, "delay": 10}),
                "slice size=64 vary=32 gap=10us",
            ),
            ("limit_data", json!({"bytes": 100}), "close more=100"),
        ] {
            let body = json!({"type": kind, "stream": "upstream", "toxicity": 0.5, "attributes": attributes});
            let toxic = read(body).unwrap();
            let mut wanted: Rule =
                format!("{line} lane=up share=0.5 name={kind}_upstream").parse().unwrap();
            assert_eq!(toxic.rule().unwrap(), wanted, "{kind}");
            let shown = |rule: &Rule| Shown::of(&format!("{kind}_upstream"), rule);
            assert_eq!(Toxic::of(&shown(&wanted)), Some(toxic.clone()), "{kind}");
            assert_eq!(serde_json::to_value(&toxic).unwrap()["attributes"], attributes);
            wanted.place.conn = Some(1);
            assert_eq!(Toxic::of(&shown(&wanted)), None, "{kind} on one connection");
        }
    }

    #[test]
    fn what_is_not_said_is_as_toxiproxy_has_it() {
        let toxic = read(json!({"type": "latency"})).unwrap();
        let wanted = json!({"name": "latency_downstream", "type": "latency", "stream": "downstream",
            "toxicity": 1.0, "attributes": {"latency": 0, "jitter": 0}});
        assert_eq!(serde_json::to_value(&toxic).unwrap(), wanted);
        let change = json!({"attributes": {"jitter": 5}, "toxicity": 0.25});
        let changed = toxic.with(change.as_object().unwrap()).unwrap();
        let wanted = json!({"latency": 0, "jitter": 5});
        assert_eq!(serde_json::to_value(changed.attributes).unwrap(), wanted);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (body, why) in [
            (json!({"type": "wobble"}), "invalid toxic type: no `wobble`; there are latency"),
            (json!({"type": "latency", "stream": "sideways"}), "stream was invalid"),
            (json!({"type": "bandwidth", "attributes": {"rate": -1}}), "rate must be a whole"),
            (json!({"type": "latency", "attributes": {"delay": 1}}), "no attribute `delay`"),
            (json!({"type": "latency", "attributes": {"latency": 1e15}}), "from 0 to"),
            (json!({"type": "latency", "toxicity": 2}), "toxicity must be"),
            (json!({"type": "slicer"}), "average_size must be more than 0"),
            (
                json!({"type": "slicer", "attributes": {"average_size": 1, "size_variation": 1}}),
                "size_variation must be less",
            ),
            (json!({"type": "latency", "name": "a/b"}), "name must be"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
