//! Which cases are meant: patterns of ids, `*` for any letters and `?` for one.
use super::{Case, Suite};

/// The cases of `suite` that are in one of `groups` and that one of `wanted` names, without those
/// that one of `unwanted` names. No group is all groups, and nothing wanted is everything.
///
/// # Errors
/// A group there is not, or a pattern that names no case at all, which is a mistake.
pub fn pick(
    suite: &Suite,
    groups: &[String],
    wanted: &[String],
    unwanted: &[String],
) -> Result<Vec<&'static Case>, String> {
    for name in groups {
        if !suite.groups.iter().any(|group| group.name == name) {
            let all: Vec<_> = suite.groups.iter().map(|group| group.name).collect();
            return Err(format!("no suite `{name}`; there are {}", all.join(", ")));
        }
    }
    for pattern in wanted.iter().chain(unwanted) {
        if !suite.cases().any(|case| names(pattern, case.id)) {
            return Err(format!("no case is called `{pattern}`; --list shows them all"));
        }
    }
    let any = |patterns: &[String], case: &Case| patterns.iter().any(|p| names(p, case.id));
    let meant = |case: &&'static Case| wanted.is_empty() || any(wanted, case);
    let within = |name: &str| groups.is_empty() || groups.iter().any(|group| group == name);
    let among = suite.groups.iter().filter(|group| within(group.name));
    let among = among.flat_map(|group| group.cases.iter());
    let picked: Vec<_> = among.filter(meant).filter(|case| !any(unwanted, case)).collect();
    if picked.is_empty() { Err("no case is left".into()) } else { Ok(picked) }
}

/// Whether the pattern names this id, with or without the protocol in front.
fn names(pattern: &str, id: &str) -> bool {
    let short = id.split_once('/').map_or(id, |(_, short)| short);
    glob(pattern.as_bytes(), id.as_bytes()) || glob(pattern.as_bytes(), short.as_bytes())
}

/// Greedy with one place to go back to, so no pattern takes long.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut back) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => {
                let Some((star, from)) = back else { return false };
                back = Some((star, from + 1));
                p = star + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::{super::hsms::DEVICE, *};

    #[test]
    fn stars_and_question_marks_stand_for_letters() {
        let is = |pattern: &str, text: &str| glob(pattern.as_bytes(), text.as_bytes());
        assert!(is("*", "") && is("a*c", "abbc") && is("a?c", "abc") && is("*b*", "abc"));
        assert!(is("*.1*1", "7.11.1"));
        assert!(!is("a?c", "ac") && !is("a*c", "abcd") && !is("", "a"));
        let long = "a".repeat(10_000);
        assert!(!is(&"a*".repeat(50).replace("aa", "b"), &(long + "c")[..9_000].replace('a', "b")));
    }

    #[test]
    fn cases_are_picked_by_pattern_and_left_out_by_pattern() {
        let ids = |wanted: &[&str], unwanted: &[&str]| {
            let own = |words: &[&str]| words.iter().map(|w| w.to_string()).collect::<Vec<_>>();
            pick(&DEVICE, &[], &own(wanted), &own(unwanted))
                .map(|cases| cases.iter().map(|case| case.id).collect::<Vec<_>>())
        };
        assert_eq!(ids(&[], &[]).unwrap().len(), DEVICE.cases().count());
        assert_eq!(ids(&["hsms/1.1"], &[]).unwrap(), ["hsms/1.1"]);
        assert_eq!(ids(&["2.?"], &["2.1", "*.2"]).unwrap()[0], "hsms/2.3");
        assert!(ids(&["9.9"], &[]).unwrap_err().contains("9.9"));
        assert!(ids(&[], &["nope"]).unwrap_err().contains("nope"));
        let group = |name: &str| pick(&DEVICE, &[name.into()], &["*.1".into()], &[]);
        let ids_of = |cases: Vec<&Case>| cases.iter().map(|case| case.id).collect::<Vec<_>>();
        assert_eq!(ids_of(group("timers").unwrap()), ["hsms/7.1"]);
        assert!(group("nope").unwrap_err().contains("no suite `nope`; there are select"));
        assert_eq!(ids(&["1.1"], &["1.*"]).unwrap_err(), "no case is left");
    }
}
