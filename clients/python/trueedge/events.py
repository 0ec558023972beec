"""A trade as a bot has it -> the line that is sent: exact, and checked by the rules of TRADE_EVENT (docs/api.md).

What is refused here the server would refuse too, so that a bad trade fails where it was made. The reverse is left to
the server in one case: whether a time lies too far in the future, for which this machine's clock is no judge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from operator import index
from typing import Any, NamedTuple

from .errors import InvalidTrade

MAX_EVENT_BYTES = 60 * 1024
MAX_METADATA_BYTES = 16 * 1024
MAX_DEPTH = 32


class _Wrong(Exception):
    """A value that a rule does not accept; its text says what is odd about it."""


# --- one check per kind of field: the value as it goes into the JSON -------------------------------------------------


def _text(value: Any, most: int = 128) -> str:
    if type(value) is str:
        text: str = value
    elif isinstance(value, str):
        text = str.__str__(value)  # of a member of an enumeration its value
    elif isinstance(value, int) and not isinstance(value, bool):  # a ticket, a login, a magic number
        return str(value)
    else:
        raise _Wrong
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    if not 0 < size <= most:
        raise _Wrong(f"has {size} bytes")
    if not text.isprintable():
        raise _Wrong("has a character that cannot be printed")
    if text[0] == " " or text[-1] == " ":
        raise _Wrong("begins or ends with a space")
    return text


def _order_type(value: Any) -> str:
    return _text(value, 32)


def _one_of(*words: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise _Wrong
        return str.__str__(value)

    return check


_CURRENCY = re.compile(r"[A-Z0-9]{3,12}")


def _currency(value: Any) -> str:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise _Wrong
    return str.__str__(value)


_NUMERIC = re.compile(r"[+-]?(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")


def number_text(value: Any) -> str:
    """The exact text of a number: of a float its shortest spelling, which is the one that Python prints.

    Raises: ValueError for what is no number, or not finite.

    >>> number_text(0.1), number_text("1.10"), number_text(Decimal("1E-7"))
    ('0.1', '1.10', '1E-7')
    """
    kind = type(value)
    if kind is str:
        text: str = value
        return text
    if kind is Decimal or kind is int:
        return str(value)
    if isinstance(value, bool):
        raise ValueError("is no number")
    if isinstance(value, float):
        return float.__repr__(value)  # a NumPy float64 is one, and prints itself differently
    for base in (str, Decimal):
        if isinstance(value, base):
            return base.__str__(value)
    if hasattr(value, "__index__"):  # an IntEnum, NumPy's integers
        return str(index(value))
    raise ValueError(f"is a {kind.__name__}; give a Decimal, an int, a text or a float")


def _number(value: Any) -> str:
    if type(value) is str:
        text: str = value
    else:
        try:
            text = number_text(value)
        except ValueError as error:
            raise _Wrong(str(error)) from None
    found = _NUMERIC.fullmatch(text)
    if found is None:
        raise _Wrong("is not finite" if isinstance(value, (float, Decimal)) else "")
    if len(text) > 20 or found[3] is not None:
        _check_size(found[1] + (found[2] or ""), len(found[2] or ""), found[3])
    return text


def _check_size(digits: str, after_point: int, power: str | None) -> None:
    """Judged on the digits: arithmetic on 1e999999999 is what must not happen."""
    bare = digits.lstrip("0")
    significant = bare.rstrip("0")
    if not significant:
        return
    if len(significant) > 40:
        raise _Wrong(f"has {len(significant)} significant digits")
    if power is not None and len(power) > 12:
        raise _Wrong("has an absurd exponent")
    exponent = int(power or 0) - after_point + len(bare) - len(significant)
    if exponent < -40:
        raise _Wrong("has digits beyond 1e-40")
    if len(significant) + exponent > 20:
        raise _Wrong("is not below 1e20")


def _positive(value: Any) -> str:
    text = _number(value)
    if text[0] == "-" or not text.lower().partition("e")[0].strip("+0."):
        raise _Wrong
    return text


_HALF_OF_THE_LEAST = Decimal("5e-19")


def _risk(value: Any) -> str:
    text = _positive(value)
    if Decimal(text) <= _HALF_OF_THE_LEAST:
        raise _Wrong("is 0 when rounded to 18 decimals, and R is a quotient by it")
    return text


_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]+))?)?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)?"
)
_EPOCH = datetime(1970, 1, 1)


def _time(value: Any) -> str:
    return _time_and_moment(value)[0]


def _time_and_moment(value: Any) -> tuple[str, datetime]:
    """The text to send, and the moment in UTC (naive) to compare by."""
    if isinstance(value, datetime):
        return _of_datetime(value)
    if not isinstance(value, str):
        raise _Wrong("is ambiguous: use datetime.fromtimestamp(seconds, timezone.utc)" if _is_epoch(value) else "")
    found = _TIME.fullmatch(value)
    if found is None:
        raise _Wrong
    year, month, day, hour, minute, second, fraction, sign, off_hour, off_minute = found.groups()
    if fraction and fraction[6:].strip("0"):
        raise _Wrong("is finer than a microsecond")
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0))
        moment = moment.replace(microsecond=int((fraction or "0")[:6].ljust(6, "0")))
        if sign:
            offset = timedelta(hours=int(off_hour), minutes=int(off_minute or 0))
            moment = moment - offset if sign == "+" else moment + offset
    except (ValueError, OverflowError) as error:
        raise _Wrong(f"is no time that exists ({error})") from None
    if moment < _EPOCH:
        raise _Wrong("is before 1970")
    return str.__str__(value), moment


def _is_epoch(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _of_datetime(value: datetime) -> tuple[str, datetime]:
    if value != value:  # pandas.NaT says it is a datetime
        raise _Wrong("is no time")
    if value.utcoffset() is None:
        raise _Wrong("has no time zone: use datetime.now(timezone.utc), or .replace(tzinfo=..) with the broker's zone")
    try:
        utc = value.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise _Wrong(f"is no time that exists ({error})") from None
    # From its parts: a pandas.Timestamp would print nanoseconds.
    moment = datetime(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond)
    if moment < _EPOCH:
        raise _Wrong("is before 1970")
    return moment.isoformat() + "Z", moment


def _tags(value: Any) -> list[str]:
    if not isinstance(value, (list, tuple)) or len(value) > 32:
        raise _Wrong
    for place, tag in enumerate(value):
        if not isinstance(tag, str):
            raise _Wrong(f"has {_shown(tag)} at place {place}")
        if len(tag) > 64:
            raise _Wrong(f"has a text of {len(tag)} characters at place {place}")
    return [str.__str__(tag) for tag in value]


def _metadata(value: Any) -> _Json:
    if not isinstance(value, Mapping):
        raise _Wrong
    text = _json(value, 2)
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_METADATA_BYTES:
        raise _Wrong(f"has {size} bytes")
    return _Json(text)


class _Json(NamedTuple):
    """JSON that is written already: the library's encoder cannot write a Decimal as the number it is."""

    text: str


