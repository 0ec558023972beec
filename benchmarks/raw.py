"""The reference of every write: plain sqlite3 into the trades table that this project began with, nothing derived.

The same columns, UNIQUE(event_id) and the index (timestamp, event_id), the same durability and the same page cache as
the ledger's own connection; the rows are made beforehand, so that only SQLite is measured.
"""

import sqlite3
from pathlib import Path

from trueedge_core.domain.events import TradeEvent

_TABLE = """
CREATE TABLE trades (
    id INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, strategy_id TEXT NOT NULL,
    environment TEXT NOT NULL, timestamp INTEGER NOT NULL, venue TEXT NOT NULL, symbol TEXT NOT NULL,
    side TEXT NOT NULL, order_type TEXT NOT NULL, quantity TEXT NOT NULL, quantity_type TEXT NOT NULL,
    price_open TEXT NOT NULL, price_close TEXT, fees TEXT NOT NULL, pnl TEXT, state TEXT NOT NULL,
    linked_position_id TEXT, opened_at INTEGER, currency TEXT, initial_risk TEXT,
    received_at INTEGER NOT NULL, raw_json TEXT NOT NULL
) STRICT;
CREATE INDEX trades_by_time ON trades (timestamp, event_id);
"""
_INSERT = f"INSERT INTO trades VALUES (NULL, {', '.join('?' * 22)})"

Row = tuple[object, ...]


def rows(events: list[TradeEvent]) -> list[Row]:
    return [
        (
            e.event_id, e.account_id, e.strategy_id, e.environment, e.timestamp, e.venue, e.symbol, e.side,
            e.order_type, str(e.quantity), e.quantity_type, str(e.price_open), str(e.price_close),
            str(e.fees), str(e.pnl), e.state, e.linked_position_id, e.opened_at, e.currency,
            str(e.initial_risk), e.timestamp, e.raw,
        )
        for e in events
    ]  # fmt: skip


class RawTable:
    """A fresh file with the table in it."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = wal", "synchronous = full", "cache_size = -65536", "wal_autocheckpoint = 4000"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.executescript(_TABLE)

    def insert(self, batch: list[Row]) -> None:
        """One commit: a single statement for one row, executemany for more."""
        if len(batch) == 1:
            self.db.execute(_INSERT, batch[0])
            return
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany(_INSERT, batch)
        self.db.execute("COMMIT")

    def close(self) -> None:
        self.db.close()
