"""Any CSV with one trade a row: columns by their usual names, or by --map."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .building import FIXABLE, NUMBERS, Builder, clock
from .columns import ALIASES, SIDES, pick, zone_in
from .fills import signed_fee
from .model import FileProblem, Note, Options, Unreadable, Wrong
from .source import Source
from .tables import Row, headings, rows
from .values import ZERO, Clock, add, blank, exact, number, plain

NAME, TITLE = "csv", "any CSV with one trade a row"
EXAMPLE = (
    "trueedge import my.csv --account a --strategy s --environment live --timezone UTC"
    ' --map timestamp="Closed" --map pnl="P/L" --set currency=USD'
)

_NEEDED = ("timestamp", "symbol", "side", "quantity", "price_open", "price_close", "pnl")
_STATES = {"open": "open", "opened": "open", "closed": "closed", "close": "closed", "": "closed"}


def recognise(source: Source) -> bool:
    """Last of all: whatever has a heading with a time, a symbol and a result."""
    if source.packed or source.head_text.lstrip()[:1] in ("{", "[", "<"):
        return False
    found = pick(headings(source), Options(), ALIASES)
    return {"timestamp", "symbol", "pnl"} <= set(found)


def read(source: Source, options: Options) -> Iterator[object]:
    names = headings(source)
    columns = pick(names, options, ALIASES, FIXABLE)
    missing = [name for name in _NEEDED if name not in columns and name not in options.fixed]
    if missing:
        raise FileProblem(
            f"no column for {', '.join(missing)}: say --map {missing[0]}=COLUMN, or --set {missing[0]}=VALUE for all;"
            f" it has {', '.join(filter(None, names))}"
        )
    yield from table_rows(rows(source), columns, options)


def table_rows(found: Iterator[Any], columns: dict[str, str], options: Options) -> Iterator[object]:
    """The trades of rows whose columns are known; Parquet has rows too."""
    at = clock(options, zone_in(columns.get("timestamp", "")))
    builders: dict[tuple[str, ...], Builder] = {}
    spare = set(columns.values())
    numbered = False
    for row in found:
        if isinstance(row, Unreadable):
            yield row
            continue
        try:
            event, native = _event(row, columns, options, at)
            numbered = numbered or native is not None
            event["metadata"] = _metadata(row, spare, event)
            whose = tuple(
                row.get(columns[name]) if name in columns else ""
                for name in ("account_id", "strategy_id", "environment")
            )
            if whose not in builders:
                if len(builders) > 10_000:
                    raise Wrong("more than 10,000 accounts and strategies: are those columns the right ones?")
                builders[whose] = Builder(
                    options,
                    "csv",
                    account=whose[0],
                    strategy=whose[1],
                    environment=_environment(whose[2]),
                    tags=[],
                    venue="csv",
                    quantity_type="units",
                )
            yield builders[whose].trade(event, row.line, native, basis=row.cells.values(), tags=_tags(row, columns))
        except Wrong as wrong:
            yield Unreadable(row.line, str(wrong))
    used = ", ".join(f"{field} from {column!r}" for field, column in columns.items())
    yield Note(f"columns: {used}")
    if options.pnl is None and "pnl" in columns:
        yield Note("pnl taken as net of fees; if it is not, say --pnl gross")
    said: set[str] = set()
    for build in builders.values():
        for note in build.said():
            if note.text not in said and len(said) < 20:
                said.add(note.text)
                yield note
    for text in at.notes():
        yield Note(text)


def _environment(text: str) -> str:
    found = text.strip().lower()
    return {"live": "live", "real": "live", "demo": "demo", "paper": "demo", "backtest": "demo", "test": "demo"}.get(
        found, ""
    )


def _tags(row: Row, columns: dict[str, str]) -> list[str]:
    text = row.get(columns["tags"]) if "tags" in columns else ""
    return [tag.strip() for tag in re.split(r"[;,|]", text) if tag.strip()]


def _event(row: Row, columns: dict[str, str], options: Options, at: Clock) -> Any:
    def cell(field: str) -> str:
        return row.get(columns[field]) if field in columns and field not in options.fixed else ""

    event: dict[str, Any] = {}
    state = _STATES.get(cell("state").lower())
    event["state"] = state or "closed"
    if state is None:
        raise Wrong(f"{columns['state']} is {cell('state')[:40]!r}; accepted: open or closed")
    for field in ("timestamp", "opened_at"):
        if cell(field):
            event[field] = at.utc(cell(field), columns[field])
    for field in NUMBERS:
        if (
            field in columns
            and field not in options.fixed
            and not (blank(cell(field)) and (field in ("fees", "initial_risk") or state == "open"))
        ):
            event[field] = number(_bare_money(cell(field)), columns[field], options.decimal)
    if "side" not in options.fixed:
        side = SIDES.get(cell("side").lower().strip())
        if side is None:
            raise Wrong(f"{columns['side']} is {cell('side')[:40]!r}; accepted: buy, sell, long or short")
        event["side"] = side
    if event.get("quantity", "1").startswith("-"):
        event["quantity"] = type(event["quantity"])(event["quantity"][1:])
    for field in ("symbol", "venue", "order_type", "quantity_type", "currency", "linked_position_id"):
        if text := cell(field):
            event[field] = text.upper() if field == "currency" else text
    fees = exact(event.get("fees", ZERO))
    if fees and "fees" not in options.fixed:
        event["fees"] = plain(signed_fee(fees, options))
    event.setdefault("fees", ZERO)
    if options.pnl == "gross" and "pnl" in event:
        event["pnl"] = plain(add(exact(event["pnl"]), exact(event["fees"])))
    return event, cell("event_id") or None


def _bare_money(text: str) -> str:
    """`$1,234.50`, `12.5 USDT`, `€ 3` without their marks."""
    return re.sub(r"^([-+(]?) ?[$€£¥] ?|(?<=[\d.)]) ?(?:[A-Z]{3,5}|[$€£¥%])$", r"\1", text.strip())


def _metadata(row: Row, spare: set[str], event: dict[str, Any]) -> dict[str, Any]:
    """What the other columns say: nothing of the row is lost."""
    kept: dict[str, Any] = {"open_time": event["opened_at"]} if "opened_at" in event else {}
    for name, text in row.cells.items():
        if name and name not in spare and text.strip():
            kept[name[:100]] = text.strip()
    return kept
