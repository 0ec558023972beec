"""An answer of the server against the brute force: money digit by digit, ratios double by double."""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tests.e2e.harness import Number
from tests.oracle.reading import microseconds, plain

MONEY = {
    "total_pnl", "ending_equity", "max_drawdown", "gross_profit", "gross_loss", "total_fees", "largest_win",
    "largest_loss", "current_drawdown", "best_day", "worst_day",
}  # fmt: skip
COUNT = {
    "total_trades", "wins", "losses", "breakeven", "open_events", "voided", "max_consecutive_wins",
    "max_consecutive_losses", "current_streak", "r_trades", "calendar_days", "trading_days", "winning_days",
    "losing_days",
}  # fmt: skip
RATIO = {
    "win_rate", "profit_factor", "expectancy", "average_win", "average_loss", "payoff_ratio", "kelly_fraction", "sqn",
    "average_r", "average_holding_seconds", "max_drawdown_pct", "recovery_factor", "sharpe_ratio", "sortino_ratio",
    "annual_volatility_pct", "total_return_pct",
}  # fmt: skip
LIBM = {"cagr_pct", "calmar_ratio"}
TIME = {"first_trade_at", "last_trade_at", "max_drawdown_peak_at", "max_drawdown_trough_at"}
METRICS = MONEY | COUNT | RATIO | LIBM | TIME
EDGE = {"psr", "min_track_record_days", "track_record_days", "expectancy_ci95", "verdict"}
DEFLATED = {"deflated_sharpe", "strategies_tried"}
RFC3339_Z = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9]\d*|\.\d*[1-9]0*)?Z")


def differences(answer: Mapping[str, Any], expected: Mapping[str, Any], deflated: bool) -> list[str]:
    """What is wrong with one `{"currency", "metrics", "edge"}` (and `environments`, where it has them)."""
    found = metric_differences(answer, expected)
    found += _names("edge", set(answer["edge"]), EDGE | (DEFLATED if deflated else set()))
    return found + _values(answer["edge"], expected)


def metric_differences(answer: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """What is wrong with one `{"currency", "metrics"}` (and `environments`, where it has them)."""
    found = []
    if answer["currency"] != expected["currency"]:
        found.append(f"currency: {answer['currency']!r} instead of {expected['currency']!r}")
    if "environments" in answer and answer["environments"] != {k: str(v) for k, v in expected["environments"].items()}:
        found.append(f"environments: {answer['environments']} instead of {expected['environments']}")
    found += _names("metrics", set(answer["metrics"]), METRICS)
    return found + _values(answer["metrics"], expected)


def _values(got: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    wrong = {name: _wrong(name, value, expected[name]) for name, value in got.items() if name in expected}
    return [f"{name}: {complaint}" for name, complaint in wrong.items() if complaint]


def _names(where: str, got: set[str], wanted: set[str]) -> list[str]:
    found = [f"{where} lacks {sorted(wanted - got)}"] if wanted - got else []
    return found + ([f"{where} has the unknown {sorted(got - wanted)}"] if got - wanted else [])


def _wrong(name: str, value: Any, expected: Any) -> str | None:
    if expected is None or value is None:
        return None if value is expected else f"{value!r} instead of {expected!r}"
    if name in MONEY:
        return _unless(isinstance(value, Number) and value == plain(Fraction(expected)), value, plain(expected))
    if name in COUNT or isinstance(expected, int):
        return _unless(isinstance(value, Number) and value == str(expected), value, expected)
    if name in RATIO:
        ok = isinstance(value, Number) and float(value) == expected and value not in ("-0", "-0.0")
        return _unless(ok, value, repr(expected))
    if name in TIME:
        ok = isinstance(value, str) and bool(RFC3339_Z.fullmatch(value))
        return _unless(ok and microseconds(value) == microseconds(expected), value, expected)
    if name == "expectancy_ci95":
        scale = max(map(abs, expected))
        ok = len(value) == 2 and all(
            math.isclose(float(v), e, rel_tol=1e-12, abs_tol=1e-12 * scale)
            for v, e in zip(value, expected, strict=True)
        )
        return _unless(ok, value, expected)
    if isinstance(expected, float):  # what goes through libm: 12 significant digits
        ok = isinstance(value, Number) and math.isclose(float(value), expected, rel_tol=1e-11, abs_tol=1e-300)
        return _unless(ok and (name == "calmar_ratio" or _digits(value) <= 12), value, repr(expected))
    return _unless(value == expected, value, expected)


def _unless(ok: bool, value: Any, expected: Any) -> str | None:
    return None if ok else f"{value} instead of {expected}"


def _digits(number: str) -> int:
    return len(re.sub(r"[eE].*", "", number).replace(".", "").lstrip("-0").rstrip("0"))
