"""Errors people read: each says what is wrong, where, and what to do, in one line."""

from __future__ import annotations

LONGEST_PROBLEM = 2000  # a file may have a word of a hundred thousand letters where a name should be


def printable(text: str) -> str:
    """`text` with a question mark for everything that could break a line, or turn what stands after it."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\u00a0\u202f" else "?" for one in text)


class MittaristoError(Exception):
    """The base of every error we raise on purpose; its text is one line for a person."""


class ConfigurationError(MittaristoError):
    """Wrong use or settings: the command line ends with exit code 2."""


class CatalogueError(ConfigurationError):
    """The catalogue does not hold together; `problems` has one line each, with file and line."""

    def __init__(self, problems: list[str]) -> None:
        """Join `problems` (never empty) into one text, a printable line each, cut to LONGEST_PROBLEM characters."""
        self.problems = [printable(one)[:LONGEST_PROBLEM] for one in problems]
        super().__init__("\n".join(self.problems))


class SourceError(MittaristoError):
    """A source did not answer as it should; the dataset fails, the others go on."""


class ResolutionError(SourceError):
    """A variable or value of the catalogue was found in a table not once but never or several times."""
