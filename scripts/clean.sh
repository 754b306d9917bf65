#!/usr/bin/env bash
# Removes what builds, test runs and coverage left: target/, test-reports/, htmlcov/.
#
# usage: scripts/clean.sh
set -euo pipefail
. "$(dirname "$0")/common.sh"

no_arguments "$@"
cargo clean
rm -rf test-reports htmlcov
