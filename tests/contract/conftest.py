"""The ledgers under contract. A new driver is one more row in DRIVERS; no test is overridden."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trueedge_core.domain.ports import Ledger
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


DRIVERS = {"sqlite": sqlite_store}


@pytest.fixture(params=DRIVERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the store; every call is another connection to it."""
    return DRIVERS[request.param](tmp_path)


@pytest.fixture
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """A second ledger of the same driver, which shares nothing with `ledger`."""
    (tmp_path / "other").mkdir()
    ledger = DRIVERS[request.node.callspec.params["store"]](tmp_path / "other")()
    yield ledger
    ledger.close()


@pytest.fixture
def ledger(store: Opener) -> Iterator[Ledger]:
    ledger = store()
    yield ledger
    ledger.close()
