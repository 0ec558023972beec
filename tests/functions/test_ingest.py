"""Trades in: what is taken, what is refused, and that a refusal leaves no trace."""

import gzip
import json
from typing import Any

import pytest

from tests.functions.calling import Caller, trade

NOTHING = {"events": 0, "at": None}


def log_size(call: Caller) -> int:
    size: int = call.get("/metrics/overall").json["as_of"]["events"]
    return size


def test_a_trade_is_recorded_once(call: Caller) -> None:
    first, again = call.post(trade("t-1")), call.post(trade("t-1"))
    assert first.status == again.status == 200
    assert first.json == {"status": "ok", "event_id": "t-1", "duplicate": False, "position": 0}
    assert again.json == {"status": "ok", "event_id": "t-1", "duplicate": True, "position": 0}
    assert log_size(call) == 1


def test_the_same_content_spelled_otherwise_is_a_duplicate(call: Caller) -> None:
    call.post(trade("t-1", pnl=10, timestamp="2026-01-05T14:30:00Z"))
    again = call.post(trade("t-1", pnl="1e1", timestamp="2026-01-05 15:30:00+01:00"))
    assert (again.status, again.json["duplicate"]) == (200, True)


def test_other_content_under_a_stored_id_is_409_naming_what_differs(call: Caller) -> None:
    call.post(trade("t-1"))
    answer = call.post(trade("t-1", pnl=11, symbol="GBPUSD"))
    assert (answer.status, answer.json["code"]) == (409, "conflict")
    assert [error["field"] for error in answer.json["errors"]] == ["symbol", "pnl"]
    assert "linked_position_id" not in answer.json["message"]
    assert call.get("/metrics/overall").json["metrics"]["total_pnl"] == 10


def test_a_ticket_used_for_an_open_and_its_close_is_told_to_use_two_ids(call: Caller) -> None:
    call.post(trade("t-1", state="open", pnl=None, price_close=None))
    answer = call.post(trade("t-1"))
    assert answer.status == 409
    assert "two events with two ids and one linked_position_id" in answer.json["message"]


def test_every_wrong_field_is_named_at_once(call: Caller) -> None:
    answer = call.post(trade("t-1", side="long", quantity=0, environment="paper", symbol=None))
    assert (answer.status, answer.json["code"]) == (400, "invalid_event")
    assert {error["field"] for error in answer.json["errors"]} == {"side", "quantity", "environment", "symbol"}
    assert all(error["message"] for error in answer.json["errors"])
    assert answer.json["request_id"]


def raw(**changes: str) -> bytes:
    """A trade as JSON text with members replaced by raw text."""
    members = {name: json.dumps(value) for name, value in trade().items()} | changes
    return ("{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}").encode()


