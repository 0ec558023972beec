"""What a service hands to the HTTP layer when a plain dict (200, JSON) does not say enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

JSON = "application/json"
NDJSON = "application/x-ndjson; charset=utf-8"
CSV = "text/csv; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, type, headers, cookies and body. A mapping is written as exact JSON; text and bytes go out as they are.

    A mapping whose `status` is "error" gets the `request_id` from the HTTP layer.
    """

    body: str | bytes | Mapping[str, object]
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Sequence[str] = ()


def problem(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in the one shape of errors."""
    return Answer({"status": "error", "code": code, "message": message, "errors": []}, status, headers=headers or {})
