"""Puts the contract together: routes of the template x operations x schemas x examples -> one OpenAPI 3.1 document."""

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import simplejson

import trueedge_core
from trueedge_core import errors
from trueedge_core.errors import TrueEdgeError
from trueedge_core.http import Api
from trueedge_core.services.access import COOKIE, needed
from trueedge_core.services.answers import HTML, JSON
from trueedge_core.services.filters import PARAMETERS, Filters, Parameter
from trueedge_core.services.reports import FORM_FIELDS
from trueedge_core.settings import VERSION

from ..gateway import load_handler
from ..template import DEFAULT, Route, Routes, read_routes
from .examples import Example, given
from .operations import OPERATIONS, TAGS, Given, Operation
from .schemas import ID, Schema, all_schemas, error_of, kinds, ref

FILE = Path(trueedge_core.__file__).parent / "services" / "openapi.json"

_ABOUT = """\
Trading performance that can be checked: bots post each trade once, everything else is computed from the log, exactly.

**Numbers.** Money is an exact JSON number with every digit. What is undefined is `null`, never 0.

**Times** in answers are RFC 3339 in UTC with `Z`. In a query write `+` as `%2B`.

**Filters** can be combined. A parameter that is not known is refused: a typo must not mean everything.

**Errors** have one shape. Act on the status first, then on `code`; `message` is for people. Retry on a network error,
429, 500, 502, 503 and 504, and on nothing else: sending the same again is always safe. A path that is not here is
answered 404, a method that a path does not take 405 with `Allow`.

**HEAD** works wherever GET does. **ETag**: a GET answered 200 has one; sent back in `If-None-Match` it gives 304 while
nothing has changed. Answers over 2 KB are gzipped when asked for.
"""

# What happens on any route, whatever the handler does.
_ALWAYS = (errors.Forbidden, errors.TooLarge, TrueEdgeError, errors.Unavailable)
_NAMES = {401: "Unauthorized", 403: "Forbidden", 413: "TooLarge", 429: "TooMany", 500: "Internal", 503: "Unavailable"}
_MEANS = {
    304: "Nothing has changed since the answer with that ETag.",
    400: "The request is wrong: correct what `errors` names.",
    401: "No key, or one that is not known here.",
    403: "The key may not do this; or a Host that is not ours, or a write from a page of another site.",
    404: "There is no such thing.",
    405: "The path takes other methods: they are in Allow.",
    409: "The `event_id` is stored with other content; nothing was changed.",
    413: "Over a limit: 60 KB an event, 1,000 events or 4 MB a batch, 6 MB any body.",
    429: "Too many requests at once: API Gateway's own answer. Send the same again, later.",
    500: "A fault of ours; the text is in the log of the instance. Sending the same again is safe.",
    503: "The store cannot take this now. Send the same again after Retry-After seconds.",
}
_FROM_THE_GATEWAY_TOO = (413, 429, 500, 503)
_NEXT = Parameter("next", str, "The path to go on to once signed in.", {"type": "string"})
_HEADERS: dict[str, Schema] = {
    "Location": {"type": "string", "description": "Where to go on."},
    "Set-Cookie": {"type": "string", "description": "The key, for this browser; or takes it back."},
    "ETag": {"type": "string", "description": "Names this answer: send it back in If-None-Match."},
    "Cache-Control": {"type": "string"},
    "X-Next-Cursor": {
        "type": "string",
        "description": "Cursor of the next page, as NDJSON and CSV; absent on the last.",
    },
    "Content-Disposition": {"type": "string", "description": "A file name, as CSV."},
    "Content-Security-Policy": {"type": "string"},
    "Allow": {"type": "string", "description": "The methods that the path takes."},
    "WWW-Authenticate": {"type": "string"},
    "Retry-After": {"type": "integer", "description": "Seconds."},
}


def build() -> dict[str, Any]:
    """The whole document, from the code as it is."""
    routes = read_routes()
    examples = given(routes)
    shared = _shared(examples)
    paths: dict[str, Any] = {}
    for (method, path), operation in OPERATIONS.items():
        route, _ = routes.find(method, path)
        made = _operation(route, operation, [one for one in examples if one.route == route])
        paths.setdefault(path, {})[method.lower()] = made
        if method == "GET":
            paths[path]["head"] = _head(made, shared)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "TRUEEDGE",
            "version": VERSION,
            "summary": "Exact trading performance.",
            "description": _ABOUT,
        },
        "servers": [{"url": "/", "description": "This instance."}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": all_schemas(),
            "headers": {
                name: {"description": schema.get("description", name), "schema": schema}
                for name, schema in _HEADERS.items()
            },
            "parameters": {"If-None-Match": _if_none_match()},
            "responses": shared,
            "securitySchemes": _security_schemes(),
        },
    }


