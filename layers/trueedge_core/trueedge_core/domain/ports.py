"""The interfaces between what TRUEEDGE computes and where it is kept, and what crosses them.

`Ledger` has the log, `KeyStore` the API keys, `AccountStore` what people say of their accounts.

The contract stands here, in the docstrings; `tests/contract` holds every driver to it. Instants are integers:
microseconds since the epoch, UTC. Trade order is `(timestamp, event_id)`, ids compared by their UTF-8 bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

from .events import TradeEvent
from .summary import Closed, Summary

T = TypeVar("T")

Environment = Literal["live", "demo"]
GroupKind = Literal["strategy", "account"]
Step = Literal["trade", "hour", "day", "month"]
Outcome = Literal["stored", "duplicate", "conflict"]
KeyScope = Literal["ingest", "read", "admin"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which trades: of an account, a strategy, both (a pair) or neither (overall); of one environment or both."""

    account_id: str | None = None
    strategy_id: str | None = None
    environment: Environment | None = None

    def holds(self, account_id: str, strategy_id: str) -> bool:
        """Whether a trade of this account and strategy belongs to the scope, whatever its environment."""
        return self.account_id in (None, account_id) and self.strategy_id in (None, strategy_id)


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Period:
    """The instants `start <= t < end`; None leaves that side open."""

    start: int | None = None
    end: int | None = None


ALL_TIME = Period()


@dataclass(frozen=True, slots=True)
class AsOf:
    """How much of the log a scope's figures have taken in: 1 + the position of its last entry, and when that arrived.

    `AsOf(0, None)` for a scope without an entry.
    """

    events: int = 0
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the log says about one scope in one period.

    `live` and `demo` count the closed, not voided trades in the summary by environment; `as_of` is of the scope,
    whatever the period.
    """

    summary: Summary
    live: int
    demo: int
    as_of: AsOf


@dataclass(frozen=True, slots=True)
class Trade:
    """One event as the log keeps it. `void_reason` is None unless a void entry took it out of the figures.

    `position` is None for a moment after the event was taken, where a store gives positions afterwards.
    """

    position: int | None
    received_at: int
    event_id: str
    timestamp: int
    raw: str
    void_reason: str | None = None
    voided_at: int | None = None


class Traded(NamedTuple):
    """One event of a run, with what runs are broken down by. `closed` is None for an open or a voided one."""

    at: int
    environment: Environment
    symbol: str
    venue: str
    side: str
    closed: Closed | None
    voided: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one event: its position in the log; `changed` names the fields in which a conflict differs.

    `position` is None where the store gives it afterwards, and has not yet: the event is durable all the same.
    """

    event_id: str
    outcome: Outcome
    position: int | None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VoidReceipt:
    """`repeated`: the trade had been voided before (the first reason stays). `position`: as in a `Receipt`."""

    event_id: str
    position: int | None
    repeated: bool


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the log: an event, `raw` as it was sent, or, where `raw` is None, the void of an event."""

    position: int
    received_at: int
    event_id: str
    raw: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a listing; `cursor` asks for the next one and is None on the last."""

    items: Sequence[T]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where something derived does not match the log."""

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of an API key: the SHA-256 of its text as 64 hex digits, never the text; what it may do, and when.

    `bound_to` is the only part of the log it writes or sees. A revoked key stays listed.
    """

    digest: str = field(repr=False)
    scopes: tuple[KeyScope, ...]
    created_at: int
    bound_to: Scope = EVERYTHING
    name: str = ""
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None

    @property
    def id(self) -> str:
        """What people and the log call it: the first twelve digits of the digest, of which no key can be made."""
        return self.digest[:12]


@dataclass(frozen=True, slots=True)
class DayCut:
    """When a trading day begins: at this full hour (0 to 23) of the local time of an IANA time zone."""

    zone: str = "UTC"
    hour: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """What people say of an account; amounts are scaled by 1e18, None is what nobody has said.

    `changed_at`: when it was last put; None of an account of which nothing was.
    """

    account_id: str
    display_name: str | None = None
    currency: str | None = None
    starting_balance: int | None = None
    day_cut: DayCut = DayCut()
    daily_loss: int | None = None
    trailing_drawdown: int | None = None
    changed_at: int | None = None


class Clock(Protocol):
    """Now, in microseconds since the epoch."""

    def __call__(self) -> int: ...


