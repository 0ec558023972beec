"""`trueedge metrics`, `trades`, `report` and `tail`: what the server knows, for people and for pipes."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from .errors import TrueEdgeError, Unreachable
from .terminal import Progress, plain, table
from .transport import Transport

GROUPS = {"strategy": ("/metrics/by_strategy", "strategies"), "account": ("/metrics/by_account", "accounts")}
COLUMNS = ("total_trades", "total_pnl", "win_rate", "profit_factor", "max_drawdown", "sharpe_ratio")
TRADE_COLUMNS = (
    "timestamp",
    "environment",
    "account_id",
    "strategy_id",
    "symbol",
    "side",
    "quantity",
    "pnl",
    "currency",
)
NUMBERS = ("quantity", "pnl")
LOOK_BACK = 1_000  # trades that `tail` searches for late ones


def filters(arguments: argparse.Namespace) -> dict[str, Any]:
    """The query of the options that every reading command has."""
    names = {"account": "account_id", "strategy": "strategy_id", "since": "from", "until": "to"}
    found = {}
    for option in ("account", "strategy", "environment", "since", "until", "starting_balance"):
        value = getattr(arguments, option, None)
        if value is not None:
            found[names.get(option, option)] = value
    return found


# --- metrics ---------------------------------------------------------------------------------------------------------


def metrics(arguments: argparse.Namespace, transport: Transport) -> int:
    query = filters(arguments)
    if arguments.by:
        return _groups(arguments, transport, query)
    answer = transport.get("/metrics/overall", query)
    if arguments.json:
        print(answer.body.decode("utf-8"))
        return 0
    said = answer.json()
    rows = [(name, plain(value)) for part in ("metrics", "edge") for name, value in said[part].items()]
    print(_heading(said))
    print(table(rows))
    return 0


def _heading(said: Mapping[str, Any]) -> str:
    asked = ", ".join(f"{name} {plain(value)}" for name, value in said["filters"].items()) or "everything"
    counts = said["environments"]
    currency = plain(said["currency"])
    return f"{asked}; {counts['live']} live, {counts['demo']} demo; currency {currency}\n"


def _groups(arguments: argparse.Namespace, transport: Transport, query: dict[str, Any]) -> int:
    path, name = GROUPS[arguments.by]
    query.update({"sort": arguments.sort, "order": arguments.order, "limit": 1000})
    found = []
    for page in pages(transport, path, query):
        if arguments.json:
            for row in page[name]:
                print(json.dumps(row, default=str, ensure_ascii=False))
        found += page[name]
    if not arguments.json:
        head = (f"{arguments.by}_id", *COLUMNS, "verdict", "currency")
        rows = [
            (
                plain(row[head[0]]),
                *(plain(row["metrics"][column]) for column in COLUMNS),
                plain(row["edge"]["verdict"]),
                plain(row["currency"]),
            )
            for row in found
        ]
        print(table([head, *rows], right=range(1, 1 + len(COLUMNS))))
    return 0


def pages(transport: Transport, path: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every page of a listing, to the last."""
    cursor = None
    while True:
        page = transport.get(path, {**query, "cursor": cursor}).json()
        yield page
        cursor = page["next_cursor"]
        if cursor is None:
            return


# --- trades ----------------------------------------------------------------------------------------------------------


def trades(arguments: argparse.Namespace, transport: Transport) -> int:
    """All pages, newest first; as CSV or NDJSON the server's own bytes."""
    query = filters(arguments)
    if arguments.csv or arguments.json:
        with _output(arguments.output) as output:
            _raw_trades(transport, query, "csv" if arguments.csv else "ndjson", arguments.limit, output)
        return 0
    rows = [_trade_cells(row) for row in _limited(_trade_rows(transport, query, arguments.limit), arguments.limit)]
    text = table([(*TRADE_COLUMNS, "state"), *rows], right=_right())
    with _output(arguments.output) as output:
        output.write(text.encode() + b"\n")
    return 0


