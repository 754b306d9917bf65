#!/usr/bin/env bash
# Lets two other implementations of multicast DNS find `wirelab node` and be found by it: the PyPI
# package zeroconf, which published TAZCOM nodes use, and Avahi. Each side tells what it saw of the other.
#
# usage: .ci/mdns.sh [--keep DIR]
#
#   --keep DIR    install zeroconf there, and use what is there already
#
# Needs target/release/wirelab, or the program in WIRELAB, jq, and root: everything happens in two network
# namespaces joined by a cable, with a D-Bus of its own for Avahi, so nothing is heard outside. Installs
# zeroconf, and also Python, Avahi and D-Bus where they are missing.
set -euo pipefail
given=${WIRELAB-}
# shellcheck source=../scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"
WIRELAB=${given:-$WIRELAB}
# shellcheck source=stage.sh
. "$ROOT/.ci/stage.sh"

keep=
case ${1-} in
    --keep) needs "$@" && keep=$(cd "$CALLED_FROM" && realpath -m "$2") ;;
    *) no_arguments "$@" ;;
esac
[ -x "$WIRELAB" ] || die 3 "$WIRELAB is missing; run scripts/build.sh"
have jq || die 3 "jq is missing; on Debian: apt-get install jq"
if [ "$(id -u)" -ne 0 ]; then
    [ "${WIRELAB_REQUIRE_TOOLS-}" != 1 ] || die 3 "needs root, for network namespaces"
    say "SKIPPED: needs root, for network namespaces"
    exit 0
fi

