"""HTTP <-> API Gateway's v2 events, as pure functions: what a function sees here is what it sees on AWS."""

import base64
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

Headers = Iterable[tuple[bytes, bytes]]

_TEXT_TYPES = ("application/json", "application/javascript", "application/xml")


class BadRequest(ValueError):
    """A request that no gateway would pass on."""


@dataclass(frozen=True)
class Incoming:
    """One HTTP request as it came off the socket; `raw_path` and `query` are as sent, header names lower case."""

    method: str
    raw_path: bytes
    query: bytes
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"

    def header(self, name: str) -> str | None:
        """The header's value; several of one name are joined by commas."""
        found = [value for key, value in self.headers if key == name]
        return ",".join(found) if found else None


def decode_headers(headers: Headers) -> tuple[tuple[str, str], ...]:
    """Names in lower case, values as latin-1: the one reading of bytes that loses nothing."""
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)


def decoded_path(raw_path: bytes) -> str:
    """The path with its percent-encoding undone, once. Raises: BadRequest when that is not UTF-8."""
    try:
        return unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        raise BadRequest("the path is not percent-encoded UTF-8") from None


def is_text(content_type: str | None, encoding: str | None) -> bool:
    """API Gateway's rule: text types and JSON go into the event as text, everything else as base64."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    return encoding in (None, "", "identity") and (kind.startswith("text/") or kind in _TEXT_TYPES)


def to_event(
    incoming: Incoming, route_key: str, path: str, parameters: Mapping[str, str], request_id: str
) -> dict[str, Any]:
    """The v2 event of one request on the route that was chosen for it."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in incoming.headers:
        if name == "cookie":  # has a field of its own in v2 and is left out of the headers
            cookies += [part.strip() for part in value.split(";") if part.strip()]
        else:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    query = incoming.query.decode("utf-8", "surrogateescape")
    now = time.time()
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "local",
            "apiId": "local",
            "domainName": headers.get("host", ""),
            "domainPrefix": "local",
            "http": {
                "method": incoming.method,
                "path": path,
                "protocol": incoming.protocol,
                "sourceIp": incoming.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if parameters:
        event["pathParameters"] = dict(parameters)
    if incoming.body:
        event["body"], event["isBase64Encoded"] = _body(incoming)
    return event


def _body(incoming: Incoming) -> tuple[str, bool]:
    if is_text(incoming.header("content-type"), incoming.header("content-encoding")):
        try:
            return incoming.body.decode(), False
        except UnicodeDecodeError:
            pass  # an event is JSON: what is no text travels as base64, whatever its type says
    return base64.b64encode(incoming.body).decode(), True


@dataclass(frozen=True)
class Outgoing:
    """One HTTP answer, ready for the socket."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def from_result(result: Mapping[str, Any], *, is_head: bool = False) -> Outgoing:
    """The HTTP answer of what a handler returned: header names in lower case, a set-cookie per cookie.

    The answer to a HEAD says no length: GET's would be right, but its body was left out before it came here.
    """
    body = result.get("body") or ""
    content = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    headers = [
        (name.lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, value in (result.get("headers") or {}).items()
        if name.lower() != "content-length"
    ]
    headers += [(b"set-cookie", cookie.encode("latin-1")) for cookie in result.get("cookies") or ()]
    status = int(result["statusCode"])
    if status not in (204, 304) and not is_head:
        headers.append((b"content-length", str(len(content)).encode()))
    return Outgoing(status, headers, content)
