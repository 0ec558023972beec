"""POST /hook/{key}/trade_event: the key of senders that cannot set headers, and nothing but the least of keys."""

import json
from urllib.parse import quote, urlencode

import pytest

from tests.functions.calling import Answered, Caller, trade
from tests.functions.test_access import BAD_KEYS, FOREIGN, MINE, Instance, instance, no_key
from trueedge_core import wiring
from trueedge_core.services import keys as making

__all__ = ["instance"]  # the fixture

OWN = {"account_id": MINE[0], "strategy_id": MINE[1]}


def hook(instance: Instance, key: str, body: object = None, **headers: str) -> Answered:
    sent = trade("t-9", **OWN) if body is None else body
    raw = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    return instance.call("POST", f"/hook/{quote(key, safe='')}/trade_event", raw, **headers)


@pytest.mark.parametrize(
    "binding", [{"account_id": MINE[0]}, {"strategy_id": MINE[1]}, OWN], ids=lambda one: "+".join(one)
)
def test_an_ingest_key_that_is_bound_records_its_trade(binding: dict[str, str], instance: Instance) -> None:
    answer = hook(instance, instance.key("ingest", **binding))
    assert (answer.status, answer.json["duplicate"]) == (200, False)
    assert len(instance.log()) == 5


def test_a_retry_is_a_duplicate_and_the_same_as_by_the_other_door(instance: Instance) -> None:
    key = instance.key("ingest", **OWN)
    assert hook(instance, key).status == 200
    assert hook(instance, key, trade("t-9", **OWN, side="Long")).json["duplicate"] is True
    other = instance.call("POST", "/trade_event", trade("t-9", **OWN), x_api_key=key)
    assert other.json["duplicate"] is True


@pytest.mark.parametrize("binding", [{}, OWN], ids=["unbound", "bound"])
@pytest.mark.parametrize("scopes", [("read",), ("admin",), ("ingest", "read"), ("ingest", "admin")], ids="+".join)
def test_a_key_that_may_do_more_is_forbidden(
    scopes: tuple[str, ...], binding: dict[str, str], instance: Instance
) -> None:
    before = instance.log()
    answer = hook(instance, instance.key(*scopes, **binding))
    assert (answer.status, answer.json["code"], instance.log()) == (403, "forbidden", before)


def test_an_unbound_ingest_key_is_forbidden(instance: Instance) -> None:
    before = instance.log()
    answer = hook(instance, instance.key("ingest"))
    assert (answer.status, instance.log()) == (403, before)
    assert "a binding to an account or a strategy" in answer.json["message"]


def test_a_key_that_is_forbidden_here_was_not_used(instance: Instance) -> None:
    hook(instance, instance.key("admin"))
    assert [one.last_used_at for one in wiring.keys().all()] == [None]


@pytest.mark.parametrize("bad", [one for one in BAD_KEYS if one is not no_key], ids=lambda bad: bad.__name__)
def test_a_key_that_is_not_good_opens_nothing(bad: object, instance: Instance) -> None:
    key, before = bad(instance), instance.log()  # type: ignore[operator]
    answer = hook(instance, key)
    assert (answer.status, answer.json["code"], instance.log()) == (401, "unauthorized", before)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert key not in answer.text


def test_a_wrong_key_is_told_the_same_whatever_it_shares_with_a_right_one(instance: Instance) -> None:
    right = instance.key("ingest", **OWN)
    wrong = [making.new_text(), *(right[:n] + "A" * (35 - n) for n in (4, 20, 33)), right[:-1], "te_", "x"]
    answers = [hook(instance, key) for key in wrong if key != right]
    assert {one.status for one in answers} == {401}
    assert {one.json["message"] for one in answers} == {"this key is not known here"}


def test_the_key_in_the_path_counts_and_no_other(instance: Instance) -> None:
    good, admin = instance.key("ingest", **OWN), instance.key("admin")
    assert hook(instance, making.new_text(), x_api_key=good).status == 401
    assert hook(instance, making.new_text(), authorization=f"Bearer {admin}").status == 401
    assert hook(instance, good, x_api_key="nonsense").status == 200


def test_a_key_in_the_path_opens_no_other_route(instance: Instance) -> None:
    key = instance.key("ingest", **OWN)
    for method, target in (
        ("GET", f"/hook/{key}/trade_event"),
        ("POST", f"/hook/{key}/trade_events"),
        ("POST", f"/hook/{key}"),
        ("POST", f"/hook/{key}/trade_event/t-1/void"),
        ("GET", f"/hook/{key}/metrics/overall"),
        ("DELETE", f"/hook/{key}/trade_event"),
    ):
        answer = instance.call(method, target)
        assert answer.status in (404, 405)
        assert key not in answer.text
    assert instance.call.get(f"/report?key={key}", accept="text/html").status == 403


def test_anothers_trade_is_forbidden(instance: Instance) -> None:
    before = instance.log()
    answer = hook(instance, instance.key("ingest", **OWN), trade("t-9", account_id=FOREIGN[0], strategy_id=MINE[1]))
    assert (answer.status, [one["field"] for one in answer.json["errors"]]) == (403, ["account_id"])
    assert instance.log() == before


def test_the_body_is_not_looked_at_before_the_key(instance: Instance) -> None:
    for body in (b"{broken", b"x" * 5_000_000, b""):
        assert hook(instance, making.new_text(), body).status == 401


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("text/plain; charset=utf-8", False),
        ("application/json", False),
        ("application/x-www-form-urlencoded", True),
        ("text/plain", True),
    ],
)
def test_json_and_forms_are_taken_as_whatever_type_they_come(content_type: str, form: bool, instance: Instance) -> None:
    event = {name: str(value) for name, value in trade("t-9", **OWN, side="short", pnl="-0.10").items()}
    body = urlencode(event).encode() if form else json.dumps(event).encode()
    key = instance.key("ingest", **OWN)
    assert hook(instance, key, body, content_type=content_type).status == 200
    kept = instance.call.get("/trade_event/t-9", x_api_key=instance.key("read")).json["event"]
    assert (kept["side"], kept["pnl"]) == ("sell", "-0.10")
    assert hook(instance, key, trade("t-9", **OWN, side="sell", pnl="-0.1")).json["duplicate"] is True


def test_a_wrong_field_is_named_as_by_the_other_door(instance: Instance) -> None:
    broken = trade("t-9", **OWN, side="flat", pnl="{{strategy.profit}}")
    key = instance.key("ingest", **OWN)
    here, there = hook(instance, key, broken), instance.call("POST", "/trade_event", broken, x_api_key=key)
    assert (here.status, here.json["errors"]) == (400, there.json["errors"])
    assert {one["field"] for one in here.json["errors"]} == {"side", "pnl"}


def test_a_query_is_refused(instance: Instance) -> None:
    key = instance.key("ingest", **OWN)
    assert instance.call("POST", f"/hook/{key}/trade_event?side=buy", trade("t-9", **OWN)).status == 400


def test_an_open_instance_takes_any_word_for_a_key(call: Caller) -> None:
    """As every route does there; the first key that is made ends it."""
    assert call("POST", "/hook/anything/trade_event", trade("t-9")).status == 200
    making.create(wiring.keys(), ["read"], wiring.now_us())
    wiring.configure(wiring.settings())  # forgets what was remembered of the keys
    assert call("POST", "/hook/anything/trade_event", trade("t-10")).status == 401
