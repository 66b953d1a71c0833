#!/usr/bin/env python3
"""An agent of the Switchyard RPC hub, in plain Python: registers RPC ids and answers calls by itself.

    python3 rpc_agent.py --hub 127.0.0.1:7401 --ids 1 10-19

It answers with the content turned round. It dials again when the hub is gone; SIGTERM leaves in order: open calls are answered.
"""

import argparse
import asyncio
import random
import signal
import struct

import rpc_frames as rpc


class Agent:
    def __init__(self, options):
        self.options, self.node, self.writer, self.leaving = options, options.node or random.getrandbits(63) | 1, None, False

    def answer(self, kind, flags, rpc_id, identify_id, call_id, payload):
        """A call; both ids go back as they came, and a oneway call gets no answer."""
        call_type, sharding = struct.unpack_from(">iq", payload)
        content = payload[12:][::-1]
        if not flags & rpc.ONEWAY:
            reply = struct.pack(">qi", sharding, call_type) + content
            self.writer.write(rpc.frame(rpc.REPLY, reply, rpc_id=rpc_id, identify_id=identify_id, call_id=call_id))

    async def attend(self):
        host, _, port = self.options.hub.rpartition(":")
        reader, self.writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), 5)
        self.writer.write(rpc.hello(rpc.AGENT, self.node, self.options.ids, token_variable=self.options.join))
        silence, welcomed = 5, False
        while True:
            head = await asyncio.wait_for(reader.readexactly(rpc.HEADER.size), silence)
            length, kind, flags, code, rpc_id, _, identify_id, call_id = rpc.HEADER.unpack(head)
            payload = await reader.readexactly(length - rpc.HEADER.size)
            if kind == rpc.WELCOME:
                # The hub says PING when we have been silent for one heartbeat, so this is enough to notice a hub that is gone.
                silence, welcomed = 3 * struct.unpack_from(">I", payload, 12)[0] / 1000, True
                print(f"registered with {self.options.hub}", flush=True)
            elif kind == rpc.REQUEST:
                self.answer(kind, flags, rpc_id, identify_id, call_id, payload)
            elif kind == rpc.PING:
                self.writer.write(rpc.frame(rpc.PONG, payload))
            elif kind == rpc.DRAIN and struct.unpack_from(">I", payload)[0]:
                self.writer.write(rpc.frame(rpc.DRAIN, bytes(4)))  # everything before it is answered already
            elif kind == rpc.DRAIN and self.leaving:
                return welcomed
            elif kind == rpc.REJECT:
                print(f"refused: {rpc.because(payload)}", flush=True)
                await asyncio.sleep(30)
                return False
            await self.writer.drain()

    async def run(self):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.leave)
        failures = 0
        while not self.leaving:
            try:
                failures = 0 if await self.attend() else failures + 1
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                failures += 1
                print(f"hub {self.options.hub}: {error or 'silent'}; dialing again", flush=True)
            if self.writer:
                self.writer.close()
            self.writer = None
            if not self.leaving:
                await asyncio.sleep(random.uniform(0, min(30, 0.1 * 2 ** min(failures, 9))))

    def leave(self):
        self.leaving = True
        if self.writer:
            self.writer.write(rpc.frame(rpc.DRAIN, struct.pack(">I", 30_000)))


def span(text):
    lo, _, hi = text.partition("-")
    return int(lo), int(hi or lo)


parser = argparse.ArgumentParser(description="an agent that answers calls with their content turned round")
parser.add_argument("--hub", default="127.0.0.1:7401", metavar="HOST:PORT")
parser.add_argument("--ids", type=span, nargs="+", required=True, metavar="LO-HI")
parser.add_argument("--node", type=int, default=0, help="a number of its own; random by default")
parser.add_argument("--join", metavar="NAME", help="the environment variable that holds the join token")
asyncio.run(Agent(parser.parse_args()).run())
