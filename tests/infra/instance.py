"""A client's instance: the product's functions, each set up by what was read back of its stack."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.dynamodb.emulator import Emulator, Request
from tests.functions.calling import Answered, answered
from tests.infra.stacks import Stack
from trueedge_core import wiring
from trueedge_core.services.keys import create, create_first
from trueedge_core.settings import Settings
from trueedge_core.storage import open_keys
from trueedge_local.events import Incoming
from trueedge_local.gateway import Gateway
from trueedge_local.guard import Guard
from trueedge_local.template import read_routes


class Instance:
    """Requests go by the route table to a function, which has the variables that its stack gave it."""

    current: Settings | None = None  # of the process: what is open stays so while they are the same

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.functions = stack.functions()
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
        """Be the process of that function from here on."""
        said = self.functions[function]
        variables = {**said["Environment"]["Variables"], "AWS_LAMBDA_FUNCTION_NAME": said["FunctionName"]}
        settings = Settings.from_env(variables)
        if settings != Instance.current:
            wiring.configure(settings)
            Instance.current = settings

    def role_of(self, function: str) -> str:
        """The logical id of the role that the function has."""
        return self.stack.logical(self.functions[function]["Role"].rpartition("/")[2])

    def sequence(self) -> int:
        """Be the sequencer, once, with all that the stream has; how many entries that was."""
        self.become("SequencerFunction")
        ledger: Any = wiring.ledger()
        return int(ledger.sequence(self.records()))

    def records(self) -> list[dict[str, Any]]:
        """What the stream that the sequencer follows has, from the beginning."""
        [mapping] = self.stack.mappings()
        arn, stream = mapping["EventSourceArn"], self.stack.account.client("dynamodbstreams")
        found: list[dict[str, Any]] = []
        for shard in stream.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            start = stream.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType=mapping["StartingPosition"]
            )
            found += stream.get_records(ShardIterator=start["ShardIterator"])["Records"]
        return found


@contextmanager
def watched(emulator: Emulator) -> Iterator[list[Request]]:
    """What DynamoDB is asked meanwhile, by whomever."""
    with emulator.metered() as meter:
        yield meter.requests
