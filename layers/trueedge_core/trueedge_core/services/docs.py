"""The contract, `openapi.json`, and the page made from it.

The document is written at commit time (`python3 dev.py openapi`): a cold start reads one file and builds nothing.
"""

import functools
from importlib import resources
from typing import Any

from ..domain.money import read_json
from ..report import reference, render
from .answers import HTML, Answer


@functools.cache
def _text() -> str:
    return resources.files(__package__ or "").joinpath("openapi.json").read_text(encoding="utf-8")


def contract() -> Answer:
    """GET /openapi.json: OpenAPI 3.1."""
    return Answer(_text())


def page(base_url: str) -> Answer:
    """GET /docs: the contract to read and to try, for an instance that is reached at `base_url`."""
    return Answer(render.reference(_reference(), base_url), content_type=HTML, headers=render.SCRIPTED_HEADERS)


@functools.cache
def _reference() -> reference.Reference:
    document: Any = read_json(_text())
    return reference.build(document)
