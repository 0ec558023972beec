"""XML as a stream of events. A document type, and so every entity but XML's own five, is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from .model import FileProblem

MOST_DEPTH, MOST_ATTRIBUTES, MOST_TEXT = 200, 1000, 4 * 1024 * 1024

Event = tuple[str, str, dict[str, str], int]  # "start" | "end" | "text", name or text, attributes, line


def xml_events(file: BinaryIO, what: str = "the XML") -> Iterator[Event]:
    """Raises FileProblem where it is no XML, declares a document type, or is nested beyond reason."""
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    found: list[Event] = []
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH or len(attributes) > MOST_ATTRIBUTES:
            raise FileProblem(
                f"{what} is nested more than {MOST_DEPTH} deep or has an element of over a thousand attributes"
            )
        found.append(("start", name.rpartition("}")[2], attributes, parser.CurrentLineNumber))

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        found.append(("end", name.rpartition("}")[2], {}, parser.CurrentLineNumber))

    def text(data: str) -> None:
        found.append(("text", data, {}, parser.CurrentLineNumber))

    def refuse(*_: object) -> None:
        raise FileProblem(f"{what} declares a document type (DTD) or entities: refused, no export has one")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.UnparsedEntityDeclHandler = parser.ExternalEntityRefHandler = refuse  # type: ignore[assignment]
    held = 0
    while True:
        piece = file.read(64 * 1024)
        try:
            parser.Parse(piece, not piece)
        except expat.ExpatError as error:
            yield from found
            raise FileProblem(f"{what} is broken or cut off: {error}") from None
        held = held + len(piece) if not found else 0
        if held > MOST_TEXT:
            raise FileProblem(f"{what} has an element of more than {MOST_TEXT:,} bytes")
        yield from found
        found.clear()
        if not piece:
            return
