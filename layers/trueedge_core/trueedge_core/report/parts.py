"""The parts of the report that cost more than the page: it is sent without them, and they are asked for afterwards.

Each is a page of its own too, so a reader without scripts follows a link.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlencode

from ..domain.decimals import plain
from ..domain.events import TradeEvent
from ..domain.summary import Summary
from ..domain.times import parse_time
from . import text
from .breakdown import Breakdown, breakdown
from .figures import Number
from .histogram import Histogram, histogram
from .selection import Selection

PartName = Literal["limits", "positions", "trades", "hours", "symbols"]

# Name, title and what the link says that leads there without scripts.
PARTS: Mapping[PartName, tuple[str, str]] = MappingProxyType(
    {
        "limits": ("Limits", "Show what was used of the limits"),
        "positions": ("Open positions", "Show the open positions"),
        "trades": ("Trade by trade", "Show how results are spread, and the best and worst trades"),
        "hours": ("By hour", "Show the hours of the day"),
        "symbols": ("By symbol, side and venue", "Show symbols, sides and venues"),
    }
)

NEARLY = 0.8  # of a limit: from here on it is said
MOST_LABELS = 40  # rows of a table of symbols or venues

# A part that looks at so many events is asked for by the reader, not by every page that is opened.
ASKED_ABOVE: Mapping[PartName, int] = MappingProxyType({"hours": 300_000, "symbols": 100_000})

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
class Gauge:
    """What was used of a limit; `limit`, `share`, `fill` are "" where none is set. `word` says what the colour says."""

    label: str
    used: Number
    limit: str
    share: str
    fill: str
    word: str
    is_breached: bool


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
    gauges: tuple[Gauge, ...] = ()
    unit: str = ""


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
    """By hour of the day, UTC, those with a trade."""
    back = selection.href()
    if not parts:
        return PartView("hours", PARTS["hours"][0], back, nothing="There is no closed trade here yet.")
    rows = [(f"{hour:02d}:00", summary) for hour, summary in sorted(parts.items())]
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


def refused(selection: Selection, name: PartName, why: str) -> PartView:
    """A part that cannot be shown, and why."""
    return PartView(name, PARTS[name][0], selection.href(), nothing=why)


def limits(selection: Selection, used: Mapping[str, Any], currency: str) -> PartView:
    """What was used of an account's limits; `used` is the answer of GET /accounts/{account_id}/limits."""
    daily, trailing, cut = used["daily_loss"], used["trailing_drawdown"], used["day_cut"]
    day = "today" if cut == {"zone": "UTC", "hour": 0} else f"today, since {cut['hour']:02d}:00 {cut['zone']}"
    rows = [_gauge(f"Loss of {day}", daily["today"], daily["limit"])]
    if daily["worst"] is not None:
        rows.append(_gauge(f"Loss of the worst day, {_since(daily['worst']['from'])}", daily["worst"], daily["limit"]))
    rows.append(_gauge("Drawdown now", trailing["now"], trailing["limit"]))
    rows.append(_gauge("Largest drawdown", trailing["worst"], trailing["limit"]))
    missing = [name for name, one in (("daily loss", daily), ("trailing drawdown", trailing)) if one["limit"] is None]
    about = "How far below its start a day went at its lowest, and how far equity is below its highest; closed trades."
    if missing:
        about += f" No limit is set for the {' and the '.join(missing)}: PUT /accounts/{{account_id}} sets them."
    return PartView("limits", PARTS["limits"][0], selection.href(), about=about, gauges=tuple(rows), unit=currency)


def _since(instant: str) -> str:
    return text.date(parse_time(instant))


def _gauge(label: str, use: Mapping[str, Any], limit: Decimal | None) -> Gauge:
    used = Number(text.amount(Fraction(use["used"])), plain(Decimal(use["used"])))
    if limit is None:
        return Gauge(label, used, "", "", "", "no limit", is_breached=False)
    share = float(use["share"])
    word = "reached" if use["breached"] else "most of it" if share >= NEARLY else "within"
    asked = text.amount(Fraction(limit))
    return Gauge(
        label, used, asked, text.percent(100 * share), f"{min(100.0, 100 * share):.2f}%", word, use["breached"]
    )


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
