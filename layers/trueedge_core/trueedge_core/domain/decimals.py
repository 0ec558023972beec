"""Exact numbers: Decimal <-> scaled int, plain notation, and one short text per value.

No function here looks at the thread's decimal context: a library that changes it must not change a figure.
"""

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation, Overflow

SCALE = 10**18

# Reading and printing numbers: wide enough for anything a document can spell; what does not fit raises, never rounds.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, capitals=1, traps=[InvalidOperation, Overflow, Inexact])
# Scaling: Emax is small on purpose, so that 1e999999999 is an Overflow at once and not an int of a gigabyte.
_SCALING = Context(prec=100_000, Emax=100_000, Emin=-100_000, traps=[InvalidOperation, Overflow])
_PLUS_18, _MINUS_18 = Decimal(18), Decimal(-18)

_scaleb, _to_integral = _SCALING.scaleb, _SCALING.to_integral_value
read_decimal = _EXACT.create_decimal
sci = _EXACT.to_sci_string  # not str(): that spells the exponent as the thread's context says

# Beyond this power of ten plain notation stops being a kindness: 1e999999999 would be a gigabyte of zeros.
_PLAIN_LIMIT = 10_000
_KEY_LIMIT = 60
_KEY_INT = 10**_KEY_LIMIT


def to_scaled(d: Decimal) -> int:
    """The amount in units of 1e-18, rounded half to even: the one rounding of money.

    Raises: decimal.Overflow beyond 1e100000, ValueError or OverflowError for what is not finite.

    >>> to_scaled(Decimal("0.1")) + to_scaled(Decimal("0.2")) == to_scaled(Decimal("0.3"))
    True
    >>> to_scaled(Decimal("0.0000000000000000025"))  # 2.5 units: to the even one
    2
    """
    return int(_to_integral(_scaleb(d, _PLUS_18)))


def from_scaled(n: int) -> Decimal:
    """The exact amount of `n` units of 1e-18, however large.

    >>> plain(from_scaled(1_500_000_000_000_000_000))
    '1.5'
    """
    return _EXACT.scaleb(Decimal(n), _MINUS_18)


def significant(d: Decimal) -> tuple[str, str, int]:
    """(sign, digits, exponent) of a finite number: no outer zeros in the digits, the exponent is that of the last one.

    Text in, text out: no arithmetic, so no exponent is too large for it. Zero is ("", "", 0).

    >>> significant(Decimal("-0.0120")), significant(Decimal("1.10e999999999"))
    (('-', '12', -3), ('', '11', 999999998))
    """
    mantissa, _, power = sci(d).partition("E")
    sign = "-" if mantissa[0] == "-" else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    stripped = digits.rstrip("0")
    if not stripped:
        return "", "", 0
    return sign, stripped, int(power or 0) - len(fraction) + len(digits) - len(stripped)


def _spread(sign: str, digits: str, exponent: int) -> str:
    """Plain notation of what `significant` gave."""
    if exponent >= 0:
        return sign + digits + "0" * exponent
    if -exponent < len(digits):
        return f"{sign}{digits[:exponent]}.{digits[exponent:]}"
    return f"{sign}0.{'0' * (-exponent - len(digits))}{digits}"


def plain(d: Decimal) -> str:
    """Every digit, no exponent, no trailing zeros, no minus zero.

    Raises: ValueError for what is not finite, or beyond 1e-10000 .. 1e10000.

    >>> plain(Decimal("1.10E-7")), plain(Decimal("-0.00")), plain(Decimal("1e3")), plain(Decimal("2.50"))
    ('0.00000011', '0', '1000', '2.5')
    """
    if not d.is_finite():
        raise ValueError(f"{d} is not a finite number")
    text = sci(d)
    if "E" in text:
        sign, digits, exponent = significant(d)
        if not digits:
            return "0"
        if abs(exponent) > _PLAIN_LIMIT:
            raise ValueError(f"{text[:60]} is too large or too small for plain notation")
        return _spread(sign, digits, exponent)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def canonical(number: Decimal | int) -> str:
    """A short text that is equal exactly when the values are equal, whatever the spelling or type; for digests.

    >>> canonical(Decimal("1.10")) == canonical(Decimal("11e-1")), canonical(10**70) == canonical(Decimal("1e70"))
    (True, True)
    """
    if isinstance(number, int):
        if -_KEY_INT < number < _KEY_INT:
            return str(number)
        number = Decimal(number)
    text = sci(number)
    if len(text) <= _KEY_LIMIT and "E" not in text:  # the usual case: no arithmetic, no tuple
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return "0" if text == "-0" else text
    if not number.is_finite():
        return text
    sign, digits, exponent = significant(number)
    if not digits:
        return "0"
    if exponent > -_KEY_LIMIT and exponent + len(digits) <= _KEY_LIMIT:
        return _spread(sign, digits, exponent)
    return f"{sign}{digits}e{exponent}"
