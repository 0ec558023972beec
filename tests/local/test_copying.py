"""`copy` between stores of every kind: resumed, refused, compared."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from tests.dynamodb.faults import THROTTLED, Fault
from tests.e2e.harness import raw_lines
from tests.functions.calling import trade
from trueedge_core import wiring
from trueedge_core.domain.events import TradeEvent, parse_event
from trueedge_core.domain.money import read_json, read_one, write_json
from trueedge_core.domain.ports import Ledger, LogEntry, Scope
from trueedge_core.errors import Conflict, Unavailable
from trueedge_core.services.keys import create
from trueedge_core.storage import open_keys, open_ledger
from trueedge_local import copying
from trueedge_local.cli import main

NOW = 1_800_000_000_000_000
KINDS = ("sqlite", "dynamodb")


@pytest.fixture
def url(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str, str], str]:
    """The URL of a store of a kind, by name; the same name is the same store."""

    def of(kind: str, name: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{(tmp_path / f'{name}.db').as_posix()}"
        table = request.getfixturevalue("table_name")
        return f"dynamodb://{table}-{name}?create=1"

    return of


@pytest.fixture
def opened() -> Iterator[Callable[[str], Ledger]]:
    ledgers: list[Ledger] = []

    def open_one(url: str) -> Ledger:
        ledgers.append(open_ledger(url))
        return ledgers[-1]

    yield open_one
    for ledger in ledgers:
        ledger.close()


def events(*bodies: dict[str, object]) -> list[TradeEvent]:
    items = [read_one(write_json(body)) for body in bodies]
    return [parse_event(item.value, item.raw, NOW) for item in items]


def fill(ledger: Ledger, number: int = 40) -> None:
    """Two accounts, three strategies, both environments; late, open and voided ones."""
    for first in range(0, number, 10):
        bodies = [
            trade(
                f"t-{n}",
                account_id=f"acct-{n % 2}",
                strategy_id=f"s-{n % 3}",
                environment="live" if n % 5 else "demo",
                timestamp=f"2026-01-{1 + n * 7 % 28:02d}T12:00:00Z",
                pnl=n % 11 - 5,
            )
            for n in range(first, min(first + 10, number))
        ]
        ledger.append(events(*bodies))
        ledger.void(f"t-{first}", "typing error")
    ledger.append(events(trade("open", state="open", pnl=None, price_close=None)))


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["copy", *arguments])
    wiring.configure(None)
    return result


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("to", KINDS)
def test_a_copy_has_every_entry_at_its_position_and_every_figure(
    kind: str, to: str, url: Callable[[str, str], str], opened: Callable[[str], Ledger]
) -> None:
    source, target = url(kind, "a"), url(to, "b")
    fill(opened(source))
    done = run("--from", source, "--to", target)
    assert done.exit_code == 0, done.output
    assert "45 entries copied" in done.output
    assert "equal: every entry at its position" in done.output
    assert list(opened(target).log()) == list(opened(source).log())
    assert list(opened(target).fsck()) == []


@pytest.mark.data
@pytest.mark.parametrize("name", ["mt5_tester_moving_average", "mt5_history_demo", "mt4_statement_oanda_demo"])
def test_real_trades_go_to_a_table_and_back_without_a_difference(
    name: str, shared_data: Path, url: Callable[[str, str], str], opened: Callable[[str], Ledger]
) -> None:
    first, table, back = url("sqlite", "a"), url("dynamodb", "b"), url("sqlite", "c")
    lines = raw_lines(shared_data, f"{name}/trades.jsonl")[:1500]
    ledger = opened(first)
    ledger.append([parse_event(read_json(line), line, NOW) for line in lines])
    assert run("--from", first, "--to", table).exit_code == 0
    assert run("--from", table, "--to", back).exit_code == 0
    assert list(copying.compare(ledger, opened(back))) == []


class Dying(Exception):
    pass


@pytest.mark.parametrize("to", KINDS)
def test_a_copy_that_was_cut_short_goes_on_where_it_ended(
    to: str, url: Callable[[str, str], str], opened: Callable[[str], Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = url("sqlite", "a"), url(to, "b")
    fill(opened(source))
    monkeypatch.setattr(copying, "BATCH", 7)

    def die(what: str, done: int, total: int | None) -> None:
        if done >= 14:
            raise Dying

    with pytest.raises(Dying):
        copying.copy(opened(source), opened(target), die)
    assert copying.log_size(opened(target)) == 14
    done = run("--from", source, "--to", target)
    assert done.exit_code == 0
    assert "31 entries copied" in done.output
    assert "0 entries copied" in run("--from", source, "--to", target).output


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["PutItem", "BatchWriteItem"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_copy_into_a_table_that_dies_anywhere_can_be_finished(
    operation: str, nth: int, url: Callable[[str, str], str], opened: Callable[[str], Ledger],
    emulator: object, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Committed and not applied, or accepted and not committed: the next run completes it."""
    source, target = url("sqlite", "a"), url("dynamodb", "b")
    fill(opened(source), 20)
    monkeypatch.setattr(copying, "TRIES", 1)
    monkeypatch.setattr(copying, "BATCH", 10)
    with emulator.failing(Fault(THROTTLED, operation, nth=nth, times=None)), pytest.raises(Unavailable):  # type: ignore[attr-defined]
        copying.copy(opened(source), opened(target))
    done = run("--from", source, "--to", target)
    assert done.exit_code == 0, done.output
    assert list(opened(target).fsck()) == []


