"""When an account reaches one of its limits, and what is kept of that until somebody was told.

Amounts are scaled by 1e18, instants are microseconds since the epoch, UTC. `AlertStore` is a contract as those of
ports.py are; `tests/contract` holds every driver to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import urlsplit

from ..errors import TrueEdgeError
from .limits import trading_day
from .ports import Account, Period
from .summary import Summary
from .wording import shorten

MAX_URL = 2048
URL_ACCEPTED = f'"https://host/path", with a port if need be, of at most {MAX_URL} printable ASCII characters'


class Undelivered(TrueEdgeError):
    """What was posted to somebody else's address was not taken; a sentence says why. Never an answer of ours."""


LimitName = Literal["daily_loss", "trailing_drawdown"]


@dataclass(frozen=True, slots=True)
class Breach:
    """On that trading day the account went `used` below where the limit `amount` is measured from."""

    limit: LimitName
    amount: int
    used: int
    day: Period


def breaches(account: Account, read: Callable[[Period], Summary], now: int, since: int = 0) -> list[Breach]:
    """The limits that the account has reached (`used` >= amount) today and on the trading day before.

    The day before is looked at for what a bot posted late; not if it was over at `since`, when nobody was watching yet.
    `read` gives the summary of the account's trades in a period. A daily loss is measured from where the day began, a
    trailing drawdown from the highest equity ever before. The beginning of the day is a part of it; a day without a
    closed trade reaches neither.
    """
    today = trading_day(account.day_cut, now)
    assert today.start is not None
    found = []
    for day in (trading_day(account.day_cut, today.start - 1), today):
        assert day.end is not None
        if day.end <= since or (account.daily_loss is None and account.trailing_drawdown is None):
            continue
        run = read(day)
        if run.n == 0:
            continue
        if account.daily_loss is not None and -run.lo >= account.daily_loss:
            found.append(Breach("daily_loss", account.daily_loss, -run.lo, day))
        if account.trailing_drawdown is not None:
            before = read(Period(None, day.start))
            used = max(run.dd, before.hi - before.pnl - run.lo)
            if used >= account.trailing_drawdown:
                found.append(Breach("trailing_drawdown", account.trailing_drawdown, used, day))
    return found


def check_url(text: str) -> str:
    """An address to post to. Which hosts it may lead to is checked when it is used. Raises: ValueError with a sentence.

    >>> check_url("https://hooks.example:8443/alerts?to=desk")
    'https://hooks.example:8443/alerts?to=desk'
    """
    try:
        parts = urlsplit(text)
        is_good = (
            parts.scheme in ("https", "http")
            and bool(parts.hostname)
            and parts.port != 0
            and parts.username is None
            and parts.password is None
            and not parts.fragment
        )
    except ValueError:
        is_good = False
    if not is_good or len(text) > MAX_URL or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"{shorten(text)} is not accepted; accepted: {URL_ACCEPTED}")
    return text


@dataclass(frozen=True, slots=True)
class AlertHook:
    """Where an account's alerts go, and the secret that signs them: to sign, it must be kept as it is."""

    account_id: str
    url: str
    secret: str = field(repr=False)
    changed_at: int = 0


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to tell, for ever the same bytes. `next_try_at` None: told, at `told_at`, or given up.

    `about` is a limit's name, or "test".
    """

    alert_id: str
    account_id: str
    about: str
    body: str
    found_at: int
    tries: int = 0
    next_try_at: int | None = None
    told_at: int | None = None
    last_error: str = ""


class AlertStore(Protocol):
    """Where alerts go, and those that were found, each once. Any method may raise `Unavailable`."""

    def put_hook(self, hook: AlertHook) -> None:
        """Keep this, in place of the account's hook before; durable on return."""
        ...

    def drop_hook(self, account_id: str) -> None:
        """Forget the account's hook, and give up what waits for it; harmless when there is none."""
        ...

    def hook(self, account_id: str) -> AlertHook | None:
        """The hook of one account."""
        ...

    def hooks(self) -> list[AlertHook]:
        """Every hook, by account id."""
        ...

    def add(self, alert: Alert) -> bool:
        """Keep an alert, once: False, and nothing changes, when its id is there already; durable on return."""
        ...

    def due(self, now: int, limit: int = 20) -> list[Alert]:
        """Alerts whose next try is due, the longest waiting first."""
        ...

    def claim(self, alert: Alert, next_try_at: int | None) -> bool:
        """Count a try before it is made; False when another process has counted it first, and makes it."""
        ...

    def told(self, alert: Alert, at: int) -> None:
        """It was taken: no further try."""
        ...

    def failed(self, alert: Alert, why: str) -> None:
        """The try that was claimed last came to nothing."""
        ...

    def recent(self, account_id: str, limit: int = 20) -> list[Alert]:
        """The account's alerts, the newest first."""
        ...

    def close(self) -> None:
        """Release files and connections; calling it twice is harmless."""
        ...
