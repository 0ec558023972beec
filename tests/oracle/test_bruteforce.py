"""The judge on cases small enough to be checked by hand, so that it can be trusted on the large ones."""

import json
import math
import random
import statistics
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.oracle.bruteforce import daily, figures, moments, signed_root
from tests.oracle.precise import normal_cdf
from tests.oracle.reading import (
    UNIT,
    chosen,
    count_strategies,
    exact,
    microseconds,
    plain,
    read,
    stamp,
    trade_of,
    units,
)

START = "2024-01-01T00:00:00Z"


def event(pnl: Any, day: float = 0, event_id: str | None = None, **more: Any) -> dict[str, Any]:
    """A closed trade `day` days after 2024-01-01 (id: by time), as `read` would give it."""
    instant = microseconds(START) + round(day * 86_400_000_000)
    return {
        "event_id": event_id or f"e{instant}",
        "account_id": "a",
        "strategy_id": "s",
        "environment": "demo",
        "timestamp": stamp(instant),
        "fees": 0,
        "pnl": pnl,
        "state": "closed",
    } | more


def daily_events(*pnl: Any) -> list[dict[str, Any]]:
    return [event(p, day) for day, p in enumerate(pnl)]


# --- no trades, one trade ------------------------------------------------------------------------------------------


def test_of_no_trades_everything_is_zero_or_undefined() -> None:
    got = figures([], 1000, strategies_tried=3)
    zero = {
        "total_trades", "total_pnl", "max_drawdown", "wins", "losses", "win_rate", "breakeven", "open_events", "voided",
        "gross_profit", "gross_loss", "total_fees", "max_consecutive_wins", "max_consecutive_losses", "current_streak",
        "r_trades", "max_drawdown_pct", "current_drawdown", "calendar_days", "trading_days", "winning_days",
        "losing_days", "total_return_pct", "track_record_days",
    }  # fmt: skip
    assert {name for name, value in got.items() if value == 0} == zero
    assert got["ending_equity"] == 1000
    assert got["verdict"] == "insufficient"
    assert got["strategies_tried"] == 3
    assert got["environments"] == {"live": 0, "demo": 0}
    rest = {"ending_equity", "verdict", "strategies_tried", "environments"}
    assert all(got[name] is None for name in set(got) - zero - rest)


def test_an_opening_loss_is_a_drawdown_from_the_start() -> None:
    got = figures([event(-10)], 100)
    assert got["max_drawdown"] == got["current_drawdown"] == 10
    assert got["max_drawdown_peak_at"] is None
    assert got["max_drawdown_trough_at"] == START
    assert got["max_drawdown_pct"] == 10.0
    assert got["recovery_factor"] == -1.0
    assert got["current_streak"] == -1
    assert got["profit_factor"] == 0.0  # 0 / 10: a loss is there, so it is defined
    assert got["win_rate"] == 0.0


# --- the trade statistics of a worked example -------------------------------------------------------------------------


WORKED = daily_events(10, -20, "30.5", 0, -40, 50)


def test_trade_statistics_by_hand() -> None:
    got = figures(WORKED, 100)
    assert got["total_pnl"] == Fraction("30.5")
    assert got["ending_equity"] == Fraction("130.5")
    assert (got["wins"], got["losses"], got["breakeven"]) == (3, 2, 1)
    assert got["win_rate"] == 50.0
    assert (got["gross_profit"], got["gross_loss"]) == (Fraction("90.5"), -60)
    assert got["profit_factor"] == 90.5 / 60
    assert got["expectancy"] == 30.5 / 6
    assert got["average_win"] == 90.5 / 3
    assert got["average_loss"] == -30.0
    assert got["payoff_ratio"] == 181 / 180  # (90.5 / 3) / 30
    assert (got["largest_win"], got["largest_loss"]) == (50, -40)
    assert (got["max_consecutive_wins"], got["max_consecutive_losses"], got["current_streak"]) == (1, 1, 1)
    assert got["kelly_fraction"] == float(Fraction(1, 2) - Fraction(1, 3) * Fraction(180, 181))
    mean = 30.5 / 6
    sd = statistics.stdev([10, -20, 30.5, 0, -40, 50])
    assert math.isclose(got["sqn"], math.sqrt(6) * mean / sd, rel_tol=1e-14)
    assert got["first_trade_at"] == START
    assert got["last_trade_at"] == "2024-01-06T00:00:00Z"


