"""How a scope takes a segment of the log in: its head, and the buckets below it.

A scope's time is a tree: months, and below a month, day or hour with more than LEAF events the next finer buckets. Only
what lies before the *open* bucket (the finest one that holds the scope's newest event) is stored as buckets; the open
one itself is in the head, beside the summary of everything before it. So an event that comes in order changes one item
a scope. When it opens the next bucket, the one before it is stored, and with it those above it that ended.

A late event (or a void) makes the finest bucket it lies in anew from that bucket's rows, and those above it from their
parts. What is stored is never a sum of increments but made from what the log holds below `q`, a position: writing it
twice, or by two at once, is writing it once; and a bucket is only ever replaced by a newer one. Finer buckets are
written before coarser ones and the head last: whoever repeats the work finds the parts of everything that is there.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from ...domain.calendar import MINUTE, MONTH, bounds, bucket_of, children
from ...domain.nodes import Entry, Node, fold
from ...domain.ports import Scope
from .items import (
    Head,
    Row,
    bucket_item,
    bucket_partition,
    bucket_sort,
    read_bucket,
    read_rows,
    rows_between,
    shards,
)
from .table import Item, Table

# A month, day or hour with more events than this is split. Larger than SQLite's: a bucket costs a write unit however
# few trades it holds (8 on average where this is tightest), and a re-fold reads rows, at a fifth of the price.
LEAF = 512

Place = tuple[int, int]  # level, start


def scope_rows(table: Table, scope: Scope, shard: str, low: str, high: str, below: int) -> Iterator[Row]:
    """The scope's rows of one shard, between two sort keys and with a position below the given one; read as taken."""
    for row in read_rows(table.query(shard, low, high), below):
        if scope.holds(row.account_id, row.strategy_id):
            yield row


def read_scope(table: Table, scope: Scope, start: int, end: int, below: int) -> list[Row]:
    """The scope's rows with start <= timestamp < end and a position below the given one, in trade order."""
    low, high = rows_between(start, end)

    def read(shard: str) -> list[Row]:
        return list(scope_rows(table, scope, shard, low, high, below))

    return list(heapq.merge(*table.each(read, shards(scope)), key=attrgetter("entry.key")))