class Ledger(Protocol):
    """An append-only log of trades, and exact summaries of it at a cost that does not grow with its length.

    Any method may raise `Unavailable`: nothing half-written stays, the same call may succeed later.

    `most_in_order`: how many events `in_trade_order` hands over in some ten seconds. Services ask for no more.
    """

    most_in_order: int

    def append(self, events: Sequence[TradeEvent]) -> list[Receipt]:
        """Take events into the log, each once; one receipt per event, in order; durable on return.

        The same `event_id` with equal content (`TradeEvent.__eq__`) is a `duplicate`, also within one call, with other
        content a `conflict`; neither changes anything. The others get the next positions, in order, without gaps.
        """
        ...

    def void(self, event_id: str, reason: str) -> VoidReceipt:
        """Add an entry that takes one event out of the figures. Repeating it changes nothing.

        Raises: NotFound when the log has no such event.
        """
        ...

    def summary(self, scope: Scope, period: Period = ALL_TIME) -> Reading | None:
        """The exact summary of the scope's trades in the period; None when the log has no event of the scope at all.

        "Of the scope" means account and strategy: an environment without events gives an empty reading, not None.
        The overall scope always has a reading.
        """
        ...

    def groups(
        self, kind: GroupKind, within: Scope, period: Period = ALL_TIME, cursor: str | None = None, limit: int = 100
    ) -> Page[tuple[str, Reading]]:
        """A summary per strategy or account of the scope `within`, ordered by id, in pages.

        An id is listed when the log has an event of it in `within` (environment included), also when none of them
        falls in the period. `within` may name the other kind (strategies of an account) or the same (one row).
        Raises: InvalidParameter for a cursor that is not ours.
        """
        ...

    def series(self, scope: Scope, period: Period, step: Step) -> list[tuple[int, Summary]]:
        """Consecutive summaries by calendar step (UTC) as `(start of the step, summary)`, in order; no empty ones.

        `"trade"` gives one summary per closed, not voided trade, at its own instant.
        """
        ...

    def trades(
        self, scope: Scope, period: Period = ALL_TIME, cursor: str | None = None, limit: int = 100
    ) -> Page[Trade]:
        """Events of the scope (open and voided ones too), newest first by (timestamp, event_id), in pages.

        Events that arrive between two pages are shown if they sort after the cursor, and none is shown twice.
        Raises: InvalidParameter for a cursor that is not ours.
        """
        ...

    def in_trade_order(self, scope: Scope, period: Period = ALL_TIME) -> Iterator[Traded]:
        """The events of the scope in the period (open and voided ones too), oldest first by (timestamp, event_id).

        The one reading whose cost grows with the number of events; memory does not: they are read in pages. Of one
        state of the log only inside `snapshot`.
        """
        ...

    def positions(self, scope: Scope = EVERYTHING, cursor: str | None = None, limit: int = 100) -> Page[Trade]:
        """The open events of the scope that no close answers, newest first by (timestamp, event_id), in pages.

        An open event stands for the position that its `linked_position_id` names, else its own `event_id`. A closed
        event of the same account answers it whose `linked_position_id` is that, whichever of the two came or
        happened first. Voided events neither are positions nor answer any. Costs what it shows, whatever the history.
        Raises: InvalidParameter for a cursor that is not ours.
        """
        ...

    def event(self, event_id: str) -> Trade | None:
        """One event by its id."""
        ...

    def log(self, first: int = 0) -> Iterator[LogEntry]:
        """The entries of the log from position `first` on, in order."""
        ...

    def replay(self, entries: Sequence[LogEntry]) -> None:
        """Take in entries of another ledger's log, each at its own position; durable on return.

        They are consecutive, and the first one's position is the size of this log.
        Raises: Conflict when this log has another size, or what an entry holds under another position.
        """
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Reads inside see one and the same state of the log, where the store can give one (SQLite does)."""
        ...

    def strategies_tried(self) -> int:
        """How many strategies have a closed, not voided trade, in the whole store."""
        ...

    def rebuild(self) -> Iterator[tuple[int, int]]:
        """Derive everything anew from the log; yields (steps done, steps in all) and is complete when exhausted."""
        ...

    def fsck(self) -> Iterator[Finding]:
        """Compare everything derived with the log; yields what does not match."""
        ...

    def close(self) -> None:
        """Release files and connections; calling it twice is harmless."""
        ...


@runtime_checkable
class Sequencer(Protocol):
    """What a ledger has besides, when positions may be given after an event was taken: by a function behind a stream.

    Any method may raise `Unavailable`: nothing is lost or doubled, the same call completes it.
    """

    def sequence(self, records: Sequence[Mapping[str, Any]]) -> int:
        """Give positions to what the records (of the store's own stream) say was taken; how many entries they hold.

        The same records may come again, in any order and with others: nothing is logged twice.
        """
        ...

    def resequence(self) -> Iterator[int]:
        """Find whatever was taken and has no position, however long ago, and give it one; yields how many, in parts."""
        ...


class KeyStore(Protocol):
    """The API keys of an instance. A key is found by the whole digest of its text and by nothing shorter.

    Any method may raise `Unavailable`, as those of `Ledger`.
    """

    def add(self, key: Key) -> None:
        """Keep a new key; durable on return."""
        ...

    def add_first(self, key: Key) -> bool:
        """Keep the key if the store never had one, and say whether it did; of several callers at once one does."""
        ...

    def find(self, digest: str) -> Key | None:
        """The key of that digest, expired and revoked ones too."""
        ...

    def has_any(self) -> bool:
        """Whether there ever was a key: once True always True, since keys are revoked but never removed."""
        ...

    def all(self) -> list[Key]:
        """Every key, the oldest first."""
        ...

    def revoke(self, key_id: str, at: int) -> Key:
        """Make a key useless from now on; durable on return. Repeating it changes nothing: the first time stays.

        Raises: NotFound when no key has the id.
        """
        ...

    def touch(self, digest: str, at: int) -> None:
        """Note that the key was used. The latest time stays; a busy store may forget the note, but nobody waits."""
        ...

    def close(self) -> None:
        """Release files and connections; calling it twice is harmless."""
        ...


class AccountStore(Protocol):
    """What people say of their accounts. It is no part of the log: the last word counts, and the one before is gone.

    Any method may raise `Unavailable`, as those of `Ledger`.
    """

    def put(self, account: Account) -> None:
        """Keep this, in place of all that was kept of the account; durable on return."""
        ...

    def get(self, account_id: str) -> Account | None:
        """What was put of one account."""
        ...

    def all(self) -> list[Account]:
        """Every account of which anything was put, by id (its UTF-8 bytes)."""
        ...

    def close(self) -> None:
        """Release files and connections; calling it twice is harmless."""
        ...
