"""Who may do what. The one place that decides, asked by the HTTP layer before any handler's body runs.

A key is looked up by the SHA-256 of its text. How long that takes depends on the digest, of which a guesser controls
nothing useful: a guess that shares a prefix with a real key has a digest that shares none, so timing shows no prefix.
"""

import re
from collections.abc import Collection, Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Literal
from urllib.parse import urlsplit

from ..domain.ports import EVERYTHING, Key, KeyScope, KeyStore, Scope
from ..domain.times import format_time
from ..domain.wording import shorten
from ..errors import FieldError, Forbidden, Unauthorized

# What a route may ask for. Two are no scope of a key. `void`: an admin key has it, and an ingest key bound to an
# account. `hook`: the key stands in the path, where proxies and senders log it, so only the least of keys has it.
AccessScope = Literal["ingest", "read", "admin", "void", "hook"]

COOKIE = "trueedge_key"
SEND_IT = "send a key as X-API-Key, or as Authorization: Bearer"

_SHAPE = re.compile(r"te_[A-Za-z0-9_-]{32}")
_INSIDE = re.compile(r"(?<![A-Za-z0-9])te_[A-Za-z0-9_-]{32,}")
# A key that was cut or mistyped is nearly one, so whatever stands in its place goes.
_IN_HOOK = re.compile(r"(?i)(?<=/hook/)[^/]+")
_IMPLIED: Mapping[KeyScope, tuple[AccessScope, ...]] = {
    "ingest": ("ingest",),
    "read": ("read",),
    "admin": ("ingest", "read", "admin", "void"),
}

NOBODY = Key(digest="", scopes=(), created_at=0)  # of a route that needs no key
ANYONE = Key(digest="", scopes=("admin",), created_at=0)  # of an open instance


def check(scope: AccessScope | None, sent: str | None, keys: KeyStore, now: int, *, is_open: bool) -> Key:
    """Who asks, if they may. `scope` None: needs no key (liveness, unknown routes); `sent`: the key's text, if any.

    `is_open`: an instance that never had a key answers everyone.
    Raises: Unauthorized without a key that is good; Forbidden when it is good, but not for this.
    """
    if scope is None:
        return NOBODY
    if is_open and not keys.has_any():
        return ANYONE
    if sent is None and not keys.has_any():
        raise Unauthorized("this instance has no keys yet, so it answers nothing but /health; `keys create` makes one")
    if sent is None:
        raise Unauthorized(f"this needs a key of the scope {needed(scope)}; {SEND_IT}")
    key = identify(sent, keys, now)
    if not allows(key, scope):
        raise Forbidden(f"this key has the scope {' and '.join(key.scopes)}; this needs the scope {needed(scope)}")
    keys.touch(key.digest, now)
    return key


def identify(sent: str, keys: KeyStore, now: int) -> Key:
    """The key of that text. Raises: Unauthorized when there is none, or it is of no use any more."""
    digest = digest_of(sent)
    key = keys.find(digest) if _SHAPE.fullmatch(sent) else None
    if key is None or not compare_digest(key.digest, digest):
        raise Unauthorized("this key is not known here")
    # Only whoever has the key learns this much of it.
    if key.revoked_at is not None:
        raise Unauthorized(f"this key ({key.id}) was revoked")
    if key.expires_at is not None and now >= key.expires_at:
        raise Unauthorized(f"this key ({key.id}) expired at {format_time(key.expires_at)}")
    return key


def allows(key: Key, scope: AccessScope) -> bool:
    """Whether the key's scopes are enough. admin implies every other."""
    if scope == "void" and "ingest" in key.scopes and key.bound_to.account_id is not None:
        return True
    if scope == "hook":
        return key.scopes == ("ingest",) and key.bound_to != EVERYTHING
    return any(scope in _IMPLIED[one] for one in key.scopes)


def may_share(key: Key) -> bool:
    """Whether whoever asks may make keys; in an open instance nobody does, over HTTP: the first one ends that mode."""
    return key is not ANYONE and allows(key, "admin")


