"""The supervisor: binds the port, starts the workers, replaces one that dies, and stops them all."""

import contextlib
import errno
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import watcher, worker
from .guard import Guard, HostName
from .worker import Options

STOP_SECONDS = 5.0  # a batch may be in hand on a slow disk; usually it takes a fraction of one
EARLY_SECONDS = 2.0  # a worker that dies sooner than this after its start will not do better the next time


class ServerError(Exception):
    """The server cannot start; one sentence says why."""


def serve(
    store_url: str,
    host: str = "127.0.0.1",
    port: int = 9000,
    workers: int = 2,
    *,
    is_open: bool | None = None,
    allowed_hosts: tuple[str, ...] = (),
    log_level: str = "WARNING",
    alert_networks: tuple[str, ...] = (),
) -> int:
    """Serve the store until SIGINT or SIGTERM; returns the exit code.

    `is_open`: while the store never had a key, requests need none; None: on a loopback address only. Where they need
    one and there is none, an admin key is made and said. `alert_networks`: where alerts may go that is not public.

    Raises: ServerError when the port or the store cannot be had.
    """
    if is_open is None:
        is_open = _is_loopback(host)
    try:
        Guard(host, allowed_hosts)
    except ValueError as error:
        raise ServerError(f"TRUEEDGE_ALLOWED_HOSTS: {error}") from None
    listener = bind(host, port)
    if not is_open:
        _first_key(store_url)
    options = Options(store_url, host, listener.getsockname()[1], workers, is_open, allowed_hosts, log_level)
    if workers == 1:
        return _alone(options, listener, alert_networks)
    return Supervisor(options, listener, alert_networks=alert_networks).run()


def _is_loopback(host: str) -> bool:
    name = HostName.parse(host)
    return name is not None and name.is_loopback


def _first_key(store_url: str) -> None:
    from trueedge_core import wiring
    from trueedge_core.services.keys import create_first
    from trueedge_core.settings import Settings

    wiring.configure(Settings(store_url=store_url))
    try:
        text = create_first(wiring.keys(), wiring.now_us())
    finally:
        wiring.configure(None)
    if text is not None:  # at once: it is kept already, and nothing can show it again
        print(f"This store had no keys. Here is an admin key, shown this once:\n  {text}", flush=True)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises: ServerError in one sentence."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise ServerError(f"{host!r} is no address of this machine") from None
    family, _, _, _, address = sorted(found, key=lambda one: one[0] != socket.AF_INET)[0]  # localhost: IPv4 first
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # on Windows this would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise ServerError(_why(error, host, port)) from None
    return listener


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop what listens there, or choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} is not for this user: choose one above 1023 with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine"
    return f"cannot listen on {host} port {port}: {error.strerror}"


def base_url(options: Options) -> str:
    """The URL to reach the server by, from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(options.host, options.host)
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{options.port}"


def announce(options: Options) -> None:
    """Say where to go, now that it answers there."""
    url = base_url(options)
    workers = f"{options.workers} worker{'s' if options.workers > 1 else ''}"
    lines = [
        f"TRUEEDGE answers on {url} ({options.store_url}, {workers})",
        f"  report   {url}/report",
        f"  figures  {url}/metrics/overall",
        f"  api      {url}/docs",
        f"  post     curl {url}/trade_event -d @trade.json    (README.md shows a whole one)",
        "Ctrl-C stops it.",
    ]
    if options.is_open and not _is_loopback(options.host):
        lines.append(
            f"{options.host} is no loopback address and TRUEEDGE_OPEN is set: everyone who can reach it reads and "
            "posts, until the first key is made."
        )
    print("\n".join(lines), flush=True)


def _alone(options: Options, listener: socket.socket, alert_networks: tuple[str, ...]) -> int:
    problems: list[str] = []
    watching: list[Callable[[], None]] = []  # what stops it

    def ready(problem: str | None) -> None:
        if problem is None:
            announce(options)
            watching.append(watcher.start(options.store_url, alert_networks))
        else:
            problems.append(problem)

    worker.run(options, listener, ready)
    for stop in watching:
        stop()
    listener.close()
    if problems:
        raise ServerError(problems[0])
    return 0


@dataclass
class _Child:
    process: Any
    connection: Any
    started: float
    is_ready: bool = False


class Supervisor:
    """Several workers over one listening socket and one store."""

    def __init__(
        self,
        options: Options,
        listener: socket.socket,
        tell: Callable[[Options], None] = announce,
        alert_networks: tuple[str, ...] = (),
    ) -> None:
        self.options, self.listener, self.tell, self.alert_networks = options, listener, tell, alert_networks
        self.stop_watching: Callable[[], None] | None = None
        # Not fork: uvloop and SQLite do not survive it on every system, and Windows has none.
        self.context = multiprocessing.get_context("spawn")
        self.children: list[_Child] = []
        self.is_stopping = False
        self.is_told = False

    def run(self) -> int:
        """Start, watch, stop. Raises: ServerError when the workers cannot start."""
        # A pipe, because a signal alone does not end the wait below (it is resumed after the handler, PEP 475).
        waker, wake = socket.socketpair()
        wake.setblocking(False)

        def stop(*_: object) -> None:
            self.is_stopping = True
            with contextlib.suppress(OSError):
                wake.send(b".")

        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), stop)
        try:
            self.children = [self._start() for _ in range(self.options.workers)]
            while not self.is_stopping:
                sources = [child.process.sentinel for child in self.children]
                sources += [child.connection for child in self.children if not child.is_ready]
                multiprocessing.connection.wait([*sources, waker])
                self._look()
        finally:
            self._stop()
            self.listener.close()
        return 0

    def _start(self) -> _Child:
        mine, theirs = self.context.Pipe(duplex=False)
        process = self.context.Process(
            target=worker.process_main, args=(self.options, self.listener, theirs), name="trueedge worker"
        )
        process.start()
        theirs.close()
        return _Child(process, mine, time.monotonic())

    def _look(self) -> None:
        for place, child in enumerate(self.children):
            if not child.is_ready and child.connection.poll():
                try:
                    problem = child.connection.recv()
                except EOFError:
                    problem = None if self.is_stopping else "a worker ended before it could answer"
                if problem is not None:
                    raise ServerError(problem)
                child.is_ready = True
                if not self.is_told and not self.is_stopping:
                    self.is_told = True
                    self.tell(self.options)
                    self.stop_watching = watcher.start(self.options.store_url, self.alert_networks)
            if not child.process.is_alive() and not self.is_stopping:
                if not child.is_ready or time.monotonic() - child.started < EARLY_SECONDS:
                    raise ServerError(f"a worker ended with code {child.process.exitcode} right after its start")
                print(
                    f"a worker ended with code {child.process.exitcode}; starting another", file=sys.stderr, flush=True
                )
                child.connection.close()
                self.children[place] = self._start()

    def _stop(self) -> None:
        if self.stop_watching is not None:
            self.stop_watching()
        for child in self.children:
            if child.process.is_alive():
                child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children:
            child.process.join(max(0.0, deadline - time.monotonic()))
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
            child.connection.close()
