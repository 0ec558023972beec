"""What the driver may cost, and that docs/dynamodb.md says what it does cost."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contract.events import NOW, START
from tests.functions.calling import Caller
from trueedge_core import wiring
from trueedge_core.domain.ports import Scope
from trueedge_core.settings import Settings
from trueedge_core.storage.dynamodb.ledger import DynamoLedger
from trueedge_core.storage.dynamodb.table import DynamoTable

from . import costs
from .costs import Cost, Store, series, trade
from .emulator import Emulator, Request

PAGE = Path(__file__).parents[2] / "docs" / "dynamodb.md"
pytestmark = pytest.mark.xdist_group("costs")


@pytest.fixture(scope="module")
def found(emulator: Emulator) -> dict[str, Cost]:
    return costs.measure(emulator, f"costs-{time.monotonic_ns()}")


@pytest.mark.slow
def test_the_documented_costs_are_the_metered_ones(found: dict[str, Cost]) -> None:
    documented = re.search(r"<!-- costs -->\n(.*)\n<!-- /costs -->", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert documented is not None
    assert documented.group(1) == costs.table(found), "python -m tests.dynamodb.costs --write"


@pytest.mark.parametrize(
    ("row", "most"),
    [
        ("batch of 100 trades of one series, in order", 2.6),
        (costs.STREAM, 2.6),
        ("lone trade, in order", 10),
        ("lone trade of a new account and strategy", 10),
        ("lone trade, in order, the first of its day", 11),  # with the four summaries that it ends
    ],
)
def test_a_trade_costs_no_more_write_units(found: dict[str, Cost], row: str, most: float) -> None:
    assert 0 < found[row].writes_each <= most


@pytest.mark.parametrize(
    ("row", "most"),
    [
        ("every figure of everything", 1),
        ("every figure of one strategy", 1),
        (costs.TWO_ENVIRONMENTS, 2),
        ("how many strategies were tried", 1),
        (costs.MANY, 30),
    ],
)
def test_a_question_costs_no_more_read_units(found: dict[str, Cost], row: str, most: float) -> None:
    assert 0 < found[row].read_units <= most


def test_late_trades_cost_more_and_are_stated(found: dict[str, Cost]) -> None:
    assert found["lone trade, a week late"].read_units > found["lone trade, in order"].read_units
    assert "lone trade, a week late" in PAGE.read_text(encoding="utf-8")


# --- as the history grows --------------------------------------------------------------------------------------------


def totals(emulator: Emulator, name: str) -> dict[str, float]:
    """Read units of totals, as the ledger gives them and as a request for them does."""
    ledger = DynamoLedger(DynamoTable(name), clock=lambda: NOW)
    found = {}
    for scope in (Scope(), Scope(strategy_id="strat-1"), Scope("acc-1"), Scope("acc-1", "strat-1")):
        with emulator.metered() as meter:
            assert ledger.summary(scope) is not None
        found[repr(scope)] = meter.read_units
    ledger.close()
    wiring.configure(Settings(store_url=f"dynamodb://{name}?sequencing=inline", open=True))
    try:
        for path in ("/metrics/overall", "/metrics/strategy/strat-1"):
            with emulator.metered() as meter:
                assert Caller().get(path).status == 200
            found[path] = meter.read_units
    finally:
        wiring.configure(None)
    return found


def load(emulator: Emulator, name: str, count: int) -> None:
    """A table with so many trades."""
    store = Store(emulator, name)
    store.fill(series(0, count, START))
    store.ledger.close()


@pytest.mark.parametrize("count", [100, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_total_is_one_read_unit_however_many_trades_there_are(
    emulator: Emulator, table_name: str, count: int
) -> None:
    load(emulator, table_name, count)
    found = totals(emulator, table_name)
    # A request for them asks too how many strategies were tried: their Sharpe ratios are judged by that.
    allowed = {name: 2 if name.startswith("/metrics") else 1 for name in found}
    assert {name: units for name, units in found.items() if units > allowed[name]} == {}


# --- nothing shared --------------------------------------------------------------------------------------------------


@pytest.fixture
def stream_store(emulator: Emulator, table_name: str) -> Iterator[Store]:
    store = Store(emulator, table_name, is_inline=False)
    yield store
    store.ledger.close()


def test_500_posts_from_20_threads_touch_no_item_that_another_one_touches(
    emulator: Emulator, stream_store: Store
) -> None:
    events = [trade(n, START + n * costs.PACE) for n in range(500)]
    with emulator.metered() as meter, ThreadPoolExecutor(20) as pool:
        receipts = list(pool.map(lambda one: stream_store.ledger.append([one])[0], events))
    assert {receipt.outcome for receipt in receipts} == {"stored"}
    assert sorted(meter.keys_written) == sorted((f"E\x1f{one.event_id}", "E") for one in events)
    assert [read for read in meter.requests if not_of_its_own(read)] == []
    assert meter.write_units == 500


def not_of_its_own(request: Request) -> bool:
    """Whether a call reads or writes something that is not one event's."""
    return any(not partition.startswith("E\x1f") for partition, _ in request.keys) or not request.keys
