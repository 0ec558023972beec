"""Values as a reader sees them: grouped digits, a real minus sign, times in UTC. Pure; the locale plays no part.

Money and counts come in as integers (money scaled by 1e18): what is shown is rounded once, from the exact value.
"""

import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from ..domain.decimals import SCALE, from_scaled, plain

MINUS, DASH, NBSP = "−", "–", "\u00a0"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HUGE = 10**15  # longer numbers do not fit a tile: the exact digits are in the title


def count(n: int) -> str:
    """
    >>> count(-1204)
    '−1,204'
    """
    return f"{n:,}".replace("-", MINUS)


def plural(n: int, one: str, many: str = "") -> str:
    """
    >>> plural(1, "day"), plural(1204, "trade")
    ('1\\xa0day', '1,204\\xa0trades')
    """
    return f"{count(n)}{NBSP}{one if n == 1 else many or one + 's'}"


def fixed(value: Fraction, most: int, least: int) -> str:
    """At most `most` decimals (half to even), trailing zeros dropped down to `least`.

    >>> fixed(Fraction(-12345675, 1000), 2, 2), fixed(Fraction(1, 4), 8, 2)
    ('−12,345.68', '0.25')
    """
    units = round(value * 10**most)  # Fraction rounds half to even, exactly
    whole, rest = divmod(abs(units), 10**most)
    decimals = f"{rest:0{most}d}".rstrip("0").ljust(least, "0") if most else ""
    return f"{MINUS if units < 0 else ''}{whole:,}{'.' if decimals else ''}{decimals}"


def _scientific(value: Fraction, decimals: int = 4) -> str:
    """
    >>> _scientific(Fraction(-12, 10**16)), _scientific(Fraction(10**20))
    ('−1.2e−15', '1e20')
    """
    size = abs(value)
    power = len(str(size.numerator)) - len(str(size.denominator))
    power -= size < Fraction(10) ** power
    digits = fixed(value / Fraction(10) ** power, decimals, 0)
    return f"{digits}e{count(power)}"


def amount(value: Fraction) -> str:
    """Money for reading: 2 decimals from 100 on, up to 4 from 1 on, up to 8 below; never fewer than 2.

    >>> amount(Fraction("1234.5678")), amount(Fraction("1.23456")), amount(Fraction("-0.00004"))
    ('1,234.57', '1.2346', '−0.00004')
    """
    size = abs(value)
    if size >= _HUGE:
        return _scientific(value)
    shown = fixed(value, 2 if size >= 100 else 4 if size >= 1 else 8, 2)
    return _scientific(value) if value and not any(c in "123456789" for c in shown) else shown


def money(scaled: int) -> str:
    """
    >>> money(1234_500_000_000_000_000_000), money(-10_000_000_000)
    ('1,234.50', '−0.00000001')
    """
    return amount(Fraction(scaled, SCALE))


def exact(scaled: int) -> str:
    """Every digit of an amount, as the API prints it."""
    return plain(from_scaled(scaled))


def average(value: float, *beside: float) -> str:
    """An amount that came out of a division: it has no last digit, so it gets fewer than `amount` gives.

    `beside`: the amounts it stands next to; the largest of all says how many decimals each gets.

    >>> average(4.085587), average(0.041234567), average(-0.0000008123), average(0.37231, 1.62769)
    ('4.09', '0.0412', '−0.00000081', '0.37')
    """
    exactly = Fraction(repr(value))
    size = max(abs(Fraction(repr(x))) for x in (value, *beside))
    return amount(exactly) if size < Fraction(1, 100) or size >= _HUGE else fixed(exactly, 2 if size >= 1 else 4, 2)


def ratio(value: float) -> str:
    """Two decimals; small ones three significant digits.

    >>> ratio(1.5), ratio(-0.01234), ratio(0.0), ratio(1e20)
    ('1.50', '−0.0123', '0.00', '1e20')
    """
    size = abs(value)
    if size >= _HUGE or 0 < size < 1e-6:
        return _scientific(Fraction(value))
    if size >= 0.1 or not size:
        return fixed(Fraction(value), 2, 2)
    return fixed(Fraction(value), 2 - math.floor(math.log10(size)), 2)


def percent(value: float) -> str:
    """
    >>> percent(61.25), percent(-3.0)
    ('61.2\\xa0%', '−3.0\\xa0%')
    """
    return f"{fixed(Fraction(value), 1, 1) if abs(value) < _HUGE else _scientific(Fraction(value))}{NBSP}%"


