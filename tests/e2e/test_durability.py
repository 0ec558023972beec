"""A 200 means that the event is there for good, whatever dies afterwards; a damaged summary is seen and repaired."""

import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.e2e.harness import Client, Post, Poster, Server, administer, listed, store_url
from tests.e2e.judge import differences
from tests.e2e.samples import post_ok, raw_event
from tests.oracle.bruteforce import figures
from tests.oracle.reading import read

pytestmark = pytest.mark.xdist_group("durability")


def record(number: int, name: str, chance: random.Random) -> str:
    """An event of a made-up record: a third of them late, over some days."""
    minute = number + (chance.randint(-3000, 0) if chance.random() < 0.33 else 0) + 5000
    at = f"2024-03-{1 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00Z"
    return raw_event(
        f"{name}-{number}",
        str(chance.randint(-500, 520) / 100),
        at,
        strategy_id=f"s{number % 3}",
        environment=chance.choice(("live", "demo")),
    )


def listed_ids(client: Client) -> Counter[str]:
    return Counter(row["event"]["event_id"] for row in listed(client, {}, 1000))


def fsck(store: Path) -> subprocess.CompletedProcess[str]:
    return administer("fsck", "--store", store_url(store))


def assert_clean(store: Path) -> None:
    checked = fsck(store)
    assert checked.returncode == 0, checked.stdout + checked.stderr


# --- kill -9 ----------------------------------------------------------------------------------------------------------


def stored_by(posters: Sequence[Poster]) -> set[str]:
    """The events whose 200 arrived."""
    found: set[str] = set()
    for poster in posters:
        for post, answer in zip(poster.posts, poster.answers(), strict=False):
            assert answer["status"] == 200, answer
            found.update(json.loads(raw)["event_id"] for raw in post.events)
    return found


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_kill_9_while_two_clients_post_loses_nothing_that_was_acknowledged(tmp_path: Path, rounds: int) -> None:
    store, chance = tmp_path / "killed.db", random.Random(rounds)
    acknowledged: set[str] = set()
    sent: dict[str, str] = {}
    for turn in range(rounds):
        server = Server(store, workers=2)
        try:
            server.wait_until_it_answers()
            posters = []
            for name in ("x", "y"):
                raws = [record(n, f"{name}{turn}", chance) for n in range(3000)]
                sent.update({f"{name}{turn}-{n}": raw for n, raw in enumerate(raws)})
                posts = [Post("single", [raw]) for raw in raws[:1000]]
                posts += [Post("ndjson", raws[n : n + 50]) for n in range(1000, 3000, 50)]
                chance.shuffle(posts)
                posters.append(Poster(server.port, posts, tmp_path, f"{name}{turn}"))
            end = time.monotonic() + 30
            while not all(poster.answers() for poster in posters) and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(chance.uniform(0.02, 0.8))
        finally:
            server.kill()
        for poster in posters:
            poster.wait(60)
        new = stored_by(posters)
        assert new, "nothing was acknowledged before the kill: this round shows nothing"
        assert not all(len(poster.answers()) == len(poster.posts) for poster in posters), "killed too late"
        acknowledged |= new
        if rounds == 2 or turn % 5 == 4:
            assert_clean(store)
    with Server(store, workers=1) as server, server.client() as client:
        there = listed_ids(client)
        assert max(there.values()) == 1
        assert acknowledged <= set(there) <= set(sent)
        # what is there is counted, no more and no less
        answer = client.get("/metrics/overall", {"starting_balance": "1000"}).json()
        assert not differences(answer, figures([read(sent[i]) for i in there], 1000), deflated=False)
    assert_clean(store)


def test_sigterm_finishes_the_request_in_hand(tmp_path: Path) -> None:
    store, chance = tmp_path / "stopped.db", random.Random(5)
    server = Server(store, workers=2)
    try:
        server.wait_until_it_answers()
        raws = [record(n, "t", chance) for n in range(20_000)]
        posts = [Post("ndjson", raws[n : n + 500]) for n in range(0, len(raws), 500)]
        poster = Poster(server.port, posts, tmp_path, "t")
        while not poster.answers():
            time.sleep(0.01)
        code = server.stop()
    finally:
        server.kill()
    poster.wait(60)
    assert code in (0, -15, 143)
    with Server(store, workers=1) as server, server.client() as client:
        assert stored_by([poster]) <= set(listed_ids(client))
    assert_clean(store)


