"""TRADE_EVENT: the validated event, its refusals and its identity. The rules themselves are the table in fields.py.

Written by hand rather than as a pydantic model: the rules are about spellings (digits, offsets, bytes), and a model
would take every one of them from custom validators. Measured, it costs the same, and its errors would still have to be
told again: null or missing, required unless open, what is accepted. `json_schema()` gives what an OpenAPI page needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any

from ..errors import FieldError, InvalidEvent, TooLarge
from .decimals import canonical, read_decimal
from .fields import BY_NAME, FIELDS, MAX_METADATA_BYTES, NUMBERS, TEXTS, Field, Wrong, json_schema
from .money import member_text
from .times import DAY_US, format_time, parse_instant_or_date, parse_time
from .wording import found, shorten

__all__ = [
    "FIELDS",
    "MAX_EVENT_BYTES",
    "TradeEvent",
    "changed_fields",
    "conflict_message",
    "content_key",
    "format_time",
    "json_schema",
    "parse_event",
    "parse_instant_or_date",
    "parse_time",
]

MAX_EVENT_BYTES = 60 * 1024

_CHECKS = tuple((field.name, field.check, field.presence) for field in FIELDS)


@dataclass(frozen=True, eq=False)
class TradeEvent:
    """One valid TRADE_EVENT. Two are equal when their content is (docs/api.md), however each was spelled.

    Times are microseconds since 1970 UTC; amounts are exact. `extra` has the unknown top-level keys, `raw` the text as
    it was sent.
    """

    event_id: str
    account_id: str
    strategy_id: str
    venue: str
    symbol: str
    environment: str
    timestamp: int
    side: str
    order_type: str
    quantity: Decimal
    quantity_type: str
    price_open: Decimal
    price_close: Decimal | None
    fees: Decimal
    pnl: Decimal | None
    state: str
    linked_position_id: str | None
    opened_at: int | None
    currency: str | None
    initial_risk: Decimal | None
    tags: tuple[str, ...]
    metadata: dict[str, Any] | None
    extra: Mapping[str, Any]
    raw: str

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the content: equal content, equal digest. Stores may keep it; its form must never change."""
        own = self.__dict__
        parts = ["trueedge-event-1"]
        for name in TEXTS:  # printable and not empty, so neither "" (absent) nor the separator can be taken for one
            parts.append(own[name] or "")
        for name in NUMBERS:
            number = own[name]
            parts.append("" if number is None else canonical(number))
        parts.append(str(self.timestamp))
        parts.append("" if self.opened_at is None else str(self.opened_at))
        parts.append(content_key(self.tags) if self.tags else "")
        parts.append("" if self.metadata is None else content_key(self.metadata))
        parts.append(content_key(self.extra) if self.extra else "")
        return sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TradeEvent) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


def content_key(value: Any) -> str:
    """One text for equal JSON content: keys sorted, numbers by value, strings never equal to numbers.

    >>> content_key({"b": Decimal("1.10"), "a": "1.1"}) == content_key({"a": "1.1", "b": Decimal("11e-1")})
    True
    """
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is Decimal or kind is int:
        return canonical(value)
    if kind is dict:
        return "{" + ",".join([f"{encode_basestring(key)}:{content_key(value[key])}" for key in sorted(value)]) + "}"
    if kind is list or kind is tuple:
        return "[" + ",".join([content_key(one) for one in value]) + "]"
    if value is None or kind is bool:
        return {None: "null", True: "true", False: "false"}[value]
    if kind is float:  # never from our reader; by its shortest spelling, as any other reader of it would
        return canonical(read_decimal(repr(value)))
    raise InvalidEvent(f"an event holds JSON values only, not {kind.__name__}")


def _sentence(field: Field, value: Any, odd: str) -> str:
    if "accepted:" in odd:  # a time's own sentence is whole
        return odd
    return f"{found(value)} {odd or 'is not accepted'}; accepted: {field.accepted}"


