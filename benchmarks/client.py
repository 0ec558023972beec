"""Claim: `record` of the bots' client takes <= 100 us at the median and <= 5 ms at the 99th percentile.

Beside it, on the same disk and in turn: appending the same line to a plain file and flushing it, as a log would, which
keeps it through a kill -9 as the outbox does. With the server up, so that the sender works meanwhile, and with no
server; and with a pause after each, as bots record, when the caches have gone cold for both.
"""

import gc
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trueedge import TrueEdge

from .harness import Result, Scale, console, scratch, server

TRADES = 20_000
PACED, PAUSE = 300, 0.01
NOWHERE = "http://127.0.0.1:1"

Took = list[float]


def run(scale: Scale) -> list[Result]:
    count, rounds = scale.part(TRADES), min(3, scale.rounds)
    results = []
    for name, is_up, trades, pause in [
        ("server up", True, count, 0.0),
        ("server down", False, count, 0.0),
        (f"server up, a pause of {PAUSE * 1000:.0f} ms", True, PACED, PAUSE),
    ]:
        ours: list[Took] = []
        plain: list[Took] = []
        for turn in range(rounds):
            console.print(f"client: {name}, {trades:,} trades, round {turn + 1} of {rounds}")
            with scratch() as folder:
                plain.append(_plain(folder / "plain.ndjson", trades, pause))
                if is_up:
                    with server(folder / "client.db", 2) as port:
                        ours.append(_record(f"http://127.0.0.1:{port}", folder, trades, pause, flush=True))
                else:
                    ours.append(_record(NOWHERE, folder, trades, pause, flush=False))
        results += _results(name, ours, plain)
    return results


def _results(name: str, ours: list[Took], plain: list[Took]) -> list[Result]:
    def microseconds(percentile: float, limit: str) -> Result:
        mine, theirs = ([_at(took, percentile) * 1e6 for took in some] for some in (ours, plain))
        middle = statistics.median(mine)
        what = "median" if percentile == 0.5 else f"p{percentile * 100:g}"
        reference = f"plain append {statistics.median(theirs):,.1f} us"
        return Result(f"record(), {name}: {what}", f"{middle:,.1f} us", reference, middle, limit, "us", tuple(mine))

    return [microseconds(0.5, "<= 100"), microseconds(0.99, "<= 5000")]


def _at(took: Took, percentile: float) -> float:
    return sorted(took)[int(len(took) * percentile)]


def trade(number: int) -> dict[str, Any]:
    return {
        "event_id": f"bench-{number}",
        "account_id": "acct-7",
        "strategy_id": "trend",
        "environment": "demo",
        "venue": "bench",
        "symbol": "EURUSD",
        "timestamp": "2026-01-05T14:32:10Z",
        "side": "buy",
        "order_type": "market",
        "quantity": "0.10",
        "quantity_type": "lots",
        "price_open": 1.0843,
        "price_close": 1.0861,
        "fees": "-0.70",
        "pnl": "17.30",
        "currency": "USD",
        "state": "closed",
    }


def _measured(work: Callable[[dict[str, Any]], object], trades: int, pause: float) -> Took:
    made = [trade(number) for number in range(trades)]
    took = []
    gc.collect()
    gc.freeze()  # the benchmark's own objects are no part of what is measured
    try:
        for one in made:
            start = time.perf_counter()
            work(one)
            took.append(time.perf_counter() - start)
            if pause:
                time.sleep(pause)
    finally:
        gc.unfreeze()
    return took


def _plain(path: Path, trades: int, pause: float) -> Took:
    with path.open("a", encoding="utf-8") as file:

        def append(one: dict[str, Any]) -> None:
            file.write(json.dumps(one) + "\n")
            file.flush()

        return _measured(append, trades, pause)


def _record(url: str, folder: Path, trades: int, pause: float, flush: bool) -> Took:
    edge = TrueEdge(url, outbox=folder / "outbox")
    took = _measured(edge.record, trades, pause)
    if flush:
        assert edge.flush(120), f"the server did not take everything: {edge.trouble}"
    else:
        assert edge.waiting() == trades
    edge.close(0)
    return took
