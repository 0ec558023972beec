"""The query parameters of every reading route, parsed once: a typo must not silently mean "everything"."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from ..domain import metrics
from ..domain.decimals import from_scaled, to_scaled
from ..domain.fields import BY_NAME, Wrong
from ..domain.ports import ALL_TIME, EVERYTHING, Period, Scope
from ..domain.times import TIME_ACCEPTED, format_time, parse_instant_or_date
from ..domain.wording import shorten
from ..errors import FieldError, InvalidParameter
from . import access

FILTERS = ("account_id", "strategy_id", "environment", "from", "to", "starting_balance")
MAX_LIMIT = 1000
PARTS = ("limits", "positions", "trades", "hours", "symbols")  # of the report; report/parts.py says what they are


@dataclass(frozen=True, slots=True)
class Filters:
    """What a reading route was asked: `scope`, `period` and `starting_balance` (scaled by 1e18), and how to answer.

    `asked` is the echo: only the filters that were given, or that the key forces, normalised.
    """

    scope: Scope = EVERYTHING
    period: Period = ALL_TIME
    starting_balance: int = 0
    asked: Mapping[str, object] = field(default_factory=dict)
    cursor: str | None = None
    limit: int = 100
    sort: str | None = None
    order: Literal["asc", "desc"] = "asc"
    points: int = 500
    format: Literal["json", "ndjson", "csv"] = "json"
    event_id: str | None = None
    part: Literal["limits", "positions", "trades", "hours", "symbols", "file"] | None = None


def check_id(text: str) -> str:
    """An id as events carry it. Raises: ValueError with a sentence."""
    checked: str = _as_field("account_id", text)
    return checked


def check_balance(text: str) -> int:
    """An amount >= 0, scaled by 1e18; the number rules are those of an event. Raises: ValueError with a sentence.

    >>> check_balance("1e4") == check_balance("10000.00")
    True
    """
    number: Decimal = _as_field("fees", text)
    if number < 0:
        raise ValueError(f"{shorten(text)} is not accepted; accepted: {BY_NAME['fees'].accepted}, not below 0")
    scaled = to_scaled(number)
    if from_scaled(scaled) != number:  # a balance is no sum: rounding it in silence would make ending_equity a surprise
        raise ValueError(f"{shorten(text)} has digits beyond 1e-18; accepted: at most 18 decimals")
    return scaled


def _as_field(name: str, text: str) -> Any:
    """A parameter under the rules of an event's field."""
    field = BY_NAME[name]
    try:
        return field.check(text)
    except Wrong as odd:
        raise ValueError(f"{shorten(text)} {str(odd) or 'is not accepted'}; accepted: {field.accepted}") from None


def _metric(text: str) -> str:
    if text in metrics.BY_NAME:
        return text
    raise ValueError(f"{shorten(text)} is not a metric; accepted: {', '.join(metrics.BY_NAME)}")


