"""The demo's trades: six strategies on three accounts over three fixed years, the same events on every machine.

Nothing here is real, and nothing is random at run time: each strategy draws from `random.Random(its seed).random()`,
whose sequence Python promises to keep, through plain sums and products (no `gauss`, no libm). Amounts are whole numbers
of ticks, lot steps and cents, so that `pnl = price move * quantity * contract size + fees`, rounded half-even to the
cent, holds in every event and can be checked by hand.

The cast, and what the report should say of each:

- london-breakout  a real edge: significant, also when deflated by the six strategies tried.
- coin-flip-btc    no edge: a fair coin after costs, and the best of forty seeds. Convincing alone (psr 0.995), and
                   unproven once deflated by the six strategies tried.
- gold-scalper     wins two trades of three and loses money: its losers and its costs are too large.
- eurusd-grid      a martingale: it doubles into losses, so for months the curve only rises, and three days take back
                   most of it. Insufficient: with so few losing days seen, nothing is known about them.
- trend-follower   few wins, large ones, and index-reversion: many wins, small ones. Ordinary: perhaps an edge, not
                   shown yet.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from typing import Any

from trueedge_core.domain.money import write_json

START, END = date(2023, 11, 1), date(2026, 10, 31)  # the last day included
LIVE_FX, LIVE_CRYPTO, PAPER = "fx-live-40117", "crypto-live", "paper-01"
CENT = Decimal("0.01")

Event = dict[str, Any]
Draw = Callable[[], float]


@dataclass(frozen=True)
class Market:
    """What is traded.

    `swing`: typical daily move as a share of the price; `tick`: smallest price step; `size`: units in one lot; `step`:
    smallest quantity; `fee`: USD per lot for the round trip, or per USD of notional where `fee_on_notional`.
    """

    symbol: str
    venue: str
    price: float
    swing: float
    tick: Decimal
    size: int
    step: Decimal
    fee: Decimal
    quantity_type: str = "lots"
    fee_on_notional: bool = False
    every_day: bool = False


CRYPTO = (Decimal("0.0008"), "units", True, True)
# fmt: off
MARKETS = {market.symbol: market for market in (
    Market("EURUSD", "mt5", 1.0570, 0.0042, Decimal("0.00001"), 100_000, Decimal("0.01"), Decimal("7.00")),
    Market("GBPUSD", "mt5", 1.2150, 0.0048, Decimal("0.00001"), 100_000, Decimal("0.01"), Decimal("7.00")),
    Market("AUDUSD", "mt5", 0.6340, 0.0055, Decimal("0.00001"), 100_000, Decimal("0.01"), Decimal("7.00")),
    Market("XAUUSD", "mt5", 1984.00, 0.0090, Decimal("0.01"), 100, Decimal("0.01"), Decimal("12.00")),
    Market("US500", "mt5", 4210.0, 0.0085, Decimal("0.1"), 1, Decimal("0.1"), Decimal("0.40")),
    Market("NAS100", "mt5", 14420.0, 0.0110, Decimal("0.1"), 1, Decimal("0.1"), Decimal("0.90")),
    Market("BTC-USD", "coinbase", 34600.0, 0.0210, Decimal("0.01"), 1, Decimal("0.0001"), *CRYPTO),
    Market("ETH-USD", "coinbase", 1815.0, 0.0260, Decimal("0.01"), 1, Decimal("0.001"), *CRYPTO),
    Market("SOL-USD", "coinbase", 38.50, 0.0330, Decimal("0.01"), 1, Decimal("0.01"), *CRYPTO),
)}
# fmt: on


@dataclass(frozen=True)
class Desk:
    """One strategy on one account for some time, its trades independent of each other.

    `rate`: trades per market day; `hours`: UTC hours in which it opens; `hold`: minutes in the market, from and to;
    `risk`: USD at the stop; `stop`: its distance as a share of the daily swing; `p_win`: share of wins;
    `win`, `loss`: range of the outcome in units of the risk, before fees.
    """

    strategy_id: str
    account_id: str
    symbols: tuple[str, ...]
    seed: int
    rate: float
    hours: tuple[int, int]
    hold: tuple[int, int]
    risk: int
    stop: float
    p_win: float
    win: tuple[float, float]
    loss: tuple[float, float]
    order_type: str = "market"
    shows_risk: bool = True
    first: date = START
    last: date = END


# fmt: off
BREAKOUT = Desk(
    "london-breakout", LIVE_FX, ("EURUSD", "GBPUSD"), seed=11, rate=1.7, hours=(7, 11), hold=(20, 300),
    risk=120, stop=0.55, p_win=0.455, win=(0.7, 2.2), loss=(0.75, 1.04), order_type="stop", first=date(2024, 2, 1),
)
LUCKY = Desk(
    "coin-flip-btc", LIVE_CRYPTO, ("BTC-USD", "ETH-USD"), seed=28, rate=1.1, hours=(0, 24), hold=(30, 600),
    risk=90, stop=0.6, p_win=0.483, win=(0.6, 1.4), loss=(0.6, 1.05), shows_risk=False,
)
SCALPER = Desk(
    "gold-scalper", LIVE_FX, ("XAUUSD",), seed=31, rate=2.4, hours=(12, 17), hold=(2, 45),
    risk=60, stop=0.18, p_win=0.66, win=(0.15, 0.55), loss=(0.6, 1.15), order_type="limit",
)
TREND = Desk(
    "trend-follower", LIVE_CRYPTO, ("BTC-USD", "ETH-USD", "SOL-USD"), seed=41, rate=0.42, hours=(0, 24),
    hold=(720, 12_000), risk=150, stop=1.6, p_win=0.285, win=(0.5, 4.2), loss=(0.45, 1.06), order_type="stop",
)
REVERSION = Desk(
    "index-reversion", LIVE_FX, ("US500", "NAS100"), seed=51, rate=0.9, hours=(14, 19), hold=(30, 240),
    risk=100, stop=0.7, p_win=0.62, win=(0.2, 0.95), loss=(0.5, 1.1), order_type="limit",
)
# fmt: on
# Tried on paper before it went live, and one that still runs on both.
BREAKOUT_PAPER = replace(BREAKOUT, account_id=PAPER, seed=12, first=START, last=date(2024, 1, 31))
REVERSION_PAPER = replace(REVERSION, account_id=PAPER, seed=52)
DESKS = (BREAKOUT, BREAKOUT_PAPER, LUCKY, SCALPER, TREND, REVERSION, REVERSION_PAPER)


@dataclass(frozen=True)
class Grid:
    """The martingale: a basket takes one more position, twice as large, at every `gap` (ticks) against it.

    All close at once: `target` ticks beyond their average price, or at the stop after `levels` positions. `lots`: the
    first position, in steps.
    """

    strategy_id: str
    account_id: str
    symbol: str
    seed: int
    rate: float
    gap: int
    target: int
    lots: int
    levels: int


GRID = Grid("eurusd-grid", LIVE_FX, "EURUSD", 17, 0.95, gap=220, target=120, lots=3, levels=8)


def texts() -> list[str]:
    """Every event as the JSON text a bot would post, in trade order."""
    return [write_json(event) for event in events()]


def events() -> list[Event]:
    """Every event, in trade order: by timestamp, then by event_id."""
    paths = {symbol: _path(market, index) for index, (symbol, market) in enumerate(MARKETS.items())}
    found = [event for desk in DESKS for event in _numbered(_trades(desk, paths))]
    found += _numbered(_baskets(GRID, paths))
    return sorted(found, key=lambda event: (event["timestamp"], event["event_id"]))


def _numbered(drawn: Iterator[Event]) -> list[Event]:
    """Give ids in trade order, as a bot that counts its own trades would."""
    ordered = sorted(drawn, key=lambda event: (event["timestamp"], event["linked_position_id"], event["opened_at"]))
    for number, event in enumerate(ordered, 1):
        event["event_id"] = f"demo-{event['account_id']}-{event['strategy_id']}-{number:05d}"
    return [{"event_id": event.pop("event_id"), **event} for event in ordered]


# --- drawing ---------------------------------------------------------------------------------------------------------


def _between(draw: Draw, low: float, high: float) -> float:
    return low + (high - low) * draw()


def _bell(draw: Draw) -> float:
    """Nearly normal, mean 0 and variance 1: twelve uniform numbers less six. Sums only, so no libm can change it."""
    total = 0.0
    for _ in range(12):  # not sum(): since Python 3.12 it compensates for rounding, and the last bits differ
        total += draw()
    return total - 6


def _path(market: Market, seed: int) -> dict[date, float]:
    """The market's price on every day, a random walk without drift; one price over the weekend for those that rest."""
    draw, price, path, day = Random(1_000 + seed).random, market.price, {}, START
    while day <= END:
        path[day] = price
        if market.every_day or day.weekday() < 5:
            price *= 1 + 0.8 * market.swing * _bell(draw)
        day += timedelta(days=1)
    return path


