"""The demo's trades: the same everywhere, right to the cent, and judged by the product as their simulator says."""

import hashlib
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest

from trueedge_core.domain.events import parse_event
from trueedge_core.domain.metrics import Basis, judge, measure
from trueedge_core.domain.money import read_json
from trueedge_core.domain.ports import Ledger, Scope
from trueedge_core.errors import Conflict
from trueedge_core.storage import open_ledger
from trueedge_local import demo, simulator

# One module-wide ledger is loaded by the tests below; with xdist they stay in one process.
pytestmark = pytest.mark.xdist_group("demo")

# Changes with every change of the simulator: then the demo is another one, and `demo` refuses a store with the old one.
DIGEST = "71dde96dfd7c99044de8d1ec8783814d72f6056c3184758020326e0e765812e6"

EXPECTED = {
    "london-breakout": "significant",
    "coin-flip-btc": "unproven",
    "gold-scalper": "losing",
    "eurusd-grid": "insufficient",
    "trend-follower": "unproven",
    "index-reversion": "unproven",
}


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return simulator.texts()


@pytest.fixture(scope="module")
def events(texts: list[str]) -> list[dict[str, Any]]:
    return [read_json(text) for text in texts]  # type: ignore[misc]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    ledger = open_ledger(demo.store_url(tmp_path_factory.mktemp("demo") / "demo.db"))
    demo.load(ledger)
    yield ledger
    ledger.close()


def judged(ledger: Ledger, strategy_id: str, environment: Any = None) -> dict[str, Any]:
    reading = ledger.summary(Scope(strategy_id=strategy_id, environment=environment))
    assert reading is not None
    basis = Basis(reading.summary, strategies_tried=ledger.strategies_tried())
    return measure(basis) | judge(basis)


def test_every_machine_and_every_python_draws_the_same_trades(texts: list[str]) -> None:
    assert hashlib.sha256("\n".join(texts).encode()).hexdigest() == DIGEST


def test_the_cast_is_six_strategies_on_three_accounts_in_both_environments(events: list[dict[str, Any]]) -> None:
    assert 6_000 <= len(events) <= 10_000
    assert {event["strategy_id"] for event in events} == set(EXPECTED)
    accounts = {(event["account_id"], event["environment"]) for event in events}
    assert accounts == {("fx-live-40117", "live"), ("crypto-live", "live"), ("paper-01", "demo")}
    assert {event["currency"] for event in events} == {"USD"}
    assert len({event["event_id"] for event in events}) == len(events)


def test_events_come_in_trade_order_and_within_the_three_years(events: list[dict[str, Any]]) -> None:
    order = [(event["timestamp"], event["event_id"]) for event in events]
    assert order == sorted(order)
    assert order[0][0].startswith("2023-11-01T")
    assert order[-1][0] < "2026-11-01T"


def test_every_pnl_is_price_move_times_quantity_and_fees_to_the_cent(events: list[dict[str, Any]]) -> None:
    for event in events:
        if event["state"] == "open":
            assert event["pnl"] is event["price_close"] is None
            continue
        move = Decimal(event["price_close"]) - Decimal(event["price_open"])
        gross = move * event["quantity"] * event["metadata"]["contract_size"] * (1 if event["side"] == "buy" else -1)
        assert event["pnl"] == gross.quantize(Decimal("0.01"), ROUND_HALF_EVEN) + event["fees"], event
        assert event["fees"] <= 0
        assert event["opened_at"] < event["timestamp"]


def test_some_positions_are_still_open_at_the_end(events: list[dict[str, Any]]) -> None:
    still_open = [event for event in events if event["state"] == "open"]
    assert 3 <= len(still_open) <= 10
    assert min(event["timestamp"] for event in still_open) > "2026-10-15"


def test_markets_that_rest_at_the_weekend_are_not_traded_then(events: list[dict[str, Any]]) -> None:
    for event in events:
        if event["venue"] == "mt5":
            assert datetime.fromisoformat(event["opened_at"]).weekday() < 5, event


