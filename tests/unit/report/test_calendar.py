"""The calendar: every day in its place and strength, months that add up, links that stay inside the selection."""

import re
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueedge_core.domain.decimals import SCALE
from trueedge_core.domain.summary import DAY_US, Closed, Summary
from trueedge_core.report import calendar
from trueedge_core.report.calendar import CELL, LEFT, PITCH, TOP, Calendar
from trueedge_core.report.selection import Selection

EPOCH = date(1970, 1, 1)


def built(pnl: dict[date, int], selection: Selection | None = None) -> Calendar:
    days = []
    for day, amount in sorted(pnl.items()):
        start = (day - EPOCH).days * DAY_US
        days.append((start, Summary.of(Closed(start, amount * SCALE, 0))))
    made = calendar.build(selection or Selection(), days, "USD")
    assert made is not None
    return made


def cells(made: Calendar) -> dict[tuple[int, int, int], str]:
    """(year, x, y) of every cell -> its shade."""
    return {
        (year.year, int(x), int(y)): group.shade
        for year in (*made.years, *made.earlier)
        for group in year.cells
        for x, y in re.findall(rf"M(\d+) (\d+)h{CELL}v", group.path)
    }


def test_no_day_no_calendar() -> None:
    assert calendar.build(Selection(), [], "") is None


@given(st.dictionaries(st.dates(date(2019, 1, 1), date(2024, 12, 31)), st.integers(-50, 50), min_size=1, max_size=60))
def test_every_day_has_one_cell_of_its_sign_in_the_column_of_its_week(pnl: dict[date, int]) -> None:
    found = cells(built(pnl))
    assert len(found) == len(pnl)
    for day, amount in pnl.items():
        first = date(day.year, 1, 1)
        monday = first - timedelta(days=first.weekday())
        column, row = (day - monday).days // 7, day.weekday()
        shade = found[day.year, LEFT + column * PITCH, TOP + row * PITCH]
        assert shade[0] == ("g" if amount > 0 else "l" if amount < 0 else "z")
        assert LEFT + column * PITCH + CELL <= calendar.WIDTH
    larger = sorted(
        (abs(amount), int(found_shade[1]))
        for day, amount in pnl.items()
        if amount
        for found_shade in [
            found[
                day.year,
                LEFT
                + ((day - (date(day.year, 1, 1) - timedelta(days=date(day.year, 1, 1).weekday()))).days // 7) * PITCH,
                TOP + day.weekday() * PITCH,
            ]
        ]
    )
    assert [strength for _, strength in larger] == sorted(strength for _, strength in larger)


def test_months_and_years_add_up() -> None:
    made = built({date(2023, 1, 2): 5, date(2023, 1, 30): -7, date(2023, 12, 31): 4, date(2024, 2, 29): 1})
    assert [(row.year, row.total.exact) for row in made.rows] == [(2024, "1"), (2023, "2")]
    in_2023 = {i + 1: m.number.exact for i, m in enumerate(made.rows[1].months) if m.number}
    assert in_2023 == {1: "-2", 12: "4"}
    assert made.rows[0].months[0].told == "Jan 2024: no trade"


def test_the_days_for_the_script_have_every_digit() -> None:
    start = 19_000 * DAY_US
    days = [(start, Summary.of(Closed(start, 123_456_789_012_345_678_901, 0)))]
    made = calendar.build(Selection(), days, "")
    assert made is not None
    assert made.days == "19000:123.456789012345678901:1"


def test_three_years_are_open_nine_folded_and_older_ones_only_in_the_table() -> None:
    made = built({date(year, 6, 1): 1 for year in range(2008, 2023)})
    assert [year.year for year in made.years] == [2022, 2021, 2020]
    assert len(made.earlier) == 9
    assert made.more == "3\u00a0years before 2011 only in the table of months."
    assert len(made.rows) == 15


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, ("2023-03-01", "2023-04-01")),
        (date(2023, 3, 10), None, ("2023-03-10", "2023-04-01")),
        (None, date(2023, 3, 20), ("2023-03-01", "2023-03-20")),
    ],
)
def test_a_month_links_to_its_own_report_inside_the_period(
    start: date | None, end: date | None, expected: tuple[str, str]
) -> None:
    us = [None if day is None else (day - EPOCH).days * DAY_US for day in (start, end)]
    made = built({date(2023, 3, 15): 5}, Selection(strategy_id="a b", start=us[0], end=us[1]))
    asked = dict(parse_qsl(urlsplit(made.rows[0].months[2].href).query))
    assert (asked["from"], asked["to"]) == expected
    assert asked["strategy_id"] == "a b"


def test_a_picture_is_told_in_words() -> None:
    made = built({date(2023, 3, 15): 5, date(2023, 3, 16): -12})
    assert made.years[0].told == (
        "2023: −7.00 on 2\u00a0trading days; best 5.00 on 15\u00a0Mar, worst −12.00 on 16\u00a0Mar."
    )
    assert Decimal(made.rows[0].total.exact) == -7
