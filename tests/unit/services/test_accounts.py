"""What may be said of an account, and which questions its starting balance answers for."""

from decimal import Decimal
from typing import Any

import pytest

from trueedge_core.domain.money import write_json
from trueedge_core.domain.ports import Account, DayCut, Scope
from trueedge_core.errors import Forbidden, InvalidJson, InvalidParameter, TooLarge
from trueedge_core.services import filters
from trueedge_core.services.accounts import listing, own_balances, put, with_own_balance

NOW = 1_790_000_000_000_000


class Kept:
    """An AccountStore in a dict."""

    def __init__(self, *accounts: Account) -> None:
        self.kept = {one.account_id: one for one in accounts}

    def put(self, account: Account) -> None:
        self.kept[account.account_id] = account

    def get(self, account_id: str) -> Account | None:
        return self.kept.get(account_id)

    def all(self) -> list[Account]:
        return sorted(self.kept.values(), key=lambda one: one.account_id.encode())

    def close(self) -> None: ...


def said(value: Any) -> dict[str, object]:
    return put(write_json(value).encode(), "a", NOW, Kept())


WHOLE = {
    "display_name": "Main",
    "currency": "USD",
    "starting_balance": 10000,
    "day_cut": {"zone": "America/New_York", "hour": 17},
    "limits": {"daily_loss": 500, "trailing_drawdown": Decimal("1000.25")},
}


def test_what_is_put_is_answered_with_every_key() -> None:
    answer = said(WHOLE)
    assert answer == {"status": "ok", "account_id": "a", **WHOLE, "changed_at": "2026-09-21T14:13:20Z"}


def test_what_is_left_out_or_null_is_not_set() -> None:
    nothing = said({})
    assert nothing == said({"currency": None, "day_cut": None, "limits": {"daily_loss": None}})
    assert nothing["day_cut"] == {"zone": "UTC", "hour": 0}
    assert nothing["limits"] == {"daily_loss": None, "trailing_drawdown": None}
    assert (nothing["starting_balance"], nothing["currency"], nothing["display_name"]) == (None, None, None)


def test_a_put_takes_the_place_of_the_one_before() -> None:
    kept = Kept()
    put(write_json(WHOLE).encode(), "a", NOW, kept)
    put(b'{"currency": "EUR"}', "a", NOW, kept)
    assert kept.all() == [Account("a", currency="EUR", changed_at=NOW)]


