"""The sample: real figures of StatFin tables, in the project's own compact form under `demo/sample/`."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from demo.table import SYMBOLS, SampleError, SampleTable
from models.catalogue.catalogue import Catalogue
from models.errors import ResolutionError
from models.ledger import Scope
from models.resolution import resolve
from models.table import Variable

_REQUIRED = ("table", "title_fi", "contents_fi", "source", "released", "licence", "statement")


class _Header:
    """What stands in a file above its rows: plain entries, and the variables with their values."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.variables: list[tuple[str, str, list[str]]] = []
        self.values: list[list[list[str]]] = []

    def read(self, line: str) -> None:
        """Take in one line without its '#'. Raises ValueError saying what is wrong with it."""
        name, colon, rest = line.partition(":")
        name, rest = name.strip(), rest.strip()
        parts = [part.strip() for part in rest.split(" | ")]
        if not colon or not rest:
            raise ValueError("expected '# name: text'")
        if name == "variable":
            if len(parts) < 2:
                raise ValueError("expected '# variable: code | text | flags'")
            self.variables.append((parts[0], parts[1], parts[2:]))
            self.values.append([])
        elif name == "value":
            if not self.variables or len(parts) < 2:
                raise ValueError("expected '# value: code | text' after a variable")
            self.values[-1].append(parts)
        elif name in self.entries:
            raise ValueError(f"'{name}' stands there twice")
        else:
            self.entries[name] = rest


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _table(header: _Header, rows: list[tuple[int, list[str]]]) -> SampleTable:
    """The table of one file. Raises ValueError, with the line as second argument where a row is wrong."""
    entries = header.entries
    missing = [name for name in _REQUIRED if name not in entries]
    if missing:
        raise ValueError(f"the header lacks {', '.join(missing)}")
    variables, totals, area, contents = [], {}, "", ""
    units: dict[str, str] = {}
    decimals: dict[str, int] = {}
    for (code, text, flags), values in zip(header.variables, header.values, strict=True):
        by_name = dict(flag.partition(" ")[::2] for flag in flags)
        if "area" in by_name:
            area = code
        if "contents" in by_name:
            contents = code
            units = {value[0]: value[2] for value in values if len(value) > 2 and value[2]}
            decimals = {value[0]: int(value[3]) for value in values if len(value) > 3}
        if "total" in by_name:
            totals[code] = by_name["total"]
        variables.append(
            Variable(
                code,
                text,
                tuple(value[0] for value in values),
                tuple(value[1] for value in values),
                elimination="total" in by_name,
                time="time" in by_name,
                map=by_name.get("map", ""),
            )
        )
    expected = [*(one.code for one in variables), "value", "symbol"]
    if not rows or rows[0][1] != expected:
        raise ValueError(f"the first row must be {','.join(expected)}")
    places = [{code: place for place, code in enumerate(one.values)} for one in variables]
    shape = tuple(len(one.values) for one in variables)
    values_ = np.full(shape, np.nan)
    symbols = np.zeros(shape, dtype=np.int8)
    filled = np.zeros(shape, dtype=bool)
    for line, row in rows[1:]:
        if len(row) != len(expected):
            raise ValueError(f"a row has {len(expected)} fields, this one {len(row)}", line)
        try:
            at = tuple(place[code] for place, code in zip(places, row[:-2], strict=True))
        except KeyError as error:
            raise ValueError(f"{error} is no value of its variable", line) from error
        figure, symbol = row[-2:]
        if filled[at] or bool(figure) == bool(symbol) or symbol not in SYMBOLS:
            raise ValueError("a cell has one row, with either a figure or a missing symbol", line)
        filled[at] = True
        if figure:
            values_[at] = float(figure)
        else:
            symbols[at] = SYMBOLS.index(symbol)
    listed = entries.get("listed", "")
    return SampleTable(
        table=entries["table"],
        title=entries["title_fi"],
        contents=entries["contents_fi"],
        variables=tuple(variables),
        values=values_,
        symbols=symbols,
        updated=_time(entries["released"]),
        source=entries["source"],
        contents_variable=contents,
        area_variable=area,
        totals=totals,
        units=units,
        decimals=decimals,
        stub=tuple(entries["stub"].split(" | ")) if "stub" in entries else (),
        listed=_time(f"{listed}Z").replace(tzinfo=None) if listed else None,
        subject_text=entries.get("subject_fi", ""),
        statement=entries["statement"],
        licence=entries["licence"],
    )


def read_table(text: str, name: str) -> SampleTable:
    """The table written in `text` (a whole file called `name`). Raises SampleError with name and line."""
    header = _Header()
    lines = text.splitlines()
    body = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    at_line = 0
    try:
        for at_line in range(1, body + 1):
            header.read(lines[at_line - 1].removeprefix("#"))
        at_line = 0
        reader = csv.reader(lines[body:])
        return _table(header, [(body + at, row) for at, row in enumerate(reader, start=1)])
    except ValueError as error:
        line_number = error.args[1] if len(error.args) > 1 else at_line
        where = f"{name}, line {line_number}" if line_number else name
        raise SampleError(f"{where}: {error.args[0]}") from error


def _files(folder: Traversable) -> Iterator[Traversable]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _files(entry)
        elif entry.name.endswith(".csv"):
            yield entry


def load_sample(folder: Path | None = None) -> Mapping[str, SampleTable]:
    """The sample's tables by their catalogue name (vkour/12bs), from `folder` or as packaged.

    Raises SampleError where a file does not hold together or two are of the same table.
    """
    root: Traversable = folder if folder is not None else files("demo").joinpath("sample", "statfin")
    tables: dict[str, SampleTable] = {}
    for file in _files(root):
        table = read_table(file.read_text(encoding="utf-8"), file.name)
        if table.table in tables:
            raise SampleError(f"{file.name}: {table.table} stands in another file too")
        tables[table.table] = table
    if not tables:
        raise SampleError(f"no sample files (*.csv) in {folder or 'the package'}")
    return tables


def sample_scope(catalogue: Catalogue, sample: Mapping[str, SampleTable]) -> Scope:
    """What a run over the sample may expect: the datasets it holds, with the contents it holds of each.

    A dataset is in it when its table is in the sample, with every class value it asks for; its lateness is
    judged on the day of the table's release.
    """
    contents: dict[str, frozenset[str]] = {}
    today: dict[str, date] = {}
    synthetic = any(table.synthetic for table in sample.values())
    for dataset in catalogue.datasets.values():
        table = sample.get(dataset.table)
        if dataset.query is None or table is None:
            continue
        try:
            resolution = resolve(dataset, table.meta, catalogue.areas_for(dataset))
        except ResolutionError:
            continue  # the sample holds another part of the table
        if any(missing.what == "class" for missing in resolution.missing):
            continue
        contents[dataset.id] = frozenset(resolution.contents)
        today[dataset.id] = table.updated.date()
    return Scope(contents=contents, today=today, synthetic=synthetic)
