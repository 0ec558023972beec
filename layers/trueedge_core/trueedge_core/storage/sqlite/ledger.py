"""The ledger in one SQLite file: accept, sequence and fold in one transaction, by as many processes as like to.

A scope's buckets lag its newest events by a short tail: at most `TAIL` events that a reader folds from the log itself.
So one event costs its row and four counters, the buckets are written once in some dozens of events, and events that
arrive a little late (with several bots a third to a half of them) fall into the tail and cost nothing extra.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Self

from ...domain import cursors
from ...domain.events import TradeEvent, changed_fields, parse_event
from ...domain.money import read_json
from ...domain.ports import (
    ALL_TIME,
    AsOf,
    Finding,
    GroupKind,
    Page,
    Period,
    Reading,
    Receipt,
    Scope,
    Step,
    Trade,
    VoidReceipt,
)
from ...domain.summary import Summary, closed_trade
from ...domain.wording import shorten
from ...errors import InvalidParameter, NotFound
from .calendar import FOREVER
from .check import check
from .connection import connect, path_of, snapshot, transaction, translated
from .reading import Reader
from .rows import CORRECT, INSERT, made_again, typed
from .scopes import COLUMNS as SCOPE_COLUMNS
from .scopes import Name, ScopeRow, name_of, names_of
from .tree import Arrival, Entry, Tree, entries, in_trade_order

# A reader folds up to TAIL events a scope; a writer leaves the newest KEEP there, so that events a few late cost no
# re-fold.
TAIL, KEEP = 64, 8
TAILS_REMEMBERED = 4096

_SHOWN = (
    "t.id, t.received_at, t.event_id, t.timestamp, t.raw_json, v.reason, v.received_at"
    " FROM trades t LEFT JOIN voids v ON v.trade = t.id"
)


def wall_clock() -> int:
    """Now, in microseconds since the epoch."""
    return time.time_ns() // 1000


class SqliteLedger:
    """`Ledger` on one connection; not for several threads at once (each process or thread opens its own)."""

    def __init__(self, path: str, clock: Callable[[], int] = wall_clock) -> None:
        self.path, self.clock = path, clock
        self.db = connect(path)
        # Tails as this process last wrote them, valid while the scope's row is still the one written with them: any
        # entry of any process changes it (`seen` never repeats).
        self._tails: dict[int, tuple[ScopeRow, list[Entry]]] = {}

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
            position = self._size()
            received_at = self.clock()
            receipts: list[Receipt] = []
            rows: list[tuple[object, ...]] = []
            arrivals: dict[Name, list[Arrival]] = {}
            for event in events:
                before = known.get(event.event_id)
                if before is not None:
                    receipts.append(_again(event, *before))
                    continue
                known[event.event_id] = (position, event.raw, received_at)
                rows.append((position, received_at, event.raw, *typed(event)))
                arrival = Arrival(position, _entry(event))
                for name in names_of(event.account_id, event.strategy_id):
                    arrivals.setdefault(name, []).append(arrival)
                receipts.append(Receipt(event.event_id, "stored", position))
                position += 1
            self.db.executemany(INSERT, rows)
            self._take_in(arrivals, first=position - len(rows))
        return receipts

    def void(self, event_id: str, reason: str) -> VoidReceipt:
        """See `Ledger.void`."""
        with translated(), self._writing():
            trade = self.db.execute(
                "SELECT id, account_id, strategy_id, environment, timestamp, state FROM trades WHERE event_id = ?",
                (event_id,),
            ).fetchone()
            if trade is None:
                raise NotFound(f"no event with the event_id {shorten(event_id, 128)} is stored")
            trade_id, account_id, strategy_id, environment, at, state = trade
            before = self.db.execute("SELECT id FROM voids WHERE trade = ?", (trade_id,)).fetchone()
            if before is not None:
                return VoidReceipt(event_id, before[0], repeated=True)
            position = self._size()
            self.db.execute(
                "INSERT INTO voids (id, trade, reason, received_at) VALUES (?, ?, ?, ?)",
                (position, trade_id, reason, self.clock()),
            )
            for name in names_of(account_id, strategy_id):
                scope = self._scope(name)
                assert scope is not None
                self.db.execute(
                    f"UPDATE scopes SET {environment}_seen = ?, closed = closed - ? WHERE id = ?",
                    (position + 1, state == "closed", scope.id),
                )
                if (at, event_id) <= scope.upto:
                    self._tree(scope).refold([(at, event_id)])
        return VoidReceipt(event_id, position, repeated=False)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with transaction(self.db):
                yield
        except BaseException:
            self._tails.clear()  # they tell of what was rolled back
            raise

    def _size(self) -> int:
        """The next position of the log."""
        trades, voids = self.db.execute("SELECT (SELECT max(id) FROM trades), (SELECT max(id) FROM voids)").fetchone()
        return max(-1 if trades is None else trades, -1 if voids is None else voids) + 1

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

    def _take_in(self, arrivals: Mapping[Name, Sequence[Arrival]], first: int) -> None:
        """Let the scopes' counters, buckets and tails take in the events logged from position `first` on."""
        scopes = self._scopes(list(arrivals))
        after = [
            self._advance(scopes.get(name) or self._new_scope(name), batch, first) for name, batch in arrivals.items()
        ]
        self.db.executemany(
            "UPDATE scopes SET upto_at = ?, upto_id = ?, tail = ?, live_events = ?, demo_events = ?, live_seen = ?,"
            " demo_seen = ?, closed = ? WHERE id = ?",
            [(*scope[4:], scope.id) for scope in after],
        )

    def _advance(self, scope: ScopeRow, arrivals: Sequence[Arrival], first: int) -> ScopeRow:
        """One scope's buckets take in what its tail has no room for; returns its row as it is afterwards."""
        late = sorted(a.entry for a in arrivals if a.entry[:2] <= scope.upto)
        fresh = [a.entry for a in arrivals if a.entry[:2] > scope.upto]
        seen = {"live": scope.live_seen, "demo": scope.demo_seen}
        number = {"live": scope.live_events, "demo": scope.demo_events}
        closed = scope.closed
        for position, entry in arrivals:
            seen[entry.environment] = max(seen[entry.environment], position + 1)
            number[entry.environment] += 1
            closed += entry.closed is not None
        remembered, tail = self._tails.get(scope.id, (None, []))
        known = remembered == scope or not scope.tail
        room = scope.tail + len(fresh) <= TAIL
        if not known and not room:
            tail = entries(self.db, scope.where, scope.environments, scope.upto, None, below=first, limit=scope.tail)
        scope = scope._replace(
            tail=scope.tail + len(fresh),
            live_events=number["live"],
            demo_events=number["demo"],
            live_seen=seen["live"],
            demo_seen=seen["demo"],
            closed=closed,
        )
        tail = tail + fresh
        if not room:
            tail.sort(key=lambda entry: entry[:2])
            ready, tail = tail[:-KEEP], tail[-KEEP:]
            scope = scope._replace(tail=KEEP, upto_at=ready[-1].at, upto_id=ready[-1].event_id)
            self._tree(scope).absorb(ready)
        if late:
            self._tree(scope).refold([entry[:2] for entry in late])
        if known or not room:
            if len(self._tails) >= TAILS_REMEMBERED:
                self._tails.clear()
            self._tails[scope.id] = (scope, tail)
        return scope

    def _new_scope(self, name: Name) -> ScopeRow:
        inserted = self.db.execute(
            "INSERT INTO scopes (kind, account_id, strategy_id, upto_at, upto_id, tail, live_events, demo_events,"
            " live_seen, demo_seen, closed) VALUES (?, ?, ?, -1, '', 0, 0, 0, 0, 0, 0)",
            name,
        )
        assert inserted.lastrowid is not None
        return ScopeRow(inserted.lastrowid, *name, -1, "", 0, 0, 0, 0, 0, 0)

    # --- reading ---

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See `Ledger.snapshot`."""
        with translated(), snapshot(self.db):
            yield

    def summary(self, scope: Scope, period: Period = ALL_TIME) -> Reading | None:
        """See `Ledger.summary`."""
        with translated(), snapshot(self.db):
            row = self._scope(name_of(scope.account_id, scope.strategy_id))
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
            sql += f" AND {within.environment}_events > 0"
        with translated(), snapshot(self.db):
            rows = [ScopeRow(*row) for row in self.db.execute(f"{sql} ORDER BY {column} LIMIT ?", [*values, limit + 1])]
            found = [(str(getattr(row, column)), self._reading(row, within, period)) for row in rows[:limit]]
        return Page(found, cursors.encode(found[-1][0]) if len(rows) > limit else None)

    def series(self, scope: Scope, period: Period, step: Step) -> list[tuple[int, Summary]]:
        """See `Ledger.series`."""
        with translated(), snapshot(self.db):
            row = self._scope(name_of(scope.account_id, scope.strategy_id))
            return [] if row is None else self._reader(row, scope).steps(period, step)

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

    def event(self, event_id: str) -> Trade | None:
        """See `Ledger.event`."""
        with translated():
            row = self.db.execute(f"SELECT {_SHOWN} WHERE t.event_id = ?", (event_id,)).fetchone()
        return Trade(*row) if row else None

    def strategies_tried(self) -> int:
        """See `Ledger.strategies_tried`."""
        with translated():
            count = self.db.execute("SELECT count(*) FROM scopes WHERE kind = 'strategy' AND closed > 0").fetchone()[0]
        return int(count)

    def _scope(self, name: Name) -> ScopeRow | None:
        return self._scopes([name]).get(name)

    def _scopes(self, names: Sequence[Name]) -> dict[Name, ScopeRow]:
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

    def _tree(self, scope: ScopeRow) -> Tree:
        return Tree(self.db, scope.id, scope.where, scope.environments, scope.upto)

    def _reader(self, row: ScopeRow, asked: Scope) -> Reader:
        return Reader(self.db, row.id, row.where, row.environments, asked.environment, row.upto, row.tail)

    def _reading(self, row: ScopeRow, asked: Scope, period: Period) -> Reading:
        total = self._reader(row, asked).total(period)
        seen = {"live": row.live_seen, "demo": row.demo_seen, None: max(row.live_seen, row.demo_seen)}[
            asked.environment
        ]
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
            self._tails.clear()
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
            log = in_trade_order(self.db)
            while part := list(islice(log, 2000)):
                arrivals: dict[Name, list[Arrival]] = {}
                for account_id, strategy_id, arrival in part:
                    for name in names_of(account_id, strategy_id):
                        arrivals.setdefault(name, []).append(arrival)
                self._take_in(arrivals, first=FOREVER)
                done += len(part)
                yield done, total
            voids = self.db.execute(
                "SELECT v.id, t.account_id, t.strategy_id, t.environment FROM voids v JOIN trades t ON t.id = v.trade"
            ).fetchall()
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


def _entry(e: TradeEvent) -> Entry:
    closed = None
    if e.state == "closed":
        assert e.pnl is not None
        closed = closed_trade(e.timestamp, e.pnl, e.fees, e.initial_risk, e.opened_at, e.currency)
    return Entry(e.timestamp, e.event_id, e.environment, closed, False)
