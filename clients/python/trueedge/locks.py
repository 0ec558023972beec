"""A lock on a file that ends with the process that holds it, however that dies."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _BYTE = 1 << 30  # far from the text in the file: there a locked byte cannot be read

    def _lock(fd: int) -> None:
        os.lseek(fd, _BYTE, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        os.lseek(fd, 0, os.SEEK_SET)

    def _unlock(fd: int) -> None:
        os.lseek(fd, _BYTE, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)


def acquire(path: Path) -> int | None:
    """The descriptor that holds the lock, or None when another holds it. The file is made if it is not there."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(fd)
        if os.name != "nt":
            # Whoever held it before may have removed the file: then this is the lock of a name that is gone.
            held, named = os.fstat(fd), os.stat(path)
            if (held.st_ino, held.st_dev) != (named.st_ino, named.st_dev):
                raise OSError("removed meanwhile")
    except OSError:
        os.close(fd)
        return None
    return fd


def release(fd: int, path: Path, remove: bool) -> None:
    """Give the lock back; with `remove` its file goes first, so that nobody finds it unlocked."""
    if remove and os.name != "nt":
        with contextlib.suppress(OSError):
            path.unlink()
    with contextlib.suppress(OSError):
        _unlock(fd)
    os.close(fd)
    if remove and os.name == "nt":  # an open file cannot be removed there
        with contextlib.suppress(OSError):
            path.unlink()
