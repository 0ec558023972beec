"""Alerts: finds accounts that reached a limit, and tells whoever was set to be told, each breach once.

Never in the way of a trade: nothing here runs inside a request that posts one. `turn` is called every few seconds by a
thread of the local server, and every minute by the function `alerts` on AWS.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from ..domain.alerts import Alert, AlertHook, AlertStore, Breach, Undelivered, breaches, check_url
from ..domain.decimals import from_scaled
from ..domain.events import MAX_EVENT_BYTES
from ..domain.money import read_json, write_json
from ..domain.ports import ALL_TIME, EVERYTHING, Account, AccountStore, Clock, Ledger, Period, Scope
from ..domain.summary import Summary
from ..domain.times import format_time
from ..domain.wording import shorten
from ..errors import FieldError, Forbidden, InvalidParameter, NotFound, TooLarge
from . import access
from .filters import check_id

Post = Callable[[str, bytes, Mapping[str, str]], None]

SIGNATURE = "TrueEdge-Signature"
MIN_SECRET, MAX_SECRET = 16, 128
SECRET_ACCEPTED = f"a text of {MIN_SECRET} to {MAX_SECRET} printable ASCII characters, or none: one is made"
_S = 1_000_000
# After each try that failed, how long until the next; when they are used up it is given up, a day and a half later.
DELAYS = tuple(n * _S for n in (10, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 16 * 3600))


# --- finding and telling ---------------------------------------------------------------------------------------------


def turn(ledger: Ledger, accounts: AccountStore, alerts: AlertStore, clock: Clock, post: Post) -> int:
    """Find what is new, try what is due; how many were told. Raises: Unavailable."""
    return sum(deliver(alert, alerts, clock, post) for alert in due(ledger, accounts, alerts, clock()))


def due(ledger: Ledger, accounts: AccountStore, alerts: AlertStore, now: int) -> list[Alert]:
    """Keep what is newly found of every account that has a hook; all alerts whose next try is due."""
    for hook in alerts.hooks():
        account = accounts.get(hook.account_id)
        if account is None or (account.daily_loss is None and account.trailing_drawdown is None):
            continue
        since = max(hook.changed_at, account.changed_at or 0)
        with ledger.snapshot():
            found = breaches(account, _reader(ledger, account.account_id), now, since)
        for breach in found:
            alerts.add(_alert(account, breach, now))
    return alerts.due(now)


def deliver(alert: Alert, alerts: AlertStore, clock: Clock, post: Post) -> bool:
    """One try, counted before it is made: a process that dies in it has made it, and the next one comes in its time."""
    hook = alerts.hook(alert.account_id)
    delay = DELAYS[alert.tries] if alert.tries < len(DELAYS) else None
    if hook is None or not alerts.claim(alert, None if delay is None else clock() + delay):
        return False
    body = alert.body.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "trueedge",
        SIGNATURE: signature(hook.secret, clock() // _S, body),
    }
    try:
        post(hook.url, body, headers)
    except Undelivered as error:
        alerts.failed(alert, error.message)
        return False
    alerts.told(alert, clock())
    return True


def signature(secret: str, at: int, body: bytes) -> str:
    """What goes along with a body sent at that second: HMAC-SHA256 over `<at>.<body>`.

    >>> signature("0123456789abcdef", 1767623530, b"{}")[:32]
    't=1767623530,v1=c2b1604c73444f37'
    """
    made = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return f"t={at},v1={made}"


def _reader(ledger: Ledger, account_id: str) -> Callable[[Period], Summary]:
    """The account's live trades if it has any, else its demo ones: as its report opens."""
    whole = ledger.summary(Scope(account_id), ALL_TIME)
    scope = Scope(account_id, environment="live" if whole is not None and whole.live else "demo")

    def read(period: Period) -> Summary:
        reading = ledger.summary(scope, period)
        return Summary() if reading is None else reading.summary

    return read


def _alert(account: Account, breach: Breach, now: int) -> Alert:
    assert breach.day.start is not None
    assert breach.day.end is not None
    began = format_time(breach.day.start)
    alert_id = f"{account.account_id}/{breach.limit}/{began}"
    body: dict[str, object] = {
        "type": "limit_reached",
        "alert_id": alert_id,
        "account_id": account.account_id,
        "limit": breach.limit,
        "amount": from_scaled(breach.amount),
        "used": from_scaled(breach.used),
        "currency": account.currency,
        "day": {"from": began, "to": format_time(breach.day.end)},
        "found_at": format_time(now),
    }
    return Alert(alert_id, account.account_id, breach.limit, write_json(body), now, next_try_at=now)


