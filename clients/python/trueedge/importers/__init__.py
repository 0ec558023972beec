"""Readers of the files that trading programs export; one module a format, found by its content.

    for item in read(Source("Statement.htm"), Options(account="a", strategy="s", environment="live", timezone="UTC")):
        ...   # Trade, Raw, Unreadable, Skipped, Note, Printed or NotCompared

Every importer streams: it holds the trades that are open, and not the file. Nothing here speaks to a server.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from . import binance, bybit, fills, freqtrade, generic, ibkr, jsonfiles, mt4, mt5, parquet, tradingview
from .model import FileProblem, Options, Wrong
from .source import Source

# In the order in which a file is shown to them: the most particular first.
FORMATS: dict[str, ModuleType] = {
    module.NAME: module
    for module in (mt5, mt4, tradingview, freqtrade, ibkr, binance, bybit, parquet, fills, generic, jsonfiles)
}
ALSO = {"jsonl": "json", "ndjson": "json", "generic": "csv"}


def recognise(source: Source) -> ModuleType:
    """The module for a file. Raises: FileProblem where none knows it."""
    for module in FORMATS.values():
        if module.recognise(source):
            return module
    if source.packed:
        raise FileProblem("it is an archive, but no spreadsheet and no backtest of freqtrade: unpack it first")
    raise FileProblem(f"its format is not recognised: say --format, one of {', '.join(FORMATS)}")


def read(source: Source, options: Options) -> Iterator[object]:
    """The items of a file. Raises: FileProblem where the file as a whole cannot be imported."""
    named = ALSO.get(options.format, options.format) if options.format else None
    module = FORMATS[named] if named else recognise(source)
    try:
        yield from module.read(source, options)
    except Wrong as wrong:  # of the heading, not of a row
        raise FileProblem(str(wrong)) from None


__all__ = ["ALSO", "FORMATS", "FileProblem", "Options", "Source", "read", "recognise"]
