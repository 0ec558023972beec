"""The one table of TRADE_EVENT's fields: who must send each, how it is checked, what is accepted, and its schema.

Validation, refusals, the JSON schema and the digest are all made from `FIELDS`.
"""

import re
from collections.abc import Callable
from decimal import Decimal, DecimalException
from typing import Any, NamedTuple

from .decimals import read_decimal, sci, significant, to_scaled
from .times import TIME_ACCEPTED, parse_time
from .wording import found

MAX_METADATA_BYTES = 16 * 1024
MAX_TAGS = 32
MAX_TAG_LENGTH = 64


class Wrong(Exception):
    """A value that a rule does not accept; its text says what is odd about it, when what was found does not."""


def _text(value: Any, most: int = 128) -> str:
    if type(value) is not str:
        raise Wrong
    if not value or (len(value) if value.isascii() else len(value.encode("utf-8", "replace"))) > most:
        raise Wrong(f"has {len(value.encode('utf-8', 'replace'))} bytes" if value else "")
    if not value.isprintable():
        raise Wrong("has a character that cannot be printed")
    if value[0] == " " or value[-1] == " ":
        raise Wrong("begins or ends with a space")
    return value


def _order_type(value: Any) -> str:
    return _text(value, 32)


_CURRENCY = re.compile(r"[A-Z0-9]{3,12}")


def _currency(value: Any) -> str:
    if type(value) is not str or not _CURRENCY.fullmatch(value):
        raise Wrong
    return value


def _one_of(*words: str) -> Callable[[Any], str]:
    kept = {word: word for word in words}

    def check(value: Any) -> str:
        if type(value) is not str or value not in kept:
            raise Wrong
        return kept[value]

    return check


_NUMERIC = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LIMIT = 10**20


def _number(value: Any) -> Decimal:
    kind = type(value)
    number: Decimal
    if kind is int:
        if -_LIMIT < value < _LIMIT:
            return Decimal(value)
        raise Wrong("is not below 1e20")
    if kind is str:
        if not _NUMERIC.fullmatch(value):
            raise Wrong
        try:
            number = read_decimal(value)
        except DecimalException:
            raise Wrong("has an absurd exponent") from None
    elif kind is Decimal:
        number = value
        if not number.is_finite():
            raise Wrong("is not finite")
    else:
        raise Wrong("is a binary float: read it exactly" if kind is float else "")
    # Up to 20 characters without an exponent cannot break a rule of size, and no arithmetic has been done.
    text = sci(number)
    if len(text) > 20 or "E" in text:
        return _bounded(number)
    return number


def _bounded(value: Decimal) -> Decimal:
    """The rules of size, judged on the digits: `abs(Decimal("1e999999999"))` raises."""
    sign, digits, exponent = significant(value)
    if not digits:
        return Decimal(0)
    if len(digits) > 40:
        raise Wrong(f"has {len(digits)} significant digits")
    if exponent < -40:
        raise Wrong("has digits beyond 1e-40")
    if len(digits) + exponent > 20:
        raise Wrong("is not below 1e20")
    return read_decimal(f"{sign}{digits}e{exponent}")  # without zeros at its end: 1.000...0 may fill 60 KB


def _positive(value: Any) -> Decimal:
    number = _number(value)
    if number > 0:
        return number
    raise Wrong


def _risk(value: Any) -> Decimal:
    number = _number(value)
    if number > 0 and to_scaled(number) > 0:
        return number
    raise Wrong("is 0 when rounded to 18 decimals, and R is a quotient by it" if number > 0 else "")


def _time(value: Any) -> int:
    if type(value) is not str:
        raise Wrong
    try:
        moment = parse_time(value)
    except ValueError as error:
        raise Wrong(str(error)) from None
    if moment < 0:
        raise Wrong("is before 1970")
    return moment


def _tags(value: Any) -> tuple[str, ...]:
    if type(value) is not list:
        raise Wrong
    if len(value) > MAX_TAGS:
        raise Wrong
    for place, tag in enumerate(value):
        if type(tag) is not str:
            raise Wrong(f"has {found(tag)} at place {place}")
        if len(tag) > MAX_TAG_LENGTH:
            raise Wrong(f"has a text of {len(tag)} characters at place {place}")
    return tuple(value)


