"""What is SQLite's own in keeping keys, and what the memory around it forgets in time."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trueedge_core.domain.ports import Key
from trueedge_core.storage.recent import FOUND_US, NONE_YET_US, REMEMBERED, TOUCH_US, RecentKeys
from trueedge_core.storage.sqlite.keys import SqliteKeys

KEY = Key("a" * 64, ("read",), 1)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "store.db")


@pytest.fixture
def kept(path: str) -> Iterator[SqliteKeys]:
    keys = SqliteKeys(path)
    yield keys
    keys.close()


def test_a_key_is_sought_never_scanned_for(kept: SqliteKeys) -> None:
    [step] = kept.db.execute("EXPLAIN QUERY PLAN SELECT * FROM keys WHERE digest = ?", ("a",))
    assert "SEARCH" in step[3]


def test_noting_a_use_waits_for_no_other_writer(kept: SqliteKeys, path: str) -> None:
    kept.add(KEY)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    kept.touch(KEY.digest, 5)  # would wait 10 s and raise
    other.execute("ROLLBACK")
    other.close()
    assert kept.find(KEY.digest) == KEY
    kept.touch(KEY.digest, 6)
    assert kept.find(KEY.digest) == replace(KEY, last_used_at=6)


def test_after_noting_a_use_the_settings_of_durability_are_back(kept: SqliteKeys) -> None:
    kept.touch(KEY.digest, 5)
    assert kept.db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert kept.db.execute("PRAGMA busy_timeout").fetchone()[0] == 10_000


# --- the memory around it --------------------------------------------------------------------------------------------


class Clock:
    now = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recent(kept: SqliteKeys, clock: Clock) -> RecentKeys:
    return RecentKeys(kept, clock)


def test_a_key_revoked_elsewhere_is_taken_for_three_seconds_at_most(
    recent: RecentKeys, kept: SqliteKeys, clock: Clock
) -> None:
    assert FOUND_US == 3_000_000
    kept.add(KEY)
    assert recent.find(KEY.digest) == KEY
    kept.revoke(KEY.id, 7)
    clock.now += FOUND_US - 1
    assert recent.find(KEY.digest) == KEY
    clock.now += 1
    assert recent.find(KEY.digest) == replace(KEY, revoked_at=7)


def test_a_clock_that_is_set_back_does_not_prolong_it(recent: RecentKeys, kept: SqliteKeys, clock: Clock) -> None:
    kept.add(KEY)
    recent.find(KEY.digest)
    kept.revoke(KEY.id, 7)
    clock.now -= 3_600_000_000
    assert recent.find(KEY.digest) == replace(KEY, revoked_at=7)


def test_a_key_revoked_here_is_forgotten_at_once(recent: RecentKeys) -> None:
    recent.add(KEY)
    recent.find(KEY.digest)
    recent.revoke(KEY.id, 7)
    assert recent.find(KEY.digest) == replace(KEY, revoked_at=7)


def test_a_key_that_was_not_there_is_found_as_soon_as_it_is(recent: RecentKeys, kept: SqliteKeys) -> None:
    assert recent.find(KEY.digest) is None
    kept.add(KEY)
    assert recent.find(KEY.digest) == KEY


def test_the_first_key_made_elsewhere_is_noticed_within_a_second(
    recent: RecentKeys, kept: SqliteKeys, clock: Clock
) -> None:
    assert NONE_YET_US == 1_000_000
    assert recent.has_any() is False
    kept.add(KEY)
    clock.now += NONE_YET_US
    assert recent.has_any() is True


def test_a_use_is_written_once_a_minute_however_often_a_key_is_used(
    recent: RecentKeys, kept: SqliteKeys, clock: Clock
) -> None:
    kept.add(KEY)
    first = clock.now
    for _ in range(60):
        recent.touch(KEY.digest, clock.now)
        clock.now += 1_000_000 - 1
    assert kept.all()[0].last_used_at == first
    recent.touch(KEY.digest, first + TOUCH_US)
    assert kept.all()[0].last_used_at == first + TOUCH_US


def test_what_is_remembered_has_a_limit(recent: RecentKeys, kept: SqliteKeys) -> None:
    digests = [f"{number:064x}" for number in range(REMEMBERED + 5)]
    kept.db.execute("BEGIN IMMEDIATE")
    kept.db.executemany(
        "INSERT INTO keys (digest, created_at, name, scopes) VALUES (?, 1, '', 'read')", [(one,) for one in digests]
    )
    kept.db.execute("COMMIT")
    for digest in digests:
        assert recent.find(digest) is not None
        recent.touch(digest, 5)
    assert len(recent._found) <= REMEMBERED
    assert len(recent._touched) <= REMEMBERED