REFUSED: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "invalid_json"),
    "space": (b" \n", 400, "invalid_json"),
    "no JSON": (b"event_id=1&pnl=2", 400, "invalid_json"),
    "cut short": (raw()[:-1], 400, "invalid_json"),
    "two documents": (raw() + raw(), 400, "invalid_json"),
    "an array": (b"[" + raw() + b"]", 400, "invalid_event"),
    "a number": (b"1", 400, "invalid_event"),
    "null": (b"null", 400, "invalid_event"),
    "an empty object": (b"{}", 400, "invalid_event"),
    "NaN": (raw(pnl="NaN"), 400, "invalid_json"),
    "Infinity": (raw(pnl="-Infinity"), 400, "invalid_json"),
    "a duplicate key": (raw(pnl='1,"pnl":2'), 400, "invalid_json"),
    "a duplicate key deep down": (raw(metadata='{"a":{"b":1,"b":1}}'), 400, "invalid_json"),
    "bad UTF-8": (raw(symbol='"\xff"').replace(b"\xc3\xbf", b"\xff"), 400, "invalid_json"),
    "half a surrogate pair": (raw(symbol='"\\ud800"'), 400, "invalid_json"),
    "100,000 brackets": (b"[" * 50_000 + b"]" * 50_000, 400, "invalid_json"),
    "20,000 brackets": (b"[" * 20_000 + b"]" * 20_000, 400, "invalid_json"),
    "33 brackets": (raw(metadata='{"a":' + "[" * 32 + "]" * 32 + "}"), 400, "invalid_json"),
    "1e999999999": (raw(pnl="1e999999999"), 400, "invalid_event"),
    "an exponent no Decimal holds": (raw(pnl="1e99999999999999999999"), 400, "invalid_json"),
    "5,000 digits": (raw(pnl="1" * 5000), 400, "invalid_json"),
    "41 digits": (raw(pnl="0." + "1" * 41), 400, "invalid_event"),
    "a boolean for a number": (raw(pnl="true"), 400, "invalid_event"),
    "more than 60 KB": (raw(metadata='{"a":"' + "x" * 62_000 + '"}'), 413, "too_large"),
    "metadata over 16 KB": (raw(metadata='{"a":"' + "x" * 17_000 + '"}'), 400, "invalid_event"),
    "a time of 1969": (raw(timestamp='"1969-12-31T23:59:59Z"'), 400, "invalid_event"),
    "a time of 2999": (raw(timestamp='"2999-01-01T00:00:00Z"'), 400, "invalid_event"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_trade_event_is_refused_and_leaves_no_trace(name: str, call: Caller) -> None:
    body, status, code = REFUSED[name]
    answer = call("POST", "/trade_event", body)
    assert (answer.status, answer.json["code"]) == (status, code), answer.text
    assert answer.json["message"]
    assert call.get("/metrics/overall").json["as_of"] == NOTHING
    assert call.post(trade()).status == 200


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_the_content_type_does_not_matter(content_type: str, call: Caller) -> None:
    """curl -d says form, webhooks say text; what counts are the bytes."""
    answer = call("POST", "/trade_event", trade("t-1"), content_type=content_type)
    assert answer.status == 200, answer.text


def test_a_compressed_body_is_refused_with_a_sentence(call: Caller) -> None:
    body = gzip.compress(raw())
    answer = call("POST", "/trade_event", body, content_encoding="gzip")
    assert (answer.status, answer.json["code"]) == (400, "invalid_json")
    assert "Content-Encoding" in answer.json["message"]


@pytest.mark.parametrize("target", ["/trade_event", "/trade_events", "/trade_event/t-1/void"])
def test_a_write_takes_no_query_parameters(target: str, call: Caller) -> None:
    """`?dry_run=1` must not be overlooked."""
    answer = call("POST", f"{target}?dry_run=1", trade())
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "dry_run")
    assert log_size(call) == 0


def test_a_byte_order_mark_and_space_around_an_event_are_not_part_of_it(call: Caller) -> None:
    assert call("POST", "/trade_event", b"\xef\xbb\xbf" + raw() + b"\r\n").status == 200
    assert call.get("/trade_event/t-1").text.startswith('{"status":"ok","event":{"event_id"')


# --- batches ---------------------------------------------------------------------------------------------------------


def lines(*events: dict[str, Any]) -> bytes:
    return "".join(json.dumps(event) + "\n" for event in events).encode()


@pytest.mark.parametrize("form", ["array", "object", "ndjson"])
def test_a_batch_comes_in_three_forms(form: str, call: Caller) -> None:
    events = [trade("t-1"), trade("t-2", pnl=-3)]
    bodies = {"array": json.dumps(events), "object": json.dumps({"events": events}), "ndjson": lines(*events)}
    answer = call("POST", "/trade_events", bodies[form])
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    assert answer.json["results"] == [
        {"index": 0, "event_id": "t-1", "result": "stored"},
        {"index": 1, "event_id": "t-2", "result": "stored"},
    ]
    assert call.get("/metrics/overall").json["metrics"]["total_pnl"] == 7


def test_each_event_of_a_batch_is_judged_on_its_own(call: Caller) -> None:
    call.post(trade("t-1"))
    body = lines(trade("t-1"), trade("t-1", pnl=99), trade("t-2"), trade("t-3", side="long")) + b"{oops\n"
    answer = call("POST", "/trade_events", body)
    assert answer.status == 207
    assert answer.json["status"] == "partial"
    assert answer.json["counts"] == {"stored": 1, "duplicate": 1, "conflict": 1, "invalid": 2, "forbidden": 0}
    rows = answer.json["results"]
    assert [(row["index"], row["event_id"], row["result"]) for row in rows] == [
        (0, "t-1", "duplicate"),
        (1, "t-1", "conflict"),
        (2, "t-2", "stored"),
        (3, "t-3", "invalid"),
        (4, None, "invalid"),
    ]
    assert "(pnl)" in rows[1]["message"]
    assert rows[3]["errors"][0]["field"] == "side"
    assert "line 5" in rows[4]["message"]
    assert log_size(call) == 2


