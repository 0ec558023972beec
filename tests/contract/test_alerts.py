"""What every AlertStore promises, whatever it is kept in."""

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trueedge_core.domain.alerts import Alert, AlertHook, AlertStore
from trueedge_core.storage import open_alerts

Opener = Callable[[], AlertStore]
URLS = {
    "sqlite": lambda folder: f"sqlite:///{folder / 'store.db'}",
    "dynamodb": lambda folder: f"dynamodb://trueedge-{uuid.uuid4().hex[:12]}?create=1",
}
HOOK = AlertHook("Konto Zürich", "https://desk.example/x?y=1", "secret-" * 4, 7)
ALERT = Alert("a/daily_loss/1", "a", "daily_loss", '{"é": 1.50}', 100, next_try_at=100)


@pytest.fixture
def opened(driver: str, tmp_path: Path) -> Iterator[Opener]:
    """Opens the store; every call is another connection to it."""
    url, made = URLS[driver](tmp_path), []

    def open_one() -> AlertStore:
        made.append(open_alerts(url))
        return made[-1]

    yield open_one
    for one in made:
        one.close()


@pytest.fixture
def alerts(opened: Opener) -> AlertStore:
    return opened()


def test_a_hook_is_found_again_whole_and_the_last_one_counts(opened: Opener) -> None:
    opened().put_hook(HOOK)
    opened().put_hook(AlertHook("b", "https://b.example", "x" * 16))
    assert (opened().hook("Konto Zürich"), opened().hook("c")) == (HOOK, None)
    changed = replace(HOOK, url="https://other.example", changed_at=8)
    opened().put_hook(changed)
    assert opened().hooks() == [changed, AlertHook("b", "https://b.example", "x" * 16)]


def test_a_hook_that_is_dropped_takes_what_waits_with_it(opened: Opener) -> None:
    alerts = opened()
    alerts.put_hook(AlertHook("a", "https://a.example", "x" * 16))
    alerts.add(ALERT)
    alerts.add(replace(ALERT, alert_id="b", account_id="b"))
    alerts.drop_hook("a")
    alerts.drop_hook("a")
    assert alerts.hook("a") is None
    assert [one.alert_id for one in alerts.due(10**9)] == ["b"]


def test_an_alert_is_kept_once_and_whole(opened: Opener) -> None:
    assert opened().add(ALERT) is True
    assert opened().add(replace(ALERT, body="other")) is False
    assert opened().recent("a") == [ALERT]


def test_what_is_due_is_what_has_waited_long_enough_the_longest_first(alerts: AlertStore) -> None:
    for name, at in (("x", 30), ("y", 10), ("z", 20), ("told", None)):
        alerts.add(replace(ALERT, alert_id=name, next_try_at=at))
    assert [one.alert_id for one in alerts.due(20)] == ["y", "z"]
    assert [one.alert_id for one in alerts.due(99, limit=1)] == ["y"]


def test_a_try_is_claimed_by_one_of_many(opened: Opener) -> None:
    opened().add(ALERT)
    stores, won = [opened() for _ in range(6)], []

    def race(store: AlertStore) -> None:
        if store.claim(ALERT, 200):
            won.append(store)

    threads = [threading.Thread(target=race, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    [kept] = opened().recent("a")
    assert (kept.tries, kept.next_try_at) == (1, 200)
    assert opened().claim(kept, None) is True
    assert opened().due(10**12) == []


def test_what_was_told_is_not_due_again_nor_claimed(opened: Opener) -> None:
    alerts = opened()
    alerts.add(ALERT)
    alerts.claim(ALERT, 200)
    alerts.failed(ALERT, "it answered 500")
    assert opened().due(200)[0].last_error == "it answered 500"
    alerts.told(ALERT, 150)
    [kept] = opened().recent("a")
    assert (kept.told_at, kept.next_try_at, kept.last_error) == (150, None, "")
    assert alerts.claim(kept, 300) is False


def test_the_newest_alerts_of_one_account_are_shown(alerts: AlertStore) -> None:
    for n in range(5):
        alerts.add(replace(ALERT, alert_id=f"a{n}", found_at=n))
        alerts.add(replace(ALERT, alert_id=f"b{n}", account_id="b", found_at=n))
    assert [one.alert_id for one in alerts.recent("a", 3)] == ["a4", "a3", "a2"]


def test_the_secret_is_in_no_text_of_a_hook() -> None:
    assert HOOK.secret not in repr(HOOK)