def parse_event(value: object, raw: str, now_us: int) -> TradeEvent:
    """The event that `value` (from `read_json`) says; `raw` is its text as sent, `now_us` the server's time.

    Raises: InvalidEvent with every wrong field at once; TooLarge over 60 KB.
    """
    if len(raw) > MAX_EVENT_BYTES // 4 and (size := len(raw.encode("utf-8", "replace"))) > MAX_EVENT_BYTES:
        raise TooLarge(f"an event has at most {MAX_EVENT_BYTES} bytes, this one has {size}")
    if type(value) is not dict:
        raise InvalidEvent(f"an event is a JSON object, but {found(value)} was found")
    good: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    known = 0
    get = value.get
    for name, check, presence in _CHECKS:
        one = get(name)
        if one is None:
            if name in value:
                known += 1
            if presence == "optional" or (presence == "closed" and get("state") == "open"):
                good[name] = None
            else:
                wrong[name] = _absent(BY_NAME[name], name in value)
            continue
        known += 1
        try:
            good[name] = check(one)
        except Wrong as odd:
            wrong[name] = _sentence(BY_NAME[name], one, str(odd))
    _check_together(good, wrong, value, raw, now_us)
    if wrong:
        raise _invalid(wrong)
    good["extra"] = {key: value[key] for key in value if key not in BY_NAME} if known != len(value) else {}
    good["raw"] = raw
    if good["tags"] is None:
        good["tags"] = ()
    # A frozen dataclass sets 24 attributes one by one through object.__setattr__; this is the same object, sooner.
    event = object.__new__(TradeEvent)
    event.__dict__.update(good)
    return event


def _absent(field: Field, null: bool) -> str:
    state = "null" if null else "missing"
    if field.presence == "closed":
        return f'required unless state is "open", but {state}; accepted: {field.accepted}'
    return f"required, but {state}; accepted: {field.accepted}"


def _check_together(good: dict[str, Any], wrong: dict[str, str], value: dict[str, Any], raw: str, now_us: int) -> None:
    """The rules that need more than the one field."""
    moment, opened = good.get("timestamp"), good.get("opened_at")
    for name, one in (("timestamp", moment), ("opened_at", opened)):
        if one is not None and one > now_us + DAY_US:
            wrong[name] = (
                f"{found(value[name])} is more than 24 h in the future (it is {format_time(now_us)} here); "
                "accepted: a time up to then"
            )
    if opened is not None and moment is not None and opened > moment and "opened_at" not in wrong:
        wrong["opened_at"] = (
            f"{found(value['opened_at'])} is later than timestamp {found(value['timestamp'])}; "
            "accepted: a time not after timestamp"
        )
    if len(raw) > MAX_METADATA_BYTES // 4 and good.get("metadata"):
        size = len(member_text(raw, "metadata").encode("utf-8", "replace"))
        if size > MAX_METADATA_BYTES:
            wrong["metadata"] = f"an object of {size} bytes is not accepted; accepted: {BY_NAME['metadata'].accepted}"


def _invalid(wrong: dict[str, str]) -> InvalidEvent:
    names = sorted(wrong)
    if len(names) == 1:
        message = f"{names[0]}: {wrong[names[0]]}"
    else:
        message = f"{len(names)} fields are wrong: {', '.join(names)}"
    return InvalidEvent(message, [FieldError(name, wrong[name]) for name in names])


def changed_fields(a: TradeEvent, b: TradeEvent) -> list[str]:
    """The names of the fields whose content differs: known ones in the table's order, then unknown ones by name."""
    changed = [name for name in BY_NAME if _field_key(a, name) != _field_key(b, name)]
    for key in sorted({*a.extra, *b.extra}):
        if key not in a.extra or key not in b.extra or content_key(a.extra[key]) != content_key(b.extra[key]):
            changed.append(key)
    return changed


def _field_key(event: TradeEvent, name: str) -> str:
    return content_key(event.__dict__[name])


def conflict_message(stored: TradeEvent, sent: TradeEvent) -> str:
    """The sentence of a 409: which fields differ, and what to do when a ticket was used for an open and its close."""
    changed = changed_fields(stored, sent)
    named = ", ".join(name if name in BY_NAME else shorten(name) for name in changed[:12])
    named += f" and {len(changed) - 12} more" if len(changed) > 12 else ""
    message = f"the event_id {shorten(sent.event_id, 128)} is already stored with other content ({named})"
    if "state" in changed:
        message += ": an open and its later close are two events with two ids and one linked_position_id"
    return message
