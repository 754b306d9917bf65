#!/usr/bin/env python3
"""Measures how soon `wirelab node` finds, misses and forgets others, and what it weighs.

usage: scripts/measure-node.py [--runs N] [--peers N] [--wirelab PATH]

Two network namespaces joined by a cable, without any route; needs root, ip, and a release build
(scripts/build.sh). Every figure is of real processes, from the moment before they are started.
"""

import argparse
import json
import os
import pathlib
import queue
import statistics
import subprocess
import tempfile
import threading
import time

PATIENCE = 60


class Node:
    def __init__(self, wirelab, space, keys, *flags):
        env = {**os.environ, "XDG_STATE_HOME": keys}
        command = ["ip", "netns", "exec", space, wirelab, "node", *flags]
        self.since = time.monotonic()
        self.process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        started, _ = self.until("started")
        self.id, self.port = started["id"], started["listen"].rpartition(":")[2]

    def read(self):
        for line in self.process.stdout:
            self.lines.put((time.monotonic(), json.loads(line)))

    def until(self, event, holds=lambda _: True):
        """The next line of this kind, and when it came."""
        while True:
            at, line = self.lines.get(timeout=PATIENCE)
            if line["event"] == event and holds(line):
                return line, at

    def joined(self, other):
        return self.until("joined", lambda line: line["id"] == other.id and line["verified"])[1]

    def peers(self):
        self.process.stdin.write("peers\n")
        self.process.stdin.flush()
        return self.until("peers")[0]["peers"]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait()


def settle(node):
    """As one that has been there for a while: a record is told once a second at most (RFC 6762, 6)."""
    node.until("announced")
    time.sleep(2.5)


def first_greeting(start):
    running = start(0)
    settle(running)
    fresh = start(1)
    took = fresh.joined(running) - fresh.since
    other = running.joined(fresh) - fresh.since
    fresh.stop()
    running.stop()
    return took, other


def restart(start, keys):
    running, key = start(0), f"{keys}/restarts.key"
    before = start(1, "--key", key)
    running.joined(before)
    settle(before)
    before.kill()
    again = start(1, "--key", key)
    greeted = again.joined(running) - again.since
    there = lambda peer: peer["linked"] and peer["addr"].endswith(":" + again.port)
    while not any(there(peer) for peer in running.peers()):
        time.sleep(0.01)
    known = time.monotonic() - again.since
    again.stop()
    running.stop()
    return greeted, known


def ghost(start):
    running, doomed = start(0), start(1)
    running.joined(doomed)
    # One that was never announced is gone with its link.
    while not any(peer["linked"] and peer["name"] for peer in running.peers()):
        time.sleep(0.05)
    doomed.kill()
    since = time.monotonic()
    gone = running.until("left")[1] - since
    running.stop()
    return (gone,)


def weight(start, count):
    running = start(0)
    others = [start(1) for _ in range(count)]
    while sum(peer["linked"] for peer in running.peers()) < count:
        time.sleep(0.1)
    # Idle, so that what was needed to greet them has been given back as far as it is.
    time.sleep(5)
    status = pathlib.Path(f"/proc/{running.process.pid}/status").read_text()
    size = {name: value for name, _, value in (row.partition(":") for row in status.splitlines())}
    for node in [*others, running]:
        node.stop()
    return {name: int(size[name].split()[0]) for name in ("VmRSS", "VmHWM", "RssAnon", "Threads")}


def say(name, times):
    times = [1000 * took for took in times]
    print(f"{name:<44} median {statistics.median(times):5.0f} ms, {min(times):.0f} to {max(times):.0f}")


def main():
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--runs", type=int, default=10)
    asked.add_argument("--peers", type=int, default=20)
    here = pathlib.Path(__file__).resolve().parent.parent
    asked.add_argument("--wirelab", default=str(here / "target/release/wirelab"))
    args = asked.parse_args()
    spaces = [f"wirelab-{os.getpid()}-{end}" for end in ("near", "far")]
    ip = lambda *words: subprocess.run(["ip", *words], check=True)
    try:
        for space in spaces:
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")
        veth = ["link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns"]
        ip("-n", spaces[0], *veth, spaces[1])
        for space, addr in zip(spaces, ("192.0.2.1/24", "192.0.2.2/24")):
            ip("-n", space, "address", "add", addr, "dev", "eth0")
            ip("-n", space, "link", "set", "eth0", "up")
        with tempfile.TemporaryDirectory() as keys:
            start = lambda place, *flags: Node(args.wirelab, spaces[place], keys, *flags)
            # A new address of IPv6 takes a second or two to be usable.
            time.sleep(3)
            print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {args.runs} runs each")
            greeted = [first_greeting(start) for _ in range(args.runs)]
            say("start to the first HELLO acknowledged", [took for took, _ in greeted])
            say("start to known by who was there", [other for _, other in greeted])
            restarts = [restart(start, keys) for _ in range(args.runs)]
            say("restart at a new port to greeted again", [took for took, _ in restarts])
            say("restart to its new port known", [known for _, known in restarts])
            say("killed without goodbye to gone", [gone for gone, in (ghost(start) for _ in range(args.runs))])
            sizes = [weight(start, args.peers) for _ in range(min(args.runs, 3))]
            print(f"idle with {args.peers} peers: " + "; ".join(map(json.dumps, sizes)) + " (KiB)")
    finally:
        for space in spaces:
            subprocess.run(["ip", "netns", "delete", space], check=False)


main()
