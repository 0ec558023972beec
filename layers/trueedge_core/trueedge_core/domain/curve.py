"""The equity curve from mergeable summaries: few points, and not one drawdown lost between them.

A point stands for a run of neighbouring trades. It says where equity ended and, exactly, how high and how low it went
and how deep it fell inside; so the deepest `drawdown` of the points is `max_drawdown`, however few points there are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .ports import Step
from .summary import DAY_US, Summary

HOUR_US = DAY_US // 24
STEP_US = {"hour": HOUR_US, "day": DAY_US}


@dataclass(frozen=True, slots=True)
class Point:
    """One run of trades; amounts are scaled by 1e18.

    `time`: instant of its last trade. `equity` after it; `high` and `low` of equity in the run, where it came
    from included; `drawdown`: the deepest fall from the running peak of the whole curve to an equity in this run.
    """

    time: int
    trades: int
    equity: int
    high: int
    low: int
    drawdown: int


def choose_step(whole: Summary, points: int) -> Step:
    """The step to ask `Ledger.series` for: single trades while they are few, then hours, then days.

    Hours up to 20 days (or up to one per point, if that is more), so that reading stays in proportion to showing.
    """
    if whole.n <= points:
        return "trade"
    return "hour" if whole.last_at - whole.first_at <= max(20 * 24, points) * HOUR_US else "day"


def thin(series: Sequence[tuple[int, Summary]], step: Step, points: int) -> list[Summary]:
    """At most `points` summaries: every k neighbouring calendar steps are merged into one, k as small as possible.

    Runs without a closed trade are left out. Single trades are not merged.
    """
    runs = [(start, summary) for start, summary in series if summary.n]
    if step == "trade" or not runs:
        return [summary for _, summary in runs]
    width, first = STEP_US[step], runs[0][0]
    k = -(-((runs[-1][0] - first) // width + 1) // points)
    merged: list[Summary] = []
    place = -1
    for start, summary in runs:
        here = (start - first) // width // k
        if here == place:
            merged[-1].extend(summary)
        else:
            merged.append(summary.copy())
            place = here
    return merged


def curve(runs: Iterable[Summary], start: int) -> list[Point]:
    """The points of consecutive runs (each with a closed trade), from the starting balance `start` on.

    >>> from .summary import Closed
    >>> runs = [Summary.of(Closed(1, -5, 0)), Summary.of(Closed(2, 7, 0))]
    >>> [(p.equity, p.high, p.low, p.drawdown) for p in curve(runs, 100)]
    [(95, 100, 95, 5), (102, 102, 95, 5)]
    """
    equity = peak = start
    points: list[Point] = []
    for run in runs:
        high, low = equity + run.hi, equity + run.lo
        drawdown = max(run.dd, peak - low)
        peak = max(peak, high)
        equity += run.pnl
        points.append(Point(run.last_at, run.n, equity, high, low, drawdown))
    return points
