"""Questions about the figures: every reading route's answer is built here, once, from what the ledger says."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from ..domain import cursors
from ..domain.curve import choose_step, curve, thin
from ..domain.decimals import from_scaled
from ..domain.metrics import BY_NAME, Basis, Value, judge, measure
from ..domain.money import write_json
from ..domain.ports import AsOf, GroupKind, Ledger, Reading
from ..domain.summary import Summary
from ..domain.times import format_time
from ..domain.wording import shorten
from ..errors import InvalidParameter, NotFound
from .filters import Filters

PAGED = ("cursor", "limit", "sort", "order")
EMPTY = Reading(Summary(), 0, 0, AsOf())
_GROUP_PAGE = 1000


def overall(ledger: Ledger, filters: Filters) -> dict[str, object]:
    """GET /metrics/overall: the figures of whatever the filters name; those of nothing are the empty set's."""
    with ledger.snapshot():
        return _one(ledger, filters, _reading(ledger, filters))


def one(ledger: Ledger, filters: Filters, kind: GroupKind) -> dict[str, object]:
    """GET /metrics/strategy/{id} and /metrics/account/{id}. Raises: NotFound when the log has no event of it."""
    with ledger.snapshot():
        reading = ledger.summary(filters.scope, filters.period)
        if reading is None:
            wanted = filters.scope.strategy_id if kind == "strategy" else filters.scope.account_id
            raise NotFound(f"no event of the {kind} {shorten(wanted or '', 128)} is in the log{_within(filters, kind)}")
        return _one(ledger, filters, reading)


def groups(
    ledger: Ledger, filters: Filters, kind: GroupKind, balances: Mapping[str, int] | None = None
) -> dict[str, object]:
    """GET /metrics/by_strategy and /metrics/by_account: one row for each, by id, or by a metric when `sort` says so.

    `balances`: of accounts, what each row's own starting balance is; the row says which one was used.
    """

    def basis(name: str, reading: Reading) -> Basis:
        return Basis(reading.summary, (balances or {}).get(name, filters.starting_balance), tried)

    with ledger.snapshot():
        tried = ledger.strategies_tried() if kind == "strategy" or filters.scope.strategy_id is not None else None
        whole = _reading(ledger, filters)
        if filters.sort is not None:
            rows, cursor = page_of(by_metric(_all_groups(ledger, filters, kind), filters, basis), filters, kind)
        else:
            check_order(filters)
            page = ledger.groups(kind, filters.scope, filters.period, filters.cursor, filters.limit)
            rows, cursor = list(page.items), page.cursor
    return {
        "status": "ok",
        "filters": filters.asked,
        "as_of": as_of(whole),
        {"strategy": "strategies", "account": "accounts"}[kind]: [
            {
                f"{kind}_id": name,
                **({} if kind == "strategy" else {"starting_balance": from_scaled(basis(name, reading).start)}),
                **_figures(reading, basis(name, reading)),
            }
            for name, reading in rows
        ],
        "next_cursor": cursor,
    }


def equity_curve(ledger: Ledger, filters: Filters) -> dict[str, object]:
    """GET /metrics/equity_curve: at most `points` points whose deepest drawdown is max_drawdown exactly."""
    with ledger.snapshot():
        reading = _reading(ledger, filters)
        step = choose_step(reading.summary, filters.points)
        series = ledger.series(filters.scope, filters.period, step) if reading.summary.n else []
    return {
        "status": "ok",
        "filters": filters.asked,
        "as_of": as_of(reading),
        "environments": {"live": reading.live, "demo": reading.demo},
        "currency": reading.summary.currency,
        "step": step,
        "points": [
            {
                "time": format_time(point.time),
                "trades": point.trades,
                "equity": from_scaled(point.equity),
                "high": from_scaled(point.high),
                "low": from_scaled(point.low),
                "drawdown": from_scaled(point.drawdown),
            }
            for point in curve(thin(series, step, filters.points), filters.starting_balance)
        ],
    }


# --- what the answers are made of ------------------------------------------------------------------------------------


def as_of(reading: Reading) -> dict[str, object]:
    """How much of the log the figures have taken in."""
    at = reading.as_of.at
    return {"events": reading.as_of.events, "at": None if at is None else format_time(at)}


