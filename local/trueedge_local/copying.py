"""`copy`: a whole log to another store, every entry at its own position, then everything on both sides compared.

It takes up where it was cut short: what the target has is the beginning of the source's log, or it is refused. The
keys go along, so bots and readers go on with the ones they have.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice, zip_longest

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from trueedge_core.domain.metrics import Basis, measure
from trueedge_core.domain.ports import Environment, GroupKind, KeyStore, Ledger, LogEntry, Reading, Scope
from trueedge_core.errors import Conflict, Unavailable
from trueedge_core.services.access import binding
from trueedge_core.storage import open_keys, open_ledger

BATCH = 1000
PAGE = 1000
SHOWN = 20  # differences; whoever has more learns nothing from the rest
TRIES = 6
ENVIRONMENTS: tuple[Environment | None, ...] = (None, "live", "demo")

Advance = Callable[[str, int, int | None], None]  # what is done, how much of it, of how much (None: not known)


def run(source_url: str, target_url: str, *, with_keys: bool = True) -> int:
    """Copy and compare; the exit code: 0 when both are equal, 1 when not. Raises: TrueEdgeError."""
    console = Console(stderr=True, highlight=False)
    with closing(open_ledger(source_url)) as source, closing(open_ledger(target_url)) as target:
        with _bars(console) as advance:
            copied = copy(source, target, advance)
            differences = list(islice(compare(source, target, advance), SHOWN + 1))
        size, grown = log_size(target), log_size(source) - log_size(target)
    click.echo(f"{copied:,} entries copied; {target_url} has {size:,} now")
    if with_keys:
        with closing(open_keys(source_url)) as ours, closing(open_keys(target_url)) as theirs:
            click.echo(f"keys brought up to date: {copy_keys(ours, theirs):,}")
    for difference in differences[:SHOWN]:
        click.echo(difference)
    if differences:
        more = "more than " if len(differences) > SHOWN else ""
        hint = "the source has grown meanwhile: the same command goes on" if grown > 0 else "`fsck` says which is sound"
        click.echo(f"{more}{min(len(differences), SHOWN)} differences; {hint}", err=True)
        return 1
    click.echo("equal: every entry at its position, every figure of every scope and environment")
    return 0


# --- the log ---------------------------------------------------------------------------------------------------------


def copy(source: Ledger, target: Ledger, advance: Advance = lambda what, done, total: None) -> int:
    """Replay the source's log from where the target's ends; how many entries that was.

    Raises: Conflict when the target holds anything else than the beginning of that log; Unavailable when a store does
    not answer for good. What was copied stays, and the next call goes on.
    """
    settle(target)
    start = done = log_size(target)
    total = log_size(source)
    if done > total or _entry(source, done - 1) != _entry(target, done - 1):
        raise Conflict("the target holds another log than the beginning of the source's; name an empty store")
    advance("Copying", done, total)
    tries = 0
    while done < total:
        entries = source.log(done)
        try:
            while batch := list(islice(entries, min(BATCH, total - done))):
                target.replay(batch)
                done, tries = batch[-1].position + 1, 0
                advance("Copying", done, total)
        except Unavailable:
            tries += 1
            if tries == TRIES:
                raise
            time.sleep(2**tries / 10)
            settle(target)
            done = log_size(target)  # what was not acknowledged may have happened
    return done - start


def log_size(ledger: Ledger) -> int:
    """How many entries the log has: those that the figures have taken in, and what came after."""
    reading = ledger.summary(Scope())
    size = reading.as_of.events if reading else 0
    for entry in ledger.log(size):
        size = entry.position + 1
    return size


def settle(ledger: Ledger) -> None:
    """Have everything that is in the log taken in: a copy that was cut short may have left its last part without."""
    ledger.append([])


def _entry(ledger: Ledger, position: int) -> LogEntry | None:
    return next(iter(ledger.log(position)), None) if position >= 0 else None


def copy_keys(source: KeyStore, target: KeyStore) -> int:
    """Have each key of the source in the target, revoked if it is; how many were new or are revoked now."""
    changed = 0
    for key in source.all():
        there = target.find(key.digest)
        if there is None:
            target.add(key)
        elif key.revoked_at is not None and there.revoked_at is None:
            target.revoke(key.id, key.revoked_at)
        else:
            continue
        changed += 1
    return changed


# --- comparing -------------------------------------------------------------------------------------------------------


def compare(source: Ledger, target: Ledger, advance: Advance = lambda what, done, total: None) -> Iterator[str]:
    """What differs, a sentence each: entries of the log, then the figures of every scope in every environment."""
    total = max(log_size(source), log_size(target))
    for done, (ours, theirs) in enumerate(zip_longest(source.log(), target.log())):
        if ours != theirs:
            yield f"log entry {done}: {_named(ours)} in the source, {_named(theirs)} in the target"
        if done % PAGE == 0 or done == total - 1:
            advance("Comparing the log", done + 1, total)
    ours_tried, theirs_tried = source.strategies_tried(), target.strategies_tried()
    if ours_tried != theirs_tried:
        yield f"strategies tried: {ours_tried} in the source, {theirs_tried} in the target"
    for done, (scope, mine, other) in enumerate(_both(readings(source), readings(target)), 1):
        yield from _differences(scope, mine, other)
        advance("Comparing figures", done, None)


def readings(ledger: Ledger) -> Iterator[tuple[Scope, Reading]]:
    """All there is: overall, each strategy, account and pair, in both environments and each; in a fixed order."""
    for environment in ENVIRONMENTS:
        everything = Scope(environment=environment)
        reading = ledger.summary(everything)
        assert reading is not None  # overall has one always
        yield everything, reading
        for strategy_id, reading in _groups(ledger, "strategy", everything):
            yield Scope(None, strategy_id, environment), reading
        for account_id, reading in _groups(ledger, "account", everything):
            within = Scope(account_id, None, environment)
            yield within, reading
            for strategy_id, of_pair in _groups(ledger, "strategy", within):
                yield Scope(account_id, strategy_id, environment), of_pair


def _groups(ledger: Ledger, kind: GroupKind, within: Scope) -> Iterator[tuple[str, Reading]]:
    cursor = None
    while True:
        page = ledger.groups(kind, within, cursor=cursor, limit=PAGE)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def _both(
    source: Iterator[tuple[Scope, Reading]], target: Iterator[tuple[Scope, Reading]]
) -> Iterator[tuple[Scope, Reading | None, Reading | None]]:
    """Scope by scope; one that is on one side alone does not shift what comes after it."""
    ours, theirs = next(source, None), next(target, None)
    while ours is not None or theirs is not None:
        if theirs is None or (ours is not None and _order(ours[0]) < _order(theirs[0])):
            assert ours is not None
            yield ours[0], ours[1], None
            ours = next(source, None)
        elif ours is None or _order(theirs[0]) < _order(ours[0]):
            yield theirs[0], None, theirs[1]
            theirs = next(target, None)
        else:
            yield ours[0], ours[1], theirs[1]
            ours, theirs = next(source, None), next(target, None)


def _order(scope: Scope) -> Sequence[object]:
    """Where `readings` has the scope. Ids are listed by their bytes, as str compares them."""
    account, strategy = scope.account_id, scope.strategy_id
    is_strategy = account is None and strategy is not None
    return (
        ENVIRONMENTS.index(scope.environment),
        0 if account is None and strategy is None else 1 if is_strategy else 2,
        account or "",
        strategy or "",
    )


def _differences(scope: Scope, ours: Reading | None, theirs: Reading | None) -> Iterator[str]:
    if ours == theirs:
        return
    where = f"{binding(Scope(scope.account_id, scope.strategy_id))}, {scope.environment or 'both environments'}"
    if ours is None or theirs is None:
        yield f"{where}: only in the {'target' if ours is None else 'source'}"
        return
    mine, other = _figures(ours), _figures(theirs)
    names = [name for name in mine if mine[name] != other[name]]
    for name in names:
        yield f"{where}: {name} is {mine[name]} in the source, {other[name]} in the target"
    if not names:
        yield f"{where}: the summaries differ, though no figure does"


def _figures(reading: Reading) -> dict[str, object]:
    counted = {"live": reading.live, "demo": reading.demo, "as_of": reading.as_of}
    return {**measure(Basis(reading.summary)), **counted}


def _named(entry: LogEntry | None) -> str:
    if entry is None:
        return "nothing"
    return f"{'the void of' if entry.raw is None else 'event'} {entry.event_id!r} received at {entry.received_at}"


# --- progress --------------------------------------------------------------------------------------------------------


@contextmanager
def _bars(console: Console) -> Iterator[Advance]:
    """A bar for each part of the work, which appears when it begins."""
    columns = (TextColumn("{task.description:<17}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as progress:

        def advance(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield advance
