"""The parts of the report that cost more than the page: it is sent without them, and they are asked for afterwards.

Each is a page of its own too, so a reader without scripts follows a link.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlencode

from ..domain.decimals import plain
from ..domain.events import TradeEvent
from ..domain.summary import Summary
from . import text
from .breakdown import Breakdown, breakdown
from .figures import Number
from .histogram import Histogram, histogram
from .selection import Selection

PartName = Literal["trades", "hours", "positions", "symbols"]

# Name, title and what the link says that leads there without scripts.
PARTS: Mapping[PartName, tuple[str, str]] = MappingProxyType(
    {
        "positions": ("Open positions", "Show the open positions"),
        "trades": ("Trade by trade", "Show how results are spread, and the best and worst trades"),
        "hours": ("By hour", "Show the hours of the day"),
        "symbols": ("By symbol, side and venue", "Show symbols, sides and venues"),
    }
)

MOST_LABELS = 40  # rows of a table of symbols or venues

_MINUTE, _HOUR, _DAY = 60_000_000, 3_600_000_000, 86_400_000_000
_HELD = (
    (_MINUTE, "under a minute"),
    (_HOUR, "under an hour"),
    (_DAY, "under a day"),
    (7 * _DAY, "under a week"),
    (None, "a week or longer"),
)


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One event. Everything but the numbers is text from outside. `href`: the event as it was sent."""

    id: str
    href: str
    when: str
    strategy: str
    account: str
    symbol: str
    venue: str
    side: str
    size: str
    price_open: str
    price_close: str
    pnl: Number | None
    unit: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TradeTable:
    """`kind` "positions" has no close and no P&L."""

    id: str
    title: str
    kind: Literal["trades", "positions"]
    rows: tuple[TradeRow, ...]
    about: str = ""


@dataclass(frozen=True, slots=True)
class PartView:
    """One part. `back`: the report it belongs to; `nothing`: what stands there when there is nothing to show."""

    name: PartName
    title: str
    back: str
    histograms: tuple[Histogram, ...] = ()
    about: str = ""
    breakdowns: tuple[Breakdown, ...] = ()
    tables: tuple[TradeTable, ...] = ()
    nothing: str = ""


def href(selection: Selection, name: PartName) -> str:
    """Where a part is found: the report's own address, and the part's name."""
    whole = selection.href()
    return f"{whole}{'&' if '?' in whole else '?'}part={name}"


def row(event: TradeEvent) -> TradeRow:
    pnl = event.pnl
    return TradeRow(
        id=event.event_id,
        href=f"/trade_events?{urlencode({'event_id': event.event_id})}",
        when=text.date_time(event.timestamp),
        strategy=event.strategy_id,
        account=event.account_id,
        symbol=event.symbol,
        venue=event.venue,
        side=event.side,
        size=f"{plain(event.quantity)} {event.quantity_type}",
        price_open=plain(event.price_open),
        price_close="" if event.price_close is None else plain(event.price_close),
        pnl=None if pnl is None else Number(text.amount(Fraction(pnl)), plain(pnl)),
        unit=event.currency or "",
        tags=event.tags,
    )


def trades(
    selection: Selection,
    latest: Sequence[Summary],
    total: int,
    best: Sequence[TradeEvent],
    worst: Sequence[TradeEvent],
    currency: str,
) -> PartView:
    """How results are spread (`latest`: one summary per trade, in order, of `total` in all), the best, the worst."""
    back = selection.href()
    if not latest:
        return PartView("trades", PARTS["trades"][0], back, nothing="There is no closed trade here yet.")
    found = [histogram("P&L of a trade", [s.pnl for s in latest], text.amount, currency)]
    measured = [s.r_sum for s in latest if s.r_n]
    if measured:
        found.append(histogram("P&L in R, the risk taken", measured, lambda r: text.fixed(r, 2, 1), "R"))
    kept = [s for s in latest if s.held_n]
    parts = [(label, merged) for label, merged in _by_held(kept) if merged.n]
    held = (
        (breakdown("held", "By holding time", "Held", parts, currency, _of(len(kept), total, "trades that say it")),)
        if parts
        else ()
    )
    return PartView(
        "trades",
        PARTS["trades"][0],
        back,
        tuple(one for one in found if one is not None),
        _of(len(latest), total, "closed trades"),
        held,
        (
            TradeTable("best", "Best trades", "trades", tuple(map(row, best)), "Of all in this selection."),
            TradeTable("worst", "Worst trades", "trades", tuple(map(row, worst)), "Of all in this selection."),
        ),
    )


