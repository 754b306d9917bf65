//! Alarms: which are set, which the host hears of, and S5F1.
use std::collections::BTreeMap;

use super::{
    Id, RawAlarm,
    equipment::Gem,
    events::Events,
    id,
    outbox::Message,
    text::{self, Read},
    tool,
};
use crate::{ConfigError, Time, secs2::Item};

/// Bit 8 of ALCD and ALED: set, enabled.
const ON: u8 = 0x80;
/// The longest ALTX, in characters.
const MAX_TEXT: usize = 120;

/// The alarms there are, in the order of the description.
#[derive(Clone, Debug)]
pub(super) struct Alarms {
    pub(super) all: Vec<Alarm>,
    index: BTreeMap<Id, usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Alarm {
    pub(super) id: Id,
    text: String,
    category: u8,
    pub(super) enabled: bool,
    pub(super) set: bool,
    set_event: Option<usize>,
    clear_event: Option<usize>,
}

impl Alarm {
    fn new(key: &str, raw: RawAlarm, events: &Events) -> Result<Self, ConfigError> {
        let RawAlarm { id, text, category, enabled, set, set_event, clear_event } = raw;
        if text.len() > MAX_TEXT {
            let problem = format!("has {} characters; {MAX_TEXT} are the most", text.len());
            return Err(ConfigError::new(format!("{key}.text"), problem));
        }
        if category >= ON {
            let problem = format!("{category} is none; 0 to 127 are");
            return Err(ConfigError::new(format!("{key}.category"), problem));
        }
        let event = |field: &str, id: Option<Id>| {
            id.map(|id| events.must(&format!("{key}.{field}"), &id)).transpose()
        };
        let set_event = event("set_event", set_event)?;
        let clear_event = event("clear_event", clear_event)?;
        Ok(Self { id, text, category, enabled, set, set_event, clear_event })
    }

    /// L3 of S5F1 and of the lists.
    fn told(&self, id: Item) -> Item {
        let code = self.category | if self.set { ON } else { 0 };
        Item::list([Item::binary([code]), id, Item::ascii(&self.text)])
    }
}

impl Alarms {
    pub(super) fn new(raw: Vec<RawAlarm>, events: &Events) -> Result<Self, ConfigError> {
        let all = tool::each("alarms", raw, |key, raw| Alarm::new(key, raw, events))?;
        let index = tool::index("alarms", "id", all.iter().map(|alarm| &alarm.id))?;
        Ok(Self { all, index })
    }

    /// The alarm of this name.
    pub(super) fn named(&self, id: &Id) -> Option<usize> {
        self.index.get(id).copied()
    }

    fn find(&self, item: &Item) -> Option<usize> {
        self.index.get(id::name(item)?.as_ref()).copied()
    }

    /// The ids of some.
    pub(super) fn ids(&self, which: impl Fn(&Alarm) -> bool) -> Item {
        Item::list(self.all.iter().filter(|alarm| which(alarm)).map(|alarm| alarm.id.item()))
    }
}

/// L3 for an id that no alarm has.
fn unknown(id: Item) -> Item {
    Item::list([Item::binary([]), id, Item::ascii("")])
}

impl Gem {
    /// S5F3, enable or disable alarm; no ALID means all.
    pub(super) fn enable_alarm(&mut self, item: Option<&Item>) -> Read<Item> {
        let [enable, id] = text::fields(text::some(item)?)?;
        let enable = text::byte(enable)? & ON != 0;
        if id.count() == 0 {
            self.alarms.all.iter_mut().for_each(|alarm| alarm.enabled = enable);
            return Ok(text::code(0));
        }
        id::name(id).ok_or(text::Refusal::Data)?;
        let Some(i) = self.alarms.find(id) else { return Ok(text::code(1)) };
        self.alarms.all[i].enabled = enable;
        Ok(text::code(0))
    }

    /// S5F5, list alarms; no ALID means all.
    pub(super) fn list_alarms(&self, item: Option<&Item>) -> Read<Item> {
        let alarms = &self.alarms.all;
        let asked = text::some(item)?;
        if asked.count() == 0 {
            return text::gather(alarms.iter().map(|alarm| alarm.told(alarm.id.item())));
        }
        text::gather(text::names(asked)?.map(|id| match self.alarms.find(&id) {
            Some(i) => alarms[i].told(id),
            None => unknown(id),
        }))
    }

    /// S5F7, list enabled alarms.
    pub(super) fn list_enabled_alarms(&self, item: Option<&Item>) -> Read<Item> {
        text::nothing(item)?;
        let enabled = self.alarms.all.iter().filter(|alarm| alarm.enabled);
        text::gather(enabled.map(|alarm| alarm.told(alarm.id.item())))
    }

    /// An alarm goes on or off. Nothing happens if it is so already.
    pub(super) fn alarm(&mut self, now: Time, i: usize, set: bool) {
        let alarm = &mut self.alarms.all[i];
        if std::mem::replace(&mut alarm.set, set) == set {
            return;
        }
        let event = if set { alarm.set_event } else { alarm.clear_event };
        let (enabled, told) = (alarm.enabled, alarm.told(alarm.id.item()));
        if enabled {
            self.say(now, Message::new(5, 1, told));
        }
        if let Some(event) = event {
            self.raise(now, event);
        }
    }
}
