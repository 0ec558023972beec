"""Bybit: derivatives closed P&L (CSV)."""

from __future__ import annotations

from .closedpnl import has
from .closedpnl import read_bybit as read
from .source import Source

NAME, TITLE = "bybit", "Bybit closed P&L (CSV)"
EXAMPLE = "trueedge import closed-pnl.csv --account bybit-1 --strategy grid --environment live"


def recognise(source: Source) -> bool:
    return has(source, "entry price", "exit price", "closed p&l") or has(
        source, "entry price", "exit price", "realized p&l", "trade type"
    )


__all__ = ["EXAMPLE", "NAME", "TITLE", "read", "recognise"]
