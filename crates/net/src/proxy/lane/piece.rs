//! What stands in a lane's line, and what a lane says of it.
use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use proto::Time;

use crate::{proxy::armed::Armed, record::Flow};

/// Which lane it is; its chance comes from this and the seed.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    /// The proxy's seed.
    pub seed: u64,
    /// Which connection, from 1.
    pub nth: u64,
    /// Which way.
    pub flow: Flow,
}

/// What a lane wants next.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Write these, and say with [`Lane::wrote`] how many went.
    Write(Bytes),
    /// Find out whether the receiver has read all that was written; say so with [`Lane::drained`].
    Drain,
    /// Finish sending (FIN).
    Finish,
    /// End the connection.
    End(End),
    /// A fault struck.
    Struck(Strike),
    /// Nothing, until then or until something is taken.
    Wait(Option<Time>),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides are closed (FIN).
    Close,
    /// Both sides are reset (RST), on purpose.
    Reset,
    /// The sender was reset, so the receiver is.
    Mirror,
}

/// A fault struck, and this is what it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Strike {
    /// As its rule is spelled.
    pub fault: Arc<str>,
    /// Where in the stream.
    pub at: u64,
    /// What it did.
    pub did: String,
}

pub(super) struct Piece {
    /// When it may leave.
    pub(super) at: Time,
    /// When it came.
    pub(super) stamp: Time,
    /// Where in the stream it was.
    pub(super) offset: u64,
    pub(super) what: What,
    /// Rules whose first work this is.
    pub(super) notes: Vec<(Arc<str>, &'static str)>,
}

pub(super) enum What {
    Data(Bytes),
    Hold { by: Arc<Armed>, time: Option<Duration>, since: Option<Time> },
    Drain { by: Arc<Armed>, note: bool },
    Fin,
    End { end: End, by: Option<Arc<Armed>> },
    HalfClose { by: Arc<Armed> },
}

/// Milliseconds for people.
pub(super) fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}
