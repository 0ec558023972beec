"""MetaTrader 4: account statements (also detailed ones) and Strategy Tester reports, as HTML in any language.

Rows are told by their shape (a ticket, a date, buy or sell), which no language changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .building import Builder, clock
from .htmlrows import HtmlRow, Reports, html_rows
from .model import NotCompared, Note, Options, Skipped, Unreadable, Wrong
from .results import Results
from .source import Source
from .values import ZERO, Clock, add, exact, number, plain

NAME, TITLE = "mt4", "MetaTrader 4 statement or tester report (HTML)"
EXAMPLE = "trueedge import Statement.htm --strategy manual --environment live --timezone Europe/Athens"

_DATE = re.compile(r"\d{4}\.\d{2}\.\d{2} \d{2}:\d{2}(?::\d{2})?")
_EXITS = {"s/l": "sl", "t/p": "tp"}
ZONE_HINT = " (MetaTrader prints the clock of the broker's server: ask the broker, or compare with the terminal's)"


def recognise(source: Source) -> bool:
    head = source.head_text
    return "MetaQuotes Software" in head and "<html" in head.lower() and 'content="MetaTrader 5"' not in head


def read(source: Source, options: Options) -> Iterator[object]:
    page = Reports()
    rows = html_rows(source, page)
    first: list[HtmlRow] = []
    for row in rows:  # the title stands before the first row, the account in it
        first.append(row)
        break
    if page.title.startswith("Strategy Tester") or _is_tester(source):
        yield from _tester(first, rows, page, options)
    else:
        yield from _statement(first, rows, page, options)


def _is_tester(source: Source) -> bool:
    return "Strategy Tester" in source.head_text[:5000]


# Statements


def _statement(first: list[HtmlRow], rows: Iterator[HtmlRow], page: Reports, options: Options) -> Iterator[object]:
    facts = _account_line(first[0].texts() if first else [])
    company = page.outside[0] if page.outside else ""
    build = Builder(
        options,
        NAME,
        account=facts.get("account", ""),
        tags=["mt4", "statement"],
        venue=f"{company}-MT4" if company else "MT4",
        quantity_type="lots",
        currency=facts.get("currency", ""),
    )
    at = clock(options, hint=ZONE_HINT)
    results = Results()
    trades = 0
    for row in rows:
        cells = row.texts()
        if len(cells) < 2 or not cells[0].isdecimal() or not _DATE.fullmatch(cells[1]):
            results.feed(cells)
            continue
        if len(cells) < 4:
            yield Unreadable(row.line, f"ticket {cells[0]}: has {len(cells)} columns; was the file cut off?")
            continue
        kind = cells[2].lower()
        if kind not in ("buy", "sell"):
            yield Skipped(kind or "row without a type", row.line)
            continue
        try:
            found, native = _ticket(row, cells, at, options)
        except Wrong as wrong:
            yield Unreadable(row.line, f"ticket {cells[0]}: {wrong}")
            continue
        trades += 1
        yield build.trade(found, row.line, native)
    if not trades:
        yield Note("no closed or open trade was found in it")
    yield from build.said()
    for text in at.notes():
        yield Note(text)
    yield from _end(page, results)
    yield NotCompared("balance, equity, drawdowns", "they hold deposits and the floating results of open positions")


def _end(page: Reports, results: Results) -> Iterator[object]:
    if not page.complete:
        yield Note("the page does not end with </html>: was the file cut off?")
    found = list(results.printed())
    if not found:
        yield Note("no totals were found in it to compare with")
    yield from found


def _account_line(cells: list[str]) -> dict[str, str]:
    """`Account: 8405151` and so on: label and value stand in one cell, the account first, in any language."""
    found: dict[str, str] = {}
    for place, cell in enumerate(cells):
        _, _, value = cell.partition(":")
        value = value.strip()
        if place == 0 and value.isdecimal():
            found["account"] = value
        elif re.fullmatch(r"[A-Z]{3,4}", value):
            found["currency"] = value
    return found


def _ticket(row: HtmlRow, cells: list[str], at: Clock, options: Options) -> tuple[dict[str, object], str]:
    if len(cells) < 14:
        raise Wrong(f"has {len(cells)} of 14 columns; was the file cut off?")
    point = options.decimal
    opened = at.utc(cells[1], "Open Time")
    is_open = not cells[8]
    parts = {
        name: number(cells[place], name, point)
        for place, name in ((10, "commission"), (11, "taxes"), (12, "swap"), (13, "gross_profit"))
    }
    fees = add(exact(parts["commission"]), exact(parts["taxes"]), exact(parts["swap"]))
    metadata: dict[str, object] = {"open_time": opened}
    if cells[4] != cells[4].upper():
        metadata["raw_symbol"] = cells[4]
    metadata.update(parts)
    if title := row.cells[0].title:
        metadata["comment"] = title
    return {
        "timestamp": opened if is_open else at.utc(cells[8], "Close Time"),
        "opened_at": opened,
        "symbol": cells[4].upper(),
        "side": cells[2].lower(),
        "quantity": number(cells[3], "Size", point),
        "price_open": number(cells[5], "Price", point),
        "price_close": number(cells[9], "close Price", point),
        "fees": plain(fees),
        "pnl": plain(add(exact(parts["gross_profit"]), fees)),
        "state": "open" if is_open else "closed",
        "linked_position_id": cells[0],
        "metadata": metadata,
    }, cells[0] + ("-open" if is_open else "")


# Strategy Tester


def _tester(first: list[HtmlRow], rows: Iterator[HtmlRow], page: Reports, options: Options) -> Iterator[object]:
    expert = page.title.partition(":")[2].strip() or (page.outside[1] if len(page.outside) > 1 else "")
    server = page.meta.get("server", "")
    symbol = first[0].texts()[1].split(" ")[0] if first and len(first[0].cells) > 1 else ""
    build = Builder(
        options,
        NAME,
        strategy=expert,
        backtest=True,
        tags=["mt4", "backtest"],
        venue=f"{server}-MT4" if server else "MT4",
        quantity_type="lots",
        symbol=symbol,
    )
    at = clock(options, hint=ZONE_HINT)
    results = Results(rounded_rows=True)
    orders: dict[str, tuple[str, str, str, str]] = {}  # order -> side, opened at, price, opened at as printed
    trades = 0
    for row in rows:
        cells = row.texts()
        if len(cells) < 2 or not cells[0].isdecimal() or not _DATE.fullmatch(cells[1]):
            results.feed(cells)
            continue
        try:
            if len(cells) < 9:
                raise Wrong(f"has {len(cells)} columns; was the file cut off?")
            kind, order = cells[2].lower(), cells[3]
            time = at.utc(cells[1], "Time")
            if kind in ("buy", "sell"):
                orders[order] = (kind, time, number(cells[5], "Price", options.decimal), cells[1])
            elif len(cells) >= 10 and cells[8]:
                if order not in orders:
                    raise Wrong(f"closes order {order}, which was not opened above it")
                side, opened, price, opened_text = orders.pop(order)
                trades += 1
                profit = number(cells[8], "Profit", options.decimal)
                metadata = {
                    "open_time": opened,
                    "exit": kind,
                    "balance_after": number(cells[9], "Balance", options.decimal),
                }
                yield build.trade(
                    {
                        "timestamp": time,
                        "opened_at": opened,
                        "side": side,
                        "price_open": price,
                        "quantity": number(cells[4], "Size", options.decimal),
                        "price_close": number(cells[5], "Price", options.decimal),
                        "fees": ZERO,
                        "pnl": profit,
                        "linked_position_id": f"{build.prefix}order-{order}",
                        "metadata": metadata,
                    },
                    row.line,
                    basis=(side, opened_text, price, *cells),
                    tags=[_EXITS.get(kind, kind)],
                )
            elif kind.startswith(("buy ", "sell ")):
                yield Skipped("pending order", row.line)
            else:
                yield Skipped(kind, row.line)
        except Wrong as wrong:
            yield Unreadable(row.line, f"row {cells[0]}: {wrong}")
    if orders:
        yield Note(f"{len(orders)} orders were not closed when the test ended: left out")
    if not trades:
        yield Note("no closed trade was found in it")
    yield Note("fees 0: the tester prints profits with swap and commission already in them")
    yield from build.said()
    for text in at.notes():
        yield Note(text)
    yield from _end(page, results)
    yield NotCompared("drawdowns", "the tester measures them on floating equity, which closed trades cannot give")
