"""Reads the routes out of template.yaml: the one route table, here as on AWS."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
TEMPLATE = CHECKOUT / "template.yaml"
DEFAULT = "$default"

_PARAMETER = re.compile(r"\{(\w+)\}")


class TemplateError(Exception):
    """The template does not say what the local server needs to know."""


@dataclass(frozen=True)
class Route:
    """One method on one path, "$default" for the last resort; `folder` holds the app.py whose `handler` answers."""

    method: str
    path: str
    function: str
    folder: Path

    @property
    def key(self) -> str:
        """The routeKey of a v2 event."""
        return DEFAULT if self.path == DEFAULT else f"{self.method} {self.path}"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches a decoded path; `{name}` is one segment, never empty."""
        parts = _PARAMETER.split(self.path)
        return re.compile(
            "".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts)), re.S
        )


@dataclass(frozen=True)
class Routes:
    """All routes of a template: `static` by (method, path), then `parameter` routes, then the default."""

    default: Route
    static: Mapping[tuple[str, str], Route]
    parameter: tuple[Route, ...] = field(default=())

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route that API Gateway would choose, and its path parameters."""
        if (route := self.static.get((method, path))) is not None:
            return route, {}
        for route in self.parameter:
            if route.method == method and (match := route.pattern.fullmatch(path)) is not None:
                return route, match.groupdict()
        return self.default, {}

    def __iter__(self) -> Any:
        yield from self.static.values()
        yield from self.parameter
        yield self.default


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C one is ten times as fast
    """YAML with CloudFormation's tags (!Ref, !Sub, ..), whose values mean nothing here."""


def _ignore(loader: Any, suffix: str, node: yaml.Node) -> None:
    return None


_Loader.add_multi_constructor("!", _ignore)


def read_routes(path: Path = TEMPLATE) -> Routes:
    """The HttpApi routes of a SAM template. Raises: TemplateError."""
    try:
        template = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, yaml.YAMLError) as error:
        raise TemplateError(f"cannot read {path}: {error}") from error
    default: Route | None = None
    static: dict[tuple[str, str], Route] = {}
    parameter: list[Route] = []
    for name, resource in template["Resources"].items():
        if resource.get("Type") != "AWS::Serverless::Function":
            continue
        properties = resource["Properties"]
        if properties.get("Handler") != "app.handler":
            raise TemplateError(f"{name}: Handler is {properties.get('Handler')!r}; every function's is app.handler")
        for event in (properties.get("Events") or {}).values():
            if event["Type"] != "HttpApi":
                continue
            said = event["Properties"]
            route = Route(said["Method"].upper(), said["Path"], name, path.parent / properties["CodeUri"])
            if route.path == DEFAULT:
                if default is not None:
                    raise TemplateError(f"{name}: $default is taken by {default.function}")
                default = route
            elif _PARAMETER.search(route.path):
                parameter.append(route)
            elif static.setdefault((route.method, route.path), route) is not route:
                raise TemplateError(f"{name}: {route.key} is taken by {static[route.method, route.path].function}")
    if default is None:
        raise TemplateError(f"{path} has no $default route")
    keys = [route.key for route in parameter]
    if len(set(keys)) != len(keys):
        raise TemplateError(f"{path} names a route twice: {sorted(key for key in keys if keys.count(key) > 1)}")
    return Routes(default, static, tuple(parameter))
