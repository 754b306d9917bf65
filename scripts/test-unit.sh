#!/usr/bin/env bash
# The tests inside the sources.
#
# usage: scripts/test-unit.sh [-v] [-c]
#
#   -v    show what the tests print
#   -c    measure line coverage, wanted above 80 %, and write it to htmlcov/; the integration tests
#         run as well, since many lines are for sockets and terminals
set -euo pipefail
. "$(dirname "$0")/common.sh"

capture=()
coverage=
for argument in "$@"; do
    case $argument in
        -v | --verbose) capture=(-- --nocapture) ;;
        -c | --coverage) coverage=yes ;;
        *) no_arguments "$argument" ;;
    esac
done
tests=(--workspace --lib --bins ${capture[@]+"${capture[@]}"})
[ -n "$coverage" ] || exec cargo test "${tests[@]}"

have cargo-llvm-cov || die 3 "coverage needs cargo-llvm-cov: cargo install --locked cargo-llvm-cov, and \
rustup component add llvm-tools (or Debian's llvm, with LLVM_COV and LLVM_PROFDATA set)"
percent() {
    cargo llvm-cov report --json --summary-only |
        sed -n 's/.*"lines":{[^}]*"percent":\([0-9]*\.\{0,1\}[0-9]\{0,1\}\).*/\1/p'
}
rm -rf htmlcov
cargo llvm-cov clean --workspace
cargo llvm-cov --no-report "${tests[@]}"
alone=$(percent)
cargo llvm-cov --no-report --workspace --test '*' ${capture[@]+"${capture[@]}"}
cargo llvm-cov report --html --output-dir htmlcov
# Newer releases put the pages into a folder of their own.
if [ -d htmlcov/html ]; then
    mv htmlcov/html/* htmlcov/
    rmdir htmlcov/html
fi
all=$(percent)
[ -n "$all" ] || die 3 "cargo-llvm-cov gave no percentage"
say "line coverage: $all % (unit tests alone: $alone %), pages in htmlcov/index.html"
if awk -v p="$all" 'BEGIN { exit !(p < 80) }'; then
    say "warning: below the 80 % wanted"
fi
