//! Plays one case against a peer, and says what came of it.
use std::time::Duration;

use net::{Env, net::Listener};
use proto::{CloseReason, Time};

use super::{
    Case, Reflex, Setup, Suite,
    bytes::{Bytes, Pattern, Vars},
    line::{Came, Line},
    outcome::{Ended, Observed},
    program::Program,
    steps::{Length, Step, Until},
    verdict::Trouble,
};

/// Frames noted of one case; a peer that says more says it for ever.
const FRAMES: usize = 10_000;
/// Between two attempts to connect to a device that refuses.
const AGAIN: Duration = Duration::from_millis(20);

/// Who is at the other end.
pub(super) enum Peer<'a> {
    /// A device at this address.
    Device(std::net::SocketAddr),
    /// A client that dials us.
    Client(&'a mut Listener, &'a mut Program),
}

pub(super) struct Player<'a> {
    suite: &'static Suite,
    setup: &'a Setup,
    env: &'a Env,
    peer: Peer<'a>,
    mute: bool,
    lines: Vec<Line>,
    current: usize,
    vars: Vars,
    seen: Observed,
}

/// What came while we waited.
enum Got {
    Frame(Vec<u8>),
    Part,
    Closed,
    Nothing,
}

impl<'a> Player<'a> {
    pub(super) fn new(
        suite: &'static Suite,
        setup: &'a Setup,
        env: &'a Env,
        peer: Peer<'a>,
    ) -> Self {
        let (lines, vars, seen) = (Vec::new(), setup.vars(), Observed::default());
        Self { suite, setup, env, peer, mute: false, lines, current: 0, vars, seen }
    }
    /// Plays a case to its end.
    pub(super) async fn case(mut self, case: &Case) -> Result<Observed, Trouble> {
        self.mute = case.mute;
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
        }
        Ok(())
    }

    fn line(&mut self) -> Result<&mut Line, Trouble> {
        let missing = || Trouble::Inconclusive("the case has no connection".into());
        self.lines.get_mut(self.current).ok_or_else(missing)
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
        let Peer::Client(listener, program) = &mut self.peer else {
            return Err("the case waits to be dialled, and the peer is a device".into());
        };
        let until = env.now() + patience;
        let mut ended = false;
        let stream = loop {
            tokio::select! {
                biased;
                stream = listener.accept() => match stream {
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
        Ok(())
    }

    /// What comes next, but for what the reflexes pass over.
    async fn next(&mut self, until: Time, wanted: Option<&Pattern>) -> Result<Got, Trouble> {
        let (env, reflex, mute) = (self.env, self.suite.reflex, self.mute);
        loop {
            let line = self.line()?;
            if line.is_ours() {
                return Ok(Got::Nothing);
            }
            let came = tokio::select! {
                biased;
                came = line.next(env) => came,
                () = env.sleep_until(until) => return Ok(Got::Nothing),
            };
            let frame = match came {
                Came::Frame(frame) => frame,
                Came::Part => return Ok(Got::Part),
                Came::Closed => return Ok(Got::Closed),
                Came::TooMuch => return Err(Trouble::Fault("it said more than 64 MiB".into())),
            };
            if let Some(pattern) = wanted
                && pattern.bytes.covers(&[&frame], &mut self.vars).is_some()
            {
                return Ok(Got::Frame(frame));
            }
            match if mute { Reflex::Keep } else { reflex(&frame) } {
                Reflex::Keep => return Ok(Got::Frame(frame)),
                Reflex::Drop => {}
                Reflex::Answer(answer) => {
                    let line = self.line()?;
                    let mark = line.mark;
                    if line.is_between_frames() {
                        line.send(answer, env).await;
                    }
                    line.mark = mark;
                }
            }
        }
    }
    /// Waits for it; or what came instead, in words.
    async fn expect(&mut self, pattern: &Pattern) -> Result<Option<String>, Trouble> {
        let until = self.env.now() + self.setup.patience();
        loop {
            let instead = match self.next(until, Some(pattern)).await? {
                Got::Part => continue,
                Got::Frame(frame) => {
                    let covers = pattern.bytes.covers(&[&frame], &mut self.vars.clone());
                    if covers.is_some() {
                        return Ok(None);
                    }
                    format!("said {}", (self.suite.name)(&frame))
                }
                Got::Closed => "closed".into(),
                Got::Nothing => "said nothing".into(),
            };
            return Ok(Some(format!("waited for {}, and it {instead}", pattern.name)));
        }
    }

    async fn lull(&mut self) -> Result<(), Trouble> {
        let until = self.env.now() + self.setup.quiet();
        loop {
            match self.next(until, None).await? {
                Got::Frame(_) | Got::Part => {}
                Got::Closed | Got::Nothing => return Ok(()),
            }
        }
    }
    async fn watch(&mut self, until: Until) -> Result<(), Trouble> {
        let (patience, quiet) = (self.setup.patience(), self.setup.quiet());
        let mark = self.line()?.mark;
        let mut deadline = match until {
            Until::Frames(_) => self.env.now() + patience,
            Until::Within(_, length) => self.env.now() + length.of(self.setup).max(patience),
            Until::Past(length) => mark + self.past(length),
        };
        loop {
            match (self.next(deadline, None).await?, until) {
                (Got::Frame(frame), _) => {
                    self.note(frame)?;
                    if let Until::Frames(count) | Until::Within(count, _) = until {
                        let enough = self.seen.frames.len() >= count;
                        deadline = self.env.now() + if enough { quiet } else { patience };
                    }
                }
                (Got::Part, Until::Frames(_)) => deadline = self.env.now() + patience,
                (Got::Part, Until::Past(_) | Until::Within(..)) => {}
                (Got::Closed, _) => {
                    self.closed(mark, due(until))?;
                    return Ok(());
                }
                (Got::Nothing, _) => {
                    self.seen.end = Ended::Open;
                    return Ok(());
                }
            }
        }
    }
    fn past(&self, length: Length) -> Duration {
        let length = length.of(self.setup);
        length + self.setup.tolerance(length)
    }
    fn note(&mut self, frame: Vec<u8>) -> Result<(), Trouble> {
        self.seen.frames.push(frame);
        if self.seen.frames.len() > FRAMES {
            return Err(Trouble::Fault(format!("it said more than {FRAMES} messages")));
        }
        Ok(())
    }
    fn closed(&mut self, mark: Time, due: Option<Length>) -> Result<(), Trouble> {
        let closed = self.line()?.closed;
        self.seen.end = match closed {
            Some((how, at)) => Ended::Closed { how, after: at - mark, due },
            None => Ended::Open,
        };
        Ok(())
    }

    async fn poke(
        &mut self,
        ask: Bytes,
        answer: &Pattern,
        every: Length,
        past: Length,
    ) -> Result<(), Trouble> {
        let mark = self.line()?.mark;
        let end = mark + self.past(past);
        while self.env.now() < end {
            self.send(ask).await?;
            let until = end.min(self.env.now() + every.of(self.setup));
            loop {
                match self.next(until, Some(answer)).await? {
                    Got::Frame(frame) => {
                        let good = answer.bytes.covers(&[&frame], &mut self.vars.clone());
                        if good.is_none() {
                            self.note(frame)?;
                        }
                    }
                    Got::Part => {}
                    Got::Closed => return self.closed(mark, Some(past)),
                    Got::Nothing => break,
                }
            }
        }
        self.seen.end = Ended::Open;
        Ok(())
    }
    async fn ping(&mut self, ask: Bytes, answer: &Pattern) -> Result<(), Trouble> {
        let mark = self.line()?.mark;
        if self.line()?.closed.is_some() {
            return Ok(());
        }
        self.send(ask).await?;
        let until = self.env.now() + self.setup.patience();
        loop {
            match self.next(until, Some(answer)).await? {
                Got::Frame(frame) => {
                    if answer.bytes.covers(&[&frame], &mut self.vars.clone()).is_some() {
                        self.seen.end = Ended::Open;
                        return Ok(());
                    }
                    self.note(frame)?;
                }
                Got::Part => {}
                Got::Closed => return self.closed(mark, None),
                Got::Nothing => {
                    self.seen.end = Ended::Deaf;
                    return Ok(());
                }
            }
        }
    }
}

fn due(until: Until) -> Option<Length> {
    match until {
        Until::Frames(_) | Until::Within(..) => None,
        Until::Past(length) => Some(length),
    }
}
