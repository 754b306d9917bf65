//! What a controller does about who comes, what they say and what it is told: one thing at a time.
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use jiff::Timestamp;
use net::{
    Client, Env, Guest, Listener, Order as Tell,
    group::{self, Lost, Member},
};
use proto::{
    CloseReason, Stage, Time,
    cync::{Cync, Query, Reply, Request, Seen, Target},
    resilience::{Demand, Intake, RawIntake, WhenFull},
};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

use super::{
    order::{self, Command, Order},
    pulse::{Login, Pulse},
    roster::{self, Bridge, Roster, Way},
    tell::{Entry, Line, Name, Told, no_bridge},
};
use crate::{
    exit::Failure,
    fared::fared,
    local::{Answer, Call},
    text,
};

/// States of one bridge that wait to be told.
const HEARD: usize = 64;
/// Those of all.
const ALL_HEARD: usize = 1024;
/// Why a group cannot be seen to obey.
const ONLY_THE_MESH_KNOWS: &str =
    "who is in a group is known to the mesh alone, so nobody sees its lamps";
/// Orders being obeyed, and programs that watch.
const MOST_ORDERS: usize = 64;

/// What comes of things that take a while.
pub(super) enum Heard {
    /// Somebody said this unasked.
    Said(Name, Reply),
    /// A command to one target has ended.
    Fared(order::Told),
    /// The bridges have been asked: then list them.
    Queried(Vec<(Name, Vec<Seen>)>, Answer),
}

/// Somebody who is connected.
struct Present {
    client: Arc<Client<Cync>>,
    peer: SocketAddr,
    listening: AbortHandle,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// The controller, as far as it is not the network.
pub(super) struct Floor {
    env: Env,
    began: Timestamp,
    roster: Roster,
    pulse: Pulse,
    present: BTreeMap<Name, Present>,
    watching: Vec<Answer>,
    working: JoinSet<()>,
    tell: mpsc::Sender<Heard>,
}

impl Floor {
    /// An empty one. What takes a while comes out of the channel.
    pub(super) fn new(env: Env, pulse: Pulse) -> (Self, mpsc::Receiver<Heard>) {
        let (tell, heard) = mpsc::channel(ALL_HEARD);
        let (roster, present, watching) = (Roster::default(), BTreeMap::new(), Vec::new());
        let (began, working) = (env.started(), JoinSet::new());
        (Self { env, began, roster, pulse, present, watching, working, tell }, heard)
    }
    /// Says what happened, on stdout and to whoever watches.
    ///
    /// # Errors
    /// The output is not writable.
    pub(super) fn tell(&mut self, line: &Line<'_>) -> Result<(), Failure> {
        let line = line.json();
        self.watching.retain(|watcher| watcher.line(line.clone()));
        text::print(&line)
    }
    /// Somebody has dialled.
    pub(super) async fn admit(&mut self, Guest { name, peer, client }: Guest<Cync>) {
        while self.working.try_join_next().is_some() {}
        let raw = RawIntake { size: HEARD, when_full: WhenFull::DropOldest, ..Default::default() };
        let said = client.listen(Intake::new(raw).expect("it is valid"));
        let listening = self.working.spawn(listen(said, name.clone(), self.tell.clone()));
        client.tell(Tell::Start).await;
        self.present.insert(name, Present { client, peer, listening });
    }
    /// He has said who he is.
    ///
    /// # Errors
    /// The output is not writable.
    pub(super) fn join(&mut self, Login { name, bridge, at }: &Login) -> Result<(), Failure> {
        let Some(peer) = self.present.get(name).map(|present| present.peer) else { return Ok(()) };
        match self.roster.join(bridge, name, peer, at.to_owned()) {
            Ok(before) => {
                // It has dialled anew, so whatever holds its old connection up is not it.
                if let Some(before) = before.filter(|before| before != name) {
                    self.present.remove(&before);
                    let reason = "it has dialled anew".to_owned();
                    self.tell(&Line::Left { bridge, peer: &before, reason })?;
                }
                self.tell(&Line::Joined { bridge, peer })
            }
            Err(reason) => {
                self.present.remove(name);
                self.tell(&Line::Refused { peer: name, reason })
            }
        }
    }
    /// His connection has ended.
    ///
    /// # Errors
    /// The output is not writable.
    pub(super) fn leave(&mut self, name: &Name, reason: &CloseReason) -> Result<(), Failure> {
        if self.present.remove(name).is_none() {
            return Ok(());
        }
        match self.roster.leave(name, self.env.now()) {
            Some(bridge) => {
                let reason = reason.to_string();
                self.tell(&Line::Left { bridge: &bridge, peer: name, reason })
            }
            None => self.tell(&Line::Refused { peer: name, reason: no_bridge(reason) }),
        }
    }
    /// Something that took a while has come to something.
    ///
    /// # Errors
    /// The output is not writable.
    pub(super) fn hear(&mut self, heard: Heard) -> Result<(), Failure> {
        match heard {
            Heard::Said(name, Reply::Seen(seen)) => self.seen(&name, &[seen]),
            Heard::Said(name, Reply::Lamps(lamps)) => self.seen(&name, &lamps),
            Heard::Said(_, Reply::Arrived | Reply::Done | Reply::Refused(_) | Reply::Failed(_)) => {
                Ok(())
            }
            Heard::Fared(told) => self.tell(&Line::Command(&told)),
            Heard::Queried(told, answer) => {
                for (name, lamps) in told {
                    self.seen(&name, &lamps)?;
                }
                self.list(answer);
                Ok(())
            }
        }
    }
    fn seen(&mut self, name: &Name, lamps: &[Seen]) -> Result<(), Failure> {
        for seen in lamps {
            if let Some(bridge) = self.roster.seen(name, *seen) {
                self.tell(&Line::State { bridge: &bridge, seen })?;
            }
        }
        Ok(())
    }
    /// Does what a program asks for.
    pub(super) fn obey(&mut self, Call { order, answer }: Call) {
        while self.working.try_join_next().is_some() {}
        match serde_json::from_str(&order) {
            Err(e) => answer.refuse(format!("no order: {e}")),
            Ok(Order::Watch {}) if self.watching.len() >= MOST_ORDERS => {
                answer.refuse(format!("{MOST_ORDERS} programs watch already"));
            }
            Ok(Order::Watch {}) => self.watching.push(answer),
            Ok(Order::List { query: false }) => self.list(answer),
            Ok(Order::List { query: true }) => self.query(answer),
            Ok(Order::Command(command)) => self.command(command, answer),
        }
    }
    /// Hangs up, and takes its leave of each.
    pub(super) async fn close(mut self) {
        self.working.shutdown().await;
        self.watching.clear();
        let clients: Vec<_> = self.present.values().map(|present| present.client.clone()).collect();
        drop(self);
        for client in clients {
            if let Some(client) = Arc::into_inner(client) {
                client.close().await;
            }
        }
    }

