#!/usr/bin/env bash
# Toggles a device. Without a host it starts a fake device of its own and ends it afterwards.
#
# usage: scripts/run.sh [--device-id ID] [--host HOST] [--port PORT] [--state on|off] [--debug]
#
#   --device-id ID    who (DEVICE_ID; DEVICE123)
#   --host HOST       where (DEVICE_HOST; a fake device on 127.0.0.1)
#   --port PORT       its port (DEVICE_PORT; 9000, or any free one for the fake device)
#   --state STATE     on or off (STATE; on)
#   --debug           log level DEBUG
#
# The packet log goes to stdout. What it counted is added to test-reports/metrics.prom, which
# check-metrics.sh reads. The exit code is that of `wirelab toggle`.
set -euo pipefail
. "$(dirname "$0")/common.sh"

id=${DEVICE_ID:-DEVICE123}
host=${DEVICE_HOST-}
port=${DEVICE_PORT-}
state=${STATE:-on}
more=()
while [ $# -gt 0 ]; do
    case $1 in
        --device-id) needs "$@" && id=$2 && shift 2 ;;
        --host) needs "$@" && host=$2 && shift 2 ;;
        --port) needs "$@" && port=$2 && shift 2 ;;
        --state) needs "$@" && state=$2 && shift 2 ;;
        --debug) more=(--log-level DEBUG) && shift ;;
        -h | --help) help && exit 0 ;;
        *) die 2 "unknown argument $1; see --help" ;;
    esac
done

cargo build --release --quiet --bin wirelab

device=
scratch=$(mktemp -d)
trap 'stop "$device"; rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -z "$host" ]; then
    start_device "$scratch" --host 127.0.0.1 --port "${port:-0}"
    host=$device_host port=$device_port
    say "fake device on $host:$port (process $device)"
fi

mkdir -p "$(dirname "$METRICS_TEXTFILE")"
"$WIRELAB" toggle --device-id "$id" --device-host "$host" --device-port "${port:-9000}" \
    --state "$state" --metrics-textfile "$METRICS_TEXTFILE" ${more[@]+"${more[@]}"}
