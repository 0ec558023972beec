"""Every figure TRUEEDGE shows, as one table: name, unit, definition, undefined case, source, and the function that
reads it out of a `Summary`.

API, report, documentation and OpenAPI are made from `METRICS` and `EDGE`; a figure is added or changed here and nowhere
else. Undefined is None. Money is an exact Decimal; a ratio is the double nearest to one exact rational (Python's
int / int rounds correctly), with a root sign * sqrt of such a double; what needs more than a root (`psr`,
`deflated_sharpe`, `cagr_pct`) is rounded to 12 significant digits, so that two C libraries give the same bytes.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import cached_property
from statistics import NormalDist
from typing import Literal, TypeVar

from .money import SCALE, from_scaled
from .summary import Summary, daily

Unit = Literal[
    "count", "money", "ratio", "percent", "currency per trade", "seconds", "days", "time", "interval", "word"
]
Value = int | float | Decimal | str | tuple[float, float] | None
V = TypeVar("V", bound=Value, covariant=True)

DAYS_PER_YEAR = 365
Z_95_ONE_SIDED = Decimal("1.6448536")
Z_95_TWO_SIDED = 1.959964
EULER_GAMMA = 0.5772156649
MIN_TRADES, MIN_LOSING_DAYS, CONFIDENCE = 30, 5, 0.95
VERDICTS = ("insufficient", "losing", "unproven", "significant")

# Enough digits that cancellation in V cannot reach the 12 that are shown.
_WIDE = Context(prec=80)
_POWER = Context(prec=40)  # a power costs much more than the rest; 40 leave 12 whatever a record's length
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Basis:
    """What the figures are computed from. `start` is the starting balance scaled by 1e18 (0 = none given)."""

    s: Summary
    start: int = 0
    strategies_tried: int | None = None

    @cached_property
    def d(self) -> Summary:
        """The summary with its edge days closed: day components of every trading day."""
        return daily(self.s)

    @property
    def m(self) -> int:
        """Calendar days from the first to the last closed trade."""
        return self.s.ld - self.s.fd + 1 if self.s.n else 0

    @property
    def day_spread(self) -> int:
        """m * sum(d^2) - sum(d)^2: zero when the days' standard deviation is."""
        return self.m * self.d.d2 - self.s.pnl**2

    @property
    def trade_spread(self) -> int:
        """n * sum(x^2) - sum(x)^2 over the trades."""
        return self.s.n * self.s.pnl2 - self.s.pnl**2

    @cached_property
    def growth_pct(self) -> float | None:
        """Compound annual growth in percent; None when undefined (`cagr_pct`)."""
        ending = self.start + self.s.pnl
        if self.start == 0 or ending <= 0 or self.m < 30:
            return None
        with localcontext(_POWER):
            growth = (Decimal(ending) / Decimal(self.start)) ** (Decimal(DAYS_PER_YEAR) / self.m)
            percent = float(100 * (growth - 1))
        return _twelve(percent) if math.isfinite(percent) else None

    @cached_property
    def sharpe_z(self) -> tuple[Decimal, Decimal, Decimal] | None:
        """(s, s * sqrt(m-1), V) of the daily P&L; None when m < 2, stdev 0 or V <= 1e-9."""
        m, s1, spread = self.m, self.s.pnl, self.day_spread
        if m < 2 or spread == 0:
            return None
        d2, d3, d4 = self.d.d2, self.d.d3, self.d.d4
        third = m * m * d3 - 3 * m * s1 * d2 + 2 * s1**3
        fourth = m**3 * d4 - 4 * m * m * s1 * d3 + 6 * m * s1 * s1 * d2 - 3 * s1**4
        with localcontext(_WIDE):
            # s = mean / stdev(ddof 1); g3 * s and g4 reduce to rationals and one root, so nothing is lost on the way.
            s = Decimal(s1) * (Decimal(m - 1) / m).sqrt() / Decimal(spread).sqrt()
            skew = Decimal(third) / (Decimal(spread) * Decimal(spread).sqrt())
            kurtosis = Decimal(fourth) / (Decimal(spread) ** 2)
            v = 1 - skew * s + (kurtosis - 1) / 4 * s * s
            if v <= Decimal("1e-9"):
                return None
            return s, s * Decimal(m - 1).sqrt(), v


@dataclass(frozen=True)
class Metric:
    """One row of the table. `undefined` says when the value is None ("" = never)."""

    name: str
    label: str
    unit: Unit
    definition: str
    undefined: str
    source: str
    read: Callable[[Basis], Value]


_metrics: list[Metric] = []
_edge: list[Metric] = []


