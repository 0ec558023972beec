"""The client refuses exactly what the server refuses, and what it sends is what the bot said."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trueedge import InvalidTrade, event_id, events, transport
from trueedge_core.domain.events import FIELDS, TradeEvent, changed_fields, parse_event
from trueedge_core.domain.fields import MAX_METADATA_BYTES
from trueedge_core.domain.money import MAX_BATCH_EVENTS, read_json
from trueedge_core.errors import TrueEdgeError
from trueedge_core.services.ingest import MAX_BATCH_BYTES

NOW_US = 1_800_000_000_000_000

GOOD: dict[str, Any] = {
    "event_id": "e",
    "account_id": "a",
    "strategy_id": "s",
    "environment": "demo",
    "venue": "v",
    "symbol": "EURUSD",
    "timestamp": "2026-01-05T14:32:10Z",
    "side": "buy",
    "order_type": "market",
    "quantity": "0.10",
    "quantity_type": "lots",
    "price_open": "1.0843",
    "price_close": "1.0861",
    "fees": "-0.70",
    "pnl": "17.30",
    "state": "closed",
}

TEXTS = st.text(max_size=130) | st.sampled_from(
    ["", " a", "a ", "a b", "é" * 64, "é" * 65, "\u00a0", "x" * 33, "x" * 129]
)
DIGITS = st.from_regex(r"[+-]?[0-9]{0,45}(\.[0-9]{0,45})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
NUMBERS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.decimals(-(10**21), 10**21, places=18).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**22), 10**22),
    DIGITS,
    st.sampled_from(["0", "-0", "00", "1.", ".5", "5e-19", "6e-19", "99999999999999999999", "1e20", "1e-40", "1e-41"]),
)
TIMES = st.one_of(
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    st.from_regex(
        r"20[0-9]{2}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,8})?)?", fullmatch=True
    ),
    st.from_regex(
        r"(19|20|00)[0-9]{2}-0[1-9]-[0-3][0-9]T1[0-9]:[0-5][0-9](Z|z|[+-][0-2][0-9](:?[0-6][0-9])?)", fullmatch=True
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.decimals(-100, 100) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
VALUES: dict[str, Any] = {
    **dict.fromkeys(("event_id", "account_id", "venue", "symbol", "order_type", "linked_position_id"), TEXTS),
    **dict.fromkeys(("quantity", "price_open", "price_close", "fees", "pnl", "initial_risk"), NUMBERS),
    **dict.fromkeys(("timestamp", "opened_at"), TIMES),
    "environment": st.sampled_from(["live", "demo", "paper", "Live"]),
    "side": st.sampled_from(["buy", "sell", "long"]),
    "quantity_type": st.sampled_from(["lots", "units", "contracts"]),
    "state": st.sampled_from(["open", "closed", "filled"]),
    "currency": st.from_regex(r"[A-Za-z0-9]{2,13}", fullmatch=True),
    "tags": st.lists(st.text(max_size=66), max_size=34),
    "metadata": st.dictionaries(st.text(max_size=3), JSON, max_size=3),
    "unknown": JSON,
}
CHANGES = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: st.none() | VALUES[name] for name in names})
)


def at_the_server(line: bytes | str) -> TradeEvent:
    text = line.decode() if isinstance(line, bytes) else line
    return parse_event(read_json(text), text, NOW_US)


def as_json(value: Any) -> str:
    """JSON of a trade by another hand than the client's: Decimals as numbers."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{as_json(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def is_in_the_future(trade: dict[str, Any]) -> bool:
    try:
        at_the_server(as_json(trade))
    except TrueEdgeError as error:
        return "in the future" in str(error)
    return False


@given(CHANGES)
def test_the_client_takes_what_the_server_takes_and_it_is_the_same_trade(changes: dict[str, Any]) -> None:
    trade = {**GOOD, **changes}
    try:
        _, line = events.encode(trade)
    except InvalidTrade:
        with pytest.raises(TrueEdgeError):
            at_the_server(as_json(trade))
    else:
        assume(not is_in_the_future(trade))  # only the server's clock may judge that
        assert changed_fields(at_the_server(line), at_the_server(as_json(trade))) == []


@given(st.sampled_from(["pnl", "fees", "price_open"]), st.floats())
def test_a_float_arrives_as_the_number_that_python_prints(name: str, value: float) -> None:
    try:
        _, line = events.encode({**GOOD, name: value})
    except InvalidTrade:
        assert not math.isfinite(value) or abs(value) >= 1e20 or Decimal(repr(value)).as_tuple().exponent < -40  # type: ignore[operator]
    else:
        assert getattr(at_the_server(line), name) == Decimal(repr(value))


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2026, 1, 1), timezones=st.timezones()))
def test_a_datetime_arrives_as_the_same_instant(moment: datetime) -> None:
    assume(moment.utcoffset() is not None)
    sent = at_the_server(events.encode({**GOOD, "timestamp": moment})[1])
    assert timedelta(microseconds=sent.timestamp) == moment - datetime(1970, 1, 1, tzinfo=UTC)


def test_a_datetime_with_an_odd_offset_arrives_too() -> None:
    moment = datetime(2026, 1, 5, tzinfo=timezone(timedelta(minutes=19, seconds=32)))
    assert at_the_server(events.encode({**GOOD, "timestamp": moment})[1]).timestamp == moment.timestamp() * 1_000_000


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_every_made_id_is_one_that_the_server_takes(venue: str, account: str, ticket: str) -> None:
    made = event_id(venue, account, ticket, "closed")
    assert at_the_server(events.encode({**GOOD, "event_id": made})[1]).event_id == made


def test_the_clients_table_of_fields_is_the_servers() -> None:
    assert [(field.name, field.presence) for field in events.FIELDS] == [(one.name, one.presence) for one in FIELDS]


def test_the_clients_limits_are_the_servers() -> None:
    assert (transport.MAX_BATCH_EVENTS, transport.MAX_BATCH_BYTES) == (MAX_BATCH_EVENTS, MAX_BATCH_BYTES)
    assert events.MAX_METADATA_BYTES == MAX_METADATA_BYTES
