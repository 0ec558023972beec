"""Keys as the administrator makes them, and as running servers notice them."""

import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.functions.calling import trade
from tests.local.test_server import PATIENCE, Running, eventually
from trueedge_core import wiring
from trueedge_core.domain.ports import Key
from trueedge_core.services.access import digest_of
from trueedge_core.services.keys import new_text
from trueedge_core.storage import open_keys
from trueedge_local.cli import main

servers = pytest.mark.skipif(sys.platform == "win32", reason="speaks to processes by POSIX signals")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "t.db"


@pytest.fixture
def run(store: Path) -> Callable[..., Result]:
    def keys(command: str, *arguments: str) -> Result:
        result = CliRunner().invoke(main, ["keys", command, "--store", str(store), *arguments])
        wiring.configure(None)
        return result

    return keys


def made(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output.splitlines()[-1]


# --- the commands ----------------------------------------------------------------------------------------------------


def test_create_prints_the_key_alone_on_the_last_line_and_keeps_only_its_digest(
    run: Callable[..., Result], store: Path
) -> None:
    result = run(
        "create", "--scope", "ingest", "--scope", "read", "--account", "Konto 7", "--expires", "90d", "--name", "bot 1"
    )
    key = made(result)
    assert len(key) == 35
    assert result.output.count(key) == 1
    assert 'account "Konto 7"' in result.output
    kept = open_keys(f"sqlite:///{store}")
    [one] = kept.all()
    kept.close()
    assert one.digest == digest_of(key)
    assert (one.scopes, one.bound_to.account_id, one.name) == (("ingest", "read"), "Konto 7", "bot 1")
    assert one.expires_at is not None
    assert 0 <= one.created_at + 90 * 86_400_000_000 - one.expires_at < 1_000_000
    assert all(key.encode() not in path.read_bytes() for path in store.parent.iterdir())


def test_every_key_is_another(run: Callable[..., Result]) -> None:
    assert len({made(run("create", "--scope", "read")) for _ in range(5)}) == 5


def test_the_first_key_says_that_the_open_mode_is_over(run: Callable[..., Result]) -> None:
    assert "first key" in run("create", "--scope", "read").output
    assert "first key" not in run("create", "--scope", "read").output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--scope", "root"], "root"),
        ([], "--scope"),
        (["--scope", "read", "--account", ""], "account:"),
        (["--scope", "read", "--strategy", " a"], "strategy:"),
        (["--scope", "read", "--name", "x" * 65], "name:"),
        (["--scope", "read", "--name", "a\x1b[2J"], "name:"),
        *((["--scope", "read", "--expires", text], "expires:") for text in ("90", "1y", "0d", "-1d", "2001-01-01", "")),
        (["--scope", "read", "--expires", "999999w"], "too far away"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name_and_makes_no_key(
    arguments: list[str], says: str, run: Callable[..., Result], store: Path
) -> None:
    result = run("create", *arguments)
    assert result.exit_code != 0
    assert says in result.output
    assert not store.exists() or run("list").output == "this store has no keys\n"


def test_list_shows_every_key_but_no_text_of_one(run: Callable[..., Result]) -> None:
    first = made(run("create", "--scope", "read", "--strategy", "trend", "--name", "for Anna"))
    second = made(run("create", "--scope", "admin"))
    run("revoke", digest_of(second)[:12])
    head, *rows = run("list").output.splitlines()
    assert head.split()[:3] == ["ID", "NAME", "SCOPES"]
    assert [row.split()[0] for row in rows] == [digest_of(first)[:12], digest_of(second)[:12]]
    assert all(word in rows[0] for word in ("for Anna", 'strategy "trend"', "never", "good"))
    assert "revoked" in rows[1]
    assert first not in str(rows)
    assert second not in str(rows)


def test_revoke_takes_the_id_or_a_key_that_leaked_and_may_be_repeated(run: Callable[..., Result]) -> None:
    first, second = made(run("create", "--scope", "read")), made(run("create", "--scope", "read"))
    assert "is revoked" in run("revoke", digest_of(first)[:12].upper()).output
    by_text = run("revoke", second)
    assert f"key {digest_of(second)[:12]} is revoked" in by_text.output
    assert second not in by_text.output
    assert "revoked before" in run("revoke", second).output
    assert run("revoke", "0" * 12).exit_code == 1


@pytest.mark.parametrize("command", [["list"], ["revoke", "0" * 12]])
def test_a_store_that_is_not_there_is_not_made(command: list[str], run: Callable[..., Result], store: Path) -> None:
    result = run(*command)
    assert result.exit_code == 1
    assert "there is no store" in result.output
    assert not store.exists()


def test_a_store_of_the_release_before_takes_keys_and_keeps_its_trades(run: Callable[..., Result], store: Path) -> None:
    """The file as the first schema step left it."""
    step = Path(open_keys.__code__.co_filename).parent / "sqlite" / "migrations" / "0001_log_and_summaries.sql"
    with sqlite3.connect(store) as database:
        database.executescript(step.read_text(encoding="utf-8"))
        database.execute(f"PRAGMA application_id = {0x54524544}")
        database.execute("PRAGMA user_version = 1")
    database.close()
    made(run("create", "--scope", "read"))
    assert "clean" in CliRunner().invoke(main, ["fsck", "--store", str(store)]).output
    wiring.configure(None)


# --- servers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(*arguments: str, **variables: str) -> Running:
        started.append(Running(tmp_path, *arguments, **variables))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@servers
def test_two_servers_that_start_at_once_on_an_empty_store_make_one_admin_key(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trueedge_local", "serve", "--host", "0.0.0.0", "--port", "0", "--store", "t.db"]
    both = [
        subprocess.Popen([*command, "--workers", "1"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = []
    for one in both:
        assert one.stdout is not None
        while (line := one.stdout.readline()) and "http://" not in line:
            said.append(line.strip())
        one.terminate()
        one.communicate(timeout=PATIENCE)
    [key] = [line for line in said if line.startswith("te_")]
    kept = open_keys(f"sqlite:///{tmp_path / 't.db'}")
    assert [(one.digest, one.scopes) for one in kept.all()] == [(digest_of(key), ("admin",))]
    kept.close()


@servers
def test_running_workers_notice_the_first_key_a_revoked_one_and_one_that_expires(
    start: Callable[..., Running], store: Path
) -> None:
    running = start("--workers", "2")
    kept = open_keys(f"sqlite:///{store}")

    def statuses(key: str) -> set[int]:
        """Of several connections: each worker has its turn."""
        return {running.ask("GET", "/metrics/overall", x_api_key=key)[0] for _ in range(8)}

    assert statuses("") == {200}
    first, short = new_text(), new_text()
    now = time.time_ns() // 1000
    kept.add(Key(digest_of(first), ("read",), now))
    assert eventually(lambda: statuses("") == {401})
    assert statuses(first) == {200}
    kept.add(Key(digest_of(short), ("read",), now, expires_at=time.time_ns() // 1000 + 2_000_000))
    assert running.ask("GET", "/metrics/overall", x_api_key=short)[0] == 200
    assert eventually(lambda: statuses(short) == {401})
    kept.revoke(digest_of(first)[:12], now)
    assert eventually(lambda: statuses(first) == {401})
    used = {one.digest: one.last_used_at for one in kept.all()}
    kept.close()
    assert (used[digest_of(first)] or 0) >= now
    assert running.stop() == (0, "")


def send(running: Running, method: str, target: str, body: str = "", **headers: str) -> None:
    """A request whose answer may be anything."""
    with contextlib.closing(running.connect()) as connection:
        connection.request(method, target, body, headers)
        connection.getresponse().read()


@servers
@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_key_reaches_the_log_however_it_comes(workers: str, start: Callable[..., Running], store: Path) -> None:
    running = start("--workers", workers, "--log-level", "debug", POWERTOOLS_DEV="1")
    kept = open_keys(f"sqlite:///{store}")
    good, bad = new_text(), new_text()
    kept.add(Key(digest_of(good), ("admin",), 1))
    kept.close()
    assert eventually(lambda: running.ask("GET", "/metrics/overall")[0] == 401)
    for key in (good, bad):
        for headers in ({"x_api_key": key}, {"authorization": f"Bearer {key}"}, {"cookie": f"trueedge_key={key}"}):
            running.ask("GET", "/metrics/overall", **headers)
            running.ask("POST", "/trade_event", {"event_id": key}, **headers)
            running.ask("POST", "/trade_event", trade("t-1"), **headers)
        for target in (
            f"/report?key={key}",
            f"/metrics/overall?key={key}",
            f"/metrics/overall?{key}=1",
            f"/trade_event/{key}",
            f"/{key}",
            f"/x/{key}/{key}%FF",
        ):
            send(running, "GET", target, "", **{"X-API-Key": good})
        send(running, "POST", "/login", f"key={key}")
        for target in (
            f"/hook/{key}/trade_event",
            f"/hook/%74%65_{key[3:]}/trade_event?{key}=1",
            f"/hook/{key[:-3]}/trade_event",  # cut off where it was pasted: still nearly a key
            f"/hook/{key[3:]}/trade_event",
            f"/Hook/x{key}/trade_events",
            f"//hook/{key[:-3]}",
        ):
            send(running, "POST", target, "{}")
            send(running, "POST", target, "{}", Host="elsewhere.example")
            send(running, "GET", target)
    running.process.terminate()
    said, errors = running.process.communicate(timeout=PATIENCE)
    assert running.process.returncode == 0
    assert errors.count("\n") > 20  # the log is there
    assert '"key_id":"' + digest_of(good)[:12] in errors.replace(" ", "")
    assert '"path":"/hook/{key}/trade_event"' in errors.replace(" ", "")
    for key in (good, bad):
        assert key[3:-3] not in errors
        assert key[3:-3] not in said  # where the resolver would print events under POWERTOOLS_DEV