def test_the_drawdown_falls_from_the_last_high_and_its_percentage_is_of_the_equity_there() -> None:
    # equity: 110 90 120.5 120.5 80.5 130.5; the high of 120.5 was last seen on the breakeven day
    got = figures(WORKED, 100)
    assert got["max_drawdown"] == 40
    assert got["max_drawdown_peak_at"] == "2024-01-04T00:00:00Z"
    assert got["max_drawdown_trough_at"] == "2024-01-05T00:00:00Z"
    assert got["max_drawdown_pct"] == 4000 / 120.5
    assert got["current_drawdown"] == 0
    assert got["recovery_factor"] == 30.5 / 40


def test_of_equal_drawdowns_the_earliest_trough_and_the_first_time_at_that_low() -> None:
    got = figures(daily_events(5, -3, 0, 3, -3, 10), 0)  # equity 5 2 2 5 2 12
    assert got["max_drawdown"] == 3
    assert got["max_drawdown_trough_at"] == "2024-01-02T00:00:00Z"
    assert got["max_drawdown_peak_at"] == "2024-01-01T00:00:00Z"
    assert got["max_drawdown_pct"] is None  # no balance was given


def test_a_return_to_the_start_makes_a_peak_with_a_time() -> None:
    got = figures(daily_events(-1, 1, -2))
    assert got["max_drawdown"] == 2
    assert got["max_drawdown_peak_at"] == "2024-01-02T00:00:00Z"


def test_the_drawdown_loop_is_the_definition() -> None:
    """D = the largest E_i - E_j, i <= j; the least such j; the greatest such i (0 is the start)."""
    chance = random.Random(1)
    for _ in range(400):
        pnl = [chance.randint(-3, 3) for _ in range(chance.randint(1, 14))]
        curve = [100]
        for p in pnl:
            curve.append(curve[-1] + p)
        pairs = [(i, j) for j in range(len(curve)) for i in range(j + 1)]
        deepest = max(curve[i] - curve[j] for i, j in pairs)
        got = figures(daily_events(*pnl), 100)
        assert got["max_drawdown"] == deepest
        if not deepest:
            assert (got["max_drawdown_peak_at"], got["max_drawdown_trough_at"]) == (None, None)
            assert got["max_drawdown_pct"] == 0.0
            continue
        j = min(j for i, j in pairs if curve[i] - curve[j] == deepest)
        i = max(i for i in range(j + 1) if curve[i] - curve[j] == deepest)
        assert got["max_drawdown_trough_at"] == stamp(microseconds(START) + (j - 1) * 86_400_000_000)
        peak_at = stamp(microseconds(START) + (i - 1) * 86_400_000_000) if i else None
        assert got["max_drawdown_peak_at"] == peak_at
        assert got["max_drawdown_pct"] == 100 * deepest / curve[i]


def test_streaks() -> None:
    got = figures(daily_events(1, 1, 1, 0, -1, -1, 2, 2))
    assert (got["max_consecutive_wins"], got["max_consecutive_losses"], got["current_streak"]) == (3, 2, 2)
    assert figures(daily_events(1, -1, -2, -3))["current_streak"] == -3
    assert figures(daily_events(1, 0))["current_streak"] == 0


# --- order, exactness, what counts ------------------------------------------------------------------------------------


def test_order_is_time_then_id_bytes_whatever_the_arrival() -> None:
    same_time = [event(10, event_id="b"), event(-10, event_id="a"), event(1, event_id="é"), event(-2, event_id="z")]
    expected = figures(same_time)
    assert expected["max_drawdown"] == 10  # a -10, b +10, z -2, é +1 (two UTF-8 bytes, after z)
    assert expected["current_streak"] == 1
    for seed in range(10):
        shuffled = random.Random(seed).sample(same_time, 4)
        assert figures(shuffled) == expected


