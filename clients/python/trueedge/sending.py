"""`trueedge send`: events from a file or a pipe, or what waits in an outbox, to the server, as they are."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .errors import TrueEdgeError
from .outbox import Log, Refusal, keep_refused, owners
from .terminal import Progress, plain
from .transport import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, Transport

CHUNK = 256 * 1024
IN_BATCH = re.compile(r"^line \d+ of the batch: ")  # its own line is what counts
SPACE = " \t\r\n"


def run(arguments: argparse.Namespace, transport: Transport) -> int:
    """0 when all were taken, 1 when some were refused."""
    if arguments.outbox is not None:
        return send_outbox(Path(arguments.outbox).expanduser(), transport)
    with contextlib.ExitStack() as stack:
        if arguments.file == "-":
            source: BinaryIO = sys.stdin.buffer
            size = None
        else:
            source = stack.enter_context(open(arguments.file, "rb"))
            size = os.fstat(source.fileno()).st_size or None
        return send_lines(source, size, transport, arguments.json)


# --- a file or a pipe ------------------------------------------------------------------------------------------------


def send_lines(source: BinaryIO, size: int | None, transport: Transport, as_json: bool) -> int:
    """Post every event in batches; what is refused is told with its line. Results as NDJSON with `as_json`."""
    counts: Counter[str] = Counter()
    progress = Progress("events", size)
    done = reached = 0
    try:
        for batch in batches(read_ahead(events(source))):
            for row, (number, line) in zip(transport.post_batch([line for _, line in batch]), batch):
                result = str(row["result"])
                counts[result] += 1
                if as_json:
                    print(json.dumps({**row, "line": number}, default=str))
                elif result not in ("stored", "duplicate"):
                    progress.clear()
                    message = IN_BATCH.sub("", plain(row.get("message")))
                    print(f"line {number}: {result}: {message}", file=sys.stderr)
                reached += len(line) + 1
            done += len(batch)
            progress.show(done, reached, f"{done - counts['stored'] - counts['duplicate']:,} refused")
    finally:
        progress.clear()
        refused = done - counts["stored"] - counts["duplicate"]
        summary = f"{counts['stored']:,} stored, {counts['duplicate']:,} duplicate, {refused:,} refused"
        print(summary, file=sys.stderr if as_json else sys.stdout)
    return 1 if refused else 0


def events(source: Any) -> Iterator[list[tuple[int, bytes]]]:
    """(number of the line, event) in lists, as they come in: NDJSON is streamed, a JSON document is read whole."""
    head = b""
    while b"\n" not in head and (piece := _read(source)):
        head += piece
    head = head.removeprefix(b"\xef\xbb\xbf")
    if head.lstrip()[:1] == b"[" or not _is_json(head.lstrip().partition(b"\n")[0]):
        whole = b"".join([head, *iter(lambda: _read(source), b"")])
        document = _elements(whole)
        if document is not None:
            yield document
            return
        head, source = whole, _Nothing()
    number = 0
    rest = b""
    piece = head
    while piece:
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        yield [one for one in enumerate(map(bytes.strip, lines), number + 1) if one[1]]
        number += len(lines)
        piece = _read(source)
    if rest.strip():
        yield [(number + 1, rest.strip())]


class _Nothing:
    def read1(self, _: int) -> bytes:
        return b""


def _read(source: Any) -> bytes:
    piece: bytes = source.read1(CHUNK)  # what is there, without waiting for more
    return piece


def _is_json(line: bytes) -> bool:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return not (isinstance(value, dict) and isinstance(value.get("events"), list))


def _elements(whole: bytes) -> list[tuple[int, bytes]] | None:
    """The events of one JSON document, each as its own text on one line; None when it is none."""
    try:
        text = whole.decode("utf-8")
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and not isinstance(value.get("events"), list):
        return [(1, _one_line(text))]
    if not isinstance(value, (list, dict)):
        return None
    place = _start_of_events(text) if isinstance(value, dict) else text.index("[") + 1
    decode = json.JSONDecoder().raw_decode
    found = []
    line, counted = 1, 0
    while (place := _after_space(text, place)) < len(text) and text[place] != "]":
        start = place
        _, place = decode(text, start)
        line += text.count("\n", counted, start)
        counted = start
        found.append((line, text[start:place]))
        place = _after_space(text, place)
        place += text[place : place + 1] == ","
    return [(number, _one_line(one)) for number, one in found]


def _start_of_events(text: str) -> int:
    """Where the array of the member "events" of this object begins."""
    decode = json.JSONDecoder().raw_decode
    place = _after_space(text, text.index("{") + 1)
    while True:
        name, place = decode(text, place)
        place = _after_space(text, _after_space(text, place) + 1)
        if name == "events":
            return place + 1
        _, place = decode(text, place)
        place = _after_space(text, _after_space(text, place) + 1)


def _after_space(text: str, place: int) -> int:
    while place < len(text) and text[place] in SPACE:
        place += 1
    return place


def _one_line(text: str) -> bytes:
    """Line breaks in JSON stand between values only; in a text they are escaped."""
    return text.replace("\n", " ").replace("\r", " ").strip().encode()


def read_ahead(lists: Iterable[list[tuple[int, bytes]]]) -> Iterator[list[tuple[int, bytes]]]:
    """What a thread reads while the main one posts; a pipe that pauses holds back nothing that has come."""
    waiting: queue.Queue[list[tuple[int, bytes]] | BaseException | None] = queue.Queue(16)

    def pump() -> None:
        try:
            for one in lists:
                waiting.put(one)
            waiting.put(None)
        except BaseException as error:  # raised where the lists are used
            waiting.put(error)

    threading.Thread(target=pump, name="trueedge-read", daemon=True).start()
    gathered: list[tuple[int, bytes]] = []
    while True:
        try:
            one = waiting.get(block=not gathered)
        except queue.Empty:
            yield gathered
            gathered = []
            continue
        if isinstance(one, BaseException):
            raise one
        if one is None:
            break
        gathered += one
        if len(gathered) >= MAX_BATCH_EVENTS:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


def batches(lists: Iterable[list[tuple[int, bytes]]]) -> Iterator[list[tuple[int, bytes]]]:
    """The same in pieces that one request may have."""
    for one in lists:
        batch: list[tuple[int, bytes]] = []
        size = 0
        for number, line in one:
            if batch and (len(batch) == MAX_BATCH_EVENTS or size + len(line) + 1 > MAX_BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append((number, line))
            size += len(line) + 1
        if batch:
            yield batch


# --- an outbox -------------------------------------------------------------------------------------------------------


def send_outbox(folder: Path, transport: Transport) -> int:
    """Send what dead processes left in the folder, for whichever server and with whichever key they wrote it."""
    if not folder.is_dir():
        raise TrueEdgeError(f"--outbox: there is no folder {folder}")
    sent = refused = alive = 0
    progress = Progress("events")
    for owner in owners(folder):
        log = Log.adopt(folder, owner)
        if log is None:
            alive += 1
            continue
        try:
            while (batch := log.peek()) is not None:
                rows = transport.post_batch(batch.lines)
                refusals = [
                    Refusal.of(row, line)
                    for row, line in zip(rows, batch.lines)
                    if row["result"] not in ("stored", "duplicate")
                ] + [Refusal.damaged(record) for record in batch.damaged]
                if refusals:
                    keep_refused(folder, refusals)
                log.advance(batch.end)
                sent += len(rows)
                refused += len(refusals)
                progress.show(sent)
        finally:
            progress.clear()
            log.close()
    print(f"{sent - refused:,} sent, {refused:,} refused" + (f" (see {folder}/refused.ndjson)" if refused else ""))
    if alive:
        print(f"{alive} running process(es) use this outbox and send their own trades", file=sys.stderr)
    return 1 if refused else 0
