"""The judge's own normal distribution, quantiles and powers, against libm, printed tables and themselves."""

import math
import statistics
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from tests.oracle.precise import PI, erfc, expected_maximum, normal_cdf, normal_upper_quantile, power


def test_pi_by_machin() -> None:
    def arctan_of_inverse(n: int, digits: int) -> int:
        term: int = 10**digits // n
        total = term
        k, sign = 1, 1
        while term:
            term //= n * n
            k, sign = k + 2, -sign
            total += sign * (term // k)
        return total

    machin = 4 * (4 * arctan_of_inverse(5, 110) - arctan_of_inverse(239, 110))
    assert str(machin)[:98] == str(PI).replace(".", "")[:98]


def test_erfc_agrees_with_libm_and_with_itself_where_the_two_methods_meet() -> None:
    for tenths in range(-60, 260):
        assert float(erfc(Decimal(tenths) / 10)) == pytest.approx(math.erfc(tenths / 10), rel=1e-14)
    below, above = erfc(Decimal("3.99999999999999999999999999999999999999")), erfc(Decimal(4))
    slope = -2 / PI.sqrt() * Decimal(-16).exp()
    assert abs((above - below) / (slope * Decimal("1e-38")) - 1) < Decimal("1e-15")
    # Abramowitz and Stegun table 7.1 / DLMF: erfc(2)
    assert str(erfc(Decimal(2)))[:30] == "0.0046777349810472658379307436"
    assert all(erfc(a) > erfc(b) for a, b in pairwise(Decimal(k) / 4 for k in range(-20, 100)))


def test_the_normal_quantile_inverts_the_distribution() -> None:
    for tail in ("0.5", "0.975", "0.025", "1e-3", "1e-9", "0.2"):
        x = normal_upper_quantile(Decimal(tail))
        assert abs(normal_cdf(x.copy_negate()) - Decimal(tail)) < Decimal("1e-50")  # unary minus would round to 28
    assert str(normal_upper_quantile(Decimal("0.025")))[:18] == "1.9599639845400542"
    assert expected_maximum(1) == 0
    # N = 2: (1-g) * Phi^-1(1/2) + g * Phi^-1(1 - 1/(2e)) = 0.5772156649 * 0.900...
    quantile = statistics.NormalDist().inv_cdf(1 - 1 / (2 * math.e))
    assert float(expected_maximum(2)) == pytest.approx(0.5772156649 * quantile, rel=1e-14)


def test_power() -> None:
    assert abs(power(Fraction(2), Fraction(1, 2)) - Decimal(2).sqrt()) < Decimal("1e-27")
