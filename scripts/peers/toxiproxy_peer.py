"""Drives wirelab's proxies with toxiproxy-python, a client library of toxiproxy, and looks at real
sockets for what each toxic does.

usage: toxiproxy_peer.py HOST PORT    where `wirelab proxy --api` listens
"""
import contextlib
import socket
import sys
import threading
import time

import toxiproxy
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

PATIENCE = 10


def main(host, port):
    server = toxiproxy.Toxiproxy()
    server.update_api_consumer(host, int(port))
    say(server.running(), "it runs")
    say(b"version" in server.version(), "it has a version")
    with target() as (upstream, accepted):
        proxy = server.create(upstream=upstream, name="redis")
        say(proxy.enabled and proxy.listen, "a proxy is made, and listens")
        raises(ProxyExists, lambda: server.create(upstream=upstream, name="redis"))
        wire = Wire(proxy.listen, accepted)
        plain(wire)
        for play in (latency, bandwidth, slow_close, timeout, reset_peer, slicer, limit_data):
            play(proxy, wire)
            say(proxy.toxics() == {}, f"{play.__name__}: it is gone")
            plain(wire)
        changed(proxy, wire)
        shared(proxy, wire)
        refused(proxy)
        switched(server, proxy, wire)
        populated(server, proxy, upstream)
    server.destroy_all()
    say(server.proxies() == {}, "all are gone")


