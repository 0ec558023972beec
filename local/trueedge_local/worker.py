"""One worker process: uvicorn on the shared socket, one handler call at a time."""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from .events import Incoming, Outgoing, decode_headers
from .gateway import MAX_BODY_BYTES, Gateway, too_large
from .guard import Guard
from .template import read_routes

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

GRACE_SECONDS = 1  # for requests that are still being received; the one in hand is finished before this is looked at
KEEP_ALIVE_SECONDS = 75  # bots post every few seconds over one connection


@dataclass(frozen=True)
class Options:
    """What a server is told. `is_open`: requests need no key while the store never had one."""

    store_url: str
    host: str = "127.0.0.1"
    port: int = 9000
    workers: int = 2
    is_open: bool = True
    allowed_hosts: tuple[str, ...] = ()
    log_level: str = "WARNING"


def run(options: Options, listener: socket.socket, ready: Callable[[str | None], None]) -> None:
    """Serve until told to stop. `ready(None)` once requests are answered; `ready(sentence)` when that cannot be."""
    import uvicorn

    logging.basicConfig(level=options.log_level, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    try:
        gateway = open_gateway(options)
    except Exception as error:
        ready(str(error) or type(error).__name__)
        return
    server = uvicorn.Server(
        uvicorn.Config(
            application(gateway),
            http="httptools" if _has("httptools") else "h11",
            loop="uvloop" if _has("uvloop") else "asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )

    def stop(*_: object) -> None:
        server.should_exit = True

    # uvicorn puts its own handlers in place while it runs, then raises the signal again: these make that harmless.
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stop)
    _end_with_parent(stop)
    _when_started(server, lambda: ready(None))
    server.run(sockets=[listener])

    from trueedge_core import wiring

    wiring.configure(None)  # closes the store


def open_gateway(options: Options) -> Gateway:
    """The gateway, its functions imported and its store open: what is wrong shows before the first request."""
    from trueedge_core import wiring
    from trueedge_core.settings import Settings

    wiring.configure(Settings(store_url=options.store_url, open=options.is_open, log_level=options.log_level))
    wiring.ledger()
    wiring.keys()
    gateway = Gateway(read_routes(), Guard(options.host, options.allowed_hosts))
    gateway.preload()
    return gateway


def application(gateway: Gateway) -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """The gateway as ASGI. The handler runs in the event loop's thread: that is what makes it one at a time."""

    from trueedge_core.observability import logger
    from trueedge_core.services.access import redacted

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        incoming = Incoming(
            method=scope["method"],
            raw_path=scope["raw_path"],
            query=scope["query_string"],
            headers=decode_headers(scope["headers"]),
            source_ip=scope["client"][0] if scope.get("client") else "",
            protocol=f"HTTP/{scope['http_version']}",
        )
        server = scope.get("server")
        outgoing = gateway.refusal(incoming, server[0] if server else None)
        refused = outgoing is not None
        if outgoing is None:
            body = await read_body(receive)
            if body is None:
                return
            refused = isinstance(body, Outgoing)
            outgoing = body if isinstance(body, Outgoing) else gateway.answer(replace(incoming, body=body))
        await send({"type": "http.response.start", "status": outgoing.status, "headers": outgoing.headers})
        await send({"type": "http.response.body", "body": outgoing.body})
        if refused:  # what reached a function has its line in the log from there
            path = redacted(unquote(incoming.raw_path.decode("latin-1")))
            ms = round((time.perf_counter() - started) * 1000, 1)
            logger.info("request", extra={"method": incoming.method, "path": path, "status": outgoing.status, "ms": ms})

    return app


async def read_body(receive: Receive) -> bytes | Outgoing | None:
    """The whole body; a refusal once it is too long (uvicorn then drops the rest unread); None if the client left."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            return too_large()
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _has(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _when_started(server: Any, then: Callable[[], None]) -> None:
    """Call `then` from the server's own start-up: its socket is listened on, its loop about to run."""
    startup = server.startup

    async def announced(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets=sockets)
        asyncio.get_running_loop().call_soon(then)

    server.startup = announced


def _end_with_parent(stop: Callable[[], None]) -> None:
    """A parent that was killed cannot say so: watch for its end, or its workers would go on holding port and store."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        stop()
        time.sleep(GRACE_SECONDS + 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def process_main(options: Options, listener: socket.socket, connection: Any) -> None:
    """What a worker process runs; tells its supervisor through `connection`."""

    def ready(problem: str | None) -> None:
        with contextlib.suppress(OSError):  # the supervisor may be gone
            connection.send(problem)

    run(options, listener, ready)
