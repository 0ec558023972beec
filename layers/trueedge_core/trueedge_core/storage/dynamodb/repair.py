"""`fsck` and `rebuild` of a table: everything derived, made again from what was accepted and the segments' order.

Both go through history by month, so that they hold a month of rows at a time and not the whole.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import attrgetter

from ...domain.calendar import DAY, HOUR, MINUTE, MONTH, bounds, bucket_of
from ...domain.nodes import Entry, Node, fold
from ...domain.ports import Finding, Scope
from ...domain.times import format_time
from .items import (
    ENVIRONMENTS,
    SEP,
    SHARDS,
    Accepted,
    Head,
    bucket_partition,
    bucket_sort,
    head_item,
    head_key,
    instant,
    joined,
    mark_item,
    pointer_item,
    read_bucket,
    read_head,
    read_rows,
    row_item,
    scopes_of,
    segment_bounds,
)
from .positions import Position, concerned, fact_items, facts_of, settle
from .sequencer import entries_of, overall, unsequenced
from .table import Item, Key, Table, key_of
from .tree import ScopeTree

LEVEL_NAMES = {MONTH: "month", DAY: "day", HOUR: "hour", MINUTE: "minute"}
EVERYTHING = 2**62  # no position is as great


def label(scope: Scope) -> str:
    """What a finding calls a scope."""
    return bucket_partition(scope).partition(SEP)[2].replace(SEP, " ")


# --- rows ------------------------------------------------------------------------------------------------------------


def _row_for(position: int, entry: Accepted) -> Item:
    return mark_item(entry.event, position) if entry.is_void else row_item(entry.event, position)


def _shards() -> list[str]:
    return [joined("D", str(shard)) for shard in range(SHARDS)]


def _months(table: Table, below: int) -> Iterator[tuple[int, dict[Scope, list[Entry]]]]:
    """The events with a position below the given one by month, and in it by scope, in trade order."""
    runs = (read_rows(table.query(shard), below) for shard in _shards())
    rows = heapq.merge(*runs, key=attrgetter("entry.key"))
    for month, part in groupby(rows, lambda row: bucket_of(MONTH, row.entry.at)):
        by_scope: dict[Scope, list[Entry]] = {}
        for row in part:
            for scope in scopes_of(row.account_id, row.strategy_id):
                by_scope.setdefault(scope, []).append(row.entry)
        yield month, by_scope


# --- fsck ------------------------------------------------------------------------------------------------------------


def check(table: Table) -> Iterator[Finding]:
    """What does not match the log, as it is found."""
    yield from _check_log(table)
    yield from _check_scopes(table)


def _check_log(table: Table) -> Iterator[Finding]:
    """Segments follow each other, each entry has its item and its row, and nothing else has."""
    size = 0
    expected: dict[Key, Item] = {}
    positions: set[Position] = set()
    for segment in table.query("L"):
        first, end = segment_bounds(segment)
        if first != size:
            yield Finding("log", f"position {size} should come next, but {first} does")
        size = end
        try:
            entries = entries_of(table, segment)
        except KeyError as error:
            yield Finding(f"segment {first}", f"the item of an entry is not there: {error}")
            continue
        for position, entry in enumerate(entries, first):
            if entry.mark in expected:
                yield Finding(f"trade {position}", "it is in the log twice")
            expected[entry.mark] = _row_for(position, entry)
        expected |= {key_of(item): item for item in fact_items(enumerate(entries, first))}
        positions |= concerned(entries)
    for kind in "DX":
        for item in table.scan(joined(kind, "")):
            right = expected.pop(key_of(item), None)
            if right is None:
                yield Finding("rows", f"{item['SK']!r} is of no log entry")
            elif item != right:
                yield Finding(f"trade {right['p']!r}", f"its row is {item}, but the log gives {right}")
    for missing in expected.values():
        yield Finding(f"trade {missing['p']!r}", "its row is missing")
    listed = {str(item["SK"]) for item in table.scan(joined("O", ""))}  # others are no matter: readers ask the facts
    for one in sorted(positions):
        for at, event_id, _ in facts_of(table, one, EVERYTHING)[1]:
            if joined(instant(at), event_id) not in listed:
                yield Finding("positions", f"the event {event_id!r} stands open, but is not listed")
    waiting = {entry.mark: entry for batch in unsequenced(table) for entry in batch}
    for entry in waiting.values():
        what = "void of" if entry.is_void else "event"
        yield Finding("accepted", f"the {what} {entry.event.event_id!r} is not in the log; `resequence` adds it")


def _check_scopes(table: Table) -> Iterator[Finding]:
    heads = _heads(table)
    sums: dict[Scope, dict[str, Node]] = defaultdict(lambda: defaultdict(Node))
    number: dict[Scope, int] = defaultdict(int)
    facts: dict[Scope, _Facts] = defaultdict(_Facts)
    for month, by_scope in _months(table, EVERYTHING):
        for scope, run in by_scope.items():
            facts[scope].take(run)
            if scope not in heads:
                continue
            for level, start, expected, role in _walk(table, scope, heads[scope], MONTH, month, run):
                if role != "open":
                    number[scope] += 1
                    where = f"{label(scope)}, {LEVEL_NAMES[level]} of {format_time(bounds(level, start)[0])}"
                    yield from _compare(where, _stored(table, scope, level, start), expected)
                if role != "inside":
                    sums[scope][role].extend(expected)
    for scope in sorted(facts.keys() - heads.keys(), key=label):
        yield Finding(label(scope), "the log has events of it, the summaries do not")
    for scope, head in heads.items():
        yield from _compare(f"{label(scope)}, all before its open bucket", head.closed, sums[scope]["closed"])
        yield from _compare(f"{label(scope)}, its open bucket", head.open, sums[scope]["open"])
        stored = sum(1 for _ in table.query(bucket_partition(scope)))
        if stored != number[scope]:
            yield Finding(label(scope), f"{stored} buckets are stored where the log gives {number[scope]}")
        yield from facts[scope].compare(scope, head)
        if _is_pair(scope) and table.get(key_of(pointer_item(scope))) is None:
            yield Finding(label(scope), "its pointer is missing")
    yield from _check_overall(table, sum(fact.traded for scope, fact in facts.items() if _is_strategy(scope)))


def _is_strategy(scope: Scope) -> bool:
    return scope.account_id is None and scope.strategy_id is not None


def _is_pair(scope: Scope) -> bool:
    return scope.account_id is not None and scope.strategy_id is not None


def _check_overall(table: Table, tried: int) -> Iterator[Finding]:
    head, last = overall(table), next(table.query("L", newest_first=True, page=1), None)
    size = 0 if last is None else segment_bounds(last)[1]
    if (head.q if head else 0) != size:
        yield Finding("overall", f"it is applied up to {head.q if head else 0}, but the log has {size} entries")
    if (head.tried if head else 0) != tried:
        yield Finding("overall", f"tried is {head.tried if head else 0}, but the log gives {tried}")


def _heads(table: Table) -> dict[Scope, Head]:
    found: dict[Scope, Head] = {}
    for item in table.scan(joined("H", "")):
        kind, *account = str(item["PK"]).split(SEP)[1:]
        name = str(item["SK"])
        scopes: dict[str, Callable[[], Scope]] = {
            "account": lambda: Scope(name),  # noqa: B023 - called at once
            "strategy": lambda: Scope(strategy_id=name),  # noqa: B023
            "pair": lambda: Scope(account[0], name),  # noqa: B023
        }
        found[scopes.get(kind, Scope)()] = read_head(item)
    return found


def _walk(
    table: Table, scope: Scope, head: Head, level: int, start: int, run: list[Entry], role: str = "closed"
) -> Iterator[tuple[int, int, Node, str]]:
    """The buckets that these events of one bucket are in, and what each must hold.

    The role is "closed" for those that the sum before the open bucket is made of, "inside" for the finer ones below
    them, and "open" for the open one, which is in the head.
    """
    is_open = start == bucket_of(level, bounds(head.level, head.start)[0]) and level <= head.level
    if is_open and level == head.level:
        yield level, start, fold(run), "open"
        return
    if not is_open:
        yield level, start, fold(run), role
        there = _stored(table, scope, level, start)
        if there is None or not there.split:
            return
        role = "inside"
    for child, part in groupby(run, lambda entry: bucket_of(level + 1, entry.at)):
        yield from _walk(table, scope, head, level + 1, child, list(part), role)


def _stored(table: Table, scope: Scope, level: int, start: int) -> Node | None:
    item = table.get((bucket_partition(scope), bucket_sort(level, start)))
    return None if item is None else read_bucket(item).node


class _Facts:
    """What a head says beside its summaries, as the rows give it."""

    def __init__(self) -> None:
        self.last = (-1, "")
        self.traded = False
        self.seen = dict.fromkeys(ENVIRONMENTS, 0)

    def take(self, run: list[Entry]) -> None:
        self.last = run[-1].key
        for entry in run:
            self.traded = self.traded or entry.closed is not None
            environment = ENVIRONMENTS[entry.environment != "live"]
            self.seen[environment] = max(self.seen[environment], entry.position + 1)

    def compare(self, scope: Scope, head: Head) -> Iterator[Finding]:
        if head.last != self.last:
            yield Finding(label(scope), f"its last event is {head.last}, but the log gives {self.last}")
        if head.traded != self.traded:
            yield Finding(label(scope), f"traded is {head.traded}, but the log gives {self.traded}")
        for name, seen in self.seen.items():
            said = head.seen.get(name, (0, 0))[0]
            if said < seen:  # a void may have moved it on
                yield Finding(label(scope), f"{name}_seen is {said}, but the log gives {seen}")


def _compare(where: str, stored: Node | None, expected: Node) -> Iterator[Finding]:
    if stored is None:
        yield Finding(where, "its summary is missing")
        return
    said = (stored.size, stored.live, stored.demo, stored.both)
    if said != (expected.size, expected.live, expected.demo, expected.both):
        yield Finding(where, f"its summary ({stored.size} events) is not that of the log ({expected.size} events)")


# --- rebuild ---------------------------------------------------------------------------------------------------------


def rebuild(table: Table) -> Iterator[tuple[int, int]]:
    """Make everything derived anew; yields (steps done, steps in all). Readers see each scope before or after it.

    Meanwhile nothing is sequenced. An interruption leaves the table so: run it again.
    """
    before = overall(table) or Head(0, (-1, ""), MONTH, bucket_of(MONTH, 0), Node(), Node(), {})
    before.is_rebuilding = True
    table.put(head_item(Scope(), before))
    kept: set[Key] = set()
    positions: set[Position] = set()
    seen: dict[Scope, dict[str, tuple[int, int]]] = defaultdict(dict)
    last = next(table.query("L", newest_first=True, page=1), None)
    size = 0 if last is None else segment_bounds(last)[1]
    done = 0
    for segment in table.query("L"):
        entries = list(enumerate(entries_of(table, segment), segment_bounds(segment)[0]))
        items = [_row_for(position, entry) for position, entry in entries] + fact_items(entries)
        positions |= concerned(entry for _, entry in entries)
        for position, entry in entries:
            for scope in scopes_of(entry.event.account_id, entry.event.strategy_id):
                seen[scope][entry.event.environment] = (position + 1, entry.received_at)
        table.put_many(items)
        kept.update(map(key_of, items))
        done += len(entries)
        yield done, 2 * size

    kept.update(settle(table, positions, size))
    trees: dict[Scope, ScopeTree] = {}
    for _, by_scope in _months(table, size):
        for scope, run in by_scope.items():
            tree = trees.get(scope) or trees.setdefault(scope, ScopeTree(table, scope, None, size))
            tree.absorb(run)
            items = [item for level in tree.items() for item in level]
            table.put_many(items)
            kept.update(map(key_of, items))
            tree.forget()
        done += len(by_scope[Scope()])
        yield done, 2 * size
    pointers = [pointer_item(scope) for scope in trees if _is_pair(scope)]
    heads = {scope: tree.head(seen[scope]) for scope, tree in trees.items()}
    tried = sum(head.traded for scope, head in heads.items() if _is_strategy(scope))
    items = pointers + [head_item(scope, head) for scope, head in heads.items() if scope != Scope()]
    table.put_many(items)
    kept.update([*map(key_of, items), head_key(Scope())])
    for kind in "DHOPSX":
        table.delete_many([key for item in table.scan(joined(kind, "")) if (key := key_of(item)) not in kept])
    if Scope() in heads:
        heads[Scope()].tried = tried
        table.put(head_item(Scope(), heads[Scope()]))
    else:
        table.delete_many([head_key(Scope())])
    yield 2 * size, 2 * size
