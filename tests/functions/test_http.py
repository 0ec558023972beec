"""What every answer has in common: validators, compression, HEAD, the access check, and errors without inner text."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functions.calling import Caller, trade
from trueedge_core import wiring
from trueedge_core.errors import Unavailable
from trueedge_core.settings import Settings

READS = (
    "/metrics/overall",
    "/metrics/by_strategy",
    "/metrics/by_account",
    "/metrics/strategy/trend",
    "/metrics/account/acct-1",
    "/metrics/equity_curve",
    "/trade_events",
    "/trade_events?format=csv",
    "/trade_events?format=ndjson",
    "/trade_event/t-1",
    "/report",
    "/health",
)
WRITES = ("/trade_event", "/trade_events", "/trade_event/t-1/void")


@pytest.mark.parametrize("target", READS)
def test_a_read_has_an_etag_that_saves_the_second_answer(target: str, call: Caller) -> None:
    call.post(trade("t-1"))
    first = call.get(target)
    tag = first.headers["etag"]
    assert first.status == 200
    for asked in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = call.get(target, if_none_match=asked)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        assert "content-type" not in again.headers
    assert call.get(target, if_none_match='"other"').status == 200


def test_the_etag_changes_with_the_figures_and_only_with_them(call: Caller) -> None:
    call.post(trade("t-1"))
    tag = call.get("/metrics/overall").headers["etag"]
    assert call.get("/metrics/overall").headers["etag"] == tag
    call.post(trade("t-1"))  # a duplicate
    assert call.get("/metrics/overall").headers["etag"] == tag
    call.post(trade("t-2"))
    assert call.get("/metrics/overall").headers["etag"] != tag


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "*", "GZIP", "deflate, gzip"])
def test_a_large_answer_is_compressed_for_who_takes_it(accepted: str, call: Caller) -> None:
    call.store(trade(f"t-{n}", strategy_id=f"s-{n}") for n in range(5))
    plain = call.get("/metrics/by_strategy")
    packed = call.get("/metrics/by_strategy", accept_encoding=accepted)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.headers["content-length"] == str(len(packed.raw))
    assert packed.body == plain.body
    assert packed.headers["etag"] == plain.headers["etag"]
    assert call.get("/metrics/by_strategy", accept_encoding=accepted).raw == packed.raw  # no time in it


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", "*;q=0", "gzip;q=0, *", "gzip;q=x"])
def test_who_does_not_take_gzip_gets_none(accepted: str, call: Caller) -> None:
    call.store(trade(f"t-{n}", strategy_id=f"s-{n}") for n in range(5))
    assert "content-encoding" not in call.get("/metrics/by_strategy", accept_encoding=accepted).headers


def test_a_small_answer_is_not_compressed(call: Caller) -> None:
    assert "content-encoding" not in call.get("/health", accept_encoding="gzip").headers


def test_a_large_batch_answer_is_compressed_too(call: Caller) -> None:
    answer = call("POST", "/trade_events", [trade(f"t-{n}") for n in range(100)], accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json["results"]) == 100


@pytest.mark.parametrize("target", READS)
def test_head_is_get_without_the_body(target: str, call: Caller) -> None:
    call.post(trade("t-1"))
    get, head = call.get(target), call("HEAD", target)
    assert (head.status, head.body) == (200, b"")
    for name in ("etag", "content-type", "cache-control", "vary"):
        assert head.headers.get(name) == get.headers.get(name)


def test_answers_are_not_kept_by_caches_that_others_share(call: Caller) -> None:
    assert call.get("/metrics/overall").headers["cache-control"] == "private, no-cache"
    assert call.post(trade("t-1")).headers["cache-control"] == "no-store"
    assert call.get("/metrics/overall?x=1").headers["cache-control"] == "no-store"
    assert call.get("/metrics/overall").headers["x-content-type-options"] == "nosniff"


# --- access ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def closed(tmp_path: Path, call: Caller) -> Caller:
    """A store with a trade in it, then served without the open flag: as it is hosted."""
    call.post(trade("t-1"))
    wiring.configure(Settings(store_url=f"sqlite:///{tmp_path / 'trueedge.db'}"))
    return call


@pytest.mark.parametrize("target", [target for target in READS if target != "/health"])
def test_without_keys_a_hosted_instance_reads_nothing_out(target: str, closed: Caller) -> None:
    for headers in ({}, {"x_api_key": "te_guess"}, {"authorization": "Bearer te_guess"}):
        answer = closed.get(target, **headers)
        assert (answer.status, answer.json["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert closed("HEAD", target).status == 401


@pytest.mark.parametrize("target", WRITES)
def test_without_keys_a_hosted_instance_takes_nothing(target: str, closed: Caller, tmp_path: Path) -> None:
    assert closed("POST", target, trade("t-2")).status == 401
    wiring.configure(Settings(store_url=f"sqlite:///{tmp_path / 'trueedge.db'}", open=True))
    assert closed.get("/metrics/overall").json["as_of"]["events"] == 1


def test_health_needs_no_key(closed: Caller) -> None:
    assert closed.get("/health").json == {"status": "ok", "version": Settings().version, "store": "sqlite"}


# --- errors ----------------------------------------------------------------------------------------------------------


class BrokenLedger:
    """A ledger of which every method raises the given error: what a store may do at any moment."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> object:
        def fail(*_: object, **__: object) -> object:
            if name == "close":
                return None
            raise self.error

        return fail


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    """What the product logs during the test."""
    found: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = found.append  # type: ignore[method-assign]
    log = logging.getLogger("trueedge")
    log.addHandler(handler)
    yield found
    log.removeHandler(handler)


@pytest.mark.parametrize("target", READS)
def test_the_unexpected_is_500_without_its_text_and_logged_once(
    target: str, call: Caller, monkeypatch: pytest.MonkeyPatch, records: list[logging.LogRecord]
) -> None:
    monkeypatch.setattr(wiring, "_ledger", BrokenLedger(RuntimeError("the secret path")))
    answer = call.get(target)
    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert "secret" not in answer.text
    [record] = [record for record in records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert "the secret path" in str(record.exc_info[1])
    assert record.__dict__["request_id"] == answer.json["request_id"]


@pytest.mark.parametrize("target", READS)
def test_a_store_that_is_busy_is_503_with_retry_after(
    target: str, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "_ledger", BrokenLedger(Unavailable("the store is busy", retry_after=3)))
    answer = call.get(target)
    assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (503, "unavailable", "3")


@pytest.mark.parametrize("target", ["/trade_event", "/trade_events"])
def test_a_write_that_did_not_reach_the_store_is_not_acknowledged(
    target: str, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(wiring, "_ledger", BrokenLedger(Unavailable("the store is busy")))
        assert call("POST", target, trade("t-1")).status == 503
    assert call("POST", target, trade("t-1")).status == 200
