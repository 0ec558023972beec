"""Runs by what their trades have in common: month, weekday, hour, symbol, venue, side.

Some trades of a run, taken in trade order, are a run of their own: what was left of trading if only these had been
made. So a row of a breakdown is a `Summary` like any other, and every figure of it is exact. Calendar rows are merged
from stored summaries; symbols, venues and sides are folded from the events, which costs a look at each.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Literal, get_args

from .ports import Period, Traded
from .summary import DAY_US, Closed, Summary

Calendar = Literal["month", "weekday", "hour"]
Kind = Literal["month", "weekday", "hour", "symbol", "venue", "side"]
CALENDAR: tuple[Calendar, ...] = get_args(Calendar)
TRAITS = ("symbol", "venue", "side")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

HOUR_US = DAY_US // 24
_CHUNK = 4096  # events: folded label by label, so that the summaries' loop is entered seldom


@dataclass(slots=True)
class Part:
    """The run of the trades of one label; `live` of them are live."""

    summary: Summary = field(default_factory=Summary)
    live: int = 0

    def extend(self, later: "Part") -> None:
        """Append the run of later trades."""
        self.summary.extend(later.summary)
        self.live += later.live


Parts = dict[str, Part]  # by label


def label_of(kind: Calendar, start: int) -> str:
    """What the step that starts then is called, UTC.

    >>> label_of("month", 0), label_of("weekday", 0), label_of("hour", 13 * HOUR_US)
    ('1970-01', 'thursday', '13')
    """
    if kind == "hour":
        return str(start // HOUR_US % 24)
    if kind == "weekday":
        return WEEKDAYS[(start // DAY_US + 3) % 7]
    return datetime.fromtimestamp(start // 1_000_000, UTC).strftime("%Y-%m")


def by_calendar(
    kind: Calendar, series: Iterable[tuple[int, Summary]], live: Iterable[tuple[int, Summary]] | None
) -> Parts:
    """Consecutive summaries (as `Ledger.series` gives them, in order) by what their steps are called.

    `live`: the same series of live trades alone; None when every trade is live.

    >>> monday, tuesday = 4 * DAY_US, 5 * DAY_US
    >>> days = [(at, Summary.of(Closed(at, x, 0))) for at, x in ((monday, 5), (tuesday, 9), (monday + 7 * DAY_US, -3))]
    >>> {label: (part.summary.pnl, part.summary.dd) for label, part in by_calendar("weekday", days, None).items()}
    {'monday': (2, 3), 'tuesday': (9, 0)}
    """
    parts: Parts = {}
    for start, summary in series:
        part = parts.setdefault(label_of(kind, start), Part())
        part.summary.extend(summary)
        if live is None:
            part.live += summary.n
    for start, summary in live or ():
        parts[label_of(kind, start)].live += summary.n
    return parts


def by_traits(events: Iterable[Traded]) -> dict[str, Parts]:
    """Events in trade order by symbol, by venue and by side, in one pass and constant memory."""
    rows = iter(events)
    traits: dict[str, Parts] = {trait: {} for trait in TRAITS}
    while chunk := list(islice(rows, _CHUNK)):
        for trait, parts in traits.items():
            runs: dict[str, list[Closed]] = {}
            for event in chunk:
                label: str = getattr(event, trait)
                if event.closed is None:
                    summary = parts.setdefault(label, Part()).summary
                    summary.voids += event.voided
                    summary.opens += not event.voided
                    continue
                runs.setdefault(label, []).append(event.closed)
                if event.environment == "live":
                    parts.setdefault(label, Part()).live += 1
            for label, run in runs.items():
                parts.setdefault(label, Part()).summary.add_all(run)
    return traits


def joined(stretches: Iterable[Mapping[str, Part]]) -> Parts:
    """The parts of consecutive stretches of time, in order, as those of the whole."""
    whole: Parts = {}
    for stretch in stretches:
        for label, part in stretch.items():
            whole.setdefault(label, Part()).extend(part)
    return whole


# --- months that are known already -----------------------------------------------------------------------------------

Version = tuple[int, int, int]


def version(parts: Iterable[Part]) -> Version:
    """How many events the runs have, how many are voided, how many trades live: the version of a stretch of a scope.

    The log only grows and a void stays, so of events and voids neither number ever falls, and each entry that concerns
    the stretch raises one: while both are what they were, nothing has changed. The third tells whether what was read
    in several steps was read of one state.
    """
    events = voids = live = 0
    for part in parts:
        s = part.summary
        events += s.n + s.opens + s.voids
        voids += s.voids
        live += part.live
    return events, voids, live


class Months:
    """What whole months were broken down into, for who asks again: only a month that has changed is read again.

    Holds at most `room` parts, some kilobyte each; the months not asked for the longest go first.
    """

    def __init__(self, room: int = 20_000) -> None:
        self.room = room
        self.size = 0
        self._kept: OrderedDict[Hashable, tuple[Version, Mapping[str, Parts]]] = OrderedDict()

    def find(self, month: Hashable, wanted: Version) -> Mapping[str, Parts] | None:
        """The month's parts by kind, if they are of that version."""
        found = self._kept.get(month)
        if found is None or found[0] != wanted:
            return None
        self._kept.move_to_end(month)
        return found[1]

    def keep(self, month: Hashable, wanted: Version, kinds: Mapping[str, Parts]) -> None:
        """Remember the month's parts; not where another version was read, as where a trade came in between."""
        if any(version(parts.values()) != wanted for parts in kinds.values()):
            return
        self._forget(month)
        self._kept[month] = wanted, kinds
        self.size += _size(kinds)
        while self.size > self.room:
            self._forget(next(iter(self._kept)))

    def _forget(self, month: Hashable) -> None:
        if (gone := self._kept.pop(month, None)) is not None:
            self.size -= _size(gone[1])


def _size(kinds: Mapping[str, Parts]) -> int:
    return sum(map(len, kinds.values()))


def month_of(start: int) -> Period:
    """The whole month that starts then."""
    first = datetime.fromtimestamp(start // 1_000_000, UTC)
    year, month = divmod(first.year * 12 + first.month, 12)
    end = datetime(year, month + 1, 1, tzinfo=UTC)
    return Period(start, int(end.timestamp()) * 1_000_000)
