"""Three clients' stacks in one account: two as they are by default, one that sequences inside the request."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dynamodb.emulator import Emulator
from tests.infra.instance import Instance
from tests.infra.stacks import Account, Stack
from trueedge_core import wiring


def pytest_itemcollected(item: pytest.Item) -> None:
    if Path(__file__).parent in item.path.parents:
        item.add_marker(pytest.mark.xdist_group("infra"))  # one account for all of them
        item.add_marker(pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning"))  # what moto does not make


@pytest.fixture(scope="session")
def account(emulator: Emulator) -> Account:
    return Account(emulator.url)


@pytest.fixture(scope="session")
def acme(account: Account) -> Stack:
    return account.create("acme")


@pytest.fixture(scope="session")
def birch(account: Account) -> Stack:
    return account.create("birch")


@pytest.fixture(scope="session")
def inline(account: Account) -> Stack:
    return account.create("inline", Sequencing="inline", Dashboard="false", LogLevel="DEBUG")


@pytest.fixture(autouse=True)
def no_settings_left_behind() -> Iterator[None]:
    yield
    wiring.configure(None)
    Instance.current = None
