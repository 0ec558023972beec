"""Any history of appends, re-sends, conflicts, late events, voids, restarts and rebuilds, against the brute force."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.contract.conftest import DRIVERS
from tests.contract.events import DAY, HOUR, MINUTE, START, raw_event, validated
from tests.oracle.bruteforce import figures
from trueedge_core.domain.metrics import BY_NAME, Basis, measure
from trueedge_core.domain.ports import Ledger, Period, Scope
from trueedge_core.domain.times import format_time, parse_time

instants = st.one_of(
    st.sampled_from([START, START + 1, START + MINUTE, START + HOUR, START + DAY, START + 40 * DAY]),
    st.integers(START, START + 3 * HOUR),
    st.integers(START - 400 * DAY, START + 400 * DAY),
)
events = st.builds(
    raw_event,
    event_id=st.integers(0, 300).map(lambda i: f"e{i:03d}"),
    at=instants,
    pnl=st.sampled_from(["-3", "-1", "0", "1", "2.5", "0.000000000000000001"]),
    account_id=st.sampled_from(["A", "B"]),
    strategy_id=st.sampled_from(["s", "t", "u"]),
    environment=st.sampled_from(["live", "live", "demo"]),
    state=st.sampled_from(["closed"] * 6 + ["open"] * 2),
    linked_position_id=st.sampled_from([None, None, "p", "q", "e001", "e002"]),
)


class AnyHistory(RuleBasedStateMachine):
    """`driver` and the folder are set by the test that runs it."""

    driver = "sqlite"

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = DRIVERS[self.driver](Path(self.folder.name))
        self.ledger: Ledger = self.store()
        self.model: dict[str, dict[str, Any]] = {}
        self.voided: set[str] = set()
        self.size = 0

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            assert list(self.ledger.fsck()) == []
            self.ledger.close()
            self.folder.cleanup()

    @rule(batch=st.lists(events, max_size=40))
    def append(self, batch: list[dict[str, Any]]) -> None:
        receipts = self.ledger.append([validated(event) for event in batch])
        for event, receipt in zip(batch, receipts, strict=True):
            before = self.model.get(event["event_id"])
            assert receipt.outcome == ("stored" if before is None else "duplicate" if before == event else "conflict")
            if before is None:
                assert receipt.position == self.size
                self.model[event["event_id"]] = event
                self.size += 1

    @rule(
        first=st.integers(0, 10),
        number=st.sampled_from([30, 150]),
        spacing=st.sampled_from([1, MINUTE, HOUR]),
        pnl=st.sampled_from(["1", "-1"]),
    )
    def append_a_busy_stretch(self, first: int, number: int, spacing: int, pnl: str) -> None:
        self.append(
            [raw_event(f"b{first}-{number}-{i}", START + first * DAY + i * spacing, pnl) for i in range(number)]
        )

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        self.append([self.model[data.draw(st.sampled_from(sorted(self.model)))]])

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        event_id = data.draw(st.sampled_from(sorted(self.model)))
        receipt = self.ledger.void(event_id, "because")
        assert receipt.repeated == (event_id in self.voided)
        if not receipt.repeated:
            assert receipt.position == self.size
            self.size += 1
        self.voided.add(event_id)

    @rule()
    def restart(self) -> None:
        self.ledger.close()
        self.ledger = self.store()

    @rule(batch=st.lists(events, min_size=1, max_size=3))
    def another_process_appends(self, batch: list[dict[str, Any]]) -> None:
        mine, self.ledger = self.ledger, self.store()
        self.append(batch)
        self.ledger.close()
        self.ledger = mine

    @rule()
    def rebuild(self) -> None:
        for _ in self.ledger.rebuild():
            pass

    @rule(
        scope=st.builds(
            Scope,
            st.sampled_from([None, "A", "B"]),
            st.sampled_from([None, "s", "t"]),
            st.sampled_from([None, "live", "demo"]),
        ),
        start=st.one_of(st.none(), instants),
        end=st.one_of(st.none(), instants),
    )
    def ask(self, scope: Scope, start: int | None, end: int | None) -> None:
        self.compare(scope, Period(start, end))

    @invariant()
    def the_whole_is_right(self) -> None:
        if hasattr(self, "ledger"):
            self.compare(Scope(), Period())

    @invariant()
    def what_stands_open_is_right(self) -> None:
        if not hasattr(self, "ledger"):
            return
        valid = [event for event in self.model.values() if event["event_id"] not in self.voided]
        answered = {(e["account_id"], e.get("linked_position_id")) for e in valid if e["state"] == "closed"}
        standing = [
            event["event_id"]
            for event in valid
            if event["state"] == "open"
            and (event["account_id"], event.get("linked_position_id") or event["event_id"]) not in answered
        ]
        assert sorted(trade.event_id for trade in self.ledger.positions(limit=1000).items) == sorted(standing)

    def compare(self, scope: Scope, period: Period) -> None:
        def wanted(event: dict[str, Any]) -> bool:
            return scope.account_id in (None, event["account_id"]) and scope.strategy_id in (None, event["strategy_id"])

        inside = [event for event in self.model.values() if wanted(event)]
        reading = self.ledger.summary(scope, period)
        if reading is None:
            assert not inside
            assert scope.account_id or scope.strategy_id
            return
        counted = [
            event
            for event in inside
            if scope.environment in (None, event["environment"])
            and (period.start is None or parse_time(event["timestamp"]) >= period.start)
            and (period.end is None or parse_time(event["timestamp"]) < period.end)
        ]
        expected = figures(counted, voided={event["event_id"] for event in counted} & self.voided)
        assert {"live": reading.live, "demo": reading.demo} == expected["environments"]
        for name, value in measure(Basis(reading.summary)).items():
            shown = format_time(value) if BY_NAME[name].unit == "time" and isinstance(value, int) else value
            assert shown == expected[name], name


# A step costs some forty times as much over a socket; there the schedules of tests/dynamodb go on from here.
EXAMPLES = {"sqlite": ((25, 12), (300, 30)), "dynamodb": ((5, 8), (40, 25))}


def follow(driver: str, examples: int, steps: int) -> None:
    machine = type("Machine", (AnyHistory,), {"driver": driver})
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=steps))


def test_any_history_gives_the_brute_force_figures(driver: str) -> None:
    follow(driver, *EXAMPLES[driver][0])


@pytest.mark.slow
def test_any_long_history_gives_the_brute_force_figures(driver: str) -> None:
    follow(driver, *EXAMPLES[driver][1])