def test_amounts_may_be_texts_and_keep_every_digit() -> None:
    answer = said({"starting_balance": "12345678901234567890.000000000000000001", "limits": {"daily_loss": "1e2"}})
    assert write_json(answer["starting_balance"]) == "12345678901234567890.000000000000000001"
    assert answer["limits"] == {"daily_loss": 100, "trailing_drawdown": None}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"balance": 1}, "balance"),
        ({"day_cut": {"zone": "UTC", "minute": 5}}, "day_cut.minute"),
        ({"limits": {"weekly_loss": 5}}, "limits.weekly_loss"),
        ({"day_cut": "17:00"}, "day_cut"),
        ({"limits": [1]}, "limits"),
        ({"day_cut": {"zone": "New York"}}, "day_cut.zone"),
        ({"day_cut": {"zone": 5}}, "day_cut.zone"),
        ({"day_cut": {"zone": "../../etc/passwd"}}, "day_cut.zone"),
        ({"day_cut": {"hour": 24}}, "day_cut.hour"),
        ({"day_cut": {"hour": -1}}, "day_cut.hour"),
        ({"day_cut": {"hour": True}}, "day_cut.hour"),
        ({"day_cut": {"hour": "17"}}, "day_cut.hour"),
        ({"day_cut": {"hour": Decimal("17.5")}}, "day_cut.hour"),
        ({"starting_balance": -1}, "starting_balance"),
        ({"starting_balance": "1e20"}, "starting_balance"),
        ({"starting_balance": "1e-19"}, "starting_balance"),
        ({"starting_balance": True}, "starting_balance"),
        ({"starting_balance": "ten"}, "starting_balance"),
        ({"limits": {"daily_loss": 0}}, "limits.daily_loss"),
        ({"limits": {"daily_loss": -5}}, "limits.daily_loss"),
        ({"limits": {"trailing_drawdown": "1e-18000"}}, "limits.trailing_drawdown"),
        ({"currency": "usd"}, "currency"),
        ({"currency": 5}, "currency"),
        ({"display_name": ""}, "display_name"),
        ({"display_name": " x"}, "display_name"),
        ({"display_name": "x" * 65}, "display_name"),
        ({"display_name": "a\nb"}, "display_name"),
        ({"display_name": ["x"]}, "display_name"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name_with_what_is_accepted_and_nothing_is_kept(
    value: Any, field: str
) -> None:
    kept = Kept()
    with pytest.raises(InvalidParameter) as refused:
        put(write_json(value).encode(), "a", NOW, kept)
    assert [one.field for one in refused.value.errors] == [field]
    assert "accepted" in refused.value.message or "known:" in refused.value.message
    assert refused.value.message.startswith(f'"{field}": ')
    assert kept.all() == []


def test_all_wrong_keys_are_told_at_once() -> None:
    with pytest.raises(InvalidParameter) as refused:
        said({"x": 1, "day_cut": {"zone": "Mars", "hour": 99}, "limits": {"daily_loss": 0}})
    assert [one.field for one in refused.value.errors] == ["x", "day_cut.zone", "day_cut.hour", "limits.daily_loss"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", InvalidJson),
        (b"{", InvalidJson),
        (b'{"currency":"USD","currency":"EUR"}', InvalidJson),
        (b"[]", InvalidParameter),
        (b"null", InvalidParameter),
        (b'{"display_name":"%s"}' % (b"x" * 70_000), TooLarge),
    ],
)
def test_a_body_that_is_no_settings_is_refused(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        put(body, "a", NOW, Kept())


# --- whose they are --------------------------------------------------------------------------------------------------


def test_a_key_of_an_account_lists_and_puts_its_own_alone() -> None:
    kept = Kept(Account("a", changed_at=1), Account("b", changed_at=1))
    mine = listing(kept, Scope("a"))["accounts"]
    assert isinstance(mine, list)
    assert [one["account_id"] for one in mine] == ["a"]
    put(b"{}", "a", NOW, kept, Scope("a"))
    with pytest.raises(Forbidden):
        put(b"{}", "b", NOW, kept, Scope("a"))


@pytest.mark.parametrize("bound_to", [Scope(None, "s"), Scope("a", "s")])
def test_a_key_that_sees_one_strategy_sees_nothing_of_the_account_as_a_whole(bound_to: Scope) -> None:
    with pytest.raises(Forbidden, match="as a whole"):
        listing(Kept(), bound_to)
    with pytest.raises(Forbidden, match="as a whole"):
        put(b"{}", "a", NOW, Kept(), bound_to)


# --- the account's own balance ---------------------------------------------------------------------------------------

OWN = Kept(Account("a", starting_balance=500 * 10**18), Account("b", day_cut=DayCut("UTC", 3)))


def test_a_question_about_a_whole_account_is_answered_with_its_own_balance_and_says_so() -> None:
    asked = with_own_balance(filters.read({"account_id": "a", "environment": "live"}), OWN)
    assert asked.starting_balance == 500 * 10**18
    assert asked.asked == {"account_id": "a", "environment": "live", "starting_balance": 500}
    assert asked == filters.read({"account_id": "a", "environment": "live", "starting_balance": "500"})


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"strategy_id": "s"},
        {"account_id": "a", "strategy_id": "s"},
        {"account_id": "b"},
        {"account_id": "nobody"},
        {"account_id": "a", "starting_balance": "7"},
        {"account_id": "a", "starting_balance": "0"},
    ],
)
def test_any_other_question_stays_as_it_was_asked(question: dict[str, str]) -> None:
    asked = filters.read(question)
    assert with_own_balance(asked, OWN) == asked


def test_of_several_accounts_each_has_its_own() -> None:
    assert own_balances(filters.read({}), OWN) == {"a": 500 * 10**18}
    assert own_balances(filters.read({"environment": "live"}), OWN) == {"a": 500 * 10**18}
    assert own_balances(filters.read({"strategy_id": "s"}), OWN) == {}
    assert own_balances(filters.read({"starting_balance": "0"}), OWN) == {}