def counted(reading: Reading, start: int) -> dict[str, object]:
    """Environments, currency and metrics of one reading."""
    return _counted(reading, Basis(reading.summary, start))


def figures(reading: Reading, start: int, tried: int | None) -> dict[str, object]:
    """Environments, currency, metrics and edge of one reading."""
    return _figures(reading, Basis(reading.summary, start, tried))


def _counted(reading: Reading, basis: Basis) -> dict[str, object]:
    return {
        "environments": {"live": reading.live, "demo": reading.demo},
        "currency": reading.summary.currency,
        "metrics": _shown(measure(basis)),
    }


def _figures(reading: Reading, basis: Basis) -> dict[str, object]:
    return {**_counted(reading, basis), "edge": _shown(judge(basis))}


def _shown(values: Mapping[str, Value]) -> dict[str, object]:
    """Times as text; everything else is written as it is."""
    return {
        name: format_time(value) if isinstance(value, int) and BY_NAME[name].unit == "time" else value
        for name, value in values.items()
    }


def _reading(ledger: Ledger, filters: Filters) -> Reading:
    return ledger.summary(filters.scope, filters.period) or EMPTY


def _one(ledger: Ledger, filters: Filters, reading: Reading) -> dict[str, object]:
    tried = ledger.strategies_tried() if filters.scope.strategy_id is not None else None
    return {
        "status": "ok",
        "filters": filters.asked,
        "as_of": as_of(reading),
        **figures(reading, filters.starting_balance, tried),
    }


def _within(filters: Filters, kind: GroupKind) -> str:
    other = filters.scope.account_id if kind == "strategy" else filters.scope.strategy_id
    return "" if other is None else " together with the other filter"


# --- rows by a metric ------------------------------------------------------------------------------------------------


def _all_groups(ledger: Ledger, filters: Filters, kind: GroupKind) -> Iterator[tuple[str, Reading]]:
    cursor = None
    while True:
        page = ledger.groups(kind, filters.scope, filters.period, cursor, _GROUP_PAGE)
        yield from page.items
        if page.cursor is None:
            return
        cursor = page.cursor


def by_metric(
    rows: Iterable[tuple[str, Reading]], filters: Filters, basis: Callable[[str, Reading], Basis]
) -> list[tuple[str, Reading]]:
    """The rows by the metric that `sort` names: undefined ones last whatever the order, equal ones as they come."""
    if filters.sort is None:
        check_order(filters)
        return list(rows)
    read = BY_NAME[filters.sort].read
    defined: list[tuple[Any, str, Reading]] = []
    undefined: list[tuple[str, Reading]] = []
    for name, reading in rows:
        value = read(basis(name, reading))
        if value is None:
            undefined.append((name, reading))
        else:
            defined.append((value, name, reading))
    # Rows come by id and Python's sort is stable, in reverse too, so equal values stay by id.
    defined.sort(key=lambda row: row[0], reverse=filters.order == "desc")
    return [(name, reading) for _, name, reading in defined] + undefined


def check_order(filters: Filters) -> None:
    """Raises: InvalidParameter for a direction without anything to go by."""
    if filters.sort is None and filters.order == "desc":
        raise InvalidParameter("order=desc needs a sort, such as sort=total_pnl; without one rows go by id")


def page_of(
    rows: Sequence[tuple[str, Reading]], filters: Filters, kind: str
) -> tuple[list[tuple[str, Reading]], str | None]:
    """The page of these rows that is asked for, and the cursor of the next."""
    offset = _offset(filters, kind)
    end = offset + filters.limit
    return list(rows[offset:end]), cursors.encode(_question(filters, kind), end) if end < len(rows) else None


def _question(filters: Filters, kind: str) -> str:
    asked = write_json([kind, filters.sort, filters.order, filters.asked])
    return sha256(asked.encode()).hexdigest()[:16]


def _offset(filters: Filters, kind: str) -> int:
    """The offset inside a cursor, which is good for the question it was given with and no other."""
    if filters.cursor is None:
        return 0
    question, offset = cursors.decode(filters.cursor, str, int)
    if question != _question(filters, kind) or not isinstance(offset, int) or offset < 0:
        raise InvalidParameter("cursor was not given for this question; leave it out to start from the beginning")
    return offset
