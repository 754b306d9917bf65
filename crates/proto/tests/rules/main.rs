//! Rules in both published formats, from their text to the bitmaps.
mod any_json;
mod engine;
mod files;
mod first;
mod support;
mod third;
