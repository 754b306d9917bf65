//! What a record says in a few words, where it is more than bytes on their way.
use net::{
    Event, Record,
    record::{End, Flow},
};
use proto::{
    Fact,
    resilience::{BreakerEvent, QueueEvent},
};

/// Something that happened at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// How it should strike the eye.
    pub tone: Tone,
    /// In a few words.
    pub text: String,
}

/// How a mark should strike the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As expected.
    Plain,
    /// A success.
    Good,
    /// Worth a look.
    Odd,
    /// A failure.
    Bad,
    /// Harm that was done on purpose.
    Fault,
    /// A step of the scenario.
    Step,
}

impl Tone {
    /// Its name, as pictures class it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Odd => "odd",
            Self::Bad => "bad",
            Self::Fault => "fault",
            Self::Step => "step",
        }
    }
}

/// What this record marks; nothing if it is about bytes on their way, which are seen as such.
pub fn mark(Record { event, .. }: &Record) -> Option<Mark> {
    use Tone::*;
    let (tone, text) = match event {
        Event::Connecting { .. }
        | Event::Sent { .. }
        | Event::Received { .. }
        | Event::Frame { .. }
        | Event::Opened { .. }
        | Event::Eof { .. } => return None,
        Event::Listening { addr } => (Plain, format!("listens at {addr}")),
        Event::Deaf => (Plain, "listens no more".into()),
        Event::ListenFailed { addr, detail } => (Bad, format!("cannot listen at {addr}: {detail}")),
        Event::Submitted { ticket, device_id } => match device_id {
            Some(device) => (Plain, format!("request {ticket} for {device}")),
            None => (Plain, format!("request {ticket}")),
        },
        Event::Attempt { attempt, .. } => (Plain, format!("attempt {attempt}")),
        Event::ConnectFailed { stage, detail, .. } => (Bad, format!("{stage}: {detail}")),
        Event::Ready { conn, proof } => (Plain, format!("#{conn} ready: {proof:?}")),
        Event::Fact { fact, .. } => told(fact),
        Event::Push { said, .. } => (Plain, format!("said unasked: {said}")),
        Event::Closed { conn, reason } => (Plain, format!("#{conn} closed: {reason}")),
        Event::AttemptFailed { attempt, stage, detail, retry_in_us, .. } => {
            let again = retry_in_us.map(|us| format!("; next in {} ms", us / 1000));
            (Bad, format!("attempt {attempt}: {stage}: {detail}{}", again.unwrap_or_default()))
        }
        Event::Proved { conn, proof } => (Good, format!("#{conn} proved: {proof:?}")),
        Event::Lost { reason, redial_in_us, .. } => {
            (Bad, format!("lost: {reason}; dials in {} ms", redial_in_us / 1000))
        }
        Event::Reached { ticket, level } => (Plain, format!("{ticket} got as far as {level}")),
        Event::Pulse { pulse } => {
            let [srtt, timeout] = [pulse.srtt_us, pulse.timeout_us].map(|us| us / 1000);
            (Plain, format!("answers take {srtt} ms, and are waited for {timeout} ms"))
        }
        Event::Intake { what: QueueEvent::Put | QueueEvent::Taken, .. } => return None,
        Event::Intake { what: QueueEvent::Full, depth } => {
            (Odd, format!("nobody reads: {depth} wait, and there is no room for more"))
        }
        Event::Intake { what: QueueEvent::Dropped { why }, .. } => {
            (Bad, format!("what nobody read was let go of: {why}"))
        }
        Event::Intake { what: QueueEvent::Changed { from, to }, .. } => {
            (Odd, format!("what nobody reads: {from} to {to}"))
        }
        Event::Resent { ticket, .. } => (Odd, format!("sends {ticket} again")),
        Event::Breaker { what: BreakerEvent::Counted { failures, threshold, .. } } => {
            (Odd, format!("breaker: failure {failures} of {threshold}"))
        }
        Event::Breaker { what: BreakerEvent::Changed { from, to, cause } } => {
            (Odd, format!("breaker: {from} to {to}: {cause}"))
        }
        Event::Told { order } => (Plain, format!("told: {order}")),
        Event::Done { end: End::Ok { delivery, .. }, attempts, elapsed_us, .. } => {
            let ms = *elapsed_us as f64 / 1000.0;
            (Good, format!("ok: {delivery} at attempt {attempts}, {ms:.3} ms"))
        }
        Event::Done { end: End::Failed { stage, detail }, .. } => {
            (Bad, format!("failed: {stage}: {detail}"))
        }
        Event::Step { step, text } => (Step, format!("step {step}: {text}")),
        Event::StepFailed { step, problem } => (Bad, format!("step {step} failed: {problem}")),
        Event::Armed { device, quirk } => (Fault, format!("{device} armed: {quirk}")),
        Event::Lifted { device, fault } => (Fault, format!("{device} lifted: {fault}")),
        Event::Joined { conn, onto } => (Plain, format!("#{conn} joined to #{onto}")),
        Event::Struck { conn, flow, fault, at, did } => {
            let way = match flow {
                Flow::Up => "up",
                Flow::Down => "down",
            };
            (Fault, format!("fault {fault}, #{conn} {way}, byte {at}: {did}"))
        }
        Event::Ended { tasks_left: 0 } => (Step, "the run is over".into()),
        Event::Ended { tasks_left } => {
            (Bad, format!("the run is over; {tasks_left} tasks are left"))
        }
    };
    Some(Mark { tone, text })
}

fn told(fact: &Fact) -> (Tone, String) {
    match fact {
        Fact::Applied { device_id, state, .. } => {
            (Tone::Good, format!("applied: {device_id} {state}"))
        }
        Fact::Duplicate { arrivals, .. } => {
            (Tone::Odd, format!("seen before: arrival {arrivals}, not applied again"))
        }
        Fact::Forgot { ids } => (Tone::Plain, format!("forgot {ids} commands of old")),
        Fact::Quirk { name, .. } => (Tone::Fault, format!("quirk: {name}")),
        Fact::Malformed { reason, detail, .. } => {
            (Tone::Bad, format!("malformed: {reason}: {detail}"))
        }
        Fact::Orphan { ticket } => (Tone::Odd, format!("answered before: {ticket}")),
        Fact::Odd { what, detail } => (Tone::Odd, format!("{what}: {detail}")),
    }
}
