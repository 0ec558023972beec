"""The functions in containers by `sam local start-api`, over a table of the emulator that is held to DynamoDB's rules.

What is the same whatever the store is in test_sam.py.
"""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from benchmarks import functions
from benchmarks.functions import FunctionContainer
from tests.container.engine import KeyedClient, docker
from tests.container.samlocal import SamLocal
from tests.container.test_sam import FUNCTIONS, ROUTES, asked_of, built, request_on, said, upload
from tests.contract.events import NOW
from tests.dynamodb.emulator import Emulator
from tests.dynamodb.memory import MemoryTable
from tests.e2e.harness import Server, raw_lines, segment
from tests.functions.calling import sample, trade
from trueedge_core.domain.events import parse_event
from trueedge_core.domain.money import read_json
from trueedge_core.services.access import redacted
from trueedge_core.storage import open_ledger
from trueedge_core.storage.dynamodb.ledger import DynamoLedger
from trueedge_local import emulated
from trueedge_local import sam as sam_local
from trueedge_local.template import DEFAULT, Route

SMALL = (
    "freqtrade_backtest",
    "mt4_statement_oanda_demo",
    "mt4_tester_partial_close",
    "mt5_history_demo",
    "mt5_tester_moving_average",
)
LARGE = ("quantopian_txn_pyfolio", "tradingview_pynecore")
TABLE = "trueedge"


@pytest.fixture(scope="module")
def strict() -> Iterator[Emulator]:
    """An emulator of its own, which containers reach."""
    with Emulator("0.0.0.0") as running:
        yield running


@pytest.fixture(scope="module")
def sam(
    strict: Emulator, sam_cli: Path, lambda_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SamLocal]:
    folder = tmp_path_factory.mktemp("sam") / "none"
    running = SamLocal(folder, "--store", "dynamodb", AWS_ENDPOINT_URL_DYNAMODB=strict.url)
    yield running
    running.stop()


def ours(strict: Emulator) -> list[dict[str, Any]]:
    """The containers of sam local that use this emulator."""
    ids = docker("ps", "--quiet", "--no-trunc", "--filter", f"label={sam_local.LABEL}").stdout.split()
    found = json.loads(docker("inspect", *ids).stdout) if ids else []
    return [one for one in found if emulated.Table(strict.url).is_of(one)]


def upload_in_parts(client: KeyedClient, lines: list[str]) -> None:
    """As a bot does: what got no answer is posted again. On a busy machine a function may reach its 20 s."""
    for start in range(0, len(lines), 50):
        for _ in range(5):
            answer = client.post("/trade_events", "\n".join(lines[start : start + 50]), "application/x-ndjson")
            if answer.status not in (502, 503):
                break
        assert answer.status == 200, answer.body


def test_each_function_has_a_container_that_is_told_of_the_table_and_of_no_real_account(
    sam: SamLocal, strict: Emulator
) -> None:
    found = ours(strict)
    names = {one["Config"]["Labels"]["sam.cli.function.name"] for one in found}
    assert names >= set(FUNCTIONS.values())
    for one in found:
        variables = dict(text.split("=", 1) for text in one["Config"]["Env"])
        assert variables["TRUEEDGE_STORE_URL"] == emulated.URL
        assert variables["AWS_ENDPOINT_URL_DYNAMODB"] == f"http://host.docker.internal:{strict.port}"
        assert variables["AWS_ACCESS_KEY_ID"] == "local"
        assert not any(mount["RW"] for mount in one["Mounts"])


@pytest.mark.data
def test_real_trades_give_the_same_bytes_as_sqlite_does(
    sam: SamLocal, strict: Emulator, shared_data: Path, tmp_path: Path
) -> None:
    """All of them: the large sets lie in the table before, the others are posted to the containers."""
    large = [line for name in LARGE for line in raw_lines(shared_data, f"{name}/trades.jsonl")]
    small = [line for name in SMALL for line in raw_lines(shared_data, f"{name}/trades.jsonl")]
    assert len(large) + len(small) == len(raw_lines(shared_data))
    with Server(tmp_path / "t.db") as server, server.client() as local, sam.client() as hosted:
        upload(local, large)
        put(strict, large)
        upload(local, small)
        upload_in_parts(hosted, small)
        for target in everything_of(large + small):
            assert said(hosted, target) == said(local, target), target
        page: str | None = "/trade_events?limit=1000"
        while page is not None:
            assert said(hosted, page) == said(local, page), page
            cursor = local.get(page).json()["next_cursor"]
            page = cursor and f"/trade_events?limit=1000&cursor={cursor}"


