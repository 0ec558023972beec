"""Events that must be refused, how the server says so, and that nothing changes by it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.harness import Client, Number, Server, listed
from tests.e2e.refusing import BROKEN, SEEDED, nothing_changes, seeded_server
from tests.e2e.samples import dump, error_of, post_ok, raw_event

pytestmark = pytest.mark.xdist_group("refusals")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with seeded_server(tmp_path_factory.mktemp("refusals")) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with nothing_changes(server) as client:
        yield client


# --- the same id again ------------------------------------------------------------------------------------------------


def test_the_same_event_again_is_a_duplicate_and_fine(client: Client) -> None:
    for raw in SEEDED:
        post_ok(client, raw, duplicate=True)


EQUAL = {
    "another key order": dump(dict(reversed(json.loads(SEEDED[0], parse_float=Number, parse_int=Number).items()))),
    "another spelling of decimals": raw_event("a", Number("10.2500"), price_open="1.10", quantity=Number("1.0e0")),
    "another offset": raw_event("a", "10.25", "2024-03-05 12:00:00+02:00"),
    "no offset": raw_event("a", "10.25", "2024-03-05T10:00:00"),
    "absent as null": raw_event("a", "10.25", currency=None, tags=None, metadata=None, opened_at=None),
}


@pytest.mark.parametrize("raw", EQUAL.values(), ids=EQUAL.keys())
def test_an_equal_event_in_another_spelling_is_a_duplicate(client: Client, raw: str) -> None:
    post_ok(client, raw, duplicate=True)


OTHER: dict[str, dict[str, Any]] = {
    "pnl": {"pnl": Number("10.250000000000000000000000001")},
    "time": {"timestamp": "2024-03-05T10:00:00.000001Z"},
    "strategy": {"strategy_id": "another"},
    "environment": {"environment": "live"},
    "currency": {"currency": "USD"},
    "an unknown key": {"comment": "new"},
    "metadata": {"metadata": {"k": 1}},
    "state": {"state": "open"},
}


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER.keys())
def test_other_content_under_a_known_id_is_a_conflict(client: Client, change: dict[str, Any]) -> None:
    error = error_of(client.post("/trade_event", raw_event("a", **{"pnl": "10.25", **change})), 409, "conflict")
    assert "a" in error["message"]


def test_the_conflict_of_one_ticket_used_for_open_and_close_names_linked_position_id(client: Client) -> None:
    error = error_of(client.post("/trade_event", raw_event("c", 5, "2024-03-08T10:00:00Z")), 409, "conflict")
    assert "linked_position_id" in error["message"]


# --- invalid events ---------------------------------------------------------------------------------------------------

WRONG: list[tuple[str, Any]] = [
    *((name, "") for name in ("event_id", "account_id", "strategy_id", "venue", "symbol")),
    *((name, 5) for name in ("event_id", "account_id", "strategy_id", "venue", "symbol")),
    ("event_id", "x" * 129),
    ("event_id", "é" * 65),  # 130 bytes of UTF-8
    ("account_id", " padded"),
    ("account_id", "line\nbreak"),
    ("strategy_id", "nul\x00"),
    ("symbol", None),
    ("environment", "paper"),
    ("environment", "LIVE "),
    ("timestamp", "yesterday"),
    ("timestamp", "2024-02-30T00:00:00Z"),
    ("timestamp", "1969-12-31T23:59:59Z"),
    ("timestamp", "2999-01-01T00:00:00Z"),
    ("timestamp", 1709632800),
    ("timestamp", "2024-03-05T10:00:00.1234567Z"),
    ("side", "long"),
    ("order_type", ""),
    ("order_type", "x" * 33),
    ("quantity", 0),
    ("quantity", -1),
    ("quantity", True),
    ("quantity", "one"),
    ("quantity_type", "contracts"),
    ("price_open", None),
    ("price_open", "1,5"),
    ("price_open", Number("1e20")),
    ("price_close", None),  # the event is closed
    ("fees", False),
    ("fees", "NaN"),
    ("fees", "Infinity"),
    ("pnl", None),
    ("pnl", []),
    ("pnl", Number("1e21")),
    ("pnl", Number("1e-41")),
    ("pnl", "1" * 41),
    ("pnl", Number("0." + "1" * 41)),
    ("pnl", "-100000000000000000000"),
    ("pnl", Number("1e999999999")),
    ("pnl", "1e-999999999"),
    ("pnl", " 1"),
    ("pnl", "1_000"),
    ("pnl", "٣"),  # a digit to Python, not to JSON
    ("pnl", "0x10"),
    ("state", "closing"),
    ("linked_position_id", 7),
    ("opened_at", "soon"),
    ("currency", "usd"),
    ("currency", "US"),
    ("currency", "X" * 13),
    ("initial_risk", 0),
    ("initial_risk", "-5"),
    ("tags", "one"),
    ("tags", ["x"] * 33),
    ("tags", ["x" * 65]),
    ("tags", [1]),
    ("metadata", []),
    ("metadata", {"k": "x" * 17_000}),
]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=[f"{f}={str(v)[:24]!r}" for f, v in WRONG])
def test_a_wrong_field_is_named(client: Client, field: str, value: Any) -> None:
    error = error_of(client.post("/trade_event", raw_event("new", **{field: value})), 400, "invalid_event")
    assert {e["field"].split(".")[0].split("[")[0] for e in error["errors"]} == {field}


REQUIRED = (
    "event_id", "account_id", "strategy_id", "environment", "venue", "timestamp", "symbol", "side", "order_type",
    "quantity", "quantity_type", "price_open", "price_close", "fees", "pnl", "state",
)  # fmt: skip


def test_every_missing_field_is_named_at_once(client: Client) -> None:
    error = error_of(client.post("/trade_event", "{}"), 400, "invalid_event")
    assert {e["field"] for e in error["errors"]} >= set(REQUIRED) - {"price_close", "pnl"}  # asked for by `state`


@pytest.mark.parametrize("field", REQUIRED)
def test_a_missing_field_is_named(client: Client, field: str) -> None:
    error = error_of(client.post("/trade_event", raw_event("new", **{field: ...})), 400, "invalid_event")
    assert field in {e["field"] for e in error["errors"]}


def test_all_wrong_fields_are_named_at_once(client: Client) -> None:
    bad = {
        "quantity": "zero", "side": "up", "timestamp": "now", "fees": True, "environment": "x", "tags": 3, "symbol": "",
        "currency": "eur", "price_open": Number("1e999999999"),
    }  # fmt: skip
    error = error_of(client.post("/trade_event", raw_event("new", **bad)), 400, "invalid_event")
    assert {e["field"] for e in error["errors"]} == set(bad)


# --- what is no JSON, or not the JSON that is taken ----------------------------------------------------------------


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_not_an_event_in_json_is_refused(client: Client, body: bytes) -> None:
    error = error_of(client.post("/trade_event", body), 400)
    assert error["code"] in ("invalid_json", "invalid_event")
    assert len(json.dumps(error)) < 4000  # a flood is not echoed


@pytest.mark.parametrize("exponent", ["1e999999999", "-1E+999999999", "1e-999999999", "1e99999999999999999999"])
def test_a_monstrous_exponent_is_refused_by_its_digits(client: Client, exponent: str) -> None:
    error = error_of(client.post("/trade_event", raw_event("new", Number(exponent))), 400)
    # beyond what any decimal holds there is no field to judge: the reader refuses, and says where
    assert [e["field"] for e in error["errors"]] == ["pnl"] or "column" in error["message"]
    error_of(client.post("/trade_event", raw_event("new", exponent)), 400, "invalid_event")
    in_metadata = client.post("/trade_event", raw_event("new", "x", metadata={"n": Number(exponent)}))
    error_of(in_metadata, 400)  # pnl is wrong; the exponent in metadata must not break the reader


def test_the_refused_events_are_not_in_the_listing(client: Client) -> None:
    seen = json.dumps(list(listed(client, {}, 100)))
    assert '"new' not in seen
