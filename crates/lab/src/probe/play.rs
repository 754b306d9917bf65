//! Plays one case against a peer, and says what came of it.
mod hear;
mod serve;

use std::time::Duration;

use net::Env;
use proto::CloseReason;

use super::{
    Case, Port, Setup, Suite,
    bytes::{Bytes, Vars},
    gate::Gate,
    line::Line,
    outcome::Observed,
    program::Program,
    steps::{Length, Step},
    verdict::Trouble,
};
use serve::Page;

/// Between two attempts to connect to a device that refuses.
const AGAIN: Duration = Duration::from_millis(20);
/// Between two looks at what a peer has read.
const SOON: Duration = Duration::from_millis(1);

/// Who is at the other end.
pub(super) enum Peer<'a> {
    /// A device at this address.
    Device(std::net::SocketAddr),
    /// A client that dials us.
    Client(&'a mut Gate, &'a mut Program),
    /// Whoever opened the one connection there is.
    Caller,
}

pub(super) struct Player<'a> {
    suite: &'static Suite,
    setup: &'a Setup,
    env: &'a Env,
    peer: Peer<'a>,
    mute: bool,
    /// The port is shut at times, so that a client may have come and we did not see it.
    shut: bool,
    lines: Vec<Line>,
    current: usize,
    vars: Vars,
    seen: Observed,
    /// Where it is written down what a client asks on this connection.
    page: Option<Page<'a>>,
    /// The port is to be shut, in this way, for so long.
    away: Option<(CloseReason, Length)>,
}

impl<'a> Player<'a> {
    pub(super) fn new(
        suite: &'static Suite,
        setup: &'a Setup,
        env: &'a Env,
        peer: Peer<'a>,
    ) -> Self {
        let (lines, vars, seen) = (Vec::new(), setup.vars(""), Observed::default());
        let (mute, shut, current, page, away) = (false, false, 0, None, None);
        Self { suite, setup, env, peer, mute, shut, lines, current, vars, seen, page, away }
    }
    /// Plays a case to its end.
    pub(super) async fn case(mut self, case: &Case) -> Result<Observed, Trouble> {
        self.mute = case.mute;
        self.shut = case.port != Port::Open;
        self.vars = self.setup.vars(case.id);
        self.steps(case.steps).await?;
        self.seen.vars = self.vars.clone();
        for line in &mut self.lines {
            line.close(CloseReason::Local, self.env);
        }
        Ok(self.seen)
    }
    pub(super) async fn steps(&mut self, steps: &[Step]) -> Result<(), Trouble> {
        for step in steps {
            self.step(*step).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: Step) -> Result<(), Trouble> {
        match step {
            Step::Connect => return self.connect().await,
            Step::Accept => return self.accept().await,
            Step::AcceptAgain(length) => return self.accept_again(length).await,
            Step::Switch(to) => self.current = to,
            Step::Send(bytes) => return self.send(bytes).await,
            Step::SendSlowly(bytes, gap) => return self.send_slowly(bytes, gap).await,
            Step::Expect(pattern) => {
                let missed = self.expect(&pattern).await?;
                return missed.map_or(Ok(()), |why| Err(Trouble::Inconclusive(why)));
            }
            Step::Hope(pattern, reason) => {
                let missed = self.expect(&pattern).await?;
                return missed
                    .map_or(Ok(()), |why| Err(Trouble::Skipped(format!("{reason}: {why}"))));
            }
            Step::Greet(ask, answer) if self.setup.greet() => {
                self.send(ask).await?;
                self.expect(&answer).await?;
            }
            Step::Greet(..) => {}
            Step::Lull => return self.lull().await,
            Step::Watch(until) => return self.watch(until).await,
            Step::Poke { ask, answer, every, past } => {
                return self.poke(ask, &answer, every, past).await;
            }
            Step::Ping(ask, answer) => return self.ping(ask, &answer).await,
            Step::Wait(length) => {
                self.env.sleep_until(self.env.now() + length.of(self.setup)).await;
            }
            Step::HalfClose => {
                let env = self.env;
                self.line()?.half_close(env);
            }
            Step::Close => self.close(CloseReason::Local)?,
            Step::Reset => self.close(CloseReason::Abort)?,
            Step::Serve(treatments) => return self.serve(treatments).await,
            Step::Act => self.act()?,
            Step::Forget => self.forget()?,
            Step::Leave(length) => self.away = Some((CloseReason::Local, length)),
            Step::Crash(length) => self.away = Some((CloseReason::Abort, length)),
            Step::Dialled => self.await_dial().await?,
            Step::Apart(length) => self.await_read(length).await?,
            Step::Open(length) | Step::Reopen(length) => {
                let back = self.env.now() + length.of(self.setup);
                self.gate()?.shut(Some(back));
                self.shut = true;
            }
        }
        Ok(())
    }

    fn line(&mut self) -> Result<&mut Line, Trouble> {
        let missing = || Trouble::Inconclusive("the case has no connection".into());
        self.lines.get_mut(self.current).ok_or_else(missing)
    }
    fn gate(&mut self) -> Result<&mut Gate, Trouble> {
        match &mut self.peer {
            Peer::Client(gate, _) => Ok(gate),
            Peer::Device(_) | Peer::Caller => {
                Err(Trouble::Inconclusive("the case has a port, and the peer does not dial".into()))
            }
        }
    }
    /// Polls, since the kernel tells nobody who does not accept.
    async fn await_dial(&mut self) -> Result<(), Trouble> {
        let (env, until) = (self.env, self.env.now() + self.setup.start());
        while env.now() < until && self.gate()?.is_dialled() != Some(true) {
            env.sleep_until(env.now() + AGAIN).await;
        }
        Ok(())
    }
    /// Polls, since nobody is told what another program reads.
    async fn await_read(&mut self, length: Length) -> Result<(), Trouble> {
        let (env, until) = (self.env, self.env.now() + length.of(self.setup));
        while env.now() < until && self.line()?.is_read() != Some(true) {
            env.sleep_until(env.now() + SOON).await;
        }
        Ok(())
    }
    fn close(&mut self, reason: CloseReason) -> Result<(), Trouble> {
        let env = self.env;
        self.line()?.close(reason, env);
        Ok(())
    }
    fn conn(&self) -> u32 {
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX).saturating_add(1)
    }
    fn opened(&mut self, line: Line) {
        self.lines.push(line);
        self.current = self.lines.len() - 1;
        // What the last connection taught is no longer true of this one.
        ('x'..='z').for_each(|letter| self.vars.forget(letter));
    }

