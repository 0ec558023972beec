"""What a run of trading days says: the days themselves, the falls between them, the days in a row.

Days are UTC days with a closed trade, in order, as `(start, Summary)`. Equity here is that at the end of each day, as
most tools have it; so a fall seen here is never deeper than `max_drawdown`, which sees every trade.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .summary import DAY_US, Summary

Days = Sequence[tuple[int, Summary]]


def to_days(series: Iterable[tuple[int, Summary]]) -> list[tuple[int, Summary]]:
    """Days from consecutive summaries of any finer step (or days); those without a closed trade are left out.

    >>> from .summary import Closed
    >>> steps = [(at, Summary.of(Closed(at, x, 0))) for at, x in ((5, 1), (6, 2), (DAY_US, -7))]
    >>> [(start, day.pnl) for start, day in to_days(steps)]
    [(0, 3), (86400000000, -7)]
    """
    days: list[tuple[int, Summary]] = []
    for at, summary in series:
        if not summary.n:
            continue
        start = at // DAY_US * DAY_US
        if days and days[-1][0] == start:
            days[-1][1].extend(summary)
        else:
            days.append((start, summary.copy()))
    return days


@dataclass(frozen=True, slots=True)
class Fall:
    """One drawdown between ends of days: `depth` from the equity `peak`, scaled by 1e18.

    `peak_day` None: it fell from the start. `recovered` None: it has not come back yet. Days by their start, us.
    """

    depth: int
    peak: int
    peak_day: int | None
    first_day: int
    trough_day: int
    recovered: int | None


def deepest(days: Days, start: int, most: int = 5) -> list[Fall]:
    """The deepest drawdowns of the daily equity, the deepest first, of equal ones the earlier.

    >>> from .summary import Closed
    >>> pnl = (5, -3, 1, 2, -4, -1)
    >>> days = [(k * DAY_US, Summary.of(Closed(k * DAY_US, x, 0))) for k, x in enumerate(pnl)]
    >>> [(fall.depth, fall.peak_day // DAY_US, fall.recovered) for fall in deepest(days, 100)]
    [(5, 3, None), (3, 0, 259200000000)]
    """
    falls: list[Fall] = []
    equity = peak = start
    peak_day: int | None = None
    fallen: Fall | None = None
    for day, summary in days:
        equity += summary.pnl
        if equity >= peak:
            if fallen:
                falls.append(Fall(fallen.depth, peak, peak_day, fallen.first_day, fallen.trough_day, day))
            fallen, peak, peak_day = None, equity, day
        elif fallen is None:
            fallen = Fall(peak - equity, peak, peak_day, day, day, None)
        elif peak - equity > fallen.depth:
            fallen = Fall(peak - equity, peak, peak_day, fallen.first_day, day, None)
    if fallen:
        falls.append(fallen)
    return sorted(falls, key=lambda fall: (-fall.depth, fall.trough_day))[:most]


def runs(days: Days) -> tuple[int, int]:
    """The most winning and the most losing days in a row; days without a trade do not end a run, those at zero do.

    >>> from .summary import Closed
    >>> runs([(k * DAY_US, Summary.of(Closed(k, x, 0))) for k, x in enumerate((1, 2, -1, -1, -1, 0, 4))])
    (2, 3)
    """
    longest = {1: 0, -1: 0}
    length = before = 0
    for _, summary in days:
        sign = (summary.pnl > 0) - (summary.pnl < 0)
        length = length + 1 if sign == before else 1
        before = sign
        if sign:
            longest[sign] = max(longest[sign], length)
    return longest[1], longest[-1]
