"""What can go wrong, by what a caller would do about it. None of the messages holds a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class TrueEdgeError(Exception):
    """Anything this package raises."""


class InvalidTrade(TrueEdgeError, ValueError):
    """The trade breaks a rule of TRADE_EVENT: correct it. `errors` has a sentence for each wrong field."""

    def __init__(self, message: str, errors: Mapping[str, str]) -> None:
        super().__init__(message)
        self.errors = dict(errors)


class OutboxError(TrueEdgeError):
    """The outbox on disk could not be written or read: this trade is not recorded."""


class OutboxFull(OutboxError):
    """The disk, or the quota on it, is full: this trade is not recorded."""


class Unreachable(TrueEdgeError):
    """No usable answer: the network, a server that is down or busy, or one that is not TRUEEDGE.

    Nothing is known of what was sent; sending the same again is safe. `can_succeed` is False where trying again is
    useless until someone changes something, such as a certificate that is not good.
    """

    def __init__(self, message: str, can_succeed: bool = True, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.can_succeed = can_succeed
        self.retry_after = retry_after


class ServerRefused(TrueEdgeError):
    """The server understood and said no (a 4xx). `code` and `errors` are those of docs/api.md."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        errors: Sequence[Mapping[str, Any]] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"{message} ({status} {code})")
        self.status = status
        self.code = code
        self.message = message
        self.errors = [dict(error) for error in errors]
        self.request_id = request_id
