"""Trading days by an account's own cut, and how deep they went: docs/metrics.md defines what limits are held to.

Amounts are scaled by 1e18, instants are microseconds since the epoch, UTC.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from .ports import DayCut, Period
from .summary import DAY_US, Summary
from .times import to_us
from .wording import shorten

ZONE_ACCEPTED = 'the IANA name of a time zone, such as "America/New_York", "Europe/Athens" or "UTC"'


def check_zone(name: str) -> str:
    """The name of a time zone that is known here. Raises: ValueError with a sentence."""
    try:
        if name.startswith(("localtime", "posix", "right/")):  # of this machine, or with leap seconds
            raise ValueError
        _zone(name)
    except (KeyError, ValueError, OSError):  # not there; a path or a null byte; a folder
        raise ValueError(f"{shorten(name)} is not known; accepted: {ZONE_ACCEPTED}") from None
    return name


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=16_384)
def _begins(cut: DayCut, day: date) -> int:
    """When the trading day of that local date begins.

    An hour that the clocks skip is the instant of the skip; of one that they repeat it is the first.
    """
    return to_us(datetime(day.year, day.month, day.day, cut.hour, tzinfo=_zone(cut.zone)))


def trading_day(cut: DayCut, at: int) -> Period:
    """The trading day that the instant lies in, from one cut to the next: 24 hours but where the clocks change.

    >>> from .times import format_time, parse_time
    >>> day = trading_day(DayCut("America/New_York", 17), parse_time("2026-03-07T23:00:00Z"))
    >>> format_time(day.start), format_time(day.end)  # in the night to Sunday the clocks go forward
    ('2026-03-07T22:00:00Z', '2026-03-08T21:00:00Z')
    """
    day = date(1970, 1, 1) + timedelta(days=at // DAY_US)
    while _begins(cut, day) <= at:
        day += timedelta(days=1)
    while (start := _begins(cut, day - timedelta(days=1))) > at:
        day -= timedelta(days=1)
    return Period(start, _begins(cut, day))


@dataclass(frozen=True, slots=True)
class Day:
    """A trading day: its P&L, and `used`, how far the account was below the day's start at its lowest (>= 0)."""

    start: int
    end: int
    pnl: int
    used: int


def read_day(period: Period, read: Callable[[Period], Summary]) -> Day:
    """One trading day; `read` gives the summary of a period."""
    assert period.start is not None
    assert period.end is not None
    summary = read(period)
    return Day(period.start, period.end, summary.pnl, -summary.lo)


def worst_day(days: Sequence[tuple[int, Summary]], cut: DayCut, read: Callable[[Period], Summary]) -> Day | None:
    """The trading day that went furthest below its start, of equal ones the earliest; None when none ever went below.

    `days`: the summary of every UTC day with an event, in order (`Ledger.series`). They bound how deep a trading day
    that overlaps them can have gone; `read` is asked only for those that may be the worst, deepest bound first.
    """
    best: Day | None = None
    for bound, period in sorted(_bounds(days, cut), key=lambda one: (-one[0], one[1].start)):
        if bound == 0 or (best is not None and bound < best.used):
            break
        day = read_day(period, read)
        if day.used > (best.used if best else 0) or (best and day.used == best.used and day.start < best.start):
            best = day
    return best


def _bounds(days: Sequence[tuple[int, Summary]], cut: DayCut) -> list[tuple[int, Period]]:
    """Each trading day that overlaps one of the UTC days, with the most that it can have fallen below its start."""
    known = dict(days)
    periods: dict[int, Period] = {}
    for start, _ in days:
        at = start
        while at < start + DAY_US:
            period = trading_day(cut, at)
            assert period.start is not None
            assert period.end is not None
            periods[period.start] = period
            at = period.end
    return [(_bound(known, period), period) for period in periods.values()]


def _bound(known: dict[int, Summary], period: Period) -> int:
    """A trading day starts somewhere inside its first UTC day: at that day's high at most, or in its deepest fall."""
    assert period.start is not None
    assert period.end is not None
    first = period.start // DAY_US * DAY_US
    bound = above = 0  # `above`: how high the start can have been, seen from where we are
    for start in range(first, period.end, DAY_US):
        s = known.get(start)
        if s is None:
            continue
        if start < period.start:
            bound, above = s.dd, s.hi - s.pnl
        else:
            bound, above = max(bound, above - s.lo), above - s.pnl
    return bound
