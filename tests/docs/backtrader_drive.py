"""Runs inside an environment with backtrader: a run over made-up bars with the analyzer of docs/connect/backtrader.md.

Arguments: URL, key, name of the run. Prints what backtrader's own TradeAnalyzer counts.
"""

import datetime
import json
import math
import sys

import backtrader as bt
from analyzer import TrueEdge


class Bars(bt.feed.DataBase):
    """Two hundred hours of a wave."""

    def start(self):
        super().start()
        self.place = 0

    def _load(self):
        if self.place == 200:
            return False
        price = 100 + 10 * math.sin(self.place / 7) + self.place / 50
        at = datetime.datetime(2026, 1, 5) + datetime.timedelta(hours=self.place)
        self.lines.datetime[0] = bt.date2num(at)
        for line in (self.lines.open, self.lines.high, self.lines.low, self.lines.close):
            line[0] = price
        self.lines.volume[0] = 1
        self.place += 1
        return True


class Turning(bt.Strategy):
    """Long and short in turn, in two steps in and one out; a position is open at the end."""

    def next(self):
        step = len(self) % 40
        if step in (2, 6):
            self.buy(size=3)
        elif step in (22, 25):
            self.sell(size=2)
        elif step in (15, 38):
            self.close()


def main():
    url, key, run = sys.argv[1:]
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcommission(commission=0.001)
    cerebro.adddata(Bars(), name="WAVE")
    cerebro.addstrategy(Turning)
    cerebro.addanalyzer(bt.analyzers.TradeAnalyzer, _name="own")
    cerebro.addanalyzer(TrueEdge, url=url, key=key, run=run)
    [strategy] = cerebro.run(tradehistory=True)
    own = strategy.analyzers.own.get_analysis()
    counted = {"closed": own.total.closed, "long": own.long.total, "short": own.short.total, "net": own.pnl.net.total}
    print(json.dumps(counted))


main()
