"""What every KeyStore promises, whatever it is kept in."""

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trueedge_core.domain.ports import Key, KeyStore, Scope
from trueedge_core.errors import NotFound
from trueedge_core.storage import open_keys

Opener = Callable[[], KeyStore]
URLS = {
    "sqlite": lambda folder: f"sqlite:///{folder / 'store.db'}",
    "dynamodb": lambda folder: f"dynamodb://trueedge-{uuid.uuid4().hex[:12]}?create=1",
}


@pytest.fixture
def opened(driver: str, tmp_path: Path) -> Iterator[Opener]:
    """Opens the store; every call is another connection to it."""
    url, made = URLS[driver](tmp_path), []

    def open_one() -> KeyStore:
        made.append(open_keys(url))
        return made[-1]

    yield open_one
    for one in made:
        one.close()


@pytest.fixture
def keys(opened: Opener) -> KeyStore:
    return opened()


def key(digit: str, **changes: object) -> Key:
    return replace(Key(digit * 64, ("read",), 1_000_000 * (1 + int(digit, 16))), **changes)  # type: ignore[arg-type]


WHOLE = key(
    "a",
    scopes=("ingest", "read", "admin"),
    bound_to=Scope("Konto Zürich", 'say "x", twice'),
    name="desk 4",
    expires_at=2**52,
)


def test_what_is_kept_is_found_again_whole(opened: Opener) -> None:
    opened().add(WHOLE)
    opened().add(key("b"))
    assert opened().find("a" * 64) == WHOLE
    assert opened().find("b" * 64) == key("b")
    assert opened().all() == [WHOLE, key("b")]


@pytest.mark.parametrize("digest", ["", "a", "a" * 63, "a" * 65, "A" * 64, "a" * 63 + "b", "%", "_" * 64])
def test_only_the_whole_digest_finds_a_key(digest: str, keys: KeyStore) -> None:
    keys.add(WHOLE)
    assert keys.find(digest) is None


def test_there_is_a_key_from_the_first_one_on_also_when_it_is_revoked(keys: KeyStore) -> None:
    assert keys.has_any() is False
    keys.add(WHOLE)
    keys.revoke(WHOLE.id, 5)
    assert keys.has_any() is True


def test_revoking_is_for_good_and_the_first_time_stays(opened: Opener) -> None:
    keys = opened()
    keys.add(WHOLE)
    keys.add(key("b"))
    assert keys.revoke(WHOLE.id, 5) == replace(WHOLE, revoked_at=5)
    assert keys.revoke(WHOLE.id, 9) == replace(WHOLE, revoked_at=5)
    assert opened().find(WHOLE.digest) == replace(WHOLE, revoked_at=5)
    assert opened().find("b" * 64) == key("b")


@pytest.mark.parametrize("key_id", ["", "a", "a" * 11, "a" * 13, "a" * 64, "b" * 12])
def test_an_id_that_no_key_has_revokes_none(key_id: str, keys: KeyStore) -> None:
    keys.add(WHOLE)
    with pytest.raises(NotFound):
        keys.revoke(key_id, 5)
    assert keys.all() == [WHOLE]


def test_the_latest_use_stays(keys: KeyStore) -> None:
    keys.add(WHOLE)
    for at in (7, 9, 8):
        keys.touch(WHOLE.digest, at)
    keys.touch("b" * 64, 9)  # no such key: no matter
    assert keys.all() == [replace(WHOLE, last_used_at=9)]


def test_of_many_that_add_the_first_key_at_once_one_does(opened: Opener) -> None:
    stores = [opened() for _ in range(8)]
    ready, did = threading.Barrier(len(stores)), []

    def begin(store: KeyStore, digit: str) -> None:
        ready.wait()
        if store.add_first(key(digit)):
            did.append(key(digit))

    threads = [threading.Thread(target=begin, args=(store, f"{number:x}")) for number, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(did) == 1
    assert opened().all() == did
    assert opened().add_first(key("f")) is False
    assert opened().all() == did


def test_what_is_kept_of_a_key_does_not_show_its_digest_when_printed() -> None:
    assert WHOLE.digest not in repr(WHOLE)
    assert WHOLE.id == "a" * 12
