"""Making keys. The text of a key leaves here once; what is kept of it is its digest."""

import re
import secrets
from collections.abc import Sequence
from typing import get_args

from ..domain.ports import EVERYTHING, Key, KeyScope, KeyStore, Scope
from ..domain.times import DAY_US, format_time, parse_instant_or_date
from ..domain.wording import shorten
from ..errors import FieldError, InvalidParameter
from .access import digest_of
from .filters import check_id

MAX_NAME = 64
EXPIRES_ACCEPTED = 'how long it is good, such as "90d", "12h" or "30m", or a time such as "2027-01-31"'

_UNITS = {"m": 60_000_000, "h": 3_600_000_000, "d": DAY_US, "w": 7 * DAY_US}
_SPAN = re.compile(r"([0-9]{1,6})([mhdw])")
_LAST = parse_instant_or_date("9999-12-31")


def create(
    keys: KeyStore,
    scopes: Sequence[str],
    now: int,
    *,
    account_id: str | None = None,
    strategy_id: str | None = None,
    expires: str | None = None,
    name: str = "",
) -> tuple[str, Key]:
    """A new key: its text, shown this once, and what is kept of it. Raises: InvalidParameter for every wrong field."""
    wrong: list[FieldError] = []
    known: tuple[KeyScope, ...] = get_args(KeyScope)
    held = tuple(scope for scope in known if scope in scopes)
    if not scopes or set(scopes) - set(known):
        found = ", ".join(shorten(scope) for scope in scopes if scope not in known) or "missing"
        wrong.append(FieldError("scope", f"{found}; accepted: {', '.join(known)}, one or several"))
    for field, text in (("account", account_id), ("strategy", strategy_id)):
        try:
            if text is not None:
                check_id(text)
        except ValueError as error:
            wrong.append(FieldError(field, str(error)))
    if len(name) > MAX_NAME or not name.isprintable():
        wrong.append(FieldError("name", f"{shorten(name)}; accepted: at most {MAX_NAME} printable characters"))
    expires_at = None
    try:
        expires_at = None if expires is None else expiry(expires, now)
    except ValueError as error:
        wrong.append(FieldError("expires", str(error)))
    if wrong:
        raise InvalidParameter("; ".join(f"{one.field}: {one.message}" for one in wrong), wrong)
    text = new_text()
    key = Key(digest_of(text), held, now, Scope(account_id, strategy_id), name, expires_at)
    keys.add(key)
    return text, key


def create_first(keys: KeyStore, now: int) -> str | None:
    """The text of an admin key when the store never had a key; of several servers that start at once one gets it."""
    if keys.has_any():
        return None
    text = new_text()
    return text if keys.add_first(Key(digest_of(text), ("admin",), now, EVERYTHING, "first start")) else None


def new_text() -> str:
    """`te_` and 32 random characters: 192 bits, so that trying cannot find one and no count of tries is needed."""
    return f"te_{secrets.token_urlsafe(24)}"


def expiry(text: str, now: int) -> int:
    """The instant that a span from now, or a time, names. Raises: ValueError with a sentence.

    >>> expiry("90d", 0) == 90 * DAY_US
    True
    """
    if (span := _SPAN.fullmatch(text)) is not None:
        at = now // 1_000_000 * 1_000_000 + int(span[1]) * _UNITS[span[2]]
    else:
        try:
            at = parse_instant_or_date(text)
        except ValueError:
            raise ValueError(f"{shorten(text)} is not accepted; accepted: {EXPIRES_ACCEPTED}") from None
    if not now < at < _LAST:
        said = "it is over already" if at <= now else "it is too far away"
        raise ValueError(f"{shorten(text)}: {said}; accepted: {EXPIRES_ACCEPTED}")
    return at


def state(key: Key, now: int) -> str:
    """Whether the key is still good, in a word or two.

    >>> state(Key("", ("read",), 0, expires_at=1_000_000), 2_000_000)
    'expired 1970-01-01T00:00:01Z'
    """
    if key.revoked_at is not None:
        return f"revoked {format_time(key.revoked_at)}"
    if key.expires_at is None:
        return "good"
    return f"{'expired' if now >= key.expires_at else 'good until'} {format_time(key.expires_at)}"
