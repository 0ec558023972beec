"""Parts of a run against a walk over the single trades."""

import doctest
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueedge_core.domain import breakdowns
from trueedge_core.domain.breakdowns import (
    HOUR_US,
    WEEKDAYS,
    Months,
    Part,
    by_calendar,
    by_traits,
    joined,
    label_of,
    month_of,
    version,
)
from trueedge_core.domain.ports import Period, Traded
from trueedge_core.domain.summary import DAY_US, Closed, Summary
from trueedge_core.domain.times import parse_time

events = st.lists(
    st.builds(
        Traded,
        at=st.integers(0, 70 * DAY_US),
        environment=st.sampled_from(["live", "demo"]),
        symbol=st.sampled_from(["EURUSD", "eurusd", "<b>", "GBPUSD"]),
        venue=st.sampled_from(["x", "y"]),
        side=st.sampled_from(["buy", "sell"]),
        closed=st.none(),
        voided=st.booleans(),
    ),
    max_size=80,
)
pnls = st.lists(st.integers(-9, 9), min_size=80, max_size=80)


def traded(rows: Sequence[Traded], amounts: Sequence[int]) -> list[Traded]:
    """In order; most of them closed."""
    found = []
    for row, x in zip(sorted(rows, key=lambda one: one.at), amounts, strict=False):
        closed = Closed(row.at, x, -1) if x % 5 else None
        found.append(row._replace(closed=closed, voided=row.voided and closed is None))
    return found


def run_of(rows: Sequence[Traded]) -> Part:
    """The run of these alone, one by one."""
    part = Part()
    for row in rows:
        if row.closed is not None:
            part.summary.add(row.closed)
            part.live += row.environment == "live"
        elif row.voided:
            part.summary.voids += 1
        else:
            part.summary.opens += 1
    return part


def series(rows: Sequence[Traded], width: int) -> list[tuple[int, Summary]]:
    steps: dict[int, list[Traded]] = {}
    for row in rows:
        steps.setdefault(row.at // width * width, []).append(row)
    return [(start, run_of(inside).summary) for start, inside in steps.items()]


@given(rows=events, amounts=pnls)
def test_a_trait_s_part_is_the_run_of_its_trades_alone(rows: list[Traded], amounts: list[int]) -> None:
    run = traded(rows, amounts)
    for trait, parts in by_traits(iter(run)).items():
        labels = {getattr(row, trait) for row in run}
        assert parts == {label: run_of([row for row in run if getattr(row, trait) == label]) for label in labels}


@pytest.mark.parametrize(("kind", "width"), [("weekday", DAY_US), ("hour", HOUR_US)])
@given(rows=events, amounts=pnls)
def test_a_calendar_part_is_the_run_of_its_trades_alone(
    kind: Any, width: int, rows: list[Traded], amounts: list[int]
) -> None:
    run = traded(rows, amounts)
    live = [row for row in run if row.environment == "live"]
    parts = by_calendar(kind, series(run, width), series(live, width))
    labels = {label_of(kind, row.at) for row in run}
    assert parts == {label: run_of([row for row in run if label_of(kind, row.at) == label]) for label in labels}


@given(rows=events, amounts=pnls, cut=st.integers(0, 70 * DAY_US))
def test_parts_of_consecutive_stretches_join_into_those_of_the_whole(
    rows: list[Traded], amounts: list[int], cut: int
) -> None:
    run = traded(rows, amounts)
    halves = [row for row in run if row.at < cut], [row for row in run if row.at >= cut]
    for trait, parts in by_traits(run).items():
        assert joined(by_traits(half)[trait] for half in halves) == parts


def test_without_a_series_of_live_trades_each_is_live() -> None:
    [part] = by_calendar("month", [(0, Summary.of(Closed(5, 1, 0)))], None).values()
    assert part.live == 1


@given(st.integers(0, 80 * 366 * DAY_US))
def test_labels_are_those_of_the_calendar(at: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    assert label_of("weekday", at) == WEEKDAYS[moment.weekday()]
    assert label_of("hour", at) == str(moment.hour)
    assert label_of("month", at) == f"{moment.year}-{moment.month:02d}"


@pytest.mark.parametrize(
    ("start", "end"),
    [("2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"), ("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z")],
)
def test_a_month_ends_where_the_next_begins(start: str, end: str) -> None:
    assert month_of(parse_time(start)) == Period(parse_time(start), parse_time(end))


# --- months that are known already -----------------------------------------------------------------------------------


def parts(*amounts: int) -> dict[str, Part]:
    return {f"{x}": Part(Summary.of(Closed(1, x, 0)), 1) for x in amounts}


def test_a_month_is_found_while_its_counts_are_the_same() -> None:
    months, month = Months(), {"hour": parts(1, 2)}
    months.keep("jan", (2, 0, 2), month)
    assert months.find("jan", (2, 0, 2)) is month
    for other in ((3, 0, 2), (2, 1, 2), (2, 0, 1)):
        assert months.find("jan", other) is None
    assert months.find("feb", (2, 0, 2)) is None


@pytest.mark.parametrize("counted", [(3, 0, 2), (2, 1, 2), (2, 0, 1)])
def test_a_month_that_was_read_while_a_trade_came_in_is_not_kept(counted: tuple[int, int, int]) -> None:
    months = Months()
    months.keep("jan", counted, {"hour": parts(1, 2)})
    assert months.find("jan", counted) is None
    assert months.size == 0


def test_every_entry_of_the_log_makes_another_version() -> None:
    open_one, voided, closed = Summary(), Summary(), Summary.of(Closed(1, 1, 0))
    open_one.opens, voided.voids = 1, 1
    assert version([]) == (0, 0, 0)
    assert version([Part(closed)]) == version([Part(open_one)]) == (1, 0, 0)
    assert version([Part(voided)]) == (1, 1, 0)
    assert version([Part(closed, 1), Part(voided), Part(open_one)]) == (3, 1, 1)


def test_months_not_asked_for_the_longest_go_first() -> None:
    months = Months(room=4)
    months.keep("a", (2, 0, 2), {"hour": parts(1, 2)})
    months.keep("b", (2, 0, 2), {"hour": parts(1, 2)})
    assert months.find("a", (2, 0, 2))
    months.keep("c", (2, 0, 2), {"hour": parts(1, 2)})
    assert [name for name in "abc" if months.find(name, (2, 0, 2))] == ["a", "c"]
    months.keep("c", (3, 0, 3), {"hour": parts(1, 2, 3)})  # in place of the older c
    assert months.size <= 4
    assert months.find("c", (3, 0, 3))
    months.keep(
        "d", (5, 0, 5), {"hour": parts(1, 2, 3, 4, 5)}
    )  # too large for any room: nothing is left, nothing breaks
    assert months.size == 0


def test_the_examples_in_the_docstrings_come_out() -> None:
    assert doctest.testmod(breakdowns).failed == 0
