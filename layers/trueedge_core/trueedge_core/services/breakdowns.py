"""Rows of figures by month, weekday, hour, symbol, venue and side, and what may be known already for them.

A month that has not changed is not read again by the same process: so a page that asks every few seconds costs one
month, and what costs a look at every event costs it once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from ..domain.breakdowns import (
    CALENDAR,
    WEEKDAYS,
    Kind,
    Months,
    Part,
    Parts,
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


def _by_month(
    ledger: Ledger, filters: Filters, kind: Kind, months: Months, whole: Reading
) -> Iterator[Mapping[str, Parts]]:
    """The parts of each month of the period, in order: those that are known, or else read now."""
    if kind not in CALENDAR:
        _check_number(ledger, kind, whole.summary)
    live = _live(ledger, filters, filters.period, "month")
    live_trades = None if live is None else {start: summary.n for start, summary in live}
    for start, summary in ledger.series(filters.scope, filters.period, "month"):
        month = Part(summary, summary.n if live_trades is None else live_trades.get(start, 0))
        stretch = month_of(start)
        period = _within(stretch, filters.period)
        key, wanted = (filters.scope, kind if kind in CALENDAR else "traits", start), version([month])
        known = months.find(key, wanted) if period == stretch else None
        if known is None:
            known = _read(ledger, filters, kind, month, period)
            if period == stretch:
                months.keep(key, wanted, known)
        yield known


def _read(ledger: Ledger, filters: Filters, kind: Kind, month: Part, period: Period) -> Mapping[str, Parts]:
    if kind != "weekday" and kind != "hour":
        return by_traits(ledger.in_trade_order(filters.scope, period))
    step = _STEP[kind]
    is_all_live = month.live == month.summary.n  # as of most: then the second series need not be read
    live = None if is_all_live else _live(ledger, filters, period, step)
    return {kind: by_calendar(kind, ledger.series(filters.scope, period, step), live)}


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
