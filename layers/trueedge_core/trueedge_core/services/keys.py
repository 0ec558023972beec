"""Making keys. The text of a key leaves here once; what is kept of it is its digest."""

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from ..domain.money import read_json
from ..domain.ports import EVERYTHING, Key, KeyScope, KeyStore, Scope
from ..domain.times import DAY_US, format_time, parse_instant_or_date
from ..domain.wording import found, shorten
from ..errors import FieldError, Forbidden, InvalidParameter, NotFound
from .access import digest_of, within
from .filters import check_id

MAX_NAME = 64
FIELDS = ("scopes", "account_id", "strategy_id", "expires", "name")  # of the body of POST /keys
_OF_BODY = {"scope": "scopes", "account": "account_id", "strategy": "strategy_id"}  # the command's names, as the body's
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
        odd = ", ".join(shorten(scope) for scope in scopes if scope not in known) or "missing"
        wrong.append(FieldError("scope", f"{odd}; accepted: {', '.join(known)}, one or several"))
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


def listing(keys: KeyStore, now: int, bound_to: Scope = EVERYTHING) -> dict[str, object]:
    """GET /keys: every key by its id, the oldest first; of a bound administrator those of the same binding."""
    return {"status": "ok", "keys": [_shown(key, now) for key in keys.all() if _is_within(key, bound_to)]}


def make(body: bytes, keys: KeyStore, now: int, bound_to: Scope = EVERYTHING) -> dict[str, object]:
    """POST /keys: a new key, whose text is in this answer and nowhere else; a bound administrator's are bound too.

    Raises: InvalidParameter for every wrong field; Forbidden for another binding than the administrator's, and while
    there is no key: the first one made here could lock everyone out.
    """
    if not keys.has_any():
        raise Forbidden("the first key of an instance is made by `keys create`, not over HTTP")
    value = read_json(body)
    if not isinstance(value, Mapping):
        raise InvalidParameter(f"the body is not an object; accepted: one with the keys {', '.join(FIELDS)}")
    given: dict[str, Any] = {}
    known = f"this key is not known here; known: {', '.join(FIELDS)}"
    wrong = [FieldError(name, known) for name in value if name not in FIELDS]
    for name in FIELDS:
        one = value.get(name)
        if name == "scopes":
            given[name] = one if isinstance(one, list) and all(isinstance(scope, str) for scope in one) else []
        elif one is None or isinstance(one, str):
            given[name] = one
        else:
            wrong.append(FieldError(name, f"{found(one)}; accepted: a text"))
    if wrong:
        raise InvalidParameter("; ".join(f"{shorten(one.field)}: {one.message}" for one in wrong), wrong)
    asked = within(Scope(given["account_id"], given["strategy_id"]), bound_to)
    try:
        text, key = create(
            keys,
            given["scopes"],
            now,
            account_id=asked.account_id,
            strategy_id=asked.strategy_id,
            expires=given["expires"],
            name=given["name"] or "",
        )
    except InvalidParameter as error:
        named = [FieldError(_OF_BODY.get(one.field, one.field), one.message) for one in error.errors]
        raise InvalidParameter("; ".join(f"{one.field}: {one.message}" for one in named), named) from None
    return {"status": "ok", "key": text, **_shown(key, now)}


def revoke(key_id: str, keys: KeyStore, now: int, bound_to: Scope = EVERYTHING) -> dict[str, object]:
    """POST /keys/{key_id}/revoke: of no use from now on, again as often as you like.

    Raises: NotFound when no key of the administrator's binding has the id.
    """
    if not any(key.id == key_id and _is_within(key, bound_to) for key in keys.all()):
        raise NotFound(f"no key {shorten(key_id)} is known here")
    return {"status": "ok", **_shown(keys.revoke(key_id, now), now)}


def _is_within(key: Key, bound_to: Scope) -> bool:
    return bound_to.account_id in (None, key.bound_to.account_id) and (
        bound_to.strategy_id in (None, key.bound_to.strategy_id)
    )


def _shown(key: Key, now: int) -> dict[str, object]:
    def instant(us: int | None) -> str | None:
        return None if us is None else format_time(us)

    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "account_id": key.bound_to.account_id,
        "strategy_id": key.bound_to.strategy_id,
        "created_at": instant(key.created_at),
        "expires_at": instant(key.expires_at),
        "revoked_at": instant(key.revoked_at),
        "last_used_at": instant(key.last_used_at),
        "is_good": key.revoked_at is None and (key.expires_at is None or now < key.expires_at),
    }


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
