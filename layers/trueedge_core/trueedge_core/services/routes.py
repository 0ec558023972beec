"""What the `$default` route answers: 404 for an unknown path, 405 with Allow for a method that a path does not take."""

import re
from collections.abc import Mapping, Sequence

from .access import redacted
from .answers import Answer, problem

_REACHED_BY_QUERY = re.compile(r"/(?:metrics|report)/(?:strategy|account)/|/trade_event/")


def unknown(method: str, path: str, routes: Mapping[str, Sequence[str]]) -> Answer:
    """The refusal of `method path`; `routes` maps each path pattern of the template to the methods it takes."""
    methods = [method for pattern, methods in routes.items() if _fits(pattern, path) for method in methods]
    if methods:
        allowed = ", ".join(dict.fromkeys(methods))
        said = f"{redacted(path)} does not take {method}; accepted: {allowed}"
        return problem(405, "method_not_allowed", said, {"Allow": allowed})
    return no_route(method, path)


def no_route(method: str, path: str) -> Answer:
    """404, with a hint where an id in the path may be the reason."""
    hint = ""
    if _REACHED_BY_QUERY.match(path):
        hint = '; an id with / \\ # ? " in it is given by query, as in /metrics/overall?strategy_id=..'
    return problem(404, "not_found", f"there is no route {method} {redacted(path)}{hint}")


def _fits(pattern: str, path: str) -> bool:
    # Every pattern of the table is literal text and {name} for one segment.
    parts = re.split(r"(\{\w+\})", pattern)
    return (
        re.fullmatch("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts), path) is not None
    )
