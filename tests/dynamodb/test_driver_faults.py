"""Every call that the driver makes fails once, or for good, in every way a call can fail.

Whatever fails, the caller hears `Unavailable` or gets its answer, and the same call again completes it: each event is
in the log once, positions have no gaps, and everything derived is what the log gives (`fsck`).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import copy
from typing import Any

import pytest
from botocore.config import Config

from tests.contract.events import DAY, HOUR, START, event
from tests.functions.calling import Caller, trade
from trueedge_core import wiring
from trueedge_core.domain.events import TradeEvent
from trueedge_core.domain.ports import Key, Ledger, Period, Scope
from trueedge_core.errors import StoreError, Unavailable
from trueedge_core.settings import Settings
from trueedge_core.storage.dynamodb import table as driver
from trueedge_core.storage.dynamodb.keys import DynamoKeys
from trueedge_core.storage.dynamodb.ledger import DynamoLedger
from trueedge_core.storage.dynamodb.table import DynamoTable

from . import faults
from .emulator import Emulator
from .faults import Fault


def kind(effect: object) -> str:
    """Its name among a test's parameters."""
    if isinstance(effect, faults.Cut):
        return "lost answer" if effect.applied else "lost request"
    return effect.code if isinstance(effect, faults.Refusal) else type(effect).__name__.lower()


def first_whole(*effects: faults.Effect) -> list[Any]:
    """(effect, step) of a test that loops over calls: the first at every one, the others at every third one."""
    first = pytest.param(effects[0], 1, id=f"{kind(effects[0])}, every")
    return [first, *(pytest.param(effect, 3, id=kind(effect)) for effect in effects[1:])]


REFUSALS = (faults.THROTTLED, faults.THROTTLING, faults.REQUEST_LIMIT, faults.INTERNAL_ERROR, faults.UNAVAILABLE)
DIGEST = "0123456789ab" + "c" * 52
OLD = [event("old-1", START), event("old-2", START + DAY, strategy_id="strat-2")]
# In order, late, another pair, another environment, in one call.
NEW = [
    event("new-1", START + 2 * DAY),
    event("new-2", START + HOUR, pnl="-3.5"),
    event("new-3", START + 2 * DAY, account_id="acc-2", environment="demo"),
]
Opener = Callable[[], DynamoLedger]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client retries as often as it does, but without the pauses between."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)


@pytest.fixture
def fresh(emulator: Emulator, table_name: str) -> Iterator[Opener]:
    """Makes a ledger on a table of its own that holds the old events; each call another one."""
    first, made = DynamoTable(f"{table_name}-0"), list[DynamoTable]()

    def make() -> DynamoLedger:
        table = copy(first)  # with its client: making one takes longer than all that is done with it
        table.name = f"{table_name}-{len(made)}"
        table._create()
        made.append(table)
        ledger = DynamoLedger(table)
        ledger.append(OLD)
        return ledger

    yield make
    for table in made:
        table.close()
        emulator.forget(table.name)


def assert_holds(ledger: Ledger, events: list[TradeEvent], voids: int = 0) -> None:
    """Each event once, positions without gaps, and everything derived as the log gives it."""
    entries = list(ledger.log())
    assert sorted(entry.event_id for entry in entries if entry.raw is not None) == sorted(e.event_id for e in events)
    assert [entry.position for entry in entries] == list(range(len(events) + voids))
    assert list(ledger.fsck()) == []
    reading = ledger.summary(Scope())
    assert reading is not None
    assert (reading.summary.n, reading.summary.voids) == (len(events) - voids, voids)


def calls_of(emulator: Emulator, act: Callable[[], object]) -> int:
    with emulator.metered() as meter:
        act()
    return len(meter.requests)


def append_new(ledger: Ledger) -> list[str]:
    return [receipt.outcome for receipt in ledger.append(NEW)]


def void_old(ledger: Ledger) -> list[bool]:
    return [ledger.void("old-1", "a mistake").repeated]


ACTS: dict[str, tuple[Callable[[Ledger], list[Any]], list[Any], list[TradeEvent], int]] = {
    "append": (append_new, ["stored"] * 3, OLD + NEW, 0),
    "void": (void_old, [False], OLD, 1),
}


