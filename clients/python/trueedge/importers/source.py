"""One file: opened, unpacked, decoded, read in pieces, and never trusted to be small."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Callable

from .model import FileProblem

HEAD = 64 * 1024
MOST_LINE = 4 * 1024 * 1024  # characters; an event is at most 60 KB
UNPACKED, RATIO = 8 * 1024 * 1024, 200  # more than this out of so little is no trading history


class Counted(io.RawIOBase):
    """A file that tells how many bytes of it were read, and what its packed form would unpack to at most."""

    def __init__(self, inner: BinaryIO, tell: Callable[[int], None]):
        self._inner, self._tell = inner, tell
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        got = self._inner.readinto(buffer)  # type: ignore[attr-defined]
        self.count += got or 0
        self._tell(self.count)
        return got or 0

    def close(self) -> None:
        self._inner.close()
        super().close()


class Source:
    """A file to import. `on_bytes` is told how much of it has been read."""

    def __init__(self, path: str, encoding: str | None = None, on_bytes: Callable[[int], None] = lambda count: None):
        self.path, self.name = path, os.path.basename(path)
        self.extension = os.path.splitext(self.name)[1].lower().lstrip(".")
        self._encoding, self.on_bytes = encoding, on_bytes
        try:
            self.size = os.path.getsize(path)
            with self.binary(quiet=True) as file:
                self.head = file.read(HEAD)
        except (OSError, EOFError, zlib.error) as error:
            raise FileProblem(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
        if not self.head:
            raise FileProblem("is empty")
        self.note: str | None = None  # what was guessed about its encoding
        self._text: str | None = None

    @property
    def packed(self) -> bool:
        """Whether it begins as a .zip (and so an .xlsx) does."""
        return self.head.startswith(b"PK\x03\x04")

    @property
    def head_text(self) -> str:
        """The first 64 KB as text."""
        if self._text is None:
            self._text = self.head.decode(self.encoding, "replace").lstrip("\ufeff")
        return self._text

    @property
    def encoding(self) -> str:
        if self._encoding is None:
            self._encoding, self.note = self._guess()
        return self._encoding

    def binary(self, quiet: bool = False) -> BinaryIO:
        raw = open(self.path, "rb")  # noqa: SIM115 - the caller closes it
        magic = raw.read(2)
        raw.seek(0)
        counted = Counted(raw, (lambda count: None) if quiet else self.on_bytes)
        if magic != b"\x1f\x8b":
            return io.BufferedReader(counted, 256 * 1024)
        return _Unpacked(gzip.GzipFile(fileobj=io.BufferedReader(counted)), counted)  # type: ignore[return-value]

    def text(self) -> Iterator[str]:
        """Pieces of text. Bytes that are none in this encoding become lone surrogates, which a row can be judged by."""
        decoder = codecs.getincrementaldecoder(self.encoding)(
            "replace" if "16" in self.encoding or "32" in self.encoding else "surrogateescape"
        )
        first = True
        with self.binary() as file:
            while True:
                try:
                    piece = file.read(128 * 1024)
                except (OSError, EOFError, zlib.error) as error:  # a .gz that was cut
                    raise FileProblem(f"cannot be read to its end: {error}") from None
                text = decoder.decode(piece, not piece)
                if first and text:
                    text, first = text.lstrip("\ufeff"), False
                if text:
                    yield text
                if not piece:
                    return

    def lines(self) -> Iterator[str]:
        """Lines with their ends. Raises FileProblem at a line that no row can be."""
        pending, number = "", 0
        for piece in self.text():
            parts = (pending + piece).split("\n")
            pending = parts.pop()
            for part in parts:
                number += 1
                yield part + "\n"
            if len(pending) > MOST_LINE:
                raise FileProblem(
                    f"line {number + 1} has more than {MOST_LINE:,} characters: this is no table of trades"
                )
        if pending:
            yield pending

    def _guess(self) -> tuple[str, str | None]:
        head = self.head
        for mark, name in (
            (codecs.BOM_UTF8, "utf-8"),
            (codecs.BOM_UTF32_LE, "utf-32"),
            (codecs.BOM_UTF16_LE, "utf-16"),
            (codecs.BOM_UTF16_BE, "utf-16"),
        ):
            if head.startswith(mark):
                return name, None
        sample = head[:4096]
        if len(sample) >= 4 and sample.count(0) > len(sample) // 4:  # UTF-16 without its mark
            return ("utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"), None
        # All of it, for the first letter that is not ASCII may stand in the last comment.
        if _decodes(self, "utf-8"):
            return "utf-8", None
        if named := re.search(rb"charset=[\"']?([A-Za-z0-9_-]+)", head):
            try:
                return codecs.lookup(named[1].decode()).name, None
            except LookupError:
                pass
        if _looks_chinese(head) and _decodes(self, "gb18030"):
            return "gb18030", "text read as gb18030 (Chinese); if names look wrong, say --encoding"
        if _looks_cyrillic(head):
            return "cp1251", "text read as windows-1251 (Cyrillic); if names look wrong, say --encoding"
        return "cp1252", "text read as windows-1252; if names look wrong, say --encoding"


def _decodes(source: Source, encoding: str, most: int = 64 * 1024 * 1024) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    with source.binary(quiet=True) as file:
        while done < most:
            try:
                piece = file.read(1024 * 1024)
                decoder.decode(piece, not piece)
            except (UnicodeDecodeError, OSError, EOFError, zlib.error):
                return False
            if not piece:
                return True
            done += len(piece)
    return True


def _looks_chinese(head: bytes) -> bool:
    """Whole words of it: `Größe` in windows-1252 also decodes, to one lone sign between letters."""
    text = head.decode("gb18030", "ignore")
    words = re.findall(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+", text)
    beyond = sum(ord(char) > 127 for char in text)
    return bool(beyond) and sum(len(word) for word in words if len(word) > 1) >= 0.8 * beyond


def _looks_cyrillic(head: bytes) -> bool:
    runs = re.findall(rb"[\x80-\xff]+", head)
    return bool(runs) and sum(len(run) for run in runs if len(run) > 2 and min(run) >= 0xA8) >= 0.8 * sum(
        map(len, runs)
    )


class _Unpacked(io.BufferedIOBase):
    """A .gz that stops where it is a bomb."""

    def __init__(self, inner: gzip.GzipFile, counted: Counted):
        self._inner, self._counted, self._out = inner, counted, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        got = self._inner.read(size if size is not None else -1)
        self._out += len(got)
        if self._out > UNPACKED and self._out > RATIO * max(1, self._counted.count):
            raise FileProblem(f"unpacks to more than {RATIO} times its size: refused as a bomb")
        return got

    def close(self) -> None:
        self._inner.close()
        self._counted.close()
        super().close()
