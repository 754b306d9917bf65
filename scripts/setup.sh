#!/usr/bin/env bash
# Checks what this machine has, fetches the dependencies, names the optional tools that are missing.
#
# usage: scripts/setup.sh
set -euo pipefail
. "$(dirname "$0")/common.sh"

no_arguments "$@"

have cargo || die 3 "cargo is missing; install Rust 1.89 or newer from https://rustup.rs"
have cc || die 3 "no C compiler (cc); on Debian: apt-get install gcc libc6-dev"
say "$(cargo --version), $(cc --version | head -n 1)"
cargo fetch --locked

optional() {
    if have "$1"; then
        say "  found    $1 ($2)"
    else
        say "  missing  $1 ($2); $3"
    fi
}
say "Optional tools:"
optional shellcheck "checks scripts/ and .ci/" "Debian: shellcheck"
optional curl "reads /metrics" "Debian: curl; check-metrics.sh does without"
optional jq "reads packet logs" "Debian: jq"
optional xmllint "checks JUnit files" "Debian: libxml2-utils"
optional ip "joins network namespaces in tests, as root" "Debian: iproute2"
optional tshark "reads captures in tests" "Debian: tshark"
optional chromedriver "clicks through the HTML report in tests" "Debian: chromium, chromium-driver"
optional nft "drops packets in tests, as root" "Debian: nftables"
optional promtool "checks metrics" "Debian: prometheus"
optional prometheus "scrapes metrics for real" "Debian: prometheus"
optional cargo-llvm-cov "measures coverage" "cargo install --locked cargo-llvm-cov"
optional cargo-deny "checks licences and sources" "cargo install --locked cargo-deny"
say "Ready. Next: cargo run --release -- run"