def _row(
    table: list[Metric], label: str, unit: Unit, definition: str, undefined: str = "", source: str = ""
) -> Callable[[Callable[[Basis], V]], Callable[[Basis], V]]:
    def enter(read: Callable[[Basis], V]) -> Callable[[Basis], V]:
        table.append(Metric(read.__name__, label, unit, definition, undefined, source, read))
        return read

    return enter


def _ratio(numerator: int, denominator: int) -> float | None:
    """The nearest double, None over zero; never minus zero."""
    return numerator / denominator if denominator else None


def _root(sign: int, numerator: int, denominator: int) -> float | None:
    """sign(sign) * sqrt(numerator / denominator), None over zero."""
    if not denominator:
        return None
    if not sign:
        return 0.0
    return math.copysign(math.sqrt(numerator / denominator), sign)


def _twelve(x: float) -> float:
    return float(f"{x:.12g}")


def _phi(z: Decimal) -> float:
    """The standard normal distribution function; erfc keeps its relative precision far out in the lower tail."""
    return _twelve(0.5 * math.erfc(-float(z) / math.sqrt(2)))


# --- the seven of the contract ---------------------------------------------------------------------------------------


@_row(_metrics, "Trades", "count", "number of closed trades n")
def total_trades(b: Basis) -> Value:
    return b.s.n


@_row(_metrics, "Total P&L", "money", "sum of pnl (net of fees)")
def total_pnl(b: Basis) -> Value:
    return from_scaled(b.s.pnl)


@_row(_metrics, "Ending equity", "money", "starting_balance + total_pnl")
def ending_equity(b: Basis) -> Value:
    return from_scaled(b.start + b.s.pnl)


@_row(
    _metrics,
    "Max drawdown",
    "money",
    "largest fall of the equity curve from its running peak; the peak starts at starting_balance, before the first "
    "trade",
)
def max_drawdown(b: Basis) -> Value:
    return from_scaled(b.s.dd)


@_row(_metrics, "Wins", "count", "number of trades with pnl > 0")
def wins(b: Basis) -> Value:
    return b.s.wins


@_row(_metrics, "Losses", "count", "number of trades with pnl < 0")
def losses(b: Basis) -> Value:
    return b.s.losses


@_row(_metrics, "Win rate", "percent", "100 * wins / n; 0 when there is no trade")
def win_rate(b: Basis) -> Value:
    return _ratio(100 * b.s.wins, b.s.n) or 0.0


# --- trade statistics ------------------------------------------------------------------------------------------------


@_row(
    _metrics, "Breakeven", "count", "number of trades with pnl = 0: neither win nor loss, and the end of both streaks"
)
def breakeven(b: Basis) -> Value:
    return b.s.n - b.s.wins - b.s.losses


@_row(
    _metrics,
    "Open events",
    "count",
    "number of events with state open that are not voided; they change no other figure",
)
def open_events(b: Basis) -> Value:
    return b.s.opens


@_row(
    _metrics,
    "Voided",
    "count",
    "number of events taken out of the figures by a void entry; they change no other figure",
)
def voided(b: Basis) -> Value:
    return b.s.voids


@_row(_metrics, "Gross profit", "money", "sum of pnl over the wins")
def gross_profit(b: Basis) -> Value:
    return from_scaled(b.s.gain)


@_row(_metrics, "Gross loss", "money", "sum of pnl over the losses (zero or negative)")
def gross_loss(b: Basis) -> Value:
    return from_scaled(b.s.pnl - b.s.gain)


@_row(_metrics, "Total fees", "money", "sum of fees as sent (negative = cost)")
def total_fees(b: Basis) -> Value:
    return from_scaled(b.s.fees)


@_row(_metrics, "Profit factor", "ratio", "gross_profit / abs(gross_loss)", "no losing trade")
def profit_factor(b: Basis) -> Value:
    return _ratio(b.s.gain, b.s.gain - b.s.pnl)


@_row(_metrics, "Expectancy", "currency per trade", "total_pnl / n", "no trade")
def expectancy(b: Basis) -> Value:
    return _ratio(b.s.pnl, b.s.n * SCALE)


@_row(_metrics, "Average win", "currency per trade", "gross_profit / wins", "no win")
def average_win(b: Basis) -> Value:
    return _ratio(b.s.gain, b.s.wins * SCALE)


@_row(_metrics, "Average loss", "currency per trade", "gross_loss / losses (negative)", "no loss")
def average_loss(b: Basis) -> Value:
    return _ratio(b.s.pnl - b.s.gain, b.s.losses * SCALE)


