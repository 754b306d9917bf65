//! A packet and what it says: decoded where it lies, encoded into its frame and nothing else.
use bytes::Bytes;

use super::{
    clock::Clock,
    command::{self, code},
    inner::{Inner, InnerError, Kind},
    lamp::REPORT,
    login::{Key, Login},
    packet::{self, HEADER, Packet, Type},
    sync::Records,
};

/// Bytes of the body of an answer to a probe, most of them zeros: 1024 with the header.
const PROBED: usize = 1024 - HEADER;
const PROBED_NAME: &[u8] = b"\x07\0\x09xlink_dev";
/// First bytes of the two packets about time.
const TIME_ASKED: u8 = 0x0c;
const TIME_TOLD: u8 = 0x0d;

/// What a packet says. `device` is an id of four bytes, `id` a message id of two, both big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Somebody logs in.
    Login(Login<'a>),
    /// They may; 0.
    LoginAck {
        /// An app's.
        app: bool,
        /// 0 lets them in.
        code: u8,
    },
    /// A device tells what it knows.
    Sync {
        /// Who.
        device: u32,
        /// Which message.
        id: u16,
        /// 6 in all that were seen.
        flag: u8,
        /// What it knows.
        records: Records<'a>,
    },
    /// So it arrived.
    SyncAck {
        /// Which message.
        id: u16,
        /// 0.
        code: u8,
    },
    /// A command or a result; or, with `report`, a report.
    Pipe {
        /// It reports (`83`).
        report: bool,
        /// Of or for whom.
        device: u32,
        /// Which message.
        id: u16,
        /// 0 in all that were seen.
        flag: u8,
        /// What it says, or why that cannot be told.
        inner: Result<Inner<'a>, InnerError>,
        /// The same as bytes.
        raw: &'a [u8],
    },
    /// A pipe arrived, or was refused.
    PipeAck {
        /// A device's (`7b`), or a cloud's (`78`).
        of_device: bool,
        /// Of or for whom.
        device: u32,
        /// Which message.
        id: u16,
        /// 0 and `0a` say that it arrived, 5 that nobody asked for it.
        code: u8,
    },
    /// A report arrived.
    ReportAck {
        /// Which message.
        id: u16,
        /// 0.
        code: u8,
    },
    /// Asked before the first command.
    Probe {
        /// Whom.
        device: u32,
        /// Which message.
        id: u16,
    },
    /// Here.
    ProbeAck {
        /// Who.
        device: u32,
        /// Which message.
        id: u16,
    },
    /// What time is it?
    TimeAsked,
    /// This.
    Time(Clock),
    /// Still there?
    Ping,
    /// Still here.
    Pong,
    /// Goodbye.
    Disconnect {
        /// Why; 3.
        reason: u8,
        /// It answers another.
        response: bool,
    },
}

/// Why a packet says nothing: the byte to blame, counted from its first, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {problem}")]
pub struct Wrong {
    /// The byte to blame.
    pub offset: usize,
    /// What is wrong.
    pub problem: String,
}

impl Wrong {
    /// Something wrong at this byte of the body.
    pub(super) fn at(body: usize, problem: impl Into<String>) -> Self {
        Self { offset: HEADER + body, problem: problem.into() }
    }
    /// The length says that there are too few bytes, or too many.
    pub(super) fn short(has: usize, wants: usize) -> Self {
        Self { offset: 4, problem: format!("{has} bytes of body, where this packet has {wants}") }
    }
}

