"""The table's few operations, and the one place that talks to DynamoDB: typing, paging, retries, time-outs, errors.

Every read is strongly consistent: a figure that was read is never older than an answer that was given before it. What
needs more than these operations does not belong into this driver; the tests put another `Table` under it by them.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.loaders import Loader

from ...errors import StoreError, Unavailable

Value = str | int | bytes
Item = dict[str, Value]
Key = tuple[str, str]
T = TypeVar("T")
R = TypeVar("R")

THREADS = 16  # calls under way at once
SECONDS = 12.0  # after which an operation of many calls gives up: a function that is cut off at 20 s cannot say why
LAST = "\U0010ffff"  # sorts after every sort key of ours

# Three tries of ours, each with its own: an answer, or a refusal that says when to come back, within SECONDS.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=THREADS,
    tcp_keepalive=True,
)


class Table(Protocol):
    """One table. An item is a mapping with `PK` and `SK`; numbers are at most 38 digits.

    Every method may raise `Unavailable`; a write that did may have happened.
    """

    def get(self, key: Key) -> Item | None:
        """The item of that key."""
        ...

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Those of the items that there are."""
        ...

    def put(self, item: Item) -> None:
        """Store the item, whatever is there."""
        ...

    def put_new(self, item: Item) -> Item | None:
        """Store the item if its key is free; else what is there, which stays."""
        ...

    def put_at(self, item: Item, was: int | None) -> bool:
        """Store the item if `q` of what is there is `was` (None: nothing is there); whether it did."""
        ...

    def put_up_to(self, item: Item) -> bool:
        """Store the item unless what is there has a greater `q`; whether it did."""
        ...

    def delete_up_to(self, key: Key, q: int) -> None:
        """Remove the item, unless it has a greater `q`."""
        ...

    def put_many(self, items: Sequence[Item]) -> None:
        """Store items, whatever is there."""
        ...

    def put_all_new(self, new: Sequence[Item], others: Sequence[Item]) -> bool:
        """Store all of the items together if the keys of `new` are free; else none, and False."""
        ...

    def update(self, key: Key, changes: Mapping[str, Value], condition: str) -> bool:
        """Set attributes of an item that is there and meets the condition, which may name them (`:name`)."""
        ...

    def delete_many(self, keys: Sequence[Key]) -> None:
        """Remove items."""
        ...

    def query(
        self, pk: str, low: str = "", high: str = LAST, *, newest_first: bool = False, page: int | None = None
    ) -> Iterator[Item]:
        """The items of a partition with low <= SK <= high, by SK; read as they are taken, `page` at a time."""
        ...

    def scan(self, prefix: str) -> Iterator[Item]:
        """The items whose PK begins so. Reads the whole table."""
        ...

    def each(self, function: Callable[[T], R], over: Sequence[T]) -> list[R]:
        """The function of each, side by side; the results in order. Raises what one of them raised."""
        ...

    def close(self) -> None:
        """Release connections; calling it twice is harmless."""
        ...


def of_url(url: str) -> tuple[str, dict[str, str]]:
    """The table's name and the options of `dynamodb://table?create=1&sequencing=inline`. Raises: StoreError."""
    accepted = "accepted: dynamodb://table, with ?sequencing=stream or inline, and create=1 for an emulator"
    name, _, query = url.removeprefix("dynamodb://").partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    allowed = {"create": ("0", "1"), "sequencing": ("inline", "stream")}
    for option, text in options.items():
        if option not in allowed or text not in allowed[option]:
            raise StoreError(f"the store {url!r} has the option {option}={text}; {accepted}")
    if not name or "/" in name:
        raise StoreError(f"the store {url!r} names no table; {accepted}")
    return name, options


class _Loader(Loader):
    """Reads what the library knows of DynamoDB, without listing the folders of some 400 other services first."""

    def list_available_services(self, type_name: str) -> list[str]:
        return ["dynamodb"]


