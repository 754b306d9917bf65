//! A journal, a file of rules, and what they make of each other: what changes in either has its effect
//! at the next step, and what is wrong with either is told once.
use std::path::PathBuf;

use proto::vkb::rules::{Effect, Engine, Numbering, Parsed, Reader, RuleProblem, parse};

use crate::journal::{JournalError, Line, Tail, Watched};

/// What to follow.
#[derive(Clone, Debug)]
pub struct Following {
    /// The directory the game writes to.
    pub journal: PathBuf,
    /// The file of rules.
    pub rules: PathBuf,
    /// Which bit a token stands for.
    pub numbering: Numbering,
}

/// Why there is nothing to follow.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The rules.
    #[error("cannot use the rules {}: {problem}", .file.display())]
    Rules {
        /// Their file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// Something a step brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An event of the game.
    Event {
        /// Its name.
        name: String,
        /// It happened before we came.
        past: bool,
        /// What the rules made of it.
        effect: Effect,
    },
    /// Rules are in force.
    Rules {
        /// How many, and how many of them are switched off.
        count: (usize, usize),
        /// What that changed at once.
        effect: Effect,
    },
    /// Something that is passed over: its file, line, rule and what is wrong.
    Trouble(String),
}

/// Rules at work on a journal.
#[derive(Debug)]
pub struct Follow {
    tail: Tail,
    rules: Watched,
    numbering: Numbering,
    reader: Reader,
    engine: Engine,
    /// To be told at the next step.
    heard: Vec<Heard>,
    /// What was told last of a directory that cannot be read.
    trouble: Option<String>,
}

