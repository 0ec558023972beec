"""Schedules: what the sequencer may meet, one call of the table at a time, chosen by a seed.

Instances run the shipped sequencer side by side. Before each call of the table one of them is chosen to go on; any of
them may die before a call, or after it and before it knows the answer. What a dead one had in hand is delivered again,
as a stream does, and some batches are delivered twice for no reason. Readers ask in between. A batch's items are
written and read one by one, as DynamoDB does: only single items are atomic.
"""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from tests.contract.events import DAY, HOUR, NOW, START, event
from tests.dynamodb.memory import MemoryTable
from trueedge_core.domain.nodes import entry_of, fold
from trueedge_core.domain.ports import Period, Reading, Scope
from trueedge_core.domain.summary import Summary
from trueedge_core.storage.dynamodb import sequencer
from trueedge_core.storage.dynamodb.items import Accepted, event_item, segment_bounds, segment_ids, void_item
from trueedge_core.storage.dynamodb.ledger import DynamoLedger
from trueedge_core.storage.dynamodb.repair import check
from trueedge_core.storage.dynamodb.table import LAST, Item, Key

T = TypeVar("T")
R = TypeVar("R")


class Died(BaseException):
    """The instance is gone: nothing of it may catch this."""


class Instance(MemoryTable):
    """One instance's way to the table: each item that it reads or writes is a step."""

    def __init__(self, shared: MemoryTable, step: Callable[[], bool]) -> None:
        self.items, self.sorts, self.step = shared.items, shared.sorts, step

    def _at(self, call: Callable[[], R]) -> R:
        dies_after = self.step()
        result = call()
        if dies_after:
            raise Died
        return result

    def get(self, key: Key) -> Item | None:
        return self._at(lambda: super(Instance, self).get(key))

    def put_new(self, item: Item) -> Item | None:
        def put() -> Item | None:
            there = self.items.get((str(item["PK"]), str(item["SK"])))
            if there is None:
                self._put(item)
            return None if there is None else dict(there)

        return self._at(put)

    def put_at(self, item: Item, was: int | None) -> bool:
        return self._at(lambda: super(Instance, self).put_at(item, was))

    def put_up_to(self, item: Item) -> bool:
        return self._at(lambda: super(Instance, self).put_up_to(item))

    def delete_up_to(self, key: Key, q: int) -> None:
        self._at(lambda: super(Instance, self).delete_up_to(key, q))

    def put_many(self, items: Sequence[Item]) -> None:
        for item in items:
            self._at(lambda: self._put(item))  # noqa: B023 - called at once

    def query(
        self, pk: str, low: str = "", high: str = LAST, *, newest_first: bool = False, page: int | None = None
    ) -> Iterator[Item]:
        done: set[str] = set()  # a page is a few items; the next one is read later, from where this one ended
        while rest := [
            item
            for item in self._at(lambda: list(super(Instance, self).query(pk, low, high, newest_first=newest_first)))
            if str(item["SK"]) not in done and all((str(item["SK"]) < sort) == newest_first for sort in done)
        ][:3]:
            done.update(str(item["SK"]) for item in rest)
            yield from rest