def _of(shown: int, total: int, what: str) -> str:
    if shown == total:
        return f"All {text.count(total)} {what}." if total > 1 else f"The one closed {what.split()[-1][:-1]}."
    return f"The latest {text.count(shown)} of {text.count(total)} closed trades."


def _by_held(latest: Sequence[Summary]) -> list[tuple[str, Summary]]:
    groups = [(limit, label, Summary()) for limit, label in _HELD]
    for one in latest:
        for limit, _, merged in groups:
            if limit is None or one.held_sum < limit:
                merged.extend(one)
                break
    return [(label, merged) for _, label, merged in groups]


def hours(selection: Selection, parts: Mapping[int, Summary], currency: str) -> PartView:
    """By hour of the day, UTC; hours without a trade are rows too, for the eye."""
    back = selection.href()
    if not parts:
        return PartView("hours", PARTS["hours"][0], back, nothing="There is no closed trade here yet.")
    rows = [(f"{hour:02d}:00", parts.get(hour, Summary())) for hour in range(24)]
    table = breakdown("hour", "By hour of the day", "Hour, UTC", rows, currency, "When trades were closed.")
    return PartView("hours", PARTS["hours"][0], back, breakdowns=(table,))


def positions(selection: Selection, events: Sequence[TradeEvent], further: bool) -> PartView:
    """What stands open: open events that no close answers."""
    if not events:
        return PartView("positions", PARTS["positions"][0], selection.href(), nothing="Nothing stands open.")
    about = "Opened and not closed yet, the newest first; in no figure." + (
        f" The newest {text.count(len(events))}; GET /positions lists them all." if further else ""
    )
    table = TradeTable("positions", "Open positions", "positions", tuple(map(row, events)), about)
    return PartView("positions", PARTS["positions"][0], selection.href(), tables=(table,))


def too_many(selection: Selection, name: PartName, most: int) -> PartView:
    """A part that would have to look at more events than can be waited for."""
    nothing = (
        f"There are more than {text.count(most)} events here, and this part looks at each: choose a shorter period."
    )
    return PartView(name, PARTS[name][0], selection.href(), nothing=nothing)


def symbols(selection: Selection, kinds: Mapping[str, Sequence[tuple[str, Summary]]], currency: str) -> PartView:
    """By symbol, side and venue, the largest total first."""
    if not any(kinds.values()):
        return PartView("symbols", PARTS["symbols"][0], selection.href(), nothing="There is no closed trade here yet.")
    tables = []
    for kind, parts in kinds.items():
        ranked = sorted(parts, key=lambda part: -part[1].pnl)
        cut = (
            ""
            if len(ranked) <= MOST_LABELS
            else (
                f"The best {MOST_LABELS // 2} and the worst {MOST_LABELS // 2} of {text.count(len(ranked))}; "
                f"GET /metrics/by_{kind} lists them all."
            )
        )
        if cut:
            ranked = [*ranked[: MOST_LABELS // 2], *ranked[-MOST_LABELS // 2 :]]
        tables.append(breakdown(kind, f"By {kind}", kind.capitalize(), ranked, currency, cut))
    return PartView("symbols", PARTS["symbols"][0], selection.href(), breakdowns=tuple(tables))
