"""Which column of a table is which field: what the user maps, else the names that exports use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Callable

from .model import FileProblem, Options
from .tables import key

ALIASES: dict[str, Sequence[str]] = {
    "event_id": ("event_id", "event id", "trade id", "trade_id", "ticket"),  # never given twice
    "account_id": ("account_id", "account id", "account", "login"),
    "strategy_id": ("strategy_id", "strategy id", "strategy", "bot", "expert", "setup"),
    "environment": ("environment",),
    "venue": ("venue", "exchange", "broker"),
    "timestamp": (
        "timestamp",
        "close time",
        "close_time",
        "closed at",
        "closed_at",
        "close date",
        "close_date",
        "exit time",
        "exit_time",
        "exit date",
        "closed",
        "time closed",
        "date closed",
        "closing time",
        "time",
        "date",
        "datetime",
        "date/time",
    ),
    "opened_at": (
        "opened_at",
        "opened at",
        "open time",
        "open_time",
        "open date",
        "open_date",
        "entry time",
        "entry_time",
        "entry date",
        "opened",
        "time opened",
        "date opened",
        "opening time",
    ),
    "symbol": ("symbol", "instrument", "ticker", "pair", "market", "item", "contract", "contracts", "asset"),
    "side": ("side", "direction", "type", "buy/sell", "long/short", "position", "action"),
    "order_type": ("order_type", "order type"),
    "quantity": ("quantity", "qty", "volume", "size", "lots", "units", "amount", "shares", "position size (qty)"),
    "quantity_type": ("quantity_type",),
    "price_open": (
        "price_open",
        "open price",
        "open_price",
        "entry price",
        "entry_price",
        "entry",
        "open rate",
        "open_rate",
        "avg entry price",
        "buy price",
        "price",
    ),
    "price_close": (
        "price_close",
        "close price",
        "close_price",
        "exit price",
        "exit_price",
        "exit",
        "close rate",
        "close_rate",
        "avg. close price",
        "avg exit price",
        "sell price",
        "price 2",
    ),
    "fees": ("fees", "fee", "commission", "commissions", "comm/fee"),
    "pnl": (
        "pnl",
        "p&l",
        "p/l",
        "net p&l",
        "net pnl",
        "net profit",
        "profit",
        "profit/loss",
        "realized pnl",
        "realized p&l",
        "realized p/l",
        "closed p&l",
        "closing pnl",
        "result",
    ),
    "currency": ("currency", "account currency"),
    "state": ("state", "status"),
    "initial_risk": ("initial_risk", "initial risk", "risk"),
    "linked_position_id": ("linked_position_id",),
    "tags": ("tags", "tag", "labels"),
}
ZONE_IN_HEADING = re.compile(r" ?\((utc|gmt)? ?([+-]\d{1,2}(?::?\d{2})?)?\)$")


def bare(heading: str) -> str:
    """A heading without the zone in it: `trade time(utc+0)` is `trade time`."""
    match = ZONE_IN_HEADING.search(heading)
    return heading[: match.start()] if match and (match[1] or match[2]) else heading


def zone_in(heading: str) -> str:
    """The zone that a heading names: `Date(UTC)`, `Trade Time(UTC+8)`; "" where it names none."""
    match = ZONE_IN_HEADING.search(heading)
    if not match or not (match[1] or match[2]):
        return ""
    return match[2] if match[2] and int(match[2].replace(":", "")) else "UTC"


def pick(
    headings: list[str], options: Options, aliases: Mapping[str, Sequence[str]], known: Sequence[str] = ()
) -> dict[str, str]:
    """field -> heading. Raises: FileProblem where --map names what is not there."""
    chosen: dict[str, str] = {}
    fields = [*aliases, *known]
    for field, column in options.mapping.items():
        if field not in fields:
            raise FileProblem(f"--map {field}=..: there is no such field; there are {', '.join(aliases)}")
        if key(column) not in headings:
            raise FileProblem(
                f"--map {field}={column}: it has no such column; it has {', '.join(filter(None, headings))}"
            )
        chosen[field] = key(column)
    for field, names in aliases.items():
        if field in chosen:
            continue
        for name in names:
            found = next((one for one in headings if name in (one, bare(one)) and one not in chosen.values()), None)
            if found is not None:
                chosen[field] = found
                break
    return chosen


def checker(*needed: str) -> Callable[[list[str]], bool]:
    return lambda headings: set(needed) <= {bare(one) for one in headings}


SIDES = {
    word: side
    for side, words in (
        ("buy", ["buy", "long", "b", "l", "bought", "bot", "kauf", "compra", "achat", "acquisto", "покупка", "买入"]),
        ("sell", ["sell", "short", "s", "sold", "sld", "verkauf", "venta", "vente", "vendita", "продажа", "卖出"]),
        ("buy", ("close long", "open long")),
        ("sell", ("close short", "open short")),
    )
    for word in words
}
