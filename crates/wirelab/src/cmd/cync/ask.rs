//! What the other commands do: tell the controller that runs, and show what it says.
use std::{path::PathBuf, time::Duration};

use proto::{Delivery, Span, cync::Target};

use super::{
    order::{Be, Command, Order, Told},
    show,
};
use crate::{
    args::{SetArgs, SocketArg, ToArgs, Whom, WhomArgs},
    exit::{Exit, Failure},
    fared::{self, Summary},
    local::{self, Lines},
    text,
};

/// A controller may take this long over an order's own time.
const GRACE: Duration = Duration::from_secs(5);
/// For bridges to be asked what their lamps are like.
const QUERY: Duration = Duration::from_secs(30);

/// # Errors
/// Nothing is to be set, or what [`command`] fails with.
pub(super) fn set(args: SetArgs) -> Result<Exit, Failure> {
    let SetArgs { whom, on, off, brightness, temperature, rgb, to } = args;
    let on = (on || off).then_some(on);
    let be = Be { on, brightness, temperature, rgb };
    be.to(Target::Lamp(1)).request().map_err(|_| {
        Failure::usage("nothing to set; give --on, --off, --brightness, --temperature or --rgb")
    })?;
    command(whom, be, to)
}

/// # Errors
/// No controller runs, it refuses, or the output is not writable.
pub(super) fn command(whom: WhomArgs, be: Be, to: ToArgs) -> Result<Exit, Failure> {
    let WhomArgs { lamps, bridge, confirm, deadline, rollback } = whom;
    let ToArgs { socket, json } = to;
    let provable = [
        Delivery::Written,
        Delivery::TcpAcked,
        Delivery::Replied,
        Delivery::Applied,
        Delivery::Observed,
    ];
    if !provable.contains(&confirm) {
        let problem = "--confirm: must be written, tcp_acked, replied, applied or observed";
        return Err(Failure::usage(problem));
    }
    if deadline.0.is_zero() {
        return Err(Failure::usage("--deadline must be longer than 0"));
    }
    let one = |whom: &Whom| match whom {
        Whom::One(target) => Some(*target),
        Whom::All => None,
    };
    let whom = lamps.iter().filter_map(one).collect();
    let all = lamps.contains(&Whom::All);
    let order = Order::Command(Command { whom, all, bridge, be, confirm, deadline, rollback });
    let Span(time) = deadline;
    let mut told = Vec::new();
    let mut summary = None;
    // Taking back takes as long again.
    for line in ask(socket, &order)?.within(Some(time * 2 + GRACE)) {
        let line = line?;
        if json {
            text::print(&format!("{line}\n"))?;
        }
        match read(&line)? {
            Said::Command(one) => told.push(one),
            Said::Done(all) => summary = Some(all),
            Said::Other => {}
        }
    }
    let Some(summary) = summary else {
        return Err(Failure::environment("the controller ended before its answer did"));
    };
    if !json {
        text::print(&show::told(&told, &summary))?;
    }
    Ok(fared::exit(told.iter().map(|told| &told.fared), false))
}

/// # Errors
/// As for [`command`].
pub(super) fn list(query: bool, ToArgs { socket, json }: ToArgs) -> Result<Exit, Failure> {
    let mut bridges = Vec::new();
    for line in ask(socket, &Order::List { query })?.within(Some(QUERY)) {
        let line = line?;
        match json {
            true => text::print(&format!("{line}\n"))?,
            false => bridges.push(value(&line)?),
        }
    }
    if !json {
        text::print(&show::bridges(&bridges))?;
    }
    Ok(Exit::Done)
}

/// # Errors
/// As for [`command`].
pub(super) fn watch(ToArgs { socket, json }: ToArgs) -> Result<Exit, Failure> {
    for line in ask(socket, &Order::Watch {})?.within(None) {
        let line = line?;
        match json {
            true => text::print(&format!("{line}\n"))?,
            false => text::print(&show::event(&value(&line)?))?,
        }
    }
    // It is the controller that ends it, or Ctrl+C.
    Ok(Exit::Done)
}

fn ask(SocketArg { socket }: SocketArg, order: &Order) -> Result<Lines, Failure> {
    let socket: PathBuf = socket.map_or_else(|| local::default_path("cync"), Ok)?;
    let order = serde_json::to_string(order).expect("it is plain data");
    local::ask(&socket, &order)
}

enum Said {
    Command(Told),
    Done(Summary),
    Other,
}

fn value(line: &str) -> Result<serde_json::Value, Failure> {
    serde_json::from_str(line).map_err(|e| strange(&e))
}

fn read(line: &str) -> Result<Said, Failure> {
    let value = value(line)?;
    let said = match value["event"].as_str() {
        Some("command") => serde_json::from_value(value).map(Said::Command),
        Some("done") => serde_json::from_value(value).map(Said::Done),
        _ => Ok(Said::Other),
    };
    said.map_err(|e| strange(&e))
}

fn strange(e: &serde_json::Error) -> Failure {
    Failure::environment(format!("the controller says what is not understood here: {e}"))
}
