"""HTTP to a TRUEEDGE server: one try, or tries until it works.

    transport = Transport("http://127.0.0.1:9000", key)
    rows = transport.post_batch([b'{"event_id": ...}', ...])   # a row of `results` for each line, in order

Standard library only: keep-alive by http.client, TLS verified, gzip answers, the key in `X-API-Key` and nowhere else.
"""

from __future__ import annotations

import codecs
import http.client
import json
import os
import random
import ssl
import sys
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from .errors import ServerRefused, TrueEdgeError, Unreachable
from .version import __version__

T = TypeVar("T")

MAX_BATCH_EVENTS = 1_000
MAX_BATCH_BYTES = 4 * 1024 * 1024
USER_AGENT = f"trueedge-python/{__version__} Python/{sys.version_info[0]}.{sys.version_info[1]}"

# Else imported by the first connection, in a thread; a fork in that moment leaves the child without it for ever.
for _name in ("idna", "iso-8859-1", "ascii"):
    codecs.lookup(_name)

_MAX_ANSWER_BYTES = 256 * 1024 * 1024  # a page is at most 4 MB; this is against a server that is not ours
_RETRIED = (408, 425, 429)  # and every 5xx
_CONNECTION_WAS_CLOSED = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Answer(NamedTuple):
    """A whole answer; header names in lower case, the body unzipped."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON with exact numbers (Decimal and int). Raises: Unreachable when it is not JSON."""
        try:
            return json.loads(self.body.decode("utf-8"), parse_float=Decimal)
        except (ValueError, RecursionError):
            raise Unreachable(f"the answer ({self.status}) is not JSON: {_glimpse(self.body)}") from None


class Backoff:
    """How long to wait before the next try: random in [0, top], with top doubling from `first` to `most` seconds."""

    def __init__(self, first: float = 0.5, most: float = 30.0) -> None:
        self.first = first
        self.most = most
        self.failures = 0

    def next(self, at_least: float | None = None) -> float:
        """Seconds to wait now. With `at_least` (a Retry-After) that long, and up to a tenth more."""
        top = min(self.most, self.first * 2.0 ** min(self.failures, 30))
        self.failures += 1
        if at_least is not None:
            return at_least * random.uniform(1.0, 1.1)
        return random.uniform(0.0, top)

    def reset(self) -> None:
        self.failures = 0


