"""Claim: `trueedge import` of NDJSON takes at least 0.6 of the rate of a bare HTTP client with bodies made beforehand.

Both post to one server with two workers over one connection each, in turns, so that they see the same weather and the
same store. Memory: the peak of an importing process (from /proc, so on Linux only), for a whole file and for a tenth
of it; the difference is what events cost.
"""

import contextlib
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path

from trueedge.cli import main

from . import data
from .harness import ROOT, Result, Scale, compared, console, scratch, server, timed

EVENTS, BODY, WORKERS, TURNS = 40_000, 1_000, 2, 10
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
    with scratch() as folder:
        bare, ours = _in_turns(folder, count)
        console.print(f"importing: memory of {count:,} events, and of a tenth of them")
        peak, cpu = _import(folder, data.texts(count, series="whole"), count)
        growth = peak - _import(folder, data.texts(count // 10, series="tenth"), count // 10)[0]
    return [
        compared(f"trueedge import, NDJSON, {count:,} events, of a bare client", ours, "bare client", bare, ">= 0.6"),
        _plain("trueedge import, NDJSON: its own CPU time, start included", 1e6 * cpu / count, "us", " an event"),
        _plain(f"trueedge import: memory of {count:,} events less that of {count // 10:,}", growth, "MB", "", "<= 8"),
    ]


def _plain(name: str, value: float, unit: str, each: str, limit: str = "") -> Result:
    return Result(name, f"{value:.1f} {unit}{each}", "", value, limit, unit)


def _in_turns(folder: Path, count: int) -> tuple[list[float], list[float]]:
    """Events per second of either, turn by turn: the bare client's, and the import's."""
    bare, ours = [], []
    texts, share = data.texts(2 * count), count // TURNS  # dealt in turn: neither is late against the other
    with server(folder / "turns.db", WORKERS) as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=120)
        for turn in range(TURNS):
            console.print(f"importing: {count:,} events, turn {turn + 1} of {TURNS}")
            bodies = list(_bodies(islice(texts, share)))
            bare.append(share / timed(lambda bodies=bodies: _send(connection, bodies)))
            path = _file(folder / "part.ndjson", islice(texts, share))
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                ours.append(share / timed(lambda path=path: main(["import", str(path), "--url", _url(port)])))
            assert f"stored {share:,}, duplicate 0, refused 0" in said.getvalue(), said.getvalue()
    return bare, ours


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _file(path: Path, texts: Iterator[str]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(text + "\n" for text in texts)
    return path


def _bodies(texts: Iterator[str]) -> Iterator[bytes]:
    while lines := list(islice(texts, BODY)):
        yield ("\n".join(lines) + "\n").encode()


def _send(connection: HTTPConnection, bodies: list[bytes]) -> None:
    for body in bodies:
        connection.request("POST", "/trade_events", body, {"Content-Type": "application/x-ndjson"})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, (answer.status, said[:500])


def _import(folder: Path, texts: Iterator[str], count: int) -> tuple[float, float]:
    """Of the whole command in a process of its own: peak memory in MB, CPU seconds."""
    path = _file(folder / f"{count}.ndjson", texts)
    with server(folder / f"{count}.db", WORKERS) as port:
        command = [sys.executable, "-c", PEAK, "import", str(path), "--url", _url(port)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert f"stored {count:,}, duplicate 0, refused 0" in done.stdout, done.stdout + done.stderr
    [(peak, cpu)] = re.findall(r"peak (\d+) ([\d.]+)", done.stderr)
    return int(peak) / 1024, float(cpu)
