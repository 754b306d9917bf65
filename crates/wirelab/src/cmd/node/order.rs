//! What a line of stdin, or of another program of the user, tells a node to do.
use std::{sync::Arc, time::Duration};

use proto::tazcom::{
    AlertState, MessageId, Need, NodeId,
    gossip::{Draft, MAIN_CHANNEL, Words},
};
use serde::Deserialize;

/// How long others keep what is said for those who come late.
const LIFETIME: Duration = Duration::from_secs(3600);

/// An order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// An empty line.
    Nothing,
    Say(Say),
    /// Who is there?
    Peers,
    /// How far has this come? And from now on?
    Follow(MessageId),
    Quit,
}

/// Something to say, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Say {
    pub(super) channel: Arc<str>,
    pub(super) what: What,
}

/// What can be said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    Chat(Arc<str>),
    Private(NodeId, Arc<str>),
    Alert(Need, Arc<str>),
    Progress(MessageId, AlertState),
}

/// An order as JSON has it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    say: Option<Arc<str>>,
    to: Option<NodeId>,
    alert: Option<Arc<str>>,
    need: Option<Need>,
    progress: Option<MessageId>,
    state: Option<AlertState>,
    channel: Option<Arc<str>>,
    follow: Option<MessageId>,
}

impl Order {
    /// # Errors
    /// It is no order, and which there are.
    pub(super) fn read(line: &str) -> Result<Self, String> {
        match line.trim() {
            "" => Ok(Self::Nothing),
            "quit" => Ok(Self::Quit),
            "peers" => Ok(Self::Peers),
            json if json.starts_with('{') => Self::from_json(json),
            text => {
                Ok(Self::Say(Say { channel: MAIN_CHANNEL.into(), what: What::Chat(text.into()) }))
            }
        }
    }

    fn from_json(json: &str) -> Result<Self, String> {
        let raw = serde_json::from_str(json).map_err(|e| format!("no order: {e}"))?;
        let Raw { say, to, alert, need, progress, state, channel, follow } = raw;
        let what = match (say, to, alert, need, progress, state, follow) {
            (Some(text), None, None, None, None, None, None) => What::Chat(text),
            (Some(text), Some(to), None, None, None, None, None) => What::Private(to, text),
            (None, None, Some(text), need, None, None, None) => {
                What::Alert(need.unwrap_or(Need::Other), text)
            }
            (None, None, None, None, Some(alert), Some(state), None) => {
                What::Progress(alert, state)
            }
            (None, None, None, None, None, None, Some(message)) if channel.is_none() => {
                return Ok(Self::Follow(message));
            }
            _ => {
                let known = "`say`, `say` and `to`, `alert` and `need`, `progress` and `state`, each with or without `channel`, and `follow`";
                return Err(format!("no order: there are {known}"));
            }
        };
        Ok(Self::Say(Say { channel: channel.unwrap_or_else(|| MAIN_CHANNEL.into()), what }))
    }
}

impl Say {
    /// As the node takes it. The random bytes are used for nothing else.
    pub(super) fn draft(self, random: [u8; 32]) -> Draft {
        let Self { channel, what } = self;
        let words = match what {
            What::Chat(text) => Words::Chat(text),
            What::Private(to, text) => Words::Private { to, text, random },
            What::Alert(need, text) => Words::Alert(need, text),
            What::Progress(alert, state) => Words::Progress(alert, state),
        };
        Draft { channel, lifetime: LIFETIME, words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> (String, What) {
        match Order::read(line) {
            Ok(Order::Say(Say { channel, what })) => (channel.to_string(), what),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_plain_line_is_said_on_the_main_channel() {
        assert_eq!(said(" hi, all\r"), (MAIN_CHANNEL.into(), What::Chat("hi, all".into())));
        assert_eq!(Order::read(""), Ok(Order::Nothing));
        assert_eq!(Order::read("quit"), Ok(Order::Quit));
        assert_eq!(Order::read("peers"), Ok(Order::Peers));
    }

    #[test]
    fn json_says_where_to_whom_and_what_kind() {
        let id = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let chat = said(r##"{"say": "peers", "channel": "#water"}"##);
        assert_eq!(chat, ("#water".into(), What::Chat("peers".into())));
        let (_, private) = said(&format!(r#"{{"say": "hi", "to": "{id}"}}"#));
        assert_eq!(private, What::Private(id.parse().unwrap(), "hi".into()));
        let (_, alert) = said(r#"{"alert": "a burn", "need": "medical"}"#);
        assert_eq!(alert, What::Alert(Need::Medical, "a burn".into()));
        let (_, progress) = said(&format!(r#"{{"progress": "{id}", "state": "taken"}}"#));
        assert_eq!(progress, What::Progress(id.parse().unwrap(), AlertState::Taken));
        let follow = Order::read(&format!(r#"{{"follow": "{id}"}}"#));
        assert_eq!(follow, Ok(Order::Follow(id.parse().unwrap())));
    }

    #[test]
    fn what_is_no_order_is_refused() {
        for wrong in [
            "{}",
            r#"{"say": 1}"#,
            r#"{"shout": "hi"}"#,
            r#"{"say": "hi", "alert": "hi"}"#,
            r#"{"say": "hi", "to": "me"}"#,
            r#"{"alert": "hi", "need": "money"}"#,
            r#"{"state": "taken"}"#,
            r##"{"channel": "#water"}"##,
            r##"{"channel": "#water", "follow": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"##,
            "{",
        ] {
            let problem = Order::read(wrong).unwrap_err();
            assert!(problem.starts_with("no order: "), "{wrong}: {problem}");
        }
    }
}
