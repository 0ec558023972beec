"""Behind `record`: the process's own log, and the threads that send it, sync it, and send what dead processes left."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from .errors import OutboxError, ServerRefused, Unreachable
from .outbox import Batch, Log, Mark, Refusal, failed, keep_refused, owners, tags
from .transport import Backoff, Transport

SYNC_SECONDS = 1.0  # how long an event waits for the disk when the server does not take it sooner
SCAN_SECONDS = 10.0  # between looks for what dead processes left
REMINDER_SECONDS = 600.0
LIVELY_SECONDS, LOOK_SECONDS = 1.0, 0.05  # so long after an event, the next ones are looked for so often

logger = logging.getLogger("trueedge")


class Sender:
    """One process's side of an outbox folder. Threads may share it; it survives a fork (the child begins anew)."""

    def __init__(
        self, folder: Path, transport: Transport, on_refused: Callable[[Refusal], object], exit_timeout: float
    ) -> None:
        self.folder = folder
        self.trouble: str | None = None  # why nothing can be sent just now
        self._url = transport.url
        self._tags = tags(transport.url, transport.key)
        self._transport = transport
        self._on_refused = on_refused
        self._exit_timeout = exit_timeout
        self._begin_anew()
        _alive.add(self)

    def _begin_anew(self) -> None:
        """As in a process that has recorded nothing."""
        self._guard = threading.RLock()
        self._own: Log | None = None
        self._adopted: list[Log] = []
        self._not_ours: set[str] = set()  # owners whose trades our key may not send, or whose files we cannot read
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._is_idle = False
        self._inside: set[int] = set()  # threads that are in `put`
        self._wake = threading.Event()  # there is something to send
        self._nudge = threading.Event()  # someone waits: end the pause
        self._is_unsent = threading.Event()  # something waits: it is to be on the disk if that takes long
        self._flushing = 0
        self._moved = threading.Condition()  # over an RLock: a signal handler may flush
        self._scans_asked = 1
        self._scans_done = 0
        self._next_scan = 0.0
        self._network = Backoff()
        self._waiting_for_someone = Backoff(first=30.0, most=300.0)
        self._told_at = 0.0

    # --- from the strategy's thread ---------------------------------------------------------------------------------

    def put(self, line: bytes) -> None:
        """Append to the outbox and return. Raises: OutboxError, and then the event is not kept."""
        me = threading.get_ident()
        try:
            if me in self._inside:  # a signal handler records while its own thread is recording
                self._put_aside(line)
                return
            self._inside.add(me)
            try:
                log = self._own or self._new_log(None)
                try:
                    log.append(line)
                except FileNotFoundError:
                    self._new_log(log).append(line)
                if not self._threads:
                    self.start()
                if self._is_idle:  # last: from here on the woken thread is in our way
                    self._wake.set()
            finally:
                self._inside.discard(me)
        except OSError as error:
            raise failed(f"the outbox {self.folder} cannot be written", error) from error

    def _put_aside(self, line: bytes) -> None:
        """Into a log of its own, left as by a process that has died: what we are in the middle of is not touched."""
        log = Log.create(self.folder, self._url, self._transport.key)
        try:
            log.append(line)
        finally:
            log.close()
        self._next_scan = 0.0

    def _new_log(self, removed: Log | None) -> Log:
        with self._guard:
            if self._stop.is_set():
                raise OutboxError("this client is closed")
            if self._own is not None and self._own is removed:
                logger.error("%s was removed while it was in use; what waited in it is lost", self.folder)
                self._own.forget()
                self._own = None
            if self._own is None:
                self._own = Log.create(self.folder, self._url, self._transport.key)
            return self._own

    def start(self) -> None:
        """Have the threads running. A process that can start none keeps on recording; the next one sends."""
        with self._guard:
            if self._threads or self._stop.is_set():
                return
            threads = [
                threading.Thread(target=self._send_for_ever, name="trueedge-send", daemon=True),
                threading.Thread(target=self._sync_for_ever, name="trueedge-sync", daemon=True),
            ]
            try:
                for thread in threads:
                    thread.start()
                    self._threads.append(thread)
                _running.add(self)
            except RuntimeError as error:  # out of threads, or Python is about to end
                logger.warning("what is recorded waits in %s: no thread can be started (%s)", self.folder, error)

    def has_leftovers(self) -> bool:
        """Whether a process with our server and key left something there."""
        try:
            return any(owner.startswith("-".join(self._tags) + "-") for owner in owners(self.folder))
        except OSError:
            return False

    def flush(self, timeout: float | None) -> bool:
        """Sync, then wait until all before this call is answered for: by this process, and left by dead ones.

        Returns: False when the time is over first. Raises: OutboxError when the disk refuses to sync.
        """
        end = None if timeout is None else time.monotonic() + timeout
        own = self._own
        target = own.end if own is not None else Mark(0, 0)
        self.sync()
        self.start()
        with self._moved:
            self._flushing += 1
            self._scans_asked += 1
            asked = self._scans_asked
        self._nudge.set()
        self._wake.set()
        try:
            with self._moved:
                while own is self._own and self._threads:
                    if self._scans_done >= asked and not self._adopted and (own is None or own.acked >= target):
                        return True
                    left = None if end is None else end - time.monotonic()
                    if left is not None and left <= 0:
                        return False
                    self._moved.wait(left)
            return False
        finally:
            with self._moved:
                self._flushing -= 1

    def sync(self) -> None:
        """Have everything recorded so far on the disk, also after a power cut. Raises: OutboxError."""
        try:
            if self._own is not None:
                self._own.sync()
        except OSError as error:
            raise failed(f"the outbox {self.folder} cannot be synced", error) from error

    def close(self, timeout: float | None) -> bool:
        """Flush, stop, and leave the folder without a trace of this process if all is answered for."""
        done = self.flush(timeout) if self._threads and timeout != 0 else False
        self._stop.set()
        _running.discard(self)
        self._wake.set()
        self._nudge.set()
        self._is_unsent.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(1.0)
        with self._guard:
            if not any(thread.is_alive() for thread in self._threads):  # else its lock ends with the process
                for log in (*([self._own] if self._own else []), *self._adopted):
                    log.close()
                self._own, self._adopted, self._threads = None, [], []
        return done

    # --- in the thread that sends -----------------------------------------------------------------------------------

    def _send_for_ever(self) -> None:
        lively_until = 0.0
        while not self._stop.is_set():
            try:
                if self._round():
                    lively_until = time.monotonic() + LIVELY_SECONDS
                    continue
                if time.monotonic() < lively_until and not self._flushing:
                    # One trade follows another: not to be woken for each saves their thread more than the write takes.
                    self._nudge.wait(LOOK_SECONDS)
                    self._nudge.clear()
                    continue
                self._is_idle = True
                if self._own is None or self._own.is_empty:  # asked after is_idle is set: nothing is missed
                    self._wake.wait(max(0.0, self._next_scan - time.monotonic()))
                self._is_idle = False
                self._wake.clear()
            except Exception:  # a thread that dies would send nothing ever again
                logger.exception("the sender goes on after an error of its own")
                self._pause(5.0)
        self._transport.close()

    def _round(self) -> bool:
        """Send one batch of each log that has something. Whether there may be more to do at once."""
        if self._scans_done < self._scans_asked or time.monotonic() >= self._next_scan:
            self._scan()
        found = False
        own = self._own
        for log in ([own] if own else []) + self._adopted:
            if self._stop.is_set():
                return False
            try:
                batch = log.peek()
                if batch is not None:
                    found = True
                    self._is_unsent.set()
                    if not self._deliver(log, batch):
                        break
                elif log is not own:
                    self._let_go(log)
            except OSError as error:
                self._tell(f"{self.folder} cannot be read or written: {error.strerror or error}")
                if log is not own:  # what one dead process left must not hold up the living
                    self._not_ours.add(log.owner)
                    self._let_go(log)
                    continue
                self._pause(self._waiting_for_someone.next())
                break
        return found

    def _scan(self) -> None:
        """Take over what processes with our server left when they died; those with our key first."""
        asked = self._scans_asked
        try:
            for owner in sorted(owners(self.folder), key=lambda name: name.split("-")[1] != self._tags[1]):
                if owner.split("-")[0] != self._tags[0] or owner in self._not_ours:
                    continue
                if any(owner == log.owner for log in self._adopted) or (self._own and owner == self._own.owner):
                    continue
                log = Log.adopt(self.folder, owner)
                if log is not None:
                    self._adopted.append(log)
        except OSError as error:
            self._tell(f"{self.folder} cannot be read: {error.strerror or error}")
        self._next_scan = time.monotonic() + SCAN_SECONDS
        with self._moved:
            self._scans_done = asked
            self._moved.notify_all()

    def _let_go(self, log: Log) -> None:
        log.close()
        with self._moved:
            self._adopted.remove(log)
            self._moved.notify_all()

    def _deliver(self, log: Log, batch: Batch) -> bool:
        """Whether the server has answered for the batch, or the log was let go."""
        is_foreign = log.tags[1] != self._tags[1]
        rows = []
        try:
            if batch.lines:
                rows = self._transport.try_batch(batch.lines)
        except (ServerRefused, Unreachable) as error:
            if is_foreign and isinstance(error, ServerRefused):
                self._leave(log)
                return True
            self._tell(str(error))
            if isinstance(error, Unreachable) and error.can_succeed:
                self._pause(self._network.next(error.retry_after), may_end_early=error.retry_after is None)
            else:  # the key or the address: someone must do something; the events wait
                self._pause(self._waiting_for_someone.next())
            return False
        if is_foreign and any(row["result"] == "forbidden" for row in rows):
            self._leave(log)  # what another key wrote is not refused because ours may not write it
            return True
        refusals = [Refusal.of(row, line) for row, line in zip(rows, batch.lines) if row["result"] not in _TAKEN]
        refusals += [Refusal.damaged(record) for record in batch.damaged]
        if refusals:
            keep_refused(self.folder, refusals)
        log.advance(batch.end)
        self._recovered()
        with self._moved:
            self._moved.notify_all()
        for refusal in refusals:
            self.tell_refused(refusal)
        return True

    def _leave(self, log: Log) -> None:
        logger.warning("%s holds trades that another key wrote and that ours may not send: they wait for it", log.owner)
        self._not_ours.add(log.owner)
        self._let_go(log)

    def tell_refused(self, refusal: Refusal) -> None:
        """Log it, and call the strategy's own function, whose errors are its own."""
        logger.error("trade %s was refused (%s): %s", refusal.event_id, refusal.result, refusal.message)
        try:
            self._on_refused(refusal)
        except Exception:
            logger.exception("on_refused failed")

    def _pause(self, seconds: float, may_end_early: bool = True) -> None:
        """Wait between tries: at most a second while someone waits for a flush, unless the server asked for longer."""
        started = time.monotonic()
        while not self._stop.is_set():
            most = min(seconds, 1.0) if may_end_early and self._flushing else seconds
            left = started + most - time.monotonic()
            if left <= 0:
                return
            self._nudge.wait(left)
            self._nudge.clear()

    def _tell(self, trouble: str) -> None:
        now = time.monotonic()
        if trouble != self.trouble or now - self._told_at > REMINDER_SECONDS:
            logger.warning("trades wait in %s and are sent when this is over: %s", self.folder, trouble)
            self._told_at = now
        self.trouble = trouble

    def _recovered(self) -> None:
        self._network.reset()
        self._waiting_for_someone.reset()
        if self.trouble is not None:
            self.trouble = None
            logger.warning("trades are being sent again to %s", self._url)

    # --- in the thread that syncs -----------------------------------------------------------------------------------

    def _sync_for_ever(self) -> None:
        """What the server has not taken within a second is put on the disk, also while a request hangs."""
        while not self._stop.is_set():
            self._is_unsent.wait()
            self._stop.wait(SYNC_SECONDS)
            self._is_unsent.clear()
            own = self._own
            if own is None or own.is_empty or self._stop.is_set():  # asked after it is cleared: nothing is missed
                continue
            self._is_unsent.set()
            try:
                own.sync()
            except OSError as error:
                self._tell(f"{self.folder} cannot be synced: {error.strerror or error}")

    # --- around a fork ----------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        self._guard.acquire()
        if self._own is not None:
            self._own.lock.acquire()

    def after_fork_in_parent(self) -> None:
        if self._own is not None:
            self._own.lock.release()
        self._guard.release()

    def after_fork_in_child(self) -> None:
        for log in (*([self._own] if self._own else []), *self._adopted):
            log.forget()
        self.trouble = None
        self._begin_anew()


_TAKEN = ("stored", "duplicate")


_alive: weakref.WeakSet[Sender] = weakref.WeakSet()
_running: set[Sender] = set()
_held: list[Sender] = []


@atexit.register
def _at_exit() -> None:
    """Wait for what is on its way. With a server that is out of reach: not at all, the outbox has it."""
    started = time.monotonic()
    for sender in list(_running):
        left = sender._exit_timeout - (time.monotonic() - started)
        sender.close(0 if sender.trouble else max(0.0, left))


def _before() -> None:
    _held[:] = list(_alive)
    for sender in _held:
        sender.before_fork()


def _after_in_parent() -> None:
    for sender in _held:
        sender.after_fork_in_parent()
    _held.clear()


def _after_in_child() -> None:
    _running.clear()
    for sender in _held:
        sender.after_fork_in_child()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