@pytest.mark.slow
def test_a_table_that_is_busy_for_a_while_is_waited_for(
    url: Callable[[str, str], str], opened: Callable[[str], Ledger], emulator: object
) -> None:
    source, target = url("sqlite", "a"), url("dynamodb", "b")
    fill(opened(source), 10)
    with emulator.failing(Fault(THROTTLED, "BatchWriteItem", times=5)):  # type: ignore[attr-defined]
        assert copying.copy(opened(source), opened(target)) == 12
    assert list(copying.compare(opened(source), opened(target))) == []


def test_a_store_with_other_trades_is_refused_and_left_alone(
    url: Callable[[str, str], str], opened: Callable[[str], Ledger]
) -> None:
    source, target = url("sqlite", "a"), url("sqlite", "b")
    fill(opened(source))
    opened(target).append(events(trade("other")))
    done = run("--from", source, "--to", target)
    assert done.exit_code == 1
    assert "holds another log" in done.output
    assert [entry.event_id for entry in opened(target).log()] == ["other"]


def test_a_target_that_is_longer_than_the_source_is_refused(
    url: Callable[[str, str], str], opened: Callable[[str], Ledger]
) -> None:
    source, target = url("sqlite", "a"), url("sqlite", "b")
    fill(opened(source))
    copying.copy(opened(source), opened(target))
    opened(target).append(events(trade("later")))
    with pytest.raises(Conflict):
        copying.copy(opened(source), opened(target))


def test_keys_go_along_and_are_revoked_where_they_were(
    url: Callable[[str, str], str], opened: Callable[[str], Ledger]
) -> None:
    source, target = url("sqlite", "a"), url("dynamodb", "b")
    fill(opened(source), 10)
    keys = open_keys(source)
    _, kept = create(keys, ["ingest"], NOW, account_id="acct-1", name="bot")
    _, gone = create(keys, ["admin"], NOW)
    assert "keys brought up to date: 2" in run("--from", source, "--to", target).output
    keys.revoke(gone.id, NOW + 1)
    assert "keys brought up to date: 1" in run("--from", source, "--to", target).output
    there = open_keys(target)
    assert there.find(kept.digest) == keys.find(kept.digest)
    assert there.find(gone.digest) == keys.find(gone.digest)
    keys.close()
    there.close()


