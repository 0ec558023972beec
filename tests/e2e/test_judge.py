"""The comparison itself: it sees every single figure that is off by its last digit, missing, or too much."""

import json
from fractions import Fraction
from typing import Any

import pytest

from tests.e2e.harness import parse
from tests.e2e.judge import COUNT, DEFLATED, EDGE, LIBM, METRICS, MONEY, RATIO, differences
from tests.e2e.samples import raw_event
from tests.oracle.bruteforce import figures
from tests.oracle.reading import plain, read

PNL = ["10.25", "-3", "7", "-0.01", "0", "12", "-8"] * 8
EVENTS = [
    read(
        raw_event(
            f"e{n}", p, f"2024-0{1 + n // 28}-{1 + n % 28:02}T10:00:00Z", initial_risk=4, currency="EUR",
            opened_at=f"2024-0{1 + n // 28}-{1 + n % 28:02}T09:00:00Z", fees="-0.5",
        )
    )
    for n, p in enumerate(PNL)
]  # fmt: skip
EXPECTED = figures(EVENTS, 1000, 4)


def right_answer() -> dict[str, Any]:
    """What a server that agrees with the brute force would send, as text and read back."""

    def spelled(name: str) -> str:
        value = EXPECTED[name]
        if value is None or isinstance(value, str | list):
            return json.dumps(value)
        if name in MONEY:
            return plain(Fraction(value))
        return f"{value:.12g}" if name in LIBM | {"psr", "deflated_sharpe"} else json.dumps(value)

    def part(names: set[str]) -> str:
        return "{" + ",".join(f'"{name}": {spelled(name)}' for name in sorted(names)) + "}"

    text = '{"currency": "EUR", "environments": {"live": 0, "demo": 56}'
    answer: dict[str, Any] = parse(f'{text}, "metrics": {part(METRICS)}, "edge": {part(EDGE | DEFLATED)}}}'.encode())
    return answer


def test_a_right_answer_has_no_differences() -> None:
    assert differences(right_answer(), EXPECTED, deflated=True) == []
    assert all(EXPECTED[name] is not None for name in METRICS | EDGE), "every figure is defined, so all are compared"


@pytest.mark.parametrize("name", sorted(METRICS | EDGE | DEFLATED))
def test_each_wrong_figure_is_seen(name: str) -> None:
    wrong: list[Any] = [None, "x"]
    value = EXPECTED[name]
    if name in MONEY:
        spelled = plain(Fraction(value))
        wrong += [plain(Fraction(value) + Fraction(1, 10**18)), spelled + ("0" if "." in spelled else ".0"), "-0"]
    elif name in COUNT:
        wrong += [str(value + 1), f"{value}.0"]
    elif name in RATIO:
        wrong += [repr(value * (1 + 3e-16)), "-0.0"]
    elif isinstance(value, float):
        wrong.append(f"{value * (1 + 2e-11):.12g}")
        wrong += [repr(value)] if len(repr(value)) > 16 and name != "calmar_ratio" else []  # too many digits
    elif isinstance(value, list):
        wrong += [[str(value[0]), str(value[1] * (1 + 1e-11))], [str(value[0])]]
    for bad in wrong:
        answer = right_answer()
        part = answer["metrics"] if name in METRICS else answer["edge"]
        part[name] = parse(bad.encode()) if isinstance(bad, str) and bad != "x" else bad
        if isinstance(bad, list):
            part[name] = [parse(v.encode()) for v in bad]
        found = differences(answer, EXPECTED, deflated=True)
        assert len(found) == 1, (bad, found)
        assert found[0].startswith(name)
    answer = right_answer()
    del (answer["metrics"] if name in METRICS else answer["edge"])[name]
    assert any(name in complaint for complaint in differences(answer, EXPECTED, deflated=True))


def test_currency_environments_and_unknown_names_are_seen() -> None:
    for change in ({"currency": None}, {"environments": {"live": "1", "demo": "55"}}):
        assert differences(right_answer() | change, EXPECTED, deflated=True)
    answer = right_answer()
    answer["metrics"]["profit"] = "1"
    assert differences(answer, EXPECTED, deflated=True) == ["metrics has the unknown ['profit']"]
    assert differences(right_answer(), EXPECTED, deflated=False)
