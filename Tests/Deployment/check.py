#!/usr/bin/env python3
"""Checks what stands in deploy/ with the tools that will read it, and completion scripts.

    Tests/Deployment/check.py                           # against .build/release/switchyard
    Tests/Deployment/check.py --static --binary FILE    # a binary with the Swift libraries in it, and nothing else

The systemd unit is verified by systemd itself, alert rules and the dashboard's expressions by promtool. The container file's steps are done by hand in a
bare root folder, since no container engine is needed for that: the binary and the libraries that it loads, nothing else; there it must check a file,
serve a packet, and drain on the stop signal. `tools/static` has its binary looked at so: it may load nothing of Swift, and runs the demonstration there.
"""

import argparse
import contextlib
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

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONFIGURATION = """\
name: bare
log: { level: error }
gateway:
  listen: "127.0.0.1:0"
"""


class Failure(Exception):
    """Something is not as it should be."""


def expect(condition, what):
    if not condition:
        raise Failure(what)
    print(f"  {what}", flush=True)


def unit(folder, binary):
    text = (ROOT / "deploy/switchyard.service").read_text()
    expect("Type=notify" in text and "ExecReload=" in text, "the unit knows readiness and reload")
    file = folder / "switchyard.service"
    file.write_text(text.replace("/usr/local/bin/switchyard", str(binary)))
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True, timeout=60)
    faults = [line for line in (result.stdout + result.stderr).splitlines() if "switchyard" in line]
    expect(result.returncode == 0 and not faults, f"systemd finds nothing wrong with the unit {faults or ''}")
    stop = int(re.search(r"TimeoutStopSec=(\d+)s", text).group(1))
    expect(stop > 30, "systemd waits longer than drainTimeout before it kills")


def completion(binary):
    for shell, word in (("bash", "complete "), ("zsh", "#compdef"), ("fish", "complete -c")):
        result = subprocess.run([binary, "--generate-completion-script", shell], capture_output=True, text=True, timeout=60)
        expect(result.returncode == 0 and word in result.stdout and "capture" in result.stdout, f"a completion script for {shell}")


def rules(folder):
    """The alert rules, and each expression of the dashboard as a rule of its own, read by Prometheus's own tool."""
    expressions = []

    def collect(value):
        if isinstance(value, dict):
            if isinstance(value.get("expr"), str):
                expressions.append(value["expr"])
            for inner in value.values():
                collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    collect(json.loads((ROOT / "deploy/grafana-dashboard.json").read_text()))
    expect(len(expressions) > 10, f"the dashboard has {len(expressions)} expressions")
    # What Grafana fills in before it asks.
    filled = [re.sub(r"\$\{?__\w+\}?", "1m", expression) for expression in expressions]
    filled = [re.sub(r"\$\{?\w+(:\w+)?\}?", "x", expression) for expression in filled]
    group = {"name": "dashboard", "rules": [{"record": f"dashboard:{number}", "expr": expression} for number, expression in enumerate(filled)]}
    file = folder / "dashboard.yaml"
    file.write_text(json.dumps({"groups": [group]}))
    if not shutil.which("promtool"):
        raise Failure("promtool is not installed; ./test fetches it")
    for path in (ROOT / "deploy/alerts.yaml", file):
        result = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True, timeout=60)
        found = re.search(r"SUCCESS: (\d+) rules found", result.stdout)
        expect(result.returncode == 0 and found, f"promtool finds nothing wrong with {path.name}: {(result.stderr or result.stdout).strip().splitlines()[-1].strip()}")


# What a binary with the Swift libraries in it may load: glibc and the C++ runtime, which every distribution has.
SYSTEM = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def needs(binary):
    listing = subprocess.run(["readelf", "-d", binary], capture_output=True, text=True, check=True).stdout
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", listing))
    expect("libc.so.6" in needed and needed <= SYSTEM, f"it loads nothing but {', '.join(sorted(needed & SYSTEM))} {sorted(needed - SYSTEM) or ''}")
    sections = subprocess.run(["readelf", "-S", binary], capture_output=True, text=True, check=True).stdout
    expect(".symtab" not in sections and ".debug_info" not in sections, f"it is stripped: {binary.stat().st_size / 1e6:.0f} MB")


