"""Open positions: which open events no close answers, at a cost that does not grow with history.

What opened or closed a position is kept as facts beside each other, whatever came first. From them follows which of its
opens stand, and those are listed by time. The list is a hint that never leaves one out: a writer that was held up may
put back an entry that another one has taken off. So a reader asks the facts about each one that it shows.
"""

import heapq
import json
from collections.abc import Iterable, Iterator
from itertools import islice

from ...domain.events import TradeEvent
from ...domain.ports import Scope
from .items import SEP, Accepted, instant, joined, shard_of, shards
from .table import LAST, Item, Key, Table

Position = tuple[str, str]  # account, and its name for the position
Standing = tuple[int, str, int]  # timestamp, event id, position in the log


def position_of(event: TradeEvent) -> Position | None:
    """The position that an event opens or answers; None for a close that names none."""
    if event.state == "open":
        return event.account_id, event.linked_position_id or event.event_id
    return None if event.linked_position_id is None else (event.account_id, event.linked_position_id)


def fact_items(numbered: Iterable[tuple[int, Accepted]]) -> list[Item]:
    """What log entries say of positions; the void of such an event too."""
    items: list[Item] = []
    for number, entry in numbered:
        event = entry.event
        if (position := position_of(event)) is None:
            continue
        sort = joined(event.state[0], instant(event.timestamp), event.event_id)
        said = json.dumps([event.strategy_id, event.environment], ensure_ascii=False)
        mark: Item = {"PK": joined("X", *position), "SK": joined(sort, "v"), "p": number}
        items.append(mark if entry.is_void else {**mark, "SK": sort, "d": said})
    return items


def concerned(entries: Iterable[Accepted]) -> set[Position]:
    """The positions that these entries say something of."""
    return {position for entry in entries if (position := position_of(entry.event)) is not None}


def settle(table: Table, positions: Iterable[Position], q: int) -> list[Key]:
    """Bring the list up to what the facts below `q` say of these positions; the keys of those that stand."""

    def one(position: Position) -> list[Key]:
        opens, standing = facts_of(table, position, q)
        stand = {event_id for _, event_id, _ in standing}
        listed = []
        for item in opens:
            at, event_id = str(item["SK"]).split(SEP)[1:]
            strategy_id, environment = json.loads(str(item["d"]))
            key = joined("O", shard_of(position[0], strategy_id)), joined(at, event_id)
            if event_id in stand:
                said = json.dumps([*position, strategy_id, environment], ensure_ascii=False)
                table.put_up_to({"PK": key[0], "SK": key[1], "q": q, "d": said})
                listed.append(key)
            else:
                table.delete_up_to(key, q)
        return listed

    return [key for keys in table.each(one, sorted(positions)) for key in keys]


def facts_of(table: Table, position: Position, q: int) -> tuple[list[Item], list[Standing]]:
    """The items of a position's opens, and those of them that stand, by what the log says below `q`."""
    items = [item for item in table.query(joined("X", *position)) if int(item["p"]) < q]
    voided = {str(item["SK"]).rpartition(SEP)[0] for item in items if str(item["SK"]).count(SEP) == 3}
    facts = [item for item in items if str(item["SK"]).count(SEP) == 2]
    opens = [item for item in facts if str(item["SK"])[0] == "o"]
    is_closed = any(str(item["SK"])[0] == "c" and item["SK"] not in voided for item in facts)
    standing = [] if is_closed else [item for item in opens if item["SK"] not in voided]
    return opens, [_standing(item) for item in standing]


def _standing(item: Item) -> Standing:
    _, at, event_id = str(item["SK"]).split(SEP)
    return int(at), event_id, int(item["p"])


def standing(table: Table, scope: Scope, before: tuple[int, str] | None, q: int, page: int) -> Iterator[Standing]:
    """The scope's open events that stand by what the log says below `q`, newest first, from a key on."""
    listed = heapq.merge(*(_listed(table, shard, before, page) for shard in shards(scope)), reverse=True)
    wanted = (one for one in listed if _holds(scope, one[1]))
    while part := list(islice(wanted, page)):
        positions = [(json.loads(said)[0], json.loads(said)[1]) for _, said in part]
        facts = table.each(lambda position: facts_of(table, position, q)[1], positions)
        for (key, _), found in zip(part, facts, strict=True):
            yield from (one for one in found if one[:2] == key)


def _listed(
    table: Table, shard: str, before: tuple[int, str] | None, page: int
) -> Iterator[tuple[tuple[int, str], str]]:
    high = LAST if before is None else joined(instant(before[0]), before[1])
    for item in table.query(shard.replace("D", "O", 1), "", high, newest_first=True, page=page):
        at, event_id = str(item["SK"]).split(SEP)
        if (int(at), event_id) != before:
            yield (int(at), event_id), str(item["d"])


def _holds(scope: Scope, said: str) -> bool:
    account_id, _, strategy_id, environment = json.loads(said)
    return scope.holds(account_id, strategy_id) and scope.environment in (None, environment)
