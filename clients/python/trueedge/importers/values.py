"""Text to exact numbers and UTC times. No binary float: a number stays the text that it was."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, Overflow
from typing import Any

from .model import FileProblem, Wrong

EXACT = Context(prec=400, traps=[Inexact, Overflow])  # raises where a digit would be lost
WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)  # for quotients only


class Number(str):
    """The text of a JSON number; written bare by `to_json`."""

    __slots__ = ()


ZERO = Number("0")

_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_SPACES = dict.fromkeys(map(ord, " \u00a0\u2007\u2009\u202f'\u2019"), None)  # what stands between thousands
_SIGNS = {ord("\u2212"): "-", ord("\u2013"): "-"}
_GROUPED = {
    ".": re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?"),
    ",": re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?"),
}


def number(text: str, what: str, decimal: str | None = None) -> Number:
    """`1 234.50`, `1,234.50`, `1.234,50`, `-0,15`, `9.64e-05` as an exact number.

    Raises Wrong where it is none, a formula, or could be read in two ways (`1,234`) and `decimal` was not said.
    """
    found = text.strip()
    if _PLAIN.fullmatch(found) and decimal != ",":
        return _json(found)
    if found.startswith("="):
        raise Wrong(f"{what} is a formula: {found[:40]!r}; save the values instead")
    bare = found.translate(_SIGNS).translate(_SPACES)
    if bare.startswith("(") and bare.endswith(")"):
        bare = "-" + bare[1:-1]  # an accountant's minus
    if bare.endswith("-"):
        bare = "-" + bare[:-1]
    comma, point = bare.rfind(","), bare.rfind(".")
    if decimal is None and comma >= 0:
        if point >= 0:
            decimal = "," if comma > point else "."
        elif bare.count(",") > 1:
            decimal = "."
        elif re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", bare):
            raise Wrong(f"{what} can be read in two ways: {found!r}; say --decimal comma or --decimal point")
        else:
            decimal = ","
    if decimal == ",":
        if _GROUPED[","].fullmatch(bare):
            bare = bare.replace(".", "")
        elif point >= 0:
            raise Wrong(f"{what} is not a number with a decimal comma: {found[:40]!r}")
        bare = bare.replace(",", ".")
    elif comma >= 0:
        if not _GROUPED["."].fullmatch(bare):
            raise Wrong(f"{what} is not a number: {found[:40]!r}")
        bare = bare.replace(",", "")
    if not _PLAIN.fullmatch(bare) or bare.count(".") > 1:
        raise Wrong(f"{what} is not a number: {found[:40]!r}" if found else f"{what} is empty")
    return _json(bare)


def _json(text: str) -> Number:
    """JSON knows no leading plus, no leading zeros and no bare point."""
    sign = "-" if text[0] == "-" else ""
    digits = text.lstrip("+-")
    mantissa, mark, exponent = digits.replace("E", "e").partition("e")
    whole, point, fraction = mantissa.partition(".")
    whole = whole.lstrip("0") or "0"
    value = Number(sign + whole + (point + fraction if fraction else "") + mark + exponent)
    if len(value) > 40 or mark:  # what arithmetic is done with has bounds
        if len(value) > 200:
            raise Wrong(f"has {len(value)} characters: {text[:40]!r}..")
        _, digits_of, power = Decimal(value).as_tuple()
        if len(digits_of) > 60 or not -60 <= int(power) <= 30:
            raise Wrong(f"is a number beyond reason: {text[:40]!r}")
    return value


def exact(value: str) -> Decimal:
    """The value of a Number."""
    return Decimal(value)


def add(*values: Decimal) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, value)
    return total


def multiply(first: Decimal, *others: Decimal) -> Decimal:
    for other in others:
        first = EXACT.multiply(first, other)
    return first


def plain(value: Decimal) -> Number:
    """With every digit and without an exponent; minus zero is zero."""
    return Number(format(value if value else abs(value), "f"))


def rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN, context=Context(prec=400))


def cents(value: Decimal) -> str:
    """For people: `-1234.50`, without an exponent."""
    return str(plain(value))


# Times

_FIRST_YEAR = re.compile(
    r"(\d{4})([-./])(\d{1,2})\2(\d{1,2})"
    r"(?:(?:[T ;]|, ?)\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*([AaPp][Mm])?\s*"
    r"(Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?",
    re.ASCII,
)
_FIRST_DAY = re.compile(
    r"(\d{1,2})([-./])(\d{1,2})\2(\d{4})"
    r"(?:(?:[T ;]|, ?)\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*([AaPp][Mm])?\s*"
    r"(Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?",
    re.ASCII,
)
_COMPACT = re.compile(
    r"(\d{4})(\d{2})(\d{2})(?:[;T ,]\s?(\d{2}):?(\d{2}):?(\d{2}))?\s*(Z|UTC|[+-]\d{2}:?\d{2})?", re.ASCII
)
_EPOCH = re.compile(r"\d{10}(?:\d{3})?(?:\.0*)?", re.ASCII)
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?(\d{2}))?", re.ASCII)
_START = datetime(1970, 1, 1)


def zone_of(name: str) -> tzinfo:
    """`UTC`, `+02:00`, `Europe/Athens`."""
    if name.upper() in ("UTC", "GMT", "Z", "UTC+0"):
        return timezone.utc
    if offset := _OFFSET.fullmatch(name.strip()):
        hours = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        if hours >= timedelta(hours=24):
            raise FileProblem(f"--timezone {name}: an offset is less than 24 hours")
        return timezone(-hours if offset[1] == "-" else hours)
    import zoneinfo  # here: a machine without a zone database can still say UTC or an offset

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = "" if zoneinfo.available_timezones() else " (this machine has no zone database: pip install tzdata)"
        raise FileProblem(
            f"--timezone {name}: no time zone; say UTC, an offset such as +02:00, or a name such as Europe/Athens{hint}"
        ) from None


class Clock:
    """Reads the times of one file. `zone` is what its times are in where they do not say so themselves."""

    def __init__(self, zone: tzinfo | None, date_order: str | None = None, hint: str = ""):
        self.zone, self.date_order, self.hint = zone, date_order, hint
        self.twice = 0  # times in the hour that clocks repeat
        self.never = 0  # times in the hour that clocks leave out
        self._last: tuple[str | None, str] = (None, "")

    def utc(self, text: str, what: str) -> str:
        """RFC 3339 in UTC, with a fraction only where it is not zero. Raises Wrong."""
        found = text.strip()
        if found == self._last[0]:
            return self._last[1]
        answer = self.text(self._moment(found, what))
        self._last = (found, answer)
        return answer

    @staticmethod
    def text(moment: datetime) -> str:
        """A naive UTC datetime as RFC 3339."""
        if moment.microsecond:
            return moment.isoformat().rstrip("0") + "Z"
        return moment.isoformat() + "Z"

    def _moment(self, found: str, what: str) -> datetime:
        if match := _FIRST_YEAR.fullmatch(found):
            year, _, month, day, *rest = match.groups()
        elif match := _FIRST_DAY.fullmatch(found):
            first, mark, second, year, *rest = match.groups()
            day, month = self._day_first(first, second, mark, found, what)
        elif _EPOCH.fullmatch(found):
            digits = found.partition(".")[0]
            return _START + timedelta(milliseconds=int(digits) * (1 if len(digits) == 13 else 1000))
        elif match := _COMPACT.fullmatch(found):
            year, month, day, hour, minute, second, zone = match.groups()
            rest = [hour, minute, second, None, None, zone]
        else:
            raise Wrong(f"{what} is not a time: {found[:40]!r}" if found else f"{what} is empty")
        hour, minute, second, fraction, half, zone = rest
        hours = int(hour or 0)
        if half:
            if not 1 <= hours <= 12:
                raise Wrong(f"{what} is not a time: {found!r}")
            hours = hours % 12 + (12 if half.lower() == "pm" else 0)
        micro = int(((fraction or "") + "000000")[:6])
        try:
            moment = datetime(int(year), int(month), int(day), hours, int(minute or 0), int(second or 0), micro)
            return self._to_utc(moment, zone)
        except (ValueError, OverflowError):
            raise Wrong(f"{what} is no date of the calendar: {found!r}") from None

    def _day_first(self, first: str, second: str, mark: str, found: str, what: str) -> tuple[str, str]:
        order = self.date_order or ("dmy" if mark == "." else None)
        if order is None and int(first) > 12:
            order = "dmy"
        if order is None and int(second) > 12:
            order = "mdy"
        if order is None:
            raise Wrong(f"{what} can be read in two ways: {found!r}; say --date-order dmy or --date-order mdy")
        return (first, second) if order == "dmy" else (second, first)

    def _to_utc(self, moment: datetime, zone: str | None) -> datetime:
        if zone:
            offset = timedelta(0)
            if zone[0] in "+-":
                digits = zone[1:].replace(":", "")
                offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
                offset = -offset if zone[0] == "-" else offset
            return moment - offset
        if self.zone is None:
            raise FileProblem(
                "its times carry no time zone: say --timezone, for example UTC, +02:00 or Europe/Athens" + self.hint
            )
        if self.zone is timezone.utc:
            return moment
        first = moment.replace(tzinfo=self.zone).utcoffset() or timedelta(0)
        other = moment.replace(tzinfo=self.zone, fold=1).utcoffset() or timedelta(0)
        if first > other:
            self.twice += 1
        elif first < other:
            self.never += 1
        return moment - first

    def notes(self) -> list[str]:
        said = []
        if self.twice:
            said.append(
                f"{self.twice} times lie in the hour that clocks repeat in autumn: taken as the first of the two"
            )
        if self.never:
            said.append(f"{self.never} times lie in the hour that clocks leave out in spring: is --timezone right?")
        return said


# JSON with bare Numbers

_ESCAPE = re.compile(r'[\x00-\x1f"\\\u2028\u2029\ud800-\udfff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{ord(match[0]):04x}"


def to_json(value: Any) -> str:
    """Compact JSON in which a Number or a Decimal is a number with every digit that it has."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return f'"{_ESCAPE.sub(_escaped, value)}"'
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return str(plain(value))
    if isinstance(value, dict):
        return "{" + ",".join(f"{to_json(str(key))}:{to_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(to_json, value)) + "]"
    raise TypeError(f"{type(value).__name__} is not exact JSON")


NULL_WORDS = ("", "-", "--", "n/a", "na", "null", "none", "nan")


def blank(text: str | None) -> bool:
    """Whether a cell says nothing."""
    return text is None or text.strip().lower() in NULL_WORDS


Row = dict[str, str]
