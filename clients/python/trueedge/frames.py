"""Answers as pandas frames. pandas is imported here alone, and only when a frame is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .events import FIELDS

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame

MONEY = ("quantity", "price_open", "price_close", "fees", "pnl", "initial_risk")
TIMES = ("timestamp", "opened_at", "received_at")


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise ImportError("frames need pandas, which is not installed: pip install pandas") from None
    return pandas


def _number(value: Any, exact: bool) -> Any:
    if value is None:
        return None if exact else float("nan")
    number = Decimal(value)
    return number if exact else float(number)


def trades_frame(rows: Iterable[Mapping[str, Any]], exact: bool) -> DataFrame:
    """One row a trade, oldest first, indexed by `timestamp` in UTC."""
    pd = _pandas()
    records = []
    for row in rows:
        void = row["void"]
        record = {**row["event"], "position": row["position"], "received_at": row["received_at"]}
        record["void_reason"] = void["reason"] if void else None
        record.update({name: _number(record.get(name), exact) for name in MONEY})
        records.append(record)
    if not records:  # with its columns, so that a sum over nothing is 0 and not an error
        empty = pd.DataFrame(columns=[*(field.name for field in FIELDS), "position", "received_at", "void_reason"])
        return empty.set_index("timestamp")
    frame = pd.DataFrame.from_records(records[::-1])
    for name in TIMES:
        if name in frame:
            frame[name] = pd.to_datetime(frame[name].str.upper(), utc=True, format="ISO8601")
    return frame.set_index("timestamp")


def figures_frame(rows: Iterable[Mapping[str, Any]], name: str, exact: bool) -> DataFrame:
    """One row for each id, a column for each figure of `metrics` and of `edge`."""
    pd = _pandas()
    records = [
        {name: row[name], "currency": row["currency"], **_plain(row["metrics"], exact), **_plain(row["edge"], exact)}
        for row in rows
    ]
    frame = pd.DataFrame.from_records(records)
    return frame.set_index(name) if records else frame


def curve_frame(curve: Mapping[str, Any], exact: bool) -> DataFrame:
    """One row a point, indexed by `time` in UTC."""
    pd = _pandas()
    points = [_plain(point, exact) for point in curve["points"]]
    columns = None if points else ["time", "trades", "equity", "high", "low", "drawdown"]
    frame = pd.DataFrame.from_records(points, columns=columns)
    frame["time"] = pd.to_datetime(frame["time"], utc=True, format="ISO8601")
    return frame.set_index("time")


def _plain(figures: Mapping[str, Any], exact: bool) -> dict[str, Any]:
    return {
        name: float(value) if isinstance(value, Decimal) and not exact else value for name, value in figures.items()
    }