class Transport:
    """A server's address and a key. Threads may share one (each has its own connection); it survives a fork.

    `timeout`: seconds without a byte before a try is given up. `patience`: seconds that `post_batch` and `get` go on
    trying when there is no usable answer; 0 is one try, None for ever. `wait(seconds)` is called between tries, and
    may raise to end them.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 30.0,
        patience: float | None = 120.0,
        ca_file: str | os.PathLike[str] | None = None,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self.url = checked_url(url)
        self.key = checked_key(key)
        self.timeout = timeout
        self.patience = patience
        self._wait = wait
        parts = urlsplit(self.url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._base = parts.path
        self._tls = ssl.create_default_context(cafile=ca_file) if self._secure else None
        self._connections = threading.local()

    def __repr__(self) -> str:
        return f"Transport({self.url!r}, key={'***' if self.key else None})"

    def close(self) -> None:
        """Close this thread's connection; the next request opens another."""
        connection = getattr(self._connections, "connection", None)
        if connection is not None:
            connection.close()
        self._connections.connection = None

    # --- one try ----------------------------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request and its answer, whatever its status. Query values that are None are left out.

        Raises: Unreachable when there was no whole answer.
        """
        target = self._base + path
        given = {name: str(value) for name, value in (query or {}).items() if value is not None}
        if given:
            target += "?" + urlencode(given, quote_via=quote)
        sent = {"Accept-Encoding": "gzip", "User-Agent": USER_AGENT, **(headers or {})}
        if self.key:
            sent["X-API-Key"] = self.key
        connection, is_reused = self._connection()
        try:
            return self._exchange(connection, method, target, body, sent)
        except _CONNECTION_WAS_CLOSED as error:
            self.close()
            if not is_reused:
                raise self._unreachable(error) from error
        except (OSError, http.client.HTTPException, zlib.error) as error:
            self.close()
            raise self._unreachable(error) from error
        except BaseException:  # Ctrl-C in the middle: the rest of the answer must not be read as the next one
            self.close()
            raise
        # It had been closed while it was idle. Every request of ours may be sent twice.
        try:
            return self._exchange(self._connection()[0], method, target, body, sent)
        except (OSError, http.client.HTTPException, zlib.error) as error:
            self.close()
            raise self._unreachable(error) from error
        except BaseException:
            self.close()
            raise

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """This thread's connection, and whether it has been used before. One made before a fork is the parent's."""
        mine = self._connections
        connection: http.client.HTTPConnection | None = getattr(mine, "connection", None)
        if connection is not None and mine.process == os.getpid() and connection.sock is not None:
            return connection, True
        self.close()
        if self._tls is not None:
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=self.timeout, context=self._tls)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self.timeout)
        mine.connection, mine.process = connection, os.getpid()
        return connection, False

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        try:
            connection.request(method, target, body, dict(headers))
        except (BrokenPipeError, ConnectionResetError) as error:
            try:  # who finds a body too large may answer and close before it has read it all
                response = connection.getresponse()
            except (OSError, http.client.HTTPException):
                raise error from None
        else:
            response = connection.getresponse()
        raw = _whole_body(response)
        if response.will_close:
            self.close()
        found = {name.lower(): value for name, value in response.getheaders()}
        if found.get("content-encoding", "").lower() == "gzip":
            raw = _unzipped(raw)
        return Answer(response.status, found, raw)

    def _unreachable(self, error: BaseException) -> Unreachable:
        where = f"{'https' if self._secure else 'http'}://{self._host}:{self._port}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return Unreachable(f"{where}: the certificate is not good: {error.verify_message}", can_succeed=False)
        if isinstance(error, ssl.SSLError):
            return Unreachable(f"{where}: TLS failed ({error.reason or error}); is it an http:// address?")
        if isinstance(error, TimeoutError) or str(error) == "timed out":
            return Unreachable(f"{where}: no answer within {self.timeout:g} s")
        if isinstance(error, ConnectionRefusedError):
            return Unreachable(f"{where}: nothing listens there (connection refused)")
        return Unreachable(f"{where}: {str(error) or type(error).__name__}")

    # --- tries until it works ---------------------------------------------------------------------------------------

    def get(
        self, path: str, query: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A 200 (or a 304). Retries what can succeed.

        Raises: ServerRefused on any other answer; Unreachable when patience is over.
        """
        return self.patiently(lambda: settled(self.request("GET", path, query, headers=headers)))

    def post_json(self, path: str, value: Any) -> Any:
        """The answer to a small JSON body, as JSON; retries and raises as `get` does."""
        body = json.dumps(value).encode()
        sent = {"Content-Type": "application/json"}
        return self.patiently(lambda: settled(self.request("POST", path, body=body, headers=sent)).json())

    def post_batch(self, lines: Sequence[bytes]) -> list[dict[str, Any]]:
        """POST /trade_events: the row of `results` for each event, in order; `index` is the place in `lines`.

        `lines`: 1 to 1,000 events as JSON, at most 4 MB with a line break each; none may hold a line break or be blank.
        A row that says `conflict`, `invalid` or `forbidden` is an answer, not an error. Retries what can succeed, with
        growing, jittered pauses or the server's Retry-After; a body that is too large for something on the way is sent
        in halves.

        Raises: ServerRefused when the request as a whole was refused (401: the key; 404: the address); Unreachable when
        patience is over. Nothing is half-known then: sending the same again is safe.
        """
        if not lines:
            return []
        return self.patiently(lambda: self.try_batch(lines))

    def try_batch(self, lines: Sequence[bytes]) -> list[dict[str, Any]]:
        """As `post_batch`, but one try."""
        body = b"\n".join(lines) + b"\n"
        answer = self.request("POST", "/trade_events", body=body, headers={"Content-Type": "application/x-ndjson"})
        if answer.status in (200, 207, 400, 403):
            rows = _rows(answer, len(lines))
            if rows is not None:
                return rows
        if answer.status == 413:
            return self._in_halves(lines, answer)
        settled(answer)
        raise Unreachable(f"{self.url}: the answer has no result for each event; is it a TRUEEDGE server?", False)

    def _in_halves(self, lines: Sequence[bytes], answer: Answer) -> list[dict[str, Any]]:
        if len(lines) == 1:
            error = refusal(answer)
            return [{"index": 0, "event_id": None, "result": "invalid", "message": error.message, "errors": []}]
        half = len(lines) // 2
        first, second = self.post_batch(lines[:half]), self.post_batch(lines[half:])
        return first + [{**row, "index": half + index} for index, row in enumerate(second)]

    def patiently(self, attempt: Callable[[], T]) -> T:
        """What `attempt` gives, once it does not end in an Unreachable that can succeed; until patience is over."""
        backoff = Backoff()
        started = time.monotonic()
        while True:
            try:
                return attempt()
            except Unreachable as error:
                pause = backoff.next(error.retry_after)
                over = self.patience is not None and time.monotonic() - started + pause > self.patience
                if not error.can_succeed or over:
                    raise
            self._wait(pause)


