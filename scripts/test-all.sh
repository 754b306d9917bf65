#!/usr/bin/env bash
# Unit tests, then integration tests, then doc tests.
#
# usage: scripts/test-all.sh [-v]
#
#   -v    show what the tests print
set -euo pipefail
. "$(dirname "$0")/common.sh"

verbosity "$@"
scripts/test-unit.sh "$@"
scripts/test-integration.sh "$@"
for crate in proto net lab; do
    cargo test --package "wirelab-$crate" --doc ${capture[@]+"${capture[@]}"}
done
