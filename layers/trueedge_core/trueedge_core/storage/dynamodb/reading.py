"""Questions to a scope's tree, as it was when its head was read, whatever is written meanwhile.

A bucket that has taken in more of the log than the head has is not used: its parts are, and the finest one's rows, of
which only those count that the head knows of. So an answer is that of one state of the log, without a lock.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from ...domain.calendar import DAY, FOREVER, HOUR, MINUTE, MONTH, bounds, bucket_of, children
from ...domain.nodes import Entry, Node, fold
from ...domain.ports import AsOf, Environment, Period, Reading, Scope, Step
from ...domain.summary import Summary
from .items import (
    ENVIRONMENTS,
    SEP,
    Head,
    Row,
    bucket_partition,
    bucket_sort,
    read_bucket,
    read_rows,
    rows_between,
    shards,
)
from .table import Item, Table
from .tree import read_scope, scope_rows

LEVEL_OF_STEP = {"hour": HOUR, "day": DAY, "month": MONTH}
ROWS = MINUTE + 1  # finer than every bucket: rows are wanted
PAGE = 64  # rows that a listing reads of each shard at a time


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a scope's history, start <= t < end: its summaries; where `node` is None its rows are to be read."""

    start: int
    end: int
    node: Node | None


class Reader:
    """Reads one scope, in one environment or both, as of its head."""

    def __init__(self, table: Table, scope: Scope, head: Head) -> None:
        self.table, self.scope, self.head = table, scope, head
        self.opened = bounds(head.level, head.start)[0]
        self.environment: Environment | None = scope.environment

    def reading(self, period: Period) -> Reading:
        """See `Ledger.summary`."""
        head = self.head
        if period.start is None and period.end is None:
            nodes = [head.closed, head.open]
        else:
            nodes = [node for _, node in self._nodes(self._pieces(period, MONTH), MONTH)]
        total = Summary()
        live = demo = 0
        for node in nodes:
            part = node.of(self.environment)
            if part is not None:
                total.extend(part)
            counts = node.counts()
            live += 0 if self.environment == "demo" else counts[0]
            demo += 0 if self.environment == "live" else counts[1]
        return Reading(total, live, demo, self.as_of())

    def as_of(self) -> AsOf:
        """The last log entry of the scope in the environments that are asked about."""
        return AsOf(
            *max((self.head.seen.get(name, (0, None)) for name in self._environments()), key=lambda seen: seen[0])
        )

    def steps(self, period: Period, step: Step) -> list[tuple[int, Summary]]:
        """See `Ledger.series`."""
        if step == "trade":
            rows = [row for part in self._read(self._pieces(period, ROWS)) for row in part]
            return [
                (row.entry.at, Summary.of(row.entry.closed))
                for row in rows
                if row.entry.closed is not None and row.entry.environment in self._environments()
            ]
        level = LEVEL_OF_STEP[step]
        found: list[tuple[int, Summary]] = []
        for start, parts in groupby(self._nodes(self._pieces(period, level), level), lambda pair: pair[0]):
            total = Summary()
            for _, node in parts:
                if (part := node.of(self.environment)) is not None:
                    total.extend(part)
            if total.n or total.opens or total.voids:
                found.append((bounds(level, start)[0], total))
        return found

    def in_order(self, period: Period) -> Iterator[Row]:
        """The rows of the period, the oldest first; read as they are taken."""
        start = 0 if period.start is None else period.start
        end = self.head.last[0] + 1 if period.end is None else min(period.end, self.head.last[0] + 1)
        low, high = rows_between(start, end)
        parts = [scope_rows(self.table, self.scope, one, low, high, self.head.q) for one in shards(self.scope)]
        for row in heapq.merge(*parts, key=attrgetter("entry.key")) if start < end else ():
            if row.entry.environment in self._environments():
                yield row

    def newest(self, period: Period, before: tuple[int, str] | None) -> Iterator[Row]:
        """The rows of the period that sort before a key, the newest first; read as they are taken."""
        pieces = self._pieces(period, ROWS)
        for piece in reversed(pieces):
            if before is not None and piece.start > before[0]:
                continue
            end = piece.end if before is None else min(piece.end, before[0] + 1)
            low, high = rows_between(piece.start, end)
            parts = [self._backwards(shard, low, high) for shard in shards(self.scope)]
            for row in heapq.merge(*parts, key=attrgetter("entry.key"), reverse=True):
                if (before is None or row.entry.key < before) and row.entry.environment in self._environments():
                    yield row

    def _backwards(self, shard: str, low: str, high: str) -> Iterator[Row]:
        mark: Item | None = None
        for item in self.table.query(shard, low, high, newest_first=True, page=PAGE):
            if str(item["SK"]).count(SEP) == 2:  # a void mark comes after its row, so here before it
                mark = item
                continue
            for row in read_rows([item] if mark is None else [item, mark], self.head.q):
                if self.scope.holds(row.account_id, row.strategy_id):
                    yield row
            mark = None

    def _environments(self) -> tuple[Environment, ...]:
        return ENVIRONMENTS if self.environment is None else (self.environment,)

    # --- pieces of history ---

    def _nodes(self, pieces: list[Piece], level: int) -> Iterator[tuple[int, Node]]:
        """(bucket of the level, summaries of a part of it) for each piece, in order; rows are read side by side."""
        rows = iter(self._read([piece for piece in pieces if piece.node is None]))
        for piece in pieces:
            if piece.node is not None:
                yield bucket_of(level, piece.start), piece.node
                continue
            entries: list[Entry] = [row.entry for row in next(rows)]
            for start, part in groupby(entries, lambda entry: bucket_of(level, entry.at)):
                yield start, fold(list(part))

    def _read(self, pieces: list[Piece]) -> list[list[Row]]:
        return self.table.each(
            lambda piece: read_scope(self.table, self.scope, piece.start, piece.end, self.head.q), pieces
        )

    def _pieces(self, period: Period, level: int) -> list[Piece]:
        """The period in order of time, cut into stored buckets of the level or finer, and rows where there is none.

        Stretches without an event are left out.
        """
        last = self.head.last[0] + 1  # nothing lies after it
        start = max(0, -FOREVER if period.start is None else period.start)
        end = last if period.end is None else min(period.end, last)
        found: list[Piece] = []
        if start < end:
            for piece in self._beside(MONTH, 0, start, end, level):
                if found and piece.node is None and found[-1].node is None and found[-1].end == piece.start:
                    found[-1] = Piece(found[-1].start, piece.end, None)
                else:
                    found.append(piece)
        return found

    def _beside(self, level: int, first: int, start: int, end: int, wanted: int) -> Iterator[Piece]:
        """What lies in [start, end) of the stored buckets before the open one at this level, and then of that one."""
        here = bucket_of(level, self.opened)
        low, high = max(first, bucket_of(level, start)), bucket_of(level, end - 1)
        yield from self._stored(level, low, min(high, here - 1), start, end, wanted)
        if high < here:
            return
        if level < self.head.level:
            yield from self._beside(level + 1, children(level, here)[0], start, end, wanted)
            return
        opened, until = max(start, self.opened), min(end, bounds(level, here)[1])
        if start <= self.opened and end > self.head.last[0] and level >= wanted:
            yield Piece(self.opened, until, self.head.open)
        elif opened < until:
            yield Piece(opened, until, None)

    def _stored(self, level: int, low: int, high: int, start: int, end: int, wanted: int) -> Iterator[Piece]:
        if high < low:
            return
        pk = bucket_partition(self.scope)
        for item in self.table.query(pk, bucket_sort(level, low), bucket_sort(level, high)):
            bucket = read_bucket(item)
            first, last = bounds(level, bucket.start)
            is_usable = bucket.q <= self.head.q and start <= first and last <= end and level >= wanted
            if is_usable:
                yield Piece(first, last, bucket.node)
            elif bucket.node.split:
                inside = children(level, bucket.start)
                low_part = max(inside[0], bucket_of(level + 1, max(start, first)))
                high_part = min(inside[1], bucket_of(level + 1, min(end, last) - 1))
                yield from self._stored(level + 1, low_part, high_part, start, end, wanted)
            else:
                yield Piece(max(start, first), min(end, last), None)
