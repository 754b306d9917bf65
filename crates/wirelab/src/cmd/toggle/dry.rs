//! `--dry-run`: the bytes, and nobody to take them.
use net::Tickets;
use proto::{
    Ticket,
    session::hex,
    toggle::{Toggle, encode_toggle},
};
use serde::Serialize;

use super::{outcome, source::Source};
use crate::{
    config::{Asking, Group, Report, Toggling},
    exit::{Exit, Failure},
    text,
};

/// The bytes that would be sent.
#[derive(Serialize)]
struct Dry<'a> {
    device_id: &'a str,
    state: &'static str,
    msg_id: String,
    raw_packet_hex: String,
    schema: u32,
}

/// # Errors
/// The commands cannot be read, or the output is not writable.
pub(crate) async fn run(toggling: Toggling) -> Result<Exit, Failure> {
    let Toggling { asking, seed, dry_run: _, report, metrics: _ } = toggling;
    let env = super::surroundings(seed);
    let commands = match asking {
        Asking::One(commands, _) => commands,
        Asking::Group(Group { members, rollback: _ }) => {
            for (command, way) in &members {
                let its = super::surroundings_of(&env, &way.name(command));
                print(command, Tickets::of(&its).draw(), &report)?;
            }
            return Ok(Exit::Done);
        }
    };
    let mut tickets = Tickets::of(&env);
    let mut source = Source::open(commands)?;
    let mut exit = Exit::Done;
    while let Some(command) = source.next().await {
        match command {
            Ok(command) => print(&command, tickets.draw(), &report)?,
            Err(problem) => {
                text::talk(&format!("error: {problem}"));
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}

fn print(command: &Toggle, ticket: Ticket, report: &Report) -> Result<(), Failure> {
    let raw_packet_hex = hex::encode(&encode_toggle(ticket, command));
    let (device_id, state) = (&**command.device_id(), outcome::state(command.state()));
    let msg_id = ticket.to_string();
    text::print(&match report.json {
        true => text::json_line(&Dry { device_id, state, msg_id, raw_packet_hex, schema: 1 }),
        false => raw_packet_hex + "\n",
    })
}
