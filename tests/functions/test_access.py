"""Every route with every kind of key that must not open it: refused, nothing stored, nothing shown."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.functions.calling import Answered, Caller, trade
from trueedge_core import wiring
from trueedge_core.domain.breakdowns import CALENDAR
from trueedge_core.domain.ports import Key, Scope
from trueedge_core.services import keys as making
from trueedge_core.services.access import digest_of
from trueedge_core.settings import Settings
from trueedge_local.template import DEFAULT, Route, read_routes

# What answers without a key, and why nothing is lost by it: liveness, the way to sign in, files that anyone may have.
PUBLIC = {"/health", "/login", "/logout", "/assets/{file}", "/docs", "/openapi.json"}
KEY_IN_PATH = {"/hook/{key}/trade_event"}  # tests/functions/test_hook.py asks the same of it
ADMIN_ONLY = {"/accounts/{account_id}/alert"}  # tests/functions/test_alert_hook.py
ELSEWHERE = {DEFAULT, *PUBLIC, *KEY_IN_PATH, *ADMIN_ONLY}
GUARDED = [route for route in read_routes() if route.path not in ELSEWHERE]
GUARDED_IDS = [route.key for route in GUARDED]
# Told apart from anything that may be shown: no answer to a bound key may contain it.
MINE, FOREIGN = ("own-account", "own-strategy"), ("FOREIGN-account", "FOREIGN-strategy")
OWNERS = {"t-0": (MINE[0], FOREIGN[1]), "t-1": MINE, "t-2": (FOREIGN[0], MINE[1]), "t-3": FOREIGN}


def target(route: Route) -> str:
    if "{key_id}" in route.path:
        spare, _ = making.create(wiring.keys(), ["read"], wiring.now_us(), name="spare")
        return route.path.replace("{key_id}", digest_of(spare)[:12])
    return route.path.replace("{event_id}", "t-1").replace("{strategy_id}", MINE[1]).replace("{account_id}", MINE[0])


def body_for(route: Route) -> Any:
    if route.method == "PUT":
        return {"display_name": "changed"}
    if route.method != "POST":
        return b""
    if route.path.endswith("/void"):
        return {"reason": "no"}
    if route.path.startswith("/keys"):
        return {"scopes": ["read"]}
    event = trade("t-9", account_id=MINE[0], strategy_id=MINE[1])
    return [event] if route.path == "/trade_events" else event


@dataclass
class Instance:
    """A hosted instance with four trades, one of each of two accounts and two strategies; makes keys for it."""

    call: Caller

    def key(self, *scopes: str, **how: Any) -> str:
        return making.create(wiring.keys(), scopes, wiring.now_us(), **how)[0]

    def good(self, key: str) -> Answered:
        return self.call.get("/metrics/overall", x_api_key=key)

    def log(self) -> list[str]:
        """What is kept, past every door: text and void of each event, and what was said of accounts."""
        page = wiring.ledger().trades(Scope(), limit=1000)
        said = [repr(one) for one in wiring.accounts().all()]
        return sorted(f"{one.raw} {one.void_reason}" for one in page.items) + said


@pytest.fixture
def instance(settings: Settings, call: Caller) -> Instance:
    events = [
        trade(name, account_id=a, strategy_id=s, pnl=10, symbol=f"{a} {s}", venue=f"{a} {s}")
        for name, (a, s) in OWNERS.items()
    ]
    call.store(events)
    wiring.configure(Settings(store_url=settings.store_url))
    return Instance(call)


# --- a key that is not good ------------------------------------------------------------------------------------------


def no_key(instance: Instance) -> str | None:
    return None


def wrong_key(instance: Instance) -> str:
    return making.new_text()


def almost_right_key(instance: Instance) -> str:
    text = instance.key("admin")
    return text[:-1] + ("A" if text[-1] != "A" else "B")


def malformed_key(instance: Instance) -> str:
    return "admin"


def digest_as_key(instance: Instance) -> str:
    return digest_of(instance.key("admin"))


def revoked_key(instance: Instance) -> str:
    text = instance.key("admin")
    wiring.keys().revoke(digest_of(text)[:12], wiring.now_us())
    return text


def expired_key(instance: Instance) -> str:
    text = making.new_text()
    wiring.keys().add(Key(digest_of(text), ("admin",), 1, expires_at=wiring.now_us()))
    return text


BAD_KEYS = (no_key, wrong_key, almost_right_key, malformed_key, digest_as_key, revoked_key, expired_key)
CARRIERS: dict[str, Callable[[str], dict[str, str]]] = {
    "X-API-Key": lambda key: {"x_api_key": key},
    "Bearer": lambda key: {"authorization": f"bearer {key}"},
    "cookie": lambda key: {"cookie": f"other=1; trueedge_key={key}", "sec_fetch_site": "same-origin"},
}


@pytest.mark.parametrize("route", GUARDED, ids=GUARDED_IDS)
def test_a_key_that_is_not_good_opens_nothing(route: Route, instance: Instance) -> None:
    before = instance.log()
    for bad in BAD_KEYS:
        key = bad(instance)
        for carrier in CARRIERS:
            headers = {} if key is None else CARRIERS[carrier](key)
            answer = instance.call(route.method, target(route), body_for(route), **headers)
            assert answer.status == 401, (bad.__name__, carrier)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.headers["cache-control"] == "no-store"
            assert "etag" not in answer.headers
            if route.method != "HEAD":
                assert (answer.json["status"], answer.json["code"]) == ("error", "unauthorized")
                assert key is None or key not in answer.text
    assert instance.log() == before


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("route", GUARDED, ids=GUARDED_IDS)
def test_an_admin_key_opens_everything(route: Route, carrier: str, instance: Instance) -> None:
    answer = instance.call(route.method, target(route), body_for(route), **CARRIERS[carrier](instance.key("admin")))
    assert answer.status == 200, answer.text


@pytest.mark.parametrize("route", GUARDED, ids=GUARDED_IDS)
def test_a_scope_opens_its_routes_and_no_other(route: Route, instance: Instance) -> None:
    before = instance.log()
    opens, refuses = ("ingest", "read") if route.method == "POST" else ("read", "ingest")
    if route.method == "PUT":
        opens, refuses = "admin", "read"
        key = instance.key("ingest", account_id=MINE[0])  # no bot says what its account is held to
        assert instance.call("PUT", target(route), body_for(route), x_api_key=key).status == 403
    if route.path.startswith("/keys"):
        opens = "admin"
    if route.path.endswith("/void"):
        opens = "admin"
        for unbound in ({}, {"strategy_id": MINE[1]}):  # a key of no account in particular corrects none
            key = instance.key("ingest", **unbound)
            assert instance.call("POST", target(route), body_for(route), x_api_key=key).status == 403
    answer = instance.call(route.method, target(route), body_for(route), x_api_key=instance.key(refuses))
    assert answer.status == 403
    if route.method != "HEAD":
        assert answer.json["code"] == "forbidden"
    assert instance.log() == before
    answer = instance.call(route.method, target(route), body_for(route), x_api_key=instance.key(opens))
    assert answer.status == 200


def test_one_key_may_have_several_scopes(instance: Instance) -> None:
    key = instance.key("ingest", "read")
    assert instance.good(key).status == 200
    assert instance.call("POST", "/trade_event", trade("t-9"), x_api_key=key).status == 200


def test_the_body_is_not_looked_at_before_the_key(instance: Instance) -> None:
    for body in (b"{broken", b"x" * 5_000_000, b""):
        assert instance.call("POST", "/trade_event", body).status == 401
        assert instance.call("POST", "/trade_events", body, x_api_key=instance.key("read")).status == 403


def test_a_wrong_header_is_not_saved_by_a_good_cookie(instance: Instance) -> None:
    good = instance.key("read")
    answer = instance.call.get("/metrics/overall", x_api_key=making.new_text(), cookie=f"trueedge_key={good}")
    assert answer.status == 401
    answer = instance.call.get("/metrics/overall", authorization="Basic eDp5", cookie=f"trueedge_key={good}")
    assert answer.status == 200  # a proxy's own sign-in is none of ours


def test_whoever_has_the_key_is_told_why_it_is_of_no_use_any_more(instance: Instance) -> None:
    assert "revoked" in instance.good(revoked_key(instance)).json["message"]
    assert "expired at" in instance.good(expired_key(instance)).json["message"]
    assert "not known" in instance.good(wrong_key(instance)).json["message"]


def test_a_key_that_expires_while_it_is_remembered_is_refused_on_time(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = instance.key("read", expires="30m")
    now = wiring.now_us()
    assert instance.good(key).status == 200
    monkeypatch.setattr("trueedge_core.http.now_us", lambda: now + 1_800_000_000)
    assert instance.good(key).status == 401


def test_what_needs_no_key_needs_none(instance: Instance) -> None:
    assert instance.call.get("/health").status == 200
    assert instance.call.get("/login").status == 200
    page = instance.call.get("/login").text
    style = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert instance.call.get(style).headers["cache-control"] == "public, max-age=31536000, immutable"
    assert instance.call.get("/nope").status == 404
    for method, status in (("OPTIONS", 405), ("PUT", 405), ("DELETE", 405)):
        assert instance.call(method, "/trade_events").status == status


# --- a key that is bound ---------------------------------------------------------------------------------------------

BINDINGS = {
    "account": {"account_id": MINE[0]},
    "strategy": {"strategy_id": MINE[1]},
    "pair": {"account_id": MINE[0], "strategy_id": MINE[1]},
}
READS = (
    "/metrics/overall",
    "/metrics/by_strategy",
    "/metrics/by_strategy?sort=total_pnl&order=desc",
    "/metrics/by_account",
    "/metrics/by_account?sort=total_pnl",
    "/metrics/equity_curve",
    "/metrics/by_month",
    "/metrics/by_weekday",
    "/metrics/by_hour",
    "/metrics/by_symbol",
    "/metrics/by_venue?sort=total_pnl",
    "/trade_events",
    "/trade_events?format=csv",
    "/trade_events?format=ndjson",
    "/report",
)
# Their answers name no account, strategy or symbol; who may see what in them is a matter of their figures.
NAMES_NOBODY = ("/metrics/overall", "/metrics/equity_curve", *(f"/metrics/by_{kind}" for kind in CALENDAR))


def own(binding: dict[str, str]) -> list[str]:
    """The ids of the trades that such a key writes and sees."""
    wanted = (binding.get("account_id"), binding.get("strategy_id"))
    return [name for name, pair in OWNERS.items() if all(w in (None, p) for w, p in zip(wanted, pair, strict=True))]


def with_filters(path: str, filters: dict[str, str]) -> str:
    return path + ("&" if "?" in path else "?") + "&".join(f"{name}={value}" for name, value in filters.items())


def without_foreign(binding: dict[str, str], text: str) -> None:
    if "account_id" in binding:
        assert FOREIGN[0] not in text
    if "strategy_id" in binding:
        assert FOREIGN[1] not in text


@pytest.mark.parametrize("scope", ["read", "admin"])
@pytest.mark.parametrize("kind", BINDINGS)
@pytest.mark.parametrize("path", READS)
def test_a_bound_key_gets_the_answer_of_the_same_question_with_its_binding_as_a_filter(
    path: str, kind: str, scope: str, instance: Instance
) -> None:
    binding = BINDINGS[kind]
    bound, free = instance.key(scope, **binding), instance.key(scope)  # an administrator's page has more to it
    answer = instance.call.get(path, x_api_key=bound)
    asked = instance.call.get(with_filters(path, binding), x_api_key=free)
    assert (answer.status, answer.text) == (200, asked.text)
    assert answer.headers["etag"] == asked.headers["etag"]
    assert instance.call.get(with_filters(path, binding), x_api_key=bound).text == answer.text
    without_foreign(binding, answer.text)
    everything = instance.call.get(path, x_api_key=free).text
    assert everything != answer.text
    assert "FOREIGN" in everything or path in NAMES_NOBODY


@pytest.mark.parametrize("kind", BINDINGS)
@pytest.mark.parametrize("path", READS)
def test_a_filter_for_another_is_forbidden_whether_it_exists_or_not(path: str, kind: str, instance: Instance) -> None:
    bound = instance.key("read", **BINDINGS[kind])
    for name, there in zip(("account_id", "strategy_id"), FOREIGN, strict=True):
        if name not in BINDINGS[kind]:
            continue
        said = []
        for value in (there, "nobody"):
            answer = instance.call.get(with_filters(path, {name: value}), x_api_key=bound)
            assert (answer.status, answer.json["code"]) == (403, "forbidden")
            assert [one["field"] for one in answer.json["errors"]] == [name]
            said.append(answer.json["message"])
        assert said[0] == said[1]


@pytest.mark.parametrize("path", ["/metrics/{kind}/{id}", "/report/{kind}/{id}"])
@pytest.mark.parametrize("kind", ["account", "strategy"])
def test_the_path_of_another_is_forbidden_whether_it_exists_or_not(kind: str, path: str, instance: Instance) -> None:
    mine, there = (MINE[0], FOREIGN[0]) if kind == "account" else (MINE[1], FOREIGN[1])
    bound = instance.key("read", **{f"{kind}_id": mine})
    for name in (there, "nobody"):
        answer = instance.call.get(path.format(kind=kind, id=name), x_api_key=bound, accept="text/html")
        assert answer.status == 403, answer.text
    assert instance.call.get(path.format(kind=kind, id=mine), x_api_key=bound).status == 200


@pytest.mark.parametrize("path", ["/metrics/{kind}/{id}", "/report/{kind}/{id}"])
@pytest.mark.parametrize("kind", ["account", "strategy"])
def test_the_other_kind_is_seen_through_the_binding(kind: str, path: str, instance: Instance) -> None:
    """A key of an account may ask for any strategy, and sees only what that has on the account."""
    binding = BINDINGS["strategy" if kind == "account" else "account"]
    there = FOREIGN[0] if kind == "account" else FOREIGN[1]
    bound, free = instance.key("read", **binding), instance.key("read")
    answer = instance.call.get(path.format(kind=kind, id=there), x_api_key=bound)
    asked = instance.call.get(with_filters(path.format(kind=kind, id=there), binding), x_api_key=free)
    assert (answer.status, answer.text) == (200, asked.text)
    # one that exists elsewhere only is not there
    instance.call(
        "POST", "/trade_event", trade("t-8", account_id="x", strategy_id="y"), x_api_key=instance.key("admin")
    )
    elsewhere = instance.call.get(path.format(kind=kind, id="x" if kind == "account" else "y"), x_api_key=bound)
    nowhere = instance.call.get(path.format(kind=kind, id="z"), x_api_key=bound)
    assert elsewhere.status == nowhere.status == 404
    said = [answer.json["message"].replace('"x"', '"z"').replace('"y"', '"z"') for answer in (elsewhere, nowhere)]
    assert said[0] == said[1]


@pytest.mark.parametrize("kind", BINDINGS)
@pytest.mark.parametrize("scope", ["read", "admin"])
def test_an_event_of_another_is_as_one_that_is_not_there(scope: str, kind: str, instance: Instance) -> None:
    bound = instance.key(scope, **BINDINGS[kind])
    for event_id in OWNERS:
        one = instance.call.get(f"/trade_event/{event_id}", x_api_key=bound)
        listed = instance.call.get(f"/trade_events?event_id={event_id}", x_api_key=bound).json["trades"]
        if event_id in own(BINDINGS[kind]):
            assert (one.status, len(listed)) == (200, 1)
            continue
        nowhere = instance.call.get("/trade_event/t-x", x_api_key=bound)
        assert (one.status, one.json["code"], listed) == (404, "not_found", [])
        assert one.json["message"] == nowhere.json["message"].replace("t-x", event_id)


@pytest.mark.parametrize("kind", BINDINGS)
def test_a_bound_key_writes_its_own_and_no_other(kind: str, instance: Instance) -> None:
    bound = instance.key("ingest", **BINDINGS[kind])
    before = instance.log()
    for event_id, (account, strategy) in OWNERS.items():
        event = trade(f"new-{event_id}", account_id=account, strategy_id=strategy)
        answer = instance.call("POST", "/trade_event", event, x_api_key=bound)
        if event_id in own(BINDINGS[kind]):
            assert answer.status == 200
            before = instance.log()
        else:
            assert (answer.status, answer.json["code"]) == (403, "forbidden")
            wrong = {one["field"] for one in answer.json["errors"]}
            assert wrong == {name for name, mine in BINDINGS[kind].items() if event[name] != mine}
            assert instance.log() == before


@pytest.mark.parametrize("form", ["array", "wrapped", "ndjson"])
@pytest.mark.parametrize("kind", BINDINGS)
def test_of_a_batch_the_rows_of_others_are_forbidden_and_the_own_are_stored(
    kind: str, form: str, instance: Instance
) -> None:
    bound = instance.key("ingest", **BINDINGS[kind])
    events = [trade(f"new-{name}", account_id=pair[0], strategy_id=pair[1]) for name, pair in OWNERS.items()]
    bodies = {"array": events, "wrapped": {"events": events}, "ndjson": "\n".join(json.dumps(one) for one in events)}
    before = len(instance.log())
    answer = instance.call("POST", "/trade_events", bodies[form], x_api_key=bound)
    mine = own(BINDINGS[kind])
    assert (answer.status, answer.json["status"]) == (207, "partial")
    assert answer.json["counts"] == {
        "stored": len(mine),
        "duplicate": 0,
        "conflict": 0,
        "invalid": 0,
        "forbidden": 4 - len(mine),
    }
    for row, name in zip(answer.json["results"], OWNERS, strict=True):
        assert row["event_id"] == f"new-{name}"
        assert row["result"] == ("stored" if name in mine else "forbidden")
        assert (name in mine) == ("message" not in row)
    assert len(instance.log()) == before + len(mine)


def test_a_batch_of_which_every_row_is_forbidden_is_403(instance: Instance) -> None:
    bound, before = instance.key("ingest", account_id=MINE[0]), instance.log()
    foreign = [trade(f"new-{n}", account_id=FOREIGN[0]) for n in range(3)]
    answer = instance.call("POST", "/trade_events", foreign, x_api_key=bound)
    assert (answer.status, answer.json["code"], answer.json["counts"]["forbidden"]) == (403, "forbidden", 3)
    mixed = instance.call("POST", "/trade_events", [*foreign, trade("new-x", side="long")], x_api_key=bound)
    assert (mixed.status, mixed.json["code"]) == (400, "invalid_event")
    assert instance.log() == before


def test_the_id_of_anothers_trade_is_taken_but_nothing_of_it_is_told(instance: Instance) -> None:
    """The fields that differ are named for one's own trades: of another's they would tell side and price."""
    bound = instance.key("ingest", account_id=MINE[0])
    guess = trade("t-3", account_id=MINE[0], strategy_id=FOREIGN[1], side="sell")
    answer = instance.call("POST", "/trade_event", guess, x_api_key=bound)
    assert (answer.status, answer.json["errors"]) == (409, [])
    assert not {"side", "pnl", "(", FOREIGN[0]} & set(answer.json["message"].split())
    [row] = instance.call("POST", "/trade_events", [guess], x_api_key=bound).json["results"]
    assert row == {"index": 0, "event_id": "t-3", "result": "conflict", "message": answer.json["message"]}
    kept = trade("t-1", account_id=MINE[0], strategy_id=MINE[1], symbol=" ".join(MINE), venue=" ".join(MINE))
    ours = {**kept, "side": "sell"}
    answer = instance.call("POST", "/trade_event", ours, x_api_key=bound)
    assert [one["field"] for one in answer.json["errors"]] == ["side"]


@pytest.mark.parametrize("kind", ["account", "pair"])
def test_an_ingest_key_bound_to_an_account_voids_its_trades_and_no_other(kind: str, instance: Instance) -> None:
    bound = instance.key("ingest", **BINDINGS[kind])
    for event_id in OWNERS:
        before = instance.log()
        answer = instance.call("POST", f"/trade_event/{event_id}/void", {"reason": "typo"}, x_api_key=bound)
        if event_id in own(BINDINGS[kind]):
            assert answer.status == 200
            continue
        nowhere = instance.call("POST", "/trade_event/t-x/void", {"reason": "typo"}, x_api_key=bound)
        assert (answer.status, instance.log()) == (404, before)
        assert answer.json["message"] == nowhere.json["message"].replace("t-x", event_id)


@pytest.mark.parametrize("kind", BINDINGS)
def test_a_bound_admin_key_voids_its_own_and_no_other(kind: str, instance: Instance) -> None:
    bound = instance.key("admin", **BINDINGS[kind])
    status = {
        event_id: instance.call("POST", f"/trade_event/{event_id}/void", {"reason": "typo"}, x_api_key=bound).status
        for event_id in OWNERS
    }
    assert status == {event_id: 200 if event_id in own(BINDINGS[kind]) else 404 for event_id in OWNERS}


def test_the_number_of_strategies_tried_is_that_of_the_whole_store(instance: Instance) -> None:
    """It deflates the figures: counted within the binding, a share link would flatter. It names nothing."""
    bound = instance.key("read", strategy_id=MINE[1])
    answer = instance.call.get("/metrics/overall", x_api_key=bound)
    free = instance.call.get(f"/metrics/overall?strategy_id={MINE[1]}", x_api_key=instance.key("read"))
    assert answer.json["edge"] == free.json["edge"]
    assert answer.json["edge"]["strategies_tried"] == 2
