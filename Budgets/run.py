#!/usr/bin/env python3
"""Guards what a packet costs on its way through gateway and hub, and a call on its way through RPC proxy and RPC hub, in allocations
and in instructions.

    Budgets/run.py                          # everything, against .build/release/switchyard
    Budgets/run.py --only allocations --role gateway
    Budgets/run.py --update                 # rewrites the files with what was measured

A client of its own drives the role, an echo server of its own stands behind it (both drive.c), so nothing but the role is counted.
crowd.json holds how much more CPU time a hub's packet may take while that many other services are registered.
allocations.json holds for each role the most allocations that its number of messages may cost, instructions.json the instructions of one
message and the tolerance. A change that moves one of them edits its file in the same commit, and says why.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
WARM_UP = 200_000
# What drive.c sends each role, what that is called, and what the role is told.
ROLES = {
    "gateway": ("packets", "packets", """\
gateway:
  limits: {{ connections: 1000 }}
  listen: "127.0.0.1:0"
  routes:
    - {{ name: echo, types: [0-4095], to: ["127.0.0.1:{port}"], connections: 1 }}
"""),
    "rpcProxy": ("calls", "calls", """\
rpcProxy:
  limits: {{ connections: 1000 }}
  listen: "127.0.0.1:0"
  routes:
    - {{ name: echo, methods: ["*"], to: ["127.0.0.1:{port}"], pools: 1, connections: 4, inFlight: 1024 }}
"""),
    # Not measured: its heartbeats, which come by the clock.
    "hub": ("packets", "packets", """\
hub:
  limits: {{ connections: 20000 }}
  heartbeat: 60s
  edges: {{ listen: "127.0.0.1:0" }}
  services: {{ listen: "127.0.0.1:0" }}
"""),
    "rpcHub": ("frames", "calls", """\
rpcHub:
  heartbeat: 60s
  callers: {{ listen: "127.0.0.1:0" }}
  agents: {{ listen: "127.0.0.1:0" }}
