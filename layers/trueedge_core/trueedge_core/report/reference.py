"""The contract (an OpenAPI document as a mapping) -> what the page /docs shows, every text ready to be placed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from ..domain.money import write_json

Node = Mapping[str, Any]
WIDTH = 84  # columns of an example before its values go on lines of their own


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing to fill in. `words`: what to choose from, none for free text; `given`: what stands there first."""

    name: str
    place: str
    kind: str
    about: Markup
    words: tuple[str, ...]
    given: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """One example of a body."""

    title: str
    content_type: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What may come back under one status."""

    status: str
    about: Markup
    content_types: tuple[str, ...]
    samples: tuple[Sample, ...]

    @property
    def is_good(self) -> bool:
        return self.status < "400"


@dataclass(frozen=True, slots=True)
class Row:
    """One key of an object: its name, what is accepted or shown, and what it means."""

    name: str
    kind: str
    about: Markup


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One route. `scope` is "" where no key is needed; `curl` has no host yet; `is_tried`: the page can send it."""

    id: str
    method: str
    path: str
    summary: str
    about: Markup
    scope: str
    parameters: tuple[Parameter, ...]
    bodies: tuple[Sample, ...]
    answers: tuple[Answer, ...]
    tables: tuple[Table, ...]
    curl: str
    is_tried: bool

    @property
    def writes(self) -> bool:
        return self.method != "GET" and self.scope != ""


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    about: Markup
    operations: tuple[Operation, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    title: str
    version: str
    about: tuple[Markup, ...]
    sections: tuple[Section, ...]


def build(document: Node) -> Reference:
    """The whole page; HEAD is said once, in the introduction."""
    look = _Lookup(document)
    operations = [
        (told["tags"][0], _operation(look, method, path, told))
        for path, methods in document["paths"].items()
        for method, told in methods.items()
        if method != "head"
    ]
    figures = tuple(_table(look, title, name) for title, name in (("Metrics", "Metrics"), ("Edge", "Edge")))
    sections = [
        Section(
            tag["name"],
            inline(tag["description"]),
            tuple(operation for name, operation in operations if name == tag["name"]),
            figures if tag["name"] == "Figures" else (),
        )
        for tag in document["tags"]
    ]
    info = document["info"]
    about = tuple(inline(text) for text in info["description"].strip().split("\n\n"))
    return Reference(info["title"], info["version"], about, tuple(sections))


class _Lookup:
    """Follows the document's references."""

    def __init__(self, document: Node) -> None:
        self.document = document

    def __call__(self, node: Node) -> Node:
        while "$ref" in node:
            found: Any = self.document
            for part in node["$ref"].split("/")[1:]:
                found = found[part]
            node = {**found, **{name: value for name, value in node.items() if name != "$ref"}}
        return node


def _operation(look: _Lookup, method: str, path: str, told: Node) -> Operation:
    asked = [look(one) for one in told["parameters"]]
    content = told.get("requestBody", {}).get("content", {})
    bodies = _samples(content)
    parameters = tuple(_parameter(look, one) for one in asked if one["in"] != "header")
    event = "TradeEvent" if content and path == "/trade_event" else None
    return Operation(
        told["operationId"],
        method.upper(),
        path,
        told["summary"],
        inline(told["description"]),
        told.get("x-scope", ""),
        parameters,
        bodies,
        tuple(_answer(status, look(one)) for status, one in told["responses"].items()),
        (_table(look, "Fields of a trade", event),) if event else (),
        _curl(method, path, parameters, bodies),
        bool(bodies) or not content,
    )


def _parameter(look: _Lookup, told: Node) -> Parameter:
    schema = look(told["schema"])
    if {"const": ""} in schema.get("anyOf", ()):  # a form's way to say nothing; here nothing is sent
        schema = look(schema["anyOf"][0])
    default = f"; {schema['default']} if not given" if "default" in schema else ""
    return Parameter(
        told["name"],
        told["in"],
        kind(look, schema) + default,
        inline(told["description"]),
        tuple(schema.get("enum", ())),
        str(told["example"]) if told["in"] == "path" and "example" in told else "",
        told["required"],
    )


def _answer(status: str, told: Node) -> Answer:
    content = told.get("content", {})
    return Answer(status, inline(told["description"]), tuple(content), _samples(content))


def _samples(content: Node) -> tuple[Sample, ...]:
    return tuple(
        Sample(one["summary"], content_type, one["value"] if isinstance(one["value"], str) else pretty(one["value"]))
        for content_type, media in content.items()
        for one in media.get("examples", {}).values()
    )


def _table(look: _Lookup, title: str, name: str) -> Table:
    schema = look({"$ref": f"#/components/schemas/{name}"})
    required = schema.get("required", ())
    rows = []
    for key, node in schema["properties"].items():
        told = look(node)
        absent = "" if key in required else ", may be absent"
        rows.append(Row(key, kind(look, told) + absent, inline(told.get("description", ""))))
    return Table(title, tuple(rows))


def kind(look: _Lookup, schema: Node) -> str:
    """A schema in a few words.

    >>> kind(_Lookup({}), {"type": ["integer", "null"], "minimum": 1, "maximum": 1000})
    'integer 1 to 1000 or null'
    >>> kind(_Lookup({}), {"anyOf": [{"type": "number"}, {"type": "string", "format": "date"}]})
    'number or date'
    >>> kind(_Lookup({}), {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]})
    'time or date'
    """
    schema = look(schema)
    if "enum" in schema:
        words = [str(word) for word in schema["enum"]]
        return " or ".join(words) if len(words) < 6 else "one of the names of figures"
    if "const" in schema:
        return str(schema["const"])
    choices = schema.get("anyOf", schema.get("oneOf", ()))
    if choices and all("type" in one or "$ref" in one or "format" in one for one in choices):
        return " or ".join(dict.fromkeys(kind(look, one) for one in choices))
    types = schema.get("type", "any")
    names: list[str] = [types] if isinstance(types, str) else list(types)
    if (form := schema.get("format")) is not None:
        names[0] = "time" if form == "date-time" else form
    if "minimum" in schema and "maximum" in schema:
        names[0] += f" {schema['minimum']} to {schema['maximum']}"
    return " or ".join(names)


# --- texts -----------------------------------------------------------------------------------------------------------

_MARKS = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")


def inline(text: str) -> Markup:
    """The two marks that descriptions use, `code` and **strong**; all else is text.

    >>> inline("`a<b` is **not** <i>")
    Markup('<code>a&lt;b</code> is <strong>not</strong> &lt;i&gt;')
    """
    out, end = Markup(), 0
    for found in _MARKS.finditer(text):
        tag, inside = ("code", found[1]) if found[1] is not None else ("strong", found[2])
        out += escape(text[end : found.start()]) + Markup("<{0}>{1}</{0}>").format(Markup(tag), inside)
        end = found.end()
    return out + escape(text[end:])


def pretty(value: object, margin: int = 0) -> str:
    """JSON to read: what fits on a line stays on it, and every number keeps its digits.

    >>> print(pretty({"a": [1, 2], "b": "x" * 84}))
    {
      "a": [1, 2],
      "b": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    }
    """
    flat = _flat(value)
    if len(flat) + margin <= WIDTH or not isinstance(value, Mapping | list) or not value:
        return flat
    inner = " " * (margin + 2)
    if isinstance(value, Mapping):
        parts = [f"{write_json(name)}: {pretty(one, margin + 2)}" for name, one in value.items()]
        opening, closing = "{", "}"
    else:
        parts, opening, closing = [pretty(one, margin + 2) for one in value], "[", "]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{' ' * margin}{closing}"


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{write_json(name)}: {_flat(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    return write_json(value)


def _curl(method: str, path: str, parameters: Iterable[Parameter], bodies: Sequence[Sample]) -> str:
    """A line for a POSIX shell, after `curl `; {base} is where the host comes."""
    for parameter in parameters:
        path = path.replace(f"{{{parameter.name}}}", parameter.given or "..")
    by_itself = "post" if bodies else "get"  # what curl sends unless it is told
    start = f"{'' if method == by_itself else '-X ' + method.upper() + ' '}'{{base}}{path}'"
    if not bodies:
        return start
    text = bodies[0].text.replace("'", "'\\''")
    return f"{start} -H 'Content-Type: {bodies[0].content_type}' --data-binary '\n{text}'"
