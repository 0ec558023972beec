"""docs/metrics.md says what the product does: its definitions are the table's, and its worked examples come out."""

import re

import pytest

from tests.docs import metrics_doc as doc
from trueedge_core.domain.metrics import BY_NAME, EDGE, METRICS, STRATEGY_ONLY

PAGE = doc.PAGE.read_text(encoding="utf-8")
EXAMPLES = doc.examples(PAGE)
NAMES = [metric.name for metric in (*METRICS, *EDGE)]

WRITE = "python -m tests.docs.metrics_doc --write"


def sections() -> dict[str, str]:
    """The text under each heading that names a metric."""
    pieces = re.split(r"^#{2,3} (.+)$", PAGE, flags=re.MULTILINE)
    return {title.strip("`"): text for title, text in zip(pieces[1::2], pieces[2::2], strict=True)}


def test_every_metric_has_its_section_in_the_order_of_the_table() -> None:
    headings = re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE)
    assert headings == NAMES
    assert [name for name, _ in doc.parts(PAGE) if not name.startswith("of ")] == NAMES


def test_each_section_shows_its_own_part_of_the_table() -> None:
    for name in NAMES:
        assert [part for part, _ in doc.parts(sections()[name])] == [name]


@pytest.mark.parametrize(("name", "text"), doc.parts(PAGE), ids=[name for name, _ in doc.parts(PAGE)])
def test_the_generated_parts_are_what_the_table_says(name: str, text: str) -> None:
    assert text == doc.render(name), f"rewrite them with: {WRITE}"


def test_an_edited_definition_is_noticed() -> None:
    edited = PAGE.replace("gross_profit / abs(gross_loss)", "gross_profit / gross_loss")
    assert edited != PAGE
    assert doc.rewritten(edited) == PAGE


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{i}-{example.title}" for i, example in enumerate(EXAMPLES)])
def test_an_example_comes_out(example: doc.Example) -> None:
    assert not doc.wrong_values(example)
    assert not doc.wrong_steps(example)


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{i}-{example.title}" for i, example in enumerate(EXAMPLES)])
def test_an_example_comes_out_the_same_however_it_is_cut(example: doc.Example) -> None:
    whole = example.summary()
    for cut in range(1, len(example.events) + 1):
        assert example.summary(cut) == whole


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_is_shown_defined_and_where_it_can_be_undefined(name: str) -> None:
    values = [
        claim.value
        for example in doc.examples(sections()[name])
        for claim in example.claims
        if claim.name == name and not claim.is_let
    ]
    assert set(values) - {"null", doc.ABSENT}, "no example with a value"
    if BY_NAME[name].undefined and name != "strategies_tried":
        assert "null" in values, "no example of the undefined case"
    if name in STRATEGY_ONLY:
        assert doc.ABSENT in values, "no example without strategies_tried"


def test_every_link_within_the_page_leads_somewhere() -> None:
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in sections()}
    links = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
    assert len(links) >= len(NAMES)
    assert links <= anchors


@pytest.mark.parametrize(
    ("claim", "complaint"),
    [
        ("profit_factor = 40 / 60 = 0.6666666666666667", "value"),
        ("profit_factor = 0.67", "value"),
        ("profit_factor = null", "value"),
        ("total_pnl = -20.0", "value"),
        ("profit_factor = 40 / 61 = 0.6666666666666666", "step"),
        ("total_pnl = 10 - 20 + 30 - 40.000000000000000001 = -20", "step"),
        ("sharpe_ratio = 0", "value"),  # null: both days are -10
        ("sqn = sqrt(4) * mean(10, -20, 30, -40) / stdev(10, -20, 30, -41) = -0.32163376045133846", "step"),
    ],
)
def test_a_wrong_claim_is_noticed(claim: str, complaint: str) -> None:
    example = doc.parse_example(f"2026-01-01: 10 -20\n2026-01-02: 30 -40\n{claim}\n")
    if complaint == "value":
        assert len(doc.wrong_values(example)) == 1
    else:
        assert not doc.wrong_values(example)
        assert len(doc.wrong_steps(example)) == 1


@pytest.mark.parametrize("line", ["profit factor 3", "2026-01-01: ten", "2026-01-01: 10[fee=-1]", "starting balance 3"])
def test_a_line_that_is_not_in_the_notation_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"not in the notation|not a trade"):
        doc.parse_example(line)
