"""Times: ISO 8601 text <-> microseconds since 1970 UTC, for events and for query parameters."""

import re
from datetime import UTC, datetime, timedelta

from .wording import shorten

DAY_US = 86_400_000_000
TIME_ACCEPTED = (
    'an ISO 8601 time such as "2026-01-31T13:05:00.25Z" or "2026-01-31 14:05:00+01:00" (without offset: UTC)'
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)

# datetime.fromisoformat alone is too lax, and differs between versions of Python: week dates, "20260131T130500", comma
# fractions, any separator, 24:00.
_HOUR, _SIXTY = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
_OFFSET = f"{_HOUR}(?::?{_SIXTY})?"
_CLOCK = rf"{_HOUR}:{_SIXTY}(?::{_SIXTY}(?:\.[0-9]{{1,6}}([0-9]*))?)?"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(rf"{_DATE.pattern}[Tt ]{_CLOCK}([Zz]|[+-]{_OFFSET})?")
_LOST_PLUS = re.compile(rf"{_DATE.pattern}[Tt ]{_CLOCK} {_OFFSET}")


def parse_time(text: str) -> int:
    """Microseconds since 1970 UTC of an ISO 8601 time; negative before it.

    Raises: ValueError with a sentence.

    >>> parse_time("1970-01-01T02:00:00.5+02:00"), parse_time("1970-01-01 00:00:01")
    (500000, 1000000)
    """
    found = _TIME.fullmatch(text)
    if found is None:
        if _LOST_PLUS.fullmatch(text):
            raise ValueError(
                f"{shorten(text)} has a space where the sign of its offset belongs; accepted: + written as %2B in a URL"
            )
        if _DATE.fullmatch(text):
            raise ValueError(f"{shorten(text)} is a date without a time; accepted: {TIME_ACCEPTED}")
        raise ValueError(f"{shorten(text)} is not accepted; accepted: {TIME_ACCEPTED}")
    beyond, offset = found.groups()
    if beyond and beyond.strip("0"):
        raise ValueError(f"{shorten(text)} is finer than a microsecond; accepted: at most 6 digits after the point")
    try:
        if offset is None:
            since = datetime.fromisoformat(text) - _NAIVE_EPOCH
        else:
            since = datetime.fromisoformat(text.upper() if offset == "z" else text) - _EPOCH
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{shorten(text)} is no time that exists ({error}); accepted: {TIME_ACCEPTED}") from None
    return _whole(since)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 UTC of an aware moment."""
    return _whole(moment - _EPOCH)


def _whole(since: timedelta) -> int:
    return since.days * DAY_US + since.seconds * 1_000_000 + since.microseconds


def parse_instant_or_date(text: str) -> int:
    """As `parse_time`; a bare date is its midnight UTC. For query parameters.

    >>> parse_instant_or_date("1970-01-02") == parse_instant_or_date("1970-01-02T01:00:00+01:00")
    True
    """
    return parse_time(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)


def format_time(us: int) -> str:
    """RFC 3339 in UTC with Z; a fraction only if there is one, without trailing zeros.

    >>> format_time(1_500_000), format_time(0)
    ('1970-01-01T00:00:01.5Z', '1970-01-01T00:00:00Z')
    """
    text = (_NAIVE_EPOCH + timedelta(microseconds=us)).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"
