"""The report in a real Chromium, served by the real server: one origin, any width, light and dark, keyboard and tap."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import DESKTOP, PHONES, Visitor, scrolls_sideways
from tests.e2e.harness import Server
from tests.unit.report.samples import HOSTILE, desk, event

pytestmark = pytest.mark.browser


def filled(folder: Path, lines: list[str]) -> Iterator[Server]:
    with Server(folder / "report.db", workers=1) as server:
        with server.client() as client:
            for start in range(0, len(lines), 500):
                assert client.post("/trade_events", "\n".join(lines[start : start + 500])).status == 200
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A desk of 180 trades and one open position."""
    yield from filled(tmp_path_factory.mktemp("desk"), [made.raw for made in desk()])


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Ids that would be markup, and amounts as large and as small as they come; live and demo, two currencies."""
    amounts = ("99999999999999999999.123456789", "-12345678901234567.89", "-0.000000000000000001", "7.5")
    events = [
        event(
            f"h{i}-{k}",
            k * 9 + i,
            amount,
            strategy_id=name,
            account_id=HOSTILE[i - 1],
            environment=("live", "demo")[k % 2],
            currency=("USD", "BTC")[i % 2],
        )
        for i, name in enumerate(HOSTILE)
        for k, amount in enumerate(amounts)
    ]
    yield from filled(tmp_path_factory.mktemp("hostile"), [made.raw for made in events])


def test_it_loads_from_its_own_origin_without_a_complaint(server: Server, visitor: Visitor) -> None:
    visit = visitor.visit(server)
    visit.page.wait_for_load_state("networkidle")
    assert visit.complaints == []
    assert {url.split("/")[2] for url in visit.requests} == {f"127.0.0.1:{server.port}"}
    # the page, the stylesheet, two scripts, two fonts, the mark, and the points of the curve
    assert len(visit.requests) == 8
    fonts = visit.page.evaluate("[...document.fonts].map(f => f.status)")
    assert fonts == ["loaded", "loaded"]


@pytest.mark.parametrize("width", PHONES)
def test_no_width_scrolls_sideways_whatever_the_ids(hostile: Server, visitor: Visitor, width: int) -> None:
    for asked in ({"environment": "both"}, {"strategy_id": HOSTILE[10]}, {"strategy_id": HOSTILE[0]}):
        page = visitor.visit(hostile, width, **asked).page
        assert not scrolls_sideways(page)
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert not scrolls_sideways(page)


def test_hostile_ids_are_read_as_they_are_and_their_links_lead_to_them(hostile: Server, visitor: Visitor) -> None:
    visit = visitor.visit(hostile, environment="both")
    names = visit.page.locator("section[aria-labelledby=by-strategy] tbody th").all_inner_texts()
    assert sorted(names) == sorted(HOSTILE)
    for name in HOSTILE:
        visit.page.get_by_role("rowheader", name=name, exact=True).first.get_by_role("link").click()
        expect(visit.page.locator("h1 bdi")).to_have_text(name)
        visit.page.go_back()
    assert visit.complaints == []
    dialogs = visit.page.evaluate("document.querySelectorAll('script:not([src]), img, b').length")
    assert dialogs == 0


def test_long_numbers_stay_in_their_tiles(hostile: Server, visitor: Visitor) -> None:
    for width in (*PHONES, 861, DESKTOP):
        page = visitor.visit(hostile, width, strategy_id=HOSTILE[0]).page
        cut = page.evaluate(
            "[...document.querySelectorAll('.value')].filter(v => v.scrollWidth > v.clientWidth).map(v => v.innerText)"
        )
        assert cut == []


@pytest.mark.parametrize("width", [360, DESKTOP])
def test_the_picture_shows_the_curve(server: Server, visitor: Visitor, width: int) -> None:
    page = visitor.visit(server, width).page
    plot = page.get_by_role("img", name="Cumulative P&L and drawdown, USD")
    box = plot.bounding_box()
    assert box is not None
    assert box["width"] > 0.7 * width - 40
    line = page.evaluate("document.querySelector('.plot path.line').getTotalLength()")
    assert line > 1000  # at least once across its 1000 units
    # every label is inside the picture and none lies on another
    boxes = page.evaluate(
        """[...document.querySelectorAll('.plot .label, .scale .label')].map(t => t.getBoundingClientRect())
           .filter(b => b.width).map(b => [b.left, b.right, b.top, b.bottom])"""
    )
    assert len(boxes) >= 6
    assert all(left >= 0 and right <= width for left, right, _, _ in boxes)
    for i, (left, right, top, bottom) in enumerate(boxes):
        for other in boxes[i + 1 :]:
            assert right <= other[0] or other[1] <= left or bottom <= other[2] + 3 or other[3] <= top + 3


def test_dark_is_dark_and_light_is_light(server: Server, visitor: Visitor) -> None:
    brightness = {}
    for scheme in ("light", "dark"):
        page = visitor.visit(server, scheme=scheme).page
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness[scheme] = sum(int(part) for part in colour.strip("rgb()").split(",")[:3]) / 3
    assert brightness["light"] > 240
    assert brightness["dark"] < 30


def test_a_definition_is_reached_by_keyboard_and_by_tap(server: Server, visitor: Visitor) -> None:
    page = visitor.visit(server, 390).page
    term = page.locator(".tiles").get_by_role("button", name="Profit factor")
    tip = page.locator("#h-profit_factor")
    assert not tip.is_visible()
    for _ in range(40):
        page.keyboard.press("Tab")
        if term.evaluate("e => e === document.activeElement"):
            break
    assert tip.is_visible()
    assert "gross_profit / abs(gross_loss)" in tip.inner_text()
    assert not scrolls_sideways(page)
    page.locator(".tiles").get_by_role("button", name="Win rate").click()
    assert page.locator("#h-win_rate").is_visible()
    assert not tip.is_visible()


def test_every_link_and_button_can_be_reached_by_keyboard_in_reading_order(server: Server, visitor: Visitor) -> None:
    page = visitor.visit(server).page
    wanted = page.evaluate(
        "[...document.querySelectorAll('a:not([hidden]), button, summary, input:not([type=hidden])')].length"
    )
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    reached = set()
    for _ in range(3 * wanted):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    focusable = page.evaluate(
        """[...document.querySelectorAll('a:not([hidden]), button, summary, input:not([type=hidden])')]
           .map(e => [...document.querySelectorAll('*')].indexOf(e))"""
    )
    assert set(focusable) <= reached


def test_the_form_and_the_switch_ask_the_next_page(server: Server, visitor: Visitor) -> None:
    visit = visitor.visit(server)
    visit.page.get_by_text("Account, strategy, period, starting balance").click()
    visit.page.get_by_label("Starting balance", exact=True).fill("10000")
    visit.page.get_by_label("From", exact=True).fill("2023-03-01")
    visit.page.get_by_role("button", name="Show").click()
    expect(visit.page.get_by_text("From 1 Mar 2023")).to_be_visible()
    expect(visit.page.get_by_role("heading", name="Equity and drawdown, USD")).to_be_visible()
    visit.page.get_by_role("link", name="Both").click()
    expect(visit.page.get_by_text("Live and demo are mixed.")).to_be_visible()
    expect(visit.page.get_by_text("From 1 Mar 2023")).to_be_visible()
    visit.page.get_by_text("Account, strategy, period, starting balance").click()
    visit.page.get_by_role("link", name="Without these").click()
    expect(visit.page.get_by_text("All time", exact=True)).to_be_visible()
    assert visit.complaints == []


def test_an_account_is_chosen_from_those_there_are_and_stays_in_the_address(server: Server, visitor: Visitor) -> None:
    visit = visitor.visit(server)
    page = visit.page
    page.get_by_text("Account, strategy, period, starting balance").click()
    assert page.locator("#f-account_id-list option").evaluate_all("all => all.map(o => o.value)") == ["IB-1", "IB-2"]
    page.get_by_label("Account", exact=True).fill("IB-2")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("h1 bdi")).to_have_text("IB-2")
    assert "account_id=IB-2" in page.url
    page.reload()
    expect(page.locator("h1 bdi")).to_have_text("IB-2")
    assert visit.complaints == []


def test_nothing_moves_after_the_first_paint(server: Server, visitor: Visitor) -> None:
    for width in (390, DESKTOP):
        page = visitor.visit(server, width).page
        shift = page.evaluate(
            """new Promise(done => {
                 let sum = 0;
                 new PerformanceObserver(list => list.getEntries().forEach(e => sum += e.value))
                   .observe({type: 'layout-shift', buffered: true});
                 setTimeout(() => done(sum), 200);
               })"""
        )
        assert shift < 0.01


def test_the_empty_page_shows_its_line(tmp_path: Path, visitor: Visitor) -> None:
    with Server(tmp_path / "empty.db", workers=1) as server:
        visit = visitor.visit(server, 360)
        line = visit.page.locator("pre").inner_text()
        assert line.startswith(f"curl -sS http://127.0.0.1:{server.port}/trade_event ")
        assert visit.complaints == []
        assert not scrolls_sideways(visit.page)
        sent = line[line.index("{") : line.rindex("}") + 1]
        with server.client() as client:
            assert client.post("/trade_event", sent).status == 200
        visit.page.reload()
        expect(visit.page.get_by_role("heading", name="Too early to say.")).to_be_visible()
        assert json.loads(sent)["environment"] == "demo"
        assert visit.page.get_by_role("link", name="Demo 1 trades").get_attribute("aria-current") == "true"


def test_real_trades_look_the_same(shared_data: Path, tmp_path: Path, visitor: Visitor) -> None:
    """Three real records: a forex tester with partial closes, freqtrade in BTC, and a single manual trade."""
    folders = ("mt4_tester_partial_close", "freqtrade_backtest", "mt4_statement_oanda_demo")
    lines = [line for name in folders for line in (shared_data / name / "trades.jsonl").read_text().splitlines()]
    for server in filled(tmp_path, lines):
        visit = visitor.visit(server, strategy_id="OscillatoryTradingV2.0", starting_balance="10000")
        assert visit.page.get_by_text("10,592.60", exact=True).first.is_visible()  # MetaTrader: total net profit
        assert visit.complaints == []
        for width in PHONES:
            assert not scrolls_sideways(visitor.visit(server, width).page)
