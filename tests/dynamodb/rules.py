"""DynamoDB's own limits and checks of a request, where moto lets through what AWS refuses.

Each refusal has AWS's status, type and message as far as they are published; clients must act on the type alone.
Sources: the developer guide's "Quotas", "Naming rules and data types", "Expressions", "Reserved words" and the API
reference of each operation.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from .sizes import item_size, value_size

MAX_REQUEST = 16 * 1024 * 1024
MAX_ITEM = 400 * 1024
MAX_TRANSACTION = 4 * 1024 * 1024
MAX_BATCH_WRITE, MAX_BATCH_GET, MAX_TRANSACTION_ITEMS = 25, 100, 100
MAX_PARTITION_KEY, MAX_SORT_KEY = 2048, 1024
MAX_DIGITS = 38
LARGEST, SMALLEST = Decimal("9.9999999999999999999999999999999999999E+125"), Decimal("1E-130")
MAX_DEPTH = 32
MAX_EXPRESSION = 4096

TYPES = ("S", "N", "B", "SS", "NS", "BS", "M", "L", "BOOL", "NULL")
EXPRESSIONS = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
)
# Written before expressions were: AWS still takes them; this emulator does not hold them to any rule, so it refuses.
LEGACY = (
    "AttributesToGet",
    "AttributeUpdates",
    "ConditionalOperator",
    "Expected",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
)
DATA_OPERATIONS = (
    "GetItem",
    "BatchGetItem",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "Query",
    "Scan",
    "TransactWriteItems",
    "TransactGetItems",
)
RESERVED = frozenset(word.upper() for word in ReservedKeywords.get_reserved_keywords())
_SYNTAX = {"AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE"}
_TOKEN = re.compile(r"\s*(?:([#:][A-Za-z0-9_]+)|([A-Za-z][A-Za-z0-9_]*)|(\d+)|(<>|<=|>=|[=<>(),.\[\]+-])|(\S))")


class Refused(Exception):
    """The answer AWS gives instead: HTTP status, type and message."""

    def __init__(self, message: str, code: str = "ValidationException", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status


@dataclass(frozen=True)
class Schema:
    """A table's key: the names of its attributes and their types (S, N or B)."""

    partition: str
    sort: str | None
    types: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.partition,) if self.sort is None else (self.partition, self.sort)

    def key(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {name: item[name] for name in self.names}


Schemas = Mapping[str, Schema]


@dataclass(frozen=True)
class Write:
    """One item that a request writes or checks: `item` whole for a put, else None and `key` alone."""

    kind: str  # Put, Update, Delete or ConditionCheck
    table: str
    key: Mapping[str, Any]
    item: Mapping[str, Any] | None = None
    values: Mapping[str, Any] | None = None


def check(operation: str, request: Mapping[str, Any], schemas: Schemas) -> None:
    """Raises: Refused when AWS would not take the request, whatever the table holds."""
    if operation == "CreateTable":
        if request.get("GlobalSecondaryIndexes") or request.get("LocalSecondaryIndexes"):
            raise Refused("this emulator does not hold indexes to DynamoDB's rules: neither sizes nor units")
        return
    if operation not in DATA_OPERATIONS:
        return
    if found := [name for name in LEGACY if name in request]:
        raise Refused(f"this emulator takes expressions only, not {', '.join(found)}")
    {
        "BatchWriteItem": _batch_write,
        "BatchGetItem": _batch_get,
        "TransactWriteItems": _transact,
        "TransactGetItems": _transact,
    }.get(operation, _single)(operation, request, schemas)


def writes(operation: str, request: Mapping[str, Any], schemas: Schemas) -> list[Write]:
    """The items that a (checked) request writes, in order."""
    if operation == "BatchWriteItem":
        return [
            _write(kind.removesuffix("Request"), {**entry, "TableName": table}, schemas)
            for table, entries in request["RequestItems"].items()
            for one in entries
            for kind, entry in one.items()
        ]
    if operation == "TransactWriteItems":
        return [_write(kind, entry, schemas) for one in request["TransactItems"] for kind, entry in one.items()]
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        return [_write(operation.removesuffix("Item"), request, schemas)]
    return []


def reads(operation: str, request: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], bool]]:
    """(table, key, consistent) of the items that a (checked) request asks for by key, in order."""
    if operation == "GetItem":
        return [(request["TableName"], request["Key"], bool(request.get("ConsistentRead")))]
    if operation == "BatchGetItem":
        return [
            (table, key, bool(asked.get("ConsistentRead")))
            for table, asked in request["RequestItems"].items()
            for key in asked["Keys"]
        ]
    if operation == "TransactGetItems":
        return [(one["Get"]["TableName"], one["Get"]["Key"], True) for one in request["TransactItems"]]
    return []


