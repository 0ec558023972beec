"""What every ledger promises (domain/ports.py), one fact a test."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.contract.events import DAY, HOUR, MINUTE, START, event
from trueedge_core.domain.money import from_scaled
from trueedge_core.domain.ports import ALL_TIME, AsOf, Ledger, Period, Reading, Scope
from trueedge_core.domain.summary import Summary
from trueedge_core.errors import Conflict, InvalidParameter, NotFound

ALL, LIVE, DEMO = Scope(), Scope(environment="live"), Scope(environment="demo")


def read(ledger: Ledger, scope: Scope = ALL, period: Period = ALL_TIME) -> Reading:
    reading = ledger.summary(scope, period)
    assert reading is not None
    return reading


def pnl(ledger: Ledger, scope: Scope = ALL, period: Period = ALL_TIME) -> Decimal:
    return from_scaled(read(ledger, scope, period).summary.pnl)


def test_an_empty_ledger_has_an_empty_overall_reading_and_nothing_else(ledger: Ledger) -> None:
    assert read(ledger).summary.n == 0
    assert read(ledger).as_of == AsOf(0, None)
    assert ledger.summary(Scope(account_id="acc-1")) is None
    assert ledger.summary(Scope(strategy_id="strat-1")) is None
    assert ledger.groups("strategy", Scope()).items == []
    assert ledger.trades(Scope()).items == []
    assert ledger.series(Scope(), Period(), "day") == []
    assert ledger.event("x") is None
    assert ledger.strategies_tried() == 0


def test_positions_are_given_in_order_without_gaps_and_duplicates_take_none(ledger: Ledger) -> None:
    receipts = ledger.append([event("a"), event("b"), event("a"), event("c")])
    assert [(r.outcome, r.position) for r in receipts] == [
        ("stored", 0),
        ("stored", 1),
        ("duplicate", 0),
        ("stored", 2),
    ]
    assert [(r.outcome, r.position) for r in ledger.append([event("c"), event("d")])] == [
        ("duplicate", 2),
        ("stored", 3),
    ]
    assert read(ledger).summary.n == 4


def test_the_same_id_with_other_content_is_a_conflict_that_names_the_fields(ledger: Ledger) -> None:
    ledger.append([event("a", pnl="1")])
    receipts = ledger.append([event("a", pnl="2", side="sell"), event("b", pnl="5"), event("b", pnl="6")])
    assert [r.outcome for r in receipts] == ["conflict", "stored", "conflict"]
    assert set(receipts[0].changed) == {"pnl", "side"}
    assert receipts[2].changed == ("pnl",)
    assert pnl(ledger) == 6


def test_an_equal_event_spelled_otherwise_is_a_duplicate(ledger: Ledger) -> None:
    ledger.append([event("a", pnl="1.10", timestamp="2024-01-01T00:00:00Z")])
    again = event("a", pnl="1.1", timestamp="2024-01-01 02:00:00+02:00")
    assert ledger.append([again])[0].outcome == "duplicate"


def test_the_order_of_arrival_changes_no_figure(store: Callable[[], Ledger]) -> None:
    ledger = store()
    ledger.append([event("b", START, "-5"), event("d", START + 2, "7")])
    ledger.append([event("c", START + 1, "-1")])
    ledger.append([event("a", START, "3")])  # equal time: by id, so first of all
    summary = read(ledger).summary
    # 3, -5, -1, 7: the curve 3, -2, -3, 4; the fall from 3 to -3
    assert from_scaled(summary.dd) == 6
    assert (summary.dd_peak_at, summary.dd_at) == (START, START + 1)


@pytest.mark.parametrize("late_by", [1, HOUR, DAY, 40 * DAY, 800 * DAY])
def test_a_late_event_is_counted_where_it_belongs(ledger: Ledger, late_by: int) -> None:
    number = 200  # more than a tail
    ledger.append([event(f"e{i:04d}", START + i * HOUR, "1") for i in range(number)])
    late = START + (number - 1) * HOUR - late_by
    ledger.append([event("late", late, "-50")])
    before = sum(
        1 for i in range(number) if START + i * HOUR < late or (START + i * HOUR == late and f"e{i:04d}" < "late")
    )
    summary = read(ledger).summary
    assert summary.n == number + 1
    # up by one each trade, then 50 down: the deepest fall is those 50, at the late trade
    assert (from_scaled(summary.dd), summary.dd_i, summary.dd_at) == (50, before + 1, late)


def test_periods_include_their_start_and_not_their_end(ledger: Ledger) -> None:
    ledger.append([event("a", START, "1"), event("b", START + 1, "2"), event("c", START + 2, "4")])
    assert pnl(ledger, period=Period(START, START + 2)) == 3
    assert pnl(ledger, period=Period(START + 1, None)) == 6
    assert pnl(ledger, period=Period(None, START + 1)) == 1
    assert pnl(ledger, period=Period(START + 2, START + 2)) == 0
    assert pnl(ledger, period=Period(START + 3, START + 1)) == 0


@pytest.mark.parametrize(
    "spacing", [MINUTE // 40, MINUTE, HOUR, DAY, 20 * DAY], ids=["1.5s", "minute", "hour", "day", "20days"]
)
def test_a_range_cut_anywhere_is_exact(ledger: Ledger, spacing: int) -> None:
    number = 700
    ledger.append([event(f"e{i:04d}", START + i * spacing, str(i - 300)) for i in range(number)])
    for first, last in [(0, 700), (1, 699), (13, 14), (100, 333), (350, 350), (129, 650)]:
        period = Period(START + first * spacing, START + last * spacing)
        summary = read(ledger, period=period).summary
        assert summary.n == last - first
        assert from_scaled(summary.pnl) == sum(i - 300 for i in range(first, last))


@pytest.mark.parametrize("spacing", [MINUTE // 40, HOUR, 9 * DAY])
@pytest.mark.parametrize(("step", "width"), [("hour", HOUR), ("day", DAY)])
def test_a_series_partitions_its_period(ledger: Ledger, spacing: int, step: str, width: int) -> None:
    number = 400
    ledger.append([event(f"e{i:04d}", START + i * spacing, str(i)) for i in range(number)])
    period = Period(START + 5 * spacing, START + 390 * spacing + 1)
    expected: dict[int, int] = {}
    for i in range(5, 391):
        start = (START + i * spacing) // width * width
        expected[start] = expected.get(start, 0) + i
    got = ledger.series(Scope(), period, step)  # type: ignore[arg-type]
    assert [(start, from_scaled(s.pnl)) for start, s in got] == sorted(expected.items())


def test_a_series_by_trade_and_by_month(ledger: Ledger) -> None:
    ledger.append([event("a", START, "1"), event("b", START, "2"), event("c", START + 31 * DAY, "4")])
    ledger.append([event("o", START, "9", state="open")])
    assert [(at, from_scaled(s.pnl)) for at, s in ledger.series(Scope(), Period(), "trade")] == [
        (START, 1),
        (START, 2),
        (START + 31 * DAY, 4),
    ]
    november, december = 1_698_796_800_000_000, 1_701_388_800_000_000
    assert [(at, s.n) for at, s in ledger.series(Scope(), Period(), "month")] == [(november, 2), (december, 1)]


def test_environments_are_kept_apart_and_interleaved(ledger: Ledger) -> None:
    ledger.append([event(f"l{i:03d}", START + 2 * i, "-1") for i in range(100)])
    ledger.append([event(f"d{i:03d}", START + 2 * i + 1, "1", environment="demo") for i in range(100)])
    both = read(ledger)
    assert (both.live, both.demo, both.summary.n) == (100, 100, 200)
    assert from_scaled(both.summary.dd) == 1  # -1 +1 -1 +1: never deeper than one
    assert (read(ledger, LIVE).live, read(ledger, LIVE).demo, from_scaled(read(ledger, LIVE).summary.dd)) == (
        100,
        0,
        100,
    )
    assert (read(ledger, DEMO).live, read(ledger, DEMO).demo, from_scaled(read(ledger, DEMO).summary.dd)) == (0, 100, 0)


def test_an_environment_without_events_reads_as_empty_not_as_unknown(ledger: Ledger) -> None:
    ledger.append([event("a")])
    reading = read(ledger, Scope(strategy_id="strat-1", environment="demo"))
    assert (reading.summary.n, reading.as_of) == (0, AsOf(0, None))
    assert ledger.summary(Scope(account_id="acc-1", strategy_id="other")) is None


def test_as_of_moves_with_the_scope_alone(ledger: Ledger) -> None:
    ledger.append([event("a"), event("b", strategy_id="strat-2", environment="demo")])
    first = read(ledger, Scope(strategy_id="strat-1")).as_of
    assert first.events == 1
    assert read(ledger).as_of.events == 2
    ledger.append([event("c", strategy_id="strat-2")])
    assert read(ledger, Scope(strategy_id="strat-1")).as_of == first
    assert read(ledger, Scope(strategy_id="strat-2", environment="demo")).as_of.events == 2
    assert read(ledger, Scope(strategy_id="strat-2")).as_of.events == 3
    latest = ledger.event("c")
    assert latest is not None
    assert read(ledger).as_of == AsOf(3, latest.received_at)


def test_open_events_and_voids_change_nothing_but_their_counts(ledger: Ledger) -> None:
    ledger.append([event(f"e{i:03d}", START + i, str(i % 7 - 3)) for i in range(150)])
    before = read(ledger).summary.copy()
    ledger.append([event("o", START + 3, "1000", state="open"), event("v", START + 60, "-1000")])
    ledger.void("v", "typing error")
    after = read(ledger).summary
    assert (after.opens, after.voids) == (1, 1)
    after.opens = after.voids = 0
    assert after == before


def test_a_void_is_a_log_entry_is_kept_and_can_be_repeated(ledger: Ledger) -> None:
    ledger.append([event("a", pnl="5"), event("b", START + 1, pnl="7")])
    first = ledger.void("a", "wrong account")
    assert (first.position, first.repeated) == (2, False)
    again = ledger.void("a", "another reason")
    assert (again.position, again.repeated) == (2, True)
    assert pnl(ledger) == 7
    kept = ledger.event("a")
    assert kept is not None
    assert kept.void_reason == "wrong account"
    assert kept.voided_at == read(ledger).as_of.at
    assert read(ledger).as_of.events == 3
    assert ledger.append([event("c", START + 2)])[0].position == 3
    assert ledger.append([event("a", pnl="5")])[0].outcome == "duplicate"
    with pytest.raises(NotFound):
        ledger.void("nobody", "reason")


def test_a_voided_trade_among_many_is_taken_out_of_every_scope(ledger: Ledger) -> None:
    ledger.append([event(f"e{i:03d}", START + i * MINUTE, "1") for i in range(400)])
    ledger.void("e200", "mistake")
    for scope in (Scope(), Scope("acc-1"), Scope(None, "strat-1"), Scope("acc-1", "strat-1", "live")):
        reading = read(ledger, scope)
        assert (reading.summary.n, reading.summary.voids, reading.live) == (399, 1, 399)
    assert read(ledger, period=Period(START + 200 * MINUTE, START + 201 * MINUTE)).summary.n == 0


def test_strategies_tried_are_those_with_a_closed_trade_that_stands(ledger: Ledger) -> None:
    ledger.append(
        [event("a", strategy_id="s1"), event("b", strategy_id="s2", state="open"), event("c", strategy_id="s3")]
    )
    assert ledger.strategies_tried() == 2
    ledger.void("c", "x")
    assert ledger.strategies_tried() == 1


def test_groups_are_ordered_by_id_and_paged(ledger: Ledger) -> None:
    names = ["Zeta", "alpha", "Ωmega", "beta 2", "beta"]
    ledger.append([event(f"e{i}", START + i, str(i), strategy_id=name) for i, name in enumerate(names)])
    seen, cursor = [], None
    while True:
        page = ledger.groups("strategy", Scope(), cursor=cursor, limit=2)
        seen += [(name, int(from_scaled(reading.summary.pnl))) for name, reading in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == sorted(((name, i) for i, name in enumerate(names)), key=lambda pair: pair[0].encode())
    with pytest.raises(InvalidParameter):
        ledger.groups("strategy", Scope(), cursor="nonsense")


def test_groups_within_a_scope_count_that_scope_alone(ledger: Ledger) -> None:
    ledger.append(
        [
            event("a", pnl="1", account_id="A", strategy_id="s1"),
            event("b", pnl="2", account_id="B", strategy_id="s1"),
            event("c", pnl="4", account_id="B", strategy_id="s2", environment="demo"),
        ]
    )

    def totals(kind: str, within: Scope, period: Period = ALL_TIME) -> list[tuple[str, Decimal]]:
        page = ledger.groups(kind, within, period)  # type: ignore[arg-type]
        return [(name, from_scaled(reading.summary.pnl)) for name, reading in page.items]

    assert totals("strategy", Scope(account_id="B")) == [("s1", 2), ("s2", 4)]
    assert totals("account", Scope(strategy_id="s1")) == [("A", 1), ("B", 2)]
    assert totals("strategy", Scope(environment="demo")) == [("s2", 4)]
    assert totals("strategy", Scope(strategy_id="s1")) == [("s1", 3)]
    assert totals("strategy", Scope(account_id="A", strategy_id="s2")) == []
    assert totals("strategy", Scope(), Period(START + 1, None)) == [("s1", 0), ("s2", 0)]


def test_trades_are_paged_newest_first_and_nothing_is_shown_twice_or_left_out(ledger: Ledger) -> None:
    ledger.append([event(f"e{i:03d}", START + i // 10, environment="demo" if i % 3 else "live") for i in range(95)])
    seen: list[tuple[int, str]] = []
    page = ledger.trades(Scope(), limit=7)
    for round_number in range(100):
        seen += [(trade.timestamp, trade.event_id) for trade in page.items]
        if page.cursor is None:
            break
        if round_number == 2:  # one that sorts before the cursor, one that comes after it
            ledger.append([event("znew", START + 100), event("aold", START)])
        page = ledger.trades(Scope(), cursor=page.cursor, limit=7)
    expected = [(START + i // 10, f"e{i:03d}") for i in range(95)] + [(START, "aold")]
    assert seen == sorted(expected, reverse=True)


def test_trades_are_filtered_by_scope_and_period_and_keep_what_was_sent(ledger: Ledger) -> None:
    sent = event("a", START, "0.10", metadata={"k": "v"}, strategy_id="s1")
    ledger.append(
        [sent, event("b", START + 5, strategy_id="s2"), event("c", START + 9, strategy_id="s1", state="open")]
    )
    found = ledger.trades(Scope(strategy_id="s1"), Period(START, START + 9)).items
    assert [trade.event_id for trade in found] == ["a"]
    assert (found[0].raw, found[0].position) == (sent.raw, 0)
    assert [trade.event_id for trade in ledger.trades(Scope("acc-1", "s1", "live")).items] == ["c", "a"]
    with pytest.raises(InvalidParameter):
        ledger.trades(Scope(), cursor="e30")


@pytest.mark.parametrize("scope", [ALL, LIVE, Scope("acc-1"), Scope(None, "s1"), Scope("acc-2", "s1", "demo")])
def test_in_trade_order_gives_every_event_of_the_scope_with_what_it_is_broken_down_by(
    scope: Scope, ledger: Ledger
) -> None:
    sent = [
        event(
            f"e{i:03d}",
            START + (i * 37) % 90,  # several at one instant, in another order than they arrive in
            str(i % 7 - 3),
            account_id=f"acc-{1 + i % 2}",
            strategy_id=f"s{i % 3}",
            environment="demo" if i % 5 else "live",
            symbol=f"sym {i % 4}",
            venue=f"v{i % 2}",
            side="sell" if i % 11 else "buy",
            state="open" if i % 13 == 0 else "closed",
        )
        for i in range(300)
    ]
    ledger.append(sent)
    ledger.void("e007", "x")
    period = Period(START + 3, START + 80)
    inside = [
        one
        for one in sent
        if scope.holds(one.account_id, one.strategy_id)
        and scope.environment in (None, one.environment)
        and START + 3 <= one.timestamp < START + 80
    ]
    inside.sort(key=lambda one: (one.timestamp, one.event_id.encode()))
    got = list(ledger.in_trade_order(scope, period))
    assert [(t.at, t.environment, t.symbol, t.venue, t.side) for t in got] == [
        (one.timestamp, one.environment, one.symbol, one.venue, one.side) for one in inside
    ]
    assert [(t.closed is None, t.voided) for t in got] == [
        (one.state == "open" or one.event_id == "e007", one.event_id == "e007") for one in inside
    ]
    summary = Summary()
    summary.add_all(t.closed for t in got if t.closed is not None)
    summary.opens, summary.voids = sum(t.closed is None and not t.voided for t in got), sum(t.voided for t in got)
    assert summary == read(ledger, scope, period).summary


def test_in_trade_order_may_be_left_before_its_end_and_the_ledger_goes_on(ledger: Ledger) -> None:
    assert ledger.most_in_order >= 100_000
    ledger.append([event(f"e{i:03d}", START + i) for i in range(50)])
    rest = ledger.in_trade_order(Scope())
    assert next(rest).at == START
    assert ledger.append([event("f", START + 60)])[0].outcome == "stored"
    assert list(ledger.in_trade_order(Scope(strategy_id="nobody"))) == []


# --- positions -------------------------------------------------------------------------------------------------------


def standing(ledger: Ledger, scope: Scope = ALL) -> list[str]:
    return [trade.event_id for trade in ledger.positions(scope).items]


def test_a_position_stands_until_a_close_of_its_id_and_account_comes(ledger: Ledger) -> None:
    opened = [event("o1", START, state="open", linked_position_id="p1"), event("o2", START + 1, state="open")]
    ledger.append([*opened, event("c0", START + 2)])  # a close that names none
    assert standing(ledger) == ["o2", "o1"]
    ledger.append([event("c1", START + 2, linked_position_id="p1", account_id="acc-2")])
    assert standing(ledger) == ["o2", "o1"]
    ledger.append([event("c2", START + 2, linked_position_id="p1", strategy_id="other", environment="demo")])
    assert standing(ledger) == ["o2"]
    ledger.append([event("c3", START + 2, linked_position_id="o2")])  # without an id of its own an open is its event_id
    assert standing(ledger) == []
    assert list(ledger.fsck()) == []


def test_a_close_that_comes_first_answers_its_open_as_well(ledger: Ledger) -> None:
    ledger.append([event("c", START + 9, linked_position_id="p"), event("d", START + 9, linked_position_id="o2")])
    ledger.append([event("o1", START, state="open", linked_position_id="p"), event("o2", START, state="open")])
    assert standing(ledger) == []
    ledger.append([event("o3", START, state="open", linked_position_id="p", account_id="acc-2")])
    assert standing(ledger) == ["o3"]


def test_what_is_voided_is_no_position_and_answers_none(ledger: Ledger) -> None:
    ledger.append([event("o1", state="open", linked_position_id="p"), event("o2", START + 1, state="open")])
    ledger.append([event("o4", START + 3, state="open", linked_position_id="p")])
    ledger.append([event("c1", linked_position_id="p"), event("c2", linked_position_id="p")])
    ledger.append([event("c3", linked_position_id="o2")])
    assert standing(ledger) == []
    ledger.void("c1", "x")
    assert standing(ledger) == []  # the other close is still there
    ledger.void("c2", "x")
    assert standing(ledger) == ["o4", "o1"]
    ledger.void("c3", "x")
    assert standing(ledger) == ["o4", "o2", "o1"]
    ledger.void("o2", "x")
    ledger.void("o2", "x")
    assert standing(ledger) == ["o4", "o1"]
    for _ in ledger.rebuild():
        pass
    assert standing(ledger) == ["o4", "o1"]
    assert list(ledger.fsck()) == []


def test_positions_are_filtered_and_paged_newest_first(ledger: Ledger) -> None:
    ledger.append(
        [
            event(
                f"o{i:02d}",
                START + i // 4,
                state="open",
                account_id=f"acc-{i % 2}",
                strategy_id=f"s{i % 3}",
                environment="demo" if i % 5 == 0 else "live",
            )
            for i in range(40)
        ]
    )
    ledger.append(
        [event(f"c{i:02d}", START, linked_position_id=f"o{i:02d}", account_id=f"acc-{i % 2}") for i in (7, 8)]
    )
    left = [i for i in range(39, -1, -1) if i not in (7, 8)]
    seen, cursor = [], None
    while True:
        page = ledger.positions(ALL, cursor, 7)
        assert len(page.items) <= 7
        seen += [trade.event_id for trade in page.items]
        if (cursor := page.cursor) is None:
            break
    assert seen == [f"o{i:02d}" for i in left]
    assert standing(ledger, Scope("acc-1")) == [f"o{i:02d}" for i in left if i % 2]
    assert standing(ledger, Scope("acc-0", "s2")) == [f"o{i:02d}" for i in left if i % 2 == 0 and i % 3 == 2]
    assert standing(ledger, DEMO) == [f"o{i:02d}" for i in left if i % 5 == 0]
    [first] = ledger.positions(limit=1).items
    assert first == ledger.event("o39")
    with pytest.raises(InvalidParameter):
        ledger.positions(cursor="e30")


def test_what_one_connection_stored_another_sees_at_once(store: Callable[[], Ledger]) -> None:
    first, second = store(), store()
    for i in range(100):
        writer, reader = (first, second) if i % 2 else (second, first)
        writer.append([event(f"e{i}", START + (i * 37) % 100, str(i))])
        assert read(reader).summary.n == i + 1
    assert list(first.fsck()) == []
    first.close()
    second.close()


def test_a_snapshot_does_not_move_while_others_write(store: Callable[[], Ledger]) -> None:
    reader, writer = store(), store()
    writer.append([event("a")])
    with reader.snapshot():
        assert read(reader).summary.n == 1
        writer.append([event("b", START + 1)])
        assert read(reader).summary.n == 1
        assert reader.trades(Scope()).items[0].event_id == "a"
    assert read(reader).summary.n == 2
    reader.close()
    writer.close()


def logged(ledger: Ledger) -> None:
    ledger.append([event(f"e{i:03d}", START + (i * 37) % 60 * MINUTE, str(i % 9 - 4)) for i in range(60)])
    ledger.void("e010", "typing error")
    ledger.append([event("later", START - DAY, metadata={"k": "1.10"}), event("open", START, state="open")])
    ledger.void("open", "never was")


def test_the_log_has_every_entry_once_in_order_as_it_was_sent(ledger: Ledger) -> None:
    logged(ledger)
    entries = list(ledger.log())
    assert [entry.position for entry in entries] == list(range(64))
    assert [(e.position, e.event_id, e.reason) for e in entries if e.raw is None] == [
        (60, "e010", "typing error"),
        (63, "open", "never was"),
    ]
    assert [entry.event_id for entry in entries[58:63]] == ["e058", "e059", "e010", "later", "open"]
    for entry in entries:
        trade = ledger.event(entry.event_id)
        assert trade is not None
        if entry.raw is not None:
            assert (entry.raw, entry.received_at, entry.position) == (trade.raw, trade.received_at, trade.position)
        else:
            assert (entry.reason, entry.received_at) == (trade.void_reason, trade.voided_at)
    assert list(ledger.log(61)) == entries[61:]
    assert list(ledger.log(64)) == []


def test_a_replayed_log_is_the_same_log_with_the_same_figures(ledger: Ledger, other: Ledger) -> None:
    logged(ledger)
    entries = list(ledger.log())
    for first in range(0, 64, 25):
        other.replay(entries[first : first + 25])
    assert list(other.log()) == entries
    for scope in (ALL, LIVE, Scope("acc-1", "strat-1")):
        assert read(other, scope) == read(ledger, scope)
    assert list(other.fsck()) == []


def test_a_replay_goes_on_at_the_end_of_the_log_and_nowhere_else(ledger: Ledger, other: Ledger) -> None:
    logged(ledger)
    entries = list(ledger.log())
    other.replay(entries[:30])
    for wrong in (entries[:5], entries[29:35], entries[31:35]):
        with pytest.raises(Conflict):
            other.replay(wrong)
    other.append([event("e030", START, "77")])  # its id will come along at position 30, but is taken now
    with pytest.raises(Conflict):
        other.replay([replace(entries[30], position=31)])
    assert len(list(other.log())) == 31


def test_rebuild_gives_the_same_answers(ledger: Ledger) -> None:
    ledger.append(
        [
            event(f"e{i:03d}", START + (i * 7919) % 1000 * MINUTE, str(i % 11 - 5), strategy_id=f"s{i % 4}")
            for i in range(500)
        ]
    )
    ledger.void("e250", "x")

    def answers() -> list[object]:
        return [
            [(name, r.summary.to_bytes(), r.live, r.as_of) for name, r in ledger.groups("strategy", Scope()).items],
            read(ledger).summary.to_bytes(),
            read(ledger, period=Period(START + 77 * MINUTE, START + 600 * MINUTE)).summary.to_bytes(),
        ]

    before = answers()
    progress = list(ledger.rebuild())
    assert [done <= total for done, total in progress] == [True] * len(progress)
    assert progress[-1][0] == progress[-1][1]
    assert answers() == before
    assert list(ledger.fsck()) == []
    ledger.close()
    ledger.close()
