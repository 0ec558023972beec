"""What can go wrong between a client and DynamoDB, on demand: which calls it befalls, and what befalls them."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Request = Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """The call is not carried out and gets this error."""

    code: str
    message: str
    status: int = 400


@dataclass(frozen=True)
class Conflict:
    """Another transaction has the item: TransactionConflictException, or a transaction that is cancelled for it."""


@dataclass(frozen=True)
class Cut:
    """The connection ends without an answer; the call was carried out, or never was."""

    applied: bool


@dataclass(frozen=True)
class Late:
    """The call is carried out at once, its answer comes after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Partial:
    """A batch call takes its first `done` items and gives the others back as unprocessed."""

    done: int = 1


@dataclass(frozen=True)
class Meanwhile:
    """Something else happens first (or right after), then the call goes on: another writer, a crash, a look."""

    act: Callable[[], object]
    when: Literal["before", "after"] = "before"


Effect = Refusal | Conflict | Cut | Late | Partial | Meanwhile

THROTTLED = Refusal(
    "ProvisionedThroughputExceededException",
    "The level of configured provisioned throughput for the table was exceeded. "
    "Consider increasing your provisioning level with the UpdateTable API.",
)
THROTTLING = Refusal("ThrottlingException", "Throughput exceeds the current capacity of your table or index.")
REQUEST_LIMIT = Refusal("RequestLimitExceeded", "Throughput exceeds the current throughput limit for your account.")
INTERNAL_ERROR = Refusal("InternalServerError", "Internal server error", status=500)
UNAVAILABLE = Refusal("ServiceUnavailableException", "The service is currently unavailable", status=503)
CONFLICT = Conflict()
LOST_ANSWER = Cut(applied=True)
LOST_REQUEST = Cut(applied=False)


@dataclass
class Fault:
    """An effect and the calls it befalls: the `nth` that fits and, with `times`, so many from there; None: all of them.

    A call fits when its operation is the named one (None: any) and `when` says so of the request.
    """

    effect: Effect
    operation: str | None = None
    when: Callable[[Request], bool] = lambda request: True
    nth: int = 1
    times: int | None = 1
    seen: int = 0
    fired: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def takes(self, operation: str, request: Request) -> bool:
        """Count a call; whether the fault befalls it."""
        if (self.operation is not None and operation != self.operation) or not self.when(request):
            return False
        with self._lock:
            self.seen += 1
            due = self.seen >= self.nth and (self.times is None or self.fired < self.times)
            self.fired += due
            return due
