"""The tables by strategy and by account: the parts of a scope, each with its own figures, verdict and link."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..domain.metrics import Basis
from ..domain.ports import GroupKind, Reading
from . import text, verdict
from .figures import Figure, figure
from .selection import Selection

MAX_ROWS = 500
SPARK_POINTS, COMPARE_POINTS = 60, 200
_COLUMNS = ("total_trades", "total_pnl", "win_rate", "profit_factor", "max_drawdown", "sharpe_ratio")
_IN_CURRENCY = {"total_pnl", "max_drawdown"}


@dataclass(frozen=True, slots=True)
class Group:
    """The parts of a scope by strategy or account, ordered by id; `further` = there are more than these."""

    kind: GroupKind
    items: Sequence[tuple[str, Reading]]
    further: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """`spark` and `curve`: where the script finds the row's points, few and many."""

    id: str
    href: str
    figures: tuple[Figure, ...]
    verdict: str
    verdict_label: str
    spark: str
    curve: str


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by strategy or by account, the best total first; one row at least.

    `unit` is the currency when all rows have the same (then no cell repeats it). `more` says what is not shown.
    """

    kind: GroupKind
    title: str
    unit: str
    rows: tuple[Row, ...]
    more: str


def table(selection: Selection, group: Group, tried: int) -> Table:
    # Stable: equal totals stay by id; what has no closed trade comes last.
    ranked = sorted(group.items, key=lambda item: (item[1].summary.n == 0, -item[1].summary.pnl))
    rows = tuple(_row(selection, group.kind, id_, reading, tried) for id_, reading in ranked[:MAX_ROWS])
    units = {f.unit for row in rows for f in row.figures if f.name in _IN_CURRENCY}
    unit = units.pop() if len(units) == 1 else ""
    if unit:
        rows = tuple(replace(row, figures=tuple(replace(f, unit="") for f in row.figures)) for row in rows)
    return Table(group.kind, f"By {group.kind}", unit, rows, _more(group))


def _more(group: Group) -> str:
    listed = len(group.items)
    names = {"strategy": "strategies", "account": "accounts"}[group.kind]
    route = f"GET /metrics/by_{group.kind}"
    if group.further:
        return (
            f"The best {text.count(min(listed, MAX_ROWS))} of the first {text.count(listed)} {names} by id are shown, "
            f"and there are more: {route} lists them all."
        )
    if listed > MAX_ROWS:
        return f"{text.count(listed - MAX_ROWS)} more {names} are not shown: {route} lists them all."
    return ""


def _row(selection: Selection, kind: GroupKind, id_: str, reading: Reading, tried: int) -> Row:
    s = reading.summary
    # The starting balance is the whole selection's, not each part's: parts are measured without one.
    basis = Basis(s, 0, tried if kind == "strategy" or selection.strategy_id is not None else None)
    currency = s.currency or ""  # "mixed" stands beside the sums that are
    # The environment goes along: otherwise the part's page might open on another one than the figures just read.
    narrowed = replace(selection, chosen=True, balance=0)
    narrowed = replace(narrowed, strategy_id=id_) if kind == "strategy" else replace(narrowed, account_id=id_)
    found = verdict.word(basis)
    points = narrowed.api("/metrics/equity_curve")  # an id is in it, so there is a "?"
    return Row(
        id_,
        narrowed.href(),
        tuple(figure(name, basis, currency) for name in _COLUMNS),
        found,
        verdict.LABELS[found],
        f"{points}&points={SPARK_POINTS}",
        f"{points}&points={COMPARE_POINTS}",
    )