def test_an_event_twice_in_one_batch_is_stored_once(call: Caller) -> None:
    answer = call("POST", "/trade_events", [trade("t-1"), trade("t-1")])
    assert [row["result"] for row in answer.json["results"]] == ["stored", "duplicate"]
    assert log_size(call) == 1


def test_a_batch_of_which_nothing_is_taken_is_400_in_the_shape_of_errors(call: Caller) -> None:
    answer = call("POST", "/trade_events", [trade("t-1", side="long"), 5])
    assert (answer.status, answer.json["status"], answer.json["code"]) == (400, "error", "invalid_event")
    assert [row["result"] for row in answer.json["results"]] == ["invalid", "invalid"]
    assert answer.json["request_id"]
    assert log_size(call) == 0


@pytest.mark.parametrize("body", [b"", b"[]", b'{"events":[]}', b"\n\n", b'[{"a":1', b'{"event":[]}'])
def test_an_empty_or_unreadable_batch_is_400(body: bytes, call: Caller) -> None:
    answer = call("POST", "/trade_events", body)
    assert answer.status == 400, answer.text
    assert answer.json["status"] == "error"
    assert log_size(call) == 0


def test_a_batch_of_1000_is_taken_and_one_more_is_413(call: Caller) -> None:
    events = [trade(f"t-{number}") for number in range(1001)]
    refused = call("POST", "/trade_events", lines(*events))
    assert (refused.status, refused.json["code"]) == (413, "too_large")
    assert log_size(call) == 0
    assert call("POST", "/trade_events", lines(*events[:1000])).json["counts"]["stored"] == 1000
    assert log_size(call) == 1000


def test_a_batch_over_4_mb_is_413(call: Caller) -> None:
    answer = call("POST", "/trade_events", b"\n" * (4 * 1024 * 1024 + 1))
    assert (answer.status, answer.json["code"]) == (413, "too_large")


def test_an_event_over_60_kb_is_an_invalid_row_of_its_batch(call: Caller) -> None:
    large = trade("t-1", extra="x" * 62_000)
    answer = call("POST", "/trade_events", [large, trade("t-2")])
    assert [(row["event_id"], row["result"]) for row in answer.json["results"]] == [
        ("t-1", "invalid"),
        ("t-2", "stored"),
    ]


# --- voids -----------------------------------------------------------------------------------------------------------


def test_a_void_takes_the_trade_out_of_the_figures_and_stays_visible(call: Caller) -> None:
    call.store([trade("t-1", pnl=10), trade("t-2", pnl=-4)])
    answer = call("POST", "/trade_event/t-2/void", {"reason": "entered twice"})
    assert answer.json == {"status": "ok", "event_id": "t-2", "position": 2, "repeated": False}
    again = call("POST", "/trade_event/t-2/void", {"reason": "another reason"})
    assert again.json == {"status": "ok", "event_id": "t-2", "position": 2, "repeated": True}
    metrics = call.get("/metrics/overall").json["metrics"]
    assert (metrics["total_pnl"], metrics["total_trades"], metrics["voided"]) == (10, 1, 1)
    assert call.get("/trade_event/t-2").json["void"]["reason"] == "entered twice"
    assert call.get("/trade_event/t-1").json["void"] is None


def test_what_is_not_there_cannot_be_voided(call: Caller) -> None:
    answer = call("POST", "/trade_event/t-9/void", {"reason": "x"})
    assert (answer.status, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"reason":null}',
        b'{"reason":""}',
        b'{"reason":"  "}',
        b'{"reason":5}',
        b'{"reason":"a\\nb"}',
        b'{"reason":"x","by":"me"}',
        b'{"reason":"' + b"x" * 501 + b'"}',
    ],
)
def test_a_void_needs_a_reason_and_nothing_else(body: bytes, call: Caller) -> None:
    call.post(trade("t-1"))
    answer = call("POST", "/trade_event/t-1/void", body)
    assert answer.status == 400, answer.text
    assert call.get("/metrics/overall").json["metrics"]["voided"] == 0
