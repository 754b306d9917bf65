//! Equipment as its host sees it: message by message, and as stories.
mod bounds;
mod codes;
mod messages;
mod models;
mod random;
mod settings;
mod spool;
mod stories;
mod support;
mod tool;
mod vectors;