    fn list(&mut self, answer: Answer) {
        let entry = |(id, bridge): (&Name, &Bridge)| Line::Bridge(self.entry(id, bridge)).json();
        let lines: Vec<_> = self.roster.all().map(entry).collect();
        self.working.spawn(async move {
            for line in lines {
                if !answer.line(line) {
                    return;
                }
                // Whoever passes lines on gets a turn for each, so that only a slow reader misses any.
                tokio::task::yield_now().await;
            }
        });
    }

    fn entry<'a>(&self, id: &'a str, bridge: &'a Bridge) -> Entry<'a> {
        let (name, peer) = bridge.on.as_ref().map(|(name, peer)| (name, *peer)).unzip();
        let beat = name.map(|name| self.pulse.of(name)).unwrap_or_default();
        let lamps = bridge.lamps.iter().map(|(lamp, state)| Told { lamp: *lamp, state: *state });
        Entry {
            bridge: id,
            online: bridge.on.is_some(),
            peer,
            since: self.date(bridge.since),
            last_seen: beat.last.map(|last| self.date(last)),
            rtt_ms: beat.rtt.map(|rtt| rtt.as_micros() as f64 / 1000.0),
            logins: bridge.logins,
            lamps: lamps.collect(),
        }
    }

    fn date(&self, at: Time) -> String {
        let at = self.began.checked_add(at.since_start()).unwrap_or(Timestamp::MAX);
        format!("{at:.3}")
    }