class Schedule:
    """One run; `check` raises AssertionError if anything is not as it must be."""

    def __init__(self, seed: int) -> None:
        self.choose = random.Random(seed)
        self.shared = MemoryTable()
        self.deaths = self.choose.choice((0, 1, 2, 4))
        self.batches = self._batches()
        self.readers = self.choose.choice((0, 1, 2))
        self.failure: BaseException | None = None

    # --- what is accepted ---

    def _batches(self) -> list[list[Accepted]]:
        choose = self.choose
        number = choose.randint(1, 12)
        spread = choose.choice((3, HOUR, 40 * HOUR, 70 * DAY))
        accounts, strategies = choose.choice(("A", "AB")), choose.choice(("s", "st"))
        self.events: list[Accepted] = []
        for index in range(number):
            made = event(
                f"e{index}",
                START + choose.randrange(spread),
                choose.choice(("-3", "1", "2", "0")),
                account_id=choose.choice(accounts),
                strategy_id=choose.choice(strategies),
                environment=choose.choice(("live", "live", "demo")),
                state=choose.choice(("closed", "closed", "closed", "open")),
                linked_position_id=choose.choice((None, "p", "q")),
            )
            self.events.append(Accepted(made, NOW + index))
        self.voids = [Accepted(one.event, NOW + 100, True) for one in self.events if choose.random() < 0.15]
        for one in self.events:
            self.shared.put_new(event_item(one.event, one.received_at, "n"))
        for one in self.voids:
            self.shared.put_new(void_item(one.event.event_id, "why", one.received_at, "n"))
        pending: list[list[Accepted]] = [[one] for one in self.events]
        pending += [[self._event_of(one), one] for one in self.voids]
        choose.shuffle(pending)
        batches: list[list[Accepted]] = []
        while pending:
            size = choose.randint(1, 4)
            batches.append([one for part in pending[:size] for one in part])
            del pending[:size]
        batches += [choose.choice(batches) for _ in range(choose.choice((0, 0, 1, 2)))]
        return batches

    def _event_of(self, void: Accepted) -> Accepted:
        return next(one for one in self.events if one.event is void.event)

    # --- running ---

    def run(self) -> "Schedule":
        waiting = list(self.batches)
        turn = Turn(self.choose, self.choose.choice((1, 5, 30)))
        answers: list[tuple[Scope, Period, Reading]] = []

        def work(mine: "Place") -> None:
            while waiting:
                batch = waiting.pop(0)
                try:
                    sequencer.sequence(Instance(self.shared, lambda: self._step(mine)), batch)
                except Died:
                    waiting.append(batch)

        def read(mine: "Place") -> None:
            ledger = DynamoLedger(Instance(self.shared, lambda: mine.step() and False))
            for _ in range(4):
                scope, period = self._question()
                reading = ledger.summary(scope, period)
                if reading is not None:
                    answers.append((scope, period, reading))

        jobs = [work] * self.choose.randint(1, 3) + [read] * self.readers
        turn.run(jobs)
        if turn.failure is not None:
            raise turn.failure
        self.answers = answers
        return self

    def _step(self, mine: "Place") -> bool:
        """Wait for the turn; die before the call, or say that the instance dies after it."""
        mine.step()
        if self.deaths and self.choose.random() < 0.04:
            self.deaths -= 1
            if self.choose.random() < 0.5:
                raise Died
            return True
        return False

    def _question(self) -> tuple[Scope, Period]:
        choose = self.choose
        scope = Scope(choose.choice((None, "A", "B")), choose.choice((None, "s", "t")))
        times = sorted(one.event.timestamp for one in self.events)
        start, end = choose.choice((None, *times)), choose.choice((None, *times))
        return scope, Period(start, end)

    # --- what must hold ---

    def check(self) -> None:
        log = self._log()
        accepted = [(one.event.event_id, one.is_void) for one in [*self.events, *self.voids]]
        assert sorted(log) == sorted(accepted), "an entry is not in the log, or twice"
        for void in self.voids:
            assert log.index((void.event.event_id, False)) < log.index((void.event.event_id, True))
        assert [finding.message for finding in check(self.shared)] == []
        ledger = DynamoLedger(self.shared)
        for scope in (Scope(), Scope("A"), Scope(strategy_id="t"), Scope("B", "s")):
            reading = ledger.summary(scope)
            self._compare(log, scope, Period(), reading or Reading(Summary(), 0, 0, None))  # type: ignore[arg-type]
        for scope, period, reading in self.answers:
            self._compare(log[: reading.as_of.events], scope, period, reading)

    def _log(self) -> list[tuple[str, bool]]:
        found: list[tuple[str, bool]] = []
        for segment in self.shared.query("L"):
            assert segment_bounds(segment)[0] == len(found), "positions have a gap, or overlap"
            found += segment_ids(segment)
        return found

    def _compare(self, log: list[tuple[str, bool]], scope: Scope, period: Period, reading: Reading) -> None:
        """A reading against the fold of the log's entries that lie in the scope and period."""
        position = {event_id: place for place, (event_id, is_void) in enumerate(log) if not is_void}
        gone = {event_id for event_id, is_void in log if is_void}
        entries = []
        for one in self.events:
            made = one.event
            inside = (period.start is None or made.timestamp >= period.start) and (
                period.end is None or made.timestamp < period.end
            )
            if made.event_id in position and scope.holds(made.account_id, made.strategy_id) and inside:
                entry = entry_of(made, position[made.event_id])
                entries.append(entry._replace(closed=None, voided=True) if made.event_id in gone else entry)
        expected = fold(sorted(entries, key=lambda entry: entry.key)).of(None) or Summary()
        assert reading.summary == expected, f"{scope} {period}: {reading.summary} is not {expected}"


# --- taking turns ----------------------------------------------------------------------------------------------------


class Place:
    """One thread's place in the round: it stands still between `step`s, until it is chosen."""

    def __init__(self, turn: "Turn") -> None:
        self.turn = turn
        self.go = threading.Semaphore(0)

    def step(self) -> bool:
        self.turn.pass_on(self)
        return True


class Turn:
    """Runs functions as threads of which one runs at a time; the next is chosen after each `burst` steps on average.

    Long bursts leave an instance standing in the middle of a write while others go through several segments.
    """

    def __init__(self, choose: random.Random, burst: int) -> None:
        self.choose, self.burst = choose, burst
        self.places: list[Place] = []
        self.failure: BaseException | None = None
        self.over = threading.Semaphore(0)

    def run(self, jobs: Sequence[Callable[[Place], None]]) -> None:
        self.places = [Place(self) for _ in jobs]
        threads = [
            threading.Thread(target=self._live, args=(job, place), daemon=True)
            for job, place in zip(jobs, self.places, strict=True)
        ]
        for thread in threads:
            thread.start()
        self.choose.choice(self.places).go.release()
        self.over.acquire()
        for thread in threads:
            thread.join()

    def pass_on(self, mine: Place) -> None:
        if self.choose.random() * self.burst >= 1:
            return
        chosen = self.choose.choice(self.places)
        if chosen is not mine:
            chosen.go.release()
            mine.go.acquire()

    def _live(self, job: Callable[[Place], None], place: Place) -> None:
        place.go.acquire()
        try:
            job(place)
        except BaseException as error:
            self.failure = self.failure or error
        self.places.remove(place)
        if self.places:
            self.choose.choice(self.places).go.release()
        else:
            self.over.release()
