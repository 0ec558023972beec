"""moto's Query, Scan and TransactWriteItems as DynamoDB does them; put over moto's own by `install`.

- A page ends with the item that brings it to `Limit` or past 1 MB of DynamoDB's bytes, and then carries
  LastEvaluatedKey even if nothing follows: the reader gets an empty page after it. moto looks ahead.
- Scan gives partitions in an order of its own (a hash), not sorted, so that nobody relies on it.
- A Query reads its partition, where moto sorts the whole table each time; a transaction keeps the items that it may
  have to put back, where moto copies the whole table: neither would end at 100,000 trades.
- What a Query or Scan found does not go through moto's serializer, which takes nine tenths of the time of a full page:
  it is kept for emulator.py, which puts it into the answer.
- Numbers are kept as values, not as text: DynamoDB gives 1.10 back as 1.1 (`canonical`, applied in emulator.py).
"""

import base64
import copy
import functools
import hashlib
import threading
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from .sizes import item_size

PAGE_BYTES = 1024 * 1024

_moto_transact = DynamoDBBackend.transact_write_items
_EXACT = Context(prec=60)


class _Scanned(threading.local):
    """Of the last Query or Scan of this thread: the sizes of what it read, before its filter, and what it gives."""

    sizes: list[int] = []  # noqa: RUF012 - replaced, never changed
    items: list[dict[str, Any]] = []  # noqa: RUF012


scanned = _Scanned()


def install() -> None:
    """From here on this process's moto does so; doing it twice is harmless."""
    Table.query = _query
    Table.scan = _scan
    DynamoDBBackend.transact_write_items = _transact


def plain(item: Item) -> dict[str, Any]:
    """An item of moto's in the protocol's form; binary values, which moto keeps as bytes, as base64 again."""
    attributes: dict[str, Any] = item.to_json()["Attributes"]
    for name, value in attributes.items():
        if isinstance(value.get("B"), bytes):
            attributes[name] = {"B": base64.b64encode(value["B"]).decode()}
    return attributes


def canonical(value: Any) -> Any:
    """The JSON of a request with each number as DynamoDB keeps it.

    >>> canonical({"Item": {"a": {"N": "1.10"}, "b": {"L": [{"NS": ["100", "-0"]}]}, "N": {"S": "1.10"}}})
    {'Item': {'a': {'N': '1.1'}, 'b': {'L': [{'NS': ['100', '0']}]}, 'N': {'S': '1.10'}}}
    """
    if isinstance(value, dict):
        if len(value) == 1:
            ((kind, held),) = value.items()
            if kind == "N" and isinstance(held, str):
                return {kind: _number(held)}
            if kind == "NS" and isinstance(held, list):
                return {kind: [_number(one) for one in held]}
        return {name: canonical(one) for name, one in value.items()}
    return [canonical(one) for one in value] if isinstance(value, list) else value


def _number(text: str) -> str:
    number = Decimal(text).normalize(_EXACT)
    return format(number if number else Decimal(0), "f")


def _order(value: DynamoType | None) -> Any:
    if value is None:
        return ""
    return base64.b64decode(value.value) if value.is_binary() else value.cast_value


@functools.lru_cache(maxsize=1 << 20)
def _place(partition: str) -> bytes:
    return hashlib.md5(partition.encode(), usedforsecurity=False).digest()


def _query(
    self: Table,
    hash_key: DynamoType | None,
    range_comparison: str | None,
    range_objs: list[DynamoType],
    limit: int | None,
    exclusive_start_key: dict[str, Any] | None,
    scan_index_forward: bool,
    projection_expressions: list[list[str]] | None,
    index_name: str | None = None,
    consistent_read: bool = False,
    filter_expression: Any = None,
    **more: Any,
) -> tuple[list[Item], int, dict[str, Any] | None]:
    more.pop("hash_key_conditions", None)
    more.pop("range_key_conditions", None)
    assert index_name is None, "the middleware refuses indexes"
    assert not more, "and the old filters"
    partition: Any = self.items.get(hash_key) or {}
    found: list[Item] = list(partition.values()) if self.has_range_key else [partition] if partition else []
    found.sort(key=lambda item: _order(item.range_key), reverse=not scan_index_forward)
    if range_comparison:
        found = [item for item in found if item.range_key.compare(range_comparison, range_objs)]  # type: ignore[union-attr]
    if exclusive_start_key and self.range_key_attr:
        start = _order(DynamoType(exclusive_start_key[self.range_key_attr]))
        found = [
            item
            for item in found
            if (_order(item.range_key) > start if scan_index_forward else _order(item.range_key) < start)
        ]
    return _page(self, found, limit, filter_expression, projection_expressions)