@_row(_metrics, "Payoff ratio", "ratio", "average_win / abs(average_loss)", "no win or no loss")
def payoff_ratio(b: Basis) -> Value:
    s = b.s
    return _ratio(s.gain * s.losses, s.wins * (s.gain - s.pnl)) if s.wins and s.losses else None


@_row(_metrics, "Largest win", "money", "largest pnl > 0", "no win")
def largest_win(b: Basis) -> Value:
    return from_scaled(b.s.best) if b.s.wins else None


@_row(_metrics, "Largest loss", "money", "smallest pnl < 0", "no loss")
def largest_loss(b: Basis) -> Value:
    return from_scaled(b.s.worst) if b.s.losses else None


@_row(_metrics, "Longest winning streak", "count", "longest run of wins in trade order")
def max_consecutive_wins(b: Basis) -> Value:
    return b.s.max_wins


@_row(_metrics, "Longest losing streak", "count", "longest run of losses in trade order")
def max_consecutive_losses(b: Basis) -> Value:
    return b.s.max_losses


@_row(
    _metrics,
    "Current streak",
    "count",
    "signed length of the run at the end: +3 three wins, -2 two losses, 0 no trade or a breakeven",
)
def current_streak(b: Basis) -> Value:
    return b.s.suf


@_row(
    _metrics,
    "Kelly fraction",
    "ratio",
    "wins / n - (losses / n) / payoff_ratio",
    "payoff_ratio is undefined",
    "J. L. Kelly, A New Interpretation of Information Rate, 1956",
)
def kelly_fraction(b: Basis) -> Value:
    s = b.s
    return _ratio(s.wins * s.pnl, s.n * s.gain) if s.wins and s.losses else None


@_row(
    _metrics,
    "SQN",
    "ratio",
    "sqrt(n) * mean(pnl) / stdev(pnl, n-1)",
    "fewer than 2 trades, or all pnl equal",
    "System Quality Number, V. K. Tharp, Definitive Guide to Position Sizing, 2008",
)
def sqn(b: Basis) -> Value:
    return _root(b.s.pnl, b.s.pnl**2 * (b.s.n - 1), b.trade_spread) if b.s.n > 1 else None


@_row(
    _metrics,
    "Average R",
    "ratio",
    "mean of pnl / initial_risk over the trades that give it (each quotient half-even to 18 decimals)",
    "no trade gives initial_risk",
)
def average_r(b: Basis) -> Value:
    return _ratio(b.s.r_sum, b.s.r_n * SCALE)


@_row(_metrics, "Trades with R", "count", "number of trades that give initial_risk")
def r_trades(b: Basis) -> Value:
    return b.s.r_n


@_row(
    _metrics,
    "Average holding time",
    "seconds",
    "mean of timestamp - opened_at over the trades that give it",
    "no trade gives opened_at",
)
def average_holding_seconds(b: Basis) -> Value:
    return _ratio(b.s.held_sum, b.s.held_n * 1_000_000)


@_row(_metrics, "First trade", "time", "timestamp of the first closed trade", "no trade")
def first_trade_at(b: Basis) -> Value:
    return b.s.first_at if b.s.n else None


@_row(_metrics, "Last trade", "time", "timestamp of the last closed trade", "no trade")
def last_trade_at(b: Basis) -> Value:
    return b.s.last_at if b.s.n else None


# --- drawdown --------------------------------------------------------------------------------------------------------


@_row(
    _metrics,
    "Max drawdown %",
    "percent",
    "100 * max_drawdown / equity at the peak that it fell from; 0 without a drawdown",
    "starting_balance = 0, or that peak <= 0",
    "MetaTrader's 'Maximal drawdown (x %)', freqtrade's max_drawdown_account",
)
def max_drawdown_pct(b: Basis) -> float | None:
    if b.start == 0:
        return None
    if b.s.dd == 0:
        return 0.0
    peak = b.start + b.s.dd_peak
    return _ratio(100 * b.s.dd, peak) if peak > 0 else None


@_row(
    _metrics,
    "Max drawdown peak",
    "time",
    "the last time at the high that max_drawdown fell from, before its trough",
    "no drawdown, or that high is the starting balance before the first trade",
)
def max_drawdown_peak_at(b: Basis) -> Value:
    return b.s.dd_peak_at if b.s.dd else None


@_row(
    _metrics,
    "Max drawdown trough",
    "time",
    "the first time at the low of max_drawdown; of equal drawdowns the one with the earliest trough",
    "no drawdown",
)
def max_drawdown_trough_at(b: Basis) -> Value:
    return b.s.dd_at if b.s.dd else None


@_row(_metrics, "Current drawdown", "money", "running peak - ending equity")
def current_drawdown(b: Basis) -> Value:
    return from_scaled(b.s.hi - b.s.pnl)


