"""The report as data: what it says, which number it shows, where each link leads."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.unit.report.samples import FIRST_DAY, HOSTILE, NOW, reading, summary
from trueedge_core.domain.curve import curve
from trueedge_core.domain.decimals import SCALE
from trueedge_core.domain.metrics import EDGE, METRICS
from trueedge_core.domain.ports import AsOf, Reading
from trueedge_core.domain.summary import DAY_US, Summary, merge
from trueedge_core.report import figures
from trueedge_core.report.selection import Selection
from trueedge_core.report.tables import MAX_ROWS, Group
from trueedge_core.report.view import Found, ReportView, build

OVERALL = Selection()


def view(
    s: Summary,
    selection: Selection = OVERALL,
    counts: Reading | None = None,
    groups: tuple[Group, ...] = (),
    demo: int = 0,
    tried: int = 3,
) -> ReportView:
    shown = reading(s, s.n - demo, demo)
    points = curve([s], selection.balance) if s.n else []
    return build(selection, Found(shown, counts or shown, points, groups, tried))


def shown(made: ReportView, name: str) -> str:
    figure = next(f for f in made.headline if f.name == name)
    return figure.number.text if figure.number else f"- ({figure.reason})"


def test_the_headline_figures_are_the_metrics() -> None:
    # +30, -10, +20, -60: total -20; 2 of 4 won; 50 / 70; -20 / 4; peak 40, end -20
    made = view(summary([30, -10, 20, -60], currency="EUR"))
    assert [f.name for f in made.headline] == [
        "total_pnl",
        "win_rate",
        "profit_factor",
        "expectancy",
        "max_drawdown",
        "sharpe_ratio",
        "total_trades",
        "track_record_days",
    ]
    assert shown(made, "total_pnl") == "−20.00"
    assert shown(made, "win_rate") == "50.0\u00a0%"
    assert shown(made, "profit_factor") == "0.71"
    assert shown(made, "expectancy") == "−5.00"
    assert shown(made, "max_drawdown") == "60.00"
    assert shown(made, "total_trades") == "4"
    assert shown(made, "track_record_days") == "4\u00a0days"
    assert {f.unit for f in made.headline} == {"EUR", ""}


def test_an_undefined_figure_says_why() -> None:
    made = view(summary([5, 5]))
    assert shown(made, "profit_factor") == "- (no losing trade)"
    assert shown(made, "sharpe_ratio") == "- (needs two days that differ)"


def test_every_figure_of_the_table_stands_in_one_section() -> None:
    placed = [name for _, names in figures.SECTIONS for name in names]
    assert sorted(placed) == sorted(metric.name for metric in (*METRICS, *EDGE))


def test_the_full_table_has_every_figure_with_its_definition() -> None:
    overall = [f for _, section in view(summary([1, -1])).sections for f in section]
    strategy = [f for _, section in view(summary([1, -1]), Selection(strategy_id="s")).sections for f in section]
    assert {f.name for f in strategy} - {f.name for f in overall} == {"deflated_sharpe", "strategies_tried"}
    assert all(f.definition for f in strategy)
    assert all(f.number or f.reason for f in strategy)


def test_a_starting_balance_gives_percent_of_the_peak() -> None:
    # 1000, peak 1030, trough 980: a fall of 50 from 1030
    made = view(summary([30, -50]), Selection(balance=1000 * SCALE))
    drawdown = next(f for f in made.headline if f.name == "max_drawdown")
    assert drawdown.note == "4.9\u00a0% of its peak"
    assert made.headline[0].note == "from 1,000.00 to 980.00"
    assert made.curve is not None
    assert made.curve.equity_label == "Equity"
    assert made.curve.fall == "50.00 (4.9\u00a0%)"


def test_the_curve_is_described_in_words() -> None:
    made = view(summary([30, -50, 5], currency="USD"))
    assert made.curve is not None
    assert made.curve.description.replace("\u00a0", " ") == (
        "Cumulative P&L from 0.00 on 1 Jan 2023 to −15.00 on 3 Jan 2023. Highest 30.00, lowest −20.00. "
        "The largest drawdown is 50.00, from 1 Jan 2023 to 2 Jan 2023."
    )


# --- notices ---------------------------------------------------------------------------------------------------------


def titles(made: ReportView, loud: bool) -> list[str]:
    return [notice.title for notice in made.notices if notice.loud == loud]


def test_mixed_environments_and_currencies_are_said_loudly() -> None:
    mixed = merge(summary([1], currency="USD"), summary([2], start=FIRST_DAY + DAY_US, currency="BTC"))
    made = view(mixed, Selection(chosen=True), demo=1)
    assert titles(made, loud=True) == ["Live and demo are mixed.", "Currencies are mixed."]
    assert {f.unit for f in made.headline} == {""}


def test_one_environment_and_one_currency_need_no_warning() -> None:
    assert view(summary([1], currency="USD")).notices == ()


def test_a_missing_currency_open_events_and_voids_are_noted() -> None:
    s = summary([1])
    s.opens, s.voids = 1, 1204
    assert titles(view(s), loud=False) == [
        "No currency is stated.",
        "1 open event is not in the figures.",
        "1,204 events were voided.",
    ]


def test_as_of_names_the_log_entry() -> None:
    made = view(summary([1]))
    assert made.as_of.replace("\u00a0", " ") == "As of log entry 1, received 1 Jan 2026, 00:00 UTC"


# --- links -----------------------------------------------------------------------------------------------------------


def asked(href: str) -> dict[str, str]:
    split = urlsplit(href)
    assert split.path == "/report"
    assert not split.netloc
    return dict(parse_qsl(split.query, keep_blank_values=True, strict_parsing=bool(split.query)))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_link_carries_any_id_through_the_query(name: str) -> None:
    groups = (Group("strategy", [(name, reading(summary([1])))]),)
    made = view(summary([1]), Selection(account_id=name, environment="live", chosen=True), groups=groups)
    href = made.tables[0].rows[0].href
    assert href.isascii()
    assert not set(href) & set("<>\"' \\{}")
    assert asked(href) == {"strategy_id": name, "account_id": name, "environment": "live"}


def test_links_keep_the_period_and_the_switch_keeps_everything() -> None:
    selection = Selection(
        "acc", "strat", "demo", True, start=FIRST_DAY, end=FIRST_DAY + DAY_US + 500_000, balance=2500 * SCALE
    )
    made = view(summary([1]), selection)
    kept = {
        "account_id": "acc",
        "strategy_id": "strat",
        "from": "2023-01-01",
        "to": "2023-01-02T00:00:00.5Z",
        "starting_balance": "2500",
    }
    assert [asked(s.href) for s in made.switches] == [
        {**kept, "environment": "live"},
        {**kept, "environment": "demo"},
        {**kept, "environment": "both"},
    ]
    assert [s.current for s in made.switches] == [False, True, False]
    assert [crumb.text for crumb in made.crumbs] == ["Overall", "acc"]
    assert made.balance == "Starting balance 2,500.00"
    assert asked(made.reset) == {"account_id": "acc", "strategy_id": "strat", "environment": "demo"}


def test_there_is_nothing_to_reset_where_nothing_was_asked() -> None:
    assert view(summary([1]), Selection(account_id="a", environment="live", chosen=True)).reset == ""


def test_the_links_to_the_data_ask_what_the_api_understands() -> None:
    made = view(summary([1]), Selection(strategy_id="a b", chosen=True, balance=SCALE))
    assert [link.href for link in made.data_links] == [
        "/metrics/overall?strategy_id=a+b&starting_balance=1",
        "/metrics/equity_curve?strategy_id=a+b&starting_balance=1",
        "/trade_events?strategy_id=a+b&format=csv&limit=1000",
    ]


# --- tables ----------------------------------------------------------------------------------------------------------


def test_the_best_total_comes_first_and_what_has_no_trade_last() -> None:
    groups = [(name, reading(summary(pnl))) for name, pnl in (("a", [-5]), ("b", [7]), ("c", []), ("d", [7]))]
    made = view(summary([1]), groups=(Group("account", groups),))
    assert [row.id for row in made.tables[0].rows] == ["b", "d", "a", "c"]
    assert made.tables[0].more == ""


def test_a_currency_that_all_rows_share_stands_once() -> None:
    same = [(name, reading(summary([1], currency="USD"))) for name in "ab"]
    other = [("a", reading(summary([1], currency="USD"))), ("b", reading(summary([1], currency="BTC")))]
    one, two = (view(summary([1]), groups=(Group("account", items),)).tables[0] for items in (same, other))
    assert (one.unit, {f.unit for row in one.rows for f in row.figures}) == ("USD", {""})
    assert (two.unit, [row.figures[1].unit for row in two.rows]) == ("", ["USD", "BTC"])


def test_a_long_table_says_how_much_of_it_is_shown() -> None:
    groups = [(f"s{i:04}", reading(summary([i]))) for i in range(MAX_ROWS + 12)]
    table = view(summary([1]), groups=(Group("strategy", groups),)).tables[0]
    assert len(table.rows) == MAX_ROWS
    assert table.more == "12 more strategies are not shown: GET /metrics/by_strategy lists them all."
    assert "and there are more" in view(summary([1]), groups=(Group("strategy", groups, True),)).tables[0].more


def test_a_strategys_verdict_allows_for_the_number_tried_and_an_accounts_does_not() -> None:
    # psr of +3, -1 alternating on 40 days is 0.998976; as the best of 40 strategies it is 0.81 (test_verdict.py)
    item = [("x", reading(summary([3, -1] * 20)))]
    made = view(summary([1]), groups=(Group("strategy", item), Group("account", item)), tried=40)
    assert [table.rows[0].verdict_label for table in made.tables] == ["Unproven", "Significant"]


# --- nothing to show -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selection", "elsewhere", "said"),
    [
        (Selection(start=FIRST_DAY), 0, "No closed trade lies in this period."),
        (Selection(environment="live", chosen=True), 3, "There is no closed live trade here."),
        (OVERALL, 0, "There is no closed trade here yet: figures begin with the first one."),
    ],
)
def test_an_empty_selection_says_what_is_empty(selection: Selection, elsewhere: int, said: str) -> None:
    counts = Reading(summary([1] * elsewhere), 0, elsewhere, AsOf(1, NOW))
    made = view(Summary(), selection, counts)
    assert (made.has_trades, made.nothing, made.curve) == (False, said, None)
