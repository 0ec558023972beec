"""A figure of docs/metrics.md made readable: its number, unit, definition, and the reason where it is undefined.

Labels, definitions and reasons come from the one table in `domain.metrics`; here is only how a number is set.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from ..domain import metrics
from ..domain.decimals import plain
from ..domain.metrics import Basis, Metric, Value
from . import text

# How the full table is cut. A figure that stands in no section fails a test, not silently the reader.
SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Result",
        ("total_trades", "total_pnl", "ending_equity", "max_drawdown", "wins", "losses", "win_rate"),
    ),
    (
        "Trades",
        (
            "breakeven",
            "open_events",
            "voided",
            "gross_profit",
            "gross_loss",
            "total_fees",
            "profit_factor",
            "expectancy",
            "average_win",
            "average_loss",
            "payoff_ratio",
            "largest_win",
            "largest_loss",
            "max_consecutive_wins",
            "max_consecutive_losses",
            "current_streak",
            "kelly_fraction",
            "sqn",
            "average_r",
            "r_trades",
            "average_holding_seconds",
            "first_trade_at",
            "last_trade_at",
        ),
    ),
    (
        "Drawdown",
        (
            "max_drawdown_pct",
            "max_drawdown_peak_at",
            "max_drawdown_trough_at",
            "current_drawdown",
            "recovery_factor",
        ),
    ),
    (
        "Days and risk",
        (
            "calendar_days",
            "trading_days",
            "best_day",
            "worst_day",
            "winning_days",
            "losing_days",
            "sharpe_ratio",
            "sortino_ratio",
            "annual_volatility_pct",
            "total_return_pct",
            "cagr_pct",
            "calmar_ratio",
        ),
    ),
    (
        "Is the edge real?",
        (
            "psr",
            "min_track_record_days",
            "track_record_days",
            "expectancy_ci95",
            "deflated_sharpe",
            "strategies_tried",
            "verdict",
        ),
    ),
)

_PROBABILITIES = {"psr", "deflated_sharpe"}
_IN_CURRENCY = {"money", "currency per trade", "interval"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is read (`text`) and with every digit (`exact`)."""

    text: str
    exact: str

    @property
    def size(self) -> str:
        """How much room it asks for: the page sets a long number smaller, so that it stays in its tile."""
        length = len(self.text)
        return "s" if length <= 10 else "m" if length <= 14 else "l" if length <= 19 else "xl"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `number` is None where it is undefined, and `reason` then says why. `note` is a line below it."""

    name: str
    label: str
    number: Number | None
    unit: str
    definition: str
    reason: str
    note: str = ""


def number(metric: Metric, value: Value) -> Number | None:
    """How a value of this metric is set; None stays None."""
    if value is None:
        return None
    if isinstance(value, tuple):
        low, high = text.average(value[0], value[1]), text.average(value[1], value[0])
        return Number(f"{low} to {high}", f"[{value[0]!r}, {value[1]!r}]")
    if isinstance(value, str):
        return Number(value, value)
    if metric.unit == "time":
        assert isinstance(value, int)
        return Number(text.date_time(value), text.moment(value).isoformat().replace("+00:00", "Z"))
    if isinstance(value, int):
        shown = text.plural(value, "day") if metric.unit == "days" else text.count(value)
        return Number(shown, str(value))
    if isinstance(value, float):
        return Number(_set_float(metric, value), repr(value))
    return Number(text.amount(Fraction(value)), plain(value))


def _set_float(metric: Metric, value: float) -> str:
    if metric.name in _PROBABILITIES:
        return text.probability(value)
    if metric.unit == "percent":
        return text.percent(value)
    if metric.unit == "seconds":
        return text.duration(value)
    if metric.unit == "currency per trade":
        return text.average(value)
    return text.ratio(value)


def real(name: str, basis: Basis) -> float | None:
    """A figure that is a double, as one."""
    value = metrics.BY_NAME[name].read(basis)
    assert value is None or isinstance(value, float)
    return value


def figure(name: str, basis: Basis, currency: str, label: str = "", note: str = "") -> Figure:
    """The figure of that name; `currency` is the code to name money with, "" for none."""
    metric = metrics.BY_NAME[name]
    shown = number(metric, metric.read(basis))
    unit = currency if metric.unit in _IN_CURRENCY else "UTC" if metric.unit == "time" else ""
    reason = "" if shown else metric.undefined
    return Figure(
        name, label or metric.label, shown, unit if shown else "", metric.definition.replace(" * ", " × "), reason, note
    )


def headline(b: Basis, currency: str) -> tuple[Figure, ...]:
    """The eight that stand on top, each with one line that puts it into proportion."""
    s = b.s
    fall = real("max_drawdown_pct", b)
    balance = f"from {text.money(b.start)} to {text.money(b.start + s.pnl)}" if b.start else _fees(s.fees)
    counts = [text.plural(s.wins, "win"), text.plural(s.losses, "loss", "losses")]
    beside = [text.count(k) + word for k, word in ((s.opens, f"{text.NBSP}open"), (s.voids, f"{text.NBSP}voided")) if k]
    return (
        figure("total_pnl", b, currency, note=balance),
        figure("win_rate", b, currency, note=", ".join(counts)),
        figure("profit_factor", b, currency, note="won per unit lost"),
        figure("expectancy", b, currency, note="per trade"),
        figure(
            "max_drawdown",
            b,
            currency,
            note=f"{text.percent(fall)} of its peak" if fall is not None else _why_no_percent(b),
        ),
        replace(
            figure("sharpe_ratio", b, currency, note="daily, per year of 365 days"),
            reason="" if real("sharpe_ratio", b) is not None else "needs two days that differ",
        ),
        figure("total_trades", b, currency, note=f"plus {', '.join(beside)}" if beside else "closed"),
        figure("track_record_days", b, currency, note=_span(b)),
    )


def _fees(fees: int) -> str:
    if not fees:
        return "net of fees"
    return f"net of {text.money(abs(fees))} {'fees' if fees < 0 else 'rebates'}"


def _why_no_percent(b: Basis) -> str:
    return "of a peak at or below zero" if b.start else "in percent: set a starting balance"


def _span(b: Basis) -> str:
    if not b.s.n:
        return ""
    first, last = text.date(b.s.first_at), text.date(b.s.last_at)
    return first if first == last else f"{first} {text.DASH} {last}"


def sections(b: Basis, currency: str) -> tuple[tuple[str, tuple[Figure, ...]], ...]:
    """Every figure there is, as docs/metrics.md cuts them; the ones about the best of many only for a strategy."""
    hidden = frozenset() if b.strategies_tried is not None else metrics.STRATEGY_ONLY
    return tuple(
        (title, tuple(figure(name, b, currency) for name in names if name not in hidden)) for title, names in SECTIONS
    )
