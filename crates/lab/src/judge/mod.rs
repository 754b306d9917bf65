//! The verdict on a run. It sees a scenario and the record, nothing else, so it works as well on an
//! evidence file from last week.
mod expect;
mod index;
mod laws;
#[cfg(test)]
mod tape;
mod wire;

use std::fmt;

use net::Record;
use serde::Serialize;

use crate::{
    run::TARGET,
    scenario::{Conviction, Scenario},
};
use index::Index;

/// Something tried, and how it went. The worst of several is theirs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All that was expected was seen.
    Pass,
    /// The run does not show whether it would have been.
    Inconclusive,
    /// Something else was seen.
    Fail,
}

/// What a run amounts to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The worst of the findings; a pass without any.
    pub outcome: Outcome,
    /// Every reason why this is no pass.
    pub findings: Vec<Finding>,
    /// What a reader of a pass should know.
    pub notes: Vec<String>,
}

/// One reason why a run is no pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The law, or the expectation by its place in the file.
    pub rule: String,
    /// Never a pass.
    pub outcome: Outcome,
    /// What was wanted, and what was seen.
    pub text: String,
    /// The records that show it, by `seq`.
    pub records: Vec<u64>,
}

/// Judges a run by its record: the laws, then the scenario's own expectations. In the world
/// [`TARGET`] the device writes no record, and what only it could tell is a note. Who was to be
/// convicted must have been.
pub fn judge(scenario: &Scenario, world: &str, records: &[Record]) -> Verdict {
    let index = Index::new(records);
    let mut findings = laws::broken(&index);
    let convicted = scenario.convicts.as_ref().map(|wanted| convict(wanted, &mut findings));
    findings.extend(expect::unmet(scenario, world, records).into_iter().map(
        |f| match index.ended {
            Some(_) => f,
            // Of a run cut short, what is missing may still have come.
            None => Finding { outcome: Outcome::Inconclusive, ..f },
        },
    ));
    let astray = astray(&index);
    if !astray.is_empty() {
        // Whatever else was seen, it was not seen of the run that was meant.
        findings.iter_mut().for_each(|f| f.outcome = Outcome::Inconclusive);
        findings.extend(astray);
    }
    let mut notes: Vec<String> = convicted.into_iter().flatten().collect();
    notes.extend(laws::notes(&index));
    if world == TARGET {
        let unseen = scenario.unseen_of_foreign().into_iter();
        notes.extend(unseen.map(|what| format!("{what}: passed over, client-side evidence only")));
    }
    verdict(&index, findings, notes)
}

/// Judges a run by the laws alone, which hold also where a step could not be done.
pub fn judge_by_laws(records: &[Record]) -> Verdict {
    let index = Index::new(records);
    let mut findings = laws::broken(&index);
    findings.extend(astray(&index));
    verdict(&index, findings, laws::notes(&index))
}

/// Why this was not the run that was meant.
fn astray(index: &Index) -> Vec<Finding> {
    let step = index.failed_steps.first().map(|(seq, step, problem)| {
        Finding::inconclusive(format!("step {step}"), *problem, [*seq])
    });
    let deafened = index.deafened.first().map(|(seq, device, addr, detail)| {
        let text = format!("{device} could not take connections again at {addr}: {detail}");
        Finding::inconclusive("listening", text, [*seq])
    });
    step.into_iter().chain(deafened).collect()
}

/// Takes what the law found against whom it was to convict: now these are no findings, but what was
/// to be shown.
fn convict(wanted: &Conviction, findings: &mut Vec<Finding>) -> Vec<String> {
    let Conviction { client, law } = wanted;
    let its = format!("law {law}: ");
    let is_his = |f: &mut Finding| f.outcome == Outcome::Fail && f.rule.starts_with(&its);
    let found: Vec<Finding> = findings.extract_if(.., is_his).collect();
    if found.is_empty() {
        let text = format!("{client} was to be convicted by law {law} and was not");
        findings.push(Finding::fail("convicts", text, []));
    }
    let note = |Finding { rule, text, records, .. }: Finding| {
        let records: Vec<_> = records.iter().map(|seq| format!("#{seq}")).collect();
        format!("{client} is convicted, as it should be: {rule}: {text} [{}]", records.join(" "))
    };
    found.into_iter().map(note).collect()
}

fn verdict(index: &Index, mut findings: Vec<Finding>, notes: Vec<String>) -> Verdict {
    if index.lost > 0 {
        // What is missing may have been in the part that was let go.
        findings.iter_mut().for_each(|f| f.outcome = Outcome::Inconclusive);
        let text = format!("the oldest {} records were let go; keep more", index.lost);
        findings.push(Finding::inconclusive("evidence", text, []));
    }
    if let Some((before, after)) = index.torn.first() {
        // Nothing lets go of records in the middle, so this excuses nobody.
        let text = format!("record {after} follows record {before}: it is not as it was written");
        findings.push(Finding::inconclusive("evidence", text, [*before, *after]));
    }
    let outcome = findings.iter().map(|f| f.outcome).max().unwrap_or(Outcome::Pass);
    Verdict { outcome, findings, notes }
}

impl Verdict {
    /// The same, where not everything that was to go wrong had to.
    pub(crate) fn whatever_fired(mut self) -> Self {
        self.findings.retain(|f| f.rule != laws::THE_FAULT_FIRED);
        let worst = self.findings.iter().map(|f| f.outcome).max();
        Self { outcome: worst.unwrap_or(Outcome::Pass), ..self }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Fail => "FAIL",
        })
    }
}

