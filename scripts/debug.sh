#!/usr/bin/env bash
# run.sh with log level DEBUG and backtraces. Takes the same arguments.
#
# usage: scripts/debug.sh [--device-id ID] [--host HOST] [--port PORT] [--state on|off]
set -euo pipefail

export RUST_BACKTRACE=1
exec "$(dirname "$0")/run.sh" --debug "$@"
