"""What the emulator does to a call on demand, seen by a plain boto3 client."""

import threading
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from . import faults
from .client import key, plain_client
from .emulator import Emulator
from .faults import Fault


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (faults.THROTTLED, 400),
        (faults.THROTTLING, 400),
        (faults.REQUEST_LIMIT, 400),
        (faults.INTERNAL_ERROR, 500),
        (faults.UNAVAILABLE, 503),
    ],
    ids=lambda value: getattr(value, "code", value),
)
def test_a_refused_call_has_its_code_and_is_not_carried_out(
    client: Any, emulator: Emulator, table: str, refusal: faults.Refusal, status: int
) -> None:
    with emulator.failing(Fault(refusal)), pytest.raises(ClientError) as caught:
        client.put_item(TableName=table, Item=key())
    assert caught.value.response["Error"]["Code"] == refusal.code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert emulator.items(table) == []


def test_a_client_that_retries_gets_over_one_refusal(emulator: Emulator, table: str) -> None:
    with emulator.failing(Fault(faults.THROTTLED)) as fault:
        plain_client(emulator.url, attempts=2).put_item(TableName=table, Item=key())
    assert (fault.seen, fault.fired) == (2, 1)


def test_a_lost_answer_is_of_a_call_that_was_carried_out(client: Any, emulator: Emulator, table: str) -> None:
    with emulator.failing(Fault(faults.LOST_ANSWER)), pytest.raises(ConnectionClosedError):
        client.put_item(TableName=table, Item=key())
    assert emulator.items(table) == [key()]


def test_a_lost_request_is_not_carried_out(client: Any, emulator: Emulator, table: str) -> None:
    with emulator.failing(Fault(faults.LOST_REQUEST)), pytest.raises(ConnectionClosedError):
        client.put_item(TableName=table, Item=key())
    assert emulator.items(table) == []


def test_a_late_answer_runs_into_the_clients_time_out_after_the_call(emulator: Emulator, table: str) -> None:
    impatient = plain_client(emulator.url, read_timeout=0.2)
    with emulator.failing(Fault(faults.Late(2))), pytest.raises(ReadTimeoutError):
        impatient.put_item(TableName=table, Item=key())
    assert emulator.items(table) == [key()]


def test_others_are_served_while_one_waits(client: Any, emulator: Emulator, table: str) -> None:
    gate = threading.Event()
    with emulator.failing(Fault(faults.Meanwhile(lambda: gate.wait(10), "after"), "PutItem")) as fault:
        waiting = threading.Thread(target=lambda: client.put_item(TableName=table, Item=key()))
        waiting.start()
        while not fault.fired or not emulator.items(table):
            client.get_item(TableName=table, Key=key())
        client.get_item(TableName=table, Key=key())
        assert waiting.is_alive()
        gate.set()
        waiting.join()


def test_nothing_listens_while_it_refuses_connections(client: Any, emulator: Emulator, table: str) -> None:
    client.put_item(TableName=table, Item=key())
    with emulator.refusing(), pytest.raises((EndpointConnectionError, ConnectionClosedError)):  # a kept one is cut
        client.get_item(TableName=table, Key=key())
    assert client.get_item(TableName=table, Key=key())["Item"] == key()


def test_a_conflict_refuses_a_write(client: Any, emulator: Emulator, table: str) -> None:
    with emulator.failing(Fault(faults.CONFLICT)), pytest.raises(ClientError, match="TransactionConflictException"):
        client.put_item(TableName=table, Item=key())
    assert emulator.items(table) == []


def test_a_conflict_cancels_a_transaction_and_is_its_reason(client: Any, emulator: Emulator, table: str) -> None:
    puts = [{"Put": {"TableName": table, "Item": key("p", sort)}} for sort in "ab"]
    with emulator.failing(Fault(faults.CONFLICT)), pytest.raises(ClientError) as caught:
        client.transact_write_items(TransactItems=puts)
    reasons = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert (caught.value.response["Error"]["Code"], reasons) == (
        "TransactionCanceledException",
        ["TransactionConflict", "None"],
    )
    assert emulator.items(table) == []


def test_a_partial_batch_of_writes_gives_back_what_it_left(client: Any, emulator: Emulator, table: str) -> None:
    entries = [{"PutRequest": {"Item": key("p", sort)}} for sort in "abc"]
    with emulator.failing(Fault(faults.Partial(1))), emulator.metered() as meter:
        left = client.batch_write_item(RequestItems={table: entries})["UnprocessedItems"]
    assert left == {table: entries[1:]}
    assert (emulator.items(table), meter.write_units) == ([key("p", "a")], 1)


def test_a_partial_batch_of_reads_gives_back_the_keys_it_left(client: Any, emulator: Emulator, table: str) -> None:
    for sort in "abc":
        client.put_item(TableName=table, Item=key("p", sort))
    asked = {table: {"Keys": [key("p", sort) for sort in "abc"], "ConsistentRead": True}}
    with emulator.failing(Fault(faults.Partial(2))):
        found = client.batch_get_item(RequestItems=asked)
    assert len(found["Responses"][table]) == 2
    assert found["UnprocessedKeys"] == {table: {"Keys": [key("p", "c")], "ConsistentRead": True}}


@pytest.mark.parametrize("when", ["before", "after"])
def test_something_can_happen_meanwhile(client: Any, emulator: Emulator, table: str, when: Any) -> None:
    seen: list[int] = []
    look = faults.Meanwhile(lambda: seen.append(len(emulator.items(table))), when)
    with emulator.failing(Fault(look)):
        client.put_item(TableName=table, Item=key())
    assert seen == [0 if when == "before" else 1]


def test_a_fault_befalls_the_nth_call_that_fits_and_so_many_after_it(
    client: Any, emulator: Emulator, table: str
) -> None:
    outcomes = []
    fitting = Fault(faults.THROTTLED, "PutItem", when=lambda request: request["Item"]["PK"]["S"] == "p", nth=2, times=2)
    with emulator.failing(fitting):
        client.get_item(TableName=table, Key=key())
        for partition in ("p", "other", "p", "other", "p", "p"):
            try:
                client.put_item(TableName=table, Item=key(partition))
                outcomes.append("taken")
            except ClientError:
                outcomes.append("refused")
    assert outcomes == ["taken", "taken", "refused", "taken", "refused", "taken"]
    assert (fitting.seen, fitting.fired) == (4, 2)


def test_a_fault_is_gone_with_its_block(client: Any, emulator: Emulator, table: str) -> None:
    with emulator.failing(Fault(faults.THROTTLED, times=None)):
        pass
    client.put_item(TableName=table, Item=key())
