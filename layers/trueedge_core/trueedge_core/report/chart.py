"""The equity curve with its drawdown below, as shapes: plain numbers and paths that a template writes into inline SVG.

The page has no inline style (its Content-Security-Policy forbids it) and no script, so the picture adapts by itself:
curves lie in a nested <svg> of 1000 units that stretches with the page, strokes keep their width, and every text is in
the outer one, in CSS pixels, at a percentage of the width. One drawing for phone and desktop, and no text is squeezed.
"""

import calendar
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Literal, Protocol

from ..domain.decimals import SCALE
from . import text

WIDTH = 1000  # units of the stretched drawing
EQUITY_TOP, EQUITY_BOTTOM = 34, 314
DRAWDOWN_TOP, DRAWDOWN_BOTTOM = 362, 452
HEIGHT = 486
_SECOND, _DAY = 1_000_000, 86_400_000_000
_MAX_TICKS = 9

Anchor = Literal["start", "middle", "end"]


class Point(Protocol):
    """One step, scaled by 1e18: equity at its end; inside it the highest, the lowest, the deepest drawdown."""

    @property
    def time(self) -> int: ...
    @property
    def equity(self) -> int: ...
    @property
    def high(self) -> int: ...
    @property
    def low(self) -> int: ...
    @property
    def drawdown(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Fall:
    """The largest drawdown: its size, the equity at its peak, and when (scaled, us; `peak_at` None = the start)."""

    size: int
    peak: int
    peak_at: int | None
    trough_at: int


@dataclass(frozen=True, slots=True)
class XTick:
    """`x` in percent of the width; a `minor` one is left out on a narrow screen."""

    x: str
    label: str
    anchor: Anchor
    minor: bool


@dataclass(frozen=True, slots=True)
class YTick:
    """`y` in pixels; `base`: the line that the curve starts from; `shown` is False where the tag needs the room."""

    y: str
    label: str
    base: bool
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Mark:
    x: str
    y: str


@dataclass(frozen=True, slots=True)
class Drawdown:
    """How the largest fall is marked: a band from peak to trough, a ring and a dot, a label in the lower picture."""

    band_x: str
    band_width: str
    peak: Mark
    trough: Mark
    label: Mark
    label_text: str
    label_anchor: Anchor


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything the template writes. Paths are in units of the stretched drawing, texts in percent and pixels."""

    line: str
    envelope: str
    area: str
    underwater: str
    x_ticks: tuple[XTick, ...]
    y_ticks: tuple[YTick, ...]
    depth_ticks: tuple[YTick, ...]
    base_y: str
    end: Mark
    end_label: str
    drawdown: Drawdown | None
    voids: tuple[str, ...] = ()
    height: int = HEIGHT
    equity_top: int = EQUITY_TOP
    equity_bottom: int = EQUITY_BOTTOM
    drawdown_top: int = DRAWDOWN_TOP
    drawdown_bottom: int = DRAWDOWN_BOTTOM


def _number(x: float) -> str:
    """Short and without an exponent: a path of 500 steps is sent with every page."""
    return f"{x:.2f}".rstrip("0").rstrip(".") if abs(x) >= 0.005 else "0"


class _Scale:
    """Maps exact values to a range of pixels; the division is exact, the pixels are doubles."""

    def __init__(self, low: int, high: int, at_low: float, at_high: float) -> None:
        self.low, self.span = low, high - low
        self.at_low, self.length = at_low, at_high - at_low

    def __call__(self, value: int) -> float:
        return self.at_low + self.length * ((value - self.low) / self.span)


def draw(
    points: Sequence[Point], start: int, fall: Fall | None, last_at: int, voids: Sequence[int] = ()
) -> Chart | None:
    """The chart of a curve that begins at `start` (scaled) and ends at `last_at` (us); None without points.

    `voids`: when events were voided (us); crosses below the curve, those outside its time at its ends.
    """
    if not points:
        return None
    begin, end = points[0].time, max(last_at, points[-1].time)
    span = end - begin
    # The starting balance stands a little before the first trade, so that an opening loss is seen as a fall.
    lead = max(span // 60, 12 * 3600 * _SECOND if span == 0 else 1)
    x = _Scale(begin - lead, end if span else end + lead, 0, WIDTH)

    low = min(start, *(p.low for p in points))
    high = max(start, *(p.high for p in points))
    if low == high:
        low, high = low - SCALE, high + SCALE
    y = _Scale(low, high, EQUITY_BOTTOM, EQUITY_TOP)
    deepest = max(fall.size if fall else 0, *(p.drawdown for p in points), 0)
    depth = _Scale(0, deepest or SCALE, DRAWDOWN_TOP, DRAWDOWN_BOTTOM)

    base, final = y(start), points[-1].equity
    xs = [x(max(p.time, begin)) for p in points]
    line = _steps([0.0, *xs], [base, *(y(p.equity) for p in points)], WIDTH)
    end_y = y(final)
    return Chart(
        line=line,
        envelope="".join(
            f"M{_number(at)} {_number(y(p.low))}V{_number(y(p.high))}"
            for at, p in zip(xs, points, strict=True)
            if p.high != p.low
        ),
        area=f"{line}V{_number(base)}H0Z",
        underwater=_steps([0.0, *xs], [depth(0), *(depth(p.drawdown) for p in points)], WIDTH) + f"V{DRAWDOWN_TOP}H0Z",
        x_ticks=tuple(_x_ticks(begin, end, x)) if span else (_only_tick(begin, x),),
        y_ticks=_with_base(_y_ticks(low, high, y, 5), start, base, end_y),
        depth_ticks=tuple(_y_ticks(0, deepest, depth, 2, sign=-1))[1:] if deepest else (),
        base_y=_number(base),
        end=Mark(_percent(x(end)), _number(end_y)),
        end_label=text.compact(Fraction(final, SCALE)),
        drawdown=_marked(fall, x, y, depth, begin) if fall else None,
        voids=tuple(dict.fromkeys(_percent(x(min(max(at, begin), end))) for at in voids)),
    )


def _steps(xs: list[float], ys: list[float], until: float) -> str:
    """A line that stays level until the next trade: equity does not creep between two trades.

    >>> _steps([0, 10], [5, 3], 20)
    'M0 5H10V3H20'
    """
    parts = [f"M{_number(xs[0])} {_number(ys[0])}"]
    level = ys[0]
    for at, height in zip(xs[1:], ys[1:], strict=True):
        if height != level:
            parts.append(f"H{_number(at)}V{_number(height)}")
            level = height
    parts.append(f"H{_number(until)}")
    return "".join(parts)


def _percent(x: float) -> str:
    return _number(x / WIDTH * 100) + "%"


def _anchor(x: float) -> Anchor:
    return "start" if x < 0.12 * WIDTH else "end" if x > 0.88 * WIDTH else "middle"


def _marked(fall: Fall, x: _Scale, y: _Scale, depth: _Scale, begin: int) -> Drawdown:
    left = 0.0 if fall.peak_at is None else x(max(fall.peak_at, begin))
    right = x(fall.trough_at)
    side: Anchor = "end" if right > WIDTH / 2 else "start"
    return Drawdown(
        band_x=_number(left),
        band_width=_number(max(right - left, 0.5)),
        peak=Mark(_percent(left), _number(y(fall.peak))),
        trough=Mark(_percent(right), _number(y(fall.peak - fall.size))),
        label=Mark(_percent(right), _number(depth(fall.size))),
        label_text=text.compact(Fraction(-fall.size, SCALE)),
        label_anchor=side,
    )


# --- money ticks -----------------------------------------------------------------------------------------------------


def nice_step(span: Fraction, most: int) -> Fraction:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that cuts `span` into at most `most` pieces.

    >>> nice_step(Fraction(2300), 5), nice_step(Fraction(1, 100), 5)
    (Fraction(500, 1), Fraction(1, 500))
    """
    power = Fraction(10) ** math.floor(math.log10(span / most))
    for factor in (Fraction(1), Fraction(2), Fraction(5, 2), Fraction(5), Fraction(10), Fraction(20)):
        if power * factor * most >= span:
            return power * factor
    raise AssertionError("unreachable: 20 powers of ten cover the span")  # pragma: no cover


def _decimals(step: Fraction) -> int:
    places = 0
    while (step * 10**places).denominator != 1 and places < 12:
        places += 1
    return places


def _y_ticks(low: int, high: int, scale: _Scale, most: int, sign: int = 1) -> Iterator[YTick]:
    step = nice_step(Fraction(high - low, SCALE), most)
    places = _decimals(step)
    units = step * SCALE
    for k in range(math.ceil(low / units), math.floor(high / units) + 1):
        value = k * step
        label = text.compact(sign * value, places)
        yield YTick(_number(scale(int(k * units))), label, base=False)


def _with_base(ticks: Iterator[YTick], start: int, base: float, end_y: float) -> tuple[YTick, ...]:
    """The start's own line replaces a tick that would stand beside it; labels give way to the tag of the end value."""
    start_label = text.compact(Fraction(start, SCALE)) if start else "0"
    kept = [t for t in ticks if abs(float(t.y) - base) >= 14]
    kept.append(YTick(_number(base), start_label, base=True))
    return tuple(YTick(t.y, t.label, t.base, abs(float(t.y) - end_y) >= 17) for t in kept)


# --- time ticks ------------------------------------------------------------------------------------------------------


def _at(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def _us(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _months(begin: int, end: int, every: int) -> Iterator[int]:
    first = _at(begin)
    month = (first.year * 12 + first.month - 1) // every * every
    while True:
        at = calendar.timegm((month // 12, month % 12 + 1, 1, 0, 0, 0)) * _SECOND
        if at > end:
            return
        if at >= begin:
            yield at
        month += every


def _regular(begin: int, end: int, every: int) -> Iterator[int]:
    offset = 4 * _DAY if every == 7 * _DAY else 0  # 1970-01-05 was a Monday
    first = -(-(begin - offset) // every) * every + offset
    yield from range(first, end + 1, every)


def _x_ticks(begin: int, end: int, scale: _Scale) -> Iterator[XTick]:
    """Calendar ticks: whole years, quarters, months, Mondays, days, hours; whatever gives at most nine of them."""
    minute, hour = 60 * _SECOND, 3600 * _SECOND
    regular = (*(k * minute for k in (1, 5, 15, 30)), *(k * hour for k in (1, 3, 6, 12)), _DAY, 2 * _DAY, 7 * _DAY)
    for every in regular:
        if (end - begin) // every < _MAX_TICKS:
            return _labelled(list(_regular(begin, end, every)) or [begin], scale, "time" if every < _DAY else "day")
    months = 1
    for months in (1, 2, 3, 6, 12, 24, 60, 120):
        if (end - begin) // (months * 30 * _DAY) < _MAX_TICKS:
            break
    return _labelled(list(_months(begin, end, months)), scale, "year" if months >= 12 else "month")


def _labelled(times: list[int], scale: _Scale, unit: Literal["time", "day", "month", "year"]) -> Iterator[XTick]:
    # Every other label gives way on a phone; the ones that say the year, or the day among hours, stay.
    kept = next((i for i, us in enumerate(times) if i and _turns(_at(us), unit)), 0) % 2
    for i, us in enumerate(times):
        at, x = _at(us), scale(us)
        day = f"{at.day} {text.MONTHS[at.month - 1]}"
        if unit == "time":
            label = f"{at:%H:%M}" if i and at.hour + at.minute else f"{day} {at:%H:%M}" if not i else day
        elif unit == "day":
            label = day if i else f"{day} {at.year}"
        elif unit == "month":
            label = f"{text.MONTHS[at.month - 1]} {at.year}" if i == 0 else text.MONTHS[at.month - 1]
            label = str(at.year) if i and at.month == 1 else label
        else:
            label = str(at.year)
        yield XTick(_percent(x), label, _edge(x), minor=i % 2 != kept)


def _turns(at: datetime, unit: str) -> bool:
    """Whether a tick begins a new year (among months) or a new day (among hours)."""
    return at.month == 1 if unit == "month" else unit == "time" and at.hour + at.minute == 0


def _edge(x: float) -> Anchor:
    return "start" if x < 0.05 * WIDTH else "end" if x > 0.95 * WIDTH else "middle"


def _only_tick(us: int, scale: _Scale) -> XTick:
    at = _at(us)
    return XTick(_percent(scale(us)), f"{text.date(us)}, {at:%H:%M}", "middle", minor=False)
