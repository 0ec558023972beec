"""Summaries and nodes as few bytes: a head must fit into one write unit of 1 KB beside its keys.

A summary's integers reach 250 bits (DynamoDB's numbers stop at 38 digits), so each is its length in a byte and then its
big-endian two's complement; None is the length 255.
"""

from typing import Any

from ...domain.nodes import Node
from ...domain.summary import COMPONENTS, Summary

VERSION = 1
_NONE = 255
_CURRENCY = COMPONENTS.index("currency")


def pack(node: Node) -> bytes:
    """A version byte, which summaries follow (1 live, 2 demo, 4 both) and whether it is split (8), the size, them."""
    parts = (node.live, node.demo, node.both)
    flags = sum(1 << bit for bit, part in enumerate(parts) if part is not None) + (8 if node.split else 0)
    out = bytearray((VERSION, flags))
    _put(out, node.size)
    for part in parts:
        if part is not None:
            for value in part.values():
                _put(out, value)
    return bytes(out)


def _put(out: bytearray, value: int | str | None) -> None:
    if value is None:
        out.append(_NONE)
        return
    data = (
        value.encode()
        if isinstance(value, str)
        else value.to_bytes((value.bit_length() + 8) // 8 if value else 0, "big", signed=True)
    )
    out.append(len(data))
    out += data


def unpack(data: bytes) -> Node:
    """The node that `pack` wrote. Raises: ValueError for another version or damaged bytes."""
    if data[:1] != bytes((VERSION,)):
        raise ValueError(f"summary version {data[:1]!r} is not known to this release")
    flags = data[1]
    node = Node()
    node.split = bool(flags & 8)
    [size], at = _take(data, 2, 1)
    node.size = size or 0
    for bit, name in enumerate(("live", "demo", "both")):
        if flags >> bit & 1:
            values, at = _take(data, at, len(COMPONENTS))
            currency = values[_CURRENCY]
            if currency is not None:  # an int so far: a code of letters and digits has no leading zero byte to lose
                values[_CURRENCY] = currency.to_bytes((currency.bit_length() + 7) // 8, "big").decode()
            setattr(node, name, Summary.from_values(values))
    if at != len(data):
        raise ValueError("a stored summary has bytes left over")
    return node


def _take(data: bytes, at: int, number: int) -> tuple[list[Any], int]:
    """That many values from `at` on, and where the next begins."""
    values: list[Any] = []
    read = int.from_bytes
    for _ in range(number):
        if at >= len(data):
            raise ValueError("a stored summary is cut short")
        length = data[at]
        at += 1
        if length == _NONE:
            values.append(None)
        else:
            values.append(read(data[at : at + length], "big", signed=True))
            at += length
    return values, at
