"""Claim: with 30 % of the events late by up to 2 s and 1 % by a day, ingest keeps >= 0.5 x of its in-order rate.

That is what several bots on several machines look like. The day has 20,000 trades; the store already has the day
before, because an event that is a day late falls among trades that were summarised long ago. Both streams have the
same number of events over the same day; the late one takes its 1 % from the day before, where the in-order one's store
has them already.
"""

from datetime import timedelta
from functools import partial
from random import Random

from trueedge_core.domain.events import TradeEvent
from trueedge_core.storage import open_ledger

from . import data
from .harness import Result, Scale, batches, compared, console, race, scratch, store_url

DAY_TRADES = 20_000
SIZES = ((1, 6_000, 3), (100, DAY_TRADES, 3), (1_000, DAY_TRADES, 5))  # events per commit, arrivals measured, rounds
START = data.START + timedelta(days=400)
DAY_US = 86_400_000_000
Stream = tuple[list[TradeEvent], list[TradeEvent]]  # what the store has before, what arrives


def run(scale: Scale) -> list[Result]:
    yesterday, today = (
        list(data.texts(DAY_TRADES, START + timedelta(days=day), data.DAY, series=f"day{day}")) for day in (0, 1)
    )
    results = []
    for size, full, rounds in SIZES:
        count, rates = max(size, scale.part(full)), []
        for turn in range(min(rounds, scale.rounds)):
            console.print(f"late: {count:,} events, {size:,} a commit, round {turn + 1} of {min(rounds, scale.rounds)}")
            in_order = data.parsed(yesterday), data.parsed(today)
            late = _late(data.parsed(yesterday), data.parsed(today))
            seconds = _round(late, in_order, count, size)
            rates.append((count / seconds[0], count / seconds[1]))
        late_rates, own_rates = zip(*rates, strict=True)
        results.append(compared(f"late events, {size:,} per append", late_rates, "in order", own_rates, ">= 0.5"))
    return results


def _late(yesterday: list[TradeEvent], today: list[TradeEvent]) -> Stream:
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


def _round(late: Stream, in_order: Stream, count: int, size: int) -> tuple[float, float]:
    """Seconds for so many arrivals of each stream, into fresh stores that have what was before."""
    with scratch() as folder:
        ledgers, lanes = [], []
        for name, (before, arriving) in (("late", late), ("in-order", in_order)):
            ledger = open_ledger(store_url(folder / f"{name}.db"))
            for batch in batches(before, 1_000):
                ledger.append(batch)
            ledgers.append(ledger)
            lanes.append([partial(ledger.append, batch) for batch in batches(arriving[:count], size)])
        first, second = race(*lanes)
        for ledger in ledgers:
            ledger.close()
    return first, second
