#!/usr/bin/env bash
# What must pass before a push: formatting, clippy, all tests.
#
# usage: scripts/check.sh
set -euo pipefail
. "$(dirname "$0")/common.sh"

no_arguments "$@"
scripts/lint.sh
scripts/test.sh
