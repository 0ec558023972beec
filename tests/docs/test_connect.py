"""docs/connect: every piece that can be run is taken from its page and driven against a real server."""

import datetime
import decimal
import json
import math
import os
import re
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.docs.test_readme import FENCE, needs, text_of
from tests.e2e.harness import CHECKOUT, Server, clean_environment, store_url
from trueedge_core.services.keys import create
from trueedge_core.storage import open_keys
from trueedge_core.wiring import now_us


@pytest.fixture(autouse=True)
def own_decimals() -> Iterator[None]:
    """A piece may set the precision of its own program; here others' run after it."""
    with decimal.localcontext():
        yield


FOLDER = CHECKOUT / "docs" / "connect"
HERE = Path(__file__).parent
NO_KEY = "te_" + "." * 32
# Page -> the languages of its blocks, so that no block is added that nothing here runs. `text` is not run.
BLOCKS = {
    "README": ["sh"],
    "backtrader": ["python", "text"],
    "ccxt": ["python", "text"],
    "curl": ["sh", "text", "sh"],
    "freqtrade": ["json"],
    "mql5": ["mql5"],
    "tradingview": ["pine", "json"],
}


def blocks(page: str, language: str) -> list[str]:
    found = FENCE.findall(text_of(FOLDER / f"{page}.md"))
    return [block for kind, block in found if kind == language]


def test_every_block_of_every_page_is_known_here() -> None:
    found = {page.stem: [kind for kind, _ in FENCE.findall(text_of(page))] for page in FOLDER.glob("*.md")}
    assert found == BLOCKS


class Instance:
    """A server with a key for a sender that is bound as the pages' pieces are, and one to read."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{server.port}"
        self.read = self.key("read")

    def key(self, scope: str, account_id: str | None = None, strategy_id: str | None = None) -> str:
        kept = open_keys(store_url(self.server.store))
        try:
            return create(kept, [scope], now_us(), account_id=account_id, strategy_id=strategy_id)[0]
        finally:
            kept.close()

    def put_in(self, text: str, key: str) -> str:
        """The piece with this instance's address and a real key in it."""
        return text.replace(NO_KEY, key).replace("http://127.0.0.1:9000", self.url)

    def post(self, path: str, body: bytes, content_type: str) -> tuple[int, Any]:
        with self.server.client() as client:
            answer = client.post(path, body, content_type)
        return answer.status, json.loads(answer.body)

    def trades(self) -> list[dict[str, Any]]:
        with self.server.client() as client:
            answer = client.get("/trade_events", {"limit": 1000}, X_API_Key=self.read)
        assert answer.status == 200, answer.body
        return [one["event"] for one in json.loads(answer.body)["trades"]]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    with Server(tmp_path / "trueedge.db", workers=1) as server:
        yield Instance(server)


# --- curl ------------------------------------------------------------------------------------------------------------


