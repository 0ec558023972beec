"""freqtrade: backtest results (.json, or the .zip it writes) and the bot's own database (.sqlite)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from . import xlsx
from .building import Builder, clock
from .jsonstream import Path as JsonPath
from .jsonstream import walk
from .model import FileProblem, NotCompared, Note, Options, Printed, Unreadable, Wrong
from .source import Source
from .values import Number, add, exact, multiply, number, plain, rounded

NAME, TITLE = "freqtrade", "freqtrade backtest (.json, .zip) or database (.sqlite)"
EXAMPLE = "trueedge import tradesv3.sqlite --account binance-1 --environment live"


def recognise(source: Source) -> bool:
    if source.head.startswith(b"SQLite format 3\0"):
        return True
    if source.packed:
        return _result_in(source) is not None
    head = source.head_text.lstrip()
    return head.startswith("{") and bool(re.search(r'"strategy"\s*:\s*\{', head)) and '"trades"' in head


def read(source: Source, options: Options) -> Iterator[object]:
    if source.head.startswith(b"SQLite format 3\0"):
        yield from _database(source, options)
    else:
        yield from _backtest(source, options)


# Backtests


def _result_in(source: Source) -> str | None:
    """The name of the result inside a backtest's .zip; its configuration and market data lie beside it."""
    try:
        with xlsx.archive(source) as packed:
            names = [name for name in packed.namelist() if re.search(r"backtest-result[^/]*\.json$", name)]
    except FileProblem:
        return None
    return min((name for name in names if "_config" not in name and "meta" not in name), key=len, default=None)


def _pieces(source: Source) -> Iterator[str]:
    if not source.packed:
        yield from source.text()
        return
    with xlsx.archive(source) as packed:
        name = _result_in(source)
        if name is None:
            raise FileProblem("no backtest-result .json is in it")
        file = io.TextIOWrapper(io.BufferedReader(_Raw(xlsx.part(packed, name))), "utf-8")
        while piece := file.read(128 * 1024):
            yield piece


class _Raw(io.RawIOBase):
    def __init__(self, inner: Any):
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        got = self._inner.read(len(buffer))
        buffer[: len(got)] = got
        return len(got)


def _into(path: JsonPath) -> bool:
    return (len(path) < 3 and (not path or path[0] == "strategy")) or (len(path) == 3 and path[2] == "trades")


_FACTS = (
    "profit_total_abs",
    "profit_factor",
    "wins",
    "losses",
    "draws",
    "total_trades",
    "starting_balance",
    "stake_currency",
    "stake_currency_decimals",
    "trade_count_long",
    "trade_count_short",
)


_IDENTITY = (
    "pair",
    "open_date",
    "close_date",
    "open_rate",
    "close_rate",
    "amount",
    "profit_abs",
    "is_short",
    "is_open",
)


def _backtest(source: Source, options: Options) -> Iterator[object]:
    # First a look: what each strategy's block says of itself stands after its trades.
    facts: dict[str, dict[str, Any]] = {}
    looks: dict[str, _Look] = {}
    for path, value, _, _ in walk(_pieces(source), _into):
        if len(path) == 4:
            looks.setdefault(path[1], _Look()).see(value)
        elif len(path) == 3 and path[2] in _FACTS:
            facts.setdefault(path[1], {})[path[2]] = value
    if not facts and not looks:
        raise FileProblem("no strategy is in it")
    if len(facts) > 1 and options.strategy:
        raise FileProblem(f"it has {len(facts)} strategies ({', '.join(facts)}): leave out --strategy")
    builders: dict[str, Builder] = {}
    at = clock(options, "UTC")
    for path, value, line, _ in walk(_pieces(source), _into):
        if len(path) != 4:
            continue
        name = path[1]
        about = facts.get(name, {})
        if name not in builders:
            builders[name] = Builder(
                options,
                "ft",
                strategy=name,
                backtest=True,
                tags=["freqtrade", "backtest"],
                venue="freqtrade-backtest",
                quantity_type="units",
                currency=_currency(about.get("stake_currency")),
            )
        try:
            if not isinstance(value, dict):
                raise Wrong("is no object")
            found, tags = _row(value, at, _places(about.get("stake_currency_decimals")), looks[name].is_gross())
            found["order_type"] = "limit"
            if currency := _currency(about.get("stake_currency")):
                found["metadata"]["currency"] = currency
            yield builders[name].trade(found, line, basis=map(value.get, _IDENTITY), tags=tags)
        except Wrong as wrong:
            yield Unreadable(line, f"trade of {name}: {wrong}")
    for name in builders:
        yield from builders[name].said()
    yield Note("order_type limit: freqtrade's default for entries; the file does not say it")
    if len(facts) == 1:
        (name,) = facts
        look = looks.get(name, _Look())
        if look.is_gross():
            yield Note(
                "profit_abs in it is gross (amount * price difference) in every trade: pnl is made net of its fees"
            )
        yield from _printed(facts[name], look)
    yield NotCompared(
        "drawdown, Sharpe, Sortino, Calmar, CAGR, SQN", "freqtrade has conventions of its own; /metrics has ours"
    )


