//! `wirelab vkb`: everything about VKB-Link.
mod check_rules;

use crate::{
    args::{VkbArgs, VkbWhat},
    exit::{Exit, Failure},
};

/// # Errors
/// Those of what was to be done.
pub(crate) fn run(VkbArgs { what }: VkbArgs) -> Result<Exit, Failure> {
    match what {
        VkbWhat::CheckRules(args) => check_rules::run(args),
    }
}
