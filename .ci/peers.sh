#!/usr/bin/env bash
# Lets secsgem and secs4js, two other implementations of HSMS, talk to wirelab, as host and as
# equipment, dialling and being dialled; then has tshark read every byte of it.
#
# usage: .ci/peers.sh [--keep DIR]
#
#   --keep DIR    install the peers there, and use what is there already
#
# Needs target/release/wirelab and jq, and the right to capture on loopback. Installs secsgem and
# secs4js, and as root also Python, Node and tshark where they are missing. WIRELAB_VECTORS says where
# hsms.json is, frames of other implementations. Uses 127.0.0.1 and free ports.
set -euo pipefail
# shellcheck source=../scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"
# shellcheck source=stage.sh
. "$ROOT/.ci/stage.sh"

keep=
case ${1-} in
    --keep) needs "$@" && keep=$(cd "$CALLED_FROM" && realpath -m "$2") ;;
    *) no_arguments "$@" ;;
esac
[ -x "$WIRELAB" ] || die 3 "$WIRELAB is missing; run scripts/build.sh"
have jq || die 3 "jq is missing; on Debian: apt-get install jq"

scratch=$(mktemp -d)
peers=${keep:-$scratch/peers}
declare -A troupes=()
trap 'for pid in "${troupes[@]}"; do stop "$pid"; done; end_all; rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

install_tools() {
    local missing=()
    python3 -m ensurepip --version >/dev/null 2>&1 || missing+=(python3 python3-venv)
    have node && have npm || missing+=(nodejs npm)
    have tshark && have text2pcap || missing+=(tshark)
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" -eq 0 ] || die 3 "missing, and only root can install them: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq --yes --no-install-recommends debconf >/dev/null
    # Whether others than root may capture: no.
    echo wireshark-common wireshark-common/install-setuid boolean false | debconf-set-selections
    apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
}

install_peers() {
    mkdir -p "$peers"
    if [ ! -e "$peers/secsgem/ready" ]; then
        python3 -m venv "$peers/secsgem"
        "$peers/secsgem/bin/pip" install --quiet --disable-pip-version-check secsgem==0.3.0
        touch "$peers/secsgem/ready"
    fi
    if [ ! -e "$peers/secs4js/ready" ]; then
        mkdir -p "$peers/secs4js"
        npm install --prefix "$peers/secs4js" --ignore-scripts --no-audit --no-fund --silent \
            secs4js@0.4.7
        touch "$peers/secs4js/ready"
    fi
    # Node looks for modules beside the program only.
    cp scripts/peers/secs4js_peer.mjs "$peers/secs4js/"
}

# A port that was free a moment ago, for those who cannot say which one they got.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

install_tools
install_peers
echo "ok: installed after $SECONDS s"
SECONDS=0

# SML of a megabyte for S2F25, and what its echo looks like in ours.
big=1000000
bytes=$(python3 -c "print(' '.join(f'0x{i * 7 % 251:02X}' for i in range($big)))")
printf 'S2F25 W <B %s>.\n' "$bytes" >"$scratch/loopback.sml"

# answered NAME TIMES: the other end has done what so many requests of ours asked.
answered() { saw "$1" "$2" '.outcome == "ok" and .delivery == "applied"'; }
established() { saw host "$1" '.outcome == "ok" and (.request | startswith("S1F13"))'; }
megabyte_echoed() {
    ok "a megabyte comes back" saw loopback 1 \
        "(.request | ltrimstr(\"S2F25 W \")) == (.reply.sml | ltrimstr(\"S2F26 \"))
        and (.reply.sml | length) > $big"
    ok "$peer received a megabyte" saw peer 1 \
        ".event == \"received\" and .message == \"S2F25\" and .bytes == $((big + 4))"
}

# same_system_bytes NAME MESSAGE: what the peer received is what we sent.
same_system_bytes() {
    local system
    system=$(jq -r "select(.request | startswith(\"$2 W\")) | .reply.system" "$stage/$1.out")
    saw peer 1 ".event == \"received\" and .message == \"$2\" and .system == $((16#$system))"
}

left() { saw peer "$1" '.event == "closed"'; }
listens() { saw peer "$1" '.event == "listening"'; }

