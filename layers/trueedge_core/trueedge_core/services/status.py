"""Is this instance alive, and does its store answer?"""

from ..domain.ports import Ledger


def health(ledger: Ledger, version: str, store: str) -> dict[str, object]:
    """GET /health. Raises: Unavailable when the store does not answer."""
    ledger.event("health")  # one look-up by key: the lightest thing that reaches the disk
    return {"status": "ok", "version": version, "store": store}
