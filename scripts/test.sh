#!/usr/bin/env bash
# All tests, on simulated and on real networks. Arguments go to cargo test.
#
# usage: scripts/test.sh [CARGO-TEST-ARGUMENT…]
set -euo pipefail
. "$(dirname "$0")/common.sh"

exec cargo test --workspace "$@"
