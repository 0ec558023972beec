"""The order of arrival leaves no trace: another shuffle in a fresh store gives the same bytes; and live beside demo."""

import re
from collections.abc import Iterator
from itertools import zip_longest

import pytest

from tests.e2e.conftest import Filled
from tests.e2e.harness import Server, segment, url
from tests.e2e.questions import BALANCE, RANGES, questions, wrong_answers, wrong_groups
from tests.e2e.respell import twins

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("real trades")]

# As JSON and as the report says it.
AS_OF = re.compile(rb'"as_of":\s*\{[^}]*\}|As of log entry [^<]*| data-events="[0-9]*"')


@pytest.fixture(scope="module")
def filled_otherwise(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> Iterator[Filled]:
    with Server(tmp_path_factory.mktemp("otherwise") / "trades.db") as server:
        yield Filled(server, lines, seed=7)


def all_reads(filled: Filled) -> Iterator[str]:
    """Every question about the whole record, the curves and the tables, by every route, as URLs."""
    for question in questions(filled.market, list(RANGES), [None, "demo"]):
        yield url(question.path, question.query)
    for period in RANGES.values():
        query = {**period, "starting_balance": BALANCE}
        for path in ("/metrics/by_strategy", "/metrics/by_account", "/metrics/equity_curve"):
            yield url(path, query)
        for points in (2, 50, 5000):
            yield url("/metrics/equity_curve", {**query, "points": points})
    for strategy in filled.market.ids("strategy_id"):
        yield url("/metrics/equity_curve", {"strategy_id": strategy})
        yield f"/report/strategy/{segment(strategy)}"
    yield "/report"


@pytest.mark.slow
def test_another_shuffle_gives_byte_identical_answers(filled: Filled, filled_otherwise: Filled) -> None:
    different = []
    for path in all_reads(filled):
        one, other = filled.client.get(path), filled_otherwise.client.get(path)
        assert (one.status, other.status) == (200, 200), (path, one.body[:300])
        if AS_OF.sub(b"", one.body) != AS_OF.sub(b"", other.body):
            pairs = zip_longest(one.body.split(b","), other.body.split(b","))
            different.append((path, [p for p in pairs if p[0] != p[1]][:5]))
    assert not different, f"{len(different)} answers differ, the first: {different[:5]}"


@pytest.mark.slow
def test_live_beside_demo_every_figure_equals_the_brute_force(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """A third of the trades once more as live ones, in accounts of their own or in the same: nothing may mix."""
    with Server(tmp_path_factory.mktemp("both") / "trades.db") as server:
        both = Filled(server, lines + twins(lines, seed=3), seed=11)
        assert {a["status"] for a in both.answers} == {200}
        wrong = wrong_answers(both.client, both.market, questions(both.market, list(RANGES), [None, "live", "demo"]))
        for kind in ("strategy", "account"):
            for environment in ({}, {"environment": "live"}, {"environment": "demo"}):
                for period in RANGES.values():
                    query = {**period, **environment, "starting_balance": BALANCE}
                    wrong += wrong_groups(both.client, both.market, kind, query, limit=1000)
        assert not wrong, "\n".join([f"{len(wrong)} differences", *wrong[:25]])


@pytest.mark.slow
def test_a_small_set_live_beside_demo_equals_the_brute_force(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """The same with the small sources only (699 trades and their twins), so that it is in every run."""
    small = [
        line for line in lines if '"tv-barupdn' not in line and '"tv-supertrend' not in line and '"qtxn' not in line
    ]
    with Server(tmp_path_factory.mktemp("small") / "trades.db", workers=2) as server:
        both = Filled(server, small + twins(small, seed=5, share=0.6), seed=12)
        assert {a["status"] for a in both.answers} == {200}
        wrong = wrong_answers(both.client, both.market, questions(both.market, list(RANGES), [None, "live", "demo"]))
        for kind in ("strategy", "account"):
            for environment in ({}, {"environment": "live"}, {"environment": "demo"}):
                wrong += wrong_groups(both.client, both.market, kind, {**environment, "starting_balance": BALANCE}, 2)
        assert not wrong, "\n".join([f"{len(wrong)} differences", *wrong[:25]])