impl<'a> Message<'a> {
    /// What a whole packet says.
    ///
    /// # Errors
    /// It is no packet, or its body is not one of its type.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Wrong> {
        let Some(Packet { kind, response, version, body }) = Packet::of(bytes) else {
            return Err(Wrong { offset: 0, problem: "not a whole packet".into() });
        };
        Ok(match (kind, response) {
            (Type::AppLogin | Type::Login, false) => {
                Self::Login(Login::decode(kind == Type::AppLogin, body)?)
            }
            (Type::AppLogin | Type::Login, true) => {
                let [code, _] = exactly(body)?;
                Self::LoginAck { app: kind == Type::AppLogin, code }
            }
            (Type::Sync, false) => {
                let (device, id, flag, rest) = addressed(body)?;
                Self::Sync { device, id, flag, records: Records(rest) }
            }
            (Type::Pipe | Type::PipeSync, false) => {
                let (device, id, flag, raw) = addressed(body)?;
                let report = kind == Type::PipeSync;
                Self::Pipe { report, device, id, flag, inner: Inner::decode(raw), raw }
            }
            (Type::Pipe, true) => {
                let [d0, d1, d2, d3, i0, i1, code] = exactly(body)?;
                let (device, id) =
                    (u32::from_be_bytes([d0, d1, d2, d3]), u16::from_be_bytes([i0, i1]));
                Self::PipeAck { of_device: version == 3, device, id, code }
            }
            (Type::Sync | Type::PipeSync, true) => {
                let [i0, i1, code] = exactly(body)?;
                let id = u16::from_be_bytes([i0, i1]);
                match kind {
                    Type::Sync => Self::SyncAck { id, code },
                    _ => Self::ReportAck { id, code },
                }
            }
            (Type::Probe, false) => {
                let [d0, d1, d2, d3, i0, i1, _] = exactly(body)?;
                let (device, id) =
                    (u32::from_be_bytes([d0, d1, d2, d3]), u16::from_be_bytes([i0, i1]));
                Self::Probe { device, id }
            }
            (Type::Probe, true) => {
                let (device, id, ..) = addressed(body)?;
                Self::ProbeAck { device, id }
            }
            (Type::Time, false) => match exactly(body)? {
                [TIME_ASKED] => Self::TimeAsked,
                [other] => {
                    return Err(Wrong::at(0, format!("{other:02x}, where 0c asks the time")));
                }
            },
            (Type::Time, true) => match body.first() {
                Some(&TIME_TOLD) => Self::Time(Clock::decode(body)?),
                Some(other) => {
                    return Err(Wrong::at(0, format!("{other:02x}, where 0d tells the time")));
                }
                None => return Err(Wrong::short(0, 11)),
            },
            (Type::Ping, response) => {
                let [] = exactly(body)?;
                if response { Self::Pong } else { Self::Ping }
            }
            (Type::Disconnect, response) => {
                let [reason] = exactly(body)?;
                Self::Disconnect { reason, response }
            }
        })
    }

    /// The packet that says it.
    pub fn encode(&self) -> Bytes {
        use packet::write;
        match *self {
            Self::Login(ref login) => {
                let kind = if login.app { Type::AppLogin } else { Type::Login };
                write(kind, false, 3, login.size(), |to| login.write(to))
            }
            Self::LoginAck { app, code } => {
                let kind = if app { Type::AppLogin } else { Type::Login };
                write(kind, true, 0, 2, |to| to.extend([code, 0]))
            }
            Self::Sync { device, id, flag, records: Records(records) } => {
                write(Type::Sync, false, 3, 7 + records.len(), |to| {
                    address(to, device, id, flag);
                    to.extend_from_slice(records);
                })
            }
            Self::SyncAck { id, code } => {
                write(Type::Sync, true, 0, 3, |to| acknowledge(to, id, code))
            }
            Self::Pipe { report, device, id, flag, ref inner, raw } => {
                let kind = if report { Type::PipeSync } else { Type::Pipe };
                let size = inner.as_ref().map_or(raw.len(), Inner::size);
                write(kind, false, 3, 7 + size, |to| {
                    address(to, device, id, flag);
                    match inner {
                        Ok(inner) => inner.write(to),
                        Err(_) => to.extend_from_slice(raw),
                    }
                })
            }
            Self::PipeAck { of_device, device, id, code } => {
                let version = if of_device { 3 } else { 0 };
                write(Type::Pipe, true, version, 7, |to| address(to, device, id, code))
            }
            Self::ReportAck { id, code } => {
                write(Type::PipeSync, true, 0, 3, |to| acknowledge(to, id, code))
            }
            Self::Probe { device, id } => {
                write(Type::Probe, false, 3, 7, |to| address(to, device, id, 0))
            }
            Self::ProbeAck { device, id } => write(Type::Probe, true, 3, PROBED, |to| {
                address(to, device, id, 0);
                to.extend_from_slice(PROBED_NAME);
                to.resize(HEADER + PROBED, 0);
            }),
            Self::TimeAsked => write(Type::Time, false, 3, 1, |to| to.push(TIME_ASKED)),
            Self::Time(ref clock) => write(Type::Time, true, 0, 11, |to| {
                to.push(TIME_TOLD);
                clock.write(to);
            }),
            Self::Ping => write(Type::Ping, false, 3, 0, |_| ()),
            Self::Pong => write(Type::Ping, true, 0, 0, |_| ()),
            Self::Disconnect { reason, response } => {
                write(Type::Disconnect, response, 3, 1, |to| to.push(reason))
            }
        }
    }

    /// What evidence calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Login(Login { app: true, .. }) => "app_login",
            Self::Login(Login { app: false, .. }) => "login",
            Self::LoginAck { .. } => "login_ack",
            Self::Sync { .. } => "sync",
            Self::SyncAck { .. } => "sync_ack",
            Self::Pipe { inner: Ok(inner), report, .. } => match (inner.kind, *report) {
                (Kind::Request, _) => command::name(inner.command),
                (Kind::Response, _) if inner.command == code::QUERY && inner.body.len() > 1 => {
                    "page"
                }
                (Kind::Response, _) => "result",
                (Kind::Event, true)
                    if inner.command == code::STATUS && inner.body.len() == REPORT =>
                {
                    "status"
                }
                (Kind::Event, _) => "event",
            },
            Self::Pipe { report: true, .. } => "report",
            Self::Pipe { report: false, .. } => "pipe",
            Self::PipeAck { .. } => "pipe_ack",
            Self::ReportAck { .. } => "report_ack",
            Self::Probe { .. } => "probe",
            Self::ProbeAck { .. } => "probe_ack",
            Self::TimeAsked => "time",
            Self::Time(_) => "time_ack",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Disconnect { .. } => "disconnect",
        }
    }

    /// A pipe around a frame.
    pub(super) fn pipe(report: bool, device: u32, id: u16, inner: Inner<'a>) -> Self {
        Self::Pipe { report, device, id, flag: 0, inner: Ok(inner), raw: &[] }
    }
    /// A device's login.
    pub(super) fn login(id: u32, key: &'a str, keep_alive: u16) -> Self {
        let (protocol, key) = (super::login::PROTOCOL, Key(key.as_bytes()));
        Self::Login(Login { app: false, protocol, id, key, keep_alive })
    }
}

/// What evidence calls a packet, sound or not.
pub(super) fn kind_of(bytes: &[u8]) -> &'static str {
    Message::decode(bytes).map_or("malformed", |message| message.kind())
}

fn exactly<const N: usize>(body: &[u8]) -> Result<[u8; N], Wrong> {
    body.try_into().map_err(|_| Wrong::short(body.len(), N))
}

fn addressed(body: &[u8]) -> Result<(u32, u16, u8, &[u8]), Wrong> {
    let Some((&[d0, d1, d2, d3, i0, i1, flag], rest)) = body.split_first_chunk::<7>() else {
        return Err(Wrong::short(body.len(), 7));
    };
    Ok((u32::from_be_bytes([d0, d1, d2, d3]), u16::from_be_bytes([i0, i1]), flag, rest))
}

fn address(to: &mut Vec<u8>, device: u32, id: u16, last: u8) {
    to.extend(device.to_be_bytes());
    to.extend(id.to_be_bytes());
    to.push(last);
}

fn acknowledge(to: &mut Vec<u8>, id: u16, code: u8) {
    to.extend(id.to_be_bytes());
    to.push(code);
}
