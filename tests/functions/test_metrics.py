"""Figures out: filters, rows, curve. The figures themselves are tested where they are computed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.functions.calling import Caller, trade
from trueedge_core.domain.metrics import BY_NAME, EDGE, METRICS, STRATEGY_ONLY

READING = ("/metrics/overall", "/metrics/by_strategy", "/metrics/by_account", "/metrics/equity_curve", "/trade_events")


@pytest.fixture
def desk(call: Caller) -> Caller:
    """trend: +10, -4 on acct-1 (live, USD); fade: -3 on acct-1 (demo, EUR), +1 on acct-2 (demo, no currency)."""
    call.store(
        [
            trade("t-1", pnl=10, environment="live", currency="USD", timestamp="2026-01-01T10:00:00Z"),
            trade("t-2", pnl=-4, environment="live", currency="USD", timestamp="2026-01-02T10:00:00Z"),
            trade("t-3", pnl=-3, strategy_id="fade", currency="EUR", timestamp="2026-01-03T10:00:00Z"),
            trade("t-4", pnl=1, strategy_id="fade", account_id="acct-2", timestamp="2026-01-04T10:00:00.5Z"),
            trade("t-5", state="open", pnl=None, price_close=None, timestamp="2026-01-05T10:00:00Z"),
        ]
    )
    return call


def test_overall_counts_everything_and_says_what_it_mixed(desk: Caller) -> None:
    answer = desk.get("/metrics/overall").json
    assert (answer["status"], answer["filters"]) == ("ok", {})
    assert answer["environments"] == {"live": 2, "demo": 2}
    assert answer["currency"] == "mixed"
    assert answer["as_of"]["events"] == 5
    metrics = answer["metrics"]
    assert [metrics[name] for name in ("total_trades", "total_pnl", "wins", "losses", "open_events")] == [4, 4, 2, 2, 1]
    assert metrics["max_drawdown"] == 7  # from 10 down to 3
    assert metrics["last_trade_at"] == "2026-01-04T10:00:00.5Z"
    assert list(metrics) == [metric.name for metric in METRICS]
    assert set(answer["edge"]) == {metric.name for metric in EDGE} - STRATEGY_ONLY


def test_money_is_plain_and_exact_in_the_answer_s_text(call: Caller) -> None:
    call.store([trade("t-1", pnl="0.1"), trade("t-2", pnl="0.2"), trade("t-3", pnl="1e-18")])
    text = call.get("/metrics/overall?starting_balance=1e4").text
    assert '"total_pnl":0.300000000000000001,' in text
    assert '"ending_equity":10000.300000000000000001,' in text
    assert '"starting_balance":10000}' in text


@pytest.mark.parametrize(
    ("query", "pnl", "echo"),
    [
        ("account_id=acct-1", 3, {"account_id": "acct-1"}),
        ("strategy_id=fade", -2, {"strategy_id": "fade"}),
        ("strategy_id=fade&account_id=acct-2", 1, {"account_id": "acct-2", "strategy_id": "fade"}),
        ("environment=live", 6, {"environment": "live"}),
        ("environment=live&account_id=acct-2", 0, {"account_id": "acct-2", "environment": "live"}),
        ("from=2026-01-02", -6, {"from": "2026-01-02T00:00:00Z"}),
        ("from=2026-01-02T10:00:00Z", -6, {"from": "2026-01-02T10:00:00Z"}),
        ("to=2026-01-02T11:00:00%2B01:00", 10, {"to": "2026-01-02T10:00:00Z"}),
        (
            "from=2026-01-02T10:00:00Z&to=2026-01-02T10:00:00Z",
            0,
            {"from": "2026-01-02T10:00:00Z", "to": "2026-01-02T10:00:00Z"},
        ),
        (
            "to=2026-01-04T10:00:00.5Z&from=2026-01-03",
            -3,
            {"from": "2026-01-03T00:00:00Z", "to": "2026-01-04T10:00:00.5Z"},
        ),
        ("starting_balance=100.50", 4, {"starting_balance": Decimal("100.5")}),
        ("strategy_id=nobody", 0, {"strategy_id": "nobody"}),
    ],
)
def test_filters_choose_and_are_echoed(query: str, pnl: int, echo: dict[str, Any], desk: Caller) -> None:
    answer = desk.get(f"/metrics/overall?{query}")
    assert answer.status == 200, answer.text
    assert answer.json["metrics"]["total_pnl"] == pnl
    assert answer.json["filters"] == echo


@pytest.mark.parametrize("target", READING)
@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("strategyid=trend", ["strategyid"]),
        ("environment=paper", ["environment"]),
        ("environment=", ["environment"]),
        ("account_id=", ["account_id"]),
        ("from=yesterday&to=2026-13-01&starting_balance=-1", ["from", "starting_balance", "to"]),
        ("from=2026-01-02&to=2026-01-01", ["from"]),
        ("from=2026-01-02T10:00:00+01:00", ["from"]),
        ("starting_balance=1e999999999", ["starting_balance"]),
        ("starting_balance=NaN", ["starting_balance"]),
        ("starting_balance=1,000", ["starting_balance"]),
        ("account_id=a&account_id=b", ["account_id"]),
        ("account_id=%FF", ["account_id"]),
        ("account_id=%zz", ["account_id"]),
        ("account_id=50%", ["account_id"]),
        ("account_id=a%00b", ["account_id"]),
        ("account_id=" + "x" * 129, ["account_id"]),
    ],
)
def test_a_wrong_parameter_is_400_and_named(target: str, query: str, fields: list[str], desk: Caller) -> None:
    answer = desk.get(f"{target}?{query}")
    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter"), answer.text
    assert sorted(error["field"] for error in answer.json["errors"]) == fields


def test_an_unknown_parameter_is_told_the_known_ones(desk: Caller) -> None:
    message = desk.get("/metrics/overall?acount_id=1").json["message"]
    assert "acount_id" in message
    assert "account_id, strategy_id, environment, from, to, starting_balance" in message
    assert "points" in desk.get("/metrics/equity_curve?x=1").json["message"]


def test_a_plus_left_unescaped_in_a_time_is_explained(desk: Caller) -> None:
    message = desk.get("/metrics/overall?from=2026-01-02T10:00:00+01:00").json["message"]
    assert "%2B" in message


@pytest.mark.parametrize(
    ("target", "pnl"),
    [
        ("/metrics/strategy/trend", 6),
        ("/metrics/strategy/fade?account_id=acct-1", -3),
        ("/metrics/account/acct-1?environment=live", 6),
        ("/metrics/account/acct-2?from=2027-01-01", 0),
    ],
)
def test_one_strategy_or_account(target: str, pnl: int, desk: Caller) -> None:
    answer = desk.get(target)
    assert answer.status == 200, answer.text
    assert answer.json["metrics"]["total_pnl"] == pnl


@pytest.mark.parametrize("target", ["/metrics/strategy/acct-1", "/metrics/account/trend", "/metrics/strategy/Trend"])
def test_one_that_the_log_has_no_event_of_is_404(target: str, desk: Caller) -> None:
    answer = desk.get(target)
    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_an_id_given_by_path_and_by_query_is_400(desk: Caller) -> None:
    answer = desk.get("/metrics/strategy/trend?strategy_id=trend")
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "strategy_id")


def test_a_strategy_is_deflated_by_all_that_were_tried(desk: Caller) -> None:
    assert desk.get("/metrics/strategy/trend").json["edge"]["strategies_tried"] == 2
    assert desk.get("/metrics/overall?strategy_id=trend").json["edge"]["strategies_tried"] == 2
    rows = desk.get("/metrics/by_strategy?account_id=acct-2").json["strategies"]
    assert [(row["strategy_id"], row["edge"]["strategies_tried"]) for row in rows] == [("fade", 2)]
    assert "strategies_tried" not in desk.get("/metrics/account/acct-1").json["edge"]


def test_a_trade_of_another_strategy_does_not_change_an_answer(desk: Caller) -> None:
    before = desk.get("/metrics/account/acct-2")
    desk.post(trade("t-6", pnl=5))
    after = desk.get("/metrics/account/acct-2")
    assert (after.body, after.headers["etag"]) == (before.body, before.headers["etag"])


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_come_by_id_with_figures_of_their_own(desk: Caller) -> None:
    answer = desk.get("/metrics/by_strategy").json
    assert answer["as_of"]["events"] == 5
    assert answer["next_cursor"] is None
    rows = [
        (r["strategy_id"], r["metrics"]["total_pnl"], r["currency"], r["environments"]) for r in answer["strategies"]
    ]
    assert rows == [("fade", -2, "EUR", {"live": 0, "demo": 2}), ("trend", 6, "USD", {"live": 2, "demo": 0})]
    accounts = desk.get("/metrics/by_account?strategy_id=fade").json["accounts"]
    assert [(row["account_id"], row["metrics"]["total_pnl"]) for row in accounts] == [("acct-1", -3), ("acct-2", 1)]


@pytest.fixture
def seven(call: Caller) -> Caller:
    """Strategies s-0 to s-6 with pnl 0, 1, 2, 0, 1, 2, 0: profit_factor is undefined everywhere but for none."""
    call.store(trade(f"t-{n}", strategy_id=f"s-{n}", pnl=n % 3) for n in range(7))
    call.post(trade("t-7", strategy_id="s-1", pnl=-1))
    return call


def names(call: Caller, query: str) -> list[str]:
    """All rows of a listing, page by page."""
    found: list[str] = []
    cursor = ""
    while True:
        answer = call.get(f"/metrics/by_strategy?{query}{cursor}")
        assert answer.status == 200, answer.text
        found += [row["strategy_id"] for row in answer.json["strategies"]]
        if answer.json["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer.json['next_cursor']}"


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "0123456"),
        ("&sort=total_pnl", "0136425"),  # 0 0 0 0 1 2 2
        ("&sort=total_pnl&order=desc", "2540136"),  # equal ones stay by id
        ("&sort=profit_factor", "1023456"),  # s-1 has one (1 / 1), undefined ones last
        ("&sort=profit_factor&order=desc", "1023456"),
        ("&sort=verdict", "0123456"),
    ],
)
def test_rows_sort_by_any_metric_over_all_pages(query: str, expected: str, limit: int, seven: Caller) -> None:
    assert "".join(name[-1] for name in names(seven, f"limit={limit}{query}")) == expected


@pytest.mark.parametrize("metric", BY_NAME)
def test_every_metric_can_be_sorted_by(metric: str, seven: Caller) -> None:
    for order in ("asc", "desc"):
        assert len(names(seven, f"limit=4&sort={metric}&order={order}")) == 7


@pytest.mark.parametrize(
    "query",
    [
        "sort=pnl",
        "sort=",
        "order=up",
        "order=desc",
        "limit=0",
        "limit=1001",
        "limit=ten",
        "limit=-1",
        "cursor=",
        "cursor=%21",
    ],
)
def test_wrong_paging_is_400(query: str, seven: Caller) -> None:
    assert seven.get(f"/metrics/by_strategy?{query}").status == 400


def test_a_cursor_is_good_for_its_question_alone(seven: Caller) -> None:
    cursor = seven.get("/metrics/by_strategy?sort=total_pnl&limit=2").json["next_cursor"]
    assert seven.get(f"/metrics/by_strategy?sort=total_pnl&limit=5&cursor={cursor}").status == 200
    for other in ("sort=losses", "sort=total_pnl&order=desc", "sort=total_pnl&environment=demo", "order=asc"):
        assert seven.get(f"/metrics/by_strategy?{other}&cursor={cursor}").status == 400
    assert seven.get(f"/metrics/by_account?sort=total_pnl&cursor={cursor}").status == 400


# --- curve -----------------------------------------------------------------------------------------------------------


def test_a_short_curve_has_a_point_per_trade(desk: Caller) -> None:
    answer = desk.get("/metrics/equity_curve?starting_balance=100").json
    assert (answer["step"], answer["currency"], answer["as_of"]["events"]) == ("trade", "mixed", 5)
    assert answer["environments"] == {"live": 2, "demo": 2}
    points = [(p["time"][8:10], p["equity"], p["high"], p["low"], p["drawdown"]) for p in answer["points"]]
    assert points == [
        ("01", 110, 110, 100, 0),  # from 100, where the curve starts
        ("02", 106, 110, 106, 4),
        ("03", 103, 106, 103, 7),
        ("04", 104, 104, 103, 7),  # the run begins at 103, still 7 below the peak
    ]


@pytest.mark.parametrize(("days", "step"), [(3, "hour"), (19, "hour"), (60, "day")])
def test_a_long_curve_is_thinned_and_loses_no_drawdown(days: int, step: str, call: Caller) -> None:
    """40 trades spread over some days; +3, -5, +7, -2 and so on."""
    pnls = [(-1) ** n * ((n * 7) % 11 + 1) for n in range(40)]
    seconds = [n * days * 86_400 // 40 for n in range(40)]
    call.store(
        trade(
            f"t-{n:02}",
            pnl=pnl,
            timestamp=(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).isoformat(),
        )
        for n, (pnl, second) in enumerate(zip(pnls, seconds, strict=True))
    )
    metrics = call.get("/metrics/overall").json["metrics"]
    for points in (2, 5, 39):
        answer = call.get(f"/metrics/equity_curve?points={points}").json
        assert answer["step"] == step
        assert 2 <= len(answer["points"]) <= points
        assert max(point["drawdown"] for point in answer["points"]) == metrics["max_drawdown"]
        assert answer["points"][-1]["equity"] == metrics["ending_equity"]
        assert answer["points"][-1]["time"] == metrics["last_trade_at"]
        assert sum(point["trades"] for point in answer["points"]) == 40
    assert call.get("/metrics/equity_curve?points=40").json["step"] == "trade"


def test_the_curve_of_nothing_has_no_points(desk: Caller) -> None:
    answer = desk.get("/metrics/equity_curve?strategy_id=nobody").json
    assert (answer["points"], answer["as_of"]) == ([], {"events": 0, "at": None})


@pytest.mark.parametrize("points", ["1", "5001", "many", "", "-3", "5.0"])
def test_points_are_2_to_5000(points: str, desk: Caller) -> None:
    assert desk.get(f"/metrics/equity_curve?points={points}").status == 400
