"""The server as a process, a small HTTP client, and the real trades as the bytes that lie in the files."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

CHECKOUT = Path(__file__).resolve().parents[2]
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")


class Number(str):
    """A JSON number as it was spelled in the answer: money is compared by its digits, not by a parsed value."""

    __slots__ = ()


def parse(body: bytes) -> Any:
    """JSON whose numbers keep their spelling (see Number)."""
    return json.loads(body, parse_float=Number, parse_int=Number, parse_constant=_refuse)


def _refuse(token: str) -> None:
    raise AssertionError(f"{token} is not JSON")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return parse(self.body)


class Client:
    """One keep-alive connection. A connection that the server closed while idle is opened anew, once."""

    def __init__(self, port: int, timeout: float = 60) -> None:
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        reused = self.connection.sock is not None
        try:
            return self._once(method, path, body, headers or {})
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.connection.close()
            if not reused:
                raise
            return self._once(method, path, body, headers or {})

    def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        self.connection.putrequest(
            method, path, skip_host="Host" in headers, skip_accept_encoding="Accept-Encoding" in headers
        )
        for name, value in headers.items():
            self.connection.putheader(name, value)
        if body is not None:
            self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body)
        response = self.connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())

    def get(self, path: str, query: Mapping[str, Any] | None = None, **headers: str) -> Answer:
        return self.request(
            "GET", url(path, query), headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    def post(self, path: str, body: bytes | str, content_type: str = "application/json") -> Answer:
        raw = body.encode() if isinstance(body, str) else body
        return self.request("POST", path, raw, {"Content-Type": content_type})


def url(path: str, query: Mapping[str, Any] | None = None) -> str:
    return path + ("?" + urlencode({k: str(v) for k, v in query.items()}, quote_via=quote) if query else "")


def segment(text: str) -> str:
    """One path segment, percent-encoded."""
    return quote(text, safe="")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k in KEPT_VARIABLES}


def administer(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run one of the administrator's commands to its end."""
    return subprocess.run(
        [sys.executable, "-m", "trueedge_local", *arguments],
        cwd=CHECKOUT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
    )


def store_url(path: Path) -> str:
    return f"sqlite:///{path}"


class Server:
    """`python -m trueedge_local serve` over one store file, in its own process group; on a free port by default."""

    def __init__(self, store: Path, workers: int = 2, under: Sequence[str] = (), port: int | None = None) -> None:
        self.store = store
        self.port = port or free_port()
        self.log = store.with_name(f"server-{self.port}.log")
        command = [
            *under,
            *(sys.executable, "-m", "trueedge_local", "serve"),
            *("--store", store_url(store), "--port", str(self.port), "--workers", str(workers)),
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> "Server":
        try:
            self.wait_until_it_answers()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until_it_answers(self, seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.output()}")
            with contextlib.suppress(OSError, http.client.HTTPException), Client(self.port, 5) as client:
                if client.get("/health").status == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"no answer from /health within {seconds} s:\n{self.output()}")

    def output(self) -> str:
        return self.log.read_text(errors="replace")[-8000:]

    def client(self) -> Client:
        return Client(self.port)

    def stop(self) -> int:
        """SIGTERM to the process that was started, as a service manager does; then nothing of it may be left."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the server was still there 30 s after SIGTERM:\n{self.output()}") from None
        self._wait_until_the_group_is_gone()
        return self.process.returncode

    def kill(self) -> None:
        """kill -9 of every process of the server at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._wait_until_the_group_is_gone()

    def _wait_until_the_group_is_gone(self, seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        raise AssertionError("a worker outlived the server")


# --- real trades ------------------------------------------------------------------------------------------------------


def raw_lines(folder: Path, pattern: str = "*/trades.jsonl") -> list[str]:
    """Every line of every such file under `folder`, as it lies there."""
    return [line for path in sorted(folder.glob(pattern)) for line in path.read_text(encoding="utf-8").splitlines()]


# --- posting from several processes -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Post:
    """One request that a poster process sends: a single event, or a batch in one of the three spellings."""

    kind: str  # single | array | wrapped | ndjson
    events: Sequence[str]

    def line(self) -> str:
        return json.dumps({"kind": self.kind, "events": list(self.events)}) + "\n"


class Poster:
    """A client process that sends its posts in order and writes one line per answer, after it has the whole answer."""

    def __init__(self, port: int, posts: Sequence[Post], folder: Path, name: str) -> None:
        plan, self.answers_file = folder / f"{name}.plan", folder / f"{name}.answers"
        plan.write_text("".join(post.line() for post in posts), encoding="utf-8")
        self.posts = posts
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.poster", str(port), str(plan), str(self.answers_file)],
            cwd=CHECKOUT,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
        )

    def wait(self, seconds: float = 600) -> "Poster":
        code = self.process.wait(seconds)
        assert code == 0, f"a poster process ended with {code}"
        return self

    def answers(self) -> list[dict[str, Any]]:
        """`{"status", "answer"}` of every post that was answered, in order; a torn last line is left out."""
        if not self.answers_file.exists():
            return []
        text = self.answers_file.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def post_all(port: int, plans: Sequence[Sequence[Post]], folder: Path) -> list[dict[str, Any]]:
    """Send the plans, each from its own process, all at once; all posts must be answered. The answers, in order."""
    posters = [Poster(port, plan, folder, f"poster-{port}-{number}") for number, plan in enumerate(plans)]
    try:
        answers = [poster.wait().answers() for poster in posters]
    finally:
        for poster in posters:
            poster.process.kill()
            poster.process.wait()
    for plan, got in zip(plans, answers, strict=True):
        assert len(got) == len(plan), f"{len(plan) - len(got)} posts were not answered"
    return [answer for got in answers for answer in got]


def pages(client: Client, path: str, query: Mapping[str, Any], limit: int) -> Iterator[Any]:
    """Every page of a listing, by its `next_cursor`, to the last."""
    cursor: str | None = None
    while True:
        answer = client.get(path, {**query, "limit": limit} | ({"cursor": cursor} if cursor else {}))
        assert answer.status == 200, answer.body
        page = answer.json()
        yield page
        cursor = page["next_cursor"]
        if cursor is None:
            return


def listed(client: Client, query: Mapping[str, Any], limit: int) -> Iterator[Any]:
    """Every row of GET /trade_events, newest first."""
    for page in pages(client, "/trade_events", query, limit):
        yield from page["trades"]
