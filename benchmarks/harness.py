"""Taking turns, medians, and the table at the end."""

import gc
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "data" / "bench"  # git ignores it; the disk is the one that a real store would be on
RESULTS = ROOT / "benchmarks" / "results"

T = TypeVar("T")

console = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Scale:
    """How much to measure: `trades` in the large store (1,000,000 unless a quick look is asked for)."""

    trades: int
    rounds: int = 5
    events: int = 0  # that one importing run posts; 0 is its own default

    def part(self, full: int) -> int:
        """`full`, or less of it where fewer trades are asked for; at least 1,000."""
        return full if self.trades >= 1_000_000 else max(1_000, full * self.trades // 1_000_000)


@dataclass(frozen=True)
class Result:
    """One line of the outcome: `ratio` is the median, `rounds` what the single rounds gave.

    `limit` reads as "<= 1.5" or ">= 0.3"; an empty one makes the line information only.
    """

    name: str
    measured: str
    reference: str
    ratio: float
    limit: str = ""
    unit: str = "x"
    rounds: tuple[float, ...] = ()

    @property
    def passed(self) -> bool | None:
        if not self.limit:
            return None
        sign, _, bound = self.limit.partition(" ")
        return self.ratio <= float(bound) if sign == "<=" else self.ratio >= float(bound)

    @property
    def cells(self) -> tuple[str, ...]:
        verdict = {None: "", True: "pass", False: "FAIL"}[self.passed]
        value = f"{_short(self.ratio)} {self.unit}"
        if self.rounds:
            value += f" ({_short(min(self.rounds))} to {_short(max(self.rounds))})"
        limit = f"{self.limit} {self.unit}" if self.limit else ""
        return self.name, self.measured, self.reference, value, limit, verdict


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


HEADINGS = ("what", "measured", "reference", "value", "target", "")


def compared(
    name: str, ours: Sequence[float], what: str, theirs: Sequence[float], limit: str = "", unit: str = "x"
) -> Result:
    """Rates per second of two things measured in turn, round by round."""
    rounds = ratios(ours, theirs)
    return Result(
        name, per_second(ours), f"{what} {per_second(theirs)}", statistics.median(rounds), limit, unit, rounds
    )


def show(results: list[Result]) -> None:
    table = Table(*HEADINGS, title="TRUEEDGE benchmarks")
    for result in results:
        table.add_row(*result.cells, style={False: "bold red"}.get(result.passed))  # type: ignore[arg-type]
    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)


def save(results: list[Result], scale: Scale, seconds: float) -> Path:
    """Write the outcome with its conditions to results/<date>.md."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{date.today().isoformat()}.md"
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(result.cells for result in results)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    lines = "".join(f"- {line}\n" for line in conditions(scale, seconds))
    path.write_text(f"# Benchmarks, {date.today().isoformat()}\n\n{lines}\n{table}\n", encoding="utf-8")
    return path


def conditions(scale: Scale, seconds: float) -> list[str]:
    return [
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        f"{scale.trades:,} trades over five years, 100 strategies, 6 accounts, live and demo; {seconds:,.0f} s in all",
        f"one commit of a small row to this disk, WAL and synchronous=FULL: {_commit_ms():.2f} ms",
    ]


def _commit_ms() -> float:
    """The machine's own pace: what a durable commit costs here, whatever is in it."""
    with scratch() as folder:
        db = sqlite3.connect(folder / "commit.db", isolation_level=None)
        db.execute("PRAGMA journal_mode = wal")
        db.execute("PRAGMA synchronous = full")
        db.execute("CREATE TABLE t (x INTEGER)")
        took = [timed(lambda: db.execute("INSERT INTO t VALUES (1)")) for _ in range(300)]
        db.close()
    return 1000 * statistics.median(took)


def timed(work: Callable[[], object]) -> float:
    """Seconds that the call took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def race(*lanes: Sequence[Callable[[], object]], turns: int = 20) -> tuple[float, ...]:
    """Seconds per lane for all its steps. The lanes take turns, `turns` times, so that all see the same weather."""
    gc.collect()
    gc.freeze()  # the benchmark's own million objects are no part of what is measured
    took = [0.0] * len(lanes)
    try:
        for turn in range(turns):
            order = range(len(lanes)) if turn % 2 else reversed(range(len(lanes)))
            for lane in order:
                steps = lanes[lane]
                start, end = (len(steps) * edge // turns for edge in (turn, turn + 1))
                took[lane] += timed(lambda: [step() for step in steps[start:end]])  # noqa: B023
    finally:
        gc.unfreeze()
    return tuple(took)


def batches(items: list[T], size: int) -> list[list[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """Round by round: both halves of a pair saw the same weather."""
    return tuple(a / b for a, b in zip(ours, theirs, strict=True))


def per_second(rates: Sequence[float]) -> str:
    return f"{statistics.median(rates):,.0f}/s"


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one round's files, gone afterwards."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=SCRATCH, prefix="round-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def store_url(path: Path) -> str:
    return f"sqlite:///{path.as_posix()}"


@contextmanager
def server(store: Path, workers: int) -> Iterator[int]:
    """The real local server on a store file, on a free port of the loopback address; yields the port."""
    port = _free_port()
    command = [sys.executable, "-m", "trueedge_local", "serve", "--store", store_url(store)]
    command += ["--port", str(port), "--workers", str(workers)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRUEEDGE_")}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            if not _answers(port, process):
                log.seek(0)
                raise RuntimeError(f"the server did not start:\n{log.read().decode(errors='replace')}")
            yield port
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answers(port: int, process: "subprocess.Popen[bytes]") -> bool:
    from http.client import HTTPConnection

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return True
        except OSError:
            time.sleep(0.1)
    return False
