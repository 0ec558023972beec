"""What a time tree is made of: entries (events as a tree folds them) and nodes (the summaries of a run of them)."""

from collections.abc import Sequence
from typing import NamedTuple

from .events import TradeEvent
from .ports import Environment
from .summary import Closed, Summary, closed_trade


class Entry(NamedTuple):
    """One event as the tree folds it; `closed` is None for open and voided ones, which are only counted."""

    at: int
    event_id: str
    environment: str
    closed: Closed | None
    voided: bool
    position: int

    @property
    def key(self) -> tuple[int, str]:
        """Its place in trade order."""
        return self.at, self.event_id


class Node:
    """A run's summaries: of its live trades, of its demo trades, and of both interleaved.

    `both` exists only once the run has events of both environments; until then it would equal the one there is.
    """

    __slots__ = ("both", "demo", "live", "size", "split")

    def __init__(self, live: Summary | None = None, demo: Summary | None = None, both: Summary | None = None) -> None:
        self.live, self.demo, self.both = live, demo, both
        self.size = 0
        self.split = False

    def extend(self, later: "Node") -> None:
        """Append an adjacent later run."""
        self.size += later.size
        if later.live is None or later.demo is None:
            addition = later.live or later.demo
            if addition is not None:
                for summary in self._for(later.live is not None, later.demo is not None):
                    summary.extend(addition)
            return
        self._for(True, True)
        assert self.live is not None
        assert self.demo is not None
        assert self.both is not None
        assert later.both is not None
        self.live.extend(later.live)
        self.demo.extend(later.demo)
        self.both.extend(later.both)

    def _for(self, live: bool, demo: bool) -> list[Summary]:
        """The summaries that something of these environments goes into; made where they do not exist yet."""
        before = self.live or self.demo
        if live and self.live is None:
            self.live = Summary()
        if demo and self.demo is None:
            self.demo = Summary()
        if self.both is None and self.live is not None and self.demo is not None:
            self.both = before.copy() if before is not None else Summary()
        chosen = [self.live] if live else []
        chosen += [self.demo] if demo else []
        chosen.append(self.both)
        return [summary for summary in chosen if summary is not None]

    def of(self, environment: Environment | None) -> Summary | None:
        """The summary of one environment, or of both together."""
        if environment is None:
            return self.both or self.live or self.demo
        return self.live if environment == "live" else self.demo

    def counts(self) -> tuple[int, int]:
        """Closed, not voided trades: live, demo."""
        return self.live.n if self.live else 0, self.demo.n if self.demo else 0


def fold(run: Sequence[Entry]) -> Node:
    """The node of a run of events in trade order."""
    live = [entry for entry in run if entry.environment == "live"]
    demo = [entry for entry in run if entry.environment != "live"] if len(live) < len(run) else []
    node = Node(
        _summary(live) if live else None,
        _summary(demo) if demo else None,
        _summary(run) if live and demo else None,
    )
    node.size = len(run)
    return node


def _summary(run: Sequence[Entry]) -> Summary:
    summary = Summary()
    summary.add_all([entry.closed for entry in run if entry.closed is not None])
    if summary.n < len(run):
        summary.voids = sum(entry.voided for entry in run)
        summary.opens = len(run) - summary.n - summary.voids
    return summary


def entry_of(e: TradeEvent, position: int) -> Entry:
    """An event as a tree folds it, before any void."""
    closed = None
    if e.state == "closed":
        assert e.pnl is not None
        closed = closed_trade(e.timestamp, e.pnl, e.fees, e.initial_risk, e.opened_at, e.currency)
    return Entry(e.timestamp, e.event_id, e.environment, closed, False, position)
