//! The scenarios that come with the program, inside it.
use include_dir::{Dir, include_dir};

static SCENARIOS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scenarios");

/// Every shipped scenario: its path, as `scenarios/toggle/happy-path.toml`, and its text. By path.
pub fn shipped() -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&SCENARIOS, &mut found);
    found.sort();
    found
}

fn collect(dir: &Dir<'_>, found: &mut Vec<(String, String)>) {
    for file in dir.files().filter(|f| f.path().extension().is_some_and(|e| e == "toml")) {
        let path = format!("scenarios/{}", file.path().display());
        let text = file.contents_utf8().expect("we ship text");
        found.push((path, text.to_owned()));
    }
    for dir in dir.dirs() {
        collect(dir, found);
    }
}

#[cfg(test)]
mod tests {
    use proto::quirk::Mode;

    use super::*;
    use crate::scenario::{Expect, Scenario};

    fn scenarios() -> Vec<Scenario> {
        let parsed = shipped().into_iter().map(|(path, text)| {
            Scenario::parse(&path, &text).unwrap_or_else(|errors| panic!("{errors:#?}"))
        });
        parsed.collect()
    }

    #[test]
    fn every_one_is_read_and_lies_with_its_protocol() {
        let scenarios = scenarios();
        assert_eq!(scenarios.len(), shipped().len());
        for ((path, _), scenario) in shipped().iter().zip(scenarios) {
            assert_eq!(*path, format!("scenarios/{}/{}.toml", scenario.protocol, scenario.name));
        }
    }

    #[test]
    fn every_one_asks_the_far_side_or_the_record() {
        for scenario in scenarios() {
            let beyond_the_clients_word = |e: &Expect| {
                !matches!(e, Expect::Outcome(_) | Expect::Elapsed(_) | Expect::Quality(_))
            };
            let mut expects = scenario.expects.iter().map(|e| e.get_ref());
            assert!(expects.any(beyond_the_clients_word), "{}", scenario.name);
        }
    }

    #[test]
    fn their_protocols_take_their_settings_quirks_and_requests() {
        for scenario in scenarios() {
            assert_eq!(scenario.check_spoken().map(|_| ()), Ok(()));
        }
    }

    fn modes() -> Vec<(&'static str, &'static str)> {
        fn of<M: Mode>(
            protocol: &'static str,
        ) -> impl Iterator<Item = (&'static str, &'static str)> {
            M::MODES.iter().map(move |(name, _)| (protocol, *name))
        }
        of::<proto::toggle::Mode>("toggle")
            .chain(of::<proto::vkb::Mode>("vkb"))
            .chain(of::<proto::hsms::Mode>("hsms"))
            .chain(of::<proto::cync::Mode>("cync"))
            .chain(of::<proto::tazcom::Mode>("tazcom"))
            .collect()
    }

    #[test]
    fn every_mode_of_every_device_has_one() {
        // The right one is what every scenario without a quirk has.
        for (protocol, mode) in modes().into_iter().filter(|(_, mode)| *mode != "success") {
            let folder = format!("scenarios/{protocol}/");
            let its = shipped().into_iter().filter(|(path, _)| path.starts_with(&folder));
            let all: String = its.map(|(_, text)| text).collect();
            assert!(all.contains(&format!("\"{mode}")), "no scenario for {mode} of {protocol}");
        }
    }
    #[test]
    fn every_fault_of_a_proxy_has_one() {
        let all: String = shipped().into_iter().map(|(_, text)| text).collect();
        for about in net::proxy::fault::ABOUT {
            let name = about.example.split(' ').next().unwrap_or_default();
            let its = |text: &String| {
                text.contains(&format!("\"{name} ")) || text.contains(&format!("\"{name}\""))
            };
            assert!(its(&all), "no scenario for {name}");
        }
    }
}
