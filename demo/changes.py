"""What happens to tables out there, as pure functions: renamed codes, vanished periods, revised figures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np

from demo.table import SYMBOLS, SampleError, SampleTable
from models.table import Variable


def _with_variable(table: SampleTable, code: str, new: Variable) -> tuple[Variable, ...]:
    table.axis(code)
    return tuple(new if one.code == code else one for one in table.variables)


def _renamed(codes: Iterable[str], mapping: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(mapping.get(code, code) for code in codes)


def rename_variable(table: SampleTable, old: str, new: str) -> SampleTable:
    """The variable `old` under the code `new`; texts, values and figures stay."""
    mapping = {old: new}
    return replace(
        table,
        variables=_with_variable(table, old, replace(table.variable(old), code=new)),
        contents_variable=mapping.get(table.contents_variable, table.contents_variable),
        area_variable=mapping.get(table.area_variable, table.area_variable),
        totals={mapping.get(code, code): total for code, total in table.totals.items()},
        stub=_renamed(table.stub, mapping),
    )


def rename_values(table: SampleTable, variable: str, mapping: Mapping[str, str]) -> SampleTable:
    """Value codes of `variable` renamed, old → new; texts and figures stay. Two codes may change places."""
    table.positions(variable, list(mapping))
    found = table.variable(variable)
    totals = dict(table.totals)
    if variable in totals:
        totals[variable] = mapping.get(totals[variable], totals[variable])
    return replace(
        table,
        variables=_with_variable(table, variable, replace(found, values=_renamed(found.values, mapping))),
        totals=totals,
    )


def rename_contents(table: SampleTable, mapping: Mapping[str, str]) -> SampleTable:
    """Content codes renamed, old → new; texts, units and figures stay with the content."""
    renamed = rename_values(table, table.contents_variable, mapping)
    return replace(
        renamed,
        units={mapping.get(code, code): unit for code, unit in table.units.items()},
        decimals={mapping.get(code, code): count for code, count in table.decimals.items()},
        summable=frozenset(_renamed(table.summable, mapping)),
    )


def swap_contents(table: SampleTable, one: str, other: str) -> SampleTable:
    """The figures of two contents change places, their codes and texts stay: the source mixed them up."""
    axis = table.axis(table.contents_variable)
    first, second = table.positions(table.contents_variable, [one, other])
    order = np.arange(table.values.shape[axis])
    order[[first, second]] = second, first
    places = {one: table.decimals.get(other, 0), other: table.decimals.get(one, 0)}
    return replace(
        table,
        values=np.take(table.values, order, axis=axis),
        symbols=np.take(table.symbols, order, axis=axis),
        decimals={**table.decimals, **places},
    )


def _time(table: SampleTable) -> str:
    if not table.time_variable:
        raise SampleError(f"{table.table} has no time variable")
    return table.time_variable


def drop_periods(table: SampleTable, periods: Collection[str]) -> SampleTable:
    """The table without `periods`; at least one must be left."""
    code = _time(table)
    axis = table.axis(code)
    gone = set(table.positions(code, list(periods)))
    keep = [position for position in range(table.values.shape[axis]) if position not in gone]
    time = table.variable(code)
    shorter = replace(
        time,
        values=tuple(time.values[position] for position in keep),
        texts=tuple(time.texts[position] for position in keep),
    )
    return replace(
        table,
        variables=_with_variable(table, code, shorter),
        values=np.take(table.values, keep, axis=axis),
        symbols=np.take(table.symbols, keep, axis=axis),
    )


def add_period(
    table: SampleTable, period: str, *, factor: float = 1.0, preliminary: bool = False
) -> SampleTable:
    """A period more at the end: the last one's figures times `factor`, its missing symbols as they are.

    `preliminary` puts the star after the period's text.
    """
    code = _time(table)
    axis = table.axis(code)
    time = table.variable(code)
    if period in time.values:
        raise SampleError(f"{table.table} has the period '{period}' already")
    longer = replace(
        time,
        values=(*time.values, period),
        texts=(*time.texts, f"{period}*" if preliminary else period),
    )
    order = [*range(len(time.values)), len(time.values) - 1]
    values = np.take(table.values, order, axis=axis)
    last: list[slice | int] = [slice(None)] * values.ndim
    last[axis] = len(order) - 1
    values[tuple(last)] = _rounded(table, values[tuple(last)] * factor, without=axis)
    return replace(
        table,
        variables=_with_variable(table, code, longer),
        values=values,
        symbols=np.take(table.symbols, order, axis=axis),
    )


def _rounded(table: SampleTable, values: np.ndarray, *, without: int | None = None) -> np.ndarray:
    """`values` (the table's axes, less axis `without`) at each content's own number of decimals."""
    axis = table.axis(table.contents_variable)
    if without is not None and without < axis:
        axis -= 1
    rounded = np.array(values, dtype=np.float64)
    for position, content in enumerate(table.variable(table.contents_variable).values):
        at: list[slice | int] = [slice(None)] * rounded.ndim
        at[axis] = position
        rounded[tuple(at)] = np.round(rounded[tuple(at)], table.decimals.get(content, 0))
    return rounded


def revise(
    table: SampleTable,
    where: Mapping[str, str | Collection[str]],
    *,
    factor: float | None = None,
    value: float | None = None,
    symbol: str | None = None,
) -> SampleTable:
    """The cells of `where` (variable code → value codes; variables not named: all) changed.

    Exactly one of `factor`, `value` and `symbol` is given. `factor` leaves missing cells missing; `value`
    puts a figure even where one was missing; `symbol` withdraws the figure for one of '.', '..', '...', '-'.
    """
    if sum(given is not None for given in (factor, value, symbol)) != 1:
        raise SampleError(f"{table.table}: give exactly one of factor, value and symbol to revise")
    if symbol is not None and symbol not in SYMBOLS[1:]:
        raise SampleError(f"{table.table}: '{symbol}' is no missing symbol; choose from {SYMBOLS[1:]}")
    for code in where:
        table.axis(code)
    index = []
    for one in table.variables:
        chosen = where.get(one.code, one.values)
        index.append(table.positions(one.code, [chosen] if isinstance(chosen, str) else list(chosen)))
    at = np.ix_(*index)
    values, symbols = table.values.copy(), table.symbols.copy()
    if factor is not None:
        values[at] = values[at] * factor
        values = _rounded(table, values)
    elif value is not None:
        values[at], symbols[at] = value, 0
    else:
        values[at], symbols[at] = np.nan, SYMBOLS.index(str(symbol))
    return replace(table, values=values, symbols=symbols)


def set_updated(table: SampleTable, updated: datetime) -> SampleTable:
    """The table released at `updated` (aware UTC); its file was written a day and a half before."""
    return replace(table, updated=updated, listed=None)


def finalise(table: SampleTable) -> SampleTable:
    """No period is preliminary any more: the stars go from the period texts and the title; figures stay."""
    code = _time(table)
    time = table.variable(code)
    plain = replace(time, texts=tuple(text.rstrip("*") for text in time.texts))
    return replace(table, variables=_with_variable(table, code, plain), title=table.title.replace("*", ""))


def old_form(table: SampleTable, *, long_id: bool = True) -> SampleTable:
    """The table as it stood before 8 June 2026: Finnish variable names as codes, contents without a prefix.

    With `long_id` its file has the long name of that time too (statfin_vaerak_pxt_11re.px); without, it
    answers at its present address.
    """
    form = table
    for one in table.variables:
        if one.code != one.text:
            form = rename_variable(form, one.code, one.text)
    contents = form.variable(form.contents_variable).values
    form = rename_contents(form, {code: code.rsplit("-", 1)[-1] for code in contents})
    name = f"statfin_{table.subject}_pxt_{table.table.split('/')[1]}.px"
    return replace(form, file=name if long_id else table.file_name)
