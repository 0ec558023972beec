"""The levels of a time tree and their calendar, UTC. A bucket is (level, start); instants are microseconds."""

from datetime import UTC, datetime
from functools import lru_cache

ALL, YEAR, MONTH, DAY, HOUR, MINUTE = range(6)
MINUTE_US, HOUR_US, DAY_US = 60_000_000, 3_600_000_000, 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = 2**62


def bucket_of(level: int, at: int) -> int:
    """The start of the level's bucket that the instant lies in.

    >>> bucket_of(YEAR, 0), bucket_of(MONTH, 0), bucket_of(DAY, 86_400_000_000), bucket_of(HOUR, -1)
    (1970, 23640, 1, -1)
    """
    if level == DAY:
        return at // DAY_US
    if level == HOUR:
        return at // HOUR_US
    if level == MINUTE:
        return at // MINUTE_US
    if level == ALL:
        return 0
    month = _month_of_day(at // DAY_US)
    return month // 12 if level == YEAR else month


@lru_cache(maxsize=8192)
def _month_of_day(day: int) -> int:
    date = datetime.fromtimestamp(day * 86_400, UTC)
    return date.year * 12 + date.month - 1


def bounds(level: int, start: int) -> tuple[int, int]:
    """The bucket's instants: first included, last excluded."""
    if level == DAY:
        return start * DAY_US, (start + 1) * DAY_US
    if level == HOUR:
        return start * HOUR_US, (start + 1) * HOUR_US
    if level == MINUTE:
        return start * MINUTE_US, (start + 1) * MINUTE_US
    if level == ALL:
        return -FOREVER, FOREVER
    if level == YEAR:
        return _first_of(start, 1), _first_of(start + 1, 1)
    return _first_of(*_month(start)), _first_of(*_month(start + 1))


def _month(start: int) -> tuple[int, int]:
    return start // 12, start % 12 + 1


def _first_of(year: int, month: int) -> int:
    return (datetime(year, month, 1, tzinfo=UTC) - _EPOCH).days * DAY_US


def children(level: int, start: int) -> tuple[int, int]:
    """The starts of the next finer level's buckets inside this one: first and last, both included."""
    if level == ALL:
        return 0, 9999
    first, end = bounds(level, start)
    return bucket_of(level + 1, first), bucket_of(level + 1, end - 1)
