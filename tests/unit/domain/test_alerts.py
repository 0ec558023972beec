"""When an account reaches a limit, against a model that walks the trades one by one; which addresses are one."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueedge_core.domain.alerts import Breach, breaches, check_url
from trueedge_core.domain.limits import trading_day
from trueedge_core.domain.ports import Account, DayCut, Period
from trueedge_core.domain.summary import Summary, closed_trade
from trueedge_core.domain.times import DAY_US, parse_time

HOUR = DAY_US // 24
NOW = parse_time("2026-01-08T15:00:00Z")
ONE = 10**18
UTC = DayCut()
Trades = list[tuple[int, int]]  # (instant, whole units of P&L), in trade order


def reader(trades: Trades):  # type: ignore[no-untyped-def]
    def read(period: Period) -> Summary:
        run = Summary()
        for at, pnl in trades:
            if (period.start is None or period.start <= at) and (period.end is None or at < period.end):
                run.add(closed_trade(at, Decimal(pnl), Decimal(0), None, None, None))
        return run

    return read


def account(daily: int | None = None, trailing: int | None = None, cut: DayCut = UTC) -> Account:
    scaled = [None if limit is None else limit * ONE for limit in (daily, trailing)]
    return Account("a", day_cut=cut, daily_loss=scaled[0], trailing_drawdown=scaled[1])


def found(trades: Trades, *, since: int = 0, **limits: int) -> list[tuple[str, int]]:
    return [(one.limit, one.used // ONE) for one in breaches(account(**limits), reader(trades), NOW, since)]


def test_a_loss_of_exactly_the_limit_reaches_it() -> None:
    assert found([(NOW, -500)], daily=500) == [("daily_loss", 500)]
    assert found([(NOW, -499)], daily=500) == []


def test_a_daily_loss_is_measured_from_where_the_day_began_and_stays_when_it_is_won_back() -> None:
    assert found([(NOW - DAY_US, -900), (NOW - 2, -500), (NOW - 1, 700)], daily=1000) == []
    assert found([(NOW - 3, 300), (NOW - 2, -800), (NOW - 1, 700)], daily=500) == [("daily_loss", 500)]


def test_a_trailing_drawdown_is_measured_from_the_highest_equity_of_all_days() -> None:
    trades = [(NOW - 3 * DAY_US, 1000), (NOW - 2 * DAY_US, -300), (NOW, -300)]
    assert found(trades, trailing=600) == [("trailing_drawdown", 600)]
    assert found(trades, trailing=601) == []


def test_an_old_drawdown_is_not_reached_again_by_a_day_without_trades() -> None:
    assert found([(NOW - 9 * DAY_US, 100), (NOW - 8 * DAY_US, -5000)], trailing=600, daily=1) == []


def test_yesterday_is_looked_at_too_unless_it_was_over_when_the_hook_was_made() -> None:
    late = [(NOW - DAY_US, -700)]
    assert found(late, daily=500) == [("daily_loss", 700)]
    assert found(late, daily=500, since=NOW - 16 * HOUR) == [("daily_loss", 700)]
    assert found(late, daily=500, since=NOW - 15 * HOUR) == []


def test_the_day_is_the_accounts_own() -> None:
    cut = DayCut("America/New_York", 17)
    [one] = breaches(account(daily=500, cut=cut), reader([(NOW - 17 * HOUR, -200), (NOW, -300)]), NOW)
    assert one == Breach("daily_loss", 500 * ONE, 500 * ONE, trading_day(cut, NOW))


TRADES = st.lists(st.tuples(st.integers(-4 * 24, 0), st.integers(-9, 9)), max_size=25).map(
    lambda found: sorted((NOW + hours * HOUR, pnl) for hours, pnl in found)
)
CUTS = st.sampled_from([DayCut(), DayCut("America/New_York", 17), DayCut("Asia/Kolkata", 5)])


@given(TRADES, st.integers(1, 20), st.integers(1, 20), CUTS)
def test_breaches_are_those_of_a_walk_over_the_trades(trades: Trades, daily: int, trailing: int, cut: DayCut) -> None:
    today = trading_day(cut, NOW)
    assert today.start is not None
    expected = []
    for day in (trading_day(cut, today.start - 1), today):
        assert day.start is not None
        assert day.end is not None
        equity = high = at_start = 0
        loss, fall, traded = 0, 0, False
        for at, pnl in trades:
            if at >= day.end:
                break
            if at >= day.start and not traded:
                at_start, fall, traded = equity, high - equity, True  # where the day begins is a part of it
            equity += pnl
            high = max(high, equity)
            if not traded:
                continue
            loss, fall = max(loss, at_start - equity), max(fall, high - equity)
        if traded and loss >= daily:
            expected.append(("daily_loss", loss, day))
        if traded and fall >= trailing:
            expected.append(("trailing_drawdown", fall, day))
    said = breaches(account(daily, trailing, cut), reader(trades), NOW)
    assert [(one.limit, one.used // ONE, one.day) for one in said] == expected


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://a.example:8443/x?y=1", "http://10.0.0.1/", "https://[::1]/"]
)
def test_an_address_of_the_web_is_accepted(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "ftp://a.example/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:password@a.example/",
        "https://user@a.example/",
        "https://a.example/#part",
        "https://a.example:0/",
        "https://a.example:99999/",
        "https://a.example:x/",
        "https://[::1/",
        "https://a.example/a b",
        "https://a.example/\r\nHost: b",
        "https://bücher.example/",
        "https://a.example/" + "x" * 2048,
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="accepted"):
        check_url(url)
