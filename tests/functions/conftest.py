"""The functions on a SQLite store of their own, opened to everyone as the local server does on a loopback address."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functions.calling import Caller
from trueedge_core import wiring
from trueedge_core.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """The settings of an open instance with an empty store."""
    chosen = Settings(store_url=f"sqlite:///{tmp_path / 'trueedge.db'}", open=True)
    wiring.configure(chosen)
    yield chosen
    wiring.configure(None)


@pytest.fixture
def call(settings: Settings) -> Caller:
    return Caller()
