"""Settings of accounts and what follows from them: figures with the account's own balance, limits by its own days."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.functions.calling import Answered, Caller, trade
from tests.oracle.reading import exact, microseconds, read, stamp, units
from trueedge_core import wiring
from trueedge_core.domain.times import parse_time
from trueedge_core.services import keys as making
from trueedge_core.settings import Settings

NEW_YORK = {"zone": "America/New_York", "hour": 17}
SETTINGS = {
    "display_name": "Main <b>",
    "currency": "USD",
    "starting_balance": "10000.50",
    "day_cut": NEW_YORK,
    "limits": {"daily_loss": 5, "trailing_drawdown": "8"},
}


def put(call: Caller, account_id: str = "acct-1", value: Mapping[str, Any] = SETTINGS, **headers: str) -> Answered:
    return call("PUT", f"/accounts/{account_id}", value, **headers)


def test_what_is_put_is_read_by_id_and_in_the_list(call: Caller) -> None:
    answer = put(call)
    assert answer.status == 200, answer.text
    shown = answer.json
    assert shown["starting_balance"] == Fraction(100005, 10)
    assert (shown["display_name"], shown["day_cut"], shown["limits"]["trailing_drawdown"]) == ("Main <b>", NEW_YORK, 8)
    assert parse_time(shown["changed_at"]) <= wiring.now_us()
    got = call.get("/accounts/acct-1")
    assert got.json == shown
    put(call, "acct-0", {})
    assert [one["account_id"] for one in call.get("/accounts").json["accounts"]] == ["acct-0", "acct-1"]
    assert {"status": "ok", **call.get("/accounts").json["accounts"][1]} == shown
    assert call.get("/accounts/acct-1", if_none_match=got.headers["etag"]).status == 304


def test_an_account_without_settings_has_the_defaults_when_the_log_knows_it(call: Caller) -> None:
    answer = call.get("/accounts/acct-1")
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert call.get("/accounts/acct-1/limits").status == 404
    call.store([trade()])
    answer = call.get("/accounts/acct-1").json
    assert (answer["starting_balance"], answer["changed_at"], answer["day_cut"]["zone"]) == (None, None, "UTC")
    assert call.get("/accounts").json["accounts"] == []
    assert call.get("/accounts/acct-1/limits").json["daily_loss"]["limit"] is None


def test_settings_that_cannot_be_meant_change_nothing(call: Caller) -> None:
    put(call)
    before = call.get("/accounts/acct-1").text
    answer = put(call, value={"starting_balance": 1, "day_cut": {"zone": "Mars"}, "limts": {}})
    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert [one["field"] for one in answer.json["errors"]] == ["limts", "day_cut.zone"]
    assert call.get("/accounts/acct-1").text == before
    assert put(call, "x" * 129).status == 400
    assert call("PUT", "/accounts/acct-1?currency=EUR", SETTINGS).status == 400


# --- figures ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(call: Caller) -> Caller:
    call.store(
        [
            trade("t-1", pnl=10, timestamp="2026-01-05T10:00:00Z"),
            trade("t-2", pnl=-4, timestamp="2026-01-06T10:00:00Z", strategy_id="fade"),
            trade("t-3", pnl=-6, timestamp="2026-01-06T11:00:00Z", account_id="acct-2"),
        ]
    )
    put(call)
    return call


WHOLE = ("/metrics/account/acct-1", "/metrics/overall?account_id=acct-1", "/metrics/equity_curve?account_id=acct-1")


@pytest.mark.parametrize("path", [*WHOLE, *(f"/metrics/by_{kind}?account_id=acct-1" for kind in ("month", "symbol"))])
def test_a_whole_account_has_its_own_balance_and_the_answer_is_that_of_asking_with_it(path: str, desk: Caller) -> None:
    answer = desk.get(path)
    asked = desk.get(f"{path}{'&' if '?' in path else '?'}starting_balance=10000.5")
    assert (answer.status, answer.text) == (200, asked.text)
    assert answer.json["filters"]["starting_balance"] == Fraction(100005, 10)
    other = desk.get(f"{path}{'&' if '?' in path else '?'}starting_balance=0")
    assert other.json["filters"]["starting_balance"] == 0
    assert other.text != answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/metrics/overall",
        "/metrics/account/acct-2",
        "/metrics/account/acct-1?strategy_id=fade",
        "/metrics/by_strategy?account_id=acct-1",
        "/metrics/by_account?strategy_id=fade",
    ],
)
def test_no_other_question_is_answered_with_it(path: str, desk: Caller) -> None:
    assert "10000.5" not in desk.get(path).text


def test_each_row_of_accounts_says_which_balance_it_used(desk: Caller) -> None:
    rows = desk.get("/metrics/by_account").json["accounts"]
    assert [(row["account_id"], row["starting_balance"]) for row in rows] == [
        ("acct-1", Fraction(100005, 10)),
        ("acct-2", 0),
    ]
    assert rows[0]["metrics"] == desk.get("/metrics/account/acct-1").json["metrics"]
    assert (rows[0]["metrics"]["ending_equity"], rows[1]["metrics"]["total_return_pct"]) == (Fraction(100065, 10), None)
    rows = desk.get("/metrics/by_account?starting_balance=600").json["accounts"]
    assert [row["starting_balance"] for row in rows] == [600, 600]
    rows = desk.get("/metrics/by_account?sort=ending_equity").json["accounts"]
    assert [row["account_id"] for row in rows] == ["acct-2", "acct-1"]
    assert desk.get("/metrics/by_account?account_id=acct-1").json["accounts"][0]["starting_balance"] == Fraction(
        100005, 10
    )


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def closed(settings: Settings, desk: Caller) -> Caller:
    """The same, where a key is wanted."""
    put(desk, "acct-2", {"starting_balance": 77})
    wiring.configure(Settings(store_url=settings.store_url))
    return desk


def key(*scopes: str, **binding: str) -> str:
    return making.create(wiring.keys(), scopes, wiring.now_us(), **binding)[0]


def test_a_key_of_an_account_sees_and_changes_its_own_and_no_other(closed: Caller) -> None:
    bound = key("admin", account_id="acct-1")
    assert [one["account_id"] for one in closed.get("/accounts", x_api_key=bound).json["accounts"]] == ["acct-1"]
    assert put(closed, "acct-1", {}, x_api_key=bound).status == 200
    for name in ("acct-2", "nobody"):
        for answer in (
            closed.get(f"/accounts/{name}", x_api_key=bound),
            closed.get(f"/accounts/{name}/limits", x_api_key=bound),
            put(closed, name, {}, x_api_key=bound),
        ):
            assert (answer.status, answer.json["code"]) == (403, "forbidden")
    assert closed.get("/accounts/acct-2", x_api_key=key("read")).json["starting_balance"] == 77


@pytest.mark.parametrize("binding", [{"strategy_id": "trend"}, {"strategy_id": "trend", "account_id": "acct-1"}])
def test_a_key_of_a_strategy_learns_nothing_of_an_account_as_a_whole(closed: Caller, binding: dict[str, str]) -> None:
    bound = key("admin", **binding)
    for answer in (
        closed.get("/accounts", x_api_key=bound),
        closed.get("/accounts/acct-1", x_api_key=bound),
        closed.get("/accounts/acct-1/limits", x_api_key=bound),
        put(closed, "acct-1", {}, x_api_key=bound),
    ):
        assert (answer.status, answer.json["code"]) == (403, "forbidden")
    for path in ("/metrics/overall", "/metrics/by_account", "/metrics/overall?account_id=acct-1", "/metrics/by_hour"):
        assert "10000.5" not in closed.get(path, x_api_key=bound).text


# --- limits ----------------------------------------------------------------------------------------------------------


def at(now: str, settings: Settings) -> None:
    wiring.configure(settings, lambda: parse_time(now))


def test_today_begins_at_the_account_s_own_cut(settings: Settings, desk: Caller) -> None:
    for now, pnl in (("2026-01-06T21:59:59Z", -4), ("2026-01-06T22:00:00Z", 0), ("2026-01-05T12:00:00Z", 10)):
        at(now, settings)
        today = desk.get("/accounts/acct-1/limits").json["daily_loss"]["today"]
        assert today["pnl"] == pnl
        assert parse_time(today["from"]) <= parse_time(now) < parse_time(today["to"])
    at("2026-01-06T21:59:59Z", settings)
    answer = desk.get("/accounts/acct-1/limits").json
    assert answer["daily_loss"]["today"] == answer["daily_loss"]["worst"]
    assert answer["daily_loss"]["worst"] == {
        "from": "2026-01-05T22:00:00Z",
        "to": "2026-01-06T22:00:00Z",
        "pnl": -4,
        "used": 4,
        "share": Fraction(4, 5),
        "breached": False,
    }
    assert answer["trailing_drawdown"] == {
        "limit": 8,
        "now": {"used": 4, "share": Fraction(1, 2), "breached": False},
        "worst": {"used": 4, "share": Fraction(1, 2), "breached": False},
    }


def test_a_limit_that_is_reached_is_breached_and_stays_so_in_the_worst(desk: Caller) -> None:
    desk.store(
        [
            trade("u-1", pnl=-1, timestamp="2026-01-06T12:00:00Z"),
            trade("u-2", pnl=90, timestamp="2026-01-06T13:00:00Z"),
            trade("u-3", pnl=-8, timestamp="2026-02-06T13:00:00Z", environment="live"),
        ]
    )
    answer = desk.get("/accounts/acct-1/limits").json
    assert answer["environments"] == {"live": 1, "demo": 4}
    assert (answer["daily_loss"]["worst"]["used"], answer["daily_loss"]["worst"]["breached"]) == (8, True)
    assert answer["daily_loss"]["today"]["breached"] is False
    demo = desk.get("/accounts/acct-1/limits?environment=demo").json
    assert demo["filters"] == {"account_id": "acct-1", "environment": "demo"}
    worst = demo["daily_loss"]["worst"]
    assert (worst["pnl"], worst["used"], worst["breached"]) == (85, 5, True)  # 5 down at noon, 85 up in the evening
    assert demo["trailing_drawdown"]["now"] == {"used": 0, "share": 0, "breached": False}
    assert demo["trailing_drawdown"]["worst"]["used"] == 5


def test_an_account_that_was_never_below_a_day_s_start_has_no_worst_day(call: Caller) -> None:
    call.store([trade("t-1", pnl=3)])
    answer = call.get("/accounts/acct-1/limits").json
    assert answer["daily_loss"]["worst"] is None
    assert answer["trailing_drawdown"]["worst"] == {"used": 0, "share": None, "breached": None}


def local_days(events: list[Mapping[str, Any]], zone: str, hour: int) -> dict[str, tuple[int, int]]:
    """(P&L, deepest below the start) of each local day, by walking over the sorted trades; the day by its date."""
    days: dict[str, tuple[int, int]] = {}
    for event in sorted(events, key=lambda e: (microseconds(e["timestamp"]), e["event_id"].encode())):
        local = datetime.fromisoformat(stamp(microseconds(event["timestamp"]))).astimezone(ZoneInfo(zone))
        date = f"{(local.replace(tzinfo=None) - timedelta(hours=hour)):%Y-%m-%d}"
        pnl, deepest = days.get(date, (0, 0))
        pnl += units(exact(event["pnl"]))
        days[date] = pnl, max(deepest, -pnl)
    return days


@pytest.mark.parametrize(("zone", "hour"), [("America/New_York", 17), ("Asia/Kolkata", 0), ("UTC", 0)])
@pytest.mark.parametrize("source", ["mt5_tester_moving_average", "mt4_tester_partial_close", "freqtrade_backtest"])
def test_the_worst_day_of_real_trades_is_that_of_a_walk(
    source: str, zone: str, hour: int, call: Caller, shared_data: Path
) -> None:
    events = [read(line) for line in (shared_data / source / "trades.jsonl").read_text().splitlines()]
    [account] = {event["account_id"] for event in events}
    call("POST", "/trade_events", (shared_data / source / "trades.jsonl").read_bytes())
    put(call, account, {"day_cut": {"zone": zone, "hour": hour}})
    days = local_days(events, zone, hour)
    date, (pnl, used) = max(days.items(), key=lambda one: one[1][1])
    worst = call.get(f"/accounts/{account}/limits").json["daily_loss"]["worst"]
    assert (units(exact(worst["pnl"])), units(exact(worst["used"]))) == (pnl, used)
    local = datetime.fromisoformat(worst["from"]).astimezone(ZoneInfo(zone))
    assert (f"{local:%Y-%m-%d}", local.hour) == (date, hour)
