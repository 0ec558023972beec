"""How results are spread: bars of equal width, zero between two of them, the far ends in the outermost ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..domain.decimals import SCALE
from . import text
from .chart import nice_step

BARS = 28
WIDTH, TOP, BOTTOM, HEIGHT = 1000, 12, 172, 200
_CUT = 100  # one in so many may lie beyond each end


@dataclass(frozen=True, slots=True)
class Bar:
    """Places in units of a drawing 1000 wide; `told` is read on hover and by a screen reader's table."""

    x: str
    width: str
    y: str
    height: str
    is_loss: bool
    range: str
    count: int


@dataclass(frozen=True, slots=True)
class Label:
    """`x` in percent of the width."""

    x: str
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """`told` says the shape in words; `zero` is where the line at zero stands, "" outside the picture."""

    title: str
    bars: tuple[Bar, ...]
    labels: tuple[Label, ...]
    zero: str
    told: str
    top: int = TOP
    bottom: int = BOTTOM
    height: int = HEIGHT


def histogram(title: str, values: Sequence[int], shown: Callable[[Fraction], str], unit: str = "") -> Histogram | None:
    """The spread of values scaled by 1e18; None for fewer than two different ones: there is no spread to see."""
    if len(set(values)) < 2:
        return None
    ordered = sorted(values)
    n = len(ordered)
    low, high = ordered[n // _CUT], ordered[n - 1 - n // _CUT]
    if low == high:
        low, high = ordered[0], ordered[-1]
    step = nice_step(Fraction(high - low, SCALE), BARS - 2) * SCALE
    first, last = int(low // step), int(high // step)
    counts = dict.fromkeys(range(first, last + 1), 0)
    for value in ordered:
        counts[min(max(int(value // step), first), last)] += 1
    tallest = max(counts.values())
    width = WIDTH / len(counts)

    def said(edge: int) -> str:
        return shown(Fraction(edge * step) / SCALE)

    bars = []
    for place, (k, count) in enumerate(counts.items()):
        tall = (BOTTOM - TOP) * count / tallest
        ends = f"below {said(k + 1)}" if k == first and ordered[0] < k * step else f"{said(k)} to {said(k + 1)}"
        if k == last and ordered[-1] >= (k + 1) * step:
            ends = f"{said(k)} and above"
        bars.append(
            Bar(
                f"{place * width + 1:.1f}",
                f"{width - 2:.1f}",
                f"{BOTTOM - tall:.1f}",
                f"{tall:.1f}",
                k < 0,
                ends,
                count,
            )
        )
    every = max(1, -(-len(counts) // 6))
    labels = tuple(
        Label(f"{100 * (k - first) / len(counts):.2f}%", said(k), "start" if k == first else "middle")
        for k in counts
        if k % every == 0
    )
    quarter, middle, upper = (shown(Fraction(ordered[(n - 1) * q // 4], SCALE)) for q in (1, 2, 3))
    zero = f"{WIDTH * (0 - first) / len(counts):.1f}" if first <= 0 <= last + 1 else ""
    name = f"{text.NBSP}{unit}" if unit else ""
    told = f"Half of them lie between {quarter} and {upper}{name}, the middle one is {middle}{name}."
    return Histogram(title, tuple(bars), labels, zero, told)
