#!/usr/bin/env python3
"""A client of protoservice.thrift on Apache Thrift's Python library. README.md says what it checks."""

import argparse
import sys

from forms import add_form, factories
from protoservice import ProtoService
from protoservice.ttypes import Nested, ProtoRequest, Refused
from thrift.protocol.TMultiplexedProtocol import TMultiplexedProtocol
from thrift.Thrift import TApplicationException, TMessageType
from thrift.transport import TSocket


def check(what, got, expected):
    if got != expected:
        sys.exit(f"{what}: got {str(got)[:300]}, expected {str(expected)[:300]}")


def nested(depth):
    table = {f"key {i}": list(range(-i, i * 1_000_000_007, 1_000_003)) for i in range(depth)}
    inner = nested(depth - 1) if depth else None
    return Nested(
        table=table, inner=inner, points={0.5 * depth, -1e300}, yes=True, no=False, tiny=-depth, small=300 * depth, text="Grüße " * depth
    )


parser = argparse.ArgumentParser()
add_form(parser)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--only", choices=("rpc",), help="the server knows no other method")
parser.add_argument("--big", type=int, default=100_000, metavar="BYTES")
options = parser.parse_args()

wrap, protocols = factories(options.transport, options.protocol)
socket = TSocket.TSocket(options.host, options.port)
socket.setTimeout(60_000)
transport = wrap.getTransport(socket)
protocol = protocols.getProtocol(transport)
transport.open()
client = ProtoService.Client(TMultiplexedProtocol(protocol, options.service) if options.service else protocol)

for size in (0, 1, 100, 4096, options.big):
    content = bytes(i * 7 % 256 for i in range(min(size, 4096))) * (size // 4096 if size > 4096 else 1)
    reply = client.rpc(ProtoRequest(type=size % 1000, content=content, sharding_id=-size))
    check("result", reply.result, -size)
    check("type", reply.type, size % 1000)
    check("content", reply.content, content[::-1])
# Absent fields are zero or empty.
check("absent fields", client.rpc(ProtoRequest()).content or b"", b"")

if not options.only:
    before = client.rpc(ProtoRequest(type=-2, content=b"", sharding_id=0)).result
    client.tell(ProtoRequest(type=1, content=b"told", sharding_id=1))
    client.nothing()
    told = client.rpc(ProtoRequest(type=-2, content=b"", sharding_id=0))
    check("tell", (told.result, told.content), (before + 1, b"told"))
    for depth in (0, 1, 5):
        sent = nested(depth)
        got = client.deep(sent, False)
        check("deep", got.inner, sent)
        check("deep", got.text, sent.text + "!")
    try:
        client.deep(nested(1), True)
        sys.exit("deep: no Refused came")
    except Refused as refused:
        check("Refused", refused.why, "Grüße !")

# A method that no server has, and the connection goes on.
target = client._oprot
target.writeMessageBegin("unheard", TMessageType.CALL, 77)
ProtoService.nothing_args().write(target)
target.writeMessageEnd()
target.trans.flush()
try:
    name, kind, number = client._iprot.readMessageBegin()
    check("an unknown method", (kind, number), (TMessageType.EXCEPTION, 77))
    exception = TApplicationException()
    exception.read(client._iprot)
    client._iprot.readMessageEnd()
    check("an unknown method", exception.type, TApplicationException.UNKNOWN_METHOD)
except EOFError:
    sys.exit("an unknown method: the connection was closed")
check("after it", client.rpc(ProtoRequest(type=1, content=b"ab", sharding_id=5)).content, b"ba")
print("ok")
