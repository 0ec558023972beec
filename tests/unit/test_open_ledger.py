"""The store's URL alone selects the driver."""

from pathlib import Path

import pytest

from trueedge_core.errors import StoreError
from trueedge_core.storage import WrongStore, open_ledger


def test_a_sqlite_url_opens_that_file(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "t.db"
    open_ledger(f"sqlite:///{path}").close()
    assert path.is_file()


@pytest.mark.parametrize(
    "url", ["", "t.db", "sqlite:t.db", "sqlite://t.db", "sqlite:///", "sqlite:////", "postgres://x", "dynamodb:table"]
)
def test_a_url_that_names_no_store_is_refused_with_what_is_accepted(url: str) -> None:
    with pytest.raises(WrongStore, match="accepted: sqlite:///"):
        open_ledger(url)


@pytest.mark.parametrize(
    "url",
    ["dynamodb://", "dynamodb://?create=1", "dynamodb://a/b", "dynamodb://t?sequencing=later", "dynamodb://t?region=x"],
)
def test_a_dynamodb_url_that_cannot_be_meant_is_refused_with_what_is_accepted(url: str) -> None:
    with pytest.raises(StoreError, match="accepted: dynamodb://table"):
        open_ledger(url)
