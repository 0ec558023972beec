"""The rows of the tables of an HTML report, streamed. Broken markup and endless tags are what it expects."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple

from .model import FileProblem
from .source import Source

MOST_TAG, MOST_ROW = 1024 * 1024, 1024 * 1024  # characters


class Cell(NamedTuple):
    text: str
    title: str = ""


class HtmlRow(NamedTuple):
    line: int
    cells: list[Cell]

    def texts(self) -> list[str]:
        return [cell.text for cell in self.cells]


class Reports(HTMLParser):
    """Collects rows; `<tr>` without `</tr>` before the next one ends the row, as browsers do it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.done: list[HtmlRow] = []
        self.meta: dict[str, str] = {}
        self.outside: list[str] = []  # the first texts that stand in no table
        self.title = ""
        self.complete = False  # it ended as pages end
        self._cells: list[Cell] | None = None
        self._text: list[str] | None = None
        self._cell_title, self._hidden = "", False
        self._line = self._held = 0
        self._in_title = self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("td", "th"):
            self._end_cell()
            if self._cells is None:
                self._cells, self._line, self._held = [], self.getpos()[0], 0
            named = dict(attrs)
            self._text, self._cell_title = [], (named.get("title") or "").strip()
            self._hidden = "hidden" in (named.get("class") or "").split()
        elif tag == "tr":
            self._end_row()
            self._cells, self._line, self._held = [], self.getpos()[0], 0
        elif tag == "meta":
            named = dict(attrs)
            self.meta.setdefault((named.get("name") or "").lower(), named.get("content") or "")
        elif tag == "title":
            self._in_title = True
        elif tag in ("style", "script"):
            self._in_style = True
        elif tag == "br" and self._text is not None:
            self._text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "table"):
            self._end_row()
        elif tag == "title":
            self._in_title = False
        elif tag == "html":
            self.complete = True
        elif tag in ("style", "script"):
            self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._held += len(data)
            if self._held > MOST_ROW:
                raise FileProblem(f"line {self._line}: a row of more than {MOST_ROW:,} characters")
            self._text.append(data)
        elif self._in_title and len(self.title) < 1000:
            self.title += data
        elif not self._in_style and len(self.outside) < 10 and data.strip():
            self.outside.append(" ".join(data.split())[:200])

    def _end_cell(self) -> None:
        if self._text is not None and self._cells is not None and not self._hidden:
            self._cells.append(Cell(" ".join("".join(self._text).split()), self._cell_title))
        self._text = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._cells:
            self.done.append(HtmlRow(self._line, self._cells))
        self._cells = None

    def finish(self) -> None:
        self.close()
        self._end_row()


def html_rows(source: Source, parser: Reports) -> Iterator[HtmlRow]:
    """The rows as they end; what `parser` has learnt of the page is there beside them."""
    for piece in source.text():
        parser.feed(piece.replace("\0", ""))
        # What is not yet parsed is parsed again with the next piece: without a limit, quadratic.
        if len(parser.rawdata) > MOST_TAG:
            raise FileProblem(f"a tag or text of more than {MOST_TAG:,} characters: this is no report")
        yield from parser.done
        parser.done.clear()
    parser.finish()
    yield from parser.done
