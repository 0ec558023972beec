"""The verdict in words. The arithmetic of each expected number stands beside it.

ALTERNATING: +3, -1, +3, -1 .. on 40 days, one trade a day. Mean 1, every day 2 off the mean, so the variance (ddof 1)
is 4 * 40/39; skewness 0 and raw kurtosis 1, so V = 1 - 0 + (1 - 1)/4 = 1 exactly. s = 1 / (2 * sqrt(40/39)) = 0.493710,
z = s * sqrt(39) = 39 / (2 * sqrt(40)) = 3.083221, psr = Phi(3.083221) = 0.998976.
"""

import pytest

from tests.unit.report.samples import basis, summary
from trueedge_core.domain.metrics import Basis
from trueedge_core.domain.summary import DAY_US
from trueedge_core.report.verdict import LABELS, TITLES, Verdict, explain

ALTERNATING = [3, -1] * 20
WEAK = [11, -9] * 20  # mean 1, every day 10 off: s = 0.1 * sqrt(39/40), z = 0.1 * 39 / sqrt(40) = 0.616644


def words(found: Verdict) -> str:
    return " ".join(found.sentences).replace("\u00a0", " ")


def test_a_significant_record_says_how_rare_it_would_be_and_that_it_is_long_enough() -> None:
    found = explain(basis(ALTERNATING))
    assert found.word == "significant"
    # 100 * (1 - 0.998976) = 0.1024 %, rounded up; 1 + 1 * (1.6448536 / 0.493710)^2 = 1 + 11.0999 = 12.1, so 13 days
    assert words(found) == (
        "40 days, 40 trades. Without any edge, a record this good would appear in 0.11 % of tries. "
        "The record is long enough: 13 days would do."
    )


def test_an_unproven_record_says_how_many_days_are_missing() -> None:
    found = explain(basis(WEAK))
    assert found.word == "unproven"
    # Phi(0.616644) = 0.73127: 26.9 %, rounded up; 1 + 2.7055434 * 100 * 40/39 = 278.49, so 279 days: 239 more than 40
    assert words(found) == (
        "40 days, 40 trades. Without any edge, a record this good would appear in 27 % of tries; "
        "at most 5 % is asked for. If it goes on like this, 279 days would do: 239 more."
    )


def test_the_days_that_one_of_many_lacks_are_those_of_a_strategy_tried_alone() -> None:
    found = explain(basis(WEAK, tried=2))
    # psr and days as alone; E_2 = 0.519580 (below), Phi(0.616644 - 0.519580) = Phi(0.097064) = 0.53866
    assert words(found).endswith(
        "If it goes on like this, 279 days would do for a strategy tried alone: 239 more. "
        "It is one of 2 strategies tried; after allowing for that, the confidence in an edge is 53.8 %."
    )


def test_one_of_many_strategies_is_judged_as_one_of_many() -> None:
    found = explain(basis(ALTERNATING, tried=40))
    assert (found.word, found.title) == ("unproven", "Unproven: good, but one of many.")
    # E_40 = 0.4227843 * Phi^-1(1 - 1/40) + 0.5772157 * Phi^-1(1 - 1/(40 e))
    #      = 0.4227843 * 1.959964 + 0.5772157 * 2.358644 = 2.190082; Phi(3.083221 - 2.190082) = Phi(0.893139) = 0.81411
    assert words(found).endswith(
        "and alone it would be long enough (13 days would do). It is one of 40 strategies tried; "
        "after allowing for that, the confidence in an edge is 81.4 %; 95 % is asked for."
    )


def test_a_good_one_of_few_says_the_deflation_in_one_sentence() -> None:
    found = explain(basis(ALTERNATING, tried=2))
    # E_2 = 0.4227843 * 0 + 0.5772157 * Phi^-1(1 - 1/(2 e)) = 0.5772157 * 0.900149 = 0.519580; Phi(2.563641) = 0.994821
    assert found.word == "significant"
    assert found.sentences[-1].replace("\u00a0", " ") == (
        "It is one of 2 strategies tried; after allowing for that, the confidence in an edge is 99.4 %."
    )


def test_the_only_strategy_is_not_deflated() -> None:
    assert explain(basis(ALTERNATING, tried=1)).sentences == explain(basis(ALTERNATING)).sentences


