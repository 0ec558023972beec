"""Rows by month, weekday, hour, symbol, venue and side: every figure of every row against the brute force."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Number
from tests.e2e.judge import metric_differences
from tests.functions.calling import Caller, trade
from tests.oracle.bruteforce import figures
from tests.oracle.reading import microseconds, read
from trueedge_core import wiring
from trueedge_core.domain.breakdowns import WEEKDAYS, Months
from trueedge_core.domain.events import parse_event
from trueedge_core.domain.money import read_json
from trueedge_core.domain.ports import Ledger, Period
from trueedge_core.services import breakdowns, filters
from trueedge_core.settings import Settings
from trueedge_core.storage import open_ledger

NOW = 4_000_000_000_000_000


def moment(event: Mapping[str, Any]) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds(event["timestamp"]))


# Kind -> the rows' key, and what the row of an event is called; in the order that rows come in.
KINDS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str], Callable[[str], Any]]] = {
    "month": ("months", lambda e: f"{moment(e):%Y-%m}", str.encode),
    "weekday": ("weekdays", lambda e: WEEKDAYS[moment(e).weekday()], WEEKDAYS.index),
    "hour": ("hours", lambda e: str(moment(e).hour), int),
    "symbol": ("symbols", lambda e: e["symbol"], str.encode),
    "venue": ("venues", lambda e: e["venue"], str.encode),
    "side": ("sides", lambda e: e["side"], str.encode),
}


class Real:
    """All real trades in one store, with open events among them, and some of both voided."""

    def __init__(self, data: Path, folder: Path) -> None:
        lines = [line for file in sorted(data.glob("*/trades.jsonl")) for line in file.read_text().splitlines()]
        lines[::3] = [line.replace('"environment": "demo"', '"environment": "live"') for line in lines[::3]]
        for number in range(0, 600, 20):
            opened = {**read(lines[number * 20]), "event_id": f"open-{number}", "state": "open", "pnl": None}
            lines.append(json.dumps(opened, default=str))
        self.url = f"sqlite:///{folder / 'real.db'}"
        self.events = [read(line) for line in lines]
        self.voided = {event["event_id"] for event in self.events[100::700]} | {"open-0", "open-20"}
        ledger = open_ledger(self.url)
        parsed = [parse_event(read_json(line), line, NOW) for line in lines]
        parsed.sort(key=lambda one: one.event_id[::-1])  # not in trade order
        for start in range(0, len(parsed), 1000):
            ledger.append(parsed[start : start + 1000])
        for event_id in sorted(self.voided):
            ledger.void(event_id, "for the test")
        ledger.close()

    def rows(self, kind: str, question: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """What the brute force says to the question, row by row."""
        _, label, order = KINDS[kind]
        low, high = (
            microseconds(question.get(name, "1900-01-01" if name == "from" else "2900-01-01"))
            for name in ("from", "to")
        )
        groups: dict[str, list[Mapping[str, Any]]] = {}
        for event in self.events:
            same = all(event[name] == value for name, value in question.items() if name in event)
            if same and low <= microseconds(event["timestamp"]) < high:
                groups.setdefault(label(event), []).append(event)
        start = Fraction(question.get("starting_balance", 0))
        return {
            name: figures(inside, start, voided=self.voided & {e["event_id"] for e in inside})
            for name, inside in sorted(groups.items(), key=lambda one: order(one[0]))
        }


# The real trades and the brute force of them are made once, in one process.
pytestmark = pytest.mark.xdist_group("breakdowns")


@pytest.fixture(scope="module")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Real:
    return Real(shared_data, tmp_path_factory.mktemp("real"))


@pytest.fixture
def asked(real: Real) -> Iterator[Caller]:
    wiring.configure(Settings(store_url=real.url, open=True))
    yield Caller()
    wiring.configure(None)


QUESTIONS: dict[str, dict[str, str]] = {
    "everything": {},
    "live": {"environment": "live"},
    "cut on both sides": {
        "from": "2014-03-07T10:30:00+02:00",
        "to": "2022-11-09T15:45:30.25Z",
        "starting_balance": "5000.5",
    },
    "one account": {"account_id": "tv_backtests", "starting_balance": "100000"},
    "one strategy, inside one month": {"strategy_id": "manual", "from": "2016-08-08T11:00:00Z", "to": "2016-08-20"},
    "nothing": {"from": "2003-01-01", "to": "2003-02-01"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", QUESTIONS)
def test_every_figure_of_every_row_is_that_of_the_brute_force(name: str, kind: str, real: Real, asked: Caller) -> None:
    query = "&".join(f"{key}={value.replace('+', '%2B')}" for key, value in QUESTIONS[name].items())
    expected = real.rows(kind, QUESTIONS[name])
    assert bool(expected) == (name != "nothing")
    for _ in range(2):  # the second time from what is remembered
        answer = asked.get(f"/metrics/by_{kind}?{query}")
        assert answer.status == 200, answer.text
        body = json.loads(answer.text, parse_int=Number, parse_float=Number)
        rows = body[KINDS[kind][0]]
        assert [str(row[kind]) for row in rows] == list(expected)
        for row in rows:
            assert metric_differences(row, expected[str(row[kind])]) == [], row[kind]


@pytest.mark.parametrize("together", [0, 700])
@pytest.mark.parametrize("kind", ["weekday", "hour", "venue"])
def test_months_that_are_read_together_give_what_each_gives_by_itself(
    kind: str, together: int, asked: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all are small enough they are read at once; else in several goes, of which some are one month."""
    paths = [f"/metrics/by_{kind}?{name}=2014-03-07T10:30:00Z" for name in ("from", "to")] + [f"/metrics/by_{kind}"]
    expected = [asked.get(path).text for path in paths]
    goes = reads_in(monkeypatch)
    monkeypatch.setattr(breakdowns, "TOGETHER", together)
    wiring.months()._kept.clear()
    assert [asked.get(path).text for path in paths] == expected
    assert len(goes) > 150 if together == 0 else 20 < len(goes) < 100


