"""The totals that MetaTrader prints, read whatever language they are labelled in.

What tells them apart is arithmetic: net = gross profit + gross loss; trades = short + long, each with its percentage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from .model import Printed, Wrong
from .values import exact, number

_COUNT = re.compile(r"(\d[\d ]*) \(\d+[.,]\d+ ?%\)")
_RUN = re.compile(r"(\d+) \((-?[\d .,]+)\)")
_LABELS = {
    "total net profit": "total_net_profit",
    "closed p/l": "total_net_profit",
    "gross profit": "gross_profit",
    "gross loss": "gross_loss",
    "profit factor": "profit_factor",
    "expected payoff": "expected_payoff",
    "balance drawdown maximal": "max_drawdown",
    "maximal drawdown": "",
}


def _money(text: str) -> Decimal | None:
    try:
        return exact(number(text, "total", "."))
    except Wrong:
        return None


class Results:
    """`feed` every row that is no trade; `printed` is what was understood."""

    def __init__(self, rounded_rows: bool = False):
        self._rounded = rounded_rows  # the program sums unrounded profits and prints rounded rows
        self._found: dict[str, str] = {}
        self._columns: list[tuple[str, Decimal]] = []
        self._after_counts = -1

    def feed(self, cells: list[str]) -> None:
        cells = [cell for cell in cells if cell]
        for label, value in zip(cells, cells[1:]):
            name = _LABELS.get(label.rstrip(":").strip().lower())
            if name and (match := re.match(r"-?[\d ]+(?:\.\d+)?", value)):
                self._found[name] = match[0].strip()
        values = [cell for cell in cells if re.fullmatch(r"-?\d[\d .]*(?:\.\d+)?", cell)]
        self._net_and_gross(cells, values)
        self._counts(cells)

    def _net_and_gross(self, cells: list[str], values: list[str]) -> None:
        if "total_net_profit" in self._found and "gross_loss" in self._found:
            return
        if len(values) == 3 and len(cells) <= 6:
            self._try(values)
        if len(cells) >= 2 and (first := _money(cells[1])) is not None:
            self._columns = [*self._columns[-2:], (cells[1], first)]
            if len(self._columns) == 3:
                self._try([text for text, _ in self._columns])
        elif cells:
            self._columns = []

    def _try(self, texts: list[str]) -> None:
        net, profit, loss = (_money(text) or Decimal(0) for text in texts)
        if profit > 0 > loss and abs(net - profit - loss) <= Decimal("0.02"):
            for name, text in zip(("total_net_profit", "gross_profit", "gross_loss"), texts):
                self._found[name] = text

    def _counts(self, cells: list[str]) -> None:
        counts = [match[1].replace(" ", "") for cell in cells if (match := _COUNT.fullmatch(cell))]
        if len(counts) == 2 and "total_trades" not in self._found:
            total = str(int(counts[0]) + int(counts[1]))
            if total in [cell.replace(" ", "") for cell in cells]:
                self._found.update(total_trades=total, short_trades=counts[0], long_trades=counts[1])
                self._after_counts = 0
                return
        if self._after_counts < 0 or len([cell for cell in cells if re.search(r"\d", cell)]) < 2:
            return
        self._after_counts += 1
        money = [cell for cell in cells if re.fullmatch(r"-?[\d ]+\.\d+", cell)]
        if self._after_counts == 1 and len(counts) == 2:
            self._found.update(profit_trades=counts[0], loss_trades=counts[1])
        elif self._after_counts == 2 and len(money) == 2:
            self._found.update(largest_profit=money[0], largest_loss=money[1])
        elif self._after_counts == 3 and len(money) == 2:
            self._found.update(average_profit=money[0], average_loss=money[1])
        elif self._after_counts == 4:
            runs = [match for cell in cells if (match := _RUN.fullmatch(cell))]
            if len(runs) == 2:
                self._found.update(max_consecutive_wins=runs[0][1], max_consecutive_losses=runs[1][1])

    def printed(self) -> Iterator[Printed]:
        for name, text in self._found.items():
            if name in ("gross_profit", "gross_loss") and self._rounded:
                yield Printed(
                    name,
                    text,
                    Decimal("0.005"),
                    "the tester sums profits before it rounds them, and prints the rounded rows",
                )
            elif name == "gross_loss" and not text.startswith("-"):
                yield Printed(name, "-" + text if (_money(text) or 0) else text)
            else:
                yield Printed(name, text)
