"""Calls the product's functions: sample event or HTTP request in, answer out; everything real but the socket."""

import base64
import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.functions import contract
from trueedge_core.domain.money import read_json
from trueedge_local.events import BadRequest, Incoming, Outgoing, decoded_path
from trueedge_local.gateway import Context, Gateway, load_handler
from trueedge_local.guard import Guard
from trueedge_local.template import CHECKOUT, read_routes

EVENTS = CHECKOUT / "events"
FUNCTIONS = CHECKOUT / "functions"
ROUTES = read_routes()  # once: reading the template takes longer than most requests
SCHEDULED = {"alerts"}  # functions that no request leads to; each has one sample, of its own name

TRADE: dict[str, Any] = {
    "event_id": "t-1",
    "account_id": "acct-1",
    "strategy_id": "trend",
    "venue": "paper",
    "symbol": "EURUSD",
    "environment": "demo",
    "timestamp": "2026-01-05T14:30:00Z",
    "side": "buy",
    "order_type": "market",
    "quantity": 1,
    "quantity_type": "lots",
    "price_open": 1.1,
    "price_close": 1.2,
    "fees": -1,
    "pnl": 10,
    "state": "closed",
}


def trade(event_id: str = "t-1", **changes: Any) -> dict[str, Any]:
    """A valid event with these changes; a value of None leaves the field out."""
    return {name: value for name, value in {**TRADE, "event_id": event_id, **changes}.items() if value is not None}


@dataclass(frozen=True)
class Answered:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> bytes:
        return gzip.decompress(self.raw) if self.headers.get("content-encoding") == "gzip" else self.raw

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        """Exact: Decimals for fractions, duplicate keys refused."""
        return read_json(self.body)


def answered(outgoing: Outgoing) -> Answered:
    headers = {name.decode(): value.decode() for name, value in outgoing.headers}
    return Answered(outgoing.status, headers, outgoing.body)


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return event


def invoke(function: str, event: Mapping[str, Any], *, is_real: bool = True) -> Answered:
    """What Lambda does: a handler on a v2 event; `is_real`: one that a gateway sends, where the contract holds."""
    result = load_handler(FUNCTIONS / function)(dict(event), Context(function, "lambda-request"))
    body = base64.b64decode(result["body"]) if result["isBase64Encoded"] else result["body"].encode()
    got = Answered(result["statusCode"], {name.lower(): value for name, value in result["headers"].items()}, body)
    if is_real:
        contract.hold(event["requestContext"]["http"]["method"], event["rawPath"], got.status, got.headers, got.body)
    return got


class Caller:
    """An HTTP client whose server is a function call."""

    def __init__(self) -> None:
        self.gateway = Gateway(ROUTES, Guard("127.0.0.1"))

    def __call__(
        self, method: str, target: str, body: bytes | str | Mapping[str, Any] | list[Any] = b"", **headers: str
    ) -> Answered:
        """`target` is path and query as on the wire; header names with _ for -."""
        if isinstance(body, Mapping | list):
            body = json.dumps(body, ensure_ascii=False)
        if isinstance(body, str):
            body = body.encode()
        path, _, query = target.partition("?")
        sent = {"host": "127.0.0.1:9000", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if body and "content-type" not in sent:
            sent["content-type"] = "application/json"
        incoming = Incoming(method, path.encode(), query.encode(), tuple(sent.items()), body)
        got = answered(self.gateway.answer(incoming))
        try:
            contract.hold(method, decoded_path(incoming.raw_path), got.status, got.headers, got.body)
        except BadRequest:  # no path: nothing that could be told of it
            assert got.status == 400
        return got

    def get(self, target: str, **headers: str) -> Answered:
        return self("GET", target, **headers)

    def post(self, event: Mapping[str, Any]) -> Answered:
        return self("POST", "/trade_event", event)

    def store(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Post a batch that must be taken whole."""
        answer = self("POST", "/trade_events", list(events))
        assert answer.status == 200, answer.text


STREAMED = {"sequencer"}  # behind a table's stream: tests/dynamodb/test_stream.py


def folder_names(folder: Path = FUNCTIONS) -> set[str]:
    """All functions, but for those behind a stream."""
    return {path.parent.name for path in folder.glob("*/app.py")} - STREAMED
