#!/usr/bin/env python3
"""A packet server behind a gateway's direct route, in plain Python: it echoes packets of type 7.

    python3 echo_server.py --listen 127.0.0.1:7100

    routes:
      - { name: echo, types: [7], to: [127.0.0.1:7100] }

A direct route has no handshake. The server answers PING, and DRAIN with DRAIN 0 once it has answered everything before it;
other control packets need no answer. The answer's header is the request's: the gateway finds the client by Session.
"""

import argparse
import asyncio
import struct

HEADER = struct.Struct(">HHQIIQ")  # Pack_len, Pack_type, User_id, Token, Es_id, Session
ECHO = 7
PING, PONG, DRAIN, UNDELIVERED = 0xFF04, 0xFF05, 0xFF06, 0xFF07
NO_ROUTE = 1


def packet(kind, body=b"", user=0, token=0, es=0, session=0):
    return HEADER.pack(HEADER.size + len(body), kind, user, token, es, session) + body


def answer(header, body):
    """The bytes that answer one packet; empty when nothing does."""
    _, kind, *who = HEADER.unpack(header)
    if kind == ECHO:
        return packet(ECHO, body, *who)
    if kind == PING:
        return packet(PONG, body, *who)
    if kind == DRAIN and body[:4] != bytes(4):
        return packet(DRAIN, bytes(4))
    if kind < 0xFF00:
        lost = struct.pack(">H", NO_ROUTE) + header + bytes([len(body[:16])]) + body[:16]
        return packet(UNDELIVERED, lost + b"this server echoes type 7 only", *who)
    return b""


async def serve(reader, writer):
    try:
        while True:
            header = await reader.readexactly(HEADER.size)
            (length,) = struct.unpack_from(">H", header)
            if length < HEADER.size:
                break
            writer.write(answer(header, await reader.readexactly(length - HEADER.size)))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    parser = argparse.ArgumentParser(description="A packet echo server.")
    parser.add_argument("--listen", default="127.0.0.1:7100", metavar="HOST:PORT")
    host, _, port = parser.parse_args().listen.rpartition(":")
    server = await asyncio.start_server(serve, host.strip("[]"), int(port))
    for listener in server.sockets:
        print("echo server listening on {}:{}".format(*listener.getsockname()[:2]), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
