"""The rules of both gates, made from a dataset and its resolution.

A rule names an expectation of Great Expectations and its arguments; nothing here imports it. Rules are
about one of two frames: the cells (a row is a cell of the table, or an observation) and the codes (a row is
one code that was asked for, with the number of cells that bear it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

from models.ledger import Severity
from models.observation import STATUSES
from models.resolution import Resolution

# Of StatFin: not applicable, not available, secret, nothing of the kind; '' is a figure or a plain null.
SYMBOLS = ("", ".", "..", "...", "-")

# Columns that the gates add to the cells: one number per combination of dimensions; the limits of each
# value; the figures that stand beside a missing symbol.
KEY, LOW, HIGH, BESIDE_SYMBOL = "_key", "_low", "_high", "_beside_symbol"
# Columns of the codes: the cells that bear a code asked for (null for a code the table lacks), those of an
# area the catalogue asks for, the figures of a content; in a row of its own, all cells that were asked for.
CELLS_ASKED, CELLS_WISHED, FIGURES, ALL_CELLS = "cells", "cells_of_area", "figures", "all_cells"
_COUNTS = frozenset({CELLS_ASKED, CELLS_WISHED, FIGURES, ALL_CELLS})

_READ = ("column", "column_A", "column_B")  # arguments that name a column

AREAS_RULE = "areas of the catalogue"  # areas asked that the table does not have


@dataclass(frozen=True)
class Rule:
    """One rule.

    An expectation by its class name in Great Expectations, how grave it is, and how people read it.
    """

    name: str
    expectation: str
    arguments: Mapping[str, Any]
    expected: str
    cause: str
    severity: Severity = "critical"
    about: Literal["rows", "codes", "cells"] = (
        "rows"  # what is counted; "cells": by the one value it is about
    )
    hidden: frozenset[str] = field(default_factory=frozenset)  # columns not shown in the rows of a failure

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads; none of a rule about the table as a whole."""
        return tuple(self.arguments[name] for name in _READ if name in self.arguments)


@dataclass(frozen=True)
class Asked:
    """The codes of one dimension that were asked for, in the frame's own codes."""

    column: str
    codes: tuple[str, ...]


def asked_of_source(resolution: Resolution) -> tuple[Asked, ...]:
    """The dimensions an answer must have, with the source's codes that were asked for."""
    asked: list[Asked] = []
    if resolution.area_variable is not None:
        asked.append(Asked(resolution.area_variable, tuple(resolution.areas)))
    asked.append(Asked(resolution.time_variable, resolution.periods))
    if resolution.contents_variable is not None:
        asked.append(Asked(resolution.contents_variable, tuple(dict.fromkeys(resolution.contents.values()))))
    for variable, values in resolution.classes.values():
        if variable is not None:
            asked.append(Asked(variable, tuple(dict.fromkeys(values.values()))))
    asked.extend(Asked(variable, (total,)) for variable, total in resolution.totals.items())
    return tuple(asked)


def _count(asked: Iterable[Asked]) -> tuple[int, str]:
    """The number of cells asked for, and how it comes about in words."""
    sizes = [(one.column, len(one.codes)) for one in asked]
    return prod(size for _, size in sizes), " × ".join(f"{size} {column}" for column, size in sizes)


def _some_rows(cause: str) -> Rule:
    return Rule("rows", "ExpectTableRowCountToBeBetween", {"min_value": 1}, "at least 1 row", cause)


def _no_duplicates(columns: Sequence[str], cause: str) -> Rule:
    return Rule(
        "no duplicates",
        "ExpectColumnValuesToBeUnique",
        {"column": KEY},
        f"each combination of {', '.join(columns)} once",
        cause,
    )


def _known_symbols(severity: Severity) -> Rule:
    return Rule(
        "known symbols",
        "ExpectColumnValuesToBeInSet",
        {"column": "symbol", "value_set": list(SYMBOLS)},
        f"no mark but {' '.join(symbol for symbol in SYMBOLS if symbol)}",
        "a figure or a mark that cannot be read; the source may have changed how it writes them",
        severity,
    )


def _codes_asked(cause: str) -> Rule:
    return Rule(
        "codes asked for",
        "ExpectColumnValuesToBeBetween",
        {"column": CELLS_ASKED, "min_value": 1},
        "every code asked for in the answer",
        cause,
        about="codes",
        hidden=_COUNTS,
    )


