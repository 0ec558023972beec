"""Tables with a heading row, from CSV in its many spellings."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from .model import FileProblem, Unreadable, Wrong
from .source import Source

DELIMITERS = ",;\t|"
MOST_FIELD = 128 * 1024


def key(heading: str) -> str:
    """How headings are compared: `Close  Time ` is `close time`."""
    return " ".join(heading.replace("\ufeff", "").split()).casefold()


def delimiter_of(line: str) -> str:
    """The one that stands most often outside quotes; a comma where none does."""
    counts = dict.fromkeys(DELIMITERS, 0)
    quoted = False
    for char in line:
        if char == '"':
            quoted = not quoted
        elif not quoted and char in counts:
            counts[char] += 1
    return max(DELIMITERS, key=lambda char: counts[char])


def split(line: str, delimiter: str | None = None) -> list[str]:
    """One line's cells; for recognising a file by its heading."""
    try:
        return next(csv.reader([line], delimiter=delimiter or delimiter_of(line)), [])
    except csv.Error:
        return []


def headings(source: Source) -> list[str]:
    """The keys of the first line that is not blank, `sep=;` of Excel aside."""
    for line in source.head_text.splitlines()[:20]:
        if line.strip() and not line.lower().startswith("sep="):
            return [key(cell) for cell in split(line)]
    return []


class Row(NamedTuple):
    line: int
    cells: dict[str, str]

    def need(self, *columns: str) -> str:
        """The first of these columns that says something. Raises Wrong."""
        for column in columns:
            if (found := self.cells.get(column, "").strip()) != "":
                return found
        raise Wrong(f"{columns[0]} is empty" if columns[0] in self.cells else f"there is no column {columns[0]}")

    def get(self, *columns: str) -> str:
        for column in columns:
            if (found := self.cells.get(column, "").strip()) != "":
                return found
        return ""


def raw_rows(source: Source, delimiter: str | None = None) -> Iterator[tuple[int, list[str] | Unreadable]]:
    """(line, cells) of each row that is not blank; a row that is no CSV is an Unreadable, and the next one goes on."""
    read = 0

    def counted() -> Iterator[str]:
        nonlocal read
        for line in source.lines():
            read += 1
            yield line.replace("\0", "")

    stream = counted()
    for first in stream:
        if first.lower().startswith("sep="):  # Excel's own way to say it
            delimiter = first[4:5] if first[4:5] in DELIMITERS else delimiter
        elif first.strip():
            break
    else:
        return
    csv.field_size_limit(MOST_FIELD)
    delimiter = delimiter or delimiter_of(first)
    reader = csv.reader(chain([first], stream), delimiter=delimiter)
    start = read
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            where = "" if read == start else f" (the rows to line {read} went with it: a quote that is not closed?)"
            yield start, Unreadable(start, f"no CSV: {error}{where}")
            reader = csv.reader(stream, delimiter=delimiter)
        else:
            if any(cell.strip() for cell in cells):
                yield start, cells
        start = read + 1


def rows(source: Source) -> Iterator[Row | Unreadable]:
    """The rows under the heading. Raises FileProblem where there is no heading."""
    names: list[str] = []
    for line, cells in raw_rows(source):
        if isinstance(cells, Unreadable):
            yield cells
        elif not names:
            names = [key(cell) for cell in cells]
            if len(set(filter(None, names))) < 2:
                raise FileProblem("its first line is no heading of columns")
        elif any(ord(char) >= 0xD800 and ord(char) <= 0xDFFF for cell in cells for char in cell):
            yield Unreadable(line, f"has bytes that are no text in {source.encoding}; say --encoding")
        elif len(cells) < len(names) and len(cells) < 2:
            yield Unreadable(line, f"has {len(cells)} of {len(names)} columns")
        else:
            yield Row(line, _cells(names, cells))


def _cells(names: list[str], cells: list[str]) -> dict[str, str]:
    """Of two columns with one name the second is `name 2`."""
    found: dict[str, str] = {}
    for place, cell in enumerate(cells):
        name = names[place] if place < len(names) else f"column {place + 1}"
        number = 2
        while name in found:
            name, number = f"{names[place]} {number}", number + 1
        found[name] = cell
    return found