# --- the settings ----------------------------------------------------------------------------------------------------


def show(account_id: str, alerts: AlertStore, bound_to: Scope = EVERYTHING) -> dict[str, object]:
    """GET /accounts/{account_id}/alert: where alerts go and how the last ones went; never the secret.

    Raises: NotFound when none is set; Forbidden outside the key's binding.
    """
    _own(account_id, bound_to)
    hook = alerts.hook(account_id)
    if hook is None:
        raise NotFound(f"no alert is set for the account {shorten(account_id, 128)}")
    return {
        "status": "ok",
        "account_id": account_id,
        "url": hook.url,
        "changed_at": format_time(hook.changed_at),
        "alerts": [_shown(alert) for alert in alerts.recent(account_id)],
    }


def put(body: bytes, account_id: str, now: int, alerts: AlertStore, bound_to: Scope = EVERYTHING) -> dict[str, object]:
    """PUT /accounts/{account_id}/alert: `{"url", "secret"}`; a url of null removes it. A test is sent at once.

    The secret stays when none is given; the first time one is made, and is in this answer and in no other.
    Raises: InvalidParameter for every wrong field; Forbidden outside the key's binding.
    """
    _own(account_id, bound_to)
    url, secret = _read(body, account_id)
    if url is None:
        alerts.drop_hook(account_id)
        return {"status": "ok", "account_id": account_id, "url": None}
    before = alerts.hook(account_id)
    made = None
    if secret is None:
        secret = before.secret if before is not None else (made := secrets.token_urlsafe(32))
    alerts.put_hook(AlertHook(account_id, url, secret, now))
    at = format_time(now)
    test = {"type": "test", "alert_id": f"{account_id}/test/{at}", "account_id": account_id, "found_at": at}
    alerts.add(Alert(str(test["alert_id"]), account_id, "test", write_json(test), now, next_try_at=now))
    return {"status": "ok", "account_id": account_id, "url": url, **({} if made is None else {"secret": made})}


def _own(account_id: str, bound_to: Scope) -> None:
    access.within(Scope(account_id), bound_to)
    if bound_to.strategy_id is not None:
        raise Forbidden("this key is bound to a strategy, and an alert concerns an account as a whole")


def _read(body: bytes, account_id: str) -> tuple[str | None, str | None]:
    accepted = 'accepted: {"url": ".."}, with a "secret" if you have one'
    if len(body) > MAX_EVENT_BYTES:
        raise TooLarge(f"the body has {len(body)} bytes; {accepted}")
    value: Any = read_json(body)
    if not isinstance(value, Mapping):
        raise InvalidParameter(f"the body is not an object; {accepted}")
    wrong = [
        FieldError(name, f"this key is not known here; {accepted}") for name in value if name not in ("url", "secret")
    ]
    url, secret = value.get("url"), value.get("secret")
    try:
        check_id(account_id)
    except ValueError as error:
        wrong.append(FieldError("account_id", str(error)))
    if "url" not in value:
        wrong.append(FieldError("url", f"missing; {accepted}; null removes it"))
    elif url is not None:
        try:
            check_url(url if isinstance(url, str) else write_json(url))
        except ValueError as error:
            wrong.append(FieldError("url", str(error)))
    if secret is not None and not _is_secret(secret):
        wrong.append(FieldError("secret", f"accepted: {SECRET_ACCEPTED}"))  # what was found is not repeated
    if wrong:
        raise InvalidParameter(f"{shorten(wrong[0].field)}: {wrong[0].message}", wrong)
    return url, secret


def _is_secret(text: object) -> bool:
    return isinstance(text, str) and MIN_SECRET <= len(text) <= MAX_SECRET and text.isascii() and text.isprintable()


def _shown(alert: Alert) -> dict[str, object]:
    def time(at: int | None) -> str | None:
        return None if at is None else format_time(at)

    return {
        "alert_id": alert.alert_id,
        "about": alert.about,
        "found_at": format_time(alert.found_at),
        "tries": alert.tries,
        "next_try_at": time(alert.next_try_at),
        "told_at": time(alert.told_at),
        "last_error": alert.last_error or None,
    }
