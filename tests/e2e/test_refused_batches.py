"""Batches and sizes: what is refused as a whole, what row by row, and that nothing changes by it."""

import gzip
import json
import socket
from collections.abc import Iterator

import pytest

from tests.e2e.harness import Client, Server
from tests.e2e.refusing import BROKEN, SEEDED, nothing_changes, seeded_server
from tests.e2e.samples import error_of, raw_event

pytestmark = pytest.mark.xdist_group("refusals")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with seeded_server(tmp_path_factory.mktemp("refusals")) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with nothing_changes(server) as client:
        yield client


# --- batches ----------------------------------------------------------------------------------------------------------


def test_a_batch_says_for_each_event_what_became_of_it(client: Client) -> None:
    rows = [SEEDED[0], raw_event("a", 99), raw_event("new", "x"), SEEDED[1]]
    for body in (
        "[" + ",".join(rows) + "]",
        '{"events": [' + ",".join(rows) + "]}",
        "\n".join(rows),
        "\r\n".join(rows) + "\r\n",
    ):
        answer = client.post("/trade_events", body, "text/plain")
        assert answer.status == 207, answer.body
        got = answer.json()
        assert got["status"] == "partial"
        assert [r["result"] for r in got["results"]] == ["duplicate", "conflict", "invalid", "duplicate"]
        assert "pnl" in json.dumps(got["results"][2])


def test_an_unreadable_ndjson_line_is_one_invalid_row(client: Client) -> None:
    answer = client.post("/trade_events", SEEDED[0] + "\n{broken\n" + SEEDED[1] + "\n")
    assert answer.status == 207, answer.body
    assert [r["result"] for r in answer.json()["results"]] == ["duplicate", "invalid", "duplicate"]


@pytest.mark.parametrize("body", ["", "[]", '{"events": []}', "\n\n", "[1, null]", '{"events": 5}', '{"trades": []}'])
def test_a_batch_of_which_nothing_is_taken_is_refused(client: Client, body: str) -> None:
    answer = client.post("/trade_events", body)
    assert answer.status == 400, answer.body
    assert answer.json()["status"] == "error"


def test_a_batch_of_wrong_events_only_is_refused_row_by_row(client: Client) -> None:
    answer = client.post("/trade_events", f"[{raw_event('a', 99)}, {raw_event('new', 'x')}]")
    assert answer.status == 400, answer.body
    assert [r["result"] for r in answer.json()["results"]] == ["conflict", "invalid"]


@pytest.mark.parametrize("name", [n for n in BROKEN if n not in ("nothing", "an array", "two objects")])
def test_a_broken_event_does_not_enter_by_a_batch_either(client: Client, name: str) -> None:
    for body in (b"[" + BROKEN[name] + b"]", b'{"events": [' + BROKEN[name] + b"]}", BROKEN[name] + b"\n"):
        answer = client.post("/trade_events", body)
        assert answer.status == 400, (body[:100], answer.status, answer.body[:300])
        assert answer.json()["status"] == "error"


# --- size -------------------------------------------------------------------------------------------------------------


def test_an_event_over_60_kb_is_too_large(client: Client) -> None:
    error_of(client.post("/trade_event", raw_event("new", note="x" * 62_000)), 413, "too_large")
    error_of(client.post("/trade_event", b" " * 5_000_000), 413, "too_large")


def test_an_event_over_60_kb_is_an_invalid_row_of_a_batch(client: Client) -> None:
    body = f"[{SEEDED[0]}, {raw_event('new', note='x' * 62_000)}]"
    answer = client.post("/trade_events", body)
    assert answer.status == 207, answer.body[:300]
    assert [r["result"] for r in answer.json()["results"]] == ["duplicate", "invalid"]


def test_more_than_a_thousand_events_are_too_many(client: Client) -> None:
    rows = [raw_event(f"new-{n}") for n in range(1001)]
    error_of(client.post("/trade_events", "[" + ",".join(rows) + "]"), 413, "too_large")
    error_of(client.post("/trade_events", "\n".join(rows)), 413, "too_large")


def test_a_batch_over_4_mb_is_too_large(client: Client) -> None:
    rows = [raw_event(f"new-{n}", note="x" * 5_000) for n in range(900)]
    error_of(client.post("/trade_events", "[" + ",".join(rows) + "]"), 413, "too_large")


def test_a_body_that_never_ends_is_cut_off(server: Server, client: Client) -> None:
    """200 MB announced: refused without being read to the end, or the connection is closed; the server lives."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
        raw.sendall(b"POST /trade_events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 200000000\r\n\r\n")
        sent, chunk = 0, b"[" * 65536
        try:
            while sent < 60_000_000:
                raw.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass
        else:
            raw.shutdown(socket.SHUT_WR)
            assert b" 413 " in raw.recv(4096).split(b"\r\n")[0] + b" "
    assert client.get("/health").status == 200


def test_a_compressed_body_is_not_taken_for_json(client: Client) -> None:
    body = gzip.compress(raw_event("new").encode())
    answer = client.request("POST", "/trade_event", body, {"Content-Encoding": "gzip"})
    assert answer.status in (400, 415), answer.body
    error_of(answer, answer.status)
