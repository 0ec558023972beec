"""The outbox against a plain list, after the same random history of recording, sending and dying."""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from trueedge import outbox
from trueedge.outbox import Log, look, owners

URL = "http://127.0.0.1:1"


class Model(RuleBasedStateMachine):
    """One bot that dies and comes back. `recorded` was promised to it; `answered` is what a server has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="trueedge-model-"))
        self.recorded: list[bytes] = []
        self.answered: list[bytes] = []
        self.mine: list[bytes] = []  # recorded in this life and not acknowledged
        self.log: Log | None = None
        self.kept = outbox.SEGMENT_BYTES, outbox.COMPACT_BYTES

    @initialize(segment=st.integers(30, 120), compact=st.integers(20, 120))
    def sizes(self, segment: int, compact: int) -> None:
        outbox.SEGMENT_BYTES, outbox.COMPACT_BYTES = segment, compact

    def own(self) -> Log:
        if self.log is None:
            self.log = Log.create(self.folder, URL, None)
        return self.log

    @rule(size=st.integers(1, 40))
    def record(self, size: int) -> None:
        line = b"%d:" % len(self.recorded) + b"x" * size
        self.own().append(line)
        self.recorded.append(line)
        self.mine.append(line)

    @rule(most=st.integers(1, 5), room=st.integers(60, 200))
    def send(self, most: int, room: int) -> None:
        batch = self.own().peek(most, room)
        assert (batch.lines if batch else []) == self.mine[: len(batch.lines) if batch else 0]
        assert batch is not None or not self.mine, "what is not acknowledged is there to be sent"
        if batch is not None:
            self.answered += batch.lines
            self.own().advance(batch.end)
            self.mine = self.mine[len(batch.lines) :]

    @rule(most=st.integers(1, 5))
    def send_and_die_before_it_is_noted(self, most: int) -> None:
        batch = self.own().peek(most)
        self.answered += batch.lines if batch else []
        self.die(b"")

    @rule(torn=st.binary(max_size=30).filter(lambda one: b"\n" not in one))
    def die(self, torn: bytes) -> None:
        """kill -9, perhaps in the middle of a write that was never promised."""
        log = self.own()
        log.forget()
        if log._segments:
            with open(log._path(log._segments[-1]), "ab") as file:
                file.write(torn)
        self.log, self.mine = None, []

    @rule()
    def sync(self) -> None:
        self.own().sync()

    @rule()
    def close(self) -> None:
        self.own().close()
        self.log, self.mine = None, []

    @precondition(lambda self: self.log is None or self.log.is_empty)
    @rule()
    def send_what_the_dead_left(self) -> None:
        self.take_over()

    def take_over(self) -> None:
        for owner in owners(self.folder):
            log = Log.adopt(self.folder, owner)
            if log is None:
                assert self.log is not None
                assert owner == self.log.owner
                continue
            while (batch := log.peek(3)) is not None:
                assert batch.damaged == []
                self.answered += batch.lines
                log.advance(batch.end)
            log.close()

    @rule()
    def count(self) -> None:
        waiting = sum(one.events for one in look(self.folder))
        assert waiting >= len(set(self.recorded) - set(self.answered))

    def teardown(self) -> None:
        try:
            if self.log is not None:
                self.die(b"")
            self.take_over()
            assert set(self.answered) == set(self.recorded), "nothing is lost, nothing made up"
            assert os.listdir(self.folder) == []
        finally:
            outbox.SEGMENT_BYTES, outbox.COMPACT_BYTES = self.kept
            shutil.rmtree(self.folder, ignore_errors=True)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
