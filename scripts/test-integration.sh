#!/usr/bin/env bash
# The tests under crates/*/tests: every case on both networks, and the program as people call it.
#
# usage: scripts/test-integration.sh [-v]
#
#   -v    show what the tests print
set -euo pipefail
. "$(dirname "$0")/common.sh"

verbosity "$@"
exec cargo test --workspace --test '*' ${capture[@]+"${capture[@]}"}
