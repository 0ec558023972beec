"""The functions on a SQLite store of their own, opened to everyone as the local server does on a loopback address."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functions.calling import Caller
from trueedge_core import wiring
from trueedge_core.settings import Settings
from trueedge_core.storage import open_ledger


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that was just made: copying it takes a tenth of the time, and thousands of tests need one."""
    path = tmp_path_factory.mktemp("empty") / "trueedge.db"
    open_ledger(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def settings(tmp_path: Path, empty_store: Path) -> Iterator[Settings]:
    """The settings of an open instance with an empty store."""
    shutil.copyfile(empty_store, tmp_path / "trueedge.db")
    chosen = Settings(store_url=f"sqlite:///{tmp_path / 'trueedge.db'}", open=True)
    wiring.configure(chosen)
    yield chosen
    wiring.configure(None)


@pytest.fixture
def call(settings: Settings) -> Caller:
    return Caller()
