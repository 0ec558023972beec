"""Closed P&L exports of exchanges as CSV: Binance's futures position history, Bybit's closed P&L."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from .building import Builder, clock
from .columns import SIDES, bare, pick, zone_in
from .model import FileProblem, Note, Options, Skipped, Unreadable, Wrong
from .source import Source
from .tables import Row, headings, rows
from .values import ZERO, Clock, Number, add, exact, multiply, number, plain

_QUOTES = re.compile(r".+?(USDT|USDC|FDUSD|BUSD|USD1|TUSD|USDE|EUR|USD|BTC|ETH|BNB)(?:[_-]?PERP)?(?:[-_]\d{2}\w+)?")


def quote_of(symbol: str) -> str:
    """`BTCUSDT` is settled in USDT; "" where the name does not say."""
    match = _QUOTES.fullmatch(symbol.upper().replace("/", "").replace("-", "").replace("_", ""))
    return match[1] if match else ""


class Table:
    """The columns of one file, found by what the exchange calls them."""

    def __init__(self, source: Source, options: Options, aliases: Mapping[str, Sequence[str]], needed: Sequence[str]):
        names = headings(source)
        self.columns = pick(names, options, aliases)
        missing = [name for name in needed if name not in self.columns]
        if missing:
            raise FileProblem(
                f"no column for {', '.join(missing)}: say --map {missing[0]}=COLUMN; it has {', '.join(names)}"
            )
        self.options = options
        self.at: Clock = clock(options, zone_in(self.columns["timestamp"]))

    def text(self, row: Row, field: str) -> str:
        return row.get(self.columns[field]).strip() if field in self.columns else ""

    def number(self, row: Row, field: str) -> Number:
        text = re.sub(r"(?<=[\d.]) ?[A-Z][A-Z0-9]{1,11}$", "", self.text(row, field))  # 12.5 USDT
        return number(text, self.columns[field], self.options.decimal)

    def time(self, row: Row, field: str) -> str | None:
        return self.at.utc(self.text(row, field), self.columns[field]) if self.text(row, field) else None


def gross(side: str, quantity: Number, entry: Number, leave: Number) -> Decimal:
    """Of a contract that is settled in its quote currency."""
    return multiply(add(exact(leave), -exact(entry)), exact(quantity), Decimal(1 if side == "buy" else -1))


# Binance

BINANCE = {
    "symbol": ("symbol",),
    "side": ("position side", "side", "direction"),
    "price_open": ("entry price", "avg. entry price"),
    "price_close": ("avg. close price", "avg close price", "close price"),
    "quantity": ("closed vol.", "closed volume", "closed vol", "max open interest"),
    "pnl": ("closing pnl", "realized pnl", "closed pnl"),
    "opened_at": ("opened", "open time"),
    "timestamp": ("closed", "close time"),
    "status": ("status",),
}


def read_binance(source: Source, options: Options) -> Iterator[object]:
    table = Table(
        source, options, BINANCE, ("symbol", "side", "price_open", "price_close", "quantity", "pnl", "timestamp")
    )
    build = Builder(options, "binance", tags=["binance"], venue="binance", quantity_type="units")
    for row in rows(source):
        if isinstance(row, Unreadable):
            yield row
            continue
        try:
            status = table.text(row, "status").lower()
            if status and status != "closed":
                yield Skipped(f"{status} position: import again when it is closed", row.line)
                continue
            side = SIDES.get(table.text(row, "side").lower().split(" ")[-1])
            if side is None:
                raise Wrong(f"position side is {table.text(row, 'side')[:40]!r}; accepted: Long or Short")
            symbol = table.text(row, "symbol")
            opened = table.time(row, "opened_at")
            closed = table.time(row, "timestamp")
            if closed is None:
                raise Wrong(f"{table.columns['timestamp']} is empty")
            metadata = {"open_time": opened} if opened else {}
            if margin := row.get("margin mode"):
                metadata["margin_mode"] = margin
            yield build.trade(
                {
                    "timestamp": closed,
                    "opened_at": opened,
                    "symbol": symbol,
                    "side": side,
                    "quantity": table.number(row, "quantity"),
                    "price_open": table.number(row, "price_open"),
                    "price_close": table.number(row, "price_close"),
                    "fees": ZERO,
                    "pnl": table.number(row, "pnl"),
                    "currency": quote_of(symbol),
                    "metadata": metadata,
                },
                row.line,
                basis=row.cells.values(),
            )
        except Wrong as wrong:
            yield Unreadable(row.line, str(wrong))
    yield Note(
        "Closing PNL leaves out trading fees and funding, and the file does not give them: fees are 0, pnl is gross"
    )
    yield from build.said()
    for text in table.at.notes():
        yield Note(text)


# Bybit

BYBIT = {
    "symbol": ("contracts", "market", "symbol", "contract"),
    "side": ("closing direction", "trade type", "direction", "side"),
    "quantity": ("qty", "order quantity", "quantity", "closed size", "closed qty"),
    "price_open": ("entry price", "avg. entry price"),
    "price_close": ("exit price", "avg. exit price"),
    "pnl": ("closed p&l", "realized p&l", "closed pnl"),
    "timestamp": ("trade time", "filled time", "closed time", "update time"),
    "exit": ("exit type", "filled type"),
    "order": ("order no.", "order no", "order id"),
}


def read_bybit(source: Source, options: Options) -> Iterator[object]:
    table = Table(
        source, options, BYBIT, ("symbol", "side", "quantity", "price_open", "price_close", "pnl", "timestamp")
    )
    build = Builder(options, "bybit", tags=["bybit"], venue="bybit", quantity_type="units")
    inverse = 0
    for row in rows(source):
        if isinstance(row, Unreadable):
            yield row
            continue
        try:
            direction = table.text(row, "side").lower()
            # What closed it: a sale closes a long position.
            side = {
                "sell": "buy",
                "buy": "sell",
                "close long": "buy",
                "close short": "sell",
                "long": "buy",
                "short": "sell",
            }.get(direction)
            if side is None:
                raise Wrong(
                    f"{table.columns['side']} is {direction[:40]!r}; accepted: Close Long, Close Short, Sell or Buy"
                )
            symbol, quantity = table.text(row, "symbol"), table.number(row, "quantity")
            entry, leave, pnl = (table.number(row, field) for field in ("price_open", "price_close", "pnl"))
            quote = quote_of(symbol)
            fees = add(exact(pnl), -gross(side, quantity, entry, leave))
            # An inverse contract is counted in dollars and settled in its coin: prices alone do not give its profit.
            if quote not in ("USDT", "USDC") or abs(fees) > abs(multiply(exact(quantity), exact(entry))) / 10:
                fees, inverse = Decimal(0), inverse + 1
            closed = table.time(row, "timestamp")
            if closed is None:
                raise Wrong(f"{table.columns['timestamp']} is empty")
            metadata: dict[str, object] = {}
            for name in ("exit", "order"):
                if text := table.text(row, name):
                    metadata[name] = text
            yield build.trade(
                {
                    "timestamp": closed,
                    "symbol": symbol,
                    "side": side,
                    "quantity": quantity,
                    "price_open": entry,
                    "price_close": leave,
                    "fees": plain(fees),
                    "pnl": pnl,
                    "currency": quote if quote in ("USDT", "USDC") else "",
                    "metadata": metadata,
                },
                row.line,
                basis=row.cells.values(),
            )
        except Wrong as wrong:
            yield Unreadable(row.line, str(wrong))
    yield Note("fees are the difference between Closed P&L (net of fees and funding) and the difference of the prices")
    if inverse:
        yield Note(f"{inverse} trades of other than USDT and USDC contracts: fees 0, Closed P&L as it is, no currency")
    yield Note("the export has no opening times: holding times stay undefined")
    yield from build.said()
    for text in table.at.notes():
        yield Note(text)


def has(source: Source, *needed: str) -> bool:
    return set(needed) <= {bare(name) for name in headings(source)}