impl Finding {
    fn fail(
        rule: impl Into<String>,
        text: impl Into<String>,
        records: impl IntoIterator<Item = u64>,
    ) -> Self {
        let records = records.into_iter().collect();
        Self { rule: rule.into(), outcome: Outcome::Fail, text: text.into(), records }
    }
    fn inconclusive(
        rule: impl Into<String>,
        text: impl Into<String>,
        records: impl IntoIterator<Item = u64>,
    ) -> Self {
        Self { outcome: Outcome::Inconclusive, ..Self::fail(rule, text, records) }
    }
}

#[cfg(test)]
mod tests {
    use super::{tape::Tape, *};

    fn scenario(expect: &str) -> Scenario {
        let text = format!(
            "name = \"x\"\ntitle = \"x\"\nprotocol = \"toggle\"\n\
             [[device]]\nname = \"lamp\"\n[[client]]\nname = \"toggler\"\ndevice = \"lamp\"\n\
             [[expect]]\n{expect}\n"
        );
        Scenario::parse("x.toml", &text).unwrap()
    }

    #[test]
    fn a_sound_run_passes_without_findings() {
        let met = scenario("connections = { device = \"lamp\", count = 1 }");
        let verdict = judge(&met, "sim", &Tape::sound().records());
        assert_eq!(verdict, Verdict { outcome: Outcome::Pass, findings: vec![], notes: vec![] });
    }

    #[test]
    fn the_laws_judge_also_without_a_scenario() {
        assert_eq!(judge_by_laws(&Tape::sound().records()).outcome, Outcome::Pass);
        let twice = Tape::sound().unended().lab(net::Event::Ended { tasks_left: 1 });
        assert_eq!(judge_by_laws(&twice.records()).outcome, Outcome::Fail);
    }

    #[test]
    fn an_unmet_expectation_fails_and_names_itself() {
        let unmet = scenario("connections = { device = \"lamp\", count = 2 }");
        let verdict = judge(&unmet, "sim", &Tape::sound().records());
        assert_eq!(verdict.outcome, Outcome::Fail);
        assert_eq!(verdict.findings[0].rule, "expect[0] connections");
    }

    #[test]
    fn a_record_without_its_beginning_convicts_nobody() {
        let unmet = scenario("connections = { device = \"lamp\", count = 2 }");
        let verdict = judge(&unmet, "sim", &Tape::sound().records()[3..]);
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
        assert!(verdict.findings.last().unwrap().text.contains("oldest 3 records"));
    }

    #[test]
    fn a_record_without_its_end_convicts_nobody_of_what_is_missing() {
        let unmet = scenario("connections = { device = \"lamp\", count = 2 }");
        let verdict = judge(&unmet, "sim", &Tape::sound().unended().records());
        assert_eq!(verdict.outcome, Outcome::Inconclusive, "{verdict:#?}");
        assert!(verdict.findings.iter().any(|f| f.rule == "expect[0] connections"));
    }

    #[test]
    fn a_record_with_a_hole_or_a_repetition_is_no_pass() {
        let met = scenario("connections = { device = \"lamp\", count = 1 }");
        let says = |records: &[Record]| {
            let verdict = judge(&met, "sim", records);
            let [ref finding] = verdict.findings[..] else { panic!("one: {verdict:#?}") };
            assert_eq!(verdict.outcome, Outcome::Inconclusive);
            finding.text.split(':').next().unwrap_or_default().to_owned()
        };
        let sound = Tape::sound().records();
        let (mut hole, mut repeated, mut swapped) = (sound.clone(), sound.clone(), sound);
        hole.remove(1);
        assert_eq!(says(&hole), "record 2 follows record 0");
        repeated.insert(1, repeated[1].clone());
        assert_eq!(says(&repeated), "record 1 follows record 1");
        swapped.swap(1, 2);
        assert_eq!(says(&swapped), "record 2 follows record 0");
    }

    #[test]
    fn a_step_that_could_not_be_done_convicts_nobody() {
        let unmet = scenario("connections = { device = \"lamp\", count = 2 }");
        let mut records = Tape::sound().records();
        let problem = "waited in vain".to_owned();
        records[0].event = net::Event::StepFailed { step: 3, problem };
        let verdict = judge(&unmet, "sim", &records);
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
        assert!(verdict.findings.iter().any(|f| f.rule == "step 3" && f.text == "waited in vain"));
    }

    #[test]
    fn a_device_that_could_not_listen_again_is_the_ports_fault() {
        let unmet = scenario("connections = { device = \"lamp\", count = 2 }");
        let mut records = Tape::sound().records();
        let (addr, detail) = (([127, 0, 0, 1], 9000).into(), "Address already in use".into());
        records[0] = net::Record {
            node: "lamp".into(),
            event: net::Event::ListenFailed { addr, detail },
            ..records[0].clone()
        };
        let verdict = judge(&unmet, "sim", &records);
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
        let told = verdict.findings.iter().find(|f| f.rule == "listening").unwrap();
        let text =
            "lamp could not take connections again at 127.0.0.1:9000: Address already in use";
        assert_eq!((told.text.as_str(), &told.records[..]), (text, &[records[0].seq][..]));
    }

    #[test]
    fn no_record_at_all_proves_nothing() {
        let met = scenario("connections = { device = \"lamp\", count = 0 }");
        assert_eq!(judge(&met, "sim", &[]).outcome, Outcome::Inconclusive);
    }

    #[test]
    fn a_million_records_are_judged_in_one_pass() {
        let met = scenario("connections = { device = \"lamp\", count = 20000 }");
        let records = Tape::many(20_000).records();
        assert_eq!(judge(&met, "sim", &records).findings, []);
    }
}