def _metadata(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise Wrong
    return value


class Field(NamedTuple):
    """A row of the one table of fields."""

    name: str
    presence: str  # "required", "closed" (may be null or absent while state is open) or "optional"
    check: Callable[[Any], Any]
    accepted: str
    schema: dict[str, Any]


def _text_field(name: str, presence: str, about: str) -> Field:
    accepted = "text of 1 to 128 UTF-8 bytes, all printable, no leading or trailing space"
    return Field(
        name, presence, _text, accepted, {"type": "string", "minLength": 1, "maxLength": 128, "description": about}
    )


def _choice_field(name: str, about: str, *words: str) -> Field:
    accepted = " or ".join(f'"{word}"' for word in words)
    return Field(name, "required", _one_of(*words), accepted, {"enum": list(words), "description": about})


_NUMBER_ACCEPTED = "a number, or a text with one, below 1e20, of at most 40 digits and no finer than 1e-40"
_NUMBER_PATTERN = "^" + _NUMERIC.pattern + "$"
_POSITIVE_PATTERN = "^(?=[^eE]*[1-9])" + _NUMERIC.pattern.replace("[+-]?", "[+]?", 1) + "$"


def _number_field(
    name: str, presence: str, about: str, check: Callable[[Any], Decimal] = _number, more: str = ""
) -> Field:
    number: dict[str, Any] = {"type": "number", "exclusiveMinimum": -1e20, "exclusiveMaximum": 1e20}
    if more:
        number["exclusiveMinimum"] = 0
    pattern = _POSITIVE_PATTERN if more else _NUMBER_PATTERN
    schema = {"anyOf": [number, {"type": "string", "pattern": pattern}], "description": about}
    return Field(name, presence, check, _NUMBER_ACCEPTED + more, schema)


def _time_field(name: str, presence: str, about: str) -> Field:
    return Field(name, presence, _time, TIME_ACCEPTED, {"type": "string", "format": "date-time", "description": about})


FIELDS: tuple[Field, ...] = (
    _text_field("event_id", "required", "Names the event for ever: the same id with the same content is a duplicate."),
    _text_field("account_id", "required", "The account that traded."),
    _text_field("strategy_id", "required", "The strategy that traded."),
    _text_field("venue", "required", "Where: broker, exchange or backtester."),
    _text_field("symbol", "required", "What was traded, as the venue writes it."),
    _choice_field("environment", "With real money, or in practice.", "live", "demo"),
    _time_field("timestamp", "required", "When it happened: for a closed trade, its close."),
    _choice_field("side", "The direction of the trade.", "buy", "sell"),
    Field(
        "order_type",
        "required",
        _order_type,
        'text of 1 to 32 UTF-8 bytes such as "market", "limit", "stop" or "stop_limit"',
        {"type": "string", "minLength": 1, "maxLength": 32, "description": "How it was ordered."},
    ),
    _number_field("quantity", "required", "How much, in quantity_type.", _positive, ", greater than 0"),
    _choice_field("quantity_type", "What quantity counts.", "lots", "units"),
    _number_field("price_open", "required", "Price of the entry."),
    _number_field("price_close", "closed", "Price of the exit; null while open."),
    _number_field("fees", "required", "Fees, commission, swap; negative is a cost."),
    _number_field("pnl", "closed", "Profit or loss net of fees, in account currency; null while open."),
    _choice_field("state", "Only closed trades count in figures.", "open", "closed"),
    _text_field("linked_position_id", "optional", "Joins an open and its later close, which are two events."),
    _time_field("opened_at", "optional", "When the position was opened; not after timestamp."),
    Field(
        "currency",
        "optional",
        _currency,
        '3 to 12 capital letters or digits such as "USD" or "USDT"',
        {"type": "string", "pattern": "^[A-Z0-9]{3,12}$", "description": "What the amounts of money are in."},
    ),
    _number_field("initial_risk", "optional", "What was at risk at entry: R = pnl / this.", _risk, ", greater than 0"),
    Field(
        "tags",
        "optional",
        _tags,
        f"an array of at most {MAX_TAGS} texts of at most {MAX_TAG_LENGTH} characters",
        {
            "type": "array",
            "maxItems": MAX_TAGS,
            "items": {"type": "string", "maxLength": MAX_TAG_LENGTH},
            "description": "Words of your own.",
        },
    ),
    Field(
        "metadata",
        "optional",
        _metadata,
        "an object of at most 16 KB",
        {"type": "object", "description": "Anything else worth keeping."},
    ),
)

BY_NAME = {field.name: field for field in FIELDS}
NUMBERS = tuple(f.name for f in FIELDS if f.check in (_number, _positive, _risk))
TEXTS = tuple(f.name for f in FIELDS if f.name not in {*NUMBERS, "timestamp", "opened_at", "tags", "metadata"})


def json_schema() -> dict[str, Any]:
    """The TRADE_EVENT as a JSON schema (OpenAPI 3.1), made from FIELDS."""
    properties: dict[str, Any] = {}
    for field in FIELDS:
        schema = field.schema
        if field.presence != "required":
            schema = {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}
        about: str = field.schema["description"]
        if "enum" not in field.schema:  # where it says less than the check does
            about += f" Accepted: {field.accepted}."
        properties[field.name] = schema | {"description": about}
    return {
        "title": "TRADE_EVENT",
        "type": "object",
        "required": [field.name for field in FIELDS if field.presence == "required"],
        "properties": properties,
        "if": {"properties": {"state": {"const": "closed"}}},
        "then": {
            "required": ["price_close", "pnl"],
            "properties": {name: {"not": {"type": "null"}} for name in ("price_close", "pnl")},
        },
        "additionalProperties": True,
    }
