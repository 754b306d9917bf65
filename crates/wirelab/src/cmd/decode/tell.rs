//! Says what a message in a capture is, or what is wrong: a line each, for people or as JSON.
use std::fmt::Write;

use jiff::Timestamp;
use lab::{capture::segment::Way, registry::AnyProtocol};
use proto::explain::Explanation;
use serde::Serialize;

use crate::{exit::Failure, text};

/// Where lines go.
pub(super) type Out<'a> = Box<dyn FnMut(&str) -> Result<(), Failure> + 'a>;

/// Tells what was found, and counts it.
pub(super) struct Teller<'a> {
    pub(super) protocol: &'static dyn AnyProtocol,
    json: bool,
    /// Secrets are shown.
    pub(super) shows: bool,
    out: Out<'a>,
    /// Messages, sound or not.
    pub(super) messages: u64,
    /// Messages and other places that are not as they should be.
    pub(super) wrong: u64,
}

/// Where something is: in which direction, and how many bytes after its beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) time: Option<Timestamp>,
    pub(super) way: Way,
    pub(super) offset: u64,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Line<'a> {
    time: Option<Timestamp>,
    src: String,
    dst: String,
    offset: u64,
    len: u64,
    sound: bool,
    message: &'a str,
    #[serde(flatten)]
    explanation: &'a Explanation,
    schema: u32,
}

impl<'a> Teller<'a> {
    pub(super) fn new(
        protocol: &'static dyn AnyProtocol,
        json: bool,
        shows: bool,
        out: Out<'a>,
    ) -> Self {
        Self { protocol, json, shows, out, messages: 0, wrong: 0 }
    }

    /// A whole message, or what is there of one.
    ///
    /// # Errors
    /// The output is not writable.
    pub(super) fn message(&mut self, place: Place, bytes: &[u8]) -> Result<bool, Failure> {
        let mut explanation = self.protocol.explain(bytes);
        let sound = explanation.is_sound();
        let mut words = self.protocol.in_words(bytes);
        if self.shows && explanation.parts.iter().any(|part| part.hidden) {
            explanation.reveal(bytes);
            words = explanation.in_words();
        }
        self.messages += 1;
        self.line(place, bytes.len() as u64, &words, &explanation)?;
        Ok(sound)
    }

    /// Something that is wrong with the stream.
    ///
    /// # Errors
    /// The output is not writable.
    pub(super) fn problem(
        &mut self,
        place: Place,
        len: u64,
        problem: impl Into<String>,
    ) -> Result<(), Failure> {
        let explanation = Explanation { problem: Some(problem.into()), ..Explanation::default() };
        self.line(place, len, "", &explanation)
    }

    fn line(
        &mut self,
        place: Place,
        len: u64,
        message: &str,
        explanation: &Explanation,
    ) -> Result<(), Failure> {
        let Place { time, way, offset } = place;
        let sound = explanation.is_sound();
        self.wrong += u64::from(!sound);
        if self.json {
            let (src, dst) = (way.src.to_string(), way.dst.to_string());
            return (self.out)(&text::json_line(&Line {
                time,
                src,
                dst,
                offset,
                len,
                sound,
                message,
                explanation,
                schema: 1,
            }));
        }
        let time = time.map_or_else(|| "-".into(), |time| format!("{time:.6}"));
        let mut line = format!("{time}  {} -> {}", way.src, way.dst);
        if !message.is_empty() {
            write!(line, "  {}", text::plain(message)).expect("it has room");
        }
        for (at, problem) in explanation.problems() {
            let at = offset + at.unwrap_or(0) as u64;
            let problem = text::plain(&problem);
            write!(line, "  \x1b[1;31mWRONG:\x1b[0m at byte {at}: {problem}").expect("it has room");
        }
        line.push('\n');
        (self.out)(&line)
    }
}
