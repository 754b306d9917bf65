//! What the file shows, and that nothing in it is more than text.
use super::{played as played_page, *};
use crate::{
    judge::Verdict,
    report::tests::{cases, late, played},
};

fn began() -> Timestamp {
    "2026-11-21T07:36:14.605Z".parse().unwrap()
}

fn page(records: &[Record]) -> String {
    let mut html = Html::default();
    for case in cases() {
        html.add(&case, began(), records);
    }
    html.finish("a report")
}

#[test]
fn a_case_is_shown_whole() {
    let (case, records) = (&cases()[1], late());
    insta::assert_snapshot!(played_page(2, case, began(), &records));
}

#[test]
fn cases_are_rows_and_what_was_judged_is_columns() {
    let text = page(&late());
    for piece in [
        "<th scope=\"col\">case</th><th scope=\"col\">sim</th><th scope=\"col\">tcp</th>",
        "<td><a class=\"cell pass\" href=\"#c1\" aria-label=\"toggle/happy-path, sim: PASS\">PASS</a></td><td></td>",
        "<td></td><td><a class=\"cell fail\" href=\"#c2\"",
        "<b>1</b> FAIL",
    ] {
        assert!(text.contains(piece), "{piece}: {text}");
    }
}

#[test]
fn several_seeds_of_a_world_are_several_columns() {
    let mut html = Html::default();
    let mut case = cases().remove(0);
    for seed in [1, 2] {
        case.seed = seed;
        html.add(&case, began(), &[]);
    }
    let text = html.finish("x");
    assert!(text.contains("<th scope=\"col\">sim 1</th><th scope=\"col\">sim 2</th>"), "{text}");
}

#[test]
fn what_others_were_judged_by_has_a_column_each() {
    let judged = include_bytes!("probed.json");
    let probed = Probed::read(judged).unwrap();
    let mut html = Html::default();
    html.add_probed("one", &probed);
    html.add_probed("another", &probed);
    let text = html.finish("x");
    assert!(text.contains("<th scope=\"col\">one</th><th scope=\"col\">another</th>"), "{text}");
    assert!(text.contains("aria-label=\"hsms/5.1, one: FAIL\""), "{text}");
    assert!(text.contains("<b>2</b> NON-STRICT"), "{text}");
    assert!(text.contains("seen: said nothing and stayed"), "{text}");
    assert!(text.contains("14 bytes"), "{text}");
}

#[test]
fn findings_lead_to_the_records_they_cite() {
    let text = page(&late());
    assert!(text.contains("<a href=\"#c2r7\">#7</a> <a href=\"#c2r19\">#19</a>"), "{text}");
    assert!(text.contains("<tr id=\"c2r7\" class=\"cited\">"), "{text}");
}

#[test]
fn it_needs_nothing_from_anywhere() {
    let text = page(&late());
    for outside in ["http:", "https:", "//", "src=", "@import", "url("] {
        let at = text.replace("// ", "").find(outside);
        assert_eq!(at, None, "{outside}");
    }
}

#[test]
fn what_peers_and_scenarios_say_is_only_text() {
    const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\"'\u{202e}\u{7}";
    let mut records = late();
    for record in &mut records {
        record.node =
            if record.node.starts_with("lamp") { "<b>lamp".into() } else { record.node.clone() };
        if let net::Event::ConnectFailed { detail, .. } | net::Event::AttemptFailed { detail, .. } =
            &mut record.event
        {
            *detail = HOSTILE.into();
        }
        if let net::Event::Frame { kind, .. } = &mut record.event {
            *kind = HOSTILE.into();
        }
    }
    let mut case = cases().remove(1);
    (case.scenario, case.title, case.world) = (HOSTILE.into(), HOSTILE.into(), HOSTILE.into());
    case.replay = HOSTILE.into();
    case.verdict.findings[0].text = HOSTILE.into();
    case.verdict.notes = vec![HOSTILE.into()];
    let mut html = Html::default();
    html.add(&case, began(), &records);
    let text = html.finish(HOSTILE);
    assert!(!text.contains("<img") && !text.contains("<b>lamp"), "{text}");
    assert_eq!(text.matches("</script>").count(), 1);
}

#[test]
fn equal_records_give_equal_reports() {
    assert_eq!(page(&played("works")), page(&played("works")));
}

#[test]
fn a_long_run_is_cut_and_says_so() {
    let records = played("many-commands");
    let text = played_page(1, &cases()[0], began(), &records);
    assert!(text.contains("records are left out here"), "{text}");
    assert!(text.contains("moments are left out of the drawing"));
    assert!(text.len() < 1 << 20, "{}", text.len());
}

#[test]
fn of_many_cases_that_pass_only_some_are_shown_in_full() {
    let mut html = Html::default();
    let mut case = cases().remove(0);
    for n in 0..IN_FULL + 3 {
        case.scenario = format!("case-{n}");
        html.add(&case, began(), &[]);
    }
    case.verdict = Verdict { outcome: Outcome::Fail, ..case.verdict };
    html.add(&case, began(), &[]);
    let text = html.finish("x");
    assert!(text.contains("3 cases that pass are not shown in full"));
    assert!(text.contains(&format!("id=\"c{}\"", IN_FULL + 1)));
}

#[test]
fn nothing_played_is_a_page_too() {
    assert!(Html::default().finish("x").contains("No request succeeded"));
}