# --- reading answers -------------------------------------------------------------------------------------------------


def settled(answer: Answer) -> Answer:
    """The answer, if it is a 200 or 304. Raises: Unreachable when the same again may succeed; else ServerRefused."""
    status = answer.status
    if status in (200, 304):
        return answer
    if status >= 500 or status in _RETRIED:
        error = refusal(answer)
        raise Unreachable(f"the server could not answer: {error}", retry_after=retry_after(answer))
    raise refusal(answer)


def refusal(answer: Answer) -> ServerRefused:
    """What an answer that is not a success says; API Gateway's and proxies' shapes too."""
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        said = {}
    message = said.get("message")
    if not isinstance(message, str):
        message = "this is not an answer of TRUEEDGE; check the address"
        if 300 <= answer.status < 400 and "location" in answer.headers:
            message = f"the server sends on to {answer.headers['location']}; use that address"
    code, errors = said.get("code"), said.get("errors")
    return ServerRefused(
        answer.status,
        code if isinstance(code, str) else http.client.responses.get(answer.status, "unknown"),
        message,
        [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else [],
        said.get("request_id"),
    )


def retry_after(answer: Answer) -> float | None:
    """Seconds that a Retry-After asks for, at most 300; None without one that can be read."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), 300.0)
    seconds = _seconds_between(answer.headers.get("date"), text)
    return None if seconds is None else min(max(seconds, 0.0), 300.0)


def _seconds_between(earlier: str | None, later: str) -> float | None:
    """By the server's own clock: ours may be wrong."""
    try:
        return (parsedate_to_datetime(later) - parsedate_to_datetime(earlier or "")).total_seconds()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _rows(answer: Answer, number: int) -> list[dict[str, Any]] | None:
    """The rows of a batch's answer, if it has one for each event."""
    try:
        said = answer.json()
    except Unreachable:
        return None
    rows = said.get("results") if isinstance(said, dict) else None
    if not isinstance(rows, list) or len(rows) != number:
        return None
    return rows if all(isinstance(row, dict) and isinstance(row.get("result"), str) for row in rows) else None


def _whole_body(response: http.client.HTTPResponse) -> bytes:
    pieces, size = [], 0
    while piece := response.read(65536):  # with a size it does not tell when the body is cut short
        pieces.append(piece)
        size += len(piece)
        if size > _MAX_ANSWER_BYTES:
            raise http.client.HTTPException("the answer is over 256 MB")
    body = b"".join(pieces)
    if response.length:
        raise http.client.IncompleteRead(body, response.length)
    return body


def _unzipped(raw: bytes) -> bytes:
    unzip = zlib.decompressobj(wbits=31)
    body = unzip.decompress(raw, _MAX_ANSWER_BYTES)
    if unzip.unconsumed_tail or not unzip.eof:
        raise http.client.HTTPException("a zipped answer is cut short, or over 256 MB")
    return body


def _glimpse(body: bytes) -> str:
    return repr(body[:80].decode("utf-8", "replace"))


# --- arguments -------------------------------------------------------------------------------------------------------


def checked_url(url: str) -> str:
    """The base address without a slash at its end. Raises: TrueEdgeError with what is wrong."""
    accepted = "accepted: an address such as http://127.0.0.1:9000 or https://trades.example.com/prod"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is the check
    except (ValueError, AttributeError, TypeError):
        raise TrueEdgeError(f"url: {url!r} is no address; {accepted}") from None
    if parts.username is not None or parts.password is not None:
        raise TrueEdgeError(f"url: a name or password in it is not accepted; give the key as key; {accepted}")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise TrueEdgeError(f"url: {url!r} is no address; {accepted}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise TrueEdgeError(f"url: {url!r} has characters that no address has; {accepted}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def checked_key(key: str | None) -> str | None:
    """The key without white space around it (a line break of the file it came from). Raises: TrueEdgeError."""
    if key is None:
        return None
    if not isinstance(key, str):
        raise TrueEdgeError(f"key: a text is wanted, not {type(key).__name__}")
    bare = key.strip()
    if not bare.isascii() or not bare.isprintable() or " " in bare:
        raise TrueEdgeError("key: it has characters that no key has; accepted: te_ and 32 letters, digits, - and _")
    return bare or None
