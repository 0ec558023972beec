"""Claim: one event per `append` runs at >= 0.3 x the rate of a raw SQLite insert, 1,000 at >= 0.08 x of executemany.

The raw insert keeps a row; the ledger also checks the event's identity, gives it a position, counts it in four scopes
and keeps their exact summaries over all time, in the same commit. Same events in time order, fresh files, the two
taking turns. There are enough events that what the ledger puts off (a scope's summaries are written once in some dozen
events) falls within the measurement. Events are parsed beforehand, and the rate with parsing is told beside it.
"""

from functools import partial
from itertools import islice

from trueedge_core.domain.events import TradeEvent
from trueedge_core.storage import open_ledger

from . import data
from .harness import Result, Scale, batches, compared, console, race, scratch, store_url, timed
from .raw import RawTable, rows

SIZES = ((1, 20_000, ">= 0.3"), (1_000, 100_000, ">= 0.08"))


def run(scale: Scale) -> list[Result]:
    results = []
    for size, full, limit in SIZES:
        count = max(size, scale.part(full))
        # The head of the large set, so that events are as far apart, and as mixed, as in five years of a million.
        texts = list(islice(data.texts(max(scale.trades, count)), count))
        rounds = []
        for turn in range(scale.rounds):
            console.print(f"append: {count:,} events, {size:,} a commit, round {turn + 1} of {scale.rounds}")
            parsing = timed(lambda: data.parsed(texts))  # noqa: B023
            # Parsed anew: what an event caches of itself must not carry over from round to round.
            own, raw = _round(data.parsed(texts), size)
            rounds.append((count / own, count / (own + parsing), count / raw))
        own_rates, full_rates, raw_rates = zip(*rounds, strict=True)
        name = "append of one event" if size == 1 else f"append of {size:,} events"
        results.append(compared(name, own_rates, "raw insert", raw_rates, limit))
        results.append(compared(f"{name}, with parsing", full_rates, "raw insert", raw_rates))
    return results


def _round(events: list[TradeEvent], size: int) -> tuple[float, float]:
    """Seconds of the ledger and of the raw table for all events."""
    with scratch() as folder:
        ledger, table = open_ledger(store_url(folder / "ledger.db")), RawTable(folder / "raw.db")
        appends = [partial(ledger.append, batch) for batch in batches(events, size)]
        inserts = [partial(table.insert, batch) for batch in batches(rows(events), size)]
        own, raw = race(appends, inserts)
        ledger.close()
        table.close()
    return own, raw