def text() -> str:
    """The document as it is kept: one line per value, so that a change of the contract shows as a difference."""
    return simplejson.dumps(build(), indent=1, ensure_ascii=False, use_decimal=True) + "\n"


def undocumented(routes: Routes) -> set[str]:
    """Routes of the template without an operation, and operations without a route."""
    real = {one.key for one in routes if one.path != DEFAULT}
    told = {f"{method} {path}" for method, path in OPERATIONS}
    return real ^ (told | {f"HEAD {path}" for method, path in OPERATIONS if method == "GET"})


def api_of(route: Route) -> Api:
    """The resolver that knows who is let in to a route."""
    load_handler(route.folder)
    app: Api = sys.modules[f"trueedge_functions.{route.folder.name}"].app
    return app


# --- operations ------------------------------------------------------------------------------------------------------


def _operation(route: Route, told: Operation, examples: list[Example]) -> dict[str, Any]:
    app = api_of(route)
    scope = app.needs(route.path)
    made: dict[str, Any] = {
        "operationId": told.id,
        "tags": [told.tag],
        "summary": told.summary,
        "description": told.about,
        "parameters": [*_path_parameters(route.path), *(_query_parameter(name, route) for name in _taken(told, route))],
        "responses": _responses(route, told, scope, examples),
        # {}: an instance that was opened to everyone takes no key. A hook's is a parameter of the path.
        "security": [{}, {"key": []}, {"bearer": []}, {"cookie": []}] if scope not in (None, "hook") else [],
    }
    if scope:
        made["x-scope"] = needed(scope)
    if scope and app.is_page:
        made["security"].append({"link": []})
    if route.method == "GET":
        made["parameters"].append({"$ref": "#/components/parameters/If-None-Match"})
    if told.body:
        made["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": schema, **_asked(kind, examples)} for kind, schema in told.body.items()},
        }
    return made


def _asked(kind: str, examples: Iterable[Example]) -> dict[str, Any]:
    shown = {
        one.name: {"summary": one.summary, "value": one.body}
        for one in examples
        if one.content_type == kind and one.status < 300
    }
    return {"examples": shown} if shown else {}


def _path_parameters(path: str) -> list[Schema]:
    about = {
        "file": "A hashed name that a page gave.",
        "event_id": "The event's id.",
        "key": "The key: of the scope ingest alone, and bound to an account or a strategy.",
    }
    is_no_id = ("file", "key")
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": about.get(name, f"The {name.removesuffix('_id')}'s id."),
            "schema": {"type": "string", "minLength": 1} if name in is_no_id else ID,
            **({} if name in is_no_id else {"example": "example-1" if name == "event_id" else "example"}),
        }
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _taken(told: Operation, route: Route) -> list[str]:
    """What the path gives already is not taken from the query."""
    return [name for name in told.query if f"{{{name}}}" not in route.path]


def _query_parameter(name: str, route: Route) -> Schema:
    known = {**PARAMETERS, _NEXT.name: _NEXT}[name]
    schema = dict(known.schema)
    if name in ("limit", "order", "points", "format"):
        schema["default"] = getattr(Filters(), name)
    about = known.about
    if route.path.startswith("/report"):
        if name == "environment":
            schema["enum"] = [*schema["enum"], "both"]
            about = "Only live or only demo trades, or both together. Without it: live if there are any, else demo."
        if name in FORM_FIELDS:  # a form sends "" for what was left empty
            schema = {"anyOf": [schema, {"const": ""}]}
    return {"name": name, "in": "query", "required": False, "description": about, "schema": schema}


def _if_none_match() -> Schema:
    return {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "ETags of answers that are at hand; 304 if one of them is still right.",
        "schema": {"type": "string"},
    }