def shell(command: str, key: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={**clean_environment(), "TRUEEDGE_KEY": key},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def test_the_command_of_the_shell_posts_its_trade(instance: Instance, tmp_path: Path) -> None:
    needs("curl")
    key = instance.key("ingest", account_id="acct-7")
    command = instance.put_in(blocks("curl", "sh")[0], key)
    for is_again in (False, True):
        done = shell(command, key, tmp_path)
        assert (done.returncode, json.loads(done.stdout)["duplicate"]) == (0, is_again), done.stderr
    refused = shell(command.replace('"buy"', '"bye"'), key, tmp_path)
    assert (refused.returncode, "side" in refused.stdout) == (22, True)


def test_the_files_of_a_shell_are_sent_whole_every_time_and_counted_once(instance: Instance, tmp_path: Path) -> None:
    needs("curl")
    needs("split")
    key = instance.key("ingest", account_id="acct-7")
    event = json.loads(blocks("curl", "sh")[0].partition("-d '")[2].rstrip().rstrip("'"))
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    for name, days in (("2026-01-03", range(3)), ("2026-01-04", range(3, 5)), ("2026-01-05", range(5, 1207))):
        lines = [json.dumps({**event, "event_id": f"t-{n}"}) + "\n" for n in days]
        (outbox / f"{name}.ndjson").write_text("".join(lines))
    sending = instance.put_in(blocks("curl", "sh")[1], key)
    for _ in range(2):
        done = shell(sending, key, tmp_path)
        assert (done.returncode, done.stdout.split()) == (0, ["200", "200", "200"]), done.stderr
    assert not list(outbox.glob("*.part.*"))
    with instance.server.client() as client:
        figures = client.get("/metrics/overall", X_API_Key=instance.read).json()["metrics"]
    assert figures["total_trades"] == str(2 + 1202)
    (outbox / "2026-01-06.ndjson").write_text('{"event_id": "t-9999"}\n')
    done = shell(sending, key, tmp_path)
    assert done.returncode == 0
    assert '"result":"invalid"' in done.stdout
    instance.server.stop()
    down = shell(sending.replace("--retry 5", "--retry 1 --retry-delay 1"), key, tmp_path)
    assert down.returncode == 1


# --- freqtrade, by its documented messages; its own code below --------------------------------------------------------

# The keys of freqtrade's message of an exit that filled, as its documentation and its types name them.
EXIT_FILL: dict[str, Any] = {
    "trade_id": 7,
    "exchange": "Binance",
    "pair": "ETH/USDT:USDT",
    "leverage": 3.0,
    "direction": "Short",
    "gain": "loss",
    "limit": 2300.25,
    "order_rate": 2300.25,
    "order_type": "market",
    "amount": 1e-05,
    "open_rate": 2250.5,
    "close_rate": 2300.25,
    "current_rate": None,
    "profit_amount": -5.4301e-04,
    "profit_ratio": -0.05,
    "buy_tag": None,
    "enter_tag": 'a "quoted" {tag}',
    "exit_reason": "stop_loss",
    "open_date": datetime.datetime(2026, 1, 5, 14, 32, 10, tzinfo=datetime.UTC),
    "close_date": datetime.datetime(2026, 1, 5, 15, 0, 0, 250, tzinfo=datetime.UTC),
    "stake_amount": 100.0,
    "stake_currency": "USDT",
    "base_currency": "ETH",
    "quote_currency": "USDT",
    "fiat_currency": "USD",
    "sub_trade": False,
    "cumulative_profit": -5.4301e-04,
    "final_profit_ratio": -0.05,
    "is_final_exit": True,
}


def formatted(value: Any, message: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: formatted(one, message) for name, one in value.items()}
    return value.format(**message) if isinstance(value, str) else value


def freqtrade_configuration(instance: Instance) -> Any:
    key = instance.key("ingest", account_id="binance-1", strategy_id="MyStrategy")
    return json.loads(instance.put_in(blocks("freqtrade", "json")[0], key))


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_the_configuration_for_freqtrade_makes_an_event_of_each_format(form: bool, instance: Instance) -> None:
    webhook = freqtrade_configuration(instance)["webhook"]
    event = formatted(webhook["exit_fill"], EXIT_FILL)
    if form:
        del event["metadata"]
    body = urlencode(event) if form else json.dumps(event)
    path = webhook["url"].removeprefix(instance.url)
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    assert instance.post(path, body.encode(), kind)[0] == 200
    [kept] = instance.trades()
    assert (kept["side"], kept["symbol"], kept["state"]) == ("sell", "ETH/USDT:USDT", "closed")
    assert (Decimal(kept["pnl"]), Decimal(kept["quantity"])) == (Decimal("-0.00054301"), Decimal("0.00001"))
    assert kept["timestamp"] == "2026-01-05 15:00:00.000250+00:00"


# --- TradingView -----------------------------------------------------------------------------------------------------


def test_the_alert_of_placeholders_is_an_open_event(instance: Instance) -> None:
    said = {
        "ticker": "BTCUSDT",
        "exchange": "BINANCE",
        "interval": "15",
        "timenow": "2026-01-05T14:32:10Z",
        "strategy.order.id": "Long entry",
        "strategy.order.action": "buy",
        "strategy.order.contracts": "0.25",
        "strategy.order.price": "43210.98",
        "strategy.market_position": "long",
    }
    text = re.sub(r"\{\{([\w.]+)\}\}", lambda found: said[found[1]], blocks("tradingview", "json")[0])
    key = instance.key("ingest", strategy_id="my-strategy")
    assert instance.post(f"/hook/{key}/trade_event", text.encode(), "application/json")[0] == 200
    [kept] = instance.trades()
    assert (kept["state"], kept["side"], kept["quantity"]) == ("open", "buy", "0.25")


class _Closed(int):
    """Pine's strategy.closedtrades: the number of them, and functions of each."""

    def __new__(cls, rows: list[dict[str, Any]]) -> "_Closed":
        made = super().__new__(cls, len(rows))
        made.rows = rows  # type: ignore[attr-defined]
        return made

    def __getattr__(self, name: str) -> Callable[[int], Any]:
        return lambda i: self.rows[i][name]  # type: ignore[attr-defined]


def pine_tostring(number: float, pattern: str) -> str:
    assert pattern == "#.##########"
    text = f"{number:.10f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def pine_closed(rows: list[dict[str, Any]]) -> Callable[[int], str]:
    """`closed` of the page's script, its expressions evaluated in Python over trades of ours."""
    script = blocks("tradingview", "pine")[0]
    names: dict[str, Any] = {
        "str": types.SimpleNamespace(
            tostring=pine_tostring,
            format_time=lambda ms, pattern, zone: datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).strftime(
                "%Y-%m-%dT%H:%M:%S%z"
            ),
        ),
        "strategy": types.SimpleNamespace(closedtrades=_Closed(rows), account_currency="USDT"),
        "syminfo": types.SimpleNamespace(ticker="BTCUSDT", prefix="BINANCE"),
        "math": types.SimpleNamespace(abs=abs),
    }
    for name, value in re.findall(r'^string (\w+) = ("[^"]*")$', script, re.MULTILINE):
        names[name] = eval(value)
    for name, argument, body in re.findall(r"^(\w+)\(\w+ (\w+)\) => (\S.*)$", script, re.MULTILINE):
        names[name] = eval(f"lambda {argument}: {body}", names)
    body = re.search(r"^closed\(int i\) =>\n(.*?)\n\n", script, re.MULTILINE | re.DOTALL)
    assert body
    *locals_, result = re.split(r"\n(?=    \S)", body[1])
    result = re.sub(r"\((\w+ > 0) \? ('\w+') : ('\w+')\)", r"(\2 if \1 else \3)", result)

    def closed(i: int) -> str:
        here = {**names, "i": i}
        for line in locals_:
            name, _, value = line.strip().partition(" ")[2].partition(" = ")
            here[name] = eval(value, here)
        return str(eval(result.strip(), here))

    return closed


