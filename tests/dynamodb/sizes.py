"""What DynamoDB counts: the bytes of an item, and the units that reading and writing it cost.

Sources: the developer guide's "DynamoDB item sizes and formats" (sizes of names and values), "Read/write capacity
mode" (units, transactions), "Working with items and attributes" (a failed condition costs too).
"""

import base64
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

Value = Mapping[str, Any]  # one attribute in the protocol's form: {"S": "text"}
Item = Mapping[str, Value]

WRITE_UNIT = 1024
READ_UNIT = 4096


def item_size(item: Item) -> int:
    """The bytes of an item: its names and values, each name as UTF-8."""
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: Value) -> int:
    """The bytes of one value.

    >>> value_size({"S": "käse"}), value_size({"B": "AAEC"}), value_size({"BOOL": True}), value_size({"NULL": True})
    (5, 3, 1, 1)
    >>> value_size({"L": [{"S": "ab"}, {"S": "c"}]})  # 3 for the list, 1 for each element, 3 letters
    8
    >>> value_size({"M": {"key": {"S": "ab"}}})  # 3 for the map, 1 for the element, 3 + 2 letters
    9
    """
    ((kind, held),) = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            return number_size(held)
        case "B":
            return len(base64.b64decode(held))
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(len(text.encode()) for text in held)
        case "NS":
            return sum(map(number_size, held))
        case "BS":
            return sum(len(base64.b64decode(text)) for text in held)
        case "L":
            return 3 + sum(1 + value_size(one) for one in held)
        case "M":
            return 3 + sum(1 + len(name.encode()) + value_size(one) for name, one in held.items())
    raise ValueError(f"unknown attribute type {kind!r}")


def number_size(text: str) -> int:
    """One byte, one for each two digits without the zeros at both ends, one more for a minus.

    Pairs of digits are counted from the point, so a number is never taken for smaller than DynamoDB takes it.

    >>> [number_size(text) for text in ("0", "7", "-7", "12", "1200", "123", "1.23", "12.3", "0.001200")]
    [1, 2, 3, 2, 2, 3, 3, 3, 2]
    """
    number = Decimal(text)
    if not number:
        return 1
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), text
    significant = "".join(map(str, digits)).lstrip("0")
    trimmed = significant.rstrip("0")
    exponent += len(significant) - len(trimmed)
    return 1 + (len(trimmed) + exponent % 2 + 1) // 2 + sign


def write_units(*sizes: int) -> int:
    """Units of one write: of the larger of the item before and after, each begun kilobyte one, at least one.

    >>> write_units(0), write_units(1024), write_units(1025, 10)
    (1, 1, 2)
    """
    return max(1, -(-max(sizes) // WRITE_UNIT))


def read_units(sizes: Iterable[int], consistent: bool) -> float:
    """Units of one read of these items together: each begun 4 KB one, at least one; half of it unless consistent.

    >>> read_units([], True), read_units([4096], True), read_units([4000, 97], False)
    (1, 1, 1.0)
    """
    whole = max(1, -(-sum(sizes) // READ_UNIT))
    return whole if consistent else whole / 2