def _open_days(market: Market, first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if market.every_day or day.weekday() < 5:
            yield day


def _ticks(price: float, market: Market) -> int:
    return round(price / float(market.tick))


# --- strategies ------------------------------------------------------------------------------------------------------


def _trades(desk: Desk, paths: dict[str, dict[date, float]]) -> Iterator[Event]:
    """Independent trades: the outcome of each is drawn in units of its risk."""
    draw = Random(desk.seed).random
    for symbol in desk.symbols:
        market, position = MARKETS[symbol], 0
        for day in _open_days(market, desk.first, desk.last):
            for _ in range(sum(draw() < desk.rate / len(desk.symbols) / 4 for _ in range(4))):
                position += 1
                opened = _moment(day, draw, *desk.hours)
                closed = opened + timedelta(milliseconds=round(_between(draw, *desk.hold) * 60_000))
                level = paths[symbol][day]
                entry = _ticks(level * (1 + 0.25 * market.swing * _bell(draw)), market)
                stop = max(1, _ticks(level * market.swing * desk.stop * _between(draw, 0.7, 1.3), market))
                won, long = draw() < desk.p_win, draw() < 0.5
                outcome = _between(draw, *desk.win) if won else -_between(draw, *desk.loss)
                move = round(outcome * stop)
                lot_risk = stop * market.tick * market.size
                quantity = max(1, int(desk.risk / (lot_risk * market.step))) * market.step
                yield _event(
                    desk.strategy_id, desk.account_id, market, opened, closed, entry, move, quantity, long,
                    order_type=desk.order_type,
                    position=f"{symbol}-{position:05d}",
                    risk=_cents(lot_risk * quantity) if desk.shows_risk else None,
                )  # fmt: skip


def _baskets(grid: Grid, paths: dict[str, dict[date, float]]) -> Iterator[Event]:
    """At every level a coin, fair by distance, decides whether price first reaches the target or the next gap."""
    draw, market, number = Random(grid.seed).random, MARKETS[grid.symbol], 0
    for day in _open_days(market, START, END):
        if draw() >= grid.rate:
            continue
        number += 1
        long, start = draw() < 0.5, _ticks(paths[grid.symbol][day], market)
        moments = [_moment(day, draw, 6, 18)]
        while True:
            moments.append(_on_weekday(moments[-1] + timedelta(milliseconds=round(_between(draw, 8, 200) * 60_000))))
            level = len(moments) - 2  # index of the position opened last; it stands at -level * gap
            lots = [grid.lots << i for i in range(level + 1)]
            average = -grid.gap * sum(i * lot for i, lot in enumerate(lots)) / sum(lots)
            reach = average + grid.target + level * grid.gap
            if draw() >= reach / (reach + grid.gap):
                exit_ = round(average + grid.target)
                break
            if level == grid.levels - 1:
                exit_ = -(level + 1) * grid.gap
                break
        for i, (opened, lot) in enumerate(zip(moments, lots, strict=False)):
            entry = start - i * grid.gap if long else start + i * grid.gap
            yield _event(
                grid.strategy_id, grid.account_id, market, opened, moments[-1], entry, exit_ + i * grid.gap,
                lot * market.step, long,
                order_type="limit" if i else "market", position=f"basket-{number:05d}", risk=None,
            )  # fmt: skip


def _moment(day: date, draw: Draw, first_hour: int, last_hour: int) -> datetime:
    seconds = _between(draw, first_hour * 3600, last_hour * 3600)
    return midnight(day) + timedelta(milliseconds=int(seconds * 1000))


def midnight(day: date) -> datetime:
    """The UTC instant at which the day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _on_weekday(at: datetime) -> datetime:
    return at + timedelta(days=max(0, 7 - at.weekday())) if at.weekday() > 4 else at


# --- the event -------------------------------------------------------------------------------------------------------


def _event(
    strategy_id: str,
    account_id: str,
    market: Market,
    opened: datetime,
    closed: datetime,
    entry: int,
    move: int,
    quantity: Decimal,
    long: bool,
    *,
    order_type: str,
    position: str,
    risk: Decimal | None,
) -> Event:
    """A position as an event: closed, or still open if it would close after the last day.

    `entry` and `move` are in ticks; a positive move is one in the position's favour.
    """
    price_open, price_close = entry * market.tick, (entry + (move if long else -move)) * market.tick
    value = quantity * market.size
    fees = -_cents(market.fee * (value * price_open if market.fee_on_notional else quantity))
    is_open = closed.date() > END
    event: Event = {
        "account_id": account_id,
        "strategy_id": strategy_id,
        "venue": market.venue,
        "symbol": market.symbol,
        "environment": "demo" if account_id == PAPER else "live",
        "timestamp": _rfc3339(opened if is_open else closed),
        "opened_at": _rfc3339(opened),
        "side": "buy" if long else "sell",
        "order_type": order_type,
        "quantity": quantity,
        "quantity_type": market.quantity_type,
        "price_open": price_open,
        "price_close": None if is_open else price_close,
        "fees": fees,
        "pnl": None if is_open else _cents(move * market.tick * value) + fees,
        "state": "open" if is_open else "closed",
        "currency": "USD",
        "linked_position_id": position,
        "metadata": {"contract_size": market.size, "simulated": True},
    }
    if risk is not None:
        event["initial_risk"] = risk
    return event


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_EVEN)


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
