"""HTTP <-> v2 events, without a socket."""

import base64
from typing import Any

import pytest

from trueedge_local.events import BadRequest, Incoming, decode_headers, decoded_path, from_result, is_text, to_event


def event_of(
    method: str = "GET",
    raw_path: bytes = b"/metrics/overall",
    query: bytes = b"",
    headers: list[tuple[bytes, bytes]] | None = None,
    body: bytes = b"",
    parameters: dict[str, str] | None = None,
) -> dict[str, Any]:
    incoming = Incoming(method, raw_path, query, decode_headers(headers or []), body, "10.0.0.7")
    return to_event(incoming, "GET /metrics/overall", decoded_path(raw_path), parameters or {}, "request-1")


def test_a_get_becomes_a_v2_event() -> None:
    event = event_of(query=b"from=2026-01-01T00:00:00%2B01:00&x=a+b", headers=[(b"User-Agent", b"bot/1")])
    assert (event["version"], event["routeKey"]) == ("2.0", "GET /metrics/overall")
    assert event["rawPath"] == "/metrics/overall"
    assert event["rawQueryString"] == "from=2026-01-01T00:00:00%2B01:00&x=a+b"  # untouched
    context = event["requestContext"]
    assert context["http"] == {
        "method": "GET",
        "path": "/metrics/overall",
        "protocol": "HTTP/1.1",
        "sourceIp": "10.0.0.7",
        "userAgent": "bot/1",
    }
    assert (context["requestId"], context["stage"], context["routeKey"]) == (
        "request-1",
        "$default",
        "GET /metrics/overall",
    )
    assert not {"body", "cookies", "pathParameters"} & event.keys()


def test_header_names_are_lower_case_and_repeated_ones_are_joined() -> None:
    event = event_of(headers=[(b"X-One", b"1"), (b"x-one", b"2"), (b"HOST", b"h")])
    assert event["headers"] == {"x-one": "1,2", "host": "h"}


def test_cookies_have_a_list_of_their_own() -> None:
    event = event_of(headers=[(b"Cookie", b"a=1; b=2"), (b"cookie", b"c=3")])
    assert event["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in event["headers"]


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/a%20b", "/a b"),
        (b"/a+b", "/a+b"),  # a plus is a plus in a path
        (b"/a%252Fb", "/a%2Fb"),  # decoded once
        (b"/a%2Fb", "/a/b"),
        (b"/Z%C3%BCrich", "/Zürich"),
        (b"/100%", "/100%"),
    ],
)
def test_a_path_is_decoded_once(raw: bytes, path: str) -> None:
    assert decoded_path(raw) == path


def test_a_path_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(BadRequest):
        decoded_path(b"/%ff")


@pytest.mark.parametrize(
    ("content_type", "encoding", "expected"),
    [
        ("application/json", None, True),
        ("Application/JSON; charset=utf-8", None, True),
        ("application/javascript", None, True),
        ("application/xml", None, True),
        ("text/plain", None, True),
        ("text/csv; header=present", "identity", True),
        ("application/json", "gzip", False),
        ("application/x-www-form-urlencoded", None, False),
        ("application/x-ndjson", None, False),
        ("application/octet-stream", None, False),
        ("application/jsonlines", None, False),
        ("", None, False),
        (None, None, False),
    ],
)
def test_what_is_text_by_the_gateway_s_rule(content_type: str | None, encoding: str | None, expected: bool) -> None:
    assert is_text(content_type, encoding) is expected


@pytest.mark.parametrize("content_type", [b"application/json", b"application/x-ndjson"])
@pytest.mark.parametrize("body", [b'{"a":1}', '{"n":"Zürich"}'.encode(), b"\xff\xfe", b"\x00"])
def test_every_body_arrives_byte_for_byte(content_type: bytes, body: bytes) -> None:
    event = event_of("POST", headers=[(b"content-type", content_type)], body=body)
    raw = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
    assert raw == body
    if content_type == b"application/json":
        assert event["isBase64Encoded"] is (body == b"\xff\xfe")  # what is no text cannot stand in JSON


def test_path_parameters_are_passed_on() -> None:
    assert event_of(parameters={"event_id": "a b"})["pathParameters"] == {"event_id": "a b"}


def test_a_result_becomes_an_answer() -> None:
    answer = from_result(
        {
            "statusCode": 201,
            "headers": {"Content-Type": "text/plain", "X-N": 5, "Content-Length": "999"},
            "cookies": ["a=1; HttpOnly", "b=2"],
            "body": "é",
        }
    )
    assert (answer.status, answer.body) == (201, "é".encode())
    assert answer.headers == [
        (b"content-type", b"text/plain"),
        (b"x-n", b"5"),
        (b"set-cookie", b"a=1; HttpOnly"),
        (b"set-cookie", b"b=2"),
        (b"content-length", b"2"),
    ]


def test_a_base64_result_is_unpacked_and_304_has_no_length() -> None:
    packed = from_result({"statusCode": 200, "body": base64.b64encode(b"\x00\xff").decode(), "isBase64Encoded": True})
    assert packed.body == b"\x00\xff"
    assert from_result({"statusCode": 200, "headers": {"ETag": '"x"'}, "body": ""}, is_head=True).headers == [
        (b"etag", b'"x"')
    ]
    assert from_result({"statusCode": 304, "headers": {"ETag": '"x"'}, "body": ""}).headers == [(b"etag", b'"x"')]
