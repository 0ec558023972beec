"""A client of the emulator, and a table of its own for each test that takes `table`."""

from typing import Any

import pytest

from .client import make_table, plain_client
from .emulator import Emulator


@pytest.fixture(scope="session")
def client(emulator: Emulator) -> Any:
    return plain_client(emulator.url)


@pytest.fixture
def table(client: Any, table_name: str) -> str:
    make_table(client, table_name)
    return table_name
