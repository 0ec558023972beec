"""The page at work in a real Chromium: tables sort, days are read, curves compared, parts come, the log is followed."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visiting import DESKTOP, Visitor, scrolls_sideways
from tests.e2e.harness import Server
from tests.unit.report.samples import HOSTILE, desk, event

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe.js"


def filled(folder: Path, lines: list[str]) -> Iterator[Server]:
    with Server(folder / "work.db", workers=1) as server:
        with server.client() as client:
            for start in range(0, len(lines), 500):
                assert client.post("/trade_events", "\n".join(lines[start : start + 500])).status == 200
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from filled(tmp_path_factory.mktemp("work"), [made.raw for made in desk()])


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """120 strategies of ten trades each, and every text of an event hostile."""
    events = [
        event(
            f"{'<i>' if i == 7 else ''}e{i}",
            i % 300,
            str((i * 37) % 41 - 19),
            strategy_id=HOSTILE[i % 120] if i % 120 < len(HOSTILE) else f"strategy {i % 120:03d}",
            symbol=HOSTILE[i % 5],
            venue=HOSTILE[(i + 1) % 5],
            tags=[HOSTILE[i % 4][:60]],
            opened_at="2022-12-31T12:00:00Z",
            initial_risk="10",
        )
        for i in range(1200)
    ]
    events.append(event("open-1", 250, None, symbol=HOSTILE[0], venue=HOSTILE[1], tags=[HOSTILE[2][:60]]))
    yield from filled(tmp_path_factory.mktemp("many"), [made.raw for made in events])


def seen(page: Page) -> Page:
    """Everything that comes when it is scrolled to has come."""
    for place in page.locator("[data-part], section[data-compares]").all():
        place.scroll_into_view_if_needed()
        page.wait_for_timeout(100)
    for slot in page.locator("[data-part]").all():
        expect(slot).to_have_attribute("data-loaded", "yes")
    for section in page.locator("section[data-compares]").all():
        expect(section).to_have_attribute("data-compared", re.compile("[1-9]"))
    return page


def names(page: Page) -> list[str]:
    return page.locator("section[aria-labelledby=by-strategy] tbody th").all_inner_texts()


# --- tables ----------------------------------------------------------------------------------------------------------


def test_a_table_sorts_by_each_column_and_back(server: Server, visitor: Visitor) -> None:
    visit = visitor.visit(server, environment="both")
    table = visit.page.locator("table[data-sorts=by-strategy]")
    assert names(visit.page) == ["Meridian", "Breakwater", "Lodestar"] or len(names(visit.page)) == 3
    button = table.get_by_role("button", name="Strategy")
    button.click()
    assert names(visit.page) == ["Breakwater", "Lodestar", "Meridian"]
    expect(table.get_by_role("columnheader", name="Strategy")).to_have_attribute("aria-sort", "ascending")
    button.press("Enter")
    assert names(visit.page) == ["Meridian", "Lodestar", "Breakwater"]
    table.get_by_role("button", name="Trades").click()
    trades = [Decimal(v.get_attribute("value") or "") for v in table.locator("td[data-label=Trades] data").all()]
    assert trades == sorted(trades, reverse=True)
    expect(table.locator("[aria-sort]")).to_have_count(1)


def test_what_is_undefined_sorts_last_in_either_direction(tmp_path: Path, visitor: Visitor) -> None:
    lines = [event("w", 1, "5", strategy_id="only wins").raw]
    lines += [event(f"a{i}", i, x, strategy_id="a").raw for i, x in enumerate(("5", "-1"))]
    lines += [event(f"b{i}", i, x, strategy_id="b").raw for i, x in enumerate(("1", "-5"))]
    for server in filled(tmp_path, lines):
        page = visitor.visit(server).page
        button = page.locator("table[data-sorts=by-strategy]").get_by_role("button", name="Profit factor")
        button.click()
        assert names(page) == ["a", "b", "only wins"]
        button.click()
        assert names(page) == ["b", "a", "only wins"]


def test_every_row_that_is_seen_has_its_curve(many: Server, visitor: Visitor) -> None:
    page = visitor.visit(many).page
    first = page.locator("table[data-sorts=by-strategy] [data-spark]").first
    first.scroll_into_view_if_needed()
    expect(first).to_have_attribute("data-drawn", "yes")
    assert first.locator("path").evaluate("p => p.getTotalLength()") > 90
    # the last of 120 rows is far below: it is not asked for before it is seen
    last = page.locator("table[data-sorts=by-strategy] [data-spark]").nth(119)
    assert last.get_attribute("data-drawn") is None
    last.scroll_into_view_if_needed()
    expect(last).to_have_attribute("data-drawn", "yes")


def test_six_strategies_stand_side_by_side_and_a_seventh_has_to_wait(many: Server, visitor: Visitor) -> None:
    visit = visitor.visit(many)
    page = visit.page
    section = page.locator("section[aria-labelledby=by-strategy]")
    section.scroll_into_view_if_needed()
    expect(section).to_have_attribute("data-compared", "6")
    chips = section.locator(".chips li").all_inner_texts()
    assert chips == names(page)[:6]
    boxes = section.get_by_role("checkbox")
    boxes.nth(6).click()
    expect(boxes.nth(6)).not_to_be_checked()
    expect(section.locator(".comparing")).to_have_text("6 at most: take one out first.")
    boxes.nth(0).uncheck()
    expect(section).to_have_attribute("data-compared", "5")
    boxes.nth(6).check()
    expect(section).to_have_attribute("data-compared", "6")
    assert sorted(section.locator(".chips li").all_inner_texts()) == sorted(names(page)[1:7])
    inked = section.locator("canvas").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(b => b > 0)"
    )
    assert inked
    assert visit.complaints == []


# --- days ------------------------------------------------------------------------------------------------------------


def test_a_day_is_read_by_mouse_and_by_keyboard_and_opens_its_own_report(server: Server, visitor: Visitor) -> None:
    page = visitor.visit(server).page
    heats = page.locator(".heats[data-ready]")
    days = (heats.get_attribute("data-days") or "").split(",")
    day, pnl, trades = days[-1].split(":")
    heats.focus()
    page.keyboard.press("ArrowRight")
    read = page.locator(".dayread")
    expect(read).to_contain_text(f"{Decimal(pnl):,.2f}".replace("-", "−"))
    expect(read).to_contain_text(f"{trades} trade")
    page.keyboard.press("ArrowUp")
    expect(read).to_contain_text("no trade")
    page.locator(".heat .picked").scroll_into_view_if_needed()
    cell = page.evaluate("document.querySelector('.heat .picked').getBoundingClientRect().toJSON()")
    page.mouse.move(cell["x"] + cell["width"] / 2, cell["y"] + cell["height"] * 1.6)  # one down: the day again
    expect(read).to_contain_text(f"{trades} trade")
    page.mouse.click(cell["x"] + cell["width"] / 2, cell["y"] + cell["height"] * 1.6)
    page.wait_for_url("**from=*")
    expect(page.locator(".tile", has_text="Trades").locator("data").first).to_have_text(trades)
    with server.client() as client:
        asked = page.url.split("?")[1]
        assert json.loads(client.get(f"/metrics/overall?{asked}").body)["metrics"]["total_trades"] == int(trades)
    assert int(day) > 0


def test_months_add_up_to_their_year_and_years_to_the_total(server: Server, visitor: Visitor) -> None:
    page = visitor.visit(server).page
    years = []
    for row in page.locator(".months tbody tr").all():
        months = [Decimal(m.get_attribute("value") or "") for m in row.locator("td:not(.total) data").all()]
        years.append(Decimal(row.locator(".total data").get_attribute("value") or ""))
        assert sum(months) == years[-1]
    with server.client() as client:
        total = json.loads(client.get("/metrics/overall?environment=live").body, parse_float=Decimal)
    assert sum(years) == total["metrics"]["total_pnl"]


# --- what comes afterwards -------------------------------------------------------------------------------------------


def test_parts_come_when_they_are_nearly_seen_and_nothing_is_complained_about(server: Server, visitor: Visitor) -> None:
    visit = visitor.visit(server)
    assert not [url for url in visit.requests if "part=symbols" in url]
    page = seen(visit.page)
    for heading in (
        "By hour of the day",
        "P&L of a trade",
        "Best trades",
        "Worst trades",
        "Open positions",
        "By symbol",
    ):
        expect(page.get_by_role("heading", name=heading).first).to_be_visible()
    assert page.locator(".histogram rect").count() > 5
    assert visit.complaints == []
    assert {url.split("/")[2] for url in visit.requests} == {f"127.0.0.1:{server.port}"}


def test_without_scripts_every_part_is_a_link_to_a_page_of_its_own(server: Server, visitor: Visitor) -> None:
    visit = visitor.open(server, "/report", scripts=False)
    for link, heading in (
        ("Show the open positions", "Open positions"),
        ("Show how results are spread, and the best and worst trades", "Best trades"),
        ("Show the hours of the day", "By hour of the day"),
        ("Show symbols, sides and venues", "By venue"),
    ):
        visit.page.get_by_role("link", name=link).click()
        expect(visit.page.get_by_role("heading", name=heading).first).to_be_visible()
        visit.page.get_by_role("link", name="The whole report").click()
    assert visit.complaints == []


def test_hostile_texts_are_text_in_every_sink(many: Server, visitor: Visitor) -> None:
    visit = visitor.visit(many)
    page = seen(visit.page)
    assert page.evaluate("document.querySelectorAll('script:not([src]), img, b, i').length") == 0
    texts = page.locator("bdi").all_inner_texts()
    for name in HOSTILE[:5]:
        assert name in texts
    assert HOSTILE[0] in page.locator(".events bdi").all_inner_texts()
    chips = page.locator("section[aria-labelledby=by-strategy] .chips li").all_inner_texts()
    assert len(chips) == 6
    assert not scrolls_sideways(page)
    assert visit.complaints == []


# --- following the log -----------------------------------------------------------------------------------------------


def test_a_new_trade_appears_without_a_reload_and_the_reader_stays(tmp_path: Path, visitor: Visitor) -> None:
    for server in filled(tmp_path, [made.raw for made in desk()]):
        visit = visitor.visit(server)
        page = visit.page
        page.wait_for_selector("figure[data-drawn=yes]")
        page.evaluate("window.stays = true")
        page.get_by_role("button", name="3M").click()
        page.locator("details.everything summary").click()
        sort = page.locator("table[data-sorts=by-strategy]").get_by_role("button", name="Strategy")
        sort.click()
        tile = page.locator(".tile", has_text="Trades").locator("data").first
        expect(tile).to_have_text("120")
        with server.client() as client:
            assert client.post("/trade_event", event("new", 390, "1000").raw).status == 200
        expect(tile).to_have_text("121", timeout=15_000)
        assert page.evaluate("window.stays") is True
        assert page.locator("details.everything").get_attribute("open") is not None
        assert names(page) == ["Breakwater", "Meridian"]
        expect(page.locator("table[data-sorts=by-strategy] th[aria-sort=ascending]")).to_have_count(1)
        assert (
            page.locator("table[data-sorts=by-strategy]")
            .get_by_role("button", name="Strategy")
            .evaluate("e => e === document.activeElement")
        )
        expect(page.locator("figure[data-drawn=yes]")).to_have_count(1)
        last = page.evaluate("document.querySelector('figure[data-curve]').curve.base.at(-1).equity")
        with server.client() as client:
            figures = json.loads(client.get("/metrics/overall?environment=live").body)
        assert last == figures["metrics"]["total_pnl"]
        assert visit.complaints == []


def test_nothing_is_fetched_anew_while_nothing_changes(server: Server, visitor: Visitor) -> None:
    visit = visitor.blank(server)
    answers: list[int] = []
    visit.page.on("response", lambda r: answers.append(r.status) if "/metrics/overall" in r.url else None)
    visit.page.goto("/report")
    visit.page.wait_for_timeout(13_000)
    assert answers[0] == 200
    assert answers[1:]
    assert set(answers[1:]) == {304}
    assert len([url for url in visit.requests if url.endswith("/report")]) == 1


def test_a_page_out_of_sight_asks_nothing(server: Server, visitor: Visitor) -> None:
    visit = visitor.blank(server)
    visit.page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => true})")
    visit.page.goto("/report")
    visit.page.wait_for_timeout(8_000)
    assert not [url for url in visit.requests if "/metrics/overall" in url]


def test_the_page_of_an_empty_store_becomes_the_report(tmp_path: Path, visitor: Visitor) -> None:
    with Server(tmp_path / "first.db", workers=1) as server:
        visit = visitor.visit(server)
        expect(visit.page.get_by_role("heading", name="No trade yet.")).to_be_visible()
        with server.client() as client:
            assert client.post("/trade_event", event("first", 0, "5").raw).status == 200
        expect(visit.page.get_by_role("heading", name="Too early to say.")).to_be_visible(timeout=15_000)
        assert visit.complaints == []


def test_a_server_that_went_away_is_said_and_the_page_stays(tmp_path: Path, visitor: Visitor) -> None:
    visit = visitor.blank_at("http://127.0.0.1:1")
    for server in filled(tmp_path, [event("one", 0, "5").raw]):
        visit.page.goto(f"http://127.0.0.1:{server.port}/report")
        expect(visit.page.locator(".follow")).to_have_text("Following the log")
    expect(visit.page.locator(".follow")).to_have_text("No connection: trying again", timeout=15_000)
    expect(visit.page.get_by_role("heading", name="Too early to say.")).to_be_visible()


# --- everyone can read it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, DESKTOP])
def test_axe_finds_nothing_serious(many: Server, visitor: Visitor, width: int, scheme: str) -> None:
    for target in ("/report", "/report?part=trades", "/login", "/docs"):
        visit = visitor.open(many, target, width, scheme)
        page = seen(visit.page)
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)")
        serious = [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")]
        assert serious == [], target


def test_paper_is_white_with_the_picture_and_without_controls(server: Server, visitor: Visitor) -> None:
    page = visitor.visit(server, scheme="dark").page
    page.wait_for_selector("figure[data-drawn=yes]")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator("svg.plot")).to_have_css("opacity", "1")
    for control in (".live", ".ranges", ".switch", ".asking", ".follow", ".compare"):
        expect(page.locator(control).first).not_to_be_visible()
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 less its margins
    assert not scrolls_sideways(page)
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert 2 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 8


# --- as a file -------------------------------------------------------------------------------------------------------


def test_the_saved_report_opens_from_disk_whole_and_asks_for_nothing(
    many: Server, visitor: Visitor, tmp_path: Path
) -> None:
    from trueedge_core.storage import open_ledger
    from trueedge_local.report import write

    ledger = open_ledger(f"sqlite:///{many.store.as_posix()}")
    write(ledger, tmp_path / "report.html", {"starting_balance": "1000"})
    ledger.close()
    visit = visitor.blank_at("http://127.0.0.1:1")
    visit.page.goto((tmp_path / "report.html").as_uri())
    page = visit.page
    page.wait_for_selector("figure[data-drawn=yes]")
    first = page.locator("table[data-sorts=by-strategy] [data-spark]").first
    first.scroll_into_view_if_needed()
    expect(first).to_have_attribute("data-drawn", "yes")
    page.locator("table[data-sorts=by-strategy]").get_by_role("button", name="Strategy").click()
    for heading in ("Best trades", "By hour of the day", "Open positions", "By symbol"):
        expect(page.get_by_role("heading", name=heading).first).to_be_visible()
    fonts = page.evaluate("[...document.fonts].map(f => f.status)")
    assert fonts == ["loaded", "loaded"]
    page.wait_for_timeout(6_000)
    assert [url for url in visit.requests if not url.startswith(("file:", "data:"))] == []
    assert page.locator("a[href^='/']").count() == 0
    assert page.evaluate("document.querySelectorAll('img, b, i').length") == 0
    assert visit.complaints == []