    /// A device may need a moment between two connections; one that refuses for longer has refused.
    async fn connect(&mut self) -> Result<(), Trouble> {
        let Peer::Device(addr) = self.peer else {
            return Err(Trouble::Inconclusive("the case dials, and the peer is a client".into()));
        };
        let (conn, cut) = (self.conn(), self.suite.cut);
        let until = self.env.now() + self.setup.patience();
        let line = loop {
            match Line::dial(self.env, conn, addr, cut).await {
                Ok(line) => break line,
                Err(_) if self.env.now() < until => {
                    self.env.sleep_until(self.env.now() + AGAIN).await;
                }
                Err(e) if self.lines.is_empty() => {
                    return Err(Trouble::Inconclusive(format!("could not connect: {e}")));
                }
                Err(_) => break Line::refused(conn, cut, self.env),
            }
        };
        self.opened(line);
        self.env.sleep_until(self.env.now() + self.setup.settle()).await;
        Ok(())
    }
    async fn accept(&mut self) -> Result<(), Trouble> {
        match self.dialled(self.setup.start()).await {
            Ok(()) => Ok(()),
            Err(why) => Err(Trouble::Inconclusive(why)),
        }
    }
    async fn accept_again(&mut self, length: Length) -> Result<(), Trouble> {
        let since = self.line()?.mark;
        let length = length.of(self.setup);
        let patience = length + self.setup.tolerance(length) + self.setup.patience();
        match self.dialled(patience).await {
            Ok(()) => {
                let gap = self.line()?.mark - since;
                self.seen.gaps.push(gap);
                Ok(())
            }
            Err(why) => Err(Trouble::Skipped(format!("it need not come again: {why}"))),
        }
    }
    /// Waits until the client dials.
    async fn dialled(&mut self, patience: Duration) -> Result<(), String> {
        let (conn, cut, env) = (self.conn(), self.suite.cut, self.env);
        let Peer::Client(gate, program) = &mut self.peer else {
            return Err("the case waits to be dialled, and the peer is a device".into());
        };
        let until = env.now() + patience;
        let mut ended = false;
        let stream = loop {
            tokio::select! {
                biased;
                stream = gate.accept(env) => match stream {
                    Ok(stream) => break stream,
                    Err(e) => return Err(format!("could not accept: {e}")),
                },
                () = program.ended(), if !ended => ended = true,
                // It may have dialled just before it ended.
                () = env.sleep_until(env.now() + AGAIN), if ended => {
                    return Err(format!("{} without dialling", program.how_it_ended()));
                }
                () = env.sleep_until(until) => {
                    return Err(format!("it did not dial within {patience:?}"));
                }
            }
        };
        let line = Line::new(stream, conn, cut, env).map_err(|e| e.to_string())?;
        self.opened(line);
        Ok(())
    }

    async fn send(&mut self, bytes: Bytes) -> Result<(), Trouble> {
        let bytes = bytes.render(&self.vars).map_err(Trouble::Inconclusive)?;
        let env = self.env;
        self.line()?.send(bytes, env).await;
        self.answered();
        Ok(())
    }
    async fn send_slowly(&mut self, bytes: Bytes, gap: Length) -> Result<(), Trouble> {
        let bytes = bytes.render(&self.vars).map_err(Trouble::Inconclusive)?;
        let (env, gap) = (self.env, gap.of(self.setup));
        for (n, byte) in bytes.into_iter().enumerate() {
            if n > 0 {
                env.sleep_until(env.now() + gap).await;
            }
            self.line()?.send(vec![byte], env).await;
        }
        self.answered();
        Ok(())
    }
}
