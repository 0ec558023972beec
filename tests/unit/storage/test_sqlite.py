"""What is SQLite's own: settings that hold, files refused, migrations, several processes, an fsck that finds damage."""

import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.events import DAY, MINUTE, START, event
from trueedge_core.domain.ports import Period, Scope
from trueedge_core.errors import Unavailable
from trueedge_core.storage.sqlite import connection
from trueedge_core.storage.sqlite.connection import StoreError
from trueedge_core.storage.sqlite.ledger import SqliteLedger
from trueedge_core.storage.sqlite.scopes import TAIL
from trueedge_core.storage.sqlite.tree import LEAF


def filled(path: Path, number: int = 3 * TAIL, spacing: int = MINUTE) -> SqliteLedger:
    ledger = SqliteLedger(str(path))
    ledger.append([event(f"e{i:04d}", START + i * spacing, str(i % 5 - 2)) for i in range(number)])
    return ledger


def test_every_connection_reads_back_wal_and_full(tmp_path: Path) -> None:
    for _ in range(2):
        ledger = SqliteLedger(str(tmp_path / "store.db"))
        assert ledger.db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert ledger.db.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert ledger.db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        ledger.close()


def test_a_store_that_does_not_take_the_settings_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    filled(path).close()
    asked = connection._one  # the answers are SQLite's own but for one

    def one(db: sqlite3.Connection, sql: str) -> object:
        return 1 if sql == "PRAGMA synchronous" else asked(db, sql)

    monkeypatch.setattr(connection, "_one", one)
    with pytest.raises(StoreError, match="synchronous = 1, but 2 is needed"):
        SqliteLedger(str(path))


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tradesv3.sqlite"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE trades (id INTEGER PRIMARY KEY, pair TEXT)")
    db.commit()
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        SqliteLedger(str(path))
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to have a header of its own" * 20)
    with pytest.raises(StoreError, match="not a SQLite database"):
        SqliteLedger(str(path))


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open"):
        SqliteLedger(str(tmp_path))


def test_a_store_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    ledger = filled(path)
    ledger.db.execute("PRAGMA user_version = 99")
    ledger.close()
    with pytest.raises(StoreError, match="newer release"):
        SqliteLedger(str(path))


def test_migrations_run_forward_once_and_keep_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    filled(path).close()
    steps = [
        *connection.migrations(),
        "CREATE TABLE later (x INTEGER) STRICT;\n-- a comment; with a semicolon\nINSERT INTO later VALUES (1);",
    ]
    monkeypatch.setattr(connection, "migrations", lambda: steps)
    for _ in range(2):
        ledger = SqliteLedger(str(path))
        assert ledger.db.execute("SELECT count(*) FROM later").fetchone()[0] == 1
        assert ledger.db.execute("PRAGMA user_version").fetchone()[0] == len(steps)
        reading = ledger.summary(Scope())
        assert reading is not None
        assert reading.summary.n == 3 * TAIL
        ledger.close()


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    filled(path).close()
    original = connection.migrations()
    monkeypatch.setattr(
        connection,
        "migrations",
        lambda: [*original, "CREATE TABLE later (x INTEGER) STRICT;", "SELECT nothing FROM nowhere;"],
    )
    with pytest.raises(sqlite3.OperationalError):
        SqliteLedger(str(path))
    monkeypatch.setattr(connection, "migrations", lambda: original)
    ledger = SqliteLedger(str(path))
    assert ledger.db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'later'").fetchone()[0] == 0
    ledger.close()


def test_a_locked_store_is_unavailable_and_nothing_is_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.db"
    filled(path).close()
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_MS", 50)
    ledger = SqliteLedger(str(path))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        ledger.append([event("new")])
    other.execute("ROLLBACK")
    assert ledger.event("new") is None
    assert ledger.append([event("new")])[0].outcome == "stored"
    ledger.close()