def needed(scope: AccessScope) -> str:
    """What a key must have, in words."""
    if scope == "hook":
        return "ingest, no other, and a binding to an account or a strategy"
    return "admin, or ingest bound to the account of the trade" if scope == "void" else scope


def digest_of(sent: str) -> str:
    """What is kept of a key's text."""
    return sha256(sent.encode("utf-8", "surrogatepass")).hexdigest()


def redacted(text: str) -> str:
    """The text without anything in it that is, or could nearly be, a key: for the log.

    >>> redacted("/trade_event/te_0123456789abcdefghijklmnopqrstuv"), redacted("/hook/te_012/trade_event")
    ('/trade_event/te_[key]', '/hook/{key}/trade_event')
    """
    return _IN_HOOK.sub("{key}", _INSIDE.sub("te_[key]", text))


# --- bindings --------------------------------------------------------------------------------------------------------


def within(asked: Scope, bound_to: Scope) -> Scope:
    """The scope that is asked for, cut down to what the key is bound to.

    Raises: Forbidden, naming each filter that asks for something else; the same whether that exists or not.
    """
    wrong = []
    for name in ("account_id", "strategy_id"):
        mine, theirs = getattr(bound_to, name), getattr(asked, name)
        if mine is not None and theirs not in (None, mine):
            wrong.append(FieldError(name, f"this key is bound to {shorten(mine, 128)} and sees no other"))
    if wrong:
        raise Forbidden(f"{wrong[0].field}: {wrong[0].message}", wrong)
    if bound_to == EVERYTHING:
        return asked
    return Scope(bound_to.account_id or asked.account_id, bound_to.strategy_id or asked.strategy_id, asked.environment)


def binding(bound_to: Scope) -> str:
    """What a key is bound to, in words.

    >>> binding(Scope(account_id="a", strategy_id="s")), binding(Scope())
    ('account "a" and strategy "s"', 'everything')
    """
    named = (("account", bound_to.account_id), ("strategy", bound_to.strategy_id))
    return " and ".join(f"{kind} {shorten(name, 128)}" for kind, name in named if name is not None) or "everything"


# --- what a request carries ------------------------------------------------------------------------------------------


def sent_key(headers: Mapping[str, str], cookies: Collection[str], *, is_write: bool) -> str | None:
    """The key's text in a request (header names in lower case): a header's before the cookie's.

    A cookie goes along with what the browser sends by itself, so for a write it counts only from a page of ours.
    """
    if (text := headers.get("x-api-key", "").strip()) != "":
        return text
    kind, _, text = headers.get("authorization", "").strip().partition(" ")
    if kind.lower() == "bearer":
        return text.strip()
    if is_write and not (is_from_browser(headers) and is_same_origin(headers)):
        return None
    return cookie(headers, cookies)


def key_in_path(path: str) -> str:
    """The key's text in the (decoded) path of a hook.

    >>> key_in_path("/hook/te_0123/trade_event")
    'te_0123'
    """
    return path.removeprefix("/hook/").partition("/")[0]


def cookie(headers: Mapping[str, str], cookies: Collection[str]) -> str | None:
    """The key's text in our cookie."""
    wanted = cookie_name(headers)
    for one in cookies:
        name, _, text = one.partition("=")
        if name.strip() == wanted and text.strip():
            return text.strip()
    return None


def cookie_name(headers: Mapping[str, str]) -> str:
    """Under https a name that a browser takes from this very host alone, not from a neighbour under the same domain."""
    return f"__Host-{COOKIE}" if is_https(headers) else COOKIE


def is_https(headers: Mapping[str, str]) -> bool:
    """Whether the browser came by https: what stands in front of us says so (API Gateway always, a proxy usually)."""
    return headers.get("x-forwarded-proto", "").strip().lower() == "https"


def is_from_browser(headers: Mapping[str, str]) -> bool:
    """Whether the request says which page it comes from, as a browser's writes do."""
    return "origin" in headers or "sec-fetch-site" in headers


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether no page of another site sent this: the browser says so itself, or names the page in Origin."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site.strip().lower() in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").strip().lower() != ""
    except ValueError:
        return False
