"""What the user says of a file (Options), and what an importer tells of it, row by row.

An importer is a module with NAME, TITLE, `recognise(source) -> bool` and `read(source, options)`, a generator of the
items below. It holds no more of a file in memory than the trades that are still open in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


class FileProblem(Exception):
    """The file as a whole cannot be imported; the text says why and what would help."""


class Wrong(Exception):
    """One row cannot be read; the text names the field and what was found."""


@dataclass
class Options:
    """The command's options; None is "not said"."""

    account: str | None = None
    strategy: str | None = None
    environment: str | None = None
    timezone: str | None = None
    format: str | None = None
    mapping: dict[str, str] = field(default_factory=dict)  # field -> column
    fixed: dict[str, str] = field(default_factory=dict)  # field -> value that holds for every trade
    tags: list[str] = field(default_factory=list)
    id_prefix: str | None = None
    encoding: str | None = None
    decimal: str | None = None  # "." or ","
    date_order: str | None = None  # "dmy" or "mdy"
    fees: str | None = None  # "cost": 1.25 was paid; "signed": -1.25 was paid
    pnl: str | None = None  # "net" or "gross"


@dataclass
class Trade:
    """One event, complete, with exact numbers as `values.Number`."""

    event: dict[str, Any]
    line: int


@dataclass
class Raw:
    """One line that is an event already; sent as it is."""

    data: bytes
    line: int


@dataclass
class Unreadable:
    line: int
    reason: str


@dataclass
class Skipped:
    """A row that is no trade: counted by kind, so that nothing vanishes unsaid."""

    kind: str
    line: int


@dataclass
class Note:
    """Said once at the end: an assumption, a default, a limit."""

    text: str


@dataclass
class Printed:
    """A total that the file prints. `slack` is how far rounding in the source may put it from its rows, per trade.

    `ours` is what to compare where it is not the tally's figure of that name.
    """

    name: str
    text: str
    slack: Decimal = Decimal(0)
    why: str = ""  # where the slack comes from
    ours: Decimal | None = None


@dataclass
class NotCompared:
    """Totals that the file prints and closed trades cannot give, with the reason."""

    names: str
    reason: str
