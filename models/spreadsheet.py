"""Texts in files that people open in a spreadsheet program."""

from __future__ import annotations

import re
from functools import lru_cache

# Where a cell can begin: at the beginning of the text; and after a semicolon, tab or line break, because a program
# that takes those for separators (Excel in Finland) does not heed the quotes around a text. Spaces and quotes before
# the sign do not make it harmless, nor is it known that blanks of other kinds or the signs in full width do.
_BEFORE = r"(^|[;\t\r\n])([ \"\u00a0\u200b\ufeff]*)"
_SIGN = r"(?=[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])"
_FORMULA = re.compile(_BEFORE + _SIGN)
_GUARDED = re.compile(f"{_BEFORE}'{_SIGN}")


@lru_cache(maxsize=65536)
def cell_text(text: str) -> str:
    """`text` so that no spreadsheet program takes it for a formula: an apostrophe stands before = + - @ tab and CR.

    For texts alone: a negative number is written as a number. In a text, what follows a semicolon, tab or line break is
    treated as a beginning too.
    """
    return _FORMULA.sub(r"\1\2'", text)


def typed_text(text: str) -> str:
    """What cell_text made of a text, as it was: read back from a file, it must not seem changed."""
    return _GUARDED.sub(r"\1\2", text)