def test_keys_stay_when_that_is_asked(url: Callable[[str, str], str], opened: Callable[[str], Ledger]) -> None:
    source, target = url("sqlite", "a"), url("sqlite", "b")
    fill(opened(source), 10)
    keys = open_keys(source)
    create(keys, ["admin"], NOW)
    keys.close()
    assert "keys brought" not in run("--from", source, "--to", target, "--no-keys").output
    there = open_keys(target)
    assert not there.has_any()
    there.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--from", "{here}", "--to", "{here}"), "the same store"),
        (("--from", "{none}", "--to", "{here}"), "there is no store"),
        (
            (
                "--from",
                "{here}",
            ),
            "Missing option '--to'",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    arguments: Sequence[str], says: str, url: Callable[[str, str], str], opened: Callable[[str], Ledger]
) -> None:
    here = url("sqlite", "a")
    fill(opened(here), 10)
    done = run(*(text.format(here=here, none=url("sqlite", "typo")) for text in arguments))
    assert done.exit_code != 0
    assert says in done.output


# --- comparing -------------------------------------------------------------------------------------------------------


class Changed:
    """A ledger that says something else in one place."""

    def __init__(self, ledger: Ledger, scope: Scope | None = None, position: int | None = None) -> None:
        self.ledger, self.scope, self.position = ledger, scope, position

    def __getattr__(self, name: str) -> object:
        return getattr(self.ledger, name)

    def log(self, first: int = 0) -> Iterator[LogEntry]:
        return (entry for entry in self.ledger.log(first) if entry.position != self.position)

    def summary(self, scope: Scope, *more: object) -> object:
        return self.ledger.summary(Scope("acct-1") if scope == self.scope else scope, *more)  # type: ignore[arg-type]

    def groups(self, kind: str, within: Scope, *more: object, **named: object) -> object:
        page = self.ledger.groups(kind, within, *more, **named)  # type: ignore[arg-type]
        if self.scope is not None and within.environment == self.scope.environment and kind == "strategy":
            rows = [(name, self.ledger.summary(Scope()) if self.scope == self._scope(within, name) else reading)
                    for name, reading in page.items]  # fmt: skip
            return type(page)(rows, page.cursor)
        return page

    def _scope(self, within: Scope, name: str) -> Scope:
        return Scope(within.account_id, name, within.environment)


@pytest.mark.parametrize(
    ("scope", "named"),
    [
        (Scope(), "everything, both environments: total_pnl is"),
        (Scope(environment="demo"), "everything, demo: total_pnl is"),
        (Scope(None, "s-1"), 'strategy "s-1", both environments: total_pnl is'),
        (Scope("acct-0", "s-2", "live"), 'account "acct-0" and strategy "s-2", live: total_pnl is'),
    ],
)
def test_a_figure_that_differs_is_named_with_its_scope(
    scope: Scope, named: str, url: Callable[[str, str], str], opened: Callable[[str], Ledger]
) -> None:
    ledger = opened(url("sqlite", "a"))
    fill(ledger)
    found = list(copying.compare(ledger, Changed(ledger, scope)))  # type: ignore[arg-type]
    assert any(line.startswith(named) for line in found), found
    assert all(line.startswith(named.partition(":")[0]) for line in found)


def test_an_entry_that_is_missing_is_named(url: Callable[[str, str], str], opened: Callable[[str], Ledger]) -> None:
    ledger = opened(url("sqlite", "a"))
    fill(ledger)
    [last] = ledger.log(44)
    found = list(copying.compare(ledger, Changed(ledger, position=44)))  # type: ignore[arg-type]
    assert found == [f"log entry 44: event 'open' received at {last.received_at} in the source, nothing in the target"]


@given(ours=st.sets(st.sampled_from("abcdef")), theirs=st.sets(st.sampled_from("abcdef")))
def test_scopes_of_one_side_alone_do_not_shift_the_others(ours: set[str], theirs: set[str]) -> None:
    def listed(names: set[str]) -> Iterator[tuple[Scope, object]]:
        return ((Scope(None, name), name) for name in sorted(names))

    found = [(scope.strategy_id, a, b) for scope, a, b in copying._both(listed(ours), listed(theirs))]  # type: ignore[arg-type]
    assert found == [
        (name, name if name in ours else None, name if name in theirs else None) for name in sorted(ours | theirs)
    ]
