//! What a finished line means: words for a room, or a command.
use proto::tazcom::Need;

use crate::args::word;

/// What can be typed, as `/help` shows it.
pub(super) const HELP: &[&str] = &[
    "/peers                who is there, and where",
    "/join #CHANNEL        shows a channel, and talks there",
    "/to ID [TEXT]         talks to one node alone; the first characters of an id will do",
    "/alert NEED TEXT      calls for help: medical, water, technical, legal, other",
    "/take ID              says that you see to an alert",
    "/resolve ID           says that an alert is over",
    "/quit                 ends the node; so do Ctrl+C, and Ctrl+D on an empty line",
    "Tab                   next channel; PgUp, PgDn older and newer; Up, Down what you typed",
    "//...                 says a line that begins with /",
    "+ verified, ? not verified, - offline; >2 sent to 2 peers, =1 one of them says it has it",
];

/// A finished line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Nothing,
    Say(String),
    Help,
    Peers,
    Join(String),
    To(String, Option<String>),
    Alert(Need, String),
    /// Of the only one that is open, if nobody says which.
    Take(Option<String>),
    Resolve(Option<String>),
    Quit,
}

impl Command {
    /// # Errors
    /// There is no such command, or something is missing.
    pub(super) fn read(line: &str) -> Result<Self, String> {
        let line = line.trim();
        let Some(command) = line.strip_prefix('/') else {
            return Ok(match line {
                "" => Self::Nothing,
                words => Self::Say(words.to_owned()),
            });
        };
        if command.starts_with('/') {
            return Ok(Self::Say(command.to_owned()));
        }
        let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
        let rest = rest.trim();
        let given = |what: &str| match rest {
            "" => Err(format!("/{name} needs {what}; see /help")),
            rest => Ok(rest.to_owned()),
        };
        let id = (!rest.is_empty()).then(|| rest.to_owned());
        Ok(match name {
            "help" => Self::Help,
            "peers" => Self::Peers,
            "join" => Self::Join(given("a channel")?),
            "to" => {
                let rest = given("an id")?;
                match rest.split_once(' ') {
                    Some((id, text)) => Self::To(id.to_owned(), Some(text.trim().to_owned())),
                    None => Self::To(rest, None),
                }
            }
            "alert" => {
                let rest = given("a need and a text")?;
                let (need, text) = rest.split_once(' ').unwrap_or((&rest, ""));
                let need = word(need).map_err(|e| format!("/alert: {e}"))?;
                match text.trim() {
                    "" => return Err("/alert needs a text, too; see /help".into()),
                    text => Self::Alert(need, text.to_owned()),
                }
            }
            "take" => Self::Take(id),
            "resolve" => Self::Resolve(id),
            "quit" => Self::Quit,
            other => return Err(format!("there is no /{other}; see /help")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_words_and_commands_begin_with_a_slash() {
        let read = |line: &str| Command::read(line).unwrap();
        assert_eq!(read("  "), Command::Nothing);
        assert_eq!(read(" hi, all "), Command::Say("hi, all".into()));
        assert_eq!(read("//help"), Command::Say("/help".into()));
        assert_eq!(read("/help"), Command::Help);
        assert_eq!(read("/peers "), Command::Peers);
        assert_eq!(read("/join  #water"), Command::Join("#water".into()));
        assert_eq!(read("/to kV9b"), Command::To("kV9b".into(), None));
        assert_eq!(read("/to kV9b  hi you"), Command::To("kV9b".into(), Some("hi you".into())));
        assert_eq!(read("/alert water none left"), Command::Alert(Need::Water, "none left".into()));
        assert_eq!(read("/take"), Command::Take(None));
        assert_eq!(read("/resolve Jm"), Command::Resolve(Some("Jm".into())));
        assert_eq!(read("/quit"), Command::Quit);
    }

    #[test]
    fn what_is_no_command_says_what_is_missing() {
        for (line, named) in [
            ("/shout hi", "no /shout"),
            ("/", "no /;"),
            ("/join", "needs a channel"),
            ("/to ", "needs an id"),
            ("/alert", "needs a need"),
            ("/alert money now", "expected one of"),
            ("/alert water", "needs a text"),
        ] {
            let problem = Command::read(line).unwrap_err();
            assert!(problem.contains(named), "{line}: {problem}");
        }
    }
}
