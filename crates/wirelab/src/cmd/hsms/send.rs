//! `wirelab hsms send`, `linktest` and `select`: ask, print what came back, separate.
use std::{io::Read, time::Duration};

use net::Client;
use proto::{
    Stage,
    hsms::{Hsms, Reply, Request},
    secs2::sml,
};
use serde::Serialize;

use crate::{
    args::HostArgs,
    config::{self, Hosting},
    exit::{Exit, Failure},
    signals::Signals,
    text,
};

/// The first thing equipment that speaks GEM wants to hear.
pub(super) const ESTABLISH: &str = "S1F13 W <L>.";

/// What `--json` prints of one message.
#[derive(Serialize)]
pub(super) struct Answered<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    request: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<proto::Delivery>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Reply>,
    elapsed_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    schema: u32,
}

impl<'a> Answered<'a> {
    pub(super) fn of(tool: Option<&'a str>, request: &'a str, answer: net::Answer<Reply>) -> Self {
        let ms = |elapsed: Duration| elapsed.as_micros() as f64 / 1000.0;
        match answer {
            Ok(receipt) => Self {
                tool,
                request,
                outcome: "ok",
                stage: None,
                delivery: Some(receipt.delivery),
                reply: receipt.reply,
                elapsed_ms: ms(receipt.elapsed),
                detail: None,
                schema: 1,
            },
            Err(failure) => Self {
                tool,
                request,
                outcome: "failed",
                stage: Some(failure.error.stage),
                delivery: None,
                reply: None,
                elapsed_ms: ms(failure.elapsed),
                detail: Some(failure.error.detail),
                schema: 1,
            },
        }
    }

    /// Prints it, and says how to end.
    ///
    /// # Errors
    /// The output is not writable.
    pub(super) fn tell(self, json: bool) -> Result<Exit, Failure> {
        let exit = match self.stage {
            None => Exit::Done,
            Some(Stage::Deadline) => Exit::Deadline,
            Some(_) => Exit::Failed,
        };
        if json {
            text::print(&text::json_line(&self))?;
            return Ok(exit);
        }
        match (&self.reply, self.stage) {
            (Some(reply @ Reply::Message(_)), _) => {
                let tool = self.tool.map_or_else(String::new, |tool| format!("{tool} "));
                let lines = tool + &reply.pretty();
                text::print(
                    &lines.lines().map(|line| text::plain(line) + "\n").collect::<String>(),
                )?;
            }
            (Some(other), _) => {
                text::talk(&format!(
                    "ok: {}: {other:?} in {:.1} ms",
                    self.request, self.elapsed_ms
                ));
            }
            (None, None) if self.request == "separate" => {
                text::talk(&format!("ok: selected and separated in {:.1} ms", self.elapsed_ms));
            }
            (None, None) => {
                let level = self.delivery.map_or_else(String::new, |level| level.to_string());
                text::talk(&format!("ok: {}: {level}, no reply expected", self.request));
            }
            (None, Some(stage)) => {
                let why = self.detail.as_deref().unwrap_or_default();
                let what = if self.request == "separate" { "select" } else { self.request };
                text::talk(&format!("error: {what}: {stage}: {why}"));
            }
        }
        Ok(exit)
    }
}

pub(super) async fn send(mut words: Vec<String>, link: HostArgs) -> Result<Exit, Failure> {
    let addr = (words.len() > 1 && !is_message(&words[0])).then(|| words.remove(0));
    let messages = messages(words)?;
    let link = config::hosting(addr, link)?;
    let first = link.establish.then(|| ESTABLISH.to_owned());
    ask(&link, first.into_iter().chain(messages).collect()).await
}

pub(super) async fn linktest(
    addr: Option<String>,
    count: u32,
    link: HostArgs,
) -> Result<Exit, Failure> {
    let link = config::hosting(addr, link)?;
    ask(&link, vec!["linktest".to_owned(); count as usize]).await
}

/// SELECTED and separated again.
pub(super) async fn select(addr: Option<String>, link: HostArgs) -> Result<Exit, Failure> {
    let link = config::hosting(addr, link)?;
    ask(&link, vec!["separate".to_owned()]).await
}

fn is_message(word: &str) -> bool {
    sml::parse(word).is_ok() || word == "-" || word.contains(['<', '\n'])
}

/// All messages in these words, each as one line of SML.
fn messages(words: Vec<String>) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for word in words {
        let text = if word == "-" {
            let mut text = String::new();
            let read = std::io::stdin().take(64 << 20).read_to_string(&mut text);
            read.map_err(|e| Failure::usage(format!("stdin: {e}")))?;
            text
        } else {
            word
        };
        let parsed = sml::parse(&text).map_err(|e| Failure::usage(e.to_string()))?;
        all.extend(parsed.iter().map(ToString::to_string));
    }
    if all.is_empty() {
        return Err(Failure::usage("no message; write for instance 'S1F1 W'"));
    }
    Ok(all)
}

/// Asks one after the other; the first failure ends it.
async fn ask(link: &Hosting, messages: Vec<String>) -> Result<Exit, Failure> {
    let requests = messages.iter().map(|text| read(text)).collect::<Result<Vec<_>, _>>()?;
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let env = link.surroundings()?;
    let client = link.client(&env).await?;
    let asking = async {
        for (text, request) in messages.iter().zip(requests) {
            let exit = Answered::of(None, text, client.request(request).await).tell(link.json)?;
            if exit != Exit::Done {
                return Ok(exit);
            }
        }
        Ok(Exit::Done)
    };
    let ended = tokio::select! {
        biased;
        () = signals.stop() => {
            text::talk("error: interrupted; what was sent may have been done");
            Ok(Exit::Interrupted)
        }
        ended = asking => ended,
    };
    Client::<Hsms>::close(client).await;
    ended
}

/// A message, or a word about the connection.
///
/// # Errors
/// It is neither.
fn read(text: &str) -> Result<Request, Failure> {
    text.parse::<Request>().map_err(|e| Failure::usage(e.problem))
}
