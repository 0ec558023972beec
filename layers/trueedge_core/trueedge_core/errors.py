"""What can go wrong, as programs act on it (`code`, `status`, `retryable`) and as people read it (`message`, `errors`).

Translated in two places only: a native error becomes one of these inside a storage driver, and one of these becomes an
HTTP answer in `http.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: its name as the sender wrote it, and a sentence with what was found and what is accepted."""

    field: str
    message: str


class TrueEdgeError(Exception):
    """Base of every error this product raises on purpose."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.errors = tuple(errors)


class InvalidJson(TrueEdgeError):
    code, status = "invalid_json", 400


class InvalidEvent(TrueEdgeError):
    code, status = "invalid_event", 400


class InvalidParameter(TrueEdgeError):
    code, status = "invalid_parameter", 400


class Unauthorized(TrueEdgeError):
    code, status = "unauthorized", 401


class Forbidden(TrueEdgeError):
    code, status = "forbidden", 403


class NotFound(TrueEdgeError):
    code, status = "not_found", 404


class MethodNotAllowed(TrueEdgeError):
    code, status = "method_not_allowed", 405


class Conflict(TrueEdgeError):
    code, status = "conflict", 409


class TooLarge(TrueEdgeError):
    code, status = "too_large", 413


class StoreError(TrueEdgeError):
    """The store cannot be used as it is; the message says why and what to do."""


class Unavailable(TrueEdgeError):
    """The store cannot take this now; the same request may succeed after `retry_after` seconds."""

    code, status, retryable = "unavailable", 503, True

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after
