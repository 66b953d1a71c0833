#!/usr/bin/env python3
"""A service behind Switchyard hubs, in plain Python. It dials every hub, registers packet types, and answers packets.

    python3 hub_service.py --hub 127.0.0.1:7201 --types 100-199 --node 3

It answers each packet with its body in capital letters, to the client that sent it. SIGTERM leaves in order: nothing is lost.
"""

import argparse
import asyncio
import os
import random
import signal
import struct

HEADER = struct.Struct(">HHQIIQ")  # Pack_len, Pack_type, User_id, Token, Es_id, Session
HELLO, WELCOME, REJECT, PING, PONG, DRAIN, PEERS = 0xFF01, 0xFF02, 0xFF03, 0xFF04, 0xFF05, 0xFF06, 0xFF0C
SERVICE, POLITE, UNAUTHORIZED, TAKEN_OVER, UNSUPPORTED = 2, 2, 11, 13, 15
MASK = (1 << 64) - 1


def mix(x):
    x ^= x >> 30
    x = x * 0xBF58476D1CE4E5B9 & MASK
    x ^= x >> 27
    x = x * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def packet(kind, body=b"", user=0, token=0, es=0, session=0):
    return HEADER.pack(HEADER.size + len(body), kind, user, token, es, session) + body


class Hub:
    """The link to one hub, dialed for as long as the program lives."""

    def __init__(self, address):
        self.host, _, port = address.rpartition(":")
        self.port = int(port)
        self.writer, self.id, self.draining, self.edges, self.beat = None, None, False, None, None

    def reaches(self, es):
        return self.id is not None and not self.draining and (self.edges is None or any(lo <= es <= hi for lo, hi in self.edges))

    def send(self, *fields, **named):
        if self.writer:
            self.writer.write(packet(*fields, **named))


class Service:
    def __init__(self, options):
        self.options, self.hubs, self.leaving = options, [Hub(address) for address in options.hub], False

    def hello(self, flags):
        o = self.options
        claims = b"".join(struct.pack(">II", lo, hi) for lo, hi in o.types)
        token, name = os.environ.get(o.token, "").encode() if o.token else b"", o.name.encode()
        body = struct.pack(">BBHIQIH", 1, SERVICE, flags, o.cluster, o.node, 0, len(o.types)) + claims
        return packet(HELLO, body + struct.pack(">H", len(token)) + token + bytes([len(name)]) + name)

    def answer(self, came_by, kind, body, user, token, es, session):
        """Everyone picks the hub for a session by the same rule, so that its packets keep their order both ways."""
        candidates = [hub for hub in self.hubs if hub.reaches(es)]
        slot = mix(session) >> 52
        best = max(candidates, key=lambda hub: (mix((mix(hub.id) + slot) & MASK), hub.id), default=came_by)
        best.send(kind, body.upper(), user, token, es, session)

    async def attend(self, hub, flags):
        """One connection, from HELLO to its end. Returns the code of the hub's REJECT, or 0."""
        async with asyncio.timeout(5) as patience:
            reader, hub.writer = await asyncio.open_connection(hub.host, hub.port)
            hub.writer.write(self.hello(flags))
            while True:
                length, kind, user, token, es, session = HEADER.unpack(await reader.readexactly(HEADER.size))
                body = await reader.readexactly(length - HEADER.size)
                if kind == WELCOME:
                    hub.id, heartbeat = struct.unpack_from(">QI", body, 4)
                    hub.beat = asyncio.create_task(self.ping(hub, heartbeat / 1000))
                elif kind == PEERS:
                    count = struct.unpack_from(">H", body)[0]
                    hub.edges = None if count == 0xFFFF else [struct.unpack_from(">II", body, 2 + 8 * i) for i in range(count)]
                elif kind == PING:
                    hub.send(PONG, body, user, token, es, session)
                elif kind == DRAIN and struct.unpack_from(">I", body)[0]:
                    hub.draining = True  # every packet before it has been answered already, so:
                    hub.send(DRAIN, bytes(4))
                elif kind == DRAIN and self.leaving:
                    return 0  # the hub has nothing more for us, and every answer is written
                elif kind == REJECT:
                    return struct.unpack_from(">H", body)[0]
                elif kind < 0xFF00:
                    self.answer(hub, kind, body, user, token, es, session)
                # Heard from; the hub's own heartbeat finds a link that is dead while we wait.
                patience.reschedule(asyncio.get_running_loop().time() + (3 * heartbeat / 1000 if hub.id is not None else 5))
                await hub.writer.drain()

    async def ping(self, hub, heartbeat):
        while True:
            await asyncio.sleep(heartbeat)
            hub.send(PING)

    async def dial(self, hub):
        flags, failures = 0, 0
        while not self.leaving:
            code = 0
            try:
                code = await self.attend(hub, flags)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                print(f"hub {hub.host}:{hub.port}: {error or 'no answer'}; dialing again", flush=True)
            if hub.id is not None:
                hub.beat.cancel()
                flags, failures = 0, 0
            if hub.writer:
                hub.writer.close()
            hub.writer, hub.id, hub.draining, hub.edges = None, None, False, None
            if self.leaving:
                return
            flags = POLITE if code == TAKEN_OVER else flags
            failures += 1
            final = code in (UNAUTHORIZED, TAKEN_OVER, UNSUPPORTED)
            await asyncio.sleep(30 if final else random.uniform(0, min(30, 0.1 * 2 ** min(failures - 1, 9))))

    def leave(self, dialers):
        self.leaving = True
        for hub, dialer in zip(self.hubs, dialers):
            if hub.id is None:
                dialer.cancel()
            hub.send(DRAIN, struct.pack(">I", 30_000))

    async def run(self):
        dialers = [asyncio.create_task(self.dial(hub)) for hub in self.hubs]
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.leave, dialers)
        await asyncio.gather(*dialers, return_exceptions=True)


def span(text):
    lo, _, hi = text.partition("-")
    return int(lo), int(hi or lo)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="a service behind Switchyard hubs: answers in capital letters")
    parser.add_argument("--hub", action="append", required=True, metavar="HOST:PORT")
    parser.add_argument("--types", type=span, nargs="+", default=[(100, 199)], metavar="LO-HI")
    parser.add_argument("--cluster", type=int, default=1)
    parser.add_argument("--node", type=int, required=True, help="a number of its own")
    parser.add_argument("--token", metavar="NAME", help="the environment variable that holds the join token")
    parser.add_argument("--name", default="python")
    asyncio.run(Service(parser.parse_args()).run())
