"""The entry point of a function behind a stream: what `http.py` is for a request."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .errors import TrueEdgeError
from .observability import logger, measure
from .wiring import settings


def stream_handler(
    take_in: Callable[[Sequence[Mapping[str, Any]]], int],
) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Hands the records of an event to `take_in`, which says how many it took; logs and measures it.

    What it raises goes on to Lambda, which delivers the same records again: to take them in twice must be harmless.
    """

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        started = time.perf_counter()
        settings()  # read now: they say what is logged
        records = event.get("Records", [])
        function = {
            "function": str(getattr(context, "function_name", "")),
            "function_request_id": str(getattr(context, "aws_request_id", "")),
        }
        try:
            taken = take_in(records)
        except Exception as error:
            said = error.message if isinstance(error, TrueEdgeError) else "unexpected"
            logger.exception(said, exc_info=error, extra={"records": len(records), **function})
            raise
        ms = round((time.perf_counter() - started) * 1000, 1)
        logger.info("sequenced", extra={"records": len(records), "sequenced": taken, "ms": ms, **function})
        measure(ms, {"sequenced": taken}, **function)
        return {"batchItemFailures": []}

    return handle
