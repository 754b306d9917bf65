#!/usr/bin/env bash
# The program, optimised: target/release/wirelab.
#
# usage: scripts/build.sh
set -euo pipefail
. "$(dirname "$0")/common.sh"

no_arguments "$@"
cargo build --release --bin wirelab
say "built $WIRELAB"
