"""The ledger in a DynamoDB table. The package's docstring has the items, `sequencer.py` how entries get positions."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Self

from ...domain import cursors
from ...domain.events import TradeEvent, changed_fields, parse_event
from ...domain.money import read_json
from ...domain.ports import (
    ALL_TIME,
    EVERYTHING,
    AsOf,
    Finding,
    GroupKind,
    LogEntry,
    Page,
    Period,
    Reading,
    Receipt,
    Scope,
    Step,
    Trade,
    Traded,
    VoidReceipt,
)
from ...domain.summary import Summary
from ...domain.wording import shorten
from ...errors import Conflict, InvalidParameter, NotFound
from . import repair
from .items import (
    ENVIRONMENTS,
    SEP,
    Accepted,
    Head,
    Row,
    accepted,
    event_id_of,
    event_item,
    event_key,
    head_key,
    joined,
    read_head,
    row_of,
    segment_bounds,
    segment_ids,
    segment_key,
    void_item,
    void_key,
)
from .positions import standing
from .reading import Reader
from .sequencer import positions_of, resequence, sequence
from .stream import new_entries
from .table import DynamoTable, Item, Key, Table, of_url

EMPTY = Reading(Summary(), 0, 0, AsOf())


def wall_clock() -> int:
    """Now, in microseconds since the epoch."""
    return time.time_ns() // 1000


class DynamoLedger:
    """`Ledger` on one table.

    `is_inline`: a call gives what it accepts its position before it returns. Otherwise the function behind the table's
    stream does, a second or two later, and a call writes nothing that any other one writes.
    """

    most_in_order = 100_000

    def __init__(self, table: Table, *, is_inline: bool = True, clock: Callable[[], int] = wall_clock) -> None:
        self.table, self.is_inline, self.clock = table, is_inline, clock
        self._heads: dict[Scope, Head | None] | None = None  # those read in a snapshot

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The ledger that `dynamodb://table?sequencing=stream&create=1` names. Raises: StoreError."""
        name, options = of_url(url)
        table = DynamoTable(name, create=options.get("create") == "1")
        return cls(table, is_inline=options.get("sequencing", "inline") == "inline")

    def close(self) -> None:
        """Release connections; calling it twice is harmless."""
        self.table.close()

    # --- writing ---

    def append(self, events: Sequence[TradeEvent]) -> list[Receipt]:
        """See `Ledger.append`. After an error some events may be stored: the same call completes it."""
        nonce, received_at = secrets.token_hex(6), self.clock()
        by_id: dict[str, TradeEvent] = {}
        for event in events:
            by_id.setdefault(event.event_id, event)
        first = list(by_id.values())

        def put(event: TradeEvent) -> Item:
            item = event_item(event, received_at, nonce)
            there = self.table.put_new(item)
            return item if there is None else there

        stored = dict(zip(by_id, self.table.each(put, first), strict=True))
        taken = {event.event_id: Accepted(event, received_at) for event in first}
        taken |= {event_id: accepted(item) for event_id, item in stored.items() if item["w"] != nonce}
        positions = self._positions(list(taken.values()), [one for one, item in stored.items() if item["w"] != nonce])
        fresh = {event_id for event_id, item in stored.items() if item["w"] == nonce}
        receipts = []
        for event in events:
            before = taken[event.event_id]
            position = positions.get(before.mark)
            if event.event_id in fresh:
                fresh.remove(event.event_id)
                receipts.append(Receipt(event.event_id, "stored", position))
            elif event.raw == before.event.raw or event == before.event:
                receipts.append(Receipt(event.event_id, "duplicate", position))
            else:
                changed = tuple(changed_fields(before.event, event))
                receipts.append(Receipt(event.event_id, "conflict", position, changed))
        return receipts

    def _positions(self, entries: Sequence[Accepted], known: Sequence[str]) -> dict[Key, int]:
        """The entries' positions, as far as there are any yet; `known`: ids that were stored before this call."""
        if self.is_inline:
            return sequence(self.table, entries)
        ids = set(known)
        return positions_of(self.table, [entry for entry in entries if entry.event.event_id in ids])

    def void(self, event_id: str, reason: str) -> VoidReceipt:
        """See `Ledger.void`."""
        item = self.table.get(event_key(event_id))
        if item is None:
            raise NotFound(f"no event with the event_id {shorten(event_id, 128)} is stored")
        mine = void_item(event_id, reason, self.clock(), secrets.token_hex(6))
        there = self.table.put_new(mine)
        kept = mine if there is None else there
        event = accepted(item)
        entry = Accepted(event.event, int(kept["at"]), is_void=True)
        positions = self._positions([event, entry], [event_id])
        return VoidReceipt(event_id, positions.get(entry.mark), repeated=kept["w"] != mine["w"])

    def replay(self, entries: Sequence[LogEntry]) -> None:
        """See `Ledger.replay`."""
        older = [entry.event_id for entry in entries if entry.raw is None]
        found = self.table.get_many([_key_of(entry) for entry in entries] + [event_key(one) for one in older])
        events = {event_id_of(item): accepted(item).event for item in found.values() if "raw" in item}
        for entry in entries:
            if entry.raw is not None:
                events[entry.event_id] = parse_event(read_json(entry.raw), entry.raw, entry.received_at)
        taken = [Accepted(events[entry.event_id], entry.received_at, entry.raw is None) for entry in entries]
        nonce, size = secrets.token_hex(6), self._size()
        if entries[0].position != size:
            raise Conflict(f"this log has {size} entries, so position {entries[0].position} is not its next one")
        known = positions_of(self.table, taken)
        items: list[Item] = []
        for entry, one in zip(entries, taken, strict=True):
            if one.mark in known:
                raise Conflict(f"the event {shorten(entry.event_id, 128)} is in this log under another position")
            items.append(
                void_item(entry.event_id, entry.reason, entry.received_at, nonce)
                if entry.raw is None
                else event_item(one.event, entry.received_at, nonce)
            )
            there = found.get(_key_of(entry))
            if there is not None and {**there, "w": nonce} != items[-1]:
                raise Conflict(f"the event {shorten(entry.event_id, 128)} is in this store with other content")
        self.table.each(self.table.put_new, items)
        sequence(self.table, taken, at=size)
        if self._size() != size + len(entries):
            raise Conflict("another writer has added to this log meanwhile")

    def _size(self) -> int:
        last = next(self.table.query("L", newest_first=True, page=1), None)
        return 0 if last is None else segment_bounds(last)[1]

    def sequence(self, records: Sequence[Mapping[str, Any]]) -> int:
        """See `Sequencer.sequence`."""
        entries = new_entries(self.table, records)
        sequence(self.table, entries)
        return len(entries)

    def resequence(self) -> Iterator[int]:
        """See `Sequencer.resequence`. Reads the whole table."""
        yield from resequence(self.table)

    # --- reading ---

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See `Ledger.snapshot`: of each scope one state is read, that of its head when it was first asked for."""
        if self._heads is not None:
            yield
            return
        self._heads = {}
        try:
            yield
        finally:
            self._heads = None

    def summary(self, scope: Scope, period: Period = ALL_TIME) -> Reading | None:
        """See `Ledger.summary`. All time reads one item."""
        reader = self._reader(scope)
        if reader is None:
            return EMPTY if scope.account_id is None and scope.strategy_id is None else None
        return reader.reading(period)

    def groups(
        self, kind: GroupKind, within: Scope, period: Period = ALL_TIME, cursor: str | None = None, limit: int = 100
    ) -> Page[tuple[str, Reading]]:
        """See `Ledger.groups`."""
        after = str(cursors.decode(cursor, str)[0]) if cursor is not None else ""
        found = [
            (name, Reader(self.table, scope, head))
            for name, scope, head in islice(self._heads_of(kind, within, after, limit + 1), limit + 1)
        ]
        readings = (
            [(name, reader.reading(period)) for name, reader in found[:limit]]
            if period == ALL_TIME
            else (self.table.each(lambda pair: (pair[0], pair[1].reading(period)), found[:limit]))
        )
        return Page(readings, cursors.encode(readings[-1][0]) if len(found) > limit else None)

    def _heads_of(self, kind: GroupKind, within: Scope, after: str, page: int) -> Iterator[tuple[str, Scope, Head]]:
        """The heads that `groups` lists, by id from `after` on, read a page at a time."""

        def scope_of(name: str) -> Scope:
            if kind == "account":
                return Scope(name, within.strategy_id, within.environment)
            return Scope(within.account_id, name, within.environment)

        low = f"{after}\x01" if after else ""
        same, other = within.strategy_id, within.account_id
        if kind == "account":
            same, other = other, same
        if same is not None:
            names = iter([same] if same > after else [])
            found: Iterator[Item] = (item for name in names if (item := self.table.get(head_key(scope_of(name)))))
        elif kind == "account" and other is not None:
            pointers = self.table.query(joined("P", other), low, page=page)
            found = self._pointed(pointers, scope_of, page)
        else:
            found = self.table.query(head_key(scope_of("x"))[0], low, page=page)
        for item in found:
            head = read_head(item)
            if within.environment is None or within.environment in head.seen:
                name = same if same is not None else str(item["SK"])
                if kind == "account" and other is not None and same is None:
                    name = str(item["PK"]).rpartition(SEP)[2]
                yield name, scope_of(name), head

    def _pointed(self, pointers: Iterator[Item], scope_of: Callable[[str], Scope], page: int) -> Iterator[Item]:
        while names := [str(item["SK"]) for item in islice(pointers, page)]:
            keys = [head_key(scope_of(name)) for name in names]
            heads = self.table.get_many(keys)
            yield from (heads[key] for key in keys if key in heads)

    def series(self, scope: Scope, period: Period, step: Step) -> list[tuple[int, Summary]]:
        """See `Ledger.series`."""
        reader = self._reader(scope)
        return [] if reader is None else reader.steps(period, step)

    def trades(
        self, scope: Scope, period: Period = ALL_TIME, cursor: str | None = None, limit: int = 100
    ) -> Page[Trade]:
        """See `Ledger.trades`."""
        before: tuple[int, str] | None = None
        if cursor is not None:
            at, event_id = cursors.decode(cursor, int, str)
            before = int(at), str(event_id)
            if period.end is not None and before[0] >= period.end:
                raise InvalidParameter("cursor belongs to another question; leave it out to start from the beginning")
        reader = self._reader(scope)
        rows = [] if reader is None else list(islice(reader.newest(period, before), limit + 1))
        last = rows[limit - 1].entry.key if len(rows) > limit else None
        return Page(self._trades(rows[:limit]), cursors.encode(*last) if last else None)

    def _trades(self, rows: Sequence[Row]) -> list[Trade]:
        events = [event_key(row.entry.event_id) for row in rows]
        voids = [void_key(row.entry.event_id) for row in rows if row.entry.voided]
        found = self.table.get_many(events + voids)
        return [
            _trade(found[key], row.entry.position, found[void_key(row.entry.event_id)] if row.entry.voided else None)
            for key, row in zip(events, rows, strict=True)
        ]

    def in_trade_order(self, scope: Scope, period: Period = ALL_TIME) -> Iterator[Traded]:
        """See `Ledger.in_trade_order`. Reads the period's rows of every scope that is in the same shards."""
        reader = self._reader(scope)
        for row in reader.in_order(period) if reader else ():
            entry, environment = row.entry, ENVIRONMENTS[row.entry.environment != "live"]
            yield Traded(entry.at, environment, row.symbol, row.venue, row.side, entry.closed, entry.voided)

    def positions(self, scope: Scope = EVERYTHING, cursor: str | None = None, limit: int = 100) -> Page[Trade]:
        """See `Ledger.positions`."""
        before: tuple[int, str] | None = None
        if cursor is not None:
            at, event_id = cursors.decode(cursor, int, str)
            before = int(at), str(event_id)
        head = self._head(Scope(scope.account_id, scope.strategy_id))
        found = [] if head is None else list(islice(standing(self.table, scope, before, head.q, limit + 1), limit + 1))
        keys = [event_key(event_id) for _, event_id, _ in found[:limit]]
        items = self.table.get_many(keys)
        trades = [_trade(items[key], position, None) for key, (_, _, position) in zip(keys, found[:limit], strict=True)]
        return Page(trades, cursors.encode(*found[limit - 1][:2]) if len(found) > limit else None)

    def event(self, event_id: str) -> Trade | None:
        """See `Ledger.event`."""
        if not event_id.isprintable() or not 0 < len(event_id.encode()) <= 128:  # nothing that was ever taken
            return None
        item = self.table.get(event_key(event_id))
        if item is None:
            return None
        row = row_of(item)
        mark = row[0], joined(row[1], "v")
        found = self.table.get_many([row, mark, void_key(event_id)])
        position = int(found[row]["p"]) if row in found else None
        return _trade(item, position, found[void_key(event_id)] if mark in found else None)

    def log(self, first: int = 0) -> Iterator[LogEntry]:
        """See `Ledger.log`."""
        before = next(self.table.query("L", "", segment_key(first), newest_first=True, page=1), None)
        low = segment_key(0) if before is None else str(before["SK"])
        for segment in self.table.query("L", low, page=10):
            start = segment_bounds(segment)[0]
            ids = segment_ids(segment)
            found = self.table.get_many([void_key(one) if is_void else event_key(one) for one, is_void in ids])
            for position, (event_id, is_void) in enumerate(ids, start):
                if position < first:
                    continue
                item = found[void_key(event_id) if is_void else event_key(event_id)]
                raw, reason = (None, str(item["reason"])) if is_void else (str(item["raw"]), "")
                yield LogEntry(position, int(item["at"]), event_id, raw, reason)

    def strategies_tried(self) -> int:
        """See `Ledger.strategies_tried`."""
        head = self._head(Scope())
        return head.tried if head else 0

    def _reader(self, scope: Scope) -> Reader | None:
        head = self._head(Scope(scope.account_id, scope.strategy_id))
        return None if head is None else Reader(self.table, scope, head)

    def _head(self, scope: Scope) -> Head | None:
        if self._heads is not None and scope in self._heads:
            return self._heads[scope]
        item = self.table.get(head_key(scope))
        head = None if item is None else read_head(item)
        if self._heads is not None:
            self._heads[scope] = head
        return head

    # --- repair ---

    def rebuild(self) -> Iterator[tuple[int, int]]:
        """See `Ledger.rebuild`. Nothing is sequenced meanwhile; events are accepted all the same in stream mode."""
        yield from repair.rebuild(self.table)

    def fsck(self) -> Iterator[Finding]:
        """See `Ledger.fsck`. What is written meanwhile may show as a finding: run it on a quiet table."""
        yield from repair.check(self.table)


def _key_of(entry: LogEntry) -> Key:
    """Key of the item that keeps what the log entry says."""
    return void_key(entry.event_id) if entry.raw is None else event_key(entry.event_id)


def _trade(item: Item, position: int | None, void: Item | None) -> Trade:
    at = int(str(item["row"]).partition(SEP)[2])
    reason, voided_at = (None, None) if void is None else (str(void["reason"]), int(void["at"]))
    return Trade(position, int(item["at"]), event_id_of(item), at, str(item["raw"]), reason, voided_at)