@pytest.fixture(params=ACTS)
def act(request: pytest.FixtureRequest) -> tuple[Callable[[Ledger], list[Any]], list[Any], list[TradeEvent], int]:
    return ACTS[request.param]


# --- writing ---------------------------------------------------------------------------------------------------------


def test_an_append_makes_the_calls_that_are_looped_over_here(emulator: Emulator, fresh: Opener) -> None:
    ledger = fresh()
    assert 10 < calls_of(emulator, lambda: append_new(ledger)) < 60
    assert 5 < calls_of(emulator, lambda: void_old(ledger)) < 40


@pytest.mark.slow
@pytest.mark.parametrize(("effect", "step"), first_whole(faults.LOST_ANSWER, faults.LOST_REQUEST, *REFUSALS))
def test_one_failure_of_any_call_is_got_over_and_nobody_hears_of_it(
    emulator: Emulator, fresh: Opener, act: Any, effect: faults.Effect, step: int
) -> None:
    run, expected, events, voids = act
    number, fired = 1, True
    while fired:
        ledger = fresh()
        with emulator.failing(Fault(effect, nth=number)) as fault:
            assert run(ledger) == expected, number
        assert_holds(ledger, events, voids)
        number, fired = number + step, bool(fault.fired)
    assert number > 5


@pytest.mark.slow
@pytest.mark.parametrize(("effect", "step"), first_whole(*REFUSALS, faults.LOST_ANSWER, faults.LOST_REQUEST))
def test_when_every_call_fails_from_one_on_the_same_request_again_completes_it(
    emulator: Emulator, fresh: Opener, act: Any, effect: faults.Effect, step: int
) -> None:
    run, expected, events, voids = act
    number, fired = 1, True
    while fired:
        ledger = fresh()
        with emulator.failing(Fault(effect, nth=number, times=None)) as fault:
            try:
                assert run(ledger) == expected
            except Unavailable:
                assert fault.fired
            else:
                assert not fault.fired, "an answer was given though a call failed"
        if fault.fired:
            run(ledger)
        assert_holds(ledger, events, voids)
        number, fired = number + step, bool(fault.fired)
    assert number > 5


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver waits for an answer as long as these tests can."""
    monkeypatch.setattr(driver, "_CONFIG", driver._CONFIG.merge(Config(read_timeout=0.4)))


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_time_out_after_any_call_was_carried_out_is_got_over(emulator: Emulator, fresh: Opener, act: Any) -> None:
    run, expected, events, voids = act
    number, fired = 1, True
    while fired:
        ledger = fresh()
        with emulator.failing(Fault(faults.Late(1.2), nth=number)) as fault:
            assert run(ledger) == expected, number
        assert_holds(ledger, events, voids)
        number, fired = number + 1, bool(fault.fired)
    assert number > 5


@pytest.mark.usefixtures("brief")
def test_a_time_out_that_goes_on_is_unavailable(emulator: Emulator, fresh: Opener) -> None:
    ledger = fresh()
    with emulator.failing(Fault(faults.Late(1.2), times=None)), pytest.raises(Unavailable):
        append_new(ledger)
    append_new(ledger)
    assert_holds(ledger, OLD + NEW)


def test_refused_connections_are_unavailable(emulator: Emulator, fresh: Opener) -> None:
    ledger = fresh()
    with emulator.refusing(), pytest.raises(Unavailable):
        append_new(ledger)
    assert append_new(ledger) == ["stored"] * 3
    assert_holds(ledger, OLD + NEW)


def test_a_conflict_with_another_transaction_is_unavailable(emulator: Emulator, fresh: Opener) -> None:
    ledger = fresh()
    with emulator.failing(Fault(faults.CONFLICT, times=None)), pytest.raises(Unavailable):
        append_new(ledger)
    append_new(ledger)
    assert_holds(ledger, OLD + NEW)


def test_writes_and_reads_that_a_batch_left_are_completed(emulator: Emulator, fresh: Opener) -> None:
    ledger = fresh()
    events = [event(f"many-{n}", START + n * HOUR) for n in range(60)]
    left = Fault(faults.Partial(9), "BatchWriteItem", times=None)
    unread = Fault(faults.Partial(9), "BatchGetItem", times=None)
    with emulator.failing(left, unread):
        ledger.append(events)
        assert len(ledger.trades(Scope(), limit=100).items) == 62
    assert left.fired > 6
    assert unread.fired > 6
    assert_holds(ledger, OLD + events)


def test_a_batch_that_is_never_completed_is_unavailable(
    emulator: Emulator, fresh: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "SECONDS", 0.2)
    ledger = fresh()
    events = [event(f"many-{n}", START + n * HOUR) for n in range(25)]
    with emulator.failing(Fault(faults.Partial(1), "BatchWriteItem", times=None)), pytest.raises(Unavailable):
        ledger.append(events)
    ledger.append(events)
    assert_holds(ledger, OLD + events)


@pytest.mark.slow
def test_writers_that_meet_at_every_call_store_each_event_once(emulator: Emulator, fresh: Opener) -> None:
    """Before call after call of one append, another writer does a whole append of its own."""
    ledger = fresh()
    name = ledger.table.name  # type: ignore[attr-defined]
    others = DynamoLedger(DynamoTable(name))
    number, appended, lock = 0, [], threading.Lock()

    def other() -> None:
        with lock:
            one = event(f"other-{len(appended)}", START + len(appended) * HOUR)
            appended.append(one)
        others.append([one])

    ours: list[TradeEvent] = []
    fired = True
    while fired:
        number += 1
        mine = [event(f"mine-{number}-{n}", START + number * HOUR + n) for n in range(2)]
        ours += mine
        with emulator.failing(Fault(faults.Meanwhile(other), nth=number)) as fault:
            assert [receipt.outcome for receipt in ledger.append(mine)] == ["stored", "stored"]
        fired = bool(fault.fired)
    assert number > 5
    assert_holds(ledger, OLD + ours + appended)
    others.close()


# --- reading ---------------------------------------------------------------------------------------------------------

READS: dict[str, Callable[[Ledger], object]] = {
    "summary": lambda ledger: ledger.summary(Scope(strategy_id="strat-1")),
    "summary of a period": lambda ledger: ledger.summary(Scope(), Period(START + HOUR, START + 3 * DAY)),
    "groups": lambda ledger: ledger.groups("strategy", Scope()),
    "groups of an account": lambda ledger: ledger.groups("strategy", Scope("acc-1")),
    "series": lambda ledger: ledger.series(Scope(), Period(), "day"),
    "trades": lambda ledger: ledger.trades(Scope(), limit=2),
    "event": lambda ledger: ledger.event("old-1"),
    "log": lambda ledger: list(ledger.log()),
    "strategies tried": lambda ledger: ledger.strategies_tried(),
    "fsck": lambda ledger: list(ledger.fsck()),
}


@pytest.mark.slow
@pytest.mark.parametrize(("effect", "step"), first_whole(faults.THROTTLED, faults.INTERNAL_ERROR, faults.LOST_ANSWER))
@pytest.mark.parametrize("read", READS)
def test_a_read_that_fails_at_any_call_is_unavailable_and_then_what_it_was(
    emulator: Emulator, fresh: Opener, read: str, effect: faults.Effect, step: int
) -> None:
    ledger = fresh()
    ledger.append(NEW)
    ledger.void("old-1", "a mistake")
    expected = READS[read](ledger)
    for number in range(1, 1 + calls_of(emulator, lambda: READS[read](ledger)), step):
        with emulator.failing(Fault(effect, nth=number)):
            assert READS[read](ledger) == expected, number
        with emulator.failing(Fault(effect, nth=number, times=None)), pytest.raises(Unavailable):
            READS[read](ledger)
    assert READS[read](ledger) == expected


def test_every_read_is_strongly_consistent(emulator: Emulator, fresh: Opener) -> None:
    ledger = fresh()
    ledger.append(NEW)
    with emulator.metered() as meter:
        for read in READS.values():
            read(ledger)
    assert {request.operation for request in meter.requests} >= {"GetItem", "BatchGetItem", "Query", "Scan"}
    assert [request for request in meter.requests if not request.writes and not request.consistent] == []


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def keys(emulator: Emulator, table_name: str) -> Iterator[DynamoKeys]:
    store = DynamoKeys(DynamoTable(table_name, create=True))
    yield store
    store.close()


def a_key(digest: str = DIGEST) -> Key:
    return Key(digest, ("admin",), created_at=START)


LOST = [faults.LOST_ANSWER, faults.LOST_REQUEST, faults.THROTTLED, faults.INTERNAL_ERROR]


@pytest.mark.parametrize("effect", LOST, ids=kind)
def test_a_first_key_is_made_once_and_said_to_be_though_the_answer_was_lost(
    emulator: Emulator, keys: DynamoKeys, effect: faults.Effect
) -> None:
    with emulator.failing(Fault(effect)) as fault:
        assert keys.add_first(a_key()) is True
    assert fault.fired == 1
    assert keys.add_first(a_key("f" * 64)) is False
    assert keys.all() == [a_key()]


@pytest.mark.parametrize("effect", LOST, ids=kind)
def test_a_key_is_revoked_once_whatever_call_fails(emulator: Emulator, keys: DynamoKeys, effect: faults.Effect) -> None:
    keys.add(a_key())
    for number in range(1, 4):
        with emulator.failing(Fault(effect, nth=number)):
            assert keys.revoke(a_key().id, START + 5).revoked_at == START + 5


@pytest.mark.parametrize("effect", [*LOST, faults.CONFLICT], ids=kind)
def test_keys_that_cannot_be_reached_are_unavailable_and_no_half_of_one_is_kept(
    emulator: Emulator, keys: DynamoKeys, effect: faults.Effect
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: keys.add(a_key()),
        lambda: keys.add_first(a_key()),
        lambda: keys.find(DIGEST),
        keys.has_any,
        keys.all,
        lambda: keys.revoke(DIGEST[:12], START),
    ]
    for call in calls:
        with emulator.failing(Fault(effect, times=None)), pytest.raises(Unavailable):
            call()
    assert keys.has_any() == bool(keys.all())
    keys.add(a_key())
    assert keys.all() == [a_key()]


@pytest.mark.parametrize("effect", [*LOST, faults.CONFLICT], ids=kind)
def test_nobody_waits_or_fails_for_the_note_that_a_key_was_used(
    emulator: Emulator, keys: DynamoKeys, effect: faults.Effect
) -> None:
    keys.add(a_key())
    with emulator.failing(Fault(effect, times=None)):
        keys.touch(DIGEST, START)
    keys.touch(DIGEST, START + 1)
    found = keys.find(DIGEST)
    assert found is not None
    assert found.last_used_at == START + 1


# --- what the trader sees --------------------------------------------------------------------------------------------


def test_a_throttled_request_is_a_503_with_retry_after_and_the_same_request_is_taken(
    emulator: Emulator, table_name: str
) -> None:
    wiring.configure(Settings(store_url=f"dynamodb://{table_name}?create=1&sequencing=inline", open=True))
    try:
        call = Caller()
        assert call.get("/metrics/overall").status == 200
        with emulator.failing(Fault(faults.THROTTLED, times=None)):
            refused = [call.post(trade()), call("POST", "/trade_events", [trade()]), call.get("/metrics/overall")]
        assert [answer.status for answer in refused] == [503, 503, 503]
        assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
        taken = call.post(trade())
        assert (taken.status, taken.json["duplicate"]) == (200, False)
        assert call.post(trade()).json["duplicate"] is True
    finally:
        wiring.configure(None)


def test_a_table_that_is_still_being_created_is_waited_for(
    emulator: Emulator, table_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator, "creating_seconds", 0.5)
    with closing(DynamoTable(table_name, create=True)) as table:
        assert table.put_new({"PK": "p", "SK": "s"}) is None


def test_a_table_that_is_not_there_is_said_to_be_missing_not_busy(emulator: Emulator, table_name: str) -> None:
    with pytest.raises(StoreError, match="there is no table"):
        DynamoLedger(DynamoTable(table_name)).append(NEW)
