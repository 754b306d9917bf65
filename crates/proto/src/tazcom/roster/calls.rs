//! Who may open connections to us: so many in all, so many from one address, and not too many at once.
use std::{collections::BTreeMap, net::IpAddr, num::NonZeroUsize, time::Duration};

use lru::LruCache;

use super::{Settings, Why};
use crate::{Time, tazcom::bucket::Bucket};

/// Addresses whose haste is remembered.
const CALLERS: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");
/// An address gets one more connection after this.
const REFILL: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Calls {
    live: BTreeMap<IpAddr, usize>,
    haste: LruCache<IpAddr, Bucket>,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self { live: BTreeMap::new(), haste: LruCache::new(CALLERS) }
    }
    /// Takes a connection in from there, or says why not.
    pub(super) fn admit(
        &mut self,
        now: Time,
        from: IpAddr,
        settings: &Settings,
    ) -> Result<(), (Why, String)> {
        let Settings { calls, calls_each, call_burst, .. } = settings;
        let from = from.to_canonical();
        let haste = self.haste.get_or_insert_mut(from, || Bucket::new(*call_burst, REFILL));
        if !haste.take(now) {
            return Err((Why::Rate, format!("{from} opens connections too fast")));
        }
        if self.live.values().sum::<usize>() >= *calls {
            return Err((Why::TooMany, format!("{calls} connections are open")));
        }
        let live = self.live.entry(from).or_default();
        if *live >= *calls_each {
            return Err((Why::TooMany, format!("{from} has {live} connections open")));
        }
        *live += 1;
        Ok(())
    }
    pub(super) fn ended(&mut self, from: IpAddr) {
        let from = from.to_canonical();
        if let Some(live) = self.live.get_mut(&from) {
            *live = live.saturating_sub(1);
            if *live == 0 {
                self.live.remove(&from);
            }
        }
    }
    pub(super) fn live(&self) -> usize {
        self.live.values().sum()
    }
}
