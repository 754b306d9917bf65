//! What HSMS owes, whatever comes. Fuzzers call this; tests call it with what is known to be bad.
use super::{client_takes, device_takes, explains};
use crate::{
    Protocol,
    gem::RawTool,
    hsms::{Hsms, Request, Settings},
};

const SELECT_REQ: &[u8] = b"\0\0\0\x0a\xff\xff\0\0\0\x01\0\0\0\x2a";
const SELECT_RSP: &[u8] = b"\0\0\0\x0a\xff\xff\0\0\0\x02\0\0\0\x01";

/// However they are cut, both ends make the same of these bytes, SELECTED or not, and come to rest;
/// and each byte is explained.
///
/// # Panics
/// When it does not hold.
pub fn any_bytes(bytes: &[u8]) {
    let selected = |by: &[u8]| [by, bytes].concat();
    device_takes(quiet, bytes);
    device_takes(quiet, &selected(SELECT_REQ));
    let ask: Request = "S1F1 W".parse().expect("it is SML");
    client_takes(&Hsms::default(), &ask, bytes);
    client_takes(&Hsms::default(), &ask, &selected(SELECT_RSP));
    explains::<Hsms>(bytes);
}

/// Equipment that only answers: when it speaks of its own accord depends on how bytes are cut.
fn quiet() -> Hsms {
    let tool = RawTool { initiates: false, ..RawTool::default() };
    Hsms::new(Settings { tool: Some(tool), ..Settings::default() }).expect("it is valid")
}
