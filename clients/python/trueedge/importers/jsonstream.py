"""One JSON document, however large, read value by value; numbers stay their text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Callable

from .model import FileProblem
from .values import Number

MOST_VALUE = 16 * 1024 * 1024  # characters of one value that is read whole
MOST_DEPTH = 64

Path = tuple[Any, ...]  # keys, and "[]" for the place in an array


# NaN and Infinity, which are no JSON but are written all the same, become texts that no field accepts as a number.
DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)
_SPACE = re.compile(r"[ \t\r\n]*")


class _Buffer:
    def __init__(self, pieces: Iterator[str]):
        self._pieces = pieces
        self.text, self.at, self.ended, self.lines = "", 0, False, 1

    def more(self) -> bool:
        piece = next(self._pieces, None)
        if piece is None:
            self.ended = True
            return False
        self.lines += self.text.count("\n", 0, self.at)
        self.text, self.at = self.text[self.at :] + piece, 0
        return True

    @property
    def line(self) -> int:
        return self.lines + self.text.count("\n", 0, self.at)

    def peek(self) -> str:
        while True:
            match = _SPACE.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if self.ended or not self.more():
                return ""

    def value(self) -> tuple[Any, str]:
        """The value, and its text, at the cursor, whole. Twice as much text each time it is not all there."""
        self.peek()
        while True:
            try:
                found, end = DECODER.raw_decode(self.text, self.at)
                if end < len(self.text) or self.ended:
                    text = self.text[self.at : end]
                    self.at = end
                    return found, text
            except RecursionError:
                raise self.broken("is nested too deep") from None
            except ValueError as error:
                if self.ended:
                    raise self.broken(f"is no JSON: {getattr(error, 'msg', error)}") from None
            wanted = 2 * (len(self.text) - self.at)
            if wanted > 2 * MOST_VALUE:
                raise self.broken(f"is no JSON, or holds a value of more than {MOST_VALUE:,} characters")
            while len(self.text) - self.at < wanted and self.more():
                pass

    def broken(self, text: str) -> FileProblem:
        return FileProblem(f"line {self.line}: {text}")


def walk(pieces: Iterator[str], into: Callable[[Path], bool]) -> Iterator[tuple[Path, Any, int, str]]:
    """(path, value, line, text) in file order. A container is entered where `into(its path)`, else it is one value."""
    buffer = _Buffer(pieces)

    def at(path: Path) -> Iterator[tuple[Path, Any, int, str]]:
        first = buffer.peek()
        if first not in "{[" or not first or not into(path) or len(path) > MOST_DEPTH:
            line = buffer.line
            value, text = buffer.value()
            yield path, value, line, text
            return
        buffer.at += 1
        closing = "}" if first == "{" else "]"
        if buffer.peek() == closing:
            buffer.at += 1
            return
        while True:
            step: Any = "[]"
            if first == "{":
                if buffer.peek() != '"':
                    raise buffer.broken("is no JSON: a name is missing")
                step, _ = buffer.value()
                if buffer.peek() != ":":
                    raise buffer.broken("is no JSON: a colon is missing")
                buffer.at += 1
            yield from at((*path, step))
            mark = buffer.peek()
            buffer.at += 1
            if mark == closing:
                return
            if mark != ",":
                raise buffer.broken("ends in the middle" if not mark else f"is no JSON: {mark!r} where a comma belongs")

    yield from at(())
    if buffer.peek():
        raise buffer.broken("has more after the end of its JSON")


def bounded(value: Any, most: int = 32) -> bool:
    """Whether it is nested at most so deep, without recursion."""
    stack: list[tuple[Any, int]] = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if depth > most:
            return False
        if isinstance(item, dict):
            stack += [(inner, depth + 1) for inner in item.values()]
        elif isinstance(item, list):
            stack += [(inner, depth + 1) for inner in item]
    return True
