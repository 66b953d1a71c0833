"""The RPC hub's frames in plain Python: what `rpc_caller.py` and `rpc_agent.py` share."""

import os
import struct

# length, kind, flags, code, rpc_id, timeout_ms, identify_id, call_id
HEADER = struct.Struct(">IBBHIIQQ")
HELLO, WELCOME, REJECT, PING, PONG, DRAIN, UNDELIVERED, PEERS, REQUEST, REPLY, CANCEL = 1, 2, 3, 4, 5, 6, 7, 12, 16, 17, 18
ONEWAY = 1
CALLER, AGENT = 3, 4
CODES = (
    "0 noRoute noPeer busy draining neverSent lost deadline cancelled badRequest tooLarge unauthorized rateLimited takenOver"
    " protocol unsupportedVersion slowConsumer remoteException idle internal"
).split()


def frame(kind, payload=b"", flags=0, code=0, rpc_id=0, timeout_ms=0, identify_id=0, call_id=0):
    return HEADER.pack(HEADER.size + len(payload), kind, flags, code, rpc_id, timeout_ms, identify_id, call_id) + payload


def hello(role, node, ranges=(), window=0, name="python", token_variable=None):
    """`ranges`: the RPC ids of an agent, each (lo, hi). The join token comes from an environment variable."""
    token = os.environ.get(token_variable, "").encode() if token_variable else b""
    body = struct.pack(">BBHIQIH", 1, role, 0, 0, node, window, len(ranges))
    body += b"".join(struct.pack(">II", lo, hi) for lo, hi in ranges)
    return frame(HELLO, body + struct.pack(">H", len(token)) + token + bytes([len(name)]) + name.encode())


def because(payload):
    """`busy: its window is full`: what UNDELIVERED and REJECT carry."""
    code = struct.unpack_from(">H", payload)[0]
    name = CODES[code] if 0 < code < len(CODES) else f"code {code}"
    reason = payload[2:].decode("utf-8", "replace")
    return reason if reason.startswith(name) else f"{name}: {reason}" if reason else name
