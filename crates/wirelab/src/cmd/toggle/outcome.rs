//! What became of one command, for people and for programs.
use std::time::Duration;

use net::{Answer, group::Lost};
use proto::{Delivery, RequestError, Stage, Ticket, toggle::Reply, toggle::Toggle};
use serde::Serialize;

use super::watch::Watch;
use crate::{
    exit::{Exit, Failure},
    text,
};

/// What became of one command.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    device_id: String,
    state: bool,
    end: End,
    attempts: u32,
    elapsed: Duration,
    ticket: Option<Ticket>,
}

#[derive(Clone, Debug)]
enum End {
    Ok(Delivery),
    Failed(Stage, String),
    Interrupted,
}

/// What `--json` prints. Keys come in this order.
#[derive(Serialize)]
struct Told<'a> {
    device_id: &'a str,
    state: &'static str,
    outcome: &'static str,
    stage: Option<Stage>,
    delivery: Option<Delivery>,
    attempts: u32,
    elapsed_ms: f64,
    msg_id: Option<Ticket>,
    detail: Option<&'a str>,
    schema: u32,
}

/// The word for a state.
pub(crate) fn state(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

impl Outcome {
    /// There was an end to it.
    pub(crate) fn answered(command: &Toggle, answer: Answer<Reply>) -> Self {
        match answer {
            Ok(receipt) => Self {
                attempts: receipt.attempts,
                elapsed: receipt.elapsed,
                ticket: Some(receipt.ticket),
                ..Self::of(command, End::Ok(receipt.delivery))
            },
            Err(failure) => {
                let RequestError { stage, attempts, detail } = failure.error;
                let (elapsed, ticket) = (failure.elapsed, Some(failure.ticket));
                Self { attempts, elapsed, ticket, ..Self::of(command, End::Failed(stage, detail)) }
            }
        }
    }
    /// There was no way to the device.
    pub(crate) fn unresolved(
        command: &Toggle,
        watch: &Watch,
        lost: Lost,
        elapsed: Duration,
    ) -> Self {
        let Lost { stage, detail } = lost;
        Self::of(command, End::Failed(stage, detail)).seen(watch, elapsed)
    }
    /// We were told to stop.
    pub(crate) fn interrupted(command: &Toggle, watch: &Watch, elapsed: Duration) -> Self {
        Self::of(command, End::Interrupted).seen(watch, elapsed)
    }
    fn of(command: &Toggle, end: End) -> Self {
        let (device_id, state) = (command.device_id().to_string(), command.state());
        Self { device_id, state, end, attempts: 0, elapsed: Duration::ZERO, ticket: None }
    }
    fn seen(self, watch: &Watch, elapsed: Duration) -> Self {
        let seen = watch.seen();
        Self { attempts: seen.attempts, ticket: seen.ticket, elapsed, ..self }
    }

    /// We were told to stop.
    pub(crate) fn is_interrupted(&self) -> bool {
        matches!(self.end, End::Interrupted)
    }
    /// How the program ends if this was all.
    pub(crate) fn exit(&self, by_stage: bool) -> Exit {
        match self.end {
            End::Ok(_) => Exit::Done,
            End::Interrupted | End::Failed(Stage::Cancelled, _) => Exit::Interrupted,
            End::Failed(Stage::Deadline, _) => Exit::Deadline,
            End::Failed(stage, _) if by_stage => Exit::At(stage),
            End::Failed(..) => Exit::Failed,
        }
    }
    /// Tells programs on stdout, if asked to, and people on stderr; of many, people hear the failed.
    ///
    /// # Errors
    /// Stdout is not writable.
    pub(crate) fn tell(&self, json: bool, is_one: bool) -> Result<(), Failure> {
        let printed = if json { text::print(&text::json_line(&self.told())) } else { Ok(()) };
        if is_one || !matches!(self.end, End::Ok(_)) {
            text::talk(&self.in_words());
        }
        match printed {
            Err(Failure::Unheard) | Ok(()) => Ok(()),
            Err(told) => Err(told),
        }
    }

    fn told(&self) -> Told<'_> {
        let (outcome, stage, delivery, detail) = match &self.end {
            End::Ok(delivery) => ("ok", None, Some(*delivery), None),
            End::Failed(stage, detail) => ("failed", Some(*stage), None, Some(&**detail)),
            End::Interrupted => ("interrupted", None, None, None),
        };
        Told {
            device_id: &self.device_id,
            state: state(self.state),
            outcome,
            stage,
            delivery,
            attempts: self.attempts,
            elapsed_ms: (self.elapsed.as_secs_f64() * 100_000.0).round() / 100.0,
            msg_id: self.ticket,
            detail,
            schema: 1,
        }
    }

    fn in_words(&self) -> String {
        let what = format!("{} {}", self.device_id, state(self.state));
        let attempts = match self.attempts {
            1 => "1 attempt".to_owned(),
            n => format!("{n} attempts"),
        };
        match &self.end {
            End::Ok(delivery) => {
                let ms = self.elapsed.as_secs_f64() * 1000.0;
                format!("ok: {what}: {delivery} after {attempts}, {ms:.2} ms")
            }
            End::Failed(stage, detail) => {
                format!("error: {what}: {stage} after {attempts}: {detail}; {}", remedy(*stage))
            }
            End::Interrupted if self.attempts > 0 => {
                format!(
                    "error: {what}: interrupted after {attempts}; it may have switched all the same"
                )
            }
            End::Interrupted => format!("error: {what}: interrupted before it was sent"),
        }
    }
}

/// What to do about it.
fn remedy(stage: Stage) -> &'static str {
    match stage {
        Stage::Refused => "nobody listens there: check that the device is on, and --device-port",
        Stage::Unreachable => "check the name and the route, or give the address",
        Stage::ConnectTimeout => {
            "check that the host is up and no firewall is between; a slow path needs --connect-timeout"
        }
        Stage::SendFailed => "the device takes no bytes: look at its process",
        Stage::ReceiveTimeout => {
            "it may have switched all the same; if it is merely slow, raise --recv-timeout"
        }
        Stage::Closed | Stage::Reset => {
            "it may have switched all the same; read the device's own log"
        }
        Stage::Nack => "the device refuses; see its reason",
        Stage::Malformed => {
            "something else may listen on that port; give raw_packet_hex to wirelab decode toggle -"
        }
        Stage::NotConfirmed => {
            "the device proves no more: ask for less with --confirm, or for a framed answer"
        }
        Stage::Deadline => {
            "if it left, it may have switched all the same; give it a longer --deadline"
        }
        Stage::QueueFull => "send fewer commands at once",
        Stage::BreakerOpen => "the device failed too often; wait until the breaker probes it",
        Stage::Superseded | Stage::Expired => "it was never sent; send it again",
        Stage::Cancelled => "it may have switched all the same",
    }
}
