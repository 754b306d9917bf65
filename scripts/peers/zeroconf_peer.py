"""A node of TAZCOM 0.1 that is announced by, and finds others with, the PyPI package zeroconf.

usage: zeroconf_peer.py ADDRESS ID [--unannounced]

It listens at ADDRESS, answers ACK to every line, greets whoever it finds, and says what it saw as JSON
lines. Orders on stdin: leave (take the announcement back), quit. With --unannounced it only listens, for
somebody else to announce.
"""

import json
import socket
import sys
import threading

SERVICE = "_tazcom._tcp.local."


def tell(event, **what):
    print(json.dumps({"event": event, **what}), flush=True)


def serve(listener):
    while True:
        caller, addr = listener.accept()
        threading.Thread(target=answer, args=(caller, addr), daemon=True).start()


def answer(caller, addr):
    with caller, caller.makefile("rb") as lines:
        line = lines.readline(65537)
        tell("heard", ip=addr[0], line=line.decode("utf-8", "replace"))
        caller.sendall(b"ACK\n")


def greet(addr, port, own_id):
    """One line, one answer, as published nodes do it."""
    with socket.create_connection((addr, port), timeout=10) as peer:
        hello = json.dumps({"type": "HELLO", "from": own_id}) + "\n"
        peer.sendall(hello.encode())
        return peer.makefile("rb").readline(65537).decode("utf-8", "replace")


class Finds:
    def __init__(self, own_name, own_id):
        self.own_name, self.own_id = own_name, own_id

    def add_service(self, zeroconf, kind, name):
        self.update_service(zeroconf, kind, name)

    def update_service(self, zeroconf, kind, name):
        if name == self.own_name:
            return
        info = zeroconf.get_service_info(kind, name, timeout=5000)
        if info is None:
            return tell("unresolved", name=name)
        addresses = info.parsed_addresses()
        text = {key.decode(): (value or b"").decode() for key, value in info.properties.items()}
        tell("seen", name=name, server=info.server, port=info.port, addresses=addresses, txt=text)
        threading.Thread(target=self.greets, args=(addresses, info.port, name), daemon=True).start()

    def greets(self, addresses, port, name):
        # As published nodes do, the first address of IPv4.
        addr = next((addr for addr in addresses if "." in addr), None)
        if addr is not None:
            tell("answered", name=name, answer=greet(addr, port, self.own_id))

    def remove_service(self, zeroconf, kind, name):
        tell("removed", name=name)


def main():
    address, own_id = sys.argv[1:3]
    listener = socket.create_server((address, 0))
    port = listener.getsockname()[1]
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    tell("listening", addr=f"{address}:{port}")
    if "--unannounced" in sys.argv:
        return sys.stdin.read()

    from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, Zeroconf

    name = f"TAZCOM Node {own_id[:8]}.{SERVICE}"
    info = ServiceInfo(
        SERVICE,
        name,
        addresses=[socket.inet_aton(address)],
        port=port,
        properties={"id": own_id, "version": "0.1", "p": str(port)},
        server=f"tazcom-{own_id[:8]}.local.",
    )
    zeroconf = Zeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
    browser = ServiceBrowser(zeroconf, SERVICE, Finds(name, own_id))
    zeroconf.register_service(info)
    tell("published", name=name)
    for order in sys.stdin:
        if order.strip() == "leave":
            zeroconf.unregister_service(info)
            tell("left")
        if order.strip() == "quit":
            break
    browser.cancel()
    zeroconf.close()


main()
