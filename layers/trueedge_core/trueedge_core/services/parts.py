"""What the report shows afterwards: asked for one part at a time, each at a cost that is bounded and said."""

from collections.abc import Callable, Sequence

from ..domain.breakdowns import Trait, by_calendar, by_traits
from ..domain.curve import choose_step
from ..domain.days import Days, to_days
from ..domain.decimals import to_scaled
from ..domain.events import TradeEvent, parse_event
from ..domain.money import read_json
from ..domain.ports import Ledger, Period, Reading, Scope, Step, Trade
from ..domain.summary import DAY_US, MIXED, Summary
from ..report import parts
from ..report.parts import PartName, PartView
from ..report.selection import Selection

LATEST = 2000  # trades whose spread is shown
EXTREMES = 5
POSITIONS = 200
HOUR_US = DAY_US // 24


def part(ledger: Ledger, selection: Selection, reading: Reading, name: PartName) -> PartView:
    """One part of the report of this selection; `reading` is its summary."""
    s = reading.summary
    currency = s.currency if s.currency is not None and s.currency != MIXED else ""
    if name == "positions":
        page = ledger.positions(selection.scope, None, POSITIONS)
        return parts.positions(selection, [_event(trade) for trade in page.items], page.cursor is not None)
    if name == "hours":
        hours = by_calendar("hour", ledger.series(selection.scope, selection.period, "hour"), None)
        return parts.hours(selection, {int(hour): one.summary for hour, one in hours.items()}, currency)
    if name == "symbols":
        return _symbols(ledger, selection, s, currency)
    return _trades(ledger, selection, s, currency)


def _event(trade: Trade) -> TradeEvent:
    return parse_event(read_json(trade.raw), trade.raw, trade.received_at)


def _symbols(ledger: Ledger, selection: Selection, s: Summary, currency: str) -> PartView:
    """Every event is looked at, so only as many are as take some seconds."""
    if s.n + s.opens + s.voids > ledger.most_in_order:
        return parts.too_many(selection, "symbols", ledger.most_in_order)
    traits = by_traits(ledger.in_trade_order(selection.scope, selection.period))
    shown: tuple[Trait, ...] = ("symbol", "side", "venue")
    kinds: dict[str, list[tuple[str, Summary]]] = {
        trait: [(label, one.summary) for label, one in traits[trait].items() if one.summary.n] for trait in shown
    }
    return parts.symbols(selection, kinds, currency)


# --- trade by trade --------------------------------------------------------------------------------------------------


def _trades(ledger: Ledger, selection: Selection, s: Summary, currency: str) -> PartView:
    scope, period = selection.scope, selection.period
    if not s.n:
        return parts.trades(selection, [], 0, [], [], currency)
    days = to_days(ledger.series(scope, period, choose_step(s, LATEST)))
    best = extremes(ledger, scope, period, days, lambda one: one.best)
    worst = extremes(ledger, scope, period, days, lambda one: -one.worst)
    return parts.trades(selection, _latest(ledger, scope, period, days), s.n, best, worst, currency)


def _latest(ledger: Ledger, scope: Scope, period: Period, days: Days) -> list[Summary]:
    """One summary for each of the newest trades: days are taken from the end until there are enough, then the rest cut.

    The busiest of days is read whole; no other reading here grows with how much there is.
    """
    count, first = 0, days[0][0]
    for start, day in reversed(days):
        count += day.n
        if count >= LATEST:
            first = start
            break
    found = ledger.series(scope, _cut(period, first, None), "trade")
    return [summary for _, summary in found][-LATEST:]


def extremes(
    ledger: Ledger, scope: Scope, period: Period, days: Days, size: Callable[[Summary], int]
) -> list[TradeEvent]:
    """The trades with the largest `size` of all, the largest first; of equal ones the earlier.

    Exact without a look at every trade: the five largest lie in the five days whose largest are the largest, and there
    in the five such hours.
    """
    hours = [step for start, _ in _top(days, size) for step in _steps(ledger, scope, period, start, DAY_US, "hour")]
    trades = [step for start, _ in _top(hours, size) for step in _steps(ledger, scope, period, start, HOUR_US, "trade")]
    found: dict[str, TradeEvent] = {}
    for at, summary in _top(trades, size):
        for trade in ledger.trades(scope, Period(at, at + 1), None, 1000).items:
            event = _event(trade)
            is_it = event.pnl is not None and event.state == "closed" and to_scaled(event.pnl) == summary.pnl
            if is_it and trade.void_reason is None and trade.event_id not in found:
                found[trade.event_id] = event
                break
    return list(found.values())


def _top(steps: Sequence[tuple[int, Summary]], size: Callable[[Summary], int]) -> list[tuple[int, Summary]]:
    return sorted((step for step in steps if step[1].n), key=lambda step: (-size(step[1]), step[0]))[:EXTREMES]


def _steps(
    ledger: Ledger, scope: Scope, period: Period, start: int, length: int, step: Step
) -> list[tuple[int, Summary]]:
    return ledger.series(scope, _cut(period, start, start + length), step)


def _cut(period: Period, start: int, end: int | None) -> Period:
    """The part of the period that lies in `start <= t < end`."""
    ends = [one for one in (period.end, end) if one is not None]
    return Period(start if period.start is None else max(start, period.start), min(ends) if ends else None)
