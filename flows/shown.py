"""Text from outside on a terminal or in a log: it must not move the cursor, nor begin a line of its own."""

from __future__ import annotations

from models.errors import printable

_SPACES = str.maketrans("\t\r\n", "   ")


def shown(text: str) -> str:
    """`text` on one line, with ? for every character that a terminal would obey instead of showing it."""
    return printable(text.translate(_SPACES))


def shown_lines(text: str) -> str:
    """The same line by line, where the text has several on purpose."""
    return "\n".join(map(shown, text.split("\n")))
