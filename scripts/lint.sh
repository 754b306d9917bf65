#!/usr/bin/env bash
# Formatting and clippy, warnings being errors; shellcheck where it is installed.
#
# usage: scripts/lint.sh
set -euo pipefail
. "$(dirname "$0")/common.sh"

no_arguments "$@"
cargo fmt --all --check
cargo clippy --workspace --all-targets -- -D warnings
if have shellcheck; then
    shellcheck -x -P SCRIPTDIR scripts/*.sh .ci/run .ci/*.sh
else
    say "skipped: shellcheck is not installed"
fi
