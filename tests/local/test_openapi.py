"""The contract says what the code does: it is written anew and compared, and held to the code where it cannot be."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.functions import contract
from tests.functions.calling import Caller
from tests.functions.contract import DOCUMENT, faults, hold
from trueedge_core import wiring
from trueedge_core.domain.metrics import EDGE, METRICS, VERDICTS
from trueedge_core.domain.money import read_json
from trueedge_core.report.verdict import LABELS
from trueedge_core.services.filters import FILTERS, PARAMETERS, read
from trueedge_core.settings import Settings
from trueedge_local.openapi import document, schemas
from trueedge_local.template import DEFAULT, read_routes

REWRITE = "rewrite it with: python3 dev.py openapi"
OPERATIONS = [(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods]
IGNORES_ITS_QUERY = ("/health", "/assets/{file}")


def told(method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return found


def url(path: str) -> str:
    return re.sub(r"\{\w+\}", "example", path)


def query_of(method: str, path: str) -> list[str]:
    return [one["name"] for one in told(method, path)["parameters"] if one.get("in") == "query"]


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Caller]:
    """An open instance that holds one trade."""
    wiring.configure(Settings(store_url=f"sqlite:///{tmp_path / 'trueedge.db'}", open=True))
    caller = Caller()
    caller.post(
        told("POST", "/trade_event")["requestBody"]["content"]["application/json"]["examples"]["stored"]["value"]
    )
    yield caller
    wiring.configure(None)


# --- the document ----------------------------------------------------------------------------------------------------


def test_it_is_what_the_code_says_and_its_examples_are_what_an_instance_answers() -> None:
    assert document.FILE.read_text(encoding="utf-8") == document.text(), REWRITE


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(read_json(document.FILE.read_bytes())).validate()


def test_its_routes_are_those_of_the_template() -> None:
    assert set(OPERATIONS) == {(route.method, route.path) for route in read_routes() if route.path != DEFAULT}
    assert document.undocumented(read_routes()) == set()


def test_ids_of_operations_are_unique() -> None:
    ids = [told(method, path)["operationId"] for method, path in OPERATIONS]
    assert len(set(ids)) == len(ids)


def test_it_is_served_as_it_is_kept(call: Caller) -> None:
    assert call.get("/openapi.json").body == document.FILE.read_bytes()


def objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for name, value in node.items():
            if name not in ("examples", "example"):
                yield from objects(value)
    elif isinstance(node, list):
        for one in node:
            yield from objects(one)


def test_every_object_of_an_answer_names_all_its_keys() -> None:
    """But for the two that take any: an event, which keeps unknown keys, and the contract itself."""
    named = dict(DOCUMENT["components"]["schemas"].items())
    for name in ("TradeEvent", "SentEvent"):
        assert named.pop(name)["additionalProperties"] is True
    found = list(objects(named))
    assert len(found) > 20
    assert [one for one in found if one.get("additionalProperties") is not False] == []


# --- what must be in it ----------------------------------------------------------------------------------------------


def test_every_figure_is_in_it_and_no_other() -> None:
    named = DOCUMENT["components"]["schemas"]
    assert list(named["Metrics"]["properties"]) == [metric.name for metric in METRICS]
    assert list(named["Edge"]["properties"]) == [metric.name for metric in EDGE]
    for metric in (*METRICS, *EDGE):
        about = {**named["Metrics"]["properties"], **named["Edge"]["properties"]}[metric.name]["description"]
        assert metric.definition in about
        assert metric.undefined.lower() in about.lower()
    assert set(VERDICTS) == set(LABELS)


def test_every_error_is_in_it() -> None:
    for kind in schemas.kinds():
        assert kind.code in DOCUMENT["components"]["schemas"]["Error"]["properties"]["code"]["enum"]
    statuses = {status for method, path in OPERATIONS for status in told(method, path)["responses"]}
    assert {str(kind.status) for kind in schemas.kinds()} - {"405"} <= statuses  # a route never answers 405


def contents() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every body that is told: what it is of, the pointer to its schema, and the media type."""
    for method, path in OPERATIONS:
        base = f"/paths/{contract.escaped(path)}/{method.lower()}"
        bodies = told(method, path).get("requestBody", {}).get("content", {})
        for kind, media in bodies.items():
            yield f"{method} {path}", f"{base}/requestBody/content/{contract.escaped(kind)}/schema", media
        for status, response in told(method, path)["responses"].items():
            for kind, media in response.get("content", {}).items():
                pointer = f"{base}/responses/{status}/content/{contract.escaped(kind)}/schema"
                yield f"{method} {path} {status}", pointer, media
    for name, response in DOCUMENT["components"]["responses"].items():
        for kind, media in response["content"].items():
            yield name, f"/components/responses/{name}/content/{contract.escaped(kind)}/schema", media


@pytest.mark.parametrize(("pointer", "media"), [(p, m) for _, p, m in contents()], ids=[n for n, _, _ in contents()])
def test_examples_are_what_their_schema_says(pointer: str, media: dict[str, Any]) -> None:
    for example in media.get("examples", {}).values():
        assert faults(pointer, example["value"]) == []


def test_every_json_answer_that_succeeds_and_every_shared_refusal_has_an_example() -> None:
    without = [name for name, pointer, media in contents() if "json" in pointer and "examples" not in media]
    refusals = [name for name in without if not re.search(r" 2\d\d$", name)]
    assert set(without) - set(refusals) == {"GET /openapi.json 200"}
    assert not {name for name in refusals if " " not in name}