def test_a_losing_record_is_called_so_and_says_how_often_it_would_appear() -> None:
    found = explain(basis([-3, 1] * 20))
    # the mirror image: psr = 1 - 0.998976, so 99.9 % of tries without an edge do as well; rounded up
    assert found.word == "losing"
    assert words(found) == (
        "40 days, 40 trades, and the total is a loss. "
        "Without any edge, a record this good would appear in 100 % of tries: there is nothing to prove yet."
    )


def test_a_total_of_exactly_zero_is_no_loss_and_no_edge() -> None:
    found = explain(basis([1, -1] * 20))
    assert found.word == "losing"
    assert words(found).startswith("40 days, 40 trades, and the total is exactly zero.")


@pytest.mark.parametrize(
    ("pnl", "missing"),
    [
        ([2, -1] * 6, "Still missing: 18 trades."),  # 12 trades, 6 losing days
        ([2, 2, -1] * 3, "Still missing: 21 trades and 2 losing days."),  # 9 trades, 3 losing days
        ([2] * 29 + [-1], "Still missing: 4 losing days."),  # 30 trades, 1 losing day
        ([2], "Still missing: 29 trades and 5 losing days."),
    ],
)
def test_an_insufficient_record_says_exactly_what_is_missing(pnl: list[int], missing: str) -> None:
    found = explain(basis(pnl))
    assert found.word == "insufficient"
    assert missing in words(found)


def test_a_record_that_never_lost_is_not_praised() -> None:
    found = explain(basis([2, 3] * 20))
    assert found.word == "insufficient"
    assert "A record that has hardly lost yet cannot show how it loses." in found.sentences


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (summary([-1] * 40), "Every day had the same result"),
        (summary([]), "There is no closed trade to judge."),
    ],
)
def test_an_undefined_psr_is_explained(made: object, why: str) -> None:
    assert isinstance(made, type(summary([])))
    found = explain(Basis(made))
    assert found.word == "insufficient"
    assert why in words(found)


def test_trades_of_a_single_day_are_no_record_of_days() -> None:
    one_day = summary([])
    for minute in range(40):
        one_day.extend(summary([1 if minute % 2 else -2], start=19_358 * DAY_US + minute))
    assert "All trades fall on one day: the test compares days." in explain(Basis(one_day)).sentences


def test_the_interval_is_said_in_words_and_zero_is_pointed_out() -> None:
    # ALTERNATING: mean 1, stdev 2 * sqrt(40/39), half width 1.959964 * 2 * sqrt(40/39) / sqrt(40) = 0.627690
    assert explain(basis(ALTERNATING), "EUR").interval.replace("\u00a0", " ") == (
        "The average trade made 1.00 EUR; with 95 % confidence the true average lies between 0.37 and 1.63 EUR."
    )
    # WEAK: five times as wide: 1 - 3.138450 and 1 + 3.138450
    assert explain(basis(WEAK)).interval.replace("\u00a0", " ") == (
        "The average trade made 1.00; with 95 % confidence the true average lies between −2.14 and 4.14, "
        "which includes zero."
    )


def test_the_meters_show_what_is_asked_for() -> None:
    confidence, record = explain(basis(WEAK)).meters
    assert (confidence.have, confidence.fill, confidence.target) == ("73.1\u00a0%", "73.13%", "95%")
    assert (record.have, record.asked) == ("40\u00a0days", "279\u00a0days")
    assert (record.fill, record.target) == ("14.34%", "100.00%")  # 100 * 40 / 279
    trades, days = explain(basis([2, 2, -1] * 3)).meters
    assert (trades.have, trades.asked, trades.fill) == ("9", "30", "30.00%")
    assert (days.have, days.asked, days.fill) == ("3", "5", "60.00%")


def test_no_sentence_speaks_of_the_chance_of_luck() -> None:
    records = (ALTERNATING, WEAK, [-3, 1] * 20, [1, -1] * 20, [2, -1] * 6, [2, 3] * 20, [-1] * 40, [], [2])
    for pnl in records:
        for tried in (None, 1, 2, 40):
            found = explain(basis(pnl, tried=tried))
            spoken = " ".join((found.title, *found.sentences, found.interval)).lower()
            assert "luck" not in spoken
            assert "chance" not in spoken


def test_every_word_has_a_label_and_a_title() -> None:
    assert LABELS.keys() == TITLES.keys() == {"insufficient", "losing", "unproven", "significant"}
