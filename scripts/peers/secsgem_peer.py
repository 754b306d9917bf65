#!/usr/bin/env python3
"""secsgem as one end of an HSMS connection, told what to do a line at a time.

usage: secsgem_peer.py host|equipment active|passive PORT

Passive, it listens on 127.0.0.1:PORT (0 is any); active, it dials there. Each fact is a JSON object
a line on stdout. Orders on stdin: establish, are-you-there, loopback N, linktest, leave, return,
quit. An order that asks the other end something ends in a line {"event": "answer", ...}.
"""

import hashlib
import json
import os
import socket
import sys
import threading

import secsgem.common
import secsgem.gem
import secsgem.hsms

HOST = {"host": True, "equipment": False}[sys.argv[1]]
ACTIVE = {"active": True, "passive": False}[sys.argv[2]]
PORT = int(sys.argv[3])

# Its non-blocking socket may take less than it is given, and the rest is then forgotten. So little
# at a time always fits.
secsgem.hsms.HsmsProtocol.send_packet_size = 4096

one_at_a_time = threading.Lock()


def tell(event, **more):
    with one_at_a_time:
        print(json.dumps({"event": event, **more}, separators=(",", ":")), flush=True)


def name(message):
    return f"S{message.header.stream}F{message.header.function}"


def body(message):
    return {"bytes": len(message.data), "sha256": hashlib.sha256(message.data).hexdigest()}


settings = secsgem.hsms.HsmsSettings(
    address="127.0.0.1",
    port=PORT,
    connect_mode=getattr(secsgem.hsms.HsmsConnectMode, "ACTIVE" if ACTIVE else "PASSIVE"),
    device_type=getattr(secsgem.common.DeviceType, "HOST" if HOST else "EQUIPMENT"),
    t3=10,
    t5=1,
    t6=5,
)

bare_listen = socket.socket.listen


def listen(self, *backlog):
    """It has no event for this, and lets go of its listener while it is connected."""
    bare_listen(self, *backlog)
    settings._port = self.getsockname()[1]
    tell("listening", addr=f"127.0.0.1:{settings.port}")


socket.socket.listen = listen

handler = (secsgem.gem.GemHostHandler if HOST else secsgem.gem.GemEquipmentHandler)(settings)
protocol = handler.protocol


connected = threading.Event()
dispatch = protocol._thread._dispatcher_target


def in_order(*block):
    """It reads before it has noted that it is connected, and then trips over a quick Select.req."""
    connected.wait()
    dispatch(*block)


protocol._thread._dispatcher_target = in_order


def on_connected(_):
    connected.set()
    tell("connected")


def on_closed(_):
    # Its thread that hands messages on is never stopped, and the next connection starts another. Two
    # of them would handle S1F13 before the Select.req it came behind, and reject it.
    dispatcher = protocol._thread
    dispatcher._stop_dispatcher_thread = True
    dispatcher._dispatcher_thread_trigger.set()
    dispatcher._dispatcher_thread.join(5)
    connected.clear()
    # What was still to be handed on or sent would be, on the next connection.
    for waiting in (dispatcher._dispatch_queue, protocol._send_queue):
        waiting.queue.clear()
    # It forgets that a lost connection ends communication as well, and would refuse to begin anew.
    handler.communication_state.disable()
    handler.communication_state.enable()
    tell("closed")


def on_received(data):
    message = data["message"]
    tell("received", message=name(message), system=message.header.system, **body(message))


protocol.events.connected += on_connected
protocol.events.communicating += lambda _: tell("selected")
protocol.events.message_received += on_received
protocol.events.disconnected += on_closed


def loopback(_, message):
    """It knows S2F25, and has no answer to it."""
    asked = settings.streams_functions.decode(message)
    return handler.stream_function(2, 26)(asked.get())


handler.register_stream_function(2, 25, loopback)


def ask(order, stream, function, value=None):
    request = handler.stream_function(stream, function)(value)
    answer = handler.send_and_waitfor_response(request)
    if answer is None:
        return tell("answer", to=order, ok=False)
    same = answer.data == request.encode()
    return tell("answer", to=order, ok=True, message=name(answer), same=same, **body(answer))


def obey(line):
    order, *words = line.split()
    if order == "establish":
        ask(order, 1, 13, None if HOST else ["secsgem", "0.3.0"])
    elif order == "are-you-there":
        ask(order, 1, 1)
    elif order == "loopback":
        ask(order, 2, 25, bytes(i * 7 % 251 for i in range(int(words[0]))))
    elif order == "linktest":
        answer = protocol.send_linktest_req()
        tell("answer", to=order, ok=answer is not None)
    elif order == "leave":
        handler.disable()  # Sends Separate.req.
        tell("left")
    elif order == "return":
        handler.enable()
    else:
        sys.exit(f"no such order: {line}")


handler.enable()
for line in sys.stdin:
    if line.strip() == "quit":
        break
    obey(line)
# Some of its threads never end, and would keep the process.
os._exit(0)
