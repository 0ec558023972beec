"""Trading days and the worst of them, against a walk over every trade and every day."""

import doctest
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trueedge_core.domain import limits
from trueedge_core.domain.limits import Day, check_zone, read_day, trading_day, worst_day
from trueedge_core.domain.ports import DayCut, Period
from trueedge_core.domain.summary import DAY_US, Closed, Summary
from trueedge_core.domain.times import format_time, parse_time

HOUR_US = DAY_US // 24
# Clock changes in both hemispheres, half and quarter hours, half an hour of summer time, a day that never was (Apia,
# 30 December 2011), and far from UTC.
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Athens",
    "Australia/Sydney",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "America/Caracas",
)
cuts = st.builds(DayCut, st.sampled_from(ZONES), st.integers(0, 23))
START = parse_time("2025-10-20T00:00:00Z")  # clocks go back within the next two weeks, in Europe and in America


def day(cut: DayCut, at: str) -> tuple[str, str]:
    found = trading_day(cut, parse_time(at))
    assert found.start is not None
    assert found.end is not None
    return format_time(found.start), format_time(found.end)


@given(cut=cuts, at=st.integers(0, 66 * 366 * DAY_US))
@example(cut=DayCut("Pacific/Apia", 5), at=parse_time("2011-12-30T12:00:00Z"))
@example(cut=DayCut("Pacific/Kiritimati", 0), at=0)
def test_trading_days_follow_each_other_without_a_gap(cut: DayCut, at: int) -> None:
    here = trading_day(cut, at)
    assert here.start is not None
    assert here.end is not None
    assert here.start <= at < here.end
    assert trading_day(cut, here.start) == here == trading_day(cut, here.end - 1)
    assert trading_day(cut, here.end).start == here.end
    local = datetime.fromtimestamp(here.end // 1_000_000, ZoneInfo(cut.zone))
    skips = (local.hour, local.minute) != (cut.hour, 0)
    assert not skips or cut.hour < local.hour  # the hour of the cut was skipped that day


def test_a_day_ends_at_five_in_new_york_in_summer_and_in_winter() -> None:
    cut = DayCut("America/New_York", 17)
    assert day(cut, "2026-01-07T12:00:00Z") == ("2026-01-06T22:00:00Z", "2026-01-07T22:00:00Z")
    assert day(cut, "2026-07-07T12:00:00Z") == ("2026-07-06T21:00:00Z", "2026-07-07T21:00:00Z")


def test_the_cut_itself_belongs_to_the_day_that_it_begins() -> None:
    cut = DayCut("America/New_York", 17)
    assert day(cut, "2026-01-07T22:00:00Z")[0] == "2026-01-07T22:00:00Z"
    assert day(cut, "2026-01-07T21:59:59.999999Z")[1] == "2026-01-07T22:00:00Z"


def test_an_hour_that_the_clocks_skip_is_the_instant_of_the_skip_and_a_repeated_one_is_its_first() -> None:
    cut = DayCut("America/New_York", 2)
    assert day(cut, "2026-03-08T12:00:00Z") == ("2026-03-08T07:00:00Z", "2026-03-09T06:00:00Z")  # 2:00 is 3:00
    cut = DayCut("America/New_York", 1)
    assert day(cut, "2026-11-01T12:00:00Z")[0] == "2026-11-01T05:00:00Z"


def test_a_zone_of_half_hours_is_cut_there() -> None:
    assert day(DayCut("Asia/Kolkata", 0), "2026-01-07T12:00:00Z") == ("2026-01-06T18:30:00Z", "2026-01-07T18:30:00Z")


@pytest.mark.parametrize(
    "name", ["", "New York", "america/new_york ", "../UTC", "/etc/passwd", "Europe", "x\0", "EST9"]
)
def test_what_is_no_time_zone_is_refused_with_what_is_accepted(name: str) -> None:
    with pytest.raises(ValueError, match="accepted: the IANA name"):
        check_zone(name)


# --- the worst day ---------------------------------------------------------------------------------------------------


def reader(trades: list[tuple[int, int]], asked: list[Period] | None = None) -> Callable[[Period], Summary]:
    def read(period: Period) -> Summary:
        assert period.start is not None
        assert period.end is not None
        if asked is not None:
            asked.append(period)
        summary = Summary()
        summary.add_all(Closed(at, x, 0) for at, x in trades if period.start <= at < period.end)
        return summary

    return read


def by_day(trades: list[tuple[int, int]]) -> list[tuple[int, Summary]]:
    days: dict[int, Summary] = {}
    for at, x in trades:
        days.setdefault(at // DAY_US * DAY_US, Summary()).add(Closed(at, x, 0))
    return list(days.items())


def walked(trades: list[tuple[int, int]], cut: DayCut) -> Day | None:
    """Every day from before the first trade to after the last, one after the other."""
    worst: Day | None = None
    at = trades[0][0]
    while at <= trades[-1][0]:
        here = read_day(trading_day(cut, at), reader(trades))
        if here.used > (worst.used if worst else 0):
            worst = here
        at = here.end
    return worst


@given(
    cut=cuts,
    trades=st.lists(
        st.tuples(st.integers(START, START + 20 * DAY_US), st.integers(-6, 6)), min_size=1, max_size=80
    ).map(sorted),
)
def test_the_worst_day_is_that_of_a_walk_over_every_day(cut: DayCut, trades: list[tuple[int, int]]) -> None:
    assert worst_day(by_day(trades), cut, reader(trades)) == walked(trades, cut)


def test_the_lowest_point_inside_a_day_counts_also_when_the_day_ended_above() -> None:
    trades = [(START + 1, -50), (START + 2, 80), (START + DAY_US, -40)]
    worst = worst_day(by_day(trades), DayCut(), reader(trades))
    assert worst == Day(START, START + DAY_US, 30, 50)


def test_a_day_that_lost_what_it_had_won_before_is_not_below_its_start() -> None:
    trades = [(START + 1, 80), (START + 2, -50)]
    assert worst_day(by_day(trades), DayCut(), reader(trades)) is None


def test_no_day_is_the_worst_of_none() -> None:
    assert worst_day([], DayCut(), reader([])) is None


def test_of_a_thousand_days_few_are_read() -> None:
    draw = Random(7)
    trades = [(START + n * 2 * HOUR_US, draw.randint(-20, 20)) for n in range(12_000)]
    asked: list[Period] = []
    for cut in (DayCut(), DayCut("America/New_York", 17), DayCut("Asia/Kolkata", 9)):
        asked.clear()
        assert worst_day(by_day(trades), cut, reader(trades, asked)) == walked(trades, cut)
        assert len(asked) < 150


def test_the_examples_in_the_docstrings_come_out() -> None:
    assert doctest.testmod(limits).failed == 0


def test_zones_are_known_where_the_system_knows_none() -> None:
    program = "import zoneinfo; zoneinfo.reset_tzpath(to=[]); print(zoneinfo.ZoneInfo('America/New_York'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "America/New_York\n", done.stderr
