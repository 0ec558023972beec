"""The shipped sequencer under schedules of crashes, repetitions and races; and that the schedules would tell."""

import inspect
from typing import Any

import pytest

from tests.dynamodb.schedules import Schedule
from trueedge_core.storage.dynamodb import sequencer, tree


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets and segments that a few events fill."""
    monkeypatch.setattr(tree, "LEAF", 2)
    monkeypatch.setattr(sequencer, "SEGMENT", 3)


def run(seeds: range) -> None:
    for seed in seeds:
        try:
            Schedule(seed).run().check()
        except AssertionError as error:
            error.add_note(f"in the schedule {seed}")
            raise


def test_every_entry_is_logged_and_folded_once_whatever_crashes_repeats_or_races() -> None:
    run(range(300))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_the_same_in_twenty_thousand_schedules(part: int) -> None:
    run(range(1000 + part * 2500, 1000 + (part + 1) * 2500))


# What something rests on in the sequencer, by the function it stands in: the lines, and what they must not say.
MUTANTS: dict[str, tuple[str, dict[str, str]]] = {
    "a segment whose writer died is not applied before the next one": (
        "catch_up",
        {"apply(table, first, entries_of(table, last))": "pass"},
    ),
    "what is in the log is looked up before its size is known": (
        "sequence",
        {
            "size = catch_up(table)": "early = positions_of(table, wanted); size = catch_up(table)",
            "positions_of(table, [entry for entry in wanted if entry.mark not in positions])": "early",
        },
    ),
    "a bucket replaces a newer one": ("_take_in", {"table.each(table.put_up_to, items)": "table.put_many(items)"}),
    "a head replaces another than the one it was made from": (
        "_take_in",
        {
            "table.put_at(head_item(scope, after), None if head is None else head.q)": (
                "table.put_many([head_item(scope, after)])"
            )
        },
    ),
    "a head that has the segment takes it in again": ("_take_in", {"head.q >= end": "False"}),
    "overall says that a segment is applied before the other scopes have it": (
        "apply",
        {
            "    parts = [": "    first_of_all = read_head(heads[OVERALL]) if OVERALL in heads else None\n"
            "    _take_in(table, Scope(), first_of_all, by_scope[Scope()], end)\n    parts = ["
        },
    ),
    "a strategy that began to trade is not counted by who finds its head written": (
        "apply",
        {"if head.q == end": "if False"},
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_sequencer_without_it_is_found_out(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, lines = MUTANTS[mutant]
    source = inspect.getsource(getattr(sequencer, name))
    for line, instead in lines.items():
        assert line in source
        source = source.replace(line, instead)
    changed: dict[str, Any] = {}
    exec(compile(source, name, "exec"), sequencer.__dict__, changed)
    monkeypatch.setattr(sequencer, name, changed[name])
    with pytest.raises(AssertionError):
        run(range(600))