def test_the_script_for_tradingview_says_a_closed_trade(instance: Instance) -> None:
    opened = 1767623530000
    rows = [
        {
            "entry_id": "Long",
            "entry_time": opened,
            "exit_time": opened + 3_600_000 * n,
            "size": size,
            "entry_price": 43210.98,
            "exit_price": 43999.01,
            "commission": 1.25,
            "profit": profit,
        }
        for n, (size, profit) in enumerate([(0.12345678, 95.9), (-2.0, -1577.31), (1e-9, 0.0)], 1)
    ]
    key = instance.key("ingest", strategy_id="my-strategy")
    closed = pine_closed(rows)
    for _ in range(2):
        for i in range(3):
            body = closed(i).encode()
            assert instance.post(f"/hook/{key}/trade_event", body, "text/plain; charset=utf-8")[0] == 200
    small, short, long = instance.trades()
    assert (long["side"], long["pnl"], long["fees"], long["quantity"]) == ("buy", "95.9", "-1.25", "0.12345678")
    assert (short["side"], short["pnl"], short["quantity"]) == ("sell", "-1577.31", "2")
    assert (small["pnl"], small["quantity"]) == ("0", "0.000000001")
    assert long["opened_at"] == "2026-01-05T14:32:10+0000"


# --- ccxt ------------------------------------------------------------------------------------------------------------