def _scan(
    self: Table,
    filters: dict[str, Any],
    limit: int | None,
    exclusive_start_key: dict[str, Any] | None,
    filter_expression: Any = None,
    index_name: str | None = None,
    consistent_read: bool = False,
    projection_expression: list[list[str]] | None = None,
    segments: Any = (None, None),
) -> tuple[list[Item], int, dict[str, Any] | None]:
    assert index_name is None, "the middleware refuses indexes"
    assert not filters, "and the old filters"

    def order(partition: DynamoType, sort: DynamoType | None) -> tuple[bytes, Any]:
        return _place(str(partition.value)), _order(sort)

    found: Iterable[Item] = (
        [item for partition in self.items.values() for item in partition.values()]
        if self.has_range_key
        else list(self.items.values())  # type: ignore[arg-type]
    )
    if segments != (None, None):
        found = [item for item in found if item.is_within_segment(segments)]
    keyed = [(order(item.hash_key, item.range_key), item) for item in found]
    if exclusive_start_key:
        sort = DynamoType(exclusive_start_key[self.range_key_attr]) if self.range_key_attr else None
        start = order(DynamoType(exclusive_start_key[self.hash_key_attr]), sort)
        keyed = [pair for pair in keyed if pair[0] > start]
    keyed.sort(key=lambda pair: pair[0])
    return _page(self, [item for _, item in keyed], limit, filter_expression, projection_expression)


def _page(
    table: Table, found: list[Item], limit: int | None, filter_expression: Any, projection: list[list[str]] | None
) -> tuple[list[Item], int, dict[str, Any] | None]:
    sizes: list[int] = []
    items: list[dict[str, Any]] = []
    total, last = 0, None
    for item in found:
        whole = plain(item)
        sizes.append(item_size(whole))
        total += sizes[-1]
        if filter_expression is None or filter_expression.expr(item):
            items.append(plain(item.project(projection)) if projection else whole)
        if len(sizes) == limit or total > PAGE_BYTES:
            last = table._get_last_evaluated_key(item, None)
            break
    scanned.sizes, scanned.items = sizes, items
    return [], len(sizes), last


def _transact(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    kept: list[tuple[str, dict[str, Any], Item | None]] = []
    for one in transact_items:
        ((kind, entry),) = one.items()
        table = self.get_table(entry["TableName"])
        key = {name: (entry["Item"] if kind == "Put" else entry["Key"])[name] for name in _key_names(table)}
        kept.append((entry["TableName"], key, copy.deepcopy(self.get_item(entry["TableName"], key))))
    tables = [self.get_table(name) for name in {name for name, _, _ in kept}]
    streamed = [(table, len(table.stream_shard.items)) for table in tables if table.stream_shard is not None]
    for table in tables:  # moto copies each table first, to put it back; we put the items back instead
        table.__deepcopy__ = functools.partial(_itself, table)  # type: ignore[attr-defined]
    try:
        _moto_transact(self, transact_items)
    except Exception:
        for name, key, item in kept:
            put_back(self, name, key, item)
        for table, count in streamed:
            del table.stream_shard.items[count:]  # type: ignore[union-attr]
        raise
    finally:
        for table in tables:
            del table.__deepcopy__  # type: ignore[attr-defined]


def _itself(table: Table, memo: Mapping[int, Any]) -> Table:
    return table


def _key_names(table: Table) -> list[str]:
    return [name for name in (table.hash_key_attr, table.range_key_attr) if name is not None]


def put_back(backend: DynamoDBBackend, name: str, key: Mapping[str, Any], item: Item | None, streamed: int = 0) -> None:
    """Undo what was done to one item of a table, and take so many records off the end of its stream."""
    table = backend.get_table(name)
    partition, sort = backend.get_keys_value(table, dict(key))
    holder: Any = table.items[partition] if sort else table.items
    if item is None:
        holder.pop(sort or partition, None)
    else:
        holder[sort or partition] = item
    if streamed and table.stream_shard is not None:
        del table.stream_shard.items[-streamed:]
