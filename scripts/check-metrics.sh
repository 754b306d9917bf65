#!/usr/bin/env bash
# Prints the tcp_comm_* series of a running toggle, or those a finished one left in a textfile.
#
# usage: scripts/check-metrics.sh [PORT]
#        scripts/check-metrics.sh --textfile PATH
#
#   PORT               of /metrics on 127.0.0.1 (METRICS_PORT; 9400); if nothing answers there, what
#                      the toggles of run.sh counted is read instead
#   --textfile PATH    what `wirelab toggle --metrics-textfile PATH` wrote
#
# Exit code 3 if there is nothing to read.
set -euo pipefail
. "$(dirname "$0")/common.sh"

port=${METRICS_PORT:-9400}
file=
case ${1-} in
    '') ;;
    --textfile) needs "$@" && file=$(cd "$CALLED_FROM" && realpath -m "$2") ;;
    -h | --help) help && exit 0 ;;
    *[!0-9]*) die 2 "$1 is not a port; see --help" ;;
    *) port=$1 ;;
esac

# Without curl, bash speaks just enough HTTP itself.
fetch() {
    local url=http://127.0.0.1:$port/metrics
    if have curl; then
        curl --silent --show-error --fail --max-time 5 "$url"
    else
        exec 3<>"/dev/tcp/127.0.0.1/$port" || return
        printf 'GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
        timeout 5 cat <&3
    fi
}

if [ -n "$file" ]; then
    [ -r "$file" ] || die 3 "cannot read $file; did a toggle run with --metrics-textfile?"
    text=$(<"$file")
    from=$file
elif from=http://127.0.0.1:$port/metrics && text=$(fetch 2>/dev/null); then
    say "from $from"
elif [ -z "${1-}" ] && [ -r "$METRICS_TEXTFILE" ]; then
    from=$METRICS_TEXTFILE
    text=$(<"$from")
    say "nothing answers on port $port; from $from"
else
    text=$(fetch) || die 3 "nothing answers at $from; a one-shot toggle ends before anyone can \
read it: add --linger 60s to it, or --metrics-textfile PATH and read that with --textfile"
fi
series=$(grep '^tcp_comm_' <<<"$text" | tr -d '\r') || die 3 "no tcp_comm_ series in $from"
printf '%s\n' "$series"