scratch=$(mktemp -d)
library=${keep:-$scratch/library}
near=wirelab-$$-near far=wirelab-$$-far policy=
leave() {
    local code=$?
    end_all
    for space in "$near" "$far"; do
        ip netns delete "$space" 2>/dev/null || true
    done
    [ -z "$policy" ] || rm -f "$policy"
    rm -rf "$scratch"
    exit "$code"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

install_tools() {
    local missing=()
    python3 -m ensurepip --version >/dev/null 2>&1 || missing+=(python3 python3-venv)
    have ip || missing+=(iproute2)
    have avahi-daemon || missing+=(avahi-daemon)
    have avahi-browse && have avahi-publish || missing+=(avahi-utils)
    have dbus-daemon || missing+=(dbus-daemon)
    [ ${#missing[@]} -gt 0 ] || return 0
    # Debian's packages start their daemons unless this file forbids it.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
}

install_library() {
    [ ! -e "$library/ready" ] || return 0
    python3 -m venv "$library"
    "$library/bin/pip" install --quiet --disable-pip-version-check zeroconf==0.154.0
    touch "$library/ready"
}

# Two ends of a cable, 192.0.2.1 and 192.0.2.2, without a route to anywhere else.
lay_cable() {
    local space
    for space in "$near" "$far"; do
        ip netns add "$space"
        ip -n "$space" link set lo up
    done
    ip -n "$near" link add eth0 type veth peer name eth0 netns "$far"
    ip -n "$near" address add 192.0.2.1/24 dev eth0
    ip -n "$far" address add 192.0.2.2/24 dev eth0
    ip -n "$near" link set eth0 up
    ip -n "$far" link set eth0 up
}

# It says interfaces by the names they have where it runs.
browse() { ip netns exec "$far" avahi-browse --parsable --terminate "$@" _tazcom._tcp; }

start_ours() {
    start ours ip netns exec "$near" env XDG_STATE_HOME="$stage" "$WIRELAB" node
    await 10 "our node to start" saw ours 1 '.event == "started"'
    await 10 "our own announcement to come back" saw ours 1 '.event == "announced"'
    ours=$(jq -r 'select(.event == "started").id' "$stage/ours.out")
    ours_port=$(jq -r 'select(.event == "started").listen' "$stage/ours.out")
    ours_port=${ours_port##*:}
    name="TAZCOM Node ${ours:0:8}._tazcom._tcp.local."
}

end_ours() {
    kill -TERM "${pids[ours]}"
    ends ours 0
    ok "it says its goodbye last" diff "$stage/ours.err" - <<EOT
Shutdown signal received...
TCP server closed
Zeroconf service unregistered
Node shut down successfully.
EOT
}

# its_id NUMBER: an id that nobody has the key of, and that begins with a dash.
its_id() { printf -- '-%042d' "$1" | tr 0-9 A-J; }

python_finds_ours() {
    local id
    scene "zeroconf and our node find each other"
    id=$(its_id 4)
    start_ours
    start peer ip netns exec "$far" "$library/bin/python" scripts/peers/zeroconf_peer.py 192.0.2.2 "$id"
    await 10 "zeroconf to resolve our service" saw peer 1 \
        ".event == \"seen\" and .name == \"$name\" and .port == $ours_port
        and (.addresses | index(\"192.0.2.1\")) and (.server == \"tazcom-${ours:0:8}.local.\")"
    ok "it read our text" saw peer 1 \
        ".event == \"seen\" and .txt == {id: \"$ours\", version: \"0.3\", p: \"$ours_port\"}"
    await 10 "our node to answer its HELLO" saw peer 1 \
        ".event == \"answered\" and .name == \"$name\" and .answer == \"ACK\n\""
    await 10 "our HELLO to reach it" saw peer 1 \
        ".event == \"heard\" and .ip == \"192.0.2.1\" and (.line | fromjson | .type == \"HELLO\" and .from == \"$ours\")"
    await 10 "our node to find it, unverified" saw ours 1 \
        ".event == \"joined\" and .id == \"$id\" and .verified == false"
    order peer leave
    await 10 "our node to see it leave" saw ours 1 \
        ".event == \"left\" and .id == \"$id\" and .how == \"goodbye\""
    end_ours
    await 10 "zeroconf to see our node leave" saw peer 1 ".event == \"removed\" and .name == \"$name\""
    end peer
}

start_avahi() {
    cat >"$scratch/bus.conf" <<EOT
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=$scratch/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_type="method_call"/><allow send_type="signal"/>
    <allow send_type="method_return"/><allow send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="signal"/>
    <allow receive_type="method_return"/><allow receive_type="error"/>
  </policy>
</busconfig>
EOT
    cat >"$scratch/avahi.conf" <<EOT
[server]
host-name=avahi
use-ipv4=yes
use-ipv6=yes
allow-interfaces=eth0
enable-dbus=yes
[publish]
publish-workstation=no
EOT
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$scratch/bus
    start bus dbus-daemon --nofork --nopidfile --config-file="$scratch/bus.conf"
    await 10 "the bus" test -S "$scratch/bus"
    # Its pid file has one place only, which here is nobody else's.
    # shellcheck disable=SC2016
    start avahi ip netns exec "$far" sh -c '
        mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon &&
        exec avahi-daemon --no-drop-root --no-chroot --no-rlimits --file="$0"' "$scratch/avahi.conf"
    await 20 "Avahi to run" grep -q "Server startup complete" "$stage/avahi.err"
}

browsed() {
    # Resolved lines begin with =, and escape what is special.
    browse --resolve >"$stage/browsed" 2>>"$stage/browse.err"
    grep "^=;eth0;IPv4;TAZCOM\\\\032Node\\\\032" "$stage/browsed" | grep -F ";192.0.2.1;$ours_port;" |
        grep -F "\"id=$ours\"" | grep -F '"version=0.3"' | grep -qF "\"p=$ours_port\""
}
not_browsed() {
    browse >"$stage/browsed" 2>>"$stage/browse.err"
    ! grep -q "TAZCOM" "$stage/browsed"
}

avahi_finds_ours() {
    local id port
    scene "Avahi and our node find each other"
    id=$(its_id 8)
    start_avahi
    start_ours
    await 15 "Avahi to resolve our service" browsed
    start peer ip netns exec "$far" python3 scripts/peers/zeroconf_peer.py 192.0.2.2 "$id" --unannounced
    port=$(port peer)
    start publish ip netns exec "$far" avahi-publish --service "Node of somebody" _tazcom._tcp "$port" \
        "id=$id" version=0.1 "p=$port"
    await 15 "our HELLO to reach whom Avahi announces" saw peer 1 \
        ".event == \"heard\" and .ip == \"192.0.2.1\" and (.line | fromjson | .from == \"$ours\")"
    await 10 "our node to find it, unverified" saw ours 1 \
        ".event == \"joined\" and .id == \"$id\" and .verified == false"
    order ours peers
    await 10 "our node to know its name" saw ours 1 \
        '.event == "peers" and (.peers[0].name == "Node of somebody") and .peers[0].there'
    end publish
    await 10 "our node to see it leave" saw ours 1 ".event == \"left\" and .id == \"$id\""
    end_ours
    await 15 "Avahi to see our node leave" not_browsed
    end peer
    end avahi
    end bus
}

install_tools
install_library
lay_cable
echo "ok: installed after $SECONDS s"
SECONDS=0
python_finds_ours
avahi_finds_ours
echo "ok: all found each other"
