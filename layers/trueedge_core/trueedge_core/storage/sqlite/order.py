"""The events of a scope in trade order, page by page: for the few questions that must look at each of them."""

import heapq
import sqlite3
from collections.abc import Iterator
from typing import Any

from ...domain.ports import Environment, Traded
from .scopes import Name
from .tree import FOLDED_COLUMNS, FOLDED_TABLES, LOWER, closed_of

_PAGE = 10_000
_COLUMNS = f"{FOLDED_COLUMNS}, t.symbol, t.venue, t.side"


def traded(
    db: sqlite3.Connection, name: Name, environment: Environment | None, start: int, end: int
) -> Iterator[Traded]:
    """The events with start <= timestamp < end, oldest first; no statement is left open between two of them."""
    environments = ("live", "demo") if environment is None else (environment,)
    runs = [_rows(db, name, one, start, end) for one in environments]
    for row in runs[0] if len(runs) == 1 else heapq.merge(*runs, key=lambda row: row[:2]):
        voided, (symbol, venue, side) = row[9], row[11:]
        yield Traded(row[0], row[2], symbol, venue, side, closed_of(row), bool(voided))


def _rows(db: sqlite3.Connection, name: Name, environment: str, start: int, end: int) -> Iterator[tuple[Any, ...]]:
    columns, values = name.where
    after: tuple[int] | tuple[int, str] = (start,)
    while True:
        page = db.execute(
            f"SELECT {_COLUMNS} FROM {FOLDED_TABLES} WHERE {columns} t.environment = ? AND {LOWER[len(after)]}"
            " AND t.timestamp < ? ORDER BY t.timestamp, t.event_id LIMIT ?",
            (*values, environment, *after, end, _PAGE),
        ).fetchall()
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1][:2]
