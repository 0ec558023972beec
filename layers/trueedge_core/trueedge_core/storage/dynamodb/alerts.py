"""Alert hooks and alerts, in the table of the ledger.

What waits has a mark in a partition of its own, so that looking for it reads nothing else. The alert is the truth: a
mark that has outlived its alert's last try is removed by whoever comes across it.
"""

from collections.abc import Mapping
from typing import Self

from ...domain.alerts import Alert, AlertHook
from .items import joined
from .table import DynamoTable, Item, Key, Table, Value, of_url

# All of a kind of their own, W: a role that reads figures or accounts must not read the secrets.
HOOKS = "W"
WAITING = joined("W", "wait")
NEVER = 0  # a next try that does not come: an update sets attributes, and removes none


class DynamoAlerts:
    """`AlertStore` on one table."""

    def __init__(self, table: Table) -> None:
        self.table = table

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The alerts in the table that `dynamodb://table` names. Raises: StoreError."""
        name, options = of_url(url)
        return cls(DynamoTable(name, create=options.get("create") == "1"))

    def close(self) -> None:
        """Release connections; calling it twice is harmless."""
        self.table.close()

    def put_hook(self, hook: AlertHook) -> None:
        """See `AlertStore.put_hook`."""
        kept: Item = {"url": hook.url, "secret": hook.secret, "changed_at": hook.changed_at}
        self.table.put_many([{"PK": HOOKS, "SK": hook.account_id, **kept}])

    def drop_hook(self, account_id: str) -> None:
        """See `AlertStore.drop_hook`. Without the hook nothing is sent, also where a try was claimed just before."""
        self.table.delete_many([(HOOKS, account_id)])
        for alert in self._of(account_id):
            if alert.next_try_at is not None:
                given_up: dict[str, Value] = {"next_try_at": NEVER, "last_error": "the hook was removed"}
                self._update(alert, given_up, "attribute_not_exists(told_at)")

    def hook(self, account_id: str) -> AlertHook | None:
        """See `AlertStore.hook`."""
        item = self.table.get((HOOKS, account_id))
        return None if item is None else _hook(item)

    def hooks(self) -> list[AlertHook]:
        """See `AlertStore.hooks`."""
        return [_hook(item) for item in self.table.query(HOOKS)]

    def add(self, alert: Alert) -> bool:
        """See `AlertStore.add`. The alert and its mark, or neither."""
        if self.table.get(_key(alert)) is not None:
            return False
        mark: Item = {"PK": WAITING, "SK": joined(*_key(alert)), "account_id": alert.account_id}
        mark["alert_id"] = alert.alert_id
        return self.table.put_all_new([_item(alert)], [mark])

    def due(self, now: int, limit: int = 20) -> list[Alert]:
        """See `AlertStore.due`."""
        marks = {_key_of(mark): mark for mark in self.table.query(WAITING)}
        items = self.table.get_many(list(marks))
        waiting = {key: _alert(item) for key, item in items.items()}
        done = [key for key in marks if key not in waiting or waiting[key].next_try_at is None]
        self.table.delete_many([(WAITING, str(marks[key]["SK"])) for key in done])
        found = [(one.next_try_at, one.alert_id, one) for one in waiting.values() if one.next_try_at is not None]
        return [alert for at, _, alert in sorted(found, key=lambda one: one[:2]) if at <= now][:limit]

    def claim(self, alert: Alert, next_try_at: int | None) -> bool:
        """See `AlertStore.claim`. Tries only grow, so "fewer than one more" is "as many as were seen"."""
        counted: dict[str, Value] = {"tries": alert.tries + 1, "next_try_at": next_try_at or NEVER}
        return self._update(alert, counted, "tries < :tries AND attribute_not_exists(told_at)")

    def told(self, alert: Alert, at: int) -> None:
        """See `AlertStore.told`."""
        self._update(alert, {"next_try_at": NEVER, "told_at": at, "last_error": ""}, "attribute_exists(PK)")

    def failed(self, alert: Alert, why: str) -> None:
        """See `AlertStore.failed`."""
        self._update(alert, {"last_error": why}, "attribute_exists(PK)")

    def recent(self, account_id: str, limit: int = 20) -> list[Alert]:
        """See `AlertStore.recent`."""
        return sorted(self._of(account_id), key=lambda one: (-one.found_at, one.alert_id))[:limit]

    def _of(self, account_id: str) -> list[Alert]:
        return [_alert(item) for item in self.table.query(joined("W", "alert", account_id))]

    def _update(self, alert: Alert, changes: Mapping[str, Value], condition: str) -> bool:
        return self.table.update(_key(alert), changes, condition)


def _key(alert: Alert) -> Key:
    return joined("W", "alert", alert.account_id), alert.alert_id


def _key_of(mark: Item) -> Key:
    return joined("W", "alert", str(mark["account_id"])), str(mark["alert_id"])


def _hook(item: Item) -> AlertHook:
    return AlertHook(str(item["SK"]), str(item["url"]), str(item["secret"]), int(item["changed_at"]))


def _item(alert: Alert) -> Item:
    pk, sk = _key(alert)
    item: Item = {"PK": pk, "SK": sk, "account_id": alert.account_id, "about": alert.about, "body": alert.body}
    item |= {"found_at": alert.found_at, "tries": alert.tries, "next_try_at": alert.next_try_at or NEVER}
    item["last_error"] = alert.last_error
    if alert.told_at is not None:
        item["told_at"] = alert.told_at
    return item


def _alert(item: Item) -> Alert:
    return Alert(
        alert_id=str(item["SK"]),
        account_id=str(item["account_id"]),
        about=str(item["about"]),
        body=str(item["body"]),
        found_at=int(item["found_at"]),
        tries=int(item["tries"]),
        next_try_at=int(item["next_try_at"]) or None,
        told_at=int(item["told_at"]) if "told_at" in item else None,
        last_error=str(item["last_error"]),
    )