class ScopeTree:
    """One scope's tree, while it takes in log entries below position `q`.

    `head` is None for a scope without an entry so far. `changed` has the buckets to store.
    """

    def __init__(self, table: Table, scope: Scope, head: Head | None, q: int) -> None:
        self.table, self.scope, self.q = table, scope, q
        self.last = head.last if head else (-1, "")
        self.level, self.start = (head.level, head.start) if head else (MONTH, -1)
        self.closed, self.open = (head.closed, head.open) if head else (Node(), Node())
        self.changed: dict[Place, Node] = {}
        self._read: dict[Place, Node | None] = {}

    def take_in(self, entries: Sequence[Entry], voided: Iterable[tuple[int, str]]) -> None:
        """Take in new events and the keys of events that were voided; the rows and marks of all are stored."""
        fresh = sorted((entry for entry in entries if entry.key > self.last), key=attrgetter("key"))
        late = {entry.key for entry in entries if entry.key <= self.last} | set(voided)
        if fresh:
            self.absorb(fresh)
        if late:
            self.refold(sorted(late))

    def head(self, seen: dict[str, tuple[int, int]], traded_before: bool = False) -> Head:
        """The scope's head once it has taken in everything below `q`."""
        trades = sum(self.closed.counts()) + sum(self.open.counts())
        return Head(self.q, self.last, self.level, self.start, self.closed, self.open, seen, trades > 0, traded_before)

    def forget(self) -> None:
        """Hold nothing of the buckets any more: they are stored now."""
        self.changed.clear()
        self._read.clear()

    # --- events in order ---

    def absorb(self, run: Sequence[Entry]) -> None:
        """Append events, in order, that all sort after what the tree holds."""
        self.last = run[-1].key
        at = 0
        while at < len(run):
            first, end = bounds(self.level, self.start) if self.start >= 0 else (0, 0)
            until = at
            while until < len(run) and first <= run[until].at < end:
                until += 1
            if until == at:
                self._move_to(run[at].at)
                continue
            self.open.extend(fold(run[at:until]))
            at = until
            self._split_open()

    def _move_to(self, at: int) -> None:
        """Close the open bucket and those above it that end with it; open the one that the instant lies in.

        A new bucket starts split when the one before it was full: a scope that was busy stays so, and splitting it
        later would read its rows again.
        """
        sizes: dict[int, int] = {}
        before = bounds(self.level, self.start)[0] if self.start >= 0 else None
        if before is not None:
            self._set((self.level, self.start), self.open)
            self.closed.extend(self.open)
            sizes[self.level] = self.open.size
            for level in range(self.level - 1, MONTH - 1, -1):
                above = bucket_of(level, before)
                if bucket_of(level, at) == above:
                    break
                sizes[level] = self._merge_parts(level, above).size
        level = MONTH
        while level < MINUTE:
            is_open = before is not None and level < self.level and bucket_of(level, at) == bucket_of(level, before)
            if not is_open and sizes.get(level, 0) <= LEAF:
                break
            level += 1
        self.level, self.start, self.open = level, bucket_of(level, at), Node()

    def _split_open(self) -> None:
        """Go down to finer buckets while the open one is too full: the last of its parts is the open one then."""
        while self.open.size > LEAF and self.level < MINUTE:
            parts = _parts(self.level + 1, self._rows(self.level, self.start))
            for start, part in parts[:-1]:
                self.closed.extend(self._store(self.level + 1, start, part))
            self.level, (self.start, last) = self.level + 1, parts[-1]
            self.open = fold(last)

    # --- events out of order ---

    def refold(self, late: Sequence[tuple[int, str]]) -> None:
        """Make anew what holds these events (keys, in order), whose rows or marks are new."""
        places = list(dict.fromkeys(self._leaf(at) for at, _ in late))
        is_open_late = (self.level, self.start) in places
        places = [place for place in places if place != (self.level, self.start)]
        for (level, start), entries in self._rows_of(places):
            self._store(level, start, entries)
        touched = set(places)
        for level in range(MINUTE - 1, MONTH - 1, -1):
            for above in sorted({bucket_of(level, bounds(*place)[0]) for place in touched if place[0] == level + 1}):
                touched.add((level, above))
                if not self._is_open(level, above):
                    self._merge_parts(level, above)
        if places:
            self.closed = self._all_before()
        if is_open_late:
            self.open = fold(self._rows(self.level, self.start))
            self._split_open()

    def _leaf(self, at: int) -> Place:
        """The finest bucket that the instant lies in, stored or not."""
        for level in range(MONTH, MINUTE + 1):
            start = bucket_of(level, at)
            if (level, start) == (self.level, self.start):
                break
            if not self._is_open(level, start):
                node = self._get((level, start))
                if node is None or not node.split:
                    break
        return level, start

    def _is_open(self, level: int, start: int) -> bool:
        """Whether the bucket is one above the open one: it is split, and not stored yet."""
        return level < self.level and start == bucket_of(level, bounds(self.level, self.start)[0])

    def _all_before(self) -> Node:
        """The merge of everything before the open bucket: at each level what is beside it, in what is above it."""
        total = Node()
        opened = bounds(self.level, self.start)[0]
        first = 0
        for level in range(MONTH, self.level + 1):
            here = bucket_of(level, opened)
            for _, node in self._between(level, first, here - 1):
                total.extend(node)
            if level < self.level:
                first = children(level, here)[0]
        return total

    # --- buckets ---

    def _store(self, level: int, start: int, entries: Sequence[Entry]) -> Node:
        """A bucket that holds these events, and the finer ones below it where they are too many."""
        node = fold(entries)
        if node.size > LEAF and level < MINUTE:
            node.split = True
            for child, part in _parts(level + 1, entries):
                self._store(level + 1, child, part)
        self._set((level, start), node)
        return node

    def _merge_parts(self, level: int, start: int) -> Node:
        """Make a split bucket anew from the finer ones inside it."""
        node = Node()
        for _, part in self._between(level + 1, *children(level, start)):
            node.extend(part)
        node.split = True
        self._set((level, start), node)
        return node

    def _set(self, place: Place, node: Node) -> None:
        self.changed[place] = self._read[place] = node

    def _get(self, place: Place) -> Node | None:
        if place not in self._read:
            item = self.table.get((bucket_partition(self.scope), bucket_sort(*place)))
            self._read[place] = None if item is None else read_bucket(item).node
        return self._read[place]

    def _between(self, level: int, first: int, last: int) -> list[tuple[int, Node]]:
        """The buckets of a level with first <= start <= last, as they are stored or are about to be, in order."""
        found: dict[int, Node] = {}
        if last >= first:
            pk = bucket_partition(self.scope)
            for item in self.table.query(pk, bucket_sort(level, first), bucket_sort(level, last)):
                bucket = read_bucket(item)
                found[bucket.start] = bucket.node
        found.update({at: node for (kept, at), node in self.changed.items() if kept == level and first <= at <= last})
        return sorted(found.items())

    def items(self) -> list[list[Item]]:
        """The changed buckets as items, the finest level first."""
        return [
            [
                bucket_item(self.scope, level, start, node, self.q)
                for (kept, start), node in self.changed.items()
                if kept == level
            ]
            for level in range(MINUTE, MONTH - 1, -1)
        ]

    # --- rows ---

    def _rows(self, level: int, start: int) -> list[Entry]:
        return [row.entry for row in read_scope(self.table, self.scope, *bounds(level, start), self.q)]

    def _rows_of(self, places: Sequence[Place]) -> list[tuple[Place, list[Entry]]]:
        """The events of several buckets. Those that lie close together are read in one go: fewer, longer questions."""
        ranges = sorted((*bounds(*place), place) for place in places)
        spans: list[list[tuple[int, int, Place]]] = []
        for one in ranges:
            if spans and one[0] - spans[-1][-1][1] <= 3 * (one[1] - one[0]):
                spans[-1].append(one)
            else:
                spans.append([one])

        def read(span: list[tuple[int, int, Place]]) -> list[tuple[Place, list[Entry]]]:
            entries = [row.entry for row in read_scope(self.table, self.scope, span[0][0], span[-1][1], self.q)]
            return [(place, [entry for entry in entries if start <= entry.at < end]) for start, end, place in span]

        return [found for part in self.table.each(read, spans) for found in part]


def _parts(level: int, entries: Sequence[Entry]) -> list[tuple[int, list[Entry]]]:
    """Events in order, by the level's buckets that they lie in."""
    return [(start, list(part)) for start, part in groupby(entries, lambda entry: bucket_of(level, entry.at))]
