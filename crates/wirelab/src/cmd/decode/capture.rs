//! Captures, pcap and pcapng, read as they come: packets to segments, segments to messages. Whatever
//! the file says, memory is bounded.
use std::{io::Read, num::NonZeroUsize};

use lab::capture::{
    packets,
    segment::{NoSegment, Packet, Segment, Way},
};
use lru::LruCache;

use super::{flow::Flow, tell::Teller};
use crate::exit::{Exit, Failure};

/// Directions followed at a time. The one that was silent the longest makes room.
const MOST_FLOWS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// Bytes kept for all of them together. Beyond it, the silent ones are given up.
const MOST_KEPT: usize = 128 << 20;

/// Tells every message of the capture that begins with `head` and goes on with `from`.
///
/// # Errors
/// It is no capture, or holds no TCP; or the output is not writable.
pub(super) fn decode(
    head: Vec<u8>,
    from: impl Read + Send,
    port: Option<u16>,
    teller: &mut Teller<'_>,
) -> Result<Exit, Failure> {
    let mut flows = Flows::new(port);
    let ended = packets::each(head, from, &mut |packet| flows.packet(&packet, teller))?;
    flows.finish(teller)?;
    if let Some(why) = ended {
        crate::text::talk(&format!("error: {why}; told is what came before it"));
        teller.wrong += 1;
    }
    flows.account();
    match (teller.messages, teller.wrong) {
        (0, 0) => Err(Failure::usage(format!(
            "no message in {} packets; is it the right file, and --port?",
            flows.packets
        ))),
        (_, 0) => Ok(Exit::Done),
        (_, _) => Ok(Exit::Failed),
    }
}

/// All directions, and what was not read.
struct Flows {
    port: Option<u16>,
    flows: LruCache<Way, Flow>,
    kept: usize,
    packets: u64,
    fragments: u64,
    /// The number of a kind of link that is not read.
    strange: Option<String>,
}

impl Flows {
    fn new(port: Option<u16>) -> Self {
        let flows = LruCache::new(MOST_FLOWS);
        Self { port, flows, kept: 0, packets: 0, fragments: 0, strange: None }
    }

    fn packet(&mut self, packet: &Packet<'_>, teller: &mut Teller<'_>) -> Result<(), Failure> {
        self.packets += 1;
        match Segment::of(packet) {
            Ok(segment) if self.port.is_none_or(|port| segment.way.has_port(port)) => {
                self.segment(&segment, teller)
            }
            Ok(_) | Err(NoSegment::Other) => Ok(()),
            Err(NoSegment::Fragment) => {
                self.fragments += 1;
                Ok(())
            }
            Err(NoSegment::Link(link)) => {
                self.strange = Some(link.to_string());
                Ok(())
            }
        }
    }

    fn segment(&mut self, segment: &Segment<'_>, teller: &mut Teller<'_>) -> Result<(), Failure> {
        let way = segment.way;
        if self.flows.peek(&way).is_some_and(|flow| flow.is_replaced_by(segment)) {
            self.give_up(way, teller)?;
        }
        if !self.flows.contains(&way) {
            // Nothing is said with bare ACKs and late ends of what was over before.
            if !segment.syn && segment.payload.is_empty() {
                return if segment.rst { self.end(way.back(), teller) } else { Ok(()) };
            }
            if self.flows.len() == MOST_FLOWS.get() {
                self.give_up_oldest(teller)?;
            }
            let cover = if teller.shows { None } else { teller.protocol.cover() };
            self.flows.put(way, Flow::new(segment, cover));
        }
        let flow = self.flows.get_mut(&way).expect("it is there by now");
        let before = flow.keeps();
        flow.take(segment, teller)?;
        self.kept = self.kept + flow.keeps() - before;
        if segment.rst {
            self.end(way.back(), teller)?;
        }
        while self.kept > MOST_KEPT && self.flows.len() > 1 {
            self.give_up_oldest(teller)?;
        }
        Ok(())
    }

    /// A reset ends both directions.
    fn end(&mut self, way: Way, teller: &mut Teller<'_>) -> Result<(), Failure> {
        let Some(flow) = self.flows.peek_mut(&way) else { return Ok(()) };
        self.kept -= flow.keeps();
        flow.finish(teller)
    }

    fn give_up(&mut self, way: Way, teller: &mut Teller<'_>) -> Result<(), Failure> {
        let Some(mut flow) = self.flows.pop(&way) else { return Ok(()) };
        self.kept -= flow.keeps();
        flow.finish(teller)
    }

    fn give_up_oldest(&mut self, teller: &mut Teller<'_>) -> Result<(), Failure> {
        let Some((_, mut flow)) = self.flows.pop_lru() else { return Ok(()) };
        self.kept -= flow.keeps();
        flow.finish(teller)
    }

    fn finish(&mut self, teller: &mut Teller<'_>) -> Result<(), Failure> {
        while !self.flows.is_empty() {
            self.give_up_oldest(teller)?;
        }
        Ok(())
    }

    /// Says what was passed over.
    fn account(&self) {
        if self.fragments > 0 {
            let fragments = self.fragments;
            crate::text::talk(&format!(
                "warning: {fragments} fragments of IP were not put together"
            ));
        }
        if let Some(link) = &self.strange {
            crate::text::talk(&format!("warning: packets of link type {link} were not read"));
        }
    }
}
