"""One table as a CSV and as a Parquet file, written piece by piece."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from models.spreadsheet import cell_text
from warehouse.contract import Column

GROUP_ROWS = 100_000  # of a Parquet file's row groups, but for the last

_ARROW: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def write_table(
    columns: Sequence[Column],
    pieces: Iterable[list[list[Any]]],
    *,
    csv_path: Path | None,
    parquet_path: Path | None,
    metadata: Mapping[str, str],
) -> int:
    """Writes the pieces (a list of values per column) to the files that are named; returns the number of rows.

    CSV is UTF-8 without a mark, RFC 4180; an empty cell is none; no text can act as a formula (models.spreadsheet).
    Parquet has the columns' types, their descriptions, and `metadata` about the file. Raises OSError.
    """
    rows = 0
    with ExitStack() as files:
        takers: list[Callable[[list[list[Any]]], None]] = []
        if csv_path is not None:
            takers.append(_csv(files, csv_path, columns))
        if parquet_path is not None:
            takers.append(_parquet(files, parquet_path, columns, metadata))
        for piece in pieces:
            rows += len(piece[0])
            for take in takers:
                take(piece)
    return rows


# --- CSV ----------------------------------------------------------------------------------------------------------


def _csv(files: ExitStack, path: Path, columns: Sequence[Column]) -> Callable[[list[list[Any]]], None]:
    writer = csv.writer(
        files.enter_context(path.open("w", encoding="utf-8", newline="")), lineterminator="\r\n"
    )
    writer.writerow([one.name for one in columns])

    def take(piece: list[list[Any]]) -> None:
        texts = [_cells(one.type, values) for one, values in zip(columns, piece, strict=True)]
        writer.writerows(zip(*texts, strict=True))

    return take


def _cells(kind: str, values: list[Any]) -> list[str]:
    """A column as texts. Of texts, days and times a piece has few, and each is written once."""
    write = _CELL[kind]
    if kind in ("integer", "number", "boolean"):
        return [write(one) for one in values]
    known = {one: write(one) for one in set(values)}
    return [known[one] for one in values]


def _text(value: str | None) -> str:
    return "" if value is None else cell_text(value)


def _integer(value: int | None) -> str:
    return "" if value is None else str(value)


def _number(value: float | None) -> str:
    return "" if value is None else repr(value).removesuffix(".0")


def _flag(value: bool | None) -> str:
    return "" if value is None else "true" if value else "false"


def _day(value: date | None) -> str:
    return "" if value is None else value.isoformat()


def _moment(value: datetime | None) -> str:
    return "" if value is None else value.isoformat().replace("+00:00", "Z")


_CELL: Mapping[str, Callable[[Any], str]] = {
    "text": _text,
    "json": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _flag,
    "date": _day,
    "timestamp": _moment,
}


# --- Parquet ------------------------------------------------------------------------------------------------------


def _parquet(
    files: ExitStack, path: Path, columns: Sequence[Column], metadata: Mapping[str, str]
) -> Callable[[list[list[Any]]], None]:
    fields = [
        pa.field(one.name, _ARROW[one.type], metadata={"description": one.description}) for one in columns
    ]
    schema = pa.schema(fields, metadata=dict(metadata))
    writer = pq.ParquetWriter(path, schema, compression="zstd", version="2.6")
    waiting: list[pa.RecordBatch] = []

    def write() -> None:
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting, schema))
            waiting.clear()

    def take(piece: list[list[Any]]) -> None:
        arrays = [pa.array(values, type=field.type) for values, field in zip(piece, fields, strict=True)]
        waiting.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
        if sum(one.num_rows for one in waiting) >= GROUP_ROWS:
            write()

    files.callback(writer.close)
    files.push(lambda kind, *_: write() if kind is None else None)
    return take
