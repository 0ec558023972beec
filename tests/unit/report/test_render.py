"""The page: well-formed, without script or inline style, and whatever an id holds is shown as text."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest

from tests.unit.report.samples import FIRST_DAY, HOSTILE, NOW, desk, event, ledger, reading, summary
from trueedge_core.domain.curve import curve
from trueedge_core.domain.ports import AsOf, Reading
from trueedge_core.domain.summary import Summary
from trueedge_core.report import render
from trueedge_core.report.selection import Selection
from trueedge_core.report.tables import Group
from trueedge_core.report.view import EmptyView, Found, ReportView, build
from trueedge_core.services import reports

GOLD = Path(__file__).resolve().parents[2] / "gold"
UPDATE = "UPDATE_GOLD"
VOID = {"meta", "link", "input", "col", "br", "hr", "img"}


class Page(HTMLParser):
    """The elements, attributes and texts of a page, and a check that its tags are nested as they are closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice: {attrs}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def made(name: str) -> ReportView:
    """A view with `name` wherever an id can stand: heading, title, breadcrumb, tables, links, form, picture."""
    s = summary([5, -3, 4], currency="USD")
    shown = reading(s)
    selection = Selection(account_id=name, strategy_id=name, environment="live", chosen=True, start=FIRST_DAY)
    groups = (Group("strategy", [(name, shown)]), Group("account", [(name, shown)]))
    return build(selection, Found(shown, shown, curve([s], 0), groups, 1))


def shape(page: Page) -> list[tuple[str, list[str]]]:
    return [(tag, sorted(attributes)) for tag, attributes in page.elements]


@pytest.mark.parametrize("name", HOSTILE)
def test_an_id_is_text_wherever_it_stands(name: str) -> None:
    page = Page(render.report(made(name)))
    assert shape(page) == shape(Page(render.report(made("harmless"))))  # nothing in it became markup
    assert page.texts.count(name) >= 5
    hidden = [a["value"] for tag, a in page.elements if tag == "input" and a["name"] in ("account_id", "strategy_id")]
    assert hidden == [name, name]


@pytest.mark.parametrize("name", HOSTILE)
def test_every_link_stays_on_our_own_origin(name: str) -> None:
    for tag, attributes in Page(render.report(made(name))).elements:
        for attribute in ("href", "src", "action"):
            target = attributes.get(attribute)
            if target is not None:
                assert re.match(r"/(report|assets|metrics|trade_events|docs)\b|#", target), (tag, target)


def test_the_page_has_nothing_inline_no_style_no_script_no_handler() -> None:
    for html in (render.report(made("x")), render.empty(EmptyView("curl", "url"))):
        for tag, attributes in Page(html).elements:
            assert tag not in ("style", "iframe", "object", "embed", "base")
            assert tag != "script" or (attributes["src"] or "").startswith("/assets/")
            assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_ids_of_elements_are_unique_and_what_refers_to_one_finds_it() -> None:
    elements = Page(render.report(made("x"))).elements
    ids = [a["id"] for _, a in elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set((attributes.get(name) or "").split()) <= set(ids)
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids  # type: ignore[index]


def test_headings_go_down_one_step_at_a_time() -> None:
    levels = [int(tag[1]) for tag, _ in Page(render.report(made("x"))).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert set(levels[1:]) == {2}


def test_a_hostile_command_line_is_text_too() -> None:
    page = Page(render.empty(EmptyView("curl '<b>' && \"x\"", "<i>")))
    assert "curl '<b>' && \"x\"" in page.texts
    assert not {"b", "i"} & {tag for tag, _ in page.elements}


def test_a_name_the_template_does_not_know_is_an_error_not_a_blank() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render._templates().from_string("{{ view.nothing_of_the_kind }}").render(view=made("x"))


def test_an_empty_selection_has_a_page_of_its_own() -> None:
    empty = Reading(Summary(), 0, 0, AsOf(1, NOW))
    page = Page(render.report(build(Selection(), Found(empty, empty, [], (), 0))))
    assert "There is no closed trade here yet: figures begin with the first one." in page.texts
    assert not [attributes for _, attributes in page.elements if attributes.get("class") == "tiles"]


# --- assets ----------------------------------------------------------------------------------------------------------


def test_every_asset_the_page_and_the_stylesheet_name_is_there() -> None:
    page = render.report(made("x"))
    named = set(re.findall(r'"/assets/([^"]+)"', page))
    css = render.asset(next(name for name in named if name.endswith(".css")))
    assert css is not None
    fonts = set(re.findall(r'url\("([^"]+)"\)', css.content.decode()))
    assert len(fonts) == 2
    assert fonts <= named
    assert {render.asset(name).content_type for name in named if render.asset(name)} == {  # type: ignore[union-attr]
        "text/css; charset=utf-8",
        "text/javascript; charset=utf-8",
        "font/woff2",
        "image/svg+xml",
    }
    assert all(render.asset(name) for name in named)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "report.css",
        "inter.woff2",
        "LICENSES.txt",
        "../view.py",
        "..%2fview.py",
        "/etc/passwd",
        "a" * 9000,
    ],
)
def test_only_hashed_names_of_our_own_are_served(name: str) -> None:
    assert render.asset(name) is None


