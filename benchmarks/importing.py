"""Claim: `trueedge import` of NDJSON takes at least 0.6 of the rate of a bare HTTP client with bodies made beforehand.

Both post the same events over one connection to a server with two workers and an empty store, in turn. Memory: the
peak of the importing process (from /proc, so on Linux only), for the whole file and for a tenth of it; the difference
is what events cost.
"""

import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path

from . import data
from .harness import ROOT, Result, Scale, compared, console, scratch, server, timed

EVENTS, BODY, WORKERS = 40_000, 1_000, 2
# VmHWM and not getrusage, whose peak of a child begins with that of the parent it was forked from.
PEAK = """
import re, sys, time
from trueedge.cli import main
code = main(sys.argv[1:])
peak = re.findall(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())
print("peak", peak[0], time.process_time(), file=sys.stderr)
sys.exit(code)
"""


def run(scale: Scale) -> list[Result]:
    count = scale.events or max(10_000, scale.part(EVENTS))
    bare, ours, peaks, work = [], [], [], []
    rounds = 1 if count >= 1_000_000 else min(3, scale.rounds)
    with scratch() as folder:
        whole, tenth = _file(folder / "whole.ndjson", count), _file(folder / "tenth.ndjson", count // 10)
        for turn in range(rounds):
            console.print(f"importing: {count:,} events, round {turn + 1} of {rounds}")
            bare.append(count / _bare(folder / f"bare-{turn}.db", whole))
            took, peak, cpu = _import(folder / f"ours-{turn}.db", whole, count)
            ours.append(count / took)
            work.append(1e6 * cpu / count)
            peaks.append(peak - _import(folder / f"tenth-{turn}.db", tenth, count // 10)[1])
    growth = statistics.median(peaks)
    return [
        compared(f"trueedge import, NDJSON, {count:,} events, of a bare client", ours, "bare client", bare, ">= 0.6"),
        Result(
            "trueedge import, NDJSON: its own CPU time, start included",
            f"{statistics.median(work):.1f} us an event",
            "",
            statistics.median(work),
            "",
            "us",
            tuple(work),
        ),
        Result(
            f"trueedge import, NDJSON: memory of {count:,} events less that of {count // 10:,}",
            f"{growth:.1f} MB", "", growth, "<= 8", "MB", tuple(peaks),
        ),
    ]  # fmt: skip


def _file(path: Path, count: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for text in islice(data.texts(max(count, 2_000)), count):
            file.write(text + "\n")
    return path


def _bodies(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while lines := list(islice(file, BODY)):
            yield b"".join(lines)


def _bare(store: Path, path: Path) -> float:
    """Seconds of a client that has nothing to do but send what it holds."""
    bodies = list(_bodies(path))
    with server(store, WORKERS) as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("GET", "/health")
        connection.getresponse().read()
        return timed(lambda: _send(connection, bodies))


def _send(connection: HTTPConnection, bodies: list[bytes]) -> None:
    for body in bodies:
        connection.request("POST", "/trade_events", body, {"Content-Type": "application/x-ndjson"})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, (answer.status, said[:500])


def _import(store: Path, path: Path, count: int) -> tuple[float, float, float]:
    """Seconds of the whole command, its start included; its peak memory in MB; its own CPU seconds."""
    with server(store, WORKERS) as port:
        command = [sys.executable, "-c", PEAK, "import", str(path), "--url", f"http://127.0.0.1:{port}"]
        done: list[subprocess.CompletedProcess[str]] = []
        took = timed(lambda: done.append(subprocess.run(command, cwd=ROOT, capture_output=True, text=True)))
    assert f"stored {count:,}, duplicate 0, refused 0" in done[0].stdout, done[0].stdout + done[0].stderr
    [(peak, cpu)] = re.findall(r"peak (\d+) ([\d.]+)", done[0].stderr)
    return took, int(peak) / 1024, float(cpu)
