//! What rule the pauses between a client's attempts follow: where they begin, how they grow, where
//! they stop growing, how much of them is chance. A pure function of the pauses.
use std::time::Duration;

use serde::Serialize;

/// Whoever comes again sooner than this does not wait at all.
pub const HOT: Duration = Duration::from_millis(10);
/// The growths that are tried; people choose round ones.
const FACTORS: [f64; 7] = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 10.0];
/// A rule that is further off than this part of a pause is none.
const LOOSE: f64 = 0.6;
/// A cap must explain more than this, or there is none.
const CAP_MUST_GAIN: f64 = 0.05;

/// One pause, and whether the attempt before it had been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// How long it was.
    pub length: Duration,
    /// Whether things had gone well before it.
    pub after_success: bool,
}

/// The rule, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// What they are like.
    pub shape: Shape,
    /// The pauses.
    pub gaps_ms: Vec<f64>,
    /// The first of a series, without chance.
    pub base_ms: f64,
    /// What each is to the one before.
    pub factor: f64,
    /// What none is above, if they stop growing.
    pub cap_ms: Option<f64>,
    /// The most that any is above the rule.
    pub jitter_ms: f64,
    /// Whether they begin anew after a success, if that can be told.
    pub resets: Option<bool>,
}

/// What pauses are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Some are none at all.
    HotLoop,
    /// There is only one, which shows no rule.
    Single,
    /// All alike.
    Constant,
    /// Each longer than the one before, up to the cap.
    Growing,
    /// By no rule that would be known.
    Irregular,
}

/// The rule that these pauses follow; none without pauses.
pub fn fit(pauses: &[Pause]) -> Option<Fit> {
    let gaps: Vec<f64> = pauses.iter().map(|p| p.length.as_secs_f64() * 1000.0).collect();
    let first = *gaps.first()?;
    // Only the longest series tells how they grow; after a success another may begin.
    let series = longest(pauses, &gaps);
    let rule = rule(series);
    let shape = if pauses.iter().any(|pause| pause.length < HOT) {
        Shape::HotLoop
    } else if gaps.len() == 1 {
        Shape::Single
    } else if rule.off > LOOSE {
        Shape::Irregular
    } else if rule.factor > 1.0 {
        Shape::Growing
    } else {
        Shape::Constant
    };
    let resets = resets(pauses, &gaps, first);
    let Rule { base, factor, cap, jitter, .. } = rule;
    Some(Fit {
        shape,
        gaps_ms: gaps,
        base_ms: base,
        factor,
        cap_ms: cap,
        jitter_ms: jitter,
        resets,
    })
}

fn longest<'a>(pauses: &[Pause], gaps: &'a [f64]) -> &'a [f64] {
    let begins = |n: &usize| *n == 0 || pauses[*n].after_success;
    let starts: Vec<usize> = (0..gaps.len()).filter(begins).collect();
    let ends = starts.iter().skip(1).copied().chain([gaps.len()]);
    let series = starts.iter().zip(ends).map(|(from, to)| &gaps[*from..to]);
    series.max_by_key(|series| series.len()).unwrap_or_default()
}

fn resets(pauses: &[Pause], gaps: &[f64], first: f64) -> Option<bool> {
    let grown = |n: usize| gaps[..n].iter().any(|gap| *gap > first * 1.4);
    let mut told = (1..gaps.len()).filter(|n| pauses[*n].after_success && grown(*n)).peekable();
    told.peek()?;
    Some(told.all(|n| gaps[n] <= first * 1.4))
}

#[derive(Clone, Copy)]
struct Rule {
    base: f64,
    factor: f64,
    cap: Option<f64>,
    jitter: f64,
    /// The most any pause is above the rule, as a part of what the rule says.
    off: f64,
}

/// The rule that explains most.
fn rule(gaps: &[f64]) -> Rule {
    let uncapped = FACTORS.map(|factor| tried(gaps, factor, 0));
    let best = uncapped.into_iter().reduce(better).expect("there are factors");
    let capped = FACTORS.iter().skip(1).flat_map(|factor| {
        (2..gaps.len().saturating_sub(1)).map(|flat| tried(gaps, *factor, flat))
    });
    match capped.reduce(better) {
        Some(capped) if capped.off + CAP_MUST_GAIN < best.off => capped,
        Some(_) | None => best,
    }
}

fn better(a: Rule, b: Rule) -> Rule {
    if b.off < a.off { b } else { a }
}

