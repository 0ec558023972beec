"""The ledgers under contract. A new driver is one more row in DRIVERS; no test is overridden."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trueedge_core.domain.ports import Ledger
from trueedge_core.storage.dynamodb.ledger import DynamoLedger
from trueedge_core.storage.dynamodb.table import DynamoTable
from trueedge_core.storage.sqlite.ledger import SqliteLedger

Opener = Callable[[], Ledger]


class Ticking:
    """A clock that goes on by a second at every look."""

    def __init__(self) -> None:
        self.now = 1_790_000_000_000_000

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


def sqlite_store(folder: Path) -> Opener:
    """Opens one and the same SQLite store, each time by a connection of its own."""
    clock = Ticking()
    return lambda: SqliteLedger(str(folder / "store.db"), clock)


def dynamodb_store(folder: Path) -> Opener:
    """Opens one and the same table, each time by a client of its own; the emulator of this process has it."""
    clock, name = Ticking(), f"trueedge-{uuid.uuid4().hex[:12]}"
    return lambda: DynamoLedger(DynamoTable(name, create=True), clock=clock)


DRIVERS = {"sqlite": sqlite_store, "dynamodb": dynamodb_store}


# Over a socket these take seconds and show of the driver what others show too.
LONG_ON_DYNAMODB = (
    "test_a_range_cut_anywhere_is_exact",
    "test_a_series_partitions_its_period",
    "test_what_one_connection_stored_another_sees_at_once",
    "test_in_trade_order_gives_every_event_of_the_scope_with_what_it_is_broken_down_by",
    "test_rebuild_gives_the_same_answers",
)


def pytest_itemcollected(item: pytest.Item) -> None:
    if (
        item.name.startswith(LONG_ON_DYNAMODB)
        and "dynamodb" in item.name
        and Path(__file__).parent in item.path.parents
    ):
        item.add_marker(pytest.mark.slow)


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    """The name of a driver, and what it needs is there."""
    if request.param == "dynamodb":
        request.getfixturevalue("emulator")
    return str(request.param)


@pytest.fixture
def store(driver: str, tmp_path: Path) -> Opener:
    """Opens the store; every call is another connection to it."""
    return DRIVERS[driver](tmp_path)


@pytest.fixture
def other(driver: str, tmp_path: Path) -> Iterator[Ledger]:
    """A second ledger of the same driver, which shares nothing with `ledger`."""
    (tmp_path / "other").mkdir()
    ledger = DRIVERS[driver](tmp_path / "other")()
    yield ledger
    ledger.close()


@pytest.fixture
def ledger(store: Opener) -> Iterator[Ledger]:
    ledger = store()
    yield ledger
    ledger.close()
