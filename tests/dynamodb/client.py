"""A plain boto3 client for an emulator: no retries, and no checks of its own that would hide the server's."""

from typing import Any

import boto3
from botocore.config import Config

KEY_SCHEMA = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "PK", "AttributeType": "S"},
        {"AttributeName": "SK", "AttributeType": "S"},
    ],
}


def plain_client(url: str, attempts: int = 1, read_timeout: float = 10.0) -> Any:
    config = Config(
        retries={"total_max_attempts": attempts, "mode": "standard"},
        parameter_validation=False,
        read_timeout=read_timeout,
    )
    return boto3.client("dynamodb", endpoint_url=url, config=config)


def make_table(client: Any, name: str) -> None:
    client.create_table(TableName=name, **KEY_SCHEMA)
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 0.06, "MaxAttempts": 50})


def key(pk: str = "p", sk: str = "s") -> dict[str, Any]:
    return {"PK": {"S": pk}, "SK": {"S": sk}}