# --- parameters, both ways -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_route_takes_the_parameters_that_are_told_and_no_other(method: str, path: str, call: Caller) -> None:
    """Asked with one that nobody knows, it says which it knows."""
    if path in IGNORES_ITS_QUERY:
        assert query_of(method, path) == []
        return
    body = b"{}" if method in ("POST", "PUT") else b""
    answer = call("GET" if method == "HEAD" else method, f"{url(path)}?nobody_knows=1", body)
    assert answer.status == 400
    [error] = answer.json["errors"]
    known = re.search("known here; known: (.+)", error["message"])
    by_path = set(re.findall(r"\{(\w+)\}", path))
    assert set(known[1].split(", ")) - by_path == set(query_of(method, path)) if known else query_of(method, path) == []
    assert known or error["message"] == "this route takes no query parameters"


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_accepts_what_its_schema_says(name: str) -> None:
    parameter = PARAMETERS[name]
    schema = parameter.schema
    right = [str(word) for word in schema.get("enum", ())]
    right += [str(schema[end]) for end in ("minimum", "maximum") if end in schema]
    wrong = ["nobody knows"] if "enum" in schema or "minimum" in schema or "anyOf" in schema else []
    wrong += [str(schema["minimum"] - 1)] if "minimum" in schema else []
    wrong += [str(schema["maximum"] + 1)] if "maximum" in schema else []
    wrong += [""] if schema.get("minLength") else []
    wrong += ["x" * (schema["maxLength"] + 1)] if "maxLength" in schema else []
    right += ["x" * schema["maxLength"]] if "maxLength" in schema else []
    right += ["2026-01-31T13:05:00Z", "2026-01-31"] if "anyOf" in schema else []
    assert wrong
    for text in right:
        parameter.check(text)
    for text in wrong:
        with pytest.raises(ValueError):  # noqa: PT011 - its sentence is the business of test_filters
            parameter.check(text)


def test_defaults_are_those_of_the_reader() -> None:
    for method, path in OPERATIONS:
        for one in told(method, path)["parameters"]:
            if "default" in one.get("schema", {}):
                assert (
                    getattr(read({}, [one["name"]] if one["name"] not in FILTERS else []), one["name"])
                    == (one["schema"]["default"])
                )


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_what_needs_a_key_is_told(method: str, path: str, tmp_path: Path) -> None:
    wiring.configure(Settings(store_url=f"sqlite:///{tmp_path / 'trueedge.db'}", open=False))
    try:
        answer = Caller()(method, url(path), b"{}" if method == "POST" else b"")
    finally:
        wiring.configure(None)
    is_told = any(told(method, path)["security"]) or "{key}" in path
    assert (answer.status == 401) is is_told
    assert ("x-scope" in told(method, path)) is is_told


# --- the holder of answers -------------------------------------------------------------------------------------------

JSON = {"content-type": "application/json", "cache-control": "no-store"}
RECORDED = b'{"status":"ok","event_id":"a","duplicate":false,"position":0}'
ERROR = b'{"status":"error","code":"%s","message":"m","errors":[],"request_id":"r"}'


def test_the_holder_lets_right_answers_pass() -> None:
    hold("POST", "/trade_event", 200, JSON, RECORDED)
    hold("POST", "/trade_event", 409, JSON, ERROR % b"conflict")
    hold("GET", "/nowhere", 404, JSON, ERROR % b"not_found")
    hold("DELETE", "/trade_event", 405, JSON | {"allow": "POST"}, ERROR % b"method_not_allowed")
    hold("GET", "/metrics/overall", 429, JSON, b'{"message":"Too Many Requests"}')


@pytest.mark.parametrize(
    ("method", "path", "status", "headers", "body"),
    [
        ("POST", "/trade_event", 201, JSON, RECORDED),
        ("POST", "/trade_event", 200, JSON | {"content-type": "text/html"}, RECORDED),
        ("POST", "/trade_event", 200, JSON | {"x-new": "1"}, RECORDED),
        ("POST", "/trade_event", 200, JSON, RECORDED.replace(b"}", b',"new":1}')),
        ("POST", "/trade_event", 200, JSON, RECORDED.replace(b"0", b"0.5")),
        ("POST", "/trade_event", 200, JSON, RECORDED.replace(b'"duplicate":false,', b"")),
        ("POST", "/trade_event", 409, JSON, ERROR % b"not_found"),
        ("GET", "/trade_event/a", 404, JSON, ERROR % b"new"),
        ("GET", "/nowhere", 404, JSON, ERROR % b"conflict"),
        ("DELETE", "/trade_event", 405, JSON, ERROR % b"method_not_allowed"),
        ("GET", "/health", 200, JSON | {"etag": '"1"'}, b'{"status":"fine","version":"1","store":"sqlite"}'),
        ("GET", "/health", 200, JSON, b'{"status":"ok","version":"1","store":"sqlite"}'),
        ("HEAD", "/health", 200, JSON | {"etag": '"1"'}, b'{"status":"ok","version":"1","store":"sqlite"}'),
    ],
)
def test_the_holder_sees_a_wrong_answer(
    method: str, path: str, status: int, headers: dict[str, str], body: bytes
) -> None:
    with pytest.raises(AssertionError):
        hold(method, path, status, headers, body)


def test_a_figure_that_is_null_where_it_never_is_undefined_is_seen(call: Caller) -> None:
    pointer = "/components/schemas/Figures"
    answer: Any = call.get("/metrics/overall").json
    assert faults(pointer, answer) == []
    for part, name in (("metrics", "total_pnl"), ("edge", "verdict")):
        changed = copy.deepcopy(answer)
        changed[part][name] = None
        assert faults(pointer, changed)
        del changed[part][name]
        assert faults(pointer, changed)
