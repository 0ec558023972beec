"""The outbox: a folder of append-only files that a bot's trades wait in until the server has acknowledged them.

    <owner>.lock            held while the process that writes <owner>'s files lives; has the server's address in it
    <owner>.<number>.log    segments: a line per event, "<crc32 in 8 hex digits> <event as JSON>"
    <owner>.pos             how far the server has acknowledged: "<number> <offset>"
    refused.ndjson          what the server refused, and why

Every process writes files of its own, so writers never wait for each other, and a line that a kill -9 cut short can
only be the last of its file. A lock that is free belongs to a process that has died: any other may send what it left.
An owner's name begins with tags of its server and its key, for both are needed to send it. The position is not synced:
after a power cut some events are sent again, which the server answers as duplicates. A segment is removed once it is
acknowledged.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import threading
import zlib
from collections.abc import Mapping
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from . import locks
from .errors import OutboxError, OutboxFull
from .transport import MAX_BATCH_BYTES, MAX_BATCH_EVENTS

SEGMENT_BYTES = 8 * 1024 * 1024
COMPACT_BYTES = 256 * 1024  # an acknowledged segment of this size is left for a new one

_APPENDING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
_SEGMENT = re.compile(r"(.+)\.([0-9]{8,})\.log")
_OWNED = re.compile(r"([0-9a-z]+-[0-9a-z]+-[0-9]+-[0-9a-f]+)\.(?:[0-9]{8,}\.log|lock)")
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}


class Mark(NamedTuple):
    """A place in a log; later ones are greater."""

    segment: int
    offset: int


class Batch(NamedTuple):
    """Events in order, the place after the last of them, and what was read there but is no event."""

    lines: list[bytes]
    end: Mark
    damaged: list[bytes]


def default_folder(url: str) -> Path:
    """The folder that is used when none is named: one for each server, of this user."""
    parts = urlsplit(url)
    name = re.sub(r"[^A-Za-z0-9.-]", "_", parts.netloc) + "-" + sha256(url.encode()).hexdigest()[:8]
    return default_root() / name


def default_root() -> Path:
    """Where the default folders are: the system's place for a program's own state."""
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "trueedge" / "outbox"


def tags(url: str, key: str | None) -> tuple[str, str]:
    """What an owner's name begins with: the server and the key, without telling the key."""
    return _tag("url", url), _tag("key", key) if key else "open"


def _tag(kind: str, text: str) -> str:
    return sha256(f"trueedge-outbox:{kind}:{text}".encode()).hexdigest()[:8]


# --- the folder ------------------------------------------------------------------------------------------------------


def owners(folder: Path) -> list[str]:
    """Whose files are there; nobody's if there is no folder. Raises: OSError."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted({found[1] for found in map(_OWNED.fullmatch, names) if found})


def failed(what: str, error: OSError) -> OutboxError:
    """The error to raise for one of the system's."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return OutboxFull(f"{what}: {reason}. Make room on the disk; nothing of this trade was kept")
    return OutboxError(f"{what}: {reason}")


# --- one owner's log --------------------------------------------------------------------------------------------------


