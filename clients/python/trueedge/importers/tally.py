"""What the imported trades add up to, in constant size, to be held against what their file prints."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, NamedTuple

from .model import Printed, Wrong
from .values import WIDE, add, exact, number, plain


class Tally:
    """Sums over the closed trades, in file order; exact."""

    def __init__(self) -> None:
        self.count = self.wins = self.losses = self.longs = 0
        self.pnl = self.profit = self.loss = self.peak = self.drawdown = Decimal(0)
        self.largest_profit = self.largest_loss = Decimal(0)
        self.run = self.most_wins = self.most_losses = 0

    def add(self, event: dict[str, Any]) -> None:
        if event["state"] != "closed":
            return
        pnl = exact(event["pnl"])
        self.count += 1
        self.longs += event["side"] == "buy"
        self.pnl = add(self.pnl, pnl)
        self.peak = max(self.peak, self.pnl)
        self.drawdown = max(self.drawdown, add(self.peak, -self.pnl))
        if pnl > 0:
            self.wins, self.profit, self.largest_profit = (
                self.wins + 1,
                add(self.profit, pnl),
                max(self.largest_profit, pnl),
            )
        elif pnl < 0:
            self.losses, self.loss, self.largest_loss = (
                self.losses + 1,
                add(self.loss, pnl),
                min(self.largest_loss, pnl),
            )
        sign = (pnl > 0) - (pnl < 0)
        self.run = self.run + sign if sign * self.run > 0 else sign
        self.most_wins, self.most_losses = max(self.most_wins, self.run), max(self.most_losses, -self.run)

    def figure(self, name: str) -> Decimal | None:
        """By the name that importers give it; None where it is undefined or not known here."""
        counts = {
            "total_trades": self.count,
            "profit_trades": self.wins,
            "wins": self.wins,
            "loss_trades": self.losses,
            "losses": self.losses,
            "breakeven": self.count - self.wins - self.losses,
            "long_trades": self.longs,
            "short_trades": self.count - self.longs,
            "max_consecutive_wins": self.most_wins,
            "max_consecutive_losses": self.most_losses,
        }
        money = {
            "total_net_profit": self.pnl,
            "total_pnl": self.pnl,
            "gross_profit": self.profit,
            "gross_loss": self.loss,
            "largest_profit": self.largest_profit,
            "largest_loss": self.largest_loss,
            "max_drawdown": self.drawdown,
        }
        if name in counts:
            return Decimal(counts[name])
        if name in money:
            return money[name]
        quotients = {
            "profit_factor": (self.profit, -self.loss),
            "expected_payoff": (self.pnl, Decimal(self.count)),
            "average_profit": (self.profit, Decimal(self.wins)),
            "average_loss": (self.loss, Decimal(self.losses)),
        }
        if name in quotients and quotients[name][1]:
            return WIDE.divide(*quotients[name])
        return None


class Compared(NamedTuple):
    name: str
    ours: str
    theirs: str
    verdict: str
    agrees: bool


_QUOTIENTS = ("profit_factor", "expected_payoff", "average_profit", "average_loss")


def compare(printed: Printed, tally: Tally) -> Compared | None:
    """None where we have no such figure to compare."""
    ours = printed.ours if printed.ours is not None else tally.figure(printed.name)
    try:
        text = number(printed.text, printed.name, "." if re.search(r"\.\d+$", printed.text) else None)
    except Wrong:
        return None
    theirs = exact(text)
    if ours is None:
        return None
    name = printed.name.replace("_", " ")
    places = max(0, -int(theirs.as_tuple().exponent))
    gap = abs(ours - theirs)
    if printed.name in _QUOTIENTS and not printed.slack:
        # Half of the last printed digit, whichever way the program rounds.
        agrees = gap <= Decimal(5).scaleb(-places - 1)
        shown = str(plain(ours.quantize(Decimal(1).scaleb(-places - 2))))
        return Compared(name, shown, printed.text, "equal as printed" if agrees else "DIFFERS", agrees)
    shown = str(plain(ours)) if places < 12 else str(plain(ours.quantize(Decimal(1).scaleb(-20))))
    if not gap:
        return Compared(name, shown, printed.text, "equal", True)
    if gap <= printed.slack * max(1, tally.count):
        return Compared(name, shown, printed.text, f"within rounding, {plain(gap.normalize())}: {printed.why}", True)
    return Compared(name, shown, printed.text, f"DIFFERS by {plain(gap.normalize())}", False)
