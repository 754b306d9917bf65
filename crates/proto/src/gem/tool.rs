//! A tool whose description holds together.
use std::collections::BTreeMap;

use super::{
    Id, RawBounds, RawTool, Value, alarms::Alarms, clock::Clock, commands::Commands,
    communication::Communication, constants::Governed, control::Model, events::Events,
    recipes::Recipes, reports::Reports, spool::Spool, terminal::Terminals, text, trace::Traces,
    variables::Variables,
};
use crate::{ConfigError, secs2::Item};

/// The longest MDLN and SOFTREV.
const MAX_IDENTITY: usize = 20;

/// A tool as it will be when it is switched on, checked once.
#[derive(Clone, Debug)]
pub struct Tool {
    /// L2 of MDLN and SOFTREV.
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
}

impl Tool {
    /// Checks the description. What is wrong is named by its place, as `status[2].id`.
    pub fn new(raw: RawTool) -> Result<Self, ConfigError> {
        let RawTool {
            mdln,
            softrev,
            clock,
            time_format,
            establish,
            initiates,
            lenient,
            control,
            attempt_failed,
            status,
            data,
            constants,
            events,
            reports,
            alarms,
            commands,
            recipes,
            terminals,
            spool,
            bounds,
        } = raw;
        let RawBounds {
            reports: most_reports,
            report_values,
            links,
            traces,
            trace_variables,
            recipes: most_recipes,
            recipe_bytes,
            terminal_text,
        } = bounds;
        let establish = establish.0;
        let (transmit, overwrite) = (spool.transmit, spool.overwrite);
        let governed = Governed { establish, time_format, transmit, overwrite };
        let variables = Variables::new(status, data, constants, &governed)?;
        let reports = Reports::new(reports, &variables, (most_reports, report_values))?;
        let events = Events::new(events, &reports, &variables, links)?;
        Ok(Self {
            identity: Item::list([identity("mdln", &mdln)?, identity("softrev", &softrev)?]),
            clock: Clock::new(clock, time_format),
            communication: Communication::new(establish, initiates, lenient),
            control: Model::new(control, attempt_failed)?,
            alarms: Alarms::new(alarms, &events)?,
            commands: Commands::new(commands, &variables, &events)?,
            recipes: Recipes::new(recipes, (most_recipes, recipe_bytes))?,
            terminals: Terminals::new(terminals, terminal_text),
            spool: Spool::new(spool)?,
            traces: Traces::new((traces, trace_variables)),
            variables,
            reports,
            events,
        })
    }
}

fn identity(key: &str, text: &str) -> Result<Item, ConfigError> {
    let plain = text.bytes().all(|b| (32..127).contains(&b));
    if text.len() > MAX_IDENTITY || !plain {
        let problem = format!("should be at most {MAX_IDENTITY} characters of ASCII");
        return Err(ConfigError::new(key, problem));
    }
    Ok(Item::ascii(text))
}

/// Checks each of some, under its place.
pub(super) fn each<R, T>(
    key: &str,
    all: Vec<R>,
    check: impl Fn(&str, R) -> Result<T, ConfigError>,
) -> Result<Vec<T>, ConfigError> {
    let numbered = all.into_iter().enumerate();
    numbered.map(|(i, raw)| check(&format!("{key}[{i}]"), raw)).collect()
}

/// Where each of some is by its id, of which no two may be the same. The id's field has this name.
pub(super) fn index<'a>(
    key: &str,
    field: &str,
    ids: impl Iterator<Item = &'a Id>,
) -> Result<BTreeMap<Id, usize>, ConfigError> {
    let mut index = BTreeMap::new();
    for (i, id) in ids.enumerate() {
        if let Some(first) = index.insert(id.clone(), i) {
            let problem = format!("{id} is taken by {key}[{first}]");
            return Err(ConfigError::new(format!("{key}[{i}].{field}"), problem));
        }
    }
    Ok(index)
}

/// A value that can be told in any message.
pub(super) fn value(key: &str, Value(item): Value) -> Result<Item, ConfigError> {
    if !text::small(&item) {
        return Err(ConfigError::new(
            key,
            "is too long or too deep to be told; 64 KiB are the most",
        ));
    }
    Ok(item)
}
