"""Between an API Gateway v2 event and a service: access check, request as values, one shape of answers and errors.

    app = api(scope="read")

    @app.get("/metrics/overall")
    def overall() -> dict[str, object]:
        return query.overall(ledger(), filters.read(parameters(app), bound_to=bound_to(app)))

    handler = lambda_handler(app)

A route returns a dict (200, JSON), or an `Answer`. Powertools keeps the current event on a class that all resolvers
share; it is read here, once, before the route runs, and nothing behind this module looks at it.
"""

import base64
import binascii
import gzip
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from .domain.money import write_json
from .domain.ports import Key, Scope
from .domain.wording import shorten
from .errors import InvalidJson, NotFound, TrueEdgeError, Unauthorized, Unavailable
from .observability import logger, measure
from .services import access, refusals, signin
from .services.access import AccessScope
from .services.answers import Answer
from .services.filters import refuse
from .services.routes import no_route
from .wiring import keys, now_us, settings

__all__ = ["Answer", "Request", "api", "bound_to", "exact_body", "lambda_handler", "parameters", "request"]

GZIP_FROM_BYTES = 2048
# Level 9 takes four times as long for 4 % fewer bytes of our JSON.
GZIP_LEVEL = 4

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as values. `path` is decoded, `query` is not; headers in lower case; `method` of a HEAD is GET."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    request_id: str
    is_head: bool = False
    cookies: tuple[str, ...] = ()
    # The one thing that is found out later, by the access check: whose request it is.
    seen: dict[str, Key] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)  # the last one is what goes out: the metrics are made of it


class Api(APIGatewayHttpResolver):
    """A function's resolver, and who is let in to its routes.

    `scope`: what a key must have (None: no key needed). `public`: paths that begin so need no key. `is_page`: browsers
    come here, so one without a good key is led to /login, and ?key= is a share link.
    """

    scope: AccessScope | None = None
    is_page: bool = False
    public: str | None = None

    def needs(self, path: str) -> AccessScope | None:
        """What a key must have for this path; None when it needs no key."""
        return None if self.public is not None and path.startswith(self.public) else self.scope


def api(scope: AccessScope | None, *, is_page: bool = False, public: str | None = None) -> Api:
    """A resolver whose routes run only after the access check, and never raise; the arguments are those of `Api`."""
    # Never `debug`: in it the resolver prints each event, and the key in its headers.
    app = Api(serializer=write_json, debug=False)
    app.scope, app.is_page, app.public = scope, is_page, public

    def door(_: APIGatewayHttpResolver, next_step: Callable[[APIGatewayHttpResolver], Response[Any]]) -> Response[Any]:
        asked = request(app)
        needs = app.needs(asked.path)
        if needs is not None:
            is_open = settings().open
            if is_page and "key=" in asked.query and "key" in (found := parameters(app)):
                return _response(
                    signin.share_link(asked.path, found, asked.headers, keys(), now_us(), is_open=is_open), asked
                )
            if needs == "hook":
                sent: str | None = access.key_in_path(asked.path)
            else:
                sent = access.sent_key(asked.headers, asked.cookies, is_write=asked.method != "GET")
            asked.seen["key"] = access.check(needs, sent, keys(), now_us(), is_open=is_open)
        result: Any = next_step(app).body
        return _response(result if isinstance(result, Answer) else Answer(result), asked)

    def unknown_route(_: Exception) -> Answer:
        asked = request(app)
        return no_route(asked.method, asked.path)

    def refused(error: TrueEdgeError) -> Response[Any]:
        asked = request(app)
        if is_page and isinstance(error, Unauthorized) and signin.is_browser(asked.headers):
            return _response(signin.led_to_login(asked.path, asked.query, asked.headers, error.message), asked)
        refusal = _refusal(error)
        if is_page and signin.is_browser(asked.headers):
            refusal = refusals.page(error, refusal.headers)
        return _response(refusal, asked)

    def failed(error: Exception) -> Response[Any]:
        logger.exception("unexpected", exc_info=error, request_id=request(app).request_id)
        return _response(_failure(), request(app))

    app.use([door])
    app.not_found(unknown_route)
    app.exception_handler(TrueEdgeError)(refused)
    app.exception_handler(Exception)(failed)
    return app


