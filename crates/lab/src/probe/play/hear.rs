//! The steps that listen: waiting for a frame, taking note of all that comes, asking again and again.
use std::time::Duration;

use proto::Time;

use super::Player;
use crate::probe::{
    Reflex,
    bytes::{Bytes, Pattern},
    line::Came,
    outcome::Ended,
    steps::{Length, Until},
    verdict::Trouble,
};

/// Frames noted of one case; a peer that says more says it for ever.
pub(super) const FRAMES: usize = 10_000;

/// What came while we waited.
pub(super) enum Got {
    Frame(Vec<u8>),
    Part,
    Closed,
    Nothing,
}

impl Player<'_> {
    /// What comes next, but for what the reflexes pass over.
    pub(super) async fn next(
        &mut self,
        until: Time,
        wanted: Option<&Pattern>,
    ) -> Result<Got, Trouble> {
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
            self.write_down(&frame)?;
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
    pub(super) async fn expect(&mut self, pattern: &Pattern) -> Result<Option<String>, Trouble> {
        let until = self.env.now() + self.setup.patience();
        loop {
            let instead = match self.next(until, Some(pattern)).await? {
                Got::Part => continue,
                Got::Frame(frame) => {
                    let covers = pattern.bytes.covers(&[&frame], &mut self.vars.clone());
                    if covers.is_some() {
                        return Ok(None);
                    }
                    let instead = format!("said {}", (self.suite.name)(&frame));
                    self.note_odd(frame)?;
                    instead
                }
                Got::Closed => "closed".into(),
                Got::Nothing => "said nothing".into(),
            };
            return Ok(Some(format!("waited for {}, and it {instead}", pattern.name)));
        }
    }

    pub(super) async fn lull(&mut self) -> Result<(), Trouble> {
        let until = self.env.now() + self.setup.quiet();
        loop {
            match self.next(until, None).await? {
                Got::Frame(_) | Got::Part => {}
                Got::Closed | Got::Nothing => return Ok(()),
            }
        }
    }
    pub(super) async fn watch(&mut self, until: Until) -> Result<(), Trouble> {
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
    pub(super) fn note(&mut self, frame: Vec<u8>) -> Result<(), Trouble> {
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

    pub(super) async fn poke(
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
    pub(super) async fn ping(&mut self, ask: Bytes, answer: &Pattern) -> Result<(), Trouble> {
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
