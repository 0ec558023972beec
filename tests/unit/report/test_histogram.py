"""The histogram: every value in one bar, no bar across zero, the far ends gathered and named."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trueedge_core.domain.decimals import SCALE
from trueedge_core.report import text
from trueedge_core.report.histogram import BARS, BOTTOM, TOP, WIDTH, Histogram, histogram

VALUES = st.lists(st.integers(min_value=-(10**24), max_value=10**24), min_size=2, max_size=300)


def made(values: list[int]) -> Histogram | None:
    return histogram("P&L", values, text.amount, "USD")


@given(VALUES)
def test_every_value_is_in_one_bar_and_gains_and_losses_share_none(values: list[int]) -> None:
    found = made(values)
    if found is None:
        assert len(set(values)) == 1
        return
    assert sum(bar.count for bar in found.bars) == len(values)
    assert len(found.bars) <= BARS + 2
    if any(bar.is_loss for bar in found.bars) and not all(bar.is_loss for bar in found.bars):
        assert sum(bar.count for bar in found.bars if bar.is_loss) == sum(value < 0 for value in values)
    for bar in found.bars:
        assert 0 <= float(bar.x) <= float(bar.x) + float(bar.width) <= WIDTH
        assert TOP - 0.1 <= float(bar.y) <= BOTTOM


def test_equal_results_have_no_spread() -> None:
    assert made([5 * SCALE] * 9) is None
    assert made([]) is None


def test_a_far_result_is_gathered_in_the_last_bar_which_says_so() -> None:
    values = [x * SCALE for x in range(-50, 51)] * 2 + [10_000 * SCALE]
    found = made(values)
    assert found is not None
    assert found.bars[-1].range == "50.00 and above"
    assert found.bars[-1].count == 2 + 1
    assert found.bars[0].range == "−50.00 to −45.00"
    assert found.told == "Half of them lie between −25.00 and 25.00\u00a0USD, the middle one is 0.00\u00a0USD."


def test_the_words_are_those_it_was_given() -> None:
    found = histogram("R", [-SCALE, 2 * SCALE], lambda r: text.fixed(Fraction(r), 2, 1))
    assert found is not None
    assert found.told == "Half of them lie between −1.0 and −1.0, the middle one is −1.0."
