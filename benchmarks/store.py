"""The large store: loaded once into data/bench, reused while neither the data nor the schema has changed."""

import hashlib
import json
import time
from itertools import islice
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trueedge_core.domain import summary
from trueedge_core.storage import open_ledger
from trueedge_core.storage.sqlite.connection import migrations

from . import data
from .harness import SCRATCH, console, store_url

BATCH = 1_000


def loaded(trades: int) -> Path:
    """A store file with so many trades over the five years; made now unless a fitting one is there."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    path = SCRATCH / f"{trades}.db"
    note = path.with_suffix(".json")
    wanted = {"trades": trades, "fits": _fingerprint()}
    if path.exists() and note.exists() and json.loads(note.read_text()) == wanted:
        return path
    for old in (note, path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        old.unlink(missing_ok=True)
    _load(path, trades)
    note.write_text(json.dumps(wanted))  # last: a load that was cut short is not taken for a whole one
    return path


def _fingerprint() -> str:
    """What a store's content depends on: the data, the schema, the form of a summary."""
    parts = (str(data.VERSION), next(data.texts(1)), *migrations(), repr(summary.VERSION))
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def _load(path: Path, trades: int) -> None:
    columns = (MofNCompleteColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    ledger = open_ledger(store_url(path))
    stream, done, start = data.texts(trades), 0, time.perf_counter()
    with Progress(TextColumn(f"loading {trades:,} trades"), *columns, console=console) as progress:
        task = progress.add_task("", total=trades)
        while batch := data.parsed(islice(stream, BATCH)):
            ledger.append(batch)
            done += len(batch)
            progress.update(task, completed=done)
    ledger.close()
    console.print(
        f"{trades:,} trades loaded in {time.perf_counter() - start:,.0f} s, {path.stat().st_size / 1e6:,.0f} MB"
    )
