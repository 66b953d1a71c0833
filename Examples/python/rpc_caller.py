#!/usr/bin/env python3
"""A caller of the Switchyard RPC hub, in plain Python: one call, its answer on standard output.

    python3 rpc_caller.py --hub 127.0.0.1:7400 --rpc 1 --type 7 --body hello

Exit code 0: answered; 1: not, with the reason on standard error.
"""

import argparse
import random
import socket
import struct
import sys

import rpc_frames as rpc


def receive(stream):
    head = stream.read(rpc.HEADER.size)
    if len(head) < rpc.HEADER.size:
        sys.exit("the hub closed the connection")
    length, kind, *_, call_id = rpc.HEADER.unpack(head)
    return kind, call_id, stream.read(length - rpc.HEADER.size)


def call(options):
    host, _, port = options.hub.rpartition(":")
    identify_id, call_id = random.getrandbits(63) | 1, 1
    with socket.create_connection((host, int(port)), timeout=options.wait + 5) as connection:
        stream = connection.makefile("rb")
        connection.sendall(rpc.hello(rpc.CALLER, identify_id, token_variable=options.join))
        while True:
            kind, answered, payload = receive(stream)
            if kind == rpc.WELCOME:
                request = struct.pack(">iq", options.type, options.sharding) + options.body.encode()
                timeout = int(options.wait * 1000)
                connection.sendall(
                    rpc.frame(rpc.REQUEST, request, rpc_id=options.rpc, timeout_ms=timeout, identify_id=identify_id, call_id=call_id)
                )
            elif kind == rpc.REPLY and answered == call_id:
                return payload[12:]  # behind result i64 and type i32
            elif kind in (rpc.UNDELIVERED, rpc.REJECT):
                sys.exit(rpc.because(payload))
            elif kind == rpc.PING:
                connection.sendall(rpc.frame(rpc.PONG, payload))


parser = argparse.ArgumentParser(description="one call over the RPC hub")
parser.add_argument("--hub", default="127.0.0.1:7400", metavar="HOST:PORT")
parser.add_argument("--rpc", type=int, required=True, metavar="ID")
parser.add_argument("--type", type=int, default=0)
parser.add_argument("--sharding", type=int, default=0)
parser.add_argument("--body", default="")
parser.add_argument("--wait", type=float, default=5, metavar="SECONDS")
parser.add_argument("--join", metavar="NAME", help="the environment variable that holds the join token")
sys.stdout.buffer.write(call(parser.parse_args()) + b"\n")
