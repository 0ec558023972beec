"""Request -> route -> handler -> answer, without a socket.

One handler call at a time per process: so it is in Lambda, and Powertools keeps the current event on a class that all
functions of a process share.
"""

import importlib.util
import json
import logging
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .events import BadRequest, Incoming, Outgoing, decoded_path, from_result, to_event
from .guard import Guard
from .template import Routes

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
MAX_BODY_BYTES = 6 * 1024 * 1024  # a Lambda function takes no more

# Powertools mutes, on the root handlers, every logger whose name has that of its service ("trueedge") in it.
LOGGER = "local.server"
log = logging.getLogger(LOGGER)


@dataclass(frozen=True)
class Context:
    """What handlers may ask of the Lambda context."""

    function_name: str
    aws_request_id: str
    memory_limit_in_mb: int = 512
    function_version: str = "$LATEST"

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:local:000000000000:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def load_handler(folder: Path) -> Handler:
    """The `handler` of a folder's app.py; imported once, under a name of its own (all files are named app.py)."""
    name = f"trueedge_functions.{folder.name}"
    module = sys.modules.get(name)
    if module is None:
        spec = importlib.util.spec_from_file_location(name, folder / "app.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    handler: Handler = module.handler
    return handler


class Gateway:
    """The routes of a template and the handlers behind them."""

    def __init__(self, routes: Routes, guard: Guard) -> None:
        self.routes, self.guard = routes, guard

    def preload(self) -> None:
        """Import every function now, so that no first request waits for it and a broken one shows at once."""
        for folder in dict.fromkeys(route.folder for route in self.routes):
            load_handler(folder)

    def refusal(self, incoming: Incoming, local_address: str | None = None) -> Outgoing | None:
        """What can be said before the body is read: a Host or Origin that is not answered, a body that is too large."""
        why = self.guard.refusal(incoming.method, incoming.header("host"), incoming.header("origin"), local_address)
        if why is not None:
            return problem(403, "forbidden", why)
        length = incoming.header("content-length")
        if length is not None and length.isdigit() and (len(length) > 15 or int(length) > MAX_BODY_BYTES):
            return too_large()
        return None

    def answer(self, incoming: Incoming) -> Outgoing:
        """Let the route's function answer; never raises."""
        request_id = str(uuid.uuid4())
        try:
            path = decoded_path(incoming.raw_path)
        except BadRequest as error:
            return problem(400, "invalid_parameter", str(error), request_id)
        route, parameters = self.routes.find(incoming.method, path)
        try:
            event = to_event(incoming, route.key, path, parameters, request_id)
            result = load_handler(route.folder)(event, Context(route.function, request_id))
            return from_result(result, is_head=incoming.method == "HEAD")
        except Exception:
            log.exception("%s failed (request %s)", route.key, request_id)  # not the path: a hook's has a key in it
            return problem(500, "internal", "something went wrong here; the log of the server says what", request_id)


def too_large() -> Outgoing:
    """The refusal of a body that no function would be given."""
    return problem(413, "too_large", f"a body has at most {MAX_BODY_BYTES} bytes; send a batch in parts")


def problem(status: int, code: str, message: str, request_id: str | None = None) -> Outgoing:
    """An answer of the gateway itself, in the one shape of errors."""
    body = {
        "status": "error",
        "code": code,
        "message": message,
        "errors": [],
        "request_id": request_id or str(uuid.uuid4()),
    }
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return from_result(
        {"statusCode": status, "headers": headers, "body": json.dumps(body, ensure_ascii=False, separators=(",", ":"))}
    )
