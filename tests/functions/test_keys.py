"""Keys over HTTP: only an administrator, only inside its binding, the text once; a share link from start to end."""

from typing import Any

import pytest

from tests.functions.calling import Answered, Caller, trade
from trueedge_core import wiring
from trueedge_core.services import keys as making
from trueedge_core.settings import Settings


@pytest.fixture
def hosted(settings: Settings, call: Caller) -> Caller:
    call.store([trade("t-1", account_id="mine"), trade("t-2", account_id="theirs")])
    wiring.configure(Settings(store_url=settings.store_url))
    return call


def admin(**how: Any) -> str:
    return making.create(wiring.keys(), ["admin"], wiring.now_us(), **how)[0]


def make(call: Caller, key: str, **body: Any) -> Answered:
    return call("POST", "/keys", {"scopes": ["read"], **body}, x_api_key=key)


def test_a_share_link_is_made_opened_listed_and_revoked(hosted: Caller) -> None:
    key = admin()
    made = make(hosted, key, account_id="mine", expires="7d", name="for an investor").json
    assert (made["scopes"], made["account_id"], made["is_good"]) == (["read"], "mine", True)
    opened = hosted.get(f"/report?account_id=mine&key={made['key']}", accept="text/html")
    assert opened.status in (200, 303)
    assert hosted.get("/metrics/overall", x_api_key=made["key"]).json["metrics"]["total_trades"] == 1
    assert hosted.get("/report?account_id=theirs", x_api_key=made["key"]).status == 403
    listed = hosted.get("/keys", x_api_key=key)
    assert made["key"] not in listed.text
    assert [one["name"] for one in listed.json["keys"]] == ["", "for an investor"]
    revoked = hosted("POST", f"/keys/{made['id']}/revoke", b"", x_api_key=key)
    assert (revoked.status, revoked.json["is_good"]) == (200, False)
    again = hosted("POST", f"/keys/{made['id']}/revoke", b"", x_api_key=key)
    assert again.json["revoked_at"] == revoked.json["revoked_at"]
    assert hosted.get("/metrics/overall", x_api_key=made["key"]).status == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": ["write"]}, "scopes"),
        ({"account_id": ""}, "account_id"),
        ({"account_id": 7}, "account_id"),
        ({"strategy_id": "a\nb"}, "strategy_id"),
        ({"expires": "soon"}, "expires"),
        ({"expires": "2001-01-01"}, "expires"),
        ({"name": "x" * 65}, "name"),
        ({"expiry": "7d"}, "expiry"),
    ],
)
def test_a_wrong_field_is_named_and_no_key_is_made(hosted: Caller, body: dict[str, Any], field: str) -> None:
    key = admin()
    answer = make(hosted, key, **body)
    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert [one["field"] for one in answer.json["errors"]] == [field]
    assert len(wiring.keys().all()) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"scopes":["read"],"scopes":["admin"]}'])
def test_a_body_that_is_no_object_makes_no_key(hosted: Caller, body: bytes) -> None:
    assert hosted("POST", "/keys", body, x_api_key=admin()).status == 400
    assert len(wiring.keys().all()) == 1


def test_a_bound_administrator_makes_sees_and_revokes_only_its_own(hosted: Caller) -> None:
    foreign = making.create(wiring.keys(), ["read"], wiring.now_us(), account_id="theirs", name="foreign")[1]
    key = admin(account_id="mine", name="bound")
    assert make(hosted, key, account_id="theirs").status == 403
    made = make(hosted, key, strategy_id="s", name="ours").json
    assert (made["account_id"], made["strategy_id"]) == ("mine", "s")  # the binding cannot be left out
    assert [one["name"] for one in hosted.get("/keys", x_api_key=key).json["keys"]] == ["bound", "ours"]
    assert hosted("POST", f"/keys/{foreign.id}/revoke", b"", x_api_key=key).status == 404
    assert wiring.keys().all()[0].revoked_at is None
    assert make(hosted, key, scopes=["admin"]).json["account_id"] == "mine"


def test_an_open_instance_makes_no_key_over_http(call: Caller) -> None:
    answer = call("POST", "/keys", {"scopes": ["read"]})
    assert answer.status == 403
    assert "keys create" in answer.json["message"]
    assert call.get("/keys").json["keys"] == []
    assert not wiring.keys().has_any()


def test_only_an_administrator_s_page_has_what_makes_links(hosted: Caller) -> None:
    reader = making.create(wiring.keys(), ["read"], wiring.now_us())[0]
    assert "sharing" not in hosted.get("/report", x_api_key=reader).text
    assert "sharing" in hosted.get("/report", x_api_key=admin()).text


def test_the_page_of_an_open_instance_has_not(call: Caller) -> None:
    call.store([trade("t-1")])
    assert "sharing" not in call.get("/report").text


def test_a_page_of_another_site_makes_no_key_with_the_cookie(hosted: Caller) -> None:
    answer = hosted(
        "POST", "/keys", {"scopes": ["read"]}, cookie=f"trueedge_key={admin()}", sec_fetch_site="cross-site"
    )
    assert answer.status == 401
    assert len(wiring.keys().all()) == 1
