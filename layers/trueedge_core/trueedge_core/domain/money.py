"""Exact JSON: no number passes through a binary float, in or out.

Reading keeps every digit (floats become Decimal, integers int) and refuses what JSON readers usually let pass:
duplicate keys, NaN, lone surrogates. Writing prints money in plain notation with every digit. The arithmetic is in
decimals.py, and offered here too.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, DecimalException
from typing import Any, NamedTuple, NoReturn

import simplejson
from simplejson import JSONDecodeError

from ..errors import InvalidJson, TooLarge
from .decimals import SCALE, canonical, from_scaled, plain, read_decimal, sci, to_scaled
from .wording import shorten

__all__ = [
    "MAX_BATCH_EVENTS",
    "MAX_DEPTH",
    "SCALE",
    "Item",
    "canonical",
    "from_scaled",
    "member_text",
    "plain",
    "read_json",
    "read_one",
    "read_text",
    "split_batch",
    "to_scaled",
    "write_json",
]

MAX_DEPTH = 32
MAX_BATCH_EVENTS = 1000


# --- reading ---


class _DuplicateKey(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The whole cost of seeing duplicate keys: under a microsecond for an event of 24 keys."""
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKey(key)
            seen.add(key)
    return found


# simplejson's C scanner, taken directly: `loads` and `raw_decode` wrap it in Python that costs as much again.
_scan = simplejson.JSONDecoder(parse_float=read_decimal, object_pairs_hook=_object).scan_once

