#!/usr/bin/env python3
"""Holds what tshark sees in a capture against what wirelab sees in the same bytes.

usage: dissect.py [--loose] [--record FILE]... WIRELAB CAPTURE PORT...

Every frame on these ports must read alike in both, and none may be malformed. Unless the frames are
loose, no conversation, every request must have its one answer with its system bytes. Each FILE, the
record of a device, must hold the bytes of its connections. Prints what is not so, and ends with 1 if
there is anything.
"""

import argparse
import collections
import json
import re
import subprocess
import sys

FIELDS = "length sessionid statusbyte2 statusbyte3 wbit stream function ptype stype system".split()
SELECT, DESELECT, LINKTEST, SEPARATE = 1, 3, 5, 9

Header = collections.namedtuple("Header", "length session byte2 byte3 ptype stype system")


def tshark(capture, ports, wanted, fields):
    as_hsms = [word for port in ports for word in ("-d", f"tcp.port=={port},hsms")]
    columns = [word for field in fields for word in ("-e", field)]
    on_ports = " || ".join(f"tcp.port=={port}" for port in ports)
    command = ["tshark", "-o", "tcp.reassemble_out_of_order:TRUE", "-r", capture, *as_hsms]
    command += ["-Y", f"({on_ports}) && ({wanted})"]
    command += ["-T", "fields", *columns]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"tshark ended with {ended.returncode}: {ended.stderr}")
    return [line.split("\t") for line in ended.stdout.splitlines()]


def numbers(text):
    words = [word for word in text.split(",") if word]
    return [int({"True": "1", "False": "0"}.get(word, word), 0) for word in words]


def headers_by_tshark(capture, ports):
    """The headers in order, for each connection and direction."""
    seen = collections.defaultdict(list)
    fields = [f"hsms.header.{field}" if field != "length" else "hsms.length" for field in FIELDS]
    for stream, source, *cells in tshark(
        capture, ports, "hsms", ["tcp.stream", "tcp.srcport", *fields]
    ):
        column = {field: iter(numbers(cell)) for field, cell in zip(FIELDS, cells)}
        # Several frames may share a segment. A data message has one set of fields, a control
        # message the other, and both have these four.
        common = ("length", "sessionid", "ptype", "stype", "system")
        for length, session, ptype, stype, system in zip(*(list(column[c]) for c in common)):
            if stype == 0:
                byte2 = next(column["wbit"]) << 7 | next(column["stream"])
                byte3 = next(column["function"])
            else:
                byte2, byte3 = next(column["statusbyte2"]), next(column["statusbyte3"])
            seen[int(stream), int(source)].append(
                Header(length, session, byte2, byte3, ptype, stype, system)
            )
    return seen


def bytes_by_connection(capture, ports):
    """Everything sent, for each connection and direction."""
    pieces = collections.defaultdict(list)
    fields = ["tcp.stream", "tcp.srcport", "tcp.seq", "tcp.payload"]
    for stream, source, seq, payload in tshark(capture, ports, "tcp.len > 0", fields):
        piece = bytes.fromhex(payload.replace(":", ""))
        # The first byte has number 1.
        pieces[int(stream), int(source)].append((int(seq) - 1, piece))
    sent = {}
    for way, found in pieces.items():
        # With several processors a capture is not always in order, and may have a piece twice.
        whole = bytearray()
        for start, piece in sorted(found):
            if start > len(whole):
                sys.exit(f"{way}: the capture lacks bytes {len(whole)} to {start}")
            if start + len(piece) > len(whole):
                whole[start:] = piece
        sent[way] = bytes(whole)
    return sent


