"""The calendar: a heat map of days per year, as paths for inline SVG, and a table of months. Both read from days alone.

A colour says gain or loss, its strength how much; a loss has a bar cut out of its cell too, so that the picture needs
no colour. Cells of one strength are one path: ten years of days are some 60 KB of text, a tenth of it when packed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from fractions import Fraction

from ..domain.days import Days
from ..domain.decimals import SCALE
from ..domain.summary import DAY_US, Summary
from . import text
from .figures import Number
from .selection import Selection

CELL, PITCH = 12, 15
LEFT, TOP = 32, 20
WIDTH, HEIGHT = LEFT + 54 * PITCH, TOP + 7 * PITCH
OPEN_YEARS, MOST_YEARS = 3, 12
LEVELS = 4


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one strength: `shade` is g1..g4 for gains, l1..l4 for losses, z for a day at exactly zero."""

    shade: str
    path: str


@dataclass(frozen=True, slots=True)
class Year:
    """One year's picture. `ground`: where its days are; `months`: (x, name); `told`: the picture in words."""

    year: int
    ground: str
    cells: tuple[Cells, ...]
    months: tuple[tuple[int, str], ...]
    told: str


@dataclass(frozen=True, slots=True)
class Month:
    """`number` is None for a month without a closed trade."""

    number: Number | None
    shade: str
    href: str
    told: str


@dataclass(frozen=True, slots=True)
class MonthsOfYear:
    year: int
    href: str
    months: tuple[Month, ...]
    total: Number


@dataclass(frozen=True, slots=True)
class Calendar:
    """`days` is read by the script: `day:pnl:trades` with commas between, days counted since 1970, pnl in every digit.

    `page`: the address of a day's own report, to which the script adds from and to.
    """

    unit: str
    years: tuple[Year, ...]
    earlier: tuple[Year, ...]
    more: str
    days: str
    page: str
    rows: tuple[MonthsOfYear, ...]
    steps: str
    width: int = WIDTH
    height: int = HEIGHT


def build(selection: Selection, days: Days, currency: str) -> Calendar | None:
    """The calendar of these days; None without one."""
    if not days:
        return None
    by_year: dict[int, list[tuple[date, Summary]]] = {}
    for start, summary in days:
        by_year.setdefault(_date(start).year, []).append((_date(start), summary))
    years = sorted(by_year, reverse=True)
    pictured = years[:MOST_YEARS]
    first = datetime(pictured[-1], 1, 1, tzinfo=UTC).timestamp() * 1_000_000
    shown = [(start, summary) for start, summary in days if start >= first]
    shades = _Shades([summary.pnl for _, summary in shown])
    pictures = [_year(year, by_year[year], shades) for year in pictured]
    hidden = len(years) - len(pictured)
    return Calendar(
        unit=currency,
        years=tuple(pictures[:OPEN_YEARS]),
        earlier=tuple(pictures[OPEN_YEARS:]),
        more=f"{text.plural(hidden, 'year')} before {pictured[-1]} only in the table of months." if hidden else "",
        days=",".join(f"{start // DAY_US}:{text.exact(s.pnl)}:{s.n}" for start, s in shown),
        page=replace(selection, start=None, end=None).href(),
        rows=tuple(_months(selection, by_year)),
        steps=shades.told(),
    )


def _date(start: int) -> date:
    return text.moment(start).date()


