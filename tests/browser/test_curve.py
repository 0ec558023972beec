"""The interactive curve in a real Chromium: the API's points, one crosshair, any range, by mouse and by keyboard."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visiting import DESKTOP, PHONES, Visitor, scrolls_sideways
from tests.e2e.harness import Server
from tests.unit.report.samples import FIRST_DAY, event
from trueedge_core.domain.summary import DAY_US
from trueedge_core.domain.times import format_time

pytestmark = pytest.mark.browser

DAYS = 700
# The sum of these is exact in a double at every step: quarters.
AMOUNTS = [((i * 37) % 23 - 10) * 7 + 0.25 for i in range(2 * DAYS)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two trades a day for 700 days: more than a curve has points."""
    events = [
        event(f"c{i}", 0, str(x), timestamp=format_time(FIRST_DAY + i * DAY_US // 2)) for i, x in enumerate(AMOUNTS)
    ]
    lines = [made.raw for made in events]
    with Server(tmp_path_factory.mktemp("curve") / "curve.db", workers=1) as running:
        with running.client() as client:
            for start in range(0, len(lines), 500):
                assert client.post("/trade_events", "\n".join(lines[start : start + 500])).status == 200
        yield running


def drawn(page: Page) -> Page:
    page.wait_for_selector("figure[data-drawn=yes]")
    page.locator(".live").scroll_into_view_if_needed()
    return page


def inked(page: Page) -> list[int]:
    """How many pixels of each canvas are not empty."""
    return page.evaluate(  # type: ignore[no-any-return]
        """[...document.querySelectorAll('.live canvas')].map(c => {
             const bytes = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
             let inked = 0;
             for (let i = 3; i < bytes.length; i += 4) inked += bytes[i] > 0;
             return inked;
           })"""
    )


def shown(page: Page) -> list[dict[str, float]]:
    return page.evaluate("document.querySelector('figure[data-curve]').curve.shown")  # type: ignore[no-any-return]


@pytest.mark.parametrize("width", [*PHONES, DESKTOP, 3840])
def test_both_charts_are_drawn_at_any_width_over_the_picture(server: Server, visitor: Visitor, width: int) -> None:
    visit = visitor.visit(server, width)
    page = drawn(visit.page)
    assert [count > 1000 for count in inked(page)] == [True, True]
    picture = page.locator(".plots").bounding_box()
    live = page.locator(".live").bounding_box()
    assert picture == live
    assert not scrolls_sideways(page)
    assert visit.complaints == []


def test_what_is_drawn_is_what_the_api_says(server: Server, visitor: Visitor) -> None:
    page = drawn(visitor.visit(server, starting_balance="10000").page)
    with server.client() as client:
        asked = "/metrics/equity_curve?environment=live&starting_balance=10000"
        points = json.loads(client.get(asked).body)["points"]
    names = ("equity", "high", "low", "drawdown", "trades")
    start = {"equity": 10000, "high": 10000, "low": 10000, "drawdown": 0, "trades": 0}
    assert [{name: p[name] for name in names} for p in shown(page)] == [
        start,
        *({name: p[name] for name in names} for p in points),
    ]


def test_a_narrow_range_shows_every_trade_of_it_at_its_true_equity(server: Server, visitor: Visitor) -> None:
    visit = visitor.visit(server)
    page = drawn(visit.page)
    assert len(shown(page)) <= 501
    with page.expect_response("**/metrics/equity_curve*from=*") as answer:
        page.get_by_role("button", name="3M").click()
    assert answer.value.status == 200
    expect(page.get_by_role("button", name="3M")).to_have_attribute("aria-pressed", "true")
    page.wait_for_selector("figure[data-points]")
    inside = shown(page)[-150:]
    totals = [sum(AMOUNTS[: i + 1]) for i in range(len(AMOUNTS))]
    assert [p["equity"] for p in inside] == totals[-150:]
    # the deepest inside a step: where it came from counts, so a gain still shows the fall before it
    peaks = [max(0, *totals[: i + 1]) for i in range(len(totals))]
    deepest = [peaks[i - 1] - min(totals[i - 1], totals[i]) for i in range(1, len(totals))]
    assert [p["drawdown"] for p in inside] == deepest[-150:]
    page.get_by_role("button", name="All", exact=True).click()
    page.wait_for_selector("figure[data-curve]:not([data-points])")
    assert visit.complaints == []


def test_dragging_zooms_both_charts_and_the_range_leads_to_its_figures(server: Server, visitor: Visitor) -> None:
    page = drawn(visitor.visit(server, starting_balance="10000").page)
    box = page.locator(".live").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 150, steps=4)
    page.mouse.up()
    page.wait_for_selector("figure:not([data-range=all])")
    ranges = page.evaluate(
        "(({equity, drawdown}) => [equity, drawdown].map(u => [u.scales.x.min, u.scales.x.max]))"
        "(document.querySelector('figure[data-curve]').curve)"
    )
    assert ranges[0] == ranges[1]
    link = page.get_by_role("link", name="Figures of this range")
    asked = dict(parse_qsl(urlsplit(link.get_attribute("href") or "").query))
    assert set(asked) == {"environment", "starting_balance", "from", "to"}
    link.click()
    expect(page.get_by_text(f"{int(asked['from'][8:])}\u00a0")).not_to_have_count(0)
    assert page.url.endswith(f"from={asked['from']}&to={asked['to']}")


def test_one_crosshair_reads_both_charts(server: Server, visitor: Visitor) -> None:
    page = drawn(visitor.visit(server).page)
    box = page.locator(".live").bounding_box()
    assert box is not None
    for offset in (150, 420):  # over the upper, over the lower chart
        page.mouse.move(box["x"] + 400 + offset, box["y"] + offset)
        expect(page.locator(".readout")).to_contain_text(" UTC · P&L ")
        expect(page.locator(".readout")).to_contain_text("· drawdown ")
        at = page.evaluate(
            "(({equity, drawdown}) => [equity.cursor.idx, drawdown.cursor.idx])"
            "(document.querySelector('figure[data-curve]').curve)"
        )
        assert at[0] == at[1] is not None


def test_the_keyboard_reads_and_zooms(server: Server, visitor: Visitor) -> None:
    page = drawn(visitor.visit(server).page)
    page.locator(".live").focus()
    page.keyboard.press("End")
    last = shown(page)[-1]
    spoken = page.locator(".spoken")
    expect(spoken).to_contain_text(f"P&L {last['equity']:,.2f}")
    page.keyboard.press("ArrowLeft")
    expect(spoken).to_contain_text(f"P&L {shown(page)[-2]['equity']:,.2f}")
    page.keyboard.press("+")
    page.wait_for_selector("figure:not([data-range=all])")
    page.keyboard.press("Escape")
    page.wait_for_selector("figure[data-range=all]")


def test_without_scripts_the_picture_stays_and_no_dead_control_is_seen(server: Server, visitor: Visitor) -> None:
    visit = visitor.open(server, "/report", scripts=False)
    expect(visit.page.locator("svg.plot")).to_be_visible()
    expect(visit.page.locator("svg.plot")).to_have_css("opacity", "1")
    for control in visit.page.locator(".scripted").all():
        expect(control).not_to_be_visible()
    assert len(visit.requests) == 5  # the page, the stylesheet, two fonts, the mark


def test_a_curve_that_cannot_be_had_leaves_the_picture(server: Server, visitor: Visitor) -> None:
    visit = visitor.blank(server)
    visit.page.route("**/metrics/equity_curve*", lambda route: route.abort())
    visit.page.goto("/report")
    visit.page.wait_for_selector("figure[data-drawn^=no]")
    expect(visit.page.locator("svg.plot")).to_have_css("opacity", "1")


def test_one_trade_has_a_chart_too(tmp_path: Path, visitor: Visitor) -> None:
    with Server(tmp_path / "one.db", workers=1) as server:
        with server.client() as client:
            assert client.post("/trade_event", event("one", 3, "12.5").raw).status == 200
        visit = visitor.visit(server)
        page = drawn(visit.page)
        assert [count > 50 for count in inked(page)] == [True, True]
        for name in ("1M", "3M", "YTD", "1Y", "All"):
            page.get_by_role("button", name=name, exact=True).click()
        assert visit.complaints == []
