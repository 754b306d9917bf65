//! One connection through the proxy: two sockets, a lane each way, and what one end's end means to
//! the other.
use std::{
    cell::RefCell,
    future::poll_fn,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use proto::{CloseReason, Time};
use tokio_util::sync::CancellationToken;

use super::{
    board::Ear,
    lane::{self, End, Lane, Output, Strike},
    leg::Leg,
    side::{Ending, Heard, Side},
};
use crate::{
    Env, Event,
    env::Alarm,
    net::Stream,
    record::{Flow, veil::Veil},
};

/// Read at once. One such buffer serves all connections of a thread, so an idle one costs nothing.
const READ: usize = 64 * 1024;
/// Turns before others get theirs.
const TURNS: usize = 32;
/// How often the receiver's queue is looked at while it must become empty.
const LOOK: Duration = Duration::from_micros(50);
/// How long it may take; then the cut is unproved, and the bytes go on.
const READ_IN: Duration = Duration::from_secs(5);
/// How long a reset waits for the bytes before it to arrive.
const BEFORE_RESET: Duration = Duration::from_secs(1);

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// A connection being carried.
pub(super) struct Link {
    pub(super) env: Env,
    pub(super) veil: Veil,
    pub(super) near: Leg,
    pub(super) far: Leg,
    pub(super) up: Lane,
    pub(super) down: Lane,
}

/// How the whole of it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// Both have finished, in whatever order.
    Finished,
    /// A fault closed it.
    Closed,
    /// A fault reset it.
    Reset,
    /// This one was reset, and the other is to be.
    Mirror(Flow),
    /// The proxy is told to stop.
    Stopped,
}

impl Link {
    /// Carries until it is over, one way or another.
    pub(super) async fn run(
        mut self,
        nth: u64,
        rules: Ear,
        stop: CancellationToken,
        client: std::net::IpAddr,
    ) {
        let over = self.carry(nth, rules, &stop, client).await;
        self.end(over).await;
    }

    async fn carry(
        &mut self,
        nth: u64,
        mut rules: Ear,
        stop: &CancellationToken,
        client: std::net::IpAddr,
    ) -> Over {
        let Self { env, veil, near, far, up, down } = self;
        let ((near, near_broke), (far, far_broke)) = (Side::of(near, veil), Side::of(far, veil));
        tokio::pin!(near_broke, far_broke);
        let mut pass = Pass { env, near, far, up, down, waits: Default::default() };
        let mut alarm = env.sharp_alarm();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Over::Stopped,
                () = rules.changed() => {
                    let mine = lane::about(&rules.rules(), nth, client);
                    let now = env.now();
                    pass.up.arm(now, &mine);
                    pass.down.arm(now, &mine);
                }
                // No more than noted: what it sent before is read first.
                () = &mut near_broke, if !pass.near.broken => pass.near.broken = true,
                () = &mut far_broke, if !pass.far.broken => pass.far.broken = true,
                over = poll_fn(|cx| pass.poll(cx, &mut alarm)) => return over,
            }
        }
    }

    async fn end(mut self, over: Over) {
        for (flow, lane) in [(Flow::Up, &mut self.up), (Flow::Down, &mut self.down)] {
            for strike in lane.sum_up() {
                struck(&self.env, self.near.conn, flow, strike);
            }
        }
        let Self { env, near, far, .. } = self;
        let (at_near, at_far) = match over {
            Over::Finished => (CloseReason::Peer, CloseReason::Peer),
            Over::Closed | Over::Stopped => (CloseReason::Local, CloseReason::Local),
            Over::Reset => (CloseReason::Abort, CloseReason::Abort),
            Over::Mirror(Flow::Up) => (CloseReason::Reset, CloseReason::Abort),
            Over::Mirror(Flow::Down) => (CloseReason::Abort, CloseReason::Reset),
        };
        for (mut leg, reason) in [(near, at_near), (far, at_far)] {
            if over == Over::Closed || over == Over::Stopped || leg.failed.is_some() {
                leg.say_farewell();
            }
            let Leg { stream, conn, tls: _, failed } = leg;
            match reason {
                CloseReason::Abort => {
                    arrived(&stream, &env).await;
                    stream.reset();
                }
                _ if over == Over::Closed || failed.is_some() => take_leave(stream).await,
                _ => drop(stream),
            }
            env.record(Event::Closed { conn, reason: failed.unwrap_or(reason) });
        }
    }
}

