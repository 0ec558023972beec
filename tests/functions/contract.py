"""Holds an answer to the contract: its status, content type, headers and body must be what openapi.json tells.

Every call of tests/functions goes through `hold`, so whatever those tests ask is a test of the contract as well.
"""

import functools
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from trueedge_core.domain.money import read_json
from trueedge_core.services.answers import HTML
from trueedge_local.openapi.document import FILE

DOCUMENT: dict[str, Any] = read_json(FILE.read_bytes())  # type: ignore[assignment]
PREFIX = "urn:contract"
_REGISTRY: Registry[Any] = Registry().with_resource(PREFIX, DRAFT202012.create_resource(DOCUMENT))
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_time(text: object) -> bool:
    return not isinstance(text, str) or ("T" in text and datetime.fromisoformat(text).tzinfo is not None)


@functools.cache
def _validator(pointer: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"{PREFIX}#{pointer}"}, registry=_REGISTRY, format_checker=_FORMATS)


def faults(pointer: str, value: object) -> list[str]:
    """Where `value` is not what the schema at the pointer says; "" is where."""
    return [f"{error.json_path}: {error.message}"[:400] for error in _validator(pointer).iter_errors(value)]


def escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def resolve(node: Any, pointer: str) -> tuple[Any, str]:
    """Follow a $ref, if it is one."""
    while isinstance(node, Mapping) and "$ref" in node:
        pointer = node["$ref"].removeprefix("#")
        node = DOCUMENT
        for part in pointer.split("/")[1:]:
            node = node[part]
    return node, pointer


def operation(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """The documented pattern and operation that a request is for; None where the contract knows none."""
    for pattern, methods in sorted(DOCUMENT["paths"].items(), key=lambda one: "{" in one[0]):
        parts = re.split(r"(\{\w+\})", pattern)
        expression = "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts)
        if re.fullmatch(expression, path, re.DOTALL) and method.lower() in methods:
            return pattern, methods[method.lower()]
    return None


def hold(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Fail when this answer to `method path` (decoded) is not as documented; header names in lower case."""
    told = operation(method, path)
    if told is None:
        name = "MethodNotAllowed" if status == 405 else "NotFound" if status == 404 else f"{status}"
        response, pointer = resolve({"$ref": f"#/components/responses/{name}"}, "")
    else:
        pattern, documented = told
        assert str(status) in documented["responses"], f"{method} {pattern} is not told to answer {status}"
        pointer = f"/paths/{escaped(pattern)}/{method.lower()}/responses/{status}"
        response, pointer = resolve(documented["responses"][str(status)], pointer)
    _headers(status, response, headers)
    _body(response, pointer, method, headers.get("content-type"), body)


def _headers(status: int, response: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    free = {"content-type", "content-length", "content-encoding", "vary", "x-content-type-options", "referrer-policy"}
    told = {name.lower() for name in response.get("headers", {})}
    assert set(headers) - free <= told, f"headers that are not told: {set(headers) - free - told}"
    always = {"etag", "allow", "www-authenticate", "location"}
    if headers.get("content-type") == HTML and status != 303:
        always.add("content-security-policy")
    for name in always & told:
        assert name in headers, f"no {name}"


def _body(response: Mapping[str, Any], pointer: str, method: str, content_type: str | None, body: bytes) -> None:
    if method == "HEAD" or "content" not in response:
        assert body == b"", "a body where none is told"
        return
    assert content_type in response["content"], f"the content type {content_type} is not told"
    below = f"{pointer}/content/{escaped(content_type)}/schema"
    if content_type == "application/json":
        assert faults(below, read_json(body)) == []
    elif content_type.startswith("application/x-ndjson"):
        for line in body.splitlines():
            assert faults(f"{below}/x-itemSchema", read_json(line)) == []
    elif content_type.startswith("text/"):
        assert faults(below, body.decode()) == []