# The peer as equipment, and our host dials. One after the other are so many reconnects.
our_host_dials() {
    local at
    scene "our host dials $peer"
    start_peer equipment passive 0
    at=127.0.0.1:$(port peer)

    # Left at once, secsgem may miss that it was selected; what was said is for tshark to see.
    host 0 select select "$at" --json
    await 10 "$peer to be left" left 1

    await 10 "$peer to listen again" listens 2
    host 0 send send "$at" --establish --json 'S1F1 W'
    ok "S1F13 and S1F1 are applied" answered send 2
    ok "S1F14 accepts" saw send 1 '.reply.item[0].B == "00"'
    ok "S1F2 names $peer" saw send 1 ".reply.item[0].A == \"$peer\""
    ok "$peer was selected" saw peer 1 '.event == "selected"'
    ok "$peer received our S1F13" same_system_bytes send S1F13
    ok "$peer received our S1F1" same_system_bytes send S1F1
    await 10 "$peer to be left" left 2

    await 10 "$peer to listen again" listens 3
    host 0 loopback send "$at" --establish --json - <"$scratch/loopback.sml"
    megabyte_echoed
    await 10 "$peer to be left" left 3

    await 10 "$peer to listen again" listens 4
    host 0 linktest linktest "$at" --count 3 --json
    ok "three linktests are answered" answered linktest 3
    await 10 "$peer to be left" left 4

    await 10 "$peer to listen again" listens 5
    our_host_stays "$at" --t5 1s
}

# The peer as equipment, and it dials our host.
our_host_listens() {
    local at
    scene "$peer dials our host"
    # With --json nothing says which port a 0 became.
    at=127.0.0.1:$(free_port)
    start_peer equipment active "${at##*:}"
    host 0 select select --passive "$at" --json
    await 10 "$peer to be left" left 1
    host 0 send send --passive "$at" --establish --json 'S1F1 W'
    ok "S1F13 and S1F1 are applied" answered send 2
    ok "$peer received our S1F1" same_system_bytes send S1F1
    host 0 loopback send --passive "$at" --establish --json - <"$scratch/loopback.sml"
    megabyte_echoed
    # For T5 after each connection our host accepts and closes at once. secsgem does not get over it.
    our_host_stays "$at" --passive --t5 50ms
}

# our_host_stays ADDRESS ARGUMENT…: while the peer leaves, returns, is left, is killed and comes back.
our_host_stays() {
    local before
    # secsgem takes Separate.req for nothing and does not close; T7 does then.
    start host "$WIRELAB" hsms monitor "$@" --t7 2s --establish --json
    await 20 "S1F13 to be answered" established 1
    order host 'S1F1 W'
    order host linktest
    await 10 "S1F1 and a linktest to be answered" answered host 3

    before=$(count peer '.event == "closed"')
    order peer leave
    await 10 "$peer to leave" left $((before + 1))
    order peer return
    await 20 "S1F13 to be answered after $peer returned" established 2

    order host separate
    await 10 "$peer to be left" left $((before + 2))
    await 20 "S1F13 to be answered after we left" established 3

    end peer
    start_peer "${playing[@]}"
    await 20 "S1F13 to be answered after $peer was killed" established 4
    order host 'S1F1 W'
    await 10 "S1F1 to be answered" saw host 2 '.outcome == "ok" and .request == "S1F1 W"'
    ok "nothing asked of $peer failed" saw_none host '.outcome == "failed"'
    kill -TERM "${pids[host]}"
    ends host 0
    await 10 "$peer to be left" left 1
    end peer
}

# The peer as host, and it dials our equipment.
our_equipment_listens() {
    scene "$peer dials our equipment"
    start device "$WIRELAB" device hsms --port 0
    start_peer host active "$(port device)"
    our_equipment_is_asked
}

# The peer as host, and our equipment dials it.
our_equipment_dials() {
    scene "our equipment dials $peer"
    start_peer host passive 0
    start device "$WIRELAB" device hsms --active --t5 1s --port "$(port peer)"
    our_equipment_is_asked
}

