"""Where `sam local` and API Gateway differ: each point is a test that the functions answer alike behind either.

What needs the containers is in tests/container.
"""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.calling import CHECKOUT, ROUTES, SCHEDULED, folder_names, invoke, sample, trade
from tests.functions.test_http import BrokenLedger
from trueedge_core import wiring
from trueedge_core.settings import Settings
from trueedge_local.template import DEFAULT

Event = dict[str, Any]
FUNCTIONS = sorted(folder_names() - SCHEDULED)
TEMPLATE = (CHECKOUT / "template.yaml").read_text(encoding="utf-8")


def event_for(function: str) -> Event:
    """A request on one of the function's routes."""
    routes = [route for route in ROUTES if route.folder.name == function]
    route = next((one for one in routes if one.method != "HEAD"), routes[0])
    event = sample("health")
    event["routeKey"] = event["requestContext"]["routeKey"] = route.key
    event["rawPath"] = "/nowhere" if route.path == DEFAULT else route.path.replace("{", "").replace("}", "")
    event["requestContext"]["http"]["method"] = "GET" if route.method == "ANY" else route.method
    event["requestContext"]["http"]["path"] = event["rawPath"]
    if route.method == "POST":
        event["body"] = "{}"
    return event


def titled(event: Event) -> Event:
    return {**event, "headers": {name.title(): value for name, value in event["headers"].items()}}


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [("if-none-match", "*", 304), ("accept-encoding", "gzip", 200)],
)
def test_header_names_come_in_lower_case_or_in_title_case(
    name: str, value: str, status: int, settings: Settings
) -> None:
    event = sample("metrics_overall")
    event["headers"][name] = value
    plain, other = invoke("metrics_overall", event), invoke("metrics_overall", titled(event))
    assert (plain.status, plain.headers, plain.raw) == (other.status, other.headers, other.raw)
    assert plain.status == status
    assert "Accept-Encoding" in titled(event)["headers"]


def test_a_compressed_body_is_refused_however_its_header_is_written(settings: Settings) -> None:
    event = sample("ingest")
    event["headers"]["content-encoding"] = "gzip"
    assert invoke("ingest", event).status == invoke("ingest", titled(event)).status == 400


