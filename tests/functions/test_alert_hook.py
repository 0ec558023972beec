"""/accounts/{account_id}/alert by its function, and the scheduled function that tells."""

import json
from pathlib import Path

import pytest

from tests.functions.calling import FUNCTIONS, Caller, sample
from tests.functions.test_access import BAD_KEYS, CARRIERS, MINE, Instance, instance
from trueedge_core import wiring
from trueedge_core.settings import Settings
from trueedge_local.gateway import Context, load_handler

__all__ = ["instance"]  # the fixture

PATH = f"/accounts/{MINE[0]}/alert"
URL = {"url": "https://desk.example/x"}


def test_an_address_is_set_shown_and_ended(call: Caller) -> None:
    made = call("PUT", PATH, URL)
    assert (made.status, set(made.json)) == (200, {"status", "account_id", "url", "secret"})
    shown = call.get(PATH)
    assert (shown.status, shown.json["url"]) == (200, URL["url"])
    assert made.json["secret"] not in shown.text
    assert call("PUT", PATH, {"url": None}).json["url"] is None
    assert call.get(PATH).status == 404


def test_a_wrong_address_is_named(call: Caller) -> None:
    answer = call("PUT", PATH, {"url": "https://user:pw@desk.example"})
    assert (answer.status, [one["field"] for one in answer.json["errors"]]) == (400, ["url"])
    assert call.get(f"{PATH}?limit=1").status == 400


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("bad", BAD_KEYS, ids=lambda bad: bad.__name__)
def test_a_key_that_is_not_good_opens_nothing(method: str, carrier: str, bad: object, instance: Instance) -> None:
    key = bad(instance)  # type: ignore[operator]
    headers = {} if key is None else CARRIERS[carrier](key)
    assert instance.call(method, PATH, URL, **headers).status == 401
    assert wiring.alerts().hooks() == []


@pytest.mark.parametrize("scopes", [("read",), ("ingest",), ("ingest", "read")], ids="+".join)
def test_only_an_admin_sets_or_sees_it(scopes: tuple[str, ...], instance: Instance) -> None:
    for method in ("GET", "PUT"):
        for binding in ({}, {"account_id": MINE[0]}):
            answer = instance.call(method, PATH, URL, x_api_key=instance.key(*scopes, **binding))
            assert (answer.status, answer.json["code"]) == (403, "forbidden")
    assert wiring.alerts().hooks() == []
    assert instance.call("PUT", PATH, URL, x_api_key=instance.key("admin")).status == 200


def test_a_bound_admin_sets_its_own_account_alone(instance: Instance) -> None:
    bound = instance.key("admin", account_id=MINE[0])
    assert instance.call("PUT", PATH, URL, x_api_key=bound).status == 200
    assert instance.call("PUT", "/accounts/other/alert", URL, x_api_key=bound).status == 403
    assert instance.call.get("/accounts/other/alert", x_api_key=bound).status == 403


def test_the_scheduled_function_tells_what_is_due(tmp_path: Path) -> None:
    """By its own connection to an address that is not public, and is therefore not reached."""
    wiring.configure(Settings(store_url=f"sqlite:///{tmp_path / 't.db'}", open=True))
    try:
        call = Caller()
        assert call("PUT", PATH, {"url": "https://127.0.0.1/x"}).status == 200
        handler = load_handler(FUNCTIONS / "alerts")
        assert handler(sample("alerts"), Context("alerts", "lambda-request")) == {"told": 0}
        [alert] = call.get(PATH).json["alerts"]
    finally:
        wiring.configure(None)
    assert (alert["about"], alert["tries"], alert["told_at"]) == ("test", 1, None)
    assert "not public" in alert["last_error"]
    assert json.dumps(sample("alerts")["source"]) == '"aws.events"'
