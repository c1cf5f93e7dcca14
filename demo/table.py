"""Sample tables: one table of a statistical office with its own codes, texts and figures, as a dense cube."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from models.errors import MittaristoError
from models.table import TableMeta, Variable

# What may stand in a cell instead of a figure; `SampleTable.symbols` holds positions in this tuple.
SYMBOLS = ("", ".", "..", "...", "-")


class SampleError(MittaristoError):
    """A sample table, a sample file, or a change asked of one, that does not hold together."""


@dataclass(frozen=True, eq=False)
class SampleTable:
    """One table: `values` (float64) and `symbols` (int8) have one axis per variable, in the table's order.

    A cell is a figure (symbol 0), a missing symbol (value NaN, symbol > 0), or a gap (value NaN, symbol 0):
    a cell of which the sample knows nothing. `totals` maps variable code → code of its total; `units`,
    `decimals` and `summable` are by content code. `updated` is the release time (aware UTC), `listed` the
    local time at which the table's file was written. Raises SampleError where the parts do not fit together.
    """

    table: str  # as the catalogue names it: vkour/12bs
    title: str  # as table lists show it: "12bs -- ..., 2025"
    contents: str  # what the figures are, the first part of the table's label
    variables: tuple[Variable, ...]
    values: NDArray[np.float64]
    symbols: NDArray[np.int8]
    updated: datetime
    source: str
    contents_variable: str = "contentscode"
    area_variable: str = ""  # '' for tables of the whole country
    totals: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    decimals: Mapping[str, int] = field(default_factory=dict)
    summable: frozenset[str] = frozenset()
    stub: tuple[str, ...] = ()  # variables down the side of the table, the others stand in its head
    file: str = ""  # name of the file; '' means <id>.px
    listed: datetime | None = None  # None: a day and a half before the release
    subject_text: str = ""
    statement: str = ""  # where the figures come from, in words
    licence: str = ""
    synthetic: bool = False
    database: str = "StatFin"

    def __post_init__(self) -> None:
        """Check the parts against each other; the arrays become read-only."""
        codes = [one.code for one in self.variables]
        shape = tuple(len(one.values) for one in self.variables)
        if self.table.count("/") != 1:
            raise SampleError(f"'{self.table}' is no table; expected <subject>/<id>, e.g. vkour/12bs")
        if len(set(codes)) != len(codes):
            raise SampleError(f"{self.table}: a variable stands there twice: {', '.join(codes)}")
        if self.contents_variable not in codes:
            raise SampleError(f"{self.table}: no contents variable '{self.contents_variable}' among {codes}")
        if self.area_variable and self.area_variable not in codes:
            raise SampleError(f"{self.table}: no area variable '{self.area_variable}' among {codes}")
        if sum(one.time for one in self.variables) > 1:
            raise SampleError(f"{self.table}: more than one variable is marked as time")
        if self.values.shape != shape or self.symbols.shape != shape:
            raise SampleError(
                f"{self.table}: the variables make {shape} cells, the figures {self.values.shape} "
                f"and the symbols {self.symbols.shape}"
            )
        for one in self.variables:
            if not one.values or len(set(one.values)) != len(one.values):
                raise SampleError(f"{self.table}: variable '{one.code}' has no value, or one twice")
            if len(one.values) != len(one.texts):
                raise SampleError(f"{self.table}: variable '{one.code}' has not one text for each value")
        if self.updated.tzinfo is None:
            raise SampleError(f"{self.table}: the release time has no zone; give an aware UTC time")
        self.values.flags.writeable = False
        self.symbols.flags.writeable = False

    @property
    def subject(self) -> str:
        """The subject folder: vkour."""
        return self.table.split("/")[0]

    @property
    def file_name(self) -> str:
        """The name of its file: 12bs.px."""
        return self.file or f"{self.table.split('/')[1]}.px"

    @property
    def table_id(self) -> str:
        """The id its answers bear: the file's name without the ending."""
        return self.file_name.removesuffix(".px")

    @property
    def file_time(self) -> datetime:
        """When the file was written, local, without a zone: what table lists show. Not the release time."""
        if self.listed is not None:
            return self.listed
        return (self.updated - timedelta(hours=36)).astimezone(UTC).replace(tzinfo=None)

    @property
    def time_variable(self) -> str:
        """The code of the time variable, '' where there is none."""
        return next((one.code for one in self.variables if one.time), "")

    @property
    def meta(self) -> TableMeta:
        """The table's description, as its metadata document gives it."""
        return TableMeta(self.table, self.label(self.variables), self.variables)

    def label(self, variables: Sequence[Variable]) -> str:
        """The label of an answer with these variables: "Väestö 31.12. muuttujina Alue, Vuosi ja Tiedot"."""
        texts = [one.text for one in variables]
        listed = texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} ja {texts[-1]}"
        return f"{self.contents} muuttujina {listed}"

    def axis(self, code: str) -> int:
        """The axis of variable `code`. Raises SampleError that lists the variables."""
        for position, one in enumerate(self.variables):
            if one.code == code:
                return position
        raise SampleError(f"{self.table} has no variable '{code}'; it has {', '.join(self.codes)}")

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of its variables, in order."""
        return tuple(one.code for one in self.variables)

    def variable(self, code: str) -> Variable:
        """The variable `code`. Raises SampleError that lists the variables."""
        return self.variables[self.axis(code)]

    def positions(self, code: str, values: Sequence[str]) -> list[int]:
        """Where `values` stand in variable `code`. Raises SampleError naming the first that does not."""
        variable = self.variable(code)
        known = {value: position for position, value in enumerate(variable.values)}
        for value in values:
            if value not in known:
                some = ", ".join(variable.values[:5])
                raise SampleError(
                    f"{self.table}: variable '{code}' has no value '{value}'; it has {some} ..."
                )
        return [known[value] for value in values]

    def cell(self, **where: str) -> tuple[float, str]:
        """Value and symbol of one cell: a value code for each variable that has more than one."""
        index = []
        for one in self.variables:
            code = where.get(one.code, one.values[0] if len(one.values) == 1 else "")
            index.append(self.positions(one.code, [code])[0])
        at = tuple(index)
        return float(self.values[at]), SYMBOLS[int(self.symbols[at])]
