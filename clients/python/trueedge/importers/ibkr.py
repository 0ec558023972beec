"""Interactive Brokers: Flex queries (XML or CSV) and activity statements (CSV).

A trade is a closing execution: its result is IBKR's own realised P&L (net of the commissions of both sides), its entry
price is found by matching the file's executions first in, first out; where the opening lies before the file, it is
made from IBKR's cost basis.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Union

from . import tables
from .building import Builder, clock
from .fills import Fill, Lot, match
from .model import FileProblem, Note, Options, Printed, Skipped, Unreadable, Wrong
from .source import Source
from .values import WIDE, Clock, Number, add, blank, exact, multiply, number, plain, rounded
from .xmlevents import xml_events

NAME, TITLE = "ibkr", "Interactive Brokers Flex query (XML, CSV) or activity statement (CSV)"
EXAMPLE = "trueedge import flex.xml --strategy momentum --environment live --timezone America/New_York"

# What each kind of file calls a field.
_NAMES: dict[str, tuple[str, ...]] = {
    "account": ("accountid", "clientaccountid", "account"),
    "symbol": ("symbol",),
    "asset": ("assetcategory", "assetclass"),
    "currency": ("currency", "currencyprimary"),
    "time": ("datetime", "tradedatetime", "tradedate"),
    "quantity": ("quantity",),
    "price": ("tradeprice", "t.price", "price"),
    "commission": ("ibcommission", "commfee", "comminusd", "commission"),
    "taxes": ("taxes",),
    "pnl": ("fifopnlrealized", "realizedpl", "realizedpnl"),
    "basis": ("cost", "costbasis", "basis"),
    "code": ("opencloseindicator", "code"),
    "level": ("levelofdetail", "datadiscriminator"),
    "id": ("tradeid", "ibexecid", "transactionid"),
    "multiplier": ("multiplier",),
    "proceeds": ("proceeds",),
    "order_type": ("ordertype",),
}
_EXECUTIONS = ("", "execution", "trade", "order")


def recognise(source: Source) -> bool:
    head = source.head_text
    if "<FlexQueryResponse" in head or "<FlexStatement" in head:
        return True
    if re.search(r"(?m)^\"?Trades\"?,\"?Header\"?,", head) or re.match(r"\"?Statement\"?,\"?Header\"?,", head):
        return True
    names = {_key(name) for name in tables.headings(source)}
    return {"symbol", "quantity", "tradeprice"} <= names and bool(names & {"fifopnlrealized", "ibcommission"})


def _key(name: str) -> str:
    return re.sub(r"[^a-z.]", "", name.lower())


Record = tuple[int, dict[str, str]]
Item = Union[Record, Unreadable, Skipped, Printed]


def _records(source: Source) -> Iterator[Item]:
    head = source.head_text.lstrip()
    if head.startswith("<"):
        yield from _xml(source)
    elif re.search(r"(?m)^\"?(Trades|Statement)\"?,\"?Header\"?,", head):
        yield from _activity(source)
    else:
        yield from _flex_csv(source)


def _xml(source: Source) -> Iterator[Item]:
    with source.binary() as file:
        account = ""
        seen = False
        for event, name, attributes, line in xml_events(file):
            if event != "start":
                continue
            if name == "FlexStatement":
                account, seen = attributes.get("accountId", ""), True
            elif name == "Trade":
                fields = {_key(key): value for key, value in attributes.items()}
                fields.setdefault("accountid", account)
                yield line, fields
            elif name in ("Order", "SymbolSummary", "AssetSummary", "Lot", "WashSale"):
                yield Skipped(name, line)
        if not seen:
            raise FileProblem("it has no FlexStatement")


def _flex_csv(source: Source) -> Iterator[Item]:
    for row in tables.rows(source):
        yield row if isinstance(row, Unreadable) else (row.line, {_key(name): text for name, text in row.cells.items()})


def _activity(source: Source) -> Iterator[Item]:
    names: list[str] = []
    account = ""
    for line, cells in tables.raw_rows(source, ","):
        if isinstance(cells, Unreadable):
            yield cells
            continue
        section, kind = cells[0], cells[1] if len(cells) > 1 else ""
        if section == "Account Information" and len(cells) > 3 and cells[2] == "Account":
            account = cells[3]
        if section != "Trades":
            continue
        if kind == "Header":
            names = [_key(cell) for cell in cells]
        elif kind == "Data" and names:
            fields = dict(zip(names[2:], (cell.strip() for cell in cells[2:])))
            if len(cells) < len(names):
                yield Unreadable(line, f"has {len(cells)} of {len(names)} columns; was the file cut off?")
                continue
            fields.setdefault("accountid", account)
            yield line, fields
        elif kind == "Total" and names:
            fields = dict(zip(names, cells))
            if not blank(fields.get("realizedpl")):
                yield Printed(
                    f"realized P/L, {fields.get('assetcategory', '')} {fields.get('currency', '')}".strip(" ,"),
                    fields["realizedpl"],
                )


def _get(fields: dict[str, str], what: str) -> str:
    for name in _NAMES[what]:
        if not blank(fields.get(name)):
            return fields[name].strip()
    return ""


def _codes(fields: dict[str, str]) -> list[str]:
    """`C;O` of an execution that closes and opens."""
    return re.split(r"[;,]", _get(fields, "code").upper())


class _Work:
    def __init__(self, options: Options):
        self.options = options
        self.at: Clock = clock(options, hint=" (most accounts print America/New_York)")
        self.builders: dict[str, Builder] = {}
        self.books: dict[tuple[str, str], deque[Lot]] = {}
        self.level = ""
        self.from_basis = self.priced_apart = 0
        self.sums: dict[tuple[str, str], Decimal] = {}

    def build(self, account: str) -> Builder:
        if account not in self.builders:
            self.builders[account] = Builder(
                self.options, "ibkr", account=account, tags=["ibkr"], venue="IBKR", quantity_type="units"
            )
        return self.builders[account]

    def _number(self, fields: dict[str, str], what: str) -> Number:
        return number(_get(fields, what), what, self.options.decimal)

    def _money(self, fields: dict[str, str], what: str) -> Decimal:
        text = _get(fields, what)
        return exact(number(text, what, self.options.decimal)) if text else Decimal(0)

    def _scale(self, fields: dict[str, str], quantity: Decimal, price: Number) -> Decimal:
        """What one contract counts for, where only proceeds tell: 100 for an option on 100 shares."""
        proceeds, value = abs(self._money(fields, "proceeds")), abs(multiply(quantity, exact(price)))
        return max(WIDE.divide(proceeds, value).to_integral_value(), Decimal(1)) if value and proceeds else Decimal(1)

    def execution(self, fields: dict[str, str], line: int) -> object | None:
        symbol = _get(fields, "symbol")
        asset = _get(fields, "asset")
        account = _get(fields, "account")
        if asset.lower() in ("cash", "forex"):
            return Skipped("currency conversion", line)
        if not symbol:
            raise Wrong("symbol is empty")
        time = self.at.utc(_get(fields, "time"), "date/time")
        quantity, price = exact(self._number(fields, "quantity")), self._number(fields, "price")
        fees = add(self._money(fields, "commission"), self._money(fields, "taxes"))
        scale = self._money(fields, "multiplier") or self._scale(fields, quantity, price)
        realized = self._money(fields, "pnl")
        if not quantity:
            return Skipped("execution of nothing", line)
        currency = _get(fields, "currency")
        lots = self.books.setdefault((account, symbol), deque())
        fill = Fill(line, time, symbol, quantity, price, fees, scale, currency)
        pieces = match(lots, fill)
        if not pieces and not realized and "C" not in _codes(fields):
            return Skipped("opening execution", line)
        if not _get(fields, "pnl"):
            if not pieces:
                raise Wrong("there is no realised P&L: add the field FIFO P/L Realized to the Flex query")
            realized = add(*(exact(piece["pnl"]) for piece in pieces))  # type: ignore[arg-type]
        group = (asset, currency)
        self.sums[group] = add(self.sums.get(group, Decimal(0)), realized)
        return self._closing(fields, account, fill, realized, pieces, lots)

    def _closing(
        self,
        fields: dict[str, str],
        account: str,
        fill: Fill,
        realized: Decimal,
        pieces: list[dict[str, Any]],
        lots: deque[Lot],
    ) -> object:
        closed = add(*(exact(piece["quantity"]) for piece in pieces))
        metadata: dict[str, object] = {}
        opened, fees = None, fill.fees
        # All that it closes was opened in this file; one that also opens (turns the position round) may be larger.
        if pieces and (closed == abs(fill.quantity) or "O" in _codes(fields)):
            opened, entry = pieces[0]["opened_at"], pieces[0]["price_open"]
            if len(pieces) > 1:
                value = add(*(multiply(exact(piece["quantity"]), exact(piece["price_open"])) for piece in pieces))
                entry = plain(rounded(WIDE.divide(value, closed), 10))
            fees = add(*(exact(piece["fees"]) for piece in pieces))
        else:
            # Opened before the file begins: what is left over must not become a lot on the other side.
            if lots and (lots[-1].quantity > 0) == (fill.quantity > 0):
                lots.pop()
            closed = abs(fill.quantity)
            basis = abs(self._money(fields, "basis"))
            if not basis:
                raise Wrong(
                    "closes what was opened before this file, and names no cost basis: add Cost to the Flex query"
                )
            entry = plain(rounded(WIDE.divide(basis, multiply(closed, fill.multiplier)), 10))
            self.from_basis += 1
            metadata["price_open_from"] = "cost basis"
        if opened:
            metadata["open_time"] = opened
        metadata["commission"] = plain(self._money(fields, "commission"))
        if fill.multiplier != 1:
            metadata["multiplier"] = plain(fill.multiplier)
        if asset := _get(fields, "asset"):
            metadata["asset_category"] = asset
        event = {
            "timestamp": fill.time,
            "opened_at": opened,
            "symbol": fill.symbol,
            "side": "buy" if fill.quantity < 0 else "sell",
            "quantity": plain(closed),
            "price_open": entry,
            "price_close": fill.price,
            "fees": plain(fees),
            "pnl": plain(realized),
            "currency": fill.currency,
            "metadata": metadata,
        }
        if kind := _get(fields, "order_type").lower():
            event["order_type"] = {"mkt": "market", "lmt": "limit", "stp": "stop"}.get(kind, kind)[:32]
        native = _get(fields, "id")
        return self.build(account).trade(event, fill.line, native or None, basis=fields.values())


def read(source: Source, options: Options) -> Iterator[object]:
    work = _Work(options)
    totals: list[Printed] = []
    for item in _records(source):
        if isinstance(item, Printed):
            totals.append(item)
            continue
        if not isinstance(item, tuple):
            yield item
            continue
        line, fields = item
        level = _get(fields, "level").lower()
        # A query may give each execution twice, once more as its order: the first kind that comes counts.
        if level not in _EXECUTIONS:
            yield Skipped(level.replace("_", " "), line)
            continue
        work.level = work.level or level
        if level != work.level:
            yield Skipped(f"{level} (already counted as {work.level})", line)
            continue
        try:
            found = work.execution(fields, line)
        except Wrong as wrong:
            yield Unreadable(line, f"{_get(fields, 'symbol') or 'row'}: {wrong}")
            continue
        if found is not None:
            yield found
    if not work.builders:
        yield Note("no closing execution was found in it")
    for build in work.builders.values():
        yield from build.said()
    if work.from_basis:
        yield Note(f"{work.from_basis} positions were opened before this file: price_open is IBKR's cost basis")
    if left := sum(map(len, work.books.values())):
        yield Note(f"{left} lots stay open at the end: left out")
    for text in work.at.notes():
        yield Note(text)
    for total in totals:
        group = next((key for key in work.sums if " ".join(key) in total.name), None)
        if group is not None:
            total.ours = work.sums[group]
            yield total
