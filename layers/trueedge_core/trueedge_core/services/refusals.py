"""What a person at a browser reads where a program gets an error in JSON, such as for a mistyped date."""

from collections.abc import Mapping

from ..errors import TrueEdgeError
from ..report.pages import RefusedView
from .answers import HTML, Answer

_TITLES: Mapping[int, str] = {
    400: "That cannot be asked.",
    403: "Not with this key.",
    404: "Nothing is there.",
    503: "Not just now.",
}


def page(error: TrueEdgeError, headers: Mapping[str, str]) -> Answer:
    """The error as a page, with the status and the headers that it has in JSON."""
    from ..report import render  # here: every function asks http.py for its errors, and one makes pages

    lines = [f"{one.field}: {one.message}" for one in error.errors] or [error.message]
    view = RefusedView(
        _TITLES.get(error.status, "That did not work."), tuple(map(_sentence, lines)), error.status == 403
    )
    return Answer(render.refused(view), error.status, HTML, {**render.PAGE_HEADERS, **headers})


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
