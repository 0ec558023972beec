"""Items and what they say: the one place that knows how keys and attributes are spelled."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from zlib import crc32

from ...domain.events import TradeEvent, parse_event
from ...domain.money import read_json
from ...domain.nodes import Entry, Node, entry_of
from ...domain.ports import Environment, Scope
from ...domain.summary import Closed
from .packing import pack, unpack
from .table import LAST, Item, Key, Table

SEP = "\x1f"  # not printable, so in no id; and it sorts before everything that is
SHARDS = 4  # of the rows: each takes 1,000 writes a second, and a question about many pairs asks all of them
LETTERS = "..MDHI"  # of the levels month, day, hour, minute
OVERALL_ID = "-"
ENVIRONMENTS: tuple[Environment, ...] = ("live", "demo")


def joined(*parts: str) -> str:
    return SEP.join(parts)


# --- accepted: events and voids --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event, or the void of one, that is durable but perhaps has no position yet."""

    event: TradeEvent
    received_at: int
    is_void: bool = False

    @property
    def mark(self) -> Key:
        """Key of the item that says its position: its row, or the void mark beside the event's row."""
        shard, sort = row_key(self.event)
        return (shard, joined(sort, "v")) if self.is_void else (shard, sort)


EVENT, VOID = joined("E", ""), joined("V", "")


def event_key(event_id: str) -> Key:
    return EVENT + event_id, "E"


def void_key(event_id: str) -> Key:
    return VOID + event_id, "V"


def event_id_of(item: Item) -> str:
    """Whose item it is, an event's or a void's."""
    return str(item["PK"])[len(EVENT) :]


def event_item(event: TradeEvent, received_at: int, nonce: str) -> Item:
    """`nonce` tells a writer whose answer was lost that what is there is its own."""
    pk, sk = event_key(event.event_id)
    return {"PK": pk, "SK": sk, "raw": event.raw, "at": received_at, "row": joined(*_place(event)), "w": nonce}


def void_item(event_id: str, reason: str, received_at: int, nonce: str) -> Item:
    pk, sk = void_key(event_id)
    return {"PK": pk, "SK": sk, "reason": reason, "at": received_at, "w": nonce}


def accepted(item: Item) -> Accepted:
    """The event that an event item holds."""
    raw, at = str(item["raw"]), int(item["at"])
    return Accepted(parse_event(read_json(raw), raw, at), at)


def voided(table: Table, items: Sequence[Item]) -> list[Accepted]:
    """The voids that void items hold, each after its event."""
    events = table.get_many([event_key(event_id_of(item)) for item in items])
    entries = []
    for item in items:
        event = accepted(events[event_key(event_id_of(item))])
        entries += [event, Accepted(event.event, int(item["at"]), is_void=True)]
    return entries


def row_of(item: Item) -> Key:
    """Key of the row that an event item speaks of."""
    shard, at = str(item["row"]).split(SEP)
    return joined("D", shard), joined(at, event_id_of(item))


# --- the log ---------------------------------------------------------------------------------------------------------

SEGMENT = 1000


def segment_key(position: int) -> str:
    return f"{position:012d}"


def segment_item(first: int, entries: Sequence[Accepted], nonce: str) -> Item:
    """A void is its event's id in brackets."""
    ids = [[one.event.event_id] if one.is_void else one.event.event_id for one in entries]
    return {"PK": "L", "SK": segment_key(first), "n": len(ids), "ids": _json(ids), "w": nonce}


def segment_bounds(item: Item) -> tuple[int, int]:
    """The positions that a segment gives: the first, and the one after the last."""
    first = int(item["SK"])
    return first, first + int(item["n"])


def segment_ids(item: Item) -> list[tuple[str, bool]]:
    """Its entries as (event id, whether it is a void)."""
    ids = json.loads(str(item["ids"]))
    return [(one[0], True) if isinstance(one, list) else (one, False) for one in ids]


# --- rows ------------------------------------------------------------------------------------------------------------


def shard_of(account_id: str, strategy_id: str) -> str:
    return str(crc32(joined(account_id, strategy_id).encode()) % SHARDS)


def shards(scope: Scope) -> list[str]:
    """The partitions that the scope's rows are in."""
    if scope.account_id is not None and scope.strategy_id is not None:
        return [joined("D", shard_of(scope.account_id, scope.strategy_id))]
    return [joined("D", str(shard)) for shard in range(SHARDS)]


def instant(at: int) -> str:
    return f"{at:017d}"


def _place(event: TradeEvent) -> tuple[str, str]:
    return shard_of(event.account_id, event.strategy_id), instant(event.timestamp)