@pytest.mark.parametrize("strategy_id", EXPECTED)
@pytest.mark.parametrize("environment", ["live", None])
def test_the_verdict_is_the_one_the_strategy_was_made_for(ledger: Ledger, strategy_id: str, environment: Any) -> None:
    assert ledger.strategies_tried() == 6
    assert judged(ledger, strategy_id, environment)["verdict"] == EXPECTED[strategy_id]


def test_the_lucky_one_convinces_until_it_is_deflated(ledger: Ledger) -> None:
    figures = judged(ledger, "coin-flip-btc")
    assert figures["psr"] > 0.95 > figures["deflated_sharpe"]
    assert figures["profit_factor"] > 1.1


def test_the_martingale_looks_smooth_and_lost_on_few_days(ledger: Ledger) -> None:
    figures = judged(ledger, "eurusd-grid")
    assert figures["losing_days"] == 3
    assert figures["total_pnl"] > 0
    assert -figures["worst_day"] > 20 * figures["average_win"]


def test_the_scalper_wins_most_trades_and_loses_money(ledger: Ledger) -> None:
    figures = judged(ledger, "gold-scalper")
    assert figures["win_rate"] > 60
    assert figures["total_pnl"] < 0


def test_loading_again_adds_nothing(ledger: Ledger) -> None:
    before = ledger.summary(Scope())
    assert before is not None
    assert before.as_of.events == len(simulator.texts())
    assert demo.load(ledger) == 0
    assert ledger.summary(Scope()) == before


def test_an_interrupted_load_is_taken_up_again(tmp_path: Path, texts: list[str]) -> None:
    ledger = open_ledger(demo.store_url(tmp_path / "demo.db"))
    try:

        class Stopped(Exception):
            pass

        def stop(done: int, total: int) -> None:
            raise Stopped

        with pytest.raises(Stopped):
            demo.load(ledger, stop)
        progress: list[tuple[int, int]] = []
        assert demo.load(ledger, lambda done, total: progress.append((done, total))) == len(texts) - demo.BATCH
        assert progress[-1] == (len(texts), len(texts))
    finally:
        ledger.close()


def test_a_store_with_other_trades_is_refused_and_stays_as_it_is(tmp_path: Path, texts: list[str]) -> None:
    ledger = open_ledger(demo.store_url(tmp_path / "real.db"))
    try:
        mine = texts[0].replace('"demo-', '"mine-', 1)
        now = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
        ledger.append([parse_event(read_json(mine), mine, now)])
        with pytest.raises(Conflict, match="other trades"):
            demo.load(ledger)
        reading = ledger.summary(Scope())
        assert reading is not None
        assert reading.as_of.events == 1
    finally:
        ledger.close()


def test_no_account_trades_in_both_environments_and_ids_count_up(events: list[dict[str, Any]]) -> None:
    counts = Counter((event["account_id"], event["strategy_id"]) for event in events)
    for (account_id, strategy_id), n in counts.items():
        numbers = [
            int(event["event_id"].rsplit("-", 1)[1])
            for event in events
            if (event["account_id"], event["strategy_id"]) == (account_id, strategy_id)
        ]
        assert numbers == list(range(1, n + 1))


def test_the_real_store_is_refused_even_before_it_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Conflict, match="real trades"):
        demo.run(Path("data") / "trueedge.db")
    assert not (tmp_path / "data").exists()


def test_the_command_loads_serves_and_prints_the_url_of_the_report(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trueedge_local", "demo", "--port", "0", "--workers", "1"]
    with (
        (tmp_path / "said").open("wb") as errors,
        subprocess.Popen(
            command, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            url = next(line.split()[1] for line in process.stdout if line.split()[:1] == ["report"])
            with urllib.request.urlopen(url, timeout=30) as answer:
                page = answer.read().decode()
            with urllib.request.urlopen(url.replace("/report", "/metrics/overall"), timeout=30) as answer:
                figures = read_json(answer.read())
        finally:
            process.terminate()
    assert isinstance(figures, dict)
    assert figures["environments"] == {"live": 6712, "demo": 823}
    assert figures["currency"] == "USD"
    assert "london-breakout" in page
    assert (tmp_path / "data" / "demo.db").exists()
    assert "7,542 simulated trades" in (tmp_path / "said").read_text()
