"""The table in memory, on which schedules run by the thousand. test_memory.py holds it to the real one's answers."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from trueedge_core.storage.dynamodb.table import LAST, Item, Key, Value, key_of

T = TypeVar("T")
R = TypeVar("R")


class MemoryTable:
    """`Table`, every call of which happens at once."""

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}
        self.sorts: dict[str, list[str]] = {}

    def get(self, key: Key) -> Item | None:
        item = self.items.get(key)
        return None if item is None else dict(item)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        return {key: item for key in keys if (item := self.get(key)) is not None}

    def put(self, item: Item) -> None:
        self._put(item)

    def put_new(self, item: Item) -> Item | None:
        there = self.get(key_of(item))
        if there is None:
            self._put(item)
        return there

    def put_at(self, item: Item, was: int | None) -> bool:
        there = self.items.get(key_of(item))
        if (None if there is None else there["q"]) != was:
            return False
        self._put(item)
        return True

    def put_up_to(self, item: Item) -> bool:
        there = self.items.get(key_of(item))
        if there is not None and int(there["q"]) > int(item["q"]):
            return False
        self._put(item)
        return True

    def delete_up_to(self, key: Key, q: int) -> None:
        if key in self.items and int(self.items[key]["q"]) <= q:
            self.delete_many([key])

    def put_many(self, items: Sequence[Item]) -> None:
        for item in items:
            self._put(item)

    def put_all_new(self, new: Sequence[Item], others: Sequence[Item]) -> bool:
        if any(key_of(item) in self.items for item in new):
            return False
        self.put_many([*new, *others])
        return True

    def update(self, key: Key, changes: Mapping[str, Value], condition: str) -> bool:
        raise NotImplementedError("of keys alone, which no schedule has")

    def delete_many(self, keys: Sequence[Key]) -> None:
        for key in keys:
            if self.items.pop(key, None) is not None:
                self.sorts[key[0]].remove(key[1])

    def query(
        self, pk: str, low: str = "", high: str = LAST, *, newest_first: bool = False, page: int | None = None
    ) -> Iterator[Item]:
        sorts = self.sorts.get(pk, [])
        found = sorts[bisect_left(sorts, low) : bisect_right(sorts, high)]
        for sort in reversed(found) if newest_first else found:
            yield dict(self.items[pk, sort])

    def scan(self, prefix: str) -> Iterator[Item]:
        for key in sorted(self.items):
            if key[0].startswith(prefix):
                yield dict(self.items[key])

    def each(self, function: Callable[[T], R], over: Sequence[T]) -> list[R]:
        return [function(one) for one in over]

    def close(self) -> None:
        pass

    def _put(self, item: Item) -> None:
        pk, sk = key_of(item)
        if (pk, sk) not in self.items:
            insort(self.sorts.setdefault(pk, []), sk)
        self.items[pk, sk] = dict(item)
