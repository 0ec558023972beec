"""docs/operate.md says what an instance costs: its units are metered here, its sums made again."""

import re
from dataclasses import dataclass

import pytest

from tests.dynamodb.emulator import Emulator
from tests.functions.calling import trade
from tests.infra.instance import Instance, watched
from tests.infra.stacks import Account

BOTS, POSTS = 10, 40


@dataclass(frozen=True)
class Units:
    write: float
    read: float


@pytest.fixture(scope="module")
def a_trade(account: Account, emulator: Emulator) -> Units:
    """What one trade needs, from its post until the figures have it: alone in its batch, one of ten bots in turn."""
    instance = Instance(account.create("metered"))

    def post(number: int) -> dict[str, object]:
        return trade(
            f"2026-01-05-bot-{number % BOTS}-ticket-{100_000 + number}",
            account_id=f"account-{number % 3}",
            strategy_id=f"strategy-{number % BOTS}",
            timestamp=f"2026-01-{5 + number // 60:02d}T{number // 4 % 24:02d}:{number % 60:02d}:10Z",
            pnl=str(number % 17 - 8) + ".25",
        )

    instance("POST", "/trade_events", [post(number) for number in range(300)])
    instance.sequence()
    write = read = 0.0
    for number in range(300, 300 + POSTS):
        with watched(emulator) as asked:
            assert instance("POST", "/trade_event", post(number)).status == 200
            assert instance.sequence() == 1
        write += sum(request.write_units for request in asked)
        read += sum(request.read_units for request in asked)
    return Units(write / POSTS, read / POSTS)


def test_x(a_trade: Units) -> None:
    print(a_trade)
