"""DynamoDB on a socket: moto's server, held to the rules of the real one, metered as AWS bills, failing on demand.

It is WSGI middleware in front of moto rather than a hook on a client: at the socket everything is seen as DynamoDB
sees it (the JSON protocol, `X-Amz-Target: DynamoDB_20120810.*`), whoever the client is: this process, the local
server's workers, functions in containers. What moto gets wrong in itself, corrections.py puts right.

    with Emulator() as emulator, emulator.metered() as meter, emulator.failing(Fault(LOST_ANSWER, "PutItem", nth=3)):
        ...
    meter.write_units, meter.requests
"""

import base64
import contextlib
import copy
import hashlib
import io
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from . import corrections, rules, sizes
from .faults import Conflict, Cut, Fault, Late, Meanwhile, Partial, Refusal
from .rules import Refused, Schema, Write

TARGET = "DynamoDB_20120810."
TOKEN_SECONDS = 600.0
Key = tuple[str, str | None]  # partition and sort key as text; (partition, None) for a Query
Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Request:
    """One call as it was metered: the keys it named, the units it used, how it ended (`error` None: well)."""

    operation: str
    table: str
    keys: tuple[Key, ...]
    write_units: float
    read_units: float
    consistent: bool
    error: str | None
    body: Mapping[str, Any] = field(repr=False)

    @property
    def writes(self) -> bool:
        return self.operation in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")