def ccxt_piece() -> types.ModuleType:
    module = types.ModuleType("ccxt_piece")
    exec(compile(blocks("ccxt", "python")[0], "ccxt.md", "exec"), module.__dict__)
    return module


SPOT = {"symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "contract": False, "contractSize": None}
SWAP = {"symbol": "BTC/USDT:USDT", "base": "BTC", "quote": "USDT", "contract": True, "contractSize": 0.001}


def fill(n: int, side: str, amount: float, price: float, fee: float = 0.0, coin: str = "USDT", **more: Any) -> Any:
    """In ccxt's shape."""
    made = {"id": f"f{n}", "order": f"o{n}", "timestamp": 1767623530000 + n, "side": side, "amount": amount}
    return made | {"price": price, "fee": {"cost": fee, "currency": coin}, "fees": []} | more


def test_fills_are_matched_first_in_first_out_net_of_their_fees() -> None:
    fills = [
        fill(1, "buy", 2, 100, 0.2),
        fill(2, "buy", 1, 110, 0.11),
        fill(3, "sell", 2.5, 120, 0.3),
        fill(4, "sell", 1.5, 90, 0.135),
        fill(5, "buy", 1, 80, 0.08),
    ]
    found = [
        (one["event_id"], one["side"], one["quantity"], one["fees"], one["pnl"])
        for one in ccxt_piece().trades_of(SPOT, fills)
    ]
    assert found == [
        ("binance-1-o1-o3", "buy", "2", "-0.44", "39.56"),  # 2 x 20 - 0.2 - 2/2.5 x 0.3
        ("binance-1-o2-o3", "buy", "0.5", "-0.115", "4.885"),  # 0.5 x 10 - 0.055 - 0.06
        ("binance-1-o2-o4", "buy", "0.5", "-0.1", "-10.1"),  # 0.5 x -20 - 0.055 - 0.045
        ("binance-1-o4-o5", "sell", "1", "-0.17", "9.83"),  # 1 x 10 - 0.09 - 0.08
    ]


AMOUNTS = st.integers(1, 10**6).map(lambda n: n / 1000)
FILLS = st.lists(st.tuples(st.sampled_from(["buy", "sell"]), AMOUNTS, AMOUNTS, AMOUNTS), min_size=1, max_size=25)


@given(FILLS, st.booleans())
def test_what_was_closed_is_the_money_that_moved_once_the_position_is_flat(fills: Any, is_swap: bool) -> None:
    """Sum of P&L = what sales brought - what purchases cost - fees, whatever the matching."""
    market = SWAP if is_swap else SPOT
    made = [fill(n, side, amount, price, fee) for n, (side, amount, price, fee) in enumerate(fills)]
    held = sum(Decimal(str(one["amount"])) * (1 if one["side"] == "buy" else -1) for one in made)
    if held:
        made.append(fill(len(made), "sell" if held > 0 else "buy", float(abs(held)), 77.7, 0.5))
    size = Decimal(str(market["contractSize"] or 1))
    money = sum(
        Decimal(str(one["amount"])) * size * Decimal(str(one["price"])) * (-1 if one["side"] == "buy" else 1)
        - Decimal(str(one["fee"]["cost"]))
        for one in made
    )
    trades = list(ccxt_piece().trades_of(market, made))
    assert abs(sum(Decimal(one["pnl"]) for one in trades) - money) < Decimal("1e-15")
    assert len({one["event_id"] for one in trades}) == len(trades)


def test_a_fee_in_the_base_coin_makes_the_position_smaller_and_is_paid_once() -> None:
    fills = [fill(1, "buy", 1, 100, 0.001, "BTC"), fill(2, "sell", 0.999, 110, 0.1)]
    [one] = ccxt_piece().trades_of(SPOT, fills)
    # 0.999 x 110 - 100 - 0.1: what came in, less what went out
    assert (one["quantity"], Decimal(one["pnl"])) == ("0.999", Decimal("9.79"))


def test_a_fee_in_a_third_coin_needs_its_rate() -> None:
    module = ccxt_piece()
    fills = [fill(1, "buy", 1, 100, 0.01, "BNB"), fill(2, "sell", 1, 110)]
    with pytest.raises(ValueError, match="BNB"):
        list(module.trades_of(SPOT, fills))
    [one] = module.trades_of(SPOT, fills, rate=lambda coin, at: 600.0)
    assert (one["fees"], one["pnl"]) == ("-6", "4")


def test_fills_of_one_order_are_one_and_those_of_an_open_order_wait() -> None:
    fills = [
        fill(1, "buy", 1, 100),
        fill(2, "buy", 3, 104, order="o1"),
        fill(3, "sell", 2, 110, order="x"),
        fill(4, "sell", 2, 112, order="x"),
    ]
    module = ccxt_piece()
    [one] = module.trades_of(SPOT, fills)
    assert (one["event_id"], one["price_open"], one["price_close"]) == ("binance-1-o1-x", "103", "111")
    assert list(module.trades_of(SPOT, fills, still_open={"x"})) == []


class Exchange:
    """As ccxt's: one market, pages of fills."""

    def __init__(self, fills: list[Any], page: int) -> None:
        self.fills, self.page = fills, page

    def load_markets(self) -> None:
        pass

    def market(self, symbol: str) -> Any:
        return {**SPOT, "symbol": symbol}

    def fetch_open_orders(self, symbol: str) -> list[Any]:
        return [{"id": "o9999"}]

    def fetch_my_trades(self, symbol: str, since: int) -> list[Any]:
        return [one for one in self.fills if one["timestamp"] >= since][: self.page]


def test_the_program_for_ccxt_posts_each_trade_once_however_often_it_runs(
    instance: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    module = ccxt_piece()
    module.URL = instance.url
    module.KEY = instance.key("ingest", account_id="binance-1", strategy_id="trend")
    fills = [fill(n, "sell" if n % 2 else "buy", 0.1, 100 + n / 7, 0.01) for n in range(2400)]
    start = fills[0]["timestamp"]
    module.run(Exchange(fills[:1001], 100), "BTC/USDT", start)
    module.run(Exchange(fills, 500), "BTC/USDT", start)
    counts = [eval(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["stored"], one["duplicate"]) for one in counts] == [(500, 0), (500, 500), (200, 0)]
    module.KEY = instance.key("ingest", account_id="binance-1", strategy_id="other")
    with pytest.raises(module.urllib.error.HTTPError):
        module.run(Exchange(fills[:4], 100), "BTC/USDT", start)


# --- MetaTrader 5 ----------------------------------------------------------------------------------------------------

INCLUDE = FOLDER / "TrueEdge.mqh"


def as_cpp(text: str) -> str:
    """MQL5's arrays and default arguments as C++ over mql5_terminal.hpp; functions named before their use."""
    text = re.sub(r"\bchar (\w+)\[\], (\w+)\[\];", r"Array<char> \1, \2;", text)
    text = re.sub(r"\b(char|string|long) (\w+)\[\];", r"Array<\1> \2;", text)
    text = re.sub(r"\b(char|string) &(\w+)\[\]", r"Array<\1> &\2", text)
    declared = re.findall(r"^(?:void|bool|int|string) TrueEdge\w+\([^;{]*?\)$", text, re.MULTILINE)
    assert len(declared) == 11
    text = text.replace("long magic = -1, int days = 30)", "long magic, int days)")
    return "".join(f"{one};\n" for one in declared) + text


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The include in a program that plays the terminal."""
    needs("g++")
    folder = tmp_path_factory.mktemp("mql5")
    (folder / "TrueEdge.hpp").write_text(as_cpp(INCLUDE.read_text(encoding="utf-8")))
    options = ["-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-I", str(folder)]
    command = ["g++", *options, "-o", str(folder / "terminal"), str(HERE / "mql5_drive.cpp")]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return folder / "terminal"


class Terminal:
    """A terminal with TrueEdge.mqh in it; each `run` is a start of it."""

    def __init__(self, program: Path, folder: Path, url: str, key: str) -> None:
        self.program, self.folder, self.arguments = program, folder, [url, key, "acct-7", "trend"]

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [str(self.program), *self.arguments],
            cwd=self.folder,
            input="\n".join(words),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def outbox(self) -> Path:
        return self.folder / "TrueEdge" / f"acct-7-{self.arguments[3]}.ndjson"


NOW = 1767700000  # 2026-01-06T11:46:40Z; the trade server is two hours ahead


def deal(ticket: int, position: int, entry: int, kind: int, volume: float, price: float, **more: float) -> str:
    """Of an account's history: entry 0 in, 1 out; kind 0 buy, 1 sell."""
    at = (NOW - 3600 + 7200) * 1000 + ticket
    money = (more.get(name, 0.0) for name in ("profit", "commission", "swap", "fee"))
    return (
        f"deal {ticket} {position} {entry} {kind} {at} {volume} {price} {' '.join(map(str, money))} "
        f"{int(more.get('magic', 0))} EURUSD"
    )


HISTORY = (
    # 4711: bought in two parts, sold in two
    deal(1, 4711, 0, 0, 0.3, 1.08, commission=-1.05),
    deal(2, 4711, 0, 0, 0.1, 1.12, commission=-0.35),
    deal(3, 4711, 1, 1, 0.1, 1.10, profit=10.1, commission=-0.35),
    deal(4, 4711, 1, 1, 0.3, 1.11, profit=60.2, commission=-1.05, swap=-0.72, fee=-0.03),
    # 4712: sold and half of it bought back
    deal(5, 4712, 0, 1, 0.2, 1.1),
    deal(6, 4712, 1, 0, 0.1, 1.09, profit=100),
)
REST = deal(7, 4712, 1, 0, 0.1, 1.11, profit=-101.5, commission=-0.7, magic=9)


@pytest.fixture
def terminal(compiled: Path, instance: Instance, tmp_path: Path) -> Terminal:
    key = instance.key("ingest", account_id="acct-7")
    return Terminal(compiled, tmp_path, instance.url, key)


def test_the_template_of_the_include_is_a_trade_event(instance: Instance) -> None:
    """Without a compiler: the text of its StringFormat, with a value for each place."""
    text = INCLUDE.read_text(encoding="utf-8")
    found = re.search(r'StringFormat\(\n((?:      ".*"\n?,?)+)', text)
    assert found
    template = "".join(json.loads(line.strip().rstrip(",")) for line in found[1].splitlines())
    times = ("2026-01-05 14:32:10.250Z", "2026-01-05 14:00:00.000Z")
    values = ("acct-7-1", "acct-7", "trend", "demo", "Broker", "EURUSD", *times, "buy")
    numbers = ("0.10000000", "1.08430000", "1.08610000", "-0.70000000", "17.30000000")
    body = template % (*values, *numbers, "EUR", "1", "0")
    key = instance.key("ingest", account_id="acct-7")
    assert instance.post(f"/hook/{key}/trade_event", body.encode(), "application/json") == (
        200,
        {"status": "ok", "event_id": "acct-7-1", "duplicate": False, "position": 0},
    )


def test_a_position_is_posted_once_all_of_it_is_closed(terminal: Terminal, instance: Instance) -> None:
    terminal.run(
        f"clock {NOW}", *HISTORY[:3], "init -1", HISTORY[3], "transaction 6 4", *HISTORY[4:], "transaction 6 6", "timer"
    )
    [one] = instance.trades()
    assert one == {
        "event_id": "acct-7-4711",
        "account_id": "acct-7",
        "strategy_id": "trend",
        "environment": "demo",
        "venue": 'Broker"s\\Server',
        "symbol": "EURUSD",
        "timestamp": "2026-01-06 10:46:40.004Z",
        "opened_at": "2026-01-06 10:46:40.001Z",
        "side": "buy",
        "order_type": "unknown",
        "quantity": "0.40000000",
        "quantity_type": "lots",
        "price_open": "1.09000000",
        "price_close": "1.10750000",
        "fees": "-3.55000000",
        "pnl": "66.75000000",
        "currency": "EUR",
        "state": "closed",
        "linked_position_id": "4711",
        "metadata": {"magic": 0},
    }
    assert terminal.outbox.read_text() == ""


def test_what_was_closed_while_the_terminal_was_off_is_found_at_the_next_start(
    terminal: Terminal, instance: Instance
) -> None:
    for _ in range(3):  # each start finds all of it again
        terminal.run(f"clock {NOW}", *HISTORY, REST, "init -1", "timer")
    assert [(one["event_id"], one["side"], one["pnl"]) for one in instance.trades()] == [
        ("acct-7-4712", "sell", "-2.20000000"),
        ("acct-7-4711", "buy", "66.75000000"),
    ]


def test_a_server_that_is_down_loses_nothing(terminal: Terminal, instance: Instance) -> None:
    instance.server.stop()
    said = terminal.run(f"clock {NOW}", *HISTORY, "init -1", "timer", "timer")
    assert said.count("1 trades wait; status -1") == 1  # the second has to wait its turn
    assert len(terminal.outbox.read_text().split()) > 1
    with Server(instance.server.store, workers=1) as server:
        again = Instance(server)
        terminal.arguments[0] = again.url
        terminal.run(f"clock {NOW + 60}", "init -1", "timer")  # a new terminal, whose history has not come yet
        assert [one["event_id"] for one in again.trades()] == ["acct-7-4711"]
        assert terminal.outbox.read_text() == ""


def test_a_line_cut_by_a_crash_takes_no_other_with_it(terminal: Terminal, instance: Instance) -> None:
    terminal.outbox.parent.mkdir()
    terminal.outbox.write_text('{"event_id":"acct-7-4')
    terminal.run(f"clock {NOW}", *HISTORY, "init -1", "timer")
    assert [one["event_id"] for one in instance.trades()] == ["acct-7-4711"]
    refused = terminal.outbox.with_name(terminal.outbox.name + ".refused").read_text()
    assert '"result":"invalid"' in refused
    assert '{"event_id":"acct-7-4' in refused
    assert terminal.outbox.read_text() == ""


def test_a_key_that_is_not_good_keeps_the_trades_and_says_so(terminal: Terminal, instance: Instance) -> None:
    good = terminal.arguments[1]
    terminal.arguments[1] = "te_" + "x" * 32
    said = terminal.run(f"clock {NOW}", *HISTORY, "init -1", "timer")
    assert "status 401" in said
    terminal.arguments[1] = good
    terminal.run(f"clock {NOW}", "init -1", "timer")
    assert len(instance.trades()) == 1


def test_more_than_a_batch_is_sent_in_several(terminal: Terminal, instance: Instance) -> None:
    deals = [
        line
        for n in range(450)
        for line in (deal(2 * n + 1, n + 1, 0, 0, 0.1, 1.1), deal(2 * n + 2, n + 1, 1, 1, 0.1, 1.2, profit=n / 100))
    ]
    terminal.run(f"clock {NOW}", *deals, "init -1", "timer", "timer", "timer", "timer")
    assert len(instance.trades()) == 450
    assert sum(Decimal(one["pnl"]) for one in instance.trades()) == Decimal(449 * 450 // 2) / 100


def test_a_magic_number_chooses_the_positions_of_one_strategy(terminal: Terminal, instance: Instance) -> None:
    other = (deal(11, 5, 0, 0, 1, 1.1, magic=42), deal(12, 5, 1, 1, 1, 1.2, profit=100))
    terminal.run(f"clock {NOW}", *HISTORY, *other, "init 42", "timer")
    assert [(one["event_id"], one["metadata"]) for one in instance.trades()] == [("acct-7-5", {"magic": 42})]


# --- their own code --------------------------------------------------------------------------------------------------

# What freqtrade's bot and its webhook import, found by trying; all that it requires would be three times as much.
FREQTRADE = "freqtrade==2026.9"
IMPORTED = (
    *(
        "cachetools",
        "ccxt",
        "fastapi",
        "humanize",
        "jsonschema",
        "numpy<3",
        "orjson",
        "pandas<4",
        "psutil",
        "pycoingecko",
    ),
    *("pydantic", "python-dateutil", "python-rapidjson", "requests", "rich", "schedule", "scipy", "sqlalchemy"),
    *("uvicorn", "websockets"),
)
BACKTRADER = "backtrader==1.9.78.123"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes an environment of its own with these packages; skips where they cannot be had."""

    def make(name: str, *calls: tuple[str, ...]) -> Path:
        folder = tmp_path_factory.mktemp(name)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, stdin=subprocess.DEVNULL)
        python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        for packages in calls:
            done = subprocess.run(
                [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            if done.returncode != 0:
                last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
                pytest.skip(f"cannot install {' '.join(packages)[:60]} (no network?): {last[0][:200]}")
        return python

    return make


@pytest.mark.slow
@pytest.mark.xdist_group("foreign environments")
def test_freqtrades_own_bot_and_webhook_store_its_trades(foreign: Callable[..., Path], instance: Instance) -> None:
    python = foreign("freqtrade", ("--no-deps", FREQTRADE), IMPORTED)
    done = subprocess.run(
        [str(python), str(HERE / "freqtrade_drive.py")],
        input=json.dumps(freqtrade_configuration(instance)),
        capture_output=True,
        text=True,
        env=clean_environment(),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    kept = instance.trades()
    assert len(kept) == sum(one["exits"] for one in told) == 4  # each was told twice
    for one in told:
        mine = [event for event in kept if event["symbol"] == one["symbol"]]
        assert len(mine) == one["exits"]
        assert len({event["linked_position_id"] for event in mine}) == 1
        # freqtrade rounds each P&L to 8 decimals; its sum of parts is a binary float
        assert sum(Decimal(event["pnl"]) for event in mine) == round(Decimal(one["profit"]), 8)
    sides = {event["symbol"]: event["side"] for event in kept}
    assert sides == {"BTC/USDT": "buy", "ETH/USDT:USDT": "sell", "SOL/USDT": "buy"}


@pytest.mark.slow
@pytest.mark.xdist_group("foreign environments")
def test_the_analyzer_posts_what_backtrader_itself_counts(
    foreign: Callable[..., Path], instance: Instance, tmp_path: Path
) -> None:
    python = foreign("backtrader", (BACKTRADER,))
    (tmp_path / "analyzer.py").write_text(blocks("backtrader", "python")[0], encoding="utf-8")
    shutil.copy(HERE / "backtrader_drive.py", tmp_path)
    key = instance.key("ingest", account_id="backtrader")
    for run in ("one", "one", "two"):
        done = subprocess.run(
            [str(python), "backtrader_drive.py", instance.url, key, run],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=clean_environment(),
        )
        assert done.returncode == 0, done.stderr
    own = json.loads(done.stdout)
    kept = instance.trades()
    assert len(kept) == 2 * own["closed"] > 10
    mine = [one for one in kept if one["event_id"].startswith("two-")]
    assert {(one["side"], Decimal(one["quantity"])) for one in mine} == {("buy", Decimal(6)), ("sell", Decimal(4))}
    assert math.isclose(sum(float(one["pnl"]) for one in mine), own["net"], rel_tol=1e-12)
    for one in mine:
        moved = Decimal(one["price_close"]) - Decimal(one["price_open"])
        gross = (moved if one["side"] == "buy" else -moved) * Decimal(one["quantity"])
        assert math.isclose(gross, Decimal(one["pnl"]) - Decimal(one["fees"]), abs_tol=1e-9)