def test_a_failed_append_is_forgotten_by_the_process_that_failed(tmp_path: Path) -> None:
    """The rolled back event takes the position that the next one gets: the remembered tails must not mix them up."""
    ledger = filled(tmp_path / "store.db", 10)

    def no_commit(action: int, what: str | None, *_: object) -> int:
        return sqlite3.SQLITE_DENY if (action, what) == (sqlite3.SQLITE_TRANSACTION, "COMMIT") else sqlite3.SQLITE_OK

    ledger.db.set_authorizer(no_commit)
    with pytest.raises(sqlite3.DatabaseError):
        ledger.append([event("lost", START + DAY, "1000")])
    ledger.db.set_authorizer(None)
    ledger.append([event("kept", START + DAY, "7")])
    ledger.append([event(f"f{i:04d}", START + DAY + i * MINUTE, "0") for i in range(2 * TAIL)])
    assert list(ledger.fsck()) == []
    ledger.close()


WRITER = """
import sys
sys.path[:0] = [{root!r}]
from tests.contract.events import START, event
from trueedge_core.storage.sqlite.ledger import SqliteLedger
ledger = SqliteLedger({path!r})
for i in range(60):
    own = event(f"{{sys.argv[1]}}-{{i:03d}}", START + (i * 7919) % 5000 * 1_000_000, "1")
    ledger.append([own, event(f"shared-{{i:03d}}", START + i)])
"""


