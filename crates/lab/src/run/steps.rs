//! Takes the cast through the steps.
use std::future::Future;

use net::{Event, Record, Role, bare};
use proto::{
    ConfigError,
    cover::{NewCover, covered},
    session,
};
use tokio::task::JoinHandle;

use super::{PATIENCE, stage::Stage};
use crate::{
    registry,
    scenario::{Await, Harm, Lift, Raw, Request, Step},
    words,
};

impl<'a> Stage<'a> {
    pub(super) async fn play(&mut self) {
        let scenario = self.scenario;
        for cast in &scenario.devices {
            if self.has_target() {
                break;
            }
            for quirk in &cast.quirks {
                if let Err(problem) = self.misbehave(cast.name.get_ref(), quirk.get_ref()).await {
                    return self.fail(0, problem);
                }
            }
        }
        for (n, step) in scenario.steps.iter().enumerate() {
            let step = step.get_ref();
            if self.has_target() && scenario.waits_for_the_device(step) {
                continue;
            }
            let text = in_words(step, self.cover());
            self.world.env().record(Event::Step { step: n + 1, text });
            if let Err(problem) = self.take(step).await {
                return self.fail(n + 1, problem);
            }
        }
    }

    fn fail(&self, step: usize, problem: String) {
        self.world.env().record(Event::StepFailed { step, problem });
    }

    async fn take(&mut self, step: &'a Step) -> Result<(), String> {
        match step {
            Step::Request(request) => self.request(request).await,
            Step::Quirk(q) => self.misbehave(q.device.get_ref(), q.quirk.get_ref()).await,
            Step::Stop(stop) => match self.seat(stop.device.get_ref()).host.take() {
                Some(host) => {
                    host.stop().await;
                    Ok(())
                }
                None => Err(format!("{} is not running", stop.device.get_ref())),
            },
            Step::Start(start) => self.plug_in(start.device.get_ref()),
            Step::Await(wanted) => self.wait_for(wanted).await,
            Step::Join(join) => {
                let asked = self.background.remove(join.client.get_ref().as_str());
                join_all(asked.unwrap_or_default()).await;
                Ok(())
            }
            Step::Raw(raw) => self.raw(raw).await,
            Step::Fault(harm) => {
                let Harm { proxy, fault } = &**harm;
                let added = self.proxy(proxy.get_ref()).add(fault.get_ref().clone());
                added.map(drop).map_err(in_short)
            }
            Step::Lift(Lift { proxy, name }) => {
                self.proxy(proxy.get_ref()).remove(name.get_ref()).map_err(in_short)
            }
            Step::Cut(cut) => self.proxy(cut.proxy.get_ref()).cut().map_err(in_short),
            Step::Heal(heal) => {
                self.proxy(heal.proxy.get_ref()).heal();
                Ok(())
            }
        }
    }

    async fn request(&mut self, request: &'a Request) -> Result<(), String> {
        let name = request.client.get_ref().as_str();
        let client = self.clients[name].clone();
        let Request { send, times, background, .. } = request;
        let (send, times) = (send.get_ref().clone(), *times);
        let asking = async move {
            for _ in 0..times {
                // How it ended is in the record; that it can be asked at all was checked before.
                let _ = client.request(send.clone()).await;
            }
        };
        if !*background {
            asking.await;
            return Ok(());
        }
        let before = self.submissions(name);
        self.background.entry(name).or_default().push(tokio::spawn(asking));
        // The next step comes after this one, so it must have begun.
        let mut left = before + 1;
        let begun = self.world.recorder().until(|r| {
            left -= usize::from(is_submission(r, name));
            (left == 0).then_some(())
        });
        self.at_most(begun, || format!("{name} never took the request on")).await
    }

    fn submissions(&self, client: &str) -> usize {
        self.world.recorder().records().iter().filter(|r| is_submission(r, client)).count()
    }

    async fn misbehave(&mut self, device: &str, quirk: &str) -> Result<(), String> {
        let seat = self.seat(device);
        let Some(host) = &seat.host else {
            return Err(format!("{device} is not running, so it cannot misbehave"));
        };
        host.misbehave(quirk).await.map_err(|e| e.to_string())?;
        // It may have moved.
        seat.addr = host.addr();
        Ok(())
    }

    async fn wait_for(&self, wanted: &Await) -> Result<(), String> {
        let Await { node, event, nth } = wanted;
        let (node, event, mut left) = (node.get_ref().as_str(), event.get_ref().as_str(), *nth);
        let happened = self.world.recorder().until(|r| {
            let fits = &*r.node == node && words::event(&r.event) == event;
            left -= u32::from(fits && left > 0);
            (left == 0).then_some(())
        });
        self.at_most(happened, || format!("waited in vain for {event} at {node}")).await
    }

    async fn raw(&mut self, raw: &Raw) -> Result<(), String> {
        let addr = self.seat(raw.device.get_ref()).addr;
        let env = self.world.node("raw", Role::Lab);
        let bytes = raw.hex.0.clone().into();
        match bare::exchange(&env, addr, bytes, raw.eof, PATIENCE, self.cover()).await {
            Ok(_) => Ok(()),
            Err(e) => Err(format!("cannot connect to {addr}: {e}")),
        }
    }

    /// What keeps the secrets of the protocol that is spoken here out of the record.
    fn cover(&self) -> NewCover {
        registry::find(self.scenario.protocol.get_ref()).ok()?.cover()
    }

    async fn at_most<T>(
        &self,
        wanted: impl Future<Output = T>,
        problem: impl FnOnce() -> String,
    ) -> Result<T, String> {
        let env = self.world.env();
        tokio::select! {
            biased;
            got = wanted => Ok(got),
            () = env.sleep_until(env.now() + PATIENCE) => Err(problem()),
        }
    }
}

fn in_short(error: ConfigError) -> String {
    error.problem
}

fn is_submission(record: &Record, client: &str) -> bool {
    &*record.node == client && matches!(record.event, Event::Submitted { .. })
}

pub(super) async fn join_all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.expect("asking does not panic");
    }
}

fn in_words(step: &Step, cover: NewCover) -> String {
    match step {
        Step::Request(Request { client, send, times, background }) => {
            let often = if *times == 1 { String::new() } else { format!(" {times} times") };
            let meanwhile = if *background { ", in the background" } else { "" };
            format!("{} asks{often}: {}{meanwhile}", client.get_ref(), send.get_ref())
        }
        Step::Quirk(q) => format!("{} is told: {}", q.device.get_ref(), q.quirk.get_ref()),
        Step::Stop(s) => format!("{} is pulled out", s.device.get_ref()),
        Step::Start(s) => format!("{} is plugged in", s.device.get_ref()),
        Step::Await(Await { node, event, nth }) => {
            format!("wait for {} at {}, number {nth}", event.get_ref(), node.get_ref())
        }
        Step::Join(join) => format!("wait for the requests of {}", join.client.get_ref()),
        Step::Raw(Raw { device, hex, eof }) => {
            let fin = if *eof { " and FIN" } else { "" };
            let shown = covered(cover, &hex.0).map(|shown| session::hex::encode(&shown));
            let shown = shown.unwrap_or_else(|| format!("{hex:?}"));
            format!("somebody sends {shown}{fin} to {}", device.get_ref())
        }
        Step::Fault(harm) => format!("{} is told: {}", harm.proxy, harm.fault.get_ref()),
        Step::Lift(Lift { proxy, name }) => format!("{proxy} is told no more: {name}"),
        Step::Cut(cut) => format!("{} lets nothing through", cut.proxy),
        Step::Heal(heal) => format!("{} is healed", heal.proxy),
    }
}
