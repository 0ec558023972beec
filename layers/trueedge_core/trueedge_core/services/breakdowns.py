"""Rows of figures by month, weekday, hour, symbol, venue and side, and what may be known already for them.

A month that has not changed is not read again by the same process: so a page that asks every few seconds costs one
month, and what costs a look at every event costs it once.
"""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from ..domain.breakdowns import (
    CALENDAR,
    TRAITS,
    WEEKDAYS,
    Kind,
    Months,
    Part,
    Parts,
    Version,
    by_calendar,
    by_traits,
    joined,
    month_of,
    version,
)
from ..domain.metrics import Basis
from ..domain.ports import Ledger, Period, Reading, Step
from ..domain.summary import Summary
from ..errors import FieldError, InvalidParameter
from .filters import Filters
from .query import EMPTY, PAGED, as_of, by_metric, counted, page_of

__all__ = ["Kind", "accepted", "by", "rows"]

PLURAL: Mapping[Kind, str] = {
    "month": "months",
    "weekday": "weekdays",
    "hour": "hours",
    "symbol": "symbols",
    "venue": "venues",
    "side": "sides",
}
TOGETHER = 10_000  # events that are read in one go, at most, unless one month has more: they are held in memory
_STEP: Mapping[Kind, Step] = {"weekday": "day", "hour": "hour"}


def accepted(kind: Kind) -> tuple[str, ...]:
    """The parameters that its route takes beside the filters: of symbols there may be thousands, so those are paged."""
    return () if kind in CALENDAR else PAGED


def by(ledger: Ledger, filters: Filters, kind: Kind, months: Months) -> dict[str, object]:
    """GET /metrics/by_month and its like: a row for each that has an event, in order, or by a metric as `sort` says.

    Raises: InvalidParameter where more events would have to be read than the store hands over in reasonable time.
    """
    with ledger.snapshot():
        whole = ledger.summary(filters.scope, filters.period) or EMPTY
        found = rows(ledger, filters, kind, months, whole)
    cursor = None
    if kind not in CALENDAR:
        found = by_metric(found, filters, lambda _, reading: Basis(reading.summary, filters.starting_balance))
        found, cursor = page_of(found, filters, kind)
    answer: dict[str, object] = {
        "status": "ok",
        "filters": filters.asked,
        "as_of": as_of(whole),
        PLURAL[kind]: [
            {kind: int(label) if kind == "hour" else label, **counted(reading, filters.starting_balance)}
            for label, reading in found
        ],
    }
    return answer if kind in CALENDAR else {**answer, "next_cursor": cursor}


def rows(
    ledger: Ledger, filters: Filters, kind: Kind, months: Months, whole: Reading | None = None
) -> list[tuple[str, Reading]]:
    """The run of each label with an event, in the order of the calendar, or of the labels' UTF-8 bytes."""
    whole = whole or ledger.summary(filters.scope, filters.period) or EMPTY
    if kind == "month":
        live = _live(ledger, filters, filters.period, "month")
        parts = by_calendar(kind, ledger.series(filters.scope, filters.period, "month"), live)
    else:
        parts = joined(kinds[kind] for kinds in _by_month(ledger, filters, kind, months, whole))
    order: Callable[[str], object] = str.encode
    if kind in ("weekday", "hour"):
        order = WEEKDAYS.index if kind == "weekday" else int
    return [
        (label, Reading(part.summary, part.live, part.summary.n - part.live, whole.as_of))
        for label, part in sorted(parts.items(), key=lambda one: order(one[0]))  # type: ignore[arg-type,return-value]
    ]


@dataclass(frozen=True, slots=True)
class _Month:
    """A month with an event: as much of it as was asked for, what is in that, and what it is kept under."""

    start: int
    period: Period
    part: Part
    key: Hashable | None  # None for a part of a month: that is not kept

    @property
    def version(self) -> Version:
        return version([self.part])


