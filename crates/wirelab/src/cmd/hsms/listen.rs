//! `wirelab hsms listen`: a host that any number of tools may dial, on one port. Each connection has
//! a host of its own; a tool is known by the address it dials from, or by its device id once it said
//! something.
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use net::{Client, Env, Guest, Lobby, lobby::News};
use proto::hsms::{Hsms, Reply};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

use super::{
    monitor::{Said, ask, intake},
    send::ESTABLISH,
};
use crate::{
    args::HostArgs,
    config,
    exit::{Exit, Failure},
    lines,
    signals::Signals,
    text,
};

/// Messages of one tool that wait to be told.
const HEARD: usize = 16;

/// A name for whoever dials from there, or has that device id.
#[derive(Debug, PartialEq)]
enum Known {
    Ip(IpAddr),
    Id(u16),
}

/// A tool that is connected.
struct Tool {
    client: Arc<Client<Hsms>>,
    peer: SocketAddr,
    id: Option<u16>,
    hearing: AbortHandle,
}

struct Floor {
    establish: bool,
    json: bool,
    names: Vec<(String, Known)>,
    tools: BTreeMap<String, Tool>,
    asking: JoinSet<Result<(), Failure>>,
    heard: mpsc::Sender<(String, Reply)>,
    hearing: JoinSet<()>,
}

pub(super) async fn listen(
    addr: Option<String>,
    tools: &[String],
    args: HostArgs,
) -> Result<Exit, Failure> {
    let link = config::hosting(addr, HostArgs { passive: true, active: false, ..args })?;
    let names = tools.iter().map(|text| named(text)).collect::<Result<Vec<_>, _>>()?;
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let env = link.surroundings()?;
    let addr = link.lookup().await?[0];
    let (establish, json) = (link.establish, link.json);
    let make = move |env: &Env| link.supervisor(env);
    let mut lobby = Lobby::open(&env, addr, make)
        .map_err(|e| Failure::environment(format!("cannot listen at {addr}: {e}")))?;
    let (heard, mut hearing) = mpsc::channel(1024);
    let (tools, asking, ears) = (BTreeMap::new(), JoinSet::new(), JoinSet::new());
    let mut floor = Floor { establish, json, names, tools, asking, heard, hearing: ears };
    let mut typed = lines::read(std::io::stdin());
    let mut listening = true;
    let ended = loop {
        tokio::select! {
            biased;
            () = signals.stop() => break Ok(Exit::Done),
            Some(told) = floor.asking.join_next() => {
                if let Err(failure) = told.expect("asking does not panic") {
                    break Err(failure);
                }
            }
            Some((tool, said)) = hearing.recv() => {
                if let Err(failure) = floor.tell(&tool, &said) {
                    break Err(failure);
                }
            }
            news = lobby.next() => match news {
                News::Came(guest) => floor.admit(guest).await,
                News::Left { name, .. } => floor.leave(&name).await,
            },
            line = typed.recv(), if listening => match line {
                None => listening = false,
                Some(Ok(line)) => floor.obey(&line),
                Some(Err(why)) => text::talk(&format!("error: {why}")),
            },
        }
    };
    floor.asking.shutdown().await;
    for tool in floor.tools.into_values() {
        if let Some(client) = Arc::into_inner(tool.client) {
            client.close().await;
        }
    }
    ended
}

impl Floor {
    /// A tool has dialled.
    async fn admit(&mut self, Guest { name, peer, client }: Guest<Hsms>) {
        let name = name.to_string();
        let (mut said, heard, tool) =
            (client.listen(intake(HEARD)), self.heard.clone(), name.clone());
        let hearing = self.hearing.spawn(async move {
            while heard.send((tool.clone(), said.next().await)).await.is_ok() {}
        });
        client.tell(net::Order::Start).await;
        if self.establish {
            ask(&client, Some(&name), ESTABLISH, self.json, &mut self.asking);
        }
        self.tools.insert(name, Tool { client, peer, id: None, hearing });
    }

    async fn leave(&mut self, tool: &str) {
        let Some(Tool { client, hearing, .. }) = self.tools.remove(tool) else { return };
        hearing.abort();
        while self.hearing.try_join_next().is_some() {}
        if let Some(client) = Arc::into_inner(client) {
            client.close().await;
        }
    }

    fn tell(&mut self, tool: &str, said: &Reply) -> Result<(), Failure> {
        if let (Some(id), Some(known)) = (said.session(), self.tools.get_mut(tool)) {
            known.id = Some(id);
        }
        let name = self.name(tool);
        Said { tool: Some(&name), said, schema: 1 }.tell(self.json)
    }

    /// What to call the tool at this address.
    fn name(&self, at: &str) -> String {
        let Some(tool) = self.tools.get(at) else { return at.to_owned() };
        let fits = |known: &Known| match known {
            Known::Ip(ip) => tool.peer.ip() == *ip,
            Known::Id(id) => tool.id == Some(*id),
        };
        let named = self.names.iter().find(|(_, known)| fits(known));
        named.map_or_else(|| at.to_owned(), |(name, _)| name.clone())
    }

    /// `TOOL SML`.
    fn obey(&mut self, line: &str) {
        let Some((tool, message)) = line.trim().split_once(char::is_whitespace) else {
            if !line.trim().is_empty() {
                text::talk("error: write TOOL and then SML, as `etcher S1F1 W`");
            }
            return;
        };
        let is_it = |at: &String, known: &Tool| {
            *at == tool
                || self.name(at) == tool
                || known.peer.ip().to_string() == tool
                || tool.strip_prefix('#').is_some_and(|id| known.id == id.parse().ok())
        };
        let found = self.tools.iter().find(|(at, known)| is_it(at, known));
        match found.map(|(at, tool)| (self.name(at), tool.client.clone())) {
            Some((name, client)) => ask(&client, Some(&name), message, self.json, &mut self.asking),
            None => {
                let all: Vec<_> = self.tools.keys().map(|at| self.name(at)).collect();
                text::talk(&format!(
                    "error: no tool `{tool}` is here; there is {}",
                    all.join(", ")
                ));
            }
        }
    }
}

/// `NAME=IP` or `NAME=#ID`.
fn named(text: &str) -> Result<(String, Known), Failure> {
    let wrong = || Failure::usage(format!("--tool: `{text}` is neither NAME=IP nor NAME=#ID"));
    let (name, who) = text.split_once('=').ok_or_else(wrong)?;
    let known = match who.strip_prefix('#') {
        Some(id) => Known::Id(id.parse().map_err(|_| wrong())?),
        None => Known::Ip(who.parse().map_err(|_| wrong())?),
    };
    if name.is_empty() { Err(wrong()) } else { Ok((name.to_owned(), known)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_named_by_address_or_device_id() {
        assert_eq!(named("litho=#12").unwrap(), ("litho".into(), Known::Id(12)));
        assert_eq!(named("a=::1").unwrap().1, Known::Ip("::1".parse().unwrap()));
        for wrong in ["litho", "=#1", "a=b", "a=#70000"] {
            assert!(named(wrong).is_err(), "{wrong}");
        }
    }
}
