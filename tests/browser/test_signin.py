"""Signing in with a real Chromium, on the real server: cookie, share link, from another site, out again."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.visiting import FLAGS, scrolls_sideways
from tests.e2e.harness import Server, administer
from tests.unit.report.samples import desk

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The desk of 180 trades, posted while the server was open; then its first key was made."""
    with Server(tmp_path_factory.mktemp("keys") / "report.db", workers=2) as running:
        with running.client() as client:
            assert client.post("/trade_events", "\n".join(made.raw for made in desk())).status == 200
        new_key(running, "--scope", "admin")
        time.sleep(1.5)  # each worker notices its first key within a second
        yield running


def new_key(server: Server, *arguments: str) -> str:
    made = administer("keys", "create", "--store", str(server.store), *arguments)
    assert made.returncode == 0, made.stderr
    return made.stdout.splitlines()[-1]


@pytest.fixture
def context(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=f"http://127.0.0.1:{server.port}", viewport={"width": 390, "height": 800})
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def enter(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def test_a_reader_signs_in_reads_and_signs_out(page: Page, context: BrowserContext, server: Server) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/report?environment=live&from=2020-01-01")
    expect(page).to_have_url(
        f"http://127.0.0.1:{server.port}/login?next=%2Freport%3Fenvironment%3Dlive%26from%3D2020-01-01"
    )
    assert not scrolls_sideways(page)
    assert page.evaluate("[...document.fonts].map(f => f.status)") == ["loaded", "loaded"]  # assets need no key
    enter(page, "te_" + "x" * 32)
    expect(page.get_by_role("alert")).to_contain_text("not known")
    enter(page, new_key(server, "--scope", "read"))
    expect(page).to_have_url(f"http://127.0.0.1:{server.port}/report?environment=live&from=2020-01-01")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overall")
    assert not scrolls_sideways(page)
    [cookie] = context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("trueedge_key", True, "Strict")
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in.")
    assert context.cookies() == []
    page.goto("/report")
    expect(page.get_by_label("API key")).to_be_visible()
    assert complaints == []


def test_a_share_link_shows_what_it_is_bound_to_and_leaves_no_key_behind(
    page: Page, context: BrowserContext, server: Server
) -> None:
    with server.client() as client:
        admin = new_key(server, "--scope", "read")
        rows = client.get("/metrics/by_strategy", x_api_key=admin).json()["strategies"]
    mine, other = rows[0]["strategy_id"], rows[1]["strategy_id"]
    key = new_key(server, "--scope", "read", "--strategy", mine, "--expires", "30d")
    referrers: list[str | None] = []
    page.on("request", lambda request: referrers.append(request.headers.get("referer")))
    page.goto(f"/report?environment=both&key={key}")
    expect(page).to_have_url(f"http://127.0.0.1:{server.port}/report?environment=both")
    expect(page.locator("h1 bdi")).to_have_text(mine)
    assert other not in page.content()
    assert key not in page.content()
    assert not [one for one in referrers if one and key in one]
    page.goto("about:blank")
    page.go_back()
    assert key not in page.url
    answer = page.goto(f"/report?strategy_id={other}")
    assert answer is not None
    assert answer.status == 403


class OtherSite(BaseHTTPRequestHandler):
    """A page with links to us and a form that posts to us, on a name of its own: localhost is another site."""

    target = ""
    html = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.html.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def other_site() -> Iterator[HTTPServer]:
    site = HTTPServer(("127.0.0.1", 0), OtherSite)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    yield site
    site.shutdown()
    thread.join()
    site.server_close()


def visit(page: Page, site: HTTPServer, html: str) -> None:
    OtherSite.html = html
    page.goto(f"http://localhost:{site.server_port}/")


def test_a_share_link_on_another_site_works(page: Page, server: Server, other_site: HTTPServer) -> None:
    """SameSite=Strict holds the cookie back along a redirect that another site began."""
    ours, key = f"http://127.0.0.1:{server.port}", new_key(server, "--scope", "read")
    visit(page, other_site, f"<a href='{ours}/report?key={key}&environment=both'>look</a>")
    page.get_by_role("link", name="look").click()
    expect(page).to_have_url(f"{ours}/report?environment=both")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overall")
    # signed in now: a plain link from there opens the report too
    visit(page, other_site, f"<a href='{ours}/report?environment=demo'>look</a>")
    page.get_by_role("link", name="look").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overall")
    expect(page).to_have_url(f"{ours}/report?environment=demo")


def test_a_plain_link_on_another_site_leads_who_is_not_signed_in_to_the_form(
    page: Page, server: Server, other_site: HTTPServer
) -> None:
    visit(page, other_site, f"<a href='http://127.0.0.1:{server.port}/report'>look</a>")
    page.get_by_role("link", name="look").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert page.url.endswith("/login")


def test_another_site_neither_posts_with_the_cookie_nor_signs_in_nor_out(
    page: Page, context: BrowserContext, server: Server, other_site: HTTPServer
) -> None:
    ours, admin = f"http://127.0.0.1:{server.port}", new_key(server, "--scope", "admin")
    page.goto("/login")
    enter(page, admin)
    expect(page.get_by_role("heading", level=1)).to_have_text("Overall")
    with server.client() as client:
        before = client.get("/metrics/overall", x_api_key=admin).body
    foreign = new_key(server, "--scope", "read")
    for path, field in (("/login", foreign), ("/logout", ""), ("/trade_event", "{}")):
        visit(page, other_site, f"<form method=post action='{ours}{path}'><input name=key value='{field}'><button>go")
        with page.expect_response(lambda answer, path=path: answer.url.endswith(path)) as answer:
            page.get_by_role("button", name="go").click()
        assert answer.value.status == 403
        assert [cookie["value"] for cookie in context.cookies(ours)] == [admin]
    with server.client() as client:
        assert client.get("/metrics/overall", x_api_key=admin).body == before
    page.goto(f"{ours}/report")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overall")


def test_a_key_that_is_revoked_while_the_page_is_open_leads_to_the_form(page: Page, server: Server) -> None:
    key = new_key(server, "--scope", "read")
    page.goto(f"/report?key={key}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overall")
    assert administer("keys", "revoke", "--store", str(server.store), key).returncode == 0
    for _ in range(50):  # three seconds at most, on each of the workers
        page.goto("/report")
        if page.url.endswith("/login"):
            break
        page.wait_for_timeout(200)
    expect(page.get_by_label("API key")).to_be_visible()
    page.goto(f"/report?key={key}")
    expect(page.get_by_role("alert")).to_contain_text("was revoked")