def _raw_trades(transport: Transport, query: dict[str, Any], form: str, limit: int | None, output: BinaryIO) -> None:
    progress = Progress("trades")
    cursor, done = None, 0
    try:
        while True:
            size = 1000 if limit is None else min(1000, limit - done)
            if size <= 0:
                return
            answer = transport.get("/trade_events", {**query, "format": form, "limit": size, "cursor": cursor})
            body = answer.body
            if form == "csv" and cursor is not None:  # the head is on the first page
                body = body.partition(b"\n")[2]
            output.write(body)
            done += _count_rows(answer.body, form)
            cursor = answer.headers.get("x-next-cursor")
            if cursor is None:
                return
            if output is not sys.stdout.buffer or not sys.stdout.isatty():
                progress.show(done)
    finally:
        progress.clear()


def _count_rows(body: bytes, form: str) -> int:
    if form == "ndjson":
        return body.count(b"\n")
    return sum(1 for _ in csv.reader(io.StringIO(body.decode("utf-8"), newline=""))) - 1  # the head


def _trade_rows(transport: Transport, query: Mapping[str, Any], limit: int | None) -> Iterator[dict[str, Any]]:
    size = 1000 if limit is None else max(1, min(1000, limit))
    for page in pages(transport, "/trade_events", {**query, "limit": size}):
        yield from page["trades"]


def _limited(rows: Iterator[dict[str, Any]], limit: int | None) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(rows):
        if limit is not None and number >= limit:
            return
        yield row


def _trade_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    event = row["event"]
    state = "voided" if row["void"] else plain(event.get("state"))
    return (*(plain(event.get(name)) for name in TRADE_COLUMNS), state)


def _right() -> list[int]:
    return [TRADE_COLUMNS.index(name) for name in NUMBERS]


@contextlib.contextmanager
def _output(path: str | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that is there whole or not at all."""
    if path is None or path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(path)
    new = target.with_name(target.name + ".part")
    try:
        with open(new, "wb") as file:
            yield file
        new.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


# --- report ----------------------------------------------------------------------------------------------------------


def report(arguments: argparse.Namespace, transport: Transport) -> int:
    """Write the page to a file that needs no server: the server puts everything into it."""
    page = transport.get("/report", {**filters(arguments), "part": "file"}).body
    with _output(arguments.output) as output:
        output.write(page)
    if arguments.output != "-":
        print(f"{arguments.output} written")
    return 0


# --- tail ------------------------------------------------------------------------------------------------------------


def tail(arguments: argparse.Namespace, transport: Transport) -> int:
    """Print the newest trades, then each that arrives, until it is stopped."""
    query = filters(arguments)
    seen = -1
    etag = None
    is_first = True
    while True:
        try:
            answer = transport.get("/trade_events", {**query, "limit": 100}, {"If-None-Match": etag} if etag else None)
        except Unreachable as error:  # patience is over; a tail has more
            print(f"trueedge: {error}; still trying", file=sys.stderr)
            continue
        if answer.status == 200:
            etag = answer.headers.get("etag")
            page = answer.json()
            new = [row for row in page["trades"] if row["position"] > seen]
            if is_first:
                new = new[: arguments.number]
            elif len(new) < page["as_of"]["events"] - 1 - seen and page["next_cursor"] is not None:
                new += _late(transport, query, page["next_cursor"], seen)
            for row in sorted(new, key=lambda one: one["position"]):
                _print_trade(row, arguments.json)
            seen = max(seen, page["as_of"]["events"] - 1)
            is_first = False
        time.sleep(arguments.interval)


def _late(transport: Transport, query: Mapping[str, Any], cursor: str, seen: int) -> list[dict[str, Any]]:
    """New trades that are older than the newest hundred: arrival and time differ."""
    page = transport.get("/trade_events", {**query, "limit": LOOK_BACK, "cursor": cursor}).json()
    return [row for row in page["trades"] if row["position"] > seen]


def _print_trade(row: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(row, default=str, ensure_ascii=False), flush=True)
        return
    widths = (25, 4, 12, 14, 10, 4, 10, 12, 4)
    cells = _trade_cells(row)
    padded = [
        cell.rjust(width) if name in NUMBERS else cell.ljust(width)
        for name, cell, width in zip(TRADE_COLUMNS, cells, widths)
    ]
    print("  ".join([*padded, cells[-1]]).rstrip(), flush=True)


def wrong_output(arguments: argparse.Namespace) -> None:
    """Raises: TrueEdgeError when a file is asked for where none can be written."""
    path = getattr(arguments, "output", None)
    if path and path != "-" and not Path(path).resolve().parent.is_dir():
        raise TrueEdgeError(f"--output: there is no folder {Path(path).resolve().parent}")