class _Look:
    """Whether a strategy's profit_abs is gross: freqtrade defines it net, hand-made files are not always."""

    def __init__(self) -> None:
        self.count = self.as_gross = self.as_net = self.with_fees = 0
        self.profit = self.gains = self.falls = Decimal(0)
        self.wins = self.losses = 0

    def see(self, value: Any) -> None:
        try:
            profit = exact(_number(value, "profit_abs"))
            gross, fees = _gross_and_fees(value)
        except (Wrong, TypeError, AttributeError):
            return
        self.count += 1
        self.profit = add(self.profit, profit)
        self.gains = add(self.gains, max(profit, Decimal(0)))
        self.falls = add(self.falls, min(profit, Decimal(0)))
        near = max(abs(gross), abs(fees), Decimal("1e-12")) * Decimal("1e-6")
        self.with_fees += bool(fees)
        self.as_gross += abs(profit - gross) <= near
        self.as_net += abs(profit - gross - fees) <= max(near, Decimal("2e-8"))

    def is_gross(self) -> bool:
        return bool(self.with_fees) and self.as_gross == self.count and self.as_net < self.count


def _number(value: Any, name: str) -> Number:
    found = value.get(name)
    if isinstance(found, (int, str)) and not isinstance(found, bool):
        return number(str(found), name)
    raise Wrong(f"{name} is {'missing' if found is None else 'no number'}")


def _gross_and_fees(value: dict[str, Any]) -> tuple[Decimal, Decimal]:
    """amount * (close - open), turned round for shorts; and the fees of both sides as a cost (negative)."""
    amount, opened, closed = (exact(_number(value, name)) for name in ("amount", "open_rate", "close_rate"))
    sign = -1 if value.get("is_short") is True else 1
    gross = multiply(amount, add(closed, -opened), Decimal(sign))
    paid = [
        multiply(amount, rate, exact(_number(value, name)) if value.get(name) is not None else Decimal(0))
        for rate, name in ((opened, "fee_open"), (closed, "fee_close"))
    ]
    return gross, -add(*paid)


def _row(value: dict[str, Any], at: Any, places: int, is_gross: bool) -> tuple[dict[str, Any], list[str]]:
    opened = at.utc(str(value.get("open_date") or ""), "open_date")
    is_open = value.get("is_open") is True
    found: dict[str, Any] = {
        "timestamp": opened if is_open else at.utc(str(value.get("close_date") or ""), "close_date"),
        "opened_at": opened,
        "symbol": str(value.get("pair") or ""),
        "side": "sell" if value.get("is_short") is True else "buy",
        "quantity": _number(value, "amount"),
        "price_open": _number(value, "open_rate"),
        "state": "open" if is_open else "closed",
    }
    if not is_open or value.get("close_rate") is not None:
        found["price_close"] = _number(value, "close_rate")
        gross, fees = _gross_and_fees(value)
        funding = value.get("funding_fees")
        fees = add(fees, exact(number(str(funding), "funding_fees")) if funding is not None else Decimal(0))
        found["fees"] = plain(rounded(fees, places))
        found["pnl"] = plain(rounded(add(gross, fees), places)) if is_gross else _number(value, "profit_abs")
    else:
        found.update(fees=Number("0"), price_close=None, pnl=None)
    metadata: dict[str, Any] = {"open_time": opened}
    for name, source_name in (
        ("stake_amount", "stake_amount"),
        ("profit_ratio", "profit_ratio"),
        ("profit_abs_reported", "profit_abs"),
    ):
        if value.get(source_name) is not None:
            metadata[name] = _number(value, source_name)
    if value.get("leverage") is not None and exact(_number(value, "leverage")) != 1:
        metadata["leverage"] = _number(value, "leverage")
    found["metadata"] = metadata
    tags = [str(value[name])[:64] for name in ("exit_reason", "enter_tag") if value.get(name)]
    return found, tags


def _places(found: Any) -> int:
    return int(found) if isinstance(found, str) and re.fullmatch(r"1?\d", found, re.ASCII) else 8


def _currency(found: Any) -> str:
    return found if isinstance(found, str) and re.fullmatch(r"[A-Z0-9]{3,12}", found) else ""


