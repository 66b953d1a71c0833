#!/usr/bin/env python3
"""Captures a running process with `switchyard capture` and reads the file with tshark and tools/switchyard.lua.

    Tests/Wireshark/check.py                  # against .build/release/switchyard

The dissector must name every golden packet and RPC frame, put frames together that segments cut, and never show a join token; a capture must be
a file that tshark finds nothing wrong with, and hold what was said, in both directions, as one stream a link.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LUA = ROOT / "tools/switchyard.lua"
TOKEN = "a-token-for-this-test"


class Failure(Exception):
    """Something is not as it should be."""


def expect(condition, what):
    if not condition:
        raise Failure(what)
    print(f"  {what}", flush=True)


def tshark(file, *arguments):
    command = ["tshark", "-X", f"lua_script:{LUA}", "-r", file, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    faults = [line for line in result.stderr.splitlines() if "lua" in line.lower() or "error" in line.lower()]
    if result.returncode != 0 or faults:
        raise Failure(f"tshark: {result.returncode} {faults or result.stderr}")
    return result.stdout


def fields(file, wish, *names):
    rows = tshark(file, "-Y", wish, "-T", "fields", "-E", "occurrence=a", *[part for name in names for part in ("-e", name)])
    return [row.split("\t") for row in rows.splitlines()]


def stream(folder, name, port, chunks):
    """A capture of one TCP stream to `port`, each chunk a segment."""
    text = folder / f"{name}.txt"
    text.write_text("".join("000000 " + chunk.hex(" ") + "\n" for chunk in chunks))
    file = folder / f"{name}.pcap"
    subprocess.run(["text2pcap", "-q", "-T", f"40000,{port}", text, file], check=True, capture_output=True)
    return file


def golden(folder):
    packets = json.loads((ROOT / "Tests/WireTests/vectors/packets.json").read_text())["packets"]
    packets = [bytes.fromhex(one["hex"]) for one in packets if "hex" in one]
    whole = b"".join(packets)
    file = stream(folder, "packets", 7000, [whole[i:i + 37] for i in range(0, len(whole), 37)])
    shown = [kind for row in fields(file, "switchyard", "switchyard.type") for kind in row[0].split(",") if kind]
    expect(shown == [str(struct.unpack(">H", one[2:4])[0]) for one in packets], f"{len(packets)} golden packets are told, wherever segments cut them")
    expect(not fields(file, "_ws.malformed || switchyard.short", "frame.number"), "none of them is malformed")
    expect("secret" not in tshark(file, "-V"), "a join token is not shown")

    name = next((path for path in ROOT.glob("Tests/*/vectors/rpc-frames.json")), None)
    if name:
        frames = [bytes.fromhex(one["hex"]) for one in json.loads(name.read_text())["frames"] if "hex" in one]
    else:
        # Until a test target holds the golden frames: one of each shape.
        def frame(kind, payload, call=0):
            return struct.pack(">IBBHIIQQ", 32 + len(payload), kind, 0, 0, 7, 1000, 5, call) + payload
        frames = [frame(4, b"abc"), frame(16, struct.pack(">iq", 9, 42) + b"question", 1), frame(17, struct.pack(">qi", -1, 9) + b"answer", 1),
                  frame(18, b"", 2), frame(7, struct.pack(">H", 7) + b"deadline: late", 3)]
    whole = b"".join(frames)
    file = stream(folder, "frames", 7400, [whole[i:i + 41] for i in range(0, len(whole), 41)])
    shown = [kind for row in fields(file, "switchyard_rpc", "switchyard_rpc.kind") for kind in row[0].split(",") if kind]
    expect(shown == [str(one[4]) for one in frames], f"{len(frames)} RPC frames are told, wherever segments cut them")
    expect(not fields(file, "_ws.malformed", "frame.number"), "none of them is malformed")


def ports(process):
    found = {}
    while "admin" not in found:
        line = process.stdout.readline()
        if not line:
            raise Failure("the process ended early")
        found[line.split(" listening")[0]] = int(line.rsplit(":", 1)[1])
    return found


def serve(listener):
    """One connection of a gateway: everything comes back."""
    connection, _ = listener.accept()
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def running(folder, binary):
    listener = socket.create_server(("127.0.0.1", 0))
    child = os.fork()
    if child == 0:
        serve(listener)
        os._exit(0)
    upstream = listener.getsockname()[1]
    listener.close()
    configuration = folder / "switchyard.yaml"
    configuration.write_text(
        f'log: {{ level: error }}\nadmin: {{ listen: "127.0.0.1:0", token: env:CHECK_TOKEN }}\ngateway:\n  listen: "127.0.0.1:0"\n  routes:\n'
        f'    - {{ name: echo, types: [0-4095], to: ["127.0.0.1:{upstream}"], legacy: true }}\n')
    environment = {**os.environ, "CHECK_TOKEN": TOKEN}
    gateway = subprocess.Popen([binary, "up", "--config", configuration], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        found = ports(gateway)
        file = folder / "live.pcapng"
        admin = f"127.0.0.1:{found['admin']}"
        capture = subprocess.Popen(
            [binary, "capture", "--admin", admin, "--token", "env:CHECK_TOKEN", "--out", file, "--seconds", "60"], env=environment, stderr=subprocess.PIPE)
        client = socket.create_connection(("127.0.0.1", found["gateway"]))
        deadline = time.monotonic() + 20
        while not (file.exists() and b"marker" in file.read_bytes()):
            if time.monotonic() > deadline:
                raise Failure("nothing is captured")
            client.sendall(struct.pack(">HHQIIQ", 28 + 6, 7, 0, 0, 0, 0) + b"marker")
            time.sleep(0.05)
        body = bytes(range(256)) * 250
        client.sendall(struct.pack(">HHQIIQ", 28 + len(body), 9, 0, 0, 0, 0) + body)
        answer = b""
        while answer.count(body) == 0:
            answer += client.recv(1 << 20)
        # The last piece is on its way to the file when the client has its answer.
        while file.stat().st_size < 4 * len(body):
            if time.monotonic() > deadline:
                raise Failure("the large packet is not captured")
            time.sleep(0.05)
        capture.send_signal(signal.SIGINT)
        if capture.wait(20) != 0:
            raise Failure(f"capture ended with {capture.returncode}: {capture.stderr.read().decode()}")
        expect(oct(file.stat().st_mode)[-3:] == "600", "a capture can be read by its owner alone")
        preferences = ["-o", f"switchyard.ports:{found['gateway']},{upstream}"]
        rows = tshark(file, *preferences, "-Y", "switchyard.type == 9", "-T", "fields", "-e", "tcp.srcport", "-e", "tcp.dstport", "-e", "switchyard.session").splitlines()
        ways = {tuple(row.split("\t")[:2]) for row in rows}
        local = str(client.getsockname()[1])
        expect((local, str(found["gateway"])) in ways and (str(found["gateway"]), local) in ways, "the large packet is there both ways on the client's link")
        expect(any(way[1] == str(upstream) for way in ways) and any(way[0] == str(upstream) for way in ways), "and both ways on the server's link")
        stamped = {row.split("\t")[2] for row in rows if row.split("\t")[1] == str(upstream)}
        expect(len(stamped) == 1 and stamped != {"0"}, "stamped with the client's session")
        wrong = tshark(file, *preferences, "-Y", "_ws.malformed || tcp.analysis.lost_segment || tcp.analysis.retransmission || ip.checksum.status == 0",
                       "-o", "ip.check_checksum:TRUE")
        expect(not wrong, "tshark finds nothing wrong with the file")

        trace = subprocess.Popen(
            [binary, "trace", "--admin", admin, "--token", "env:CHECK_TOKEN", "--session", stamped.pop(), "--seconds", "60"], env=environment,
            stdout=subprocess.PIPE)
        deadline = time.monotonic() + 20
        os.set_blocking(trace.stdout.fileno(), False)
        lines = ""
        while not all(part in lines for part in ("from clients", "to   route", "from route", "to   clients")):
            if time.monotonic() > deadline:
                raise Failure(f"the trace tells: {lines}")
            client.sendall(struct.pack(">HHQIIQ", 28 + 6, 7, 0, 0, 0, 0) + b"marker")
            time.sleep(0.05)
            lines += (trace.stdout.read() or b"").decode()
        trace.send_signal(signal.SIGINT)
        trace.wait(20)
        expect(re.search(r"type 7, user 0, session \d+, es 1, body 6 bytes 6d61726b6572", lines), "a trace tells the same packets, both ways on both links")

        refused = subprocess.run([binary, "capture", "--admin", admin, "--out", folder / "x"], capture_output=True, text=True, timeout=20,
                                 env={key: value for key, value in os.environ.items() if key != "ADMIN_TOKEN"})
        expect(refused.returncode == 1 and "needs the admin token" in refused.stderr, "without the token it is refused, in one line")
        top = subprocess.run([binary, "top", "--once", "--admin", admin, "--token", "env:CHECK_TOKEN"], capture_output=True, text=True, timeout=20, env=environment)
        expect(top.returncode == 0 and "gateway" in top.stdout and f"127.0.0.1:{upstream}#0" in top.stdout, "top shows the gateway and its upstream")
    finally:
        gateway.kill()
        gateway.wait()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def main():
    parser = argparse.ArgumentParser(description="Reads captures with tshark and the dissector.")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / ".build/release/switchyard")
    options = parser.parse_args()
    for tool in ("tshark", "text2pcap"):
        if not shutil.which(tool):
            raise Failure(f"{tool} is not installed")
    with tempfile.TemporaryDirectory() as folder:
        golden(pathlib.Path(folder))
        running(pathlib.Path(folder), options.binary)


if __name__ == "__main__":
    try:
        main()
    except (Failure, subprocess.CalledProcessError) as failure:
        sys.exit(f"wireshark: {failure}")
