"""A report as one file that opens from disk: stylesheet, fonts, scripts and the answers they ask for are all in it.

It asks for nothing: its own policy allows the scripts and the style by their hashes, and no request at all.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from .parts import PartView

# Links lead to the server that is not there. An attribute's value has no quote in it: autoescape saw to that.
_OWN_LINK = re.compile(r'(<a\b[^>]*?) href="/[^"]*"')


@dataclass(frozen=True, slots=True)
class Saved:
    """What the template puts into the page. Style and scripts are our own files: markup; `answers` is made so."""

    policy: str
    style: Markup
    scripts: tuple[Markup, ...]
    answers: Markup
    parts: Mapping[str, PartView]
    version: str


def make(
    style: str,
    fonts: Mapping[str, bytes],
    scripts: tuple[str, ...],
    answers: Mapping[str, str],
    parts: Mapping[str, PartView],
    version: str,
) -> Saved:
    """`fonts` by the name that the stylesheet has for each; `answers`: the JSON of each address that a script asks."""
    for name, content in fonts.items():
        data = base64.b64encode(content).decode()
        style = style.replace(f'url("{name}")', f'url("data:font/woff2;base64,{data}")')
    allowed = " ".join(_hash(script) for script in scripts)
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {allowed}; font-src data:; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    # No text inside can end the element: there is no "<" left in it.
    listed = ",".join(f"{_quoted(url)}:{answer}" for url, answer in answers.items())
    return Saved(
        policy,
        Markup(style),
        tuple(Markup(script) for script in scripts),
        Markup(("{" + listed + "}").replace("<", "\\u003c")),
        parts,
        version,
    )


def without_links(html: str) -> str:
    """The page without links to the server it came from.

    >>> without_links('<a class="brand" href="/report">T</a> <a href="#main">')
    '<a class="brand">T</a> <a href="#main">'
    """
    return _OWN_LINK.sub(r"\1", html)


def _quoted(text: str) -> str:
    """As JSON; addresses are percent-encoded, so there is nothing to escape."""
    assert not set(text) & set('"\\')
    return f'"{text}"'


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
