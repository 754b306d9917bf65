//! The device as a client's program meets it: every connection treated as the case says, until the
//! program ends and claims something. What it asked and what was done is written into one book.
use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use net::{Env, net::Stream};
use proto::CloseReason;

use super::{
    Peer, Player,
    hear::{FRAMES, Got},
};
use crate::probe::{
    Setup, Suite,
    bytes::Vars,
    gate::Gate,
    line::Line,
    steps::{Length, Step},
    story::{Attempt, Story},
    verdict::Trouble,
};

/// A client that comes more often than this comes for ever.
const ATTEMPTS: usize = 200;
/// A program may have dialled just before it ended.
const LAST_CALL: Duration = Duration::from_millis(50);

/// What a device knows of its client.
#[derive(Default)]
struct Memory {
    attempts: Vec<Attempt>,
    /// The commands that were done and are remembered.
    remembered: BTreeSet<String>,
    done: usize,
    /// What was said that is no command.
    odd: Vec<Vec<u8>>,
}

/// The memory of all connections.
#[derive(Default)]
pub(super) struct Book(Mutex<Memory>);

impl Book {
    fn open(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where it is written down what becomes of one connection.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    book: &'a Book,
    number: usize,
}

/// One connection that was treated to its end.
struct Treated {
    line: Option<Line>,
    away: Option<(CloseReason, Length)>,
    fault: Option<Trouble>,
}

impl Player<'_> {
    pub(super) async fn serve(
        &mut self,
        treatments: &'static [&'static [Step]],
    ) -> Result<(), Trouble> {
        let caller =
            Caller { suite: self.suite, setup: self.setup, env: self.env, vars: &self.vars };
        let (env, setup) = (self.env, self.setup);
        let Peer::Client(gate, program) = &mut self.peer else {
            return Err(Trouble::Inconclusive("the case serves, and the peer is a device".into()));
        };
        let book = Book::default();
        let mut lines: FuturesUnordered<BoxFuture<'_, Treated>> = FuturesUnordered::new();
        let mut until = env.now() + setup.start() + setup.span();
        let (mut ended, mut count, mut endless) = (false, 0, None);
        loop {
            if ended && lines.is_empty() {
                until = until.min(env.now() + LAST_CALL);
            }
            tokio::select! {
                biased;
                Some(treated) = lines.next(), if !lines.is_empty() => {
                    if let Some(fault) = treated.fault {
                        return Err(fault);
                    }
                    leave(gate, treated, env, setup);
                }
                stream = gate.accept(env), if !treatments.is_empty() => {
                    let stream = stream.map_err(|e| Trouble::Inconclusive(e.to_string()))?;
                    if count == ATTEMPTS {
                        endless = Some(format!("it came more than {ATTEMPTS} times"));
                        break;
                    }
                    let page = Page { book: &book, number: count };
                    let last = treatments.len() - 1;
                    lines.push(treat(caller, page, stream, treatments[count.min(last)]));
                    count += 1;
                }
                () = program.ended(), if !ended => {
                    ended = true;
                    // What it said just before may still be read.
                    until = env.now() + setup.patience();
                }
                () = env.sleep_until(until) => {
                    if !ended {
                        let limit = setup.start() + setup.span();
                        endless = Some(format!("it did not end within {limit:?}"));
                    }
                    break;
                }
            }
        }
        drop(lines);
        let untaken = if treatments.is_empty() { waiting(gate, env).await } else { 0 };
        let memory = book.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Memory { attempts, done, odd, .. } = memory;
        let claim = program.claim(env).await;
        let came = count > 0 || untaken > 0 || treatments.is_empty() || self.shut;
        if !came && !claim.as_ref().is_some_and(|claim| claim.success) {
            let why = endless.unwrap_or_else(|| program.how_it_ended());
            return Err(Trouble::Inconclusive(format!("{why} without dialling")));
        }
        self.seen.frames.extend(odd);
        self.seen.story = Some(Story { attempts, untaken, claim, done, endless });
        Ok(())
    }

    /// Does what the last command on this connection asks.
    pub(super) fn act(&mut self) -> Result<(), Trouble> {
        let Page { book, number } = self.page()?;
        let mut memory = book.open();
        let Some(id) = memory.attempts[number].asked.last().cloned() else { return Ok(()) };
        if memory.remembered.insert(id.clone()) {
            memory.done += 1;
        }
        memory.attempts[number].done.push(id);
        Ok(())
    }
    pub(super) fn forget(&mut self) -> Result<(), Trouble> {
        self.page()?.book.open().remembered.clear();
        Ok(())
    }
    fn page(&self) -> Result<Page<'_>, Trouble> {
        self.page.ok_or_else(|| Trouble::Inconclusive("nobody asked for anything".into()))
    }
    /// Something was said on this connection.
    pub(super) fn answered(&mut self) {
        if let Some(Page { book, number }) = self.page {
            let attempt = &mut book.open().attempts[number];
            attempt.answered = !attempt.done.is_empty();
        }
    }
    /// Commands are counted, whatever the case does about them.
    pub(super) fn write_down(&mut self, frame: &[u8]) -> Result<(), Trouble> {
        let Some(Page { book, number }) = self.page else { return Ok(()) };
        let Some(id) = (self.suite.command)(frame) else { return Ok(()) };
        let attempt = &mut book.open().attempts[number];
        attempt.asked.push(id);
        attempt.said.push(frame.to_vec());
        if attempt.asked.len() > FRAMES {
            return Err(Trouble::Fault(format!("it sent more than {FRAMES} commands")));
        }
        Ok(())
    }
    /// What came instead of what was expected is noted where the case goes on all the same.
    pub(super) fn note_odd(&mut self, frame: Vec<u8>) -> Result<(), Trouble> {
        if self.page.is_some() && (self.suite.command)(&frame).is_none() {
            self.note(frame)?;
        }
        Ok(())
    }
    /// Listens until the client goes.
    async fn hold(&mut self) -> Result<(), Trouble> {
        let until = self.env.now() + self.setup.limit();
        loop {
            match self.next(until, None).await? {
                Got::Frame(frame) => self.note_odd(frame)?,
                Got::Part => {}
                Got::Closed | Got::Nothing => return Ok(()),
            }
        }
    }
    async fn treatment(&mut self, steps: &[Step]) -> Result<(), Trouble> {
        for step in steps {
            match Box::pin(self.step(*step)).await {
                // It did not ask, or not for what was expected. The book knows.
                Err(Trouble::Inconclusive(_) | Trouble::Skipped(_)) => break,
                Err(fault @ Trouble::Fault(_)) => return Err(fault),
                Ok(()) => {}
            }
        }
        if self.away.is_none() { self.hold().await } else { Ok(()) }
    }
}