class _Shades:
    """Four strengths by size: a quarter of the days that moved in each."""

    def __init__(self, amounts: Sequence[int]) -> None:
        sizes = sorted(abs(amount) for amount in amounts if amount)
        self.limits = [sizes[(len(sizes) * k) // LEVELS] for k in range(1, LEVELS)] if sizes else []

    def of(self, amount: int) -> str:
        if not amount:
            return "z"
        strength = 1 + sum(abs(amount) >= limit for limit in self.limits)
        return f"{'g' if amount > 0 else 'l'}{strength}"

    def told(self) -> str:
        if not self.limits:
            return ""
        return (
            "A step darker from "
            + ", ".join(dict.fromkeys(text.compact(Fraction(limit, SCALE)) for limit in self.limits))
            + " on."
        )


def _year(year: int, days: Sequence[tuple[date, Summary]], shades: _Shades) -> Year:
    first, last = date(year, 1, 1), date(year, 12, 31)
    shift = first.weekday()

    def place(day: date) -> tuple[int, int]:
        column, row = divmod((day - first).days + shift, 7)
        return LEFT + column * PITCH, TOP + row * PITCH

    paths: dict[str, list[str]] = {}
    for day, summary in days:
        x, y = place(day)
        shade = shades.of(summary.pnl)
        bar = f"M{x + 3} {y + 5}v2h6v-2z" if shade[0] == "l" else ""
        paths.setdefault(shade, []).append(f"M{x} {y}h{CELL}v{CELL}h-{CELL}z{bar}")
    total = sum(summary.pnl for _, summary in days)
    best, worst = max(days, key=lambda one: one[1].pnl), min(days, key=lambda one: one[1].pnl)
    return Year(
        year,
        _ground(place(last), shift),
        tuple(Cells(shade, "".join(parts)) for shade, parts in sorted(paths.items())),
        tuple((place(date(year, month, 1))[0], text.MONTHS[month - 1]) for month in range(1, 13)),
        f"{year}: {text.money(total)} on {text.plural(len(days), 'trading day')}; "
        f"best {text.money(best[1].pnl)} on {_day(best[0])}, worst {text.money(worst[1].pnl)} on {_day(worst[0])}.",
    )


def _day(day: date) -> str:
    return f"{day.day}{text.NBSP}{text.MONTHS[day.month - 1]}"


def _ground(last: tuple[int, int], shift: int) -> str:
    """The outline of a year's cells, to be filled with the pattern of empty ones."""
    x, y = last
    second = LEFT + PITCH if shift else LEFT
    bottom = TOP + 7 * PITCH
    return f"M{second} {TOP}H{x + PITCH}V{y + PITCH}H{x}V{bottom}H{LEFT}V{TOP + shift * PITCH}H{second}z"


# --- months ----------------------------------------------------------------------------------------------------------


def _months(selection: Selection, by_year: dict[int, list[tuple[date, Summary]]]) -> Iterator[MonthsOfYear]:
    amounts: dict[tuple[int, int], int] = {}
    for year, days in by_year.items():
        for day, summary in days:
            amounts[year, day.month] = amounts.get((year, day.month), 0) + summary.pnl
    shades = _Shades(list(amounts.values()))
    for year in sorted(by_year, reverse=True):
        cells = []
        for month in range(1, 13):
            amount = amounts.get((year, month))
            href = _within(selection, date(year, month, 1), date(year + month // 12, month % 12 + 1, 1))
            name = f"{text.MONTHS[month - 1]} {year}"
            cells.append(
                Month(None, "", "", f"{name}: no trade")
                if amount is None
                else Month(_number(amount), shades.of(amount), href, name)
            )
        total = sum(summary.pnl for _, summary in by_year[year])
        whole = _within(selection, date(year, 1, 1), date(year + 1, 1, 1))
        yield MonthsOfYear(year, whole, tuple(cells), _number(total))


def _number(amount: int) -> Number:
    """Two decimals up to a million, so that a column of months reads like one; coins' small amounts as they need."""
    value = Fraction(amount, SCALE)
    size = abs(value)
    shown = text.fixed(value, 2, 2) if 1 <= size < 10**6 or not size else text.compact(value)
    return Number(shown, text.exact(amount))


def _within(selection: Selection, first: date, end: date) -> str:
    """The report of these dates, as far as they lie in the selection's own period."""
    start, stop = (int(datetime(d.year, d.month, d.day, tzinfo=UTC).timestamp()) * 1_000_000 for d in (first, end))
    return replace(
        selection,
        chosen=True,
        start=start if selection.start is None else max(start, selection.start),
        end=stop if selection.end is None else min(stop, selection.end),
    ).href()
