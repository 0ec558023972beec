"""What every AccountStore promises, whatever it is kept in."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trueedge_core.domain.ports import Account, AccountStore, DayCut
from trueedge_core.storage import open_accounts

Opener = Callable[[], AccountStore]
URLS = {
    "sqlite": lambda folder: f"sqlite:///{folder / 'store.db'}",
    "dynamodb": lambda folder: f"dynamodb://trueedge-{uuid.uuid4().hex[:12]}?create=1",
}


@pytest.fixture
def opened(driver: str, tmp_path: Path) -> Iterator[Opener]:
    """Opens the store; every call is another connection to it."""
    url, made = URLS[driver](tmp_path), []

    def open_one() -> AccountStore:
        made.append(open_accounts(url))
        return made[-1]

    yield open_one
    for one in made:
        one.close()


WHOLE = Account(
    "Konto Zürich 'x'",
    display_name='The "first" one',
    currency="USDT",
    starting_balance=10**38 - 1,  # just below 1e20, with every digit
    day_cut=DayCut("America/New_York", 17),
    daily_loss=1,
    trailing_drawdown=2_500_000_000_000_000_000_000,
    changed_at=1_790_000_000_000_000,
)
BARE = Account("b", changed_at=5)


def test_what_is_put_is_got_again_whole_by_every_connection(opened: Opener) -> None:
    opened().put(WHOLE)
    opened().put(BARE)
    assert opened().get(WHOLE.account_id) == WHOLE
    assert opened().get("b") == BARE


def test_an_account_of_which_nothing_was_put_is_not_there(opened: Opener) -> None:
    accounts = opened()
    assert accounts.all() == []
    accounts.put(BARE)
    for name in ("B", "b ", "", "%", "nobody"):
        assert accounts.get(name) is None


def test_the_last_word_takes_the_place_of_all_before(opened: Opener) -> None:
    accounts = opened()
    accounts.put(WHOLE)
    bare = Account(WHOLE.account_id, changed_at=7)
    accounts.put(bare)
    assert accounts.get(WHOLE.account_id) == bare
    assert accounts.all() == [bare]


def test_a_balance_of_nothing_is_not_the_same_as_none(opened: Opener) -> None:
    accounts = opened()
    accounts.put(replace(BARE, starting_balance=0))
    assert accounts.all() == [replace(BARE, starting_balance=0)]


def test_all_are_listed_by_the_bytes_of_their_ids(opened: Opener) -> None:
    accounts = opened()
    names = ["Zeta", "alpha", "Ωmega", "beta 2", "beta", "😀", "\uffee"]
    for name in names:
        accounts.put(Account(name, changed_at=1))
    assert [one.account_id for one in accounts.all()] == sorted(names, key=str.encode)


def test_closing_twice_is_harmless(opened: Opener) -> None:
    accounts = opened()
    accounts.close()
    accounts.close()
