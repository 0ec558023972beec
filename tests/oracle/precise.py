"""The normal distribution and powers in 80-digit decimals: own series, none of libm, so no error is shared with it.

Only the standard library's `decimal` is used (exp, ln and sqrt of it are correctly rounded at any precision).
"""

from collections.abc import Callable
from decimal import Context, Decimal, Overflow, localcontext
from fractions import Fraction
from functools import lru_cache, wraps
from statistics import NormalDist
from typing import ParamSpec, TypeVar

DIGITS = 80
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")
EULER_GAMMA = Decimal("0.5772156649")  # the ten decimals docs/metrics.md prescribes
P = ParamSpec("P")
T = TypeVar("T")


def precise(function: Callable[P, T]) -> Callable[P, T]:
    """Run `function` with DIGITS digits, whatever context the caller has."""

    @wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> T:
        with localcontext(Context(prec=DIGITS)) as context:
            context.traps[Overflow] = True
            return function(*args, **kwargs)

    return inner


@precise
def decimal_of(value: Fraction) -> Decimal:
    """The fraction to DIGITS digits."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def _erf_by_series(z: Decimal) -> Decimal:
    """erf(z) = 2/sqrt(pi) * exp(-z^2) * sum over k of 2^k z^(2k+1) / (1*3*..*(2k+1)); all terms positive, so stable."""
    term = total = z
    k = 0
    while term > total.scaleb(-DIGITS - 5):
        k += 1
        term = term * 2 * z * z / (2 * k + 1)
        total += term
    return 2 / PI.sqrt() * (-z * z).exp() * total


def _erfc_by_fraction(z: Decimal) -> Decimal:
    """erfc(z) = exp(-z^2) / (z sqrt(pi)) * 1/(1 + q/(1 + 2q/(1 + 3q/(1 + ...)))) with q = 1/(2 z^2); for large z."""
    q = 1 / (2 * z * z)
    tail = Decimal(1)
    for k in range(600, 0, -1):
        tail = 1 + k * q / tail
    return (-z * z).exp() / (z * PI.sqrt() * tail)


@precise
def erfc(z: Decimal) -> Decimal:
    """The complementary error function. About 70 digits are right up to z = 4 (where 1 - erf cancels 8), 70 beyond.

    >>> str(erfc(Decimal(1)))[:32]
    '0.157299207050285130658779364917'
    """
    if z < 0:
        return 2 - erfc(-z)
    if z > 60:  # below 1e-1560: the nearest double has been 0 since z = 27
        return Decimal(0)
    return 1 - _erf_by_series(z) if z < 4 else _erfc_by_fraction(z)


@precise
def normal_cdf(x: Decimal) -> Decimal:
    """Phi(x)."""
    return erfc(-x / Decimal(2).sqrt()) / 2


@precise
def normal_upper_quantile(tail: Decimal) -> Decimal:
    """The x with 1 - Phi(x) = tail, 0 < tail < 1: Newton's method from a double, which doubles its digits each step."""
    x = Decimal(-NormalDist().inv_cdf(float(tail)))
    for _ in range(12):
        density = (-x * x / 2).exp() / (2 * PI).sqrt()
        step = (normal_cdf(-x) - tail) / density
        x += step
        if abs(step) < Decimal("1e-60"):
            return x
    raise ArithmeticError(f"no convergence for tail {tail}")


@lru_cache(maxsize=4096)
@precise
def expected_maximum(n: int) -> Decimal:
    """E_N of docs/metrics.md: what the best of n standard normal scores is expected to be; E_1 = 0."""
    if n <= 1:
        return Decimal(0)
    first = normal_upper_quantile(1 / Decimal(n))
    second = normal_upper_quantile(1 / (n * Decimal(1).exp()))
    return (1 - EULER_GAMMA) * first + EULER_GAMMA * second


@precise
def power(base: Fraction, exponent: Fraction) -> Decimal:
    """base ** exponent, base > 0."""
    return (decimal_of(base).ln() * decimal_of(exponent)).exp()
