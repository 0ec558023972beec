"""The API keys, in the file of the ledger, on a connection of their own."""

import sqlite3
from dataclasses import replace
from typing import get_args

from ...domain.ports import Key, KeyScope, Scope
from ...domain.wording import shorten
from ...errors import NotFound
from .connection import BUSY_TIMEOUT_MS, OwnConnection, transaction, translated

Row = tuple[str, str, int, str | None, str | None, str, int | None, int | None, int | None]
_COLUMNS = "digest, scopes, created_at, account_id, strategy_id, name, expires_at, revoked_at, last_used_at"


class SqliteKeys(OwnConnection):
    """`KeyStore` on one connection; not for several threads at once."""

    def add(self, key: Key) -> None:
        """See `KeyStore.add`."""
        with translated(), transaction(self.db):
            self._insert(key)

    def add_first(self, key: Key) -> bool:
        """See `KeyStore.add_first`. BEGIN IMMEDIATE lets one writer at a time look and insert."""
        with translated(), transaction(self.db):
            if self._has_any():
                return False
            self._insert(key)
            return True

    def find(self, digest: str) -> Key | None:
        """See `KeyStore.find`."""
        with translated():
            row = self.db.execute(f"SELECT {_COLUMNS} FROM keys WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else _key(row)

    def has_any(self) -> bool:
        """See `KeyStore.has_any`."""
        with translated():
            return self._has_any()

    def all(self) -> list[Key]:
        """See `KeyStore.all`."""
        with translated():
            rows = self.db.execute(f"SELECT {_COLUMNS} FROM keys ORDER BY created_at, digest").fetchall()
        return [_key(row) for row in rows]

    def revoke(self, key_id: str, at: int) -> Key:
        """See `KeyStore.revoke`."""
        with translated(), transaction(self.db):
            row = self.db.execute(f"SELECT {_COLUMNS} FROM keys WHERE substr(digest, 1, 12) = ?", (key_id,)).fetchone()
            if row is None:
                raise NotFound(f"no key has the id {shorten(key_id)}; `keys list` shows them")
            self.db.execute("UPDATE keys SET revoked_at = ? WHERE digest = ? AND revoked_at IS NULL", (at, row[0]))
        key = _key(row)
        return key if key.revoked_at is not None else replace(key, revoked_at=at)

    def touch(self, digest: str, at: int) -> None:
        """See `KeyStore.touch`. Neither waits for another writer nor for the disk: the next commit syncs it too."""
        with translated():
            self.db.execute("PRAGMA busy_timeout = 0")
            self.db.execute("PRAGMA synchronous = NORMAL")
            try:
                self.db.execute(
                    "UPDATE keys SET last_used_at = ? WHERE digest = ? AND (last_used_at IS NULL OR last_used_at < ?)",
                    (at, digest, at),
                )
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
            finally:
                self.db.execute("PRAGMA synchronous = FULL")
                self.db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")

    def _has_any(self) -> bool:
        return self.db.execute("SELECT 1 FROM keys LIMIT 1").fetchone() is not None

    def _insert(self, key: Key) -> None:
        self.db.execute(
            f"INSERT INTO keys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key.digest,
                ",".join(key.scopes),
                key.created_at,
                key.bound_to.account_id,
                key.bound_to.strategy_id,
                key.name,
                key.expires_at,
                key.revoked_at,
                key.last_used_at,
            ),
        )


def _key(row: Row) -> Key:
    digest, scopes, created_at, account_id, strategy_id, name, expires_at, revoked_at, last_used_at = row
    held = scopes.split(",")
    return Key(
        digest,
        tuple(scope for scope in get_args(KeyScope) if scope in held),
        created_at,
        Scope(account_id, strategy_id),
        name,
        expires_at,
        revoked_at,
        last_used_at,
    )
