"""A trade's typed columns, made from its event in one place, for `append`, `fsck` and `rebuild`."""

import sqlite3
from collections.abc import Iterator
from decimal import Decimal

from ...domain.events import TradeEvent, parse_event
from ...domain.money import read_json
from ...errors import TrueEdgeError

COLUMNS = (
    "event_id, account_id, strategy_id, environment, timestamp, venue, symbol, side, order_type, quantity,"
    " quantity_type, price_open, price_close, fees, pnl, state, linked_position_id, opened_at, currency, initial_risk"
)
_SLOTS = ", ".join("?" * (COLUMNS.count(",") + 1))
INSERT = f"INSERT INTO trades (id, received_at, raw_json, {COLUMNS}) VALUES (?, ?, ?, {_SLOTS})"
CORRECT = f"UPDATE trades SET ({COLUMNS}) = ({_SLOTS}) WHERE id = ?"


def typed(e: TradeEvent) -> tuple[object, ...]:
    """The values of `COLUMNS`."""
    return (
        e.event_id,
        e.account_id,
        e.strategy_id,
        e.environment,
        e.timestamp,
        e.venue,
        e.symbol,
        e.side,
        e.order_type,
        str(e.quantity),
        e.quantity_type,
        str(e.price_open),
        _text(e.price_close),
        str(e.fees),
        _text(e.pnl),
        e.state,
        e.linked_position_id,
        e.opened_at,
        e.currency,
        _text(e.initial_risk),
    )


def made_again(db: sqlite3.Connection) -> Iterator[tuple[int, tuple[object, ...], tuple[object, ...] | str]]:
    """Of every trade: position, the stored columns, and those that its kept text gives (or why it gives none)."""
    for position, received_at, raw, *stored in db.execute(f"SELECT id, received_at, raw_json, {COLUMNS} FROM trades"):
        try:
            again: tuple[object, ...] | str = typed(parse_event(read_json(raw), raw, received_at))
        except TrueEdgeError as error:
            again = error.message
        yield position, tuple(stored), again


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
