"""The time tree of a scope: summaries by year and month, and by day, hour and minute where much is going on.

Events later than everything before them are absorbed along the rightmost path. A late one (or a void) re-folds the
finest
bucket it lies in from that bucket's trades, then re-merges siblings upwards: a few dozen merges, whatever the history.
"""

import heapq
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, NamedTuple

from ...domain.calendar import ALL, FOREVER, MINUTE, MONTH, YEAR, bounds, bucket_of, children
from ...domain.nodes import Entry, Node, fold
from ...domain.summary import Closed, Summary, closed_trade

# A month, day or hour with more events than this is split into finer buckets, so that a re-fold or a cut range reads
# at most about this many trades. Smaller costs writes (more rows), larger costs late events and cut ranges.
LEAF = 128


def bucket_id(scope: int, level: int, start: int) -> int:
    """The bucket's key in the table, packed so that the buckets of a scope and level lie together, in order."""
    return scope << 35 | level << 32 | start


def start_of(bucket: int) -> int:
    """The start that `bucket_id` packed."""
    return bucket & 0xFFFFFFFF


class Where(NamedTuple):
    """A scope's trades in SQL: the columns that name it, and their values."""

    columns: str
    values: tuple[str, ...]


FOLDED_COLUMNS = """t.timestamp, t.event_id, t.environment, t.state, t.pnl, t.fees, t.initial_risk, t.opened_at,
    t.currency, v.id IS NOT NULL, t.id"""
FOLDED_TABLES = "trades t LEFT JOIN voids v ON v.trade = t.id"
_FOLDED = f"{FOLDED_COLUMNS} FROM {FOLDED_TABLES}"


LOWER = {1: "t.timestamp >= ?", 2: "(t.timestamp, t.event_id) > (?, ?)"}
_UPPER = {1: "t.timestamp < ?", 2: "(t.timestamp, t.event_id) <= (?, ?)"}


def entries(
    db: sqlite3.Connection,
    where: Where,
    environments: Sequence[str],
    after: tuple[int, str] | None,
    upto: tuple[int, str] | None,
    start: int = -FOREVER,
    end: int = FOREVER,
    below: int = FOREVER,
) -> list[Entry]:
    """A scope's events in trade order: start <= timestamp < end, after < (timestamp, event_id) <= upto, id < below."""
    # One bound on each side: of two, the planner may seek by the one that starts at the beginning of history.
    lower: tuple[int] | tuple[int, str] = (start,)
    upper: tuple[int] | tuple[int, str] = (end,)
    if after is not None and after[0] >= start:
        lower = after
    if upto is not None and upto[0] < end:
        upper = upto
    found: list[Entry] = []
    for environment in environments:
        rows = db.execute(
            f"SELECT {_FOLDED} WHERE {where.columns} t.environment = ?"
            f" AND {LOWER[len(lower)]} AND {_UPPER[len(upper)]} AND t.id < ? ORDER BY t.timestamp, t.event_id",
            (*where.values, environment, *lower, *upper, below),
        )
        found += map(_entry, rows)
    if len(environments) > 1:
        found.sort(key=attrgetter("at", "event_id"))
    return found


def count_after(
    db: sqlite3.Connection, where: Where, environments: Sequence[str], key: tuple[int, str], below: int
) -> int:
    """How many of a scope's events sort after the key and have a position < below; reads an index alone."""
    return sum(
        db.execute(
            f"SELECT count(*) FROM trades t WHERE {where.columns} t.environment = ? AND {LOWER[2]} AND t.id < ?",
            (*where.values, environment, *key, below),
        ).fetchone()[0]
        for environment in environments
    )


def in_trade_order(db: sqlite3.Connection, where: Where | None = None) -> Iterator[tuple[str, str, Entry]]:
    """The log, or a scope's part of it, as (account_id, strategy_id, event) in trade order; not held in memory."""
    columns, values = where or ("", ())
    runs = [
        db.execute(
            f"SELECT t.account_id, t.strategy_id, {_FOLDED} WHERE {columns} t.environment = ?"
            " ORDER BY t.timestamp, t.event_id",
            (*values, environment),
        )
        for environment in ("live", "demo")
    ]
    for account_id, strategy_id, *rest in heapq.merge(*runs, key=lambda row: row[2:4]):
        yield account_id, strategy_id, _entry(tuple(rest))


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(row[0], row[1], row[2], closed_of(row), bool(row[9]), row[10])


def closed_of(row: tuple[Any, ...]) -> Closed | None:
    """What a row of `FOLDED_COLUMNS` brings into a summary: None for an open or a voided event."""
    at, _, _, state, pnl, fees, risk, opened_at, currency, voided = row[:10]
    if state != "closed" or voided:
        return None
    return closed_trade(at, Decimal(pnl), Decimal(fees), None if risk is None else Decimal(risk), opened_at, currency)


Key = tuple[int, int]  # level, start


