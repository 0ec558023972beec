"""Tables of a selection's parts: weekdays, hours, symbols, sides, venues; and its deepest falls, and its streaks."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..domain import metrics
from ..domain.days import Days, deepest, runs
from ..domain.metrics import Basis
from ..domain.summary import Summary
from ..domain.times import DAY_US
from . import text
from .figures import Figure, Number, figure

_COLUMNS = ("total_trades", "total_pnl", "win_rate", "profit_factor", "expectancy")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Bar:
    """A part's total as a bar from the middle line: `x` and `width` in percent of the whole width."""

    x: str
    width: str
    is_loss: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One row; `label` may come from outside."""

    label: str
    figures: tuple[Figure, ...]
    bar: Bar


@dataclass(frozen=True, slots=True)
class Breakdown:
    """`about` says what must be known to read it."""

    id: str
    title: str
    label: str
    unit: str
    columns: tuple[Figure, ...]
    parts: tuple[Part, ...]
    about: str = ""


def breakdown(
    id_: str, title: str, label: str, parts: Sequence[tuple[str, Summary]], currency: str, about: str = ""
) -> Breakdown:
    """A table of these parts, in their order; each is measured alone, without a starting balance."""
    totals = [summary.pnl for _, summary in parts]
    largest = max((abs(total) for total in totals), default=0) or 1
    rows = tuple(
        Part(name, tuple(figure(metric, Basis(summary), "") for metric in _COLUMNS), _bar(summary.pnl, largest))
        for name, summary in parts
    )
    columns = tuple(figure(metric, Basis(Summary()), "") for metric in _COLUMNS)
    return Breakdown(id_, title, label, currency, columns, rows, about)


def _bar(amount: int, largest: int) -> Bar:
    width = 50 * abs(amount) / largest
    return Bar(f"{50 - width if amount < 0 else 50:.2f}%", f"{width:.2f}%", amount < 0)


def by_weekday(days: Days, currency: str) -> Breakdown | None:
    """Monday to Sunday (UTC), those with a trade; None without any."""
    if not days:
        return None
    found: dict[int, Summary] = {}
    for start, summary in days:
        found.setdefault((start // DAY_US + 3) % 7, Summary()).extend(summary)
    parts = [(name, found[k]) for k, name in enumerate(WEEKDAYS) if k in found]
    return breakdown("weekday", "By weekday", "Weekday", parts, currency)


# --- the deepest drawdowns -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FallRow:
    """One drawdown; `recovered` is "not yet" while it lasts, `length` counts calendar days from peak to recovery."""

    depth: Number
    share: str
    peak: str
    trough: str
    recovered: str
    length: str


def falls(days: Days, start: int, today: int) -> tuple[FallRow, ...]:
    """The five deepest between ends of days; `today` (us) ends one that lasts."""
    rows = []
    for fall in deepest(days, start):
        began = fall.first_day if fall.peak_day is None else fall.peak_day
        until = today if fall.recovered is None else fall.recovered
        rows.append(
            FallRow(
                Number(text.money(fall.depth), text.exact(fall.depth)),
                text.percent(100 * fall.depth / fall.peak) if start and fall.peak > 0 else "",
                "the start" if fall.peak_day is None else text.date(fall.peak_day),
                text.date(fall.trough_day),
                "not yet" if fall.recovered is None else text.date(fall.recovered),
                text.plural(until // DAY_US - began // DAY_US, "day"),
            )
        )
    return tuple(rows)


# --- streaks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Streak:
    label: str
    length: str
    exact: str


def streaks(b: Basis, days: Days) -> tuple[Streak, ...]:
    """Trades in a row are metrics; days in a row are counted here."""
    up, down = runs(days)

    def read(name: str) -> int:
        value = metrics.BY_NAME[name].read(b)
        assert isinstance(value, int)
        return value

    now = read("current_streak")
    won, lost = read("max_consecutive_wins"), read("max_consecutive_losses")
    kinds = ("win", "wins") if now > 0 else ("loss", "losses")
    return (
        Streak("Most wins in a row", text.plural(won, "trade"), str(won)),
        Streak("Most losses in a row", text.plural(lost, "trade"), str(lost)),
        Streak("At the moment", text.plural(abs(now), *kinds) if now else "none", str(now)),
        Streak("Most winning days in a row", text.plural(up, "day"), str(up)),
        Streak("Most losing days in a row", text.plural(down, "day"), str(down)),
    )
