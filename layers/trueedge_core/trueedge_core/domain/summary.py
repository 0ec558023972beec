"""The mergeable summary: what TRUEEDGE keeps of a run of trades, in constant size and without a rounding error.

A run is a contiguous piece of a scope's trades in trade order. Summaries of adjacent runs merge into the summary of
the whole; the merge is associative, has an identity (the empty summary), is exact, and is NOT commutative. The
figures that are read out of it are in `docs/metrics.md`.

Money is an integer scaled by 1e18; sums of squares, cubes and fourth powers therefore carry 1e36, 1e54 and 1e72.
Times are microseconds since the epoch, UTC; days are counted since the epoch. Indices count the trades of the run
from 1.

Prefix sums include the run's start: hi = max(0, prefixes) and lo = min(0, prefixes). At the root that start is the
starting balance before the first trade, which makes an opening loss a drawdown.
"""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple, Self

from .money import to_scaled

DAY_US = 86_400_000_000
MIXED = "mixed"  # lower case: no currency code can collide with it
VERSION = b"\x01"


class Closed(NamedTuple):
    """What a closed trade brings into a summary.

    `at`: close instant, us. `pnl`, `fees`: scaled by 1e18. `r`: pnl / initial_risk scaled by 1e18, None when not given.
    `held`: us from `opened_at` to `at`, None when not given. `currency`: None when not given.
    """

    at: int
    pnl: int
    fees: int
    r: int | None = None
    held: int | None = None
    currency: str | None = None


def closed_trade(
    at: int, pnl: Decimal, fees: Decimal, initial_risk: Decimal | None, opened_at: int | None, currency: str | None
) -> Closed:
    """A closed trade as a summary takes it in: the one place where money is rounded (half-even to 18 decimals)."""
    x = to_scaled(pnl)
    return Closed(
        at,
        x,
        to_scaled(fees),
        None if initial_risk is None else ratio_scaled(x, to_scaled(initial_risk)),
        None if opened_at is None else at - opened_at,
        currency,
    )


def ratio_scaled(pnl: int, risk: int) -> int:
    """pnl / risk, scaled by 1e18, rounded half-even (`risk` > 0, both scaled by 1e18).

    >>> ratio_scaled(5, 2), ratio_scaled(1, 3)
    (2500000000000000000, 333333333333333333)
    """
    quotient, rest = divmod(pnl * 10**18, risk)
    twice = 2 * rest
    return quotient + (twice > risk or (twice == risk and quotient & 1))


# The order is that of the stored bytes: a new component needs a new VERSION.
# fmt: off
COMPONENTS = (
    "n", "wins", "losses", "opens", "voids",
    "pnl", "gain", "fees", "pnl2", "best", "worst",
    "hi", "hi_at", "lo", "lo_i", "lo_at", "dd", "dd_i", "dd_at", "dd_peak", "dd_peak_at",
    "pre", "suf", "max_wins", "max_losses",
    "r_n", "r_sum", "held_n", "held_sum", "currency",
    "first_at", "last_at", "fd", "fv", "ld", "lv",
    "days", "d2", "d3", "d4", "dneg2", "day_best", "day_worst", "days_up", "days_down",
)
# fmt: on


