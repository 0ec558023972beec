"""Each original file of the real trades, imported by the command over real HTTP, gives the trades that lie beside it.

`FILES` has the options for each. Compared is every field of trades.jsonl but the ids, metadata included; what an import
adds to them is `opened_at` (there only inside metadata) and `currency`, which figures and reports need.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.harness import CHECKOUT, Server, clean_environment

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("importing real trades")]

UTC = ["--timezone", "UTC"]  # the reports print a server's clock without its zone; trades.jsonl takes it for UTC
TV = ["--account", "tv_backtests"]


class File(NamedTuple):
    path: str  # under shared/data
    account: str
    strategy: str
    options: list[str]
    open: int = 0  # positions that are still open
    currency: bool = True


FILES = [
    File(
        "freqtrade_backtest/original/backtest-result.json",
        "ft_backtest_01",
        "StrategyTestV3",
        ["--account", "ft_backtest_01"],
    ),
    File(
        "mt4_statement_oanda_demo/original/MT4Trade.htm",
        "mt4_oanda_test",
        "mt4oanda-manual",
        [
            "--account",
            "mt4_oanda_test",
            "--strategy",
            "mt4oanda-manual",
            "--environment",
            "demo",
            *UTC,
            "--set",
            "venue=OANDA-MT4",
            "--id-prefix",
            "mt4oanda-",
        ],
        open=1,
    ),
    File(
        "mt4_tester_partial_close/original/MT4EA_PartClosed.htm",
        "mt4_tester_pc",
        "OscillatoryTradingV2.0",
        ["--account", "mt4_tester_pc", *UTC, "--id-prefix", "mt4pc-"],
        currency=False,
    ),
    File(
        "mt5_history_demo/original/MT5Trade5.html",
        "mt5_history_demo",
        "manual",
        # The page has an open position too, which the files beside it leave out.
        ["--account", "mt5_history_demo", "--strategy", "manual", *UTC, "--id-prefix", "mt5hist-", "--closed-only"],
    ),
    File(
        "mt5_tester_moving_average/original/MT5EA.html",
        "mt5_tester_ma",
        "Moving Average",
        ["--account", "mt5_tester_ma", *UTC, "--id-prefix", "mt5ma-"],
    ),
    File(
        "quantopian_txn_pyfolio/original/test_txn.csv.gz",
        "quantopian_bt",
        "pyfolio_test_txn",
        [
            "--account",
            "quantopian_bt",
            "--strategy",
            "pyfolio_test_txn",
            "--set",
            "venue=quantopian-backtest",
            "--tag",
            "equity",
            "--tag",
            "backtest",
        ],
        currency=False,
    ),
    File(
        "tradingview_pynecore/original/barupdn_trades.csv",
        "tv_backtests",
        "BarUpDn Strategy",
        [*TV, "--strategy", "BarUpDn Strategy", "--set", "symbol=EURUSD"],
        open=1,
    ),
    File(
        "tradingview_pynecore/original/supertrend_trades.csv",
        "tv_backtests",
        "Supertrend Strategy",
        [*TV, "--strategy", "Supertrend Strategy", "--set", "symbol=EURUSD"],
        open=1,
    ),
    File(
        "tradingview_pynecore/original/futures_pnl_trades.csv",
        "tv_backtests",
        "FuturesPnL Test (SMA cross)",
        [
            *TV,
            "--strategy",
            "FuturesPnL Test (SMA cross)",
            "--set",
            "symbol=QM1!",
            "--set",
            "venue=NYMEX_MINI",
            "--set",
            "quantity_type=lots",
        ],
        open=1,
    ),
    File(
        "tradingview_pynecore/original/bar_magnifier_tv_trades.csv",
        "tv_backtests",
        "Bar Mag 1D v2 ON",
        [*TV, "--strategy", "Bar Mag 1D v2 ON", "--set", "symbol=BTCUSDT", "--set", "venue=BINANCE"],
    ),
]
EACH = pytest.mark.parametrize("file", FILES, ids=[Path(file.path).stem for file in FILES])


class Imported:
    """A real server into which every file was imported, and what the command said of each."""

    def __init__(self, server: Server, data: Path) -> None:
        self.url = f"http://127.0.0.1:{server.port}"
        self.data = data
        self.said = {file.path: self.run(file) for file in FILES}
        self.trades = {file.path: self.stored(file) for file in FILES}

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "trueedge", *arguments, "--url", self.url],
            cwd=CHECKOUT,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )

    def run(self, file: File) -> "subprocess.CompletedProcess[str]":
        return self.command("import", str(self.data / file.path), *file.options)

    def stored(self, file: File) -> list[dict[str, Any]]:
        """What the server has of the file, oldest first."""
        done = self.command("trades", "--json", "--account", file.account, "--strategy", file.strategy)
        assert done.returncode == 0, done.stderr
        return [exactly(line)["event"] for line in reversed(done.stdout.splitlines())]

    def beside(self, file: File, name: str) -> list[dict[str, Any]]:
        path = (self.data / file.path).parent.parent / name
        rows = map(exactly, path.read_text().splitlines()) if path.exists() else []
        return [row for row in rows if row["strategy_id"] == file.strategy]


def exactly(line: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line, parse_float=Decimal, parse_int=Decimal)
    return found


def comparable(events: list[dict[str, Any]]) -> list[str]:
    """One text for each, without its id, in an order that does not depend on ids: equal lists are equal trades."""
    return sorted(
        json.dumps(
            {name: value for name, value in event.items() if name != "event_id"}, sort_keys=True, default=by_value
        )
        for event in events
    )


def by_value(number: Decimal) -> str:
    """1.10 and 1.1 are one number, and neither is the text "1.1"; normalize() would keep 28 digits only."""
    text = format(number, "f")
    return "number " + ((text.rstrip("0").rstrip(".") if "." in text else text) if number else "0")


def without_additions(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in ("opened_at", "currency")}


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Imported]:
    with Server(tmp_path_factory.mktemp("imported") / "trades.db") as server:
        yield Imported(server, shared_data)


@EACH
def test_it_gives_exactly_the_closed_trades_beside_it(imported: Imported, file: File) -> None:
    mine = [without_additions(event) for event in imported.trades[file.path] if event["state"] == "closed"]
    assert comparable(mine) == comparable(imported.beside(file, "trades.jsonl"))


@EACH
def test_it_gives_exactly_the_open_positions_beside_it(imported: Imported, file: File) -> None:
    mine = [without_additions(event) for event in imported.trades[file.path] if event["state"] == "open"]
    theirs = imported.beside(file, "open_positions.jsonl")
    assert comparable(mine) == comparable(theirs)
    assert len(mine) == file.open


@EACH
def test_what_it_adds_is_the_opening_time_and_the_currency_of_the_file(imported: Imported, file: File) -> None:
    for event in imported.trades[file.path]:
        assert event["opened_at"] == event["metadata"]["open_time"]
        assert ("currency" in event) == file.currency


@EACH
def test_all_of_it_is_stored_and_every_total_agrees(imported: Imported, file: File) -> None:
    done = imported.said[file.path]
    assert done.returncode == 0, done.stdout + done.stderr
    assert "duplicate 0, refused 0, unreadable 0" in done.stdout
    assert "DIFFERS" not in done.stdout


@EACH
def test_imported_again_it_is_all_duplicate(imported: Imported, file: File) -> None:
    before = imported.trades[file.path]
    done = imported.run(file)
    assert done.returncode == 0, done.stderr
    assert f"stored 0, duplicate {len(before):,}, refused 0, unreadable 0" in done.stdout
    assert imported.stored(file) == before


@pytest.mark.parametrize("account", sorted({file.account for file in FILES}))
def test_the_servers_figures_are_the_exact_sums_of_the_oracle(imported: Imported, account: str) -> None:
    [folder] = {(imported.data / file.path).parent.parent for file in FILES if file.account == account}
    exact = json.loads((folder / "oracle.json").read_text())["exact_from_trades_jsonl"]
    done = imported.command("metrics", "--json", "--account", account)
    figures = exactly(done.stdout)["metrics"]
    found = [figures[name] for name in ("total_trades", "total_pnl", "wins", "losses", "gross_profit", "gross_loss")]
    wanted = [exact[name] for name in ("rows", "sum_pnl", "wins", "losses", "zero") if name != "zero"]
    assert found[:4] == list(map(Decimal, wanted))
    if "gross_profit" in exact:
        assert found[4:] == [Decimal(exact["gross_profit"]), Decimal(exact["gross_loss"])]


PRINTED = {
    "mt4_tester_partial_close": (
        "total net profit",
        "gross profit",
        "gross loss",
        "total trades",
        "short trades",
        "long trades",
        "profit trades",
        "loss trades",
        "largest profit",
        "largest loss",
        "average profit",
        "average loss",
        "max consecutive wins",
        "max consecutive losses",
    ),
    "mt5_tester_moving_average": (
        "total net profit",
        "gross profit",
        "gross loss",
        "profit factor",
        "expected payoff",
        "max drawdown",
        "total trades",
        "short trades",
        "long trades",
        "profit trades",
        "loss trades",
        "largest profit",
        "largest loss",
        "average profit",
        "average loss",
        "max consecutive wins",
        "max consecutive losses",
    ),
    "mt5_history_demo": (
        "total net profit",
        "gross profit",
        "gross loss",
        "profit factor",
        "expected payoff",
        "max drawdown",
        "total trades",
        "short trades",
        "long trades",
        "profit trades",
        "loss trades",
        "largest profit",
        "largest loss",
        "average profit",
        "average loss",
        "max consecutive wins",
        "max consecutive losses",
    ),
    "mt4_statement_oanda_demo": ("total net profit", "gross loss", "profit factor", "total trades", "loss trades"),
    "freqtrade_backtest": (
        "gross profit total abs",
        "gross profit factor",
        "total trades",
        "wins",
        "losses",
        "breakeven",
    ),
    "tradingview_pynecore": ("total pnl", "highest trade number"),
}


@pytest.mark.parametrize("folder", PRINTED)
def test_the_totals_that_the_file_prints_are_read_and_compared(imported: Imported, folder: str) -> None:
    for path, done in imported.said.items():
        if path.startswith(folder):
            compared = [line.strip().split("  ")[0] for line in done.stdout.splitlines() if "  imported " in line]
            assert set(PRINTED[folder]) <= set(compared)


def test_a_total_that_the_source_rounds_is_said_to_be_within_rounding(imported: Imported) -> None:
    said = imported.said["mt4_tester_partial_close/original/MT4EA_PartClosed.htm"].stdout
    [line] = [line for line in said.splitlines() if line.strip().startswith("gross profit")]
    assert "45855.21" in line
    assert "45855.10" in line
    assert "within rounding, 0.11" in line