def row_key(event: TradeEvent) -> Key:
    shard, at = _place(event)
    return joined("D", shard), joined(at, event.event_id)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its event as a summary takes it in, whose it is, and what else events are broken down by."""

    entry: Entry
    account_id: str
    strategy_id: str
    symbol: str
    venue: str
    side: str


def row_item(event: TradeEvent, position: int) -> Item:
    entry = entry_of(event, position)
    closed = None if entry.closed is None else list(entry.closed[1:])
    said = [event.account_id, event.strategy_id, event.environment, event.symbol, event.venue, event.side, closed]
    pk, sk = row_key(event)
    return {"PK": pk, "SK": sk, "p": position, "d": _json(said)}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def mark_item(event: TradeEvent, position: int) -> Item:
    pk, sk = row_key(event)
    return {"PK": pk, "SK": joined(sk, "v"), "p": position}


def read_rows(items: Iterable[Item], below: int) -> Iterator[Row]:
    """The rows with positions below the given one among items in sort order; voids count if theirs is below it too.

    A mark follows its row directly, as no id begins with the separator; so one row is held until the next comes.
    """
    held: Row | None = None
    for item in items:
        position = int(item["p"])
        if position >= below:
            continue
        at, event_id, *mark = str(item["SK"]).split(SEP)
        if mark:
            assert held is not None
            held = replace(held, entry=held.entry._replace(closed=None, voided=True))
            continue
        if held is not None:
            yield held
        account_id, strategy_id, environment, symbol, venue, side, said = json.loads(str(item["d"]))
        closed = None if said is None else Closed(int(at), *said)
        entry = Entry(int(at), event_id, environment, closed, False, position)
        held = Row(entry, account_id, strategy_id, symbol, venue, side)
    if held is not None:
        yield held


def rows_between(start: int, end: int) -> tuple[str, str]:
    """Sort keys of the rows with start <= timestamp < end: first and last, both included."""
    return instant(max(start, 0)), joined(instant(max(end, 1) - 1), LAST)


# --- scopes: heads and buckets ---------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def scopes_of(account_id: str, strategy_id: str) -> tuple[Scope, ...]:
    """The scopes that an event belongs to; overall is the last one, for it is written last."""
    return Scope(account_id, strategy_id), Scope(strategy_id=strategy_id), Scope(account_id), Scope()


def head_key(scope: Scope) -> Key:
    if scope.account_id is not None and scope.strategy_id is not None:
        return joined("H", "pair", scope.account_id), scope.strategy_id
    if scope.account_id is not None:
        return joined("H", "account"), scope.account_id
    if scope.strategy_id is not None:
        return joined("H", "strategy"), scope.strategy_id
    return joined("H", "overall"), OVERALL_ID


OVERALL = head_key(Scope())


def pointer_item(scope: Scope) -> Item:
    """That the pair exists, where the accounts of a strategy are looked for."""
    assert scope.strategy_id is not None
    assert scope.account_id is not None
    return {"PK": joined("P", scope.strategy_id), "SK": scope.account_id}


def bucket_partition(scope: Scope) -> str:
    kind = head_key(scope)[0].split(SEP)[1]
    return joined("S", kind, *(part for part in (scope.account_id, scope.strategy_id) if part is not None))


def bucket_sort(level: int, start: int) -> str:
    return f"{LETTERS[level]}{SEP}{start:08d}"


@dataclass(slots=True)
class Head:
    """A scope's head: everything up to the last log entry that it has taken in.

    `q`: the log size up to which it has. `last`: the greatest (timestamp, event id) of the scope. `level`, `start`:
    the open bucket, the finest one that holds `last`; `open`: what is in it; `closed`: all before it. `seen`: by
    environment, 1 + the position of the last entry and when it arrived. `traded`, `traded_before`: whether it has a
    closed trade that stands, now and before the last entries were taken in. `tried`: of overall alone, how many
    strategies have one. `is_rebuilding`: of overall alone, nothing may be sequenced meanwhile.
    """

    q: int
    last: tuple[int, str]
    level: int
    start: int
    closed: Node
    open: Node
    seen: dict[str, tuple[int, int]]
    traded: bool = False
    traded_before: bool = False
    tried: int = 0
    is_rebuilding: bool = False


def head_item(scope: Scope, head: Head) -> Item:
    pk, sk = head_key(scope)
    seen = [number for name in ENVIRONMENTS for number in head.seen.get(name, (0, 0))]
    return {
        "PK": pk,
        "SK": sk,
        "q": head.q,
        "k": joined(instant(head.last[0]), head.last[1]),
        "o": f"{head.level},{head.start}",
        "c": pack(head.closed),
        "b": pack(head.open),
        "s": ",".join(map(str, seen)),
        "t": f"{head.traded:d}{head.traded_before:d}",
        **({"n": head.tried, "r": int(head.is_rebuilding)} if (pk, sk) == OVERALL else {}),
    }


def read_head(item: Item) -> Head:
    at, event_id = str(item["k"]).split(SEP)
    level, start = map(int, str(item["o"]).split(","))
    live, live_at, demo, demo_at = map(int, str(item["s"]).split(","))
    seen = {"live": (live, live_at), "demo": (demo, demo_at)}
    traded = str(item["t"])
    return Head(
        int(item["q"]),
        (int(at), event_id),
        level,
        start,
        unpack(bytes(item["c"])),  # type: ignore[arg-type]
        unpack(bytes(item["b"])),  # type: ignore[arg-type]
        {name: value for name, value in seen.items() if value[0]},
        traded[0] == "1",
        traded[1] == "1",
        int(item.get("n", 0)),
        bool(item.get("r", 0)),
    )


def bucket_item(scope: Scope, level: int, start: int, node: Node, q: int) -> Item:
    return {"PK": bucket_partition(scope), "SK": bucket_sort(level, start), "q": q, "b": pack(node)}


@dataclass(slots=True)
class Bucket:
    """A stored bucket: the log size up to which it has taken entries in, and what it holds."""

    start: int
    q: int
    node: Node


def read_bucket(item: Item) -> Bucket:
    return Bucket(int(str(item["SK"]).partition(SEP)[2]), int(item["q"]), unpack(bytes(item["b"])))  # type: ignore[arg-type]
