"""The trade history: each event as it was sent, beside what the log says of it."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from ..domain.decimals import plain
from ..domain.fields import FIELDS
from ..domain.money import read_json, write_json
from ..domain.ports import EVERYTHING, Ledger, Page, Scope, Trade
from ..domain.times import format_time
from ..domain.wording import shorten
from ..errors import NotFound
from .answers import CSV, NDJSON, Answer
from .filters import Filters
from .query import EMPTY, as_of

ACCEPTED = ("cursor", "limit", "format", "event_id")

# A Lambda answer holds 6 MB, base64 included; a page that would be larger is cut and goes on at its cursor.
MAX_PAGE_BYTES = 4_000_000

_COLUMNS = (*(field.name for field in FIELDS), "position", "received_at", "void_reason")
_PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def found(ledger: Ledger, event_id: str, bound_to: Scope = EVERYTHING) -> Trade:
    """The event of that id. Raises: NotFound, also where a key bound like this must not even know that there is one."""
    trade = ledger.event(event_id)
    if trade is None or not _belongs(trade, bound_to):
        raise NotFound(f"no event {shorten(event_id, 128)} is in the log")
    return trade


def one(ledger: Ledger, event_id: str, bound_to: Scope = EVERYTHING) -> Answer:
    """GET /trade_event/{event_id}. Raises: NotFound."""
    trade = found(ledger, event_id, bound_to)
    return Answer('{"status":"ok",' + row(trade)[1:])


def listing(ledger: Ledger, filters: Filters) -> Answer:
    """GET /trade_events: one page, newest first; NDJSON and CSV name the next page in the header X-Next-Cursor."""
    page = _page(ledger, filters)
    headers = {} if page.cursor is None else {"X-Next-Cursor": page.cursor}
    if filters.format == "ndjson":
        # JSON has line breaks between tokens only, where they mean nothing; inside a text they are escaped.
        lines = "".join(row(trade).replace("\n", " ").replace("\r", " ") + "\n" for trade in page.items)
        return Answer(lines, content_type=NDJSON, headers=headers)
    if filters.format == "csv":
        headers["Content-Disposition"] = 'attachment; filename="trades.csv"'
        return Answer(_csv(page.items), content_type=CSV, headers=headers)
    reading = ledger.summary(filters.scope) or EMPTY
    head = write_json({"status": "ok", "filters": _echo(filters), "as_of": as_of(reading)})
    rows = ",".join(row(trade) for trade in page.items)
    return Answer(f'{head[:-1]},"trades":[{rows}],"next_cursor":{write_json(page.cursor)}}}')


def _echo(filters: Filters) -> dict[str, object]:
    return dict(filters.asked) if filters.event_id is None else {**filters.asked, "event_id": filters.event_id}


def _page(ledger: Ledger, filters: Filters) -> Page[Trade]:
    if filters.event_id is not None:
        trade = ledger.event(filters.event_id)
        return Page([trade] if trade is not None and _matches(trade, filters) else [], None)
    return fitting(lambda limit: ledger.trades(filters.scope, filters.period, filters.cursor, limit), filters.limit)


def fitting(read: Callable[[int], Page[Trade]], limit: int) -> Page[Trade]:
    """The page of at most `limit` events that `read` gives, or a shorter one when that would be too large."""
    page = read(limit)
    size = 0
    for number, trade in enumerate(page.items):
        size += len(trade.raw.encode()) + 200
        if size > MAX_PAGE_BYTES:
            return read(max(number, 1))
    return page


def _belongs(trade: Trade, scope: Scope) -> bool:
    if scope == EVERYTHING:
        return True
    event: Any = read_json(trade.raw)
    return scope.holds(event["account_id"], event["strategy_id"]) and scope.environment in (None, event["environment"])


def _matches(trade: Trade, filters: Filters) -> bool:
    period = filters.period
    return (
        _belongs(trade, filters.scope)
        and (period.start is None or trade.timestamp >= period.start)
        and (period.end is None or trade.timestamp < period.end)
    )


def row(trade: Trade) -> str:
    """One trade as JSON; the event in it is the text that was sent, byte for byte."""
    void: dict[str, object] | None = None
    if trade.void_reason is not None:
        void = {"reason": trade.void_reason, "at": None if trade.voided_at is None else format_time(trade.voided_at)}
    said = write_json({"position": trade.position, "received_at": format_time(trade.received_at), "void": void})
    return f'{{"event":{trade.raw},{said[1:]}'


# --- CSV -------------------------------------------------------------------------------------------------------------


def _csv(trades: Sequence[Trade]) -> str:
    """RFC 4180 with a header row; every cell safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for trade in trades:
        event: Any = read_json(trade.raw)
        cells = [_cell(event.get(field.name)) for field in FIELDS]
        writer.writerow([*cells, trade.position, format_time(trade.received_at), defuse(trade.void_reason or "")])
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return defuse(value)
    return plain(value) if isinstance(value, Decimal) else defuse(write_json(value))


def defuse(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe in front, unless it is a plain number.

    >>> defuse("=1+1"), defuse("-0.5"), defuse("-a"), defuse("EURUSD")
    ("'=1+1", '-0.5', "'-a", 'EURUSD')
    """
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _PLAIN_NUMBER.fullmatch(text) else text
