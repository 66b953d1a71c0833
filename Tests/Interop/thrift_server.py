#!/usr/bin/env python3
"""A server of protoservice.thrift on Apache Thrift's Python library. README.md says what it does."""

import argparse
import socket
import time

from forms import add_form, factories
from protoservice import ProtoService
from protoservice.ttypes import Nested, ProtoReply, Refused
from thrift.server import TNonblockingServer, TServer
from thrift.TMultiplexedProcessor import TMultiplexedProcessor
from thrift.transport import TSocket


class Handler:
    def __init__(self):
        self.told, self.last = 0, b""

    def rpc(self, rq):
        if rq.type == -1:
            time.sleep(rq.sharding_id / 1000)
        if rq.type == -2:
            return ProtoReply(result=self.told, type=rq.type, content=self.last)
        return ProtoReply(result=rq.sharding_id or 0, type=rq.type, content=(rq.content or b"")[::-1])

    def tell(self, rq):
        self.told, self.last = self.told + 1, rq.content

    def deep(self, n, flag):
        if flag:
            raise Refused(why=n.text + "!")
        return Nested(inner=n, text=n.text + "!")

    def nothing(self):
        pass


parser = argparse.ArgumentParser()
add_form(parser)
parser.add_argument("--server", choices=("simple", "threaded", "pool", "nonblocking"), default="threaded")
options = parser.parse_args()

processor = ProtoService.Processor(Handler())
if options.service:
    multiplexed = TMultiplexedProcessor()
    multiplexed.registerProcessor(options.service, processor)
    processor = multiplexed
port = options.port
if port == 0:
    # The library does not tell which port the system gave.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
listener = TSocket.TServerSocket("127.0.0.1", port)
wrap, protocol = factories(options.transport, options.protocol)
if options.server == "nonblocking":
    server = TNonblockingServer.TNonblockingServer(processor, listener, protocol, protocol, threads=4)
    server.prepare()
else:
    kind = {"simple": TServer.TSimpleServer, "threaded": TServer.TThreadedServer, "pool": TServer.TThreadPoolServer}[options.server]
    server = kind(processor, listener, wrap, protocol)
    if options.server == "threaded":
        server.daemon = True
    if options.server == "pool":
        server.setNumThreads(64)
    # `serve` listens; a second listen does no harm, and now nobody connects too early.
    listener.listen()
    listener.listen = lambda: None
print(f"listening on {port}", flush=True)
server.serve()