def source_rules(resolution: Resolution) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """The rules of gate 1, on a source frame with KEY, and on its codes."""
    asked = asked_of_source(resolution)
    count, words = _count(asked)
    columns = [one.column for one in asked]
    return (
        (
            _some_rows("the source answered without a single cell"),
            Rule(
                "dimensions",
                "ExpectTableColumnsToMatchSet",
                {"column_set": [*columns, "value", "symbol", KEY], "exact_match": True},
                f"the dimensions {', '.join(columns)}",
                "the table was rebuilt after it described itself, or another table answered",
            ),
            _no_duplicates(columns, "parts of the answer overlap, or the table has one more dimension"),
            # Critical: a text we do not know may be a figure that we fail to read.
            _known_symbols("critical"),
            Rule(
                "no empty value list",
                "ExpectColumnProportionOfNonNullValuesToBeBetween",
                {"column": "value", "min_value": 0, "strict_min": True},
                "at least one figure",
                "the source opened the table before its figures were in it",
            ),
        ),
        (
            _codes_asked("the codes changed after the table described itself, or another table answered"),
            # Kept answers may hold more than the catalogue asks for now, so not the rows are counted.
            Rule(
                "all cells",
                "ExpectColumnValuesToBeBetween",
                {"column": ALL_CELLS, "min_value": count, "max_value": count},
                f"{count} cells ({words})",
                "a part of the answer is missing, or it comes twice",
                about="cells",
                hidden=frozenset({CELLS_ASKED, "dimension", "code"}),
            ),
        ),
    )


def observation_rules(asked: Sequence[Asked]) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """The rules of gate 2, on observations with KEY, LOW, HIGH and BESIDE_SYMBOL, and on their codes."""
    columns = [one.column for one in asked]
    count, words = _count(asked)
    return (
        (
            _some_rows("nothing of the answer belongs to the catalogue"),
            Rule(
                "coverage",
                "ExpectTableRowCountToEqual",
                {"value": count},
                f"{count} rows ({words})",
                "figures of some area, period or class are missing",
            ),
            _no_duplicates(columns, "two values of the source mean the same key of ours"),
            Rule(
                "lower bounds",
                "ExpectColumnPairValuesAToBeGreaterThanB",
                {
                    "column_A": "value",
                    "column_B": LOW,
                    "or_equal": True,
                    "ignore_row_if": "either_value_is_missing",
                },
                "no value under its lowest credible one, none infinite",
                "an error of the source, another unit, or a limit in the catalogue that is too narrow",
                hidden=frozenset({HIGH}),
            ),
            Rule(
                "upper bounds",
                "ExpectColumnPairValuesAToBeGreaterThanB",
                {
                    "column_A": HIGH,
                    "column_B": "value",
                    "or_equal": True,
                    "ignore_row_if": "either_value_is_missing",
                },
                "no value over its highest credible one, none infinite",
                "an error of the source, another unit, or a limit in the catalogue that is too narrow",
                hidden=frozenset({LOW}),
            ),
            Rule(
                "no figure beside a symbol",
                "ExpectColumnValuesToBeNull",
                {"column": BESIDE_SYMBOL},
                "no value where a symbol says that it is missing",
                "value and symbol were read from different cells",
                hidden=frozenset({LOW, HIGH}),
            ),
            _known_symbols("critical"),
            Rule(
                "known statuses",
                "ExpectColumnValuesToBeInSet",
                {"column": "status", "value_set": list(STATUSES)},
                " or ".join(STATUSES),
                "the mapping of periods to their status is broken",
            ),
        ),
        (
            _codes_asked("cells were lost between the answer and the observations"),
            Rule(
                AREAS_RULE,
                "ExpectColumnValuesToBeBetween",
                {"column": CELLS_WISHED, "min_value": 1},
                "every area the catalogue asks for",
                "the table has no such area; its division of areas may have changed",
                "warning",
                "codes",
                _COUNTS,
            ),
            Rule(
                "contents with figures",
                "ExpectColumnValuesToBeBetween",
                {"column": FIGURES, "min_value": 1},
                "a figure in every content",
                "the source publishes the content no more, or all of it is suppressed for these areas",
                "warning",
                "codes",
                _COUNTS,
            ),
        ),
    )