def everything_of(lines: list[str]) -> list[str]:
    """Every reading route, and of every strategy and account its figures and its curve."""
    events = [json.loads(line) for line in lines]
    scopes = [f"{kind}={segment(name)}" for kind in ("strategy_id", "account_id") for name in {e[kind] for e in events}]
    routes = [route.path for route in ROUTES if route.path.startswith("/metrics/by_")]
    return [*asked_of(lines), *routes, *(f"/metrics/equity_curve?{scope}" for scope in scopes)]


def put(strict: Emulator, lines: list[str]) -> None:
    """Have a log of these lines in the table, made by the driver in memory: the emulator would take minutes for it."""
    memory = MemoryTable()
    ledger = DynamoLedger(memory, clock=lambda: NOW)
    for start in range(0, len(lines), 1000):
        ledger.append([parse_event(read_json(line), line, NOW) for line in lines[start : start + 1000]])
    strict.load(TABLE, memory.items.values())


@pytest.mark.parametrize("route", [route for route in ROUTES if route.path != DEFAULT], ids=lambda route: route.key)
def test_each_route_is_answered_by_its_function(route: Route, sam: SamLocal) -> None:
    with sam.client() as client:
        client.post("/trade_event", json.dumps(trade("each", account_id="each", strategy_id="each")))
        path, body, headers = request_on(route, client)
        answer = client.request(route.method, path, body, headers)
    assert answer.status in (200, 303), answer.body[:500]
    assert sam.answered_by(route.method, redacted(path)) == {route.function}


def test_a_trade_that_is_posted_again_is_stored_once(sam: SamLocal, strict: Emulator) -> None:
    with sam.client() as client:
        posts = [client.post("/trade_event", json.dumps(trade("once", account_id="once"))).json() for _ in range(3)]
        assert [post["duplicate"] for post in posts] == [False, True, True]
        assert client.get("/metrics/account/once").json()["metrics"]["total_trades"] == "1"
    kept = [item for item in strict.items(TABLE) if item["PK"]["S"] == "E\x1fonce"]
    assert [json.loads(item["raw"]["S"])["event_id"] for item in kept] == ["once"]


def test_containers_that_write_at_once_lose_nothing(sam: SamLocal, strict: Emulator, lambda_image: str) -> None:
    containers, each = 4, 5

    def write(number: int) -> list[dict[str, Any]]:
        """Some of its own, in the middle of them one that all send."""
        ids = [f"race-{number}-{n}" for n in range(each)]
        ids.insert(each // 2, "race-all")
        options = {"variables": {**variables(strict)}, "options": emulated.ADD_HOST}
        layer = sam_local.BUILT.parent / "CoreLayer" / "python"
        container = FunctionContainer(lambda_image, functions.emulator(), built("ingest"), layer=layer, **options)
        try:
            return [json.loads(container.invoke(post(sam.key, event_id))["body"]) for event_id in ids]
        finally:
            container.remove()

    with ThreadPoolExecutor(containers) as pool:
        answers = [answer for part in pool.map(write, range(containers)) for answer in part]
    assert {answer["status"] for answer in answers} == {"ok"}, answers
    total = containers * each + 1
    assert sum(not answer["duplicate"] for answer in answers) == total
    assert len({answer["position"] for answer in answers}) == total
    with sam.client() as client:
        metrics = client.get("/metrics/account/race").json()["metrics"]
    assert (metrics["total_trades"], metrics["total_pnl"]) == (str(total), str(total))


def variables(strict: Emulator) -> dict[str, str]:
    account = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}
    return {**emulated.Table(strict.url).variables, **account}


def post(key: str, event_id: str) -> dict[str, Any]:
    event = sample("ingest")
    event["headers"]["x-api-key"] = key
    event["body"] = json.dumps(trade(event_id, account_id="race", strategy_id="race", pnl=1))
    return event


def test_it_is_clean_and_leaves_no_container(sam: SamLocal, strict: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one: it stops the sam of this module."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", strict.url)
    ledger = open_ledger(f"dynamodb://{TABLE}")
    assert list(ledger.fsck()) == []
    ledger.close()
    assert ours(strict)
    assert sam.stop(signal.SIGINT) == 0
    assert ours(strict) == []
    assert "Traceback" not in sam.output()