def confidence(p: float) -> str:
    """A probability in percent, rounded DOWN: 94.96 % must not read as the 95 % that is asked for.

    >>> confidence(0.9496), confidence(0.872), confidence(1.0), confidence(0.95)
    ('94.9\\xa0%', '87.2\\xa0%', 'over 99.9\\xa0%', '95.0\\xa0%')
    """
    tenths = math.floor(Fraction(str(p)) * 1000)
    return f"over 99.9{NBSP}%" if tenths >= 1000 else f"{tenths // 10}.{tenths % 10}{NBSP}%"


def tries(p: float) -> str:
    """The share of tries without any edge that do as well, 1 - p; rounded UP, for the same reason.

    >>> tries(0.987), tries(0.171), tries(0.99871), tries(0.9999999)
    ('1.3\\xa0%', '83\\xa0%', '0.13\\xa0%', 'less than 0.01\\xa0%')
    """
    share = 100 * (1 - Fraction(str(p)))
    if share < Fraction(1, 100):
        return f"less than 0.01{NBSP}%"
    decimals = 0 if share >= 10 else 1 if share >= 1 else 2
    return f"{fixed(Fraction(math.ceil(share * 10**decimals), 10**decimals), decimals, 0)}{NBSP}%"


def probability(p: float) -> str:
    """Four decimals, rounded down: 0.94996 is not 0.9500.

    >>> probability(0.94996), probability(1.0)
    ('0.9499', '1.0000')
    """
    return fixed(Fraction(math.floor(Fraction(str(p)) * 10_000), 10_000), 4, 4)


def duration(seconds: float) -> str:
    """
    >>> duration(59), duration(3700), duration(200_000)
    ('59\\xa0s', '1\\xa0h 1\\xa0min', '2\\xa0d 7\\xa0h')
    """
    left = round(abs(seconds))
    sign = MINUS if seconds < 0 and left else ""
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        value, left = divmod(left, size)
        if value or parts:
            parts.append(f"{count(value)}{NBSP}{name}" if value else "")
        if len(parts) == 2:
            break
    return sign + " ".join(filter(None, parts)) if parts else f"0{NBSP}s"


def moment(us: int) -> datetime:
    """
    >>> moment(0).isoformat()
    '1970-01-01T00:00:00+00:00'
    """
    return _EPOCH + timedelta(microseconds=us)


def date(us: int) -> str:
    """
    >>> date(1_451_880_000_000_000)
    '4\\xa0Jan\\xa02016'
    """
    at = moment(us)
    return f"{at.day}{NBSP}{MONTHS[at.month - 1]}{NBSP}{at.year}"


def date_time(us: int) -> str:
    """Seconds are shown where they are not zero.

    >>> date_time(1_451_880_000_000_000), date_time(1_451_880_061_500_000)
    ('4\\xa0Jan\\xa02016, 04:00', '4\\xa0Jan\\xa02016, 04:01:01')
    """
    at = moment(us)
    return f"{date(us)}, {at:%H:%M:%S}" if at.second else f"{date(us)}, {at:%H:%M}"


def compact(value: Fraction, decimals: int | None = None) -> str:
    """For the price scale beside the chart: never longer than some nine characters.

    >>> compact(Fraction(1234567)), compact(Fraction(-12345)), compact(Fraction("0.000045129"))
    ('1.235M', '−12,345', '0.0000451')
    """
    size = abs(value)
    if size >= _HUGE:
        return _scientific(value, 2)
    for limit, unit, suffix in ((10**12, 10**12, "T"), (10**9, 10**9, "B"), (10**6, 10**6, "M")):
        if size >= limit:
            return fixed(value / unit, 3, 0) + suffix
    if decimals is not None and decimals <= 7:
        return fixed(value, decimals, decimals)
    if size >= 1 or not size:
        return fixed(value, 0, 0) if size >= 10_000 else fixed(value, 2, 2)
    power = math.floor(math.log10(size))
    return _scientific(value, 2) if power < -5 else fixed(value, 2 - power, 0)


def joined(parts: list[str]) -> str:
    """
    >>> joined(["18 trades"]), joined(["18 trades", "3 losing days"])
    ('18 trades', '18 trades and 3 losing days')
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