def _head(get: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """The same question; the same status and headers without a body."""
    responses = {}
    for status, response in get["responses"].items():
        whole = shared[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
        responses[status] = {name: whole[name] for name in ("description", "headers")}
    return {
        **{key: value for key, value in get.items() if key != "description"},
        "operationId": f"{get['operationId']}Head",
        "summary": f"{get['summary']}: status and headers alone",
        "responses": responses,
    }


# --- answers ---------------------------------------------------------------------------------------------------------


def _responses(route: Route, told: Operation, scope: str | None, examples: list[Example]) -> dict[str, Any]:
    made: dict[int, Any] = {status: _answer(status, one, route, examples) for status, one in told.answers.items()}
    if route.method == "GET":
        made[304] = {"description": _MEANS[304], "headers": made[200]["headers"]}
    codes: dict[int, list[str]] = {}
    for kind in told.raises:
        # Of a batch, a conflict is a row: when all are, the batch is a 400 with that code.
        status = 400 if 207 in told.answers and kind is errors.Conflict else kind.status
        codes.setdefault(status, []).append(kind.code)
    for status, found in codes.items():
        schema = error_of(found)
        if 207 in told.answers:
            schema = {"oneOf": [schema, ref("BatchRefused")]}
        refusal = _response(status, schema, [one for one in examples if one.status == status])
        made[status] = _either(made[status], refusal) if status in made else refusal
    always: dict[int, list[str]] = {429: []}
    for kind in (*_ALWAYS, *([errors.Unauthorized] if scope else [])):
        always.setdefault(kind.status, []).append(kind.code)
    for status, found in always.items():
        if status in codes:
            continue
        if status in made:
            made[status] = _either(made[status], _response(status, error_of(found), ()))
        else:
            made[status] = {"$ref": f"#/components/responses/{_NAMES[status]}"}
    return {str(status): made[status] for status in sorted(made)}


def _either(page: dict[str, Any], refusal: dict[str, Any]) -> dict[str, Any]:
    """One status, as a page for browsers or as JSON."""
    return {
        "description": page["description"],
        "headers": page["headers"] | refusal["headers"],
        "content": page["content"] | refusal["content"],
    }


def _answer(status: int, told: Given, route: Route, examples: list[Example]) -> dict[str, Any]:
    headers = ["Cache-Control"]
    if route.method == "GET" and status == 200:
        headers.insert(0, "ETag")
    if route.path == "/trade_events" and route.method == "GET":
        headers += ["X-Next-Cursor", "Content-Disposition"]
    if HTML in told.content:
        headers.append("Content-Security-Policy")
    if status == 303:
        headers.append("Location")
    if status == 303 or (HTML in told.content and api_of(route).is_page):
        headers.append("Set-Cookie")
    if status == 401:
        headers.append("WWW-Authenticate")
    content = {}
    for kind, schema in told.content.items():
        shown = [one for one in examples if one.status == status and one.answered_as == kind]
        content[kind] = {"schema": schema, **_said(shown)}
    return {"description": told.about, "headers": _named(*headers), **({"content": content} if content else {})}


def _said(examples: Iterable[Example]) -> dict[str, Any]:
    shown = {one.name: {"summary": one.summary, "value": one.said} for one in examples}
    return {"examples": shown} if shown else {}


def _named(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _response(status: int, schema: Schema, examples: Iterable[Example]) -> dict[str, Any]:
    by_status = {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After",), 503: ("Retry-After",)}
    if status in _FROM_THE_GATEWAY_TOO:
        schema = {"anyOf": [schema, ref("GatewayError")]}
    return {
        "description": _MEANS[status],
        "headers": _named("Cache-Control", *by_status.get(status, ())),
        "content": {JSON: {"schema": schema, **_said(examples)}},
    }


def _shared(examples: list[Example]) -> dict[str, Any]:
    """Answers that any route may give, and those of paths and methods that are no route."""
    codes: dict[int, list[str]] = {}
    for kind in kinds():
        codes.setdefault(kind.status, []).append(kind.code)
    made = {
        name: _response(
            status,
            error_of(codes[status]) if status in codes else ref("Error"),
            [one for one in examples if one.status == status and "counts" not in one.said],
        )
        for status, name in _NAMES.items()
    }
    # What API Gateway says of itself cannot be asked for here.
    made["TooMany"]["content"][JSON]["examples"] = {
        "throttled": {"summary": "API Gateway's own", "value": {"message": "Too Many Requests"}}
    }
    lost = [one for one in examples if one.route.path == DEFAULT]
    for name, status in (("NotFound", 404), ("MethodNotAllowed", 405)):
        made[name] = _response(status, error_of(codes[status]), [one for one in lost if one.status == status])
    return made


def _security_schemes() -> dict[str, Any]:
    return {
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key of the scope in x-scope."},
        "bearer": {"type": "http", "scheme": "bearer", "description": "The same key."},
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": f"The same key, of a signed-in browser; under https it is called __Host-{COOKIE}.",
        },
        "link": {
            "type": "apiKey",
            "in": "query",
            "name": "key",
            "description": "A share link: the key of one who may read becomes the cookie, and leaves the address.",
        },
    }