def _json(value: Any, depth: int) -> str:
    """What bots put into metadata, as JSON: a Decimal is a number with every digit, a time a text in UTC."""
    if value is None or isinstance(value, (bool, str)):
        return _dumps(value)
    if isinstance(value, datetime):
        return _dumps(_of_datetime(value)[0])
    if isinstance(value, (Decimal, float, int)) or hasattr(value, "__index__"):
        try:
            text = number_text(value)
        except ValueError:  # an int of thousands of digits
            text = ""
        if not _NUMERIC.fullmatch(text) or len(text) > 4000:
            raise _Wrong(f"holds {_shown(value)}, which is not finite or too long")
        return text
    if depth > MAX_DEPTH:
        raise _Wrong(f"is nested more than {MAX_DEPTH} deep")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise _Wrong(f"has the key {_shown(key)}; keys are texts")
        return "{" + ",".join(f"{_dumps(key)}:{_json(one, depth + 1)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_json(one, depth + 1) for one in value) + "]"
    raise _Wrong(f"holds a {type(value).__name__}, which JSON cannot say")


# --- the table -------------------------------------------------------------------------------------------------------


class Field(NamedTuple):
    name: str
    presence: str  # "required", "closed" (may be None or absent while state is open) or "optional"
    check: Callable[[Any], Any]
    accepted: str


_TEXT_ACCEPTED = "text of 1 to 128 UTF-8 bytes, all printable, no space at its ends"
_NUMBER_ACCEPTED = "a Decimal, int, float or numeric text below 1e20, of at most 40 digits, no finer than 1e-40"
_TIME_ACCEPTED = 'a datetime with a time zone, or ISO 8601 text such as "2026-01-31T13:05:00Z" (without offset: UTC)'