def bare(folder, binary, visit):
    text = (ROOT / "deploy/Containerfile").read_text()
    entry = re.search(r'ENTRYPOINT \["(.*?)"\]', text).group(1)
    arguments = re.findall(r'"(.*?)"', re.search(r"CMD \[(.*)\]", text).group(1))
    number = getattr(signal, re.search(r"STOPSIGNAL (\w+)", text).group(1))
    root = folder / "root"
    target = root / entry.lstrip("/")
    target.parent.mkdir(parents=True)
    shutil.copy(binary, target)
    for library in re.findall(r"(/\S+)", subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout):
        place = root / library.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, place)
    configuration = root / arguments[-1].lstrip("/")
    configuration.parent.mkdir(parents=True)
    configuration.write_text(CONFIGURATION)

    (root / "tmp").mkdir(mode=0o1777)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    # As every container engine does; the arguments of a Swift program are read from there.
    (root / "proc").mkdir()
    if subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], stderr=subprocess.DEVNULL).returncode != 0:
        print("  (nothing can be mounted here, so the bare root is left out)")
        return
    try:
        visit(Root(root, entry), arguments, number)
    finally:
        subprocess.run(["umount", root / "proc"], check=True)


class Root:
    """The bare root, and its program as someone without rights runs it there."""

    def __init__(self, folder, entry):
        self.folder = folder
        self.entry = entry
        self.more = {"preexec_fn": self.enter, "env": {"PATH": "/usr/local/bin"}, "stdout": subprocess.PIPE, "text": True}

    def enter(self):
        os.chroot(self.folder)
        os.chdir("/")
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

    def run(self, *arguments):
        return subprocess.run([self.entry, *arguments], stderr=subprocess.PIPE, timeout=60, **self.more)

    @contextlib.contextmanager
    def up(self, *arguments):
        process = subprocess.Popen([self.entry, *arguments], **self.more)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def image(root, arguments, number):
    """What the container file starts."""
    checked = root.run("check", arguments[-1])
    expect(checked.returncode == 0 and "esID: 1" in checked.stdout, "in a bare root it checks a file")
    with root.up(*arguments) as process:
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as client:
            ping = struct.pack(">HHQIIQ", 28, 0xFF04, 0, 0, 0, 0)
            client.sendall(ping)
            expect(client.recv(28)[2:4] == b"\xff\x05", "without rights and without a file of its own it serves")
        process.send_signal(number)
        expect(process.wait(60) == 0, "the stop signal drains it")


def demonstration(root, arguments, number):
    """The image, and every role of the demonstration."""
    told = root.run("--version")
    expect(told.returncode == 0 and re.fullmatch(r"\d+\.\d+\.\d+\n", told.stdout), f"in a bare root it tells its version: {told.stdout.strip()}")
    image(root, arguments, number)
    with root.up("up", "--set", "log.level=error") as process:
        while "admin" not in (line := process.stdout.readline()):
            if not line:
                raise Failure("the demonstration ended early; is another process on its ports?")
        # By a name, too: glibc looks it up without any module of its own.
        for words, answer in (
            (["send", "--to", "localhost:7000", "--type", "7", "--body", "hello"], "hello"),
            (["call", "--type", "8", "--body", "hello"], "olleh"),
            (["call", "--hub", "--rpc", "1", "--type", "8", "--body", "hello"], "olleh"),
        ):
            ended = root.run(*words)
            expect(ended.returncode == 0 and ended.stdout == answer + "\n", f"`{' '.join(words)}` prints {answer} {ended.stderr}")
        process.send_signal(number)
        expect(process.wait(60) == 0, "the stop signal drains the demonstration")


def main():
    parser = argparse.ArgumentParser(description="Checks the files in deploy/.")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / ".build/release/switchyard")
    parser.add_argument("--static", action="store_true", help="check only that the binary has the Swift libraries in it and needs nothing else")
    options = parser.parse_args()
    binary = options.binary.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if options.static:
            needs(binary)
        else:
            completion(binary)
            rules(folder)
            if not shutil.which("systemd-analyze"):
                raise Failure("systemd-analyze is not installed")
            unit(folder, binary)
        if os.geteuid() == 0:
            bare(folder, binary, demonstration if options.static else image)
        else:
            print("  (the bare root needs root's rights; left out)")


if __name__ == "__main__":
    try:
        main()
    except (Failure, subprocess.CalledProcessError) as failure:
        sys.exit(f"deployment: {failure}")