def lambda_handler(
    app: APIGatewayHttpResolver, outcomes: Callable[[Mapping[str, object]], Mapping[str, int]] = lambda _: {}
) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The function's entry point: event in, answer out, whatever happens in between.

    `outcomes`: what an answer's body says became of the events that were posted, for the metrics.
    """

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        started = time.perf_counter()
        asked = _unread(event)
        try:
            settings()  # read now: they say what is logged, of functions too that ask for nothing else
            asked = _read(event)
            # Lambda hands over HEAD as a route of its own; it is a GET whose body stays here.
            app.append_context(request=asked)  # type: ignore[no-untyped-call]
            result = app.resolve(_as_get(event) if asked.is_head else event, context)
            answer = _finish(asked, result)
        except TrueEdgeError as error:
            answer = _finish(asked, _plain(_refusal(error), asked))
        except Exception as error:
            logger.exception("unexpected", exc_info=error, request_id=asked.request_id)
            answer = _finish(asked, _plain(_failure(), asked))
        ms = round((time.perf_counter() - started) * 1000, 1)
        function = {
            "function": str(getattr(context, "function_name", "")),
            "function_request_id": str(getattr(context, "aws_request_id", "")),  # Lambda's own lines have this one
        }
        logger.info(
            "request",
            extra={
                "request_id": asked.request_id,
                **function,
                "key_id": asked.seen["key"].id if "key" in asked.seen else "",
                "method": "HEAD" if asked.is_head else asked.method,
                "path": access.redacted(asked.path),  # the query is not logged: a share link has its key there
                "status": answer["statusCode"],
                "ms": ms,
            },
        )
        body = asked.answers[-1].body if asked.answers else {}
        measure(ms, outcomes(body) if isinstance(body, Mapping) else {}, request_id=asked.request_id, **function)
        return answer

    return handle


# --- the request -----------------------------------------------------------------------------------------------------


def request(app: APIGatewayHttpResolver) -> Request:
    """The request that is being answered."""
    return cast(Request, app.context["request"])


def bound_to(app: APIGatewayHttpResolver) -> Scope:
    """What the key of this request may write or see: everything, unless it is bound."""
    return request(app).seen["key"].bound_to


def exact_body(app: APIGatewayHttpResolver) -> bytes:
    """The body's bytes as they were sent. Raises: InvalidJson for a compressed one."""
    asked = request(app)
    encoding = asked.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise InvalidJson(f"a body with Content-Encoding {shorten(encoding)} is not read; send it as plain JSON")
    return asked.body


def parameters(app: APIGatewayHttpResolver) -> dict[str, str]:
    """The query parameters, decoded strictly. Raises: InvalidParameter.

    Read from the raw query string: in the event's own mapping a name given twice and a comma in a value look the same.
    """
    found: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for part in filter(None, request(app).query.split("&")):
        name, _, value = part.partition("=")
        try:
            name, value = _decode(name), _decode(value)
        except ValueError as error:
            wrong[name] = str(error)
            continue
        if name in found:
            wrong[name] = "is given more than once"
        found[name] = value
    refuse(wrong)
    return found


def _decode(text: str) -> str:
    if bad := _BAD_ESCAPE.search(text):
        raise ValueError(f"{shorten(text[bad.start() : bad.start() + 3])} is no percent-encoding; write % as %25")
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeError:
        raise ValueError(f"{shorten(text)} is not percent-encoded UTF-8") from None


def _unread(event: Mapping[str, Any]) -> Request:
    """As much of a request as an error answer needs, whatever the event looks like."""
    context = event.get("requestContext") or {}
    method = str((context.get("http") or {}).get("method", "GET"))
    return Request(method, str(event.get("rawPath", "/")), "", {}, b"", str(context.get("requestId", "")))


def _read(event: Mapping[str, Any]) -> Request:
    context = event["requestContext"]
    method = context["http"]["method"].upper()
    if not event["rawPath"].isprintable():
        # No path and no id has such a character; the resolver's patterns would overlook a line break at the end.
        raise NotFound("there is no route with a character in it that cannot be printed")
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            raw = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidJson("the body is marked as base64, but is not") from None
    else:
        raw = body.encode("utf-8", "surrogatepass")
    return Request(
        method="GET" if method == "HEAD" else method,
        path=event["rawPath"],
        query=event.get("rawQueryString") or "",
        # sam local sends Title-Case names, API Gateway lower case.
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=raw,
        request_id=str(context.get("requestId", "")),
        is_head=method == "HEAD",
        # A field of its own in v2 events; what puts them together less exactly leaves them among the headers.
        cookies=tuple(event.get("cookies") or _cookies_of(event.get("headers") or {})),
    )


