"""`fsck`: everything derived, made again from the log and compared; nothing is changed."""

import sqlite3
from collections.abc import Iterator
from itertools import groupby

from ...domain.calendar import ALL, MINUTE, MONTH, YEAR, bounds, bucket_of
from ...domain.nodes import Entry, Node, fold
from ...domain.ports import Finding
from ...domain.times import format_time
from .rows import COLUMNS, made_again
from .scopes import COLUMNS as SCOPE_COLUMNS
from .scopes import TAIL, Name, ScopeRow, names_of
from .tree import Tree, in_trade_order

LEVEL_NAMES = ("everything", "year", "month", "day", "hour", "minute")


def check(db: sqlite3.Connection) -> Iterator[Finding]:
    """What does not match the log, as it is found."""
    yield from _file(db)
    yield from _positions(db)
    yield from _columns(db)
    yield from _open_positions(db)
    yield from _scopes(db)


def _file(db: sqlite3.Connection) -> Iterator[Finding]:
    for (message,) in db.execute("PRAGMA integrity_check"):
        if message != "ok":
            yield Finding("file", message)
    for row in db.execute("PRAGMA foreign_key_check"):
        yield Finding("file", f"a row of {row[0]} refers to a trade that is not there")


def _positions(db: sqlite3.Connection) -> Iterator[Finding]:
    expected = 0
    for (position,) in db.execute("SELECT id FROM trades UNION ALL SELECT id FROM voids ORDER BY id"):
        if position != expected:
            yield Finding("log", f"position {expected} should come next, but {position} does")
        expected = position + 1


def _columns(db: sqlite3.Connection) -> Iterator[Finding]:
    """The typed columns of each trade are those of the bytes that were sent."""
    for position, stored, again in made_again(db):
        where = f"trade {position}"
        if isinstance(again, str):
            yield Finding(where, f"its kept text is no valid event: {again}")
            continue
        for name, value, right in zip(COLUMNS.split(", "), stored, again, strict=True):
            if value != right:
                yield Finding(where, f"column {name} is {value!r}, but the kept text says {right!r}")


def _open_positions(db: sqlite3.Connection) -> Iterator[Finding]:
    kept, right = "SELECT * FROM open_positions", "SELECT * FROM standing_open"
    for trade, account_id, position_id, *_ in db.execute(f"{kept} EXCEPT {right}"):
        yield Finding("positions", f"trade {trade} is no open position {position_id} of the account {account_id}")
    for trade, account_id, position_id, *_ in db.execute(f"{right} EXCEPT {kept}"):
        yield Finding(
            "positions", f"trade {trade}, open position {position_id} of the account {account_id}, is missing"
        )


def _scopes(db: sqlite3.Connection) -> Iterator[Finding]:
    rows = map(ScopeRow._make, db.execute(f"SELECT {SCOPE_COLUMNS} FROM scopes").fetchall())
    stored = {Name(row.kind, row.account_id, row.strategy_id): row for row in rows}
    pairs = db.execute("SELECT DISTINCT account_id, strategy_id FROM trades").fetchall()
    expected = {name for pair in pairs for name in names_of(*pair)}
    for name in sorted(expected - stored.keys()):
        yield Finding(_label(*name), "the log has events of it, the summaries do not")
    for name, row in stored.items():
        if name not in expected:
            yield Finding(_label(*name), "it has a summary, but the log has no event of it")
        else:
            yield from _scope(db, row)
    strays = db.execute("SELECT count(*) FROM buckets WHERE id >> 35 NOT IN (SELECT id FROM scopes)").fetchone()[0]
    if strays:
        yield Finding("buckets", f"{strays} belong to no scope")


def _label(kind: str, account_id: str, strategy_id: str) -> str:
    return " ".join(part for part in (kind, account_id, strategy_id) if part)


def _scope(db: sqlite3.Connection, row: ScopeRow) -> Iterator[Finding]:
    label = _label(row.kind, row.account_id, row.strategy_id)
    tree = Tree(db, row.id, row.where, row.environments, row.upto)
    counted = {"live": 0, "demo": 0, "traded": 0, "live_seen": 0, "demo_seen": 0}
    tail = 0

    def folded() -> Iterator[Entry]:
        nonlocal tail
        for _, _, entry in in_trade_order(db, row.where):
            counted[entry.environment] = 1
            counted["traded"] |= entry.closed is not None
            if entry.key <= row.upto:
                seen = f"{entry.environment}_seen"
                counted[seen] = max(counted[seen], entry.position + 1)
                yield entry
            else:
                tail += 1

    above: dict[tuple[int, int], Node] = {}
    visited = 0
    for month, part in groupby(folded(), lambda entry: bucket_of(MONTH, entry.at)):
        run = list(part)
        for level, start, node in _expected(tree, MONTH, month, run):
            visited += 1
            yield from _compare(tree, label, level, start, node)
        for key in ((YEAR, month // 12), (ALL, 0)):
            above.setdefault(key, Node()).extend(fold(run))
    for (level, start), node in above.items():
        visited += 1
        yield from _compare(tree, label, level, start, node)

    number = db.execute("SELECT count(*) FROM buckets WHERE id >> 35 = ?", (row.id,)).fetchone()[0]
    if number != visited:
        yield Finding(label, f"{number} buckets are stored where the log gives {visited}")
    voids = db.execute(
        f"SELECT t.environment, max(v.id) + 1 FROM voids v JOIN trades t ON t.id = v.trade"
        f" WHERE {row.where.columns} 1 GROUP BY 1",
        row.where.values,
    )
    for environment, seen in voids:
        counted[f"{environment}_seen"] = max(counted[f"{environment}_seen"], seen)
    if tail > TAIL:
        yield Finding(label, f"{tail} events are in no bucket, more than {TAIL}")
    for name, value in counted.items():
        if getattr(row, name) != value:
            yield Finding(label, f"{name} is {getattr(row, name)}, but the log gives {value}")


def _expected(tree: Tree, level: int, start: int, run: list[Entry]) -> Iterator[tuple[int, int, Node]]:
    """The bucket that holds the run, and the finer ones below it where it says that it is split."""
    yield level, start, fold(run)
    stored = tree.load(level, start)
    if stored is not None and stored.split and level < MINUTE:
        for child, part in groupby(run, lambda entry: bucket_of(level + 1, entry.at)):
            yield from _expected(tree, level + 1, child, list(part))


def _compare(tree: Tree, label: str, level: int, start: int, expected: Node) -> Iterator[Finding]:
    where = f"{label}, {LEVEL_NAMES[level]} of {format_time(max(0, bounds(level, start)[0]))}" if level else label
    stored = tree.load(level, start)
    if stored is None:
        yield Finding(where, "its summary is missing")
    elif (stored.size, stored.live, stored.demo, stored.both) != (
        expected.size,
        expected.live,
        expected.demo,
        expected.both,
    ):
        yield Finding(where, f"its summary ({stored.size} events) is not that of the log ({expected.size} events)")
    elif (counts := tree.counts(level, start)) != expected.counts():
        yield Finding(where, f"its counts of live and demo trades are {counts}, but the log gives {expected.counts()}")
