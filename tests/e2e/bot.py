"""A trading bot as a process: `python -m tests.e2e.bot URL OUTBOX TRADES THREADS`.

Records so many trades in so many threads, says "recorded" and lives on until it is killed. With 0 trades it only sends
what earlier ones left, and ends when all is answered for.
"""

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trueedge import TrueEdge, cost, event_id

START = datetime(2026, 1, 5, tzinfo=UTC)


def main(url: str, outbox: str, trades: int, threads: int) -> int:
    edge = TrueEdge(url, outbox=outbox, defaults={"account_id": "acct", "environment": "demo", "venue": "test"})
    if not trades:
        return 0 if edge.flush(120) else 1

    def trade(thread: int) -> None:
        for number in range(thread, trades, threads):
            pnl = Decimal(number % 200 - 100) / 8
            edge.record(
                event_id=event_id("test", "acct", number, "closed"),
                strategy_id=f"s{thread}",
                symbol="EURUSD",
                timestamp=START + timedelta(seconds=number),
                side="buy" if number % 2 else "sell",
                order_type="market",
                quantity=0.1,
                quantity_type="lots",
                price_open=1.0843,
                price_close=1.0861,
                fees=cost("0.70"),
                pnl=pnl,
                currency="USD",
                state="closed",
            )

    workers = [threading.Thread(target=trade, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print("recorded", flush=True)
    time.sleep(600)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
