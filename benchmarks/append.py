"""Claim: one event per `append` runs at >= 0.3 x the rate of a raw SQLite insert, 1,000 at >= 0.08 x of executemany.

The raw insert keeps a row; the ledger also checks the event's identity, gives it a position, counts it in four scopes
and keeps their exact summaries over all time, in the same commit. Same events in time order, the two taking turns, on
fresh files that hold 20,000 events before the clock starts: the ledger writes a scope's summaries once in some dozen
events, and in an empty store that work would fall after the measurement. Events are parsed beforehand, and the rate
with parsing is told beside it.
"""

from itertools import islice
from pathlib import Path

from trueedge_core.domain.events import TradeEvent
from trueedge_core.storage import open_ledger

from . import data
from .harness import Result, Scale, batches, console, median_ratio, per_second, scratch, store_url, timed
from .raw import RawTable, rows

BEFORE = 20_000
SIZES = ((1, 3_000, ">= 0.3"), (1_000, 30_000, ">= 0.08"))


def run(scale: Scale) -> list[Result]:
    results = []
    for size, full, limit in SIZES:
        count = max(size, scale.part(full))
        # The head of the large set, so that events are as far apart, and as mixed, as in five years of a million.
        texts = _head(BEFORE + count, scale)
        before, texts = texts[:-count], texts[-count:]
        rates: list[tuple[float, float, float]] = []
        for turn in range(scale.rounds):
            console.print(f"append: {count:,} events, {size:,} a commit, round {turn + 1} of {scale.rounds}")
            parsing = timed(lambda: data.parsed(texts))  # noqa: B023
            with scratch() as folder:
                # Parsed anew: what an event caches of itself must not carry over from round to round.
                raw = _raw(folder, data.parsed(before), data.parsed(texts), size)
                ledger = _ledger(folder, data.parsed(before), data.parsed(texts), size)
            rates.append((count / raw, count / ledger, count / (ledger + parsing)))
        raw_rates, own_rates, full_rates = zip(*rates, strict=True)
        name = "append of one event" if size == 1 else f"append of {size:,} events"
        reference = f"raw insert {per_second(list(raw_rates))}"
        own = [(ours, theirs) for theirs, ours, _ in rates]
        results.append(Result(name, per_second(list(own_rates)), reference, median_ratio(own), limit))
        with_parsing = [(ours, theirs) for theirs, _, ours in rates]
        measured = per_second(list(full_rates))
        results.append(Result(f"{name}, with parsing", measured, reference, median_ratio(with_parsing)))
    return results


def _head(count: int, scale: Scale) -> list[str]:
    return list(islice(data.texts(max(scale.trades, count)), count))


def _raw(folder: Path, before: list[TradeEvent], events: list[TradeEvent], size: int) -> float:
    table = RawTable(folder / "raw.db")
    table.insert(rows(before))
    work = batches(rows(events), size)
    took = timed(lambda: [table.insert(batch) for batch in work])
    table.close()
    return took


def _ledger(folder: Path, before: list[TradeEvent], events: list[TradeEvent], size: int) -> float:
    ledger = open_ledger(store_url(folder / "ledger.db"))
    for batch in batches(before, 1_000):
        ledger.append(batch)
    work = batches(events, size)
    took = timed(lambda: [ledger.append(batch) for batch in work])
    ledger.close()
    return took
