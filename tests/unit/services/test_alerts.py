"""Alerts on a real store: found once, told once, tried again, and never with the secret in sight."""

import doctest
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.functions.calling import trade
from trueedge_core.domain.alerts import AlertHook, AlertStore, Undelivered
from trueedge_core.domain.ports import Account, AccountStore, DayCut, Ledger, Scope
from trueedge_core.domain.times import DAY_US, format_time, parse_time
from trueedge_core.errors import Forbidden, InvalidJson, InvalidParameter, NotFound, TooLarge
from trueedge_core.services import alerts as service
from trueedge_core.services import ingest
from trueedge_core.storage import open_accounts, open_alerts, open_ledger

NOON = parse_time("2026-01-08T12:00:00Z")
SECOND = 1_000_000
SECRET = "correct-horse-battery"
ONE = 10**18


@dataclass
class Desk:
    """An account with limits of 500 and 800, a hook, and a receiver that answers as it is told."""

    ledger: Ledger
    accounts: AccountStore
    alerts: AlertStore
    now: int = NOON
    refuses: bool = False
    got: list[tuple[str, dict[str, Any], dict[str, str], bytes]] = field(default_factory=list)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.got.append((url, json.loads(body), dict(headers), body))
        if self.refuses:
            raise Undelivered("it answered 500")

    def trade(self, event_id: str, pnl: int, at: int | None = None, **changes: Any) -> None:
        event = trade(event_id, account_id="a", pnl=pnl, timestamp=format_time(at or self.now), **changes)
        ingest.record(json.dumps(event).encode(), self.now, self.ledger)

    def turn(self) -> int:
        return service.turn(self.ledger, self.accounts, self.alerts, lambda: self.now, self.post)

    def told(self) -> list[tuple[str, int]]:
        return [(body["limit"], body["used"]) for _, body, _, _ in self.got]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    url = f"sqlite:///{tmp_path / 't.db'}"
    made = Desk(open_ledger(url), open_accounts(url), open_alerts(url))
    made.accounts.put(Account("a", currency="USD", daily_loss=500 * ONE, trailing_drawdown=800 * ONE, changed_at=1))
    made.alerts.put_hook(AlertHook("a", "https://desk.example/x", SECRET, 1))
    yield made
    for one in (made.ledger, made.accounts, made.alerts):
        one.close()


def test_the_examples_in_the_docstring_are_true() -> None:
    assert doctest.testmod(service).failed == 0


def test_a_loss_within_the_limits_is_told_nobody(desk: Desk) -> None:
    desk.trade("t-1", -499)
    assert (desk.turn(), desk.got) == (0, [])


def test_a_breach_is_told_once_however_long_it_lasts(desk: Desk) -> None:
    desk.trade("t-1", -500)
    assert [desk.turn() for _ in range(3)] == [1, 0, 0]
    desk.trade("t-2", -100)
    assert desk.turn() == 0
    desk.now += DAY_US
    assert desk.turn() == 0
    assert desk.told() == [("daily_loss", 500)]


def test_each_limit_is_told_for_itself_and_again_on_another_day(desk: Desk) -> None:
    desk.trade("t-1", -800)
    assert desk.turn() == 2
    desk.now += DAY_US
    desk.trade("t-2", -20)
    assert desk.turn() == 1
    assert sorted(desk.told()) == [("daily_loss", 800), ("trailing_drawdown", 800), ("trailing_drawdown", 820)]


def test_what_is_sent_says_which_limit_of_which_account_on_which_day(desk: Desk) -> None:
    account = desk.accounts.get("a")
    assert account is not None
    desk.accounts.put(replace(account, day_cut=DayCut("America/New_York", 17)))
    desk.trade("t-1", 0)
    desk.trade("t-2", pnl=json.loads("-512.25"))
    desk.turn()
    [(url, body, headers, _)] = desk.got
    assert url == "https://desk.example/x"
    assert headers["Content-Type"] == "application/json"
    assert body == {
        "type": "limit_reached",
        "alert_id": "a/daily_loss/2026-01-07T22:00:00Z",
        "account_id": "a",
        "limit": "daily_loss",
        "amount": 500,
        "used": 512.25,
        "currency": "USD",
        "day": {"from": "2026-01-07T22:00:00Z", "to": "2026-01-08T22:00:00Z"},
        "found_at": "2026-01-08T12:00:00Z",
    }


