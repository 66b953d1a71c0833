"""The transports and protocols of Apache Thrift by the names that the tests use, and the generated code."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", ".build-interop", "generated"))

from thrift.protocol.TBinaryProtocol import TBinaryProtocolFactory  # noqa: E402
from thrift.protocol.TCompactProtocol import TCompactProtocolFactory  # noqa: E402
from thrift.protocol.THeaderProtocol import THeaderProtocolFactory  # noqa: E402
from thrift.transport import TTransport  # noqa: E402
from thrift.transport.THeaderTransport import THeaderSubprotocolID  # noqa: E402

TRANSPORTS = ("framed", "buffered", "header")
PROTOCOLS = ("binary", "nonstrict", "compact")


def factories(transport, protocol):
    """The transport factory and the protocol factory of a form."""
    if transport == "header":
        # This transport frames by itself; the protocol inside is told to the factory.
        inner = THeaderSubprotocolID.COMPACT if protocol == "compact" else THeaderSubprotocolID.BINARY
        return TTransport.TTransportFactoryBase(), THeaderProtocolFactory(default_protocol=inner)
    wrap = TTransport.TFramedTransportFactory() if transport == "framed" else TTransport.TBufferedTransportFactory()
    if protocol == "compact":
        return wrap, TCompactProtocolFactory()
    strict = protocol == "binary"
    return wrap, TBinaryProtocolFactory(strictRead=strict, strictWrite=strict)


def add_form(parser):
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--transport", choices=TRANSPORTS, default="framed")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="binary")
    parser.add_argument("--service", help="the service's name in multiplexed calls")
