"""The one costly fixture, a store filled with all real trades, shared by the modules of the group "real trades"."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Server, post_all, raw_lines
from tests.e2e.questions import Market
from tests.e2e.respell import shuffled_plans

SEED = 20261122


class Filled:
    """A server over a store that two client processes have just filled with these lines, in a shuffle of their own."""

    def __init__(self, server: Server, lines: list[str], seed: int, alone: float = 0.5) -> None:
        self.server, self.lines, self.market = server, lines, Market.of(lines)
        plans, self.resent = shuffled_plans(lines, seed, alone=alone)
        self.answers = post_all(server.port, plans, server.store.parent)
        self.client = server.client()


@pytest.fixture(scope="session")
def lines(shared_data: Path) -> list[str]:
    """All real trades and the four open positions, as they lie in the files."""
    return raw_lines(shared_data) + raw_lines(shared_data, "*/open_positions.jsonl")


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> Iterator[Filled]:
    with Server(tmp_path_factory.mktemp("real") / "trades.db") as server:
        yield Filled(server, lines, SEED, alone=0.1)  # half of them alone: test_another_shuffle.py
