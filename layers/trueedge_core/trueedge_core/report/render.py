"""ReportView -> HTML: Jinja2 with autoescape on and StrictUndefined; stylesheet, scripts, fonts and mark under hashed
names.

Templates are compiled and assets read once per process. Pages load from their own origin alone and have nothing inline,
neither style nor script. So the policy that goes out with each can forbid all else.
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from . import saved as saving
from .pages import LoginView, OnwardView, RefusedView
from .parts import PartView
from .reference import Reference
from .view import EmptyView, ReportView

_HERE = Path(__file__).parent
_ASSETS = _HERE / "assets"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
PAGE_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "same-origin",  # ids stand in the query: they are nobody else's business
        "Cache-Control": "private, no-cache",
    }
)
SCRIPTED_HEADERS: Mapping[str, str] = MappingProxyType(
    {**PAGE_HEADERS, "Content-Security-Policy": f"{_POLICY}; script-src 'self'; connect-src 'self'"}
)
ASSET_HEADERS: Mapping[str, str] = MappingProxyType({"Cache-Control": "public, max-age=31536000, immutable"})


# Files that go out as one: small ones to read, one request to make. Later ones use what earlier ones define.
_SCRIPTS = ("base", "curve", "calendar", "tables", "compare", "parts", "share", "live")
_BUNDLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "report.css": ("vendor/uplot.css", "report.css"),
        "page.js": tuple(f"page/{name}.js" for name in _SCRIPTS),
    }
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of our own; `name` carries a hash of its content, so it may be kept for ever."""

    plain: str
    name: str
    content_type: str
    content: bytes


@functools.cache
def _assets() -> dict[str, Asset]:
    """Every asset by its plain name. Stylesheets come last: they name the others, by their hashed names."""
    bundled = {part for parts in _BUNDLES.values() for part in parts}
    contents = {name: b"\n".join((_ASSETS / part).read_bytes() for part in parts) for name, parts in _BUNDLES.items()}
    for path in sorted(_ASSETS.rglob("*")):
        if path.suffix in _TYPES and path.relative_to(_ASSETS).as_posix() not in bundled:
            contents[path.name] = path.read_bytes()
    made: dict[str, Asset] = {}
    for plain in sorted(contents, key=lambda plain: plain.endswith(".css")):
        content, (stem, suffix) = contents[plain], plain.rsplit(".", 1)
        if suffix == "css":
            for other in made.values():
                content = content.replace(f'url("{other.plain}")'.encode(), f'url("{other.name}")'.encode())
        name = f"{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{suffix}"
        made[plain] = Asset(plain, name, _TYPES[f".{suffix}"], content)
    return made


@functools.cache
def _by_hashed_name() -> dict[str, Asset]:
    return {asset.name: asset for asset in _assets().values()}


def asset(name: str) -> Asset | None:
    """The asset of that hashed name; None for any other text: a name is looked up, never opened as a path."""
    return _by_hashed_name().get(name)


def asset_url(plain_name: str) -> str:
    """Where the page finds an asset: `/assets/report.1f2e3d4c5b6a.css`."""
    return f"/assets/{_assets()[plain_name].name}"


@functools.cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = asset_url
    environment.globals["saved"] = None
    return environment


def report(view: ReportView, signed_in: bool = False, may_share: bool = False) -> str:
    """The page of a report. `may_share`: it has what an administrator makes share links with."""
    return _templates().get_template("report.html").render(view=view, signed_in=signed_in, may_share=may_share)


def saved(view: ReportView, answers: Mapping[str, str], parts: Mapping[str, PartView], version: str) -> str:
    """The page of a report as one file. `answers`: the JSON of each address that its scripts ask."""
    assets = _assets()
    fonts = {asset.name: asset.content for asset in assets.values() if asset.content_type == "font/woff2"}
    scripts = tuple(assets[name].content.decode() for name in ("uplot.js", "page.js"))
    made = saving.make(assets["report.css"].content.decode(), fonts, scripts, answers, parts, version)
    html = _templates().get_template("report.html").render(view=view, signed_in=False, may_share=False, saved=made)
    return saving.without_links(html)


def part(view: PartView, signed_in: bool = False) -> str:
    """The page of one part of a report."""
    return _templates().get_template("part.html").render(view=view, signed_in=signed_in)


def empty(view: EmptyView, signed_in: bool = False) -> str:
    """The page of an empty store."""
    return _templates().get_template("empty.html").render(view=view, signed_in=signed_in)


def login(view: LoginView) -> str:
    """The page to sign in."""
    return _templates().get_template("login.html").render(view=view)


def onward(view: OnwardView) -> str:
    """A page that goes on by itself."""
    return _templates().get_template("onward.html").render(view=view)


def refused(view: RefusedView) -> str:
    """The page that stands where another cannot be shown."""
    return _templates().get_template("refused.html").render(view=view)


def reference(view: Reference, base_url: str) -> str:
    """The page of the API."""
    return _templates().get_template("docs.html").render(view=view, base_url=base_url)
