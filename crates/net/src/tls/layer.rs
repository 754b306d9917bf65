//! One end of an encrypted connection, without the connection: what the wire brought goes in and plaintext
//! comes out, and the other way round. It holds one batch of records of ours, and less than two of theirs.
use std::{
    collections::VecDeque,
    io::{Read as _, Write as _},
};

use bytes::{Buf as _, Bytes, BytesMut};
use proto::CloseReason;
use rustls::Connection;

use super::reason;

/// The most plaintext in one record (RFC 8446 §5.1).
const RECORD: usize = 16 * 1024;
/// Bytes for the wire above which nothing more is encrypted before they are out.
const BATCH: usize = 4 * RECORD;
/// What either half of rustls may hold, in bytes. It holds less, since it is emptied at once.
const HELD: usize = BATCH + RECORD;

pub(crate) struct Layer {
    tls: Connection,
    /// For the wire, and not taken by it yet.
    out: BytesMut,
    /// Plaintext that is in `out`, in pieces: up to which byte of the stream each reaches, and its length.
    pieces: VecDeque<(u64, usize)>,
    /// Bytes for the wire in all, and those it took.
    made: u64,
    taken: u64,
    /// Came in, and nobody was told yet.
    news: VecDeque<News>,
    open: bool,
    /// Nothing more is heard: the peer said so, or it has failed.
    over: bool,
    /// Nothing more can be said: it has failed, or half a record was taken back.
    cut: bool,
}

/// What came of the bytes that came in.
pub(crate) enum News {
    /// The handshake is over.
    Secured,
    /// What the peer said.
    Plain(Bytes),
    /// It has said that it will say no more.
    End,
    /// It is of no use any more.
    Failed(CloseReason),
}

impl Layer {
    pub(crate) fn new(mut tls: Connection) -> Self {
        tls.set_buffer_limit(Some(HELD));
        let mut layer = Self {
            tls,
            out: BytesMut::new(),
            pieces: VecDeque::new(),
            made: 0,
            taken: 0,
            news: VecDeque::new(),
            open: false,
            over: false,
            cut: false,
        };
        layer.collect();
        layer
    }

    /// Whether the handshake is over, so that things can be said.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Takes what the wire brought.
    pub(crate) fn hear(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.over {
            // No more than a few KB at once, which is why what it gives is taken each time.
            let heard = self.tls.read_tls(&mut bytes);
            match (heard, self.tls.process_new_packets()) {
                (Ok(_), Ok(state)) => self.tell(state.peer_has_closed()),
                (_, Err(e)) => return self.fail(reason(&e, self.open)),
                (Err(e), Ok(_)) => return self.fail(CloseReason::Misbehaved(e.to_string())),
            }
        }
    }

    /// What came of it, in order.
    pub(crate) fn news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// Encrypts the beginning of these for the wire, as much as it may hold.
    pub(crate) fn seal<'a>(&mut self, frames: impl Iterator<Item = &'a [u8]>) {
        if !self.open || self.cut {
            return;
        }
        for piece in frames.flat_map(|frame| frame.chunks(RECORD)) {
            if self.out.len() >= BATCH || self.tls.writer().write_all(piece).is_err() {
                return;
            }
            self.collect();
            self.pieces.push_back((self.made, piece.len()));
        }
    }

    /// What is for the wire.
    pub(crate) fn out(&self) -> &[u8] {
        &self.out
    }

    /// The wire took so many bytes. Returns how many bytes of plaintext are wholly out with them.
    pub(crate) fn took(&mut self, bytes: usize) -> usize {
        self.out.advance(bytes);
        self.taken += bytes as u64;
        let mut plain = 0;
        while let Some((_, len)) = self.pieces.front().filter(|(end, _)| *end <= self.taken) {
            plain += len;
            self.pieces.pop_front();
        }
        plain
    }

    /// How much plaintext is encrypted and not wholly out.
    pub(crate) fn sealed(&self) -> usize {
        self.pieces.iter().map(|(_, len)| len).sum()
    }

    /// Says that nothing more will be said; once is enough.
    pub(crate) fn end(&mut self) {
        if self.open && !self.cut {
            self.tls.send_close_notify();
            self.collect();
        }
    }

    /// Takes back what is not out. Nothing can be said after that.
    pub(crate) fn take_back(&mut self) {
        self.out.clear();
        self.pieces.clear();
        self.cut = true;
    }

    fn tell(&mut self, closed: bool) {
        if !self.open && !self.tls.is_handshaking() {
            self.open = true;
            self.news.push_back(News::Secured);
        }
        self.collect();
        let mut plain = Vec::new();
        // It is an error that there is no more to read.
        let _ = self.tls.reader().read_to_end(&mut plain);
        if !plain.is_empty() {
            self.news.push_back(News::Plain(plain.into()));
        }
        if closed && !self.over {
            self.over = true;
            self.news.push_back(News::End);
        }
    }

    fn fail(&mut self, reason: CloseReason) {
        // What came before it was sound. What rustls tells the peer about it, an alert, is for the wire.
        self.tell(false);
        (self.over, self.cut) = (true, true);
        self.news.push_back(News::Failed(reason));
    }

    /// Takes from rustls what it has for the wire.
    fn collect(&mut self) {
        let mut records = Vec::new();
        while self.tls.wants_write() && self.tls.write_tls(&mut records).is_ok() {}
        self.made += records.len() as u64;
        self.out.extend_from_slice(&records);
    }
}
