"""Alert hooks and alerts, in the file of the ledger, on a connection of their own."""

from ...domain.alerts import Alert, AlertHook
from .connection import OwnConnection, transaction, translated

_HOOK = "account_id, url, secret, changed_at"
_ALERT = "alert_id, account_id, about, body, found_at, tries, next_try_at, told_at, last_error"


class SqliteAlerts(OwnConnection):
    """`AlertStore` on one connection; not for several threads at once."""

    def put_hook(self, hook: AlertHook) -> None:
        """See `AlertStore.put_hook`."""
        with translated(), transaction(self.db):
            self.db.execute(
                f"INSERT OR REPLACE INTO alert_hooks ({_HOOK}) VALUES (?, ?, ?, ?)",
                (hook.account_id, hook.url, hook.secret, hook.changed_at),
            )

    def drop_hook(self, account_id: str) -> None:
        """See `AlertStore.drop_hook`."""
        with translated(), transaction(self.db):
            self.db.execute("DELETE FROM alert_hooks WHERE account_id = ?", (account_id,))
            self.db.execute(
                "UPDATE alerts SET next_try_at = NULL, last_error = 'the hook was removed'"
                " WHERE account_id = ? AND next_try_at IS NOT NULL",
                (account_id,),
            )

    def hook(self, account_id: str) -> AlertHook | None:
        """See `AlertStore.hook`."""
        with translated():
            row = self.db.execute(f"SELECT {_HOOK} FROM alert_hooks WHERE account_id = ?", (account_id,)).fetchone()
        return None if row is None else AlertHook(*row)

    def hooks(self) -> list[AlertHook]:
        """See `AlertStore.hooks`."""
        with translated():
            rows = self.db.execute(f"SELECT {_HOOK} FROM alert_hooks ORDER BY account_id").fetchall()
        return [AlertHook(*row) for row in rows]

    def add(self, alert: Alert) -> bool:
        """See `AlertStore.add`. One that is known is seen without waiting for a writer."""
        values = (
            *(alert.alert_id, alert.account_id, alert.about, alert.body, alert.found_at, alert.tries),
            *(alert.next_try_at, alert.told_at, alert.last_error),
        )
        with translated():
            if self.db.execute("SELECT 1 FROM alerts WHERE alert_id = ?", (alert.alert_id,)).fetchone():
                return False
            with transaction(self.db):
                done = self.db.execute(
                    f"INSERT INTO alerts ({_ALERT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values
                )
        return done.rowcount == 1

    def due(self, now: int, limit: int = 20) -> list[Alert]:
        """See `AlertStore.due`."""
        with translated():
            rows = self.db.execute(
                f"SELECT {_ALERT} FROM alerts WHERE next_try_at <= ? ORDER BY next_try_at, alert_id LIMIT ?",
                (now, limit),
            ).fetchall()
        return [Alert(*row) for row in rows]

    def claim(self, alert: Alert, next_try_at: int | None) -> bool:
        """See `AlertStore.claim`. The number of tries is what is compared and swapped."""
        with translated(), transaction(self.db):
            done = self.db.execute(
                "UPDATE alerts SET tries = tries + 1, next_try_at = ?"
                " WHERE alert_id = ? AND tries = ? AND next_try_at IS NOT NULL",
                (next_try_at, alert.alert_id, alert.tries),
            )
        return done.rowcount == 1

    def told(self, alert: Alert, at: int) -> None:
        """See `AlertStore.told`."""
        with translated(), transaction(self.db):
            self.db.execute(
                "UPDATE alerts SET next_try_at = NULL, told_at = ?, last_error = '' WHERE alert_id = ?",
                (at, alert.alert_id),
            )

    def failed(self, alert: Alert, why: str) -> None:
        """See `AlertStore.failed`."""
        with translated(), transaction(self.db):
            self.db.execute("UPDATE alerts SET last_error = ? WHERE alert_id = ?", (why, alert.alert_id))

    def recent(self, account_id: str, limit: int = 20) -> list[Alert]:
        """See `AlertStore.recent`."""
        with translated():
            rows = self.db.execute(
                f"SELECT {_ALERT} FROM alerts WHERE account_id = ? ORDER BY found_at DESC, alert_id LIMIT ?",
                (account_id, limit),
            ).fetchall()
        return [Alert(*row) for row in rows]