@_row(_metrics, "Recovery factor", "ratio", "total_pnl / max_drawdown (keeps its sign)", "max_drawdown = 0")
def recovery_factor(b: Basis) -> Value:
    return _ratio(b.s.pnl, b.s.dd)


# --- daily series and risk-adjusted return ---------------------------------------------------------------------------


@_row(_metrics, "Calendar days", "days", "UTC calendar days m from the first to the last closed trade, both included")
def calendar_days(b: Basis) -> Value:
    return b.m


@_row(_metrics, "Trading days", "days", "UTC calendar days with a closed trade")
def trading_days(b: Basis) -> Value:
    return b.d.days


@_row(_metrics, "Best day", "money", "largest P&L of a trading day", "no trade")
def best_day(b: Basis) -> Value:
    return from_scaled(b.d.day_best) if b.s.n else None


@_row(_metrics, "Worst day", "money", "smallest P&L of a trading day", "no trade")
def worst_day(b: Basis) -> Value:
    return from_scaled(b.d.day_worst) if b.s.n else None


@_row(_metrics, "Winning days", "days", "trading days with P&L > 0")
def winning_days(b: Basis) -> Value:
    return b.d.days_up


@_row(_metrics, "Losing days", "days", "trading days with P&L < 0")
def losing_days(b: Basis) -> Value:
    return b.d.days_down


@_row(
    _metrics,
    "Sharpe ratio",
    "ratio",
    "mean(d) / stdev(d, m-1) * sqrt(365); d = P&L of each of the m calendar days, days without a trade = 0 (fixed "
    "capital: "
    "the balance cancels)",
    "m < 2, or all days equal",
    "W. F. Sharpe, The Sharpe Ratio, 1994",
)
def sharpe_ratio(b: Basis) -> Value:
    m = b.m
    return _root(b.s.pnl, DAYS_PER_YEAR * b.s.pnl**2 * (m - 1), m * b.day_spread) if m > 1 else None


@_row(
    _metrics,
    "Sortino ratio",
    "ratio",
    "mean(d) / sqrt(sum(min(d, 0)^2) / m) * sqrt(365)",
    "m < 2, or no losing day",
    "F. A. Sortino, L. N. Price, Performance Measurement in a Downside Risk Framework, 1994",
)
def sortino_ratio(b: Basis) -> Value:
    return _root(b.s.pnl, DAYS_PER_YEAR * b.s.pnl**2, b.m * b.d.dneg2) if b.m > 1 else None


@_row(
    _metrics,
    "Annual volatility %",
    "percent",
    "100 * stdev(d, m-1) * sqrt(365) / starting_balance",
    "starting_balance = 0, or m < 2",
)
def annual_volatility_pct(b: Basis) -> Value:
    m = b.m
    if b.start == 0 or m < 2:
        return None
    return _root(b.day_spread, 10_000 * DAYS_PER_YEAR * b.day_spread, m * (m - 1) * b.start**2)


@_row(_metrics, "Total return %", "percent", "100 * total_pnl / starting_balance", "starting_balance = 0")
def total_return_pct(b: Basis) -> Value:
    return _ratio(100 * b.s.pnl, b.start)


@_row(
    _metrics,
    "CAGR %",
    "percent",
    "100 * ((ending_equity / starting_balance)^(365 / m) - 1), to 12 significant digits",
    "starting_balance = 0, ending_equity <= 0, m < 30, or beyond what a double holds",
)
def cagr_pct(b: Basis) -> float | None:
    return b.growth_pct


@_row(
    _metrics,
    "Calmar ratio",
    "ratio",
    "cagr_pct / max_drawdown_pct",
    "either is undefined, or max_drawdown_pct = 0",
    "T. W. Young, Calmar Ratio: A Smoother Tool, 1991",
)
def calmar_ratio(b: Basis) -> Value:
    growth, fall = cagr_pct(b), max_drawdown_pct(b)
    return None if growth is None or not fall else growth / fall


# --- is the edge real? -----------------------------------------------------------------------------------------------


@_row(
    _edge,
    "PSR",
    "ratio",
    "Phi(s * sqrt(m-1) / sqrt(V)): one-sided confidence that the true Sharpe ratio is above 0; s = daily mean / stdev, "
    "V = 1 - g3*s + (g4-1)/4*s^2 with biased skewness g3 and raw kurtosis g4; to 12 significant digits",
    "m < 2, stdev 0, or V <= 1e-9",
    "D. H. Bailey, M. Lopez de Prado, The Sharpe Ratio Efficient Frontier, 2012",
)
def psr(b: Basis) -> float | None:
    if b.sharpe_z is None:
        return None
    _, z, v = b.sharpe_z
    with localcontext(_WIDE):
        return _phi(z / v.sqrt())


