"""MetaTrader 5: trade history and Strategy Tester reports, as HTML, .xlsx or CSV, in any language.

Rows are told by their shape. Where the report has a table of positions (since 2018) each row of it is a trade; older
ones, and the tester's, have only deals: an out-deal is paired with the in-deal that it closes.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple, Union

from . import tables, xlsx
from .building import Builder, clock
from .htmlrows import Reports, html_rows
from .model import NotCompared, Note, Options, Skipped, Unreadable, Wrong
from .mt4 import ZONE_HINT
from .results import Results
from .source import Source
from .values import WIDE, Clock, Number, add, exact, multiply, number, plain, rounded

NAME, TITLE = "mt5", "MetaTrader 5 history or tester report (HTML, .xlsx, CSV)"
EXAMPLE = "trueedge import ReportHistory-123.html --strategy manual --timezone Europe/Athens"

_DATE = re.compile(r"\d{4}[.-]\d{2}[.-]\d{2} \d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?")
_DIRECTIONS = ("in", "out", "in/out", "out by")
_SIDES = ("buy", "sell")
_OTHER = {"buy": "sell", "sell": "buy"}


def recognise(source: Source) -> bool:
    if source.packed:
        return xlsx.is_sheet(source) and _is_mt5_sheet(source)
    head = source.head_text
    if 'content="MetaTrader 5"' in head or "client terminal" in head[:2000]:
        return True
    names = tables.headings(source)
    return set(names) >= _DEALS or set(names) >= _POSITIONS


_DEALS = {"deal", "symbol", "type", "direction", "volume", "price", "profit"}
_POSITIONS = {"position", "symbol", "type", "volume", "price", "price 2", "profit"} - {"price 2"}


def _is_mt5_sheet(source: Source) -> bool:
    for place, row in enumerate(xlsx.sheet_rows(source)):
        texts = {str(cell).lower() for cell in row.cells}
        if texts & {"trade history report", "strategy tester report"} or {"position", "volume", "profit"} <= texts:
            return True
        if _shape([str(cell) for cell in row.cells]) in ("position", "deal"):
            return True
        if place > 60:
            break
    return False


class Page(NamedTuple):
    """What the report says of itself, learnt from the rows before the first table."""

    title: str
    names: dict[str, str]


Line = tuple[int, list[Union[str, xlsx.Formula]]]


def _lines(source: Source, page: Reports) -> Iterator[tuple[int, list[str]] | Unreadable]:
    if source.packed:
        for row in xlsx.sheet_rows(source):
            if formulas := [cell for cell in row.cells if isinstance(cell, xlsx.Formula)]:
                yield Unreadable(row.line, f"a cell is a formula: ={formulas[0].text}; save the values instead")
            else:
                yield row.line, [str(cell).strip() for cell in row.cells]
    elif "<html" in source.head_text.lower() or "<table" in source.head_text.lower():
        for found in html_rows(source, page):
            yield found.line, found.texts()
    else:
        for line, cells in tables.raw_rows(source):
            yield cells if isinstance(cells, Unreadable) else (line, [cell.strip() for cell in cells])


def _shape(cells: list[str]) -> str:
    """What a row is: "deal", "position", "open", "order", "odd", or "" for what is no table row."""
    if len(cells) < 2 or not _DATE.fullmatch(cells[0]) or not cells[1].isdecimal():
        return ""
    if len(cells) < 8:
        return "odd"
    kind = cells[3].lower()
    if kind in _SIDES and cells[4].lower() in _DIRECTIONS:
        return "deal"
    if kind in _SIDES and len(cells) > 8 and _DATE.fullmatch(cells[8]) and "/" not in cells[4] and len(cells) >= 12:
        return "position"
    if (
        kind in _SIDES
        and re.fullmatch(r"[\d.,]+", cells[4])
        and len(cells) >= 10
        and not _DATE.search(" ".join(cells[5:]))
    ):
        return "open"
    if "/" in cells[4] or kind.partition(" ")[0] in _SIDES:
        return "order"
    return "odd" if kind in _SIDES else "deal"  # balance, credit, ..: they have no direction


def read(source: Source, options: Options) -> Iterator[object]:
    page, results = Reports(), Results()
    names: dict[str, str] = {}
    work: _Work | None = None
    heading: list[str] = []
    has_positions = False
    label = ""
    for item in _lines(source, page):
        if isinstance(item, Unreadable):
            yield item
            continue
        line, cells = item
        shape = _shape(cells)
        if not shape:
            full = [cell for cell in cells if cell]
            if len(full) >= 8 and not any(char.isdecimal() for char in "".join(full)):
                heading = [cell.lower() for cell in full]
            elif work is None and len(full) == 2:
                label = full[0].rstrip(":").lower()
                names.setdefault(label, full[1])
            elif work is None and len(full) == 1:
                names.setdefault(full[0].lower(), full[0])
            results.feed(full)
            continue
        if work is None:
            work = _Work(source, options, page, names)
        if shape == "odd":
            yield Unreadable(line, f"{cells[1]}: not the columns of a deal, position or order; was the file cut off?")
            continue
        if shape == "position":
            has_positions = True
        if shape == "order" or (shape == "deal" and has_positions):
            kind = cells[3].lower()
            if shape == "order":
                yield Skipped("order", line)
            elif kind in _SIDES:
                yield Skipped("deal (its position is counted)", line)
            else:
                yield Skipped(kind or "row without a type", line)
            continue
        try:
            yield from work.row(shape, cells, line, len(heading))
        except Wrong as wrong:
            yield Unreadable(line, f"{shape} {cells[1]}: {wrong}")
    if work is None:
        _Work(source, options, page, names)  # says what is missing, if anything is
        yield Note("no deal and no position was found in it")
        return
    yield from work.end()
    if page.title and not page.complete:
        yield Note("the page does not end with </html>: was the file cut off?")
    for found in results.printed():
        if has_positions and found.name == "max_drawdown":
            continue
        yield found
    yield NotCompared(
        "equity drawdowns and what is made of them (recovery factor), Sharpe ratio",
        "they follow floating equity or MetaTrader's own convention; /metrics has ours"
        + ("; balance drawdown: the positions stand in the order of their opening" if has_positions else ""),
    )


class Lot(NamedTuple):
    """An in-deal, or what is left of it."""

    deal: str
    order: str
    opened: str
    volume: Decimal
    price: Number
    fees: Decimal


class _Work:
    def __init__(self, source: Source, options: Options, page: Reports, names: dict[str, str]):
        text = " ".join([page.title, *names.values(), *names]).lower()
        self.tester = "strategy tester" in text or any(name in names for name in ("expert", "initial deposit"))
        account, currency, server, kind = _account(names)
        if not server and (found := re.search(r"([\w .-]+?) \(Build \d+\)", source.head_text)):
            server = re.sub(r"<[^>]*>", "", found[1]).strip()
        if not server:
            server = next(
                (match[1] for name in names.values() if (match := re.fullmatch(r"(\S+) \(Build \d+\)", name))), ""
            )
        strategy = names.get("expert", "") if self.tester else ""
        if self.tester and not currency:
            currency = names.get("currency", "")
        self.options, self.open = options, 0
        self.build = Builder(
            options,
            NAME,
            account=account,
            strategy=strategy,
            backtest=self.tester,
            environment=kind,
            tags=["mt5", "backtest" if self.tester else "history"],
            venue=f"{server}-MT5" if server else "MT5",
            quantity_type="lots",
            currency=currency,
        )
        self.at: Clock = clock(options, hint=ZONE_HINT)
        self.lots: dict[tuple[str, str], deque[Lot]] = {}
        self.netting = "netting" in text
        self.averaged = 0

    def row(self, shape: str, cells: list[str], line: int, width: int) -> Iterator[object]:
        if shape == "position":
            yield self._position(cells, line)
        elif shape == "open":
            yield self._still_open(cells, line)
        elif cells[3].lower() not in _SIDES:
            yield Skipped(cells[3].lower() or "row without a type", line)
        else:
            yield from self._deal(cells, line, width)

    def _number(self, text: str, what: str) -> Number:
        return number(text, what, self.options.decimal)

    def _position(self, cells: list[str], line: int) -> object:
        if len(cells) < 13:
            raise Wrong(f"has {len(cells)} of 13 columns; was the file cut off?")
        opened = self.at.utc(cells[0], "Time")
        # Commission, (fee,) swap and profit are the last of the row; what stands between them and the price are fees.
        money = [self._number(cell, "Commission, Swap or Profit") for cell in cells[10:] if cell][:4]
        if len(money) < 3:
            raise Wrong("has not all of Commission, Swap and Profit; was the file cut off?")
        fees = add(*(exact(value) for value in money[:-1]))
        metadata = {"open_time": opened, "position": cells[1], "gross_profit": money[-1]}
        return self.build.trade(
            {
                "timestamp": self.at.utc(cells[8], "close Time"),
                "opened_at": opened,
                "symbol": cells[2],
                "side": cells[3].lower(),
                "quantity": self._number(cells[4], "Volume"),
                "price_open": self._number(cells[5], "Price"),
                "price_close": self._number(cells[9], "close Price"),
                "fees": plain(fees),
                "pnl": plain(add(exact(money[-1]), fees)),
                "linked_position_id": f"{self.build.prefix}order-{cells[1]}",
                "metadata": metadata,
            },
            line,
            None if self.tester else cells[1],
            basis=cells,
        )

    def _still_open(self, cells: list[str], line: int) -> object:
        self.open += 1
        opened = self.at.utc(cells[0], "Time")
        swap, profit = self._number(cells[9], "Swap"), self._number(cells[10], "Profit")
        return self.build.trade(
            {
                "timestamp": opened,
                "opened_at": opened,
                "symbol": cells[2],
                "side": cells[3].lower(),
                "quantity": self._number(cells[4], "Volume"),
                "price_open": self._number(cells[5], "Price"),
                "price_close": self._number(cells[8], "Market Price"),
                "fees": swap,
                "pnl": plain(add(exact(swap), exact(profit))),
                "state": "open",
                "linked_position_id": f"{self.build.prefix}order-{cells[1]}",
                "metadata": {"open_time": opened, "gross_profit": profit},
            },
            line,
            None if self.tester else f"{cells[1]}-open",
            basis=cells,
        )

    def _deal(self, cells: list[str], line: int, width: int) -> Iterator[object]:
        has_fee = width >= 14
        money = 12 if has_fee else 11  # Commission, (Fee,) Swap, Profit, Balance begin at 8
        if len(cells) <= money - 1:
            raise Wrong(f"has {len(cells)} columns; was the file cut off?")
        time, symbol, side = self.at.utc(cells[0], "Time"), cells[2], cells[3].lower()
        direction, volume, price = (
            cells[4].lower(),
            exact(self._number(cells[5], "Volume")),
            self._number(cells[6], "Price"),
        )
        fees = add(*(exact(self._number(cell, "Commission or Swap")) for cell in cells[8 : money - 1]))
        profit = self._number(cells[money - 1], "Profit")
        if volume <= 0:
            raise Wrong(f"Volume is {cells[5]}")
        entries = self.lots.setdefault((symbol, _OTHER[side]), deque())
        if direction == "in":
            self.lots.setdefault((symbol, side), deque()).append(Lot(cells[1], cells[7], time, volume, price, fees))
            return
        closing = volume
        if direction == "in/out":  # turned round in a netting account: what was open is closed, the rest is opened
            closing = min(volume, add(*(lot.volume for lot in entries)))
            share = rounded(WIDE.divide(multiply(fees, closing), volume), 8)
            rest, fees = add(fees, -share), share
            if volume > closing:
                turned = Lot(cells[1], cells[7], time, add(volume, -closing), price, rest)
                self.lots.setdefault((symbol, side), deque()).append(turned)
        taken = self._take(entries, closing)
        if not taken:
            raise Wrong(f"closes {cells[5]} of {symbol}, which was not opened above it; export a longer period")
        fees = add(fees, *(lot.fees for lot in taken))
        metadata: dict[str, object] = {
            "open_time": taken[0].opened,
            "deal_in": ",".join(lot.deal for lot in taken),
            "deal_out": cells[1],
            "gross_profit": profit,
        }
        if len(cells) > money and cells[money]:
            metadata["balance_after"] = self._number(cells[money], "Balance")
        if len(cells) > money + 1 and cells[money + 1]:
            metadata["comment"] = cells[money + 1]
        entry = taken[0].price
        if len(taken) > 1:
            self.averaged += 1
            value = add(*(multiply(lot.volume, exact(lot.price)) for lot in taken))
            entry = plain(rounded(WIDE.divide(value, closing), 10))
        yield self.build.trade(
            {
                "timestamp": time,
                "opened_at": taken[0].opened,
                "symbol": symbol,
                "side": _OTHER[side],
                "quantity": plain(closing),
                "price_open": entry,
                "price_close": price,
                "fees": plain(fees),
                "pnl": plain(add(exact(profit), fees)),
                "linked_position_id": f"{self.build.prefix}order-{taken[0].order}",
                "metadata": metadata,
            },
            line,
            None if self.tester else cells[1],
            basis=(*cells, *(lot.deal for lot in taken)),
        )

    def _take(self, entries: deque[Lot], volume: Decimal) -> list[Lot]:
        """The in-deals that an out-deal closes: the oldest of just this volume, else the oldest ones."""
        if add(*(lot.volume for lot in entries)) < volume:
            return []
        if not self.netting:
            for place, lot in enumerate(entries):
                if lot.volume == volume:
                    del entries[place]
                    return [lot]
        taken: list[Lot] = []
        while volume > 0:
            lot = entries.popleft()
            if lot.volume > volume:
                share = rounded(WIDE.divide(multiply(lot.fees, volume), lot.volume), 8)
                entries.appendleft(lot._replace(volume=add(lot.volume, -volume), fees=add(lot.fees, -share)))
                lot = lot._replace(volume=volume, fees=share)
            taken.append(lot)
            volume = add(volume, -lot.volume)
        return taken

    def end(self) -> Iterator[object]:
        yield from self.build.said()
        for text in self.at.notes():
            yield Note(text)
        if self.averaged:
            yield Note(
                f"{self.averaged} deals closed several entries at once: price_open is their average, to 10 decimals"
            )
        left = sum(len(lots) for lots in self.lots.values())
        if left > self.open:
            yield Note(f"{left - self.open} entries are not closed in it: left out")


def _account(names: dict[str, str]) -> tuple[str, str, str, str]:
    """(account, currency, server, demo or live) of `3873474 (USD, 1:100, MetaQuotes-Demo, demo, Hedge)`."""
    for value in names.values():
        if match := re.fullmatch(r"(\d{3,}) \((.*)\)", value):
            parts = [part.strip() for part in match[2].split(",")]
            kind = {"demo": "demo", "contest": "demo", "real": "live"}
            found = next((kind[part.lower()] for part in parts if part.lower() in kind), "")
            currency = next((part for part in parts if re.fullmatch(r"[A-Z]{3,5}", part)), "")
            rest = [
                part
                for part in parts
                if part != currency and part.lower() not in (*kind, "hedge", "netting", "exchange") and ":" not in part
            ]
            return match[1], currency, rest[0] if rest else "", found
    return "", "", "", ""
