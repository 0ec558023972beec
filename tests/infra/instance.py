"""A client's instance: the product's functions, each set up by what was read back of its stack."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.dynamodb.emulator import Emulator, Request
from tests.functions.calling import FUNCTIONS, Answered, answered
from tests.infra.stacks import Stack
from trueedge_core import wiring
from trueedge_core.services.keys import create, create_first
from trueedge_core.settings import Settings
from trueedge_core.storage import open_keys
from trueedge_local.events import Incoming
from trueedge_local.gateway import Context, Gateway, load_handler
from trueedge_local.guard import Guard
from trueedge_local.template import read_routes


class Instance:
    """Requests go by the route table to a function, which has the variables that its stack gave it."""

    current: tuple["Instance", str] | None = None  # whose process this one is

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.functions = stack.functions()
        self._iterator: str | None = None
        self.gateway = Gateway(read_routes(), Guard("127.0.0.1"))
        keys = open_keys(f"dynamodb://{stack.table}")  # as the operator's `keys create` does
        self.key = create_first(keys, wiring.now_us()) or create(keys, ["admin"], wiring.now_us())[0]
        keys.close()

    def __call__(self, method: str, target: str, body: Any = None, key: str | None = None, **headers: str) -> Answered:
        """The answer to a request with the admin's key, or another."""
        path, _, query = target.partition("?")
        route, _ = self.gateway.routes.find(method, path)
        self.become(route.function)
        sent = {"host": "127.0.0.1", "content-type": "application/json", "x-api-key": key or self.key}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return answered(self.gateway.answer(Incoming(method, path.encode(), query.encode(), tuple(sent.items()), raw)))

    def become(self, function: str) -> None:
        """Be a process of that function from here on: one of its own, which remembers nothing of another's."""
        if Instance.current != (self, function):
            said = self.functions[function]
            variables = {**said["Environment"]["Variables"], "AWS_LAMBDA_FUNCTION_NAME": said["FunctionName"]}
            wiring.configure(Settings.from_env(variables))
            Instance.current = self, function

    def role_of(self, function: str) -> str:
        """The logical id of the role that the function has."""
        return self.stack.logical(self.functions[function]["Role"].rpartition("/")[2])

    def sequence(self, batch: int = 1000) -> int:
        """Be the sequencer with what its stream has for it since the last time; how many records that was."""
        self.become("SequencerFunction")
        records = self.waiting()
        for first in range(0, len(records), batch):
            event = {"Records": records[first : first + batch]}
            load_handler(FUNCTIONS / "sequencer")(event, Context("sequencer", "lambda-request"))
        return len(records)

    def waiting(self) -> list[dict[str, Any]]:
        """The records that the mapping of the stream would hand over now."""
        [mapping] = self.stack.mappings()
        patterns = [json.loads(one["Pattern"]) for one in mapping["FilterCriteria"]["Filters"]]
        return [record for record in self.records() if any(matches(pattern, record) for pattern in patterns)]

    def records(self) -> list[dict[str, Any]]:
        """What the stream has that was not read before, of every kind."""
        stream = self.stack.account.client("dynamodbstreams")
        if self._iterator is None:
            [mapping] = self.stack.mappings()
            arn = mapping["EventSourceArn"]
            [shard] = stream.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]  # moto has one
            self._iterator = stream.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType=mapping["StartingPosition"]
            )["ShardIterator"]
        found: list[dict[str, Any]] = []
        while True:
            page = stream.get_records(ShardIterator=self._iterator)
            self._iterator = page["NextShardIterator"]
            if not page["Records"]:
                return found
            found += page["Records"]


def matches(pattern: Any, value: Any) -> bool:
    """What an event filter of Lambda says, as far as ours goes: fields, equal values, prefixes."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(matches(one, value.get(name)) for name, one in pattern.items())
    return any(
        isinstance(value, str) and value.startswith(one["prefix"]) if isinstance(one, dict) else value == one
        for one in pattern
    )


@contextmanager
def watched(emulator: Emulator) -> Iterator[list[Request]]:
    """What DynamoDB is asked meanwhile, by whomever."""
    with emulator.metered() as meter:
        yield meter.requests
