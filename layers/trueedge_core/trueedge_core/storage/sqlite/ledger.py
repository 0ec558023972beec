"""The ledger in one SQLite file: accept, sequence and fold in one transaction, by as many processes as like to.

A scope's buckets lag its newest events by a short tail: at most `TAIL` events that a reader folds from the log itself.
So one event costs its row in the log and nothing else, the buckets are written once in some dozens of events, and
events that arrive a little late (with several bots a third to a half of them) fall into the tail and cost no more.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Self

from ...domain import cursors
from ...domain.calendar import FOREVER
from ...domain.events import TradeEvent, changed_fields, parse_event
from ...domain.money import read_json
from ...domain.nodes import Entry, entry_of
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
from .check import check
from .connection import connect, path_of, snapshot, transaction, translated
from .order import traded
from .reading import Reader
from .rows import CORRECT, INSERT, made_again, typed
from .scopes import COLUMNS as SCOPE_COLUMNS
from .scopes import KEEP, TAIL, Name, ScopeRow, name_of, names_of
from .tree import Tree, count_after, entries, in_trade_order

REMEMBERED = 4096  # scopes; beyond that the memory starts anew

_SHOWN = (
    "t.id, t.received_at, t.event_id, t.timestamp, t.raw_json, v.reason, v.received_at"
    " FROM trades t LEFT JOIN voids v ON v.trade = t.id"
)


def wall_clock() -> int:
    """Now, in microseconds since the epoch."""
    return time.time_ns() // 1000


@dataclass(slots=True)
class Remembered:
    """A scope as this process last left it, good while no other connection has written to the file.

    `number` events are in the tail; `tail` has them, unless nobody has read them from the log yet.
    """

    row: ScopeRow
    number: int
    tail: list[Entry] | None


class SqliteLedger:
    """`Ledger` on one connection; not for several threads at once (each process or thread opens its own)."""

    most_in_order = 2_000_000

    def __init__(self, path: str, clock: Callable[[], int] = wall_clock) -> None:
        self.path, self.clock = path, clock
        self.db = connect(path)
        # What this process knows from its own last write, good while SQLite says that no other connection has written.
        self._data_version = -1
        self._next: int | None = None  # position
        self._remembered: dict[Name, Remembered] = {}

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The ledger that `sqlite:///relative` or `sqlite:////absolute/path` names; the file is made if need be."""
        return cls(path_of(url))

    def close(self) -> None:
        """Release the file; calling it twice is harmless."""
        self.db.close()

    # --- writing ---

    def append(self, events: Sequence[TradeEvent]) -> list[Receipt]:
        """See `Ledger.append`. One transaction: all of it or, after an error, none."""
        with translated(), self._writing():
            known = self._known({event.event_id for event in events})
            position = self._take_positions(0)
            received_at = self.clock()
            receipts: list[Receipt] = []
            new: list[tuple[TradeEvent, int]] = []
            for event in events:
                before = known.get(event.event_id)
                if before is not None:
                    receipts.append(_again(event, *before))
                    continue
                known[event.event_id] = (position + len(new), event.raw, received_at)
                receipts.append(Receipt(event.event_id, "stored", position + len(new)))
                new.append((event, received_at))
            self._add(new)
        return receipts

    def _add(self, events: Sequence[tuple[TradeEvent, int]]) -> None:
        """Log new events, each with the time at which it was received, and let the scopes take them in."""
        first = self._take_positions(len(events))
        rows: list[tuple[object, ...]] = []
        arrivals: dict[Name, list[Entry]] = {}
        for position, (event, received_at) in enumerate(events, first):
            rows.append((position, received_at, event.raw, *typed(event)))
            entry = entry_of(event, position)
            for name in names_of(event.account_id, event.strategy_id):
                arrivals.setdefault(name, []).append(entry)
        self.db.executemany(INSERT, rows)
        self._take_in(arrivals, first)

    def void(self, event_id: str, reason: str) -> VoidReceipt:
        """See `Ledger.void`."""
        with translated(), self._writing():
            return self._void(event_id, reason, self.clock())

    def _void(self, event_id: str, reason: str, received_at: int) -> VoidReceipt:
        trade = self.db.execute(
            "SELECT id, account_id, strategy_id, environment, timestamp FROM trades WHERE event_id = ?", (event_id,)
        ).fetchone()
        if trade is None:
            raise NotFound(f"no event with the event_id {shorten(event_id, 128)} is stored")
        trade_id, account_id, strategy_id, environment, at = trade
        before = self.db.execute("SELECT id FROM voids WHERE trade = ?", (trade_id,)).fetchone()
        if before is not None:
            return VoidReceipt(event_id, before[0], repeated=True)
        position = self._take_positions(1)
        self.db.execute(
            "INSERT INTO voids (id, trade, reason, received_at) VALUES (?, ?, ?, ?)",
            (position, trade_id, reason, received_at),
        )
        for name in names_of(account_id, strategy_id):
            self._remembered.pop(name, None)
            row = self._row(name)
            assert row is not None
            if (at, event_id) <= row.upto:
                self._tree(row).refold([(at, event_id)])
            traded = Reader(self.db, row, None).total(ALL_TIME).summary.n > 0
            self.db.execute(
                f"UPDATE scopes SET {environment}_seen = ?, traded = ? WHERE id = ?", (position + 1, traded, row.id)
            )
        return VoidReceipt(event_id, position, repeated=False)

    def replay(self, entries: Sequence[LogEntry]) -> None:
        """See `Ledger.replay`. One transaction."""
        with translated(), self._writing():
            for is_void, part in groupby(entries, lambda entry: entry.raw is None):
                run = list(part)
                size = self._take_positions(0)
                if run[0].position != size:
                    raise Conflict(f"this log has {size} entries, so position {run[0].position} is not its next one")
                if is_void:
                    for entry in run:
                        if self._void(entry.event_id, entry.reason, entry.received_at).repeated:
                            raise Conflict(f"the event {shorten(entry.event_id, 128)} is voided already")
                    continue
                ids = {entry.event_id for entry in run}
                if len(ids) < len(run) or self._known(ids):
                    raise Conflict("an event of these entries is in this log already, under another position")
                events = [(entry, entry.raw) for entry in run if entry.raw is not None]
                self._add([(parse_event(read_json(raw), raw, e.received_at), e.received_at) for e, raw in events])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A write transaction, with nothing remembered that another connection may have changed, or that is undone."""
        try:
            with transaction(self.db):
                version = self.db.execute("PRAGMA data_version").fetchone()[0]
                if version != self._data_version or len(self._remembered) > REMEMBERED:
                    self._forget()
                    self._data_version = version
                yield
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        self._next = None
        self._remembered.clear()

    def _take_positions(self, number: int) -> int:
        """The next position of the log; it and the ones after it are taken, `number` in all."""
        if self._next is None:
            rows = self.db.execute("SELECT (SELECT max(id) FROM trades), (SELECT max(id) FROM voids)").fetchone()
            self._next = max(-1 if last is None else last for last in rows) + 1
        first, self._next = self._next, self._next + number
        return first

    def _known(self, ids: set[str]) -> dict[str, tuple[int, str, int]]:
        """Those of the ids that are in the log: position, text as it was sent, received_at."""
        known: dict[str, tuple[int, str, int]] = {}
        rest = iter(ids)
        while part := list(islice(rest, 500)):  # SQLite takes a limited number of variables
            found = self.db.execute(
                "SELECT event_id, id, raw_json, received_at FROM trades"
                f" WHERE event_id IN ({', '.join('?' * len(part))})",
                part,
            )
            known.update({event_id: (position, raw, at) for event_id, position, raw, at in found})
        return known

    def _take_in(self, arrivals: Mapping[Name, Sequence[Entry]], first: int) -> None:
        """Let the scopes' tails and buckets take in the events logged from position `first` on."""
        rows = self._rows([name for name in arrivals if name not in self._remembered])
        changed: list[ScopeRow] = []
        for name, batch in arrivals.items():
            scope = self._remembered.get(name)
            if scope is None:
                row = rows.get(name)
                if row is None:
                    scope = Remembered(self._new_row(name), 0, [])
                else:
                    number = count_after(self.db, row.where, row.environments, row.upto, first)
                    scope = Remembered(row, number, None if number else [])
                self._remembered[name] = scope
            before = scope.row
            self._advance(scope, batch, first)
            if scope.row != before:
                changed.append(scope.row)
        if not changed:
            return
        self.db.executemany(
            "UPDATE scopes SET upto_at = ?, upto_id = ?, live = ?, demo = ?, live_seen = ?, demo_seen = ? WHERE id = ?",
            [(*row[4:8], *row[9:], row.id) for row in changed],
        )
        # By themselves: this column is the index's, which a statement that names it writes anew.
        traded = [(row.traded, row.id) for row in changed if row.traded]
        self.db.executemany("UPDATE scopes SET traded = ? WHERE id = ? AND NOT traded", traded)

    def _advance(self, scope: Remembered, batch: Sequence[Entry], first: int) -> None:
        """One scope takes in a batch: late events and what the tail has no room for go into the buckets."""
        row = scope.row
        for entry in batch:
            if entry.environment == "live":
                row = row if row.live else row._replace(live=1)
            else:
                row = row if row.demo else row._replace(demo=1)
            if entry.closed is not None and not row.traded:
                row = row._replace(traded=1)
        upto = row.upto
        late = sorted([entry for entry in batch if entry.key <= upto])
        fresh = [entry for entry in batch if entry.key > upto] if late else batch
        if late:
            row = _seen(row, late)
            self._tree(row).refold([entry.key for entry in late])
        if scope.number + len(fresh) <= TAIL:
            scope.number += len(fresh)
            if scope.tail is not None:
                scope.tail += fresh
        else:
            if scope.tail is None:
                scope.tail = entries(self.db, row.where, row.environments, upto, None, below=first)
            ordered = sorted([*scope.tail, *fresh])
            ready, scope.tail = ordered[:-KEEP], ordered[-KEEP:]
            scope.number = KEEP
            row = _seen(row, ready)._replace(upto_at=ready[-1].at, upto_id=ready[-1].event_id)
            self._tree(row).absorb(ready)
        scope.row = row

    def _new_row(self, name: Name) -> ScopeRow:
        inserted = self.db.execute(
            "INSERT INTO scopes (kind, account_id, strategy_id, upto_at, upto_id, live, demo, traded, live_seen,"
            " demo_seen) VALUES (?, ?, ?, -1, '', 0, 0, 0, 0, 0)",
            name,
        )
        assert inserted.lastrowid is not None
        return ScopeRow(inserted.lastrowid, *name, -1, "", 0, 0, 0, 0, 0)

    # --- reading ---

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See `Ledger.snapshot`."""
        with translated(), snapshot(self.db):
            yield

    def summary(self, scope: Scope, period: Period = ALL_TIME) -> Reading | None:
        """See `Ledger.summary`."""
        with translated(), snapshot(self.db):
            row = self._row(name_of(scope.account_id, scope.strategy_id))
            if row is None:
                overall = scope.account_id is None and scope.strategy_id is None
                return Reading(Summary(), 0, 0, AsOf()) if overall else None
            return self._reading(row, scope, period)

    def groups(
        self, kind: GroupKind, within: Scope, period: Period = ALL_TIME, cursor: str | None = None, limit: int = 100
    ) -> Page[tuple[str, Reading]]:
        """See `Ledger.groups`."""
        after = str(cursors.decode(cursor, str)[0]) if cursor is not None else ""
        column = f"{kind}_id"
        wanted = {"account_id": within.account_id, "strategy_id": within.strategy_id}
        pairs = wanted["strategy_id" if kind == "account" else "account_id"] is not None
        sql = f"SELECT {SCOPE_COLUMNS} FROM scopes WHERE kind = ? AND {column} > ?"
        values: list[object] = ["pair" if pairs else kind, after]
        for name, value in wanted.items():
            if value is not None:
                sql += f" AND {name} = ?"
                values.append(value)
        if within.environment is not None:
            sql += f" AND {within.environment}"
        with translated(), snapshot(self.db):
            rows = [ScopeRow(*row) for row in self.db.execute(f"{sql} ORDER BY {column} LIMIT ?", [*values, limit + 1])]
            found = [(str(getattr(row, column)), self._reading(row, within, period)) for row in rows[:limit]]
        return Page(found, cursors.encode(found[-1][0]) if len(rows) > limit else None)

    def series(self, scope: Scope, period: Period, step: Step) -> list[tuple[int, Summary]]:
        """See `Ledger.series`."""
        with translated(), snapshot(self.db):
            row = self._row(name_of(scope.account_id, scope.strategy_id))
            return [] if row is None else Reader(self.db, row, scope.environment).steps(period, step)

    def trades(
        self, scope: Scope, period: Period = ALL_TIME, cursor: str | None = None, limit: int = 100
    ) -> Page[Trade]:
        """See `Ledger.trades`."""
        where = name_of(scope.account_id, scope.strategy_id).where
        condition, values = where.columns, list[object](where.values)
        upper = "t.timestamp < ?"
        bound: list[object] = [2**62 if period.end is None else period.end]
        if cursor is not None:
            at, event_id = cursors.decode(cursor, int, str)
            if period.end is not None and isinstance(at, int) and at >= period.end:
                raise InvalidParameter("cursor belongs to another question; leave it out to start from the beginning")
            upper, bound = "(t.timestamp, t.event_id) < (?, ?)", [at, event_id]
        start = -(2**62) if period.start is None else period.start
        found: list[Trade] = []
        with translated(), snapshot(self.db):
            for environment in (scope.environment,) if scope.environment else ("live", "demo"):
                rows = self.db.execute(
                    f"SELECT {_SHOWN} WHERE {condition} t.environment = ? AND {upper} AND t.timestamp >= ?"
                    " ORDER BY t.timestamp DESC, t.event_id DESC LIMIT ?",
                    [*values, environment, *bound, start, limit + 1],
                )
                found += [Trade(*row) for row in rows]
        found.sort(key=lambda trade: (trade.timestamp, trade.event_id), reverse=True)
        last = found[limit - 1] if len(found) > limit else None
        return Page(found[:limit], cursors.encode(last.timestamp, last.event_id) if last else None)

    def in_trade_order(self, scope: Scope, period: Period = ALL_TIME) -> Iterator[Traded]:
        """See `Ledger.in_trade_order`."""
        start = -FOREVER if period.start is None else period.start
        end = FOREVER if period.end is None else period.end
        with translated():
            yield from traded(self.db, name_of(scope.account_id, scope.strategy_id), scope.environment, start, end)

    def positions(self, scope: Scope = EVERYTHING, cursor: str | None = None, limit: int = 100) -> Page[Trade]:
        """See `Ledger.positions`. The table of what stands open is kept by triggers."""
        condition, values = "", list[object]()
        for name in ("account_id", "strategy_id", "environment"):
            if (value := getattr(scope, name)) is not None:
                condition += f" AND {'p' if name == 'account_id' else 't'}.{name} = ?"
                values.append(value)
        if cursor is not None:
            condition += " AND (p.timestamp, p.event_id) < (?, ?)"
            values += cursors.decode(cursor, int, str)
        with translated():
            rows = self.db.execute(
                "SELECT t.id, t.received_at, t.event_id, t.timestamp, t.raw_json FROM open_positions p"
                f" CROSS JOIN trades t ON t.id = p.trade WHERE 1{condition}"
                " ORDER BY p.timestamp DESC, p.event_id DESC LIMIT ?",
                [*values, limit + 1],
            ).fetchall()
        found = [Trade(*row) for row in rows[:limit]]
        return Page(found, cursors.encode(found[-1].timestamp, found[-1].event_id) if len(rows) > limit else None)

    def event(self, event_id: str) -> Trade | None:
        """See `Ledger.event`."""
        with translated():
            row = self.db.execute(f"SELECT {_SHOWN} WHERE t.event_id = ?", (event_id,)).fetchone()
        return Trade(*row) if row else None

    def log(self, first: int = 0) -> Iterator[LogEntry]:
        """See `Ledger.log`. In parts, each read for itself: a log only grows, and a long read would keep the WAL."""
        while True:
            with translated():
                rows = self.db.execute(
                    "SELECT id, received_at, event_id, raw_json, '' FROM trades WHERE id BETWEEN ?1 AND ?1 + 999"
                    " UNION ALL SELECT v.id, v.received_at, t.event_id, NULL, v.reason FROM voids v"
                    " JOIN trades t ON t.id = v.trade WHERE v.id BETWEEN ?1 AND ?1 + 999 ORDER BY 1",
                    (first,),
                ).fetchall()
            yield from (LogEntry(*row) for row in rows)
            if not rows:
                return
            first += len(rows)

    def strategies_tried(self) -> int:
        """See `Ledger.strategies_tried`."""
        with translated():
            count = self.db.execute("SELECT count(*) FROM scopes WHERE kind = 'strategy' AND traded").fetchone()[0]
        return int(count)

    def _row(self, name: Name) -> ScopeRow | None:
        return self._rows([name]).get(name)

    def _rows(self, names: Sequence[Name]) -> dict[Name, ScopeRow]:
        """Those of the scopes that there are."""
        found: dict[Name, ScopeRow] = {}
        rest = iter(names)
        while part := list(islice(rest, 200)):
            keys = ", ".join(["(?, ?, ?)"] * len(part))
            rows = self.db.execute(  # CROSS JOIN: seek each name; "(..) IN (VALUES ..)" would scan the table
                f"SELECT {SCOPE_COLUMNS} FROM (VALUES {keys}) CROSS JOIN scopes"
                " ON kind = column1 AND account_id = column2 AND strategy_id = column3",
                [value for name in part for value in name],
            )
            found.update((Name(*row[1:4]), ScopeRow(*row)) for row in rows)
        return found

    def _tree(self, row: ScopeRow) -> Tree:
        return Tree(self.db, row.id, row.where, row.environments, row.upto)

    def _reading(self, row: ScopeRow, asked: Scope, period: Period) -> Reading:
        reader = Reader(self.db, row, asked.environment)
        total, seen = reader.total(period), reader.seen
        return Reading(total.summary, total.live, total.demo, AsOf(seen, self._received_at(seen - 1) if seen else None))

    def _received_at(self, position: int) -> int:
        row = self.db.execute(
            "SELECT received_at FROM trades WHERE id = ? UNION ALL SELECT received_at FROM voids WHERE id = ?",
            (position, position),
        ).fetchone()
        return int(row[0])

    # --- repair ---

    def rebuild(self) -> Iterator[tuple[int, int]]:
        """See `Ledger.rebuild`. One transaction: writers wait, and an interruption leaves everything as it was.

        The typed columns are made anew from the texts first; then the log is read in trade order, so that every scope
        only ever appends.
        """
        with translated(), self._writing():
            self._forget()
            self.db.execute("DELETE FROM buckets")
            self.db.execute("DELETE FROM scopes")
            total = 2 * self.db.execute("SELECT count(*) FROM trades").fetchone()[0]
            done = 0
            wrong: list[tuple[object, ...]] = []
            for done, (position, stored, again) in enumerate(made_again(self.db), 1):
                if again != stored and not isinstance(again, str):
                    wrong.append((*again, position))
                if done % 2000 == 0:
                    yield done, total
            self.db.executemany(CORRECT, wrong)
            self.db.execute("DELETE FROM open_positions")
            self.db.execute("INSERT INTO open_positions SELECT * FROM standing_open")
            log = in_trade_order(self.db)
            while part := list(islice(log, 2000)):
                arrivals: dict[Name, list[Entry]] = {}
                for account_id, strategy_id, entry in part:
                    for name in names_of(account_id, strategy_id):
                        arrivals.setdefault(name, []).append(entry)
                self._take_in(arrivals, first=FOREVER)
                done += len(part)
                yield done, total
            voids = self.db.execute(
                "SELECT v.id, t.account_id, t.strategy_id, t.environment FROM voids v JOIN trades t ON t.id = v.trade"
            ).fetchall()
            self._remembered.clear()  # the voids below change rows
            for position, account_id, strategy_id, environment in voids:
                for name in names_of(account_id, strategy_id):
                    self.db.execute(
                        f"UPDATE scopes SET {environment}_seen = max({environment}_seen, ?)"
                        " WHERE kind = ? AND account_id = ? AND strategy_id = ?",
                        (position + 1, *name),
                    )

    def fsck(self) -> Iterator[Finding]:
        """See `Ledger.fsck`. Reads one state of the file; writers go on meanwhile."""
        with translated(), snapshot(self.db):
            yield from check(self.db)


def _again(event: TradeEvent, position: int, raw: str, received_at: int) -> Receipt:
    """The receipt of an event whose id is taken already, by an event that was sent as `raw`."""
    if raw == event.raw:
        return Receipt(event.event_id, "duplicate", position)
    first = parse_event(read_json(raw), raw, received_at)
    if first == event:  # by value, however it is spelled
        return Receipt(event.event_id, "duplicate", position)
    return Receipt(event.event_id, "conflict", position, tuple(changed_fields(first, event)))


def _seen(row: ScopeRow, run: Sequence[Entry]) -> ScopeRow:
    """The row once the log entries of these events count as seen in it."""
    seen = {"live": row.live_seen, "demo": row.demo_seen}
    for entry in run:
        seen[entry.environment] = max(seen[entry.environment], entry.position + 1)
    return row._replace(live_seen=seen["live"], demo_seen=seen["demo"])