@contextlib.contextmanager
def target():
    """A listener, and the connections it accepts."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE)
    with listener:
        yield "127.0.0.1:%d" % listener.getsockname()[1], listener


class Wire:
    def __init__(self, listen, target):
        host, port = listen.rsplit(":", 1)
        self.addr, self.target = (host, int(port)), target

    @contextlib.contextmanager
    def open(self):
        """Both ends of a connection through the proxy."""
        near = socket.create_connection(self.addr, timeout=PATIENCE)
        far, _ = self.target.accept()
        far.settimeout(PATIENCE)
        with near, far:
            yield near, far


def plain(wire):
    with wire.open() as (near, far):
        far.sendall(b"as it is")
        say(read(near, 8) == b"as it is", "without toxics, bytes are what they were")


@contextlib.contextmanager
def toxic(proxy, **what):
    proxy.add_toxic(**what)
    there = proxy.toxics()
    name = what.get("name", "%s_%s" % (what["type"], what.get("stream", "downstream")))
    say(list(there) == [name], f"{name} is there")
    say(there[name].attributes == what["attributes"], f"{name} has its attributes")
    yield name
    say(proxy.destroy_toxic(name), f"{name} is removed")


def latency(proxy, wire):
    with wire.open() as (near, far), toxic(
        proxy, type="latency", attributes={"latency": 150, "jitter": 10}
    ):
        far.sendall(b"late")
        waited = timed(lambda: read(near, 4))
        say(0.14 <= waited < 5, f"latency: {waited:.3f} s on an open connection")
        near.sendall(b"up")
        waited = timed(lambda: read(far, 2))
        say(waited < 0.14, f"latency: {waited:.3f} s the other way")


def bandwidth(proxy, wire):
    with toxic(proxy, type="bandwidth", attributes={"rate": 50}), wire.open() as (near, far):
        threading.Thread(target=far.sendall, args=(bytes(25_000),), daemon=True).start()
        waited = timed(lambda: read(near, 25_000))
        say(0.4 <= waited < 5, f"bandwidth: 25 kB at 50 kB/s took {waited:.3f} s")


def slow_close(proxy, wire):
    with toxic(proxy, type="slow_close", attributes={"delay": 200}), wire.open() as (near, far):
        far.sendall(b"bye")
        far.close()
        say(read(near, 3) == b"bye", "slow_close: the bytes come")
        waited = timed(lambda: near.recv(1))
        say(0.18 <= waited < 5, f"slow_close: the end came {waited:.3f} s later")


def timeout(proxy, wire):
    with wire.open() as (near, far), toxic(proxy, type="timeout", attributes={"timeout": 200}):
        far.sendall(b"lost")
        waited = timed(lambda: say(near.recv(9) == b"", "timeout: nothing but the end comes"))
        say(waited < 5, f"timeout: closed after {waited:.3f} s")
    with wire.open() as (near, far):
        with toxic(proxy, type="timeout", attributes={"timeout": 0}):
            far.sendall(b"lost")
            near.settimeout(0.2)
            raises(socket.timeout, lambda: near.recv(1))
        near.settimeout(PATIENCE)
        say(near.recv(9) == b"", "timeout: removed, it closes what lost something")


def reset_peer(proxy, wire):
    with wire.open() as (near, far), toxic(proxy, type="reset_peer", attributes={"timeout": 50}):
        raises(ConnectionResetError, lambda: near.recv(1))
        raises(ConnectionResetError, lambda: far.recv(1))


def slicer(proxy, wire):
    attributes = {"average_size": 64, "size_variation": 32, "delay": 1000}
    with toxic(proxy, type="slicer", attributes=attributes), wire.open() as (near, far):
        sent = bytes(range(256)) * 4
        far.sendall(sent)
        pieces = []
        while sum(map(len, pieces)) < len(sent):
            pieces.append(near.recv(4096))
        say(b"".join(pieces) == sent, "slicer: all bytes in order")
        say(len(pieces) > 4, f"slicer: in {len(pieces)} pieces")


def limit_data(proxy, wire):
    with wire.open() as (near, far):
        far.sendall(b"before")
        read(near, 6)
        with toxic(proxy, type="limit_data", attributes={"bytes": 100}):
            far.sendall(bytes(1000))
            say(len(rest(near)) == 100, "limit_data: 100 bytes, and the end")


def changed(proxy, wire):
    """The library has no call for it; this is the request that others make."""
    proxy.add_toxic(type="latency", attributes={"latency": 5000})
    change = {"attributes": {"latency": 1}}
    path = "/proxies/redis/toxics/latency_downstream"
    answer = APIConsumer.post(path, json=change).json()
    say(answer["attributes"]["latency"] == 1, "a toxic is changed")
    with wire.open() as (near, far):
        far.sendall(b"soon")
        waited = timed(lambda: read(near, 4))
        say(waited < 4, f"and has its new latency: {waited:.3f} s")
    proxy.destroy_toxic("latency_downstream")


def shared(proxy, wire):
    proxy.add_toxic(type="limit_data", toxicity=0.5, attributes={"bytes": 0})
    say(proxy.get_toxic("limit_data_downstream").toxicity == 0.5, "toxicity comes back")
    whole = 0
    for _ in range(40):
        with wire.open() as (near, far):
            far.sendall(b"x")
            far.shutdown(socket.SHUT_WR)
            whole += len(rest(near))
    say(5 <= whole <= 35, f"half the connections are struck: {40 - whole} of 40")
    proxy.destroy_toxic("limit_data_downstream")


def refused(proxy):
    raises(NotFound, lambda: proxy.destroy_toxic("nobody"))
    raises(InvalidToxic, lambda: proxy.add_toxic(type="wobble"))
    raises(InvalidToxic, lambda: proxy.add_toxic(type="latency", stream="sideways"))
    raises(InvalidToxic, lambda: proxy.add_toxic(type="bandwidth", attributes={"rate": -1}))


def switched(server, proxy, wire):
    with wire.open() as (near, _):
        with proxy.down():
            say(rest(near) == b"", "switched off, open connections end")
            raises(ConnectionRefusedError, lambda: socket.create_connection(wire.addr))
            say(not server.get_proxy("redis").enabled, "and it says so")
    plain(wire)
    proxy.add_toxic(type="latency", attributes={"latency": 5000})
    proxy.disable()
    say(server.reset(), "reset")
    say(server.get_proxy("redis").enabled and not proxy.toxics(), "all is on, and unharmed")
    plain(wire)


def populated(server, proxy, upstream):
    wanted = [
        {"name": "redis", "upstream": upstream, "listen": proxy.listen},
        {"name": "other", "upstream": upstream, "listen": "127.0.0.1:0"},
    ]
    say([made.name for made in server.populate(wanted)] == ["other"], "populate makes what lacks")
    say(sorted(server.proxies()) == ["other", "redis"], "and keeps what is there")


def read(end, size):
    got = b""
    while len(got) < size:
        more = end.recv(size - len(got))
        if not more:
            raise AssertionError(f"the end after {len(got)} of {size} bytes")
        got += more
    return got


def rest(end):
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while more := end.recv(4096):
            got += more
    return got


def timed(work):
    start = time.monotonic()
    work()
    return time.monotonic() - start


def raises(error, work):
    try:
        work()
    except error:
        print(f"ok: {error.__name__}, as it should be", flush=True)
        return
    raise AssertionError(f"no {error.__name__}")


def say(true, what):
    if not true:
        raise AssertionError(f"not so: {what}")
    print(f"ok: {what}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
