"""What people say of their accounts, in the table of the ledger: in a partition of its own."""

from decimal import Decimal
from typing import Self

from ...domain.decimals import from_scaled, plain, to_scaled
from ...domain.ports import Account, DayCut
from .table import DynamoTable, Item, Table, of_url

PARTITION = "A"


class DynamoAccounts:
    """`AccountStore` on one table."""

    def __init__(self, table: Table) -> None:
        self.table = table

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The accounts in the table that `dynamodb://table` names. Raises: StoreError."""
        name, options = of_url(url)
        return cls(DynamoTable(name, create=options.get("create") == "1"))

    def close(self) -> None:
        """Release connections; calling it twice is harmless."""
        self.table.close()

    def put(self, account: Account) -> None:
        """See `AccountStore.put`."""
        self.table.put(_item(account))

    def get(self, account_id: str) -> Account | None:
        """See `AccountStore.get`."""
        item = self.table.get((PARTITION, account_id)) if account_id else None
        return None if item is None else _account(item)

    def all(self) -> list[Account]:
        """See `AccountStore.all`."""
        return [_account(item) for item in self.table.query(PARTITION)]


def _item(account: Account) -> Item:
    optional = {
        "display_name": account.display_name,
        "currency": account.currency,
        "starting_balance": _text(account.starting_balance),
        "daily_loss": _text(account.daily_loss),
        "trailing_drawdown": _text(account.trailing_drawdown),
        "changed_at": account.changed_at,
    }
    return {
        "PK": PARTITION,
        "SK": account.account_id,
        "zone": account.day_cut.zone,
        "hour": account.day_cut.hour,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _account(item: Item) -> Account:
    def text(name: str) -> str | None:
        return str(item[name]) if name in item else None

    return Account(
        str(item["SK"]),
        text("display_name"),
        text("currency"),
        _scaled(text("starting_balance")),
        DayCut(str(item["zone"]), int(item["hour"])),
        _scaled(text("daily_loss")),
        _scaled(text("trailing_drawdown")),
        int(item["changed_at"]) if "changed_at" in item else None,
    )


def _text(amount: int | None) -> str | None:
    return None if amount is None else plain(from_scaled(amount))


def _scaled(text: str | None) -> int | None:
    return None if text is None else to_scaled(Decimal(text))
