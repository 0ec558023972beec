"""Drivers of `domain.ports.Ledger`, chosen by URL. Each is imported only when its scheme is asked for."""

from ..domain.ports import Ledger
from ..errors import TrueEdgeError


class WrongStore(TrueEdgeError):
    """The URL names no store that this release can open."""

    code = "wrong_store"


def open_ledger(url: str) -> Ledger:
    """The ledger behind a URL. Raises: WrongStore for one that names none; what its driver raises on opening."""
    scheme, found, rest = url.partition("://")
    accepted = "accepted: sqlite:///folder/file.db, or sqlite:////folder/file.db from the root"
    if found and scheme == "sqlite":
        if not rest.startswith("/") or not rest.strip("/"):
            raise WrongStore(f"the store {url!r} names no file; {accepted}")
        from .sqlite.ledger import SqliteLedger

        return SqliteLedger.from_url(url)
    if found and scheme == "dynamodb":
        raise WrongStore(f"the store {url!r} needs the DynamoDB driver, which is not in this release; {accepted}")
    raise WrongStore(f"the store {url!r} is not known; {accepted}")
