"""Whether a role may do what was asked of DynamoDB: IAM's rules, as far as the template's policies go.

Refused as not understood: what a policy of ours does not have (Deny, NotAction, other conditions).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

_WORDS = {"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "IN", "BETWEEN"}


@dataclass(frozen=True)
class Need:
    """One thing that a call must be allowed: an action on a table, on items of these partition keys.

    `attributes`: those that an update names.
    """

    action: str
    table: str
    keys: tuple[str, ...]
    attributes: tuple[str, ...] = ()

    @property
    def kinds(self) -> set[str]:
        return {key[0] for key in self.keys}


def needs_of(operation: str, asked: Mapping[str, Any]) -> Iterator[Need]:
    """What IAM wants for a call, by its body in DynamoDB's protocol; of a transaction it judges each action alone."""
    if operation in ("BatchGetItem", "BatchWriteItem"):
        for table, requests in asked["RequestItems"].items():
            keys = requests["Keys"] if operation == "BatchGetItem" else [_written(one) for one in requests]
            yield Need(f"dynamodb:{operation}", table, tuple(key["PK"]["S"] for key in keys))
    elif operation.startswith("Transact"):
        for [(kind, one)] in (one.items() for one in asked["TransactItems"]):
            yield from needs_of("ConditionCheckItem" if kind == "ConditionCheck" else f"{kind}Item", one)
    elif operation == "Query":
        yield Need("dynamodb:Query", asked["TableName"], (_partition(asked),))
    elif operation == "Scan":
        yield Need("dynamodb:Scan", asked["TableName"], ())
    else:
        item = asked.get("Key") or asked["Item"]
        named = _attributes(asked) if operation == "UpdateItem" else ()
        yield Need(f"dynamodb:{operation}", asked["TableName"], (item["PK"]["S"],), named)


def _written(request: Mapping[str, Any]) -> Any:
    return request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]


def _partition(asked: Mapping[str, Any]) -> str:
    """The partition key of a query: `PK = :x` or `#x = :y` at the head of its condition."""
    name, equals, value = asked["KeyConditionExpression"].split()[:3]
    assert equals == "="
    assert asked.get("ExpressionAttributeNames", {}).get(name, name) == "PK"
    return str(asked["ExpressionAttributeValues"][value]["S"])


def _attributes(asked: Mapping[str, Any]) -> tuple[str, ...]:
    text = f"{asked['UpdateExpression']} {asked.get('ConditionExpression', '')}"
    named = set(re.findall(r"(?<![:\w#])[#A-Za-z]\w*(?!\w*\()", text)) - _WORDS
    names = asked.get("ExpressionAttributeNames", {})
    return tuple(sorted({names.get(name, name) for name in named} | asked["Key"].keys()))


def allows(statements: Iterable[Mapping[str, Any]], need: Need, arn: str) -> bool:
    """Whether one of a role's statements allows it; `arn`: of the table that the need speaks of."""
    return any(_holds(one, need, arn) for one in statements)


def _holds(statement: Mapping[str, Any], need: Need, arn: str) -> bool:
    assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}, statement
    assert statement["Effect"] == "Allow"
    if need.action not in listed(statement["Action"]) or arn not in listed(statement["Resource"]):
        return False
    values = {"dynamodb:LeadingKeys": need.keys, "dynamodb:Attributes": need.attributes}
    for operator, said in statement.get("Condition", {}).items():
        for name, wanted in said.items():
            if operator == "Null":
                assert wanted == "false"
                holds = bool(values[name])
            elif operator == "ForAllValues:StringLike":
                holds = all(any(fnmatchcase(value, pattern) for pattern in wanted) for value in values[name])
            else:
                assert operator == "ForAllValues:StringEquals"
                holds = set(values[name]) <= set(wanted)
            if not holds:
                return False
    return True


def listed(value: Any) -> list[Any]:
    """IAM writes one as itself, several as a list."""
    return value if isinstance(value, list) else [value]
