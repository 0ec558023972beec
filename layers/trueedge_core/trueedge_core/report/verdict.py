"""The verdict on the edge (docs/metrics.md) in words that a layman reads once and cannot misread.

Never "the chance that this is luck": the test says how often a record WITHOUT an edge looks this good, and so do we.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..domain.decimals import SCALE
from ..domain.metrics import BY_NAME, CONFIDENCE, MIN_LOSING_DAYS, MIN_TRADES, Basis
from . import text
from .figures import real
from .text import NBSP, plural

LABELS = {
    "significant": "Significant",
    "unproven": "Unproven",
    "losing": "Losing",
    "insufficient": "Too early",
}
TITLES = {
    "significant": "Significant: rare without an edge.",
    "unproven": "Unproven: the record does not settle it.",
    "losing": "Losing: no edge in this record.",
    "insufficient": "Too early to say.",
}


@dataclass(frozen=True, slots=True)
class Meter:
    """What there is of something that the test asks for. `fill` and `target` are percentages of the bar's width."""

    label: str
    have: str
    asked: str
    fill: str
    target: str


@dataclass(frozen=True, slots=True)
class Range:
    """The interval of the true average, drawn: places in percent of the width, and what stands at its ends."""

    low: str
    high: str
    width: str
    mean: str
    zero: str
    zero_text: str
    low_text: str
    high_text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`word` as in the metrics; `label` for a table; `title`, `sentences` and `interval` (may be "") for the page.

    `drawn` is the interval as a picture; `deflation` says why one of many is judged harder, "" for one alone.
    """

    word: str
    label: str
    title: str
    sentences: tuple[str, ...]
    interval: str
    meters: tuple[Meter, ...]
    drawn: Range | None = None
    deflation: str = ""


def word(b: Basis) -> str:
    """The verdict's one word.

    >>> from trueedge_core.domain.summary import Summary
    >>> word(Basis(Summary()))
    'insufficient'
    """
    return str(BY_NAME["verdict"].read(b))


def explain(b: Basis, currency: str = "") -> Verdict:
    """The verdict with its reasons. `currency` is the code to name amounts with, "" for none."""
    found = word(b)
    sentences = {
        "insufficient": _insufficient,
        "losing": _losing,
        "unproven": _unproven,
        "significant": _significant,
    }[found](b)
    title = "Unproven: good, but one of many." if found == "unproven" and _deflated_away(b) else TITLES[found]
    judged = found != "insufficient"
    return Verdict(
        found,
        LABELS[found],
        title,
        tuple(sentences),
        _interval(b, currency),
        _meters(b, found),
        _drawn(b),
        _why_deflated(b) if judged and _many(b) else "",
    )


def _record(b: Basis) -> str:
    return f"{plural(b.m, 'day')}, {plural(b.s.n, 'trade')}"


def _would_appear(b: Basis) -> str:
    p = real("psr", b)
    assert p is not None  # the verdict is "insufficient" otherwise
    return f"Without any edge, a record this good would appear in {text.tries(p)} of tries"


def _many(b: Basis) -> bool:
    return b.strategies_tried is not None and b.strategies_tried > 1


def _deflated_away(b: Basis) -> bool:
    """Good enough alone, but not as the best of so many."""
    p = real("psr", b)
    return p is not None and p >= CONFIDENCE and _many(b)


def _deflation(b: Basis) -> str:
    p = real("deflated_sharpe", b)
    assert p is not None
    assert b.strategies_tried is not None
    return (
        f"It is one of {text.count(b.strategies_tried)} strategies tried; after allowing for that, "
        f"the confidence in an edge is {text.confidence(p)}"
    )


def _significant(b: Basis) -> list[str]:
    sentences = [
        f"{_record(b)}. {_would_appear(b)}.",
        f"The record is long enough: {plural(_days_needed(b), 'day')} would do.",
    ]
    return [*sentences, f"{_deflation(b)}."] if _many(b) else sentences


def _days_needed(b: Basis) -> int:
    needed = BY_NAME["min_track_record_days"].read(b)
    assert isinstance(needed, int)  # total_pnl > 0 here, so s > 0
    return needed


def _unproven(b: Basis) -> list[str]:
    needed = _days_needed(b)
    if _deflated_away(b):
        return [
            f"{_record(b)}. {_would_appear(b)}, and alone it would be long enough ({plural(needed, 'day')} would do).",
            f"{_deflation(b)}; 95{NBSP}% is asked for.",
        ]
    more = max(needed - b.m, 1)
    begin = f"{_record(b)}. {_would_appear(b)}; at most 5{NBSP}% is asked for."
    days = f"If it goes on like this, {plural(needed, 'day')} would do"
    if _many(b):  # the days needed are those of psr: as the best of many it may need more
        return [begin, f"{days} for a strategy tried alone: {text.count(more)} more.", f"{_deflation(b)}."]
    return [begin, f"{days}: {text.count(more)} more."]


def _losing(b: Basis) -> list[str]:
    if b.s.pnl == 0:
        return [f"{_record(b)}, and the total is exactly zero.", f"{_would_appear(b)}."]
    return [
        f"{_record(b)}, and the total is a loss.",
        f"{_would_appear(b)}: there is nothing to prove yet.",
    ]


def _insufficient(b: Basis) -> list[str]:
    """Say exactly what is missing."""
    n, down = b.s.n, b.d.days_down
    if n == 0:
        return ["There is no closed trade to judge."]
    sentences = [f"{_record(b)}, {plural(down, 'losing day')}."]
    missing = []
    if n < MIN_TRADES:
        missing.append(plural(MIN_TRADES - n, "trade"))
    if down < MIN_LOSING_DAYS:
        missing.append(plural(MIN_LOSING_DAYS - down, "losing day"))
    if missing:
        sentences.append(
            f"The test asks for at least {MIN_TRADES} trades and {MIN_LOSING_DAYS} losing days. "
            f"Still missing: {text.joined(missing)}."
        )
    if n >= MIN_TRADES and down < MIN_LOSING_DAYS:
        sentences.append("A record that has hardly lost yet cannot show how it loses.")
    if n >= MIN_TRADES and real("psr", b) is None:
        sentences.append(_why_undefined(b))
    return sentences


def _why_undefined(b: Basis) -> str:
    if b.m < 2:
        return "All trades fall on one day: the test compares days."
    if b.day_spread == 0:
        return "Every day had the same result: the test needs days that differ."
    return "The daily results are too lopsided for the test to say anything."


def _interval(b: Basis, currency: str) -> str:
    interval = BY_NAME["expectancy_ci95"].read(b)
    if not isinstance(interval, tuple):
        return ""
    low, high = interval
    if low == high:
        return ""
    unit = f"{NBSP}{currency}" if currency else ""
    ending = ", which includes zero" if low <= 0 <= high else ""
    mean = b.s.pnl / (b.s.n * SCALE)
    shown = [text.average(x, low, high) for x in (mean, low, high)]
    return (
        f"The average trade made {shown[0]}{unit}; with 95{NBSP}% confidence the true average lies "
        f"between {shown[1]} and {shown[2]}{unit}{ending}."
    )


def _drawn(b: Basis) -> Range | None:
    interval = BY_NAME["expectancy_ci95"].read(b)
    if not isinstance(interval, tuple) or interval[0] == interval[1]:
        return None
    low, high = interval
    # Zero is always in the picture: whether the interval holds it is what it is drawn for.
    left, right = min(low, 0.0), max(high, 0.0)

    def place(value: float) -> float:
        return 4 + 92 * ((value - left) / (right - left))

    mean = b.s.pnl / (b.s.n * SCALE)
    shown = [text.average(x, low, high) for x in interval]
    ends = [place(low), place(high)]
    return Range(
        low=f"{ends[0]:.2f}%",
        high=f"{ends[1]:.2f}%",
        width=f"{ends[1] - ends[0]:.2f}%",
        mean=f"{place(mean):.2f}%",
        zero=f"{place(0.0):.2f}%",
        # The line alone where its label would stand on another.
        zero_text="0" if all(abs(place(0.0) - end) > 15 for end in ends) else "",
        low_text=shown[0],
        high_text=shown[1],
    )


def _why_deflated(b: Basis) -> str:
    return (
        f"Why one of {text.count(b.strategies_tried or 0)} is judged harder: among many strategies without any edge "
        "the best one looks good by chance alone, so the more were tried, the more a record must show."
    )


def _meters(b: Basis, found: str) -> tuple[Meter, ...]:
    """The same, as bars: what is asked for is marked on each."""
    if b.s.n == 0:
        return ()
    if found == "insufficient":
        return (
            _meter("Trades", b.s.n, MIN_TRADES, text.count),
            _meter("Losing days", b.d.days_down, MIN_LOSING_DAYS, text.count),
        )
    p = real("deflated_sharpe", b) if b.strategies_tried is not None else real("psr", b)
    assert p is not None
    confidence = Meter(
        "Confidence in an edge", text.confidence(p), f"95{NBSP}%", f"{100 * p:.2f}%", f"{100 * CONFIDENCE:.0f}%"
    )
    if found == "losing":
        return (confidence,)
    return confidence, _meter(
        "Record, for one tried alone" if _many(b) else "Record",
        b.m,
        _days_needed(b),
        lambda days: text.plural(days, "day"),
    )


def _meter(label: str, have: int, asked: int, words: Callable[[int], str]) -> Meter:
    whole = max(have, asked)
    return Meter(label, words(have), words(asked), f"{100 * have / whole:.2f}%", f"{100 * asked / whole:.2f}%")
