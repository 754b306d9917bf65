//! `wirelab hsms monitor`: stays connected, tells what the equipment says, and sends what is typed.
use std::sync::Arc;

use net::{Client, Event, Record};
use proto::{
    hsms::{Hsms, Reply, Request},
    resilience::{Intake, RawIntake, WhenFull},
};
use serde::Serialize;
use tokio::{sync::mpsc, task::JoinSet};

use super::send::{Answered, ESTABLISH};
use crate::{
    args::HostArgs,
    config,
    exit::{Exit, Failure},
    lines,
    signals::Signals,
    text,
};

/// Messages that wait to be told.
const HEARD: usize = 4096;

/// What is said unasked waits so; the oldest goes first, which the record tells.
pub(super) fn intake(size: usize) -> Intake {
    Intake::new(RawIntake { size, when_full: WhenFull::DropOldest, ..RawIntake::default() })
        .expect("it is valid")
}

/// What `--json` prints of something said unasked.
#[derive(Serialize)]
pub(super) struct Said<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool: Option<&'a str>,
    pub(super) said: &'a Reply,
    pub(super) schema: u32,
}

impl Said<'_> {
    pub(super) fn tell(&self, json: bool) -> Result<(), Failure> {
        if json {
            return text::print(&text::json_line(self));
        }
        let tool = self.tool.map(|tool| format!("{tool} ")).unwrap_or_default();
        text::print(&format!("{}\n", text::plain(&format!("{tool}{:?}", self.said))))
    }
}

pub(super) async fn monitor(addr: Option<String>, args: HostArgs) -> Result<Exit, Failure> {
    let link = config::hosting(addr, args)?;
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let env = link.surroundings()?;
    let (ready, mut selected) = mpsc::channel(16);
    env.recorder.attach(move |record: &Record| {
        if let Event::Ready { .. } = record.event {
            // Sixteen greetings that wait are enough.
            let _ = ready.try_send(());
        }
    });
    let client = Arc::new(link.client(&env).await?);
    let mut said = client.listen(intake(HEARD));
    client.tell(net::Order::Start).await;
    let mut asking = JoinSet::new();
    let mut typed = lines::read(std::io::stdin());
    let mut listening = true;
    let ended = loop {
        tokio::select! {
            biased;
            () = signals.stop() => break Ok(Exit::Done),
            Some(told) = asking.join_next() => {
                if let Err(failure) = told.expect("asking does not panic") {
                    break Err(failure);
                }
            }
            Some(()) = selected.recv() => {
                if link.establish {
                    ask(&client, None, ESTABLISH, link.json, &mut asking);
                }
            }
            reply = said.next() => {
                if let Err(failure) = (Said { tool: None, said: &reply, schema: 1 }).tell(link.json) {
                    break Err(failure);
                }
            }
            line = typed.recv(), if listening => match line {
                None => listening = false,
                Some(Ok(line)) if line.trim().is_empty() => {}
                Some(Ok(line)) => ask(&client, None, &line, link.json, &mut asking),
                Some(Err(why)) => text::talk(&format!("error: {why}")),
            },
        }
    };
    asking.shutdown().await;
    if let Some(client) = Arc::into_inner(client) {
        client.close().await;
    }
    ended
}

/// Sends what was typed, and tells what came of it.
pub(super) fn ask(
    client: &Arc<Client<Hsms>>,
    tool: Option<&str>,
    line: &str,
    json: bool,
    asking: &mut JoinSet<Result<(), Failure>>,
) {
    let request = match line.parse::<Request>() {
        Ok(request) => request,
        Err(e) => return text::talk(&format!("error: {}", e.problem)),
    };
    let (client, line) = (client.clone(), line.trim().to_owned());
    let tool = tool.map(str::to_owned);
    asking.spawn(async move {
        let answered = client.request(request).await;
        drop(client);
        Answered::of(tool.as_deref(), &line, answered).tell(json).map(drop)
    });
}
