"""Days, falls between their ends, days in a row: against the plain way of counting them."""

from hypothesis import given
from hypothesis import strategies as st

from trueedge_core.domain.days import deepest, runs, to_days
from trueedge_core.domain.summary import DAY_US, Closed, Summary

Steps = list[tuple[int, Summary]]
PNL = st.lists(st.integers(min_value=-5, max_value=5), min_size=1, max_size=40)


def days_of(pnl: list[int]) -> Steps:
    return [(k * DAY_US, Summary.of(Closed(k * DAY_US + 1, x, 0))) for k, x in enumerate(pnl)]


@given(st.lists(st.tuples(st.integers(min_value=0, max_value=5 * DAY_US), st.integers(-9, 9)), max_size=30))
def test_days_from_trades_are_the_days_summed_up(trades: list[tuple[int, int]]) -> None:
    series = [(at, Summary.of(Closed(at, x, 0))) for at, x in sorted(trades)]
    summed: dict[int, int] = {}
    for at, x in trades:
        summed[at // DAY_US * DAY_US] = summed.get(at // DAY_US * DAY_US, 0) + x
    assert {start: day.pnl for start, day in to_days(series)} == summed
    assert sum(day.n for _, day in to_days(series)) == len(trades)


def test_the_series_is_left_as_it_was() -> None:
    series = days_of([1, 2])
    joined = to_days([(0, series[0][1]), (1, series[1][1])])
    assert [day.n for _, day in joined] == [2]
    assert [step.n for _, step in series] == [1, 1]


def test_a_step_without_a_closed_trade_is_no_day() -> None:
    assert to_days([(0, Summary())]) == []


@given(PNL, st.sampled_from([0, 100]))
def test_falls_are_those_of_the_running_peak(pnl: list[int], start: int) -> None:
    found = deepest(days_of(pnl), start, most=99)
    equity = peak = start
    depths: list[int] = []
    below = 0
    for x in pnl:
        equity += x
        if equity >= peak:
            depths += [below] if below else []
            peak, below = equity, 0
        else:
            below = max(below, peak - equity)
    depths += [below] if below else []
    assert [fall.depth for fall in found] == sorted(depths, reverse=True)
    assert sum(fall.recovered is None for fall in found) == (below > 0)
    for fall in found:
        assert fall.first_day <= fall.trough_day
        assert fall.recovered is None or fall.recovered > fall.trough_day
        assert fall.peak_day is None or fall.peak_day < fall.first_day


def test_a_fall_from_the_start_has_no_peak_day() -> None:
    [fall] = deepest(days_of([-3, 3]), 100)
    assert (fall.depth, fall.peak, fall.peak_day, fall.trough_day, fall.recovered) == (3, 100, None, 0, DAY_US)


def test_only_the_five_deepest_are_kept_of_equal_ones_the_earliest() -> None:
    found = deepest(days_of([-1, 1] * 7), 0)
    assert [fall.trough_day // DAY_US for fall in found] == [0, 2, 4, 6, 8]


@given(PNL)
def test_days_in_a_row_are_the_longest_runs_of_one_sign(pnl: list[int]) -> None:
    text = "".join("+" if x > 0 else "-" if x < 0 else "0" for x in pnl)
    longest = {
        sign: max((len(run) for run in text.replace(other, " ").replace("0", " ").split()), default=0)
        for sign, other in (("+", "-"), ("-", "+"))
    }
    assert runs(days_of(pnl)) == (longest["+"], longest["-"])