def test_decimals_add_exactly_and_are_rounded_once_half_even_at_18_places() -> None:
    got = figures([event(Decimal("0.1")), event("0.2", 1), event("9.64e-05", 2)])
    assert got["total_pnl"] == Fraction(3000964, 10**7)
    halves = [event("0.0000000000000000005"), event("0.0000000000000000015", 1)]
    assert figures(halves)["total_pnl"] == Fraction(2, 10**18)
    assert figures(halves)["wins"] == 1  # the first is 0 after the rounding


def test_open_and_voided_events_change_no_other_figure() -> None:
    alone = figures(WORKED, 100, 1)
    more = [*WORKED, event(None, 2.5, state="open", currency="EUR"), event(-1000, 2.25, event_id="void-me")]
    got = figures(more, 100, 1, voided={"void-me"})
    assert {k for k in got if got[k] != alone[k]} == {"open_events", "voided"}
    assert (got["open_events"], got["voided"]) == (1, 1)


def test_currency_is_one_none_or_mixed() -> None:
    assert figures(daily_events(1, 2))["currency"] is None
    assert figures([event(1), event(1, 1, currency="USD")])["currency"] == "USD"
    assert figures([event(1, currency="EUR"), event(1, 1, currency="USD")])["currency"] == "mixed"


def test_r_multiples_are_rounded_one_by_one_and_only_where_given() -> None:
    got = figures([event(1, initial_risk=3), event(1, 1, initial_risk="3"), event(5, 2), event(2, 3, initial_risk=7)])
    assert got["r_trades"] == 3
    thirds, seventh = Fraction(333333333333333333, 10**18), Fraction(285714285714285714, 10**18)
    assert got["average_r"] == float((2 * thirds + seventh) / 3)


def test_holding_time_is_the_mean_where_opened_at_is_given() -> None:
    trades = [event(1, 1, opened_at="2024-01-01T23:00:00Z"), event(1, 2, opened_at="2024-01-03 00:59:30+01:00")]
    assert figures([*trades, event(1, 3)])["average_holding_seconds"] == (3600 + 30) / 2


def test_times_with_offsets_are_instants() -> None:
    assert microseconds("2024-01-01T01:00:00+01:00") == microseconds("2023-12-31 19:00:00-0500") == microseconds(START)
    assert microseconds("2024-01-01") == microseconds("2024-01-01T00:00") == microseconds(START)
    assert stamp(microseconds("2024-01-01T00:00:00.000500")) == "2024-01-01T00:00:00.0005Z"


