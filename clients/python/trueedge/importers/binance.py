"""Binance: futures position history (CSV). Its trade history, fill by fill, is `fills`."""

from __future__ import annotations

from .closedpnl import has
from .closedpnl import read_binance as read
from .source import Source

NAME, TITLE = "binance", "Binance futures position history (CSV)"
EXAMPLE = "trueedge import positions.csv --account binance-1 --strategy grid --environment live --timezone UTC"


def recognise(source: Source) -> bool:
    return has(source, "symbol", "entry price", "closing pnl", "closed")


__all__ = ["EXAMPLE", "NAME", "TITLE", "read", "recognise"]
