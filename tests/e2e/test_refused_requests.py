"""Questions, methods, hosts and garbage that must be refused, and that nothing changes by it."""

import http.client
import json
import socket
from collections.abc import Iterator

import pytest

from tests.e2e.harness import Client, Server
from tests.e2e.refusing import READS, SEEDED, nothing_changes, seeded_server
from tests.e2e.samples import error_of, raw_event

pytestmark = pytest.mark.xdist_group("refusals")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with seeded_server(tmp_path_factory.mktemp("refusals")) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with nothing_changes(server) as client:
        yield client


# --- questions --------------------------------------------------------------------------------------------------------

QUESTION_PATHS = (*READS, "/metrics/strategy/strat", "/metrics/account/acc", "/report")


@pytest.mark.parametrize("path", [p for p in QUESTION_PATHS if p != "/report"])
def test_an_unknown_query_parameter_is_refused_and_the_known_ones_named(client: Client, path: str) -> None:
    for typo in ("strategy", "form", "account-id", "Environment"):
        error = error_of(client.get(path, {typo: "x"}), 400, "invalid_parameter")
        said = json.dumps(error)
        assert typo in said
        for known in ("account_id", "strategy_id", "environment", "from", "to"):
            assert known in said


WRONG_PARAMETERS = [
    ("environment", "paper"),
    ("environment", ""),
    ("from", "yesterday"),
    ("to", "2024-13-01"),
    ("to", "2024-02-30"),
    ("starting_balance", "-1"),
    ("starting_balance", "much"),
    ("starting_balance", "NaN"),
    ("starting_balance", "Infinity"),
    ("starting_balance", "1e999999999"),
]


@pytest.mark.parametrize(("name", "value"), WRONG_PARAMETERS)
@pytest.mark.parametrize("path", ["/metrics/overall", "/metrics/by_strategy", "/metrics/equity_curve"])
def test_a_wrong_parameter_is_named(client: Client, path: str, name: str, value: str) -> None:
    error = error_of(client.get(path, {name: value}), 400, "invalid_parameter")
    assert name in {e["field"] for e in error["errors"]}


def test_a_parameter_given_twice_is_refused(client: Client) -> None:
    error_of(client.get("/metrics/overall?environment=live&environment=demo"), 400, "invalid_parameter")


def test_a_plus_that_became_a_space_is_explained(client: Client) -> None:
    error = error_of(client.get("/metrics/overall?from=2024-01-01T00:00:00+02:00"), 400, "invalid_parameter")
    assert "%2B" in json.dumps(error)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "cursor=nonsense", "sort=nonsense", "order=up"]
)
def test_a_wrong_page_is_refused(client: Client, query: str) -> None:
    error_of(client.get(f"/metrics/by_strategy?{query}"), 400, "invalid_parameter")
    if "sort" not in query and "order" not in query:
        error_of(client.get(f"/trade_events?{query}"), 400, "invalid_parameter")


# --- routes, methods, hosts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/nothing", "/metrics", "/metrics/overall/", "/trade_event", "/../etc/passwd"])
def test_an_unknown_route_is_not_found_in_our_shape(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status in (404, 405)
    error_of(answer, answer.status, "not_found" if answer.status == 404 else "method_not_allowed")


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/trade_event/a"), ("PUT", "/trade_event"), ("POST", "/metrics/overall"), ("PATCH", "/trade_events")],
)
def test_a_wrong_method_is_405_in_our_shape(client: Client, method: str, path: str) -> None:
    error_of(client.request(method, path, b""), 405, "method_not_allowed")


@pytest.mark.parametrize("path", [*QUESTION_PATHS, "/health", "/trade_event/a"])
def test_head_is_get_without_the_body(client: Client, path: str) -> None:
    get, head = client.get(path), client.request("HEAD", path)
    assert (get.status, head.status) == (200, 200)
    assert head.body == b""
    assert head.headers.get("content-type") == get.headers.get("content-type")
    assert head.headers.get("etag") == get.headers.get("etag")


def test_an_unknown_event_is_not_found(client: Client) -> None:
    error_of(client.get("/trade_event/nobody"), 404, "not_found")
    error_of(client.post("/trade_event/nobody/void", '{"reason": "test"}'), 404, "not_found")


@pytest.mark.parametrize("body", ["", "{}", '{"reason": ""}', '{"reason": 5}', '{"reason": null}', "[]", "nonsense"])
def test_a_void_without_a_reason_is_refused(client: Client, body: str) -> None:
    error_of(client.post("/trade_event/a/void", body), 400)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::2]"])
def test_a_foreign_host_is_refused(server: Server, client: Client, host: str) -> None:
    for method, path, body in (("POST", "/trade_event", raw_event("new").encode()), ("GET", "/metrics/overall", None)):
        answer = client.request(method, path, body, {"Host": host})
        assert answer.status in (400, 403, 421), (method, answer.body)
        error_of(answer, answer.status)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1"])
def test_the_loopback_names_are_its_own(server: Server, client: Client, host: str) -> None:
    assert client.request("GET", "/metrics/overall", None, {"Host": f"{host}:{server.port}"}).status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"]
)
def test_a_write_from_a_foreign_page_is_refused(client: Client, origin: str) -> None:
    for path, body in (
        ("/trade_event", raw_event("new")),
        ("/trade_events", f"[{raw_event('new')}]"),
        ("/trade_event/a/void", '{"reason": "by a web page"}'),
    ):
        for content_type in ("application/json", "text/plain"):
            answer = client.request("POST", path, body.encode(), {"Origin": origin, "Content-Type": content_type})
            assert answer.status in (400, 403), (path, answer.status, answer.body)
            error_of(answer, answer.status)


def test_a_write_from_its_own_page_is_taken(server: Server, client: Client) -> None:
    for origin in (f"http://127.0.0.1:{server.port}",):
        answer = client.request("POST", "/trade_event", SEEDED[0].encode(), {"Origin": origin})
        assert answer.status == 200, answer.body


def test_no_page_of_another_origin_may_read(client: Client) -> None:
    answer = client.request("GET", "/metrics/overall", None, {"Origin": "https://evil.example"})
    assert answer.headers.get("access-control-allow-origin") in (None, "")


# --- what is no HTTP --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS greeting
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"POST /trade_event HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n{}",
        b"POST /trade_event HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n{",
        b"GET /metrics/overall?from=%ff%fe HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        b"GET /trade_event/%00 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        b"GET /trade_event/%zz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    ],
    ids=["tls", "huge header", "negative length", "half a body", "bad UTF-8 query", "nul in path", "bad escape"],
)
def test_garbage_on_the_socket_does_not_hurt(server: Server, client: Client, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        try:
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            answer = raw.recv(65536)
        except OSError:
            answer = b""
    assert b" 500 " not in answer.split(b"\r\n")[0] + b" "
    assert client.get("/health").status == 200


def test_chunked_bodies_are_bodies(server: Server, client: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/trade_event", iter([SEEDED[0][:50].encode(), SEEDED[0][50:].encode()]),
                       {"Transfer-Encoding": "chunked"}, encode_chunked=True)  # fmt: skip
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == 200, body
    assert json.loads(body)["duplicate"] is True