class Meter:
    """What came in while it ran; refused and failed calls too, with the units that they cost."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    @property
    def write_units(self) -> float:
        return sum(request.write_units for request in self.requests)

    @property
    def read_units(self) -> float:
        return sum(request.read_units for request in self.requests)

    @property
    def keys_written(self) -> list[Key]:
        """The keys named by calls that write, as often as they were."""
        return [key for request in self.requests if request.writes for key in request.keys]

    @property
    def keys_read(self) -> list[Key]:
        return [key for request in self.requests if not request.writes for key in request.keys]

    def of(self, operation: str) -> list[Request]:
        return [request for request in self.requests if request.operation == operation]


class _Quiet(MotoRequestHandler):
    def log(self, type: str, message: str, *arguments: Any) -> None:
        pass


class _Dropped(ConnectionError):
    """The connection is gone; the server must not try to answer."""


class Emulator:
    """A server on `host` (0.0.0.0 when containers must reach it) and a free port, from `start` to `stop`.

    `creating_seconds`: how long a new table is CREATING, and not there yet for other calls.
    """

    def __init__(self, host: str = "127.0.0.1", creating_seconds: float = 0.0) -> None:
        corrections.install()
        self._host = host
        self._port = 0
        self.creating_seconds = creating_seconds
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._tables = create_backend_app("dynamodb")  # by itself: the dispatcher looks through its folder at each call
        self._server: BaseWSGIServer | None = None
        self._lock = threading.RLock()  # one call at a time is carried out; waiting goes on beside it
        self._meters: list[Meter] = []
        self._faults: list[Fault] = []
        self._tokens: dict[str, tuple[bytes, float, Answer, float]] = {}
        self._created: dict[tuple[str, str], float] = {}
        self._stopping = threading.Event()

    # --- its life ---

    def __enter__(self) -> "Emulator":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._stopping.clear()
        self._server = make_server(self._host, self._port, self, threaded=True, request_handler=_Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Nothing listens meanwhile: connections are refused. What the tables hold stays."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def metered(self) -> Iterator[Meter]:
        meter = Meter()
        self._meters.append(meter)
        try:
            yield meter
        finally:
            self._meters = [one for one in self._meters if one is not meter]

    @contextlib.contextmanager
    def failing(self, *faults: Fault) -> Iterator[Fault]:
        """The faults are on meanwhile; gives the first, whose `fired` and `seen` tell what became of it."""
        self._faults.extend(faults)
        try:
            yield faults[0]
        finally:
            self._faults = [one for one in self._faults if not any(one is fault for fault in faults)]

    def items(self, table: str, region: str = "us-east-1") -> list[dict[str, Any]]:
        """What a table holds, in the protocol's form, without a call: for looking at, in no order."""
        with self._lock:
            held = self._backend(region).tables[table]
            partitions = held.items.values()
            if held.has_range_key:
                return [corrections.plain(item) for partition in partitions for item in partition.values()]
            return [corrections.plain(item) for item in partitions]  # type: ignore[arg-type]

    def load(self, table: str, items: Iterable[Mapping[str, str | int | bytes]], region: str = "us-east-1") -> None:
        """Put items (of texts, integers and bytes) into a table without a call, so without a rule and for nothing."""
        with self._lock:
            into = self._backend(region).tables[table]
            for item in items:
                into.put_item({name: _typed(value) for name, value in item.items()})

    def forget(self, table: str, region: str = "us-east-1") -> None:
        """Drop a table without a call; one that is not there is no error."""
        with self._lock:
            self._backend(region).tables.pop(table, None)
            self._created.pop((region, table), None)

    # --- one request ---

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        operation = environ.get("HTTP_X_AMZ_TARGET", "")
        if not operation.startswith(TARGET):  # the streams, CloudFormation, ..: moto's own
            return self._moto(environ, start_response)
        status, body = self._answer(operation.removeprefix(TARGET), environ)
        headers = [("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-RequestId", f"{time.monotonic_ns():026d}")]
        start_response(f"{status} -", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, operation: str, environ: dict[str, Any]) -> Answer:
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if len(raw) > rules.MAX_REQUEST:
            return _error("com.amazon.coral.service#RequestEntityTooLarge", "Request is larger than 16 MB", 413)
        region = _region(environ)
        request = json.loads(raw)
        # A list: faults that wait and fail may befall one and the same call, and each counts every call that fits.
        effects = [fault.effect for fault in self._faults if fault.takes(operation, request)]
        for effect in effects:
            match effect:
                case Meanwhile(act=act, when="before"):
                    act()
                case Refusal():
                    self._note(operation, request, error=effect.code)
                    return _error(effect.code, effect.message, effect.status)
                case Conflict():
                    return self._conflict(operation, request)
                case Cut(applied=False):
                    self._note(operation, request, error="cut")
                    _drop(environ)
        done = next((effect.done for effect in effects if isinstance(effect, Partial)), None)
        with self._lock:
            answer = self._carry_out(operation, request, region, environ, done)
        for effect in effects:
            match effect:
                case Meanwhile(act=act, when="after"):
                    act()
                case Late(seconds=seconds):
                    self._stopping.wait(seconds)
                case Cut():
                    _drop(environ)
        return answer

    def _carry_out(
        self, operation: str, request: dict[str, Any], region: str, environ: dict[str, Any], done: int | None
    ) -> Answer:
        schemas = self._schemas(region)
        try:
            rules.check(operation, request, schemas)
        except Refused as refused:
            self._note(operation, request, error=refused.code)
            return _error(refused.code, refused.message, refused.status)
        request = corrections.canonical(request)
        if operation not in rules.DATA_OPERATIONS:
            return self._control(operation, request, region, environ)
        request, unprocessed = _split(operation, request, done)
        token = request.get("ClientRequestToken") if operation == "TransactWriteItems" else None
        if token is not None and (replayed := self._replay(token, request, schemas)) is not None:
            return replayed
        writes = rules.writes(operation, request, schemas)
        backend = self._backend(region)
        before = [self._size(backend, write) for write in writes]
        kept = self._item(backend, writes[0]) if operation == "UpdateItem" else None
        kept = copy.deepcopy(kept)
        status, body = self._forward(request, environ)
        error = None if status == 200 else str(json.loads(body).get("__type", "")).rpartition("#")[2]
        if operation == "UpdateItem":
            try:
                self._check_updated(backend, writes[0], kept, status)
            except Refused as refused:
                self._note(operation, request, error=refused.code)
                return _error(refused.code, refused.message, refused.status)
        factor = 2 if operation.startswith("Transact") else 1
        write_units = read_units = 0.0
        if error in (None, "ConditionalCheckFailedException", "TransactionCanceledException"):
            after = [self._attempted(backend, write, size, error) for write, size in zip(writes, before, strict=True)]
            write_units = factor * sum(map(sizes.write_units, before, after))
            if error is None:
                read_units = factor * self._read_units(operation, request, body, backend)
        if error is None:
            body = self._finish(operation, request, body, unprocessed, write_units + read_units)
        self._note(operation, request, schemas, write_units, read_units, error)
        if token is not None and error is None:
            spent = 2 * sum(sizes.read_units([self._size(backend, write)], True) for write in writes)
            self._tokens[token] = (_digest(request), time.monotonic(), (status, body), spent)
        return status, body

    def _control(self, operation: str, request: dict[str, Any], region: str, environ: dict[str, Any]) -> Answer:
        """Tables: a new one is CREATING for a moment, and until then not there for the other calls."""
        status, body = self._forward(request, environ)
        self._note(operation, request, error=None if status == 200 else "refused")
        if status == 200 and operation == "CreateTable":
            self._created[region, request["TableName"]] = time.monotonic()
        part = {"CreateTable": "TableDescription", "DescribeTable": "Table"}.get(operation)
        if status == 200 and part and not self._is_active(region, request["TableName"]):
            said = json.loads(body)
            said[part]["TableStatus"] = "CREATING"
            body = json.dumps(said).encode()
        return status, body

    def _is_active(self, region: str, table: str) -> bool:
        return time.monotonic() - self._created.get((region, table), float("-inf")) >= self.creating_seconds

    def _forward(self, request: dict[str, Any], environ: dict[str, Any]) -> Answer:
        raw = json.dumps(request).encode()
        inner = {**environ, "wsgi.input": io.BytesIO(raw), "CONTENT_LENGTH": str(len(raw))}
        said: list[str] = []
        chunks = self._tables(inner, lambda status, headers, exc_info=None: said.append(status))
        body = b"".join(chunks)
        return int(said[0].split()[0]), body

    def _conflict(self, operation: str, request: dict[str, Any]) -> Answer:
        message = "Transaction is ongoing for the item"
        if operation not in ("TransactWriteItems", "TransactGetItems"):
            self._note(operation, request, error="TransactionConflictException")
            return _error("TransactionConflictException", message)
        code = "TransactionCanceledException"
        self._note(operation, request, error=code)
        none = {"Code": "None"}
        reasons = [{"Code": "TransactionConflict", "Message": message}, *[none] * (len(request["TransactItems"]) - 1)]
        told = ", ".join(reason["Code"] for reason in reasons)
        text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{told}]"
        return _error(code, text, more={"CancellationReasons": reasons})

    def _replay(self, token: str, request: dict[str, Any], schemas: Mapping[str, Schema]) -> Answer | None:
        """The answer of the same transaction, sent before under the same token; None when this one is new."""
        known = self._tokens.get(token)
        if known is None or time.monotonic() - known[1] > TOKEN_SECONDS:
            return None
        digest, _, answer, spent = known
        if digest != _digest(request):
            code = "IdempotentParameterMismatchException"
            self._note("TransactWriteItems", request, error=code)
            return _error(code, "The client token was already used for a request with other parameters")
        self._note("TransactWriteItems", request, schemas, read_units=spent)
        return answer

    # --- what a call did ---

    def _backend(self, region: str) -> DynamoDBBackend:
        return dynamodb_backends[DEFAULT_ACCOUNT_ID][region]

    def _schemas(self, region: str) -> dict[str, Schema]:
        return {
            name: _schema(table)
            for name, table in self._backend(region).tables.items()
            if self._is_active(region, name)
        }

    def _item(self, backend: DynamoDBBackend, write: Write) -> Any:
        return backend.get_item(write.table, dict(write.key))

    def _size(self, backend: DynamoDBBackend, write: Write) -> int:
        item = self._item(backend, write)
        return 0 if item is None else sizes.item_size(corrections.plain(item))

    def _attempted(self, backend: DynamoDBBackend, write: Write, before: int, error: str | None) -> int:
        """The item's size after the write; after one that failed, that of what it would have made.

        Of a failed update only the parts are known: the item before, and every value that came with it.
        """
        if write.item is not None:
            return sizes.item_size(write.item)
        if write.kind == "Update" and error is None:
            return self._size(backend, write)
        if write.kind == "Update":
            return max(before, sizes.item_size(write.key)) + sum(map(sizes.value_size, (write.values or {}).values()))
        return 0

    def _read_units(self, operation: str, request: dict[str, Any], body: bytes, backend: DynamoDBBackend) -> float:
        if operation in ("Query", "Scan"):
            return sizes.read_units(corrections.scanned.sizes, bool(request.get("ConsistentRead")))
        asked = rules.reads(operation, request)
        if operation == "BatchGetItem" and (left := _left(body, request)):
            unread = [(table, key) for table, key, _ in rules.reads(operation, {"RequestItems": left})]
            asked = [one for one in asked if one[:2] not in unread]
        return sum(
            sizes.read_units([self._size(backend, Write("Get", table, key))], consistent)
            for table, key, consistent in asked
        )

    def _check_updated(self, backend: DynamoDBBackend, write: Write, kept: Any, status: int) -> None:
        """Sums and lists grow in an update: what came out must be an item that DynamoDB takes.

        An update that moto refuses by itself may have left an empty new item behind.
        """
        if status != 200:
            corrections.put_back(backend, write.table, write.key, kept)
            return
        item = corrections.plain(self._item(backend, write))
        try:
            for value in item.values():
                rules.check_value(value)
            rules.check_item_size(item, "Item size to update has exceeded the maximum allowed size")
        except Refused:
            corrections.put_back(backend, write.table, write.key, kept, streamed=1)
            raise

    def _finish(
        self,
        operation: str,
        request: dict[str, Any],
        body: bytes,
        unprocessed: dict[str, Any],
        units: float,
    ) -> bytes:
        """The answer as DynamoDB gives it: what a batch left, the units used, and items in no order to rely on."""
        said: dict[str, Any] = json.loads(body)
        if operation in ("Query", "Scan"):
            said["Count"] = len(corrections.scanned.items)
            if "Items" in said:  # not if only the count was asked for
                said["Items"] = corrections.scanned.items
        elif operation == "BatchGetItem":
            said["Responses"] = {table: items[::-1] for table, items in said["Responses"].items()}
            said["UnprocessedKeys"] = _joined(_left(body, request), unprocessed)
        elif operation == "BatchWriteItem":
            said["UnprocessedItems"] = unprocessed
        said.pop("ConsumedCapacity", None)
        if request.get("ReturnConsumedCapacity", "NONE") != "NONE":
            (table,) = _tables(operation, request)  # of several tables in one call: not held here
            told = {"TableName": table, "CapacityUnits": float(units)}
            said["ConsumedCapacity"] = [told] if operation.startswith(("Batch", "Transact")) else told
        return json.dumps(said).encode()

    def _note(
        self,
        operation: str,
        request: Mapping[str, Any],
        schemas: Mapping[str, Schema] | None = None,
        write_units: float = 0.0,
        read_units: float = 0.0,
        error: str | None = None,
    ) -> None:
        if not self._meters:
            return
        tables = _tables(operation, request)
        noted = Request(
            operation,
            ", ".join(tables),
            tuple(_keys(operation, request, schemas)) if schemas is not None else (),
            write_units,
            read_units,
            _is_consistent(operation, request),
            error,
            request,
        )
        for meter in self._meters:
            meter.requests.append(noted)