def _cursor(text: str) -> str:
    if text:
        return text
    raise ValueError("an empty cursor is not accepted; leave it out to start from the beginning")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A row of the one table of query parameters: how a text is read, and how the contract tells of it."""

    name: str
    check: Callable[[str], Any]
    about: str
    schema: Mapping[str, Any]


def _id(name: str, about: str) -> Parameter:
    schema = {key: value for key, value in BY_NAME["account_id"].schema.items() if key != "description"}
    return Parameter(name, check_id, about, schema)


def _choice(name: str, words: tuple[str, ...], about: str) -> Parameter:
    def check(text: str) -> str:
        if text not in words:
            raise ValueError(f"{shorten(text)} is not accepted; accepted: {', '.join(words)}")
        return text

    return Parameter(name, check, about, {"type": "string", "enum": list(words)})


def _whole(name: str, low: int, high: int, about: str) -> Parameter:
    def check(text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= 9 and low <= int(text) <= high:
            return int(text)
        raise ValueError(f"{shorten(text)} is not accepted; accepted: a whole number from {low} to {high}")

    return Parameter(name, check, about, {"type": "integer", "minimum": low, "maximum": high})


def _moment(name: str, about: str) -> Parameter:
    schema = {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}
    return Parameter(name, parse_instant_or_date, f"{about}: {TIME_ACCEPTED}, or a date, its midnight UTC.", schema)


_TABLE = (
    _id("account_id", "Only events of this account."),
    _id("strategy_id", "Only events of this strategy."),
    _choice("environment", ("live", "demo"), "Only live or only demo trades. Without it both are counted together."),
    _moment("from", "From this time on, included"),
    _moment("to", "Up to this time, not included; not before from"),
    Parameter(
        "starting_balance",
        check_balance,
        "What the account began with, in its currency: a number of at least 0 with at most 18 decimals. Without it the "
        "figures that need one are null.",
        {"type": "number", "minimum": 0, "exclusiveMaximum": 1e20},
    ),
    Parameter(
        "cursor",
        _cursor,
        "Where the page begins: the next_cursor of the page before, for the same question. Without it: the first page.",
        {"type": "string", "minLength": 1},
    ),
    _whole("limit", 1, MAX_LIMIT, "How many rows a page has at most."),
    Parameter(
        "sort",
        _metric,
        "Rows by this figure; those where it is undefined come last. Without it: by id.",
        {"type": "string", "enum": list(metrics.BY_NAME)},
    ),
    _choice("order", ("asc", "desc"), "Up or down; desc needs a sort."),
    _whole("points", 2, 5000, "How many points the curve has at most."),
    _choice("format", ("json", "ndjson", "csv"), "JSON with the filters and as_of, or only the rows: one per line."),
    _id("event_id", "Only the event of this id."),
    _choice(
        "part",
        (*PARTS, "file"),
        "Only this part of the report, which the page asks for afterwards; file: all of it, as one file to keep.",
    ),
)
PARAMETERS: Mapping[str, Parameter] = {parameter.name: parameter for parameter in _TABLE}


def read(
    parameters: Mapping[str, str],
    accept: Collection[str] = (),
    *,
    known: Collection[str] = FILTERS,
    bound_to: Scope = EVERYTHING,
    **path: str,
) -> Filters:
    """The filters among `parameters`, which may also hold the names in `accept`; ids of the path join the scope.

    `known`: the filters that the route takes, when not all of them.

    What the key is `bound_to` is a filter that cannot be left out: the answer is that of the same question with it.
    Raises: InvalidParameter with every wrong parameter at once; Forbidden for another account or strategy than the
    key's.
    """
    known = (*known, *accept)
    wrong: dict[str, str] = {}
    found: dict[str, Any] = {}
    for name, text in (*path.items(), *parameters.items()):
        if name not in known:
            wrong[name] = f"this parameter is not known here; known: {', '.join(known)}"
        elif name in path and name in parameters:
            wrong[name] = "is given by the path already; leave it out of the query"
        else:
            try:
                found[name] = PARAMETERS[name].check(text)
            except ValueError as error:
                wrong[name] = str(error)
    start, end = found.get("from"), found.get("to")
    if start is not None and end is not None and start > end:
        wrong["from"] = f"{format_time(start)} is later than to ({format_time(end)}); accepted: a time not after it"
    refuse(wrong)
    allowed = access.within(Scope(found.get("account_id"), found.get("strategy_id")), bound_to)
    forced = {"account_id": allowed.account_id, "strategy_id": allowed.strategy_id}
    found.update({name: value for name, value in forced.items() if value is not None})
    return _filters(found, accept)


def refuse(wrong: Mapping[str, str]) -> None:
    """Raise InvalidParameter when `wrong` (parameter -> sentence) names any."""
    if not wrong:
        return
    errors = [FieldError(name, sentence) for name, sentence in wrong.items()]
    if len(errors) == 1:
        raise InvalidParameter(f"{shorten(errors[0].field)}: {errors[0].message}", errors)
    raise InvalidParameter(f"{len(errors)} parameters are wrong: {', '.join(shorten(name) for name in wrong)}", errors)


def _filters(found: Mapping[str, Any], accept: Collection[str]) -> Filters:
    asked: dict[str, object] = {}
    for name in FILTERS:
        if name in found:
            value = found[name]
            asked[name] = {"from": format_time, "to": format_time, "starting_balance": from_scaled}.get(name, str)(
                value
            )
    return Filters(
        scope=Scope(found.get("account_id"), found.get("strategy_id"), found.get("environment")),
        period=Period(found.get("from"), found.get("to")),
        starting_balance=found.get("starting_balance", 0),
        asked=asked,
        **{name: found[name] for name in accept if name in found},
    )


def none_but(parameters: Mapping[str, str]) -> None:
    """Refuse every query parameter: for routes that take none. Raises: InvalidParameter."""
    refuse(dict.fromkeys(parameters, "this route takes no query parameters"))
