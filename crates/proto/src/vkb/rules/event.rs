//! Events of the game: one line of its journal, or its status.
use std::str::FromStr;

use serde_json::{Map, Value};

/// Where an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A line of the journal.
    Journal,
    /// `Status.json`.
    Dashboard,
    /// Frontier's companion API: the commander.
    Capi,
    /// The companion API: a shipyard.
    CapiShipyard,
    /// The companion API: an outfitter.
    CapiOutfitting,
    /// The companion API: a fleet carrier.
    CapiFleetcarrier,
}

impl Source {
    /// All by their names in rules.
    pub const ALL: [(&'static str, Self); 6] = [
        ("journal", Self::Journal),
        ("dashboard", Self::Dashboard),
        ("capi", Self::Capi),
        ("capi_shipyard", Self::CapiShipyard),
        ("capi_outfitting", Self::CapiOutfitting),
        ("capi_fleetcarrier", Self::CapiFleetcarrier),
    ];
}

impl FromStr for Source {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text);
        let names = Self::ALL.map(|(name, _)| name).join(", ");
        found
            .map(|(_, source)| source)
            .ok_or_else(|| format!("no source `{text}`; there are {names} and any"))
    }
}

/// An event, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalEvent {
    /// Where it comes from.
    pub source: Source,
    /// Its name: `FSDJump`, `Status`.
    pub name: String,
    /// The commander, once one is known.
    pub commander: Option<String>,
    /// The game is a beta.
    pub beta: bool,
    /// All it says.
    pub data: Map<String, Value>,
}

impl JournalEvent {
    /// It starts or ends a session of the game, which takes all shifts back.
    pub fn is_session(&self) -> bool {
        self.source == Source::Journal
            && matches!(self.name.as_str(), "Commander" | "LoadGame" | "Shutdown")
    }
}

/// Reads lines in their order and remembers whose they are: the status does not say.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    commander: Option<String>,
    beta: bool,
}

impl Reader {
    /// The event a line holds.
    ///
    /// # Errors
    /// It is not JSON, or not an event.
    pub fn read(&mut self, source: Source, line: &str) -> Result<JournalEvent, String> {
        let data: Map<String, Value> = serde_json::from_str(line.trim_start_matches('\u{feff}'))
            .map_err(|e| format!("not a JSON object: {e}"))?;
        let name = data.get("event").and_then(Value::as_str);
        let name = name.ok_or("it has no `event` that names it")?.to_owned();
        if source == Source::Journal {
            self.learn(&name, &data);
        }
        Ok(JournalEvent { source, name, commander: self.commander.clone(), beta: self.beta, data })
    }
    fn learn(&mut self, name: &str, data: &Map<String, Value>) {
        let text = |key| data.get(key).and_then(Value::as_str).map(str::to_owned);
        match name {
            "Fileheader" => {
                let version = text("gameversion").unwrap_or_default().to_lowercase();
                self.beta = version.contains("beta") || version.contains("alpha");
                // Later parts of a long journal go on where the one before stopped.
                if data.get("part").and_then(Value::as_u64).unwrap_or(1) == 1 {
                    self.commander = None;
                }
            }
            "Commander" => self.commander = text("Name"),
            "LoadGame" => self.commander = text("Commander"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_says_whose_the_status_is() {
        let mut reader = Reader::default();
        let mut read = |source, line| {
            let event = reader.read(source, line).unwrap();
            (event.commander, event.beta)
        };
        let status = r#"{"event":"Status","Flags":0}"#;
        assert_eq!(read(Source::Dashboard, status), (None, false));
        let head = r#"{"event":"Fileheader","part":1,"gameversion":"4.0.0.1 Beta 2"}"#;
        assert_eq!(read(Source::Journal, head), (None, true));
        let commander = r#"{"event":"Commander","Name":"Ada"}"#;
        assert_eq!(read(Source::Journal, commander), (Some("Ada".into()), true));
        assert_eq!(read(Source::Dashboard, status), (Some("Ada".into()), true));
        let part = r#"{"event":"Fileheader","part":2,"gameversion":"4.0.0.1"}"#;
        assert_eq!(read(Source::Journal, part), (Some("Ada".into()), false));
        let load = r#"{"event":"LoadGame","Commander":"Bob"}"#;
        assert_eq!(read(Source::Journal, load), (Some("Bob".into()), false));
    }

    #[test]
    fn what_is_no_event_is_told() {
        let problem = |line| Reader::default().read(Source::Journal, line).unwrap_err();
        assert!(problem("{\"event\":\"Mus").contains("not a JSON object"));
        assert!(problem("[]").contains("not a JSON object"));
        assert!(problem("{}").contains("no `event`"));
        assert!(problem(r#"{"event":5}"#).contains("no `event`"));
    }

    #[test]
    fn only_the_journal_starts_and_ends_sessions() {
        let mut reader = Reader::default();
        let mut is = |source, name: &str| {
            reader.read(source, &format!(r#"{{"event":"{name}"}}"#)).unwrap().is_session()
        };
        for name in ["Commander", "LoadGame", "Shutdown"] {
            assert!(is(Source::Journal, name), "{name}");
        }
        assert!(!is(Source::Journal, "Music"));
        assert!(!is(Source::Dashboard, "Shutdown"));
        assert!("banana".parse::<Source>().unwrap_err().contains("dashboard"));
    }
}