def _write(kind: str, entry: Mapping[str, Any], schemas: Schemas) -> Write:
    schema = schemas[entry["TableName"]]
    if kind == "Put":
        return Write(kind, entry["TableName"], schema.key(entry["Item"]), item=entry["Item"])
    return Write(kind, entry["TableName"], entry["Key"], values=entry.get("ExpressionAttributeValues"))


# --- operations ------------------------------------------------------------------------------------------------------


def _single(operation: str, request: Mapping[str, Any], schemas: Schemas) -> None:
    schema = _schema(request, schemas)
    if operation == "PutItem":
        if request.get("ReturnValues", "NONE") not in ("NONE", "ALL_OLD"):
            raise Refused("Return values set to invalid value")
        check_item(request["Item"], schema)
    elif operation not in ("Query", "Scan"):
        check_key(request["Key"], schema)
    elif "IndexName" in request:
        raise Refused(f"The table does not have the specified index: {request['IndexName']}")
    elif operation == "Query" and not request.get("KeyConditionExpression"):
        raise Refused("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
    _expressions(request, schema)
    if operation in ("Query", "Scan"):
        _page(operation, request, schema)


def _batch_write(operation: str, request: Mapping[str, Any], schemas: Schemas) -> None:
    asked = _batch(operation, request, schemas)
    if sum(len(entries) for entries in asked.values()) > MAX_BATCH_WRITE:
        raise Refused("Too many items requested for the BatchWriteItem call")
    seen = []
    for table, entries in asked.items():
        for one in entries:
            if len(one) != 1 or not one.keys() <= {"PutRequest", "DeleteRequest"}:
                raise Refused("Supplied AttributeValue has more than one datatypes set, must contain exactly one")
            if "PutRequest" in one:
                item = one["PutRequest"]["Item"]
                check_item(item, schemas[table])
                key = schemas[table].key(item)
            else:
                key = one["DeleteRequest"]["Key"]
                check_key(key, schemas[table])
            seen.append((table, key))
    _unique(seen, "Provided list of item keys contains duplicates")


def _batch_get(operation: str, request: Mapping[str, Any], schemas: Schemas) -> None:
    asked = _batch(operation, request, schemas)
    if sum(len(one["Keys"]) for one in asked.values()) > MAX_BATCH_GET:
        raise Refused("Too many items requested for the BatchGetItem call")
    for table, one in asked.items():
        if found := [name for name in LEGACY if name in one]:
            raise Refused(f"this emulator takes expressions only, not {', '.join(found)}")
        for key in one["Keys"]:
            check_key(key, schemas[table])
        _expressions(one, schemas[table])
    keys = [(table, key) for table, one in asked.items() for key in one["Keys"]]
    _unique(keys, "Provided list of item keys contains duplicates")


def _batch(operation: str, request: Mapping[str, Any], schemas: Schemas) -> Mapping[str, Any]:
    asked: Mapping[str, Any] = request["RequestItems"]
    if not asked or not all(asked.values()):
        raise Refused(
            "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )
    for table in asked:
        _schema({"TableName": table}, schemas)
    return asked


def _transact(operation: str, request: Mapping[str, Any], schemas: Schemas) -> None:
    items = request["TransactItems"]
    if not 1 <= len(items) <= MAX_TRANSACTION_ITEMS:
        raise Refused(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "
            "Member must have length between 1 and 100"
        )
    if len(request.get("ClientRequestToken", "")) > 36:
        raise Refused("1 validation error detected: 'clientRequestToken' must have length less than or equal to 36")
    seen, total = [], 0
    for one in items:
        if len(one) != 1:
            raise Refused("TransactItems can only contain one of Check, Put, Update or Delete")
        ((kind, entry),) = one.items()
        if kind not in (("Get",) if operation == "TransactGetItems" else ("Put", "Update", "Delete", "ConditionCheck")):
            raise Refused(f"TransactItems cannot contain {kind}")
        schema = _schema(entry, schemas)
        if kind == "Put":
            check_item(entry["Item"], schema)
            total += item_size(entry["Item"])
            seen.append((entry["TableName"], schema.key(entry["Item"])))
        else:
            check_key(entry["Key"], schema)
            total += item_size(entry["Key"]) + item_size(entry.get("ExpressionAttributeValues") or {})
            seen.append((entry["TableName"], entry["Key"]))
        if kind == "ConditionCheck" and not entry.get("ConditionExpression"):
            raise Refused("The expression can not be empty: ConditionCheck needs a ConditionExpression")
        _expressions(entry, schema)
    _unique(seen, "Transaction request cannot include multiple operations on one item")
    if total > MAX_TRANSACTION:
        raise Refused("Transaction payload exceeds 4 MB")


def _page(operation: str, request: Mapping[str, Any], schema: Schema) -> None:
    if request.get("Limit", 1) < 1:
        raise Refused("1 validation error detected: Value at 'limit' must be greater than or equal to 1")
    if start := request.get("ExclusiveStartKey"):
        if set(start) != set(schema.names):
            raise Refused("The provided starting key is invalid")
        check_key(start, schema)
        if operation == "Query" and partition_of(request, schema) != next(iter(start[schema.partition].values())):
            raise Refused("The provided starting key is outside query boundaries based on provided conditions")


def _schema(entry: Mapping[str, Any], schemas: Schemas) -> Schema:
    found = schemas.get(entry["TableName"])
    if found is None:
        raise Refused("Requested resource not found", "ResourceNotFoundException")
    return found


def _unique(keys: Sequence[tuple[str, Mapping[str, Any]]], message: str) -> None:
    if len({(table, json.dumps(key, sort_keys=True)) for table, key in keys}) != len(keys):
        raise Refused(message)


# --- items, keys, values ---------------------------------------------------------------------------------------------


def check_item(item: Mapping[str, Any], schema: Schema) -> None:
    for name in schema.names:
        if name not in item:
            raise Refused(f"One or more parameter values were invalid: Missing the key {name} in the item")
        _key_value(name, item[name], schema)
    for value in item.values():
        check_value(value)
    check_item_size(item, "Item size has exceeded the maximum allowed size")


def check_item_size(item: Mapping[str, Any], message: str) -> None:
    if item_size(item) > MAX_ITEM:
        raise Refused(message)


def check_key(key: Mapping[str, Any], schema: Schema) -> None:
    if set(key) != set(schema.names):
        raise Refused("The provided key element does not match the schema")
    for name, value in key.items():
        check_value(value)
        _key_value(name, value, schema)


def _key_value(name: str, value: Mapping[str, Any], schema: Schema) -> None:
    ((kind, _),) = value.items()
    if kind != schema.types[name]:
        raise Refused(
            f"One or more parameter values were invalid: Type mismatch for key {name} "
            f"expected: {schema.types[name]} actual: {kind}"
        )
    size = value_size(value)
    if not size:
        raise Refused(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
            f"empty string value. Key: {name}"
        )
    if name == schema.partition and size > MAX_PARTITION_KEY:
        raise Refused(
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit "
            "of 2048 bytes"
        )
    if name == schema.sort and size > MAX_SORT_KEY:
        raise Refused(
            "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit "
            "of 1024 bytes"
        )


def check_value(value: Mapping[str, Any], depth: int = 0) -> None:
    if not isinstance(value, Mapping) or len(value) != 1 or not value.keys() <= set(TYPES):
        raise Refused("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    if depth > MAX_DEPTH:
        raise Refused("Nesting Levels have exceeded supported limits: Attributes have nested levels")
    ((kind, held),) = value.items()
    match kind:
        case "N":
            check_number(held)
        case "B":
            _check_binary(held)
        case "NULL" if held is not True:
            raise Refused(
                "One or more parameter values were invalid: Null attribute value types must have the value of true"
            )
        case "SS" | "NS" | "BS":
            _check_set(kind, held)
        case "L":
            for one in held:
                check_value(one, depth + 1)
        case "M":
            for one in held.values():
                check_value(one, depth + 1)


def _check_set(kind: str, held: Sequence[str]) -> None:
    if not held:
        words = {"SS": "An string set ", "NS": "An number set ", "BS": "Binary sets"}
        raise Refused(f"One or more parameter values were invalid: {words[kind]} may not be empty")
    for one in held:
        if kind == "NS":
            check_number(one)
        elif kind == "BS":
            _check_binary(one)
    if len(set(map(Decimal, held) if kind == "NS" else held)) != len(held):
        raise Refused(f"One or more parameter values were invalid: Input collection {list(held)} contains duplicates.")


def check_number(text: object) -> None:
    """38 significant digits without the zeros at both ends, and a magnitude of 1E-130 to 9.99..E+125."""
    try:
        number = Decimal(text) if isinstance(text, str) and text == text.strip() and "_" not in text else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise Refused(f"The parameter cannot be converted to a numeric value: {text}")
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if len(digits) > MAX_DIGITS:
        raise Refused("Attempting to store more than 38 significant digits in a Number")
    if number and abs(number) > LARGEST:
        raise Refused("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if number and abs(number) < SMALLEST:
        raise Refused("Number underflow. Attempting to store a number with magnitude smaller than supported range")


def _check_binary(held: object) -> None:
    try:
        base64.b64decode(str(held), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("Base64 encoded value is not valid", "SerializationException") from None


# --- expressions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Token:
    kind: str  # placeholder, word, number or sign
    text: str
    is_attribute: bool = False  # names an attribute, at the top of a path


def _expressions(entry: Mapping[str, Any], schema: Schema) -> None:
    names: Mapping[str, str] | None = entry.get("ExpressionAttributeNames")
    values: Mapping[str, Any] | None = entry.get("ExpressionAttributeValues")
    written = {name: entry[name] for name in EXPRESSIONS if name in entry}
    for given, word in ((names, "Names"), (values, "Values")):
        if given is not None and not written:
            raise Refused(f"ExpressionAttribute{word} can only be specified when using expressions")
        if given is not None and not given:
            raise Refused(f"ExpressionAttribute{word} must not be empty")
    for placeholder in (*(names or ()), *(values or ())):
        if not re.fullmatch(r"[#:][A-Za-z0-9_]{1,254}", placeholder):
            raise Refused(f'ExpressionAttribute key is not valid: Syntax error; key: "{placeholder}"')
    for value in (values or {}).values():
        check_value(value)
    used: set[str] = set()
    for name, expression in written.items():
        tokens = _read(name, expression, names or {}, values or {})
        used |= {token.text for token in tokens if token.kind == "placeholder"}
        if name == "FilterExpression":
            if "KeyConditionExpression" in written:  # a Query's; a Scan has no other way to speak of its keys
                _no_key(tokens, names, schema)
        elif name == "KeyConditionExpression":
            _key_condition(tokens, names or {}, values or {}, schema)
        elif name == "UpdateExpression":
            _targets(tokens, names, schema)
    for given, word in ((names, "Names"), (values, "Values")):
        if unused := sorted(set(given or ()) - used):
            raise Refused(
                f"Value provided in ExpressionAttribute{word} unused in expressions: keys: {{{', '.join(unused)}}}"
            )


def _read(name: str, expression: str, names: Mapping[str, str], values: Mapping[str, Any]) -> list[_Token]:
    """The tokens of one expression, its placeholders known and its plain names none of the reserved words."""
    if not expression.strip():
        raise Refused(f"Invalid {name}: The expression can not be empty;")
    if len(expression.encode()) > MAX_EXPRESSION:
        raise Refused(
            f"Invalid {name}: Expression size has exceeded the maximum allowed size; expression size: {len(expression)}"
        )
    found: list[_Token] = []
    matches = list(_TOKEN.finditer(expression.rstrip()))
    for index, match in enumerate(matches):
        placeholder, word, number, sign, wrong = match.groups()
        nested = bool(found) and found[-1].text == "."
        if wrong:
            raise Refused(f'Invalid {name}: Syntax error; token: "{wrong}"')
        if placeholder:
            if placeholder not in (names if placeholder[0] == "#" else values):
                what = "name" if placeholder[0] == "#" else "value"
                raise Refused(
                    f"Invalid {name}: An expression attribute {what} used in the document path is not defined; "
                    f"attribute {what}: {placeholder}"
                )
            found.append(_Token("placeholder", placeholder, is_attribute=placeholder[0] == "#" and not nested))
        elif word:
            called = index + 1 < len(matches) and matches[index + 1].group(4) == "("
            syntax = called or (word.upper() in _SYNTAX and name != "ProjectionExpression")
            if not syntax and word.upper() in RESERVED:
                raise Refused(f"Invalid {name}: Attribute name is a reserved keyword; reserved keyword: {word}")
            found.append(_Token("word", word.upper() if syntax else word, is_attribute=not syntax and not nested))
        elif number:
            if not found or found[-1].text != "[":
                raise Refused(f'Invalid {name}: Syntax error; token: "{number}"')
            found.append(_Token("number", number))
        else:
            found.append(_Token("sign", sign))
    return found


def _attribute(token: _Token, names: Mapping[str, str] | None) -> str:
    return (names or {})[token.text] if token.kind == "placeholder" else token.text


def _no_key(tokens: Sequence[_Token], names: Mapping[str, str] | None, schema: Schema) -> None:
    for token in tokens:
        if token.is_attribute and (name := _attribute(token, names)) in schema.names:
            raise Refused(
                f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
            )


def _targets(tokens: Sequence[_Token], names: Mapping[str, str] | None, schema: Schema) -> None:
    """What an update assigns, adds to or removes: never a part of the key."""
    awaited, depth = False, 0
    for token in tokens:
        if token.text in ("SET", "REMOVE", "ADD", "DELETE") and not token.is_attribute:
            awaited = True
        elif token.text in "([" or token.text in ")]":
            depth += 1 if token.text in "([" else -1
        elif token.text == "," and not depth:
            awaited = True
        elif token.is_attribute and awaited:
            awaited = False
            if (name := _attribute(token, names)) in schema.names:
                raise Refused(
                    f"One or more parameter values were invalid: Cannot update attribute {name}. "
                    "This attribute is part of the key"
                )


def _key_condition(
    tokens: Sequence[_Token], names: Mapping[str, str], values: Mapping[str, Any], schema: Schema
) -> None:
    conditions = list(_conditions(tokens, names))
    attributes = [name for name, _, _ in conditions]
    if len(set(attributes)) != len(attributes):
        raise Refused("KeyConditionExpressions must only contain one condition per key")
    if (schema.partition, "=") not in [(name, sign) for name, sign, _ in conditions]:
        raise Refused(f"Query condition missed key schema element: {schema.partition}")
    for name, sign, placeholders in conditions:
        if name not in schema.names or sign in ("<>", "IN", "OR", "NOT"):
            raise Refused("Query key condition not supported")
        operands = [values[placeholder] for placeholder in placeholders]
        for operand in operands:
            if not operand.keys() <= {schema.types[name]}:
                raise Refused(
                    "One or more parameter values were invalid: Condition parameter type does not match schema type"
                )
            _key_value(name, operand, schema)
        if sign == "BETWEEN" and _order(operands[0]) > _order(operands[1]):
            raise Refused(
                "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal "
                "to lower bound"
            )


def partition_of(request: Mapping[str, Any], schema: Schema) -> str:
    """The partition key, as text, that a (checked) Query names."""
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    tokens = _read("KeyConditionExpression", request["KeyConditionExpression"], names, values)
    found = next(operands for name, _, operands in _conditions(tokens, names) if name == schema.partition)
    return str(next(iter(values[found[0]].values())))


def _conditions(tokens: Sequence[_Token], names: Mapping[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """(attribute, operator, placeholders of its operands) of each condition in a key condition."""
    name, sign, operands = "", "", list[str]()
    for token in tokens:
        if token.is_attribute:
            if name:
                yield name, sign, operands
            name, sign, operands = _attribute(token, names), "BEGINS_WITH", []
        elif token.kind == "placeholder":
            operands.append(token.text)
        elif token.text in ("=", "<", "<=", ">", ">=", "<>", "BETWEEN", "IN", "OR", "NOT"):
            sign = token.text
    if name:
        yield name, sign, operands


def _order(value: Mapping[str, Any]) -> Any:
    ((kind, held),) = value.items()
    return Decimal(held) if kind == "N" else base64.b64decode(held) if kind == "B" else held.encode()
