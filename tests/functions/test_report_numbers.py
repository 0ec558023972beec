"""Every number on the page is the API's: figures, tables, calendar and breakdowns, compared digit for digit."""

import json
import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest

from tests.functions.calling import Caller
from tests.unit.report.samples import desk

ASKED = ("environment=live", "environment=live&starting_balance=10000", "environment=live&strategy_id=Meridian")
COLUMNS = {
    "Trades": "total_trades",
    "Total P&L": "total_pnl",
    "Win rate": "win_rate",
    "Profit factor": "profit_factor",
    "Expectancy": "expectancy",
    "Max drawdown": "max_drawdown",
    "Sharpe ratio": "sharpe_ratio",
}


@pytest.fixture
def filled(call: Caller) -> Caller:
    assert call("POST", "/trade_events", "\n".join(made.raw for made in desk())).status == 200
    return call


def api(call: Caller, path: str) -> Any:
    return json.loads(call.get(path).text, parse_float=Decimal)


def same(shown: str | None, said: Any) -> bool:
    if said is None or shown is None:
        return said is None and shown is None
    if isinstance(said, list):
        return [Decimal(one) for one in shown.strip("[]").split(", ")] == said
    return shown == said if isinstance(said, str) else Decimal(shown) == said


def rows(html: str, section: str) -> dict[str, dict[str, str | None]]:
    """The rows of a section's table by their header: the exact value of each labelled cell, None for a dash."""
    table = html.split(f'aria-labelledby="by-{section}"')[1].split("</table>")[0]
    found = {}
    for row in re.findall(r'<tr role="row">\s*<th role="rowheader".*?</tr>', table, re.DOTALL):
        name = unescape(re.sub(r"<[^>]+>", "", re.search(r"<th.*?</th>", row, re.DOTALL)[0]).strip())  # type: ignore[index]
        cells = re.findall(r'data-label="([^"]*)">(?:<data [^>]*value="([^"]*)")?', row)
        found[name] = {unescape(label): value or None for label, value in cells if unescape(label) in COLUMNS}
    return found


def agree(shown: dict[str, dict[str, str | None]], said: dict[str, dict[str, Any]]) -> None:
    assert shown.keys() == said.keys()
    for name, cells in shown.items():
        assert cells
        for label, value in cells.items():
            assert same(value, said[name][COLUMNS[label]]), (name, label, value, said[name][COLUMNS[label]])


@pytest.mark.parametrize("asked", ASKED)
def test_every_figure_is_that_of_the_api(filled: Caller, asked: str) -> None:
    html = filled.get(f"/report?{asked}").text
    said = api(filled, f"/metrics/overall?{asked}")
    figures = {**said["metrics"], **said["edge"]}
    shown = re.findall(r'<code>(\w+)</code></th><td class="r">(?:<data [^>]*value="([^"]*)")?', html)
    assert {name for name, _ in shown} == figures.keys()
    for name, value in shown:
        assert same(value or None, figures[name]), (name, value, figures[name])


@pytest.mark.parametrize("asked", ASKED)
def test_every_tile_is_that_of_the_api(filled: Caller, asked: str) -> None:
    html = filled.get(f"/report?{asked}").text
    said = api(filled, f"/metrics/overall?{asked}")
    figures = {**said["metrics"], **said["edge"]}
    tiles = re.findall(
        r'aria-describedby="h-(\w+)".*?<div class="value">(?:<data [^>]*value="([^"]*)")?', html, re.DOTALL
    )
    assert len(tiles) == 8
    for name, value in tiles:
        assert same(value or None, figures[name]), name


def test_rows_of_strategies_and_accounts_are_those_of_the_api(filled: Caller) -> None:
    html = filled.get("/report?environment=live").text
    for kind, plural in (("strategy", "strategies"), ("account", "accounts")):
        said = api(filled, f"/metrics/by_{kind}?environment=live")[plural]
        agree(rows(html, kind), {one[f"{kind}_id"]: one["metrics"] for one in said})


def test_weekdays_are_those_of_the_api(filled: Caller) -> None:
    said = api(filled, "/metrics/by_weekday?environment=live")["weekdays"]
    shown = rows(filled.get("/report?environment=live").text, "weekday")
    agree(shown, {one["weekday"].capitalize(): one["metrics"] for one in said if one["metrics"]["total_trades"]})


def test_hours_symbols_sides_and_venues_are_those_of_the_api(filled: Caller) -> None:
    hours = api(filled, "/metrics/by_hour?environment=live")["hours"]
    shown = rows(filled.get("/report?environment=live&part=hours").text, "hour")
    agree(shown, {f"{one['hour']:02d}:00": one["metrics"] for one in hours if one["metrics"]["total_trades"]})
    html = filled.get("/report?environment=live&part=symbols").text
    for kind in ("symbol", "side", "venue"):
        said = api(filled, f"/metrics/by_{kind}?environment=live")[f"{kind}s"]
        agree(rows(html, kind), {one[kind]: one["metrics"] for one in said if one["metrics"]["total_trades"]})


def test_months_are_those_of_the_api(filled: Caller) -> None:
    said = api(filled, "/metrics/by_month?environment=live")["months"]
    table = filled.get("/report?environment=live").text.split('<table class="months">')[1].split("</table>")[0]
    shown = []
    for row in reversed(re.findall(r'<tr><th scope="row">.*?</tr>', table, re.DOTALL)):
        shown += re.findall(r'<td class="r t-\w+">.*?value="([^"]*)"', row)
    assert list(map(Decimal, shown)) == [one["metrics"]["total_pnl"] for one in said if one["metrics"]["total_trades"]]


def test_the_largest_and_the_smallest_trade_are_those_of_the_figures(filled: Caller) -> None:
    figures = api(filled, "/metrics/overall?environment=live")["metrics"]
    html = filled.get("/report?environment=live&part=trades").text
    for kind, name in (("best", "largest_win"), ("worst", "largest_loss")):
        first = re.search(
            rf'aria-labelledby="t-{kind}".*?data-label="P&amp;L"><data [^>]*value="([^"]*)"', html, re.DOTALL
        )
        assert first is not None
        assert Decimal(first[1]) == figures[name]


def test_positions_are_those_of_the_api(filled: Caller) -> None:
    said = api(filled, "/positions?environment=live")["positions"]
    html = filled.get("/report?environment=live&part=positions").text
    assert len(re.findall(r'<th role="rowheader"', html)) == len(said) == 1
    assert said[0]["event"]["event_id"] in html
