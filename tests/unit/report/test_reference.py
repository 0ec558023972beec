"""The page of the API: the contract's own words, escaped; nothing inline; every id once."""

import re
from typing import Any

import pytest

from tests.unit.report.test_render import Page
from trueedge_core.domain.money import read_json
from trueedge_core.report import reference, render
from trueedge_core.services import docs

URL = "http://127.0.0.1:9000"
CONTRACT: Any = read_json(docs.contract().body)  # type: ignore[arg-type]
VIEW = reference.build(CONTRACT)
HTML = render.reference(VIEW, URL)


def operations() -> list[reference.Operation]:
    return [operation for section in VIEW.sections for operation in section.operations]


def test_every_operation_but_head_is_shown_with_every_status_and_parameter() -> None:
    shown = {(one.method.lower(), one.path): one for one in operations()}
    for path, methods in CONTRACT["paths"].items():
        for method, told in methods.items():
            if method == "head":
                continue
            one = shown.pop((method, path))
            assert [answer.status for answer in one.answers] == list(told["responses"])
            named = [parameter["name"] for parameter in told["parameters"] if "name" in parameter]
            assert [parameter.name for parameter in one.parameters] == named
            assert one.scope == told.get("x-scope", "")
    assert not shown


def test_every_example_is_on_the_page_with_every_digit() -> None:
    for one in operations():
        samples = [*one.bodies, *(sample for answer in one.answers for sample in answer.samples)]
        for sample in samples:
            assert reference.escape(sample.text) in HTML


def test_a_form_offers_the_words_that_are_accepted_and_never_the_empty_one() -> None:
    report = next(one for one in operations() if one.path == "/report")
    environment = next(one for one in report.parameters if one.name == "environment")
    assert environment.words == ("live", "demo", "both")


def test_the_page_has_one_script_of_our_own_and_nothing_inline() -> None:
    elements = Page(HTML).elements
    scripts = [attributes for tag, attributes in elements if tag == "script"]
    assert [re.sub(r"\.\w{12}\.", ".", str(one["src"])) for one in scripts] == ["/assets/docs.js"]
    for tag, attributes in elements:
        assert tag not in ("style", "iframe", "object", "embed", "base")
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_ids_are_unique_and_what_refers_to_one_finds_it() -> None:
    elements = Page(HTML).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in elements:
        for name in ("aria-labelledby", "for"):
            assert set((attributes.get(name) or "").split()) <= set(ids)
        if (attributes.get("href") or "").startswith("#"):
            assert str(attributes["href"])[1:] in ids


def test_what_takes_a_form_of_a_browser_is_told_but_not_tried() -> None:
    assert [one.path for one in operations() if not one.is_tried] == ["/login"]
    assert [one.path for one in operations() if one.writes] == [
        "/trade_event",
        "/trade_events",
        "/hook/{key}/trade_event",
        "/trade_event/{event_id}/void",
        "/accounts/{account_id}",
        "/accounts/{account_id}/alert",
        "/keys",
        "/keys/{key_id}/revoke",
    ]


def test_a_curl_line_names_the_method_that_curl_would_not_take_by_itself() -> None:
    samples = (reference.Sample("a", "application/json", "{}"),)
    assert reference._curl("put", "/x", (), samples).startswith("-X PUT '{base}/x' ")
    assert reference._curl("post", "/x", (), ()).startswith("-X POST ")
    assert reference._curl("get", "/x", (), ()) == "'{base}/x'"


def test_links_stay_on_our_own_origin() -> None:
    for _, attributes in Page(HTML).elements:
        for name in ("href", "src", "action"):
            assert re.match(r"/(report|assets|openapi\.json)\b|#", attributes.get(name) or "#")


def test_the_commands_name_the_host_that_was_asked() -> None:
    page = render.reference(VIEW, "https://trades.example")
    assert "curl &#39;https://trades.example/metrics/overall&#39;" in page
    assert "127.0.0.1" not in page


@pytest.mark.parametrize("text", ["<script>", '"onload="x', "`<b>`", "**<i>**", "{{ 1 }}"])
def test_texts_of_the_contract_are_text(text: str) -> None:
    changed = {**CONTRACT, "tags": [{"name": "Service", "description": text}]}
    page = render.reference(reference.build(changed), URL)
    assert not re.search(r"<(script|b|i)>", page)
    assert str(reference.inline(text)) in page


def test_a_curl_line_is_one_word_to_the_shell_whatever_is_quoted() -> None:
    content = {"application/json": {"examples": {"a": {"summary": "s", "value": "it's"}}}}
    samples = reference._samples(content)
    assert reference._curl("post", "/x", (), samples) == (
        "'{base}/x' -H 'Content-Type: application/json' --data-binary '\nit'\\''s'"
    )
