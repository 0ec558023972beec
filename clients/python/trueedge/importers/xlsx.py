"""The rows of an .xlsx sheet, streamed, with limits on everything that unpacks."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import BinaryIO, NamedTuple

from .model import FileProblem
from .source import Source
from .xmlevents import xml_events

MOST_PARTS, MOST_PART, RATIO = 2000, 1024 * 1024 * 1024, 500
MOST_STRINGS = 64 * 1024 * 1024  # characters that the sheet's cells may share
MOST_COLUMNS = 16384


class Formula(NamedTuple):
    """A cell whose value a formula makes: what was cached of it proves nothing."""

    text: str


class SheetRow(NamedTuple):
    line: int
    cells: list[str | Formula]


class _Limited:
    """A part of the archive that stops where it is a bomb, whatever its header says."""

    def __init__(self, inner, packed: int, name: str):  # type: ignore[no-untyped-def]
        self._inner, self._most, self._name, self._out = inner, max(16 * 1024 * 1024, packed * RATIO), name, 0

    def read(self, size: int = -1) -> bytes:
        try:
            got: bytes = self._inner.read(size)
        except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise FileProblem(f"{self._name} in it is broken: {error}") from None
        self._out += len(got)
        if self._out > min(self._most, MOST_PART):
            raise FileProblem(f"{self._name} in it unpacks to more than {RATIO} times its size: refused as a bomb")
        return got


def archive(source: Source) -> zipfile.ZipFile:
    try:
        found = zipfile.ZipFile(source.path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise FileProblem(f"is a broken archive: {error}") from None
    if len(found.infolist()) > MOST_PARTS:
        raise FileProblem(f"has more than {MOST_PARTS} parts: refused as a bomb")
    return found


def part(packed: zipfile.ZipFile, name: str) -> BinaryIO:
    info = packed.getinfo(name)
    if info.flag_bits & 1:
        raise FileProblem("is encrypted: save it without a password")
    return _Limited(packed.open(info), info.compress_size, name)  # type: ignore[return-value]


def is_sheet(source: Source) -> bool:
    if not source.packed:
        return False
    try:
        with archive(source) as packed:
            return "xl/workbook.xml" in packed.namelist()
    except FileProblem:
        return False


def sheet_rows(source: Source) -> Iterator[SheetRow]:
    """The rows of the first sheet; an empty cell is "", a date the text `2024.01.31 23:59:59`."""
    with archive(source) as packed:
        names = packed.namelist()
        sheets = sorted((n for n in names if re.fullmatch(r"xl/worksheets/[^/]+\.xml", n)), key=lambda n: (len(n), n))
        if not sheets:
            raise FileProblem("has no sheet")
        shared = _shared(packed) if "xl/sharedStrings.xml" in names else []
        dates = _date_styles(packed) if "xl/styles.xml" in names else []
        from_1904 = "xl/workbook.xml" in names and _from_1904(packed)
        yield from _rows(part(packed, sheets[0]), shared, dates, from_1904)


def _rows(file: BinaryIO, shared: list[str], dates: list[bool], from_1904: bool) -> Iterator[SheetRow]:
    cells: list[str | Formula] = []
    line = 0
    kind, style, place = "", 0, 0
    formula: str | None = None
    text: list[str] = []
    collect = False
    for event, name, attributes, _ in xml_events(file, "its sheet"):
        if event == "start":
            if name == "row":
                cells, line = [], int(attributes.get("r") or line + 1)
            elif name == "c":
                kind, style, formula, text = attributes.get("t", "n"), int(attributes.get("s") or 0), None, []
                place = _column(attributes.get("r", "")) if attributes.get("r") else len(cells)
            elif name == "f":
                formula, collect = "", True
            elif name in ("v", "t"):
                collect = True
        elif event == "text":
            if collect:
                if formula == "":
                    formula = name[:80] or "?"
                else:
                    text.append(name)
        elif name in ("v", "t"):
            collect = False
        elif name == "f":
            formula, collect = formula or "?", False
        elif name == "c":
            while len(cells) < place:
                cells.append("")
            found = _value("".join(text), kind, style < len(dates) and dates[style], shared, from_1904)
            cells.append(Formula(formula) if formula is not None else found)
        elif name == "row" and any(cells):
            yield SheetRow(line, cells)


def _value(text: str, kind: str, is_date: bool, shared: list[str], from_1904: bool) -> str:
    if kind == "s":
        try:
            return shared[int(text)]
        except (ValueError, IndexError):
            raise FileProblem("its sheet points to a text that is not there") from None
    if kind == "n" and text and is_date:
        return _date(text, from_1904)
    if kind == "n" and len(re.sub(r"\D", "", text.lower().partition("e")[0].lstrip("-0."))) > 15:
        # A sheet keeps doubles: 1.1 stands in it as 1.1000000000000001. The shortest text of that double is what was
        # typed, wherever that had 15 digits or fewer.
        return repr(float(text))
    return text


def _column(reference: str) -> int:
    number = 0
    for char in reference:
        if not "A" <= char <= "Z":
            break
        number = number * 26 + ord(char) - 64
        if number > MOST_COLUMNS:
            raise FileProblem(f"its sheet has more than {MOST_COLUMNS} columns")
    return max(number - 1, 0)


def _date(text: str, from_1904: bool) -> str:
    seconds = (Decimal(text) * 86400).quantize(Decimal("0.001"))
    moment = (datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)) + timedelta(
        milliseconds=int(seconds * 1000)
    )
    return moment.strftime("%Y.%m.%d %H:%M:%S") + (f".{moment.microsecond // 1000:03d}" if moment.microsecond else "")


def _shared(packed: zipfile.ZipFile) -> list[str]:
    strings: list[str] = []
    text: list[str] = []
    held = 0
    inside = phonetic = False
    for event, name, _, _ in xml_events(part(packed, "xl/sharedStrings.xml"), "its texts"):
        if event == "start" and name == "si":
            text = []
        elif name == "rPh" and event != "text":
            phonetic = event == "start"
        elif name == "t" and event != "text":
            inside = event == "start"
        elif event == "text" and inside and not phonetic:
            text.append(name)
            held += len(name)
            if held > MOST_STRINGS:
                raise FileProblem("its texts are too large: save it as CSV")
        elif event == "end" and name == "si":
            strings.append("".join(text))
    return strings


_BUILT_IN_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}


def _date_styles(packed: zipfile.ZipFile) -> list[bool]:
    """For each cell style whether it shows a date."""
    custom: dict[int, bool] = {}
    styles: list[bool] = []
    inside = False
    for event, name, attributes, _ in xml_events(part(packed, "xl/styles.xml"), "its styles"):
        if event == "start" and name == "numFmt":
            code = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", attributes.get("formatCode", "")).lower()
            custom[int(attributes.get("numFmtId") or 0)] = any(char in code for char in "dyhs")
        elif name == "cellXfs" and event != "text":
            inside = event == "start"
        elif event == "start" and name == "xf" and inside:
            number = int(attributes.get("numFmtId") or 0)
            styles.append(custom.get(number, number in _BUILT_IN_DATES))
    return styles


def _from_1904(packed: zipfile.ZipFile) -> bool:
    for event, name, attributes, _ in xml_events(part(packed, "xl/workbook.xml"), "its workbook"):
        if event == "start" and name == "workbookPr":
            return attributes.get("date1904") in ("1", "true")
    return False
