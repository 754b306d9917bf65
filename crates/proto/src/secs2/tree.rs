//! Items on their way from bytes, one level of nesting beside the other. The items of a list follow
//! each other on the level below its own, so that there is one allocation for a level and none for a
//! list.
use std::sync::Arc;

use bytes::Bytes;

use super::{DecodeError, Format, Item, Limits, Reader, View, item::SHORT};

pub(super) struct Tree<'a> {
    text: &'a Bytes,
    /// The text again, once something long needs it.
    shared: Option<Arc<Bytes>>,
    levels: Vec<Level>,
}

struct Level {
    items: Vec<Item>,
    /// Which of them will be lists, and of how many items.
    lists: Vec<(u32, u32)>,
}

impl<'a> Tree<'a> {
    /// Checks the text, and makes room for just the items that there are.
    pub(super) fn new(text: &'a Bytes, limits: &Limits) -> Result<Self, DecodeError> {
        let mut counts = vec![1, 0];
        for view in Reader::new(text, limits) {
            let View { depth, items, .. } = view?;
            if items > 0 {
                counts.resize(counts.len().max(depth + 3), 0);
                counts[depth + 1] += items;
            }
        }
        let level = |count| Level { items: Vec::with_capacity(count), lists: Vec::new() };
        Ok(Self { text, shared: None, levels: counts.into_iter().map(level).collect() })
    }

    /// The next item of the same text.
    #[inline]
    pub(super) fn add(&mut self, view: &View<'_>) {
        let level = &mut self.levels[view.depth];
        // Made where it will stay: to move an item just written takes longer than to write it.
        level.items.push(Item::BLANK);
        let item = level.items.last_mut().expect("just pushed");
        if view.format == Format::List {
            level.lists.push((level.items.len() as u32 - 1, view.items as u32));
        } else if view.payload.len() <= SHORT {
            item.fill(view, self.text);
        } else {
            let text = self.shared.get_or_insert_with(|| Arc::new(self.text.clone()));
            *item = Item::window(view.format, text, view.body, view.payload.len());
        }
    }

    /// The outermost item, after the last was added. A level can be made when the one below it is.
    pub(super) fn finish(mut self) -> Option<Item> {
        let mut below = Arc::default();
        while let Some(Level { mut items, lists }) = self.levels.pop() {
            let mut start = 0;
            for (list, count) in lists {
                items[list as usize] = Item::nest(&below, start, count as usize);
                start += count as usize;
            }
            if self.levels.is_empty() {
                return items.pop();
            }
            below = Arc::new(items);
        }
        None
    }
}