/// The connection at work.
struct Pass<'a> {
    env: &'a Env,
    near: Side<'a>,
    far: Side<'a>,
    up: &'a mut Lane,
    down: &'a mut Lane,
    waits: [Waits; 2],
}

/// What a lane waits for.
#[derive(Default)]
struct Waits {
    until: Option<Time>,
    /// Since when the receiver is watched.
    draining: Option<Time>,
    /// The receiver takes no more.
    full: bool,
}

impl Pass<'_> {
    fn poll(&mut self, cx: &mut Context<'_>, alarm: &mut Alarm) -> Poll<Over> {
        for _ in 0..TURNS {
            self.near.settle(cx);
            self.far.settle(cx);
            let up = self.carry(Flow::Up, cx);
            let down = self.carry(Flow::Down, cx);
            match (up, down) {
                (Turn::Over(over), _) | (_, Turn::Over(over)) => return Poll::Ready(over),
                (Turn::Idle, Turn::Idle) => {
                    if self.tell_of_frames() {
                        continue;
                    }
                    alarm.set(self.waits.iter().filter_map(|wait| wait.until).min());
                    if alarm.poll_ring(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
                (Turn::Busy, _) | (_, Turn::Busy) => {
                    self.tell_of_frames();
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Some faults begin with a frame on the other lane. Whether there was one to tell of.
    fn tell_of_frames(&mut self) -> bool {
        let (up, down) = (self.up.take_seen(), self.down.take_seen());
        up.iter().for_each(|kind| self.down.saw(kind));
        down.iter().for_each(|kind| self.up.saw(kind));
        !up.is_empty() || !down.is_empty()
    }

    fn carry(&mut self, flow: Flow, cx: &mut Context<'_>) -> Turn {
        let Self { env, near, far, up, down, waits: [for_up, for_down] } = self;
        let near_conn = near.conn;
        let (lane, from, to, wait) = match flow {
            Flow::Up => (up, near, far, for_up),
            Flow::Down => (down, far, near, for_down),
        };
        let wrote = match write(lane, flow, near_conn, to, cx, env, wait) {
            Turn::Over(over) => return Turn::Over(over),
            wrote => wrote,
        };
        if from.silent && to.silent && from.told && to.told {
            return Turn::Over(Over::Finished);
        }
        if from.silent {
            // It finished, and was reset later: the receiver has had all of it, and hears of that too.
            let late = from.broken && to.told;
            return if late { Turn::Over(Over::Mirror(flow)) } else { wrote };
        }
        if !lane.reads() {
            // A reset overtakes what the receiver does not take, but nothing that a fault holds back.
            let stuck = from.broken && wait.full;
            return if stuck { Turn::Over(Over::Mirror(flow)) } else { wrote };
        }
        match SCRATCH.with_borrow_mut(|scratch| read(lane, from, to, scratch, cx, env)) {
            Turn::Idle => wrote,
            turn => turn,
        }
    }
}

/// How far a lane got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Busy,
    Idle,
    Over(Over),
}

fn struck(env: &Env, conn: u32, flow: Flow, Strike { fault, at, did }: Strike) {
    env.record(Event::Struck { conn, flow, fault, at, did });
}

/// Does what the lane wants until it waits.
fn write(
    lane: &mut Lane,
    flow: Flow,
    near: u32,
    to: &mut Side<'_>,
    cx: &mut Context<'_>,
    env: &Env,
    wait: &mut Waits,
) -> Turn {
    let mut turn = Turn::Idle;
    wait.full = false;
    if lane.is_clear() {
        wait.until = None;
        return turn;
    }
    let now = env.now();
    loop {
        match lane.poll_output(now) {
            Output::Write(bytes) if to.deaf => lane.wrote(now, bytes.len()),
            Output::Write(bytes) => match to.poll_write(cx, &bytes) {
                Poll::Pending => {
                    wait.full = true;
                    match lane.stuck(now) {
                        Ok(strike) => {
                            struck(env, near, flow, strike);
                            return Turn::Over(Over::Reset);
                        }
                        Err(until) => wait.until = until,
                    }
                    return turn;
                }
                Poll::Ready(Ok(n)) => {
                    to.sent(env, &bytes[..n]);
                    lane.wrote(now, n);
                }
                Poll::Ready(Err(_)) => to.refuse(),
            },
            Output::Drain => {
                let since = *wait.draining.get_or_insert(now);
                let known = match to.drained() {
                    _ if to.deaf => Some(Err("the receiver is gone")),
                    Some(true) => Some(Ok(())),
                    None => Some(Err("nobody can look into the receiver's queue")),
                    Some(false) if now >= since + READ_IN => {
                        Some(Err("the receiver does not read"))
                    }
                    Some(false) => None,
                };
                let Some(known) = known else {
                    wait.until = Some(now + LOOK);
                    return turn;
                };
                wait.draining = None;
                lane.drained(known);
            }
            Output::Finish => to.finish(cx),
            Output::End(End::Close) => return Turn::Over(Over::Closed),
            Output::End(End::Reset) => return Turn::Over(Over::Reset),
            Output::End(End::Mirror) => return Turn::Over(Over::Mirror(flow)),
            Output::Struck(strike) => struck(env, near, flow, strike),
            Output::Wait(until) => {
                wait.until = until;
                return turn;
            }
        }
        turn = Turn::Busy;
    }
}

/// Reads once, and passes it on.
fn read(
    lane: &mut Lane,
    from: &mut Side<'_>,
    to: &mut Side<'_>,
    scratch: &mut [u8],
    cx: &mut Context<'_>,
    env: &Env,
) -> Turn {
    let Poll::Ready(heard) = from.poll_hear(cx, scratch) else { return Turn::Idle };
    match heard {
        Heard::Read(n) => pass_on(&scratch[..n], lane, from, to, cx, env),
        Heard::Deciphered(bytes) => pass_on(&bytes, lane, from, to, cx, env),
        Heard::Nothing => {}
        Heard::End(how) => {
            from.fell_silent(how, env);
            match how {
                Ending::Finished => lane.finish(env.now()),
                Ending::CutOff => {
                    to.will_end_abruptly();
                    lane.finish(env.now());
                }
                Ending::Broke => lane.broke(env.now()),
            }
        }
    }
    Turn::Busy
}

fn pass_on(
    bytes: &[u8],
    lane: &mut Lane,
    from: &mut Side<'_>,
    to: &mut Side<'_>,
    cx: &mut Context<'_>,
    env: &Env,
) {
    from.received(env, bytes);
    if !lane.is_clear() || to.deaf {
        return lane.take(env.now(), Bytes::copy_from_slice(bytes));
    }
    let written = match to.poll_write(cx, bytes) {
        Poll::Ready(Ok(n)) => n,
        Poll::Ready(Err(_)) => return to.refuse(),
        Poll::Pending => 0,
    };
    if written > 0 {
        lane.passed(&bytes[..written]);
        to.sent(env, &bytes[..written]);
    }
    if written < bytes.len() {
        lane.take(env.now(), Bytes::copy_from_slice(&bytes[written..]));
    }
}

/// A reset overtakes bytes that our kernel still holds, so it waits for them while they travel.
async fn arrived(stream: &Stream, env: &Env) {
    let until = env.now() + BEFORE_RESET;
    while stream.in_flight().is_some_and(|bytes| bytes > 0) && env.now() < until {
        env.sleep_until(env.now() + Duration::from_millis(1)).await;
    }
}

/// Closes with a FIN, which bytes that wait to be read would turn into a reset.
pub(super) async fn take_leave(stream: Stream) {
    let _ = stream.finish();
    poll_fn(|cx| {
        SCRATCH.with_borrow_mut(|scratch| {
            for _ in 0..TURNS {
                match stream.poll_read(cx, scratch) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(Ok(0) | Err(_)) | Poll::Pending => break,
                }
            }
        });
        Poll::Ready(())
    })
    .await;
}
