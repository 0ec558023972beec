"""TradingView: the Strategy Tester's list of trades, as CSV. Two rows (entry, exit), one trade.

Knows the headings of each generation: Contracts / Profit, Position size (qty) / Net P&L, Date/Time and Date and time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from .building import Builder, clock
from .model import FileProblem, NotCompared, Note, Options, Printed, Unreadable, Wrong
from .source import Source
from .tables import Row, headings, rows
from .values import ZERO, Number, blank, number

NAME, TITLE = "tradingview", "TradingView list of trades (CSV)"
EXAMPLE = "trueedge import trades.csv --account tv --strategy breakout --set symbol=EURUSD --timezone America/New_York"

_STILL_OPEN = {
    "",
    "open",
    "offen",
    "abierto",
    "ouvert",
    "aperto",
    "aberto",
    "открыта",
    "открыто",
    "未平仓",
    "オープン",
    "a\u00e7\u0131k",
}
MOST_WAITING = 10_000


def recognise(source: Source) -> bool:
    names = headings(source)
    return bool(names) and names[0] in ("trade #", "trade number") and "type" in names and "signal" in names


def _column(names: list[str], *patterns: str) -> tuple[str, str]:
    """(heading, currency in it) of the first pattern that one fits."""
    for pattern in patterns:
        for name in names:
            if match := re.fullmatch(pattern, name):
                return name, (match.groupdict().get("currency") or "").upper()
    return "", ""


def read(source: Source, options: Options) -> Iterator[object]:
    names = headings(source)
    currency_part = r"(?: (?P<currency>[a-z0-9]{2,12}))?"
    price, currency = _column(names, "price" + currency_part)
    quantity, _ = _column(names, r"position size \(qty\)", "contracts", "quantity", "qty", r"size \(qty\)")
    profit, other = _column(names, "net p&l" + currency_part, "profit" + currency_part)
    total, _ = _column(
        names, "cumulative p&l" + currency_part, r"cum\. profit" + currency_part, "cumulative profit" + currency_part
    )
    time, _ = _column(names, "date/time", "date and time", "date", "time")
    missing = [
        name
        for name, found in (("price", price), ("quantity", quantity), ("net p&l", profit), ("date/time", time))
        if not found
    ]
    if missing:
        raise Wrong(f"there is no column {', '.join(missing)}")
    build = Builder(
        options,
        NAME,
        backtest=True,
        tags=["tradingview", "backtest"],
        venue="TradingView-backtest",
        quantity_type="units",
        currency=currency or other,
    )
    if "symbol" not in options.fixed:
        raise FileProblem("it does not name the symbol: say --set symbol=EURUSD, or whatever it was")
    at = clock(options, hint=" (TradingView exports the chart's time zone)")
    columns = (time, price, quantity, profit, total)
    waiting: dict[str, Row] = {}
    last: tuple[int, str] | None = None  # number and cumulative P&L of the last closed trade
    count = highest = 0
    for row in rows(source):
        if isinstance(row, Unreadable):
            yield row
            continue
        try:
            key = row.need("trade #", "trade number")
            other_row = waiting.pop(key, None)
            if other_row is None:
                if len(waiting) > MOST_WAITING:
                    raise Wrong(f"trade {key}: entries without exits pile up; this is no list of trades")
                waiting[key] = row
                continue
            found, reported = _trade(key, other_row, row, columns, at, options)
            # Not the number and not the running total: both change with the first bar of the chart.
            same = (*(one.get(column) for one in (other_row, row) for column in ("type", "signal", *columns[:4])),)
            trade = build.trade(found, row.line, basis=same)
            count += 1
            highest = max(highest, int(key) if key.isdecimal() else 0)
            is_later = key.isdecimal() and (last is None or int(key) > last[0])
            if found["state"] == "closed" and reported is not None and is_later:
                last = (int(key), reported)
            yield trade
        except Wrong as wrong:
            yield Unreadable(row.line, str(wrong))
    for key, row in waiting.items():
        yield Unreadable(row.line, f"trade {key}: only one of its two rows is there; was the file cut off?")
    yield Note("fees 0: TradingView prints Net P&L with commission already in it")
    yield from build.said()
    for text in at.notes():
        yield Note(text)
    if last is not None:
        yield Printed(
            "total_pnl",
            last[1],
            Decimal("0.005"),
            "Cumulative P&L of the last closed trade: TradingView sums unrounded profits and prints rounded rows",
        )
    if highest:
        yield Printed("highest trade number", str(highest), ours=Decimal(count))
    yield NotCompared("run-up, drawdown, percentages", "they follow prices inside each trade")


def _trade(
    key: str, first: Row, second: Row, columns: tuple[str, ...], at: object, options: Options
) -> tuple[dict[str, object], str | None]:
    time, price, quantity, profit, total = columns
    kinds = {row.need("type").lower().split(" ")[0]: row for row in (first, second)}
    if set(kinds) != {"entry", "exit"}:
        # In other languages the words differ; the exit is never earlier, and the pair is still one of each.
        raise Wrong(
            f"trade {key}: its rows are {first.get('type')!r} and {second.get('type')!r}, not one Entry and one Exit"
        )
    entry, leave = kinds["entry"], kinds["exit"]
    side = {"long": "buy", "short": "sell"}.get(entry.get("type").lower().split(" ")[-1])
    if side is None:
        raise Wrong(f"trade {key}: {entry.get('type')!r} is neither long nor short")
    signal = leave.get("signal")
    is_open = signal.strip().lower() in _STILL_OPEN
    opened = at.utc(entry.need(time), time)  # type: ignore[attr-defined]
    reported = leave.get(total) if total else ""
    cumulative = None if blank(reported) else number(reported, total, options.decimal)

    def amount(row: Row, column: str) -> Number | None:
        text = row.get(column)
        return None if is_open and blank(text) else number(text, column, options.decimal)

    metadata = {"open_time": opened, "entry_signal": entry.get("signal"), "exit_signal": signal}
    if cumulative is not None:
        metadata["cumulative_pnl_reported"] = cumulative
    found: dict[str, object] = {
        "timestamp": opened if is_open else at.utc(leave.need(time), time),  # type: ignore[attr-defined]
        "opened_at": opened,
        "side": side,
        "quantity": number(entry.need(quantity), quantity, options.decimal),
        "price_open": number(entry.need(price), price, options.decimal),
        "price_close": amount(leave, price),
        "fees": ZERO,
        "pnl": amount(leave, profit),
        "state": "open" if is_open else "closed",
        "metadata": metadata,
    }
    return found, cumulative
