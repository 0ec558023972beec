"""The page of the API in a real Chromium: one origin, no complaint, any width; what is tried on it is really asked."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.visiting import DESKTOP, PHONES, Visitor, scrolls_sideways
from tests.e2e.harness import Server
from tests.unit.report.samples import desk
from trueedge_local.openapi.operations import OPERATIONS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("docs") / "docs.db", workers=1) as running:
        with running.client() as client:
            assert client.post("/trade_events", "\n".join(made.raw for made in desk())).status == 200
        yield running


def route(page: Page, operation: str) -> Locator:
    return page.locator(f"article#{operation}")


def test_it_loads_from_its_own_origin_without_a_complaint(server: Server, visitor: Visitor) -> None:
    visit = visitor.open(server, "/docs")
    visit.page.wait_for_load_state("networkidle")
    assert visit.complaints == []
    assert {url.split("/")[2] for url in visit.requests} == {f"127.0.0.1:{server.port}"}
    assert len(visit.requests) == 7  # the page, two stylesheets, the script, two fonts, the mark


def test_its_policy_allows_nothing_inline_and_no_other_origin(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/docs").page
    with server.client() as client:
        policy = client.get("/docs").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; ")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<b id=inline style=\"color: red\">x</b>')")
    assert page.evaluate("getComputedStyle(document.getElementById('inline')).color") != "rgb(255, 0, 0)"
    assert page.evaluate("document.querySelectorAll('[style], style, script:not([src])').length") == 1


def test_every_route_has_its_place_and_the_contents_lead_there(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/docs").page
    assert page.locator("article").count() == len(OPERATIONS)
    for (method, path), told in OPERATIONS.items():
        shown = route(page, told.id).locator(".route")
        expect(shown).to_contain_text(f"{method} {path}")
    page.get_by_role("navigation", name="Routes").get_by_text("/metrics/equity_curve").click()
    expect(route(page, "equityCurve").get_by_role("heading")).to_be_in_viewport()


@pytest.mark.parametrize("width", [PHONES[0], DESKTOP])
def test_a_get_is_tried_and_its_command_follows_the_form(server: Server, visitor: Visitor, width: int) -> None:
    visit = visitor.open(server, "/docs", width)
    overall = route(visit.page, "overall")
    overall.get_by_label("starting_balance", exact=True).fill("1e4")
    overall.get_by_label("strategy_id", exact=True).fill("it's & co")
    overall.get_by_label("environment", exact=True).select_option("demo")
    asked = "/metrics/overall?strategy_id=it's%20%26%20co&environment=demo&starting_balance=1e4"
    line = overall.get_by_label("Command").inner_text()
    assert line == f"curl 'http://127.0.0.1:{server.port}{asked.replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}'"
    overall.get_by_role("button", name="Send").click()
    expect(overall.get_by_role("status")).to_contain_text(f"200 GET {asked}")
    with server.client() as client:
        answer = client.get(asked)
    shown = overall.get_by_label("Answer").inner_text()
    assert json.loads(shown) == json.loads(answer.body)
    assert "".join(shown.split()) == "".join(answer.body.decode().split())  # every digit as it came
    assert visit.complaints == []
    assert not scrolls_sideways(visit.page)


def test_a_trade_is_posted_and_a_refusal_is_shown(server: Server, visitor: Visitor) -> None:
    visit = visitor.open(server, "/docs")
    post = route(visit.page, "postTrade")
    post.get_by_role("button", name="Send for real").click()
    expect(post.get_by_label("Answer")).to_contain_text('"duplicate": false')
    post.get_by_label("Body", exact=True).fill('{"event_id": "<b>"}')
    post.get_by_role("button", name="Send for real").click()
    expect(post.get_by_role("status")).to_contain_text("400 POST /trade_event")
    expect(post.get_by_label("Answer")).to_contain_text("invalid_event")
    with server.client() as client:
        assert client.get("/trade_event/example-1").status == 200
    assert [text for text in visit.complaints if "400" not in text] == []  # the browser notes what is refused


def test_the_key_is_sent_and_stays_out_of_the_command(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/docs").page
    page.get_by_label("API key").fill("te_secret")
    health = route(page, "health")
    assert 'X-API-Key: $TRUEEDGE_KEY"' in health.get_by_label("Command").inner_text()
    with page.expect_request("**/health") as asked:
        health.get_by_role("button", name="Send").click()
    assert asked.value.headers["x-api-key"] == "te_secret"
    assert "te_secret" not in page.content()


def test_an_example_of_a_body_is_chosen(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/docs").page
    batch = route(page, "postTrades")
    batch.get_by_label("Example of a body").select_option(label="In an envelope")
    assert json.loads(batch.get_by_label("Body", exact=True).input_value())["events"]
    assert "--data-binary '\n{" in batch.get_by_label("Command").inner_text()


@pytest.mark.parametrize("width", PHONES)
def test_no_width_scrolls_sideways(server: Server, visitor: Visitor, width: int) -> None:
    page = visitor.open(server, "/docs", width).page
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert not scrolls_sideways(page)


def test_dark_is_dark(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/docs", scheme="dark").page
    for part in ("body", "textarea", "select", ".shell"):
        colour = page.evaluate(f"getComputedStyle(document.querySelector('{part}')).backgroundColor")
        assert sum(int(value) for value in colour.strip("rgb()").split(",")[:3]) / 3 < 40, part