# --- requests and answers, pure --------------------------------------------------------------------------------------


def _error(code: str, message: str, status: int = 400, more: Mapping[str, Any] | None = None) -> Answer:
    namespace = "com.amazon.coral.validate" if code == "ValidationException" else "com.amazonaws.dynamodb.v20120810"
    said = {"__type": code if "#" in code else f"{namespace}#{code}", "message": message, **(more or {})}
    if code == "TransactionCanceledException":
        said["Message"] = said.pop("message")
    return status, json.dumps(said).encode()


def _typed(value: str | int | bytes) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"B": base64.b64encode(value).decode()}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def _region(environ: Mapping[str, Any]) -> str:
    signed = re.search(r"Credential=[^/]+/\d+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    return signed.group(1) if signed else "us-east-1"


def _schema(table: Table) -> Schema:
    types = {one["AttributeName"]: one["AttributeType"] for one in table.attr}
    return Schema(table.hash_key_attr, table.range_key_attr, types)


def _digest(request: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).digest()


def _drop(environ: Mapping[str, Any]) -> None:
    connection: socket.socket = environ["werkzeug.socket"]
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    raise _Dropped("dropped on demand")


def _split(operation: str, request: dict[str, Any], done: int | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """A batch's first `done` items as a request, and the rest; everything and nothing when `done` is None."""
    if done is None or operation not in ("BatchWriteItem", "BatchGetItem"):
        return request, {}
    take: dict[str, Any] = {}
    leave: dict[str, Any] = {}
    room = done
    for table, asked in request["RequestItems"].items():
        entries = asked["Keys"] if operation == "BatchGetItem" else asked
        for into, part in ((take, entries[:room]), (leave, entries[room:])):
            if part:
                into[table] = {**asked, "Keys": part} if operation == "BatchGetItem" else part
        room = max(0, room - len(entries))
    return {**request, "RequestItems": take}, leave


def _left(body: bytes, request: Mapping[str, Any]) -> dict[str, Any]:
    """What a batch of reads left because its answer had 16 MB: moto tells the keys, but not how they were asked for."""
    left = json.loads(body).get("UnprocessedKeys") or {}
    return {table: {**request["RequestItems"][table], "Keys": one["Keys"]} for table, one in left.items()}


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Unprocessed keys of two reasons together."""
    joined = dict(one)
    for table, asked in other.items():
        before = joined[table]["Keys"] if table in joined else []
        joined[table] = {**asked, "Keys": [*before, *asked["Keys"]]}
    return joined


def _tables(operation: str, request: Mapping[str, Any]) -> list[str]:
    if "RequestItems" in request:
        return sorted(request["RequestItems"])
    if "TransactItems" in request:
        return sorted({entry["TableName"] for one in request["TransactItems"] for entry in one.values()})
    return [request.get("TableName", "")]


def _is_consistent(operation: str, request: Mapping[str, Any]) -> bool:
    if operation == "BatchGetItem":
        return all(asked.get("ConsistentRead") for asked in request["RequestItems"].values())
    return operation.startswith("Transact") or bool(request.get("ConsistentRead"))


def _keys(operation: str, request: Mapping[str, Any], schemas: Mapping[str, Schema]) -> Iterator[Key]:
    for write in rules.writes(operation, request, schemas):
        yield _text(write.key, schemas[write.table])
    for table, key, _ in rules.reads(operation, request):
        yield _text(key, schemas[table])
    if operation == "Query":
        schema = schemas[request["TableName"]]
        yield rules.partition_of(request, schema), None


def _text(key: Mapping[str, Any], schema: Schema) -> Key:
    texts = [next(iter(key[name].values())) for name in schema.names]
    return texts[0], texts[1] if len(texts) > 1 else None
