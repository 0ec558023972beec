"""What people say of an account, what follows from it for the figures, and what it has used of its limits."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..domain.decimals import from_scaled, to_scaled
from ..domain.events import MAX_EVENT_BYTES
from ..domain.fields import BY_NAME, Wrong
from ..domain.limits import ZONE_ACCEPTED, Day, check_zone, read_day, trading_day, worst_day
from ..domain.money import read_json
from ..domain.ports import EVERYTHING, Account, AccountStore, DayCut, Ledger, Period, Scope
from ..domain.summary import Summary
from ..domain.times import format_time
from ..domain.wording import found, shorten
from ..errors import FieldError, Forbidden, InvalidParameter, NotFound, TooLarge
from . import access
from .filters import Filters
from .query import EMPTY, as_of

MAX_NAME = 64
LIMITS_BY = ("account_id", "environment")  # the filters of GET /accounts/{account_id}/limits

_AMOUNT = "with at most 18 decimals"
_KEYS = ("display_name", "currency", "starting_balance", "day_cut", "limits")


# --- settings --------------------------------------------------------------------------------------------------------


def listing(accounts: AccountStore, bound_to: Scope = EVERYTHING) -> dict[str, object]:
    """GET /accounts: every account of which anything was put, by id; a bound key's own alone."""
    _check_binding(bound_to)
    return {
        "status": "ok",
        "accounts": [_shown(one) for one in accounts.all() if bound_to.account_id in (None, one.account_id)],
    }


def one(ledger: Ledger, accounts: AccountStore, account_id: str, bound_to: Scope = EVERYTHING) -> dict[str, object]:
    """GET /accounts/{account_id}: settings or the defaults. Raises: NotFound when neither they nor the log know it."""
    return {"status": "ok", **_shown(_known(ledger, accounts, _within(account_id, bound_to)))}


def put(
    body: bytes, account_id: str, now: int, accounts: AccountStore, bound_to: Scope = EVERYTHING
) -> dict[str, object]:
    """PUT /accounts/{account_id}: these settings in place of all that were there; what is left out is not set.

    Raises: InvalidParameter with every wrong key at once; Forbidden for another account than the key's.
    """
    account = replace(_read(body, _within(account_id, bound_to)), changed_at=now)
    accounts.put(account)
    return {"status": "ok", **_shown(account)}


def _within(account_id: str, bound_to: Scope) -> str:
    _check_binding(bound_to)
    access.within(Scope(account_id), bound_to)
    return account_id


def _check_binding(bound_to: Scope) -> None:
    """Balance and limits concern every strategy of an account: a key that may see but one of them sees none."""
    if bound_to.strategy_id is not None:
        raise Forbidden(f"this key is bound to {access.binding(bound_to)}, and settings are of an account as a whole")


def _known(ledger: Ledger, accounts: AccountStore, account_id: str) -> Account:
    account = accounts.get(account_id)
    if account is None:
        if ledger.summary(Scope(account_id)) is None:
            raise NotFound(f"the account {shorten(account_id, 128)} has neither settings nor an event in the log")
        account = Account(account_id)
    return account


def _shown(account: Account) -> dict[str, object]:
    return {
        "account_id": account.account_id,
        "display_name": account.display_name,
        "currency": account.currency,
        "starting_balance": _money(account.starting_balance),
        "day_cut": _cut(account.day_cut),
        "limits": {"daily_loss": _money(account.daily_loss), "trailing_drawdown": _money(account.trailing_drawdown)},
        "changed_at": None if account.changed_at is None else format_time(account.changed_at),
    }


def _cut(cut: DayCut) -> dict[str, object]:
    return {"zone": cut.zone, "hour": cut.hour}


def _money(amount: int | None) -> object:
    return None if amount is None else from_scaled(amount)