impl Follow {
    /// Reads the rules. Those that are wrong are told at the first step.
    ///
    /// # Errors
    /// The directory cannot be read, or the file has no rules that could be.
    pub fn new(Following { journal, rules, numbering }: Following) -> Result<Self, FollowError> {
        let unusable = |problem| FollowError::Rules { file: rules.clone(), problem };
        let tail = Tail::new(journal)?;
        let mut watched = Watched::new(&rules);
        let text = watched.poll().unwrap_or_else(|| Err("there is no such file".to_owned()));
        let parsed = parse(&text.map_err(unusable)?, numbering);
        let parsed = parsed.map_err(|problem| unusable(problem.to_string()))?;
        let mut follow = Self {
            tail,
            rules: watched,
            numbering,
            reader: Reader::default(),
            engine: Engine::new(Default::default()),
            heard: Vec::new(),
            trouble: None,
        };
        follow.put_in_force(parsed);
        Ok(follow)
    }
    /// Looks once, at the rules and then at the game.
    pub fn step(&mut self) -> Vec<Heard> {
        if let Some(text) = self.rules.poll() {
            self.reload(text);
        }
        match self.tail.poll() {
            Ok(lines) => {
                self.trouble = None;
                lines.into_iter().for_each(|line| self.line(line));
            }
            Err(e) => {
                let trouble = Some(e.to_string());
                if self.trouble != trouble {
                    self.heard.extend(trouble.clone().map(Heard::Trouble));
                    self.trouble = trouble;
                }
            }
        }
        std::mem::take(&mut self.heard)
    }
    /// A file that is no list of rules, perhaps because it is being written, changes nothing.
    fn reload(&mut self, text: Result<String, String>) {
        let parsed = text
            .and_then(|text| parse(&text, self.numbering).map_err(|problem| problem.to_string()));
        match parsed {
            Ok(parsed) => self.put_in_force(parsed),
            Err(problem) => {
                let file = self.rules.path().display();
                let problem = format!("{file}: {problem}; the rules from before stay in force");
                self.heard.push(Heard::Trouble(problem));
            }
        }
    }
    fn put_in_force(&mut self, Parsed { rules, problems, .. }: Parsed) {
        let file = self.rules.path().display();
        let told = |problem: RuleProblem| Heard::Trouble(format!("{file}: {problem}"));
        self.heard.extend(problems.into_iter().map(told));
        let count = rules.count();
        let effect = self.engine.reload(rules);
        self.heard.push(Heard::Rules { count, effect });
    }
    fn line(&mut self, Line { source, file, number, past, text }: Line) {
        match text.and_then(|text| self.reader.read(source, &text)) {
            Ok(event) => {
                let effect = self.engine.handle(&event);
                self.heard.push(Heard::Event { name: event.name, past, effect });
            }
            Err(problem) => {
                let file = file.display();
                self.heard.push(Heard::Trouble(format!("{file}: line {number}: {problem}")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proto::vkb::rules::Bits;
    use tempfile::TempDir;

    use super::*;

    const GEAR: &str = r#"[{"title": "Gear", "when": {"all": [
        {"signal": "gear_down", "op": "eq", "value": true}
    ]}, "then": [{"vkb_set_shift": ["Shift1"]}], "else": [{"vkb_clear_shift": ["Shift1"]}]}]"#;

    struct Game(TempDir);

    impl Game {
        fn new(rules: &str) -> (Self, Follow) {
            let game = Self(tempfile::tempdir().unwrap());
            game.writes("rules.json", rules);
            let follow = Follow::new(game.following()).unwrap();
            (game, follow)
        }
        fn following(&self) -> Following {
            Following {
                journal: self.0.path().into(),
                rules: self.0.path().join("rules.json"),
                numbering: Numbering::Current,
            }
        }
        fn writes(&self, name: &str, text: &str) {
            fs::write(self.0.path().join(name), text).unwrap();
        }
        fn journal(&self, text: &str) {
            self.writes("Journal.2025-01-02T030405.01.log", text);
        }
        fn flags(&self, flags: u32) {
            self.writes("Status.json", &format!(r#"{{"event":"Status","Flags":{flags}}}"#));
        }
    }

    fn troubles(heard: &[Heard]) -> Vec<&str> {
        let troubles = heard.iter().filter_map(|heard| match heard {
            Heard::Trouble(text) => Some(text.as_str()),
            Heard::Event { .. } | Heard::Rules { .. } => None,
        });
        troubles.collect()
    }

    /// The bitmaps after the last event or change of rules.
    fn bits(heard: &[Heard]) -> Bits {
        let bits = heard.iter().rev().find_map(|heard| match heard {
            Heard::Event { effect, .. } | Heard::Rules { effect, .. } => Some(effect.bits),
            Heard::Trouble(_) => None,
        });
        bits.expect("something had an effect")
    }

    #[test]
    fn what_the_game_writes_becomes_shifts() {
        let (game, mut follow) = Game::new(GEAR);
        game.journal("{\"event\":\"Commander\",\"Name\":\"Ada\"}\n");
        game.flags(4);
        let heard = follow.step();
        assert_eq!(bits(&heard), Bits { shift: 1, subshift: 0 });
        assert!(matches!(&heard[0], Heard::Rules { count: (1, 0), .. }));
        assert!(matches!(&heard[1], Heard::Event { name, past: true, effect }
                if name == "Commander" && effect.forced));
        game.flags(0);
        let heard = follow.step();
        assert!(matches!(&heard[..], [Heard::Event { past: false, effect, .. }] if effect.changed));
        assert_eq!(bits(&heard), Bits::default());
        assert_eq!(follow.step(), []);
    }

    #[test]
    fn a_bad_line_is_told_with_its_place_and_the_next_counts() {
        let (game, mut follow) = Game::new(GEAR);
        game.journal("{\"event\":\"Music\"}\n{\"event\":\n{\"event\":\"Music\"}\n");
        let heard = follow.step();
        let [trouble] = troubles(&heard)[..] else { panic!("{heard:?}") };
        assert!(trouble.contains("T030405.01.log: line 2: not a JSON object"), "{trouble}");
        assert_eq!(heard.len(), 4);
    }

    #[test]
    fn changed_rules_are_in_force_at_the_next_step() {
        let (game, mut follow) = Game::new(GEAR);
        game.flags(4);
        follow.step();
        game.writes("rules.json", &GEAR.replace("Shift1", "Shift2"));
        game.flags(5);
        assert_eq!(bits(&follow.step()), Bits { shift: 2, subshift: 0 });
    }

    #[test]
    fn the_valid_rules_of_a_changed_file_go_on() {
        let (game, mut follow) = Game::new(GEAR);
        follow.step();
        game.writes("rules.json", &GEAR.replacen('[', "[{\"title\": \"Bad\", \"when\": 5},", 1));
        let heard = follow.step();
        let [trouble] = troubles(&heard)[..] else { panic!("{heard:?}") };
        assert!(trouble.contains("rules.json: line 1: rule `Bad`: when: must be an object"));
        assert!(matches!(heard[1], Heard::Rules { count: (1, 0), .. }));
    }

    #[test]
    fn a_file_that_is_no_list_leaves_the_rules_in_force() {
        let (game, mut follow) = Game::new(GEAR);
        follow.step();
        for broken in ["[{", "{}", ""] {
            game.writes("rules.json", broken);
            let heard = follow.step();
            assert!(troubles(&heard)[0].contains("stay in force"), "{heard:?}");
        }
        game.flags(4);
        assert_eq!(bits(&follow.step()), Bits { shift: 1, subshift: 0 });
    }

    #[test]
    fn without_rules_or_a_journal_there_is_nothing_to_follow() {
        let (game, follow) = Game::new(GEAR);
        drop(follow);
        let problem = |following| Follow::new(following).unwrap_err().to_string();
        let nowhere = Following { journal: "/no/such/place".into(), ..game.following() };
        assert!(problem(nowhere).contains("cannot read the journal directory /no/such/place"));
        let no_rules = Following { rules: "/no/such/rules".into(), ..game.following() };
        assert!(problem(no_rules).contains("/no/such/rules: there is no such file"));
        game.writes("rules.json", "[");
        assert!(problem(game.following()).contains("rules.json: line 1: not JSON"));
    }

    #[test]
    fn a_directory_that_goes_away_is_told_once() {
        let (game, mut follow) = Game::new(GEAR);
        follow.step();
        let rules = game.0.path().join("rules.json");
        fs::remove_file(rules).unwrap();
        drop(game);
        assert_eq!(troubles(&follow.step()).len(), 2, "the rules and the journal");
        assert_eq!(follow.step(), []);
    }
}
