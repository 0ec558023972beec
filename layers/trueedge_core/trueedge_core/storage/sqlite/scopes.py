"""Scopes as rows: what each is called, which trades are its own, how far its buckets have come."""

from functools import lru_cache
from typing import NamedTuple

from .tree import Where

# A reader folds up to TAIL events a scope; a writer that needs room leaves the newest KEEP there, so that events a few
# late cost no re-fold.
TAIL, KEEP = 48, 8

COLUMNS = "id, kind, account_id, strategy_id, upto_at, upto_id, live, demo, traded, live_seen, demo_seen"


class Name(NamedTuple):
    """What a scope is called in the table: its kind, and '' for an id that the kind does not have."""

    kind: str
    account_id: str
    strategy_id: str

    @property
    def where(self) -> Where:
        """Its trades in SQL."""
        named = {"t.account_id": self.account_id, "t.strategy_id": self.strategy_id}
        given = {column: value for column, value in named.items() if value}
        return Where("".join(f"{column} = ? AND " for column in given), tuple(given.values()))


def name_of(account_id: str | None, strategy_id: str | None) -> Name:
    """The scope of these ids: a pair, an account, a strategy, or everything."""
    kind = (
        "pair" if account_id and strategy_id else "account" if account_id else "strategy" if strategy_id else "overall"
    )
    return Name(kind, account_id or "", strategy_id or "")


@lru_cache(maxsize=4096)
def names_of(account_id: str, strategy_id: str) -> tuple[Name, ...]:
    """The four scopes that an event belongs to."""
    return (
        name_of(None, None),
        name_of(account_id, None),
        name_of(None, strategy_id),
        name_of(account_id, strategy_id),
    )


class ScopeRow(NamedTuple):
    """A row of `scopes`."""

    id: int
    kind: str
    account_id: str
    strategy_id: str
    upto_at: int
    upto_id: str
    live: int
    demo: int
    traded: int
    live_seen: int
    demo_seen: int

    @property
    def upto(self) -> tuple[int, str]:
        """The key up to which the buckets have come."""
        return self.upto_at, self.upto_id

    @property
    def environments(self) -> tuple[str, ...]:
        """Those it has events of."""
        return (("live",) if self.live else ()) + (("demo",) if self.demo else ())

    @property
    def where(self) -> Where:
        """Its trades in SQL."""
        return Name(self.kind, self.account_id, self.strategy_id).where
