"""Drivers of `domain.ports`, chosen by URL. Each is imported only when its scheme is asked for."""

from ..domain.ports import AccountStore, KeyStore, Ledger
from ..errors import TrueEdgeError


class WrongStore(TrueEdgeError):
    """The URL names no store that this release can open."""

    code = "wrong_store"


def open_ledger(url: str) -> Ledger:
    """The ledger behind a URL. Raises: WrongStore for one that names none; what its driver raises on opening."""
    _check(url)
    from .sqlite.ledger import SqliteLedger

    return SqliteLedger.from_url(url)


def open_keys(url: str) -> KeyStore:
    """The API keys kept beside that ledger. Raises: as `open_ledger`."""
    _check(url)
    from .sqlite.keys import SqliteKeys

    return SqliteKeys.from_url(url)


def open_accounts(url: str) -> AccountStore:
    """What people say of the accounts of that ledger. Raises: as `open_ledger`."""
    _check(url)
    from .sqlite.accounts import SqliteAccounts

    return SqliteAccounts.from_url(url)


def _check(url: str) -> None:
    scheme, found, rest = url.partition("://")
    accepted = "accepted: sqlite:///folder/file.db, or sqlite:////folder/file.db from the root"
    if found and scheme == "sqlite":
        if not rest.startswith("/") or not rest.strip("/"):
            raise WrongStore(f"the store {url!r} names no file; {accepted}")
        return
    if found and scheme == "dynamodb":
        raise WrongStore(f"the store {url!r} needs the DynamoDB driver, which is not in this release; {accepted}")
    raise WrongStore(f"the store {url!r} is not known; {accepted}")
