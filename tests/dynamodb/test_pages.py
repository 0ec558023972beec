"""Pages, orders, numbers and tokens as DynamoDB has them, asked by a plain boto3 client over the socket."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .client import key
from .emulator import Emulator

ONE_PARTITION: dict[str, Any] = {"KeyConditionExpression": "PK = :p", "ExpressionAttributeValues": {":p": {"S": "p"}}}


def fill(client: Any, table: str, count: int, **more: Any) -> None:
    for number in range(count):
        client.put_item(TableName=table, Item={**key("p", f"{number:03}"), **more})


def sort_keys(page: Any) -> list[str]:
    return [item["SK"]["S"] for item in page["Items"]]


@pytest.mark.parametrize("asked", [ONE_PARTITION, {}], ids=["query", "scan"])
def test_a_page_that_ends_at_its_limit_has_an_empty_page_after_it(client: Any, table: str, asked: Any) -> None:
    fill(client, table, 4)
    read = client.query if asked else client.scan
    first = read(TableName=table, Limit=4, **asked)
    assert (first["Count"], first["LastEvaluatedKey"]) == (4, key("p", "003"))
    last = read(TableName=table, Limit=4, ExclusiveStartKey=first["LastEvaluatedKey"], **asked)
    assert (last["Count"], "LastEvaluatedKey" in last) == (0, False)


@pytest.mark.parametrize("forward", [True, False])
def test_pages_put_together_are_everything_in_order(client: Any, table: str, forward: bool) -> None:
    fill(client, table, 7)
    pages = client.get_paginator("query").paginate(
        TableName=table, ScanIndexForward=forward, PaginationConfig={"PageSize": 3}, **ONE_PARTITION
    )
    found = [sort_key for page in pages for sort_key in sort_keys(page)]
    assert found == sorted((f"{number:03}" for number in range(7)), reverse=not forward)


@pytest.mark.parametrize("asked", [ONE_PARTITION, {}], ids=["query", "scan"])
def test_a_page_ends_with_the_item_that_passes_1_mb(client: Any, table: str, asked: Any) -> None:
    # 40 items of 51,200 bytes: 20 of them are 1,024,000 bytes, 21 are 1,075,200, and a page may hold 1,048,576.
    fill(client, table, 40, v={"S": "x" * (51_200 - len("PKpSK000v"))})
    read = client.query if asked else client.scan
    first = read(TableName=table, **asked)
    second = read(TableName=table, ExclusiveStartKey=first["LastEvaluatedKey"], **asked)
    assert (first["Count"], second["Count"], "LastEvaluatedKey" in second) == (21, 19, False)


def test_a_filter_comes_after_the_limit(client: Any, table: str) -> None:
    fill(client, table, 3)
    client.put_item(TableName=table, Item={**key("p", "9"), "v": {"S": "x"}})
    page = client.query(TableName=table, Limit=3, FilterExpression="attribute_exists(v)", **ONE_PARTITION)
    assert (page["Count"], page["ScannedCount"], page["LastEvaluatedKey"]) == (0, 3, key("p", "002"))


def test_a_page_may_start_at_a_key_that_is_gone(client: Any, table: str) -> None:
    fill(client, table, 4)
    client.delete_item(TableName=table, Key=key("p", "001"))
    page = client.query(TableName=table, ExclusiveStartKey=key("p", "001"), **ONE_PARTITION)
    assert sort_keys(page) == ["002", "003"]


def test_a_scan_gives_partitions_in_no_order_but_each_in_its_own(client: Any, table: str) -> None:
    for partition in "abcdefgh":
        for sort in "21":
            client.put_item(TableName=table, Item=key(partition, sort))
    found = [(item["PK"]["S"], item["SK"]["S"]) for item in client.scan(TableName=table)["Items"]]
    assert sorted(found) == [(partition, sort) for partition in "abcdefgh" for sort in "12"]
    assert found != sorted(found)
    assert [sort for _, sort in found] == ["1", "2"] * 8


def test_sort_keys_are_ordered_by_their_bytes(client: Any, table: str) -> None:
    for sort in ("ä", "z", "Z", "😀", "\ufb00"):  # UTF-16 would put the last but one before the last
        client.put_item(TableName=table, Item=key("p", sort))
    assert sort_keys(client.query(TableName=table, **ONE_PARTITION)) == ["Z", "z", "ä", "\ufb00", "😀"]


def test_a_batch_of_reads_is_in_no_order_to_rely_on(client: Any, table: str) -> None:
    fill(client, table, 3)
    keys = [key("p", f"{number:03}") for number in range(3)]
    found = client.batch_get_item(RequestItems={table: {"Keys": keys}})["Responses"][table]
    assert [item["SK"]["S"] for item in found] == ["002", "001", "000"]


def test_a_batch_of_reads_gives_16_mb_and_leaves_the_rest(client: Any, table: str) -> None:
    # 45 items of 400,000 bytes; 16 MB = 16,777,216 bytes hold 41 of them.
    fill(client, table, 45, v={"S": "x" * (400_000 - len("PKpSK000v"))})
    asked = {table: {"Keys": [key("p", f"{number:03}") for number in range(45)], "ConsistentRead": True}}
    first = client.batch_get_item(RequestItems=asked)
    left = first["UnprocessedKeys"]
    assert (len(first["Responses"][table]), len(left[table]["Keys"]), left[table]["ConsistentRead"]) == (41, 4, True)
    second = client.batch_get_item(RequestItems=left)
    assert (len(second["Responses"][table]), second["UnprocessedKeys"]) == (4, {})


def test_numbers_come_back_as_values_not_as_they_were_written(client: Any, table: str) -> None:
    client.put_item(TableName=table, Item={**key(), "v": {"N": "1.10"}, "w": {"N": "1E+3"}, "z": {"N": "-0.0"}})
    item = client.get_item(TableName=table, Key=key())["Item"]
    assert [item[name]["N"] for name in "vwz"] == ["1.1", "1000", "0"]


def add_one(table: str, sort: str = "s") -> dict[str, Any]:
    update = "ADD n :one"
    return {
        "Update": {
            "TableName": table,
            "Key": key("p", sort),
            "UpdateExpression": update,
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }


def test_a_transaction_sent_again_under_its_token_is_carried_out_once(client: Any, table: str) -> None:
    token = uuid.uuid4().hex
    for _ in range(3):
        client.transact_write_items(TransactItems=[add_one(table)], ClientRequestToken=token)
    assert client.get_item(TableName=table, Key=key())["Item"]["n"] == {"N": "1"}


def test_another_transaction_under_a_used_token_is_refused(client: Any, table: str) -> None:
    token = uuid.uuid4().hex
    client.transact_write_items(TransactItems=[add_one(table)], ClientRequestToken=token)
    with pytest.raises(ClientError, match="IdempotentParameterMismatchException"):
        client.transact_write_items(TransactItems=[add_one(table, "other")], ClientRequestToken=token)


def test_a_cancelled_transaction_leaves_every_item_as_it_was(client: Any, emulator: Emulator, table: str) -> None:
    client.transact_write_items(TransactItems=[add_one(table)])
    before = emulator.items(table)
    condition = "attribute_exists(PK)"
    failing = {"Put": {"TableName": table, "Item": key("p", "new"), "ConditionExpression": condition}}
    with pytest.raises(ClientError) as caught:
        client.transact_write_items(TransactItems=[add_one(table), add_one(table, "2"), failing])
    codes = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert codes == ["None", "None", "ConditionalCheckFailed"]
    assert emulator.items(table) == before
