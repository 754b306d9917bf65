//! One direction of a connection as messages: cuts what its segments bring, tells each, and finds its
//! place again where bytes are missing.
use jiff::Timestamp;
use lab::capture::{
    segment::{Segment, Way},
    stream::{Piece, Stream},
};
use proto::{
    cover::{Cover, NewCover},
    inbox::Inbox,
};

use super::tell::{Place, Teller};
use crate::exit::Failure;

/// Longer messages are not kept, but passed over.
pub(super) const MOST: u64 = 16 << 20;

/// The direction, and the message that is on its way.
#[derive(Debug)]
pub(super) struct Flow {
    way: Way,
    stream: Stream,
    /// Covers secrets before anything is made of the bytes.
    cover: (NewCover, Option<Box<dyn Cover>>),
    inbox: Inbox,
    /// Place of the inbox's first byte in the stream.
    offset: u64,
    /// Bytes of a message passed over that are still to come.
    skip: u64,
    /// A message is known to begin where the inbox does.
    sure: bool,
    time: Option<Timestamp>,
    over: bool,
}

impl Flow {
    /// The direction that this is the first segment of.
    pub(super) fn new(first: &Segment<'_>, cover: NewCover) -> Self {
        Self {
            way: first.way,
            stream: Stream::new(first.seq.wrapping_add(u32::from(first.syn))),
            cover: (cover, cover.map(|new| new())),
            inbox: Inbox::default(),
            offset: 0,
            skip: 0,
            sure: first.syn,
            time: first.time,
            over: false,
        }
    }

    /// The segment begins another connection with the same addresses.
    pub(super) fn is_replaced_by(&self, segment: &Segment<'_>) -> bool {
        let first = segment.seq.wrapping_add(1);
        segment.syn && (self.over || !(self.stream.begins_with(first) || self.stream.is_fresh()))
    }

    /// Bytes it keeps.
    pub(super) fn keeps(&self) -> usize {
        self.stream.holding() + self.inbox.peek().len()
    }

    /// # Errors
    /// The output is not writable.
    pub(super) fn take(
        &mut self,
        segment: &Segment<'_>,
        teller: &mut Teller<'_>,
    ) -> Result<(), Failure> {
        if self.over {
            return Ok(());
        }
        let seq = segment.seq.wrapping_add(u32::from(segment.syn));
        self.stream.take(seq, segment.payload, segment.fin, segment.time);
        while let Some(piece) = self.stream.piece() {
            self.piece(piece, teller)?;
        }
        if self.stream.is_over() || segment.rst { self.finish(teller) } else { Ok(()) }
    }

    /// Nothing more will come.
    ///
    /// # Errors
    /// The output is not writable.
    pub(super) fn finish(&mut self, teller: &mut Teller<'_>) -> Result<(), Failure> {
        if std::mem::replace(&mut self.over, true) {
            return Ok(());
        }
        while let Some(piece) = self.stream.rest() {
            self.piece(piece, teller)?;
        }
        let left = self.inbox.take_all();
        if !left.is_empty() {
            teller.message(self.place(), &left)?;
        } else if self.skip > 0 {
            let problem = format!("it ends {} bytes before the message does", self.skip);
            teller.problem(self.place(), 0, problem)?;
        }
        Ok(())
    }

    fn piece(&mut self, piece: Piece, teller: &mut Teller<'_>) -> Result<(), Failure> {
        match piece {
            Piece::Bytes(time, bytes) => {
                // Bytes that had to wait were whole when those before them came.
                self.time = self.time.max(time);
                let passed = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
                self.skip -= passed as u64;
                self.offset += passed as u64;
                let shown = self.cover.1.as_mut().and_then(|cover| cover.pass(&bytes));
                let bytes = shown.as_deref().unwrap_or(&bytes);
                self.inbox.push(&bytes[passed..]);
                self.messages(teller)
            }
            Piece::Gap(missing) => {
                self.cover.1 = self.cover.0.map(|new| new());
                self.gap(missing, teller)
            }
        }
    }

    fn messages(&mut self, teller: &mut Teller<'_>) -> Result<(), Failure> {
        while let Some(extent) = teller.protocol.extent(self.inbox.peek()) {
            let here = self.inbox.peek().len();
            if extent > MOST {
                return self.pass_over(extent, teller);
            }
            let extent = usize::try_from(extent).expect("it is no more than MOST").max(1);
            if extent > here {
                return Ok(());
            }
            let message = self.inbox.take(extent);
            let sound = teller.message(self.place(), &message)?;
            self.sure |= sound;
            self.offset += extent as u64;
        }
        Ok(())
    }

    fn pass_over(&mut self, extent: u64, teller: &mut Teller<'_>) -> Result<(), Failure> {
        let here = self.inbox.take_all().len() as u64;
        let (problem, skip) = match self.sure {
            true => {
                (format!("a message of {extent} bytes; over {MOST} none is kept"), extent - here)
            }
            // Where nothing is known, a segment is as likely to begin with a message as any.
            false => (format!("{here} bytes, and no telling where a message begins"), 0),
        };
        teller.problem(self.place(), here, problem)?;
        self.offset += here;
        self.skip = skip;
        Ok(())
    }

    fn gap(&mut self, missing: u64, teller: &mut Teller<'_>) -> Result<(), Failure> {
        let left = self.inbox.take_all();
        let extent = teller.protocol.extent(&left).map(|extent| extent - left.len() as u64);
        let to_come = if left.is_empty() { self.skip } else { extent.unwrap_or(0) };
        let problem = match left.len() {
            0 => format!("{missing} bytes were not captured"),
            part => format!("{missing} bytes were not captured, after {part} of a message"),
        };
        teller.problem(self.place(), missing, problem)?;
        self.offset += left.len() as u64 + missing;
        self.skip = to_come.saturating_sub(missing);
        self.sure = self.sure && to_come >= missing;
        Ok(())
    }

    fn place(&self) -> Place {
        Place { time: self.time, way: self.way, offset: self.offset }
    }
}
