"""What the driver's operations cost in read and write units, as the emulator meters them; docs/dynamodb.md has them.

A store of one environment, one account and one strategy unless a row says otherwise: 700 trades, one each ten minutes,
of 420 bytes each as they were sent. The operations come one after the other, on one store.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.events import DAY, MINUTE, NOW, START, event
from trueedge_core.domain.breakdowns import Kind, Months
from trueedge_core.domain.events import TradeEvent
from trueedge_core.domain.ports import Key, Period, Scope
from trueedge_core.services import breakdowns, filters
from trueedge_core.storage.dynamodb.keys import DynamoKeys
from trueedge_core.storage.dynamodb.ledger import DynamoLedger
from trueedge_core.storage.dynamodb.table import DynamoTable

from .emulator import Emulator
from .memory import MemoryTable

PAGE = Path(__file__).parents[2] / "docs" / "dynamodb.md"
BEFORE = 700
PACE = 10 * MINUTE
NEXT = START + BEFORE * PACE  # when the next trade in order happens
DIGEST = "a" * 64


@dataclass(frozen=True)
class Cost:
    """Units of one operation; `per`: events it was for."""

    write_units: float
    read_units: float
    per: int = 1

    @property
    def writes_each(self) -> float:
        return self.write_units / self.per

    @property
    def reads_each(self) -> float:
        return self.read_units / self.per


def trade(number: int, at: int, **other: Any) -> TradeEvent:
    """An event as a bot sends it, of 420 bytes."""
    more = {"order_id": f"{10_000_000 + number}", "comment": "trend v3 EURUSD M15 entry on pullback, exit by stop"}
    return event(f"bot-7-{number:08}", at, pnl=f"{(number * 37) % 101 - 48}.25", metadata=more, **other)


def series(first: int, count: int, at: int, **other: Any) -> list[TradeEvent]:
    return [trade(first + n, at + n * PACE, **other) for n in range(count)]


class Store:
    """A table that holds the trades every row starts from, and what the meter says of an operation on it."""

    def __init__(self, emulator: Emulator, name: str, *, is_inline: bool = True) -> None:
        self.emulator, self.name = emulator, name
        table = DynamoTable(name, create=True)
        self.ledger = DynamoLedger(table, is_inline=is_inline, clock=lambda: NOW)
        self.keys = DynamoKeys(table)

    def fill(self, events: Sequence[TradeEvent]) -> None:
        """Made in memory, for over the socket it would take a while."""
        memory = MemoryTable()
        ledger = DynamoLedger(memory, clock=lambda: NOW)
        for at in range(0, len(events), 1000):
            ledger.append(events[at : at + 1000])
        self.emulator.load(self.name, memory.items.values())

    def cost(self, act: Callable[[], object], per: int = 1) -> Cost:
        with self.emulator.metered() as meter:
            act()
        return Cost(meter.write_units, meter.read_units, per)

    def append(self, events: Sequence[TradeEvent]) -> Cost:
        return self.cost(lambda: self.ledger.append(events), len(events))

    def rows_by(self, kind: Kind) -> Cost:
        """As asked of a process that knows no month yet."""
        return self.cost(lambda: breakdowns.rows(self.ledger, filters.read({}), kind, Months()))

    def posted_alone_and_sequenced(self, events: Sequence[TradeEvent]) -> Cost:
        """As hosted: each accepted by a call of its own, all sequenced from one batch of the table's stream."""

        def act() -> None:
            for one in events:
                self.ledger.append([one])
            wanted = {f"E\x1f{one.event_id}" for one in events}
            images = [item for item in self.emulator.items(self.name) if item["PK"]["S"] in wanted]
            images.sort(key=lambda item: item["PK"]["S"])
            self.ledger.sequence([{"eventName": "INSERT", "dynamodb": {"NewImage": image}} for image in images])

        return self.cost(act, len(events))


LAST = NEXT + 1100 * PACE  # after the two batches; 04:00 of a day
TOMORROW = LAST + DAY