def reads_in(monkeypatch: pytest.MonkeyPatch) -> list[Period]:
    """The stretches that breakdowns read from here on."""
    found: list[Period] = []
    read_run = breakdowns._read

    def noted(ledger: Ledger, asked: filters.Filters, kind: Any, months: Months, run: Any) -> Any:
        found.append(Period(run[0].period.start, run[-1].period.end))
        return read_run(ledger, asked, kind, months, run)

    monkeypatch.setattr(breakdowns, "_read", noted)
    return found


def test_a_row_of_a_month_is_the_answer_of_that_month_as_from_and_to(asked: Caller) -> None:
    rows = asked.get("/metrics/by_month?account_id=mt5_history_demo&starting_balance=700").json["months"]
    assert rows
    for row in rows:
        first = datetime.fromisoformat(f"{row['month']}-01")
        end = (first + timedelta(days=32)).replace(day=1)
        query = f"account_id=mt5_history_demo&starting_balance=700&from={first:%Y-%m-%d}&to={end:%Y-%m-%d}"
        whole = asked.get(f"/metrics/overall?{query}").json
        assert {name: row[name] for name in ("environments", "currency", "metrics")} == {
            name: whole[name] for name in ("environments", "currency", "metrics")
        }


# --- what is remembered ----------------------------------------------------------------------------------------------


