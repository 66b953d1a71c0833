#!/usr/bin/env python3
"""A chat client for a Switchyard gateway, in plain Python: the wire format is all that it needs.

    python3 chat.py --name ann                          # type lines, read lines
    python3 chat.py --name bob --say hello --expect 1   # say one thing, end when one line was heard

Types of the demonstration service: 1 logs in (the body is the name; the answer's header holds the new identity),
100 says something, 150 is heard (`name: text`). Everything from 0xFF00 up is a control packet of the gateway.
"""

import argparse
import os
import selectors
import socket
import struct
import sys
import time

HEADER = struct.Struct(">HHQIIQ")  # Pack_len, Pack_type, User_id, Token, Es_id, Session
LOGIN, SAY, HEARD = 1, 100, 150
REJECT, PING, PONG, UNDELIVERED = 0xFF03, 0xFF04, 0xFF05, 0xFF07
CODES = (
    "0 noRoute noPeer busy draining neverSent lost deadline cancelled badRequest tooLarge unauthorized rateLimited takenOver"
    " protocol unsupportedVersion slowConsumer remoteException idle internal"
).split()


def because(code, reason):
    name = CODES[code] if 0 < code < len(CODES) else f"code {code}"
    reason = reason.decode("utf-8", "replace")
    return name if reason in ("", name) else f"{name}: {reason}"


class Refused(Exception):
    """The gateway said no, or is gone."""


class NotDelivered(Refused):
    """One packet did not arrive; the connection goes on."""


class Chat:
    """One connection: `send` and `receive` packets, `handle` what was received."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout=5)
        self.buffer = b""
        self.identity = None  # (User_id, Token), once logged in

    def send(self, kind, body=b"", user=0, token=0, es=0, session=0):
        self.socket.sendall(HEADER.pack(HEADER.size + len(body), kind, user, token, es, session) + body)

    def say(self, text):
        self.send(SAY, text.encode(), *self.identity)

    def receive(self):
        """Reads what is there; returns the packets that are complete, each as (header without the length, body)."""
        received = self.socket.recv(65536)
        if not received:
            raise Refused("the gateway closed the connection")
        self.buffer += received
        packets = []
        while len(self.buffer) >= HEADER.size:
            length, *header = HEADER.unpack_from(self.buffer)
            if length < HEADER.size:
                raise Refused(f"not a packet: length {length}")
            if len(self.buffer) < length:
                break
            packets.append((header, self.buffer[HEADER.size : length]))
            self.buffer = self.buffer[length:]
        return packets

    def handle(self, header, body):
        """Answers what must be answered; returns the line to show, if the packet was one."""
        kind, user, token, es, session = header
        if kind == HEARD:
            return body.decode("utf-8", "replace")
        if kind == LOGIN:
            self.identity = (user, token)
            print("*", body.decode("utf-8", "replace"), file=sys.stderr, flush=True)
        elif kind == PING:
            self.send(PONG, body, user, token, es, session)
        elif kind == UNDELIVERED:  # code, the lost packet's header, count and start of its body, reason
            code, lost, quoted = struct.unpack_from(">H2xH24xB", body)
            raise NotDelivered(f"type {lost} was not delivered: {because(code, body[31 + quoted :])}")
        elif kind == REJECT:
            raise Refused(f"refused: {because(struct.unpack_from('>H', body)[0], body[2:])}")


def run(options):
    end = time.monotonic() + options.timeout if options.timeout else None
    heard, typed = 0, b""
    chat = Chat(options.to)
    chat.send(LOGIN, options.name.encode())
    ready = selectors.SelectSelector()
    ready.register(chat.socket, selectors.EVENT_READ)
    while True:
        left = end and end - time.monotonic()
        if end and left <= 0:
            raise Refused(f"heard {heard} lines in {options.timeout:g} s")
        for key, _ in ready.select(left):
            if key.fileobj is sys.stdin:
                read = os.read(sys.stdin.fileno(), 65536)
                *lines, typed = (typed + read).split(b"\n")
                for line in lines:
                    chat.say(line.decode("utf-8", "replace"))
                if not read:
                    if options.expect is None:
                        return
                    ready.unregister(sys.stdin)
                continue
            for packet in chat.receive():
                try:
                    line = chat.handle(*packet)
                except NotDelivered as lost:
                    if options.say is not None or not chat.identity:
                        raise
                    print("!", lost, file=sys.stderr, flush=True)
                    continue
                if line is not None:
                    print(line, flush=True)
                    heard += 1
                elif packet[0][0] == LOGIN:
                    if options.say is None:
                        ready.register(sys.stdin, selectors.EVENT_READ)
                    else:
                        chat.say(options.say)
                if heard == options.expect:
                    return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Chat over a Switchyard gateway.")
    parser.add_argument("--name", required=True)
    parser.add_argument("--to", default="127.0.0.1:7000", metavar="HOST:PORT")
    parser.add_argument("--say", metavar="TEXT", help="say this and read no keyboard")
    parser.add_argument("--expect", type=int, metavar="N", help="end with 0 after N heard lines (with --say: 1)")
    parser.add_argument("--timeout", type=float, metavar="S", help="end with 1 after S seconds (with --say: 10)")
    arguments = parser.parse_args()
    if arguments.say is not None:
        arguments.expect = arguments.expect or 1
        arguments.timeout = arguments.timeout or 10
    try:
        run(arguments)
    except KeyboardInterrupt:
        pass
    except (Refused, OSError, struct.error) as error:
        sys.exit(f"chat: {error}")  # exit code 1
