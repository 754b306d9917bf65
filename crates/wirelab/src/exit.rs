//! How the program ends: its exit codes, and failures that say what is wrong and how to mend it.
use std::process::ExitCode;

use lab::capture::packets::Unreadable;
use proto::{ConfigError, Stage};

use crate::text;

/// The exit codes, as `--help` and the manual list them.
pub(crate) const CODES: &str = "\
Exit codes:
  0    done; the verdict is a pass
  1    the command failed; the verdict is a fail
  2    usage or configuration: a bad flag, a bad file
  3    environment, or inconclusive: a port taken, an output not writable
  124  the deadline passed
  130  a one-shot command was interrupted";

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As it should.
    Done,
    /// The command, or the judged thing, failed.
    Failed,
    /// The command failed, and the caller wants to know where.
    At(Stage),
    /// A flag or a file makes no sense.
    Usage,
    /// Something around us is missing, taken or not writable.
    Environment,
    /// The whole-command deadline passed.
    Deadline,
    /// Told to stop.
    Interrupted,
}

impl Exit {
    /// The code of the process.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::At(stage) => match stage {
                Stage::Refused => 10,
                Stage::Unreachable => 11,
                Stage::ConnectTimeout => 12,
                Stage::SendFailed => 13,
                Stage::ReceiveTimeout => 14,
                Stage::Closed => 15,
                Stage::Reset => 16,
                Stage::Nack => 17,
                Stage::Malformed => 18,
                Stage::NotConfirmed => 19,
                Stage::Deadline => Self::Deadline.code(),
                Stage::QueueFull | Stage::BreakerOpen | Stage::Superseded | Stage::Expired => {
                    Self::Failed.code()
                }
                Stage::Cancelled => Self::Interrupted.code(),
            },
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Deadline => 124,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why the program cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// To be told in one line.
    Told {
        /// How to end.
        exit: Exit,
        /// What is wrong and how to mend it.
        problem: String,
    },
    /// Whoever read our output has gone. Nothing to tell, and nobody to tell it to.
    Unheard,
}

impl Failure {
    /// A flag, a setting or a file makes no sense.
    pub(crate) fn usage(problem: impl Into<String>) -> Self {
        Self::Told { exit: Exit::Usage, problem: problem.into() }
    }
    /// Something around us is missing, taken or not writable.
    pub(crate) fn environment(problem: impl Into<String>) -> Self {
        Self::Told { exit: Exit::Environment, problem: problem.into() }
    }
    /// Tells it, and says how to end.
    pub(crate) fn tell(self) -> Exit {
        match self {
            Self::Told { exit, problem } => {
                text::talk(&format!("error: {problem}"));
                exit
            }
            Self::Unheard => Exit::Done,
        }
    }
}

impl From<ConfigError> for Failure {
    /// The settings of files and of flags share their names.
    fn from(ConfigError { key, problem }: ConfigError) -> Self {
        let key = key.trim_start_matches("policy.").trim_start_matches("settings.");
        Self::usage(format!("--{}: {problem}", key.replace(['_', '.'], "-")))
    }
}

impl From<Unreadable> for Failure {
    fn from(why: Unreadable) -> Self {
        match &why {
            Unreadable::Io(_) => Self::environment(why.to_string()),
            Unreadable::NoCapture(_) => Self::usage(why.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_have_the_codes_from_10_in_their_order() {
        let codes: Vec<u8> = Stage::ALL.iter().map(|stage| Exit::At(*stage).code()).collect();
        assert_eq!(codes, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 124, 1, 130, 1, 1, 1]);
    }

    #[test]
    fn settings_are_called_by_their_flags() {
        let failure = Failure::from(ConfigError::new("policy.max_attempts", "must be at least 1"));
        assert_eq!(failure, Failure::usage("--max-attempts: must be at least 1"));
    }

    #[test]
    fn every_code_is_in_the_help() {
        let all = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Environment,
            Exit::Deadline,
            Exit::Interrupted,
        ];
        for exit in all {
            assert!(CODES.contains(&format!("\n  {:<4} ", exit.code())), "{exit:?}");
        }
    }
}
