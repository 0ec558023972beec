"""Sharing from the page: an administrator makes a link, a reader opens it and sees nothing beyond it, until it ends."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_signin import enter, new_key
from tests.e2e.harness import Server
from tests.unit.report.samples import desk

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    with Server(tmp_path_factory.mktemp("sharing") / "report.db", workers=1) as running:
        with running.client() as client:
            assert client.post("/trade_events", "\n".join(made.raw for made in desk())).status == 200
        key = new_key(running, "--scope", "admin")
        time.sleep(1.5)  # each worker notices its first key within a second
        yield running, key


def signed_in(browser: Browser, server: Server, key: str, target: str) -> tuple[Page, list[str]]:
    page = browser.new_context(base_url=f"http://127.0.0.1:{server.port}").new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(target)
    enter(page, key)
    page.wait_for_selector("main[data-poll]")
    complaints.clear()  # of the page to sign in
    return page, complaints


def test_a_link_is_made_opened_and_revoked(browser: Browser, shared: tuple[Server, str]) -> None:
    server, key = shared
    page, complaints = signed_in(browser, server, key, "/report?account_id=IB-1")
    page.locator(".sharing summary").click()
    expect(page.locator(".sharing")).to_have_attribute("data-links", "0")
    page.get_by_label("For whom").fill("<b>Anna</b>")
    page.get_by_label("Good for").select_option("7 days")
    page.get_by_role("button", name="Make a link").click()
    expect(page.locator(".says")).to_contain_text("shown once")
    link = page.get_by_label("The link").input_value()
    assert link.startswith(f"http://127.0.0.1:{server.port}/report?account_id=IB-1&key=te_")
    expect(page.locator(".sharing")).to_have_attribute("data-links", "1")
    row = page.locator(".links li")
    expect(row).to_contain_text("<b>Anna</b>")
    expect(row).to_contain_text("account IB-1 · until ")

    reader = browser.new_context().new_page()
    reader.goto(link)
    expect(reader.locator("h1 bdi")).to_have_text("IB-1")
    assert "te_" not in reader.url
    assert reader.locator(".sharing").count() == 0
    assert "IB-2" not in reader.content()
    refused = reader.goto(f"http://127.0.0.1:{server.port}/report?account_id=IB-2")
    assert refused is not None
    assert refused.status == 403

    page.get_by_role("button", name="Revoke <b>Anna</b>").click()
    expect(page.locator(".sharing")).to_have_attribute("data-links", "0")
    assert page.evaluate("document.querySelectorAll('.sharing b').length") == 0
    time.sleep(1.5)  # a process remembers a key for a second
    reader.goto(f"http://127.0.0.1:{server.port}/report?account_id=IB-1")
    expect(reader.get_by_role("heading", name="Sign in.")).to_be_visible()
    assert complaints == []


def test_a_link_ends_when_it_expires(browser: Browser, shared: tuple[Server, str]) -> None:
    server, _ = shared
    ends = datetime.now(UTC) + timedelta(seconds=6)
    key = new_key(server, "--scope", "read", "--account", "IB-1", "--expires", ends.isoformat(timespec="seconds"))
    link = f"http://127.0.0.1:{server.port}/report?key={key}"
    reader = browser.new_context().new_page()
    reader.goto(link)
    expect(reader.locator("h1 bdi")).to_have_text("IB-1")
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()) + 1.2)  # a process remembers a key for a second
    reader.reload()
    expect(reader.get_by_role("heading", name="Sign in.")).to_be_visible()
    assert "IB-1" not in reader.content()
    newcomer = browser.new_context().new_page()
    newcomer.goto(link)
    expect(newcomer.get_by_role("alert")).to_contain_text("The link does not work.")
    expect(newcomer.get_by_role("alert")).to_contain_text("expired")


def test_what_is_not_in_the_log_is_said_on_a_page(browser: Browser, shared: tuple[Server, str]) -> None:
    server, key = shared
    page, _ = signed_in(browser, server, key, "/report")
    page.goto("/report?account_id=nobody")
    expect(page.get_by_role("alert")).to_have_text('The account "nobody" has no event in the log.')
    page.get_by_role("link", name="Open the report").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overall")


def test_what_is_refused_is_said(browser: Browser, shared: tuple[Server, str]) -> None:
    server, key = shared
    page, _ = signed_in(browser, server, key, "/report?strategy_id=Meridian")
    page.locator(".sharing summary").click()
    page.evaluate("document.querySelector('#s-expires').options[0].value = 'soon'")
    page.get_by_label("For whom").fill("Ben")
    page.get_by_label("Good for").select_option("1 day")
    page.get_by_role("button", name="Make a link").click()
    expect(page.locator(".says")).to_contain_text("expires: ")
    expect(page.locator(".sharing")).to_have_attribute("data-links", "0")
