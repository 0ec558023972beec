"""Claim: with 30 % of the events late by up to 2 s and 1 % by a day, ingest keeps >= 0.5 x of its in-order rate.

That is what several bots on several machines look like. The day has 20,000 trades; the store already has the day
before, because an event that is a day late falls among trades that were summarised long ago. Both streams have the
same number of events over the same day; the late one takes its 1 % from the day before, where the in-order one's store
has them already.
"""

from datetime import timedelta
from random import Random

from trueedge_core.domain.events import TradeEvent
from trueedge_core.storage import open_ledger

from . import data
from .harness import Result, Scale, batches, console, median_ratio, per_second, scratch, store_url, timed

DAY_TRADES = 20_000
SIZES = ((1, 6_000, 3), (100, DAY_TRADES, 3), (1_000, DAY_TRADES, 5))  # events per commit, arrivals measured, rounds
START = data.START + timedelta(days=400)
DAY_US = 86_400_000_000


def run(scale: Scale) -> list[Result]:
    yesterday, today = (
        list(data.texts(DAY_TRADES, START + timedelta(days=day), data.DAY, series=f"day{day}")) for day in (0, 1)
    )
    results = []
    for size, full, rounds in SIZES:
        count, rates = max(size, scale.part(full)), []
        for turn in range(min(rounds, scale.rounds)):
            console.print(f"late: {count:,} events, {size:,} a commit, round {turn + 1} of {min(rounds, scale.rounds)}")
            before, day = data.parsed(yesterday), data.parsed(today)
            in_order = _ingest(before, day[:count], size)
            kept, late = _late(data.parsed(yesterday), data.parsed(today))
            rates.append((count / _ingest(kept, late[:count], size), count / in_order))
        late_rates, own_rates = zip(*rates, strict=True)
        name = f"late events, {size:,} per append"
        reference = f"in order {per_second(list(own_rates))}"
        results.append(Result(name, per_second(list(late_rates)), reference, median_ratio(rates), ">= 0.5"))
    return results


def _late(yesterday: list[TradeEvent], today: list[TradeEvent]) -> tuple[list[TradeEvent], list[TradeEvent]]:
    """What the store has before, and the arrivals of the day: 30 % up to 2 s late, 1 % from the day before."""
    draw = Random(1).random
    kept: list[TradeEvent] = []
    arrivals: list[tuple[int, TradeEvent]] = []
    for event in yesterday:
        if draw() < 0.01:
            arrivals.append((event.timestamp + DAY_US, event))
        else:
            kept.append(event)
    for event in today:
        if draw() < 0.01:
            continue  # it will come tomorrow
        arrivals.append((event.timestamp + (int(2e6 * draw()) if draw() < 0.3 else 0), event))
    arrivals.sort(key=lambda one: one[0])
    return kept, [event for _, event in arrivals]


def _ingest(before: list[TradeEvent], arriving: list[TradeEvent], size: int) -> float:
    """Seconds for the arrivals, into a fresh store that has what was before."""
    with scratch() as folder:
        ledger = open_ledger(store_url(folder / "ledger.db"))
        for batch in batches(before, 1_000):
            ledger.append(batch)
        work = batches(arriving, size)
        took = timed(lambda: [ledger.append(batch) for batch in work])
        ledger.close()
    return took
