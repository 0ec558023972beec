"""`trueedge_local demo`: the simulated desk in a store of its own, then the server on it.

The demo is never mixed with real trades: a log is permanent, so a simulated trade in the real store could not be
taken out again. Loading goes the way every trade goes (text, exact JSON, validated event, ledger), and may be cut short
at any point: the next start takes up where it stopped.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trueedge_core import wiring
from trueedge_core.domain.events import parse_event
from trueedge_core.domain.money import read_json
from trueedge_core.domain.ports import Ledger, Scope
from trueedge_core.errors import Conflict
from trueedge_core.settings import DEFAULT_STORE_URL, Settings

from . import server, simulator

STORE = Path("data") / "demo.db"
REAL_STORE = Path(DEFAULT_STORE_URL.removeprefix("sqlite:///"))
BATCH = 500  # one commit each: what is lost by Ctrl-C is loaded again by the next start


def run(
    store_path: Path = STORE,
    host: str = "127.0.0.1",
    port: int = 9000,
    workers: int = 2,
    *,
    is_open: bool | None = None,
    allowed_hosts: tuple[str, ...] = (),
) -> int:
    """Load the demo into its own store file unless it is there, then serve it until stopped. Returns the exit code.

    Raises: Conflict for a store that is not the demo's; ServerError when the port cannot be had.
    """
    if store_path.resolve() == REAL_STORE.resolve():
        raise Conflict(f"{store_path} is where the real trades are kept; name another file for the demo.")
    store_path.parent.mkdir(parents=True, exist_ok=True)
    url = store_url(store_path)
    wiring.configure(Settings(store_url=url))
    ledger = wiring.ledger()
    console = Console(stderr=True, highlight=False)
    try:
        with _bar(console) as advance:
            stored = load(ledger, advance)
    except Conflict as error:
        raise Conflict(f"{store_path}: {error.message}") from None
    finally:
        wiring.configure(None)  # closes it: the workers open their own
    if stored:
        console.print(f"{stored:,} simulated trades are in {store_path} now, a store of their own.")
    return server.serve(url, host, port, workers, is_open=is_open, allowed_hosts=allowed_hosts)


def store_url(path: Path) -> str:
    """The store URL of a file; an absolute path gives four slashes."""
    return f"sqlite:///{path.as_posix()}"


def load(ledger: Ledger, advance: Callable[[int, int], None] = lambda done, total: None) -> int:
    """Put the demo's events into the ledger, each once; returns how many were new.

    `advance(done, total)` is called after each batch.
    Raises: Conflict when the store holds something else, or the demo of another release, before anything is written.
    """
    texts = simulator.texts()
    if _is_complete(ledger, texts):
        return 0
    now = max(time.time_ns() // 1000, _end_of_demo())  # a clock that is behind the demo's last day must not refuse it
    stored = 0
    for start in range(0, len(texts), BATCH):
        batch = [parse_event(read_json(text), text, now) for text in texts[start : start + BATCH]]
        stored += sum(receipt.outcome == "stored" for receipt in ledger.append(batch))
        advance(min(start + BATCH, len(texts)), len(texts))
    return stored


def _is_complete(ledger: Ledger, texts: list[str]) -> bool:
    """Whether the last event is there: events are loaded in order and never removed, so then all are."""
    reading = ledger.summary(Scope())
    if reading is None or reading.as_of.events == 0:
        return False
    first, last = (ledger.event(_id_of(text)) for text in (texts[0], texts[-1]))
    if first is None:
        raise Conflict("this store holds other trades than the demo's; name another file, and the demo is put there.")
    if first.raw != texts[0] or (last is not None and last.raw != texts[-1]):
        raise Conflict("this is the demo of another release; remove the file, and the new one is put there.")
    return last is not None


def _id_of(text: str) -> str:
    event = read_json(text)
    assert isinstance(event, dict)
    return str(event["event_id"])


def _end_of_demo() -> int:
    midnight = simulator.midnight(simulator.END + timedelta(days=1))
    return int(midnight.timestamp()) * 1_000_000


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A progress bar that appears with the first batch; where nothing is loaded, nothing is shown."""
    columns = (TextColumn("Loading the demo"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None, visible=False)
        yield lambda done, total: progress.update(task, completed=done, total=total, visible=True)