# Name of a row -> its cost on a store that holds the trades; the rows run one after the other on one store.
WRITES: dict[str, Callable[[Store], Cost]] = {
    "batch of 100 trades of one series, in order": lambda store: store.append(series(10_000, 100, NEXT)),
    "batch of 1,000 trades of one series, in order": lambda store: store.append(
        series(20_000, 1000, NEXT + 100 * PACE)
    ),
    "lone trade, in order": lambda store: store.append([trade(30_000, LAST)]),
    "lone trade, in order, the first of its day": lambda store: store.append([trade(30_001, TOMORROW)]),
    "lone trade of a new account and strategy": lambda store: store.append(
        [trade(30_002, TOMORROW + PACE, account_id="acc-2", strategy_id="strat-2")]
    ),
    "lone trade, a minute late": lambda store: store.append([trade(30_003, TOMORROW - MINUTE + PACE)]),
    "lone trade, a week late": lambda store: store.append([trade(30_004, TOMORROW - 7 * DAY + 1)]),
    "batch of 100 trades, a week late": lambda store: store.append(series(40_000, 100, TOMORROW - 7 * DAY + 2)),
    "the same trade again": lambda store: store.append([trade(30_000, LAST)]),
    "void of a trade a week old": lambda store: store.cost(lambda: store.ledger.void("bot-7-00030004", "a test")),
}
STREAM = "100 trades posted alone, sequenced together (stream)"
TWO_ENVIRONMENTS = "every figure of everything, live and demo"

READS: dict[str, Callable[[Store], Cost]] = {
    "every figure of everything": lambda store: store.cost(lambda: store.ledger.summary(Scope())),
    "every figure of one strategy": lambda store: store.cost(
        lambda: store.ledger.summary(Scope(strategy_id="strat-1"))
    ),
    "how many strategies were tried": lambda store: store.cost(store.ledger.strategies_tried),
    "figures of a week": lambda store: store.cost(
        lambda: store.ledger.summary(Scope(), Period(START + DAY // 3, START + 7 * DAY + DAY // 2))
    ),
    "equity curve by day": lambda store: store.cost(lambda: store.ledger.series(Scope(), Period(), "day")),
    "page of 100 trades": lambda store: store.cost(lambda: store.ledger.trades(Scope(), limit=100)),
    "one trade by its id": lambda store: store.cost(lambda: store.ledger.event("bot-7-00000005")),
    "rows by month": lambda store: store.rows_by("month"),
    "rows by weekday, the first time": lambda store: store.rows_by("weekday"),
    "rows by hour, the first time": lambda store: store.rows_by("hour"),
    "rows by symbol, the first time": lambda store: store.rows_by("symbol"),
    "an API key": lambda store: store.cost(lambda: store.keys.find(DIGEST)),
}
MANY = "page of 100 strategies"


@contextmanager
def emulated() -> Iterator[Emulator]:
    """An emulator for a run of this module by itself."""
    with Emulator() as running:
        os.environ |= {"AWS_ENDPOINT_URL_DYNAMODB": running.url, "AWS_DEFAULT_REGION": "us-east-1"}
        os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
        yield running


def measure(emulator: Emulator, name: str) -> dict[str, Cost]:
    """Every row of the table in docs/dynamodb.md, on tables whose names begin so."""
    store = Store(emulator, f"{name}-one")
    store.fill(series(0, BEFORE, START))
    store.keys.add(Key(DIGEST, ("read",), created_at=START, name="the desk's screen"))
    found = {row: act(store) for row, act in READS.items()}
    found |= {row: act(store) for row, act in WRITES.items()}
    store.ledger.is_inline = False
    found[STREAM] = store.posted_alone_and_sequenced(series(50_000, 100, TOMORROW + 2 * PACE))
    store.ledger.is_inline = True
    store.ledger.append([trade(60_000, TOMORROW + DAY, environment="demo")])
    found[TWO_ENVIRONMENTS] = store.cost(lambda: store.ledger.summary(Scope()))

    many = Store(emulator, f"{name}-many")
    many.fill([trade(n, START + n * MINUTE, strategy_id=f"strat-{n % 120:03}") for n in range(240)])
    found[MANY] = many.cost(lambda: many.ledger.groups("strategy", Scope(), limit=100))
    for one in (store, many):
        one.ledger.close()
        emulator.forget(one.name)
    return found


def number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def table(found: dict[str, Cost]) -> str:
    """The Markdown of docs/dynamodb.md: units each event, or each question."""
    lines = ["| writing | write units each | read units each |", "|---|---|---|"]
    lines += [
        f"| {row} | {number(found[row].writes_each)} | {number(found[row].reads_each)} |" for row in (*WRITES, STREAM)
    ]
    lines += ["", "| reading | read units |", "|---|---|"]
    lines += [f"| {row} | {number(found[row].read_units)} |" for row in (*READS, TWO_ENVIRONMENTS, MANY)]
    return "\n".join(lines)


def main() -> None:
    """Print the tables; with --write put them into docs/dynamodb.md."""
    with emulated() as running:
        made = table(measure(running, "costs"))
    print(made)
    if "--write" in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split("<!-- costs -->", 1)
        after = rest.split("<!-- /costs -->", 1)[1]
        PAGE.write_text(f"{before}<!-- costs -->\n{made}\n<!-- /costs -->{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
