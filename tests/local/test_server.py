"""The real server, in processes of its own, over a socket."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.functions.calling import trade

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="speaks to processes by POSIX signals")
PATIENCE = 20.0  # for a loaded machine; nothing is asserted about time


class Running:
    """`python -m trueedge_local serve` on a free port."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        command = [sys.executable, "-m", "trueedge_local", "serve", "--port", "0", "--store", "t.db", *arguments]
        environment = {name: text for name, text in os.environ.items() if not name.startswith("TRUEEDGE_")} | variables
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.said = []  # up to the line that names the URL
        while (line := self.process.stdout.readline()) and "http://" not in line:
            self.said.append(line.strip())
        self.port = int(line.partition("http://")[2].split()[0].rpartition(":")[2]) if line else 0

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(self, method: str, target: str, body: object = None, **headers: str) -> tuple[int, dict[str, object]]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, target, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def workers(self) -> list[int]:
        """The process ids of the workers: the children but for multiprocessing's own resource tracker."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(*arguments: str, **variables: str) -> Running:
        started.append(Running(tmp_path, *arguments, **variables))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_keeps_what_it_was_told(
    workers: str, number: int, start: Callable[..., Running]
) -> None:
    running = start("--workers", workers)
    assert running.ask("POST", "/trade_event", trade("t-1"))[0] == 200
    assert running.ask("GET", "/metrics/overall")[1]["as_of"]["events"] == 1  # type: ignore[index]
    pids = running.workers() if Path("/proc/self").exists() else []
    assert len(pids) == (0 if workers == "1" else 2) or not Path("/proc/self").exists()
    assert running.stop(number) == (0, "")
    assert all(is_gone(pid) for pid in pids)
    again = start()
    assert again.ask("POST", "/trade_event", trade("t-1"))[1]["duplicate"] is True


def test_one_connection_carries_many_requests_a_head_and_a_304(start: Callable[..., Running]) -> None:
    with contextlib.closing(start().connect()) as connection:
        connection.request("GET", "/health")
        first = connection.getresponse()
        body = first.read()
        assert (first.status, len(body)) == (200, int(first.headers["Content-Length"]))
        connection.request("HEAD", "/health")
        head = connection.getresponse()
        assert (head.status, head.read(), head.headers["ETag"]) == (200, b"", first.headers["ETag"])
        connection.request("GET", "/health", headers={"If-None-Match": first.headers["ETag"]})
        unchanged = connection.getresponse()
        assert (unchanged.status, unchanged.read()) == (304, b"")
        connection.request("GET", "/nope")
        assert connection.getresponse().status == 404


def test_a_request_in_hand_is_finished_before_it_stops(start: Callable[..., Running]) -> None:
    running = start()
    body = json.dumps(trade("t-1")).encode()
    head = (
        f"POST /trade_event HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")  # it is being read
        running.process.send_signal(signal.SIGTERM)
        connection.sendall(body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert b'"duplicate":false' in answer
    running.process.communicate(timeout=PATIENCE)
    assert running.process.returncode == 0


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds the workers in /proc")
def test_workers_do_not_outlive_a_parent_that_was_killed(start: Callable[..., Running]) -> None:
    running = start("--workers", "3")
    pids = running.workers()
    assert len(pids) == 3
    running.process.kill()
    assert eventually(lambda: all(is_gone(pid) for pid in pids))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds the workers in /proc")
def test_a_worker_that_dies_is_replaced(start: Callable[..., Running]) -> None:
    running = start("--workers", "2")
    time.sleep(2.5)  # one that dies right after its start is a reason to give up instead
    before = running.workers()
    os.kill(before[0], signal.SIGKILL)
    assert eventually(lambda: len(running.workers()) == 2 and running.workers() != before)
    assert running.ask("GET", "/health")[0] == 200
    code, errors = running.stop()
    assert code == 0
    assert "starting another" in errors


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "trueedge_local", "serve", "--port", str(port), "--store", "t.db"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert done.stdout == ""
    assert (
        done.stderr
        == f"Error: port {port} on 127.0.0.1 is in use: stop what listens there, or choose another with --port\n"
    )


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_file_that_is_no_store_is_one_clear_line(workers: str, tmp_path: Path, start: Callable[..., Running]) -> None:
    (tmp_path / "t.db").write_text("no database" * 1000, encoding="utf-8")
    running = start("--workers", workers)
    _, errors = running.process.communicate(timeout=PATIENCE)
    assert (running.said, running.port, running.process.returncode) == ([], 0, 1)
    assert errors.startswith("Error: ")
    assert errors.count("\n") == 1


def test_a_stream_that_does_not_end_is_cut_off_and_the_server_lives(start: Callable[..., Running]) -> None:
    running = start("--workers", "1")
    with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as connection:
        connection.sendall(b"POST /trade_events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        for _ in range(20):  # 20 MB, of which it takes 6
            connection.sendall(chunk)
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 413")
        connection.sendall(b"0\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")  # the rest was dropped, the connection goes on


def test_a_body_announced_as_too_large_is_refused_before_it_is_sent(start: Callable[..., Running]) -> None:
    running = start("--workers", "1")
    with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as connection:
        connection.sendall(b"POST /trade_events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n")
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(65536)
        head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413")
    assert json.loads(body)["code"] == "too_large"


def test_a_foreign_host_and_a_foreign_origin_are_refused(start: Callable[..., Running]) -> None:
    running = start("--workers", "1", TRUEEDGE_ALLOWED_HOSTS="trades.example, desk.example:8443")
    for host, origin, status in (
        ("evil.example", None, 403),
        ("trades.example", None, 200),
        (f"127.0.0.1:{running.port}", "http://evil.example", 403),
        (f"127.0.0.1:{running.port}", f"http://127.0.0.1:{running.port}", 200),
        (f"127.0.0.1:{running.port}", "https://desk.example:8443", 200),
    ):
        with contextlib.closing(running.connect()) as connection:
            headers = {"Host": host} | ({"Origin": origin} if origin else {})
            connection.request("POST", "/trade_event", json.dumps(trade("t-1")), headers)
            assert connection.getresponse().status == status, (host, origin)


def test_on_an_address_that_others_reach_it_stays_closed_unless_told(start: Callable[..., Running]) -> None:
    opened = start("--host", "0.0.0.0", "--workers", "1", TRUEEDGE_OPEN="1")
    assert opened.ask("GET", "/metrics/overall")[0] == 200
    assert opened.said == []
    closed = start("--host", "0.0.0.0", "--workers", "1")
    assert closed.ask("GET", "/metrics/overall")[0] == 401
    assert closed.ask("GET", "/health")[0] == 200
    key = closed.said[-1]
    assert closed.ask("GET", "/metrics/overall", x_api_key=key)[0] == 200
    assert closed.ask("POST", "/trade_event", trade("t-1"), authorization=f"Bearer {key}")[0] == 200
    assert closed.stop() == (0, "")
    assert start("--host", "0.0.0.0", "--workers", "1").said == []  # shown once


def test_the_log_has_a_line_per_request_only_when_asked(start: Callable[..., Running]) -> None:
    loud, quiet = start("--workers", "1", "--log-level", "info"), start("--workers", "1")
    for running in (loud, quiet):
        running.ask("GET", "/health")
        with contextlib.closing(running.connect()) as connection:
            connection.request("GET", "/health", headers={"Host": "evil.example"})
            assert connection.getresponse().status == 403
    _, errors = loud.stop()
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [(line["message"], line["method"], line["path"], line["status"]) for line in lines] == [
        ("request", "GET", "/health", 200),
        ("request", "GET", "/health", 403),
    ]
    assert lines[0]["request_id"]
    assert quiet.stop() == (0, "")
