//! Which messages are kept while nobody listens, as the host chooses.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    equipment::Gem,
    text::{self, Read},
};
use crate::secs2::Item;

/// The most streams, and functions of one, that are looked at: there are no more.
const MAX_CHOICES: usize = 256;

/// The primaries of ours that may be kept, by stream.
const KEEPABLE: [(u8, &[u8]); 3] = [(5, &[1]), (6, &[1, 11]), (10, &[1])];

/// STRACK, why a stream cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Strack {
    Forbidden = 1,
    Stream = 2,
    Function = 3,
    Secondary = 4,
}

/// The functions of a stream that a message chooses; none named means all of them.
pub(super) fn choice(stream: u8, functions: &[u8]) -> Result<BTreeSet<u8>, (Strack, Vec<u8>)> {
    let Some((_, keepable)) = KEEPABLE.into_iter().find(|(known, _)| *known == stream) else {
        let known = matches!(stream, 1 | 2 | 7 | 9);
        return Err((if known { Strack::Forbidden } else { Strack::Stream }, Vec::new()));
    };
    if functions.is_empty() {
        return Ok(keepable.iter().copied().collect());
    }
    let wrong = |which: &dyn Fn(&u8) -> bool| -> Vec<u8> {
        functions.iter().copied().filter(|f| which(f)).collect()
    };
    let secondary = wrong(&|f| f % 2 == 0);
    if !secondary.is_empty() {
        return Err((Strack::Secondary, secondary));
    }
    let unknown = wrong(&|f| !keepable.contains(f));
    match unknown.is_empty() {
        true => Ok(functions.iter().copied().collect()),
        false => Err((Strack::Function, unknown)),
    }
}

impl Gem {
    /// S2F43, reset spooling streams and functions: all of them, or none.
    pub(super) fn choose_spooled(&mut self, item: Option<&Item>) -> Read<Item> {
        let mut chosen = BTreeMap::new();
        let mut refused = Vec::new();
        let pairs = text::list(text::some(item)?)?;
        if pairs.len() > MAX_CHOICES {
            return Err(text::Refusal::Long);
        }
        for pair in pairs {
            let [stream, functions] = text::fields(pair)?;
            let functions = text::list(functions)?.iter().take(MAX_CHOICES);
            let functions: Vec<u8> = functions.map(text::byte).collect::<Read<_>>()?;
            let byte = text::byte(stream)?;
            match choice(byte, &functions) {
                Ok(functions) => drop(chosen.insert(byte, functions)),
                Err((strack, functions)) => {
                    let functions = Item::list(functions.into_iter().map(Item::u1));
                    refused.push(Item::list([stream.clone(), text::code(strack as u8), functions]));
                }
            }
        }
        let rejected = !refused.is_empty();
        if !rejected {
            self.spool.chosen = chosen;
        }
        Ok(Item::list([text::code(rejected.into()), text::gather(refused)?]))
    }
}
