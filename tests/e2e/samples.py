"""Small made-up events for the tests that need no real ones."""

import json
from typing import Any

from tests.e2e.harness import Answer, Client, Number


def raw_event(event_id: str, pnl: Any = "1.5", at: str = "2024-03-05T10:00:00Z", /, **more: Any) -> str:
    """One valid event as text; a Number is written as a number, None stays null, `...` leaves its key out."""
    event = {
        "event_id": event_id,
        "account_id": "acc",
        "strategy_id": "strat",
        "environment": "demo",
        "venue": "test",
        "timestamp": at,
        "symbol": "EURUSD",
        "side": "buy",
        "order_type": "market",
        "quantity": 1,
        "quantity_type": "lots",
        "price_open": Number("1.1"),
        "price_close": Number("1.2"),
        "fees": 0,
        "pnl": pnl,
        "state": "closed",
    } | more
    return dump({k: v for k, v in event.items() if v is not ...})


def dump(value: Any) -> str:
    """JSON in which a Number stands as the number it spells."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {dump(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dump, value)) + "]"
    return json.dumps(value)


def post_ok(client: Client, raw: str | bytes, duplicate: bool = False) -> Answer:
    answer = client.post("/trade_event", raw)
    assert answer.status == 200, answer.body
    assert answer.json()["status"] == "ok"
    assert answer.json()["duplicate"] is duplicate
    return answer


def error_of(answer: Answer, status: int, code: str | None = None) -> dict[str, Any]:
    """The answer is an error in the one shape all errors have."""
    assert answer.status == status, (answer.status, answer.body[:1000])
    assert answer.headers["content-type"].startswith("application/json")
    error: dict[str, Any] = answer.json()
    assert set(error) == {"status", "code", "message", "errors", "request_id"}, error
    assert error["status"] == "error"
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["request_id"], str)
    assert error["request_id"]
    assert all(set(e) == {"field", "message"} and e["message"] for e in error["errors"]), error
    if code is not None:
        assert error["code"] == code, error
    return error
