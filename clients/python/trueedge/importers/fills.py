"""Fills (executions) of any source as CSV, matched to round trips first in, first out, per symbol.

A fill that goes against what is open closes the oldest of it: each piece of a lot that it closes is one trade. Knows
Quantopian's transactions (signed amount) and the trade histories of exchanges (side and quantity) by their headings.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from .building import Builder, clock
from .columns import SIDES, bare, pick, zone_in
from .model import FileProblem, Note, Options, Skipped, Unreadable, Wrong
from .source import Source
from .tables import Row, headings, rows
from .values import WIDE, Clock, Number, add, exact, multiply, number, plain, rounded

NAME, TITLE = "fills", "fills of any source, matched first in, first out (CSV)"
EXAMPLE = (
    "trueedge import fills.csv --format fills --account a --strategy s --environment live --timezone UTC --fees cost"
)

ALIASES = {
    "timestamp": (
        "timestamp",
        "time",
        "date",
        "datetime",
        "date/time",
        "execution time",
        "trade time",
        "transaction time",
        "",
    ),
    "symbol": ("symbol", "ticker", "pair", "market", "instrument", "contract"),
    "side": ("side", "buy/sell", "direction", "type"),
    "quantity": ("quantity", "qty", "executed", "filled qty", "filled", "amount", "size", "shares"),
    "price": ("price", "filled price", "avg price", "average price", "trade price"),
    "fees": ("fees", "fee", "commission", "trading fee"),
    "fee_currency": ("fee_currency", "fee currency", "fee coin", "commission asset", "fee asset"),
    "multiplier": ("multiplier",),
    "currency": ("currency", "quote asset"),
}
_CLOSED = {
    "price_open",
    "price_close",
    "entry price",
    "exit price",
    "open price",
    "close price",
    "pnl",
    "profit",
    "net p&l",
}
_WITH_ASSET = re.compile(r"(-?[\d.,]+(?:[eE]-?\d+)?) ?([A-Z][A-Z0-9]{1,11})")


def recognise(source: Source) -> bool:
    names = headings(source)
    if not names or _CLOSED & set(names):
        return False
    try:
        found = pick(names, Options(), ALIASES)
    except FileProblem:
        return False
    if not {"timestamp", "symbol", "quantity", "price"} <= set(found):
        return False
    return "side" in found or "txn_dollars" in names or "sid" in names


class Fill(NamedTuple):
    line: int
    time: str
    symbol: str
    quantity: Decimal  # negative: sold
    price: Number
    fees: Decimal  # negative: paid
    multiplier: Decimal
    currency: str
    text: str = ""  # of its row


class Lot(NamedTuple):
    text: str
    time: str
    quantity: Decimal  # what is left of it, signed
    price: Number
    fees: Decimal


class Reader:
    """Fills from rows, one by one."""

    def __init__(self, source: Source, options: Options):
        self.source, self.options = source, options
        names = headings(source)
        self.columns = pick(names, options, ALIASES)
        missing = [name for name in ("timestamp", "symbol", "quantity", "price") if name not in self.columns]
        if "symbol" in missing and "symbol" in options.fixed:
            missing.remove("symbol")
        if missing:
            raise FileProblem(
                f"no column for {', '.join(missing)}: say --map {missing[0]}=COLUMN;"
                f" it has {', '.join(filter(None, names))}"
            )
        self.at: Clock = clock(options, zone_in(self.columns["timestamp"]))
        self.foreign: dict[str, int] = {}

    def __iter__(self) -> Iterator[object]:
        for row in rows(self.source):
            if isinstance(row, Unreadable):
                yield row
                continue
            try:
                found = self._fill(row)
            except Wrong as wrong:
                yield Unreadable(row.line, str(wrong))
                continue
            yield found if found is not None else Skipped("fill of nothing", row.line)

    def _cell(self, row: Row, field: str) -> str:
        return row.get(self.columns[field]) if field in self.columns else ""

    def _fill(self, row: Row) -> Fill | None:
        symbol = self.options.fixed.get("symbol") or self._cell(row, "symbol")
        if not symbol:
            raise Wrong("symbol is empty")
        amount, _ = self._amount(self._cell(row, "quantity"), "quantity")
        price, _ = self._amount(self._cell(row, "price"), "price")
        quantity = exact(amount)
        if side := self._cell(row, "side"):
            sign = {"buy": 1, "sell": -1}.get(SIDES.get(side.lower(), ""))
            if sign is None:
                raise Wrong(f"side is {side[:40]!r}; accepted: buy or sell")
            quantity = abs(quantity) * sign
        if not quantity:
            return None
        currency = self._cell(row, "currency")
        fee, asset = ("0", "")
        if text := self._cell(row, "fees"):
            fee, asset = self._amount(text, "fees")
        asset = asset or self._cell(row, "fee_currency")
        paid = exact(fee)
        if paid and asset and (asset != currency if currency else not bare(symbol).upper().endswith(asset.upper())):
            self.foreign[asset] = self.foreign.get(asset, 0) + 1
            paid = Decimal(0)
        if paid:
            paid = signed_fee(paid, self.options)
        multiplier = self._cell(row, "multiplier")
        return Fill(
            row.line,
            self.at.utc(self._cell(row, "timestamp"), "time"),
            symbol,
            quantity,
            price,
            paid,
            exact(number(multiplier, "multiplier", self.options.decimal)) if multiplier else Decimal(1),
            currency,
            "|".join(row.cells.values()),
        )

    def _amount(self, text: str, what: str) -> tuple[Number, str]:
        if match := _WITH_ASSET.fullmatch(text.strip()):
            return number(match[1], what, self.options.decimal), match[2]
        return number(text, what, self.options.decimal), ""


def signed_fee(value: Decimal, options: Options) -> Decimal:
    """A fee as TRADE_EVENT has it: negative is a cost. Raises: FileProblem where the user has not said which it is."""
    if options.fees is None:
        raise FileProblem(
            f"it has fees such as {plain(value)}: say --fees cost (it was paid) or --fees signed (negative was paid)"
        )
    return -value if options.fees == "cost" else value


def read(source: Source, options: Options) -> Iterator[object]:
    reader = Reader(source, options)
    build = Builder(
        options,
        NAME,
        tags=[],
        venue="fills",
        quantity_type="units",
        backtest=False,
        environment="demo" if {"sid", "txn_dollars"} & set(headings(source)) else "",
    )
    if "symbol" in options.fixed:
        build.notes.append(f"symbol {options.fixed['symbol']}: as said")
    order = _order(reader)
    reader = Reader(source, options)
    items: Iterator[object] = iter(reader)
    if order:
        found = list(items)
        if order == "newest first":
            found.reverse()
        found.sort(key=lambda item: item.time if isinstance(item, Fill) else "")  # stable: ties keep the file's order
        items = iter(found)
        yield Note(f"the fills stand {order}: put into the order of their times, all in memory")
    book: dict[str, deque[Lot]] = {}
    for item in items:
        if not isinstance(item, Fill):
            yield item
            continue
        for piece in match(book.setdefault(item.symbol, deque()), item):
            yield build.trade(piece, item.line, basis=(item.text, piece.pop("lot"), piece["quantity"]))
    yield from build.said()
    for text in reader.at.notes():
        yield Note(text)
    for asset, count in reader.foreign.items():
        yield Note(f"{count} fees were paid in {asset}, not in the currency of the trade: left out of fees and pnl")
    if left := sum(map(len, book.values())):
        yield Note(f"{left} lots stay open at the end: left out")


def _order(reader: Reader) -> str:
    """ "" where the times only rise, else how they stand."""
    rises = falls = False
    last = ""
    for item in reader:
        if isinstance(item, Fill):
            time = item.time
            if last:
                rises, falls = rises or time > last, falls or time < last
            last = time
            if rises and falls:
                return "in no order of time"
    return "newest first" if falls else ""


def match(lots: deque[Lot], fill: Fill) -> list[dict[str, object]]:
    """The trades that a fill closes; what is left of it becomes a lot. `lots` are of one symbol and one side."""
    left, fees = fill.quantity, fill.fees
    closed: list[dict[str, object]] = []
    while left and lots and (lots[0].quantity > 0) != (left > 0):
        lot = lots.popleft()
        size = min(abs(lot.quantity), abs(left))
        entry_fees, kept = _share(lot.fees, size, abs(lot.quantity))
        exit_fees, fees = _share(fees, size, abs(left))
        if abs(lot.quantity) > size:
            rest = add(lot.quantity, -size if lot.quantity > 0 else size)
            lots.appendleft(Lot(lot.text, lot.time, rest, lot.price, kept))
        left = add(left, -size if left > 0 else size)
        paid = add(entry_fees, exit_fees)
        sign = Decimal(1 if lot.quantity > 0 else -1)
        moved = add(exact(fill.price), -exact(lot.price))
        closed.append(
            {
                "timestamp": fill.time,
                "opened_at": lot.time,
                "symbol": fill.symbol,
                "side": "buy" if sign > 0 else "sell",
                "quantity": plain(size),
                "price_open": lot.price,
                "price_close": fill.price,
                "fees": plain(paid),
                "pnl": plain(add(multiply(moved, size, sign, fill.multiplier), paid)),
                "currency": fill.currency,
                "metadata": {"open_time": lot.time},
                "lot": lot.text,
            }
        )
    if left:
        lots.append(Lot(fill.text, fill.time, left, fill.price, fees))
    return closed


def _share(fees: Decimal, part: Decimal, whole: Decimal) -> tuple[Decimal, Decimal]:
    """What of the fees falls on a part, to 10 decimals, and the rest: together exactly the fees."""
    if part == whole or not fees:
        return fees, Decimal(0)
    share = rounded(WIDE.divide(multiply(fees, part), whole), 10)
    return share, add(fees, -share)