_SPACE = re.compile(r"[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
# A valid surrogate pair first, so that only the halves that stand alone reach group 1.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)")
_LITERAL = re.compile(r"[+-]?(?:NaN|Infinity|inf|nan)")
# Tried only where a number begins: from inside a long one it would be tried again at every digit, which is quadratic.
_BAD_NUMBER = re.compile(r"(?<![0-9.])-?(?:[0-9]{4301,}|[0-9]++(?:\.[0-9]++)?[eE][+-]?[0-9]{17,})")


def _where(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def _refuse(text: str, error: Exception) -> NoReturn:
    """Say in one sentence why the scanner stopped. Off the hot path, so it may look at the text again."""
    if isinstance(error, _DuplicateKey):
        raise InvalidJson(f"the key {shorten(error.key)} is given twice in one object") from None
    if isinstance(error, RecursionError):
        raise InvalidJson(f"the JSON is nested more than {MAX_DEPTH} deep") from None
    if isinstance(error, JSONDecodeError):
        position = min(error.pos, len(text))
        if literal := _LITERAL.match(text, position):
            raise InvalidJson(
                f"{literal[0]} at {_where(text, position)} is not JSON: a number is finite, an unknown one is null"
            ) from None
        raise InvalidJson(f"this is not JSON: {error.msg[:80]} at {_where(text, position)}") from None
    bad = _BAD_NUMBER.search(text)  # an integer that Python will not convert, or an exponent that Decimal cannot hold
    where = f" at {_where(text, bad.start())}" if bad else ""
    raise InvalidJson(f"a number{where} has more than 4300 digits or an absurd exponent") from None


def _scan_at(text: str, position: int) -> tuple[Any, int]:
    """One JSON value that starts at `position`, and where it ends."""
    try:
        value, end = _scan(text, position)
    except (ValueError, RecursionError, _DuplicateKey, DecimalException) as error:
        _refuse(text, error)
    return value, end


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _check(raw: str, value: Any) -> None:
    """What the scanner lets pass: depth and lone surrogates. Both cost a search of the raw text unless suspicious."""
    if raw.count("{") + raw.count("[") > MAX_DEPTH and type(value) in (dict, list) and _too_deep(value):
        raise InvalidJson(f"the JSON is nested more than {MAX_DEPTH} deep")
    if "\\u" in raw:
        for escape in _ESCAPE.finditer(raw):
            if escape[1]:
                raise InvalidJson(
                    f"\\{escape[1]} at {_where(raw, escape.start())} is half of a surrogate pair: it is no character"
                )


def read_text(data: bytes | str) -> str:
    """The text of a body: strict UTF-8; a byte order mark before it is dropped (MetaTrader and Windows write one).

    Raises: InvalidJson naming the first bad byte.
    """
    try:
        if isinstance(data, str):
            if not data.isascii():
                data.encode()
            text = data
        else:
            text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidJson(
            f"the text is not UTF-8: byte 0x{error.object[error.start]:02x} at offset {error.start}"
        ) from None
    except UnicodeEncodeError as error:
        raise InvalidJson(
            f"the text holds half of a surrogate pair at offset {error.start}: it is no character"
        ) from None
    return text[1:] if text.startswith("\ufeff") else text


def read_json(data: bytes | str) -> object:
    """One JSON document, exact: floats as Decimal, integers as int.

    Raises: InvalidJson for anything that is not one JSON document, and for duplicate keys, NaN and Infinity, bad UTF-8,
    lone surrogates, nesting over 32, integers over 4,300 digits and exponents that no Decimal holds.

    >>> read_json(b'{"pnl": 1.10, "n": 3}')
    {'pnl': Decimal('1.10'), 'n': 3}
    """
    text = read_text(data)
    start = _end(_SPACE, text, 0)
    if start == len(text):
        raise InvalidJson("the text is empty: JSON is expected")
    value, end = _scan_at(text, start)
    end = _end(_SPACE, text, end)
    if end != len(text):
        raise InvalidJson(f"one JSON value is expected, but more text follows it at {_where(text, end)}")
    _check(text, value)
    return value


def member_text(raw: str, name: str) -> str:
    """The text of one member of a JSON object as it was sent; "" when there is no such member.

    >>> member_text('{"a": 1, "metadata": {"x":  1.0}}', "metadata")
    '{"x":  1.0}'
    """
    position = _end(_SPACE, raw, _end(_SPACE, raw, 0) + 1)
    while raw[position : position + 1] == '"':
        key, position = _scan_at(raw, position)
        start = _end(_COLON, raw, position)
        _, end = _scan_at(raw, start)
        if key == name:
            return raw[start:end]
        position = _end(_COMMA, raw, end)
    return ""


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


# --- batches ---


class Item(NamedTuple):
    """One event of a batch: its text as it was sent, and what it says, or why it cannot be read."""

    raw: str
    value: object = None
    error: InvalidJson | None = None


def read_one(body: bytes | str) -> Item:
    """The one event of a body: its text without the space around it, and what it says.

    Raises: InvalidJson as `read_json`.
    """
    text = read_text(body)
    return Item(text.strip(" \t\r\n"), read_json(text))


def split_batch(body: bytes | str, limit: int = MAX_BATCH_EVENTS) -> list[Item]:
    """The events of a batch, in order: a JSON array, `{"events": [..]}`, or NDJSON, told apart by the bytes.

    A line of NDJSON that cannot be read is one Item with its error; blank lines are skipped. One object alone, on one
    line or many, is a batch of one. In the array forms one unreadable byte makes the whole body unreadable.

    Raises: InvalidJson; TooLarge as soon as there are more than `limit` events.

    >>> [item.raw for item in split_batch(b'[{"a": 1.0}, {"a":2}]')]
    ['{"a": 1.0}', '{"a":2}']
    >>> [item.value for item in split_batch(b'{"a": 1}\\n\\n{"a": 2}\\n')]
    [{'a': 1}, {'a': 2}]
    """
    try:
        text = read_text(body)
    except InvalidJson:
        # One bad line must not take the other lines with it; an array with a bad byte in it has no lines.
        if isinstance(body, str) or body[:256].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[" or _ENVELOPE.match(body):
            raise
        return _lines(body, limit)
    start = _end(_SPACE, text, 0)
    if start == len(text):
        raise InvalidJson('the body is empty; accepted: a JSON array, {"events": [..]}, or one event per line')
    if text[start] == "[":
        items, end = _elements(text, start, limit)
        _nothing_after(text, end)
        return items
    if text[start] == "{":
        if (inside := _envelope(text, start)) is not None:
            return _enveloped(text, inside, limit)
        if (alone := _alone(text, start)) is not None:
            return [alone]
    return _lines(text, limit)


_ENVELOPE = re.compile(rb'(?:\xef\xbb\xbf)?[ \t\r\n]*\{[ \t\r\n]*"events"[ \t\r\n]*:[ \t\r\n]*\[')


def _elements(text: str, position: int, limit: int) -> tuple[list[Item], int]:
    """The elements of the array that starts at `position`, and where it ends."""
    items: list[Item] = []
    append, comma = items.append, _COMMA.match
    position = _end(_SPACE, text, position + 1)
    if text[position : position + 1] == "]":
        return items, position + 1
    while True:
        if len(items) == limit:
            raise TooLarge(f"a batch holds at most {limit} events; send the rest in another one")
        value, end = _scan_at(text, position)
        raw = text[position:end]
        _check(raw, value)
        append(Item(raw, value))
        between = comma(text, end)
        if between is None:
            break
        position = between.end()
    end = _end(_SPACE, text, end)
    if text[end : end + 1] != "]":
        raise InvalidJson(f'this is not JSON: "," or "]" is expected after event {len(items)}, at {_where(text, end)}')
    return items, end + 1


def _nothing_after(text: str, end: int) -> None:
    end = _end(_SPACE, text, end)
    if end != len(text):
        raise InvalidJson(f"the batch ends before {_where(text, end)}, but more text follows it")


def _envelope(text: str, start: int) -> int | None:
    """Where the array begins, when the object at `start` begins with the key "events" and an array."""
    position = _end(_SPACE, text, start + 1)
    if text[position : position + 1] != '"':
        return None
    try:
        key, position = _scan_at(text, position)
    except InvalidJson:
        return None  # the reader of lines says what is wrong
    position = _end(_COLON, text, position)
    return position if key == "events" and text[position : position + 1] == "[" else None


def _unknown_beside(key: str) -> NoReturn:
    raise InvalidJson(f'{shorten(key)} is not known beside "events"; accepted: {{"events": [..]}} and nothing else')


def _enveloped(text: str, position: int, limit: int) -> list[Item]:
    items, end = _elements(text, position, limit)
    end = _end(_SPACE, text, end)
    comma = _COMMA.match(text, end)
    if comma and text[comma.end() : comma.end() + 1] == '"':
        key, _ = _scan_at(text, comma.end())
        if key == "events":
            _refuse(text, _DuplicateKey(key))
        _unknown_beside(key)
    if text[end : end + 1] != "}":
        raise InvalidJson(f'this is not JSON: "}}" is expected after the events, at {_where(text, end)}')
    _nothing_after(text, end + 1)
    return items


def _alone(text: str, start: int) -> Item | None:
    """The object, when the body is one object and no more; an object that was printed over many lines included."""
    line_end = text.find("\n", start)
    if line_end != -1 and _end(_SPACE, text, line_end) != len(text) and _is_value(text[start:line_end]):
        return None  # the first of many lines
    printed_over_lines = text[start:line_end].strip(" \t\r") == "{"
    try:
        value, end = _scan_at(text, start)
        if not printed_over_lines and _end(_SPACE, text, end) != len(text):
            return None
        _nothing_after(text, end)
        raw = text[start:end]
        _check(raw, value)
    except InvalidJson:
        if printed_over_lines:
            raise  # one answer about the object, not one about each of its lines
        return None
    if "events" in value and "event_id" not in value:  # an event may have a key of its own that is named so
        for key in value:
            if key != "events":
                _unknown_beside(key)
        raise InvalidJson('"events" is not an array; accepted: {"events": [..]}')
    return Item(raw, value)


def _is_value(line: str) -> bool:
    try:
        _, end = _scan_at(line, 0)
    except InvalidJson:
        return False
    return _end(_SPACE, line, end) == len(line)


def _lines(body: bytes | str, limit: int) -> list[Item]:
    items: list[Item] = []
    if isinstance(body, bytes):
        body = body.removeprefix(b"\xef\xbb\xbf")
    # Only \n ends a line: str.splitlines would cut inside strings that hold U+2028.
    lines: list[Any] = body.split("\n") if isinstance(body, str) else body.split(b"\n")
    for number, line in enumerate(lines, 1):
        blank = line.strip(" \t\r") if isinstance(line, str) else line.strip(b" \t\r")
        if not blank:
            continue
        if len(items) == limit:
            raise TooLarge(f"a batch holds at most {limit} events; send the rest in another one")
        items.append(_line(blank, number))
    return items


def _line(line: bytes | str, number: int) -> Item:
    raw = line if isinstance(line, str) else line.decode(errors="replace")
    try:
        if isinstance(line, bytes):
            line.decode()
        value, end = _scan_at(raw, 0)
        end = _end(_SPACE, raw, end)
        if end != len(raw):
            raise InvalidJson(f"one JSON value is expected, but more text follows it at {_where(raw, end)}")
        _check(raw, value)
    except UnicodeDecodeError as error:
        problem = f"the text is not UTF-8: byte 0x{error.object[error.start]:02x} at offset {error.start}"
        return Item(raw, None, InvalidJson(f"line {number} of the batch: {problem}"))
    except InvalidJson as error:
        return Item(raw, None, InvalidJson(f"line {number} of the batch: {error.message.replace('line 1, ', '')}"))
    return Item(raw, value)


# --- writing ---


_SURROGATE = re.compile("[\ud800-\udfff]")


def _default(value: object) -> simplejson.RawJSON:
    if isinstance(value, Decimal):
        try:
            return simplejson.RawJSON(plain(value))
        except ValueError:
            if value.is_finite():
                return simplejson.RawJSON(sci(value))  # 1e999999999 in someone's metadata: exact, and short
            raise
    if isinstance(value, Mapping):
        return simplejson.RawJSON(write_json(dict(value)))
    raise TypeError(f"{type(value).__name__} has no JSON form here")


# use_decimal would print 1E-8: valid JSON, but not plain; `default` is called for Decimals alone and costs less.
_encoder = simplejson.JSONEncoder(
    encoding=None,  # type: ignore[arg-type]  # bytes are refused, not guessed at
    ensure_ascii=False,
    separators=(",", ":"),
    use_decimal=False,
    allow_nan=False,
    namedtuple_as_object=False,
    default=_default,
)


def write_json(value: object) -> str:
    """Compact JSON, the same bytes for the same value; Decimals in plain notation with every digit.

    Raises: ValueError for a float or Decimal that is not finite, TypeError for a type JSON does not have.

    >>> write_json({"pnl": Decimal("1E-8"), "sharpe": 0.5, "name": "Zürich", "none": None})
    '{"pnl":0.00000001,"sharpe":0.5,"name":"Zürich","none":null}'
    """
    text: str = _encoder.encode(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:  # a path or query may hold a lone surrogate: an answer must still be UTF-8
            text = _SURROGATE.sub("\ufffd", text)
    return text