def _printed(about: dict[str, Any], look: _Look) -> Iterator[Printed]:
    kind = "gross_" if look.is_gross() else ""
    about = {name: value for name, value in about.items() if isinstance(value, Number) and value[-1:].isdecimal()}
    if "profit_total_abs" in about:
        # The file's total is a sum of doubles: exact to about 1e-15 of it.
        text = str(about["profit_total_abs"])
        slack = abs(exact(text)) * Decimal("1e-12") / max(1, look.count)
        yield Printed(f"{kind}profit_total_abs", text, slack, "freqtrade sums binary floats", look.profit)
    if "profit_factor" in about and look.falls:
        text = str(about["profit_factor"])
        yield Printed(
            f"{kind}profit_factor",
            text,
            Decimal("1e-12"),
            "a quotient of sums of binary floats",
            look.gains / -look.falls,
        )
    for name, ours in (
        ("total_trades", "total_trades"),
        ("wins", "wins"),
        ("losses", "losses"),
        ("draws", "breakeven"),
        ("trade_count_long", "long_trades"),
        ("trade_count_short", "short_trades"),
    ):
        if name in about:
            yield Printed(ours, str(about[name]))


# The bot's database

_WANTED = (
    "id",
    "pair",
    "is_open",
    "amount",
    "open_rate",
    "close_rate",
    "fee_open",
    "fee_close",
    "open_date",
    "close_date",
    "close_profit",
    "close_profit_abs",
    "realized_profit",
    "stake_amount",
    "strategy",
    "enter_tag",
    "buy_tag",
    "exit_reason",
    "sell_reason",
    "is_short",
    "leverage",
    "funding_fees",
    "exchange",
    "stake_currency",
    "quote_currency",
)


def _database(source: Source, options: Options) -> Iterator[object]:
    try:
        import sqlite3  # here: not every Python has it, and only this needs it
    except ImportError:
        raise FileProblem("this Python has no sqlite3, which a database needs") from None

    try:
        with closing(
            sqlite3.connect(Path(source.path).absolute().as_uri() + "?mode=ro", uri=True, timeout=30)
        ) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            columns = [row[1] for row in database.execute("PRAGMA table_info(trades)")]
            # A view would be a query of the file's author, which may never end.
            [tables] = database.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'trades'")
            if not tables[0] or not {"id", "close_profit"} <= set(columns):
                raise FileProblem("it is a database, but not of freqtrade: it has no table trades with close_profit")
            wanted = [name for name in _WANTED if name in columns]
            query = f"SELECT {', '.join(wanted)} FROM trades ORDER BY id"  # names of ours, from _WANTED
            yield from _database_rows(database.execute(query), wanted, options)
    except sqlite3.Error as error:
        raise FileProblem(f"cannot be read as a SQLite database: {error}") from None


def _database_rows(cursor: Any, wanted: list[str], options: Options) -> Iterator[object]:
    builders: dict[str, Builder] = {}
    at = clock(options, "UTC")
    for values in cursor:
        # SQLite keeps doubles; repr is the shortest text that is this double, as freqtrade itself would print it.
        row = {name: Number(repr(value)) if isinstance(value, float) else value for name, value in zip(wanted, values)}
        line = row["id"] if isinstance(row["id"], int) else 0
        try:
            if any(isinstance(value, bytes) for value in values) or not line:
                raise Wrong("holds bytes, or an id that is no number")
            strategy = options.strategy or row.get("strategy") or ""
            if strategy not in builders:
                builders[strategy] = Builder(
                    options,
                    "ft",
                    strategy=strategy,
                    tags=["freqtrade"],
                    quantity_type="units",
                )
            yield _database_trade(row, builders[strategy], at, line)
        except Wrong as wrong:
            yield Unreadable(line, f"trade {line}: {wrong}")
    for build in builders.values():
        yield from build.said()
    yield Note("times are UTC, as freqtrade keeps them; line numbers are trade ids; order_type limit is its default")
    if not builders:
        yield Note("no trade is in it")


def _database_trade(row: dict[str, Any], build: Builder, at: Any, line: int) -> object:
    row["profit_abs"] = (
        row.get("close_profit_abs") if row.get("close_profit_abs") is not None else row.get("realized_profit")
    )
    row["profit_ratio"] = row.get("close_profit")
    row["exit_reason"] = row.get("exit_reason") or row.get("sell_reason")
    row["enter_tag"] = row.get("enter_tag") or row.get("buy_tag")
    row["is_open"], row["is_short"] = bool(row.get("is_open")), bool(row.get("is_short"))
    if row["is_open"]:
        row["close_rate"] = None
    found, tags = _row(row, at, 8, False)
    found.update(order_type="limit", venue=str(row.get("exchange") or "freqtrade"))
    quote = (
        row.get("stake_currency") or row.get("quote_currency") or found["symbol"].partition("/")[2].partition(":")[0]
    )
    found["currency"] = _currency(quote)
    found["linked_position_id"] = f"{build.prefix}{line}"
    # A dry run's database is thrown away and begins at 1 again: the opening time tells its trades from the old ones.
    native = f"{line}-{found['opened_at'].replace('-', '').replace(':', '').partition('.')[0].rstrip('Z')}"
    return build.trade(found, line, native + ("-open" if row["is_open"] else ""), tags=tags)