/// The rule with this growth and so many pauses at the cap, and how well it explains them.
fn tried(gaps: &[f64], factor: f64, flat: usize) -> Rule {
    let grown: Vec<f64> = (0..gaps.len() as i32).map(|n| factor.powi(n)).collect();
    let (growing, level) = gaps.split_at(gaps.len() - flat);
    let least = |all: &mut dyn Iterator<Item = f64>| all.fold(f64::INFINITY, f64::min);
    let base = least(&mut growing.iter().zip(&grown).map(|(gap, grown)| gap / grown)).max(0.001);
    let cap = (flat > 0).then(|| least(&mut level.iter().copied()));
    let says = |n: usize| cap.filter(|_| n >= growing.len()).unwrap_or(base * grown[n]);
    let over = |n: usize| gaps[n] - says(n);
    let jitter = (0..gaps.len()).map(over).fold(0.0, f64::max);
    let mut off = (0..gaps.len()).map(|n| over(n) / says(n).max(0.001)).fold(0.0, f64::max);
    // A cap below what came before it, or above what would have come, is none.
    if cap.is_some_and(|cap| cap > base * grown[growing.len()] * 1.1) {
        off = f64::INFINITY;
    }
    Rule { base, factor, cap, jitter, off }
}

impl std::fmt::Display for Fit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { shape, gaps_ms, base_ms, factor, cap_ms, jitter_ms, resets } = self;
        let gaps: Vec<_> = gaps_ms.iter().map(|gap| format!("{gap:.0}")).collect();
        write!(f, "{} ms: ", gaps.join(", "))?;
        match shape {
            Shape::HotLoop => return f.write_str("a hot loop"),
            Shape::Single => f.write_str("a single pause")?,
            Shape::Constant => write!(f, "always {base_ms:.0} ms and up to {jitter_ms:.0} more")?,
            Shape::Growing => {
                write!(f, "{base_ms:.0} ms times {factor} each time, up to {jitter_ms:.0} more")?;
            }
            Shape::Irregular => f.write_str("by no rule")?,
        }
        if let Some(cap) = cap_ms {
            write!(f, ", at most {cap:.0}")?;
        }
        match resets {
            Some(true) => f.write_str("; anew after a success"),
            Some(false) => f.write_str("; not anew after a success"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(gaps: &[u64]) -> Vec<Pause> {
        let pause = |ms: &u64| Pause { length: Duration::from_millis(*ms), after_success: false };
        gaps.iter().map(pause).collect()
    }
    fn fitted(gaps: &[u64]) -> Fit {
        fit(&pauses(gaps)).unwrap()
    }

    #[test]
    fn doubling_with_a_little_chance_is_told() {
        let fit = fitted(&[300, 550, 1050, 2090]);
        assert_eq!((fit.shape, fit.factor, fit.cap_ms), (Shape::Growing, 2.0, None));
        assert!((250.0..=275.0).contains(&fit.base_ms) && fit.jitter_ms <= 100.0, "{fit:?}");
    }

    #[test]
    fn a_cap_is_told() {
        let fit = fitted(&[100, 200, 400, 500, 500, 510]);
        assert_eq!((fit.shape, fit.factor, fit.cap_ms), (Shape::Growing, 2.0, Some(500.0)));
        assert!((fit.base_ms - 100.0).abs() < 1.0 && fit.jitter_ms < 11.0, "{fit:?}");
    }

    #[test]
    fn pauses_alike_are_constant_and_one_is_no_rule() {
        let fit = fitted(&[1000, 1020, 1007]);
        assert_eq!((fit.shape, fit.factor, fit.base_ms), (Shape::Constant, 1.0, 1000.0));
        assert!((fit.jitter_ms - 20.0).abs() < 0.1, "{fit:?}");
        assert_eq!(fitted(&[270]).shape, Shape::Single);
        assert_eq!(super::fit(&[]), None);
    }

    #[test]
    fn whoever_does_not_wait_loops_hot() {
        assert_eq!(fitted(&[250, 9, 1000]).shape, Shape::HotLoop);
        assert_eq!(fitted(&[10, 10, 10]).shape, Shape::Constant);
        assert!(fitted(&[0, 0]).to_string().contains("hot loop"));
    }

    #[test]
    fn chance_alone_is_no_rule() {
        assert_eq!(fitted(&[900, 40, 310, 1500, 80]).shape, Shape::Irregular);
    }

    #[test]
    fn a_series_may_begin_anew_after_a_success_or_not() {
        let mut anew = pauses(&[100, 200, 400, 100, 200]);
        anew[3].after_success = true;
        let fit = super::fit(&anew).unwrap();
        assert_eq!((fit.resets, fit.factor, fit.shape), (Some(true), 2.0, Shape::Growing));
        let mut on = pauses(&[100, 200, 400, 800, 1600]);
        on[3].after_success = true;
        assert_eq!(super::fit(&on).unwrap().resets, Some(false));
        assert_eq!(fitted(&[100, 200]).resets, None);
    }
}