# It is asked everything, and the peer leaves, returns, is killed and comes back.
our_equipment_is_asked() {
    local asked
    listed records "$stage/device.out"
    await 20 "$peer to receive our S1F13" saw peer 1 '.message == "S1F13"'
    for asked in establish are-you-there linktest "loopback $big"; do
        order peer "$asked"
    done
    await 40 "$peer to have its answers" saw peer 4 '.event == "answer" and .ok'
    ok "S1F14 was one" saw peer 1 '.to == "establish" and .message == "S1F14"'
    ok "S1F2 was one" saw peer 1 '.to == "are-you-there" and .message == "S1F2"'
    ok "a megabyte came back" \
        saw peer 1 ".to == \"loopback\" and .same and .bytes == $((big + 4))"
    for asked in S1F13 S1F1 S2F25 Linktest.req; do
        ok "our record has $asked" saw device 1 ".dir == \"in\" and .kind == \"$asked\""
    done

    order peer leave
    await 10 "our equipment to be left" saw device 1 '.reason.left == "Separate.req"'
    order peer return
    await 20 "our S1F13 to be answered after $peer returned" our_s1f13_answered 2

    end peer
    await 10 "our equipment to notice that $peer was killed" saw device 2 '.event == "closed"'
    start_peer "${playing[@]}"
    await 20 "our S1F13 to be answered after $peer came back" our_s1f13_answered 3
    order peer are-you-there
    await 10 "$peer to have its answer" saw peer 1 '.event == "answer" and .message == "S1F2"'

    order device show
    await 10 "our equipment to remember" saw device 1 \
        '.event == "snapshot" and .communication == "communicating" and .connections == 3'
    order device quit
    ends device 0
    await 10 "$peer to be left" left 1
    end peer
}
our_s1f13_answered() { saw device "$1" '.dir == "in" and .kind == "S1F14"'; }

# Our own two ends, for tshark to see each set of manners; but xstatenet, of whose headers tshark reads
# no more than that their PType is none.
personality() {
    local at
    scene "our host dials our equipment as $1"
    start device "$WIRELAB" device hsms --as "$1" --port 0
    at=$(port device)
    listed ports "$at"
    listed records "$stage/device.out"
    host 0 send send "127.0.0.1:$at" --establish --json 'S1F1 W' 'S2F25 W <B 1 2>'
    host 0 linktest linktest "127.0.0.1:$at" --json
    order device quit
    ends device 0
}

start_capture() {
    dumpcap -q -i lo -f tcp -B 64 -w "$scratch/lo.pcapng" 2>"$scratch/dumpcap.err" &
    pids[capture]=$!
    await 10 "the capture to begin" grep -q '^File:' "$scratch/dumpcap.err"
}

# A last packet, to nobody, says that all before it are in the file.
end_capture() {
    local marked
    marked=$(free_port)
    (: <"/dev/tcp/127.0.0.1/$marked") 2>/dev/null || true
    await 20 "the capture to be whole" in_capture "$marked"
    kill -INT "${pids[capture]}"
    ends capture 0
}
in_capture() {
    # Some of Debian's tshark ends with an error at a packet not yet written to its end.
    [ -n "$(tshark -r "$scratch/lo.pcapng" --disable-protocol hsms -Y "tcp.port == $1" \
        2>/dev/null)" ]
}

judge_capture() {
    local ports records
    scene "tshark reads every byte"
    mapfile -t ports < <(sort -u "$scratch/ports")
    mapfile -t records < <(sed 's/^/--record=/' "$scratch/records")
    "$dissect" "${records[@]}" "$WIRELAB" "$scratch/lo.pcapng" "${ports[@]}"
}

judge_vectors() {
    scene "tshark reads frames of other implementations"
    if [ -z "${WIRELAB_VECTORS-}" ]; then
        say "SKIPPED: needs WIRELAB_VECTORS (frames of other implementations)"
        return
    fi
    jq -r '.[].frame | "000000 " + ([scan("..")] | join(" "))' "$WIRELAB_VECTORS/hsms.json" |
        text2pcap -q -T 5000,5001 - "$scratch/vectors.pcap" >/dev/null 2>&1
    "$dissect" --loose "$WIRELAB" "$scratch/vectors.pcap" 5001
}

all_with() (
    peer=$1
    pids=()
    trap end_all EXIT
    trap 'exit 143' TERM
    our_host_dials
    our_host_listens
    our_equipment_listens
    our_equipment_dials
)

dissect=$ROOT/scripts/peers/dissect.py
start_capture
for who in secsgem secs4js; do
    all_with "$who" >"$scratch/$who.log" 2>&1 &
    troupes[$who]=$!
done
for who in wirelab e37 e37.1 go-secs secs4java8 secs4js secsgem; do
    personality "$who"
done
for who in secsgem secs4js; do
    code=0
    wait "${troupes[$who]}" || code=$?
    unset "troupes[$who]"
    cat "$scratch/$who.log"
    [ "$code" -eq 0 ] || die "$code" "with $who it went wrong; see above"
done
end_capture
judge_capture
judge_vectors
echo "ok: all agree after $SECONDS s"
