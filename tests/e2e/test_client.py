"""The bots' client against the real server: what was recorded is stored, once, whoever is killed."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.harness import CHECKOUT, Server, administer, clean_environment, listed, raw_lines, store_url
from trueedge import Refusal, ServerRefused, TrueEdge, event_id
from trueedge.transport import Transport

TRADES, THREADS = 10_000, 5


@contextmanager
def bot(port: int, outbox: Path, trades: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.bot", f"http://127.0.0.1:{port}", str(outbox), str(trades), str(THREADS)],
        cwd=CHECKOUT,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process: "subprocess.Popen[str]", word: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word


@pytest.mark.parametrize("down", [2.0, pytest.param(60.0, marks=pytest.mark.slow)])
def test_trades_recorded_while_the_server_was_down_are_stored_once_after_both_were_killed(
    tmp_path: Path, down: float
) -> None:
    store, outbox = tmp_path / "trueedge.db", tmp_path / "outbox"
    with Server(store) as first:
        port = first.port
        with bot(port, outbox, TRADES) as recording:
            time.sleep(0.4)  # some of it is on its way, and some of that answered
            first.kill()
            since = time.monotonic()
            wait_for(recording, "recorded")
            time.sleep(max(0.0, down - (time.monotonic() - since)))
            recording.kill()
    with Server(store, port=port) as second, bot(port, outbox, 0) as sending:
        assert sending.wait(120) == 0
        stored = [row["event"]["event_id"] for row in listed(second.client(), {}, 1000)]
        assert len(stored) == TRADES
        assert set(stored) == {event_id("test", "acct", number, "closed") for number in range(TRADES)}
        assert second.client().get("/metrics/overall").json()["metrics"]["total_trades"] == str(TRADES)
    assert not list(outbox.glob("*")), "an outbox that is empty leaves nothing behind"
    assert administer("fsck", "--store", store_url(store)).returncode == 0


@pytest.mark.slow
def test_two_bots_and_a_server_that_is_killed_twice_share_one_outbox(tmp_path: Path) -> None:
    store, outbox = tmp_path / "trueedge.db", tmp_path / "outbox"
    with Server(store) as first:
        port = first.port
        with bot(port, outbox, 4_000) as one, bot(port, outbox, 4_000) as other:  # the same trades from both
            time.sleep(0.3)
            first.kill()
            wait_for(one, "recorded")
            one.kill()
            with Server(store, port=port) as second:
                time.sleep(0.5)
                second.kill()
            wait_for(other, "recorded")
            other.kill()
    with Server(store, port=port) as third, bot(port, outbox, 0) as sending:
        assert sending.wait(120) == 0
        assert third.client().get("/metrics/overall").json()["metrics"]["total_trades"] == "4000"
    assert not (outbox / "refused.ndjson").exists()


def test_a_real_trade_is_the_same_trade_after_it_went_through_the_client(tmp_path: Path, shared_data: Path) -> None:
    lines = raw_lines(shared_data)
    with Server(tmp_path / "trueedge.db") as server:
        url = f"http://127.0.0.1:{server.port}"
        refused: list[Refusal] = []
        with TrueEdge(url, outbox=tmp_path / "outbox", on_refused=refused.append) as edge:
            for line in lines:
                edge.record(json.loads(line, parse_float=Decimal))
            assert edge.flush(120)
        assert refused == []
        transport = Transport(url)
        again = [
            row["result"]
            for start in range(0, len(lines), 1000)
            for row in transport.post_batch([line.encode() for line in lines[start : start + 1000]])
        ]
        assert again == ["duplicate"] * len(lines)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "trueedge.db") as running:
        yield running


@pytest.fixture
def edge(server: Server, tmp_path: Path) -> Iterator[TrueEdge]:
    defaults = {"account_id": "a", "environment": "demo", "venue": "test", "symbol": "EURUSD", "order_type": "market"}
    defaults |= {"quantity": "0.1", "quantity_type": "lots", "currency": "USD", "side": "buy", "state": "closed"}
    client = TrueEdge(f"http://127.0.0.1:{server.port}", outbox=tmp_path / "outbox", defaults=defaults)
    for number, (strategy, pnl) in enumerate([("trend", "17.30"), ("trend", "-9.70"), ("a/b?", "0.1")]):
        client.record(
            event_id=f"t/{number}",
            strategy_id=strategy,
            timestamp=f"2026-01-0{number + 1}T10:00:00Z",
            price_open="1.0843",
            price_close="1.0861",
            fees=0,
            pnl=pnl,
        )
    assert client.flush(30)
    yield client
    client.close()


def test_the_figures_are_exact(edge: TrueEdge) -> None:
    answer = edge.metrics(strategy_id="trend", starting_balance=Decimal("10000"))
    assert answer["metrics"]["total_pnl"] == Decimal("7.6")  # 17.30 - 9.70
    assert answer["metrics"]["ending_equity"] == Decimal("10007.6")
    assert answer["filters"]["strategy_id"] == "trend"


def test_strategies_and_accounts_are_rows(edge: TrueEdge) -> None:
    rows = edge.strategies(sort="total_pnl", order="desc")
    assert [(row["strategy_id"], row["metrics"]["total_pnl"]) for row in rows] == [
        ("trend", Decimal("7.6")),
        ("a/b?", Decimal("0.1")),
    ]
    assert [row["account_id"] for row in edge.accounts()] == ["a"]


def test_trades_come_newest_first_and_one_by_its_id(edge: TrueEdge) -> None:
    assert [row["event"]["event_id"] for row in edge.trades()] == ["t/2", "t/1", "t/0"]
    assert edge.trade("t/1")["event"]["pnl"] == "-9.70"
    with pytest.raises(ServerRefused) as refused:
        edge.trade("none")
    assert refused.value.status == 404


def test_the_curve_ends_at_the_sum(edge: TrueEdge) -> None:
    curve = edge.equity_curve(points=2, strategy_id="trend")
    assert curve["points"][-1]["equity"] == Decimal("7.6")


def test_a_void_takes_a_trade_out(edge: TrueEdge, server: Server) -> None:
    edge.record(
        event_id="plain",
        strategy_id="trend",
        timestamp="2026-02-01T10:00:00Z",
        price_open=1,
        price_close=2,
        fees=0,
        pnl=100,
    )
    assert edge.flush(30)
    assert edge.void("plain", "entered by hand")["repeated"] is False
    assert edge.metrics(strategy_id="trend")["metrics"]["total_pnl"] == Decimal("7.6")


def test_the_report_is_a_page(edge: TrueEdge) -> None:
    assert edge.report(environment="demo").startswith("<!doctype html>")


def test_a_conflict_is_a_dead_letter_that_says_what_differs(edge: TrueEdge, tmp_path: Path) -> None:
    edge.record(edge.trade("t/0")["event"], pnl="18")
    assert edge.flush(30)
    [letter] = [json.loads(line) for line in (tmp_path / "outbox" / "refused.ndjson").read_text().splitlines()]
    assert (letter["result"], letter["event_id"]) == ("conflict", "t/0")
    assert "pnl" in letter["message"]
