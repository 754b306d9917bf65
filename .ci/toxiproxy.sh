#!/usr/bin/env bash
# Lets toxiproxy-python, a client library written for toxiproxy, drive wirelab's proxies: it makes
# them, poisons them, switches them off, and looks at real sockets for what that did.
#
# usage: .ci/toxiproxy.sh [--keep DIR]
#
#   --keep DIR    install the library there, and use what is there already
#
# Needs target/release/wirelab, or the program in WIRELAB. Installs the library, and as root also Python
# where it is missing. Uses 127.0.0.1 and free ports.
set -euo pipefail
given=${WIRELAB-}
# shellcheck source=../scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"
WIRELAB=${given:-$WIRELAB}

keep=
case ${1-} in
    --keep) needs "$@" && keep=$(cd "$CALLED_FROM" && realpath -m "$2") ;;
    *) no_arguments "$@" ;;
esac
[ -x "$WIRELAB" ] || die 3 "$WIRELAB is missing; run scripts/build.sh"

scratch=$(mktemp -d)
library=${keep:-$scratch/library}
proxy=
trap 'stop "$proxy"; rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if ! python3 -m ensurepip --version >/dev/null 2>&1; then
    [ "$(id -u)" -eq 0 ] || die 3 "python3-venv is missing, and only root can install it"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq --yes --no-install-recommends python3 python3-venv >/dev/null
fi
if [ ! -e "$library/ready" ]; then
    python3 -m venv "$library"
    "$library/bin/pip" install --quiet --disable-pip-version-check toxiproxy-python==0.1.1
    touch "$library/ready"
fi

"$WIRELAB" proxy --api 127.0.0.1:0 </dev/null >"$scratch/proxy.jsonl" 2>"$scratch/proxy.err" &
proxy=$!
until addr=$(sed -nE 's|.*control on http://||p' "$scratch/proxy.err") && [ -n "$addr" ]; do
    kill -0 "$proxy" 2>/dev/null || die 1 "it does not start: $(cat "$scratch/proxy.err")"
    sleep 0.1
done
timeout 120 "$library/bin/python" scripts/peers/toxiproxy_peer.py "${addr%:*}" "${addr##*:}"

code=0
kill -TERM "$proxy"
wait "$proxy" || code=$?
proxy=
[ "$code" -eq 0 ] || die 1 "told to stop, it ended with $code"
strikes=$(grep -c '"event":"struck"' "$scratch/proxy.jsonl")
[ "$strikes" -ge 7 ] || die 1 "only $strikes strikes were recorded"
echo "ok: $strikes strikes recorded, and a clean end"