def _read(body: bytes, account_id: str) -> Account:
    """The settings in the body of a PUT."""
    if len(body) > MAX_EVENT_BYTES:
        raise TooLarge(f"settings have at most {MAX_EVENT_BYTES} bytes, this body has {len(body)}")
    value: Any = read_json(body)
    if not isinstance(value, Mapping):
        raise InvalidParameter(f"the body is not an object; accepted: one with any of the keys {', '.join(_KEYS)}")
    wrong: list[FieldError] = []

    def take(name: str, check: Callable[[Any], Any], within: Mapping[str, Any] = value, prefix: str = "") -> Any:
        given = within.get(name)
        try:
            return None if given is None else check(given)
        except ValueError as error:
            wrong.append(FieldError(f"{prefix}{name}", str(error)))
            return None

    def inside(name: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
        given = value.get(name)
        if given is not None and not isinstance(given, Mapping):
            wrong.append(FieldError(name, f"{found(given)}; accepted: an object with the keys {' and '.join(keys)}"))
        given = given if isinstance(given, Mapping) else {}
        unknown(given, keys, f"{name}.")
        return given

    def unknown(given: Mapping[str, Any], keys: tuple[str, ...], prefix: str = "") -> None:
        said = f"this key is not known here; known: {', '.join(keys)}"
        wrong.extend(FieldError(f"{prefix}{name}", said) for name in given if name not in keys)

    unknown(value, _KEYS)
    cut, limits = inside("day_cut", ("zone", "hour")), inside("limits", ("daily_loss", "trailing_drawdown"))
    zone, hour = take("zone", _zone, cut, "day_cut."), take("hour", _hour, cut, "day_cut.")
    account = Account(
        account_id,
        take("display_name", _name),
        take("currency", _currency),
        take("starting_balance", _amount),
        DayCut(zone or DayCut().zone, hour or 0),
        take("daily_loss", _limit, limits, "limits."),
        take("trailing_drawdown", _limit, limits, "limits."),
    )
    if wrong:
        raise InvalidParameter("; ".join(f"{shorten(one.field)}: {one.message}" for one in wrong[:3]), wrong)
    return account


def _name(value: Any) -> str:
    if isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable() and value == value.strip():
        return value
    raise ValueError(f"{found(value)}; accepted: 1 to {MAX_NAME} printable characters, no space at either end")


def _currency(value: Any) -> str:
    field = BY_NAME["currency"]
    try:
        checked: str = field.check(value)
    except Wrong:
        raise ValueError(f"{found(value)}; accepted: {field.accepted}") from None
    return checked


def _amount(value: Any, accepted: str = "at least 0", least: int = 0) -> int:
    """An amount of money, scaled by 1e18; the number rules are those of an event."""
    field = BY_NAME["fees"]
    accepted = f"{field.accepted}, {accepted}, {_AMOUNT}"
    try:
        number = field.check(value)
    except Wrong as odd:
        raise ValueError(f"{found(value)} {odd}".rstrip() + f"; accepted: {accepted}") from None
    scaled = to_scaled(number)
    if scaled < least or from_scaled(scaled) != number:
        raise ValueError(f"{found(value)}; accepted: {accepted}")
    return scaled


def _limit(value: Any) -> int:
    return _amount(value, "above 0", 1)


def _zone(value: Any) -> str:
    if isinstance(value, str):
        return check_zone(value)
    raise ValueError(f"{found(value)}; accepted: {ZONE_ACCEPTED}")


def _hour(value: Any) -> int:
    if type(value) is int and 0 <= value <= 23:
        return value
    raise ValueError(f"{found(value)}; accepted: a full hour, 0 to 23")


# --- the account's own balance ---------------------------------------------------------------------------------------


def with_own_balance(filters: Filters, accounts: AccountStore) -> Filters:
    """The question with the account's own starting balance, where it is about one whole account and names none."""
    whole = filters.scope.account_id is not None and filters.scope.strategy_id is None
    account = accounts.get(str(filters.scope.account_id)) if whole and "starting_balance" not in filters.asked else None
    if account is None or account.starting_balance is None:
        return filters
    asked = {**filters.asked, "starting_balance": from_scaled(account.starting_balance)}
    return replace(filters, starting_balance=account.starting_balance, asked=asked)


def own_balances(filters: Filters, accounts: AccountStore) -> dict[str, int]:
    """The starting balance of each account that has one; none where the question names one, or a part of accounts."""
    if filters.scope.strategy_id is not None or "starting_balance" in filters.asked:
        return {}
    return {one.account_id: one.starting_balance for one in accounts.all() if one.starting_balance is not None}


# --- limits ----------------------------------------------------------------------------------------------------------


def limits(
    ledger: Ledger, accounts: AccountStore, filters: Filters, now: int, bound_to: Scope = EVERYTHING
) -> dict[str, object]:
    """GET /accounts/{account_id}/limits: the loss of today and of the worst day, and the drawdown, beside the limits.

    Raises: NotFound when neither settings nor the log know the account.
    """
    scope = filters.scope
    account = _known(ledger, accounts, _within(str(scope.account_id), bound_to))

    def read(period: Period) -> Summary:
        reading = ledger.summary(scope, period)
        return Summary() if reading is None else reading.summary

    with ledger.snapshot():
        whole = ledger.summary(scope) or EMPTY
        today = read_day(trading_day(account.day_cut, now), read)
        worst = worst_day(ledger.series(scope, Period(), "day"), account.day_cut, read) if whole.summary.n else None
    s = whole.summary
    return {
        "status": "ok",
        "filters": filters.asked,
        "as_of": as_of(whole),
        "environments": {"live": whole.live, "demo": whole.demo},
        "currency": s.currency,
        "day_cut": _cut(account.day_cut),
        "daily_loss": {
            "limit": _money(account.daily_loss),
            "today": _day(today, account.daily_loss),
            "worst": None if worst is None else _day(worst, account.daily_loss),
        },
        "trailing_drawdown": {
            "limit": _money(account.trailing_drawdown),
            "now": _use(s.hi - s.pnl, account.trailing_drawdown),
            "worst": _use(s.dd, account.trailing_drawdown),
        },
    }


def _day(day: Day, limit: int | None) -> dict[str, object]:
    said = {"from": format_time(day.start), "to": format_time(day.end), "pnl": from_scaled(day.pnl)}
    return {**said, **_use(day.used, limit)}


def _use(used: int, limit: int | None) -> dict[str, object]:
    """How much of a limit was used: the amount, its share of the limit, and whether it reached it."""
    share, breached = (None, None) if limit is None else (used / limit, used >= limit)
    return {"used": from_scaled(used), "share": share, "breached": breached}
