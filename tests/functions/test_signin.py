"""Signing in by browser, without the browser: what goes into the cookie, where it leads, who may send the form."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.functions.calling import Answered, Caller, trade
from trueedge_core import wiring
from trueedge_core.services import keys as making
from trueedge_core.services.access import digest_of
from trueedge_core.settings import Settings

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
HOST = "127.0.0.1:9000"
PAGES = ("/report", "/report/strategy/trend", "/report/account/acct-1")


@pytest.fixture
def hosted(settings: Settings, call: Caller) -> Caller:
    call.store([trade("t-1"), trade("t-2", account_id="acct-2")])
    wiring.configure(Settings(store_url=settings.store_url))
    new_key("admin")
    return call


def new_key(*scopes: str, **how: str) -> str:
    return making.create(wiring.keys(), scopes, wiring.now_us(), **how)[0]


def sign_in(call: Caller, key: str, onward: str = "/report", **headers: str) -> Answered:
    sent = {"content_type": "application/x-www-form-urlencoded", "origin": f"http://{HOST}"} | headers
    return call("POST", "/login", urlencode({"key": key, "next": onward}), **sent)


def cookie_of(answer: Answered) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


@pytest.mark.parametrize("page", PAGES)
def test_a_browser_without_a_key_is_led_to_the_login_and_back(page: str, hosted: Caller) -> None:
    asked = f"{page}?from=2026-01-01&to=2026-02-01T00:00:00%2B01:00"
    led = hosted.get(asked, accept=HTML)
    assert (led.status, led.body, led.headers["cache-control"]) == (303, b"", "no-store")
    there = urlsplit(led.headers["location"])
    [back] = parse_qs(there.query)["next"]
    assert there.path == "/login"
    form = hosted.get(led.headers["location"], accept=HTML)
    assert form.status == 200
    entered = sign_in(hosted, new_key("read"), back)
    assert entered.status == 303
    shown = hosted.get(entered.headers["location"], accept=HTML, cookie=cookie_of(entered))
    assert shown.status == 200
    assert shown.text == hosted.get(asked, accept=HTML, cookie=cookie_of(entered)).text


@pytest.mark.parametrize("page", PAGES)
def test_a_program_without_a_key_gets_json(page: str, hosted: Caller) -> None:
    for accept in ("*/*", "application/json"):
        answer = hosted.get(page, accept=accept)
        assert (answer.status, answer.json["code"]) == (401, "unauthorized")


def test_the_cookie_is_out_of_reach_for_scripts_other_sites_and_plain_http(hosted: Caller) -> None:
    key = new_key("read", expires="12h")
    cookie = sign_in(hosted, key).headers["set-cookie"]
    assert cookie.startswith(f"trueedge_key={key}; ")
    assert {"Path=/", "HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    seconds = int(cookie.partition("Max-Age=")[2].partition(";")[0])
    assert 0 < seconds <= 43_200 + 1  # not longer than the key
    secure = sign_in(hosted, key, x_forwarded_proto="https").headers["set-cookie"]
    assert secure.startswith(f"__Host-trueedge_key={key}; ")
    assert secure.endswith("; Secure")


def test_the_cookie_of_plain_http_does_not_count_under_https(hosted: Caller) -> None:
    """A neighbour under the same domain could have set it; one called __Host- it could not."""
    key = new_key("read")
    for name, proto, status in (
        ("trueedge_key", "http", 200),
        ("trueedge_key", "https", 401),
        ("__Host-trueedge_key", "https", 200),
    ):
        answer = hosted.get("/metrics/overall", cookie=f"{name}={key}", x_forwarded_proto=proto)
        assert answer.status == status


@pytest.mark.parametrize(
    ("key", "status", "says"),
    [("", 400, "is missing"), ("admin", 401, "not known"), ("te_" + "x" * 32, 401, "not known"), ("x" * 9000, 400, "")],
)
def test_a_key_that_is_not_good_gives_the_form_again_and_no_cookie(
    key: str, status: int, says: str, hosted: Caller
) -> None:
    answer = sign_in(hosted, key, "/report?from=2026-01-01")
    assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert says in answer.text
    assert "set-cookie" not in answer.headers
    assert not key or key not in answer.text
    assert key == "x" * 9000 or 'value="/report?from=2026-01-01"' in answer.text


def test_a_key_that_cannot_read_does_not_sign_in(hosted: Caller) -> None:
    answer = sign_in(hosted, new_key("ingest"))
    assert (answer.status, "set-cookie" in answer.headers) == (403, False)


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "",
        "/a\n/b",
    ],
)
def test_the_login_leads_to_no_other_site(onward: str, hosted: Caller) -> None:
    assert sign_in(hosted, new_key("read"), onward).headers["location"] == "/report"
    assert "evil" not in hosted.get(f"/login?{urlencode({'next': onward})}").text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"http://{HOST}", "sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_a_page_of_another_site_signs_nobody_in_or_out(path: str, headers: dict[str, str], hosted: Caller) -> None:
    body = urlencode({"key": new_key("read")})
    answer = hosted("POST", path, body, content_type="application/x-www-form-urlencoded", **headers)
    assert (answer.status, answer.json["code"]) == (403, "forbidden")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"origin": f"http://{HOST}"}, 200),
        ({"origin": "http://127.0.0.1:9001"}, 401),
        ({"sec_fetch_site": "same-site", "origin": f"http://{HOST}"}, 401),
        ({"sec_fetch_site": "cross-site"}, 401),
        ({}, 401),
    ],
)
def test_a_cookie_writes_only_from_a_page_of_ours(headers: dict[str, str], status: int, hosted: Caller) -> None:
    cookie = f"trueedge_key={new_key('ingest')}"
    assert hosted("POST", "/trade_event", trade("t-9"), cookie=cookie, **headers).status == status


def test_a_key_is_not_taken_in_the_address_of_the_login(hosted: Caller) -> None:
    key = new_key("read")
    for method in ("GET", "POST"):
        answer = hosted(method, f"/login?key={key}")
        assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
        assert key not in answer.text


def test_a_form_with_any_number_of_fields_is_read(hosted: Caller) -> None:
    answer = hosted("POST", "/login", "&".join(f"a{n}=1" for n in range(1000)), content_type="text/plain")
    assert answer.status == 400


def test_signing_out_takes_the_cookie_back(hosted: Caller) -> None:
    entered = sign_in(hosted, new_key("read"))
    page = hosted.get("/login", cookie=cookie_of(entered))
    assert 'action="/logout"' in page.text
    left = hosted("POST", "/logout", b"", cookie=cookie_of(entered), origin=f"http://{HOST}")
    assert (left.status, left.headers["location"]) == (303, "/login")
    assert left.headers["set-cookie"].startswith("trueedge_key=; Path=/; Max-Age=0; ")


def test_the_report_offers_to_sign_out_only_who_signed_in(hosted: Caller) -> None:
    key = new_key("read")
    assert "Sign out" in hosted.get("/report", cookie=f"trueedge_key={key}").text
    assert "Sign out" not in hosted.get("/report", x_api_key=key).text


# --- share links -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_a_share_link_becomes_the_cookie_and_leaves_the_address(page: str, hosted: Caller) -> None:
    key = new_key("read", account_id="acct-1")
    link = f"{page}?from=2026-01-01&key={key}&environment=demo"
    answer = hosted.get(link, accept=HTML, sec_fetch_site="none")
    assert (answer.status, answer.headers["referrer-policy"]) == (303, "no-referrer")
    assert answer.headers["location"] == f"{page}?from=2026-01-01&environment=demo"
    assert answer.headers["cache-control"] == "no-store"
    shown = hosted.get(answer.headers["location"], cookie=cookie_of(answer))
    assert shown.status == 200
    assert key not in shown.text
    assert "acct-2" not in shown.text


def test_a_link_on_another_site_goes_on_by_a_page_of_ours(hosted: Caller) -> None:
    """Along a redirect the browser would still count the other site as the sender, and hold the cookie back."""
    key = new_key("read")
    for headers in ({"sec_fetch_site": "cross-site"}, {}):
        answer = hosted.get(f"/report?key={key}&from=2026-01-01", accept=HTML, **headers)
        assert (answer.status, cookie_of(answer)) == (200, f"trueedge_key={key}")
        assert '<meta http-equiv="refresh" content="0; url=/report?from=2026-01-01">' in answer.text
        assert key not in answer.text
        assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")


def test_a_plain_link_on_another_site_does_not_ask_who_is_signed_in_to_sign_in_again(hosted: Caller) -> None:
    answer = hosted.get("/report?from=2026-01-01", accept=HTML, sec_fetch_site="cross-site")  # Strict: no cookie came
    assert answer.status == 200
    assert 'url=/report?from=2026-01-01"' in answer.text
    again = hosted.get("/report?from=2026-01-01", accept=HTML, sec_fetch_site="same-origin")
    assert (again.status, again.headers["location"].partition("?")[0]) == (303, "/login")


def test_a_share_link_that_is_no_good_says_why_and_offers_the_form(hosted: Caller) -> None:
    key = new_key("read")
    wiring.keys().revoke(digest_of(key)[:12], wiring.now_us())
    answer = hosted.get(f"/report?key={key}&from=2026-01-01", accept=HTML)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "was revoked" in answer.text
    assert 'value="/report?from=2026-01-01"' in answer.text
    assert key not in answer.text
    assert "set-cookie" not in answer.headers
    assert hosted.get(f"/report?key={key}").json["code"] == "unauthorized"


def test_a_share_link_needs_a_key_that_reads(hosted: Caller) -> None:
    answer = hosted.get(f"/report?key={new_key('ingest')}", accept=HTML)
    assert (answer.status, "set-cookie" in answer.headers) == (403, False)


@pytest.mark.parametrize("path", ["/metrics/overall", "/trade_events", "/trade_event/t-1"])
def test_only_the_report_takes_a_key_by_its_address(path: str, hosted: Caller) -> None:
    key = new_key("read")
    assert hosted.get(f"{path}?key={key}").status == 401
    answer = hosted.get(f"{path}?key={key}", x_api_key=key)
    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert key not in answer.text


# --- before there are keys -------------------------------------------------------------------------------------------


def test_an_open_instance_needs_no_sign_in_and_says_so(call: Caller) -> None:
    call.store([trade("t-1")])
    assert call.get("/report", accept=HTML).status == 200
    assert "has no keys yet" in call.get("/login").text
    answer = call.get("/report?key=te_x&from=2026-01-01", accept=HTML)
    assert (answer.status, answer.headers["location"]) == (303, "/report?from=2026-01-01")
    assert "set-cookie" not in answer.headers


def test_the_first_key_closes_an_open_instance(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call.get("/metrics/overall").status == 200
    key = new_key("read")
    assert call.get("/metrics/overall").status == 401
    assert call.get("/metrics/overall", x_api_key=key).status == 200
    wiring.keys().revoke(digest_of(key)[:12], wiring.now_us())
    assert call.get("/metrics/overall").status == 401  # for good: revoking the last one does not open the door again