def test_filters() -> None:
    events = [event(1), event(2, 1, strategy_id="t"), event(3, 2, environment="live"), event(4, 3, account_id="b")]

    def pick(**filters: str) -> list[int]:
        return [t.pnl // 10**18 for t in chosen(events, **filters)]

    assert pick() == [1, 2, 3, 4]
    assert pick(strategy_id="s") == [1, 3, 4]
    assert pick(environment="live") == [3]
    assert pick(account_id="a", strategy_id="s") == [1, 3]
    assert pick(start="2024-01-02", end="2024-01-04") == [2, 3]
    assert count_strategies(events, {events[1]["event_id"]}) == 1


# --- days -------------------------------------------------------------------------------------------------------------


def test_the_daily_series_has_its_empty_days() -> None:
    # days: 3 (1 + 2), 0, -1, 0, 4
    got = figures([event(1), event(2, 0.5), event(-1, 2), event(4, 4)], 1000)
    assert (got["calendar_days"], got["trading_days"], got["winning_days"], got["losing_days"]) == (5, 3, 2, 1)
    assert (got["best_day"], got["worst_day"]) == (4, -1)
    series = [3, 0, -1, 0, 4]
    mean, sd = statistics.mean(series), statistics.stdev(series)
    assert math.isclose(got["sharpe_ratio"], mean / sd * math.sqrt(365), rel_tol=1e-14)
    assert math.isclose(got["sortino_ratio"], 1.2 / math.sqrt(1 / 5) * math.sqrt(365), rel_tol=1e-14)
    assert math.isclose(got["annual_volatility_pct"], 100 * sd * math.sqrt(365) / 1000, rel_tol=1e-14)
    assert got["total_return_pct"] == 0.6
    assert got["cagr_pct"] is None  # 5 days


def test_growth_over_a_year_of_days() -> None:
    got = figures([event(50), event(-20, 10), event(70, 364)], 1000)
    assert got["calendar_days"] == 365
    assert got["cagr_pct"] == pytest.approx(10.0, rel=1e-15)
    assert got["calmar_ratio"] == pytest.approx(10 / (2000 / 1050), rel=1e-15)
    half = figures([event(50), event(-20, 10), event(70, 29)], 1000)
    assert half["cagr_pct"] == pytest.approx(100 * (1.1 ** (365 / 30) - 1), rel=1e-12)
    assert figures([event(-2000), event(1, 40)], 1000)["cagr_pct"] is None  # nothing is left


def test_one_day_has_no_spread() -> None:
    got = figures([event(1), event(2, 0.5)], 100)
    assert got["sharpe_ratio"] is got["sortino_ratio"] is got["annual_volatility_pct"] is got["psr"] is None
    assert got["sqn"] is not None
    assert figures(daily_events(5, 5, 5), 100)["annual_volatility_pct"] == 0.0
    assert figures(daily_events(5, 5, 5), 100)["sharpe_ratio"] is None


def test_a_root_is_the_root_of_the_nearest_double_with_the_sign() -> None:
    assert signed_root(-1, Fraction(2)) == -math.sqrt(2.0)
    assert str(signed_root(0, Fraction(0))) == "0.0"


# --- the edge ---------------------------------------------------------------------------------------------------------


def by_libm(series: list[float], tried: int | None = None) -> tuple[float, float]:
    """(PSR, minimum track record before the ceiling) of a series by the formulas of the papers, in doubles."""
    m, mean, sd = len(series), statistics.mean(series), statistics.stdev(series)
    s = mean / sd
    second = sum((d - mean) ** 2 for d in series) / m
    g3 = sum((d - mean) ** 3 for d in series) / m / second**1.5
    g4 = sum((d - mean) ** 4 for d in series) / m / second**2
    v = 1 - g3 * s + (g4 - 1) / 4 * s * s
    normal = statistics.NormalDist()
    shift = 0.0
    if tried and tried > 1:
        g = 0.5772156649
        shift = (1 - g) * normal.inv_cdf(1 - 1 / tried) + g * normal.inv_cdf(1 - 1 / (tried * math.e))
    return normal.cdf((s * math.sqrt(m - 1) - shift) / math.sqrt(v)), 1 + v * (1.6448536 / s) ** 2


def test_the_edge_agrees_with_the_formulas_in_doubles() -> None:
    chance = random.Random(7)
    series = [round(chance.gauss(1, 10) + (40 if chance.random() < 0.05 else 0), 2) for _ in range(200)]
    got = figures(daily_events(*map(str, series)), 0, 12)
    psr, minimum = by_libm(series)
    assert got["psr"] == pytest.approx(psr, rel=1e-10)
    assert got["deflated_sharpe"] == pytest.approx(by_libm(series, 12)[0], rel=1e-9)
    assert got["min_track_record_days"] == math.ceil(minimum)
    assert got["track_record_days"] == 200
    mean, half = statistics.mean(series), 1.959964 * statistics.stdev(series) / math.sqrt(200)
    assert got["expectancy_ci95"] == pytest.approx([mean - half, mean + half], rel=1e-12)


def test_one_strategy_tried_is_not_deflated() -> None:
    got = figures(daily_events(*([3, -1] * 20)), 0, 1)
    assert got["deflated_sharpe"] == got["psr"]


def test_two_equal_and_opposite_days_are_symmetric() -> None:
    # s = 0, so V = 1 and Phi(0) = 1/2
    got = figures(daily_events(1, -1))
    assert got["psr"] == 0.5
    assert got["min_track_record_days"] is None
    # 3, -1: mean 1, stdev sqrt(8), s^2 = 1/8, skewness 0, kurtosis 1, so V = 1 and psr = Phi(sqrt(1/8))
    assert figures(daily_events(3, -1))["psr"] == pytest.approx(
        statistics.NormalDist().cdf(math.sqrt(1 / 8)), rel=1e-15
    )
    assert figures(daily_events(3, -1))["min_track_record_days"] == math.ceil(1 + 8 * 1.6448536**2) == 23


def test_without_a_variance_of_the_estimate_nothing_is_claimed() -> None:
    # m - 1 equal days and one large: skewness and kurtosis of a two-point distribution make V vanish for a fitting mean
    assert moments([5, 5]) is None
    assert moments([7]) is None
    assert figures(daily_events(5, 5), 0, 2)["deflated_sharpe"] is None


def test_the_verdict_is_the_first_that_holds() -> None:
    fourteen_losing_days = [5, 5, -1] * 14
    assert figures(daily_events(*fourteen_losing_days))["verdict"] == "significant"
    assert figures(daily_events(*fourteen_losing_days[:29]))["verdict"] == "insufficient"  # 29 trades
    assert figures(daily_events(*([5, 5, 5, 5, 5, 5, 5, 5, 5, -1] * 4)))["verdict"] == "insufficient"  # 4 losing days
    assert figures(daily_events(*([1, 1, -2] * 14)))["verdict"] == "losing"  # total 0 is not a gain
    assert figures(daily_events(*([30, -29] * 20)))["verdict"] == "unproven"
    assert figures([event(1, 0, event_id=str(i)) for i in range(40)])["verdict"] == "insufficient"  # one day: no psr
    luck = daily_events(*([10, -6, 3, -4] * 20))
    assert figures(luck)["psr"] > 0.75
    assert figures(luck, 0, 1000)["deflated_sharpe"] < 0.5


# --- what other programs computed for real trades -------------------------------------------------------------------


def test_real_trades_give_what_others_printed(shared_data: Path) -> None:
    """MetaTrader 5's own report, and the daily PSR that a separate program computed for the same 152 trades."""
    folder = shared_data / "mt5_tester_moving_average"
    trades = [read(line) for line in (folder / "trades.jsonl").read_text().splitlines()]
    got = figures(trades, 10_000)
    printed, other = (json.loads((folder / name).read_text()) for name in ("oracle.json", "crosscheck.json"))
    assert plain(got["total_pnl"]) == printed["total_net_profit"]
    assert plain(got["max_drawdown"]) == printed["max_drawdown_abs"]
    assert f"{got['max_drawdown_pct']:.2f}" == printed["max_drawdown_pct"]
    assert f"{got['profit_factor']:.2f}" == printed["profit_factor"]
    assert got["sqn"] == pytest.approx(other["backtesting.py formulas on trades"]["sqn"], rel=1e-12)
    assert got["kelly_fraction"] == pytest.approx(other["backtesting.py formulas on trades"]["kelly"], rel=1e-12)
    # that program divided each day's P&L by the balance of the evening before; the moments are taken the same way
    separate, balance, returns = other["PSR daily returns"], 10_000 * UNIT, []
    for day, _ in daily(sorted(map(trade_of, trades), key=lambda t: t.time)):
        returns.append(round(Fraction(day * 10**40, balance)))
        balance += day
    found = moments(returns)
    assert found is not None
    assert found.m == got["calendar_days"] == separate["n"]
    assert float(found.s) == pytest.approx(separate["sr"], rel=1e-12)
    score = found.s * Decimal(found.m - 1).sqrt() / found.v.sqrt()
    assert float(normal_cdf(score)) == pytest.approx(separate["psr"], rel=1e-12)
    assert float(1 + found.v * (Decimal("1.6448536") / found.s) ** 2) == pytest.approx(separate["min_trl"], rel=1e-7)


# --- reading and spelling ---------------------------------------------------------------------------------------------


def test_numbers_are_read_exactly_and_spelled_plainly() -> None:
    raw = read('{"a": 9.64e-05, "b": "0.00000001", "c": 1234567890123456789012345678901234567.8, "d": -0.0}')
    assert plain(exact(raw["a"])) == "0.0000964"
    assert plain(exact(raw["b"])) == "0.00000001"
    assert plain(exact(raw["c"])) == "1234567890123456789012345678901234567.8"
    assert plain(exact(raw["d"])) == "0"
    assert units(exact("1e-18")) == 1
    with pytest.raises(TypeError):
        exact(0.1)
    with pytest.raises(TypeError):
        exact(True)


def test_an_event_given_twice_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="twice"):
        figures([event(1, event_id="x"), event(1, event_id="x")])
