//! `--dry-run`: the bytes, and nobody to take them.
use net::Tickets;
use proto::{session::hex, toggle::encode_toggle};
use serde::Serialize;

use super::{outcome, source::Source};
use crate::{
    config::Toggling,
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
    let Toggling { commands, seed, dry_run: _, way: _, report, metrics: _ } = toggling;
    let mut tickets = Tickets::of(&super::surroundings(seed));
    let mut source = Source::open(commands)?;
    let mut exit = Exit::Done;
    while let Some(command) = source.next().await {
        match command {
            Ok(command) => {
                let ticket = tickets.draw();
                let raw_packet_hex = hex::encode(&encode_toggle(ticket, &command));
                let (device_id, state) = (&**command.device_id(), outcome::state(command.state()));
                let msg_id = ticket.to_string();
                text::print(&match report.json {
                    true => text::json_line(&Dry {
                        device_id,
                        state,
                        msg_id,
                        raw_packet_hex,
                        schema: 1,
                    }),
                    false => raw_packet_hex + "\n",
                })?;
            }
            Err(problem) => {
                text::talk(&format!("error: {problem}"));
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}