"""),
}
# The listeners of a role that is dialed from both sides: who asks, and who answers.
SIDES = {"hub": ("edges", "services"), "rpcHub": ("callers", "agents")}
PROCESS = """\
loops: 1
log: {{ level: error }}
"""


class Failure(Exception):
    """A measurement that could not be made, or one over its budget."""


class Process:
    """A child whose output is read line by line, and which is gone when the block ends."""

    def __init__(self, *command, environment=None, seconds=60):
        self.name = os.path.basename(command[0])
        self.child = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={**os.environ, **(environment or {})},
        )
        # What hangs is killed, which ends every read from it.
        self.watch = threading.Timer(seconds, self.child.kill)
        self.watch.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.watch.cancel()
        self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def line(self, pattern):
        """The match in the first line of output that has one."""
        while line := self.child.stdout.readline():
            if match := re.search(pattern, line):
                return match
        raise Failure(f"{self.name} ended, or said nothing more, before `{pattern}`")

    def send(self, packets):
        """Lets the driver send that many messages; returns when every echo is back."""
        try:
            self.child.stdin.write(f"{packets}\n")
        except BrokenPipeError:
            raise Failure(f"{self.name} ended early") from None
        self.line("^done$")

    def end(self, seconds):
        """Asks the process to end, and waits until it has."""
        self.child.send_signal(signal.SIGTERM)
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds} s of SIGTERM") from None
        if code != 0:
            raise Failure(f"{self.name} ended with {code} after SIGTERM")


class Bench:
    """The compiled tools, and one role between a driver and an echo server."""

    def __init__(self, folder, binary, role):
        self.folder = folder
        self.binary = binary
        self.role = role
        self.wire, self.message, self.configuration = ROLES[role]
        self.drive = folder / "drive"
        self.compile("-o", self.drive, HERE / "drive.c")

    def compile(self, *arguments):
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", *arguments], check=True)

    def preload(self, name):
        """The environment that puts `name`.c between a program and its libraries."""
        library = self.folder / f"{name}.so"
        self.compile("-shared", "-fPIC", "-o", library, HERE / f"{name}.c")
        return {"LD_PRELOAD": str(library)}

    def run(self, setting, measure, binary=None, prefix=(), environment=None, batch=(), seconds=300):
        """Starts echo server, role and driver, and calls `measure(process, driver)`."""
        configuration = self.folder / "switchyard.yaml"
        command = [*prefix, binary or self.binary, "up", "--config", configuration]
        load = [setting["connections"], setting["burst"], setting["body"]]
        with contextlib.ExitStack() as stack:

            def start(*words, **more):
                return stack.enter_context(Process(*words, seconds=seconds, **more))

            def port(process, what):
                return process.line(rf"^{what}(?:.*:)?(\d+)$")[1]

            if self.role in SIDES:
                configuration.write_text((PROCESS + self.configuration).format())
                process = start(*command, environment=environment)
                front, back = (port(process, f"{self.role} {side} listening on ") for side in SIDES[self.role])
                if "crowd" in setting:
                    start(self.drive, self.wire, "crowd", back, setting["crowd"]).line("^joined$")
                start(self.drive, self.wire, "service", back, *batch).line("^ready$")
                driver = start(self.drive, self.wire, "run", front, *load, 1)
            else:
                echo = start(self.drive, self.wire, "echo", *batch)
                configuration.write_text((PROCESS + self.configuration).format(port=port(echo, "")))
                process = start(*command, environment=environment)
                driver = start(self.drive, self.wire, "run", port(process, f"{self.role} listening on "), *load)
            return measure(process, driver)


def allocations(bench, setting):
    """The allocations of that many messages in a role that is warm."""
    file = bench.folder / "counts"

    def counted():
        return struct.unpack("=3Q", file.read_bytes())[0]

    def measure(_, driver):
        if counted() == 0:
            raise Failure("no allocation at start: the counter does not count")
        driver.send(WARM_UP)
        before = counted()
        driver.send(setting["messages"])
        return counted() - before

    return bench.run(setting, measure, environment={**bench.preload("malloc_count"), "MALLOC_COUNT_FILE": str(file)})


def instructions(bench, setting):
    """The instructions of one message: what a longer run costs over a shorter one."""
    if not shutil.which("valgrind"):
        raise Failure("valgrind is not installed")
    # Debian's valgrind gives up on the compiler's DWARF 5.
    stripped = bench.folder / "switchyard"
    subprocess.run(["strip", "--strip-debug", "-o", stripped, bench.binary], check=True)
    environment = bench.preload("sigsuspend")

    def total(messages):
        output = bench.folder / f"callgrind.{messages}"

        def measure(process, driver):
            driver.send(messages)
            process.end(60)
            summary = re.search(r"^(?:totals|summary): (\d+)", output.read_text(), re.MULTILINE)
            if not summary:
                raise Failure("callgrind wrote no total")
            return int(summary[1])

        prefix = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}"]
        return bench.run(setting, measure, binary=stripped, prefix=prefix, environment=environment, batch=[setting["burst"]], seconds=600)

    short, long = setting["messages"]
    return (total(long) - total(short)) / (long - short)


def processor_time(bench, setting):
    """The seconds of CPU time that one message takes in a role that is warm."""

    def used(process):
        fields = pathlib.Path(f"/proc/{process.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(process, driver):
        driver.send(WARM_UP)
        before = used(process)
        driver.send(setting["messages"])
        return (used(process) - before) / setting["messages"]

    return bench.run(setting, measure)


def judge_crowd(bench, setting, update):
    # Each registration is a descriptor in two processes, which inherit this limit.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most != resource.RLIM_INFINITY:
        setting = {**setting, "crowd": max(min(setting["crowd"], most - 100), 1)}
    alone = {key: value for key, value in setting.items() if key != "crowd"}
    # Whatever else the machine does can only add, so the best of three of each is compared.
    few, many = (min(processor_time(bench, setting) for _ in range(3)) for setting in (alone, setting))
    print(f"{bench.role}: {few * 1e6:.2f} us for each of its {bench.message}, {many * 1e6:.2f} us among {setting['crowd']:,} other registrations")
    return many <= few * setting["ratio"]


def judge_allocations(bench, setting, update):
    measured = allocations(bench, setting)
    if update:
        setting["mallocs"] = 100 + measured * 2  # what a timer or a reallocated table may add in another run
    print(f"{bench.role}: {measured} allocations for {setting['messages']:,} {bench.message}; budget {setting['mallocs']}")
    return measured <= setting["mallocs"]


def judge_instructions(bench, setting, update):
    measured = instructions(bench, setting)
    if update:
        setting["instructions"] = round(measured)
    budget, tolerance = setting["instructions"], setting["tolerance"]
    print(f"{bench.role}: {measured:,.0f} instructions for each of its {bench.message}; budget {budget:,} and {tolerance:.1%}")
    if measured < budget * (1 - tolerance):
        print(f"{bench.role}: well under the budget; `Budgets/run.py --update` keeps the gain")
    return measured <= budget * (1 + tolerance)


def main():
    parser = argparse.ArgumentParser(description="Measures what a message costs in each role against its budget.")
    parser.add_argument("--binary", type=pathlib.Path, default=HERE.parent / ".build/release/switchyard")
    parser.add_argument("--only", choices=["allocations", "crowd", "instructions"])
    parser.add_argument("--role", choices=list(ROLES))
    parser.add_argument("--update", action="store_true", help="write what was measured into the files")
    options = parser.parse_args()
    binary = options.binary.resolve()
    if not binary.exists():
        raise Failure(f"{binary} is not built: swift build -c release --product switchyard")

    within = True
    with tempfile.TemporaryDirectory() as folder:
        for name, judge in [("allocations", judge_allocations), ("crowd", judge_crowd), ("instructions", judge_instructions)]:
            if options.only not in (None, name):
                continue
            file = HERE / f"{name}.json"
            budgets = json.loads(file.read_text())
            for role in budgets:
                if options.role not in (None, role):
                    continue
                begun = time.monotonic()
                bench = Bench(pathlib.Path(folder), binary, role)
                within = judge(bench, budgets[role], options.update) and within
                print(f"{role}: {name} took {time.monotonic() - begun:.0f} s", flush=True)
            if options.update:
                file.write_text(json.dumps(budgets, indent=2) + "\n")
    if not within:
        raise Failure("over budget: make the path cheaper, or change the file with the reason in the commit")


if __name__ == "__main__":
    try:
        main()
    except (Failure, subprocess.CalledProcessError) as failure:
        sys.exit(f"budgets: {failure}")
