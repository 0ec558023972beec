"""Signing in by browser: a key, typed in at /login or brought by a share link, becomes a cookie. No second mechanism.

The cookie is SameSite=Strict, so a browser does not send it when it comes from a page of another site, not even along
a redirect of ours. Such a visit is answered by a page that goes on by itself: that step comes from us, with the cookie.
"""

from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl, quote, urlencode

from ..domain.ports import Key, KeyStore
from ..errors import Forbidden, Unauthorized
from ..report.pages import LoginView, OnwardView
from . import access
from .answers import HTML, Answer
from .filters import refuse
from .keys import state

HOME = "/report"
MAX_FORM_BYTES = 8192
COOKIE_SECONDS = 30 * 86_400


def is_browser(headers: Mapping[str, str]) -> bool:
    """Whether a page is wanted, not JSON."""
    return "text/html" in headers.get("accept", "").lower()


# --- the page --------------------------------------------------------------------------------------------------------


def show(
    parameters: Mapping[str, str],
    headers: Mapping[str, str],
    cookies: Collection[str],
    keys: KeyStore,
    now: int,
    *,
    is_open: bool,
) -> Answer:
    """GET /login. Raises: InvalidParameter."""
    refuse(dict.fromkeys(parameters.keys() - {"next"}, "this parameter is not known here; known: next"))
    signed_in = None
    if (sent := access.cookie(headers, cookies)) is not None:
        try:
            signed_in = _called(access.identify(sent, keys, now), now)
        except Unauthorized:
            signed_in = None
    needs_none = is_open and not keys.has_any()
    view = LoginView(_inside(parameters.get("next", HOME)), signed_in=signed_in, needs_none=needs_none)
    return _page(view)


def sign_in(body: bytes, headers: Mapping[str, str], keys: KeyStore, now: int) -> Answer:
    """POST /login: the form's `key` becomes the cookie, and `next` the next page. Raises: Forbidden."""
    _ours(headers)
    form = _form(body)
    onward = _inside(form.get("next", HOME))
    text = form.get("key", "").strip()
    if not text:
        return _page(LoginView(onward, "key: is missing; paste a key, which begins with te_"), 400)
    try:
        key = access.identify(text, keys, now)
    except Unauthorized as error:
        return _page(LoginView(onward, _sentence(error.message)), 401)
    if not access.allows(key, "read"):
        return _page(LoginView(onward, "This key may post trades, but not read them."), 403)
    keys.touch(key.digest, now)
    return _go(onward, cookies=(_cookie(text, headers, _seconds(key, now)),))


def sign_out(headers: Mapping[str, str]) -> Answer:
    """POST /logout: the cookie is taken back. Raises: Forbidden."""
    _ours(headers)
    return _go("/login", cookies=(_cookie("", headers, 0),))


# --- pages that need a key -------------------------------------------------------------------------------------------


def share_link(
    path: str, parameters: Mapping[str, str], headers: Mapping[str, str], keys: KeyStore, now: int, *, is_open: bool
) -> Answer:
    """GET /report?key=..: the key becomes the cookie, and leaves the address. Raises: Unauthorized; Forbidden."""
    rest = {name: text for name, text in parameters.items() if name != "key"}
    clean = quote(path) + (f"?{urlencode(rest)}" if rest else "")
    if is_open and not keys.has_any():
        return _go(clean)
    text = parameters["key"].strip()
    key = access.identify(text, keys, now)
    if not access.allows(key, "read"):
        raise Forbidden("the key of this link may post trades, but not read them")
    keys.touch(key.digest, now)
    cookies = (_cookie(text, headers, _seconds(key, now)),)
    # Without the header it may be another site's link: the page works for that too.
    is_direct = headers.get("sec-fetch-site", "").strip().lower() in ("none", "same-origin", "same-site")
    return _go(clean, cookies) if is_direct or not is_browser(headers) else _onward(clean, cookies)


def led_to_login(path: str, query: str, headers: Mapping[str, str], message: str) -> Answer:
    """What a browser without a good key gets instead of an error in JSON."""
    asked = [(name, text) for name, text in parse_qsl(query, keep_blank_values=True) if name != "key"]
    here = quote(path) + (f"?{urlencode(asked)}" if asked else "")
    if any(part.partition("=")[0] == "key" for part in query.split("&")):
        return _page(LoginView(_inside(here), f"The link does not work. {_sentence(message)}"), 401)
    if headers.get("sec-fetch-site", "").strip().lower() == "cross-site":
        return _onward(here, ())  # the cookie may be there, but was held back
    return _go(f"/login?{urlencode({'next': here})}" if here != HOME else "/login")


# --- parts -----------------------------------------------------------------------------------------------------------


def _called(key: Key, now: int) -> str:
    return f"{key.name or key.id} ({access.binding(key.bound_to)}, {state(key, now)})"


def _sentence(message: str) -> str:
    """For people at a browser: without the part on headers."""
    first = message.partition(";")[0]
    return f"{first[:1].upper()}{first[1:]}."


def _inside(url: str) -> str:
    """A path of ours to go on to; anything else is the report: a link to /login must not lead to another site.

    >>> _inside("/report?from=2026-01-01"), _inside("//evil.example"), _inside("https://evil.example")
    ('/report?from=2026-01-01', '/report', '/report')
    """
    is_ours = url.startswith("/") and url[1:2] not in ("/", "\\") and url.isascii() and url.isprintable()
    return url if is_ours and "\\" not in url and " " not in url else HOME


def _ours(headers: Mapping[str, str]) -> None:
    """Raises: Forbidden when a page of another site sent this: it would sign its reader in with a key of its own."""
    if not access.is_same_origin(headers):
        raise Forbidden("this is taken from a page of this instance only")


def _form(body: bytes) -> dict[str, str]:
    if len(body) > MAX_FORM_BYTES:
        return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _seconds(key: Key, now: int) -> int:
    """How long the browser keeps the cookie; whether the key is still good is asked each time anyway."""
    if key.expires_at is None:
        return COOKIE_SECONDS
    return min(COOKIE_SECONDS, (key.expires_at - now) // 1_000_000 + 1)


def _cookie(text: str, headers: Mapping[str, str], seconds: int) -> str:
    secure = "; Secure" if access.is_https(headers) else ""
    return f"{access.cookie_name(headers)}={text}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"


def _go(url: str, cookies: Collection[str] = ()) -> Answer:
    headers = {"Location": url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Answer("", 303, HTML, headers, tuple(cookies))


def _onward(url: str, cookies: Collection[str]) -> Answer:
    from ..report import render  # as below

    headers = {**render.PAGE_HEADERS, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Answer(render.onward(OnwardView(url)), 200, HTML, headers, tuple(cookies))


def _page(view: LoginView, status: int = 200) -> Answer:
    from ..report import render  # here: every function asks this module for keys, and few of them ever make a page

    headers = {**render.PAGE_HEADERS, "Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Answer(render.login(view), status, HTML, headers)
