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
