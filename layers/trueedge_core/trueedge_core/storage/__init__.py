"""Drivers of `domain.ports`, chosen by URL. Each is imported only when its scheme is asked for."""

from ..domain.alerts import AlertStore
from ..domain.ports import AccountStore, KeyStore, Ledger
from ..errors import TrueEdgeError


class WrongStore(TrueEdgeError):
    """The URL names no store that this release can open."""

    code = "wrong_store"


def open_ledger(url: str) -> Ledger:
    """The ledger behind a URL. Raises: WrongStore for one that names none; what its driver raises on opening."""
    if _scheme(url) == "dynamodb":
        from .dynamodb.ledger import DynamoLedger

        return DynamoLedger.from_url(url)
    from .sqlite.ledger import SqliteLedger

    return SqliteLedger.from_url(url)


def open_keys(url: str) -> KeyStore:
    """The API keys kept beside that ledger. Raises: as `open_ledger`."""
    if _scheme(url) == "dynamodb":
        from .dynamodb.keys import DynamoKeys

        return DynamoKeys.from_url(url)
    from .sqlite.keys import SqliteKeys

    return SqliteKeys.from_url(url)


def open_accounts(url: str) -> AccountStore:
    """What people say of the accounts of that ledger. Raises: as `open_ledger`."""
    if _scheme(url) == "dynamodb":
        from .dynamodb.accounts import DynamoAccounts

        return DynamoAccounts.from_url(url)
    from .sqlite.accounts import SqliteAccounts

    return SqliteAccounts.from_url(url)


def open_alerts(url: str) -> AlertStore:
    """The alerts kept beside that ledger. Raises: as `open_ledger`."""
    if _scheme(url) == "dynamodb":
        from .dynamodb.alerts import DynamoAlerts

        return DynamoAlerts.from_url(url)
    from .sqlite.alerts import SqliteAlerts

    return SqliteAlerts.from_url(url)


def _scheme(url: str) -> str:
    scheme, found, rest = url.partition("://")
    accepted = "accepted: sqlite:///folder/file.db, sqlite:////folder/file.db from the root, or dynamodb://table"
    if not found or scheme not in ("sqlite", "dynamodb"):
        raise WrongStore(f"the store {url!r} is not known; {accepted}")
    if scheme == "sqlite" and (not rest.startswith("/") or not rest.strip("/")):
        raise WrongStore(f"the store {url!r} names no file; {accepted}")
    return scheme
