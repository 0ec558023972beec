"""What comes after the page, over a real store: exact where it says all, honest where it does not."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.report.samples import HOSTILE, NOW, desk, event, ledger
from tests.unit.report.test_render import Page
from trueedge_core.domain.days import to_days
from trueedge_core.domain.ports import ALL_TIME, Account, DayCut, Period, Scope
from trueedge_core.domain.summary import DAY_US
from trueedge_core.domain.times import format_time
from trueedge_core.report.parts import PARTS
from trueedge_core.services import filters, parts, reports
from trueedge_core.storage import open_accounts
from trueedge_core.storage.sqlite.ledger import SqliteLedger


def part(store: SqliteLedger, name: str, **asked: str) -> str:
    answer = reports.page(store, {"part": name, **asked}, base_url="http://127.0.0.1:9000", now=NOW)
    assert isinstance(answer.body, str)
    Page(answer.body)
    return answer.body


def test_the_parts_are_those_that_the_parameter_accepts() -> None:
    assert set(PARTS) == set(filters.PARTS)


@pytest.mark.parametrize("name", PARTS)
def test_every_part_of_every_selection_is_a_page(tmp_path: Path, name: str) -> None:
    store = ledger(tmp_path, desk())
    for asked in (
        {},
        {"strategy_id": "Meridian"},
        {"account_id": "IB-1"},
        {"from": "2030-01-01"},
        {"environment": "both"},
    ):
        assert f'id="part-{name}"' in part(store, name, **asked)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(-6, 6), st.booleans()), min_size=1, max_size=40),
    st.sampled_from([ALL_TIME, Period(100 * 3_600_000_000 + 1_672_531_200_000_000)]),
)
def test_the_best_and_the_worst_trades_are_the_best_and_the_worst_of_all(
    tmp_path_factory: pytest.TempPathFactory, trades: list[tuple[int, int, bool]], period: Period
) -> None:
    start = 1_672_531_200_000_000
    events = [
        event(f"x{i}", 0, str(pnl), timestamp=format_time(start + hour * 3_600_000_000))
        for i, (hour, pnl, _) in enumerate(trades)
    ]
    store = ledger(tmp_path_factory.mktemp("extremes"), events)
    for i, (_, _, voided) in enumerate(trades):
        if voided:
            store.void(f"x{i}", "no")
    kept = [e for e, (_, _, voided) in zip(events, trades, strict=True) if not voided]
    kept = [e for e in kept if period.start is None or e.timestamp >= period.start]
    days = to_days(store.series(Scope(), period, "day"))
    best = parts.extremes(store, Scope(), period, days, lambda s: s.best)
    worst = parts.extremes(store, Scope(), period, days, lambda s: -s.worst)
    amounts = [e.pnl for e in kept if e.pnl is not None]
    assert [e.pnl for e in best] == sorted(amounts, reverse=True)[:5]
    assert [e.pnl for e in worst] == sorted(amounts)[:5]
    assert len({e.event_id for e in best}) == len(best)
    store.close()


def test_the_spread_is_of_the_latest_trades_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LATEST", 50)
    html = part(ledger(tmp_path, desk()), "trades")
    assert "The latest 50 of 120 closed trades." in html
    assert sum(map(int, re.findall(r"<title>[^<]*: (\d+)</title>", html))) == 50


def test_the_spread_of_few_trades_is_of_all(tmp_path: Path) -> None:
    assert "All 120 closed trades." in part(ledger(tmp_path, desk()), "trades")


def test_hours_and_symbols_add_up_to_the_total(tmp_path: Path) -> None:
    store = ledger(tmp_path, desk())
    reading = store.summary(Scope(environment="live"))
    assert reading is not None
    total = Decimal(reading.summary.pnl).scaleb(-18)
    for name, tables in (("hours", 1), ("symbols", 3)):
        html = part(store, name)
        sums = re.findall(r'data-label="Total P&amp;L"><data class="[^"]*" value="([^"]*)"', html)
        assert sum(map(Decimal, sums)) == tables * total


def test_a_position_is_listed_until_it_is_closed(tmp_path: Path) -> None:
    store = ledger(tmp_path, [*desk(), event("o", 10, None, linked_position_id="p", symbol="GBPJPY")])
    assert "GBPJPY" in part(store, "positions")
    store.append([event("c", 11, "5", linked_position_id="p", symbol="GBPJPY")])
    assert "GBPJPY" not in part(store, "positions")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_of_trades_are_text(tmp_path: Path, name: str) -> None:
    fields = {"strategy_id": name, "account_id": name, "symbol": name, "venue": name, "tags": [name[:60]]}
    events = [
        event(f"{name[:100]}{i}", i, x, opened_at="2022-01-01T00:00:00Z", **fields) for i, x in enumerate(("5", "-5"))
    ]
    store = ledger(tmp_path, [*events, event("open", 3, None, **fields)])
    for part_name in ("trades", "positions", "symbols"):
        page = Page(part(store, part_name, strategy_id=name))
        assert name in page.texts
        assert not {"b", "img", "i"} & {tag for tag, _ in page.elements}
        assert [a for tag, a in page.elements if tag == "script" and not a.get("src")] == []


def test_limits_are_those_of_the_account_with_its_own_day(tmp_path: Path) -> None:
    store = ledger(tmp_path, [event("a", 0, "100"), event("b", 1, "-80"), event("c", 2, "30")])
    accounts = open_accounts(f"sqlite:///{(tmp_path / 'report.db').as_posix()}")
    unit = 10**18
    accounts.put(
        Account("IB-1", "<b>Mine</b>", "USD", 1000 * unit, DayCut("America/New_York", 17), 75 * unit, 160 * unit, NOW)
    )
    asked = {"account_id": "IB-1"}
    answer = reports.page(store, {**asked, "part": "limits"}, base_url="", now=NOW, accounts=accounts)
    assert isinstance(answer.body, str)
    assert "Loss of today, since 17:00 America/New_York" in answer.body
    assert "106.7\u00a0% of 75.00: reached" in answer.body  # 80 of 75
    assert "31.2\u00a0% of 160.00: within" in answer.body  # 100 - 80 + 30 stands 50 below 100
    page = reports.page(store, asked, base_url="", now=NOW, accounts=accounts)
    assert isinstance(page.body, str)
    assert "from 1,000.00 to 1,050.00" in page.body  # the account's own balance
    assert "&lt;b&gt;Mine&lt;/b&gt;" in page.body
    assert "part=limits" in page.body
    of_strategy = reports.page(store, {**asked, "strategy_id": "Meridian"}, base_url="", now=NOW, accounts=accounts)
    assert isinstance(of_strategy.body, str)
    assert "Mine" not in of_strategy.body
    assert "part=limits" not in part(store, "trades")
    accounts.close()


def test_a_dear_part_waits_until_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trueedge_core.report import view

    store = ledger(tmp_path, desk())
    assert 'data-when="asked"' not in reports.page(store, {}, base_url="", now=NOW).body  # type: ignore[operator]
    monkeypatch.setattr(view, "ASKED_ABOVE", {"symbols": 100})
    html = reports.page(store, {}, base_url="", now=NOW).body
    assert isinstance(html, str)
    assert html.count('data-when="asked"') == 1
    assert "It looks at 121 events" in html


# --- as a file -------------------------------------------------------------------------------------------------------


def test_the_saved_page_has_all_parts_no_link_and_no_request_in_it(tmp_path: Path) -> None:
    html = reports.saved(ledger(tmp_path, desk()), {}, "0.0", NOW)
    page = Page(html.replace("&amp;", "&"))
    assert not [a for tag, a in page.elements if (a.get("href") or "").startswith("/") or a.get("src")]
    assert not re.search(r'url\("(?!data:)', html)
    for name in ("trades", "hours", "positions", "symbols"):
        assert f'id="part-{name}"' in html
    policy = next(a["content"] for tag, a in page.elements if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_no_answer_in_the_saved_page_can_end_its_element(tmp_path: Path) -> None:
    name = "</script><script>alert(1)</script>"
    html = reports.saved(ledger(tmp_path, [event("a", 0, "5", strategy_id=name)]), {}, "0.0", NOW)
    assert html.count("</script>") == 3  # the answers and the two scripts
    assert "alert(1)</script>" not in html


def test_days_of_the_page_are_days_of_the_log(tmp_path: Path) -> None:
    store = ledger(tmp_path, desk())
    html = reports.page(store, {}, base_url="", now=NOW).body
    assert isinstance(html, str)
    listed = dict(one.split(":")[:2] for one in re.search(r'data-days="([^"]*)"', html)[1].split(","))  # type: ignore[index]
    days = store.series(Scope(environment="live"), ALL_TIME, "day")
    assert {int(day): Decimal(pnl) for day, pnl in listed.items()} == {
        start // DAY_US: Decimal(s.pnl).scaleb(-18) for start, s in days if s.n
    }
