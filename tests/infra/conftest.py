"""Three clients' stacks in one account: two as they are by default, one that sequences inside the request."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from tests.infra.stacks import CREDENTIALS, Account, Stack


def pytest_itemcollected(item: pytest.Item) -> None:
    if Path(__file__).parent in item.path.parents:
        item.add_marker(pytest.mark.xdist_group("infra"))  # one account for all of them
        item.add_marker(pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning"))  # what moto does not make


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    patch = pytest.MonkeyPatch()
    for name, value in CREDENTIALS.items():  # no test may find a developer's own
        patch.setenv(name, value)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield Account(f"http://127.0.0.1:{port}")
    server.stop()
    patch.undo()


@pytest.fixture(scope="session")
def acme(account: Account) -> Stack:
    return account.create("acme")


@pytest.fixture(scope="session")
def birch(account: Account) -> Stack:
    return account.create("birch")


@pytest.fixture(scope="session")
def inline(account: Account) -> Stack:
    return account.create("inline", Sequencing="inline", Dashboard="false", LogLevel="DEBUG")
