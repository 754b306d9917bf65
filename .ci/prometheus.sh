#!/usr/bin/env bash
# Lets a real Prometheus scrape a real toggle, and asks Prometheus what it saw.
#
# usage: .ci/prometheus.sh
#
# Needs target/release/wirelab, curl, jq, prometheus and promtool. Uses 127.0.0.1 and free ports.
set -euo pipefail
# shellcheck source=../scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"
no_arguments "$@"

for tool in curl jq prometheus promtool; do
    have "$tool" || die 3 "$tool is missing; on Debian: apt-get install curl jq prometheus"
done
[ -x "$WIRELAB" ] || die 3 "$WIRELAB is missing; run scripts/build.sh"

device=
toggle=
prometheus=
scratch=$(mktemp -d)
trap 'stop "$prometheus"; stop "$toggle"; stop "$device"; rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# await SECONDS WHAT COMMAND…: until the command succeeds, but not for ever.
await() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        if [ "$SECONDS" -ge "$until" ]; then
            tail -n 20 "$scratch"/*.err >&2 || true
            die 1 "waited in vain for $what"
        fi
        sleep 0.1
    done
    echo "ok: $what"
}

# ok TEXT COMMAND…: the command must succeed.
ok() {
    local what=$1
    shift
    "$@" || die 1 "not so: $what"
    echo "ok: $what"
}

start_device "$scratch" --port 0
"$WIRELAB" toggle --device-id CI1 --device-host "$device_host" --device-port "$device_port" \
    --metrics-port 0 --linger 60s >"$scratch/toggle.out" 2>"$scratch/toggle.err" </dev/null &
toggle=$!

metrics_url() {
    url=$(grep -o -m 1 'http://127\.0\.0\.1:[0-9]*/metrics' "$scratch/toggle.err")
}
await 10 "the toggle to say where its metrics are" metrics_url

scrape() { curl --silent --show-error --fail --max-time 5 "$@" "$url"; }
has_toggled() { scrape | grep '^tcp_comm_packet_recv_total{.*outcome="success".*} 1' >/dev/null; }
await 10 "the toggle to be answered" has_toggled

text_passes_promtool() { scrape | promtool check metrics; }
ok "promtool finds nothing to say about the text format" text_passes_promtool

text_is_0_0_4() {
    scrape --dump-header "$scratch/headers" --output /dev/null &&
        grep -qi '^content-type: *text/plain; *version=0\.0\.4' "$scratch/headers"
}
ok "without a wish, the text format 0.0.4 is served" text_is_0_0_4

openmetrics_when_asked() {
    scrape --header 'Accept: application/openmetrics-text' --dump-header "$scratch/headers" \
        >"$scratch/openmetrics" &&
        grep -qi '^content-type: *application/openmetrics-text' "$scratch/headers" &&
        [ "$(tail -n 1 "$scratch/openmetrics")" = "# EOF" ]
}
ok "OpenMetrics is served when asked for, and ends with # EOF" openmetrics_when_asked

target=${url#http://}
target=${target%/metrics}
cat >"$scratch/prometheus.yml" <<YAML
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: wirelab
    static_configs:
      - targets: ['$target']
YAML
promtool check config "$scratch/prometheus.yml"
prometheus --config.file="$scratch/prometheus.yml" --web.listen-address=127.0.0.1:0 \
    --storage.tsdb.path="$scratch/tsdb" >"$scratch/prometheus.err" 2>&1 </dev/null &
prometheus=$!

api() {
    api=$(sed -n 's/.*msg="Listening on" address=\(127\.0\.0\.1:[0-9]*\).*/\1/p' \
        "$scratch/prometheus.err")
    [ -n "$api" ]
}
await 20 "Prometheus to listen" api

# value_is N QUERY: the query gives exactly one series, and its value is N.
value_is() {
    curl --silent --max-time 5 --get --data-urlencode "query=$2" "http://$api/api/v1/query" |
        jq -e --arg want "$1" \
            '.data.result | length == 1 and .[0].value[1] == $want' >/dev/null
}
for query in \
    'tcp_comm_packet_sent_total{device_id="CI1",outcome="success"}' \
    'tcp_comm_packet_recv_total{device_id="CI1",outcome="success"}' \
    'tcp_comm_packet_latency_seconds_count{device_id="CI1"}'; do
    await 30 "Prometheus to say that $query is 1" value_is 1 "$query"
done
await 30 "Prometheus to say that the toggle's connection is closed" \
    value_is 0 'tcp_comm_connection_up{node="toggler"}'
await 30 "Prometheus to say the same of its state" \
    value_is 1 'tcp_comm_connection_state{device_id="CI1",state="disconnected"}'
