# shellcheck shell=bash disable=SC2034
# Sourced by the other scripts: where the repository is, how they speak, how they start a device.

CALLED_FROM=$PWD
SELF="$(cd "$(dirname "$0")" && pwd)/${0##*/}"
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
METRICS_TEXTFILE="$ROOT/test-reports/metrics.prom"
WIRELAB="${CARGO_TARGET_DIR:-$ROOT/target}/release/wirelab"
cd "$ROOT" || exit 3

say() { printf '%s\n' "$*" >&2; }

# die CODE MESSAGE…: 2 is a usage error, 3 a lack in the environment, as everywhere in wirelab.
die() {
    local code=$1
    shift
    say "${0##*/}: $*"
    exit "$code"
}

have() { command -v "$1" >/dev/null 2>&1; }

# The comment block under the first line is the help text.
help() { sed -n '2,${/^#/!q;s/^# \{0,1\}//;p}' "$SELF"; }

# needs "$@": the flag in $1 must be followed by a value.
needs() { [ $# -ge 2 ] || die 2 "$1 needs a value"; }

# no_arguments "$@": for scripts that take none but --help.
no_arguments() {
    case ${1-} in
        '') ;;
        -h | --help) help && exit 0 ;;
        *) die 2 "unknown argument $1; see --help" ;;
    esac
}

# verbosity "$@": -v shows what the tests print.
verbosity() {
    capture=()
    case ${1-} in
        -v | --verbose) capture=(-- --nocapture) ;;
        *) no_arguments "$@" ;;
    esac
}

# start_device DIR ARGUMENT…: runs a fake device in the background until it is listening. Its
# process is $device and its place $device_host:$device_port; DIR takes its output. The caller's
# exit trap ends it.
start_device() {
    local dir=$1 first addr
    shift
    mkfifo "$dir/device"
    "$WIRELAB" device toggle "$@" >"$dir/device" </dev/null &
    device=$!
    exec 3<"$dir/device"
    IFS= read -r -t 10 first <&3 || die 3 "the device did not say where it listens"
    # Somebody has to go on reading, or a full pipe would hold the device up.
    cat <&3 >"$dir/device.jsonl" &
    exec 3<&-
    addr=$(sed -nE 's/.*"(addr|peer)" *: *"([^"]*)".*/\2/p' <<<"$first")
    [ -n "$addr" ] || die 3 "no address in the device's first line: $first"
    device_host=${addr%:*} device_port=${addr##*:}
}

# stop PID: ends a process we started and waits for it. No PID, nothing to do.
stop() {
    [ -n "${1-}" ] || return 0
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}