def test_a_late_trade_of_yesterday_is_seen(desk: Desk) -> None:
    desk.trade("t-1", -600, NOON - DAY_US)
    assert desk.turn() == 1
    assert desk.got[0][1]["day"]["from"] == "2026-01-07T00:00:00Z"


def test_what_was_before_the_hook_or_the_limit_is_not_told(desk: Desk) -> None:
    desk.trade("t-1", -600, NOON - DAY_US)
    desk.alerts.put_hook(AlertHook("a", "https://desk.example/x", SECRET, NOON))
    assert desk.turn() == 0
    account = desk.accounts.get("a")
    assert account is not None
    desk.alerts.put_hook(AlertHook("a", "https://desk.example/x", SECRET, 1))
    desk.accounts.put(replace(account, changed_at=NOON))
    assert desk.turn() == 0


def test_live_trades_count_alone_once_there_are_any(desk: Desk) -> None:
    desk.trade("t-1", -600)
    desk.trade("t-2", -10, environment="live")
    assert desk.turn() == 0
    desk.trade("t-3", -500, environment="live")
    assert desk.turn() == 1
    assert desk.told() == [("daily_loss", 510)]


@pytest.mark.parametrize("what", ["no hook", "no limits", "no settings", "no trades"])
def test_without_hook_limit_or_trade_there_is_nothing_to_tell(what: str, desk: Desk) -> None:
    if what != "no trades":
        desk.trade("t-1", -9000)
    if what == "no hook":
        desk.alerts.drop_hook("a")
    if what == "no limits":
        desk.accounts.put(Account("a", changed_at=1))
    if what == "no settings":
        desk.alerts.drop_hook("a")
        desk.alerts.put_hook(AlertHook("b", "https://desk.example/x", SECRET, 1))
    assert (desk.turn(), desk.got) == (0, [])


def test_it_is_tried_again_with_the_same_bytes_signed_anew_until_it_is_taken(desk: Desk) -> None:
    desk.trade("t-1", -500)
    desk.refuses = True
    assert (desk.turn(), desk.turn(), len(desk.got)) == (0, 0, 1)
    desk.now += 10 * SECOND - 1
    assert (desk.turn(), len(desk.got)) == (0, 1)
    desk.now += 1
    assert (desk.turn(), len(desk.got)) == (0, 2)
    desk.refuses = False
    desk.now += 30 * SECOND
    assert (desk.turn(), desk.turn()) == (1, 0)
    assert len({body for _, _, _, body in desk.got}) == 1
    assert len({headers[service.SIGNATURE] for _, _, headers, _ in desk.got}) == 3
    [kept] = desk.alerts.recent("a")
    assert (kept.tries, kept.told_at, kept.last_error) == (3, desk.now, "")


def test_it_is_given_up_after_a_day_and_a_half(desk: Desk) -> None:
    desk.trade("t-1", -500)
    desk.refuses = True
    for _ in range(600):
        desk.turn()
        desk.now += 600 * SECOND
    [kept] = desk.alerts.recent("a")
    assert (kept.tries, len(desk.got), kept.next_try_at) == (len(service.DELAYS) + 1, len(service.DELAYS) + 1, None)
    assert (kept.told_at, kept.last_error) == (None, "it answered 500")
    assert DAY_US < sum(service.DELAYS) < 2 * DAY_US


def test_a_process_that_dies_in_a_try_has_made_it(desk: Desk) -> None:
    desk.trade("t-1", -500)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        service.turn(desk.ledger, desk.accounts, desk.alerts, lambda: desk.now, dies)
    assert (desk.turn(), len(desk.got)) == (0, 0)
    desk.now += 10 * SECOND
    assert (desk.turn(), len(desk.got)) == (1, 1)


def test_two_watchers_over_one_store_tell_once(desk: Desk, tmp_path: Path) -> None:
    desk.trade("t-1", -500)
    due = service.due(desk.ledger, desk.accounts, desk.alerts, desk.now)
    other = open_alerts(f"sqlite:///{tmp_path / 't.db'}")
    assert [service.deliver(due[0], store, lambda: desk.now, desk.post) for store in (desk.alerts, other)] == [
        True,
        False,
    ]
    other.close()


