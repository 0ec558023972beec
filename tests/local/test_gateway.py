"""Request -> handler -> answer, without a socket: what the gateway says by itself, and how it runs functions."""

import json
from pathlib import Path

import pytest

from trueedge_local.events import Incoming
from trueedge_local.gateway import MAX_BODY_BYTES, Gateway, load_handler
from trueedge_local.guard import Guard
from trueedge_local.template import Route, Routes

APP = """
import itertools
count = itertools.count(1)
def handler(event, context):
    if event["rawPath"] == "/raise":
        raise RuntimeError("inner text")
    if event["rawPath"] == "/nothing":
        return None
    body = f"{next(count)} {context.function_name} {event['requestContext']['requestId'] == context.aws_request_id}"
    return {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": body}
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    folder = tmp_path / f"function_{tmp_path.name}"  # a name of its own, as in functions/
    folder.mkdir()
    (folder / "app.py").write_text(APP, encoding="utf-8")
    return Gateway(Routes(Route("ANY", "$default", "Echo", folder), {}), Guard("127.0.0.1"))


def incoming(path: bytes = b"/", method: str = "GET", **headers: str) -> Incoming:
    sent = {"host": "localhost", **headers}
    return Incoming(method, path, b"", tuple((name.replace("_", "-"), value) for name, value in sent.items()))


def test_a_function_is_imported_once_and_keeps_its_state(gateway: Gateway) -> None:
    assert gateway.answer(incoming()).body == b"1 Echo True"
    assert gateway.answer(incoming()).body == b"2 Echo True"


@pytest.mark.parametrize("path", [b"/raise", b"/nothing"])
def test_a_function_that_fails_is_500_in_our_shape(path: bytes, gateway: Gateway) -> None:
    answer = gateway.answer(incoming(path))
    body = json.loads(answer.body)
    assert (answer.status, body["status"], body["code"]) == (500, "error", "internal")
    assert b"inner text" not in answer.body


def test_a_function_that_cannot_be_imported_is_not_half_imported(tmp_path: Path) -> None:
    folder = tmp_path / "broken_function"
    folder.mkdir()
    (folder / "app.py").write_text("raise ImportError('no')", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(ImportError):
            load_handler(folder)


def test_host_and_origin_are_refused_in_our_shape(gateway: Gateway) -> None:
    for request in (incoming(host="evil.example"), incoming(method="POST", origin="http://evil.example")):
        answer = gateway.refusal(request)
        assert answer is not None
        assert answer.status == 403
        body = json.loads(answer.body)
        assert (body["status"], body["code"]) == ("error", "forbidden")
        assert "TRUEEDGE_ALLOWED_HOSTS" in body["message"]
        assert body["request_id"]
    assert gateway.refusal(incoming(method="POST", origin="http://localhost")) is None


@pytest.mark.parametrize(
    ("length", "status"),
    [("0", None), (str(MAX_BODY_BYTES), None), (str(MAX_BODY_BYTES + 1), 413), ("9" * 30, 413), ("many", None)],
)
def test_a_body_that_says_it_is_too_large_is_refused_unread(length: str, status: int | None, gateway: Gateway) -> None:
    answer = gateway.refusal(incoming(method="POST", content_length=length))
    assert (answer and answer.status) == status