def _by_month(
    ledger: Ledger, filters: Filters, kind: Kind, months: Months, whole: Reading
) -> Iterator[Mapping[str, Parts]]:
    """The parts of each month of the period, in order: those that are known, or else read now.

    Neighbours are read in one go, as long as they are small: else a long quiet history would take as many questions.
    """
    if kind not in CALENDAR:
        _check_number(ledger, kind, whole.summary)
    run: list[_Month] = []
    events = 0
    for month in _asked(ledger, filters, kind):
        known = None if month.key is None else months.find(month.key, month.version)
        events += month.version[0]
        if run and (known is not None or events > TOGETHER):
            yield from _read(ledger, filters, kind, months, run)
            run, events = [], month.version[0]
        if known is None:
            run.append(month)
        else:
            events = 0
            yield known
    if run:
        yield from _read(ledger, filters, kind, months, run)


def _asked(ledger: Ledger, filters: Filters, kind: Kind) -> Iterator[_Month]:
    live = _live(ledger, filters, filters.period, "month")
    live_trades = None if live is None else {start: summary.n for start, summary in live}
    for start, summary in ledger.series(filters.scope, filters.period, "month"):
        part = Part(summary, summary.n if live_trades is None else live_trades.get(start, 0))
        stretch = month_of(start)
        period = _within(stretch, filters.period)
        key = (filters.scope, kind if kind in CALENDAR else "traits", start) if period == stretch else None
        yield _Month(start, period, part, key)


def _read(
    ledger: Ledger, filters: Filters, kind: Kind, months: Months, run: list[_Month]
) -> Iterator[Mapping[str, Parts]]:
    """The parts of each of these months, read in one go and remembered."""
    starts = [month.start for month in run]
    period = Period(run[0].period.start, run[-1].period.end)
    found: dict[int, Mapping[str, Parts]] = {}
    if kind != "weekday" and kind != "hour":
        events = ledger.in_trade_order(filters.scope, period)
        for start, part in groupby(events, lambda event: _month_at(starts, event.at)):
            found[start] = by_traits(part)
    else:
        step = _STEP[kind]
        is_all_live = all(month.part.live == month.part.summary.n for month in run)  # as of most: one series will do
        live = None if is_all_live else _live(ledger, filters, period, step)
        live_steps = {start: list(part) for start, part in groupby(live or (), lambda one: _month_at(starts, one[0]))}
        for start, steps in groupby(ledger.series(filters.scope, period, step), lambda one: _month_at(starts, one[0])):
            found[start] = {kind: by_calendar(kind, steps, None if live is None else live_steps.get(start, ()))}
    for month in run:
        parts = found.get(month.start) or {label: {} for label in (TRAITS if kind not in CALENDAR else (kind,))}
        if month.key is not None:
            months.keep(month.key, month.version, parts)
        yield parts


def _month_at(starts: list[int], at: int) -> int:
    """The last month that starts at the instant or before it."""
    return starts[bisect_right(starts, at) - 1]


def _live(ledger: Ledger, filters: Filters, period: Period, step: Step) -> list[tuple[int, Summary]] | None:
    """The series of live trades alone; None when no others are asked for.

    Read before the series that it is a part of: where the store has no snapshots, the later one has all of it.
    """
    if filters.scope.environment == "live":
        return None
    if filters.scope.environment == "demo":
        return []
    return ledger.series(replace(filters.scope, environment="live"), period, step)


def _within(month: Period, asked: Period) -> Period:
    """As much of the month as was asked for."""
    assert month.start is not None
    assert month.end is not None
    start = month.start if asked.start is None else max(month.start, asked.start)
    return Period(start, month.end if asked.end is None else min(month.end, asked.end))


def _check_number(ledger: Ledger, kind: Kind, whole: Summary) -> None:
    events, most = version([Part(whole)])[0], ledger.most_in_order
    if events > most:
        said = f"by_{kind} looks at every event, at most {most:,} on this store, and here are {events:,}"
        message = f"{said}; accepted: a shorter stretch by from and to, one account or one strategy"
        raise InvalidParameter(message, [FieldError(name, message) for name in ("from", "to")])
