"""The algebra: a summary of any split, in any grouping, is the brute-force figure; wrong merges are caught."""

import inspect
import random
import types
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.bruteforce import figures
from trueedge_core.domain import summary as real
from trueedge_core.domain.metrics import Basis, judge, measure
from trueedge_core.domain.money import to_scaled
from trueedge_core.domain.summary import Closed, Summary, closed_trade, merge, ratio_scaled
from trueedge_core.domain.times import format_time

HOUR = 3_600_000_000
DAY = 24 * HOUR

# Few distinct amounts and instants on purpose: ties, zeros and returns to an old high are where merges go wrong.
amounts = st.one_of(
    st.sampled_from(["-2", "-1", "-1", "0", "1", "1", "2"]),
    st.decimals("-1000000", "1000000", places=18).map(str),
    st.sampled_from(["0.000000000000000001", "-0.0000000000000000005", "99999999999999999999", "0.1", "-0.3"]),
)


@st.composite
def runs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Closed trades in trade order, as events."""
    steps = draw(st.lists(st.tuples(st.sampled_from([0, 0, 1, HOUR, DAY, DAY, 5 * DAY]), amounts), max_size=25))
    at, events = draw(st.sampled_from([0, 1_700_000_000_000_000])), []
    for number, (step, pnl) in enumerate(steps):
        at += step
        event = {
            "event_id": f"e{number:04d}",
            "account_id": "a",
            "strategy_id": "s",
            "environment": "live",
            "timestamp": format_time(at),
            "pnl": pnl,
            "fees": draw(st.sampled_from(["0", "-0.1", "0.25"])),
            "state": "closed",
        }
        if draw(st.booleans()):
            event["initial_risk"] = draw(st.sampled_from(["1", "3", "0.7", "1e-18"]))
            event["opened_at"] = format_time(max(0, at - draw(st.sampled_from([0, 1, HOUR]))))
        if draw(st.booleans()):
            event["currency"] = draw(st.sampled_from(["USD", "USD", "EUR"]))
        events.append(event)
    return events


def closed(events: Sequence[dict[str, Any]]) -> list[Closed]:
    """The events as a summary takes them in."""
    from trueedge_core.domain.times import parse_time

    return [
        closed_trade(
            parse_time(event["timestamp"]),
            Decimal(event["pnl"]),
            Decimal(event["fees"]),
            Decimal(event["initial_risk"]) if "initial_risk" in event else None,
            parse_time(event["opened_at"]) if "opened_at" in event else None,
            event.get("currency"),
        )
        for event in events
    ]


def folded(trades: Sequence[Closed], module: Any = real) -> Any:
    summary = module.Summary()
    for trade in trades:
        summary.add(trade)
    return summary


def shown(value: Any, unit: str) -> Any:
    return format_time(value) if unit == "time" and value is not None else value


@given(runs(), st.sampled_from(["0", "100", "0.5"]))
def test_every_figure_is_the_brute_force_one(events: list[dict[str, Any]], balance: str) -> None:
    from trueedge_core.domain.metrics import BY_NAME

    summary = folded(closed(events))
    basis = Basis(summary, to_scaled(Decimal(balance)), strategies_tried=3)
    expected = figures(events, Decimal(balance), strategies_tried=3)  # type: ignore[arg-type]
    for name, value in {**measure(basis), **judge(basis)}.items():
        got = shown(value, BY_NAME[name].unit)
        if name in ("psr", "deflated_sharpe", "cagr_pct", "calmar_ratio") and got is not None:
            assert got == pytest.approx(expected[name], rel=1e-11), name
        elif name == "expectancy_ci95" and got is not None:
            assert got == pytest.approx(expected[name], rel=1e-12, abs=1e-12), name
        else:
            assert got == expected[name], name
    assert summary.currency == expected["currency"]


@given(runs(), st.data())
def test_any_split_merges_to_the_whole(events: list[dict[str, Any]], data: st.DataObject) -> None:
    trades = closed(events)
    i = data.draw(st.integers(0, len(trades)))
    j = data.draw(st.integers(i, len(trades)))
    a, b, c = folded(trades[:i]), folded(trades[i:j]), folded(trades[j:])
    whole = folded(trades)
    assert merge(merge(a, b), c) == whole
    assert merge(a, merge(b, c)) == whole


@given(runs())
def test_the_empty_summary_is_the_identity(events: list[dict[str, Any]]) -> None:
    summary = folded(closed(events))
    summary.opens, summary.voids = 2, 1
    assert merge(Summary(), summary) == summary == merge(summary, Summary())


@given(runs())
def test_bytes_round_trip(events: list[dict[str, Any]]) -> None:
    summary = folded(closed(events))
    assert Summary.from_bytes(summary.to_bytes()) == summary


def test_bytes_of_another_version_or_length_are_refused() -> None:
    good = Summary().to_bytes()
    with pytest.raises(ValueError, match="version"):
        Summary.from_bytes(b"\x02" + good[1:])
    with pytest.raises(ValueError, match="values to unpack"):
        Summary.from_bytes(good[:1] + b"[1,2]")


def test_merging_leaves_the_later_run_as_it_was() -> None:
    later = folded([Closed(DAY, 5, 0)])
    before = later.to_bytes()
    first = Summary()
    first.extend(later)
    first.add(Closed(2 * DAY, 7, 0))
    assert later.to_bytes() == before


@pytest.mark.parametrize(
    ("pnl", "risk", "expected"),
    [
        (1, 3, 333333333333333333),
        (2, 3, 666666666666666667),
        (-1, 3, -333333333333333333),
        (1, 2 * 10**18, 0),
        (3, 2 * 10**18, 2),
    ],
)
def test_an_r_quotient_rounds_half_even(pnl: int, risk: int, expected: int) -> None:
    # 1 / 2e18 = 0.5e-18 -> 0 (even); 3 / 2e18 = 1.5e-18 -> 2e-18 (even)
    assert ratio_scaled(pnl, risk) == expected


# --- wrong merges ----------------------------------------------------------------------------------------------------

MUTANTS = {
    "no fall across the border": ("cross = self.hi - (base + b.lo)", "cross = 0"),
    "a high that is not shifted": ("self.hi, self.hi_at = base + b.hi, b.hi_at", "self.hi, self.hi_at = b.hi, b.hi_at"),
    "a low that is not shifted": (
        "self.lo, self.lo_i, self.lo_at = base + b.lo",
        "self.lo, self.lo_i, self.lo_at = b.lo",
    ),
    "of equal highs the first": ("base + b.hi >= self.hi", "base + b.hi > self.hi"),
    "of equal falls the later": ("cross > self.dd or b.dd > self.dd", "cross >= self.dd or b.dd >= self.dd"),
    "a trough index that is not shifted": (
        "self.dd, self.dd_i, self.dd_at = b.dd, n + b.dd_i",
        "self.dd, self.dd_i, self.dd_at = b.dd, b.dd_i",
    ),
    "of equal falls in and across the border always the one across": ("(b.dd == cross and b.dd_i <= b.lo_i)", "False"),
    "a peak inside the later run that is not shifted": ("self.dd_peak = base + b.dd_peak", "self.dd_peak = b.dd_peak"),
    "a day counted on both sides of the border": ("if self.ld == b.fd:", "if False:"),
    "a winning streak cut at the border": ("self.max_wins = max(self.max_wins, self.suf + b.pre)", "pass"),
    "a losing streak cut at the border": ("self.max_losses = max(self.max_losses, -(self.suf + b.pre))", "pass"),
    "a leading run that jumps over a break": ("if abs(self.pre) == n and", "if"),
    "a trailing run that forgets what came before": ("self.suf += b.suf", "self.suf = b.suf"),
    "another currency overlooked": (
        "self.currency = b.currency if self.currency is None else MIXED",
        "self.currency = b.currency",
    ),
}


def _cases() -> list[list[Closed]]:
    chance = random.Random(7)
    cases = []
    for _ in range(400):
        at, trades = 0, []
        for _ in range(chance.randrange(1, 9)):
            at += chance.choice([0, 1, DAY, 2 * DAY])
            trades.append(
                Closed(at, chance.choice([-2, -1, 0, 1, 2]), 0, None, None, chance.choice([None, "USD", "EUR"]))
            )
        cases.append(trades)
    return cases


def _wrong_splits(module: Any) -> int:
    """How many of the fixed cases have a split whose merge is not the whole."""
    wrong = 0
    for trades in _cases():
        whole = folded(trades, module).values()
        for cut in range(len(trades) + 1):
            merged = module.merge(folded(trades[:cut], module), folded(trades[cut:], module))
            if merged.values() != whole:
                wrong += 1
                break
    return wrong


def test_the_shipped_merge_is_right_on_the_fixed_cases() -> None:
    assert _wrong_splits(real) == 0


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_merge_is_caught(name: str) -> None:
    right, wrong = MUTANTS[name]
    source = inspect.getsource(real)
    extend = source.index("def extend(")
    assert right in source[extend:], "the mutant's line is no longer in the source"
    mutated = source[:extend] + source[extend:].replace(right, wrong, 1)
    module = types.ModuleType("mutant")
    module.__package__ = real.__package__
    exec(compile(mutated, "mutant", "exec"), module.__dict__)
    assert _wrong_splits(module) > 0
