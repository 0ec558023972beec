"""The sequencer: gives what was accepted its positions, once each, whatever crashes, repeats or races.

A segment is put under the size of the log, if that key is free. That put alone commits: there is no head item and no
lock, and of two writers one wins. What a commit brings along (rows, heads, buckets) is applied after it, by writes that
may be repeated; overall's head is the last of them, so it says how far the log is applied.

It may run inside of requests (`inline`), behind the table's stream, or both at once, by as many as like to.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from ...domain.nodes import entry_of
from ...domain.ports import Scope
from ...errors import Unavailable
from .items import (
    EVENT,
    OVERALL,
    SEGMENT,
    VOID,
    Accepted,
    Head,
    accepted,
    event_key,
    head_item,
    head_key,
    mark_item,
    pointer_item,
    read_head,
    row_item,
    scopes_of,
    segment_bounds,
    segment_ids,
    segment_item,
    void_key,
    voided,
)
from .positions import concerned, fact_items, settle
from .table import Item, Key, Table
from .tree import ScopeTree


def sequence(table: Table, entries: Sequence[Accepted], at: int | None = None) -> dict[Key, int]:
    """Have each of the entries in the log, once, in this order if they are new; their positions by `Accepted.mark`.

    A void comes after its event. `at`: only if they begin at this position; nothing is done otherwise.
    Raises: Unavailable, and then any of them may be in the log; the same call completes it.
    """
    wanted = list({entry.mark: entry for entry in entries}.values())
    positions: dict[Key, int] = {}
    while True:
        size = catch_up(table)
        # After catch_up, not before: whatever lies below `size` has its row by now, and what does not is refused below.
        positions |= positions_of(table, [entry for entry in wanted if entry.mark not in positions])
        new = [entry for entry in wanted if entry.mark not in positions]
        if not new or (at is not None and size != at):
            return positions
        part = new[:SEGMENT]
        if table.put_new(segment := segment_item(size, part, secrets.token_hex(6))) not in (None, segment):
            continue  # another writer has this position; what is there may be ours: its answer was lost
        apply(table, size, part)
        positions |= {entry.mark: position for position, entry in enumerate(part, size)}
        if at is not None:
            at += len(part)
        if len(new) == len(part):
            return positions


def catch_up(table: Table) -> int:
    """The size of the log, once all of it is applied."""
    last = next(table.query("L", newest_first=True, page=1), None)
    if last is None:
        return 0
    first, end = segment_bounds(last)
    head = overall(table)
    if head is not None and head.is_rebuilding:
        raise Unavailable("the figures of this store are being rebuilt; the same request may be sent again", 30)
    if head is None or head.q < end:
        # Its writer may have died after the put. Without this line a later segment would be folded and this one not.
        apply(table, first, entries_of(table, last))
    return end


def overall(table: Table) -> Head | None:
    """The head of everything."""
    item = table.get(OVERALL)
    return None if item is None else read_head(item)


def positions_of(table: Table, entries: Iterable[Accepted]) -> dict[Key, int]:
    """The positions of those that are in the log."""
    found = table.get_many([entry.mark for entry in entries])
    return {key: int(item["p"]) for key, item in found.items()}


def entries_of(table: Table, segment: Item) -> list[Accepted]:
    """What a segment's ids stand for."""
    ids = segment_ids(segment)
    keys = [key for event_id, is_void in ids for key in ([void_key(event_id)] if is_void else [])]
    found = table.get_many([event_key(event_id) for event_id, _ in ids] + keys)
    entries = []
    for event_id, is_void in ids:
        event = accepted(found[event_key(event_id)])
        entries.append(Accepted(event.event, int(found[void_key(event_id)]["at"]), True) if is_void else event)
    return entries


def apply(table: Table, first: int, entries: Sequence[Accepted]) -> None:
    """Bring rows, buckets and heads up to the end of a segment that is committed. Repeating it changes nothing."""
    end = first + len(entries)
    numbered = list(enumerate(entries, first))
    by_scope: dict[Scope, list[tuple[int, Accepted]]] = {}
    for position, entry in numbered:
        for scope in scopes_of(entry.event.account_id, entry.event.strategy_id):
            by_scope.setdefault(scope, []).append((position, entry))
    heads = table.get_many([head_key(scope) for scope in by_scope])

    items = [mark_item(e.event, p) if e.is_void else row_item(e.event, p) for p, e in numbered]
    items += fact_items(numbered)
    pairs = [scope for scope in by_scope if scope.account_id is not None and scope.strategy_id is not None]
    items += [pointer_item(scope) for scope in pairs if head_key(scope) not in heads]
    table.put_many(items)
    settle(table, concerned(entries), end)

    def take_in(scope: Scope) -> Head:
        item = heads.get(head_key(scope))
        return _take_in(table, scope, None if item is None else read_head(item), by_scope[scope], end)

    parts = [scope for scope in by_scope if scope != Scope()]
    done = dict(zip(parts, table.each(take_in, parts), strict=True))
    strategies = [head for scope, head in done.items() if scope.account_id is None]
    item = heads.get(OVERALL)
    before = None if item is None else read_head(item)
    tried = before.tried if before else 0
    # From each strategy's head and not by counting here: on a repetition some have come this far already.
    tried += sum(head.traded - head.traded_before for head in strategies if head.q == end)
    _take_in(table, Scope(), before, by_scope[Scope()], end, tried)


def _take_in(
    table: Table, scope: Scope, head: Head | None, entries: Sequence[tuple[int, Accepted]], end: int, tried: int = 0
) -> Head:
    """Let one scope take in its part of a segment, and return its head.

    A write that is refused means that another writer has done this already, or is further on and therefore has, too.
    """
    if head is not None and head.q >= end:
        return head
    tree = ScopeTree(table, scope, head, end)
    tree.take_in(
        [entry_of(entry.event, position) for position, entry in entries if not entry.is_void],
        [(entry.event.timestamp, entry.event.event_id) for _, entry in entries if entry.is_void],
    )
    seen = dict(head.seen) if head else {}
    for position, entry in entries:
        seen[entry.event.environment] = (position + 1, entry.received_at)
    after = tree.head(seen, traded_before=bool(head and head.traded))
    after.tried = tried
    for items in tree.items():
        table.each(table.put_up_to, items)
    table.put_at(head_item(scope, after), None if head is None else head.q)
    return after


def unsequenced(table: Table) -> Iterator[list[Accepted]]:
    """What was accepted and has no position, in batches, by when it arrived. Reads the whole table."""
    for prefix in (EVENT, VOID):
        found = table.scan(prefix)
        while items := list(islice(found, SEGMENT)):
            entries = [accepted(item) for item in items] if prefix == EVENT else voided(table, items)
            known = positions_of(table, entries)
            missing = {entry.mark: entry for entry in entries if entry.mark not in known}
            if missing:
                yield sorted(missing.values(), key=lambda entry: (entry.received_at, entry.is_void))


def resequence(table: Table) -> Iterator[int]:
    """Sequence that: what a stream that was down for too long has forgotten. Yields how many, batch by batch."""
    for entries in unsequenced(table):
        sequence(table, entries)
        yield len(entries)
