"""A server to talk to over a real socket: it stores events as TRUEEDGE does, and fails as it is told to."""

import json
import logging
import os
import socket
import sys
import tempfile
import threading
import unittest
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PACKAGE = Path(__file__).resolve().parents[1]
if str(PACKAGE) not in sys.path:
    sys.path.insert(0, str(PACKAGE))


def trade(number=1, **changes):
    """A valid trade; `changes` on top, a value of ... takes the field out."""
    fields = {
        "event_id": f"e-{number}",
        "account_id": "a",
        "strategy_id": "s",
        "environment": "demo",
        "venue": "test",
        "symbol": "EURUSD",
        "timestamp": "2026-01-05T14:32:10Z",
        "side": "buy",
        "order_type": "market",
        "quantity": "0.10",
        "quantity_type": "lots",
        "price_open": "1.0843",
        "price_close": "1.0861",
        "fees": "-0.70",
        "pnl": "17.30",
        "currency": "USD",
        "state": "closed",
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not ...}


class Server:
    """`answers` are given first, in order: (status, headers, body), or "drop" to close the connection unanswered."""

    def __init__(self):
        self.answers = []
        self.events = {}
        self.posts = []  # the events of each batch, as texts
        self.requests = []  # (method, path, headers)
        self.gets = {}  # path -> function of the query, which gives (status, headers, body)
        self.hold = threading.Event()  # while it is clear no POST is answered
        self.hold.set()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.requests.append(("POST", self.path, dict(self.headers)))
                owner.hold.wait(20)
                if owner.answers:
                    return self.say(owner.answers.pop(0))
                lines = body.decode().splitlines()
                owner.posts.append(lines)
                self.say(owner.take(lines))

            def do_GET(self):
                owner.requests.append(("GET", self.path, dict(self.headers)))
                if owner.answers:
                    return self.say(owner.answers.pop(0))
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.say(owner.gets[parts.path](query))

            def say(self, answer):
                if answer == "drop":
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, headers, body = answer
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that was killed

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def take(self, lines):
        rows = []
        for index, line in enumerate(lines):
            event = json.loads(line)
            name = event["event_id"]
            if event.get("symbol") == "REFUSED":
                rows.append({"index": index, "event_id": name, "result": "invalid", "message": "refused by the test"})
            elif event.get("symbol") == "FOREIGN":
                rows.append({"index": index, "event_id": name, "result": "forbidden", "message": "another account"})
            elif name not in self.events:
                self.events[name] = event
                rows.append({"index": index, "event_id": name, "result": "stored"})
            elif self.events[name] == event:
                rows.append({"index": index, "event_id": name, "result": "duplicate"})
            else:
                rows.append({"index": index, "event_id": name, "result": "conflict", "message": "other content"})
        taken = sum(row["result"] in ("stored", "duplicate") for row in rows)
        status = 200 if taken == len(rows) else 207 if taken else 400
        return status, {}, {"status": {200: "ok", 207: "partial"}.get(status, "error"), "results": rows}

    def close(self):
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def environment(**changes):
    before = {name: os.environ.get(name) for name in changes}
    for name, value in changes.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


logging.getLogger("trueedge").setLevel(logging.CRITICAL)


class Case(unittest.TestCase):
    """A test with a server, a folder for the outbox, and a quiet log."""

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        place = tempfile.TemporaryDirectory(prefix="trueedge-test-")
        self.addCleanup(place.cleanup)
        self.folder = Path(place.name) / "outbox"
        kept = environment(TRUEEDGE_URL=None, TRUEEDGE_KEY=None, TRUEEDGE_OUTBOX=None)
        kept.__enter__()
        self.addCleanup(kept.__exit__, None, None, None)

    def client(self, **options):
        from trueedge import TrueEdge

        client = TrueEdge(options.pop("url", self.server.url), **{"outbox": self.folder, **options})
        self.addCleanup(client.close, 0)
        return client

    def letters(self):
        path = self.folder / "refused.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
