"""TRADE_EVENTs as they are: one per line (.jsonl, .ndjson), or a JSON array, or {"events": [..]}."""

from __future__ import annotations

from collections.abc import Iterator

from .jsonstream import Path, bounded, walk
from .model import FileProblem, Note, Options, Raw, Unreadable
from .source import MOST_LINE, Source

NAME, TITLE = "json", "TRADE_EVENTs as they are (JSON, JSON lines)"
EXAMPLE = "trueedge import trades.jsonl"


def recognise(source: Source) -> bool:
    head = source.head_text.lstrip()
    return head.startswith(("{", "["))


def is_lines(source: Source) -> bool:
    """Whether the first line is a whole object, as in JSON lines."""
    if source.extension in ("jsonl", "ndjson"):
        return True
    head = source.head_text.lstrip()
    first = head.split("\n", 1)[0].rstrip()
    return head.startswith("{") and first.endswith("}") and '"events"' not in first[:20]


def read(source: Source, options: Options) -> Iterator[object]:
    said = [name for name in ("account", "strategy", "environment", "timezone") if getattr(options, name)]
    if said or options.fixed or options.tags:
        yield Note(
            "events are sent as they are: --account, --strategy, --environment, --timezone, --set and --tag change none"
        )
    if is_lines(source):
        yield from _lines(source)
    else:
        yield from _document(source)


def _lines(source: Source) -> Iterator[object]:
    if source.encoding.startswith("utf-8"):  # as they are, byte for byte
        with source.binary() as file:
            number = 0
            while line := file.readline(MOST_LINE):
                number += 1
                if number == 1 and line.startswith(b"\xef\xbb\xbf"):
                    line = line[3:]
                if bare := line.strip():
                    if len(bare) >= MOST_LINE:
                        raise FileProblem(f"line {number} has more than {MOST_LINE:,} bytes")
                    yield Raw(bare, number)
        return
    for number, text in enumerate(source.lines(), 1):
        if text.strip():
            yield Raw(text.strip().encode("utf-8", "surrogatepass"), number)


def _into(path: Path) -> bool:
    return path in ((), ("events",))


def _document(source: Source) -> Iterator[object]:
    for path, value, line, text in walk(source.text(), _into):
        if path in (("[]",), ("events", "[]")):
            if isinstance(value, dict) and bounded(value):
                # JSON has line breaks only between its parts.
                yield Raw(text.replace("\r", " ").replace("\n", " ").encode("utf-8", "surrogatepass"), line)
            else:
                yield Unreadable(line, "is nested more than 32 deep" if isinstance(value, dict) else "is no object")
        elif len(path) == 1 and path[0] != "events":
            yield Unreadable(line, f'the key {str(path[0])[:40]!r} beside "events" is not read')
        else:
            yield Unreadable(line, "is no TRADE_EVENT")