class Tree:
    """The buckets of one scope, for one write transaction or one reading. `environments`: those it has events of."""

    def __init__(
        self, db: sqlite3.Connection, scope: int, where: Where, environments: Sequence[str], upto: tuple[int, str]
    ) -> None:
        self.db, self.scope, self.where = db, scope, where
        self.environments, self.upto = environments, upto

    # --- writing ---

    def absorb(self, run: Sequence[Entry]) -> None:
        """Take in events, in order, that all sort after what the tree holds (and up to `upto`)."""
        months = [(month, list(part)) for month, part in groupby(run, lambda entry: bucket_of(MONTH, entry.at))]
        nodes = self._load(
            {(ALL, 0), *((MONTH, month) for month, _ in months), *((YEAR, month // 12) for month, _ in months)}
        )
        for month, part in months:
            added = self._append(nodes, MONTH, month, part)
            for key in ((YEAR, month // 12), (ALL, 0)):
                nodes.setdefault(key, Node()).extend(added)
        self._save(nodes)

    def _append(self, nodes: dict[Key, Node], level: int, start: int, run: Sequence[Entry]) -> Node:
        """Append a run to one bucket of `nodes` and to the finer ones below it; returns the run's own node.

        A new bucket starts split when the one before it was: a scope that was busy stays so, and splitting a full
        bucket later would read all of its trades again.
        """
        bucket = nodes.get((level, start))
        if bucket is None:
            bucket = nodes[level, start] = Node()
            bucket.split = level < MINUTE and self._is_split(level, start - 1)
        if not bucket.split:
            added = fold(run)
        else:
            parts = [(child, list(part)) for child, part in groupby(run, lambda entry: bucket_of(level + 1, entry.at))]
            nodes.update(self._load((level + 1, child) for child, _ in parts))
            added = Node()
            for child, part in parts:
                added.extend(self._append(nodes, level + 1, child, part))
        bucket.extend(added)
        return added

    def refold(self, late: Sequence[tuple[int, str]], level: int = ALL, start: int = 0) -> None:
        """Take in events (keys, in order, <= `upto`) that are in the log already, or whose state changed."""
        split = level < MONTH
        if not split:
            before = self._load([(level, start)])
            split = bool(before) and before[level, start].split
        if split:
            for child, part in groupby(late, lambda key: bucket_of(level + 1, key[0])):
                self.refold(list(part), level + 1, child)
            node = Node()
            for _, part_node in self._stored(level + 1, *children(level, start)):
                node.extend(part_node)
            node.split = level >= MONTH
        else:
            node = fold(self.log(*bounds(level, start)))
        self._save({(level, start): node})

    def log(self, start: int, end: int) -> list[Entry]:
        """The events with start <= timestamp < end that the tree answers for, from the log."""
        return entries(self.db, self.where, self.environments, None, self.upto, start, end)

    def _save(self, nodes: dict[Key, Node]) -> None:
        for (level, start), node in list(nodes.items()):
            if MONTH <= level < MINUTE and not node.split and node.size > LEAF:
                self._split(nodes, level, start, node)
        self.db.executemany(
            "INSERT OR REPLACE INTO buckets (id, size, split, live_n, demo_n, live, demo, both)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    bucket_id(self.scope, level, start),
                    node.size,
                    node.split,
                    *node.counts(),
                    *(None if part is None else part.to_bytes() for part in (node.live, node.demo, node.both)),
                )
                for (level, start), node in nodes.items()
            ],
        )

    def _split(self, nodes: dict[Key, Node], level: int, start: int, node: Node) -> None:
        node.split = True
        for child, part in groupby(self.log(*bounds(level, start)), lambda entry: bucket_of(level + 1, entry.at)):
            nodes[level + 1, child] = finer = fold(list(part))
            if level + 1 < MINUTE and finer.size > LEAF:
                self._split(nodes, level + 1, child, finer)

    # --- reading ---

    def load(self, level: int, start: int) -> Node | None:
        """One bucket as it is stored."""
        return self._load([(level, start)]).get((level, start))

    def counts(self, level: int, start: int) -> tuple[int, int] | None:
        """The counts of live and demo trades that are stored beside a bucket's summaries."""
        key = bucket_id(self.scope, level, start)
        for live, demo in self.db.execute("SELECT live_n, demo_n FROM buckets WHERE id = ?", (key,)):
            return live, demo
        return None

    def _is_split(self, level: int, start: int) -> bool:
        row = self.db.execute(
            "SELECT split FROM buckets WHERE id = ?", (bucket_id(self.scope, level, start),)
        ).fetchone()
        return row is not None and bool(row[0])

    def _load(self, keys: Iterable[Key]) -> dict[Key, Node]:
        """Those of the buckets that are stored."""
        by_id = {bucket_id(self.scope, *key): key for key in keys}
        found: dict[Key, Node] = {}
        rest = iter(by_id)
        while part := list(islice(rest, 500)):  # SQLite takes a limited number of variables
            rows = self.db.execute(f"SELECT {_NODE} FROM buckets WHERE id IN ({', '.join('?' * len(part))})", part)
            found.update((by_id[row[0]], _node(row)) for row in rows)
        return found

    def _stored(self, level: int, first: int, last: int) -> Iterator[tuple[int, Node]]:
        """The stored buckets of a level with first <= start <= last, in order."""
        low, high = bucket_id(self.scope, level, first), bucket_id(self.scope, level, last)
        for row in self.db.execute(
            f"SELECT {_NODE} FROM buckets WHERE id BETWEEN ? AND ? ORDER BY id", (low, high)
        ).fetchall():
            yield start_of(row[0]), _node(row)


_NODE = "id, size, split, live, demo, both"


def _node(row: tuple[int, int, int, bytes | None, bytes | None, bytes | None]) -> Node:
    _, size, split, *blobs = row
    node = Node(*(None if blob is None else Summary.from_bytes(blob) for blob in blobs))
    node.size, node.split = size, bool(split)
    return node
