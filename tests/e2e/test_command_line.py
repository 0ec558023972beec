"""The bots' command line against the real server."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import CHECKOUT, Server, administer, clean_environment, store_url

pytestmark = pytest.mark.xdist_group("command line")


def event(number: int, **changes: object) -> str:
    fields = {
        "event_id": f"e-{number}",
        "account_id": "acct",
        "strategy_id": "trend" if number % 2 else "mean",
        "environment": "demo",
        "venue": "test",
        "symbol": "EURUSD",
        "timestamp": f"2026-01-{number % 28 + 1:02}T10:00:00Z",
        "side": "buy",
        "order_type": "market",
        "quantity": "0.10",
        "quantity_type": "lots",
        "price_open": "1.0843",
        "price_close": "1.0861",
        "fees": "-0.70",
        "pnl": "0.1",
        "currency": "USD",
        "state": "closed",
    }
    return json.dumps({**fields, **changes})


class Cli:
    def __init__(self, port: int, home: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {**clean_environment(), "TRUEEDGE_URL": self.url, "XDG_STATE_HOME": str(home)}

    def start(self, *arguments: str, **options: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "trueedge", *arguments],
            cwd=CHECKOUT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, given: str = "", code: int = 0) -> str:
        process = self.start(*arguments)
        out, errors = process.communicate(given, timeout=60)
        assert process.returncode == code, errors + out
        assert "\x1b" not in out + errors, "no escape codes where there is no terminal"
        return out


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("cli") / "trueedge.db") as running:
        yield running


@pytest.fixture(scope="module")
def cli(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    made = Cli(server.port, tmp_path_factory.mktemp("home"))
    told = made("send", "-", given="\n".join(event(number) for number in range(2100)))
    assert told == "2,100 stored, 0 duplicate, 0 refused\n"
    return made


def test_sending_again_changes_nothing(cli: Cli) -> None:
    assert cli("send", given=event(0)) == "0 stored, 1 duplicate, 0 refused\n"


def test_the_figures_are_a_table_for_people(cli: Cli) -> None:
    out = cli("metrics", "--strategy", "trend", "--starting-balance", "1000")
    assert re.search(r"^total_pnl +105$", out, re.MULTILINE)  # 1,050 times 0.1
    assert re.search(r"^profit_factor +–$", out, re.MULTILINE)
    assert "currency USD" in out


def test_the_figures_as_json_are_the_servers_answer(cli: Cli, server: Server) -> None:
    assert cli("metrics", "--json").encode().rstrip(b"\n") == server.client().get("/metrics/overall").body


def test_a_row_for_each_strategy_is_sorted_as_asked(cli: Cli) -> None:
    lines = cli("metrics", "--by", "strategy", "--sort", "total_trades", "--order", "desc").splitlines()
    assert [line.split()[0] for line in lines] == ["strategy_id", "mean", "trend"]
    assert [json.loads(line)["strategy_id"] for line in cli("metrics", "--by", "strategy", "--json").splitlines()] == [
        "mean",
        "trend",
    ]


def test_all_trades_as_csv_have_one_head(cli: Cli, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("trades", "--csv"))))
    assert len(rows) == 2100
    assert len({row["event_id"] for row in rows}) == 2100
    cli("trades", "--csv", "--limit", "1001", "-o", str(tmp_path / "t.csv"))
    assert len(list(csv.reader((tmp_path / "t.csv").open()))) == 1002


def test_trades_as_json_can_be_read_again(cli: Cli) -> None:
    lines = cli("trades", "--json", "--strategy", "trend").splitlines()
    assert len(lines) == 1050
    assert json.loads(lines[0])["event"]["strategy_id"] == "trend"


def test_a_pipe_that_is_closed_early_ends_it_quietly(cli: Cli) -> None:
    process = cli.start("trades", "--csv")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 0
    assert process.stderr.read() == ""


def test_the_report_is_one_file_that_needs_nothing_else(cli: Cli, tmp_path: Path) -> None:
    cli("report", "-o", str(tmp_path / "r.html"), "--strategy", "trend")
    page = (tmp_path / "r.html").read_text()
    assert "<style>" in page
    assert "font/woff2;base64," in page
    assert not re.findall(r"""(?:src|href)=["']?/[^"']*|url\((?!"?data:|#)[^)]*\)""", page)


def test_a_trade_that_arrives_is_printed_by_tail(cli: Cli) -> None:
    process = cli.start("tail", "-n", "1", "--interval", "0.1", "--json", "--strategy", "tail")
    try:
        assert process.stdout is not None
        for number, timestamp in [(9001, "2026-05-01T00:00:00Z"), (9002, "2025-01-01T00:00:00Z")]:  # the second is late
            cli("send", given=event(number, strategy_id="tail", timestamp=timestamp))
            assert json.loads(process.stdout.readline())["event"]["event_id"] == f"e-{number}"
    finally:
        process.kill()
        process.communicate()


def test_a_wrong_filter_is_the_servers_sentence_and_code_2(cli: Cli) -> None:
    cli("metrics", "--from", "yesterday", code=2)


def test_doctor_is_content_with_a_server_that_is_well(cli: Cli) -> None:
    out = cli("doctor")
    assert "all is well" in out
    assert "BAD" not in out


def test_doctor_says_what_to_do_about_a_server_that_is_not_there(cli: Cli) -> None:
    out = cli("doctor", "--url", "http://127.0.0.1:1", code=1)
    assert "Start the server" in out


def test_doctor_tells_what_a_key_may(tmp_path: Path) -> None:
    store = tmp_path / "trueedge.db"
    made = administer("keys", "create", "--scope", "ingest", "--name", "bot", "--store", store_url(store))
    [key] = re.findall(r"te_[\w-]{32}", made.stdout)
    with Server(store) as server:
        cli = Cli(server.port, tmp_path)
        assert "the key may post" in cli("doctor", "--key", key)
        assert "the key is not good" in cli("doctor", "--key", "te_" + "x" * 32, code=1)
        assert "no key is given" in cli("doctor", code=1)
        cli("send", "--key", key, given=event(1))
        cli("metrics", "--key", key, code=2)


def test_doctor_finds_trades_that_wait(cli: Cli, tmp_path: Path) -> None:
    script = (
        "from trueedge import TrueEdge; import json, sys\n"
        "edge = TrueEdge('http://127.0.0.1:1', outbox=sys.argv[1], exit_timeout=0)\n"
        "edge.record(json.loads(sys.argv[2]))\n"
    )
    outbox = str(tmp_path / "outbox")
    subprocess.run([sys.executable, "-c", script, outbox, event(9100)], check=True, env=clean_environment())
    assert f"trueedge send --outbox {outbox}" in cli("doctor", "--outbox", outbox)
    assert cli("send", "--outbox", outbox) == "1 sent, 0 refused\n"
    assert "wait in" not in cli("doctor", "--outbox", outbox)
