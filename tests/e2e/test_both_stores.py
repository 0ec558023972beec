"""The same trades, the same questions, the same bytes: a server on SQLite beside a server on DynamoDB.

What tells when something arrived differs, of course: `at`, `received_at` and `request_id` are masked, and nothing else.
"""

import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dynamodb.emulator import Emulator
from tests.e2e.harness import Client, Server, raw_lines, segment, url
from tests.e2e.questions import RANGES, Market, questions

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("both stores")]
BATCH = 500
VOIDED = 7  # of the events of each strategy, this one is voided
MASK = re.compile(rb'("(?:at|received_at|request_id)":)"[^"]*"')


def answer(client: Client, target: str) -> tuple[int, str, bytes]:
    got = client.get(target)
    return got.status, got.headers.get("content-type", ""), MASK.sub(rb'\1"..."', got.body)


@pytest.fixture(scope="module")
def lines(shared_data: Path) -> list[str]:
    return raw_lines(shared_data) + raw_lines(shared_data, "*/open_positions.jsonl")


@pytest.fixture(scope="module")
def market(lines: list[str]) -> Market:
    return Market.of(lines)


@pytest.fixture(scope="module")
def clients(
    lines: list[str], market: Market, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Client, Client]]:
    """Both hold every real trade, in the order of the files, and the same voids."""
    folder = tmp_path_factory.mktemp("both")
    environment = {name: text for name, text in os.environ.items() if name.startswith("AWS_")}
    table = f"dynamodb://trueedge-{uuid.uuid4().hex[:12]}?create=1"
    with (
        Server(folder / "a.db") as one,
        Server(folder / "b.db", url=table, **environment) as other,
        one.client() as a,
        other.client() as b,
    ):
        for client in (a, b):
            for at in range(0, len(lines), BATCH):
                sent = client.post("/trade_events", "\n".join(lines[at : at + BATCH]))
                assert sent.status == 200, sent.body[:500]
            for strategy in market.ids("strategy_id"):
                ids = [event.event_id for event in market.events if event.strategy_id == strategy]
                target = f"/trade_event/{segment(ids[VOIDED % len(ids)])}/void"
                assert client.post(target, '{"reason": "to see it gone"}').status == 200
        yield a, b


def differing(clients: tuple[Client, Client], targets: Iterator[str]) -> list[str]:
    a, b = clients
    return [target for target in targets if answer(a, target) != answer(b, target)]


def test_every_metrics_answer_is_the_same(clients: tuple[Client, Client], market: Market) -> None:
    def targets() -> Iterator[str]:
        for question in questions(market, list(RANGES), (None, "demo", "live")):
            yield url(question.path, question.query)
        for path in ("/metrics/by_strategy", "/metrics/by_account"):
            for name in RANGES:
                for more in ({}, {"limit": "2"}, {"sort": "sharpe_ratio", "order": "desc"}):
                    yield url(path, {**RANGES[name], **more})
            for account in market.ids("account_id"):
                yield url(path, {"account_id": account})
            for strategy in market.ids("strategy_id"):
                yield url(path, {"strategy_id": strategy, "environment": "demo"})

    assert differing(clients, targets()) == []


def test_every_curve_is_the_same(clients: tuple[Client, Client], market: Market) -> None:
    def targets() -> Iterator[str]:
        scopes = [{}, *({"strategy_id": name} for name in market.ids("strategy_id"))]
        scopes += [{"account_id": name} for name in market.ids("account_id")]
        for scope in scopes:
            for name in ("everything", "cuts hours on both sides", "inside one day"):
                for points in ("30", "500", "5000"):
                    yield url("/metrics/equity_curve", {**scope, **RANGES[name], "points": points})

    assert differing(clients, targets()) == []


def test_every_trade_is_listed_the_same(clients: tuple[Client, Client], market: Market) -> None:
    a, b = clients
    for scope in ({}, *({"strategy_id": name} for name in market.ids("strategy_id"))):
        cursor: dict[str, str] = {}
        while True:
            target = url("/trade_events", {**scope, "limit": "1000", **cursor})
            assert answer(a, target) == answer(b, target), target
            following = a.get(target).json()["next_cursor"]
            if following is None:
                break
            cursor = {"cursor": following}
    for event in market.events[:: len(market.events) // 40]:
        assert answer(a, f"/trade_event/{segment(event.event_id)}") == answer(
            b, f"/trade_event/{segment(event.event_id)}"
        )
