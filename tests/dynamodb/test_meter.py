"""Read and write units by hand beside those of the emulator; the client is a plain boto3 one."""

import doctest
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import corrections, sizes
from .client import key
from .emulator import Emulator
from .faults import LOST_ANSWER, THROTTLED, Fault

OWN = len("PKp" + "SKs" + "v")  # the bytes of an item p/s beside those of its attribute v


def item(size: int, sort: str = "s") -> dict[str, Any]:
    return {**key("p", sort), "v": {"S": "x" * (size - OWN)}}


@pytest.mark.parametrize("module", [sizes, corrections])
def test_the_examples_in_the_docstrings_hold(module: Any) -> None:
    done = doctest.testmod(module)
    assert done.attempted > 0
    assert done.failed == 0


def test_an_item_is_its_names_and_values_in_utf_8() -> None:
    # PK + "é" (2) = 4; SK + "s" = 3; count + 12.5 (pairs "12" "50": 1 + 2) = 8; raw + 3 bytes = 6; ok + 1 = 3
    held: dict[str, Any] = {
        "PK": {"S": "é"},
        "SK": {"S": "s"},
        "count": {"N": "12.5"},
        "raw": {"B": "AAEC"},
        "ok": {"BOOL": True},
    }
    assert sizes.item_size(held) == 4 + 3 + 8 + 6 + 3


@pytest.mark.parametrize(("size", "units"), [(1024, 1), (1025, 2), (2048, 2), (10_000, 10)])
def test_a_put_costs_a_unit_for_each_kilobyte_begun(
    client: Any, emulator: Emulator, table: str, size: int, units: int
) -> None:
    with emulator.metered() as meter:
        client.put_item(TableName=table, Item=item(size))
    assert meter.write_units == units


def test_a_put_over_a_larger_item_costs_the_larger(client: Any, emulator: Emulator, table: str) -> None:
    client.put_item(TableName=table, Item=item(3000))
    with emulator.metered() as meter:
        client.put_item(TableName=table, Item=item(100))  # 3,000 bytes before: 3
        client.put_item(TableName=table, Item=item(2000))  # 2,000 after: 2
    assert [request.write_units for request in meter.requests] == [3, 2]


def test_an_update_costs_the_whole_item_not_the_change(client: Any, emulator: Emulator, table: str) -> None:
    client.put_item(TableName=table, Item=item(2040))
    with emulator.metered() as meter:  # 2,040 + "n" + 2 bytes of the number 1 = 2,043: 2; then 2,043 + 5 + 1 = 2,049: 3
        client.update_item(
            TableName=table, Key=key(), UpdateExpression="ADD n :n", ExpressionAttributeValues={":n": {"N": "1"}}
        )
        client.update_item(
            TableName=table, Key=key(), UpdateExpression="SET w = :w", ExpressionAttributeValues={":w": {"S": "x" * 5}}
        )
    assert [request.write_units for request in meter.requests] == [2, 3]


def test_a_delete_costs_what_was_there(client: Any, emulator: Emulator, table: str) -> None:
    client.put_item(TableName=table, Item=item(3000))
    with emulator.metered() as meter:
        client.delete_item(TableName=table, Key=key())
        client.delete_item(TableName=table, Key=key())
    assert [request.write_units for request in meter.requests] == [3, 1]


def test_a_condition_that_fails_costs_as_if_it_had_not(client: Any, emulator: Emulator, table: str) -> None:
    client.put_item(TableName=table, Item=item(100))
    with emulator.metered() as meter, pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client.put_item(TableName=table, Item=item(2500), ConditionExpression="attribute_not_exists(PK)")
    assert [(request.write_units, request.error) for request in meter.requests] == [
        (3, "ConditionalCheckFailedException")
    ]


def test_a_transaction_costs_twice(client: Any, emulator: Emulator, table: str) -> None:
    check = {"TableName": table, "Key": key("p", "c"), "ConditionExpression": "attribute_not_exists(PK)"}
    with emulator.metered() as meter:  # 2 x (2 for 1,500 bytes + 1 for 100 + 1 for the check)
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": item(1500, "a")}},
                {"Put": {"TableName": table, "Item": item(100, "b")}},
                {"ConditionCheck": check},
            ]
        )
    assert meter.write_units == 8
    assert meter.keys_written == [("p", "a"), ("p", "b"), ("p", "c")]


def test_a_cancelled_transaction_costs_too(client: Any, emulator: Emulator, table: str) -> None:
    client.put_item(TableName=table, Item=item(100, "a"))
    put = {"TableName": table, "Item": item(100, "a"), "ConditionExpression": "attribute_not_exists(PK)"}
    with emulator.metered() as meter, pytest.raises(ClientError, match="TransactionCanceledException"):
        client.transact_write_items(TransactItems=[{"Put": put}])
    assert meter.write_units == 2