def headers_by_wirelab(wirelab, sent):
    """The headers of these bytes in order, and what is wrong with them."""
    with subprocess.Popen(
        [wirelab, "decode", "hsms", "--json", "--binary"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as decoder:
        explained = json.loads(decoder.communicate(sent)[0])
    parts = explained["parts"]
    starts = [at for at, part in enumerate(parts) if part["field"] == "length"]
    wrong = [part["problem"] for part in parts if part["problem"]]
    if explained["problem"]:
        wrong.append(explained["problem"])
    return [header_of(parts[at : at + 7]) for at in starts], wrong


def header_of(parts):
    said = {part["field"]: f"{part['value']} {part['problem'] or ''}" for part in parts}

    def number(field):
        return int(re.search(r"\d+", said[field])[0])

    return Header(
        number("length"),
        0xFFFF if said["session"].startswith("ffff") else number("session"),
        number("byte 2") | (0x80 if "(W)" in said["byte 2"] else 0),
        number("byte 3"),
        number("PType"),
        number("SType"),
        int(said["system bytes"], 16),
    )


def key_of(header, answer=False):
    """What a request and its answer have in common."""
    if header.stype == 0:
        return 0, header.byte2 & 0x7F, header.system
    return header.stype - answer, 0, header.system


def unanswered(here, there):
    """Requests of one end without exactly one answer from the other."""
    answers = collections.Counter(
        key_of(header, answer=True)
        for header in there
        if header.stype in (SELECT + 1, DESELECT + 1, LINKTEST + 1)
        or (header.stype == 0 and header.byte3 % 2 == 0)
    )
    here = [header for header in here if header.stype != SEPARATE]
    left = any(header.stype == SEPARATE for header in there)
    for header in here:
        asks = header.stype in (SELECT, DESELECT, LINKTEST)
        asks |= header.stype == 0 and header.byte2 & 0x80 != 0
        times = answers[key_of(header)]
        # The last word may have crossed the other end's farewell.
        crossed = times == 0 and left and header is here[-1]
        if asks and times != 1 and not crossed:
            yield f"{times} answers to {header}"


def recorded(path):
    """The bytes a device says it sent and received on each connection."""
    peers = {}
    sent, received = collections.defaultdict(bytearray), collections.defaultdict(bytearray)
    with open(path, encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            if record["event"] == "opened":
                ends = (record[end].rsplit(":", 1)[1] for end in ("local", "peer"))
                peers[record["conn"]] = tuple(map(int, ends))
            elif record["event"] == "frame":
                way = sent if record["dir"] == "out" else received
                way[peers[record["conn"]]] += bytes.fromhex(record["bytes"])
    return sent, received


def main():
    options = argparse.ArgumentParser()
    for name in ("wirelab", "capture"):
        options.add_argument(name)
    options.add_argument("ports", nargs="+", type=int)
    options.add_argument("--record", action="append", default=[])
    options.add_argument("--loose", action="store_true")
    options = options.parse_args()

    problems = []
    capture, ports = options.capture, options.ports
    bad = tshark(capture, ports, "_ws.malformed || _ws.expert.severity == error", ["frame.number"])
    problems += [f"frame {number} is malformed, says tshark" for (number,) in bad]

    seen, sent = headers_by_tshark(capture, ports), bytes_by_connection(capture, ports)
    if not sent:
        sys.exit("no frame at all in the capture")
    ours = {}
    for way, data in sorted(sent.items()):
        ours[way], wrong = headers_by_wirelab(options.wirelab, data)
        problems += [f"{way}: not sound, says wirelab: {what}" for what in wrong]
    for way in sorted(ours):
        if len(seen[way]) != len(ours[way]):
            problems.append(f"{way}: {len(seen[way])} frames for tshark, {len(ours[way])} for us")
        for theirs, mine in zip(seen[way], ours[way]):
            if theirs != mine:
                problems.append(f"{way}: tshark reads {theirs}, wirelab {mine}")

    ends = collections.defaultdict(dict)
    for stream, source in ours:
        ends[stream][source] = ours[stream, source]
    # Where one end says nothing at all it has refused the connection.
    talks = {stream: list(both.values()) for stream, both in ends.items() if len(both) == 2}
    for stream, (one, other) in ({} if options.loose else talks).items():
        problems += [f"stream {stream}: {p}" for p in unanswered(one, other)]
        problems += [f"stream {stream}: {p}" for p in unanswered(other, one)]

    # Ports come back in later connections, so a record's bytes are looked for, not looked up.
    on_wire = list(sent.values())
    for path in options.record:
        said, heard = recorded(path)
        for way, data in said.items():
            if data not in on_wire:
                problems.append(f"{path}: {way}: {len(data)} bytes sent, not so on the wire")
        for way, data in heard.items():
            # What came after it had closed it did not read.
            if not any(wire.startswith(data) for wire in on_wire):
                problems.append(f"{path}: {way}: {len(data)} bytes received, not so on the wire")

    for problem in problems:
        print(problem)
    total = sum(map(len, ours.values()))
    print(
        f"{total} frames on {len(ends)} connections, {len(talks)} with both ends talking; "
        f"{len(problems)} problems"
    )
    sys.exit(1 if problems else 0)


main()
