"""Opening a SQLite store: durability settings read back, schema migrated forward, native errors translated."""

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Self

from ...errors import StoreError, Unavailable

APPLICATION_ID = 0x54524544  # "TRED": tells our files from other programs' databases
BUSY_TIMEOUT_MS = 10_000


def connect(path: str) -> sqlite3.Connection:
    """A connection to the store at `path`, made and migrated if need be.

    Raises: StoreError when the file is not ours, is newer than this release, or does not take the durability settings;
    Unavailable when another process keeps it locked.
    """
    if path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    with translated():
        try:
            # isolation_level=None: Python begins nothing by itself; every transaction here is spelled out.
            db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False)
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"cannot open {path}: {error}; accepted: a file in a folder that this user may write"
            ) from error
        try:
            _check_owner(db, path)
            _settings(db, path)
            _migrate(db, path)
        except BaseException:
            db.close()
            raise
    return db


def _one(db: sqlite3.Connection, sql: str) -> object:
    row = db.execute(sql).fetchone()
    return row[0] if row else None


def _check_owner(db: sqlite3.Connection, path: str) -> None:
    try:
        # In this order: another process may be making the tables, and it writes both in one commit.
        tables, application = _one(db, "SELECT count(*) FROM sqlite_schema"), _one(db, "PRAGMA application_id")
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise StoreError(f"{path} is not a SQLite database: {error}") from error
    if tables and application != APPLICATION_ID:
        raise StoreError(f"{path} is a database of another program; give --store a file of its own")


def _settings(db: sqlite3.Connection, path: str) -> None:
    """Set what durability rests on and read it back: a setting that SQLite ignores must not go unnoticed."""
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    if sys.platform == "darwin":
        wanted["fullfsync"] = 1  # plain fsync does not reach the disk there
    for name, value in wanted.items():
        _patiently(db, f"PRAGMA {name} = {value}")
        got = _one(db, f"PRAGMA {name}")
        if got != value and path != ":memory:":
            raise StoreError(
                f"{path}: SQLite answers {name} = {got}, but {value} is needed to keep what was acknowledged"
            )
    db.execute("PRAGMA cache_size = -65536")
    # The hot pages (rightmost leaves, counters) are written by every commit: a rarer checkpoint copies each of them
    # once.
    db.execute("PRAGMA wal_autocheckpoint = 4000")
    db.execute("PRAGMA temp_store = memory")


def _patiently(db: sqlite3.Connection, sql: str) -> None:
    """Execute again while busy: SQLite does not wait for the switch to WAL, and workers start together."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            db.execute(sql)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def migrations() -> list[str]:
    """The schema's steps in order, as SQL scripts; step k takes user_version k-1 to k."""
    folder = resources.files(__package__).joinpath("migrations")
    return [
        entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda e: e.name)
        if entry.name.endswith(".sql")
    ]


def _migrate(db: sqlite3.Connection, path: str) -> None:
    steps = migrations()
    version = _one(db, "PRAGMA user_version")
    if version == len(steps):
        return
    with transaction(db):  # several processes may start at once: look again, now that the file is ours
        version = _one(db, "PRAGMA user_version")
        assert isinstance(version, int)
        if version > len(steps):
            raise StoreError(
                f"{path} was written by a newer release (schema {version}, this one knows {len(steps)}); upgrade first"
            )
        for step in steps[version:]:
            for statement in _statements(step):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(steps)}")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: executescript would commit the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    assert not statement.strip(), "the script ends inside a statement, which would not be executed"


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """A write transaction; IMMEDIATE, as a deferred one that turns to writing is refused as locked, timeout or not."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """Several reads of one and the same state; inside another one, that one's."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.rollback()


@contextmanager
def translated() -> Iterator[None]:
    """SQLite's errors as ours, by their code, never by their text."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Unavailable("the store is busy with another writer; send the same request again") from error
        if code == sqlite3.SQLITE_FULL:
            raise Unavailable("the disk of the store is full; nothing was stored", retry_after=60) from error
        if code == sqlite3.SQLITE_IOERR:
            raise Unavailable(
                "the disk of the store did not answer; nothing is known to be stored", retry_after=5
            ) from error
        raise


def path_of(url: str) -> str:
    """The file that `sqlite:///relative` or `sqlite:////absolute` names."""
    return os.path.normpath(url.removeprefix("sqlite:///"))


class OwnConnection:
    """What is kept beside the ledger in its file has a connection of its own; not for several threads at once."""

    def __init__(self, path: str) -> None:
        self.db = connect(path)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """On the file that `sqlite:///relative` or `sqlite:////absolute/path` names; made if need be."""
        return cls(path_of(url))

    def close(self) -> None:
        """Release the file; calling it twice is harmless."""
        self.db.close()
