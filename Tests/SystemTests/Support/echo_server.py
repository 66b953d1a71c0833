#!/usr/bin/env python3
"""A packet server in a process of its own, for tests that stop or kill it.

Usage: echo_server.py [PORT]. Prints `listening on PORT`, then echoes application packets and answers PING and DRAIN.
"""

import asyncio
import struct
import sys

PING, PONG, DRAIN = 0xFF04, 0xFF05, 0xFF06
HEADER = 28


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readexactly(HEADER)
            length, kind = struct.unpack_from(">HH", head)
            body = await reader.readexactly(length - HEADER)
            if kind == PING:
                writer.write(struct.pack(">HH", length, PONG) + head[4:] + body)
            elif kind == DRAIN:
                writer.write(struct.pack(">HH", HEADER + 4, DRAIN) + bytes(24) + bytes(4))
            elif kind < 0xFF00:
                writer.write(head + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
