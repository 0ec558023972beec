"""Printing for people: a table, a progress line. Nothing but plain text where the output is no terminal."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TextIO

UNDEFINED = "–"
DECIMALS = 8  # a satoshi; --json has every digit


def plain(value: Any) -> str:
    """A value of an answer as text: 8 decimals at most, an en dash for null, nothing that a terminal would obey."""
    if value is None:
        return UNDEFINED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        text = format(value, "f")
        if len(text.partition(".")[2]) > DECIMALS:
            text = format(value, f".{DECIMALS}f").rstrip("0").rstrip(".")
        return text
    if isinstance(value, list):
        return " to ".join(map(plain, value))
    return "".join(one if one.isprintable() else "?" for one in str(value))


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Lines with the columns below each other; those in `right` are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)] if rows else []
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class Progress:
    """A line on standard error that is rewritten in place; silent where that is no terminal."""

    def __init__(self, what: str, size: int | None = None, stream: TextIO | None = None) -> None:
        self.what = what
        self.size = size
        self._stream = stream or sys.stderr
        self._is_shown = is_terminal(self._stream)
        self._started = time.monotonic()
        self._next = 0.0
        self._width = 0

    def show(self, count: int, reached: int | None = None, note: str = "") -> None:
        """`count` things so far; `reached` of `size` bytes."""
        now = time.monotonic()
        if not self._is_shown or now < self._next:
            return
        self._next = now + 0.1
        rate = count / max(now - self._started, 0.001)
        text = f"{count:,} {self.what}  {rate:,.0f}/s"
        if self.size and reached is not None:
            part = min(reached / self.size, 1.0)
            left = (now - self._started) * (1 - part) / part if part > 0 else 0.0
            filled = int(part * 24)
            text = f"[{'#' * filled}{'.' * (24 - filled)}] {part:4.0%}  {text}  {left:,.0f} s left"
        self._put(f"{text}  {note}".rstrip())

    def _put(self, text: str) -> None:
        text = text[: shutil.get_terminal_size().columns - 1]
        self._stream.write("\r" + text.ljust(self._width))
        self._stream.flush()
        self._width = len(text)

    def clear(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._is_shown and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0
            self._next = 0.0
