"""The small store that must not change, whatever is refused: three events, and the reads that would show a change."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.harness import Client, Number, Server
from tests.e2e.samples import post_ok, raw_event

SEEDED = [
    raw_event("a", "10.25"),
    raw_event("b", -3, "2024-03-06T10:00:00Z", environment="live"),
    raw_event("c", None, "2024-03-07T10:00:00Z", state="open", price_close=None),
]
READS = ("/metrics/overall", "/metrics/by_strategy", "/metrics/by_account", "/metrics/equity_curve", "/trade_events")

# What is not one event in JSON, whatever the reason.
BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "half an object": b'{"event_id": "x"',
    "text after it": raw_event("new").encode() + b" x",
    "two objects": raw_event("new").encode() + raw_event("new2").encode(),
    "NaN": raw_event("new", Number("NaN")).encode(),
    "Infinity": raw_event("new", Number("-Infinity")).encode(),
    "duplicate key": raw_event("new").replace("{", '{"pnl": 7, ', 1).encode(),
    "duplicate key inside": raw_event("new", metadata=Number('{"a": 1, "a": 2}')).encode(),
    "bad UTF-8": raw_event("new", symbol="EURUSD").encode().replace(b"EURUSD", b"EUR\xff\xfe"),
    "UTF-16": raw_event("new").encode("utf-16"),
    "overlong UTF-8": raw_event("new", symbol="EURUSD").encode().replace(b"EURUSD", b"EUR\xc0\xaf"),
    "a lone surrogate": raw_event("new", symbol=Number('"\\ud800"')).encode(),
    "a lone surrogate in a key": raw_event("new", metadata=Number('{"\\udfff": 1}')).encode(),
    "100,000 brackets": b"[" * 100_000,
    "30,000 brackets": b"[" * 30_000,
    "50,000 brackets inside": raw_event("new", metadata=Number("[" * 25_000 + "]" * 25_000)).encode(),
    "nesting over 32": raw_event("new", metadata=Number('{"a":' + "[" * 40 + "]" * 40 + "}")).encode(),
    "an integer of 5,000 digits": raw_event("new", metadata={"n": Number("9" * 5000)}).encode(),
    "a pnl of 5,000 digits": raw_event("new", Number("9" * 5000)).encode(),
    "an array": f"[{raw_event('new')}]".encode(),
    "a string": b'"trade"',
    "a number": b"1",
    "null": b"null",
    "a comment": b"/* hi */ " + raw_event("new").encode(),
    "a trailing comma": raw_event("new").encode()[:-1] + b",}",
    "a leading zero": raw_event("new", Number("007")).encode(),
    "a plus sign": raw_event("new", Number("+7")).encode(),
    "a control character": raw_event("new", symbol=Number('"a\tb"')).encode(),
}


@contextmanager
def seeded_server(folder: Path) -> Iterator[Server]:
    with Server(folder / "refusals.db", workers=1) as server:
        with server.client() as client:
            for raw in SEEDED:
                post_ok(client, raw)
        yield server


@contextmanager
def nothing_changes(server: Server) -> Iterator[Client]:
    """A client; afterwards the server lives and every answer about the store is the very bytes it was before."""
    with server.client() as client:
        before = [client.get(path).body for path in READS]
        yield client
    with server.client() as fresh:
        assert fresh.get("/health").status == 200
        assert [fresh.get(path).body for path in READS] == before
