#!/usr/bin/env python3
"""A Thrift server over TLS that answers every framed binary call with the body it came with.

    tls_thrift_server.py CERTIFICATE KEY
"""

import socket
import ssl
import struct
import sys
import threading


def exactly(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def serve(connection):
    try:
        with context.wrap_socket(connection, server_side=True) as secured:
            while True:
                frame = bytearray(exactly(secured, struct.unpack(">I", exactly(secured, 4))[0]))
                frame[3] = 2  # a reply
                secured.sendall(struct.pack(">I", len(frame)) + frame)
    except (EOFError, OSError):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
