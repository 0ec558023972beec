"""Runs inside freqtrade's own environment: trades of its own, told by its own bot through its own webhook.

The configuration comes by standard input. Every exit is told twice, as after a crash between telling and keeping.
Prints what freqtrade itself says of each trade.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import jsonschema
from freqtrade.config_schema import CONF_SCHEMA
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.persistence import Order, Trade, init_db
from freqtrade.rpc import RPCManager

OPENED = datetime(2026, 1, 5, 14, 32, 10, 123456, tzinfo=UTC)


def bot_of(config):
    """As much of a bot as its notifications need: they ask the exchange for nothing but the two halves of a pair."""
    jsonschema.validate(config["webhook"], CONF_SCHEMA["properties"]["webhook"])
    exchange = SimpleNamespace(
        get_pair_base_currency=lambda pair: pair.partition("/")[0],
        get_pair_quote_currency=lambda pair: pair.partition("/")[2].partition(":")[0],
    )
    bot = SimpleNamespace(config={**config, "stake_currency": "USDT"}, exchange=exchange)
    bot.rpc = RPCManager(bot)
    assert [module.name for module in bot.rpc.registered_modules] == ["webhook"]
    return bot


def filled(trade, side, amount, price, at):
    how = {"ft_is_open": False, "status": "closed", "order_type": "limit", "remaining": 0, "cost": amount * price}
    sides = {"ft_order_side": side, "side": side, "ft_pair": trade.pair, "symbol": trade.pair}
    amounts = {"ft_amount": amount, "amount": amount, "filled": amount}
    prices = {"ft_price": price, "price": price, "average": price}
    times = {"order_date": at, "order_filled_date": at, "order_update_date": at}
    order = Order(order_id=f"{trade.pair}-{side}-{at}", **how, **sides, **amounts, **prices, **times)
    trade.orders.append(order)
    return order


def traded(bot, pair, is_short, amount, entry, exits):
    trade = Trade(
        pair=pair,
        base_currency=pair.partition("/")[0],
        stake_currency="USDT",
        stake_amount=amount * entry,
        amount=amount,
        amount_requested=amount,
        open_rate=entry,
        open_date=OPENED,
        fee_open=0.001,
        fee_close=0.001,
        exchange="binance",
        is_open=True,
        is_short=is_short,
        leverage=2.0 if is_short else 1.0,
        trading_mode="futures" if is_short else "spot",
        strategy="MyStrategy",
        timeframe=5,
    )
    Trade.session.add(trade)
    filled(trade, trade.entry_side, amount, entry, OPENED)
    trade.recalc_trade_from_orders()
    for hours, (part, price) in enumerate(exits, 1):
        order = filled(trade, trade.exit_side, part, price, OPENED + timedelta(hours=hours))
        trade.exit_reason = "roi"
        trade.update_trade(order)
        for _ in range(2):
            FreqtradeBot._notify_exit(bot, trade, "limit", fill=True, sub_trade=trade.is_open, order=order)
    assert not trade.is_open
    return {"symbol": pair, "profit": repr(trade.close_profit_abs), "exits": len(exits)}


def main():
    bot = bot_of(json.load(sys.stdin))
    init_db("sqlite://")
    said = [
        traded(bot, "BTC/USDT", False, 0.12345678, 43210.98, [(0.12345678, 43999.01)]),
        traded(bot, "ETH/USDT:USDT", True, 3.5, 2250.5, [(3.5, 2300.25)]),
        traded(bot, "SOL/USDT", False, 10.0, 95.123, [(4.0, 101.5), (6.0, 90.25)]),
    ]
    print(json.dumps(said))


main()
