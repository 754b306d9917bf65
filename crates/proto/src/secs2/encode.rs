//! Items to bytes, with as few length bytes as will do.
use bytes::{Bytes, BytesMut};

use super::{Item, item::Node};

/// The message text of an item.
pub fn encode(item: &Item) -> Bytes {
    let mut text = BytesMut::new();
    encode_into(item, &mut text);
    text.freeze()
}

/// Appends the message text of an item.
pub fn encode_into(item: &Item, text: &mut BytesMut) {
    text.reserve(item.encoded_len());
    each(item, |item| item.put(text));
}

impl Item {
    /// The bytes it is encoded in.
    pub fn encoded_len(&self) -> usize {
        let mut len = 0;
        each(self, |item| len += item.own_len());
        len
    }

    /// Without what a list holds.
    fn own_len(&self) -> usize {
        match &self.0 {
            Node::List(_, items) => 1 + length_bytes(items.len()),
            Node::Short(wire) => 2 + usize::from(wire[1]),
            Node::Long(_) => 1 + length_bytes(self.bytes().len()) + self.bytes().len(),
        }
    }

    fn put(&self, text: &mut BytesMut) {
        match &self.0 {
            Node::List(_, items) => header(self.format().code(), items.len(), text),
            Node::Short(wire) => text.extend_from_slice(&wire[..2 + usize::from(wire[1])]),
            Node::Long(_) => {
                header(self.format().code(), self.bytes().len(), text);
                text.extend_from_slice(self.bytes());
            }
        }
    }
}

/// Visits an item and all it holds, in the order of the wire.
fn each(item: &Item, mut visit: impl FnMut(&Item)) {
    let mut open = vec![std::slice::from_ref(item).iter()];
    while let Some(list) = open.last_mut() {
        match list.next() {
            None => drop(open.pop()),
            Some(item) => {
                visit(item);
                open.extend(item.items().map(<[Item]>::iter));
            }
        }
    }
}

fn length_bytes(len: usize) -> usize {
    match len {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        _ => 3,
    }
}

fn header(code: u8, len: usize, text: &mut BytesMut) {
    let size = length_bytes(len);
    text.extend_from_slice(&[code << 2 | size as u8]);
    text.extend_from_slice(&(len as u32).to_be_bytes()[4 - size..]);
}
