//! The HTML report as a person uses it, in a real browser.
use crate::{scenario::*, tools::lacks, webdriver::Browser};

const ENTER: &str = "\u{e007}";

/// A page on a lamp that says it is on and is not, and on some that behave better.
fn page() -> Dir {
    let dir = Dir::new();
    let lies = scenario("lying-lamp", "quirks = [\"lie\"]", ASK, &[IS_OK, APPLIED].concat());
    let lies = lies.replace("A test", "A command that is answered has been applied.");
    let lies = dir.write("lying-lamp", &lies);
    let others = ["late-answer", "reset-after-reading", "many-commands", "works"];
    let ran = dir.run(&[&[&*lies], &others[..], &["--html", "page.html"]].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    dir
}

#[test]
fn a_person_clicks_from_the_matrix_to_the_bytes_and_to_the_record() {
    if lacks(&["chromium", "chromedriver"], "chromium chromium-driver") {
        return;
    }
    let dir = page();
    let browser = Browser::start(1180, 860);
    browser.open(&dir.path().join("page.html"));
    let section = browser.find("#c1");
    assert_eq!(browser.attribute(&section, "open"), None);

    browser.click(&browser.find("#matrix a.cell.fail"));
    assert_eq!(browser.attribute(&section, "open").as_deref(), Some("true"));
    assert!(browser.text(&section).contains("wanted D1 set 1 times at lamp, saw 0"));

    let panel = browser.find("#c1 .panel");
    assert!(!browser.is_shown(&panel));
    let arrow = browser.find("#c1 g.arrow.bytes");
    browser.click(&arrow);
    let told = browser.text(&panel);
    assert!(told.contains("toggle (") && told.contains("0000  f0 0d 01 00 00 00"), "{told}");
    assert_eq!(browser.attribute(&arrow, "aria-pressed").as_deref(), Some("true"));

    let width = || {
        let drawn = browser.attribute(&browser.find("#c1 svg.sequence"), "width");
        drawn.expect("a width").parse::<f64>().expect("a number")
    };
    let before = width();
    browser.click(&browser.find("#c1 [data-zoom=in]"));
    let closer = width();
    assert!((closer / before - 1.25).abs() < 0.01, "{before} to {closer}");
    browser.wheel(&browser.find("#c1 .drawing"));
    assert!(width() > closer * 1.2, "{closer} to {}", width());
    browser.click(&browser.find("#c1 [data-zoom=whole]"));
    assert!((width() - before).abs() < 1.0);
    picture(&browser);

    browser.click(&browser.find("#c1 .panel a"));
    let record = browser.evaluate("return location.hash").as_str().expect("a place").to_owned();
    assert!(browser.is_shown(&browser.find(&record)), "{record}");
    assert_eq!(browser.complaints(), serde_json::json!([]));
}

#[test]
fn a_person_without_a_mouse_gets_there_too() {
    if lacks(&["chromium", "chromedriver"], "chromium chromium-driver") {
        return;
    }
    let dir = page();
    let browser = Browser::start(1180, 860);
    browser.open(&dir.path().join("page.html"));
    browser.press(&browser.find("#matrix a[href='#c2']"), ENTER);
    assert_eq!(browser.evaluate("return document.activeElement.id"), "c2");
    browser.press(&browser.find("#c2 g.arrow.dial"), ENTER);
    assert!(browser.text(&browser.find("#c2 .panel")).contains("connect #1"));
    let width = || browser.attribute(&browser.find("#c2 svg.sequence"), "width");
    let before = width();
    browser.press(&browser.find("#c2 .drawing"), "+");
    assert!(width() != before, "{before:?}");

    let paper = || browser.evaluate("return getComputedStyle(document.body).backgroundColor");
    let light = paper();
    browser.click(&browser.find("#theme"));
    assert!(paper() != light, "{light}");
    let rows = "return [...document.querySelectorAll('#matrix tbody tr')]\
                .filter((row) => row.offsetHeight > 0).length";
    assert_eq!(browser.evaluate(rows), 5);
    browser.click(&browser.find("#only"));
    assert_eq!(browser.evaluate(rows), 1);
    assert_eq!(browser.complaints(), serde_json::json!([]));
}

/// What is to be seen is kept where the environment says.
fn picture(browser: &Browser) {
    browser.evaluate("document.querySelector('#c1 .figure').scrollIntoView({ block: 'end' })");
    let png = browser.screenshot();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() > 10_000, "{} bytes", png.len());
    if let Some(path) = std::env::var_os("WIRELAB_SCREENSHOT") {
        std::fs::write(path, png).unwrap();
    }
}
