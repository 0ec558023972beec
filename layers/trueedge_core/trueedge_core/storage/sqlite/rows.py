"""A trade's typed columns, made from its event in one place: `append` writes them, `fsck` compares them."""

from decimal import Decimal

from ...domain.events import TradeEvent

COLUMNS = (
    "event_id, account_id, strategy_id, environment, timestamp, venue, symbol, side, order_type, quantity,"
    " quantity_type,"
    " price_open, price_close, fees, pnl, state, linked_position_id, opened_at, currency, initial_risk, digest,"
    " raw_json"
)
INSERT = f"INSERT INTO trades (id, received_at, {COLUMNS}) VALUES ({', '.join('?' * 24)})"


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
        e.digest,
        e.raw,
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
