"""The report's service over a real store: what opens, what is refused, and that the line of the empty page works."""

import shlex
from pathlib import Path

import pytest

from tests.unit.report.samples import NOW, desk, event, ledger
from trueedge_core.domain.events import parse_event
from trueedge_core.domain.money import read_json
from trueedge_core.errors import InvalidParameter, NotFound
from trueedge_core.report import render
from trueedge_core.services import reports
from trueedge_core.storage.sqlite.ledger import SqliteLedger


def page(store: SqliteLedger, **asked: str) -> str:
    parameters = {name.rstrip("_"): value for name, value in asked.items()}
    answer = reports.page(store, parameters, base_url="http://127.0.0.1:9000", now=NOW)
    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
    assert isinstance(answer.body, str)
    return answer.body


def current(html: str) -> str:
    """The environment that is marked as shown, and its number of trades."""
    marked = html.split('aria-current="true">')[1].split('<span class="vh"')[0]
    return marked.replace('<span class="n">', "")


def test_it_opens_on_live_when_there_is_a_live_trade(tmp_path: Path) -> None:
    store = ledger(tmp_path, desk())
    assert current(page(store)) == "Live 120"
    assert "are mixed" not in page(store)


def test_it_opens_on_demo_when_there_is_no_live_trade(tmp_path: Path) -> None:
    assert current(page(ledger(tmp_path, desk()), strategy_id="Lodestar")) == "Demo 60"


def test_both_must_be_asked_for_and_is_warned_about(tmp_path: Path) -> None:
    html = page(ledger(tmp_path, desk()), environment="both")
    assert current(html) == "Both 180"
    assert "Live and demo are mixed." in html


def test_an_open_event_alone_is_no_live_trade(tmp_path: Path) -> None:
    store = ledger(tmp_path, [event("a", 0, "5", environment="demo"), event("b", 0, None)])
    assert current(page(store)) == "Demo 1"


def test_fields_that_a_form_leaves_empty_ask_for_nothing(tmp_path: Path) -> None:
    store = ledger(tmp_path, desk())
    assert page(store, account_id="", strategy_id="", from_="", to="", starting_balance="", environment="") == page(
        store
    )


@pytest.mark.parametrize("asked", [{"environment": "Both"}, {"startegy_id": "x"}, {"part": "all"}, {"from_": "1"}])
def test_a_wrong_parameter_is_refused(tmp_path: Path, asked: dict[str, str]) -> None:
    with pytest.raises(InvalidParameter):
        page(ledger(tmp_path, desk()), **asked)


def test_an_unknown_id_is_not_found_also_in_an_empty_store(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Nobody"):
        page(ledger(tmp_path), strategy_id="Nobody")


def test_a_pair_has_no_tables_an_account_has_one_overall_has_two(tmp_path: Path) -> None:
    store = ledger(tmp_path, desk())
    asked = [{}, {"account_id": "IB-1"}, {"account_id": "IB-1", "strategy_id": "Meridian"}]
    assert [page(store, **parameters).count("data-sorts=") for parameters in asked] == [2, 1, 0]


def test_an_asset_may_be_kept_for_ever_and_an_unknown_one_is_not_found() -> None:
    name = render.asset_url("report.css").removeprefix("/assets/")
    answer = reports.asset(name)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    with pytest.raises(NotFound):
        reports.asset("../view.py")


def test_the_line_of_the_empty_page_is_a_trade_that_is_taken(tmp_path: Path) -> None:
    view = reports._empty("http://127.0.0.1:9000", NOW)
    command, *arguments = shlex.split(view.curl)
    assert command == "curl"
    assert "http://127.0.0.1:9000/trade_event" in arguments
    raw = arguments[arguments.index("-d") + 1]
    store = ledger(tmp_path)
    [receipt] = store.append([parse_event(read_json(raw), raw, NOW)])
    assert receipt.outcome == "stored"
    assert current(page(store)) == "Demo 1"


@pytest.mark.parametrize(
    "host", ["", "a b", "x$(reboot)", "x;reboot", "`id`", "x'y", "a/b", "<b>", "x\ny", "ü.example"]
)
def test_a_host_that_a_shell_would_act_on_is_not_repeated(host: str) -> None:
    assert reports.base_url({"host": host}) == "http://127.0.0.1:9000"


@pytest.mark.parametrize("host", ["trueedge.example", "10.0.0.7:9000", "[::1]:9000"])
def test_the_line_names_the_host_that_was_asked(host: str) -> None:
    assert reports.base_url({"host": host, "x-forwarded-proto": "https"}) == f"https://{host}"
