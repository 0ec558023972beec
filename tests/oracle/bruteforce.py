"""Every figure of docs/metrics.md by its definition, from raw events, in plain loops over the sorted list.

Written from the public definitions alone. No summary, no merge, nothing incremental: what the product does cleverly
is done slowly here. Money is counted in whole units of 1e-18 (an int, so nothing can round) and returned as a Fraction;
a ratio is one exact Fraction turned into the nearest double at the very end.

Where docs/metrics.md is silent: a trade without `currency` is neutral (the set's currency is the one code of those that
carry one, None if none does, "mixed" if two differ); an `initial_risk` that rounds to 0 gives no quotient and so is
not given; a voided event is counted in `voided`, in nothing else.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.precise import decimal_of, expected_maximum, normal_cdf, power, precise
from tests.oracle.reading import DAY, UNIT, Trade, money, stamp, trade_of

YEAR = 365


def ratio(value: Fraction) -> float:
    """The nearest double (int / int is correctly rounded); never minus zero."""
    return value.numerator / value.denominator


def signed_root(sign: Fraction | int, square: Fraction) -> float:
    """sign * sqrt of one exact rational: the root of its nearest double."""
    root = math.sqrt(ratio(square))
    return -root if sign < 0 else root if sign > 0 else 0.0


def figures(
    trades: Iterable["Mapping[str, Any] | Trade"],
    starting_balance: Fraction | int = 0,
    strategies_tried: int | None = None,
    *,
    voided: Collection[str] = (),
) -> dict[str, Any]:
    """Every name of docs/metrics.md, and `currency` and `environments`, flat, for one set of events.

    Money: Fraction. Counts: int. Ratios: float. Times: text. Undefined: None. `deflated_sharpe` and `strategies_tried`
    are there only where `strategies_tried` is given, as in strategy and by_strategy answers.
    """
    everything = [trade_of(t) for t in trades]
    if len({t.event_id for t in everything}) != len(everything):
        raise ValueError("an event_id occurs twice: the store would have one of them")
    kept = [t for t in everything if t.event_id not in voided]
    counted = sorted((t for t in kept if t.closed), key=lambda t: (t.time, t.id_bytes))
    start = Fraction(starting_balance)
    codes = {t.currency for t in counted if t.currency is not None}
    answer: dict[str, Any] = {
        "currency": None if not codes else codes.pop() if len(codes) == 1 else "mixed",
        "environments": {e: sum(t.environment == e for t in counted) for e in ("live", "demo")},
        "open_events": sum(not t.closed for t in kept),
        "voided": len(everything) - len(kept),
    }
    answer |= _statistics(counted, start)
    answer |= _streaks([t.pnl for t in counted])
    answer |= _drawdown(counted, start)
    days = daily(counted)
    answer |= _daily_figures(counted, days, start, answer)
    answer |= _edge(counted, days, answer, strategies_tried)
    return answer


def _statistics(trades: Sequence[Trade], start: Fraction) -> dict[str, Any]:
    n = len(trades)
    gains = [t.pnl for t in trades if t.pnl > 0]
    falls = [t.pnl for t in trades if t.pnl < 0]
    total, profit, loss = sum(t.pnl for t in trades), sum(gains), sum(falls)
    payoff = Fraction(profit, len(gains)) / Fraction(-loss, len(falls)) if gains and falls else None
    # each quotient of two 18-decimal amounts, rounded half-even to 18 decimals
    quotients = [round(Fraction(t.pnl * UNIT, t.risk)) for t in trades if t.risk]
    held = [t.time - t.opened for t in trades if t.opened is not None]
    variance = sample_variance([t.pnl for t in trades])
    return {
        "total_trades": n,
        "total_pnl": money(total),
        "ending_equity": start + money(total),
        "wins": len(gains),
        "losses": len(falls),
        "win_rate": ratio(Fraction(100 * len(gains), n)) if n else 0.0,
        "breakeven": n - len(gains) - len(falls),
        "gross_profit": money(profit),
        "gross_loss": money(loss),
        "total_fees": money(sum(t.fees for t in trades)),
        "profit_factor": ratio(Fraction(profit, -loss)) if falls else None,
        "expectancy": ratio(Fraction(total, n * UNIT)) if n else None,
        "average_win": ratio(Fraction(profit, len(gains) * UNIT)) if gains else None,
        "average_loss": ratio(Fraction(loss, len(falls) * UNIT)) if falls else None,
        "payoff_ratio": None if payoff is None else ratio(payoff),
        "largest_win": money(max(gains)) if gains else None,
        "largest_loss": money(min(falls)) if falls else None,
        "kelly_fraction": None if payoff is None else ratio(Fraction(len(gains), n) - Fraction(len(falls), n) / payoff),
        "sqn": signed_root(total, n * Fraction(total, n) ** 2 / variance) if variance else None,
        "average_r": ratio(Fraction(sum(quotients), len(quotients) * UNIT)) if quotients else None,
        "r_trades": len(quotients),
        "average_holding_seconds": ratio(Fraction(sum(held), len(held) * 1_000_000)) if held else None,
        "first_trade_at": stamp(trades[0].time) if trades else None,
        "last_trade_at": stamp(trades[-1].time) if trades else None,
    }


def sample_variance(values: Sequence[int]) -> Fraction | None:
    """The variance with ddof 1, from the deviations; None for fewer than two values."""
    n = len(values)
    if n < 2:
        return None
    total = sum(values)
    return Fraction(sum((n * v - total) ** 2 for v in values), n * n * (n - 1))


def _streaks(pnl: Sequence[int]) -> dict[str, int]:
    longest = {1: 0, -1: 0, 0: 0}
    run = previous = 0
    for value in pnl:
        sign = (value > 0) - (value < 0)
        run = run + 1 if sign == previous else 1
        previous = sign
        longest[sign] = max(longest[sign], run)
    return {
        "max_consecutive_wins": longest[1],
        "max_consecutive_losses": longest[-1],
        "current_streak": previous * run,
    }


def _drawdown(trades: Sequence[Trade], start: Fraction) -> dict[str, Any]:
    equity = high = deepest = 0  # above the starting balance, in units
    high_at: int | None = None  # None: the high is the start
    peak, peak_at, trough_at = 0, None, None
    for trade in trades:
        equity += trade.pnl
        if equity >= high:  # the last time at the high
            high, high_at = equity, trade.time
        if high - equity > deepest:  # strictly: of equal falls the earliest
            deepest, peak, peak_at, trough_at = high - equity, high, high_at, trade.time
    base = start + money(peak)
    percent: float | None = None
    if start > 0 and base > 0:
        percent = ratio(100 * money(deepest) / base)
    return {
        "max_drawdown": money(deepest),
        "max_drawdown_pct": percent,
        "max_drawdown_peak_at": None if peak_at is None else stamp(peak_at),
        "max_drawdown_trough_at": None if trough_at is None else stamp(trough_at),
        "current_drawdown": money(high - equity),
        "recovery_factor": ratio(Fraction(equity, deepest)) if deepest else None,
    }


def daily(trades: Sequence[Trade]) -> list[tuple[int, bool]]:
    """(P&L in units, whether it has a trade) of every UTC calendar day from the first to the last closed trade."""
    if not trades:
        return []
    sums: dict[int, int] = {}
    for trade in trades:
        sums[trade.time // DAY] = sums.get(trade.time // DAY, 0) + trade.pnl
    return [(sums.get(day, 0), day in sums) for day in range(min(sums), max(sums) + 1)]


def _daily_figures(
    trades: Sequence[Trade], days: Sequence[tuple[int, bool]], start: Fraction, sofar: Mapping[str, Any]
) -> dict[str, Any]:
    series = [d for d, _ in days]
    traded = [d for d, has_trade in days if has_trade]
    m, total = len(series), sum(series)
    mean = Fraction(total, m) if m else Fraction(0)
    variance = sample_variance(series)
    negative_squares = sum(d * d for d in series if d < 0)
    cagr = None
    if start > 0 and sofar["ending_equity"] > 0 and m >= 30:
        cagr = growth_percent(sofar["ending_equity"] / start, Fraction(YEAR, m))
    drawdown_pct = sofar["max_drawdown_pct"]
    calmar = None
    if cagr is not None and drawdown_pct:
        calmar = float(cagr / decimal_of(100 * sofar["max_drawdown"] / _peak_equity(trades, start)))
    return {
        "calendar_days": m,
        "trading_days": len(traded),
        "best_day": money(max(traded)) if traded else None,
        "worst_day": money(min(traded)) if traded else None,
        "winning_days": sum(d > 0 for d in traded),
        "losing_days": sum(d < 0 for d in traded),
        "sharpe_ratio": signed_root(total, mean**2 * YEAR / variance) if variance else None,
        "sortino_ratio": signed_root(total, mean**2 * YEAR * m / negative_squares)
        if m >= 2 and negative_squares
        else None,
        "annual_volatility_pct": signed_root(1, 10_000 * variance * YEAR / (start * UNIT) ** 2)
        if start > 0 and variance is not None
        else None,
        "total_return_pct": ratio(100 * money(total) / start) if start > 0 else None,
        "cagr_pct": None if cagr is None else float(cagr),
        "calmar_ratio": calmar,
    }


def _peak_equity(trades: Sequence[Trade], start: Fraction) -> Fraction:
    """The equity at the peak the deepest (earliest) fall fell from; by search, not by the running peak above."""
    curve = [0]
    for trade in trades:
        curve.append(curve[-1] + trade.pnl)
    highs, high = [], 0
    for equity in curve:
        high = max(high, equity)
        highs.append(high)
    falls = [top - equity for top, equity in zip(highs, curve, strict=True)]
    return start + money(highs[falls.index(max(falls))])


@precise
def growth_percent(growth: Fraction, exponent: Fraction) -> Decimal:
    return 100 * (power(growth, exponent) - 1)


@dataclass(frozen=True, slots=True)
class Moments:
    """The daily moments of docs/metrics.md, 80 digits each."""

    m: int
    s: Decimal
    v: Decimal


@precise
def moments(series: Sequence[int]) -> Moments | None:
    """None when m < 2, stdev 0 or V <= 1e-9."""
    m = len(series)
    variance = sample_variance(series)
    if not variance:
        return None
    total = sum(series)
    mean = Fraction(total, m)
    from_mean = [d * m - total for d in series]  # m times each deviation, so it stays whole
    second, third, fourth = (Fraction(sum(d**k for d in from_mean), m ** (k + 1)) for k in (2, 3, 4))
    deviation = decimal_of(variance).sqrt()
    s = decimal_of(mean) / deviation
    skewness = decimal_of(third) / (decimal_of(second) * decimal_of(second).sqrt())
    kurtosis = decimal_of(fourth / second**2)
    v = 1 - skewness * s + (kurtosis - 1) / 4 * s * s
    return None if v <= Decimal("1e-9") else Moments(m, s, v)


@precise
def _edge(
    trades: Sequence[Trade], days: Sequence[tuple[int, bool]], sofar: Mapping[str, Any], tried: int | None
) -> dict[str, Any]:
    found = moments([d for d, _ in days])
    psr = deflated = minimum = None
    if found:
        score = found.s * Decimal(found.m - 1).sqrt()
        psr = normal_cdf(score / found.v.sqrt())
        if tried is not None:
            deflated = normal_cdf((score - expected_maximum(tried)) / found.v.sqrt())
        if found.s > 0:
            minimum = math.ceil(1 + found.v * (Decimal("1.6448536") / found.s) ** 2)
    answer: dict[str, Any] = {
        "psr": None if psr is None else float(psr),
        "min_track_record_days": minimum,
        "track_record_days": len(days),
        "expectancy_ci95": _interval([t.pnl for t in trades]),
    }
    if tried is not None:
        answer |= {"deflated_sharpe": None if deflated is None else float(deflated), "strategies_tried": tried}
    decisive = psr if tried is None else deflated
    if len(trades) < 30 or psr is None or sofar["losing_days"] < 5:
        verdict = "insufficient"
    elif sofar["total_pnl"] <= 0:
        verdict = "losing"
    else:
        verdict = "significant" if decisive is not None and decisive >= Decimal("0.95") else "unproven"
    return answer | {"verdict": verdict}


def _interval(pnl: Sequence[int]) -> list[float] | None:
    n = len(pnl)
    variance = sample_variance(pnl)
    if n < 30 or variance is None:
        return None
    mean = decimal_of(Fraction(sum(pnl), n * UNIT))
    half = Decimal("1.959964") * decimal_of(variance / UNIT**2 / n).sqrt()
    return [float(mean - half), float(mean + half)]