class Log:
    """The segments of one owner. `create` makes one to write to, `adopt` takes over that of a process which has died.

    One thread may append while another reads; `lock` is held for as long as a few system calls take.
    """

    def __init__(self, folder: Path, owner: str, lock_fd: int) -> None:
        self.folder = folder
        self.owner = owner
        self.lock = threading.RLock()  # a signal handler may flush while its own thread is recording
        self._lock_fd = lock_fd
        self._segments = self._found_segments()
        pos = os.open(folder / f"{owner}.pos", os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        self._pos = os.fdopen(pos, "r+b", buffering=0)
        self._fd = -1  # of the segment that is written to; -1: none
        self._end = Mark(self._segments[-1], self._size(self._segments[-1])) if self._segments else Mark(0, 0)
        self.acked = self._read_position()
        self._unsynced: dict[int, int] = {}  # segments that were left before they were synced -> their descriptors
        self._synced = self._end
        self._folder_is_synced = True
        self._is_closed = False

    @classmethod
    def create(cls, folder: Path, url: str, key: str | None) -> Log:
        """A new log to append to; its events are to be sent to `url` with `key`. Raises: OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            owner = "-".join([*tags(url, key), str(os.getpid()), secrets.token_hex(6)])
            path = folder / f"{owner}.lock"
            fd = locks.acquire(path)
            if fd is None:  # someone looked at the new file in the moment before it was locked
                continue
            try:
                os.write(fd, url.encode() + b"\n")
                return cls(folder, owner, fd)
            except BaseException:
                locks.release(fd, path, remove=True)
                raise

    @classmethod
    def adopt(cls, folder: Path, owner: str) -> Log | None:
        """The log of `owner`, if its process is gone and no other has it. Raises: OSError."""
        path = folder / f"{owner}.lock"
        fd = locks.acquire(path)
        if fd is None:
            return None
        try:
            log = cls(folder, owner, fd)
        except BaseException:
            locks.release(fd, path, remove=False)
            raise
        return log

    @property
    def tags(self) -> tuple[str, str]:
        """Of the server and of the key."""
        server, key = self.owner.split("-")[:2]
        return server, key

    @property
    def end(self) -> Mark:
        return self._end

    @property
    def is_empty(self) -> bool:
        """Whether everything in it is acknowledged."""
        return self.acked >= self._end

    def _path(self, segment: int) -> Path:
        return self.folder / f"{self.owner}.{segment:08d}.log"

    def _size(self, segment: int) -> int:
        try:
            return self._path(segment).stat().st_size
        except FileNotFoundError:
            return 0

    def _found_segments(self) -> list[int]:
        found = (_SEGMENT.fullmatch(name) for name in os.listdir(self.folder))
        return sorted(int(one[2]) for one in found if one and one[1] == self.owner)

    def _read_position(self) -> Mark:
        start = Mark(self._segments[0], 0) if self._segments else Mark(0, 0)
        self._pos.seek(0)
        words = self._pos.read(64).split()
        if len(words) == 2 and all(word.isdigit() for word in words):
            return max(start, Mark(int(words[0]), int(words[1])))
        return start

    # --- writing ---

    def append(self, line: bytes) -> None:
        """Write one event. When this returns the system has it: it survives the end of the process, however it comes.

        Raises: OSError, and then nothing of it is kept; FileNotFoundError when the files were removed under us.
        """
        record = b"%08x %s\n" % (zlib.crc32(line), line)
        with self.lock:
            if self._is_closed:
                raise OSError(errno.EBADF, "it is closed")
            if self._fd < 0 or self._end.offset >= SEGMENT_BYTES:
                self._next_segment()
            file = os.fstat(self._fd)
            if file.st_nlink == 0 and os.name != "nt":
                raise FileNotFoundError(errno.ENOENT, "the outbox was removed while it was in use")
            written = os.write(self._fd, record)
            if written != len(record):  # a disk that fills up takes what fits, without an error
                os.ftruncate(self._fd, file.st_size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            # From the file's own size: had an interrupt come between a write and this line, a sum would be wrong.
            self._end = Mark(self._end.segment, file.st_size + written)

    def _next_segment(self) -> None:
        segment = self._segments[-1] + 1 if self._segments else 1
        fd = os.open(self._path(segment), _APPENDING, 0o600)
        if self._fd >= 0:
            self._unsynced[self._end.segment] = self._fd
        if not self._segments:
            self.acked = Mark(segment, 0)
        self._segments.append(segment)
        self._fd = fd
        self._end = Mark(segment, 0)
        self._folder_is_synced = False

    def sync(self) -> None:
        """Have on the disk what was appended before this call: it survives a power cut. Raises: OSError."""
        with self.lock:
            end = self._end
            if self._fd < 0 or self._synced >= end:
                return
            fds, self._unsynced = [*self._unsynced.values(), os.dup(self._fd)], {}
            sync_folder, self._folder_is_synced = not self._folder_is_synced, True
        try:  # without the lock: appending goes on meanwhile
            for fd in fds:
                os.fsync(fd)
            if sync_folder and os.name != "nt":
                _sync_folder(self.folder)
        except OSError:
            self._folder_is_synced = False
            raise
        finally:
            for fd in fds:
                os.close(fd)
        with self.lock:
            self._synced = max(self._synced, end)

    # --- reading ---

    def peek(self, most_events: int = MAX_BATCH_EVENTS, most_bytes: int = MAX_BATCH_BYTES) -> Batch | None:
        """The next events that are not acknowledged, as many as fit; None when there are none. Raises: OSError."""
        with self.lock:
            place, end, segments = self.acked, self._end, list(self._segments)
        lines: list[bytes] = []
        damaged: list[bytes] = []
        size = 0
        for segment in segments:
            if segment < place.segment:
                continue
            if segment > place.segment:
                place = Mark(segment, 0)
            limit = end.offset if segment == end.segment else self._size(segment)
            text = self._read(segment, place.offset, min(limit - place.offset, most_bytes + MAX_BATCH_BYTES // 32))
            if not text:  # at its end; or someone has removed or emptied the file, and there is nothing to be had
                place = Mark(segment, max(place.offset, limit))
                continue
            cut = text.rfind(b"\n") + 1
            for record in text[:cut].split(b"\n")[:-1] if cut else ():
                line = record[9:]
                if len(lines) == most_events or size + len(line) + 1 > most_bytes:
                    return Batch(lines, place, damaged)
                place = Mark(segment, place.offset + len(record) + 1)
                if _is_whole(record, line):
                    lines.append(line)
                    size += len(line) + 1
                elif record.strip(b"\0"):
                    damaged.append(record)
            if place.offset + len(text) - cut < limit:  # there is more in this segment
                if not cut:  # no event is as long as this
                    damaged.append(text[:65536])
                    place = Mark(segment, place.offset + len(text))
                return Batch(lines, place, damaged)
            if self._fd < 0 or segment < end.segment:
                # A line that was cut short was never recorded: who wrote it died meanwhile.
                place = Mark(segment, max(place.offset, limit))
        if place == self.acked:
            return None
        return Batch(lines, place, damaged)

    def _read(self, segment: int, offset: int, size: int) -> bytes:
        if size <= 0:
            return b""
        try:
            with open(self._path(segment), "rb", buffering=0) as file:
                file.seek(offset)
                return file.read(size) or b""
        except FileNotFoundError:  # removed by someone: there is nothing left to send
            return b""

    def advance(self, mark: Mark) -> None:
        """The server has answered for all before `mark`. Removes what is not needed any more. Raises: OSError."""
        with self.lock:
            if self._is_closed:
                return
            self.acked = mark
            if self._fd >= 0 and mark >= self._end and mark.offset >= COMPACT_BYTES:
                with contextlib.suppress(OSError):  # without room for a new one we stay with this
                    self._next_segment()
                    self.acked = self._end
            self._pos.seek(0)
            self._pos.write(b"%08d %016d\n" % self.acked)
            done = [segment for segment in self._segments if segment < self.acked.segment]
            self._segments = self._segments[len(done) :]
            for segment in done:
                if segment in self._unsynced:
                    os.close(self._unsynced.pop(segment))
        for segment in done:
            with contextlib.suppress(FileNotFoundError):
                self._path(segment).unlink()

    # --- the end ---

    def close(self) -> None:
        """Give it up: with nothing left to send its files are removed, else the next process will find them."""
        with self.lock:
            is_empty = self.is_empty
            self._close_descriptors()
        if is_empty:
            for segment in self._segments:
                with contextlib.suppress(OSError):
                    self._path(segment).unlink()
            with contextlib.suppress(OSError):
                (self.folder / f"{self.owner}.pos").unlink()
        locks.release(self._lock_fd, self.folder / f"{self.owner}.lock", remove=is_empty)

    def forget(self) -> None:
        """In the child of a fork: it is the parent's. Closes this process's descriptors, touches nothing else."""
        self._close_descriptors()
        with contextlib.suppress(OSError):
            os.close(self._lock_fd)

    def _close_descriptors(self) -> None:
        self._is_closed = True
        for fd in (*self._unsynced.values(), self._fd):
            if fd >= 0:
                with contextlib.suppress(OSError):
                    os.close(fd)
        self._unsynced, self._fd = {}, -1
        with contextlib.suppress(OSError):
            self._pos.close()


def _is_whole(record: bytes, line: bytes) -> bool:
    try:
        return record[8:9] == b" " and int(record[:8], 16) == zlib.crc32(line)
    except ValueError:
        return False


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# --- what was refused ------------------------------------------------------------------------------------------------


class Refusal(NamedTuple):
    """An event that will not be sent again, and why.

    `result`: `conflict`, `invalid` or `forbidden` by the server, `damaged` when the outbox's own line cannot be read,
    `unsendable` when it was refused here (`raise_invalid=False`). `event` is what was to be sent, as text.
    """

    event_id: str | None
    result: str
    message: str
    errors: list[dict[str, Any]]
    event: str

    @classmethod
    def of(cls, row: Mapping[str, Any], line: bytes) -> Refusal:
        """By the server: its row of `results`, and the line that was sent."""
        message, errors, named = row.get("message"), row.get("errors"), row.get("event_id")
        return cls(
            named if isinstance(named, str) else None,
            str(row["result"]),
            message if isinstance(message, str) else "",
            errors if isinstance(errors, list) else [],
            line.decode("utf-8", "replace"),
        )

    @classmethod
    def damaged(cls, record: bytes) -> Refusal:
        """A line of the outbox that is not as it was written."""
        message = "the line in the outbox is not what was written; is the disk sound?"
        return cls(None, "damaged", message, [], record.decode("utf-8", "replace"))

    def line(self) -> bytes:
        """The dead letter: one line of JSON, with the event as it was."""
        return (json.dumps({"at": _now(), **self._asdict()}, ensure_ascii=True, default=str) + "\n").encode()


def keep_refused(folder: Path, refusals: list[Refusal]) -> None:
    """Append to refused.ndjson, synced: the event leaves the outbox after this. Raises: OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(folder / "refused.ndjson", os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
    try:
        rest = memoryview(b"".join(refusal.line() for refusal in refusals))
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    finally:
        os.close(fd)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- looking in ------------------------------------------------------------------------------------------------------


class Waiting(NamedTuple):
    """What waits in a folder for one server; `server` is None where the files do not say."""

    server: str | None
    events: int
    size: int


def look(folder: Path) -> list[Waiting]:
    """What waits in the folder, by server, without touching anything. Raises: OSError."""
    found: dict[str | None, tuple[int, int]] = {}
    for owner in owners(folder):
        events, size = _left(folder, owner)
        server = _server(folder / f"{owner}.lock")
        before = found.get(server, (0, 0))
        found[server] = (before[0] + events, before[1] + size)
    return [Waiting(server, events, size) for server, (events, size) in found.items() if events]


def count_refused(folder: Path) -> int:
    """How many dead letters lie there."""
    with contextlib.suppress(OSError), open(folder / "refused.ndjson", "rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
    return 0


def _left(folder: Path, owner: str) -> tuple[int, int]:
    """Events and bytes of this owner that are not acknowledged."""
    events = size = 0
    reached, offset = _position(folder, owner)
    for name in os.listdir(folder):
        found = _SEGMENT.fullmatch(name)
        if not found or found[1] != owner or int(found[2]) < reached:
            continue
        with contextlib.suppress(FileNotFoundError), open(folder / name, "rb") as file:
            file.seek(offset if int(found[2]) == reached else 0)
            for piece in iter(lambda: file.read(1 << 20), b""):
                events += piece.count(b"\n")
                size += len(piece)
    return events, size


def _position(folder: Path, owner: str) -> tuple[int, int]:
    try:
        words = (folder / f"{owner}.pos").read_bytes().split()
        return int(words[0]), int(words[1])
    except (OSError, ValueError, IndexError):
        return 0, 0


def _server(lock: Path) -> str | None:
    try:
        return lock.read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError):
        return None