    /// Asks all bridges, and lists them when each has answered or not.
    fn query(&mut self, answer: Answer) {
        let here = self.roster.here(None).into_iter();
        let asked: Vec<_> = here
            .filter_map(|(_, name)| Some((name.clone(), self.present.get(&name)?.client.clone())))
            .collect();
        let tell = self.tell.clone();
        self.working.spawn(async move {
            let mut asking = JoinSet::new();
            for (name, client) in asked {
                asking.spawn(async move {
                    let asked = client.submit(Request::Query(Query {})).await;
                    match asked.outcome().await.map(|receipt| receipt.reply) {
                        Ok(Some(Reply::Lamps(lamps))) => (name, lamps),
                        _ => (name, Vec::new()),
                    }
                });
            }
            let told = asking.join_all().await;
            // Nobody hearing is the end of the program.
            let _ = tell.send(Heard::Queried(told, answer)).await;
        });
    }

    fn command(&mut self, command: Command, answer: Answer) {
        let Command { whom, all, bridge, be, confirm, deadline, rollback } = command;
        let (ways, lost) = self.roster.ways(&whom, all, bridge.as_deref());
        if ways.is_empty() && lost.is_empty() {
            return answer.refuse("no lamp was heard of yet; name one, or wait for a bridge");
        }
        let mut jobs = Vec::new();
        for (to, bridge, client) in self.clients(ways, lost) {
            let request = match be.to(to).request() {
                Ok(request) => request,
                Err(e) => return answer.refuse(e.problem),
            };
            let was = match (to, &bridge) {
                (Target::Lamp(lamp), Some(bridge)) => self.roster.lamp(bridge, lamp),
                (Target::Lamp(_) | Target::Group(_), _) => None,
            };
            let undo = was.filter(|_| rollback).and_then(|was| request.undo(was));
            jobs.push(Job { to, bridge, client, request, undo });
        }
        let tell = self.tell.clone();
        let demand = Demand { level: Some(confirm), deadline: Some(deadline.0) };
        self.working.spawn(async move {
            let members = jobs.iter().map(Job::member).collect();
            let table = group::ask(members, demand, std::future::pending()).await;
            let (all, summary) = fared(table, ONLY_THE_MESH_KNOWS).await;
            for (Job { to, bridge, .. }, fared) in jobs.iter().zip(all) {
                let told =
                    order::Told { to: *to, bridge: bridge.as_deref().map(Into::into), fared };
                answer.line(Line::Command(&told).json());
                // Nobody hearing is the end of the program.
                let _ = tell.send(Heard::Fared(told)).await;
            }
            answer.line(Line::Done(&summary).json());
        });
    }

    /// Who tells each target, by its bridge; or why nobody can.
    fn clients(&self, ways: Vec<Way>, lost: Vec<roster::Lost>) -> Vec<Addressed> {
        let unreachable = |detail| Lost { stage: Stage::Unreachable, detail };
        let lost = lost.into_iter().map(|(to, why)| (to, None, Err(unreachable(why))));
        let found = ways.into_iter().map(|Way { to, bridge, name }| {
            let present = self.present.get(&name).map(|present| present.client.clone());
            let gone = || unreachable(format!("bridge {bridge} has just gone"));
            let client = present.ok_or_else(gone);
            (to, Some(bridge), client)
        });
        lost.chain(found).collect()
    }
}

/// A target, its bridge, and who tells it.
type Addressed = (Target, Option<Name>, Result<Arc<Client<Cync>>, Lost>);

/// One target, who tells it, what, and what takes that back.
struct Job {
    to: Target,
    bridge: Option<Name>,
    client: Result<Arc<Client<Cync>>, Lost>,
    request: Request,
    undo: Option<Request>,
}

impl Job {
    fn member(&self) -> Member<'_, Cync> {
        let Self { to, bridge: _, client, request, undo } = self;
        let client = client.as_deref().map_err(Clone::clone);
        Member { name: to.to_string().into(), client, request: *request, undo: *undo }
    }
}

/// Passes on what a bridge says unasked, until nobody wants it.
async fn listen(mut said: Listener<Reply>, name: Name, tell: mpsc::Sender<Heard>) {
    loop {
        let heard = Heard::Said(name.clone(), said.next().await);
        if tell.send(heard).await.is_err() {
            return;
        }
    }
}
