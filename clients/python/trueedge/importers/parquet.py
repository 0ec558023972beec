"""Parquet with one trade a row: as the generic CSV. Needs pyarrow, which the extra `trueedge[parquet]` installs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from .building import FIXABLE
from .columns import ALIASES, pick
from .generic import _NEEDED, table_rows
from .model import FileProblem, Note, Options
from .source import Source
from .tables import Row, key
from .values import plain

NAME, TITLE = "parquet", "Parquet with one trade a row (pip install 'trueedge[parquet]')"
EXAMPLE = "trueedge import trades.parquet --account a --strategy s --environment live"


def recognise(source: Source) -> bool:
    return source.head.startswith(b"PAR1")


def read(source: Source, options: Options) -> Iterator[object]:
    try:
        import pyarrow.parquet as reader  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise FileProblem("Parquet needs pyarrow: pip install 'trueedge[parquet]'") from None
    try:
        file = reader.ParquetFile(source.path)
        names = [key(name) for name in file.schema_arrow.names]
    except Exception as error:  # pyarrow has many
        raise FileProblem(f"is no Parquet that can be read: {error}") from None
    columns = pick(names, options, ALIASES, FIXABLE)
    missing = [name for name in _NEEDED if name not in columns and name not in options.fixed]
    if missing:
        raise FileProblem(
            f"no column for {', '.join(missing)}: say --map {missing[0]}=COLUMN; it has {', '.join(names)}"
        )
    doubles = [str(one.name) for one in file.schema_arrow if str(one.type) in ("double", "float")]
    yield from table_rows(_rows(file, names), columns, options)
    if doubles:
        yield Note(f"columns kept as doubles, taken as their shortest text: {', '.join(doubles)}")


def _rows(file: Any, names: Any) -> Iterator[Row]:
    line = 0
    for batch in file.iter_batches(batch_size=1000):
        for record in batch.to_pylist():
            line += 1
            cells: dict[str, str] = {name: _text(value) for name, value in zip(names, record.values())}
            yield Row(line, cells)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if value != value else repr(value)
    if isinstance(value, Decimal):
        return str(plain(value))
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            value = value.astimezone(timezone.utc)
        return str(value.isoformat(" "))
    return str(value)
