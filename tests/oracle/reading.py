"""Raw events and filters, exactly: what the judge needs of one event, and how its figures are spelled in an answer."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

UNIT = 10**18
DAY = 86_400_000_000  # microseconds
EPOCH = date(1970, 1, 1).toordinal()
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,6}))?)?\s*(Z|z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?)?"
)


def read(text: str | bytes) -> Any:
    """JSON with every number exact: a Decimal for one with a point or exponent, an int for the others."""
    return json.loads(text, parse_float=Decimal)


def exact(value: Any) -> Fraction:
    """A JSON number or numeric string as the rational it spells.

    >>> exact("9.64e-05") == Fraction(964, 10**7)
    True
    """
    if isinstance(value, bool | float):
        raise TypeError(f"{value!r} is no exact number")
    return value if isinstance(value, Fraction) else Fraction(Decimal(value))


def units(value: Fraction) -> int:
    """Rounded half-even to 18 decimals, in units of the 18th (`round` of a Fraction is half-even).

    >>> units(Fraction(5, 10**19)), units(Fraction(15, 10**19)), units(Fraction(-5, 10**19))
    (0, 2, 0)
    """
    whole: int = round(value * UNIT)
    return whole


def microseconds(text: str) -> int:
    """An ISO 8601 time, or a date (its first instant), as microseconds since 1970 UTC; no offset means UTC.

    >>> microseconds("1970-01-02T00:00:00.5+01:00") == DAY - 3_600_000_000 + 500_000
    True
    """
    found = TIME.fullmatch(text)
    if not found:
        raise ValueError(f"not a time: {text!r}")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    days = date(int(year), int(month), int(day)).toordinal() - EPOCH
    seconds = int(hour or 0) * 3600 + int(minute or 0) * 60 + int(second or 0)
    if offset and offset not in "Zz":
        digits = offset[1:].replace(":", "").ljust(6, "0")
        shift = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:6])
        seconds += shift if offset[0] == "-" else -shift
    return days * DAY + seconds * 1_000_000 + int((fraction or "").ljust(6, "0"))


def stamp(instant: int) -> str:
    """RFC 3339 in UTC with Z; a fraction only where it is not zero, without its trailing zeros."""
    text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{instant % 1_000_000:06d}".rstrip("0")
    return f"{text.zfill(19)}{'.' + fraction if fraction else ''}Z"


@dataclass(frozen=True, slots=True)
class Trade:
    """What the figures need of one event."""

    time: int
    id_bytes: bytes
    event_id: str
    account_id: str
    strategy_id: str
    environment: str
    closed: bool
    pnl: int
    fees: int
    risk: int | None
    opened: int | None
    currency: str | None


def trade_of(event: "Mapping[str, Any] | Trade") -> Trade:
    """One raw event dict (from `read`); a Trade is passed through."""
    if isinstance(event, Trade):
        return event
    closed = event["state"] == "closed"
    risk, opened = event.get("initial_risk"), event.get("opened_at")
    return Trade(
        time=microseconds(event["timestamp"]),
        id_bytes=event["event_id"].encode(),
        event_id=event["event_id"],
        account_id=event["account_id"],
        strategy_id=event["strategy_id"],
        environment=event["environment"],
        closed=closed,
        pnl=units(exact(event["pnl"])) if closed else 0,
        fees=units(exact(event["fees"])),
        risk=None if risk is None else units(exact(risk)),
        opened=None if opened is None else microseconds(opened),
        currency=event.get("currency"),
    )


def chosen(
    events: Iterable["Mapping[str, Any] | Trade"],
    *,
    account_id: str | None = None,
    strategy_id: str | None = None,
    environment: str | None = None,
    start: str | None = None,
    end: str | None = None,
) -> list[Trade]:
    """The events a question with these filters is about; `start` inclusive, `end` exclusive."""
    low = None if start is None else microseconds(start)
    high = None if end is None else microseconds(end)
    return [
        t
        for t in map(trade_of, events)
        if (account_id is None or t.account_id == account_id)
        and (strategy_id is None or t.strategy_id == strategy_id)
        and (environment is None or t.environment == environment)
        and (low is None or t.time >= low)
        and (high is None or t.time < high)
    ]


def count_strategies(events: Iterable["Mapping[str, Any] | Trade"], voided: Collection[str] = ()) -> int:
    """Strategies with a closed trade in the whole store."""
    return len({t.strategy_id for t in map(trade_of, events) if t.closed and t.event_id not in voided})


def money(amount: int) -> Fraction:
    return Fraction(amount, UNIT)


def plain(value: Fraction) -> str:
    """The JSON number text that the contract demands of money: plain, every digit, no trailing zeros, no -0.

    >>> plain(Fraction(-110, 100)), plain(Fraction(0)), plain(Fraction(10**20)), plain(Fraction(1, 10**18))
    ('-1.1', '0', '100000000000000000000', '0.000000000000000001')
    """
    places, denominator = 0, value.denominator
    while 10**places % denominator:
        places += 1
        if places > 400:
            raise ValueError(f"{value} has no finite decimal form")
    digits = str(abs(value.numerator) * (10**places // denominator)).zfill(places + 1)
    whole, fraction = (digits[:-places], digits[-places:].rstrip("0")) if places else (digits, "")
    return ("-" if value < 0 else "") + whole + ("." + fraction if fraction else "")