class Watched:
    """A ledger that notes where the stretches begin whose events are looked at."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.read = ledger, list[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    def in_trade_order(self, scope: Any, period: Any) -> Any:
        self.read.append(f"{datetime.fromtimestamp(period.start // 1_000_000, UTC):%Y-%m-%d}")
        return self.ledger.in_trade_order(scope, period)


def by_symbol(watched: Any, months: Months, **question: str) -> dict[str, int]:
    found = breakdowns.rows(watched, filters.read(question), "symbol", months)
    return {name: reading.summary.n for name, reading in found}


def test_only_months_that_changed_are_looked_at_again(call: Caller) -> None:
    call.store([trade(f"t-{month}", timestamp=f"2026-{month:02d}-05T10:00:00Z") for month in range(1, 7)])
    watched, months = Watched(wiring.ledger()), Months()
    assert by_symbol(watched, months) == {"EURUSD": 6}
    assert watched.read == ["2026-01-01"]  # in one go
    watched.read.clear()
    assert by_symbol(watched, months) == {"EURUSD": 6}
    assert watched.read == []
    call.store([trade("late", timestamp="2026-02-07T10:00:00Z", symbol="<b>GBP</b>")])
    assert by_symbol(watched, months) == {"<b>GBP</b>": 1, "EURUSD": 6}
    assert watched.read == ["2026-02-01"]
    watched.read.clear()
    call("POST", "/trade_event/t-4/void", {"reason": "x"})
    assert by_symbol(watched, months) == {"<b>GBP</b>": 1, "EURUSD": 5}
    assert watched.read == ["2026-04-01"]


def test_a_month_that_the_question_cuts_is_not_taken_for_the_whole(call: Caller) -> None:
    call.store([trade(f"t-{day}", timestamp=f"2026-01-{day:02d}T10:00:00Z") for day in range(1, 11)])
    months = Months()
    assert by_symbol(wiring.ledger(), months, to="2026-01-05") == {"EURUSD": 4}
    assert by_symbol(wiring.ledger(), months) == {"EURUSD": 10}
    assert by_symbol(wiring.ledger(), months, **{"from": "2026-01-05"}) == {"EURUSD": 6}


def test_more_events_than_the_store_hands_over_are_refused_with_their_number(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    call.store([trade(f"t-{day}", timestamp=f"2026-01-{day:02d}T10:00:00Z") for day in range(1, 11)])
    monkeypatch.setattr(wiring.ledger(), "most_in_order", 9)
    answer = call.get("/metrics/by_venue")
    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert "at most 9 on this store, and here are 10" in answer.json["message"]
    assert [one["field"] for one in answer.json["errors"]] == ["from", "to"]
    assert call.get("/metrics/by_venue?to=2026-01-10").status == 200
    assert call.get("/metrics/by_hour").status == 200


# --- rows in pages ---------------------------------------------------------------------------------------------------


@pytest.fixture
def symbols(call: Caller) -> Caller:
    call.store([trade(f"t-{n}", symbol=f"s{n}", pnl=(n * 7) % 10) for n in range(10)])
    return call


def named(answer: Any) -> list[str]:
    return [row["symbol"] for row in answer.json["symbols"]]


def test_symbols_come_in_pages_by_name_or_by_a_figure(symbols: Caller) -> None:
    for sorting in ("", "&sort=total_pnl", "&sort=total_pnl&order=desc"):
        whole = named(symbols.get(f"/metrics/by_symbol?{sorting[1:]}"))
        seen, cursor = [], ""
        while cursor is not None:
            page = symbols.get(f"/metrics/by_symbol?limit=3{sorting}{cursor and f'&cursor={cursor}'}")
            seen += named(page)
            cursor = page.json["next_cursor"]
        assert seen == whole
        assert len(set(whole)) == 10
    assert named(symbols.get("/metrics/by_symbol?sort=total_pnl&order=desc&limit=1")) == ["s7"]


def test_a_cursor_is_good_for_its_own_question_alone(symbols: Caller) -> None:
    cursor = symbols.get("/metrics/by_symbol?limit=3").json["next_cursor"]
    for path in ("/metrics/by_venue", "/metrics/by_symbol?environment=demo", "/metrics/by_symbol?sort=total_pnl"):
        answer = symbols.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}")
        assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert symbols.get("/metrics/by_symbol?order=desc").status == 400


def test_calendar_rows_have_no_pages(symbols: Caller) -> None:
    answer = symbols.get("/metrics/by_month?limit=3")
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "limit")


def test_an_unchanged_breakdown_is_304(symbols: Caller) -> None:
    for kind in KINDS:
        tag = symbols.get(f"/metrics/by_{kind}").headers["etag"]
        assert symbols.get(f"/metrics/by_{kind}", if_none_match=tag).status == 304
    symbols.store([trade("t-new")])
    assert symbols.get("/metrics/by_side", if_none_match=tag).status == 200