# --- settings --------------------------------------------------------------------------------------------------------


def put(desk: Desk, value: object, account_id: str = "b", **how: Any) -> dict[str, Any]:
    return service.put(json.dumps(value).encode(), account_id, desk.now, desk.alerts, **how)


def test_a_secret_is_made_once_and_shown_once(desk: Desk) -> None:
    first = put(desk, {"url": "https://b.example"})
    kept = desk.alerts.hook("b")
    assert kept is not None
    assert (first["secret"], len(first["secret"])) == (kept.secret, 43)
    again = put(desk, {"url": "https://c.example"})
    changed = desk.alerts.hook("b")
    assert changed is not None
    assert ("secret" in again, changed.secret, changed.url) == (False, kept.secret, "https://c.example")
    assert kept.secret not in json.dumps(service.show("b", desk.alerts), default=str)


def test_a_secret_of_ones_own_is_not_repeated(desk: Desk) -> None:
    assert "secret" not in put(desk, {"url": "https://b.example", "secret": SECRET})
    assert "secret" not in put(desk, {"url": "https://b.example", "secret": "another-" + SECRET})
    kept = desk.alerts.hook("b")
    assert kept is not None
    assert kept.secret == "another-" + SECRET


def test_a_test_is_sent_at_once_whatever_the_account_has(desk: Desk) -> None:
    put(desk, {"url": "https://b.example"})
    assert desk.turn() == 1
    [(url, body, _, _)] = desk.got
    assert (url, body["type"], body["account_id"]) == ("https://b.example", "test", "b")
    assert service.show("b", desk.alerts)["alerts"][0]["told_at"] == format_time(desk.now)  # type: ignore[index]


def test_null_ends_it(desk: Desk) -> None:
    assert put(desk, {"url": None}, "a") == {"status": "ok", "account_id": "a", "url": None}
    with pytest.raises(NotFound):
        service.show("a", desk.alerts)


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({}, ["url"]),
        ({"secret": SECRET}, ["url"]),
        ({"url": "ftp://x", "secret": "short"}, ["url", "secret"]),
        ({"url": 7}, ["url"]),
        ({"url": ["https://x"]}, ["url"]),
        ({"url": "https://x", "secret": "x" * 129}, ["secret"]),
        ({"url": "https://x", "secret": "line\nbreak-" * 3}, ["secret"]),
        ({"url": "https://x", "secret": "é" * 20}, ["secret"]),
        ({"url": "https://x", "secret": 12345678901234567890}, ["secret"]),
        ({"url": "https://x", "other": 1}, ["other"]),
    ],
)
def test_every_wrong_field_is_named_and_nothing_is_kept(value: object, fields: list[str], desk: Desk) -> None:
    with pytest.raises(InvalidParameter) as refused:
        put(desk, value)
    assert [one.field for one in refused.value.errors] == fields
    assert desk.alerts.hook("b") is None


def test_a_wrong_secret_is_not_repeated(desk: Desk) -> None:
    with pytest.raises(InvalidParameter) as refused:
        put(desk, {"url": "https://x", "secret": "hunter2"})
    assert "hunter2" not in refused.value.message


def test_a_body_that_is_no_object_is_refused(desk: Desk) -> None:
    for body, error in ((b"[]", InvalidParameter), (b"", InvalidJson), (b"{" * 70_000, TooLarge)):
        with pytest.raises(error):
            service.put(body, "b", desk.now, desk.alerts)


def test_a_bound_key_sets_its_own_account_alone(desk: Desk) -> None:
    for bound in (Scope("a"), Scope("b", "s"), Scope(strategy_id="s")):
        with pytest.raises(Forbidden):
            put(desk, {"url": "https://x"}, "b", bound_to=bound)
        with pytest.raises(Forbidden):
            service.show("b", desk.alerts, bound)
    put(desk, {"url": "https://x"}, "b", bound_to=Scope("b"))
    assert desk.alerts.hook("b") is not None
