"""Claims, over HTTP from the real server: a figure over 1,000,000 trades costs what it costs over 1,000.

`GET /metrics/overall` <= 1.5 x of a store with 1,000 trades and <= 10 ms at the median; with `from`/`to` inside hours
<= 4 x of that; `/metrics/by_strategy` (100 strategies) <= 40 ms; `/report` <= 150 ms, and <= 2 x of a store with 1,000
trades. Two servers, one store each, asked in turn over keep-alive connections; questions differ from one to the next
(starting balance, dates), so that no remembered answer is measured. By strategy it is asked as it stands in the claim,
and with a starting balance, which adds figures, beside it.
"""

import json
import statistics
from collections.abc import Callable
from datetime import timedelta
from http.client import HTTPConnection
from random import Random

from . import data
from .harness import Result, Scale, console, milliseconds, server, timed
from .store import loaded

SMALL = 1_000
PER_ROUND = 60
ROWS = ("by_month", "by_weekday", "by_hour", "by_symbol", "limits")
DEAR_PER_ROUND = 8  # these and the curve are for information


def run(scale: Scale) -> list[Result]:
    small_store, large_store = loaded(SMALL), loaded(scale.trades)
    with server(small_store, workers=1) as small_port, server(large_store, workers=1) as large_port:
        small, large = Client(small_port), Client(large_port)
        assert large.ask("/metrics/overall")["metrics"]["total_trades"] == scale.trades
        assert len(large.ask("/metrics/by_strategy")["strategies"]) == data.STRATEGIES
        ask = {
            "small": (small, overall, PER_ROUND),
            "large": (large, overall, PER_ROUND),
            "cut": (large, cut, PER_ROUND),
            "strategy": (large, one_strategy, PER_ROUND),
            "by_strategy": (large, by_strategy, PER_ROUND // 2),
            "by_strategy_balance": (large, by_strategy_balance, DEAR_PER_ROUND),
            "by_strategy_cut": (large, by_strategy_cut, DEAR_PER_ROUND),
            "by_month": (large, by_month, DEAR_PER_ROUND),
            "by_weekday": (large, by_weekday, DEAR_PER_ROUND),
            "by_hour": (large, by_hour, DEAR_PER_ROUND),  # the warm-up pays for the months that are then known
            "by_symbol": (large, by_symbol, DEAR_PER_ROUND),
            "limits": (large, limits, DEAR_PER_ROUND),
            "curve": (large, curve, DEAR_PER_ROUND),
            "report": (large, report, DEAR_PER_ROUND),
            "report_small": (small, report, DEAR_PER_ROUND),
        }
        took: dict[str, list[float]] = {name: [] for name in ask}
        draw = Random(7).random
        for turn in range(scale.rounds + 1):  # the first warms up
            console.print(f"read: round {turn} of {scale.rounds}" if turn else "read: warming up")
            for name, (client, path, count) in ask.items():
                seconds = [client.seconds(path(draw)) for _ in range(count)]
                took[name] += seconds if turn else []
    middle = {name: statistics.median(values) for name, values in took.items()}
    ms = {name: milliseconds(value) for name, value in middle.items()}
    what, base = f"at {scale.trades:,} trades", f"overall at {SMALL:,} trades {ms['small']}"

    def ratio(name: str, limit: str = "") -> tuple[float, str]:
        return middle[name] / middle["small"], limit

    def within(name: str, limit: str = "") -> Result:
        return Result(f"{TITLES[name]} {what}, median", ms[name], "", 1000 * middle[name], limit, "ms")

    return [
        Result(f"{TITLES['large']} {what}", ms["large"], base, *ratio("large", "<= 1.5")),
        within("large", "<= 10"),
        Result(f"{TITLES['cut']} {what}", ms["cut"], base, *ratio("cut", "<= 4")),
        within("by_strategy", "<= 40"),
        *(within(name) for name in ("by_strategy_balance", "strategy", "by_strategy_cut", *ROWS, "curve")),
        within("report", "<= 150"),
        Result(
            f"{TITLES['report']} {what}",
            ms["report"],
            f"the same at {SMALL:,} trades {ms['report_small']}",
            middle["report"] / middle["report_small"],
            "<= 2",
        ),
    ]


Draw = Callable[[], float]

TITLES = {
    "large": "GET /metrics/overall",
    "cut": "GET /metrics/overall, from and to inside hours",
    "strategy": "GET /metrics/strategy/{id}",
    "by_strategy": "GET /metrics/by_strategy, all 100",
    "by_strategy_balance": "GET /metrics/by_strategy, all 100, starting_balance",
    "by_strategy_cut": "GET /metrics/by_strategy, all 100, from and to",
    "by_month": "GET /metrics/by_month",
    "by_weekday": "GET /metrics/by_weekday, asked before",
    "by_hour": "GET /metrics/by_hour, asked before",
    "by_symbol": "GET /metrics/by_symbol, asked before",
    "limits": "GET /accounts/{id}/limits",
    "curve": "GET /metrics/equity_curve",
    "report": "GET /report",
}


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path: str) -> bytes:
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, answer.status, body[:500])
        return body

    def ask(self, path: str) -> dict[str, dict[str, object]]:
        return json.loads(self.get(path))  # type: ignore[no-any-return]

    def seconds(self, path: str) -> float:
        return timed(lambda: self.get(path))


def _balance(draw: Draw) -> str:
    return f"starting_balance={int(1_000_000 * draw())}"


def _dates(draw: Draw) -> str:
    """Both ends somewhere within an hour, months to years apart."""
    first = data.START + draw() * 0.4 * data.SPAN
    last = first + timedelta(days=60) + draw() * 0.5 * data.SPAN
    return f"from={first:%Y-%m-%dT%H:%M:%S}Z&to={last:%Y-%m-%dT%H:%M:%S}Z"


def overall(draw: Draw) -> str:
    return f"/metrics/overall?{_balance(draw)}"


def cut(draw: Draw) -> str:
    return f"/metrics/overall?{_dates(draw)}"


def one_strategy(draw: Draw) -> str:
    return f"/metrics/strategy/strategy-{int(data.STRATEGIES * draw()):03d}?{_balance(draw)}"


def by_strategy(draw: Draw) -> str:
    return "/metrics/by_strategy"


def by_strategy_balance(draw: Draw) -> str:
    return f"/metrics/by_strategy?{_balance(draw)}"


def by_strategy_cut(draw: Draw) -> str:
    return f"/metrics/by_strategy?{_dates(draw)}"


def by_month(draw: Draw) -> str:
    return f"/metrics/by_month?{_balance(draw)}"


def by_weekday(draw: Draw) -> str:
    return f"/metrics/by_weekday?{_balance(draw)}"


def by_hour(draw: Draw) -> str:
    return f"/metrics/by_hour?{_balance(draw)}"


def by_symbol(draw: Draw) -> str:
    return f"/metrics/by_symbol?{_balance(draw)}"


def limits(draw: Draw) -> str:
    return f"/accounts/{data.ACCOUNTS[int(len(data.ACCOUNTS) * draw())]}/limits"


def curve(draw: Draw) -> str:
    return f"/metrics/equity_curve?{_balance(draw)}"


def report(draw: Draw) -> str:
    return f"/report?{_balance(draw)}"