def test_a_batch_of_writes_costs_each_of_them(client: Any, emulator: Emulator, table: str) -> None:
    with emulator.metered() as meter:  # 1 + 2 + 1
        client.batch_write_item(
            RequestItems={
                table: [
                    {"PutRequest": {"Item": item(100, "a")}},
                    {"PutRequest": {"Item": item(1100, "b")}},
                    {"DeleteRequest": {"Key": key("p", "c")}},
                ]
            }
        )
    assert (meter.write_units, meter.keys_written) == (4, [("p", "a"), ("p", "b"), ("p", "c")])


@pytest.mark.parametrize(
    ("size", "consistent", "units"), [(4096, True, 1), (4097, True, 2), (4096, False, 0.5), (9000, False, 1.5)]
)
def test_a_get_costs_a_unit_for_each_4_kilobytes_and_half_unless_consistent(
    client: Any, emulator: Emulator, table: str, size: int, consistent: bool, units: float
) -> None:
    client.put_item(TableName=table, Item=item(size))
    with emulator.metered() as meter:
        client.get_item(TableName=table, Key=key(), ConsistentRead=consistent)
    assert (meter.read_units, meter.requests[0].consistent) == (units, consistent)


def test_a_get_of_nothing_costs_the_least(client: Any, emulator: Emulator, table: str) -> None:
    with emulator.metered() as meter:
        client.get_item(TableName=table, Key=key(), ConsistentRead=True)
    assert (meter.read_units, meter.keys_read) == (1, [("p", "s")])


def test_a_projection_does_not_make_it_cheaper(client: Any, emulator: Emulator, table: str) -> None:
    client.put_item(TableName=table, Item=item(9000))
    with emulator.metered() as meter:
        client.get_item(TableName=table, Key=key(), ProjectionExpression="PK", ConsistentRead=True)
    assert meter.read_units == 3


def test_a_query_adds_up_sizes_before_it_rounds(client: Any, emulator: Emulator, table: str) -> None:
    for sort in "abcdefghij":
        client.put_item(TableName=table, Item=item(1000, sort))
    asked = {"KeyConditionExpression": "PK = :p", "ExpressionAttributeValues": {":p": {"S": "p"}}}
    with emulator.metered() as meter:
        client.query(TableName=table, ConsistentRead=True, **asked)  # 10,000 bytes: 3
        client.query(TableName=table, Limit=4, **asked)  # 4,000 bytes: 1, halved
        client.query(TableName=table, FilterExpression="v = :p", ConsistentRead=True, **asked)  # none left, all read
        client.scan(TableName=table)  # 10,000 bytes: 3, halved
    assert [request.read_units for request in meter.requests] == [3, 0.5, 3, 1.5]
    assert meter.of("Query")[0].keys == (("p", None),)


def test_a_query_that_finds_nothing_costs_the_least(client: Any, emulator: Emulator, table: str) -> None:
    with emulator.metered() as meter:
        client.query(TableName=table, KeyConditionExpression="PK = :p", ExpressionAttributeValues={":p": {"S": "none"}})
    assert meter.read_units == 0.5


def test_a_batch_of_reads_rounds_each_item(client: Any, emulator: Emulator, table: str) -> None:
    client.put_item(TableName=table, Item=item(100, "a"))
    client.put_item(TableName=table, Item=item(4100, "b"))
    keys = [key("p", sort) for sort in "abc"]
    with emulator.metered() as meter:  # 1 + 2 + 1 for the one that is not there
        client.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
    assert (meter.read_units, meter.requests[0].consistent) == (4, True)


def test_what_is_refused_costs_nothing(client: Any, emulator: Emulator, table: str) -> None:
    with emulator.metered() as meter, pytest.raises(ClientError):
        client.put_item(TableName=table, Item={**key(), "v": {"SS": []}})
    with emulator.metered() as other, emulator.failing(Fault(THROTTLED)), pytest.raises(ClientError):
        client.put_item(TableName=table, Item=key())
    assert (meter.write_units, other.write_units) == (0, 0)
    assert [request.error for request in meter.requests + other.requests] == [
        "ValidationException",
        "ProvisionedThroughputExceededException",
    ]


def test_a_lost_answer_is_billed(client: Any, emulator: Emulator, table: str) -> None:
    with emulator.metered() as meter, emulator.failing(Fault(LOST_ANSWER)), pytest.raises(Exception, match="onnection"):
        client.put_item(TableName=table, Item=item(2000))
    assert meter.write_units == 2


def test_the_consumed_capacity_that_a_client_asks_for_is_the_meters(
    client: Any, emulator: Emulator, table: str
) -> None:
    told = client.put_item(TableName=table, Item=item(2000), ReturnConsumedCapacity="TOTAL")
    assert told["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": 2.0}


def test_a_meter_counts_only_while_it_runs(client: Any, emulator: Emulator, table: str) -> None:
    with emulator.metered() as meter:
        pass
    client.put_item(TableName=table, Item=key())
    assert meter.requests == []
