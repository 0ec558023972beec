"""Decimal <-> scaled int, plain notation, and the text that is equal when the value is."""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueedge_core.domain.decimals import SCALE, canonical, from_scaled, plain, significant, to_scaled

DIGITS = st.text("0123456789", min_size=1, max_size=40)


@st.composite
def amounts(draw: st.DrawFn) -> Decimal:
    """Anything an event may hold: up to 40 digits, exponents -40..20."""
    sign, digits, exponent = draw(st.sampled_from(["", "-"])), draw(DIGITS), draw(st.integers(-40, 20))
    return Decimal(f"{sign}{digits}e{exponent}")


def respell(number: Decimal, zeros: int, shift: int) -> Decimal:
    """The same value with more zeros at its end, or as digits times another power of ten."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    more = max(zeros, shift)
    return Decimal((sign, (*digits, *([0] * more)), exponent - more))


@pytest.fixture(params=["default", "five digits, traps nothing, small e"])
def thread_context(request: pytest.FixtureRequest):
    """A thread whose decimal context was spoilt by some library."""
    with decimal.localcontext() as context:
        if request.param != "default":
            context.prec, context.capitals, context.Emax, context.Emin = 5, 0, 9, -9
            context.rounding = decimal.ROUND_UP
            context.clear_traps()
        yield


@pytest.mark.parametrize(
    ("amount", "scaled"),
    [
        ("0", 0),
        ("-0.00", 0),
        ("1", SCALE),
        ("-1.5", -15 * 10**17),
        ("0.000000000000000001", 1),
        ("0.0000000000000000005", 0),  # half: to the even one
        ("0.0000000000000000015", 2),
        ("0.0000000000000000025", 2),
        ("-0.0000000000000000015", -2),
        ("0.00000000000000000250000000000000000001", 3),  # more than half, seen only with every digit
        ("99999999999999999999.999999999999999999", 10**38 - 1),
        ("1e19", 10**37),
        ("0e999999999", 0),
        ("1e-999999999", 0),
    ],
)
def test_an_amount_enters_sums_rounded_half_even_to_18_decimals(amount: str, scaled: int, thread_context: None) -> None:
    assert to_scaled(Decimal(amount)) == scaled


def test_scaling_an_absurd_exponent_is_an_error_and_not_a_gigabyte() -> None:
    with pytest.raises(decimal.Overflow):
        to_scaled(Decimal("1e999999999"))


@given(amounts())
def test_scaling_equals_rounding_of_the_exact_rational(amount: Decimal) -> None:
    exact = Fraction(amount) * SCALE
    assert to_scaled(amount) == round(exact)  # Fraction's round() is half-even


@given(st.integers(-(10**200), 10**200))
def test_a_scaled_sum_comes_back_exactly(n: int) -> None:
    assert Fraction(from_scaled(n)) * SCALE == n
    assert to_scaled(from_scaled(n)) == n


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("9.64e-05", "0.0000964"),
        ("0.00000001", "0.00000001"),
        ("1E-8", "0.00000001"),
        ("100000.00", "100000"),
        ("1E+3", "1000"),
        ("-1.10", "-1.1"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("0E-20", "0"),
        ("0E+20", "0"),
        ("0.12345678901234567890", "0.1234567890123456789"),
        ("123456789012345678901234.567890123456", "123456789012345678901234.567890123456"),
        ("1E-40", "0." + "0" * 39 + "1"),
        ("1234E-6", "0.001234"),
        ("123456E-6", "0.123456"),
        ("1.23456789E+4", "12345.6789"),
    ],
)
def test_plain_notation_has_every_digit_and_nothing_else(number: str, text: str, thread_context: None) -> None:
    assert plain(Decimal(number)) == text


@given(amounts())
def test_plain_notation_is_the_same_value_and_has_no_needless_zero(number: Decimal) -> None:
    text = plain(number)
    assert Fraction(text) == Fraction(number)
    assert "e" not in text.lower()
    assert text != "-0"
    assert not ("." in text and text.endswith(("0", ".")))
    assert text.lstrip("-").startswith("0.") or not text.lstrip("-").startswith("0") or text == "0"


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity", "1e999999999", "1e-999999999"])
def test_what_has_no_plain_notation_is_an_error(number: str) -> None:
    with pytest.raises(ValueError, match=r"finite|too large"):
        plain(Decimal(number))


@given(amounts(), st.integers(0, 60), st.integers(0, 60))
def test_every_spelling_of_a_value_has_one_canonical_text(number: Decimal, zeros: int, shift: int) -> None:
    assert canonical(respell(number, zeros, shift)) == canonical(number)


@given(amounts(), amounts())
def test_canonical_texts_are_equal_only_when_values_are(a: Decimal, b: Decimal) -> None:
    assert (canonical(a) == canonical(b)) == (Fraction(a) == Fraction(b))


@given(st.integers(-(10**90), 10**90), st.integers(0, 30))
def test_an_integer_and_a_decimal_of_its_value_have_one_canonical_text(n: int, power: int) -> None:
    assert canonical(n * 10**power) == canonical(Decimal(f"{n}e{power}")) == canonical(Decimal(f"{n * 10**power}.000"))


def test_two_36_digit_decimals_that_normalize_calls_equal_stay_different() -> None:
    a, b = Decimal("0.123456789012345678901234567890123456"), Decimal("0.123456789012345678901234567890123457")
    assert a.normalize() == b.normalize()  # the trap: 28 digits
    assert canonical(a) != canonical(b)


def test_absurd_exponents_are_told_apart_without_being_written_out() -> None:
    assert canonical(Decimal("1e999999999")) != canonical(Decimal("1e999999998"))
    assert canonical(Decimal("1.0e999999999")) == canonical(Decimal("10e999999998"))
    assert len(canonical(Decimal("1e999999999"))) < 20


@given(amounts())
def test_significant_digits_make_up_the_number(number: Decimal) -> None:
    sign, digits, exponent = significant(number)
    assert Fraction(f"{sign}{digits or 0}e{exponent}") == Fraction(number)
    assert digits == digits.strip("0")
