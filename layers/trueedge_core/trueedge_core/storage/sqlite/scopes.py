"""Scopes as rows: what each is called, which trades are its own, how far its buckets have come."""

from functools import lru_cache
from typing import NamedTuple

from .tree import Where

COLUMNS = (
    "id, kind, account_id, strategy_id, upto_at, upto_id, tail, live_events, demo_events, live_seen, demo_seen, closed"
)


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
    tail: int
    live_events: int
    demo_events: int
    live_seen: int
    demo_seen: int
    closed: int

    @property
    def upto(self) -> tuple[int, str]:
        return self.upto_at, self.upto_id

    @property
    def environments(self) -> tuple[str, ...]:
        """Those it has events of."""
        return (("live",) if self.live_events else ()) + (("demo",) if self.demo_events else ())

    @property
    def where(self) -> Where:
        return Name(self.kind, self.account_id, self.strategy_id).where
