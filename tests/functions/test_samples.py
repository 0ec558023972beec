"""events/*.json -> handler -> answer; the same files that `sam local invoke` takes."""

import pytest

from tests.functions.calling import EVENTS, ROUTES, SCHEDULED, folder_names, invoke, sample
from trueedge_core.settings import Settings

# Each starts from a store that holds the trade of events/ingest.json.
EXPECTED = {
    "ingest": 200,
    "ingest_form": 200,
    "ingest_invalid": 400,
    "ingest_not_json": 400,
    "ingest_batch": 200,
    "ingest_batch_ndjson": 200,
    "ingest_batch_partial": 207,
    "ingest_batch_empty": 400,
    "hook": 200,
    "hook_form": 200,
    "trades": 200,
    "trades_ndjson": 200,
    "trades_csv": 200,
    "trades_one": 200,
    "trades_unknown": 404,
    "void": 200,
    "void_unknown": 404,
    "metrics_overall": 200,
    "metrics_overall_filtered": 200,
    "metrics_overall_typo": 400,
    "metrics_by_strategy": 200,
    "metrics_by_account": 200,
    "metrics_strategy": 200,
    "metrics_strategy_unknown": 404,
    "metrics_account": 200,
    "metrics_equity_curve": 200,
    "alert_hook": 200,
    "alert_hook_unknown": 404,
    "metrics_breakdown": 200,
    "metrics_breakdown_weekday": 200,
    "metrics_breakdown_hour": 200,
    "metrics_breakdown_symbol": 200,
    "metrics_breakdown_venue": 200,
    "metrics_breakdown_side": 200,
    "positions": 200,
    "positions_dates": 400,
    "accounts": 200,
    "accounts_one": 200,
    "accounts_limits": 200,
    "accounts_unknown": 404,
    "accounts_put": 200,
    "accounts_put_invalid": 400,
    "keys": 200,
    "keys_make": 403,
    "keys_revoke": 404,
    "report": 200,
    "report_strategy": 200,
    "login": 200,
    "login_wrong_key": 401,
    "login_out": 303,
    "docs": 200,
    "docs_openapi": 200,
    "health": 200,
    "health_head": 200,
    "fallback": 404,
    "fallback_wrong_method": 405,
}


def function_of(name: str) -> str:
    """The function a sample is for: the longest function name that it begins with."""
    return max((function for function in folder_names() if f"{name}_".startswith(f"{function}_")), key=len)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_handler_answers_its_sample(name: str, settings: Settings) -> None:
    assert invoke("ingest", sample("ingest")).status == 200
    answer = invoke(function_of(name), sample(name))
    assert answer.status == EXPECTED[name], answer.text
    if answer.headers.get("content-type") == "application/json" and answer.body and name != "docs_openapi":
        status = answer.json["status"]
        assert status == {200: "ok", 207: "partial"}.get(answer.status, "error")
        assert answer.status < 400 or answer.json["request_id"] == "JKJaXmPLvHcESHA="


def test_every_sample_is_expected_and_every_function_has_one() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == EXPECTED.keys() | SCHEDULED
    assert {function_of(name) for name in EXPECTED} | SCHEDULED == folder_names()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_is_routed_to_its_function_by_the_template(name: str) -> None:
    event = sample(name)
    route, parameters = ROUTES.find(event["requestContext"]["http"]["method"], event["rawPath"])
    assert (route.key, route.folder.name) == (event["routeKey"], function_of(name))
    assert parameters == event.get("pathParameters", {})


def test_a_handler_takes_header_names_in_any_case(settings: Settings) -> None:
    """sam local hands them over in Title-Case."""
    event = sample("trades_csv")
    tag = invoke("trades", event).headers["etag"]
    event["headers"] = {"If-None-Match": tag, "Accept-Encoding": "gzip"}
    assert invoke("trades", event).status == 304


def test_a_handler_answers_500_in_our_shape_to_what_is_no_event(settings: Settings) -> None:
    answer = invoke("metrics_overall", {"Records": []}, is_real=False)
    assert (answer.status, answer.json["code"]) == (500, "internal")
