"""What people say of their accounts, in the file of the ledger, on a connection of its own."""

from decimal import Decimal

from ...domain.decimals import from_scaled, plain, to_scaled
from ...domain.ports import Account, DayCut
from .connection import OwnConnection, transaction, translated

Row = tuple[str, str | None, str | None, str | None, str, int, str | None, str | None, int]
_COLUMNS = "account_id, display_name, currency, starting_balance, zone, hour, daily_loss, trailing_drawdown, changed_at"


class SqliteAccounts(OwnConnection):
    """`AccountStore` on one connection; not for several threads at once."""

    def put(self, account: Account) -> None:
        """See `AccountStore.put`."""
        with translated(), transaction(self.db):
            self.db.execute(
                f"INSERT OR REPLACE INTO accounts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    account.account_id,
                    account.display_name,
                    account.currency,
                    _text(account.starting_balance),
                    account.day_cut.zone,
                    account.day_cut.hour,
                    _text(account.daily_loss),
                    _text(account.trailing_drawdown),
                    account.changed_at,
                ),
            )

    def get(self, account_id: str) -> Account | None:
        """See `AccountStore.get`."""
        with translated():
            row = self.db.execute(f"SELECT {_COLUMNS} FROM accounts WHERE account_id = ?", (account_id,)).fetchone()
        return None if row is None else _account(row)

    def all(self) -> list[Account]:
        """See `AccountStore.all`."""
        with translated():
            rows = self.db.execute(f"SELECT {_COLUMNS} FROM accounts ORDER BY account_id").fetchall()
        return [_account(row) for row in rows]


def _account(row: Row) -> Account:
    account_id, display_name, currency, balance, zone, hour, loss, drawdown, changed_at = row
    return Account(
        account_id,
        display_name,
        currency,
        _scaled(balance),
        DayCut(zone, hour),
        _scaled(loss),
        _scaled(drawdown),
        changed_at,
    )


def _text(amount: int | None) -> str | None:
    return None if amount is None else plain(from_scaled(amount))


def _scaled(text: str | None) -> int | None:
    return None if text is None else to_scaled(Decimal(text))
