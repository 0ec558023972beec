"""The one reader of query parameters."""

import pytest

from trueedge_core.domain.decimals import to_scaled
from trueedge_core.domain.ports import Period, Scope
from trueedge_core.errors import InvalidParameter
from trueedge_core.services.filters import FILTERS, Filters, check_balance, none_but, read

DAY = 86_400_000_000


def refused(parameters: dict[str, str], accept: tuple[str, ...] = (), **path: str) -> dict[str, str]:
    """The sentences of a refusal, by parameter."""
    with pytest.raises(InvalidParameter) as caught:
        read(parameters, accept, **path)
    return {error.field: error.message for error in caught.value.errors}


def test_nothing_asked_is_everything() -> None:
    assert read({}) == Filters(Scope(), Period(), 0, {})


def test_all_filters_at_once() -> None:
    found = read(
        {
            "account_id": "a",
            "strategy_id": "s",
            "environment": "demo",
            "from": "1970-01-02",
            "to": "1970-01-03T01:00:00+01:00",
            "starting_balance": "1e3",
        }
    )
    assert found.scope == Scope("a", "s", "demo")
    assert found.period == Period(DAY, 2 * DAY)
    assert found.starting_balance == 1000 * 10**18
    assert tuple(found.asked) == FILTERS
    assert (found.asked["from"], found.asked["to"]) == ("1970-01-02T00:00:00Z", "1970-01-03T00:00:00Z")


def test_ids_of_the_path_join_the_scope() -> None:
    assert read({"account_id": "a"}, strategy_id="s").scope == Scope("a", "s")
    assert refused({"strategy_id": "s"}, strategy_id="s").keys() == {"strategy_id"}


def test_further_parameters_are_known_only_where_they_are_accepted() -> None:
    assert read({"limit": "7"}, ("limit",)).limit == 7
    assert "known: " in refused({"limit": "7"})["limit"]
    assert "limit" in refused({"cursor": "x"}, ("limit",))["cursor"]


def test_every_wrong_parameter_is_named_in_one_refusal() -> None:
    wrong = refused({"from": "x", "environment": "y", "foo": "1", "account_id": " a", "to": "2026-01-01"})
    assert wrong.keys() == {"from", "environment", "foo", "account_id"}


@pytest.mark.parametrize("name", ["account_id", "strategy_id"])
@pytest.mark.parametrize("text", ["", " a", "a ", "a\nb", "a\u200bb", "é" * 65])
def test_an_id_is_what_an_event_may_carry(name: str, text: str) -> None:
    assert refused({name: text}).keys() == {name}


@pytest.mark.parametrize("text", ["é" * 64, "x" * 128, "a b", "/", "日本"])
def test_ids_that_events_may_carry_are_taken(text: str) -> None:
    assert read({"account_id": text}).scope.account_id == text


@pytest.mark.parametrize("text", ["0", "0.00", "-0", "10000", "2500.50", "1e4", "1E-18", "+5", "9" * 20])
def test_balances_that_are_taken(text: str) -> None:
    from decimal import Decimal

    assert check_balance(text) == to_scaled(Decimal(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "-1e-30",
        "1e20",
        "1_000",
        "1,000",
        " 1",
        "0x10",
        "NaN",
        "inf",
        "1e999999999",
        "1e",
        ".5",
        "5.",
        "0." + "1" * 19,
        "0." + "1" * 41,
    ],
)
def test_balances_that_are_not(text: str) -> None:
    with pytest.raises(ValueError, match="accepted"):
        check_balance(text)


def test_from_may_equal_to_but_not_follow_it() -> None:
    assert read({"from": "2026-01-01", "to": "2026-01-01"}).period.start is not None
    assert refused({"from": "2026-01-02", "to": "2026-01-01"}).keys() == {"from"}


def test_none_but_refuses_every_parameter() -> None:
    none_but({})
    with pytest.raises(InvalidParameter):
        none_but({"account_id": "a"})
