#!/usr/bin/env bash
# Formats all Rust sources.
#
# usage: scripts/format.sh
set -euo pipefail
. "$(dirname "$0")/common.sh"

no_arguments "$@"
exec cargo fmt --all