def test_several_processes_write_one_file_and_lose_nothing(tmp_path: Path) -> None:
    root, path = str(Path(__file__).resolve().parents[3]), str(tmp_path / "store.db")
    program = WRITER.format(root=root, path=path)
    writers = [subprocess.Popen([sys.executable, "-c", program, name]) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    ledger = SqliteLedger(path)
    reading = ledger.summary(Scope())
    assert reading is not None
    assert (reading.summary.n, reading.as_of.events) == (4 * 60 + 60, 300)
    assert list(ledger.fsck()) == []
    ledger.close()


def test_a_reader_sees_one_state_while_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    filled(path, 5).close()
    stop = threading.Event()

    def write() -> None:
        ledger = SqliteLedger(str(path))
        number = 0
        while not stop.is_set():
            ledger.append([event(f"w{number}-{k}", START + number, "1") for k in range(2)])
            number += 1
        ledger.close()

    writer = threading.Thread(target=write)
    writer.start()
    ledger = SqliteLedger(str(path))
    for _ in range(200):
        reading = ledger.summary(Scope())
        assert reading is not None
        assert reading.summary.n == reading.as_of.events
        assert reading.summary.n % 2 == 1  # 5 and pairs
    stop.set()
    writer.join()
    ledger.close()


# --- fsck ------------------------------------------------------------------------------------------------------------

DAMAGE: dict[str, tuple[str, str]] = {
    "a bucket that forgot an event": (
        "UPDATE buckets SET live = (SELECT live FROM buckets WHERE id >> 32 & 7 = 4 LIMIT 1) WHERE id >> 32 & 7 = 0",
        "is not that of the log",
    ),
    "a bucket that is gone": ("DELETE FROM buckets WHERE id >> 32 & 7 = 3", "missing"),
    "a bucket too many": (
        "INSERT INTO buckets (id, size, split, live_n, demo_n) VALUES ((1 << 35) | (3 << 32) | 5, 0, 0, 0, 0)",
        "buckets are stored where",
    ),
    "a bucket of no scope": (
        "INSERT INTO buckets (id, size, split, live_n, demo_n) VALUES (999 << 35, 0, 0, 0, 0)",
        "belong to no scope",
    ),
    "a count beside a summary": (
        "UPDATE buckets SET live_n = live_n - 1 WHERE id >> 32 & 7 = 2",
        "counts of live and demo",
    ),
    "an environment": ("UPDATE scopes SET demo = 1 WHERE kind = 'account'", "demo is 1"),
    "a position": ("UPDATE scopes SET live_seen = live_seen - 1 WHERE kind = 'pair'", "live_seen is"),
    "a strategy never tried": ("UPDATE scopes SET traded = 0 WHERE kind = 'strategy'", "traded is 0"),
    "a key that moved": ("UPDATE scopes SET upto_at = upto_at - 1 WHERE kind = 'strategy'", "is not that of the log"),
    "a scope that is gone": ("DELETE FROM scopes WHERE kind = 'pair'", "the summaries do not"),
    "a scope of nothing": (
        "INSERT INTO scopes (kind, account_id, strategy_id, upto_at, upto_id, live, demo, traded, live_seen, demo_seen)"
        " VALUES ('account', 'ghost', '', -1, '', 0, 0, 0, 0, 0)",
        "no event of it",
    ),
    "a typed column": ("UPDATE trades SET pnl = '99' WHERE id = 7", "column pnl"),
    "the kept text": ("UPDATE trades SET raw_json = replace(raw_json, 'EURUSD', 'GBPUSD') WHERE id = 7", "column"),
    "a position that is none": (
        "INSERT INTO open_positions (trade, account_id, position_id, timestamp, event_id) VALUES (7, 'a', 'p', 0, 'e')",
        "trade 7 is no open position",
    ),
    "a trade taken out of the log": ("DELETE FROM trades WHERE id = 7", "position 7 should come next"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_fsck_finds(name: str, tmp_path: Path) -> None:
    ledger = filled(tmp_path / "store.db", LEAF + 2 * TAIL)
    assert list(ledger.fsck()) == []
    sql, expected = DAMAGE[name]
    assert ledger.db.execute(sql).rowcount > 0
    found = list(ledger.fsck())
    assert any(expected in finding.message for finding in found), found
    ledger.close()


def test_fsck_finds_an_open_position_that_is_missing_and_rebuild_brings_it_back(tmp_path: Path) -> None:
    ledger = SqliteLedger(str(tmp_path / "store.db"))
    ledger.append([event("o", state="open"), event("c", START + 1)])
    ledger.db.execute("DELETE FROM open_positions")
    [finding] = ledger.fsck()
    assert (finding.where, "trade 0, open position o" in finding.message) == ("positions", True)
    list(ledger.rebuild())
    assert list(ledger.fsck()) == []
    assert [trade.event_id for trade in ledger.positions().items] == ["o"]
    ledger.close()


def test_a_store_from_before_there_were_positions_has_them_once_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, steps = str(tmp_path / "store.db"), connection.migrations()
    monkeypatch.setattr(connection, "migrations", lambda: steps[:2])
    ledger = SqliteLedger(path)
    ledger.append([event("o1", state="open", linked_position_id="p"), event("o2", START + 1, state="open")])
    ledger.append([event("o3", START + 2, state="open"), event("c", START + 3, linked_position_id="o2")])
    ledger.append([event("d", START + 3, linked_position_id="p")])
    ledger.void("d", "was another")
    ledger.close()
    monkeypatch.setattr(connection, "migrations", lambda: steps)
    ledger = SqliteLedger(path)
    assert [trade.event_id for trade in ledger.positions().items] == ["o3", "o1"]
    assert list(ledger.fsck()) == []
    ledger.close()


def test_a_script_that_ends_inside_a_statement_is_not_executed_by_halves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [*connection.migrations(), "CREATE TABLE a (x INTEGER);\nCREATE TABLE b (x INTEGER)"]
    monkeypatch.setattr(connection, "migrations", lambda: steps)
    with pytest.raises(AssertionError, match="inside a statement"):
        SqliteLedger(str(tmp_path / "store.db"))


def test_fsck_finds_an_event_whose_folding_was_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step from log to summary removed for one event: the log has it, no bucket does."""
    ledger = filled(tmp_path / "store.db")
    with monkeypatch.context() as patch:
        patch.setattr(SqliteLedger, "_take_in", lambda *_, **__: None)
        ledger.append([event("unfolded", START + 1)])
    found = list(ledger.fsck())
    assert any(one.where == "overall" and "is not that of the log" in one.message for one in found), found
    for _ in ledger.rebuild():
        pass
    assert list(ledger.fsck()) == []
    ledger.close()


def test_an_event_of_the_tail_needs_no_folding_to_be_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = filled(tmp_path / "store.db")
    with monkeypatch.context() as patch:
        patch.setattr(SqliteLedger, "_take_in", lambda *_, **__: None)
        ledger.append([event("newest", START + DAY, "1000")])
    reading = ledger.summary(Scope())
    assert reading is not None
    assert (reading.summary.n, reading.summary.best) == (3 * TAIL + 1, 1000 * 10**18)
    assert list(ledger.fsck()) == []
    ledger.close()


def test_an_interrupted_rebuild_changes_nothing(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "store.db")
    before = list(ledger.db.execute("SELECT * FROM buckets"))
    work = ledger.rebuild()
    next(work)
    work.close()
    assert list(ledger.db.execute("SELECT * FROM buckets")) == before
    assert list(ledger.fsck()) == []
    ledger.close()


# --- no read scans history -------------------------------------------------------------------------------------------

READS: dict[str, Callable[[SqliteLedger], object]] = {
    "a total": lambda ledger: ledger.summary(Scope()),
    "a pair's total": lambda ledger: ledger.summary(Scope("acc-1", "strat-1", "live")),
    "groups": lambda ledger: ledger.groups("strategy", Scope()),
    "groups of an account": lambda ledger: ledger.groups("strategy", Scope(account_id="acc-1", environment="live")),
    "accounts of a strategy": lambda ledger: ledger.groups("account", Scope(strategy_id="strat-1")),
    "a day series": lambda ledger: ledger.series(
        Scope(strategy_id="strat-1"), Period(START + 17, START + 5 * DAY + 3), "day"
    ),
    "a page of trades": lambda ledger: ledger.trades(Scope("acc-1", None, "demo")),
    "an event": lambda ledger: ledger.event("e0003"),
    "a stretch in trade order": lambda ledger: list(
        ledger.in_trade_order(Scope("acc-1"), Period(START + 17, START + DAY))
    ),
    "positions of an account": lambda ledger: ledger.positions(Scope("acc-1", None, "demo")),
    "positions": lambda ledger: ledger.positions(),
}

# What the triggers run, which no trace shows: from one trade to what it opens, closes or lets stand again.
TRIGGERED = {
    "an open": "SELECT * FROM standing_open WHERE trade = 3",
    "a close": "DELETE FROM open_positions WHERE account_id = 'a' AND position_id = 'p'",
    "opens of a close": "SELECT s.* FROM trades c CROSS JOIN trades o ON o.account_id = c.account_id"
    " AND o.linked_position_id = c.linked_position_id AND o.state = 'open'"
    " CROSS JOIN standing_open s ON s.trade = o.id WHERE c.id = 3",
}


@pytest.mark.parametrize("name", TRIGGERED)
def test_no_statement_of_a_trigger_scans_a_table(name: str, tmp_path: Path) -> None:
    ledger = filled(tmp_path / "store.db", 10)
    plan = [row[3] for row in ledger.db.execute("EXPLAIN QUERY PLAN " + TRIGGERED[name])]
    assert plan
    assert not [step for step in plan if step.startswith("SCAN")], plan
    ledger.close()


@pytest.mark.parametrize("name", READS)
def test_no_statement_of_a_read_scans_a_table(name: str, tmp_path: Path) -> None:
    ledger = filled(tmp_path / "store.db", 400, MINUTE * 30)
    statements: list[str] = []
    ledger.db.set_trace_callback(statements.append)
    READS[name](ledger)
    ledger.db.set_trace_callback(None)
    selects = [sql for sql in statements if sql.startswith("SELECT")]
    assert selects
    for sql in selects:
        plan = [row[3] for row in ledger.db.execute("EXPLAIN QUERY PLAN " + sql)]
        assert not [step for step in plan if re.match("SCAN (t|v|trades|voids|scopes|buckets)\\b", step)], (sql, plan)
    ledger.close()
