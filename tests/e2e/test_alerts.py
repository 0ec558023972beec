"""A real server tells a real receiver: once, signed, through kill -9, and without a trade that waits for it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.docs.test_readme import FENCE, agrees, examples, needs
from tests.e2e.harness import CHECKOUT, Server
from tests.functions.calling import trade

PAGE = CHECKOUT / "docs" / "alerts.md"
SECRET = "correct-horse-battery"


def documented_check() -> Callable[..., bool]:
    """is_from_trueedge, as docs/alerts.md has it."""
    [program] = [block for kind, block in FENCE.findall(PAGE.read_text(encoding="utf-8")) if kind == "python"]
    names: dict[str, Any] = {}
    exec(compile(program, "alerts.md", "exec"), names)
    check: Callable[..., bool] = names["is_from_trueedge"]
    return check


class Receiver:
    """Keeps what came with a signature that the documented check accepts; answers `status`, after `hold` is set."""

    def __init__(self) -> None:
        receiver, check = self, documented_check()
        self.status, self.got, self.forged = 200, list[dict[str, Any]](), 0
        self.hold = threading.Event()
        self.hold.set()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                header = self.headers["TrueEdge-Signature"]
                receiver.forged += not check(SECRET, header, body) or check(SECRET, header, body + b" ")
                receiver.got.append(json.loads(body))
                receiver.hold.wait(30)
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/alerts"

    def types(self) -> list[str]:
        return [body["type"] for body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.hold.set()
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "trueedge.db"


def serving(store: Path, workers: int = 2) -> Server:
    return Server(store, workers, TRUEEDGE_ALERT_NETWORKS="127.0.0.0/8")


def eventually(holds: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def post(server: Server, event_id: str, pnl: int) -> None:
    now = datetime.now(UTC).isoformat()
    with server.client() as client:
        answer = client.post("/trade_event", json.dumps(trade(event_id, account_id="a", pnl=pnl, timestamp=now)))
    assert answer.status == 200, answer.body


def hook(server: Server, url: str) -> None:
    """The account may lose 500 a day; who is told."""
    limits, alert = {"limits": {"daily_loss": 500}}, {"url": url, "secret": SECRET}
    with server.client() as client:
        assert client.request("PUT", "/accounts/a", json.dumps(limits).encode()).status == 200
        assert client.request("PUT", "/accounts/a/alert", json.dumps(alert).encode()).status == 200


def shown(server: Server) -> list[Any]:
    with server.client() as client:
        found: list[Any] = client.get("/accounts/a/alert").json()["alerts"]
    return found


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_breach_is_told_once_signed_as_documented(workers: int, store: Path, receiver: Receiver) -> None:
    with serving(store, workers) as server:
        hook(server, receiver.url)
        assert eventually(lambda: receiver.types() == ["test"])
        post(server, "t-1", -300)
        post(server, "t-2", -250)
        assert eventually(lambda: len(receiver.got) == 2)
        post(server, "t-3", -100)
        assert eventually(lambda: [one["told_at"] is not None for one in shown(server)] == [True, True])
        assert server.stop() == 0
        assert server.output().count("\n") == 6  # what a start says, and nothing else
    assert not store.with_name("trueedge.db-wal").exists()
    [_, breach] = receiver.got
    assert (breach["limit"], breach["amount"], receiver.forged) == ("daily_loss", 500, 0)
    assert breach["used"] == 550


@pytest.mark.slow
def test_it_survives_kill_9_and_is_told_by_the_next_server(store: Path, receiver: Receiver) -> None:
    receiver.status = 503
    with serving(store) as server:
        hook(server, receiver.url)
        post(server, "t-1", -600)
        assert eventually(lambda: set(receiver.types()) == {"test", "limit_reached"})
        server.kill()
    receiver.status = 200
    receiver.got.clear()
    with serving(store) as server:
        assert eventually(lambda: [one["told_at"] is not None for one in shown(server)] == [True, True])
        assert sorted(receiver.types()) == ["limit_reached", "test"]
        assert receiver.forged == 0


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_receiver_that_hangs_holds_up_no_trade(workers: int, store: Path, receiver: Receiver) -> None:
    receiver.hold.clear()
    with serving(store, workers) as server:
        hook(server, receiver.url)
        assert eventually(lambda: receiver.types() == ["test"])  # and now it waits for the answer
        for n in range(50):
            post(server, f"t-{n}", -1)
        assert receiver.types() == ["test"]
        assert shown(server)[0]["told_at"] is None


def test_an_address_inside_is_not_reached_unless_it_was_allowed(store: Path, receiver: Receiver) -> None:
    with Server(store) as server:
        hook(server, receiver.url)
        assert eventually(lambda: bool(shown(server)) and shown(server)[0]["last_error"] is not None)
        assert "TRUEEDGE_ALERT_NETWORKS" in shown(server)[0]["last_error"]
    assert receiver.got == []


def test_the_examples_of_the_page_are_true(tmp_path: Path) -> None:
    needs("curl")
    with Server(tmp_path / "trueedge.db") as server:
        found = [one for one in examples(PAGE) if one.language == "sh"]
        assert len(found) == 2
        assert agrees(found[0].output, found[0].run(server.port, tmp_path))
        assert json.loads(found[1].run(server.port, tmp_path))["url"] == "https://desk.example/trueedge"


def test_the_documented_check_refuses_what_is_not_ours_or_old() -> None:
    check = documented_check()
    header = "t=1767623530,v1=c2b1604c73444f37"
    assert not check("0123456789abcdef", header, b"{}", now=1767623530)
    from trueedge_core.services.alerts import signature

    good = signature("0123456789abcdef", 1767623530, b"{}")
    assert check("0123456789abcdef", good, b"{}", now=1767623600)
    assert check("0123456789abcdef", f"{good},v2=later", b"{}", now=1767623600)
    for wrong in (
        ("0123456789abcdeF", good, b"{}", 1767623600),
        ("0123456789abcdef", good, b"{} ", 1767623600),
        ("0123456789abcdef", good.replace("t=17", "t=18"), b"{}", 1767623600),
        ("0123456789abcdef", good, b"{}", 1767624600),
        ("0123456789abcdef", good, b"{}", 1767622600),
        ("0123456789abcdef", "", b"{}", 1767623600),
        ("0123456789abcdef", "t=x,v1=é", b"{}", 1767623600),
    ):
        assert not check(*wrong)
