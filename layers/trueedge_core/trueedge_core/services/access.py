"""Who may do what. The one place that decides, asked by the HTTP layer before any handler's body runs."""

from typing import Literal

from ..errors import Unauthorized

AccessScope = Literal["ingest", "read", "admin"]


def check(scope: AccessScope | None, *, is_open: bool) -> None:
    """Let the request pass, or raise Unauthorized. `scope` None: needs no key (liveness, unknown routes)."""
    if scope is None or is_open:
        return
    raise Unauthorized(
        f"this needs a key of the scope {scope}, and this instance has no keys yet: it answers nothing but /health"
    )
