"""Cells as sources write them: a number, or a symbol that says why there is none; and their time stamps."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.errors import SourceError, printable

# PX files know one to six dots and the hyphen; StatFin uses '.', '..', '...' and '-'.
MISSING_SYMBOLS = frozenset({".", "..", "...", "....", ".....", "......", "-"})

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d)[:.](\d\d)(?:[:.](\d\d)(?:[.,]\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII
)

Codes = NDArray[np.integer]


def quoted(value: object, longest: int = 40) -> str:
    """`value` in quotes on one line, cut to `longest` characters, for messages."""
    try:
        text = " ".join(str(value).split())
    except RecursionError:
        text = "something nested too deep to show"
    text = printable(text)
    return f"'{text[:longest]}…'" if len(text) > longest else f"'{text}'"


def categorical(codes: Codes, categories: Sequence[str]) -> pd.Categorical:
    """Text categories from `codes` (n,), in the given order; the codes are trusted to be in range."""
    return pd.Categorical.from_codes(codes, pd.Index(list(categories), dtype="str"), validate=False)


def code_dtype(categories: int) -> type[np.int8] | type[np.int16] | type[np.int32]:
    """The smallest integer type whose values number `categories`."""
    if categories <= 127:
        return np.int8
    return np.int16 if categories <= 32767 else np.int32


def split_texts(texts: Sequence[str]) -> tuple[NDArray[np.float64], Codes, tuple[str, ...]]:
    """Cells written as text: the figures (n,), NaN where missing, the symbol codes (n,), the symbols.

    The first symbol is ''. Raises SourceError for a text that is neither a number nor a missing symbol.
    """
    codes, found = pd.factorize(np.array(texts, dtype=object))
    symbols = ("", *sorted({text for text in found if text in MISSING_SYMBOLS}))
    figures = np.full(len(found), np.nan)
    symbol_codes = np.zeros(len(found), dtype=np.int8)
    for position, text in enumerate(found):
        if text in MISSING_SYMBOLS:
            symbol_codes[position] = symbols.index(text)
        elif _NUMBER.fullmatch(text) and math.isfinite(figure := float(text)):
            figures[position] = figure
        else:
            raise SourceError(f"{quoted(text)} stands for a value: neither a number nor a missing symbol")
    return figures[codes], symbol_codes[codes], symbols


def parse_stamp(text: object) -> datetime | None:
    """`text` as an aware UTC time to the second, None where it is none.

    Both 2026-04-01T05:00:00Z and 2026-07-21T05.00.00Z are read; a stamp without an offset is taken as UTC.
    """
    found = _STAMP.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day, hour, minute = (int(found[part]) for part in range(1, 6))
    offset = "+00:00" if found[7] in (None, "Z") else found[7]
    try:
        local = datetime.strptime(
            f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{int(found[6] or 0):02d}{offset}",
            "%Y-%m-%dT%H:%M:%S%z",
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
