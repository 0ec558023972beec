"""The equity curve from summaries; compared with a walk over the single trades."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from trueedge_core.domain.curve import HOUR_US, Point, choose_step, curve, thin
from trueedge_core.domain.summary import DAY_US, Closed, Summary


def series(trades: Sequence[tuple[int, int]], width: int) -> list[tuple[int, Summary]]:
    """What a ledger gives for (instant, pnl) in order: a summary per step of this width."""
    steps: dict[int, Summary] = {}
    for at, pnl in trades:
        steps.setdefault(at // width * width, Summary()).add(Closed(at, pnl, 0))
    return list(steps.items())


def walk(trades: Sequence[tuple[int, int]], start: int) -> list[tuple[int, int]]:
    """(equity, fall from the running peak) after each trade."""
    equity = peak = start
    found = []
    for _, pnl in trades:
        equity += pnl
        peak = max(peak, equity)
        found.append((equity, peak - equity))
    return found


instants = st.lists(
    st.tuples(st.integers(0, 30 * DAY_US), st.integers(-20, 20)), min_size=1, max_size=60, unique_by=lambda one: one[0]
).map(sorted)


@given(
    trades=instants, points=st.integers(2, 12), start=st.sampled_from([0, 50]), width=st.sampled_from([HOUR_US, DAY_US])
)
def test_no_thinning_loses_a_high_a_low_or_a_drawdown(
    trades: list[tuple[int, int]], points: int, start: int, width: int
) -> None:
    step = "hour" if width == HOUR_US else "day"
    found = curve(thin(series(trades, width), step, points), start)
    single = walk(trades, start)
    assert 1 <= len(found) <= points
    assert sum(point.trades for point in found) == len(trades)
    done = 0
    for point in found:
        here = single[done : done + point.trades]
        before = start if done == 0 else single[done - 1][0]
        done += point.trades
        assert point.time == trades[done - 1][0]
        assert point.equity == here[-1][0]
        assert point.high == max(before, *(equity for equity, _ in here))
        assert point.low == min(before, *(equity for equity, _ in here))
        # The run includes where it came from, so it may repeat the fall that it begins in.
        begun = 0 if done == point.trades else single[done - point.trades - 1][1]
        assert point.drawdown == max(begun, *(fall for _, fall in here))
    assert max(point.drawdown for point in found) == max(fall for _, fall in single)


def test_single_trades_are_not_merged() -> None:
    runs = [(at, Summary.of(Closed(at, pnl, 0))) for at, pnl in ((1, 5), (2, -7), (3, 1))]
    assert curve(thin(runs, "trade", 2), 0) == [
        Point(1, 1, 5, 5, 0, 0),
        Point(2, 1, -2, 5, -2, 7),
        Point(3, 1, -1, -1, -2, 7),
    ]


def test_a_step_with_nothing_but_open_events_is_no_point() -> None:
    opened = Summary()
    opened.opens = 1
    assert thin([(0, opened), (DAY_US, Summary.of(Closed(DAY_US, 1, 0)))], "day", 5) == [
        Summary.of(Closed(DAY_US, 1, 0))
    ]
    assert thin([(0, opened)], "hour", 5) == []


def test_points_are_spread_evenly_in_time() -> None:
    """Ten days, five points: two days to a point, however many trades a day has."""
    trades = [(day * DAY_US + n, 1) for day in range(10) for n in range(day + 1)]
    assert [run.n for run in thin(series(trades, DAY_US), "day", 5)] == [1 + 2, 3 + 4, 5 + 6, 7 + 8, 9 + 10]


def test_the_series_given_is_not_changed() -> None:
    given_series = series([(0, 1), (DAY_US, 2)], DAY_US)
    before = [summary.copy() for _, summary in given_series]
    thin(given_series, "day", 1)
    assert [summary for _, summary in given_series] == before


def test_the_step_follows_how_much_there_is() -> None:
    def over(days: int) -> Summary:
        whole = Summary()
        for n in range(601):
            whole.add(Closed(n * days * DAY_US // 600, 1, 0))
        return whole

    assert choose_step(over(1000), 601) == "trade"
    assert choose_step(over(20), 100) == "hour"
    assert choose_step(over(21), 100) == "day"
    assert choose_step(over(25), 600) == "hour"  # one hour to a point