FIELDS = (
    Field("event_id", "required", _text, _TEXT_ACCEPTED + "; trueedge.event_id() makes one from a ticket"),
    Field("account_id", "required", _text, _TEXT_ACCEPTED),
    Field("strategy_id", "required", _text, _TEXT_ACCEPTED),
    Field("venue", "required", _text, _TEXT_ACCEPTED),
    Field("symbol", "required", _text, _TEXT_ACCEPTED),
    Field("environment", "required", _one_of("live", "demo"), '"live" or "demo"'),
    Field("timestamp", "required", _time, _TIME_ACCEPTED),
    Field("side", "required", _one_of("buy", "sell"), '"buy" or "sell"'),
    Field("order_type", "required", _order_type, 'text of 1 to 32 bytes such as "market", "limit" or "stop"'),
    Field("quantity", "required", _positive, _NUMBER_ACCEPTED + ", greater than 0"),
    Field("quantity_type", "required", _one_of("lots", "units"), '"lots" or "units"'),
    Field("price_open", "required", _number, _NUMBER_ACCEPTED),
    Field("price_close", "closed", _number, _NUMBER_ACCEPTED),
    Field("fees", "required", _number, _NUMBER_ACCEPTED + "; negative is a cost"),
    Field("pnl", "closed", _number, _NUMBER_ACCEPTED + "; net of fees"),
    Field("state", "required", _one_of("open", "closed"), '"open" or "closed"'),
    Field("linked_position_id", "optional", _text, _TEXT_ACCEPTED),
    Field("opened_at", "optional", _time, _TIME_ACCEPTED),
    Field("currency", "optional", _currency, '3 to 12 capital letters or digits such as "USD" or "USDT"'),
    Field("initial_risk", "optional", _risk, _NUMBER_ACCEPTED + ", greater than 0"),
    Field("tags", "optional", _tags, "a list of at most 32 texts of at most 64 characters"),
    Field("metadata", "optional", _metadata, "a dict of what JSON can say, at most 16 KB"),
)
NAMES = frozenset(field.name for field in FIELDS)

_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def encode(trade: Mapping[str, Any]) -> tuple[str, bytes]:
    """The event_id, and the event as one line of JSON without its line break.

    Numbers become texts with every digit; a datetime becomes RFC 3339 in UTC, cut to microseconds; a key whose value is
    None is left out. Keys that are not in the table are kept.

    Raises: InvalidTrade with a sentence for each wrong field, all at once.
    """
    good: dict[str, Any] = {}
    written: dict[str, str] = {}
    wrong: dict[str, str] = {}
    get = trade.get
    seen = 0
    for name, presence, check, accepted in FIELDS:
        value = get(name)
        if value is None:
            if name in trade:
                seen += 1
            if presence == "required" or (presence == "closed" and get("state") != "open"):
                wrong[name] = _absent(presence, name in trade, accepted)
            continue
        seen += 1
        try:
            good[name] = check(value)
        except _Wrong as odd:
            wrong[name] = _sentence(value, str(odd), accepted)
    if "metadata" in good:
        written["metadata"] = good.pop("metadata").text
    if seen != len(trade):
        _take_unknown(trade, written, wrong)
    if "opened_at" in good and "timestamp" in good:
        opened, moment = (_time_and_moment(trade[name])[1] for name in ("opened_at", "timestamp"))
        if opened > moment:
            wrong["opened_at"] = _sentence(trade["opened_at"], "is later than timestamp", "a time not after timestamp")
    if wrong:
        raise _invalid(wrong, get("event_id"))
    try:
        text = _dumps(good)
        if written:
            text = ",".join([text[:-1], *(f"{_dumps(name)}:{one}" for name, one in written.items())]) + "}"
        line = text.encode()
    except UnicodeEncodeError as error:
        odd_one = f"half of a surrogate pair ({error.object[error.start]!a}) is no character"
        raise _invalid({"event": odd_one}, get("event_id")) from None
    if len(line) > MAX_EVENT_BYTES:
        raise _invalid({"event": f"has {len(line)} bytes; accepted: at most {MAX_EVENT_BYTES}"}, get("event_id"))
    return good["event_id"], line


def _take_unknown(trade: Mapping[str, Any], written: dict[str, str], wrong: dict[str, str]) -> None:
    for name, value in trade.items():
        if name in NAMES:
            continue
        if type(name) is not str:
            wrong[_shown(name)] = "a key is a text"
            continue
        try:
            written[name] = _json(value, 2)
        except _Wrong as odd:
            wrong[name] = f"{odd}; accepted: what JSON can say"


def _absent(presence: str, is_null: bool, accepted: str) -> str:
    state = "None" if is_null else "missing"
    unless = ' unless state is "open"' if presence == "closed" else ""
    return f"required{unless}, but {state}; accepted: {accepted}"


def _sentence(value: Any, odd: str, accepted: str) -> str:
    return f"{_shown(value)} {odd or 'is not accepted'}; accepted: {accepted}"


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # someone else's __repr__
        text = f"a {type(value).__name__}"
    return text if len(text) <= 64 else text[:60] + " ..."


def _invalid(wrong: dict[str, str], event_id: Any) -> InvalidTrade:
    which = f"trade {_shown(event_id)}" if event_id is not None else "trade"
    return InvalidTrade(f"{which}: " + "; ".join(f"{name}: {sentence}" for name, sentence in wrong.items()), wrong)
