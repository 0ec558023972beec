"""The API keys, in the table of the ledger: in a partition of their own, which is read whole only to list them."""

from dataclasses import replace
from typing import Self, get_args

from ...domain.ports import Key, KeyScope, Scope
from ...domain.wording import shorten
from ...errors import NotFound, TrueEdgeError
from .table import LAST, DynamoTable, Item, Table, of_url

PARTITION = "K"
EVER = "!"  # sort key of the item that is there once there was a key; sorts before every digest


class DynamoKeys:
    """`KeyStore` on one table."""

    def __init__(self, table: Table) -> None:
        self.table = table

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The keys in the table that `dynamodb://table` names. Raises: StoreError."""
        name, options = of_url(url)
        return cls(DynamoTable(name, create=options.get("create") == "1"))

    def close(self) -> None:
        """Release connections; calling it twice is harmless."""
        self.table.close()

    def add(self, key: Key) -> None:
        """See `KeyStore.add`."""
        self.table.put_all_new([_item(key)], [{"PK": PARTITION, "SK": EVER}])

    def add_first(self, key: Key) -> bool:
        """See `KeyStore.add_first`. Both items or none: of several callers at once one finds no mark yet."""
        return self.table.put_all_new([_item(key), {"PK": PARTITION, "SK": EVER}], [])

    def find(self, digest: str) -> Key | None:
        """See `KeyStore.find`."""
        if len(digest) != 64:  # the mark is no key
            return None
        item = self.table.get((PARTITION, digest))
        return None if item is None else _key(item)

    def has_any(self) -> bool:
        """See `KeyStore.has_any`."""
        return self.table.get((PARTITION, EVER)) is not None

    def all(self) -> list[Key]:
        """See `KeyStore.all`."""
        keys = [_key(item) for item in self.table.query(PARTITION, "0")]
        return sorted(keys, key=lambda key: (key.created_at, key.digest))

    def revoke(self, key_id: str, at: int) -> Key:
        """See `KeyStore.revoke`."""
        found = list(self.table.query(PARTITION, key_id, key_id + LAST)) if len(key_id) == 12 else []
        if not found:
            raise NotFound(f"no key has the id {shorten(key_id)}; `keys list` shows them")
        key = _key(found[0])
        if self.table.update((PARTITION, key.digest), {"revoked_at": at}, "attribute_not_exists(revoked_at)"):
            return replace(key, revoked_at=at)
        again = self.find(key.digest)
        return key if again is None else again

    def touch(self, digest: str, at: int) -> None:
        """See `KeyStore.touch`. What cannot be noted now is not: nobody waits for it, and nobody fails for it."""
        try:
            unused = "attribute_not_exists(last_used_at) OR last_used_at < :last_used_at"
            self.table.update((PARTITION, digest), {"last_used_at": at}, unused)
        except TrueEdgeError:
            return


def _item(key: Key) -> Item:
    optional = {
        "account_id": key.bound_to.account_id,
        "strategy_id": key.bound_to.strategy_id,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
    return {
        "PK": PARTITION,
        "SK": key.digest,
        "scopes": ",".join(key.scopes),
        "created_at": key.created_at,
        "name": key.name,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _key(item: Item) -> Key:
    held = str(item["scopes"]).split(",")

    def text(name: str) -> str | None:
        return str(item[name]) if name in item else None

    def time(name: str) -> int | None:
        return int(item[name]) if name in item else None

    return Key(
        str(item["SK"]),
        tuple(scope for scope in get_args(KeyScope) if scope in held),
        int(item["created_at"]),
        Scope(text("account_id"), text("strategy_id")),
        str(item["name"]),
        time("expires_at"),
        time("revoked_at"),
        time("last_used_at"),
    )
