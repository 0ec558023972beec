"""The template's routes and the functions behind them; what has no route is refused in our shape."""

import sys
from urllib.parse import unquote

import pytest

from tests.functions.calling import CHECKOUT, SCHEDULED, Caller, folder_names, trade
from trueedge_local.gateway import load_handler
from trueedge_local.template import DEFAULT, Route, read_routes

ROUTES = list(read_routes())
PATHS = sorted({route.path for route in ROUTES} - {DEFAULT})
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def on(path: str) -> str:
    """A request path for a route's pattern."""
    return path.replace("{event_id}", "e-1").replace("{file}", "nothing.css").replace("{", "").replace("}", "")


def methods_of(path: str) -> list[str]:
    return [route.method for route in ROUTES if route.path == path]


def test_every_route_has_a_function_and_every_function_a_route() -> None:
    assert {route.folder.name for route in ROUTES} == folder_names() - SCHEDULED
    assert all(route.folder.parent == CHECKOUT / "functions" for route in ROUTES)


@pytest.mark.parametrize("path", PATHS)
def test_every_get_has_its_head(path: str) -> None:
    methods = methods_of(path)
    assert ("GET" in methods) == ("HEAD" in methods)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.path != DEFAULT], ids=lambda route: route.key)
def test_the_function_knows_the_route_that_leads_to_it(route: Route, call: Caller) -> None:
    """A resolver that does not know the path says "there is no route"; no other answer does."""
    answer = call(route.method, on(route.path))
    others = {"/logout": (303,), "/keys": (403,), "/keys/{key_id}/revoke": (404,)}  # an open instance has no key
    expected = (200, 404) if route.method in ("GET", "HEAD") else others.get(route.path, (400,))
    assert answer.status in expected
    assert answer.status == 200 or "there is no route" not in answer.text


def test_the_fallback_knows_exactly_the_routes_of_the_template() -> None:
    load_handler(CHECKOUT / "functions" / "fallback")
    routes = sys.modules["trueedge_functions.fallback"].ROUTES
    assert {(method, path) for path, methods in routes.items() for method in methods} == {
        (route.method, route.path) for route in ROUTES if route.path != DEFAULT
    }


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for path in PATHS for method in METHODS if method not in methods_of(path)]
)
def test_a_method_that_a_path_does_not_take_is_405_and_names_those_it_takes(
    method: str, path: str, call: Caller
) -> None:
    answer = call(method, on(path))
    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == set(methods_of(path))
    if method != "HEAD":
        assert (answer.json["status"], answer.json["code"]) == ("error", "method_not_allowed")


@pytest.mark.parametrize(
    "path",
    ["/", "/metrics", "/metrics/overall/", "/metrics/strategy/", "/metrics/strategy/a/b", "/trade_event/", "/%00"],
)
def test_a_path_that_is_not_ours_is_404(path: str, call: Caller) -> None:
    answer = call.get(path)
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert answer.json["request_id"]


@pytest.mark.parametrize("strategy_id", ["a%2Fb", "a%3Fb", "a%23b", "a%5Cb", "a%22b"])
def test_an_id_that_no_path_can_carry_gets_the_hint_to_give_it_by_query(strategy_id: str, call: Caller) -> None:
    answer = call.get(f"/metrics/strategy/{strategy_id}")
    assert answer.status == 404
    assert "given by query" in answer.json["message"]


@pytest.mark.parametrize("strategy_id", ["a b", "a%20b", "a%25b", "Z%C3%BCrich", "a+b", "(a)[b]{c}|^~!*';:@&=$,<>.-_"])
def test_a_path_carries_letters_digits_spaces_and_common_punctuation(strategy_id: str, call: Caller) -> None:
    name = unquote(strategy_id)
    call.store([trade(strategy_id=name)])
    answer = call.get(f"/metrics/strategy/{strategy_id}")
    assert answer.status == 200, answer.text
    assert answer.json["filters"] == {"strategy_id": name}


def test_a_path_that_is_not_utf8_is_400(call: Caller) -> None:
    answer = call.get("/trade_event/%FF")
    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")


def test_a_line_break_at_the_end_of_a_path_is_not_cut_off(call: Caller) -> None:
    """A regular expression's $ would match before it, and void the trade t-1 in the name of another."""
    call.store([trade("t-1")])
    assert call("POST", "/trade_event/t-1%0A/void", {"reason": "no"}).status == 404
    assert call.get("/trade_event/t-1%0A").status == 404
