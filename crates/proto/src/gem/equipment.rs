//! The equipment's memory, and what can happen to it.
use super::{
    Answer, Ended, Primary, Prompt, Said, Shows, Snapshot, Tool,
    alarms::Alarms,
    clock::Clock,
    commands::Commands,
    communication::{Communication, Stimulus},
    control::{Model, Wish},
    events::Events,
    outbox::{Message, Outbox},
    recipes::Recipes,
    reports::Reports,
    snapshot::Counts,
    spool::Spool,
    terminal::Terminals,
    trace::Traces,
    value,
    variables::{Source, Variables, Vid},
};
use crate::{
    ConfigError, Time,
    secs2::{Item, sml},
};

/// Equipment that remembers, also from one connection to the next.
///
/// Tell it what happens, then ask [`Gem::poll`] until it has nothing to say.
///
/// ```
/// use proto::{Time, gem::{Answer, Gem, RawTool, Said, Tool}};
/// let mut gem = Gem::new(Tool::new(RawTool::default())?);
/// let now = Time::default();
/// gem.selected(now);
/// let hello = gem.poll(now).expect("S1F13");
/// assert_eq!((hello.stream, hello.function), (1, 13));
/// let said = Said { stream: 1, function: 1, wait: true, item: Ok(None) };
/// let Answer::Reply { function: 2, item: Some(item) } = gem.primary(now, &said) else { panic!() };
/// assert_eq!(item.to_string(), r#"<L [2] <A "FAKE-EQ"> <A "1.0.0">>"#);
/// # Ok::<(), proto::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Gem {
    pub(super) identity: Item,
    pub(super) clock: Clock,
    pub(super) communication: Communication,
    pub(super) control: Model,
    pub(super) variables: Variables,
    pub(super) reports: Reports,
    pub(super) events: Events,
    pub(super) alarms: Alarms,
    pub(super) commands: Commands,
    pub(super) recipes: Recipes,
    pub(super) terminals: Terminals,
    pub(super) spool: Spool,
    pub(super) traces: Traces,
    pub(super) outbox: Outbox,
    pub(super) counts: Counts,
    /// It has no time for what asks for some.
    pub(super) busy: bool,
    /// DATAID of the latest report.
    pub(super) reported: u32,
}

impl Gem {
    /// Equipment that was just switched on.
    pub fn new(tool: Tool) -> Self {
        let Tool {
            identity,
            clock,
            communication,
            control,
            variables,
            reports,
            events,
            alarms,
            commands,
            recipes,
            terminals,
            spool,
            traces,
        } = tool;
        Self {
            identity,
            clock,
            communication,
            control,
            variables,
            reports,
            events,
            alarms,
            commands,
            recipes,
            terminals,
            spool,
            traces,
            outbox: Outbox::default(),
            counts: Counts::default(),
            busy: false,
            reported: 0,
        }
    }

    /// The host can be talked to.
    pub fn selected(&mut self, now: Time) {
        self.communicate(now, Stimulus::Selected);
    }

    /// The host cannot be talked to any more. What it has not answered is spooled, if it may be.
    pub fn lost(&mut self, now: Time) {
        self.communicate(now, Stimulus::Lost);
    }

    /// What to answer to a primary of the host.
    pub fn primary(&mut self, now: Time, said: &Said<'_>) -> Answer {
        self.answer(now, said)
    }

    /// How one of our primaries ended, if it wanted a reply. Whatever is said of one that is not open
    /// is ignored.
    pub fn replied(&mut self, now: Time, id: u64, ended: Ended) {
        self.ended(now, id, ended);
    }

    /// Somebody does something at the equipment.
    pub fn prompt(&mut self, now: Time, prompt: Prompt) -> Result<(), ConfigError> {
        match prompt {
            Prompt::Event { id } => {
                let event = self.events.must("event", &id)?;
                self.raise(now, event);
            }
            Prompt::Alarm { id, set } => {
                let unknown = || ConfigError::new("alarm", format!("no alarm is called {id}"));
                let alarm = self.alarms.named(&id).ok_or_else(unknown)?;
                self.alarm(now, alarm, set);
            }
            Prompt::Set { id, value } => {
                let vid = self.variables.must("set", &id)?;
                self.set(vid, &value).map_err(|problem| ConfigError::new("set", problem))?;
            }
            Prompt::Online => self.control(now, Wish::Online),
            Prompt::Offline => self.control(now, Wish::Offline),
            Prompt::Local => self.control(now, Wish::Local),
            Prompt::Remote => self.control(now, Wish::Remote),
            Prompt::Busy => self.busy = true,
            Prompt::Idle => self.busy = false,
            Prompt::Enable => self.communicate(now, Stimulus::Enable),
            Prompt::Disable => self.communicate(now, Stimulus::Disable),
            Prompt::Terminal { text } => self.request_attention(now, &text)?,
            Prompt::Send(sml::Message { name: _, stream, function, wait, item }) => {
                self.say(now, Message { stream, function, wait, item });
            }
        }
        Ok(())
    }

    fn set(&mut self, vid: Vid, text: &str) -> Result<(), String> {
        let before = match vid {
            Vid::Status(i) => &self.variables.status[i].source,
            Vid::Data(i) => &self.variables.data[i].source,
            Vid::Constant(i) => {
                let item = value::typed(text, self.variables.constants[i].value.format())?;
                let refused = |eac| format!("the constant cannot be {item}: EAC {}", eac as u8);
                return self.try_constant(i, &item).map_err(refused);
            }
        };
        let Source::Value(before) = before else {
            return Err("it shows what the equipment knows; it cannot be set".into());
        };
        let item = value::typed(text, before.format())?;
        if !super::text::small(&item) {
            return Err("the value is too long or too deep to be told; 64 KiB are the most".into());
        }
        self.variables.assign(vid, item);
        Ok(())
    }

    /// The next message to say. Ask until there is none, after everything else.
    pub fn poll(&mut self, now: Time) -> Option<Primary> {
        self.fetch(now)
    }

    /// When [`Gem::timeout`] should be called.
    pub fn wake_at(&self) -> Option<Time> {
        let all = [self.communication.wake_at(), self.commands.wake_at(), self.traces.wake_at()];
        all.into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: Time) {
        if self.communication.wake_at().is_some_and(|due| due <= now) {
            self.communicate(now, Stimulus::Timer);
        }
        self.perform_later(now);
        self.sample(now);
    }

    /// What it would say of itself when asked.
    pub fn snapshot(&self) -> Snapshot {
        self.describe()
    }

    /// What a variable shows of the equipment.
    pub(super) fn shown(&self, now: Time, shows: Shows) -> Item {
        let enabled = || self.events.all.iter().filter(|event| event.enabled);
        match shows {
            Shows::Clock => self.clock.text(now),
            Shows::ControlState => Item::u1(self.control.state.code()),
            Shows::AlarmsSet => self.alarms.ids(|alarm| alarm.set),
            Shows::AlarmsEnabled => self.alarms.ids(|alarm| alarm.enabled),
            Shows::EventsEnabled => Item::list(enabled().map(|event| event.id.item())),
            Shows::SpoolCountActual | Shows::SpoolCountTotal => self.shown_spool(shows),
            Shows::SpoolStartTime | Shows::SpoolFullTime => self.shown_spool(shows),
        }
    }
}
