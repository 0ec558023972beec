"""Events for the contract: raw dicts, and the validated form that a ledger takes."""

from typing import Any

from trueedge_core.domain.events import TradeEvent, format_time, parse_event
from trueedge_core.domain.money import read_json, write_json

NOW = 4_000_000_000_000_000  # 2096: far from being in the way
START = 1_700_006_400_000_000  # 2023-11-15T00:00:00Z
MINUTE = 60_000_000
HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE


def raw_event(event_id: str, at: int = START, pnl: str = "1", **other: Any) -> dict[str, Any]:
    """A valid event; `at` in microseconds since the epoch."""
    return {
        "event_id": event_id,
        "account_id": "acc-1",
        "strategy_id": "strat-1",
        "venue": "test",
        "symbol": "EURUSD",
        "environment": "live",
        "timestamp": format_time(at),
        "side": "buy",
        "order_type": "market",
        "quantity": "1",
        "quantity_type": "lots",
        "price_open": "1.1",
        "price_close": "1.2",
        "fees": "-0.1",
        "pnl": pnl,
        "state": "closed",
    } | other


def validated(event: dict[str, Any]) -> TradeEvent:
    text = write_json(event)
    return parse_event(read_json(text), text, NOW)


def event(event_id: str, at: int = START, pnl: str = "1", **other: Any) -> TradeEvent:
    return validated(raw_event(event_id, at, pnl, **other))