def test_the_template_names_no_stage_authorizer_or_cors() -> None:
    """A named stage is in AWS's paths and not in sam's; an authorizer answers in its own shape; CORS differs."""
    said = "\n".join(line for line in TEMPLATE.splitlines() if not line.startswith("#"))
    assert not re.findall(r"(StageName|Authorizers?|DefaultAuthorizer|CorsConfiguration|Auth)\b", said)
    assert [route.method for route in ROUTES if route.path == DEFAULT] == ["ANY"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_never_raises_because_sam_would_answer_200_with_the_trace(
    function: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke(function, event_for(function))  # whatever it imports at its first call
    monkeypatch.setattr(wiring, "_ledger", BrokenLedger(RuntimeError("inner text")))
    monkeypatch.setattr(wiring, "_keys", BrokenLedger(RuntimeError("inner text")))
    answer = invoke(function, event_for(function))
    assert answer.status in (200, 400, 404, 500)
    assert "inner text" not in answer.text
    assert answer.headers["content-type"]


def without(*names: str) -> Callable[[Event], Event]:
    return lambda event: {name: value for name, value in event.items() if name not in names}


def with_context(**changes: Any) -> Callable[[Event], Event]:
    return lambda event: {**event, "requestContext": {**event["requestContext"], **changes}}


BROKEN: dict[str, Callable[[Event], Event]] = {
    "nothing at all": lambda _: {},
    "no context": without("requestContext"),
    "an empty context": lambda event: {**event, "requestContext": {}},
    "a context that is null": lambda event: {**event, "requestContext": None},
    "no http in the context": with_context(http=None),
    "a method that is null": with_context(http={"method": None}),
    "no path": without("rawPath"),
    "a path that is null": lambda event: {**event, "rawPath": None},
    "headers that are a list": lambda event: {**event, "headers": []},
    "a header that is null": lambda event: {**event, "headers": {"accept-encoding": None, "if-none-match": None}},
    "a query that is a number": lambda event: {**event, "rawQueryString": 5},
    "a body that is a number": lambda event: {**event, "body": 5},
    "a body that is an object": lambda event: {**event, "body": {"event_id": "x"}},
    "cookies that are a number": lambda event: {**event, "cookies": 5},
    "a body that is no base64": lambda event: {**event, "body": "%%%", "isBase64Encoded": True},
    "a lone surrogate": lambda event: {**event, "rawPath": "/\ud800", "body": "\ud800"},
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_event_that_no_gateway_would_send_is_answered_too(function: str, how: str, settings: Settings) -> None:
    answer = invoke(function, BROKEN[how](event_for(function)), is_real=False)
    assert answer.status in (200, 400, 404, 405, 413, 500)
    if answer.status >= 400:
        assert answer.json["status"] == "error"


def test_headers_that_are_missing_are_none(settings: Settings) -> None:
    """sam local leaves fields out that API Gateway sends empty."""
    event = without("headers", "cookies", "isBase64Encoded", "rawQueryString", "queryStringParameters")(
        sample("metrics_overall")
    )
    assert invoke("metrics_overall", event).status == 200


@pytest.mark.parametrize("text", ['{"event_id": "Zürich"}', "{", '{"event_id": "\U0001f600"}', ""])
def test_a_body_is_the_same_as_text_and_as_base64(text: str, settings: Settings) -> None:
    """API Gateway encodes what is no text type, sam local what it holds for binary."""
    plain, packed = sample("ingest"), sample("ingest")
    plain["body"], plain["isBase64Encoded"] = text, False
    packed["body"], packed["isBase64Encoded"] = base64.b64encode(text.encode()).decode(), True
    assert invoke("ingest", plain).raw == invoke("ingest", packed).raw


def test_a_body_that_is_not_utf8_is_400(settings: Settings) -> None:
    event = sample("ingest")
    event["body"], event["isBase64Encoded"] = base64.b64encode(b'{"event_id": "\xff"}').decode(), True
    assert (invoke("ingest", event).status, invoke("ingest", event).json["code"]) == (400, "invalid_json")


@pytest.mark.parametrize(
    ("function", "path"), [("metrics_strategy", "/metrics/strategy/a/b"), ("trades", "/trade_event/a/b")]
)
def test_a_slash_that_was_encoded_in_a_path_is_404_with_the_way_out(
    function: str, path: str, settings: Settings
) -> None:
    """API Gateway decodes %2F before it sends the event; sam local finds no route at all."""
    event = event_for(function)
    event["rawPath"] = path
    answer = invoke(function, event)
    assert answer.status == 404
    assert "given by query" in answer.json["message"]


@pytest.mark.parametrize("name", ["strategy a", "Zürich", "50%", "a+b", "a%2Fb"])
def test_a_path_is_taken_as_decoded(name: str, settings: Settings) -> None:
    """Both send rawPath decoded; decoding it twice would make a%2Fb another id."""
    posted = sample("ingest")
    posted["body"] = json.dumps(trade(strategy_id=name))
    assert invoke("ingest", posted).status == 200
    event = event_for("metrics_strategy")
    event["rawPath"] = f"/metrics/strategy/{name}"
    assert invoke("metrics_strategy", event).json["filters"] == {"strategy_id": name}


@pytest.mark.parametrize("function", ["ingest", "ingest_batch"])
def test_sizes_are_checked_here_since_sam_checks_none(function: str, settings: Settings) -> None:
    event = sample(function)
    event["body"], event["isBase64Encoded"] = " " * 7_000_000, False
    answer = invoke(function, event)
    assert (answer.status, answer.json["code"]) == (413, "too_large")


def test_only_the_raw_query_counts_for_both_join_two_values_by_a_comma(settings: Settings) -> None:
    event = sample("metrics_overall")
    event["rawQueryString"] = "strategy_id=a&strategy_id=b"
    event["queryStringParameters"] = {"strategy_id": "a,b"}
    answer = invoke("metrics_overall", event)
    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    event["rawQueryString"] = "strategy_id=a%2Cb"
    assert invoke("metrics_overall", event).json["filters"] == {"strategy_id": "a,b"}


@pytest.mark.parametrize("path", ["/", "/nope", "/metrics/overall/x"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE"])
def test_what_reaches_default_is_refused_in_our_shape(method: str, path: str, settings: Settings) -> None:
    """sam local answers 403 by itself, so this is where it is tested."""
    event = event_for("fallback")
    event["rawPath"], event["requestContext"]["http"]["method"] = path, method
    answer = invoke("fallback", event)
    assert (answer.status, answer.json["code"]) == (404, "not_found")