@_row(
    _edge,
    "Minimum track record",
    "days",
    "ceil(1 + V * (1.6448536 / s)^2): the record length at which psr would reach 95 %",
    "psr is undefined, or s <= 0",
    "D. H. Bailey, M. Lopez de Prado, The Sharpe Ratio Efficient Frontier, 2012",
)
def min_track_record_days(b: Basis) -> Value:
    if b.sharpe_z is None:
        return None
    s, _, v = b.sharpe_z
    if s <= 0:
        return None
    with localcontext(_WIDE):
        return math.ceil(1 + v * (Z_95_ONE_SIDED / s) ** 2)


@_row(_edge, "Track record", "days", "calendar days m from the first to the last closed trade")
def track_record_days(b: Basis) -> Value:
    return b.m


@_row(
    _edge,
    "Expectancy, 95 % interval",
    "interval",
    "[low, high] = mean(pnl) -+ 1.959964 * stdev(pnl, n-1) / sqrt(n)",
    "fewer than 30 trades",
    "normal approximation",
)
def expectancy_ci95(b: Basis) -> Value:
    n = b.s.n
    if n < MIN_TRADES:
        return None
    mean = b.s.pnl / (n * SCALE)
    half = Z_95_TWO_SIDED * math.sqrt(b.trade_spread / (n * n * (n - 1) * SCALE**2))
    return mean - half, mean + half


@_row(
    _edge,
    "Deflated Sharpe",
    "ratio",
    "Phi((s * sqrt(m-1) - E_N) / sqrt(V)), E_N = (1-g) * Phi^-1(1 - 1/N) + g * Phi^-1(1 - 1/(N*e)), g = 0.5772156649, "
    "E_1 = 0, "
    "N = strategies_tried: psr against the best of N strategies without edge; to 12 significant digits. The paper uses "
    "the variance "
    "across the strategies; here it is the sampling variance 1/(m-1) of strategies without edge, which keeps the cost "
    "flat",
    "psr is undefined; given for strategies only",
    "D. H. Bailey, M. Lopez de Prado, The Deflated Sharpe Ratio, 2014",
)
def deflated_sharpe(b: Basis) -> float | None:
    if b.sharpe_z is None or b.strategies_tried is None:
        return None
    _, z, v = b.sharpe_z
    with localcontext(_WIDE):
        return _phi((z - Decimal(_expected_best(b.strategies_tried))) / v.sqrt())


def _expected_best(n: int) -> float:
    """The expected largest of n standard normal draws (the paper's approximation); 0 for n <= 1."""
    if n <= 1:
        return 0.0
    return (1 - EULER_GAMMA) * _NORMAL.inv_cdf(1 - 1 / n) + EULER_GAMMA * _NORMAL.inv_cdf(1 - 1 / (n * math.e))


@_row(
    _edge,
    "Strategies tried",
    "count",
    "strategies with a closed trade in the whole store, whatever the filters",
    "given for strategies only",
)
def strategies_tried(b: Basis) -> Value:
    return b.strategies_tried


@_row(
    _edge,
    "Verdict",
    "word",
    "the first that holds: insufficient (n < 30, psr undefined, or fewer than 5 losing days); losing (total_pnl <= 0); "
    "significant (deflated_sharpe where it is given, else psr, >= 0.95); unproven",
)
def verdict(b: Basis) -> str:
    confidence = psr(b)
    if b.s.n < MIN_TRADES or confidence is None or b.d.days_down < MIN_LOSING_DAYS:
        return "insufficient"
    if b.s.pnl <= 0:
        return "losing"
    deflated = deflated_sharpe(b)
    return "significant" if (confidence if deflated is None else deflated) >= CONFIDENCE else "unproven"


METRICS: tuple[Metric, ...] = tuple(_metrics)
EDGE: tuple[Metric, ...] = tuple(_edge)
STRATEGY_ONLY = frozenset({"deflated_sharpe", "strategies_tried"})
BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in (*METRICS, *EDGE)}


def measure(basis: Basis) -> dict[str, Value]:
    """Every figure of `METRICS`, in table order."""
    return {metric.name: metric.read(basis) for metric in METRICS}


def judge(basis: Basis) -> dict[str, Value]:
    """Every figure of `EDGE`, in table order; the deflated ones only when `strategies_tried` is given."""
    given = basis.strategies_tried is not None
    return {metric.name: metric.read(basis) for metric in EDGE if given or metric.name not in STRATEGY_ONLY}