# --- the sync before the 200 ------------------------------------------------------------------------------------------

STRACE = shutil.which("strace")
CALLS = "write,writev,pwrite64,pwritev,fsync,fdatasync,sendto,sendmsg"
WAL_WRITE = re.compile(r"\bpwrite(64|v)\(\d+<[^>]*traced\.db-wal>")
WAL_SYNC = re.compile(r"\bf(data)?sync\(\d+<[^>]*traced\.db-wal>.* = 0$")
REPLY = re.compile(r"\b(write|writev|sendto|sendmsg)\(\d+<(socket|TCP)")


@pytest.mark.skipif(sys.platform != "linux" or not STRACE, reason="strace is not installed (Linux only)")
def test_an_event_is_synced_to_the_disk_between_its_write_and_its_200(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    under = (str(STRACE), "-D", "-f", "-y", "-s", "65536", "-o", str(trace), "-e", f"trace={CALLS}")
    with Server(tmp_path / "traced.db", workers=1, under=under) as server, server.client() as client:
        post_ok(client, raw_event("warm-up"))
        post_ok(client, raw_event("traced-single"))
        batch = "\n".join(raw_event(f"traced-batch-{n}") for n in range(3))
        assert client.post("/trade_events", batch).status == 200
    lines = trace.read_text(errors="replace").splitlines()
    for name in ("traced-single", "traced-batch-2"):
        to_log = [n for n, line in enumerate(lines) if name in line and WAL_WRITE.search(line)]
        replies = [n for n, line in enumerate(lines) if name in line and REPLY.search(line)]
        assert to_log, f"{name}: no write of it to the write-ahead log was seen"
        assert replies, f"{name}: its answer was not seen on the socket"
        synced = [n for n, line in enumerate(lines) if WAL_SYNC.search(line)]
        before = [n for n in synced if max(w for w in to_log if w < replies[0]) < n < replies[0]]
        assert before, f"{name}: written at {to_log}, answered at {replies}, synced at {synced}"


# --- what is derived --------------------------------------------------------------------------------------------------


def filled_store(path: Path, extra: Sequence[str] = ()) -> Path:
    chance = random.Random(3)
    raws = [record(n, "d", chance) for n in range(2000)]
    with Server(path, workers=1) as server, server.client() as client:
        for start in range(0, len(raws), 500):
            assert client.post("/trade_events", "\n".join(raws[start : start + 500])).status == 200
        for raw in extra:
            post_ok(client, raw)
        assert client.post("/trade_event/d-7/void", '{"reason": "test"}').status == 200
    return path


def overall(store: Path) -> bytes:
    with Server(store, workers=1) as server, server.client() as client:
        return client.get("/metrics/overall").body + client.get("/metrics/by_strategy").body


def execute(store: Path, sql: str) -> None:
    connection = sqlite3.connect(store)
    with connection:
        assert connection.execute(sql).rowcount == 1, f"nothing was damaged by {sql}"
    connection.close()


def one_of(table: str, condition: str = "1") -> str:
    return f"id = (SELECT id FROM {table} WHERE {condition} ORDER BY id LIMIT 1)"


# A bucket's id is scope << 35 | level << 32 | start.
DAMAGE: dict[str, str] = {
    "a count of trades": f"UPDATE buckets SET demo_n = demo_n - 1 WHERE {one_of('buckets', 'demo_n > 0')}",
    "a size": f"UPDATE buckets SET size = size + 1 WHERE {one_of('buckets')}",
    "a summary is gone": f"UPDATE buckets SET live = NULL WHERE {one_of('buckets', 'live IS NOT NULL')}",
    "a summary of other trades": "UPDATE buckets SET demo = (SELECT b.demo FROM buckets b WHERE b.demo IS NOT NULL "
    f"AND b.demo != buckets.demo LIMIT 1) WHERE {one_of('buckets', 'demo IS NOT NULL')}",
    "a summary of both": f"UPDATE buckets SET both = NULL WHERE {one_of('buckets', 'both IS NOT NULL')}",
    "a bucket is gone": f"DELETE FROM buckets WHERE {one_of('buckets', '(id >> 32) & 7 > 2')}",
    "a month is gone": f"DELETE FROM buckets WHERE {one_of('buckets', '(id >> 32) & 7 = 2')}",
    "a bucket too many": "INSERT INTO buckets SELECT id + 100000, size, split, live_n, demo_n, live, demo, both "
    f"FROM buckets WHERE {one_of('buckets', '(id >> 32) & 7 = 2')}",
    "a bucket of no scope": "INSERT INTO buckets SELECT id + (1000 << 35), size, split, live_n, demo_n, live, demo, "
    f"both FROM buckets WHERE {one_of('buckets')}",
    "the end of the buckets": f"UPDATE scopes SET upto_at = upto_at - 86400000000 WHERE {one_of('scopes')}",
    "a strategy never traded": f"UPDATE scopes SET traded = 0 WHERE {one_of('scopes', 'traded')}",
    "an environment": f"UPDATE scopes SET live = 1 - live WHERE {one_of('scopes')}",
    "a position": f"UPDATE scopes SET demo_seen = demo_seen + 1 WHERE {one_of('scopes')}",
    "a scope is gone": f"DELETE FROM scopes WHERE {one_of('scopes', 'strategy_id <> 0')}",
    "a scope too many": "INSERT INTO scopes SELECT id + 1000, kind, account_id || 'x', strategy_id, upto_at, upto_id, "
    f"live, demo, traded, live_seen, demo_seen FROM scopes WHERE {one_of('scopes')}",
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_store(tmp_path_factory.mktemp("derived") / "sound.db")


def copy_of(store: Path, folder: Path) -> Path:
    """A copy with nothing left in the write-ahead log."""
    target = folder / "damaged.db"
    source, into = sqlite3.connect(store), sqlite3.connect(target)
    source.backup(into)
    source.close()
    into.close()
    return target


def test_fsck_finds_nothing_wrong_with_a_sound_store(sound: Path) -> None:
    assert_clean(sound)


def assert_seen_and_repaired(store: Path, sound_answer: Callable[[], bytes]) -> None:
    checked = fsck(store)
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert len((checked.stdout + checked.stderr).strip()) > 20, "fsck says what is wrong"
    assert "Traceback" not in checked.stdout + checked.stderr
    rebuilt = administer("rebuild", "--store", store_url(store))
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    assert_clean(store)
    assert overall(store) == sound_answer()


@pytest.fixture(scope="module")
def sound_answer(sound: Path) -> bytes:
    return overall(sound)


IN_EVERY_RUN = ("a count of trades", "a summary of other trades", "a bucket is gone", "a strategy never traded")


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(sql, id=name, marks=[] if name in IN_EVERY_RUN else [pytest.mark.slow])
        for name, sql in DAMAGE.items()
    ],
)
def test_a_damaged_derived_row_is_seen_and_repaired(tmp_path: Path, sound: Path, sound_answer: bytes, sql: str) -> None:
    store = copy_of(sound, tmp_path)
    execute(store, sql)
    assert_seen_and_repaired(store, lambda: sound_answer)


