"""Questions to a scope's time tree: the summary of a range, or of each calendar step in it."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby

from ...domain.calendar import ALL, DAY, FOREVER, HOUR, MONTH, bounds, bucket_of, children
from ...domain.nodes import Entry
from ...domain.ports import Environment, Period, Step
from ...domain.summary import Summary
from .scopes import ScopeRow
from .tree import bucket_id, entries, start_of

# No event lies outside (timestamps are refused before 1970 and over a day ahead); keeps the calendar's arithmetic in
# range.
FIRST, LAST = 0, bounds(DAY, 366 * 7000)[0]
LEVEL_OF_STEP = {"hour": HOUR, "day": DAY, "month": MONTH}

Row = tuple[int, int, int, int, bytes | None]  # start, split, live_n, demo_n, the wanted summary


class Total:
    """A running summary of the wanted environment, with the counts of each."""

    def __init__(self, environment: Environment | None) -> None:
        self.environment = environment
        self.summary = Summary()
        self.live = self.demo = 0

    def add(self, run: Iterable[Entry]) -> None:
        """Append events of the wanted environment, in trade order."""
        closed = []
        for entry in run:
            if entry.closed is not None:
                closed.append(entry.closed)
                if entry.environment == "live":
                    self.live += 1
                else:
                    self.demo += 1
            elif entry.voided:
                self.summary.voids += 1
            else:
                self.summary.opens += 1
        self.summary.add_all(closed)

    def is_empty(self) -> bool:
        return not (self.summary.n or self.summary.opens or self.summary.voids)

    def extend(self, blob: bytes | None, live: int, demo: int) -> None:
        if blob is not None:
            self.summary.extend(Summary.from_bytes(blob))
        if self.environment != "demo":
            self.live += live
        if self.environment != "live":
            self.demo += demo


class Reader:
    """Reads one scope, in one environment or both, inside the caller's snapshot."""

    def __init__(self, db: sqlite3.Connection, row: ScopeRow, environment: Environment | None) -> None:
        self.db, self.row, self.environment = db, row, environment
        self.environments = [name for name in row.environments if environment in (None, name)]
        column = environment or "coalesce(both, live, demo)"
        self.buckets = f"SELECT id, split, live_n, demo_n, {column} FROM buckets WHERE id BETWEEN ? AND ? ORDER BY id"
        # The few newest events, which are in no bucket yet.
        self.tail = entries(db, row.where, self.environments, row.upto, None)

    @property
    def seen(self) -> int:
        """1 + the position of the last log entry; 0 if there is none."""
        logged = {"live": self.row.live_seen, "demo": self.row.demo_seen}
        return max(
            *(logged[name] for name in ("live", "demo") if self.environment in (None, name)),
            *(entry.position + 1 for entry in self.tail),
            0,
            0,
        )

    def total(self, period: Period) -> Total:
        """The summary of the scope's events in the period."""
        total = Total(self.environment)
        start, end = _clip(period)
        if start < end:
            for row in self._rows(ALL, 0, 0):
                self._add(total, ALL, row, start, end)
            total.add(self._newest(start, end))
        return total

    def steps(self, period: Period, step: Step) -> list[tuple[int, Summary]]:
        """The summary of each non-empty step: `(start of the step in us, summary)`."""
        start, end = _clip(period)
        if start >= end:
            return []
        if step == "trade":
            trades = entries(self.db, self.row.where, self.environments, None, None, max(start, FIRST), min(end, LAST))
            return [(entry.at, Summary.of(entry.closed)) for entry in trades if entry.closed is not None]
        level = LEVEL_OF_STEP[step]
        found = list(self._steps(level, max(start, FIRST), min(end, LAST)))
        for bucket, run in groupby(self._newest(start, end), lambda entry: bucket_of(level, entry.at)):
            if not found or found[-1][0] != bucket:
                found.append((bucket, Total(self.environment)))
            found[-1][1].add(run)
        return [(bounds(level, bucket)[0], total.summary) for bucket, total in found if not total.is_empty()]

    def _steps(self, level: int, start: int, end: int) -> Iterator[tuple[int, Total]]:
        for row in self._rows(MONTH, bucket_of(MONTH, start), bucket_of(MONTH, end - 1)):
            yield from self._steps_in(MONTH, row, level, start, end)

    def _steps_in(self, kept: int, row: Row, level: int, start: int, end: int) -> Iterator[tuple[int, Total]]:
        """The steps inside one bucket of the level `kept`: by its finer buckets, or by its trades if it has none."""
        bucket, split = row[:2]
        if kept == level:
            total = Total(self.environment)
            self._add(total, level, row, start, end)
            yield bucket, total
        elif split:
            for child in self._rows(kept + 1, *_overlap(kept, bucket, start, end)):
                yield from self._steps_in(kept + 1, child, level, start, end)
        else:
            first, last = bounds(kept, bucket)
            for step, run in groupby(
                self._log(max(start, first), min(end, last)), lambda entry: bucket_of(level, entry.at)
            ):
                total = Total(self.environment)
                total.add(run)
                yield step, total

    def _add(self, total: Total, level: int, row: Row, start: int, end: int) -> None:
        """Add what lies in [start, end) of one bucket: all of it, or by its finer buckets, or by its trades."""
        bucket, split, live, demo, blob = row
        first, last = bounds(level, bucket)
        if start <= first and last <= end:
            total.extend(blob, live, demo)
            return
        start, end = max(start, first, FIRST), min(end, last, LAST)
        if level < MONTH or split:
            for child in self._rows(level + 1, *_overlap(level, bucket, start, end)):
                self._add(total, level + 1, child, start, end)
        else:
            total.add(self._log(start, end))

    def _rows(self, level: int, first: int, last: int) -> list[Row]:
        rows = self.db.execute(
            self.buckets, (bucket_id(self.row.id, level, first), bucket_id(self.row.id, level, last))
        )
        return [(start_of(row[0]), *row[1:]) for row in rows]

    def _log(self, start: int, end: int) -> list[Entry]:
        return entries(self.db, self.row.where, self.environments, None, self.row.upto, start, end)

    def _newest(self, start: int, end: int) -> list[Entry]:
        return [entry for entry in self.tail if start <= entry.at < end]


def _clip(period: Period) -> tuple[int, int]:
    start = -FOREVER if period.start is None else max(period.start, FIRST)
    return start, FOREVER if period.end is None else min(period.end, LAST)


def _overlap(level: int, bucket: int, start: int, end: int) -> tuple[int, int]:
    """The children of a bucket that meet [start, end): first and last, both included."""
    first, last = children(level, bucket)
    return max(first, bucket_of(level + 1, start)), min(last, bucket_of(level + 1, end - 1))
