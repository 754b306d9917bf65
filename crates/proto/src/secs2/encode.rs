//! Items to bytes, with as few length bytes as will do.
use std::{mem, slice};

use bytes::{Bytes, BytesMut};

use super::{
    Format, Item,
    item::{Node, WIRE},
};

/// The message text of an item.
pub fn encode(item: &Item) -> Bytes {
    let mut text = BytesMut::new();
    encode_into(item, &mut text);
    text.freeze()
}

/// Appends the message text of an item.
pub fn encode_into(item: &Item, text: &mut BytesMut) {
    let mut at = text.len();
    let end = at + item.encoded_len();
    // A node is copied with what follows its payload, which the next one overwrites: copies of one
    // size are twice as fast. The last one needs room for it.
    text.resize(end + WIRE, 0);
    each(item, |item| at += item.put(&mut text[at..]));
    text.truncate(end);
}

impl Item {
    /// The bytes it is encoded in.
    pub fn encoded_len(&self) -> usize {
        let mut len = 0;
        each(self, |item| {
            len += match &item.0 {
                &Node::List { count, .. } => 1 + length_bytes(count as usize),
                Node::Short(wire) => 2 + usize::from(wire[1]),
                &Node::Long { len, .. } => 1 + length_bytes(len as usize) + len as usize,
            }
        });
        len
    }

    /// Writes what is its own, and not what a list holds. Says how much that was.
    fn put(&self, to: &mut [u8]) -> usize {
        match &self.0 {
            &Node::List { count, .. } => header(Format::List, count as usize, to),
            Node::Short(wire) => {
                to[..WIRE].copy_from_slice(wire);
                2 + usize::from(wire[1])
            }
            Node::Long { format, .. } => {
                let payload = self.bytes();
                let head = header(*format, payload.len(), to);
                to[head..][..payload.len()].copy_from_slice(payload);
                head + payload.len()
            }
        }
    }
}

/// Visits an item and all it holds, in the order of the wire.
fn each(item: &Item, mut visit: impl FnMut(&Item)) {
    let mut list = slice::from_ref(item).iter();
    let mut outer = Vec::new();
    loop {
        while let Some(item) = list.next() {
            visit(item);
            if let Some(items) = item.items() {
                outer.push(mem::replace(&mut list, items.iter()));
            }
        }
        let Some(next) = outer.pop() else { return };
        list = next;
    }
}

fn length_bytes(len: usize) -> usize {
    match len {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        _ => 3,
    }
}

/// Writes format byte and length. Says how many bytes that were.
fn header(format: Format, len: usize, to: &mut [u8]) -> usize {
    let size = length_bytes(len);
    let head = format.code() << 2 | size as u8;
    let [_, a, b, c] = (len as u32).to_be_bytes();
    match size {
        1 => to[..2].copy_from_slice(&[head, c]),
        2 => to[..3].copy_from_slice(&[head, b, c]),
        _ => to[..4].copy_from_slice(&[head, a, b, c]),
    }
    1 + size
}