_LOADER = _Loader()  # one for all clients: the ledger's and the keys' read and parse the same files


def _client() -> Any:
    """A client of the account and region that the environment names (boto3's would be the same, made slower)."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _LOADER)
    return session.create_client("dynamodb", config=_CONFIG)


class DynamoTable:
    """`Table` by a client of AWS's library, which threads may share."""

    def __init__(self, name: str, *, create: bool = False) -> None:
        self.name = name
        with translated(name):
            self.client: Any = _client()
        self._pool: ThreadPoolExecutor | None = None
        self._in_pool = threading.local()
        if create:
            self._create()

    def close(self) -> None:
        """See `Table.close`."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self.client.close()

    def _create(self) -> None:
        """The table as the template defines it, where it is not there yet: for emulators."""
        with translated(self.name):
            try:
                self.client.create_table(
                    TableName=self.name,
                    BillingMode="PAY_PER_REQUEST",
                    KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
                    AttributeDefinitions=[
                        {"AttributeName": "PK", "AttributeType": "S"},
                        {"AttributeName": "SK", "AttributeType": "S"},
                    ],
                    StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
                )
            except ClientError as error:
                if _code(error) != "ResourceInUseException":
                    raise
            self.client.get_waiter("table_exists").wait(
                TableName=self.name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
            )

    # --- reading ---

    def get(self, key: Key) -> Item | None:
        """See `Table.get`."""
        with translated(self.name):
            found = self.client.get_item(TableName=self.name, Key=_typed_key(key), ConsistentRead=True).get("Item")
        return None if found is None else plain(found)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """See `Table.get_many`."""
        unique = list(dict.fromkeys(keys))
        parts = [unique[at : at + 100] for at in range(0, len(unique), 100)]
        found: dict[Key, Item] = {}
        for part in self.each(self._get_part, parts):
            found.update(part)
        return found

    def _get_part(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        wanted = [_typed_key(key) for key in keys]
        for _ in self._patiently():
            with translated(self.name):
                answer = self.client.batch_get_item(RequestItems={self.name: {"Keys": wanted, "ConsistentRead": True}})
            for typed in answer["Responses"].get(self.name, ()):
                item = plain(typed)
                found[key_of(item)] = item
            wanted = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if not wanted:
                return found
        raise _busy(self.name)

    def query(
        self, pk: str, low: str = "", high: str = LAST, *, newest_first: bool = False, page: int | None = None
    ) -> Iterator[Item]:
        """See `Table.query`."""
        if low > high:
            return
        # An empty string is no key value, and there is no sort key before a space.
        names = {"#p": "PK", "#s": "SK"}
        values = {":p": {"S": pk}, ":l": {"S": low or "\x01"}, ":h": {"S": high}}
        asked: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "#p = :p AND #s BETWEEN :l AND :h",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
            "ScanIndexForward": not newest_first,
        }
        if page is not None:
            asked["Limit"] = page
        yield from self._pages(self.client.query, asked)

    def scan(self, prefix: str) -> Iterator[Item]:
        """See `Table.scan`."""
        asked: dict[str, Any] = {
            "TableName": self.name,
            "FilterExpression": "begins_with(#p, :p)",
            "ExpressionAttributeNames": {"#p": "PK"},
            "ExpressionAttributeValues": {":p": {"S": prefix}},
            "ConsistentRead": True,
        }
        yield from self._pages(self.client.scan, asked)

    def _pages(self, call: Callable[..., Any], asked: dict[str, Any]) -> Iterator[Item]:
        """The items of every page, to the last: a page may be empty and not be the last one."""
        while True:
            with translated(self.name):
                answer = call(**asked)
            yield from map(plain, answer["Items"])
            after = answer.get("LastEvaluatedKey")
            if not after:
                return
            asked["ExclusiveStartKey"] = after

    # --- writing ---

    def put(self, item: Item) -> None:
        """See `Table.put`."""
        with translated(self.name):
            self.client.put_item(TableName=self.name, Item=typed(item))

    def put_new(self, item: Item) -> Item | None:
        """See `Table.put_new`."""
        return self._put(item, "attribute_not_exists(PK)", {})

    def put_at(self, item: Item, was: int | None) -> bool:
        """See `Table.put_at`."""
        if was is None:
            return self._put(item, "attribute_not_exists(PK)", {}) is None
        return self._put(item, "q = :was", {":was": was}) is None

    def put_up_to(self, item: Item) -> bool:
        """See `Table.put_up_to`."""
        return self._put(item, "attribute_not_exists(PK) OR q <= :q", {":q": item["q"]}) is None

    def delete_up_to(self, key: Key, q: int) -> None:
        """See `Table.delete_up_to`."""
        with translated(self.name):
            try:
                self.client.delete_item(
                    TableName=self.name,
                    Key=_typed_key(key),
                    ConditionExpression="attribute_not_exists(PK) OR q <= :q",
                    ExpressionAttributeValues=typed({":q": q}),
                )
            except ClientError as error:
                if _code(error) != "ConditionalCheckFailedException":
                    raise

    def _put(self, item: Item, condition: str, values: Mapping[str, Value]) -> Item | None:
        """Put under a condition: None when it is stored, else what is there (empty, if nothing is)."""
        more = {"ExpressionAttributeValues": typed(values)} if values else {}
        with translated(self.name):
            try:
                self.client.put_item(
                    TableName=self.name,
                    Item=typed(item),
                    ConditionExpression=condition,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **more,
                )
            except ClientError as error:
                if _code(error) != "ConditionalCheckFailedException":
                    raise
                there: Any = error.response.get("Item")
                return plain(there) if there else {}
        return None

    def put_many(self, items: Sequence[Item]) -> None:
        """See `Table.put_many`."""
        self._write([(key_of(item), {"PutRequest": {"Item": typed(item)}}) for item in items])

    def delete_many(self, keys: Sequence[Key]) -> None:
        """See `Table.delete_many`."""
        self._write([(key, {"DeleteRequest": {"Key": _typed_key(key)}}) for key in keys])

    def _write(self, requests: Sequence[tuple[Key, Any]]) -> None:
        unique = list(dict(requests).values())  # one call takes a key once
        self.each(self._write_part, [unique[at : at + 25] for at in range(0, len(unique), 25)])

    def _write_part(self, requests: list[Any]) -> None:
        for _ in self._patiently():
            with translated(self.name):
                answer = self.client.batch_write_item(RequestItems={self.name: requests})
            requests = answer.get("UnprocessedItems", {}).get(self.name, [])
            if not requests:
                return
        raise _busy(self.name)

    def put_all_new(self, new: Sequence[Item], others: Sequence[Item]) -> bool:
        """See `Table.put_all_new`."""
        puts: list[Any] = [
            {"Put": {"TableName": self.name, "Item": typed(item), "ConditionExpression": "attribute_not_exists(PK)"}}
            for item in new
        ]
        puts += [{"Put": {"TableName": self.name, "Item": typed(item)}} for item in others]
        with translated(self.name):
            try:
                self.client.transact_write_items(TransactItems=puts)
            except ClientError as error:
                reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
                if _code(error) != "TransactionCanceledException" or "ConditionalCheckFailed" not in reasons:
                    raise
                return False
        return True

    def update(self, key: Key, changes: Mapping[str, Value], condition: str) -> bool:
        """See `Table.update`."""
        named = {f":{name}": value for name, value in changes.items()}
        with translated(self.name):
            try:
                self.client.update_item(
                    TableName=self.name,
                    Key=_typed_key(key),
                    UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in changes),
                    ConditionExpression=f"attribute_exists(PK) AND ({condition})",
                    ExpressionAttributeValues=typed(named),
                )
            except ClientError as error:
                if _code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True

    # --- many at once ---

    def each(self, function: Callable[[T], R], over: Sequence[T]) -> list[R]:
        """See `Table.each`; what is called from inside of another one's goes one by one, so that no pool starves."""
        if len(over) < 2 or getattr(self._in_pool, "yes", False):
            return [function(one) for one in over]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREADS, "dynamodb", self._enter_pool)
        deadline = time.monotonic() + SECONDS

        def run(one: T) -> R:
            if time.monotonic() > deadline:
                raise _busy(self.name)
            return function(one)

        futures = [self._pool.submit(run, one) for one in over]
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            for future in futures:  # nothing of a call that failed may go on behind its back
                if not future.cancelled():
                    future.exception()
            raise

    def _enter_pool(self) -> None:
        self._in_pool.yes = True

    def _patiently(self) -> Iterator[None]:
        """Tries with growing, random pauses between them, for what DynamoDB left undone; ends after SECONDS."""
        deadline = time.monotonic() + SECONDS
        pause = 0.025
        while True:
            yield
            if time.monotonic() + pause > deadline:
                return
            time.sleep(random.uniform(0, pause))
            pause = min(pause * 2, 2.0)


