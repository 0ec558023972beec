"""The trade listing, every row of it in the exact order with the bytes that were sent; and the equity curve's steps."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Any

import pytest

from tests.e2e.conftest import Filled
from tests.e2e.harness import Client, listed
from tests.e2e.questions import BALANCE, RANGES
from tests.oracle.reading import Trade, chosen, exact, microseconds, money, plain, read

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("real trades")]

NUMERIC = ("quantity", "price_open", "price_close", "fees", "pnl")


# --- listing ----------------------------------------------------------------------------------------------------------


def newest_first(filled: Filled, query: Mapping[str, str]) -> list[Trade]:
    """Closed and open events alike."""
    return sorted(filled.market.select(query), key=lambda t: (t.time, t.id_bytes), reverse=True)


def test_walking_all_pages_gives_each_event_once_newest_first(filled: Filled) -> None:
    raw_of = {read(line)["event_id"]: line for line in filled.lines}
    rows = list(listed(filled.client, {}, 997))
    assert [row["event"]["event_id"] for row in rows] == [t.event_id for t in newest_first(filled, {})]
    assert sorted(int(row["position"]) for row in rows) == list(range(len(raw_of)))  # no gaps, none twice
    # a later position was never received earlier
    received = [microseconds(row["received_at"]) for row in sorted(rows, key=lambda row: int(row["position"]))]
    assert received == sorted(received)


QUERIES = [
    {"strategy_id": "Moving Average"},
    {"account_id": "tv_backtests", "environment": "demo", "from": "2025-09-01"},
    {"environment": "live"},
    {"account_id": "quantopian_bt", "from": "2008-01-01", "to": "2008-02-15T12:00:00+01:00"},
    {"account_id": "tv_backtests", "strategy_id": "Supertrend Strategy", "to": "2023-01-01T05:30:00Z"},
]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_the_listing_takes_every_filter(filled: Filled, query: dict[str, str]) -> None:
    for limit in (13, 1000):
        got = [row["event"]["event_id"] for row in listed(filled.client, query, limit)]
        assert got == [t.event_id for t in newest_first(filled, query)]


def text_pages(client: Client, form: str, query: Mapping[str, str]) -> Iterator[str]:
    more: dict[str, str] = {}
    while True:
        page = client.get("/trade_events", {**query, "format": form, "limit": 700, **more})
        assert page.status == 200, page.body
        yield page.body.decode()
        if "x-next-cursor" not in page.headers:
            return
        more = {"cursor": page.headers["x-next-cursor"]}


def test_ndjson_carries_the_very_bytes_that_were_sent(filled: Filled) -> None:
    raw_of = {read(line)["event_id"]: line for line in filled.lines}
    rows = [line for page in text_pages(filled.client, "ndjson", {}) for line in page.splitlines()]
    order = [t.event_id for t in newest_first(filled, {})]
    assert [read(row)["event"]["event_id"] for row in rows] == order
    changed = [event_id for event_id, row in zip(order, rows, strict=True) if raw_of[event_id] not in row]
    assert not changed, f"{len(changed)} events came back otherwise than they were sent, such as {changed[:3]}"


def test_csv_carries_every_value(filled: Filled) -> None:
    sent = {event["event_id"]: event for event in map(read, filled.lines)}
    rows = [row for page in text_pages(filled.client, "csv", {}) for row in csv.DictReader(io.StringIO(page))]
    assert [row["event_id"] for row in rows] == [t.event_id for t in newest_first(filled, {})]
    for row in rows:
        event = sent[row["event_id"]]
        assert {name: exact(row[name]) for name in NUMERIC} == {name: exact(event[name]) for name in NUMERIC}
        assert microseconds(row["timestamp"]) == microseconds(event["timestamp"])
        for name in ("account_id", "strategy_id", "environment", "venue", "symbol", "side", "order_type", "state"):
            assert row[name] == event[name]
        assert read(row["metadata"]) == event["metadata"]
        assert read(row["tags"]) == event["tags"]


def test_one_event_is_found_by_its_id(filled: Filled) -> None:
    for line in filled.lines[::1500]:
        event_id = read(line)["event_id"]
        assert [r["event"]["event_id"] for r in listed(filled.client, {"event_id": event_id}, 10)] == [event_id]
        answer = filled.client.get(f"/trade_event/{event_id}")
        assert line.encode() in answer.body


# --- the curve --------------------------------------------------------------------------------------------------------


def curve_faults(points: Sequence[Mapping[str, Any]], trades: Sequence[Trade], start: Fraction) -> list[str]:
    """What is wrong with the steps: each is the next `trades` closed trades in trade order, up to and with `time`.

    Inside a step are its own trades' equities and the one it starts from.
    """
    closed = sorted((t for t in trades if t.closed), key=lambda t: (t.time, t.id_bytes))
    equity = [start, *(start + money(total) for total in accumulate(t.pnl for t in closed))]
    highest = list(accumulate(equity, max))
    falls = [high - now for high, now in zip(highest, equity, strict=True)]
    if sum(int(p["trades"]) for p in points) != len(closed):
        return [f"{sum(int(p['trades']) for p in points)} trades instead of {len(closed)}"]
    found, at = [], 0
    for number, point in enumerate(points):
        end = at + int(point["trades"])
        if end == at:
            found.append(f"step {number} has no trade")
            continue
        last = closed[end - 1].time
        if microseconds(point["time"]) != last:
            found.append(f"step {number} ends at {point['time']}")
        if end < len(closed) and len(points) < len(closed) and closed[end].time < last:
            found.append(f"step {number} overlaps the next")
        inside = slice(at, end + 1)
        expected = {
            "equity": equity[end],
            "high": max(equity[inside]),
            "low": min(equity[inside]),
            "drawdown": max(falls[inside]),
        }
        for name, value in expected.items():
            if point[name] != plain(value):
                found.append(f"step {number}: {name} {point[name]} instead of {plain(value)}")
        at = end
    return found


SCOPES = [
    {},
    {"strategy_id": "BarUpDn Strategy"},
    {"account_id": "mt4_tester_pc"},
    {"account_id": "quantopian_bt", "environment": "demo"},
    {"account_id": "tv_backtests", "strategy_id": "Bar Mag 1D v2 ON"},
    {"account_id": "mt5_history_demo"},
    {"environment": "live"},
]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
@pytest.mark.parametrize("period", RANGES)
def test_every_step_of_the_curve_equals_the_brute_force(filled: Filled, scope: dict[str, str], period: str) -> None:
    query = {**scope, **RANGES[period]}
    names = {"from": "start", "to": "end"}
    trades = chosen(filled.market.events, **{names.get(k, k): v for k, v in query.items()})
    for more in ({}, {"points": "2", "starting_balance": BALANCE}, {"points": "37"}, {"points": "5000"}):
        balance = more.get("starting_balance", "0")
        answer = filled.client.get("/metrics/equity_curve", {**query, **more})
        assert answer.status == 200, answer.body
        points = answer.json()["points"]
        assert len(points) <= int(more.get("points", 500))
        faults = curve_faults(points, trades, Fraction(balance))
        assert not faults, (more, len(points), faults[:10])
        figures = filled.client.get("/metrics/overall", {**query, "starting_balance": balance}).json()["metrics"]
        if points:
            assert points[-1]["equity"] == figures["ending_equity"]
            assert max(exact(p["drawdown"]) for p in points) == exact(figures["max_drawdown"])
        else:
            assert figures["total_trades"] == "0"
