"""The benchmark's trades: always the same ones, in time order, each as the ~600 bytes of JSON that a bot would post.

100 strategies on 6 accounts, four live and two demo; each strategy trades on one of either kind, seven trades of ten
live. Not the demo's simulator: nobody looks at these figures, and a million of them must be made in seconds.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from trueedge_core.domain.events import TradeEvent, parse_event
from trueedge_core.domain.money import read_json

VERSION = 1  # change it with the data: stores that were loaded before are then loaded anew
TRADES = 1_000_000
STRATEGIES = 100
ACCOUNTS = ("live-1", "live-2", "live-3", "live-4", "demo-1", "demo-2")
START, YEARS = datetime(2021, 11, 1, tzinfo=UTC), 5
SPAN = timedelta(days=1826)
DAY = timedelta(days=1)
NOW_US = int((START + SPAN + 10 * DAY).timestamp()) * 1_000_000  # the clock the events are checked against

_SYMBOLS = ("EURUSD", "GBPUSD", "XAUUSD", "US500", "BTCUSD", "ETHUSD", "USDCHF", "AUDNZD")
_EPOCH = datetime(1970, 1, 1)  # naive: isoformat() of it needs no zone
_NOTE = "breakout above the morning high, filled at market; spread 0.8, slippage 0.2, server latency 41 ms"


def texts(trades: int, start: datetime = START, span: timedelta = SPAN, series: str = "b") -> Iterator[str]:
    """So many events, spread over the span, in time order. Another `series` has other ids."""
    draw = Random(f"{VERSION} {series}").random
    gap = span / trades / timedelta(microseconds=1)
    first = int(start.timestamp()) * 1_000_000
    for number in range(trades):
        at = first + int(gap * (number + draw()))
        which = draw()
        strategy = int(which * STRATEGIES)
        account = ACCOUNTS[strategy % 4] if draw() < 0.7 else ACCOUNTS[4 + strategy % 2]
        entry = 10_000 + int(20_000 * draw())
        move = int(400 * draw()) - 185  # ticks of 0.00001; a little better than nothing
        lots = 1 + int(200 * draw())
        fees, side = -7 * lots, "buy" if which * 1000 % 1 < 0.5 else "sell"
        yield (
            f'{{"event_id":"{series}-{account}-{number:08d}","account_id":"{account}","strategy_id":"strategy-{strategy:03d}",'
            f'"venue":"mt5-demo-broker","symbol":"{_SYMBOLS[strategy % 8]}","environment":"{account[:4]}",'
            f'"timestamp":"{_time(at)}","opened_at":"{_time(at - 60_000_000 - int(3.6e9 * draw()))}",'
            f'"side":"{side}","order_type":"market","quantity":{_cents(lots)},"quantity_type":"lots",'
            f'"price_open":{_price(entry)},"price_close":{_price(entry + (move if side == "buy" else -move))},'
            f'"fees":{_cents(fees)},"pnl":{_cents(move * lots + fees)},"state":"closed","currency":"USD",'
            f'"initial_risk":{_cents(200 * lots)},"linked_position_id":"{40_000_000 + number}",'
            f'"metadata":{{"magic":{1000 + strategy},"timeframe":"M15","comment":"{_NOTE}"}}}}'
        )


def parsed(lines: Iterator[str] | list[str]) -> list[TradeEvent]:
    """The events of the texts, as an ingest function has them."""
    return [parse_event(read_json(line), line, NOW_US) for line in lines]


def _time(us: int) -> str:
    return f"{(_EPOCH + timedelta(microseconds=us - us % 1000)).isoformat(timespec='milliseconds')}Z"


def _cents(n: int) -> str:
    return f"{'-' if n < 0 else ''}{abs(n) // 100}.{abs(n) % 100:02d}"


def _price(ticks: int) -> str:
    return f"1.{ticks:05d}"