# --- values ----------------------------------------------------------------------------------------------------------


def key_of(item: Mapping[str, Value]) -> Key:
    """The item's key."""
    return str(item["PK"]), str(item["SK"])


def typed(item: Mapping[str, Value]) -> dict[str, Any]:
    """An item as DynamoDB's protocol spells it."""
    return {name: _typed(value) for name, value in item.items()}


def _typed(value: Value) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    return {"B": value} if isinstance(value, bytes) else {"N": str(value)}


def _typed_key(key: Key) -> dict[str, Any]:
    return {"PK": {"S": key[0]}, "SK": {"S": key[1]}}


def plain(item: Mapping[str, Any]) -> Item:
    """The item that DynamoDB's protocol spells so."""
    return {name: _plain(value) for name, value in item.items()}


def _plain(value: Mapping[str, Any]) -> Value:
    [(kind, one)] = value.items()
    return int(one) if kind == "N" else bytes(one) if kind == "B" else str(one)


# --- errors ----------------------------------------------------------------------------------------------------------

_BUSY = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "RequestThrottled",
    "LimitExceededException",
    "TransactionConflictException",
    "TransactionInProgressException",
    "TransactionCanceledException",
    "InternalServerError",
    "InternalFailure",
    "ServiceUnavailable",
    "ReplicatedWriteConflictException",
}
_DENIED = {
    "AccessDeniedException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "ExpiredTokenException",
    "MissingAuthenticationTokenException",
    "IncompleteSignatureException",
}


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _busy(name: str) -> Unavailable:
    return Unavailable(f"the table {name} is busy: DynamoDB takes no more now; the same request may be sent again")


@contextmanager
def translated(name: str) -> Iterator[None]:
    """What DynamoDB or the way to it reports, as our errors, by code or type and never by the text."""
    try:
        yield
    except ClientError as error:
        code, status = _code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _BUSY or status >= 500:
            raise _busy(name) from error
        if code == "ResourceNotFoundException":
            raise StoreError(
                f"there is no table {name} in this account and region (?create=1 is for emulators)"
            ) from error
        if code in _DENIED:
            raise StoreError(f"the table {name} may not be used with these AWS credentials ({code})") from error
        raise
    except (NoCredentialsError, PartialCredentialsError, NoRegionError) as error:
        raise StoreError(f"the table {name} cannot be reached: {error} (AWS_DEFAULT_REGION, AWS_PROFILE)") from error
    except (ConnectionError, HTTPClientError) as error:  # connections refused, cut, or too slow
        raise Unavailable(f"the table {name} does not answer; the same request may be sent again") from error
    except BotoCoreError as error:
        raise StoreError(f"the table {name} cannot be used: {error}") from error
