"""The chart: every shape inside its frame, the largest drawdown where it happened, ticks a reader knows."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.report.samples import FIRST_DAY
from trueedge_core.domain.curve import curve
from trueedge_core.domain.decimals import SCALE
from trueedge_core.domain.summary import DAY_US, Closed, Summary
from trueedge_core.report.chart import (
    DRAWDOWN_BOTTOM,
    DRAWDOWN_TOP,
    EQUITY_BOTTOM,
    EQUITY_TOP,
    WIDTH,
    Chart,
    Fall,
    draw,
)


def drawn(trades: list[tuple[int, int]], start: int = 0) -> Chart:
    """A chart of single trades: (us after 2023-01-01, scaled pnl)."""
    closed = [Closed(FIRST_DAY + at, pnl, 0) for at, pnl in sorted(trades)]
    whole = Summary()
    for trade in closed:
        whole.add(trade)
    fall = None
    if whole.dd and whole.dd_at is not None:
        fall = Fall(whole.dd, start + whole.dd_peak, whole.dd_peak_at, whole.dd_at)
    made = draw(curve([Summary.of(trade) for trade in closed], start), start, fall, whole.last_at)
    assert made is not None
    return made


def coordinates(path: str) -> tuple[list[float], list[float]]:
    """The x and y values of a path made of M, H and V."""
    xs, ys = [], []
    for command, values in re.findall(r"([MHV])([-0-9. ]+)", path):
        numbers = [float(value) for value in values.split()]
        xs += numbers[:1] if command in "MH" else []
        ys += numbers[1:] if command == "M" else numbers if command == "V" else []
    return xs, ys


AMOUNTS = st.integers(min_value=-(10**38), max_value=10**38)
TRADES = st.lists(st.tuples(st.integers(min_value=0, max_value=3 * 10**15), AMOUNTS), min_size=1, max_size=40)


@given(TRADES, st.sampled_from([0, SCALE, 10**38]))
def test_everything_is_drawn_inside_its_frame(trades: list[tuple[int, int]], start: int) -> None:
    made = drawn(trades, start)
    for path, top, bottom in (
        (made.line, EQUITY_TOP, EQUITY_BOTTOM),
        (made.area, EQUITY_TOP, EQUITY_BOTTOM),
        (made.envelope, EQUITY_TOP, EQUITY_BOTTOM),
        (made.underwater, DRAWDOWN_TOP, DRAWDOWN_BOTTOM),
    ):
        xs, ys = coordinates(path)
        assert all(0 <= x <= WIDTH for x in xs)
        assert all(top - 0.01 <= y <= bottom + 0.01 for y in ys)
        assert "e" not in path  # no exponent: no SVG reader is asked to know them
    assert 1 <= len(made.x_ticks) <= 10
    assert all(0 <= float(tick.x.rstrip("%")) <= 100 for tick in made.x_ticks)
    assert all(len(tick.label) <= 12 for tick in (*made.y_ticks, *made.depth_ticks))


@given(TRADES)
def test_time_runs_to_the_right(trades: list[tuple[int, int]]) -> None:
    made = drawn(trades)
    xs, _ = coordinates(made.line)
    assert xs == sorted(xs)
    ticks = [float(tick.x.rstrip("%")) for tick in made.x_ticks]
    assert ticks == sorted(ticks)


def test_equity_stays_level_between_two_trades() -> None:
    # 0 -> 10 on day 0, 10 -> 5 on day 60: the frame holds 0..10, so 280 px are 10 and the curve ends half way up
    made = drawn([(0, 10 * SCALE), (60 * DAY_US, -5 * SCALE)])
    # the lead before the first trade is a 60th of the span: one day of 61
    first = f"{1000 / 61:.2f}"
    assert made.line == f"M0 314H{first}V34H1000V174H1000"
    assert made.end.y == "174"


def test_the_largest_drawdown_is_marked_from_peak_to_trough() -> None:
    trades = [(0, 10), (15, -2), (30, 3), (45, -8), (60, 1)]
    made = drawn([(day * DAY_US, pnl * SCALE) for day, pnl in trades]).drawdown
    # equity 10, 8, 11, 3, 4: from 11 (day 30) to 3 (day 45), a fall of 8; x = (day + 1) / 61
    assert made is not None
    assert (made.peak.x, made.trough.x) == (f"{3100 / 61:.2f}%", f"{4600 / 61:.2f}%")
    assert made.peak.y == "34"  # the highest of all
    assert made.trough.y == f"{314 - 280 * 3 / 11:.2f}"
    assert made.label_text == "−8.00"


def test_an_opening_loss_falls_from_the_start() -> None:
    made = drawn([(0, -5 * SCALE), (DAY_US, SCALE)]).drawdown
    assert made is not None
    assert made.peak.x == "0%"


def test_a_single_trade_and_a_flat_record_have_a_chart_too() -> None:
    assert drawn([(0, -5 * SCALE)]).end_label == "−5.00"
    flat = drawn([(0, 0), (DAY_US, 0)])
    assert flat.drawdown is None
    assert flat.envelope == ""


def test_no_points_no_chart() -> None:
    assert draw([], 0, None, 0) is None


@pytest.mark.parametrize(
    ("days", "labels"),
    [
        (0.1, ["1 Jan 00:00", "00:30", "01:00", "01:30", "02:00"]),
        (4, ["1 Jan 00:00", "12:00", "2 Jan", "12:00", "3 Jan", "12:00", "4 Jan", "12:00", "5 Jan"]),
        (40, ["2 Jan 2023", "9 Jan", "16 Jan", "23 Jan", "30 Jan", "6 Feb"]),  # Mondays
        (300, ["Jan 2023", "Mar", "May", "Jul", "Sep"]),
        (1000, ["Jan 2023", "Jul", "2024", "Jul", "2025", "Jul"]),
        (4000, ["2024", "2026", "2028", "2030", "2032"]),
    ],
)
def test_time_ticks_are_whole_units_of_the_calendar(days: float, labels: list[str]) -> None:
    made = drawn([(0, SCALE), (int(days * DAY_US), SCALE)])
    assert [tick.label for tick in made.x_ticks] == labels


def test_a_phone_keeps_the_ticks_that_say_the_year() -> None:
    made = drawn([(90 * DAY_US, SCALE), (1100 * DAY_US, SCALE)])
    kept = [tick.label for tick in made.x_ticks if not tick.minor]
    assert kept == ["2024", "2025", "2026"]
    assert [tick.label for tick in made.x_ticks] == ["Jul 2023", "2024", "Jul", "2025", "Jul", "2026"]


@given(TRADES)
def test_money_ticks_rise_in_equal_steps(trades: list[tuple[int, int]]) -> None:
    made = drawn(trades)
    heights = [float(tick.y) for tick in made.y_ticks if not tick.base]
    assert heights == sorted(heights, reverse=True)
    gaps = [a - b for a, b in pairwise(heights)]
    # the start's own line stands in for one tick, so one gap may be double
    assert all(gap <= 2 * min(gaps) + 0.1 for gap in gaps)