/// What every connection of a case is given.
#[derive(Clone, Copy)]
struct Caller<'a> {
    suite: &'static Suite,
    setup: &'a Setup,
    env: &'a Env,
    vars: &'a Vars,
}

/// Treats one connection as the steps say, and then listens until the client goes.
fn treat<'a>(
    caller: Caller<'a>,
    page: Page<'a>,
    stream: Stream,
    steps: &'static [Step],
) -> BoxFuture<'a, Treated> {
    let Caller { suite, setup, env, vars } = caller;
    let Page { book, number } = page;
    let port = stream.addrs().map_or(0, |(_, peer)| peer.port());
    let at_us = env.now().as_micros();
    book.open().attempts.push(Attempt { port, at_us, ..Attempt::default() });
    Box::pin(async move {
        let conn = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
        let line = match Line::new(stream, conn, suite.cut, env) {
            Ok(line) => line,
            // It was gone before it was looked at.
            Err(_) => return Treated { line: None, away: None, fault: None },
        };
        let mut player = Player::new(suite, setup, env, Peer::Caller);
        player.vars = vars.clone();
        if let Some(first) = book.open().attempts[0].asked.first() {
            player.vars.learn('k', first.as_bytes());
        }
        player.page = Some(page);
        player.opened(line);
        let fault = player.treatment(steps).await.err();
        let away = player.away;
        let mut line = player.lines.pop();
        let mut memory = book.open();
        memory.odd.append(&mut player.seen.frames);
        if let Some(line) = &mut line {
            if away.is_none() {
                line.close(CloseReason::Local, env);
            }
            let over = line.closed.map_or(line.mark, |(_, at)| at);
            memory.attempts[number].over_us = Some(over.as_micros());
        }
        Treated { line, away, fault }
    })
}

/// The port first, so that nobody can come again in between.
fn leave(gate: &mut Gate, treated: Treated, env: &Env, setup: &Setup) {
    let Treated { line: Some(mut line), away: Some((how, length)), .. } = treated else { return };
    gate.shut(Some(env.now() + length.of(setup)));
    line.close(how, env);
}

/// How many wait to be taken, and are sent away.
async fn waiting(gate: &mut Gate, env: &Env) -> usize {
    let mut count = 0;
    let until = env.now() + LAST_CALL;
    while count < ATTEMPTS {
        tokio::select! {
            biased;
            stream = gate.accept(env) => match stream {
                Ok(_) => count += 1,
                Err(_) => break,
            },
            () = env.sleep_until(until) => break,
        }
    }
    count
}
