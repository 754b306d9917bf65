# shellcheck shell=bash disable=SC2154
# Sourced by .ci/peers.sh: programs that talk to each other, told what to do and waited for. Each has
# its orders on stdin, and its facts as JSON lines in $stage/NAME.out.

declare -A pids=() orders=()
stage=
scenes=0
playing=()
peer=wirelab

# scene TITLE: what follows has a directory of its own.
scene() {
    scenes=$((scenes + 1))
    stage=$scratch/$peer.$scenes
    mkdir "$stage"
    echo "-- [$SECONDS s] $1"
}

# start NAME COMMAND…: in the background.
start() {
    local name=$1 fd
    shift
    rm -f "$stage/$name.in"
    mkfifo "$stage/$name.in"
    "$@" <"$stage/$name.in" >"$stage/$name.out" 2>>"$stage/$name.err" &
    pids[$name]=$!
    exec {fd}>"$stage/$name.in"
    orders[$name]=$fd
}

# order NAME LINE
order() { printf '%s\n' "$2" >&"${orders[$1]}"; }

# start_peer ROLE MODE PORT
start_peer() {
    case $peer in
        secsgem) start peer "$peers/secsgem/bin/python" scripts/peers/secsgem_peer.py "$@" ;;
        secs4js) start peer node "$peers/secs4js/secs4js_peer.mjs" "$@" ;;
    esac
    playing=("$@")
    # If it is killed, it is to come back where it was.
    [ "$2" = active ] || playing[2]=$(port peer)
    listed ports "${playing[2]}"
}

# listed LIST WORD: for the judgement at the end.
listed() { echo "$2" >>"$scratch/$1"; }

# port NAME: the one it listens on.
port() {
    await 10 "$1 to listen" saw "$1" 1 '.event == "listening"' >&2
    jq -Rnr '[inputs | fromjson? | .addr // empty][0] | sub(".*:"; "")' "$stage/$1.out"
}

# end NAME: at once. secsgem has threads that outlive a friendlier end.
end() {
    local pid=${pids[$1]-} fd=${orders[$1]-}
    unset "pids[$1]" "orders[$1]"
    [ -z "$fd" ] || exec {fd}>&-
    [ -n "$pid" ] || return 0
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

end_all() {
    local name
    for name in "${!pids[@]}"; do
        end "$name"
    done
}

# ends NAME CODE: by itself, in time, with this exit code.
ends() {
    local code=0 pid=${pids[$1]}
    await 10 "$1 to end" gone "$pid"
    wait "$pid" || code=$?
    unset "pids[$1]"
    end "$1"
    [ "$code" -eq "$2" ] || die 1 "$1 ended with $code, not $2"
}
gone() { ! kill -0 "$1" 2>/dev/null; }

# host CODE NAME ARGUMENT…: a host of ours that runs to its end.
host() {
    local code=0 want=$1 name=$2
    shift 2
    timeout 60 "$WIRELAB" hsms "$@" >"$stage/$name.out" 2>"$stage/$name.err" || code=$?
    [ "$code" -eq "$want" ] || { show && die 1 "hsms $1 ended with $code, not $want"; }
    echo "ok: hsms $1 ended with $code"
}

# count NAME FILTER: how many of its lines so far the jq filter holds for.
count() { jq -Rn "[inputs | fromjson? | select(($2)?)] | length" "$stage/$1.out"; }

# saw NAME TIMES FILTER, saw_none NAME FILTER
saw() { [ "$(count "$1" "$3")" -ge "$2" ]; }
saw_none() { [ "$(count "$1" "$2")" -eq 0 ]; }

# await SECONDS WHAT COMMAND…: until the command succeeds, but not for ever.
await() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        if [ "$SECONDS" -ge "$until" ]; then
            show
            die 1 "waited in vain for $what"
        fi
        sleep 0.1
    done
    echo "ok: $what"
}

# ok WHAT COMMAND…: the command must succeed.
ok() {
    local what=$1
    shift
    "$@" || { show && die 1 "not so: $what"; }
    echo "ok: $what"
}

# show: what everybody said last.
show() { tail -n 30 "$stage"/*.out "$stage"/*.err 2>/dev/null | cut -c 1-300 >&2; }
