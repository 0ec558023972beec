"""The trade history: as sent, newest first, in pages; JSON, NDJSON and CSV."""

import csv
import io
import json
from typing import Any

import pytest

from tests.functions.calling import Answered, Caller, trade

# Exact, odd spellings: 20 decimals, a number as text, an exponent, a line break between members, an unknown key.
ODD = (
    '{"event_id":"odd","account_id":"acct-1","strategy_id":"trend","venue":"paper","symbol":"BTCUSD","environment":"live",\n'
    ' "timestamp":"2026-01-06 09:00:00.25+09:00","side":"sell","order_type":"limit","quantity":"0.00000001",\n'
    ' "quantity_type":"units","price_open":43210.12345678901234567890,"price_close":9.64e-05,"fees":-0.10,"pnl":1E+1,\n'
    ' "state":"closed","note":"Zürich \\u00e9"}'
)


def ids(answer: Answered) -> list[str]:
    assert answer.status == 200, answer.text
    return [row["event"]["event_id"] for row in answer.json["trades"]]


@pytest.fixture
def five(call: Caller) -> Caller:
    """Trades t-1 to t-5 of five days, the odd ones live, of two strategies."""
    call.store(
        trade(
            f"t-{day}",
            timestamp=f"2026-01-0{day}T12:00:00Z",
            environment="live" if day % 2 else "demo",
            strategy_id="trend" if day < 4 else "fade",
        )
        for day in range(1, 6)
    )
    return call


def test_an_event_is_shown_byte_for_byte_as_it_was_sent(call: Caller) -> None:
    call("POST", "/trade_event", ODD)
    for target in ("/trade_event/odd", "/trade_events"):
        answer = call.get(target)
        assert ODD in answer.text
        assert answer.json["status"] == "ok"
    one = call.get("/trade_event/odd").json
    assert (one["position"], one["void"]) == (0, None)
    assert one["received_at"].endswith("Z")


def test_an_unknown_event_is_404_by_path_and_an_empty_list_by_query(five: Caller) -> None:
    assert five.get("/trade_event/t-9").status == 404
    assert ids(five.get("/trade_events?event_id=t-9")) == []


def test_trades_come_newest_first(five: Caller) -> None:
    answer = five.get("/trade_events")
    assert ids(answer) == ["t-5", "t-4", "t-3", "t-2", "t-1"]
    assert answer.json["next_cursor"] is None
    assert answer.json["as_of"]["events"] == 5


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("environment=live", ["t-5", "t-3", "t-1"]),
        ("strategy_id=fade", ["t-5", "t-4"]),
        ("strategy_id=fade&environment=demo", ["t-4"]),
        ("account_id=nobody", []),
        ("from=2026-01-02T12:00:00Z&to=2026-01-04T12:00:00Z", ["t-3", "t-2"]),
        ("from=2026-01-04", ["t-5", "t-4"]),
        ("event_id=t-3", ["t-3"]),
        ("event_id=t-3&environment=live&strategy_id=trend&account_id=acct-1&from=2026-01-03&to=2026-01-04", ["t-3"]),
        ("event_id=t-3&environment=demo", []),
        ("event_id=t-3&strategy_id=fade", []),
        ("event_id=t-3&to=2026-01-03T12:00:00Z", []),
        ("event_id=t-3&from=2026-01-03T12:00:00.000001Z", []),
    ],
)
def test_filters_combine(query: str, expected: list[str], five: Caller) -> None:
    assert ids(five.get(f"/trade_events?{query}")) == expected


def test_pages_follow_the_cursor_to_the_end(five: Caller) -> None:
    seen: list[str] = []
    target = "/trade_events?limit=2"
    for size in (2, 2, 1):
        answer = five.get(target)
        page = ids(answer)
        assert len(page) == size
        seen += page
        target = f"/trade_events?limit=2&cursor={answer.json['next_cursor']}"
    assert answer.json["next_cursor"] is None
    assert seen == ["t-5", "t-4", "t-3", "t-2", "t-1"]


def test_a_cursor_that_is_not_ours_is_400(five: Caller) -> None:
    answer = five.get("/trade_events?cursor=abc")
    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")


def test_a_page_is_cut_before_it_is_too_large_for_a_function_and_goes_on(call: Caller) -> None:
    """100 events of 55 KB are 5.5 MB; a Lambda answer holds 6 MB in base64."""
    for part in range(2):
        call.store(trade(f"t-{n:03}", note="x" * 55_000) for n in range(part * 50, part * 50 + 50))
    first = call.get("/trade_events?limit=100", accept_encoding="identity")
    assert len(first.body) < 4_500_000
    rest = call.get(f"/trade_events?limit=100&cursor={first.json['next_cursor']}")
    assert ids(first) + ids(rest) == [f"t-{n:03}" for n in reversed(range(100))]


def test_ndjson_has_a_line_per_trade_and_the_cursor_in_a_header(five: Caller) -> None:
    five("POST", "/trade_event", ODD)
    answer = five.get("/trade_events?format=ndjson&limit=4")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["event"]["event_id"] for row in rows] == ["odd", "t-5", "t-4", "t-3"]
    rest = five.get(f"/trade_events?format=ndjson&limit=4&cursor={answer.headers['x-next-cursor']}")
    assert len(rest.text.splitlines()) == 2
    assert "x-next-cursor" not in rest.headers


def table(answer: Answered) -> list[dict[str, Any]]:
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_csv_has_a_header_and_every_digit(call: Caller) -> None:
    call("POST", "/trade_event", ODD)
    call("POST", "/trade_event/odd/void", {"reason": '=cmd,"x"'})
    [row] = table(call.get("/trade_events?format=csv"))
    assert row["price_open"] == "43210.1234567890123456789"
    assert (row["price_close"], row["pnl"], row["fees"]) == ("0.0000964", "10", "-0.1")
    assert row["quantity"] == "0.00000001"
    assert row["linked_position_id"] == ""
    assert row["void_reason"] == """'=cmd,"x\""""
    assert (row["position"], row["event_id"]) == ("0", "odd")
    assert call.get("/trade_events?format=csv").text.endswith("\r\n")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+A1", "'+A1"),
        ("-A1", "'-A1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-5", "-5"),
        ("+5.5e3", "+5.5e3"),
        ("-5+1", "'-5+1"),
        ("a=1", "a=1"),
        ('a,"b"', 'a,"b"'),
    ],
)
def test_no_cell_is_a_formula_and_no_number_is_spoilt(text: str, cell: str, call: Caller) -> None:
    call.post(trade("t-1", symbol=text))
    [row] = table(call.get("/trade_events?format=csv"))
    assert row["symbol"] == cell


def test_csv_shows_lists_and_objects_as_json(call: Caller) -> None:
    call.post(trade("t-1", tags=["a", "=b"], metadata={"k": 1.50}))
    [row] = table(call.get("/trade_events?format=csv"))
    assert (row["tags"], row["metadata"]) == ('["a","=b"]', '{"k":1.5}')