@pytest.mark.parametrize("part", sorted((Path(render.__file__).parent / "assets" / "page").glob("*.js")))
def test_no_script_of_the_page_makes_markup_or_code_of_a_text(part: Path) -> None:
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|https?://"
    assert not re.search(sinks, part.read_text(encoding="utf-8"))


def test_the_stylesheet_asks_nothing_of_another_origin() -> None:
    css = (Path(render.__file__).parent / "assets" / "report.css").read_text()
    assert "@import" not in css
    assert not re.search(r"https?:|url\((?!\"[a-z0-9-]+\.woff2\"\)|#[a-z]+\))", css)


def luminance(colour: str) -> float:
    """WCAG 2 relative luminance of #rrggbb."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_colour_has_contrast_enough(theme: str) -> None:
    css = (Path(render.__file__).parent / "assets" / "report.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", light if theme == "light" else dark))
    pairs = [("ink", "paper"), ("soft", "paper"), ("accent", "paper"), ("fall", "paper"), ("ink", "field")]
    pairs += [("soft", "field"), ("warn-ink", "warn"), ("accent-ink", "accent"), ("paper", "ink")]
    for front, back in pairs:
        bright, dim = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, (front, back)


# --- the gold pages --------------------------------------------------------------------------------------------------


def scrub(html: str) -> str:
    """Hashes of assets change with every edit of the stylesheet; the markup is what is kept."""
    return re.sub(r"(/assets/[a-z0-9-]+)\.[0-9a-f]{12}\.", r"\1.HASH.", html)


@pytest.mark.parametrize("case", ["overall", "strategy", "empty"])
def test_the_page_is_the_gold_page(case: str, tmp_path: Path) -> None:
    """After an intended change: UPDATE_GOLD=1 python dev.py test tests/unit/report, and look at the difference."""
    events = [] if case == "empty" else [*desk(), event("void-me", 30, "999")]
    store = ledger(tmp_path, events)
    if events:
        store.void("void-me", "entered twice")
    asked = {"starting_balance": "10000", "strategy_id": "Meridian"} if case == "strategy" else {}
    answer = reports.page(store, asked, base_url="http://127.0.0.1:9000", now=NOW)
    store.close()
    assert isinstance(answer.body, str)
    actual = scrub(answer.body)
    Page(actual)
    gold = GOLD / f"report_{case}.html"
    if os.environ.get(UPDATE):
        gold.parent.mkdir(exist_ok=True)
        gold.write_text(actual, encoding="utf-8")
    kept = tmp_path / gold.name
    kept.write_text(actual, encoding="utf-8")
    assert actual == gold.read_text(encoding="utf-8"), f"the page differs from {gold}; the actual one is {kept}"