def _cookies_of(headers: Mapping[str, str]) -> list[str]:
    texts = [value for name, value in headers.items() if name.lower() == "cookie"]
    return [part.strip() for text in texts for part in text.split(";")]


def _as_get(event: dict[str, Any]) -> dict[str, Any]:
    context = event["requestContext"]
    return {**event, "requestContext": {**context, "http": {**context["http"], "method": "GET"}}}


# --- the answer ------------------------------------------------------------------------------------------------------


def _refusal(error: TrueEdgeError) -> Answer:
    body = {
        "status": "error",
        "code": error.code,
        "message": error.message,
        "errors": [{"field": one.field, "message": one.message} for one in error.errors],
    }
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable) else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Answer(body, error.status, headers=headers)


def _failure() -> Answer:
    """Nothing of the inner text: that is in the log, beside the request's id."""
    message = "something went wrong here; the request_id finds it in the log of this instance"
    return Answer({"status": "error", "code": "internal", "message": message, "errors": []}, 500)


def _content(answer: Answer, asked: Request) -> str | bytes:
    if isinstance(answer.body, str | bytes):
        return answer.body
    if answer.body.get("status") == "error":
        return write_json({**answer.body, "request_id": asked.request_id})
    return write_json(answer.body)


def _response(answer: Answer, asked: Request) -> Response[Any]:
    asked.answers.append(answer)
    # Powertools turns cookies into text by str(): they may be text already.
    cookies: list[Any] = list(answer.cookies)
    return Response(answer.status, answer.content_type, _content(answer, asked), dict(answer.headers), cookies)


def _plain(answer: Answer, asked: Request) -> dict[str, Any]:
    """As the resolver would give it, for what goes wrong outside the resolver."""
    asked.answers.append(answer)
    headers = {"Content-Type": answer.content_type, **answer.headers}
    return {"statusCode": answer.status, "headers": headers, "body": _content(answer, asked), "isBase64Encoded": False}


def _finish(asked: Request, result: dict[str, Any]) -> dict[str, Any]:
    """Validators, caching, compression and HEAD: the same for every route."""
    body = result.get("body") or ""
    content = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    headers = {**(result.get("headers") or {})}
    status = result["statusCode"]
    headers["X-Content-Type-Options"] = "nosniff"
    if asked.method == "GET":
        headers.setdefault("Cache-Control", "private, no-cache" if status == 200 else "no-store")
        headers["Vary"] = "Accept-Encoding"
        if status == 200:
            headers["ETag"] = f'"{sha256(content).hexdigest()[:32]}"'
            if _matches(asked.headers.get("if-none-match", ""), headers["ETag"]):
                headers.pop("Content-Type", None)
                return _event(304, headers, b"", result)
    else:
        headers.setdefault("Cache-Control", "no-store")
    is_font = str(headers.get("Content-Type", "")).startswith("font/")  # woff2 is compressed already
    if len(content) > GZIP_FROM_BYTES and not is_font and _takes_gzip(asked.headers.get("accept-encoding", "")):
        content = gzip.compress(content, GZIP_LEVEL, mtime=0)  # no time in it: equal answers are equal bytes
        headers["Content-Encoding"] = "gzip"
    return _event(status, headers, b"" if asked.is_head else content, result)


def _event(status: int, headers: dict[str, str], content: bytes, result: Mapping[str, Any]) -> dict[str, Any]:
    try:
        body, encoded = ("", True) if "Content-Encoding" in headers else (content.decode(), False)
    except UnicodeDecodeError:
        body, encoded = "", True
    if encoded:
        body = base64.b64encode(content).decode()
    answer = {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": encoded}
    if result.get("cookies"):
        answer["cookies"] = result["cookies"]
    return answer


def _matches(asked: str, etag: str) -> bool:
    """If-None-Match compares weakly: W/ says nothing about equality here."""
    return asked.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in asked.split(","))


def _takes_gzip(accepted: str) -> bool:
    """Whether Accept-Encoding lets gzip in; a quality of 0 refuses it."""
    quality: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, *options = (word.strip() for word in part.split(";"))
        try:
            weights = [float(option[2:]) for option in options if option.startswith("q=")]
        except ValueError:
            weights = [0.0]
        quality[name] = weights[0] if weights else 1.0
    return quality.get("gzip", quality.get("*", 0.0)) > 0