class Summary:
    """The summary of one run. Treat as a value: only the builder that made one may `add` to it.

    Counts: `n` closed trades, `wins`, `losses`, `opens` (open events), `voids` (voided events). Only `opens` and
    `voids` concern events that are no closed trade; they are counted beside the run and change nothing else.

    Sums (scaled): `pnl`, `gain` (of the wins), `fees`, `pnl2` (sum of squares), `best`, `worst` (over all n trades).
    Curve: `hi`, `hi_at` (last instant at the high, None = the start), `lo`, `lo_i` (index of the first trade at the
    low, 0 = the start), `lo_at`; `dd` the largest fall, `dd_i`, `dd_at` its trough (index, instant), `dd_peak` the
    prefix sum it fell from, `dd_peak_at` (None = the start).
    Streaks, signed lengths (+ wins, - losses, 0 breakeven): `pre` leading, `suf` trailing; `max_wins`, `max_losses`.
    Optional inputs: `r_n`, `r_sum`, `held_n`, `held_sum`; `currency` (None, a code, or "mixed").
    Time: `first_at`, `last_at`; `fd`, `ld` first and last day with their sums `fv`, `lv` (fd == ld: one open day, in
    `fv` alone); closed inner days: `days` (with a trade), `d2`, `d3`, `d4` power sums, `dneg2` (squares of the
    negative ones), `day_best`, `day_worst`, `days_up`, `days_down`.
    """

    __slots__ = COMPONENTS

    n: int
    wins: int
    losses: int
    opens: int
    voids: int
    pnl: int
    gain: int
    fees: int
    pnl2: int
    best: int
    worst: int
    hi: int
    hi_at: int | None
    lo: int
    lo_i: int
    lo_at: int | None
    dd: int
    dd_i: int
    dd_at: int | None
    dd_peak: int
    dd_peak_at: int | None
    pre: int
    suf: int
    max_wins: int
    max_losses: int
    r_n: int
    r_sum: int
    held_n: int
    held_sum: int
    currency: str | None
    first_at: int
    last_at: int
    fd: int
    fv: int
    ld: int
    lv: int
    days: int
    d2: int
    d3: int
    d4: int
    dneg2: int
    day_best: int
    day_worst: int
    days_up: int
    days_down: int

    def __init__(self) -> None:
        self.n = self.wins = self.losses = self.opens = self.voids = 0
        self.pnl = self.gain = self.fees = self.pnl2 = self.best = self.worst = 0
        self.hi = self.lo = self.lo_i = self.dd = self.dd_i = self.dd_peak = 0
        self.hi_at = self.lo_at = self.dd_at = self.dd_peak_at = None
        self.pre = self.suf = self.max_wins = self.max_losses = 0
        self.r_n = self.r_sum = self.held_n = self.held_sum = 0
        self.currency = None
        self.first_at = self.last_at = self.fd = self.fv = self.ld = self.lv = 0
        self.days = self.d2 = self.d3 = self.d4 = self.dneg2 = 0
        self.day_best = self.day_worst = self.days_up = self.days_down = 0

    @classmethod
    def of(cls, trade: Closed) -> Self:
        """The summary of one closed trade."""
        summary = cls()
        summary.add(trade)
        return summary

    def add(self, trade: Closed) -> None:
        """Append one trade that sorts after every trade of this run: `merge(self, Summary.of(trade))`, in place."""
        self.add_all((trade,))

    def add_all(self, run: Iterable[Closed]) -> None:
        """Append trades, in order, that sort after every trade of this run, in place.

        The hot path of ingest and of every late event: what changes with each trade is kept in local names.
        """
        n, total, pnl2, fees, best, worst = self.n, self.pnl, self.pnl2, self.fees, self.best, self.worst
        wins, losses, gain = self.wins, self.losses, self.gain
        hi, hi_at, lo, dd, suf, last_day, last_at = (
            self.hi,
            self.hi_at,
            self.lo,
            self.dd,
            self.suf,
            self.ld,
            self.last_at,
        )
        day_sum = self.fv if self.fd == last_day else self.lv  # of the open last day
        for at, x, fee, r, held, currency in run:
            day = at // DAY_US
            if day != last_day or n == 0:
                if n == 0:
                    self.first_at, self.fd, best, worst = at, day, x, x
                elif self.fd == last_day:
                    self.fv = day_sum
                else:
                    self._close_day(day_sum)
                last_day, day_sum = day, 0
            day_sum += x
            last_at = at
            n += 1
            total += x
            pnl2 += x * x
            fees += fee
            if x > best:
                best = x
            elif x < worst:
                worst = x

            if x > 0:
                wins += 1
                gain += x
                suf = suf + 1 if suf > 0 else 1
                if suf > self.max_wins:
                    self.max_wins = suf
            elif x < 0:
                losses += 1
                suf = suf - 1 if suf < 0 else -1
                if -suf > self.max_losses:
                    self.max_losses = -suf
            else:
                suf = 0
            if suf == n or suf == -n:
                self.pre = suf

            if total >= hi:  # of equal highs the last one is the peak
                hi, hi_at = total, at
            else:
                if total < lo:
                    lo, self.lo_i, self.lo_at = total, n, at
                if hi - total > dd:  # of equal falls the first one stays
                    dd, self.dd_i, self.dd_at, self.dd_peak, self.dd_peak_at = hi - total, n, at, hi, hi_at

            if r is not None:
                self.r_n += 1
                self.r_sum += r
            if held is not None:
                self.held_n += 1
                self.held_sum += held
            if currency is not None and currency != self.currency:
                self.currency = currency if self.currency is None else MIXED

        self.n, self.pnl, self.pnl2, self.fees, self.best, self.worst = n, total, pnl2, fees, best, worst
        self.wins, self.losses, self.gain = wins, losses, gain
        self.hi, self.hi_at, self.lo, self.dd, self.suf, self.ld, self.last_at = (
            hi,
            hi_at,
            lo,
            dd,
            suf,
            last_day,
            last_at,
        )
        if self.fd == last_day:
            self.fv = day_sum
        else:
            self.lv = day_sum

    def _close_day(self, value: int) -> None:
        square = value * value
        if self.days == 0:
            self.day_best = self.day_worst = value
        elif value > self.day_best:
            self.day_best = value
        elif value < self.day_worst:
            self.day_worst = value
        self.days += 1
        self.d2 += square
        self.d3 += square * value
        self.d4 += square * square
        if value > 0:
            self.days_up += 1
        elif value < 0:
            self.days_down += 1
            self.dneg2 += square

    def copy(self) -> "Summary":
        """An equal summary that may be changed without changing this one."""
        twin = Summary.__new__(Summary)
        twin._fill(_values(self))
        return twin

    def _fill(self, values: Sequence[Any]) -> None:
        # Spelled out: this is the hot path of every read, and a loop over setattr costs three times as much.
        # fmt: off
        (
            self.n, self.wins, self.losses, self.opens, self.voids, self.pnl, self.gain, self.fees, self.pnl2,
            self.best, self.worst, self.hi, self.hi_at, self.lo, self.lo_i, self.lo_at, self.dd, self.dd_i,
            self.dd_at, self.dd_peak, self.dd_peak_at, self.pre, self.suf, self.max_wins, self.max_losses, self.r_n,
            self.r_sum, self.held_n, self.held_sum, self.currency, self.first_at, self.last_at, self.fd, self.fv,
            self.ld, self.lv, self.days, self.d2, self.d3, self.d4, self.dneg2, self.day_best, self.day_worst,
            self.days_up, self.days_down,
        ) = values
        # fmt: on

    def extend(self, b: "Summary") -> None:
        """Append the adjacent later run `b`, in place: this becomes `merge(self, b)`; `b` stays as it is."""
        self.opens += b.opens
        self.voids += b.voids
        if b.n == 0:
            return
        n, base = self.n, self.pnl
        if n == 0:
            opens, voids = self.opens, self.voids
            self._fill(_values(b))
            self.opens, self.voids = opens, voids
            return

        # The deepest fall: inside a, across the border, inside b; of equal ones the one with the earliest trough.
        cross = self.hi - (base + b.lo)
        if cross > self.dd or b.dd > self.dd:
            # Of a fall inside b and an equal one across the border, the one with the earlier trough.
            if b.dd > cross or (b.dd == cross and b.dd_i <= b.lo_i):
                self.dd, self.dd_i, self.dd_at = b.dd, n + b.dd_i, b.dd_at
                self.dd_peak = base + b.dd_peak
                self.dd_peak_at = self.hi_at if b.dd_peak_at is None else b.dd_peak_at
            else:
                self.dd, self.dd_i, self.dd_at = cross, n + b.lo_i, b.lo_at
                self.dd_peak, self.dd_peak_at = self.hi, self.hi_at
        if b.hi_at is not None and base + b.hi >= self.hi:
            self.hi, self.hi_at = base + b.hi, b.hi_at
        if base + b.lo < self.lo:
            self.lo, self.lo_i, self.lo_at = base + b.lo, n + b.lo_i, b.lo_at

        if self.suf > 0 and b.pre > 0:
            self.max_wins = max(self.max_wins, self.suf + b.pre)
        elif self.suf < 0 and b.pre < 0:
            self.max_losses = max(self.max_losses, -(self.suf + b.pre))
        if b.max_wins > self.max_wins:
            self.max_wins = b.max_wins
        if b.max_losses > self.max_losses:
            self.max_losses = b.max_losses
        if abs(self.pre) == n and (self.pre > 0) == (b.pre > 0) and b.pre != 0:
            self.pre += b.pre
        if abs(b.suf) == b.n and (self.suf > 0) == (b.suf > 0) and self.suf != 0:
            self.suf += b.suf
        else:
            self.suf = b.suf

        self._join_days(b)
        if b.best > self.best:
            self.best = b.best
        if b.worst < self.worst:
            self.worst = b.worst
        self.last_at = b.last_at
        self.n = n + b.n
        self.wins += b.wins
        self.losses += b.losses
        self.pnl = base + b.pnl
        self.gain += b.gain
        self.fees += b.fees
        self.pnl2 += b.pnl2
        self.r_n += b.r_n
        self.r_sum += b.r_sum
        self.held_n += b.held_n
        self.held_sum += b.held_sum
        if b.currency is not None and b.currency != self.currency:
            self.currency = b.currency if self.currency is None else MIXED

    def _join_days(self, b: "Summary") -> None:
        """Days open at the border close, unless both runs share the day there; then the two halves are one day."""
        if self.ld == b.fd:
            if self.fd == self.ld:
                self.fv += b.fv
            elif b.fd == b.ld:
                self.lv += b.fv
            else:
                self._close_day(self.lv + b.fv)
        else:
            if self.fd != self.ld:
                self._close_day(self.lv)
            if b.fd != b.ld:
                self._close_day(b.fv)
            else:
                self.lv = b.fv
        if b.fd != b.ld:
            self.lv = b.lv
        self.ld = b.ld
        if b.days:
            if self.days:
                self.day_best = max(self.day_best, b.day_best)
                self.day_worst = min(self.day_worst, b.day_worst)
            else:
                self.day_best, self.day_worst = b.day_best, b.day_worst
            self.days += b.days
            self.d2 += b.d2
            self.d3 += b.d3
            self.d4 += b.d4
            self.dneg2 += b.dneg2
            self.days_up += b.days_up
            self.days_down += b.days_down

    def values(self) -> tuple[int | str | None, ...]:
        """Every component in the order of `COMPONENTS`."""
        return _values(self)

    def to_bytes(self) -> bytes:
        """A version byte, then the components in `COMPONENTS` order as a JSON array; equal runs give equal bytes."""
        return VERSION + _encode(_values(self)).encode()

    @classmethod
    def from_values(cls, values: Sequence[Any]) -> Self:
        """The summary of these components. Raises: ValueError when the number of them is another."""
        summary = cls.__new__(cls)
        summary._fill(values)
        return summary

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote. Raises: ValueError for another version or a damaged text."""
        if data[:1] != VERSION:
            raise ValueError(f"summary version {data[:1]!r} is not known to this release")
        return cls.from_values(json.loads(data[1:]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Summary) and self.values() == other.values()

    __hash__ = None  # type: ignore[assignment]  # mutable while it is built

    def __repr__(self) -> str:
        return "Summary(" + ", ".join(f"{name}={getattr(self, name)!r}" for name in COMPONENTS) + ")"


_values = attrgetter(*COMPONENTS)
_encode = json.JSONEncoder(separators=(",", ":")).encode


def merge(a: Summary, b: Summary) -> Summary:
    """The summary of run `a` followed directly by run `b`. Associative, identity `Summary()`, not commutative."""
    result = a.copy()
    result.extend(b)
    return result


def daily(s: Summary) -> Summary:
    """The same summary with its edge days closed: the components `days`, `d2`.. then speak of every trading day."""
    closed = s.copy()
    if s.n:
        closed._close_day(s.fv)
        if s.fd != s.ld:
            closed._close_day(s.lv)
    return closed
