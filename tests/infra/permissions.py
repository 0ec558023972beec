"""Whether a role may do what was asked of DynamoDB: IAM's rules, as far as the template's policies go.

Refused as not understood: what a policy of ours does not have (Deny, NotAction, other conditions).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class Need:
    """One thing that a call must be allowed: an action on a table, on items of these partition keys."""

    action: str
    table: str
    keys: tuple[str, ...]


def needs_of(operation: str, parameters: Mapping[str, Any]) -> Iterator[Need]:
    """What IAM wants for a call of DynamoDB. Of a transaction it judges each action by itself."""
    if operation == "BatchGetItem":
        for table, asked in parameters["RequestItems"].items():
            yield Need("dynamodb:BatchGetItem", table, tuple(_pk(key) for key in asked["Keys"]))
    elif operation == "BatchWriteItem":
        for table, asked in parameters["RequestItems"].items():
            puts = [one["PutRequest"]["Item"] for one in asked if "PutRequest" in one]
            deletes = [one["DeleteRequest"]["Key"] for one in asked if "DeleteRequest" in one]
            yield Need("dynamodb:BatchWriteItem", table, tuple(_pk(item) for item in puts + deletes))
    elif operation in ("TransactWriteItems", "TransactGetItems"):
        names = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "Get": "GetItem"}
        for one in parameters["TransactItems"]:
            [(kind, asked)] = one.items()
            item = asked.get("Item") or asked["Key"]
            yield Need(f"dynamodb:{names.get(kind, 'ConditionCheckItem')}", asked["TableName"], (_pk(item),))
    elif operation == "Query":
        yield Need("dynamodb:Query", parameters["TableName"], (_asked_for(parameters),))
    else:
        item = parameters.get("Key") or parameters.get("Item") or {}
        yield Need(f"dynamodb:{operation}", parameters["TableName"], (_pk(item),) if item else ())


def _pk(item: Mapping[str, Any]) -> str:
    value = item["PK"]
    return str(value["S"] if isinstance(value, Mapping) else value)


def _asked_for(parameters: Mapping[str, Any]) -> str:
    """The partition key of a query: `PK = :x` or `#x = :y` at the head of its condition."""
    name, equals, value = parameters["KeyConditionExpression"].split()[:3]
    assert equals == "="
    assert parameters.get("ExpressionAttributeNames", {}).get(name, name) == "PK"
    found = parameters["ExpressionAttributeValues"][value]
    return str(found["S"] if isinstance(found, Mapping) else found)


def allows(statements: Iterable[Mapping[str, Any]], need: Need, arn: str) -> bool:
    """Whether one of a role's statements allows it; `arn`: of the table that the need speaks of."""
    return any(_holds(one, need, arn) for one in statements)


def _holds(statement: Mapping[str, Any], need: Need, arn: str) -> bool:
    assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}, statement
    assert statement["Effect"] == "Allow"
    if need.action not in listed(statement["Action"]) or arn not in listed(statement["Resource"]):
        return False
    for operator, said in statement.get("Condition", {}).items():
        [(name, wanted)] = said.items()
        assert name == "dynamodb:LeadingKeys"
        if operator == "Null":
            assert wanted == "false"
            if not need.keys:
                return False
        else:
            assert operator == "ForAllValues:StringLike"
            if not all(any(fnmatchcase(key, pattern) for pattern in wanted) for key in need.keys):
                return False
    return True


def listed(value: Any) -> list[Any]:
    """IAM writes one as itself, several as a list."""
    return value if isinstance(value, list) else [value]
