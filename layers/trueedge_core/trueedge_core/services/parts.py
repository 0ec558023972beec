"""What the report shows afterwards: asked for one part at a time, each at a cost that is bounded and said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..domain.breakdowns import Kind, Months
from ..domain.curve import choose_step
from ..domain.days import Days, to_days
from ..domain.decimals import to_scaled
from ..domain.events import TradeEvent, parse_event
from ..domain.money import read_json
from ..domain.ports import EVERYTHING, AccountStore, Ledger, Period, Reading, Scope, Step, Trade
from ..domain.summary import DAY_US, MIXED, Summary
from ..errors import InvalidParameter
from ..report import parts
from ..report.parts import PartName, PartView
from ..report.selection import Selection
from .accounts import limits
from .breakdowns import rows
from .filters import Filters

LATEST = 2000  # trades whose spread is shown
EXTREMES = 5
POSITIONS = 200
HOUR_US = DAY_US // 24


@dataclass(frozen=True, slots=True)
class Sources:
    """What a part is made from; `reading` is the selection's summary. Without `accounts` there are no limits."""

    ledger: Ledger
    selection: Selection
    reading: Reading
    months: Months
    accounts: AccountStore | None
    now: int
    bound_to: Scope = EVERYTHING

    @property
    def currency(self) -> str:
        currency = self.reading.summary.currency
        return currency if currency is not None and currency != MIXED else ""

    @property
    def filters(self) -> Filters:
        """The same question, as the API asks it."""
        return Filters(self.selection.scope, self.selection.period)


def part(sources: Sources, name: PartName) -> PartView:
    """One part of the report."""
    made: Mapping[PartName, Callable[[Sources], PartView]] = {
        "limits": _limits,
        "positions": _positions,
        "hours": _hours,
        "trades": _trades,
        "symbols": _symbols,
    }
    return made[name](sources)


def _event(trade: Trade) -> TradeEvent:
    return parse_event(read_json(trade.raw), trade.raw, trade.received_at)


def _positions(a: Sources) -> PartView:
    page = a.ledger.positions(a.selection.scope, None, POSITIONS)
    return parts.positions(a.selection, [_event(trade) for trade in page.items], page.cursor is not None)


def _hours(a: Sources) -> PartView:
    found = rows(a.ledger, a.filters, "hour", a.months, a.reading)
    return parts.hours(a.selection, {int(hour): one.summary for hour, one in found if one.summary.n}, a.currency)


def _symbols(a: Sources) -> PartView:
    """Every event is looked at, a month that was looked at before is not: a store has a limit, and says so."""
    kinds: dict[str, list[tuple[str, Summary]]] = {}
    shown: tuple[Kind, ...] = ("symbol", "side", "venue")
    try:
        for kind in shown:
            found = rows(a.ledger, a.filters, kind, a.months, a.reading)
            kinds[kind] = [(label, one.summary) for label, one in found if one.summary.n]
    except InvalidParameter as error:
        return parts.refused(a.selection, "symbols", error.message)
    return parts.symbols(a.selection, kinds, a.currency)


def _limits(a: Sources) -> PartView:
    """The account's own, whatever period is shown."""
    account_id = a.selection.account_id
    if a.accounts is None or account_id is None or a.selection.strategy_id is not None:
        return parts.refused(a.selection, "limits", "Limits are those of one whole account.")
    used = limits(a.ledger, a.accounts, Filters(a.selection.scope), a.now, a.bound_to)
    return parts.limits(a.selection, used, a.currency)


# --- trade by trade --------------------------------------------------------------------------------------------------


def _trades(a: Sources) -> PartView:
    ledger, selection, s, currency = a.ledger, a.selection, a.reading.summary, a.currency
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
