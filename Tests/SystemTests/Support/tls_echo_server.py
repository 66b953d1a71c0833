"""Echoes bytes over TLS: tls_echo_server.py CERTIFICATE KEY [CLIENT-CA]. Prints where it listens."""
import socket
import ssl
import sys
import threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
if len(sys.argv) > 3:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(sys.argv[3])


def serve(plain):
    try:
        with context.wrap_socket(plain, server_side=True) as connection:
            while data := connection.recv(65536):
                connection.sendall(data)
    except OSError:
        plain.close()


with socket.create_server(("127.0.0.1", 0)) as listener:
    print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