def test_an_event_that_never_reached_the_summaries_is_seen_and_taken_in(tmp_path: Path) -> None:
    """The log row of one event is put into a store that took in all others: its step to the summaries is missing."""
    extra = raw_event("missing", 7, "2024-03-04T12:00:00Z", strategy_id="s1")
    without = copy_of(filled_store(tmp_path / "without.db"), tmp_path)
    complete = filled_store(tmp_path / "complete.db", [extra])
    connection = sqlite3.connect(without)
    connection.execute("ATTACH ? AS complete", (str(complete),))
    with connection:
        # in the complete store the event came before the void: the void moves behind it
        connection.execute("UPDATE voids SET id = id + 1")
        assert (
            connection.execute(
                "INSERT INTO main.trades SELECT * FROM complete.trades WHERE event_id = 'missing'"
            ).rowcount
            == 1
        )
    connection.close()
    checked = fsck(without)
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert administer("rebuild", "--store", store_url(without)).returncode == 0
    assert_clean(without)
    with Server(without, workers=1) as server, server.client() as client:
        answer = client.get("/metrics/overall").json()
        chance = random.Random(3)
        events = [read(record(n, "d", chance)) for n in range(2000)] + [read(extra)]
        assert not differences(answer, figures(events, voided={"d-7"}), deflated=False)
