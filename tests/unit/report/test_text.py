"""Numbers as a reader sees them: rounded once, from the exact value, never saying more than is known."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueedge_core.domain.decimals import SCALE, from_scaled
from trueedge_core.report import text

E18 = SCALE


@pytest.mark.parametrize(
    ("scaled", "shown"),
    [
        (0, "0.00"),
        (1234 * E18, "1,234.00"),
        (-1234 * E18 - E18 // 2, "−1,234.50"),
        (100 * E18 + 5 * E18 // 1000, "100.00"),  # 100.005: half to even
        (100 * E18 + 15 * E18 // 1000, "100.02"),  # 100.015: half to even
        (1_234_567 * 10**12, "1.2346"),  # 1.234567
        (10**10, "0.00000001"),  # a satoshi
        (-4 * 10**13, "−0.00004"),
        (1, "1e−18"),  # the smallest there is must not read as nothing
        (10**15 * E18, "1e15"),
        (99_999_999_999_999 * E18, "99,999,999,999,999.00"),
    ],
)
def test_money_has_two_to_eight_decimals_and_a_real_minus(scaled: int, shown: str) -> None:
    assert text.money(scaled) == shown


@given(st.integers(min_value=-(10**40), max_value=10**40))
def test_money_shown_is_the_amount_to_half_a_unit_of_its_last_digit(scaled: int) -> None:
    shown = text.money(scaled).replace(",", "").replace("−", "-")
    value = Decimal(shown)
    unit = Decimal((0, (1,), int(value.as_tuple().exponent)))
    if "e" in shown:
        unit = abs(value) / 10**4 or unit
    assert abs(Fraction(value) - Fraction(from_scaled(scaled))) <= Fraction(unit)
    assert (value == 0) == (scaled == 0)


@given(st.integers(min_value=-(10**40), max_value=10**40))
def test_the_exact_text_is_the_amount(scaled: int) -> None:
    assert Fraction(text.exact(scaled)) == Fraction(scaled, SCALE)


def test_a_confidence_just_below_the_threshold_does_not_read_as_the_threshold() -> None:
    assert text.confidence(0.949999999999) == "94.9\u00a0%"
    assert text.tries(0.949999999999) == "5.1\u00a0%"
    assert text.probability(0.949999999999) == "0.9499"


def test_a_certain_record_is_still_not_impossible_without_an_edge() -> None:
    assert text.tries(1.0) == "less than 0.01\u00a0%"
    assert text.confidence(1.0) == "over 99.9\u00a0%"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3600, "1 h"), (90_061, "1 d 1 h"), (-120, "−2 min")],
)
def test_a_duration_has_two_units_at_most(seconds: float, shown: str) -> None:
    assert text.duration(seconds).replace("\u00a0", " ") == shown


def test_the_scale_beside_the_chart_stays_short() -> None:
    values = [Fraction(k) * Fraction(10) ** power for power in range(-18, 22) for k in (1, -7, Fraction(123456, 1000))]
    assert max(len(text.compact(value)) for value in values) <= 10


def test_amounts_that_stand_together_have_the_same_decimals() -> None:
    assert text.average(0.37231, 1.62769) == "0.37"
    assert text.average(1.62769, 0.37231) == "1.63"
